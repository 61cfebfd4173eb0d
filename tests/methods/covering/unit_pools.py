"""Small pools of unit vectors with everything that is awkward: copies, ties, opposite vectors and vectors of zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Case:
    """A pool and the arguments that all methods share."""

    vectors: np.ndarray
    picks: int
    candidates: np.ndarray
    weights: np.ndarray
    start: np.ndarray


def unit(rows: int, dimensions: int = 5, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


def axes(rows: int, seed: int) -> np.ndarray:
    """Rows of 1, -1 or nothing but 0 in four dimensions: every distance is a tie with many others."""
    random = np.random.default_rng(seed)
    vectors = np.zeros((rows, 4), dtype=np.float32)
    vectors[np.arange(rows), random.integers(0, 4, rows)] = random.choice([1.0, 1.0, -1.0, 0.0], rows)
    return vectors


def clustered(rows: int, dimensions: int, seed: int = 0, centers: int = 20, spread: float = 0.4) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = random.standard_normal((centers, dimensions)).astype(np.float32)
    noise = random.standard_normal((rows, dimensions)).astype(np.float32)
    vectors = middles[random.integers(0, centers, rows)] + np.float32(spread) * noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rows, seed = draw(st.integers(1, 30)), draw(st.integers(0, 10_000))
    random = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["random", "copies", "axes"]))
    if kind == "axes":
        vectors = axes(rows, seed)
    else:
        vectors = unit(rows, seed=seed, distinct=6 if kind == "copies" else None)
        vectors[random.random(rows) < 0.05] = 0
    start = random.permutation(rows)[: draw(st.integers(0, 3))]
    weights = random.choice([0.0, 0.25, 0.5, 1.0], rows) if draw(st.booleans()) else np.ones(rows)
    return Case(
        vectors, draw(st.integers(0, 35)), random.random(rows) < draw(st.sampled_from([0.5, 1.0])), weights, start
    )


def exact_distances(vectors: np.ndarray) -> np.ndarray:
    """(n, n) squared Euclidean distances in float64; vectors of zeros have a dimension of their own."""
    zero = ~vectors.any(axis=1)
    whole = np.column_stack([vectors, zero]).astype(np.float64)
    return np.array([[((one - two) ** 2).sum() for two in whole] for one in whole])


def check_nearest(case: Case, order: np.ndarray, nearest: np.ndarray, similarity: np.ndarray) -> None:
    """Each row is told a nearest taken row, itself if it is taken, and the cosine to it."""
    taken = np.concatenate([case.start, order]).astype(int)
    if not len(taken):
        assert (nearest == -1).all()
        assert np.isnan(similarity).all()
        return
    squared = exact_distances(case.vectors)
    least = squared[:, taken].min(axis=1)
    found = squared[np.arange(len(squared)), nearest]
    np.testing.assert_allclose(found, least, atol=1e-9)
    assert (nearest[taken] == taken).all()
    assert np.isin(nearest, taken).all()
    np.testing.assert_allclose(similarity, 1 - least / 2, atol=1e-6)


def chains(count: int, length: int, link: float, dimensions: int = 32) -> np.ndarray:
    """(count x length, d): paraphrases of paraphrases; each row has the cosine `link` with the one before it only."""
    random = np.random.default_rng(0)
    parts = [unit(count, dimensions)]
    for _ in range(length - 1):
        away = random.standard_normal(parts[-1].shape)
        away -= (away * parts[-1]).sum(axis=1, keepdims=True) * parts[-1]
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        parts.append((link * parts[-1] + np.sqrt(1 - link**2) * away).astype(np.float32))
    return np.stack(parts, axis=1).reshape(-1, dimensions)
