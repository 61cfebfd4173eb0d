"""How fast semantic duplicates are found, what is left of them, and how the cost grows, against semhash.

    python benchmarks/semantic_duplicates.py [--rounds 5] [--seed 0] [--sizes 50000 100000 200000] [--only-ours]

Rival: semhash, where installed (`pip install semhash==0.5.0`, in an environment of its own if need be). Both get the
same vectors; rounds alternate. Seconds are medians; ratios of one run are what compares between machines. Orphans
(removed, though no kept row is alike) and residual pairs (alike, though both are kept) are counted by brute force in
numpy, which shares no code with either. Needs about 2 GiB for 200,000 rows.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.methods.dedup import residual
from assets.methods.dedup.greedy import keep_best
from assets.methods.dedup.semantic import CosineIndex
from assets.methods.dedup.sign_lsh import RECALL, SignIndex, index_for
from assets.methods.dedup.sign_tables import Tables

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Method = Callable[[Vectors], Rows]  # the rows that stay

ROWS, DIMENSIONS, THRESHOLD = 50_000, 256, 0.9
PLANTED, CHAINED, EQUAL = 0.3, 0.1, 0.1  # of all rows; of the planted rows
CHAIN, LINK = 5, 0.93  # copies in a chain, each this similar to the one before: the last is at .93^5 = .70 to the first
CENTERS, SPREAD, CONE = 200, 1.5, 0.5
TRUTH_ROWS = 8000
ROUNDING = 2e-6


def unit(vectors: Vectors) -> Vectors:
    """The same directions, of length 1."""
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def isotropic(rows: int, random: np.random.Generator) -> Vectors:
    """Unit vectors in all directions."""
    return unit(random.standard_normal((rows, DIMENSIONS), dtype=np.float32))


def clustered(rows: int, random: np.random.Generator) -> Vectors:
    """Unit vectors around `CENTERS` directions, which themselves lean to one side."""
    centers = random.standard_normal((CENTERS, DIMENSIONS), dtype=np.float32)
    centers += np.float32(CONE)
    noise = random.standard_normal((rows, DIMENSIONS), dtype=np.float32)
    noise *= np.float32(SPREAD)
    noise += centers[random.integers(0, CENTERS, rows)]
    return unit(noise)


def turned(vectors: Vectors, cosines: npt.NDArray[np.float64], random: np.random.Generator) -> Vectors:
    """Vectors with these cosines to `vectors`, in random directions."""
    away = random.standard_normal(vectors.shape, dtype=np.float32)
    away -= (away * vectors).sum(axis=1, keepdims=True) * vectors
    away = unit(away)
    near = cosines[:, None].astype(np.float32)
    both: Vectors = near * vectors + np.sqrt(1 - near * near) * away
    return unit(both)


def planted(base: Callable[[int, np.random.Generator], Vectors], rows: int, seed: int) -> Vectors:
    """Rows of `base` and, in random places, equal copies, copies with cosines from .85 to 1, and chains of them."""
    random = np.random.default_rng(seed)
    copies = int(rows * PLANTED)
    chains = int(copies * CHAINED) // CHAIN
    first = base(rows - copies, random)
    parts = [first, first[random.integers(0, len(first), int(copies * EQUAL))]]
    link = first[random.choice(len(first), chains, replace=False)]
    for _ in range(CHAIN):
        link = turned(link, np.full(chains, LINK), random)
        parts.append(link)
    rest = rows - sum(map(len, parts))
    parts.append(turned(first[random.integers(0, len(first), rest)], random.uniform(0.85, 1, rest), random))
    vectors: Vectors = np.concatenate(parts)[random.permutation(rows)]
    return vectors


def ours(vectors: Vectors, seed: int) -> tuple[Rows, residual.Residual | None]:
    """The rows that stay, best first being the order they come in, and what is left if that had to be estimated."""
    index = index_for(vectors, THRESHOLD, seed=seed)
    found = keep_best(np.arange(len(vectors)), [index], len(vectors), lambda rows: None)
    stays = np.flatnonzero(found.kept < 0)
    if not isinstance(index, SignIndex):
        return stays, None
    return stays, residual.estimate(index.exact, stays, len(vectors) - len(stays), seed)


def hashed(vectors: Vectors) -> Rows:
    """By hashing, even where comparing all pairs would be cheaper."""
    exact = CosineIndex(vectors, THRESHOLD)
    tables = Tables.plan(exact.vectors, exact.heads.scales, THRESHOLD, RECALL, 0)
    assert tables is not None
    found = keep_best(np.arange(len(vectors)), [SignIndex(exact, tables)], len(vectors), lambda rows: None)
    stays = np.flatnonzero(found.kept < 0)
    residual.estimate(exact, stays, 1, 0)
    return stays


def semhash(vectors: Vectors) -> Rows:
    """semhash on the same vectors; a record is the number of its row, so it has no exact duplicates to remove."""
    maker = importlib.import_module("semhash").SemHash
    made = maker.from_embeddings(vectors, [str(row) for row in range(len(vectors))], model=None)
    return np.sort(np.array([int(record) for record in made.self_deduplicate(threshold=THRESHOLD).selected]))


def faults(vectors: Vectors, stays: Rows) -> tuple[int, int]:
    """Orphans and residual pairs, by the cosines of all rows with all that stay, 500 rows at a time."""
    kept = vectors[stays]
    is_kept = np.zeros(len(vectors), dtype=bool)
    is_kept[stays] = True
    orphans, residuals = 0, 0
    for start in range(0, len(vectors), 500):
        here = is_kept[start : start + 500]
        cosines = vectors[start : start + 500] @ kept.T
        orphans += int((cosines[~here].max(axis=1, initial=-1) < THRESHOLD - ROUNDING).sum())
        residuals += int((cosines[here] >= THRESHOLD).sum()) - int(here.sum())  # each row is its own twin
    return orphans, residuals // 2


def true_share(vectors: Vectors, stays: Rows, seed: int) -> float:
    """The share of duplicates left, by brute force over all or `TRUTH_ROWS` of the rows that stay."""
    kept = vectors[stays]
    drawn = np.random.default_rng([seed, 1]).permutation(len(kept))[:TRUTH_ROWS]
    found = sum(
        int((kept[drawn[start : start + 500]] @ kept.T >= THRESHOLD).sum()) - len(drawn[start : start + 500])
        for start in range(0, len(drawn), 500)
    )
    pairs = found / 2 * len(kept) / len(drawn)
    return pairs / (len(vectors) - len(stays) + pairs)


def timed(method: Method, vectors: Vectors) -> tuple[float, Rows]:
    """Seconds, and the rows that stay."""
    start = time.perf_counter()
    stays = method(vectors)
    return time.perf_counter() - start, stays


def against(name: str, vectors: Vectors, methods: dict[str, Method], rounds: int) -> None:
    """One line for each method; the first is the one the others are compared with."""
    print(f"\n{name}, {len(vectors):,} x {DIMENSIONS}, cosine {THRESHOLD}, medians of {rounds}", flush=True)
    seconds: dict[str, list[float]] = {method: [] for method in methods}
    stays: dict[str, Rows] = {}
    for _ in range(rounds):
        for method, run in methods.items():
            spent, stays[method] = timed(run, vectors)
            seconds[method].append(spent)
    for method in methods:
        median = statistics.median(seconds[method])
        ratio = statistics.median(other / own for other, own in zip(seconds[method], seconds["ours"], strict=True))
        orphans, residuals = faults(vectors, stays[method])
        print(
            f"{method:>10}: {median:7.2f} s   this / ours {ratio:6.1f}   "
            f"{len(stays[method]):,} kept   {orphans:,} orphans   {residuals:,} residual pairs",
            flush=True,
        )


def growth(
    name: str, base: Callable[[int, np.random.Generator], Vectors], sizes: list[int], rounds: int, seed: int
) -> None:
    """Ours alone, at several sizes in turn."""
    print(f"\n{name}, ours at several sizes, medians of {rounds}", flush=True)
    pools = {rows: planted(base, rows, seed) for rows in sizes}
    seconds: dict[int, list[float]] = {rows: [] for rows in sizes}
    last = {}
    for _ in range(rounds):
        for rows, vectors in pools.items():
            start = time.perf_counter()
            last[rows] = ours(vectors, seed)
            seconds[rows].append(time.perf_counter() - start)
    for rows, vectors in pools.items():
        stays, left = last[rows]
        times = statistics.median(own / first for own, first in zip(seconds[rows], seconds[sizes[0]], strict=True))
        said = f"estimated {left.share:.4%}, at most {left.upper:.4%}" if left else "exact"
        print(
            f"{rows:>10,}: {statistics.median(seconds[rows]):7.2f} s   {times:5.2f} x   {len(stays):,} kept   "
            f"left: {said}; by brute force {true_share(vectors, stays, seed):.4%}",
            flush=True,
        )


def main() -> None:
    """Print the comparison, then the growth, for both kinds of data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[ROWS, 100_000, 200_000])
    parser.add_argument("--only-ours", action="store_true")
    arguments = parser.parse_args()
    methods: dict[str, Method] = {"ours": lambda vectors: ours(vectors, arguments.seed)[0]}
    if importlib.util.find_spec("semhash") is None:
        print("semhash: not installed, left out (pip install semhash==0.5.0)")
    elif not arguments.only_ours:
        methods["semhash"] = semhash
    small = planted(isotropic, 3000, 1)
    for method in [*methods.values(), hashed]:  # compiled code is compiled before the clock starts
        method(small)
    kinds = {"isotropic": isotropic, "clustered": clustered}
    for name, base in kinds.items():
        against(name, planted(base, ROWS, arguments.seed), methods, arguments.rounds)
    for name, base in kinds.items():
        growth(name, base, arguments.sizes, arguments.rounds, arguments.seed)


if __name__ == "__main__":
    main()
