"""Metrics against their definitions, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_pools import Case, axes, cases, clustered, exact_distances, unit

from assets.errors import DataError
from assets.methods.coverage import novel_sum as novelty
from assets.methods.coverage.metrics import diversity, mean_pairwise_distance, reach
from assets.methods.coverage.novel_sum import novel_sum


def plain_novel_sum(distance: np.ndarray, chosen: list[int], power: float, alpha: float, neighbours: int) -> float:
    total = 0.0
    for row in chosen:
        near = sorted(distance[row, other] for other in range(len(distance)) if distance[row, other] >= 1e-6)
        others = sorted(distance[row, other] for other in chosen if other != row)
        weights = [rank**-power for rank in range(1, len(others) + 1)]
        average = sum(w * d for w, d in zip(weights, others, strict=True)) / sum(weights)
        total += average * np.mean(near[:neighbours]) ** -alpha if near else 0.0
    return total / len(chosen)


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.0, 0.5]), st.integers(1, 12))
def test_all_metrics_are_what_their_definitions_say(case: Case, power: float, alpha: float, neighbours: int) -> None:
    chosen = np.random.default_rng(len(case.vectors)).permutation(len(case.vectors))[: max(1, case.picks)]
    distance = exact_distances(case.vectors) / 2
    found = diversity(case.vectors, chosen, cover_radius=0.25)
    least = distance[:, chosen].min(axis=1)
    assert found.chosen == len(chosen)
    assert found.coverage == pytest.approx((least <= 0.25).mean())
    assert found.mean_distance == pytest.approx(least.mean(), abs=1e-9)
    assert found.worst_distance == pytest.approx(least.max(), abs=1e-9)
    assert found.radius == pytest.approx(np.sqrt(2 * least.max()), abs=1e-9)
    if len(chosen) == 1:
        assert found.mean_pairwise is None
        assert found.novel_sum is None
        return
    pairs = distance[np.ix_(chosen, chosen)].sum() / (len(chosen) * (len(chosen) - 1))
    assert found.mean_pairwise == pytest.approx(pairs, abs=1e-6)
    assert found.novel_sum == pytest.approx(
        plain_novel_sum(distance, chosen.tolist(), 1.0, 0.5, 10), rel=1e-4, abs=1e-4
    )
    other = novel_sum(case.vectors, chosen, power, alpha, neighbours)
    assert other == pytest.approx(
        plain_novel_sum(distance, chosen.tolist(), power, alpha, neighbours), rel=1e-4, abs=1e-4
    )


def test_copies_have_no_distance_and_spread_rows_have() -> None:
    vectors = np.concatenate([np.repeat(unit(1, 16), 30, axis=0), unit(30, 16, seed=1)])
    copies, spread = np.arange(30), np.arange(30, 60)
    assert mean_pairwise_distance(vectors, copies) == pytest.approx(0, abs=1e-6)
    assert novel_sum(vectors, copies) == pytest.approx(0, abs=1e-4)
    assert mean_pairwise_distance(vectors, spread) > 0.9
    assert novel_sum(vectors, spread) > 0.5
    assert reach(vectors, np.array([7])).distance[:30].tolist() == [0.0] * 30


def test_rows_of_one_cluster_are_less_novel_than_as_many_of_all_clusters() -> None:
    vectors = clustered(1000, 24, centers=20, spread=0.2)
    alike = np.argsort(-(vectors @ vectors[0]))[:40]
    assert novel_sum(vectors, np.arange(40)) > 2 * novel_sum(vectors, alike)


def test_nearest_is_the_chosen_row_that_stands_first() -> None:
    found = reach(axes(60, 1), np.arange(60)[::-1])
    assert (found.distance == 0).all()
    assert found.coverage(0.0) == 1.0


def test_threads_and_the_height_of_strips_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, chosen = clustered(3000, 32), np.arange(0, 3000, 6)
    monkeypatch.setattr(novelty, "_STRIP_NUMBERS", 200_000)
    runs = [diversity(vectors, chosen, threads=threads) for threads in (1, 2, 4)]
    assert runs[0] == runs[1] == runs[2]


def test_a_large_pool_is_sampled_for_the_density(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, chosen = clustered(2000, 16), np.arange(100)
    whole = novel_sum(vectors, chosen)
    monkeypatch.setattr(novelty, "REFERENCE_ROWS", 1000)
    first = novel_sum(vectors, chosen, seed=1)
    assert first == novel_sum(vectors, chosen, seed=1)
    assert first != novel_sum(vectors, chosen, seed=2)
    assert first == pytest.approx(whole, rel=0.1)


def test_too_few_rows_or_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DataError, match="no rows chosen: there is nothing to compare the pool with"):
        reach(unit(3), np.array([], dtype=int))
    with pytest.raises(DataError, match="chosen: expected rows from 0 to 2, not 1 to 3"):
        diversity(unit(3), np.array([1, 3]))
    with pytest.raises(DataError, match="1 rows chosen: a distance is between at least 2"):
        mean_pairwise_distance(unit(3), np.array([1]))
    with pytest.raises(DataError, match="1 rows chosen: novelty is measured between at least 2"):
        novel_sum(unit(3), np.array([1]))
    with pytest.raises(DataError, match="expected at least 1 neighbour"):
        novel_sum(unit(3), np.array([1, 2]), neighbours=0)
