"""One greedy pass over all kinds of duplicates, against plain sequential greedy."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import MatrixIndex, all_ranked, chains, cosines, one_by_one, orphans, residuals

from assets.errors import DataError
from assets.methods.dedup.exact import ExactIndex
from assets.methods.dedup.greedy import keep_best
from assets.methods.dedup.semantic import CosineIndex


def keys(numbers: np.ndarray) -> np.ndarray:
    return np.array([b"%015d." % number for number in numbers], dtype="S16")


def same(numbers: np.ndarray) -> np.ndarray:
    return (numbers[:, None] == numbers[None, :]).astype(np.float64)


def symmetric(random: np.random.Generator, rows: int, share: float) -> np.ndarray:
    """A likeness that `share` of the pairs have, not transitive; few values, so that there are ties."""
    upper = np.triu(np.where(random.random((rows, rows)) < share, random.choice([0.8, 0.9], (rows, rows)), 0), 1)
    return upper + upper.T + np.eye(rows)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(0, 50),
    block_rows=st.integers(1, 20),
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.02, 0.1, 0.5]),
    threshold=st.sampled_from([0.3, 0.7, 0.95]),
    beforehand=st.integers(0, 5),
)
def test_the_same_as_one_by_one(
    rows: int, block_rows: int, seed: int, share: float, threshold: float, beforehand: int
) -> None:
    """Three kinds at once, ranked in any order, some rows not in it, some kept beforehand."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, max(rows, 1), rows)
    near = symmetric(random, rows, share)
    vectors = random.standard_normal((rows, 3)).astype(np.float32)
    alike = cosines(vectors)
    likenesses = [same(numbers), near, np.where(alike >= threshold, alike, 0)]
    order = random.permutation(rows)
    stay, order = order[: min(beforehand, rows)], order[beforehand : max(rows - 2, 0)]
    indexes = [ExactIndex(keys(numbers)), MatrixIndex(near), CosineIndex(vectors, threshold)]
    for index in indexes:
        index.add(stay)
    done: list[int] = []
    found = keep_best(order, indexes, rows, done.append, block_rows)

    expected = one_by_one(order, likenesses, stay.tolist())
    assert {row: found.index[row] for row in np.flatnonzero(found.kept >= 0)} == {
        row: number for row, (number, _) in expected.items()
    }
    assert sum(done) == len(order)
    rank = {row: place for place, row in enumerate([*stay.tolist(), *order.tolist()])}
    for row, (number, best) in expected.items():
        kept = int(found.kept[row])
        assert found.kept[kept] == -1
        assert rank[kept] < rank[row]
        assert found.similarity[row] == pytest.approx(likenesses[number][row, kept], abs=1e-6)
        assert likenesses[number][row, kept] > 0
        if block_rows == 1:  # then all that stay are asked, and the most similar is named
            assert found.similarity[row] == pytest.approx(likenesses[number][row, best], abs=1e-6)
    stays = np.flatnonzero((found.kept < 0) & np.isin(np.arange(rows), [*order, *stay]))
    order_only = np.isin(stays, order)
    for likeness in likenesses:
        pairs = np.argwhere(np.triu(likeness[np.ix_(stays, stays)], 1) > 0)
        assert not any(order_only[one] or order_only[other] for one, other in pairs)  # no residuals


def test_the_earlier_kind_is_named_even_when_a_later_one_found_a_row_of_an_earlier_block() -> None:
    near, alike = np.eye(4), np.eye(4)
    alike[0, 3] = alike[3, 0] = 0.97  # row 3 means the same as row 0, which stays in the first block
    near[2, 3] = near[3, 2] = 0.8  # and has nearly the words of row 2, which stays in its own
    found = all_ranked([MatrixIndex(near), MatrixIndex(alike, "semantic")], 4, block_rows=2)
    assert found.kept.tolist() == [-1, -1, -1, 2]
    assert found.index.tolist() == [-1, -1, -1, 0]
    assert found.similarity.tolist() == [0, 0, 0, 0.8]


def test_kinds_asked_one_after_the_other_would_make_orphans() -> None:
    """Row 2 is like row 1 by words, row 1 like row 0 by meaning: row 2 must not go for a row that goes."""
    near, alike = np.eye(3), np.eye(3)
    near[1, 2] = near[2, 1] = alike[0, 1] = alike[1, 0] = 0.99
    for block_rows in (1, 2, 3):
        found = all_ranked([MatrixIndex(near), MatrixIndex(alike, "semantic")], 3, block_rows)
        assert found.kept.tolist() == [-1, 0, -1]


@pytest.mark.parametrize("block_rows", [3, 1024])
def test_a_chain_of_paraphrases_is_not_one_group(block_rows: int) -> None:
    """Union-find makes one group of each chain, and rules that compare with removed rows remove all but the first."""
    vectors = chains(count=40, length=9, link=0.95)
    alike = cosines(vectors)
    likeness = np.where(alike >= 0.9, alike, 0)
    assert alike[0, 8] < 0.9 <= alike[0, 1]
    found = all_ranked([CosineIndex(vectors, 0.9)], len(vectors), block_rows)
    assert orphans(found, likeness) == residuals(found, likeness) == 0
    assert found.kept[:3].tolist() == [-1, 0, 0] or found.kept[:3].tolist() == [-1, 0, -1]
    stays = (found.kept < 0).reshape(40, 9).sum(axis=1)
    assert (stays > 1).all()


def test_one_of_each_pair_stays() -> None:
    numbers = np.arange(1000) % 500
    found = all_ranked([ExactIndex(keys(numbers))], 1000, 64)
    assert (found.kept[:500] == -1).all()
    assert (found.kept[500:] == np.arange(500)).all()
    assert (found.similarity[500:] == 1).all()


def test_no_rows_and_no_indexes() -> None:
    assert len(all_ranked([ExactIndex(keys(np.empty(0, int)))], 0).kept) == 0
    assert all_ranked([], 3).kept.tolist() == [-1, -1, -1]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([0, 1, 1], "order: row 1 is named 2 times"),
        ([0, 3], "order: expected rows from 0 to 2, not 0 to 3"),
        ([-1, 0], "order: expected rows from 0 to 2, not -1 to 0"),
    ],
)
def test_orders_that_make_no_sense_are_refused(order: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        keep_best(np.array(order), [ExactIndex(keys(np.arange(3)))], 3, lambda rows: None)
    with pytest.raises(DataError, match="block_rows: expected at least 1, not 0"):
        all_ranked([], 3, block_rows=0)


def test_large_pools_and_heavy_duplication_are_fast() -> None:
    all_ranked([ExactIndex(keys(np.zeros(10, int)))], 10)  # compiled before the clock starts
    for numbers in (np.random.default_rng(0).integers(0, 140_000, 200_000), np.zeros(100_000, int)):
        made = keys(numbers)
        start = time.process_time()
        found = all_ranked([ExactIndex(made)], len(numbers))
        assert time.process_time() - start < 2  # about .3 s
        assert (found.kept < 0).sum() == len(np.unique(numbers))
    vectors = np.ones((20_000, 16), dtype=np.float32)
    found = all_ranked([CosineIndex(vectors, 0.9)], len(vectors))
    assert found.kept.tolist() == [-1] + [0] * 19_999
