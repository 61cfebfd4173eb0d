"""Measures against their formulas, confident learning against a loop, and the probe against what it must not do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import uncertainty

UNIFORM = np.full((1, 4), 0.25)
CERTAIN = np.array([[0.0, 1.0, 0.0]])


def probabilities(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return softmax(3 * np.random.default_rng(seed).standard_normal((rows, classes)), axis=1)


def separable(rows: int, classes: int = 3, noise: float = 0.4, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Unit vectors around one direction for each class, and their labels."""
    random = np.random.default_rng(seed)
    numbers = np.arange(rows) % classes
    vectors = np.eye(8, dtype=np.float32)[numbers] + noise * random.standard_normal((rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [f"class {n}" for n in numbers]


simplex = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.floats(-40, 40, allow_nan=False)
).map(lambda logits: softmax(logits, axis=1))


@settings(max_examples=60, deadline=None)
@given(simplex)
def test_measures_agree_with_their_formulas_and_stay_in_bounds(p: np.ndarray) -> None:
    classes = p.shape[1]
    np.testing.assert_allclose(uncertainty.entropy(p), scipy_entropy(p, base=2, axis=1), atol=1e-9)
    assert (uncertainty.entropy(p) >= 0).all()
    assert (uncertainty.entropy(p) <= math.log2(classes) + 1e-9).all()
    for row, confidence, gap in zip(p, uncertainty.least_confidence(p), uncertainty.margin(p), strict=True):
        first, second = sorted(row, reverse=True)[:2]
        assert confidence == 1 - first
        assert gap == first - second
        assert 0 <= gap <= 1


def test_measures_at_the_extremes() -> None:
    assert uncertainty.entropy(UNIFORM) == pytest.approx(2.0)
    assert uncertainty.least_confidence(UNIFORM) == pytest.approx(0.75)
    assert uncertainty.margin(UNIFORM) == pytest.approx(0.0)
    assert uncertainty.entropy(CERTAIN)[0] == 0
    assert uncertainty.margin(CERTAIN)[0] == 1
    assert uncertainty.cross_entropy(CERTAIN, np.array([1]))[0] == 0
    assert uncertainty.cross_entropy(CERTAIN, np.array([0]))[0] == pytest.approx(1022)


def test_cross_entropy_and_label_quality_are_of_the_given_class() -> None:
    p, given_classes = probabilities(20, 3), np.arange(20) % 3
    quality = uncertainty.label_quality(p, given_classes)
    assert quality.tolist() == [p[i, c] for i, c in enumerate(given_classes)]
    np.testing.assert_allclose(2.0 ** -uncertainty.cross_entropy(p, given_classes), quality)


@settings(max_examples=60, deadline=None)
@given(simplex, st.integers(0, 2**32 - 1))
def test_suspected_classes_agree_with_a_plain_loop(p: np.ndarray, seed: int) -> None:
    rows, classes = p.shape
    labels = np.random.default_rng(seed).integers(0, classes, rows)
    thresholds = {c: np.bincount(labels, p[np.arange(rows), labels])[c] / (labels == c).sum() for c in set(labels)}
    expected = []
    for row, label in zip(p, labels, strict=True):
        reached = [c for c in sorted(thresholds) if row[c] >= thresholds[c]]
        expected.append(max(reached, key=lambda c: row[c]) if reached and label not in reached else -1)
    assert uncertainty.suspected_classes(p, labels).tolist() == expected


def test_wrong_labels_are_suspected_and_named() -> None:
    vectors, labels = separable(300, noise=0.2)
    swapped = range(0, 300, 20)
    given_labels = [f"class {(int(label[-1]) + 1) % 3}" if i in swapped else label for i, label in enumerate(labels)]
    scores = uncertainty.score(vectors, given_labels, folds=5, regularization=1.0, seed=0)
    suspected = {i: label for i, label in enumerate(scores.suspected_label) if label is not None}
    assert set(suspected) <= set(swapped)
    assert len(suspected) > len(swapped) / 2  # a threshold is a mean: some of the wrong labels stay below it
    assert all(suspected[i] == labels[i] for i in suspected)
    worst = np.argsort(scores.label_quality)[: len(swapped)]
    assert set(worst) == set(swapped)
    assert scores.accuracy == pytest.approx(1 - len(swapped) / 300)


def test_no_row_is_scored_by_a_probe_that_saw_it() -> None:
    # Labels that say nothing: a probe that saw the rows would remember them, d being larger than n.
    random = np.random.default_rng(1)
    vectors = random.standard_normal((60, 200)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [str(v) for v in random.integers(0, 2, 60)]
    scores = uncertainty.score(vectors, labels, folds=5, regularization=1000.0, seed=0)
    assert scores.accuracy is not None
    assert 0.25 < scores.accuracy < 0.75


def test_every_probability_row_sums_to_one() -> None:
    vectors, labels = separable(90)
    classes = np.array([int(label[-1]) for label in labels])
    result = uncertainty.probe_probabilities(vectors, classes, 5, 1.0, 0)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1.0, atol=1e-12)
    assert result.reasons == [None] * 90


@pytest.mark.parametrize("members", [2, 3, 4])
def test_classes_smaller_than_the_folds_are_scored(members: int) -> None:
    vectors, labels = separable(60 + members)
    labels = labels[:60] + ["rare"] * members
    scores = uncertainty.score(vectors, labels, folds=5, regularization=1.0, seed=0)
    assert scores.reasons == [None] * len(labels)
    assert np.isfinite(scores.label_quality).all()
    assert (scores.label_quality[60:] > 0).all()


def test_nearly_as_many_classes_as_rows_is_no_warning() -> None:
    vectors, _ = separable(40)
    scores = uncertainty.score(vectors, [f"class {i // 2}" for i in range(40)], folds=5, regularization=1.0, seed=0)
    assert scores.reasons == [None] * 40


def test_the_only_row_of_a_class_is_null_with_a_reason() -> None:
    vectors, labels = separable(61)
    scores = uncertainty.score(vectors, [*labels[:60], "alone"], folds=5, regularization=1.0, seed=0)
    assert "alone" in scores.classes
    assert scores.reasons[:60] == [None] * 60
    assert scores.reasons[60] == uncertainty.ONLY_ROW
    for measure in (scores.entropy, scores.least_confidence, scores.margin, scores.cross_entropy, scores.label_quality):
        assert np.isfinite(measure[:60]).all()
        assert np.isnan(measure[60])
    assert scores.suspected_label[60] is None


def test_unlabelled_rows_have_uncertainty_but_no_label_quality() -> None:
    vectors, labels = separable(90)
    given_labels = [None if i % 10 == 0 else label for i, label in enumerate(labels)]
    scores = uncertainty.score(vectors, given_labels, folds=5, regularization=1.0, seed=0)
    for i, label in enumerate(given_labels):
        assert np.isfinite([scores.entropy[i], scores.least_confidence[i], scores.margin[i]]).all()
        assert np.isnan(scores.label_quality[i]) == np.isnan(scores.cross_entropy[i]) == (label is None)
        assert scores.reasons[i] == ("no label" if label is None else None)
        assert label is not None or scores.suspected_label[i] is None


@pytest.mark.parametrize("labels", [["a"] * 6, [None] * 6, ["a"] * 3 + [None] * 3])
def test_fewer_than_two_classes_score_nothing_and_say_why(labels: list[str | None]) -> None:
    vectors, _ = separable(6)
    told: list[int] = []
    scores = uncertainty.score(vectors, labels, folds=5, regularization=1.0, seed=0, advance=told.append)
    assert scores.reasons == [uncertainty.ONE_CLASS] * 6
    assert np.isnan(scores.entropy).all()
    assert np.isnan(scores.label_quality).all()
    assert scores.suspected_label == [None] * 6
    assert scores.accuracy is None
    assert sum(told) == 5


@pytest.mark.parametrize("labels", [[], ["a", "b"], ["a", "a", "b"], ["a", "b", None], ["a", "a", "b", "b"]])
def test_tiny_pools_are_scored_or_say_why(labels: list[str | None]) -> None:
    vectors, _ = separable(len(labels)) if labels else (np.empty((0, 8), np.float32), [])
    scores = uncertainty.score(vectors, labels, folds=5, regularization=1.0, seed=0)
    for i, reason in enumerate(scores.reasons):
        assert np.isfinite(scores.label_quality[i]) == (reason is None)


def test_same_seed_same_scores_whatever_the_number_of_threads() -> None:
    vectors, labels = separable(200)
    runs = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            runs.append(uncertainty.score(vectors, labels, folds=4, regularization=2.0, seed=3))
    assert runs[0].label_quality.tobytes() == runs[1].label_quality.tobytes()
    assert runs[0].entropy.tobytes() == runs[1].entropy.tobytes()
    other = uncertainty.score(vectors, labels, folds=4, regularization=2.0, seed=4)
    assert other.label_quality.tobytes() != runs[0].label_quality.tobytes()


def test_progress_counts_the_folds() -> None:
    vectors, labels = separable(60)
    told: list[int] = []
    uncertainty.score(vectors, labels, folds=7, regularization=1.0, seed=0, advance=told.append)
    assert told == [1] * 7


def test_bad_input_is_named() -> None:
    vectors, labels = separable(12)
    with pytest.raises(DataError, match="11 labels for 12 vectors"):
        uncertainty.score(vectors, labels[:11], folds=5, regularization=1.0, seed=0)
    with pytest.raises(DataError, match="folds: expected at least 2, not 1"):
        uncertainty.score(vectors, labels, folds=1, regularization=1.0, seed=0)
    with pytest.raises(DataError, match="regularization: expected a number above 0"):
        uncertainty.score(vectors, labels, folds=5, regularization=0.0, seed=0)
    vectors[3, 1] = np.nan
    with pytest.raises(DataError, match="row 3 holds something that is not a finite number"):
        uncertainty.score(vectors, labels, folds=5, regularization=1.0, seed=0)
