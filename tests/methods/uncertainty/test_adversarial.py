"""The adversarial margin against what it promises: a step just shorter keeps the answer, one just longer flips it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.uncertainty.adversarial import adversarial_margin, weight_distances


@given(st.integers(2, 7), st.integers(1, 5), st.integers(0, 10_000))
def test_the_margin_is_the_shortest_step_that_flips(classes: int, dimensions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights, intercepts = random.standard_normal((classes, dimensions)), random.standard_normal(classes)
    points = random.standard_normal((20, dimensions))
    logits = points @ weights.T + intercepts
    margins = adversarial_margin(logits, weight_distances(weights))
    for point, z, margin in zip(points, logits, margins, strict=True):
        answer = int(z.argmax())
        others = [c for c in range(classes) if c != answer]
        # No direction is shorter than the best of those straight to a boundary.
        lengths = {c: (z[answer] - z[c]) / np.linalg.norm(weights[answer] - weights[c]) for c in others}
        nearest = min(others, key=lambda c: lengths[c])
        assert margin == pytest.approx(lengths[nearest], rel=1e-9)
        direction = weights[nearest] - weights[answer]
        direction /= np.linalg.norm(direction)
        for share, flips in ((0.999, False), (1.001, True)):
            moved = (point + share * margin * direction) @ weights.T + intercepts
            assert (int(moved.argmax()) != answer) == flips
        for step in random.standard_normal((5, dimensions)):
            moved = (point + 0.999 * margin * step / np.linalg.norm(step)) @ weights.T + intercepts
            assert int(moved.argmax()) == answer


def test_a_class_with_the_same_weights_is_never_reached() -> None:
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    distances = weight_distances(weights)
    assert distances[0, 1] == 0
    logits = np.array([[2.0, 1.0, 0.0]])
    assert adversarial_margin(logits, distances) == pytest.approx([2 / np.sqrt(2)])
    assert np.isnan(adversarial_margin(logits[:, :2], distances[:2, :2]))[0]


def test_nearly_the_same_weights_keep_their_distance() -> None:
    weights = np.array([[1000.0, 1.0], [1000.0, 1.0 + 1e-7], [0.0, 0.0]])
    assert weight_distances(weights)[0, 1] == pytest.approx(1e-7, rel=1e-6)


def test_the_temperature_does_not_matter_and_nan_is_nan_alone() -> None:
    random = np.random.default_rng(0)
    weights, points = random.standard_normal((4, 3)), random.standard_normal((6, 3))
    logits, distances = points @ weights.T, weight_distances(weights)
    tempered = adversarial_margin(logits / 3, weight_distances(weights / 3))
    np.testing.assert_allclose(tempered, adversarial_margin(logits, distances))
    logits[1, 2] = np.nan
    assert np.isnan(adversarial_margin(logits, distances)).tolist() == [False, True, False, False, False, False]
    assert adversarial_margin(np.array([[1.0]]), np.zeros((1, 1))).tolist() == pytest.approx([np.nan], nan_ok=True)
    assert len(adversarial_margin(np.empty((0, 4)), distances)) == 0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match=r"logits of shape \(2, 3\) and distances of \(2, 2\)"):
        adversarial_margin(np.zeros((2, 3)), np.zeros((2, 2)))
