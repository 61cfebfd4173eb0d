"""Clusters, positions and coverage against plain formulas, degenerate pools and changes of thread count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import diversity


def unit(rows: int, dimensions: int = 6, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def planted(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows close to one of three axes: 50, 30 and 20 % of them."""
    random = np.random.default_rng(seed)
    truth = np.repeat([2, 0, 1], [rows // 2, rows * 3 // 10, rows - rows // 2 - rows * 3 // 10])
    vectors = np.eye(6, dtype=np.float32)[truth] + 0.05 * random.standard_normal((rows, 6)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), truth


@pytest.mark.parametrize(
    ("rows", "clusters"), [(1, 1), (2, 1), (8, 2), (200, 10), (52_000, 161), (2_000_000, 1000), (50_000_000, 1000)]
)
def test_default_clusters(rows: int, clusters: int) -> None:
    assert diversity.default_clusters(rows) == clusters


def test_default_clusters_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="no rows"):
        diversity.default_clusters(0)


def test_planted_clusters_are_found_largest_first() -> None:
    vectors, truth = planted(200)
    found = diversity.cluster(vectors, 3, 50, seed=0)
    for planted_class, number in ((2, 0), (0, 1), (1, 2)):
        assert (found.assignment[truth == planted_class] == number).all()
    assert found.notes == ()
    assert found.assignment.dtype == np.int32
    assert found.distance.dtype == found.centers.dtype == np.float32


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5))
def test_clusters_are_a_partition_with_true_distances(rows: int, clusters: int, seed: int) -> None:
    clusters = min(clusters, rows)
    vectors = unit(rows, seed=seed)
    found = diversity.cluster(vectors, clusters, 20, seed)
    sizes = np.bincount(found.assignment)
    assert len(sizes) == len(found.centers) == clusters
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    expected = np.linalg.norm(vectors - found.centers[found.assignment], axis=1)
    np.testing.assert_allclose(found.distance, expected, atol=1e-6)


def test_fewer_distinct_rows_than_clusters_is_said() -> None:
    vectors = np.repeat(np.eye(6, dtype=np.float32)[:2], [5, 7], axis=0)
    found = diversity.cluster(vectors, 4, 20, seed=0)
    assert found.assignment.tolist() == [1] * 5 + [0] * 7
    np.testing.assert_allclose(found.distance, 0, atol=1e-6)
    assert found.notes == ("4 clusters asked for, 2 made: there are only 2 distinct vectors",)


def test_identical_rows_are_one_cluster() -> None:
    vectors = np.repeat(unit(1), 9, axis=0)
    found = diversity.cluster(vectors, 3, 20, seed=0)
    assert set(found.assignment) == {0}
    assert (diversity.positions(vectors) == 0).all()


def test_impossible_numbers_of_clusters_are_refused() -> None:
    for clusters in (0, 4):
        with pytest.raises(DataError, match=f"{clusters} clusters of 3 rows"):
            diversity.cluster(unit(3), clusters, 20, seed=0)


def test_same_seed_same_bytes_whatever_the_number_of_threads() -> None:
    vectors = unit(1500, 16)
    runs = []
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads):
            found = diversity.cluster(vectors, 12, 20, seed=1)
            runs.append((found.assignment.tobytes(), found.distance.tobytes(), diversity.positions(vectors).tobytes()))
    assert runs[0] == runs[1] == runs[2]


def test_positions_are_the_principal_components_with_a_fixed_sign() -> None:
    vectors = unit(50) * np.array([5, 3, 1, 1, 1, 1], dtype=np.float32)
    centred = vectors - vectors.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ components[:2].T
    found = diversity.positions(vectors)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-4)
    # The picture depends neither on the order of the rows nor on which way a solver happens to point.
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_allclose(diversity.positions(vectors[order]), found[order], atol=1e-4)


@pytest.mark.parametrize("shape", [(0, 6), (1, 6), (5, 1)])
def test_positions_of_degenerate_pools(shape: tuple[int, int]) -> None:
    vectors = np.ones(shape, dtype=np.float32)
    found = diversity.positions(vectors)
    assert found.shape == (shape[0], 2)
    assert (found == 0).all()


def test_mean_best_similarity_agrees_with_the_full_matrix() -> None:
    vectors = unit(4000)
    for chosen in (np.array([3, 50, 8]), np.arange(0, 4000, 3), range(4000)):  # the last takes more than one strip
        expected = (vectors @ vectors[list(chosen)].T).max(axis=1).mean()
        assert diversity.mean_best_similarity(vectors, chosen) == pytest.approx(expected, abs=1e-6)
    assert diversity.mean_best_similarity(vectors, range(4000)) == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(DataError, match="no rows chosen"):
        diversity.mean_best_similarity(vectors, [])
