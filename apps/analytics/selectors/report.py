"""The report of a study: numbers in long form, the tables made of them, notices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from apps.analytics import measures, palette
from apps.analytics.compute.agreement import EXACT, AgreementEstimate, RaterPairs, parse_cut
from apps.analytics.compute.consensus import consensus_levels, summarise_consensus
from apps.analytics.compute.model_agreement import common_results, grid_within
from apps.analytics.compute.precision import CUTOFFS, NO_IMAGE, MeanEstimate, count_hits
from apps.analytics.compute.resampling import RESAMPLES, Interval, QueryBootstrap
from apps.analytics.selectors.data import Bools, StudyData, read_study_data
from apps.analytics.selectors.notices import notices_of
from apps.studies.models import Study

Row = dict[str, Any]
Number = float | int | None

COLUMNS: dict[str, tuple[str, ...]] = {
    "values": ("family", "scope", "param", "value"),
    "agreement": (
        "category",
        "aggregation",
        "measure",
        "value",
        "sd",
        "ci_low",
        "ci_high",
        "n_items",
        "n_pairs",
    ),
    "assessor_pairs": (
        "category",
        "aggregation",
        "assessor_a",
        "assessor_b",
        "measure",
        "value",
        "n_items",
    ),
    "model_agreement": (
        "category",
        "measure",
        "n",
        "method_a",
        "method_b",
        "value",
        "sd",
        "ci_low",
        "ci_high",
        "n_queries",
    ),
    "precision": (
        "category",
        "method",
        "measure",
        "value",
        "ci_low",
        "ci_high",
        "n_queries",
        "judged",
    ),
}
# How many leading columns order a table's rows in its file.
KEY_COLUMNS = {
    "values": 3,
    "agreement": 3,
    "assessor_pairs": 5,
    "model_agreement": 5,
    "precision": 3,
}
TOO_FEW_QUERIES = "fewer than two queries"


@dataclass
class Report:
    """A report's numbers. Undefined numbers are None and are listed with their reason."""

    data: StudyData
    seed: int
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    undefined: list[Row] = field(default_factory=list)
    counts: Row = field(default_factory=dict)
    pool: Row = field(default_factory=dict)
    notices: list[Row] = field(default_factory=list)

    def add_value(
        self, family: str, scope: str, param: str, value: Number, reason: str = ""
    ) -> None:
        """Add a number in long form; the category `all` is called ALL there."""
        scope = "ALL" if scope == "all" else scope
        row = {"family": family, "scope": scope, "param": param}
        self.tables["values"].append({**row, "value": value})
        if value is None:
            self.undefined.append({**row, "reason": reason})

    def add_interval(
        self, family: str, scope: str, param: str, interval: Interval | None, reason: str
    ) -> None:
        for place, side in enumerate(("low", "high")):
            value = interval[place] if interval else None
            self.add_value(family, scope, f"{param}:{side}", value, reason)


def compute_report(
    *,
    study: Study,
    as_of: int | None = None,
    labels: Mapping[int, str] | None = None,
    resamples: int = RESAMPLES,
) -> Report:
    """Compute every measure of a study from its rows.

    The intervals draw from the study's own seed: the same judgments give the same report.

    Args:
        study: which one.
        as_of: id of the newest judgment to count; None counts all.
        labels: what to call participants, by primary key; their pseudonyms when missing.
        resamples: of the bootstrap.
    """
    data = read_study_data(study=study, as_of=as_of, labels=labels)
    report = Report(data=data, seed=study.seed)
    bootstrap = QueryBootstrap(np.random.default_rng(study.seed), resamples=resamples)
    _add_counts(report)
    _add_agreement(report, bootstrap)
    _add_assessor_pairs(report)
    _add_model_agreement(report, bootstrap)
    judged_share = _add_precision(report, bootstrap)
    _add_pool(report)
    report.notices = notices_of(data=data, counts=report.counts, judged_share=judged_share)
    return report


def report_json(*, report: Report) -> dict[str, Any]:
    """The report as plain JSON, without figures; depends on nothing but the study's content."""
    study = report.data.study
    return {
        "study": {
            "name": study.name,
            "description": study.description,
            "protocol": study.protocol,
            "state": study.state,
            "is_simulated": study.is_simulated,
            "provenance": in_fixed_order(study.provenance),
            "scale": in_fixed_order(study.scale),
            "aggregations": study.aggregations,
            "relevance": study.relevance,
            "methods": study.methods,
            "depth": study.depth,
            "overlap": study.overlap,
            "seed": study.seed,
            "categories": [
                {
                    "name": row.name,
                    "groups": list(row.groups),
                    "n_queries": int((report.data.category == number).sum()),
                }
                for number, row in enumerate(report.data.categories)
            ],
        },
        "method": {
            "sd": "over queries, divisor n - 1",
            "interval": "95 %, bootstrap over queries",
            "resamples": RESAMPLES,
            "seed": report.seed,
            "consensus": "mean level rounded half up",
            "averaged": "all judged queries",
            "unjudged": "not relevant",
        },
        "palette": {
            "methods": palette.method_colours(report.data.methods),
            "levels": palette.level_colours(len(report.data.levels)),
        },
        "notices": report.notices,
        "counts": report.counts,
        **{name: report.tables[name] for name in COLUMNS if name != "values"},
        "pool": report.pool,
        "undefined": report.undefined,
    }


def in_fixed_order(value: Any) -> Any:
    """JSON with sorted keys: not every database keeps the order in which they were written."""
    if isinstance(value, dict):
        return {key: in_fixed_order(value[key]) for key in sorted(value)}
    return [in_fixed_order(item) for item in value] if isinstance(value, list) else value


def sorted_rows(*, report: Report, table: str) -> list[Row]:
    """A table's rows in the order of its file: by the leading columns."""
    keys = COLUMNS[table][: KEY_COLUMNS[table]]
    return sorted(report.tables[table], key=lambda row: tuple(row[key] for key in keys))


def _judged_queries(data: StudyData) -> Bools:
    return np.bincount(data.ratings.query, minlength=len(data.query_ids)) > 0


def _relevant_items(data: StudyData) -> Bools:
    if not data.ratings.n_items:
        return np.zeros(0, bool)
    consensus = consensus_levels(data.ratings.tally(), levels=data.levels)
    return np.asarray(consensus >= data.relevant_from)


def _add_counts(report: Report) -> None:
    data = report.data
    judged = _judged_queries(data)
    relevant_of = np.bincount(
        data.ratings.query, weights=_relevant_items(data), minlength=len(data.query_ids)
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


def _add_agreement(report: Report, bootstrap: QueryBootstrap) -> None:
    data = report.data
    cuts = [*data.cuts, parse_cut(EXACT, levels=data.levels.tolist())]
    for scope, queries in data.scopes():
        ratings = data.ratings.of_queries(queries)
        for measure in measures.of_table("agreement"):
            for cut in cuts:
                estimate: AgreementEstimate = measure.compute(ratings, cut=cut, bootstrap=bootstrap)
                _add_agreement_values(report, measure.name, scope, cut.name, estimate)
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


def _add_agreement_values(
    report: Report, name: str, scope: str, param: str, estimate: AgreementEstimate
) -> None:
    spread = estimate.reason or TOO_FEW_QUERIES
    report.add_value(name, scope, param, estimate.value, estimate.reason)
    report.add_value(f"{name}_agree_pairs", scope, param, estimate.pairs.agreements)
    report.add_value(f"{name}_disagree_pairs", scope, param, estimate.pairs.disagreements)
    report.add_value(f"{name}_std", scope, param, estimate.sd, spread)
    report.add_value(f"{name}_std_pop", scope, param, estimate.sd_population, spread)
    report.add_value(
        f"{name}_mean_over_queries", scope, param, estimate.mean_over_queries, estimate.reason
    )
    report.add_interval(f"{name}_ci", scope, param, estimate.interval, spread)


def _add_assessor_pairs(report: Report) -> None:
    data = report.data
    cuts = [*data.cuts, parse_cut(EXACT, levels=data.levels.tolist())]
    for scope, queries in data.scopes()[:-1]:
        ratings = data.ratings.of_queries(queries)
        for measure in measures.of_table("assessor_pairs"):
            pairs: RaterPairs = measure.compute(ratings, cuts=cuts)
            for place in range(len(pairs.first)):
                names = sorted(
                    (data.assessors[pairs.first[place]], data.assessors[pairs.second[place]])
                )
                n = int(pairs.n_items[place])
                report.add_value("pair_n", scope, "~".join(names), n)
                for number, cut in enumerate(cuts):
                    value = int(pairs.agreements[place, number]) / n if n else None
                    report.add_value(
                        f"{measure.name}_pair",
                        scope,
                        f"{cut.name}:{'~'.join(names)}",
                        value,
                        "the two judged no pair in common",
                    )
                    report.tables["assessor_pairs"].append(
                        {
                            "category": scope,
                            "aggregation": cut.name,
                            "assessor_a": names[0],
                            "assessor_b": names[1],
                            "measure": measure.name,
                            "value": value,
                            "n_items": n,
                        }
                    )


def _add_estimates(
    report: Report,
    name: str,
    scope: str,
    param: str,
    cutoffs: Iterable[int],
    estimates: Iterable[MeanEstimate],
) -> None:
    for n, estimate in zip(cutoffs, estimates, strict=True):
        at = f"{param}@{n}"
        spread = estimate.reason or TOO_FEW_QUERIES
        report.add_value(name, scope, at, estimate.value, estimate.reason)
        report.add_value(f"{name}_std", scope, at, estimate.sd, spread)
        report.add_interval(f"{name}_ci", scope, at, estimate.interval, spread)


def _add_model_agreement(report: Report, bootstrap: QueryBootstrap) -> None:
    data = report.data
    cutoffs = grid_within(data.rankings.shape[2])
    shared = common_results(data.rankings, cutoffs=cutoffs)
    searched = (data.rankings != NO_IMAGE).any(axis=(1, 2))
    pairs = sorted(shared, key=lambda pair: sorted(data.methods[at] for at in pair))
    stacked = np.stack([shared[pair] for pair in pairs]) if pairs else None
    for scope, queries in data.scopes():
        for measure in measures.of_table("model_agreement"):
            if stacked is None:
                continue
            computed = measure.compute(
                stacked, averaged=queries, cutoffs=cutoffs, bootstrap=bootstrap
            )
            for (a, b), estimates in zip(pairs, computed, strict=True):
                missing = sorted(data.methods[at] for at in (a, b) if not searched[at])
                if missing:
                    verb = "have" if len(missing) > 1 else "has"
                    reason = f"{' and '.join(missing)} {verb} no results yet"
                    estimates = [MeanEstimate(None, None, None, 0, reason=reason)] * len(cutoffs)
                first, second = sorted((data.methods[a], data.methods[b]))
                pair = f"{first}~{second}"
                _add_estimates(report, measure.name, scope, pair, cutoffs, estimates)
                for n, estimate in zip(cutoffs, estimates, strict=True):
                    low, high = estimate.interval or (None, None)
                    report.tables["model_agreement"].append(
                        {
                            "category": scope,
                            "measure": measure.name,
                            "n": n,
                            "method_a": first,
                            "method_b": second,
                            "value": estimate.value,
                            "sd": estimate.sd,
                            "ci_low": low,
                            "ci_high": high,
                            "n_queries": estimate.n_queries,
                        }
                    )


def _add_precision(report: Report, bootstrap: QueryBootstrap) -> float | None:
    """Fill the precision table; return the share of results that were judged, at the deepest N."""
    data = report.data
    n_images = int(max(data.rankings.max(initial=0), data.item_image.max(initial=0))) + 1
    items = data.ratings.query * n_images + data.item_image
    relevant = _relevant_items(data)
    judged_queries = _judged_queries(data)
    shares = []
    for number, method in enumerate(data.methods):
        ranking = data.rankings[number]
        has_results = bool((ranking != NO_IMAGE).any())
        hits = count_hits(
            ranking, items=items, relevant=relevant, n_images=n_images, cutoffs=CUTOFFS
        )
        for scope, queries in data.scopes():
            averaged = queries & judged_queries
            for measure in measures.of_table("precision"):
                if has_results:
                    estimates: list[MeanEstimate] = measure.compute(
                        hits, averaged=averaged, cutoffs=CUTOFFS, bootstrap=bootstrap
                    )
                else:
                    reason = f"{method} has no results yet"
                    estimates = [MeanEstimate(None, None, None, 0, reason=reason)] * len(CUTOFFS)
                _add_estimates(report, measure.name, scope, method, CUTOFFS, estimates)
                for n, estimate in zip(CUTOFFS, estimates, strict=True):
                    at = f"{method}@{n}"
                    report.add_value("judged", scope, at, estimate.judged, estimate.reason)
                    low, high = estimate.interval or (None, None)
                    report.tables["precision"].append(
                        {
                            "category": scope,
                            "method": method,
                            "measure": f"{measure.name}@{n}",
                            "value": estimate.value,
                            "ci_low": low,
                            "ci_high": high,
                            "n_queries": estimate.n_queries,
                            "judged": estimate.judged,
                        }
                    )
        listed = ranking[judged_queries] != NO_IMAGE
        for column, n in enumerate(CUTOFFS):
            if results := int(listed[:, :n].sum()):
                shares.append(int(hits.judged[judged_queries, column].sum()) / results)
    order = {scope: place for place, (scope, _) in enumerate(data.scopes())}
    report.tables["precision"].sort(key=lambda row: order[row["category"]])
    return min(shares, default=None)


def _add_pool(report: Report) -> None:
    data = report.data
    report.pool = {
        "depth": data.study.depth,
        "n_pairs": int(data.n_pairs.sum()),
        "by_category": [
            {
                "category": scope,
                "n_queries": int(queries.sum()),
                "n_pairs": int(data.n_pairs[queries].sum()),
            }
            for scope, queries in data.scopes()
        ],
        "by_method": [
            {
                "category": scope,
                "method": method,
                "n_found": int(data.found[queries, number].sum()),
                "n_unique": int(data.unique[queries, number].sum()),
            }
            for scope, queries in data.scopes()
            for number, method in enumerate(data.methods)
        ],
    }
