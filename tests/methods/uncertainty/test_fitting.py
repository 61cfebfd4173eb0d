"""Both solvers of the probe: at the minimum they promise, and close to each other where both run."""

from __future__ import annotations

import numpy as np
import pytest
from probed import separable
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from threadpoolctl import threadpool_limits

from assets.methods.uncertainty import fitting


def problem(rows: int, classes: int, dimensions: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes of unequal size on unit vectors."""
    random = np.random.default_rng(seed)
    given = np.sort(np.minimum(random.geometric(2 / (classes + 1), rows) - 1, classes - 1))
    centers = random.standard_normal((classes, dimensions))
    vectors = centers[given] + 1.5 * random.standard_normal((rows, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), given.astype(np.int64)


def objective(
    flat: np.ndarray, vectors: np.ndarray, given: np.ndarray, counts: np.ndarray, classes: int, regularization: float
) -> float:
    """What scikit-learn states for its C, written out; of two classes it penalises the difference of their weights."""
    w = flat.reshape(classes, -1)
    z = vectors @ w[:, :-1].T + w[:, -1]
    loss = (counts * (logsumexp(z, axis=1) - z[np.arange(len(given)), given])).sum()
    squares = (w[:, :-1] ** 2).sum() if classes > 2 else ((w[1, :-1] - w[0, :-1]) ** 2).sum()
    return float(loss + squares / (2 * regularization))


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("warm", [False, True])
def test_the_end_is_the_minimum(classes: int, warm: bool) -> None:
    vectors, given = problem(120, classes, dimensions=4)
    counts = np.random.default_rng(1).integers(1, 4, len(given))
    start = np.random.default_rng(2).standard_normal((classes, 5)).astype(np.float32) if warm else None
    found = fitting.to_the_end(vectors, given, counts, classes, 2.0, start)
    assert found.settled
    best = minimize(objective, np.zeros(classes * 5), args=(vectors.astype(float), given, counts, classes, 2.0))
    theirs = best.x.reshape(classes, 5)
    expected = softmax(vectors @ theirs[:, :-1].T + theirs[:, -1], axis=1)
    np.testing.assert_allclose(softmax(fitting.logits(vectors, found.coefficients), axis=1), expected, atol=2e-3)


@pytest.mark.parametrize("classes", [2, 10, 60])
def test_mini_batches_come_close_to_the_end(classes: int) -> None:
    vectors, given = problem(4000, classes)
    counts = np.ones(len(given), dtype=np.int64)
    full = fitting.to_the_end(vectors, given, counts, classes, 4.0)
    fast = fitting.in_batches(vectors, np.arange(len(given)), given, classes, 4.0, [0])
    one, other = (softmax(fitting.logits(vectors, found.coefficients), axis=1) for found in (full, fast))
    assert np.abs(one - other).sum(axis=1).mean() / 2 < 0.01
    assert (one.argmax(axis=1) == other.argmax(axis=1)).mean() > 0.98


def test_large_problems_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, given = problem(1500, 4)
    counts = np.bincount(np.random.default_rng(0).integers(0, 1500, 1500), minlength=1500)
    counts[np.unique(given, return_index=True)[1]] += 1
    arguments = (vectors, np.arange(1500), given, counts, 4, 4.0, [5])
    full = fitting.fit(*arguments)
    monkeypatch.setattr(fitting, "FULL_NUMBERS", 0)
    batches = [fitting.fit(*arguments) for _ in range(2)]
    assert batches[0].coefficients.tobytes() == batches[1].coefficients.tobytes()
    one, other = (softmax(fitting.logits(vectors, f.coefficients), axis=1) for f in (full, batches[0]))
    assert np.abs(one - other).sum(axis=1).mean() / 2 < 0.02
    warm = fitting.fit(*arguments, start=full.coefficients)
    near = softmax(fitting.logits(vectors, warm.coefficients), axis=1)
    assert np.abs(one - near).sum(axis=1).mean() / 2 < 0.02


def test_logits_of_a_vector_do_not_depend_on_its_neighbours() -> None:
    vectors = np.random.default_rng(0).standard_normal((3000, 33)).astype(np.float32)
    coefficients = np.random.default_rng(1).standard_normal((7, 34)).astype(np.float32)
    with threadpool_limits(limits=1):
        whole = fitting.logits(vectors, coefficients)
        np.testing.assert_allclose(whole, vectors @ coefficients[:, :-1].T + coefficients[:, -1], rtol=1e-4, atol=1e-4)
        for start, end in ((0, 1), (5, 1500), (2999, 3000), (0, 0)):
            assert fitting.logits(vectors[start:end], coefficients).tobytes() == whole[start:end].tobytes()


def test_a_fit_that_has_no_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_ITERATIONS", 2)
    vectors, labels = separable(90)
    given = np.array([int(label[-1]) for label in labels])
    with fitting.quiet():
        assert not fitting.to_the_end(vectors, given, np.ones(90, np.int64), 3, 1000.0).settled
