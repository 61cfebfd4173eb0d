"""Counterfactual twins: texts of the pool that differ only in whom they mention (he and she), and which were kept.

What belongs here: pairs found by the slots of a word list. A pool made fair by swapping its words holds both; a
selection that keeps one of each pair undoes that, be it always of one group (`one_sided`) or of either (`parted`).
A selection that avoids near-duplicates parts twins too, fairly: `parted` alone is a hint, not a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from assets.methods.fairness.intervals import holm
from assets.methods.fairness.mentions import Mentions, WordList, neutral
from assets.methods.fairness.rates import SHOWN


@dataclass(frozen=True)
class Twins:
    """The pairs of twins between two groups, and what the selection kept of them."""

    groups: tuple[str, str]
    pool_rows: tuple[int, int]
    """Rows that mention each group, in the pool: its own imbalance."""
    chosen_rows: tuple[int, int]
    """Rows that mention each group, in the subset."""
    pairs: int
    both: int
    only: tuple[int, int]
    """Pairs of which only the first group's, only the second group's text was kept."""
    expected_both: float
    """Pairs that a fair draw of as many of these texts keeps whole."""
    p_one_sided: float
    """That parted pairs fall as unevenly to the two groups (exact binomial, two-sided; Holm over pairs of groups)."""
    p_parted: float
    """That a fair draw keeps as few pairs whole (exact; Holm over the pairs of groups)."""
    rows: tuple[int, ...]
    """Up to 5 rows that were left out while their twin was kept, of the group that lost more."""

    @property
    def ratio(self) -> float:
        """Kept texts of the group that lost more over those of the other; 1 = as many."""
        kept = sorted((self.both + self.only[0], self.both + self.only[1]))
        return kept[0] / kept[1] if kept[1] else 1.0

    def one_sided(self, bound: float = 0.8, significance: float = 0.001) -> bool:
        """Whether the selection kept one group's texts rather than their twins, beyond chance."""
        return self.ratio < bound and self.p_one_sided < significance

    def parted(self, significance: float = 0.001) -> bool:
        """Whether the selection parted twins, beyond chance: a hint, as avoiding near-duplicates does so, too."""
        return self.p_parted < significance


def find_twins(
    texts: Sequence[str | None], words: WordList, mentions: Mentions, chosen: npt.NDArray[np.bool_]
) -> tuple[Twins, ...]:
    """The twins between every two groups that have any, the most one-sided first.

    Of several rows with the same text, the first counts. Cost: linear in the text of rows that mention a single group.
    """
    by_key: dict[str, dict[int, int]] = {}
    single = mentions.single()
    for row in np.flatnonzero(single >= 0).tolist():
        if key := neutral(texts[row] or "", words):
            by_key.setdefault(key, {}).setdefault(int(single[row]), row)
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for found in by_key.values():
        for a, b in combinations(sorted(found), 2):
            pairs.setdefault((a, b), []).append((found[a], found[b]))
    twins = [_twins(mentions, groups, np.array(rows), chosen) for groups, rows in sorted(pairs.items())]
    sided, parted = holm([one.p_one_sided for one in twins]), holm([one.p_parted for one in twins])
    corrected = [
        replace(one, p_one_sided=float(a), p_parted=float(b)) for one, a, b in zip(twins, sided, parted, strict=True)
    ]
    return tuple(sorted(corrected, key=lambda one: (one.p_one_sided, one.groups)))


def _twins(
    mentions: Mentions, groups: tuple[int, int], rows: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]
) -> Twins:
    from scipy.stats import binomtest

    first, second = chosen[rows[:, 0]], chosen[rows[:, 1]]
    both, only = int((first & second).sum()), (int((first & ~second).sum()), int((second & ~first).sum()))
    chances = whole_pairs(len(rows), 2 * both + sum(only))
    lost = 0 if only[0] < only[1] else 1
    left = rows[(second & ~first) if lost == 0 else (first & ~second), lost]
    pool, kept = mentions.members.sum(axis=0), mentions.members[chosen].sum(axis=0)
    a, b = groups
    return Twins(
        groups=(mentions.groups[a], mentions.groups[b]), pool_rows=(int(pool[a]), int(pool[b])),
        chosen_rows=(int(kept[a]), int(kept[b])), pairs=len(rows), both=both, only=only,
        expected_both=float(chances @ np.arange(len(chances))),
        p_one_sided=float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0,
        p_parted=float(min(chances[: both + 1].sum(), 1.0)), rows=tuple(np.sort(left)[:SHOWN].tolist()),
    )  # fmt: skip


def whole_pairs(pairs: int, drawn: int) -> npt.NDArray[np.float64]:
    """P(j whole pairs), j = 0 to drawn // 2, when `drawn` of the 2 `pairs` texts are drawn at random.

    C(T, j) C(T - j, c - 2j) 2^(c - 2j) / C(2T, c): which pairs are whole, which are parted, and which half is kept.
    """
    from scipy.special import gammaln

    j = np.arange(drawn // 2 + 1, dtype=np.float64)
    parted = drawn - 2 * j
    possible = j + parted <= pairs
    rest = np.maximum(pairs - j - parted, 0)
    ways = gammaln(pairs + 1) - gammaln(j + 1) - gammaln(parted + 1) - gammaln(rest + 1) + parted * np.log(2)
    total = gammaln(2 * pairs + 1) - gammaln(drawn + 1) - gammaln(2 * pairs - drawn + 1)
    return np.asarray(np.where(possible, np.exp(ways - total), 0.0), dtype=np.float64)
