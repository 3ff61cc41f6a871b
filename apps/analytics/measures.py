"""The measures of a report. A new one is a pure function in `compute/` and one row here.

`docs/metrics.md` describes every family below; a test fails when one is missing there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from apps.analytics.compute import (
    agreement,
    coefficients,
    model_agreement,
    ranked,
    rater_pairs,
    reliability,
)

Table = Literal["agreement", "assessor_pairs", "model_agreement", "precision"]


@dataclass(frozen=True)
class Measure:
    """One measure of one table.

    Attributes:
        name: as in the table's `measure` column.
        table: which table it has rows in; decides how `compute` is called.
        compute: agreement: (ratings, *, cut, bootstrap) -> AgreementEstimate, once per cut;
            assessor_pairs: (confusion) -> values, of a stack of matrices;
            model_agreement: (shared, *, averaged, cutoffs, bootstrap) -> [[MeanEstimate]], a list
            per pair of methods;
            precision: (graded, *, averaged, cutoffs, bootstrap) -> [MeanEstimate], one per
            cut-off or one for whole lists.
        families: the names under which its numbers stand in values.csv.
        only_exact: of the whole scale only: under a cut in two it says nothing new.
        within_category: not for `all`: it takes a category's assessors.
        mean: assessor_pairs: its mean over pairs stands in the agreement table, by this name.
    """

    name: str
    table: Table
    compute: Callable[..., Any]
    families: tuple[str, ...]
    only_exact: bool = False
    within_category: bool = False
    mean: str = ""


def _of_all(name: str, compute: Callable[..., Any], **limits: Any) -> Measure:
    """A coefficient of all assessors of a scope."""
    return Measure(name, "agreement", compute, (name, f"{name}_ci"), **limits)


def _of_pairs(name: str, compute: Callable[..., Any], *, only_exact: bool) -> Measure:
    """A coefficient of two assessors, and its mean over pairs."""
    families = (name, f"{name}_ci", f"{name}_mean", f"{name}_mean_ci")
    return Measure(
        name,
        "assessor_pairs",
        compute,
        families,
        only_exact=only_exact,
        within_category=True,
        mean=f"{name}_mean",
    )


def _of_lists(name: str, compute: Callable[..., Any]) -> Measure:
    """A measure of a method's results."""
    return Measure(name, "precision", compute, (name, f"{name}_std", f"{name}_ci"))


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
    _of_all("krippendorff_nominal", partial(reliability.krippendorff_alpha, metric="nominal")),
    _of_all(
        "krippendorff_ordinal",
        partial(reliability.krippendorff_alpha, metric="ordinal"),
        only_exact=True,
    ),
    _of_all(
        "krippendorff_interval",
        partial(reliability.krippendorff_alpha, metric="interval"),
        only_exact=True,
    ),
    Measure(
        "fleiss",
        "agreement",
        partial(reliability.fleiss_kappa, complete=True),
        ("fleiss", "fleiss_n_items", "fleiss_ci"),
        within_category=True,
    ),
    _of_all("fleiss_generalised", partial(reliability.fleiss_kappa, complete=False)),
    _of_all("gwet_ac1", partial(reliability.gwet, weights="unweighted")),
    _of_all("gwet_ac2_quadratic", partial(reliability.gwet, weights="quadratic"), only_exact=True),
    Measure("maa", "assessor_pairs", rater_pairs.accuracy, ("maa_pair", "pair_n", "maa_pair_ci")),
    _of_pairs("cohen_unweighted", coefficients.cohen_kappa, only_exact=False),
    _of_pairs("cohen_linear", partial(coefficients.cohen_kappa, weights="linear"), only_exact=True),
    _of_pairs(
        "cohen_quadratic", partial(coefficients.cohen_kappa, weights="quadratic"), only_exact=True
    ),
    _of_pairs("rater_spearman", coefficients.spearman, only_exact=True),
    _of_pairs("rater_kendall_b", coefficients.kendall_b, only_exact=True),
    Measure(
        "CR", "model_agreement", model_agreement.common_result_ratio, ("CR", "CR_std", "CR_ci")
    ),
    Measure("P", "precision", ranked.precision_estimates, ("P", "P_std", "P_ci", "judged")),
    _of_lists("nDCG", ranked.ndcg_estimates),
    _of_lists("AP", partial(ranked.whole_list_estimates, measure=ranked.average_precision)),
    _of_lists("bpref", partial(ranked.whole_list_estimates, measure=ranked.bpref)),
    _of_lists("RBP", partial(ranked.whole_list_estimates, measure=ranked.rank_biased_precision)),
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
