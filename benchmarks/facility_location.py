"""How fast facility location is, and how good, against exact greedy and the peers, interleaved in one process.

    python benchmarks/facility_location.py [--rounds 5] [--slow-rounds 1] [--seed 0]
    python benchmarks/facility_location.py --growth 250000 1000000 [--plot benchmarks/facility_location.png]

Rivals: a plain dense lazy greedy with numpy (n x n in memory), and apricot-select and submodlib where installed.
Seconds are medians; ratios of one run are what compares between machines. The objective is the sum over all rows of
the best max(0, cosine) to a chosen row, computed in full for every method, and shown as a multiple of exact greedy's.
submodlib takes minutes, and so it has rounds of its own. Needs about 6 GiB for 20,000 rows.

`--growth` times ours alone, a twentieth of the rows chosen, with the memory beyond the vectors, and compares coverage
on a sample of 20,000 rows of the pool with what exact greedy reaches that chooses the same share of the sample itself.
`--plot` draws seconds against rows, of ours and of the peers as far as they come in a minute.
"""

from __future__ import annotations

import argparse
import heapq
import importlib
import importlib.util
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets.methods.facility_location import facility_location

Vectors = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.int64]
Method = Callable[[Vectors, int], Chosen]

SIZES = ((10_000, 256, 1000), (20_000, 384, 1000))
CENTERS, SPREAD = 200, 1.5
SAMPLE = 20_000
PLOTTED = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000)
PATIENCE = 60.0  # seconds that a method may take for the next size to be tried, too


def clustered(rows: int, dimensions: int, seed: int, centers: int = CENTERS) -> Vectors:
    """Unit vectors around `centers` random directions."""
    random = np.random.default_rng(seed)
    means = random.standard_normal((centers, dimensions)).astype(np.float32)
    unit = np.empty((rows, dimensions), dtype=np.float32)
    for start in range(0, rows, 50_000):
        size = min(50_000, rows - start)
        noise = random.standard_normal((size, dimensions)).astype(np.float32)
        vectors = means[random.integers(0, centers, size)] + np.float32(SPREAD) * noise
        unit[start : start + size] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
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


def ours(vectors: Vectors, picks: int) -> Chosen:
    """Pickwise."""
    return facility_location(vectors, picks).order


def apricot(vectors: Vectors, picks: int) -> Chosen:
    """apricot-select, lazy, on a kernel that is not timed less than ours is: making it is part of the work."""
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


def at_random(vectors: Vectors, picks: int) -> Chosen:
    """A draw."""
    return np.random.default_rng(0).permutation(len(vectors))[:picks]


def objective(vectors: Vectors, chosen: Chosen) -> float:
    """The sum of the best similarities, 1,000 rows at a time."""
    strips = (vectors[start : start + 1000] @ vectors[chosen].T for start in range(0, len(vectors), 1000))
    return sum(float(np.maximum(strip, 0).max(axis=1).sum(dtype=np.float64)) for strip in strips)


def methods() -> dict[str, Method]:
    """Exact greedy, ours, and the rivals that can be imported."""
    found: dict[str, Method] = {"exact greedy": dense, "pickwise": ours}
    for name, method in (("apricot", apricot), ("submodlib", submodlib)):
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed, left out")
        else:
            found[name] = method
    return found | {"random": at_random}


def timed(method: Method, vectors: Vectors, picks: int) -> tuple[float, Chosen]:
    """Seconds, and what was chosen."""
    start = time.perf_counter()
    chosen = method(vectors, picks)
    return time.perf_counter() - start, chosen


def compare(rounds: int, slow_rounds: int, seed: int) -> None:
    """Print one line for each size and method."""
    contenders = methods()
    for rows, dimensions, picks in SIZES:
        vectors = clustered(rows, dimensions, seed)
        print(f"\n{rows:,} x {dimensions} -> {picks:,}, medians of {rounds} rounds ({slow_rounds} of submodlib)")
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        chosen: dict[str, Chosen] = {}
        for number in range(rounds):
            for name, method in contenders.items():
                if name != "submodlib" or number < slow_rounds:
                    took, chosen[name] = timed(method, vectors, picks)
                    seconds[name].append(took)
        best, median = objective(vectors, chosen["exact greedy"]), float(np.median(seconds["pickwise"]))
        for name in chosen:
            took, value = float(np.median(seconds[name])), objective(vectors, chosen[name]) / best
            print(
                f"{name:>14}: {took:8.3f} s = {took / median:7.1f} x ours   objective {value:.5f} x exact", flush=True
            )


# -- growth ----------------------------------------------------------------------------------------------------------


class Peak:
    """The most memory of this process while the block runs, beyond what it had before, in GiB."""

    def __enter__(self) -> Peak:
        self.before = self.most = self._now()
        self.done = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.watcher.join()

    @property
    def beyond(self) -> float:
        """In GiB."""
        return self.most - self.before

    def _watch(self) -> None:
        while not self.done.wait(0.02):
            self.most = max(self.most, self._now())

    @staticmethod
    def _now() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**30


def growth(sizes: list[int], seed: int) -> None:
    """Print a line for each size, and how often the time is that of the first."""
    first = None
    for rows in sizes:
        vectors, picks = clustered(rows, 384, seed, rows // 50), rows // 20
        with Peak() as peak:
            took, chosen = timed(ours, vectors, picks)
        sampled = np.sort(np.random.default_rng(seed).choice(rows, min(SAMPLE, rows), replace=False))
        sample = vectors[sampled]
        ours_covers = covered(sample, vectors[chosen])
        exact = covered(sample, sample[dense(sample, len(sample) // 20)])
        first = first or took
        print(
            f"{rows:>10,} x 384 -> {picks:,}: {took:7.1f} s ({took / first:.2f} x the first), {peak.beyond:.2f} GiB "
            f"beyond the vectors; mean coverage of a sample {ours_covers:.4f}, exact greedy on it {exact:.4f}",
            flush=True,
        )


def covered(rows: Vectors, chosen: Vectors) -> float:
    """The mean of the best max(0, cosine) of each row to a chosen one."""
    best = [np.maximum((rows[at : at + 100] @ chosen.T).max(axis=1), 0) for at in range(0, len(rows), 100)]
    return float(np.concatenate(best).mean(dtype=np.float64))


def plot(path: Path, sizes: list[int], seed: int) -> None:
    """Draw seconds against rows; a method that takes longer than a minute is not tried on more rows."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    contenders = {name: method for name, method in methods().items() if name != "random"}
    times: dict[str, list[tuple[int, float]]] = {name: [] for name in contenders}
    for rows in sizes:
        vectors = clustered(rows, 384, seed, max(CENTERS, rows // 50))
        for name, method in contenders.items():
            too_much = name != "pickwise" and rows > 20_000  # n x n in memory
            if too_much or (times[name] and times[name][-1][1] > PATIENCE):
                continue
            took, _ = timed(method, vectors, rows // 20)
            times[name].append((rows, took))
            print(f"{rows:>10,} {name:>14}: {took:.2f} s", flush=True)
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for name, points in times.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=name, linewidth=2.5 if name == "pickwise" else 1.2)
    axes.set(xscale="log", yscale="log", xlabel="rows of 384 numbers, a twentieth chosen", ylabel="seconds")
    axes.set_title("Facility location on two cores")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


def main() -> None:
    """Compare, or measure growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1, help="of submodlib")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--growth", type=int, nargs="+", help="rows")
    parser.add_argument("--plot", type=Path, help="where to draw seconds against rows")
    parser.add_argument("--plot-sizes", type=int, nargs="+", default=list(PLOTTED))
    arguments = parser.parse_args()
    ours(clustered(9000, 16, 0), 50)  # compiled code is compiled before the clock starts
    if arguments.plot:
        plot(arguments.plot, arguments.plot_sizes, arguments.seed)
    elif arguments.growth:
        growth(arguments.growth, arguments.seed)
    else:
        compare(arguments.rounds, arguments.slow_rounds, arguments.seed)


if __name__ == "__main__":
    main()
