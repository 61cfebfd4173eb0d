"""One row of each cluster: which, in what order, and what happens where a cluster has none."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_pools import Case, cases, clustered, unit

from assets.errors import DataError
from assets.methods.coverage import partition as cutting
from assets.methods.coverage.partition import partition
from assets.methods.coverage.representatives import Member, representatives
from assets.methods.threads import Threads

MEMBERS: list[Member] = ["first", "nearest", "farthest", "random", "best"]


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from(MEMBERS))
def test_gains_members_and_what_stands_for_a_row(case: Case, member: Member) -> None:
    found = representatives(case.vectors, case.picks, case.candidates, case.weights, case.start, member, seed=3)
    may = case.candidates.copy()
    may[case.start] = False
    assert len(found.order) == min(case.picks, may.sum())
    assert len(set(found.order.tolist())) == len(found.order)
    assert may[found.order].all()
    taken = case.start.tolist()
    last = (1, -np.inf, -1)
    for row, gain in zip(found.order.tolist(), found.gains, strict=True):
        cluster = found.assignment == found.assignment[row]
        number = 1 + int(cluster[taken].sum()) if taken else 1
        assert gain == case.weights[row] * cluster.sum() / number
        assert (number, -gain, row) > last
        last = (number, -gain, row)
        rest = [other for other in np.flatnonzero(cluster & may) if other not in taken]
        if member == "first":
            assert row == rest[0]
        if member == "best":
            assert case.weights[row] == case.weights[rest].max()
        if member in ("nearest", "farthest"):
            distances = to_mean(case.vectors, cluster)
            sign = 1 if member == "nearest" else -1
            assert sign * distances[row] <= (sign * distances[rest]).min() + 1e-9
        taken.append(row)
    for row, nearest in enumerate(found.nearest.tolist()):
        same = [other for other in taken if found.assignment[other] == found.assignment[row]]
        assert nearest == (row if row in taken else same[0] if same else -1)
        assert np.isnan(found.similarity[row]) == (nearest < 0)


def to_mean(vectors: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    whole = np.column_stack([vectors, ~vectors.any(axis=1)]).astype(np.float64)
    return np.asarray(((whole - whole[cluster].mean(axis=0)) ** 2).sum(axis=1))


def test_well_parted_clusters_give_one_row_each_the_largest_first() -> None:
    sizes = [40, 30, 20, 10]
    centers = np.eye(4, 8, dtype=np.float32)
    noise = 0.02 * np.random.default_rng(0).standard_normal((100, 8)).astype(np.float32)
    vectors = np.repeat(centers, sizes, axis=0) + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = representatives(vectors, 4, member="first")
    assert found.order.tolist() == [0, 40, 70, 90]
    assert found.gains.tolist() == [40, 30, 20, 10]
    assert found.notes == ()


def test_copies_make_fewer_clusters_and_give_second_members_which_is_said() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), [5, 3, 2], axis=0)
    found = representatives(vectors, 5, member="first")
    assert found.order.tolist() == [0, 5, 8, 1, 6]
    assert found.gains.tolist() == [5, 3, 2, 2.5, 1.5]
    assert found.notes == (
        "5 clusters asked for, 3 made: there was nothing to tell more apart by",
        "2 of 5 rows are the second or a later one of their cluster",
    )


def test_a_cluster_without_candidates_gives_no_row_which_is_said() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    found = representatives(vectors, 3, candidates=np.arange(12) < 8, member="first")
    assert found.order.tolist() == [0, 4, 1]
    assert found.notes[0] == "1 of 3 clusters hold no candidate and give no row"
    assert (found.nearest[8:] == -1).all()


def test_a_row_to_start_from_stands_for_its_cluster() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    found = representatives(vectors, 2, start=np.array([5]), member="first")
    assert found.order.tolist() == [0, 8]
    assert (found.nearest[4:8] == 5).all()


@pytest.mark.parametrize("member", MEMBERS)
def test_the_seed_decides_and_threads_do_not(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_WHOLE", 10_000)
    monkeypatch.setattr(cutting, "_BLOCK_ROWS", 300)
    vectors = clustered(2000, 16)
    runs = [representatives(vectors, 150, member=member, seed=5, threads=threads) for threads in (1, 2, 4)]
    parts = [[part.tobytes() for part in (run.order, run.gains, run.assignment)] for run in runs]
    assert parts[0] == parts[1] == parts[2]
    assert representatives(vectors, 150, member=member, seed=6).order.tolist() != runs[0].order.tolist()


def test_an_unknown_member_is_refused() -> None:
    with pytest.raises(DataError, match=r"member: expected one of first, nearest, .*, not 'middle'"):
        # Settings are checked before; whoever calls the function itself is told, too.
        representatives(unit(3), 1, member=cast(Any, "middle"))


def test_nothing_to_choose_from_or_nothing_wanted() -> None:
    assert representatives(np.empty((0, 5), np.float32), 3).order.tolist() == []
    assert representatives(unit(4), 0).order.tolist() == []


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 60), clusters=st.integers(1, 60), seed=st.integers(0, 100), distinct=st.booleans())
def test_a_partition_has_no_empty_cluster_and_parts_no_copies(
    rows: int, clusters: int, seed: int, distinct: bool
) -> None:
    vectors = unit(rows, seed=seed, distinct=None if distinct else 4)
    found = partition(vectors, min(rows, clusters), seed, Threads())
    assert sorted(np.unique(found.assignment)) == list(range(len(found.sizes)))
    assert found.sizes.sum() == rows
    assert len(found.sizes) <= min(rows, clusters)
    assert bool(found.notes) == (len(found.sizes) < min(rows, clusters))
    for vector in np.unique(vectors, axis=0):
        assert len(set(found.assignment[(vectors == vector).all(axis=1)])) == 1


def test_blocks_cost_little_beside_k_means_over_the_whole_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(4000, 16, centers=60)
    whole = partition(vectors, 400, 0, Threads())
    monkeypatch.setattr(cutting, "_WHOLE", 10_000)
    monkeypatch.setattr(cutting, "_BLOCK_ROWS", 500)
    in_blocks = partition(vectors, 400, 0, Threads())
    assert in_blocks.squared.mean() < 1.05 * whole.squared.mean()
