"""Agreement between people: counts, the paper's table 3, pairs of assessors."""

import numpy as np

from apps.analytics import measures
from apps.analytics.compute.agreement import EXACT, AgreementEstimate, RaterPairs, parse_cut
from apps.analytics.compute.consensus import summarise_consensus
from apps.analytics.compute.resampling import QueryBootstrap
from apps.analytics.selectors.report.base import (
    TOO_FEW_QUERIES,
    Report,
    judged_queries,
    relevant_items,
)


def add_counts(report: Report) -> None:
    data = report.data
    judged = judged_queries(data)
    relevant_of = np.bincount(
        data.ratings.query, weights=relevant_items(data), minlength=len(data.query_ids)
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


def add_agreement(report: Report, bootstrap: QueryBootstrap) -> None:
    data = report.data
    cuts = [*data.cuts, parse_cut(EXACT, levels=data.levels.tolist())]
    for scope, queries in data.scopes():
        ratings = data.ratings.of_queries(queries)
        for measure in measures.of_table("agreement"):
            for cut in cuts:
                estimate: AgreementEstimate = measure.compute(ratings, cut=cut, bootstrap=bootstrap)
                add_agreement_values(report, measure.name, scope, cut.name, estimate)
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


def add_agreement_values(
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


def add_assessor_pairs(report: Report) -> None:
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
