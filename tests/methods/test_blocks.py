"""Blocks: a partition, within bounds, of rows that belong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import blocks as cutting
from assets.methods.blocks import bisect, blocks
from assets.methods.threads import Threads


def unit(rows: int, dimensions: int = 5, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


Cut = Callable[[np.ndarray, int, int], list[np.ndarray]]


@pytest.mark.parametrize("cut", [blocks, bisect])
@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 120),
    block_rows=st.integers(1, 40),
    seed=st.integers(0, 1000),
    distinct=st.one_of(st.none(), st.integers(1, 3)),
)
def test_they_are_a_partition_of_bounded_size(
    cut: Cut, rows: int, block_rows: int, seed: int, distinct: int | None
) -> None:
    found = cut(unit(rows, seed=seed, distinct=distinct), block_rows, seed)
    assert all(0 < len(block) <= block_rows for block in found)
    assert all((np.diff(block) > 0).all() for block in found)
    assert sorted(np.concatenate([np.empty(0, int), *found]).tolist()) == list(range(rows))


def test_a_pool_that_fits_into_one_block_is_one_block() -> None:
    assert [block.tolist() for block in blocks(unit(40), 40, 0)] == [list(range(40))]


def test_a_pool_of_thousands_of_identical_rows_comes_to_an_end() -> None:
    vectors = np.concatenate([np.repeat(unit(1), 5000, axis=0), unit(3, seed=1)])
    assert max(map(len, blocks(vectors, 100, seed=0))) <= 100
    assert sum(map(len, bisect(np.repeat(unit(1), 20_000, axis=0), 300, seed=0))) == 20_000


def test_blocks_are_not_much_smaller_than_they_may_be() -> None:
    found = blocks(unit(3000, 24), 200, 0)
    assert len(found) < 2.5 * 3000 / 200


@pytest.mark.parametrize("cut", [blocks, bisect])
def test_rows_of_a_cluster_stay_together(cut: Cut) -> None:
    """Two rows of a block are alike far more often than two rows of the pool."""
    random = np.random.default_rng(0)
    cluster = random.integers(0, 12, 1200)
    vectors = unit(12, 32)[cluster] + np.float32(0.1) * unit(1200, 32, seed=1)
    found = cut(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 240, 0)
    split = sum(
        len({number for number, block in enumerate(found) if (cluster[block] == c).any()}) - 1 for c in range(12)
    )
    assert split <= 3


def test_cut_into_pieces_beforehand_they_are_still_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_BLOCKS_AT_ONCE", 3)
    monkeypatch.setattr(cutting, "_SPLIT_SAMPLE", 200)  # so that the halves are found from a sample
    found = blocks(unit(2000, 12), 64, 5)
    assert sorted(np.concatenate(found).tolist()) == list(range(2000))
    assert max(map(len, found)) <= 64


def test_the_same_blocks_on_any_number_of_threads_and_others_for_another_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_BLOCKS_AT_ONCE", 4)
    vectors, runs = unit(3000, 24), []
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads):
            runs.append([block.tolist() for block in blocks(vectors, 150, 7, Threads(threads))])
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != [block.tolist() for block in blocks(vectors, 150, 8)]


@pytest.mark.parametrize("cut", [blocks, bisect])
def test_a_size_below_one_is_refused(cut: Cut) -> None:
    with pytest.raises(DataError, match="block_rows: expected at least 1, not 0"):
        cut(unit(3), 0, 0)
