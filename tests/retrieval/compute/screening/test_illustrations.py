import io

import numpy as np
import pytest

from apps.retrieval.compute.screening import illustrations
from apps.retrieval.compute.screening.illustrations import from_arrays, probabilities, train


def two_kinds(n: int = 20, *, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows of 6 numbers: those of an illustration are 3 larger in the first two."""
    rng = np.random.default_rng(seed)
    labels = np.arange(2 * n) % 2 == 1
    rows = rng.normal(0, 0.5, (2 * n, 6)) + 3.0 * labels[:, None] * np.array([1, 1, 0, 0, 0, 0])
    return rows.astype(np.float32), labels


def test_what_was_learned_is_told_apart_in_rows_not_seen():
    rows, labels = two_kinds()
    trained = train(rows=rows, labels=labels)
    others, truth = two_kinds(50, seed=4)
    chances = probabilities(model=trained.model, rows=others)
    assert ((chances >= 0.5) == truth).mean() > 0.95
    assert (trained.precision, trained.recall) == (1.0, 1.0)


def test_the_same_labels_give_the_same_bytes():
    files = []
    for _ in range(2):
        file = io.BytesIO()
        np.savez(file, **train(rows=two_kinds()[0], labels=two_kinds()[1]).model.arrays())
        files.append(file.getvalue())
    assert files[0] == files[1]


def test_a_model_that_went_through_a_file_says_the_same():
    rows, labels = two_kinds()
    model = train(rows=rows, labels=labels).model
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **model.arrays())
    file.seek(0)
    again = from_arrays(dict(np.load(file, allow_pickle=False)))
    assert np.array_equal(
        probabilities(model=again, rows=rows), probabilities(model=model, rows=rows)
    )


def test_the_margin_is_that_of_scikit_learn():
    from sklearn.svm import SVC

    rows, labels = two_kinds()
    x = (rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)) / rows.std(
        axis=0, dtype=np.float64
    )
    machine = SVC(C=illustrations.PENALTY, gamma=illustrations.WIDTH / 6, class_weight="balanced")
    expected = machine.fit(x, labels).decision_function(x)
    model = train(rows=rows, labels=labels).model
    chances = probabilities(model=model, rows=rows)
    margins = (np.log(chances / (1 - chances)) - model.offset) / model.slope
    assert np.allclose(margins, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("n_illustrations", "n_kept", "learned"),
    [
        pytest.param(4, 30, False, id="four illustrations are too few"),
        pytest.param(30, 4, False, id="four others are too few"),
        pytest.param(5, 5, True, id="five of either are enough"),
        pytest.param(0, 0, False, id="no labels"),
    ],
)
def test_there_is_a_model_from_five_labels_of_either_kind_on(n_illustrations, n_kept, learned):
    rows, labels = two_kinds(40)
    chosen = np.concatenate(
        [np.flatnonzero(labels)[:n_illustrations], np.flatnonzero(~labels)[:n_kept]]
    )
    trained = train(rows=rows[chosen], labels=labels[chosen])
    assert (trained is not None) is learned


def test_a_row_that_is_missing_has_no_probability():
    rows, labels = two_kinds()
    model = train(rows=rows, labels=labels).model
    rows[3, 2] = np.nan
    chances = probabilities(model=model, rows=rows)
    assert np.flatnonzero(np.isnan(chances)).tolist() == [3]


def test_a_column_that_never_changes_is_no_division_by_zero():
    rows, labels = two_kinds()
    rows[:, 5] = 7.0
    assert np.isfinite(probabilities(model=train(rows=rows, labels=labels).model, rows=rows)).all()


@pytest.mark.parametrize(
    ("rows", "labels", "sentence"),
    [
        pytest.param(np.zeros((3, 2)), np.zeros(2, bool), "do not belong together", id="shapes"),
        pytest.param(np.full((2, 2), np.nan), np.zeros(2, bool), "not finite", id="not finite"),
    ],
)
def test_bad_arguments_are_refused(rows, labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        train(rows=rows, labels=labels)
