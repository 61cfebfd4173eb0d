"""Confident learning against a plain loop, and on labels that were replaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probed import PLAIN, probabilities, separable, simplex

from assets.errors import DataError
from assets.methods import uncertainty
from assets.methods.uncertainty import labels, measures


def test_cross_entropy_and_label_quality_are_of_the_given_class() -> None:
    p, given_classes = probabilities(20, 3), np.arange(20) % 3
    quality = labels.label_quality(p, given_classes)
    assert quality.tolist() == [p[i, c] for i, c in enumerate(given_classes)]
    np.testing.assert_allclose(2.0 ** -measures.cross_entropy(p, given_classes), quality)


def test_normalized_margin_by_hand() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [np.nan, 0.3, 0.2]])
    found = labels.normalized_margin(p, np.array([0, 2, 1]))
    assert found[:2] == pytest.approx([0.6, 0.35])
    assert np.isnan(found[2])
    assert labels.normalized_margin(np.ones((1, 1)), np.array([0])).tolist() == [1.0]


@given(simplex, st.integers(0, 2**32 - 1))
def test_suspected_classes_agree_with_a_plain_loop(p: np.ndarray, seed: int) -> None:
    rows, classes = p.shape
    given_classes = np.random.default_rng(seed).integers(0, classes, rows)
    means = {c: p[given_classes == c, c].mean() for c in set(given_classes.tolist())}
    limits = {c: max(mean, 2e-6) for c, mean in means.items()}
    expected = []
    for row, label in zip(p, given_classes.tolist(), strict=True):
        reached = [c for c in sorted(limits) if row[c] >= limits[c] - 1e-6]
        rather = -1 if not reached else reached[0] if len(reached) == 1 else int(row.argmax())
        stands = row[label] + 1e-6 >= row.max()
        expected.append(-1 if rather == label or stands else rather)
    assert labels.suspected_classes(p, given_classes).tolist() == expected


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_pieces_of_a_pool_give_the_suspects_of_the_whole(pieces: int) -> None:
    p, given_classes = probabilities(300, 5), np.random.default_rng(1).integers(0, 5, 300)
    limits = labels.class_thresholds(labels.label_quality(p, given_classes), given_classes, 5)
    parts = np.array_split(np.arange(300), pieces)
    found = [labels.suspected_classes(p[part], given_classes[part], limits) for part in parts]
    assert np.concatenate(found).tolist() == labels.suspected_classes(p, given_classes).tolist()


def test_a_class_that_nobody_was_given_is_nobodys() -> None:
    p = np.array([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])
    assert labels.class_thresholds(p[:, 0], np.zeros(3, np.int64), 2).tolist() == [pytest.approx(0.4), np.inf]
    assert labels.suspected_classes(p, np.zeros(3, np.int64)).tolist() == [-1, -1, -1]


def test_a_row_with_nan_is_not_suspect() -> None:
    p = np.array([[0.1, 0.9], [np.nan, 0.8], [0.9, 0.1]])
    limits = np.array([0.5, 0.5])
    assert labels.suspected_classes(p, np.array([0, 0, 0]), limits).tolist() == [1, -1, -1]


def test_wrong_labels_are_suspected_and_named() -> None:
    vectors, right = separable(300, noise=0.2)
    swapped = range(0, 300, 20)
    given_labels = [f"class {(int(label[-1]) + 1) % 3}" if i in swapped else label for i, label in enumerate(right)]
    for settings in (PLAIN, replace(PLAIN, calibrate=True)):
        scores = uncertainty.score(vectors, given_labels, settings)
        suspected = {i: label for i, label in enumerate(scores.suspected_label) if label is not None}
        assert set(suspected) <= set(swapped)
        assert len(suspected) > len(swapped) / 2  # a threshold is a mean: some of the wrong labels stay below it
        assert all(suspected[i] == right[i] for i in suspected)
        assert set(np.argsort(scores.label_quality)[: len(swapped)]) == set(swapped)
        assert scores.accuracy == pytest.approx(1 - len(swapped) / 300)


def test_thresholds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="2 thresholds for 3 classes: expected one each"):
        labels.suspected_classes(probabilities(4, 3), np.zeros(4, np.int64), np.ones(2))
