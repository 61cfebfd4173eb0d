"""Cosine similarity to a target set against float64 arithmetic pair by pair, and what it makes of zeros and ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods.similarity.cosine import cosine
from assets.methods.similarity.nearest import STRIP_ROWS


def unit(rows: int, dimensions: int, seed: int, distinct: int | None = None) -> np.ndarray:
    """Unit vectors; of `distinct` ones the first is zero."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if distinct:
        vectors[0] = 0
        vectors = vectors[random.integers(0, distinct, rows)]
    return vectors


def reference(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(n, m) from the definition; the products of a row with equal items are equal to the last bit."""
    found = np.zeros((len(vectors), len(targets)))
    for i, row in enumerate(vectors.astype(np.float64)):
        for j, item in enumerate(targets.astype(np.float64)):
            length = np.sqrt((row * row).sum()) * np.sqrt((item * item).sum())
            found[i, j] = (row * item).sum() / length if length else 0.0
    return found


@settings(max_examples=60, deadline=None)  # the first example compiles
@given(
    rows=st.integers(1, 12),
    items=st.integers(1, 9),
    dimensions=st.integers(1, 9),
    seed=st.integers(0, 10_000),
    distinct=st.one_of(st.none(), st.integers(1, 4)),
)
def test_it_is_the_cosine_of_the_definition(
    rows: int, items: int, dimensions: int, seed: int, distinct: int | None
) -> None:
    vectors, targets = unit(rows, dimensions, seed, distinct), unit(items, dimensions, seed + 1, distinct)
    targets[::2] = vectors[0]  # some items are a row itself, and equal to each other
    true = reference(vectors, targets)
    found = cosine(vectors, targets)
    np.testing.assert_allclose(found.best, true.max(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.mean, true.mean(axis=1), atol=1e-12)
    # Nearest up to rounding, and no lower item is as near.
    for row, item in enumerate(found.item):
        assert true[row, item] >= true[row].max() - 1e-12
        assert (true[row, :item] < true[row, item] + 1e-12).all()
        assert not any(np.array_equal(targets[lower], targets[item]) for lower in range(item))


def test_a_zero_vector_is_like_nothing_and_nothing_is_like_it() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], dtype=np.float32)
    found = cosine(vectors, np.array([[0, 0], [1, 0], [0, 0]], dtype=np.float32))
    assert found.best.tolist() == [0, 1, 0]
    assert found.item.tolist() == [0, 1, 0]
    np.testing.assert_allclose(found.mean, [0, 1 / 3, -1 / 3])


def test_equal_items_are_equally_near_wherever_they_stand_and_the_lowest_wins() -> None:
    vectors = unit(300, 48, 1)
    items = unit(7, 48, 2)
    alone = cosine(vectors, items)
    again = cosine(vectors, np.tile(items, (400, 1)))  # more than one tile of items
    assert np.array_equal(alone.item, again.item)
    assert np.array_equal(alone.best, again.best)


def test_the_same_bytes_on_any_number_of_threads_and_for_each_row_alone() -> None:
    vectors, targets = unit(2 * STRIP_ROWS + 77, 33, 3), unit(41, 33, 4)
    found = cosine(vectors, targets, threads=1)
    with threadpool_limits(limits=4):
        again = cosine(vectors, targets, threads=3)
    for name in ("best", "mean", "item"):
        assert getattr(found, name).tobytes() == getattr(again, name).tobytes()
    for row in (0, 1, STRIP_ROWS, len(vectors) - 1):
        alone = cosine(vectors[row : row + 1], targets)
        assert (alone.best[0], alone.mean[0], alone.item[0]) == (found.best[row], found.mean[row], found.item[row])


def test_progress_counts_every_row() -> None:
    done: list[int] = []
    cosine(unit(STRIP_ROWS + 5, 4, 0), unit(2, 4, 1), advance=done.append)
    assert sum(done) == STRIP_ROWS + 5


def test_no_rows_are_no_result() -> None:
    found = cosine(np.empty((0, 3), dtype=np.float32), unit(2, 3, 0))
    assert len(found) == len(found.item) == len(found.mean) == 0


def test_what_cannot_be_compared_is_refused() -> None:
    vectors = unit(3000, 4, 0)
    with pytest.raises(DataError, match="the target set has no items: expected at least one"):
        cosine(vectors, np.empty((0, 4), dtype=np.float32))
    with pytest.raises(DataError, match=r"\(3000, 4\) and targets \(2, 5\): expected as many dimensions"):
        cosine(vectors, unit(2, 5, 0))
    vectors[2500] *= 2
    with pytest.raises(DataError, match=r"the vector of row 2500 has length 2: expected 1 \(or 0\)"):
        cosine(vectors, unit(2, 4, 0))
    vectors[2500] = np.nan
    with pytest.raises(DataError, match="the vector of target 2500 has length nan"):
        cosine(unit(2, 4, 0), vectors)
