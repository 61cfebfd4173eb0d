"""How fast greedy k-center is beside small-text, and whether its radius is the same.

    pip install --no-deps small-text==1.4.1
    python benchmarks/k_center.py [--rounds 5] [--rows 10000] [--seed 0]

Rivals: small-text's greedy coreset, where it is installed, and a running minimum with numpy: one product of the whole
pool with a vector for each row taken. All start from the same row and take 500 rows of 256 dimensions, in turn; seconds
are medians, and the ratio of one run is what compares between machines. The radius is the largest Euclidean distance of
a row to the nearest row taken, measured in full for every method. A round of small-text takes minutes.

Growth: 13,000, 26,000 and 52,000 rows of 384 dimensions, a tenth of them taken, in clusters and without any.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.methods.coverage.k_center import k_center
from assets.methods.coverage.metrics import reach

Vectors = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.int64]

CENTERS = 200
PICKS, DIMENSIONS = 500, 256


def clustered(rows: int, dimensions: int, seed: int, spread: float = 1.5) -> Vectors:
    """Unit vectors around `CENTERS` random directions; a wide spread leaves no clusters."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((CENTERS, dimensions)).astype(np.float32)
    noise = random.standard_normal((rows, dimensions)).astype(np.float32)
    vectors = centers[random.integers(0, CENTERS, rows)] + np.float32(spread) * noise
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def ours(vectors: Vectors) -> Chosen:
    """From row 0, like the others."""
    return np.append(0, k_center(vectors, PICKS - 1, start=np.array([0])).order)


def running_minimum(vectors: Vectors) -> Chosen:
    """One matrix-vector product a step."""
    chosen = [0]
    closest = np.full(len(vectors), -np.inf, dtype=np.float32)
    while len(chosen) < PICKS:
        np.maximum(closest, vectors @ vectors[chosen[-1]], out=closest)
        closest[chosen[-1]] = np.inf
        chosen.append(int(closest.argmin()))
    return np.array(chosen)


def small_text(vectors: Vectors) -> Chosen:
    """The greedy coreset with row 0 labelled already."""
    coreset = importlib.import_module("small_text.query_strategies.coresets").greedy_coreset
    # It returns places among the unlabelled rows but looks them up among all: right only if these are the same.
    unlabelled = np.arange(len(vectors))
    found = coreset(vectors, unlabelled, np.array([0]), PICKS - 1, distance_metric="euclidean", normalized=True)
    return np.append(0, np.asarray(found, dtype=np.int64))


def speed(rows: int, rounds: int, seed: int) -> None:
    """Print medians, ratios and radii."""
    vectors = clustered(rows, DIMENSIONS, seed)
    ours(vectors[:1000])  # compiled code is compiled before the clock starts
    contenders: dict[str, Callable[[Vectors], Chosen]] = {"ours": ours, "running minimum": running_minimum}
    if importlib.util.find_spec("small_text") is None:
        print("small-text: not installed, left out (pip install --no-deps small-text==1.4.1)")
    else:
        contenders["small-text"] = small_text
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    chosen: dict[str, Chosen] = {}
    for _ in range(rounds):
        for name, method in contenders.items():
            start = time.perf_counter()
            chosen[name] = method(vectors)
            seconds[name].append(time.perf_counter() - start)
    print(f"{rows:,} x {DIMENSIONS} -> {PICKS}, median of {rounds}")
    for name, times in seconds.items():
        ratio = float(np.median(times)) / float(np.median(seconds["ours"]))
        radius = reach(vectors, chosen[name]).radius
        print(f"{name:>16}: {np.median(times):8.3f} s  radius {radius:.6f}   this / ours {ratio:8.1f}")


def growth(seed: int) -> None:
    """Print seconds; four times the rows, and as many rows taken, are sixteen times the pairs."""
    print("\na tenth of the rows taken, 384 dimensions")
    for name, spread in (("clusters", 0.5), ("loose clusters", 1.5), ("no clusters", 1e6)):
        for rows in (13_000, 26_000, 52_000):
            vectors = clustered(rows, 384, seed, spread)
            start = time.perf_counter()
            k_center(vectors, rows // 10)
            print(f"{name:>16} {rows:7,} rows: {time.perf_counter() - start:6.2f} s")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    speed(arguments.rows, arguments.rounds, arguments.seed)
    growth(arguments.seed)


if __name__ == "__main__":
    main()
