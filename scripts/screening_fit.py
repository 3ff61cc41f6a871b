"""Fit the panel decision on the tuning sources and write its coefficients.

    .venv/bin/python scripts/screening_fit.py --data ../shared/data

A logistic regression on the features of `apps.retrieval.compute.screening.panels`, over the images
that the separators cut at all: labelled ones of the tuning sources, and compound figures made of
their photographs and radiographs (the labelled figures are nearly all of charts). Its strength of
regularisation is the best F1 in ten-fold cross-validation. Held-out sources are never read.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent)]

from screening_data import GUTTERS, TUNING, compound, pictures, pixels_of  # noqa: E402

from apps.retrieval.compute.screening import panels, separators  # noqa: E402

TARGET = Path(__file__).parent.parent / "apps/retrieval/compute/screening/decision.py"
COMPOUNDS = 10  # of each kind of gutter, of photographs and of radiographs
COMPOUND_WEIGHT = 0.3  # they are made up: they shall not outvote what is real
SEED = 2017


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data: Path = parser.parse_args().data
    known = [picture for picture in pictures(data) if picture.source in TUNING]
    images = [(pixels_of(data, picture), picture.is_multipanel) for picture in known]
    rng = np.random.default_rng(SEED)
    for kind in ("photo", "radiology"):
        pool = [picture for picture in known if picture.kind == kind]
        for gutter in GUTTERS:
            images += [
                (compound(data, pool, gutter=gutter, rng=rng), True) for _ in range(COMPOUNDS)
            ]
    features, labels, weights, uncut = [], [], [], 0
    for number, (image, label) in enumerate(images):
        root = separators.cut(image=image)
        if len(root.panels()) < 2:
            uncut += label
            continue
        features.append(panels.features_of(root=root, image=image))
        labels.append(label)
        weights.append(1.0 if number < len(known) else COMPOUND_WEIGHT)
    x, y, w = np.array(features), np.array(labels), np.array(weights)
    scores = {strength: _score(strength, x, y, w) for strength in (0.03, 0.1, 0.3, 1.0)}
    best = max(scores, key=lambda strength: scores[strength])
    model = _model(best).fit(x, y, logisticregression__sample_weight=w)
    scaler, regression = model[0], model[1]
    lines = [
        '"""Coefficients of the panel decision, written by `scripts/screening_fit.py`.',
        "",
        f"Fitted on {len(y)} images that the separators cut ({int(y.sum())} of several panels), of",
        f"{len(images)} looked at; C = {best}. In the order of `panels.FEATURES`.",
        '"""',
        "",
        f"MEANS = {_numbers(scaler.mean_)}",
        f"SCALES = {_numbers(scaler.scale_)}",
        f"WEIGHTS = {_numbers(regression.coef_[0])}",
        f"INTERCEPT = {float(regression.intercept_[0]):.4f}",
        "",
    ]
    TARGET.write_text("\n".join(lines), encoding="utf-8")
    for name, weight in zip(panels.FEATURES, regression.coef_[0], strict=True):
        sys.stdout.write(f"{name:32s}{weight:+.2f}\n")
    sys.stdout.write(f"{len(y)} cut, {uncut} figures not cut; F1 of the decision: {scores}\n")


def _score(strength: float, x, y, w) -> float:
    """F1 on the labelled images only, ten-fold."""
    guessed = np.zeros(len(y), dtype=bool)
    for train, test in StratifiedKFold(10, shuffle=True, random_state=SEED).split(x, y):
        model = _model(strength).fit(x[train], y[train], logisticregression__sample_weight=w[train])
        guessed[test] = model.predict(x[test])
    labelled = w == 1.0
    return float(f1_score(y[labelled], guessed[labelled]))


def _model(strength: float):
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def _numbers(values) -> str:
    inner = "".join(f"    {value:.4f},\n" for value in values)
    return f"(\n{inner})"


if __name__ == "__main__":
    main()
