"""Made-up vectors with known duplicates, and what brute force says of them."""

from collections.abc import Sequence

import numpy as np

from assets.methods.dedup.greedy import Duplicates, KeptIndex, Matches, Pairs, Rows


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def isotropic(rows: int, dimensions: int = 64, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((rows, dimensions)))


def clustered(rows: int, dimensions: int = 64, seed: int = 0) -> np.ndarray:
    """Around a few directions, which themselves point to one side, as real embeddings do."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((30, dimensions)) + 0.7
    return unit(centers[random.integers(0, 30, rows)] + 1.5 * random.standard_normal((rows, dimensions)))


def turned(vectors: np.ndarray, cosines: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Vectors that have these cosines with `vectors`, in random directions."""
    away = random.standard_normal(vectors.shape)
    away = unit(away - (away * vectors).sum(axis=1, keepdims=True) * vectors)
    return unit(cosines[:, None] * vectors + np.sqrt(1 - cosines[:, None] ** 2) * away)


def with_duplicates(base: np.ndarray, share: float = 0.3, seed: int = 0) -> np.ndarray:
    """`base` and, in random places, turned copies with cosines from .85 to 1; a tenth of the copies are equal."""
    random = np.random.default_rng(seed)
    copies = int(len(base) * share / (1 - share))
    cosines = random.uniform(0.85, 1, copies)
    cosines[: copies // 10] = 1.0
    both = np.concatenate([base, turned(base[random.integers(0, len(base), copies)], cosines, random)])
    return both[random.permutation(len(both))]


def chains(count: int, length: int, link: float, dimensions: int = 64, seed: int = 0) -> np.ndarray:
    """(count x length, d): each row of a chain has the cosine `link` with the one before, and less with all others."""
    random = np.random.default_rng(seed)
    parts = [isotropic(count, dimensions, seed)]
    for _ in range(length - 1):
        parts.append(turned(parts[-1], np.full(count, link), random))
    return np.stack(parts, axis=1).reshape(-1, dimensions)


def cosines(vectors: np.ndarray) -> np.ndarray:
    """(n, n) in float64; 0 for vectors of zeros."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    exact = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0)
    return exact @ exact.T


class MatrixIndex:
    """A `KeptIndex` that looks everything up in an (n, n) matrix: positive where two rows repeat each other."""

    def __init__(self, likeness: np.ndarray, name: str = "near") -> None:
        self.likeness, self.name = likeness, name
        self.kept: list[int] = []

    def find(self, rows: Rows) -> Matches:
        kept, similarity = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
        for place, row in enumerate(rows):
            for other in self.kept:
                if self.likeness[row, other] > similarity[place]:
                    kept[place], similarity[place] = other, self.likeness[row, other]
        return Matches(kept, similarity)

    def within(self, rows: Rows) -> Pairs:
        first, second = np.nonzero(np.triu(self.likeness[np.ix_(rows, rows)], 1) > 0)
        return Pairs(first, second, self.likeness[rows[first], rows[second]])

    def add(self, rows: Rows) -> None:
        self.kept += rows.tolist()


def one_by_one(order: Rows, likenesses: Sequence[np.ndarray], stay: Sequence[int] = ()) -> dict[int, tuple[int, int]]:
    """The rows that go, with the number of the likeness and the most similar kept row, by plain sequential greedy."""
    kept, gone = list(stay), {}
    for row in order.tolist():
        for number, likeness in enumerate(likenesses):
            best = max(kept, key=lambda other: likeness[row, other], default=-1)  # the first of equals
            if best >= 0 and likeness[row, best] > 0:
                gone[row] = (number, best)
                break
        else:
            kept.append(row)
    return gone


def orphans(found: Duplicates, likeness: np.ndarray) -> int:
    """Rows that went for a row that does not stay, or that they do not repeat."""
    gone = np.flatnonzero(found.kept >= 0)
    named = found.kept[gone]
    return int((~((found.kept[named] < 0) & (likeness[gone, named] > 0))).sum())


def residuals(found: Duplicates, likeness: np.ndarray) -> int:
    """Pairs that repeat each other though both stay."""
    stays = np.flatnonzero(found.kept < 0)
    return int((np.triu(likeness[np.ix_(stays, stays)], 1) > 0).sum())


def all_ranked(indexes: Sequence[KeptIndex], rows: int, block_rows: int = 1024) -> Duplicates:
    from assets.methods.dedup.greedy import keep_best

    return keep_best(np.arange(rows), indexes, rows, lambda done: None, block_rows)
