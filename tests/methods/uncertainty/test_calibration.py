"""Temperatures against a plain search, and the calibration error against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from assets.methods.uncertainty import calibration


def drawn(rows: int, classes: int, boldness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits `boldness` times as large as those that the classes were drawn from."""
    random = np.random.default_rng(seed)
    logits = 2 * random.standard_normal((rows, classes))
    p = softmax(logits, axis=1)
    classes_drawn = (random.random((rows, 1)) > p.cumsum(axis=1)).sum(axis=1)
    return boldness * logits, np.minimum(classes_drawn, classes - 1)


@pytest.mark.parametrize("boldness", [0.2, 1.0, 5.0])
def test_the_boldness_is_found(boldness: float) -> None:
    logits, classes = drawn(20_000, 5, boldness)
    assert calibration.temperature(logits, classes) == pytest.approx(boldness, rel=0.05)


@given(st.integers(1, 40), st.integers(2, 5), st.floats(0.1, 10), st.integers(0, 999))
def test_no_other_temperature_costs_less(rows: int, classes: int, boldness: float, seed: int) -> None:
    logits, given_classes = drawn(rows, classes, boldness, seed)
    found = calibration.temperature(logits, given_classes)
    share = 1 / (rows + 1)

    def cost(temperature: float) -> float:
        logs = log_softmax(logits / temperature, axis=1)
        return float(-(1 - share) * logs[np.arange(rows), given_classes].sum() - share * logs.mean(axis=1).sum())

    for other in (*np.geomspace(*calibration.BOUNDS, 40), found * 1.01, found / 1.01):
        if calibration.BOUNDS[0] <= other <= calibration.BOUNDS[1]:
            assert cost(found) <= cost(float(other)) + 1e-9 * rows


def test_a_probe_that_is_always_right_is_not_made_certain() -> None:
    logits = np.where(np.eye(3)[np.arange(60) % 3] > 0, 3.0, 0.0)
    found = calibration.temperature(logits, np.arange(60) % 3)
    highest = calibration.softmax(logits, found).max(axis=1)
    assert (highest > 0.98).all()
    assert (highest < 0.9999).all()


def test_always_wrong_or_without_rows() -> None:
    logits = np.where(np.eye(3)[np.arange(60) % 3] > 0, 3.0, 0.0)
    assert calibration.temperature(logits, (np.arange(60) + 1) % 3) == calibration.BOUNDS[1]
    assert calibration.temperature(logits[:0], np.empty(0, np.int64)) == 1.0
    assert calibration.temperature(np.zeros((4, 2)), np.array([0, 1, 0, 1])) in (1.0, *calibration.BOUNDS)


def test_many_rows_in_strips_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, classes = drawn(500, 4, 2.0)
    whole = calibration.temperature(logits, classes)
    monkeypatch.setattr(calibration, "_STRIP_NUMBERS", 100)
    assert calibration.temperature(logits, classes) == pytest.approx(whole, rel=1e-9)


def test_calibration_error_by_hand() -> None:
    confidence = np.array([0.95, 0.97, 0.61, 0.61, 1.0])
    right = np.array([True, False, True, False, True])
    # Bins of a fifteenth: .95, .97 and 1 share the last, where 2 of 3 are right.
    expected = (abs(0.95 + 0.97 + 1.0 - 2) + abs(1.22 - 1)) / 5
    assert calibration.calibration_error(confidence, right) == pytest.approx(expected)
    assert calibration.calibration_error(confidence[:0], right[:0]) is None
