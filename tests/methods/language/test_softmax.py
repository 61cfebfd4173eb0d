"""Running sums of a softmax against sums in 64 bits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.language.softmax import LOWEST, fold


def folded(logits: np.ndarray, targets: np.ndarray, cuts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """-ln p of the targets and the entropy in nats, the vocabulary taken in parts."""
    count = len(logits)
    top = np.full(count, LOWEST, np.float32)
    total, weighted, target = (np.zeros(count, np.float32) for _ in range(3))
    edges = [0, *cuts, logits.shape[1]]
    for first, end in pairwise(edges):
        fold(np.ascontiguousarray(logits[:, first:end]), first, targets, top, total, weighted, target)
    log = np.log(total)
    return log + (top - target), log - weighted / total


def by_definition(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    exact = logits.astype(np.float64)
    exact -= exact.max(1, keepdims=True)
    log_p = exact - np.log(np.exp(exact).sum(1, keepdims=True))
    p = np.exp(log_p)
    entropy = -np.where(p > 0, p * np.where(np.isfinite(log_p), log_p, 0), 0).sum(1)
    return -log_p[np.arange(len(targets)), targets], entropy


@given(
    rows=st.integers(1, 5),
    width=st.integers(1, 300),
    spread=st.sampled_from([0.0, 1e-3, 1.0, 10.0, 80.0, 1e4]),
    seed=st.integers(0, 2**32 - 1),
    parts=st.integers(1, 4),
)
@settings(max_examples=100, deadline=None)
def test_sums_are_those_of_64_bits(rows: int, width: int, spread: float, seed: int, parts: int) -> None:
    random = np.random.default_rng(seed)
    logits = (random.standard_normal((rows, width)) * spread).astype(np.float32)
    targets = random.integers(0, width, rows)
    cuts = sorted({int(cut) for cut in random.integers(0, width, parts - 1)} - {0})
    for found, wanted in zip(folded(logits, targets, cuts), by_definition(logits, targets), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("shift", [-3e4, 0.0, 3e4])
def test_a_token_that_is_certain_has_no_surprise(shift: float) -> None:
    logits = np.full((1, 1000), shift - 1000, np.float32)
    logits[0, 7] = shift
    surprise, entropy = folded(logits, np.array([7]), [500])
    assert surprise[0] == 0
    assert abs(entropy[0]) < 1e-30


def test_impossible_tokens_add_nothing() -> None:
    logits = np.array([[0.0, -np.inf, 0.0, -np.inf]], np.float32)
    surprise, entropy = folded(logits, np.array([2]), [2])
    assert surprise[0] == pytest.approx(np.log(2), rel=1e-6)
    assert entropy[0] == pytest.approx(np.log(2), rel=1e-6)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    logits = np.random.default_rng(3).standard_normal((64, 1000)).astype(np.float32)
    targets = np.arange(64)
    whole = folded(logits, targets, [512])
    for row in (0, 17, 63):
        alone = folded(logits[row : row + 1], targets[row : row + 1], [512])
        assert [part[0] for part in alone] == [part[row] for part in whole]
