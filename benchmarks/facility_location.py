"""How fast facility location in blocks is, and what the blocks cost, against dense lazy greedy in the same process.

    python benchmarks/facility_location.py [--rounds 3] [--seed 0] [--block-rows 1024 4096]

Rivals: a plain dense lazy greedy with numpy (n x n in memory), and apricot-select and submodlib where installed.
Seconds are medians; ratios of one run are what compares between machines. The objective is the sum over all rows of
the best max(0, cosine) to a chosen row, computed in full for every method. Needs about 4 GiB for 20,000 rows.
"""

from __future__ import annotations

import argparse
import heapq
import importlib
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.methods.facility_location import facility_location

Vectors = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.int64]
Method = Callable[[Vectors, int], Chosen]

SIZES = ((10_000, 256, 1000), (20_000, 384, 1000))
CENTERS, SPREAD = 200, 1.5


def clustered(rows: int, dimensions: int, seed: int) -> Vectors:
    """Unit vectors around `CENTERS` random directions."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((CENTERS, dimensions)).astype(np.float32)
    noise = random.standard_normal((rows, dimensions)).astype(np.float32)
    vectors = centers[random.integers(0, CENTERS, rows)] + np.float32(SPREAD) * noise
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def dense(vectors: Vectors, picks: int) -> Chosen:
    """Lazy greedy with a heap on the full matrix."""
    similarity = vectors @ vectors.T
    np.maximum(similarity, 0, out=similarity)
    covered = np.zeros(len(vectors), dtype=np.float32)
    heap = [(-float(row.sum(dtype=np.float64)), v) for v, row in enumerate(similarity)]
    heapq.heapify(heap)
    chosen: list[int] = []
    while len(chosen) < picks:
        _, row = heapq.heappop(heap)
        gain = float(np.maximum(similarity[row] - covered, 0).sum(dtype=np.float64))
        if heap and (-gain, row) > heap[0]:
            heapq.heappush(heap, (-gain, row))
            continue
        chosen.append(row)
        np.maximum(covered, similarity[row], out=covered)
    return np.array(chosen)


def apricot(vectors: Vectors, picks: int) -> Chosen:
    """apricot-select, lazy."""
    selection = importlib.import_module("apricot").FacilityLocationSelection
    selector = selection(picks, metric="precomputed", optimizer="lazy")
    ranking: Chosen = selector.fit(np.maximum(vectors @ vectors.T, 0).astype(np.float64)).ranking
    return ranking


def submodlib(vectors: Vectors, picks: int) -> Chosen:
    """submodlib, lazy, on a dense kernel."""
    kernel = np.maximum(vectors @ vectors.T, 0)
    maker = importlib.import_module("submodlib").FacilityLocationFunction
    function = maker(n=len(vectors), mode="dense", sijs=kernel, separate_rep=False)
    return np.array([row for row, _ in function.maximize(budget=picks, optimizer="LazyGreedy", show_progress=False)])


def objective(vectors: Vectors, chosen: Chosen) -> float:
    """The sum of the best similarities, 1,000 rows at a time."""
    strips = (vectors[start : start + 1000] @ vectors[chosen].T for start in range(0, len(vectors), 1000))
    return sum(float(np.maximum(strip, 0).max(axis=1).sum(dtype=np.float64)) for strip in strips)


def methods(block_rows: list[int], seed: int) -> dict[str, Method]:
    """Ours and the rivals that can be imported."""

    def in_blocks(rows: int) -> Method:
        return lambda vectors, picks: facility_location(vectors, picks, block_rows=rows, seed=seed).order

    found: dict[str, Method] = {"dense": dense}
    found |= {f"blocks of {rows}": in_blocks(rows) for rows in block_rows}
    for name, method in (("apricot", apricot), ("submodlib", submodlib)):
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed, left out")
        else:
            found[name] = method
    found["random"] = lambda vectors, picks: np.random.default_rng(seed).permutation(len(vectors))[:picks]
    return found


def main() -> None:
    """Print one line for each size and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--block-rows", type=int, nargs="+", default=[1024, 4096])
    arguments = parser.parse_args()
    contenders = methods(arguments.block_rows, arguments.seed)
    for method in contenders.values():  # compiled code is compiled before the clock starts
        method(clustered(300, 16, 0), 5)
    for rows, dimensions, picks in SIZES:
        vectors = clustered(rows, dimensions, arguments.seed)
        print(f"\n{rows:,} x {dimensions} -> {picks:,}, median of {arguments.rounds}")
        reference: tuple[float, float] | None = None
        for name, method in contenders.items():
            seconds = []
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                chosen = method(vectors, picks)
                seconds.append(time.perf_counter() - start)
            median, value = float(np.median(seconds)), objective(vectors, chosen)
            reference = reference or (median, value)
            times, quality = reference[0] / max(median, 1e-9), value / reference[1]
            print(f"{name:>16}: {median:8.3f} s   dense / this {times:8.1f}   {value:10.2f} objective, {quality:.5f} x")


if __name__ == "__main__":
    main()
