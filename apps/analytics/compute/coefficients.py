"""Chance-corrected agreement, from matrices that add up over queries.

Every coefficient here is a function of sums over items, so the same code serves one table and
ten thousand resamples of it: leading axes are kept. NaN means undefined; what reports show is
decided where they are written. Labels are positions in the scale, 0 for the lowest level.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Weights = Literal["unweighted", "linear", "quadratic"]
Metric = Literal["nominal", "ordinal", "interval"]


def disagreement_weights(n_labels: int, weights: Weights) -> Floats:
    """How far two labels are apart, shape (labels, labels): 0 on the diagonal."""
    distance = np.abs(np.subtract.outer(np.arange(n_labels), np.arange(n_labels)))
    if weights == "unweighted":
        return (distance > 0).astype(np.float64)
    return np.asarray(distance**2 if weights == "quadratic" else distance, np.float64)


def _divided(above: Floats, below: Floats) -> Floats:
    """The quotient, NaN where the divisor is 0."""
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def cohen_kappa(confusion: Floats, *, weights: Weights = "unweighted") -> Floats:
    """Cohen's kappa of two raters: 1 - (weighted disagreement / that expected by chance).

    Cohen (1960), Educational and Psychological Measurement 20(1), doi:10.1177/001316446002000104;
    weighted: Cohen (1968), Psychological Bulletin 70(4), doi:10.1037/h0026256.

    Args:
        confusion: (..., labels, labels) how many items the first rater gave the row's label and
            the second the column's.
        weights: of a disagreement: 1, the distance of the labels, or its square.

    Returns:
        (...): at most 1; NaN without an item, or when both gave one and the same label only.
    """
    apart = disagreement_weights(confusion.shape[-1], weights)
    n = confusion.sum(axis=(-2, -1))
    first, second = confusion.sum(axis=-1), confusion.sum(axis=-2)
    seen = (confusion * apart).sum(axis=(-2, -1))
    expected = ((first @ apart) * second).sum(axis=-1)
    return 1.0 - _divided(seen * n, expected)


def spearman(confusion: Floats) -> Floats:
    """Spearman's rank correlation of two raters with average ranks for ties.

    Pearson's correlation of the mid-ranks that the margins give every label; equals
    `scipy.stats.spearmanr` on the single ratings.

    Args:
        confusion: as for `cohen_kappa`.

    Returns:
        (...): in -1..1; NaN with fewer than two items or a constant rater.
    """
    n = confusion.sum(axis=(-2, -1))
    first, second = confusion.sum(axis=-1), confusion.sum(axis=-2)

    def centred_ranks(margin: Floats) -> Floats:
        return np.asarray(np.cumsum(margin, axis=-1) - margin / 2 - (n / 2)[..., None])

    a, b = centred_ranks(first), centred_ranks(second)
    covariance = ((confusion @ b[..., None])[..., 0] * a).sum(axis=-1)
    spread = (first * a**2).sum(axis=-1) * (second * b**2).sum(axis=-1)
    return _divided(covariance, np.sqrt(spread))


def kendall_b(confusion: Floats) -> Floats:
    """Kendall's tau-b of two raters.

    (concordant - discordant) / sqrt(pairs untied in the first x pairs untied in the second);
    Kendall (1945), Biometrika 33(3), doi:10.1093/biomet/33.3.239; equals `scipy.stats.kendalltau`.

    Args:
        confusion: as for `cohen_kappa`.

    Returns:
        (...): in -1..1; NaN with fewer than two items or a constant rater.
    """
    above = np.triu(np.ones((confusion.shape[-1],) * 2), k=1)  # [k, l]: label l is above k
    higher = above @ confusion  # [k, l]: items with a label above k and the label l
    concordant = (confusion * (higher @ above.T)).sum(axis=(-2, -1))
    discordant = (confusion * (higher @ above)).sum(axis=(-2, -1))
    n = confusion.sum(axis=(-2, -1))
    first, second = confusion.sum(axis=-1), confusion.sum(axis=-2)
    untied = (n**2 - (first**2).sum(axis=-1)) * (n**2 - (second**2).sum(axis=-1)) / 4
    return _divided(concordant - discordant, np.sqrt(untied))


def coincidences(tally: Floats) -> Floats:
    """Krippendorff's coincidence matrix of every item with at least two ratings.

    Args:
        tally: (items, labels) how many raters gave the label.

    Returns:
        (items, labels, labels): all ordered pairs of ratings, each divided by (ratings - 1), so
        that an item sums to its number of ratings; zeros for an item with fewer than two.
    """
    raters = tally.sum(axis=1)
    share = np.where(raters >= 2, 1.0 / np.maximum(raters - 1, 1), 0.0)
    pairs = tally[:, :, None] * tally[:, None, :]
    labels = np.arange(tally.shape[1])
    pairs[:, labels, labels] -= tally
    return np.asarray(pairs * share[:, None, None])


def krippendorff_alpha(coincidence: Floats, *, metric: Metric) -> Floats:
    """Krippendorff's alpha: 1 - observed / expected disagreement.

    Krippendorff (2019), Content Analysis, 4th ed., chapter 12.

    Args:
        coincidence: (..., labels, labels) the sum of `coincidences` over items.
        metric: `nominal`: every difference counts the same; `ordinal`: the ratings between two
            labels count; `interval`: the square of their distance.

    Returns:
        (...): at most 1; NaN without a pair, or when all pairable ratings have one label.
    """
    margin = coincidence.sum(axis=-1)  # (..., labels)
    n = margin.sum(axis=-1)
    n_labels = margin.shape[-1]
    if metric == "ordinal":
        # Ratings from label k to label l, the two ends by half.
        middle = np.cumsum(margin, axis=-1) - margin / 2
        apart = (middle[..., :, None] - middle[..., None, :]) ** 2
    else:
        kind: Weights = "unweighted" if metric == "nominal" else "quadratic"
        apart = disagreement_weights(n_labels, kind)
    observed = (coincidence * apart).sum(axis=(-2, -1))
    # Pairs of one label have no distance, so that n_k n_l serves instead of n_k (n_k - 1).
    expected = (margin[..., :, None] * margin[..., None, :] * apart).sum(axis=(-2, -1))
    return 1.0 - _divided(observed * (n - 1), expected)


def agreement_of_items(tally: Floats, *, weights: Weights = "unweighted") -> Floats:
    """Share of an item's ordered pairs of ratings that agree, partly by weights.

    P_i of Fleiss (1971), Psychological Bulletin 76(5), doi:10.1037/h0031619; with weights
    1 - (distance / largest distance) or its square as in Gwet (2014), Handbook of Inter-Rater
    Reliability, 4th ed., chapter 5.

    Args:
        tally: (items, labels) how many raters gave the label; every item at least two ratings.
        weights: how much of an agreement two different labels are.

    Returns:
        (items,): in 0..1.

    Raises:
        ValueError: an item has fewer than two ratings.
    """
    raters = tally.sum(axis=1)
    if (raters < 2).any():
        raise ValueError("every item needs at least two ratings")
    alike = agreement_weights(tally.shape[1], weights)
    near = tally @ alike  # (items, labels): ratings as good as this label
    return np.asarray((tally * (near - 1)).sum(axis=1) / (raters * (raters - 1)))


def agreement_weights(n_labels: int, weights: Weights) -> Floats:
    """1 for equal labels, less for others: shape (labels, labels)."""
    apart = disagreement_weights(n_labels, weights)
    return np.asarray(1.0 - apart / apart.max())


def fleiss_kappa(agreement: Floats, shares: Floats, n_items: Floats) -> Floats:
    """(P - Pe) / (1 - Pe) with Pe the sum of squared shares of the labels (Fleiss 1971).

    With items that have unequally many ratings every item weighs the same: the generalised form
    of metrics.md 2.4.

    Args:
        agreement: (...) sum over items of `agreement_of_items`.
        shares: (..., labels) sum over items of the share of each label.
        n_items: (...) how many.

    Returns:
        (...): at most 1; NaN without an item or when all ratings have one label.
    """
    observed = _divided(agreement, n_items)
    chance = (_divided(shares, n_items[..., None]) ** 2).sum(axis=-1)
    left = 1.0 - chance
    return _divided(observed - chance, np.where(left > 1e-12, left, 0.0))


def gwet(agreement: Floats, shares: Floats, n_items: Floats, *, weights: Weights) -> Floats:
    """Gwet's AC1 (`unweighted`) and AC2 (weighted): chance is sum of p (1 - p) over labels.

    (Pa - Pe) / (1 - Pe), Pe = T / (q (q - 1)) sum p_k (1 - p_k) over the q labels, T the sum of
    the agreement weights; Gwet (2008), British Journal of Mathematical and Statistical Psychology
    61(1), doi:10.1348/000711006X126600; Gwet (2014), chapter 5.

    Args:
        agreement: (...) sum over items of `agreement_of_items` with the same weights.
        shares: (..., labels) sum over items of the share of each label.
        n_items: (...) how many.
        weights: as for `agreement`.

    Returns:
        (...): at most 1, which is also the value of unanimous raters; NaN without an item.
    """
    n_labels = shares.shape[-1]
    observed = _divided(agreement, n_items)
    share = _divided(shares, n_items[..., None])
    scale = agreement_weights(n_labels, weights).sum() / (n_labels * (n_labels - 1))
    chance = scale * (share * (1.0 - share)).sum(axis=-1)
    return _divided(observed - chance, 1.0 - chance)
