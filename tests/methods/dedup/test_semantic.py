"""Semantic duplicates, exact and by hashing, against the full matrix of cosines."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import (
    MatrixIndex,
    all_ranked,
    chains,
    clustered,
    cosines,
    isotropic,
    orphans,
    residuals,
    turned,
    unit,
    with_duplicates,
)

from assets.errors import DataError
from assets.methods.dedup import residual
from assets.methods.dedup.greedy import KeptIndex
from assets.methods.dedup.semantic import EPSILON, CosineIndex
from assets.methods.dedup.sign_lsh import RECALL, SignIndex, index_for
from assets.methods.dedup.sign_tables import Tables

Make = Callable[..., np.ndarray]


def likeness(vectors: np.ndarray, threshold: float, groups: np.ndarray | None = None) -> np.ndarray:
    alike = cosines(vectors)
    if groups is not None:
        alike = np.where(groups[:, None] == groups[None, :], alike, 0)
    return np.where(alike >= threshold - EPSILON, alike, 0)


def by_signs(
    vectors: np.ndarray,
    threshold: float,
    groups: np.ndarray | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> SignIndex:
    """Also where comparing all pairs would be cheaper, as it is with so few rows."""
    exact = CosineIndex(vectors, threshold, groups, seed, threads)
    tables = Tables.plan(exact.vectors, exact.heads.scales, threshold, RECALL, seed)
    assert tables is not None
    return SignIndex(exact, tables, seed)


# -- exact -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 80),
    dimensions=st.sampled_from([1, 2, 3, 9, 40, 100]),
    threshold=st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]),
    distinct=st.sampled_from([3, 20, 1000]),
    grouped=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_every_pair_is_found_and_none_is_made_up(
    rows: int, dimensions: int, threshold: float, distinct: int, grouped: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((min(rows, distinct), dimensions)) * random.choice([0, 1, 50], (1, dimensions))
    vectors = vectors[random.integers(0, len(vectors), rows)].astype(np.float32)  # equal rows, zeros, any length
    groups = random.integers(0, 3, rows).astype(np.int32) if grouped else None
    expected = likeness(vectors, threshold, groups)
    kept, asked = random.permutation(rows)[: rows // 2], random.permutation(rows)

    index, matrix = CosineIndex(vectors, threshold, groups, seed), MatrixIndex(expected)
    index.add(kept[:3])
    index.add(kept[3:])
    matrix.add(kept)
    found, wanted = index.find(asked), matrix.find(asked)
    np.testing.assert_allclose(found.similarity, wanted.similarity, atol=1e-6)
    hit = found.kept >= 0
    assert (hit == (wanted.kept >= 0)).all()
    np.testing.assert_allclose(expected[asked[hit], found.kept[hit]], wanted.similarity[hit], atol=1e-6)

    pairs, sure = index.within(asked), matrix.within(asked)
    assert set(zip(pairs.first, pairs.second, strict=True)) == set(zip(sure.first, sure.second, strict=True))
    assert (pairs.first < pairs.second).all()
    np.testing.assert_allclose(pairs.similarity, expected[asked[pairs.first], asked[pairs.second]], atol=1e-6)


@pytest.mark.parametrize("make", [isotropic, clustered])
@pytest.mark.parametrize("threshold", [0.85, 0.9, 0.97])
def test_planted_duplicates_leave_no_orphans_and_no_residuals(make: Make, threshold: float) -> None:
    vectors = with_duplicates(make(2000, 96))
    expected = likeness(vectors, threshold)
    found = all_ranked([CosineIndex(vectors, threshold)], len(vectors))
    assert orphans(found, expected) == residuals(found, expected) == 0
    assert (found.kept >= 0).sum() > 100


def test_the_most_similar_kept_row_is_named_and_of_equals_the_first() -> None:
    random = np.random.default_rng(0)
    base = isotropic(1)
    vectors = np.concatenate([base, turned(base, np.array([0.92]), random), turned(base, np.array([0.97]), random)])
    vectors = vectors[[1, 2, 2, 0]]
    index = CosineIndex(vectors, 0.9)
    index.add(np.array([0, 2, 1]))
    found = index.find(np.array([3]))
    assert found.kept.tolist() == [2]
    assert found.similarity[0] == pytest.approx(0.97, abs=1e-6)


def test_at_a_threshold_of_one_only_the_same_direction_counts() -> None:
    base = isotropic(500, 300)
    near = turned(base, np.full(500, 1 - 1e-4), np.random.default_rng(0))
    vectors = np.concatenate([base, near, base * np.float32(3), -base])
    found = all_ranked([CosineIndex(vectors, 1.0)], len(vectors))
    assert np.flatnonzero(found.kept >= 0).tolist() == list(range(1000, 1500))
    assert found.kept[1000:1500].tolist() == list(range(500))
    assert (found.similarity[1000:1500] > 1 - 1e-6).all()
    assert found.similarity.max() <= 1


@pytest.mark.parametrize("make", [CosineIndex, by_signs])
def test_vectors_of_zeros_repeat_nothing(make: Callable[..., KeptIndex]) -> None:
    vectors = np.concatenate([np.zeros((50, 32), np.float32), isotropic(2000, 32), np.zeros((50, 32), np.float32)])
    found = all_ranked([make(vectors, 0.9)], len(vectors))
    assert (found.kept[:50] == -1).all()
    assert (found.kept[-50:] == -1).all()
    assert all_ranked([CosineIndex(np.zeros((3, 4), np.float32), 1e-9)], 3).kept.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows(rows: int) -> None:
    vectors = isotropic(3)[:rows]
    assert (all_ranked([index_for(vectors, 0.9)], rows).kept == -1).all()
    assert (all_ranked([index_for(vectors, 0.9, exact_up_to=0)], rows).kept == -1).all()


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, float("nan")])
def test_thresholds_that_are_no_cosine_are_refused(threshold: float) -> None:
    with pytest.raises(DataError, match="threshold: expected a cosine above 0, at most 1, not"):
        CosineIndex(isotropic(2), threshold)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused_by_row(bad: float) -> None:
    vectors = isotropic(5000)
    vectors[3210, 7] = bad
    with pytest.raises(DataError, match="the vector of row 3,210 holds a number that is not finite"):
        CosineIndex(vectors, 0.9)


def test_very_long_and_very_short_vectors_have_cosines_too() -> None:
    base = isotropic(40, 8)
    vectors = np.concatenate([base, base * np.float32(1e-30), base * np.float32(1e30)])
    found = all_ranked([CosineIndex(vectors, 0.999)], 120)
    assert found.kept[40:].tolist() == list(range(40)) * 2


def test_a_read_only_view_of_columns_will_do() -> None:
    wide = np.concatenate([isotropic(300), isotropic(300)], axis=1)
    wide.setflags(write=False)
    assert (all_ranked([CosineIndex(wide[:, :64], 0.9)], 300).kept == -1).all()


@pytest.mark.parametrize("index", [CosineIndex, by_signs])
@pytest.mark.parametrize("make", [isotropic, clustered])
def test_the_answer_does_not_depend_on_threads(index: Callable[..., KeptIndex], make: Make) -> None:
    vectors = with_duplicates(make(3000))
    results = [all_ranked([index(vectors, 0.9, threads=threads)], len(vectors)) for threads in (1, 2, 5)]
    for name in ("kept", "index", "similarity"):
        assert len({getattr(result, name).tobytes() for result in results}) == 1


def test_the_exact_answer_does_not_depend_on_the_seed_or_on_the_blocks() -> None:
    vectors = with_duplicates(clustered(3000))
    stays = {
        (all_ranked([CosineIndex(vectors, 0.9, seed=seed)], len(vectors), blocks).kept < 0).tobytes()
        for seed, blocks in ((0, 1024), (1, 1024), (2, 100), (3, 5000))
    }
    assert len(stays) == 1


# -- by hashing ------------------------------------------------------------------------------------------------------


def test_small_pools_are_exact_and_large_ones_are_where_that_is_cheaper() -> None:
    vectors = isotropic(40_000)
    assert isinstance(index_for(vectors, 0.9), CosineIndex)
    assert isinstance(index_for(vectors, 0.9, exact_up_to=40_000), CosineIndex)
    assert isinstance(index_for(vectors, 0.9, exact_up_to=39_999), SignIndex)
    assert isinstance(index_for(vectors[:3000], 0.9, exact_up_to=0), CosineIndex)  # cheaper to compare all
    # All within a narrow cone, as far apart as the threshold allows: hashing would bring everything together.
    narrow = unit(isotropic(3000) * 0.4 + isotropic(1, seed=1))
    assert isinstance(index_for(narrow, 0.9, exact_up_to=0), CosineIndex)
    assert CosineIndex.recall == 1.0
    with pytest.raises(DataError, match="recall: expected a probability above 0 and below 1, not 1"):
        index_for(vectors, 0.9, exact_up_to=0, recall=1)


@pytest.mark.parametrize("cone", [0.0, 0.5])
@pytest.mark.parametrize("threshold", [0.9, 0.95])
def test_pairs_at_the_threshold_are_found_as_often_as_promised(cone: float, threshold: float) -> None:
    """The hardest pairs there are: all at the threshold itself; with a cone the rows also point to one side."""
    random = np.random.default_rng(1)
    base = unit(isotropic(6000, 128) + cone * isotropic(1, 128, seed=5))
    vectors = np.concatenate([base, turned(base, np.full(6000, threshold), random)])
    index = by_signs(vectors, threshold - 1e-5)
    index.add(np.arange(6000))
    found = index.find(np.arange(6000, 12_000)).kept
    assert index.recall >= RECALL
    assert (found == np.arange(6000)).mean() > RECALL - 0.001  # 3 of 6,000 may be missed; 9 are never, but once


@pytest.mark.parametrize("make", [isotropic, clustered])
def test_hashing_leaves_no_orphans_and_hardly_any_residuals(make: Make) -> None:
    vectors = with_duplicates(make(4000, 96))
    expected = likeness(vectors, 0.9)
    found = all_ranked([by_signs(vectors, 0.9)], len(vectors), 200)
    assert orphans(found, expected) == 0
    gone = (found.kept >= 0).sum()
    assert residuals(found, expected) <= 0.001 * gone
    exact = all_ranked([CosineIndex(vectors, 0.9)], len(vectors), 200)
    assert abs(int(gone) - (exact.kept >= 0).sum()) <= 0.002 * gone


def test_rows_near_the_center_are_not_missed() -> None:
    """Seen from the center, where hashing looks from, similar rows near it may lie in opposite directions."""
    random = np.random.default_rng(0)
    middle = isotropic(1, 64, seed=9)
    near = unit(middle + 0.15 * isotropic(60, 64, seed=2))
    far = unit(0.4 * middle + isotropic(4000, 64, seed=3))
    vectors = np.concatenate([near, far])[random.permutation(4060)]
    found = all_ranked([by_signs(vectors, 0.9)], len(vectors), 100)
    expected = likeness(vectors, 0.9)
    assert (found.kept >= 0).sum() >= 50
    assert orphans(found, expected) == residuals(found, expected) == 0


def test_hashing_respects_groups_and_chains() -> None:
    vectors = np.concatenate([chains(count=60, length=6, link=0.95), isotropic(3000, seed=4)])
    groups = (np.arange(len(vectors)) % 2).astype(np.int32)
    found = all_ranked([by_signs(vectors, 0.9, groups=groups)], len(vectors), 50)
    expected = likeness(vectors, 0.9, groups)
    assert (found.kept >= 0).sum() > 60
    assert orphans(found, expected) == residuals(found, expected) == 0


def test_more_recall_makes_more_tables() -> None:
    vectors = isotropic(3000, 128)
    plans = [Tables.plan(vectors, np.ones(3000), 0.9, recall, 0) for recall in (0.9, 0.999, 0.99999)]
    assert all(
        plan is not None and plan.recall >= recall for plan, recall in zip(plans, (0.9, 0.999, 0.99999), strict=True)
    )
    # By probability alone: the planes a pair at the threshold agrees on are k throws of a coin of weight `side`.
    plan = plans[1]
    assert plan is not None
    assert plan.recall <= 1 - (1 - plan.side**plan.planes) ** plan.tables
    assert plan.side == pytest.approx(1 - np.arccos(0.9) / np.pi, abs=0.01)


# -- what is left ----------------------------------------------------------------------------------------------------


def test_searching_all_rows_counts_what_is_left() -> None:
    vectors = with_duplicates(isotropic(1500))
    expected = likeness(vectors, 0.9)
    stays = np.arange(300, len(vectors))
    pairs = int((np.triu(expected[300:, 300:], 1) > 0).sum())
    found = residual.estimate(CosineIndex(vectors, 0.9), stays, 500, seed=0, searched=10**6)
    assert found == residual.Residual(pairs, pairs / (500 + pairs), pairs / (500 + pairs), len(stays), len(stays))
    assert pairs > 100


def test_a_sample_estimates_what_is_left_and_bounds_it() -> None:
    vectors = with_duplicates(clustered(3000))
    index, stays = CosineIndex(vectors, 0.9), np.arange(len(vectors))
    truth = residual.estimate(index, stays, 0, 0, len(vectors)).pairs
    parts = [residual.estimate(index, stays, 10_000, seed, searched=800) for seed in range(40)]
    assert np.mean([part.pairs for part in parts]) == pytest.approx(truth, rel=0.1)
    assert all(part.share < part.upper for part in parts)
    share = truth / (10_000 + truth)
    assert sum(part.upper < share for part in parts) <= 6  # 5 % of 40 are 2


def test_finding_nothing_bounds_the_share_by_a_thousandth() -> None:
    found = residual.estimate(CosineIndex(isotropic(9000), 0.9), np.arange(9000), 4000, seed=0)
    assert (found.pairs, found.share) == (0, 0)
    assert 0 < found.upper <= residual.BOUND
    assert 1024 <= found.searched < 9000


def test_groups_and_hardly_any_rows_in_estimates() -> None:
    vectors = np.repeat(isotropic(50), 2, axis=0)
    apart = CosineIndex(vectors, 0.9, np.tile(np.array([0, 1], np.int32), 50))
    assert residual.estimate(apart, np.arange(100), 5, 0).pairs == 0
    assert residual.estimate(CosineIndex(vectors, 0.9), np.arange(100), 50, 0).share == 0.5
    assert residual.estimate(apart, np.empty(0, np.int64), 0, 0).share == 0
    with pytest.raises(DataError, match="searched: expected at least 1 row, not 0"):
        residual.estimate(apart, np.arange(3), 0, 0, searched=0)
