"""The measures of a report. A new one is a pure function in `compute/` and one row here.

`docs/metrics.md` describes every family below; a test fails when one is missing there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from apps.analytics.compute import agreement, model_agreement, precision

Table = Literal["agreement", "assessor_pairs", "model_agreement", "precision"]


@dataclass(frozen=True)
class Measure:
    """One measure of one table.

    Attributes:
        name: as in the table's `measure` column.
        table: which table it has rows in; decides how `compute` is called.
        compute: agreement: (ratings, *, cut, bootstrap) -> AgreementEstimate, once per cut;
            assessor_pairs: (ratings, *, cuts) -> RaterPairs;
            model_agreement: (shared, *, averaged, cutoffs, bootstrap) -> [[MeanEstimate]], a list
            per pair of methods;
            precision: (hits, *, averaged, cutoffs, bootstrap) -> [MeanEstimate].
        families: the names under which its numbers stand in values.csv.
    """

    name: str
    table: Table
    compute: Callable[..., Any]
    families: tuple[str, ...]


MEASURES = (
    Measure(
        "maa",
        "agreement",
        agreement.micro_average_accuracy,
        (
            "maa",
            "maa_agree_pairs",
            "maa_disagree_pairs",
            "maa_std",
            "maa_std_pop",
            "maa_mean_over_queries",
            "maa_ci",
        ),
    ),
    Measure("maa", "assessor_pairs", agreement.agreement_of_rater_pairs, ("maa_pair", "pair_n")),
    Measure(
        "CR", "model_agreement", model_agreement.common_result_ratio, ("CR", "CR_std", "CR_ci")
    ),
    Measure("P", "precision", precision.precision, ("P", "P_std", "P_ci", "judged")),
)

# Plain counts, which every report begins with.
COUNT_FAMILIES = (
    "n_queries",
    "n_queries_judged",
    "n_queries_without_relevant",
    "n_ratings",
    "n_items",
    "n_items_multi",
    "n_rating_pairs",
    "n_unjudgeable",
    "consensus_hist",
    "consensus_hist_half_even",
    "consensus_n_relevant",
    "consensus_n_half",
    "consensus_n_rule_differs",
    "consensus_n_relevance_differs",
)


def of_table(table: Table) -> list[Measure]:
    return [measure for measure in MEASURES if measure.table == table]


def families() -> list[str]:
    """Every family that a report may write."""
    return [*COUNT_FAMILIES, *(family for measure in MEASURES for family in measure.families)]
