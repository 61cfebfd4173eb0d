"""Splits: nothing on both sides, each stratum in proportion, the same for a seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.comparing.grouping import groups
from assets.methods.comparing.splits import folds, held_out, strata_of
from assets.methods.threads import Threads

Rows = list[tuple[int, int]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=60), st.integers(0, 5))
def test_a_split_has_every_row_once_and_no_group_twice(rows: Rows, seed: int) -> None:
    strata, members = np.array(rows).T
    try:
        split = held_out(strata, members, seed, share=0.3)
    except DataError:
        return  # one large group, or no stratum that can spare a row
    assert sorted([*split.train, *split.held_out]) == list(range(len(rows)))
    assert not set(members[split.train]) & set(members[split.held_out])
    assert len(split.held_out) <= split.wanted
    assert set(strata[split.train]) == set(strata)
    for stratum in set(strata.tolist()):
        assert (strata[split.held_out] == stratum).sum() <= 0.3 * (strata == stratum).sum() + 1
    again = held_out(strata, members, seed, share=0.3)
    assert (again.held_out == split.held_out).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=6, max_size=60), st.integers(2, 4))
def test_each_row_is_held_out_in_one_fold(rows: Rows, count: int) -> None:
    strata, members = np.array(rows).T
    if len(set(members.tolist())) < count:
        with pytest.raises(DataError, match="expected at least as many groups as folds"):
            folds(strata, members, count, seed=0)
        return
    try:
        dealt = folds(strata, members, count, seed=0)
    except DataError:
        return
    assert sorted(np.concatenate([split.held_out for split in dealt]).tolist()) == list(range(len(rows)))
    for split in dealt:
        assert not set(members[split.train]) & set(members[split.held_out])
        assert len(split.train) + len(split.held_out) == len(rows)
    assert len({split.seed for split in dealt}) == count


def test_strata_of_single_rows_are_split_in_proportion() -> None:
    strata = np.repeat([0, 1, 2], [1000, 200, 50])
    split = held_out(strata, np.arange(1250), seed=1)
    assert np.bincount(strata[split.held_out]).tolist() == [200, 40, 10]
    parts = folds(strata, np.arange(1250), 5, seed=1)
    assert [np.bincount(strata[part.held_out]).tolist() for part in parts] == [[200, 40, 10]] * 5


def test_seeds_hold_other_rows_out_and_large_parts_are_cut() -> None:
    strata, alone = np.zeros(1000, dtype=np.int64), np.arange(1000)
    one, other = (held_out(strata, alone, seed, most_train=300, most_held_out=50) for seed in (0, 1))
    assert (len(one.train), len(one.held_out), one.wanted) == (300, 50, 50)
    assert len(np.intersect1d(one.held_out, other.held_out)) < 15
    assert one.shared == pytest.approx(50 / 350)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([0, 0, 0, 0], "the largest group of rows that repeat each other has 4"),
        ([0], "1 rows: expected at least 2"),
    ],
)
def test_what_cannot_be_split_is_refused(members: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        held_out(np.zeros(len(members), dtype=np.int64), np.array(members), 0, share=0.5)


def test_rows_without_a_label_are_a_stratum() -> None:
    assert strata_of(["b", None, "a", "b", None]).tolist() == [1, 2, 0, 1, 2]


@given(st.integers(0, 30), st.integers(1, 4))
def test_groups_are_the_connected_rows(seed: int, dimensions: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((40, dimensions + 1)).astype(np.float32)
    vectors[::9] = 0
    prompts = [None if number % 5 == 0 else str(number) for number in random.integers(0, 60, 40)]
    found = groups(vectors, prompts, threads=Threads(1))
    lengths = np.linalg.norm(vectors, axis=1)
    unit = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    linked = unit @ unit.T >= 0.95
    for one in range(40):
        for other in range(40):
            linked[one, other] |= one == other or (prompts[one] is not None and prompts[one] == prompts[other])
    reached = np.linalg.matrix_power(linked.astype(np.int64), 1).astype(bool)
    for _ in range(6):
        reached = (reached.astype(np.int64) @ reached.astype(np.int64)) > 0
    assert ((found[:, None] == found[None, :]) == reached).all()
    first = [found.tolist().index(number) for number in range(found.max() + 1)]
    assert first == sorted(first)


def test_large_pools_are_grouped_by_hashes() -> None:
    random = np.random.default_rng(0)
    vectors = np.repeat(random.standard_normal((50, 32)), 4, axis=0).astype(np.float32)
    vectors += 0.01 * random.standard_normal(vectors.shape).astype(np.float32)
    assert groups(vectors, exact_up_to=10).tolist() == np.repeat(np.arange(50), 4).tolist()
    assert groups(vectors).tolist() == np.repeat(np.arange(50), 4).tolist()


def test_unfit_arguments_are_named() -> None:
    with pytest.raises(DataError, match="2 prompts for 3 vectors"):
        groups(np.eye(3, dtype=np.float32), ["a", "b"])
    with pytest.raises(DataError, match="threshold: expected a cosine"):
        groups(np.eye(3, dtype=np.float32), threshold=1.5)
