"""What a strategy is, the two that all others are measured against, and work that strategies share."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from assets.methods import uncertainty
from assets.methods.apportionment import apportion
from assets.methods.comparing.splits import Rows

Strategy = Callable[[Rows, int, int], Rows]
"""(rows it may take, how many, seed) -> the rows taken, each once, at most so many. It must not look at other rows."""

RANDOM, STRATIFIED = "random", "stratified"

Made = TypeVar("Made")


def random_rows(train: Rows, budget: int, seed: int) -> Rows:
    """Rows drawn evenly, without putting back. Cost: O(n)."""
    return np.sort(np.random.default_rng([seed, 21]).permutation(train)[:budget])


def stratified_rows(strata: Rows) -> Strategy:
    """A strategy that draws from each stratum, (n,) from 0, in proportion to its rows in the training part, and if
    the budget allows it at least one.
    """

    def draw(train: Rows, budget: int, seed: int) -> Rows:
        random = np.random.default_rng([seed, 22])
        shuffled = random.permutation(train)
        sizes = np.bincount(strata[train])
        counts = {str(stratum): int(size) for stratum, size in enumerate(sizes) if size}
        dealt = apportion(counts, "natural", min(budget, len(train))).seats
        seats = np.array([dealt.get(str(stratum), 0) for stratum in range(len(sizes))])
        of_stratum = strata[shuffled]
        order = np.argsort(of_stratum, kind="stable")
        rank = np.empty(len(train), dtype=np.int64)
        rank[order] = np.arange(len(train)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.sort(shuffled[rank < seats[of_stratum]])

    return draw


class Prepared(Generic[Made]):
    """What several strategies need of the same training part, made once: scores, clusters, neighbours.

    `make`: (rows it may look at, seed) -> anything. Scores of labels, above all, must be made here, of the training
    part alone: scores of the whole pool have seen the held-out labels. The last `keep` are remembered.
    """

    def __init__(self, make: Callable[[Rows, int], Made], keep: int = 5) -> None:
        self._make, self._keep = make, keep
        self._made: OrderedDict[tuple[int, bytes], Made] = OrderedDict()

    def __call__(self, train: Rows, seed: int) -> Made:
        """What `make` makes of these rows and this seed."""
        key = seed, train.tobytes()
        if key not in self._made:
            self._made[key] = self._make(train, seed)
        self._made.move_to_end(key)
        while len(self._made) > self._keep:
            self._made.popitem(last=False)
        return self._made[key]


def unseen_scores(
    vectors: npt.NDArray[np.float32], labels: Sequence[str | None], settings: uncertainty.ProbeSettings
) -> Prepared[uncertainty.Scores]:
    """Scores by a probe that has seen the training part alone; row i of them is `train[i]`, the seed that of the split.

    `vectors`: (n, d) float32 unit vectors and `labels`: (n,) of the pool. Cost: that of `uncertainty.score` a split;
    3 to 5 s for 8,000 rows of Banking77 with its 77 classes on two cores.
    """

    def score(train: Rows, seed: int) -> uncertainty.Scores:
        given = [labels[row] for row in train.tolist()]
        return uncertainty.score(vectors[train], given, dataclasses.replace(settings, seed=seed))

    return Prepared(score)
