"""Agreement between people: counts, the paper's table 3, pairs of assessors."""

from collections.abc import Sequence

import numpy as np

from apps.analytics import measures
from apps.analytics.compute.agreement import EXACT, AgreementEstimate, Cut, Ratings, parse_cut
from apps.analytics.compute.consensus import summarise_consensus
from apps.analytics.compute.rater_pairs import (
    PairEstimates,
    RaterPairs,
    estimates_of_pairs,
    pairs_of_raters,
)
from apps.analytics.compute.reliability import NOT_TWICE
from apps.analytics.compute.resampling import QueryBootstrap
from apps.analytics.selectors.report.base import (
    TOO_FEW_QUERIES,
    Report,
    item_gains,
    judged_queries,
)


def add_counts(report: Report) -> None:
    data = report.data
    judged = judged_queries(data)
    relevant_of = np.bincount(
        data.ratings.query, weights=item_gains(data) > 0, minlength=len(data.query_ids)
    )
    by_category = []
    for number, (scope, queries) in enumerate(data.scopes()):
        ratings = data.ratings.of_queries(queries)
        tally = ratings.tally()
        per_item = tally.sum(axis=1)
        rows = data.categories if scope == "all" else [data.categories[number]]
        unjudgeable = sum(row.n_unjudgeable for row in rows)
        planned = sum(row.n_planned for row in rows)
        done = len(ratings.item) + unjudgeable
        counts = {
            "n_queries": int(queries.sum()),
            "n_queries_judged": int((queries & judged).sum()),
            "n_queries_without_relevant": int((queries & judged & (relevant_of == 0)).sum()),
            "n_ratings": len(ratings.item),
            "n_items": ratings.n_items,
            "n_items_multi": int((per_item >= 2).sum()),
            "n_rating_pairs": int((per_item * (per_item - 1) // 2).sum()),
            "n_unjudgeable": unjudgeable,
        }
        for family, value in counts.items():
            report.add_value(family, scope, "", value)
        consensus = summarise_consensus(tally, levels=data.levels, relevant_from=data.relevant_from)
        for place, level in enumerate(data.levels):
            histogram = consensus.histogram[place]
            report.add_value("consensus_hist", scope, str(level), histogram)
            half_even = consensus.histogram_half_even[place]
            report.add_value("consensus_hist_half_even", scope, str(level), half_even)
        for name in ("n_relevant", "n_half", "n_rule_differs", "n_relevance_differs"):
            report.add_value(f"consensus_{name}", scope, "", getattr(consensus, name))
        plan = {
            "n_pairs": int(data.n_pairs[queries].sum()),
            "n_planned": planned,
            "n_judged": done,
            "n_open": max(planned - done, 0),
            "n_assessors": len(np.unique(ratings.rater)),
            "consensus": consensus.histogram,
            "n_relevant": consensus.n_relevant,
        }
        by_category.append({"category": scope, **counts, **plan})
    total = {name: value for name, value in by_category[-1].items() if name != "category"}
    report.counts = {**total, "by_category": by_category[:-1]}


def _cuts(report: Report) -> list[Cut]:
    """The study's cuts, then the whole scale."""
    return [*report.data.cuts, parse_cut(EXACT, levels=report.data.levels.tolist())]


def add_agreement(report: Report, bootstrap: QueryBootstrap) -> None:
    """All assessors of a scope together."""
    data = report.data
    for scope, queries in data.scopes():
        ratings = data.ratings.of_queries(queries)
        for measure in measures.of_table("agreement"):
            if measure.within_category and scope == "all":
                continue
            for cut in _cuts(report):
                if measure.only_exact and cut.name != EXACT:
                    continue
                estimate: AgreementEstimate = measure.compute(ratings, cut=cut, bootstrap=bootstrap)
                _add_agreement_values(report, measure.families, scope, cut, estimate)
                low, high = estimate.interval or (None, None)
                report.tables["agreement"].append(
                    {
                        "category": scope,
                        "aggregation": cut.name,
                        "measure": measure.name,
                        "value": estimate.value,
                        "sd": estimate.sd,
                        "ci_low": low,
                        "ci_high": high,
                        "n_items": estimate.n_items,
                        "n_pairs": estimate.pairs.agreements + estimate.pairs.disagreements,
                    }
                )


def _param(name: str, cut: Cut) -> str:
    """MAA names its cut always; coefficients of the whole scale stand without (metrics.md)."""
    return "" if cut.name == EXACT and not name.startswith("maa") else cut.name


def _joined(*words: str) -> str:
    return ":".join(word for word in words if word)


def _add_agreement_values(
    report: Report, families: Sequence[str], scope: str, cut: Cut, estimate: AgreementEstimate
) -> None:
    name, *others = families
    param = _param(name, cut)
    spread = estimate.reason or TOO_FEW_QUERIES
    numbers: dict[str, tuple[float | int | None, str]] = {
        "agree_pairs": (estimate.pairs.agreements, ""),
        "disagree_pairs": (estimate.pairs.disagreements, ""),
        "n_items": (estimate.n_items, ""),
        "std": (estimate.sd, spread),
        "std_pop": (estimate.sd_population, spread),
        "mean_over_queries": (estimate.mean_over_queries, estimate.reason),
    }
    report.add_value(name, scope, param, estimate.value, estimate.reason)
    for family in others:
        if (last := family.removeprefix(f"{name}_")) in numbers:
            report.add_value(family, scope, param, *numbers[last])
        else:
            report.add_interval(family, scope, param, estimate.interval, spread)


def add_assessor_pairs(report: Report, bootstrap: QueryBootstrap) -> None:
    """Every two assessors of a category, and the mean over them."""
    data = report.data
    for scope, queries in data.scopes()[:-1]:
        ratings = data.ratings.of_queries(queries)
        pairs = pairs_of_raters(ratings)
        names = [
            sorted((data.assessors[first], data.assessors[second]))
            for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
        ]
        for pair, n in zip(names, pairs.n_items.tolist(), strict=True):
            report.add_value("pair_n", scope, "~".join(pair), n)
        for measure in measures.of_table("assessor_pairs"):
            for cut in _cuts(report):
                if measure.only_exact and cut.name != EXACT:
                    continue
                estimates = estimates_of_pairs(
                    pairs, cut=cut, statistic=measure.compute, bootstrap=bootstrap
                )
                _add_pairs(report, measure, scope, cut, names, pairs, estimates)
                if measure.mean:
                    _add_mean(report, measure.mean, scope, cut, ratings, pairs, estimates)


def _add_pairs(
    report: Report,
    measure: measures.Measure,
    scope: str,
    cut: Cut,
    names: Sequence[Sequence[str]],
    pairs: RaterPairs,
    estimates: PairEstimates,
) -> None:
    family = measure.families[0]
    for place, pair in enumerate(names):
        n = int(pairs.n_items[place])
        if not n and measure.mean:
            continue  # `pair_n` and `maa_pair` say that they have nothing in common
        value = _known(estimates.values[place])
        low, high = map(_known, estimates.intervals[place].tolist())
        reason = "" if n else "the two judged no pair in common"
        if n and value is None:
            reason = "one of the two, or both, gave one level only"
        param = _joined(_param(family, cut), "~".join(pair))
        report.add_value(family, scope, param, value, reason)
        interval = None if low is None or high is None else (low, high)
        report.add_interval(f"{family}_ci", scope, param, interval, reason or TOO_FEW_QUERIES)
        report.tables["assessor_pairs"].append(
            {
                "category": scope,
                "aggregation": cut.name,
                "assessor_a": pair[0],
                "assessor_b": pair[1],
                "measure": measure.name,
                "value": value,
                "n_items": n,
                "ci_low": low,
                "ci_high": high,
            }
        )


def _add_mean(
    report: Report,
    name: str,
    scope: str,
    cut: Cut,
    ratings: Ratings,
    pairs: RaterPairs,
    estimates: PairEstimates,
) -> None:
    value = _known(estimates.mean)
    low, high = map(_known, estimates.mean_interval.tolist())
    reason = "no two assessors have a value" if len(pairs.shared) else NOT_TWICE
    param = _param(name, cut)
    report.add_value(name, scope, param, value, reason)
    interval = None if low is None or high is None else (low, high)
    spread = TOO_FEW_QUERIES if value is not None else reason
    report.add_interval(f"{name}_ci", scope, param, interval, spread)
    report.tables["agreement"].append(
        {
            "category": scope,
            "aggregation": cut.name,
            "measure": name,
            "value": value,
            "sd": None,
            "ci_low": low,
            "ci_high": high,
            "n_items": int((ratings.tally().sum(axis=1) >= 2).sum()),
            "n_pairs": int(pairs.n_items.sum()),
        }
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
