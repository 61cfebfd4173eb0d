"""Secondary proxies, which train nothing: how diverse the chosen rows are, what they cover, how near a target they are.

They tell why a choice teaches more, or does not. They do not stand for what it teaches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assets.methods.comparing.proxies import COVERAGE, KL_REDUCTION, NOVEL_SUM, Figure
from assets.methods.comparing.splits import Rows, Split
from assets.methods.coverage.metrics import reach
from assets.methods.coverage.novel_sum import novel_sum
from assets.methods.similarity.dsir import kl_reduction
from assets.methods.similarity.ngrams import Ngrams, Shares
from assets.methods.threads import Threads

COVER_RADIUS = 0.3


class Spread:
    """NovelSum of the chosen rows in the training part, and the share of held-out rows within a cosine distance of .3.

    Both higher = better; see `novel_sum` and `Reach`. `vectors`: (n, d) float32 unit vectors. A subset of one row has
    no pairs, and a NovelSum of 0. Cost of a subset of k rows: O(k^2 d + k n d) for n rows of training.
    """

    figures: tuple[Figure, ...] = (NOVEL_SUM, COVERAGE)

    def __init__(self, vectors: npt.NDArray[np.float32], cover_radius: float = COVER_RADIUS) -> None:
        self._vectors, self._radius = vectors, cover_radius

    def judge(self, split: Split, subsets: Sequence[Rows], threads: Threads) -> list[dict[str, float]]:
        """See `Proxy`; one subset after the other, each on all threads."""
        train, found = self._vectors[split.train], []
        for rows in subsets:
            places = np.searchsorted(split.train, rows)
            together = np.concatenate([self._vectors[rows], self._vectors[split.held_out]])
            distance = reach(together, np.arange(len(rows), dtype=np.int64)).distance[len(rows) :]
            found.append(
                {
                    "novel_sum": novel_sum(train, places, seed=split.seed) if len(rows) > 1 else 0.0,
                    "coverage": float((distance <= self._radius).mean()),
                }
            )
        return found


class Towards:
    """KL reduction towards a target against rows drawn at random, in nats, higher = nearer; see `dsir.kl_reduction`.

    `ngrams`: of the n rows of the pool. `target`: the shares of the target's buckets.
    """

    figures: tuple[Figure, ...] = (KL_REDUCTION,)

    def __init__(self, ngrams: Ngrams, target: Shares) -> None:
        self._ngrams, self._target = ngrams, target

    def judge(self, split: Split, subsets: Sequence[Rows], threads: Threads) -> list[dict[str, float]]:
        """See `Proxy`; what stands for random is the whole training part."""
        random = self._ngrams.shares(split.train)
        return threads.map(
            lambda rows: {"kl_reduction": kl_reduction(self._target, random, self._ngrams.shares(rows))}, subsets
        )
