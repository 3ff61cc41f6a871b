"""What several rankings of one query have in common."""

from collections.abc import Mapping, Sequence
from itertools import combinations


def common_ratios(
    *, rankings: Mapping[str, Sequence[int]], cutoffs: Sequence[int]
) -> dict[tuple[str, str], list[float]]:
    """CR_n = |first n of a and first n of b| / n of one query, for every pair of methods.

    Equation (2) of papers 1, as `apps.analytics.compute.model_agreement` averages it over the
    queries of a study. n stays the divisor where a list is shorter.

    Args:
        rankings: per method its images, best first, each at most once.
        cutoffs: the n, each at least 1.

    Returns:
        Per pair, in the order of the methods: one ratio in [0, 1] per cut-off.

    Raises:
        ValueError: a cut-off is below 1, or a ranking names an image twice.
    """
    if any(n < 1 for n in cutoffs):
        raise ValueError(f"cut-offs must be at least 1, got {list(cutoffs)}")
    for method, images in rankings.items():
        if len(set(images)) != len(images):
            raise ValueError(f"the ranking of {method} names an image twice")
    return {
        (a, b): [len(set(rankings[a][:n]) & set(rankings[b][:n])) / n for n in cutoffs]
        for a, b in combinations(rankings, 2)
    }
