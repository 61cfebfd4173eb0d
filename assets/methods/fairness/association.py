"""What comes with whom: labels x groups, content words x mentioned groups, and occupations x gender.

What belongs here: making features of labels and texts for `shifts`, and the directed test of occupations. Counting
words alone is blind to "the developer argued with the designer because he / because she": both occupations come with
both words whatever is dropped. So an occupation counts with the gendered word *nearest after it*. Where only knowledge
of the world tells whom the word means, this is blind, too; `twins` then sees what was dropped, if the twin was there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assets.methods.fairness.intervals import fair_excess, share_interval
from assets.methods.fairness.mentions import Mentions, WordList
from assets.methods.fairness.rates import SHOWN
from assets.methods.fairness.shifts import Shift, added_shift

_CONTENT = re.compile(r"[^\W\d_]{3,}")
_HAN_PAIR = re.compile(r"(?=([\u4e00-\u9fff]{2}))")


@dataclass(frozen=True)
class Agreement:
    """How often an occupation comes with the gender that usually holds it; higher share = more of the stereotype."""

    pool_rows: int
    pool_agree: int
    chosen_rows: int
    chosen_agree: int
    pool_share: float
    share: float
    low: float
    high: float
    """Interval, 99 %, of share - pool_share."""
    p: float
    """That a fair draw agrees as often (exact, one-sided)."""
    rows: tuple[int, ...]
    """Up to 5 rows that disagree and were left out."""

    def stereotyped(self, bound: float = 0.05, significance: float = 0.001) -> bool:
        """Whether the selection raised the share of agreement by `bound` or more, beyond chance."""
        return self.p < significance and self.share - self.pool_share >= bound


def label_shift(
    labels: npt.NDArray[np.integer],
    label_names: Sequence[str],
    groups: npt.NDArray[np.integer],
    group_names: Sequence[str],
    chosen: npt.NDArray[np.bool_],
    seed: int = 0,
) -> Shift:
    """Labels x groups, all (n,); rows without a label or group (negative) are left aside."""
    from scipy.sparse import csr_array

    kept = np.flatnonzero((labels >= 0) & (groups >= 0))
    entries = (np.ones(len(kept)), (np.arange(len(kept)), labels[kept]))
    features = csr_array(entries, shape=(len(kept), len(label_names)))
    return _renumbered(added_shift(label_names, features, group_names, groups[kept], chosen[kept], seed), kept)


def word_shift(
    texts: Sequence[str | None],
    words: WordList,
    mentions: Mentions,
    chosen: npt.NDArray[np.bool_],
    *,
    at_least: int = 10,
    seed: int = 0,
) -> Shift:
    """Content words x the one group a text mentions; texts that mention none or several are left aside.

    A word counts once a text: three letters or more, or two Chinese characters; at least `at_least` such texts have it
    and at most half of them. The words of the list itself do not count. Cost: linear in the text of these rows.
    """
    from scipy.sparse import csr_array

    groups = mentions.single()
    kept = np.flatnonzero(groups >= 0)
    listed = {part for term in words.terms for part in term.split(" ")}
    found = [_content(texts[row] or "") - listed for row in kept.tolist()]
    frequency = Counter(word for one in found for word in one)
    names = sorted(word for word, count in frequency.items() if at_least <= count <= len(kept) / 2)
    number = {word: i for i, word in enumerate(names)}
    # Sorted: a set's order is not the same in every run, and sums of floats depend on it.
    columns = [sorted(number[word] for word in one if word in number) for one in found]
    offsets = np.cumsum([0, *(len(one) for one in columns)])
    flat = np.array([column for one in columns for column in one], dtype=np.int64)
    features = csr_array((np.ones(len(flat)), flat, offsets), shape=(len(kept), len(names)))
    return _renumbered(added_shift(names, features, mentions.groups, groups[kept], chosen[kept], seed), kept)


def votes(
    texts: Sequence[str | None], words: WordList, occupations: WordList, mentions: Mentions, within: int = 100
) -> npt.NDArray[np.int8]:
    """(n,): 1 = a text's occupations agree with the gender that usually holds them, -1 = they disagree, 0 = neither.

    `occupations`' groups are those of `words`, by name. Each gendered word is held against the nearest occupation that
    ends before it, at most `within` characters away; the majority of a text's gendered words decides.
    Cost: linear in the text of the rows that mention a gender.
    """
    found = np.zeros(len(texts), dtype=np.int8)
    for row in np.flatnonzero(mentions.some()).tolist():
        found[row] = _vote(texts[row] or "", words, occupations, within)
    return found


def agreement(found: npt.NDArray[np.int8], chosen: npt.NDArray[np.bool_], confidence: float = 0.99) -> Agreement:
    """What a selection did to the share of agreeing texts; `found`: (n,) of `votes`, those of 0 do not count."""
    counted, agree = found != 0, found > 0
    pool, pool_agree = int(counted.sum()), int(agree.sum())
    taken, taken_agree = int((counted & chosen).sum()), int((agree & chosen).sum())
    pool_share = pool_agree / pool if pool else 0.0
    share = taken_agree / taken if taken else pool_share
    low, high = share_interval(taken_agree, taken, confidence)
    return Agreement(
        pool_rows=pool, pool_agree=pool_agree, chosen_rows=taken, chosen_agree=taken_agree, pool_share=pool_share,
        share=share, low=float(low) - pool_share, high=float(high) - pool_share,
        p=float(fair_excess(taken_agree, pool_agree, pool, taken)) if taken else 1.0,
        rows=tuple(np.flatnonzero((found < 0) & ~chosen)[:SHOWN].tolist()),
    )  # fmt: skip


def _vote(text: str, words: WordList, occupations: WordList, within: int) -> int:
    """1 = the text's gendered words agree with the occupations before them, -1 = they disagree, 0 = neither."""
    jobs = occupations.hits(text)
    if not jobs:
        return 0
    total = 0
    for hit in words.hits(text):
        before = [job for job in jobs if job.end <= hit.start and hit.start - job.end <= within]
        if before:
            total += 1 if occupations.groups[before[-1].group] == words.groups[hit.group] else -1
    return (total > 0) - (total < 0)


def _content(text: str) -> set[str]:
    """The different content words of a text: words of letters, and pairs of neighbouring Chinese characters."""
    lowered = text.lower()
    found = {word for word in _CONTENT.findall(lowered) if word < "\u3400"}
    return found | set(_HAN_PAIR.findall(lowered))


def _renumbered(shift: Shift, rows: npt.NDArray[np.int64]) -> Shift:
    """The cells' example rows as positions in the pool."""
    cells = tuple(replace(cell, rows=tuple(rows[list(cell.rows)].tolist())) for cell in shift.cells)
    return replace(shift, cells=cells)
