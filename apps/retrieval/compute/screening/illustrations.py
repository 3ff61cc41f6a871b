"""Abstract illustrations: a support vector machine on global features, from people's labels.

Charts and diagrams differ from photographs in what global features count (flat colours, sharp
edges, few textures), so few labels are enough. Training needs scikit-learn; using a trained model
needs NumPy only. Both are deterministic: the same labels give the same bytes.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

VERSION = "illustrations.1"
LEAST = 5  # labels of either kind without which nothing is learned
# By cross-validation grouped by source on the tuning sources (scripts/screening_run.py).
PENALTY = 10.0
WIDTH = 0.3  # gamma in units of 1 / dimensions
FOLDS = 5
SEED = 2017
BLOCK = 1024  # rows scored at a time

Rows = npt.NDArray[np.floating[Any]]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Illustrations:
    """A trained machine; `support` are standardised rows, `slope` and `offset` Platt's.

    probability = 1 / (1 + exp(-(slope * margin + offset))),
    margin(x) = sum_i weights_i exp(-gamma |support_i - (x - means) / scales|²) + intercept.
    """

    means: Vector  # (d,)
    scales: Vector  # (d,)
    support: Vector  # (n, d)
    weights: Vector  # (n,)
    intercept: float
    gamma: float
    slope: float
    offset: float

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """All numbers by name, for an .npz."""
        return {one.name: np.asarray(getattr(self, one.name)) for one in fields(self)}


def from_arrays(arrays: dict[str, npt.NDArray[np.float64]]) -> Illustrations:
    """The model that `arrays` came from."""
    numbers = {
        one.name: arrays[one.name] if arrays[one.name].ndim else float(arrays[one.name])
        for one in fields(Illustrations)
    }
    return Illustrations(**numbers)  # type: ignore[arg-type]  # each by its own field's type


@dataclass(frozen=True)
class Trained:
    """A model and how its labels fared when each fold was left out (None without any)."""

    model: Illustrations
    precision: float | None
    recall: float | None


def train(*, rows: Rows, labels: npt.NDArray[np.bool_]) -> Trained | None:
    """Learn from labelled images; None with fewer than `LEAST` of either kind.

    The margins that probabilities are fitted to (Platt 1999) come from cross-validation: those of
    the images that a machine has learned from are too good.

    Args:
        rows: features, (n, d), all finite.
        labels: (n,), True for an illustration.

    Raises:
        ValueError: shapes differ, or a number is not finite.
    """
    if rows.ndim != 2 or labels.shape != (len(rows),):
        raise ValueError(f"rows {rows.shape} and labels {labels.shape} do not belong together")
    if not np.isfinite(rows).all():
        raise ValueError("rows hold numbers that are not finite")
    fewest = int(min(labels.sum(), (~labels).sum()))
    if fewest < LEAST:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    x = rows.astype(np.float64)
    margins = np.empty(len(x))
    folds = StratifiedKFold(min(FOLDS, fewest), shuffle=True, random_state=SEED)
    for inside, outside in folds.split(x, labels):
        margins[outside] = _margins(_fitted(x[inside], labels[inside]), x[outside])
    platt = LogisticRegression(C=1.0).fit(margins[:, None], labels)
    fitted = _fitted(x, labels)
    model = Illustrations(
        **(
            fitted.__dict__
            | {"slope": float(platt.coef_[0, 0]), "offset": float(platt.intercept_[0])}
        )
    )
    guessed = platt.predict(margins[:, None]).astype(bool)
    hits = int((guessed & labels).sum())
    return Trained(
        model=model,
        precision=hits / int(guessed.sum()) if guessed.any() else None,
        recall=hits / int(labels.sum()),
    )


def probabilities(*, model: Illustrations, rows: Rows) -> Vector:
    """Probability 0..1 of being an illustration, (n,); NaN where a row is not finite."""
    found = np.full(len(rows), np.nan)
    finite = np.flatnonzero(np.isfinite(rows).all(axis=1))
    for start in range(0, len(finite), BLOCK):
        some = finite[start : start + BLOCK]
        margin = _margins(model, rows[some].astype(np.float64))
        found[some] = 1.0 / (1.0 + np.exp(-(model.slope * margin + model.offset)))
    return found


def _fitted(x: Vector, labels: npt.NDArray[np.bool_]) -> Illustrations:
    from sklearn.svm import SVC

    means, scales = x.mean(axis=0), x.std(axis=0)
    scales[scales == 0] = 1.0
    gamma = WIDTH / x.shape[1]
    machine = SVC(C=PENALTY, gamma=gamma, class_weight="balanced").fit((x - means) / scales, labels)
    return Illustrations(
        means=means,
        scales=scales,
        support=machine.support_vectors_,
        weights=machine.dual_coef_[0],
        intercept=float(machine.intercept_[0]),
        gamma=gamma,
        slope=1.0,
        offset=0.0,
    )


def _margins(model: Illustrations, x: Vector) -> Vector:
    scaled = (x - model.means) / model.scales
    squares = (
        (scaled**2).sum(axis=1)[:, None]
        + (model.support**2).sum(axis=1)[None, :]
        - 2.0 * scaled @ model.support.T
    )
    kernel = np.exp(-model.gamma * np.maximum(squares, 0.0))
    margins: Vector = kernel @ model.weights + model.intercept
    return margins
