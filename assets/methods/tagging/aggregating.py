"""From the entropies of words to those of sentences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Measure = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Aggregated:
    """(n,) by sentence, in the unit of the entropies; NaN for one without words. Higher = the tags are less sure.

    `mean` does not depend on the length; `highest` is that of the least sure word; `top` adds up the few least sure
    ones, and so grows with their number.
    """

    mean: Measure
    highest: Measure
    top: Measure


def aggregate(entropies: Measure, counts: Counts, top: int) -> Aggregated:
    """Mean, highest, and the sum of the `top` highest of each sentence's entropies.

    `entropies`: (w,) of all words, sentence after sentence. `counts`: (n,) the words of each sentence, which add up to
    w. Cost: O(w log w).
    """
    sentence = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((-entropies, sentence))
    place = np.arange(len(entropies)) - np.repeat(np.cumsum(counts) - counts, counts)
    few = order[place < top]
    empty = counts == 0
    with np.errstate(invalid="ignore"):
        mean = np.bincount(sentence, entropies, len(counts)) / np.where(empty, np.nan, counts)
    highest = np.full(len(counts), np.nan)
    highest[~empty] = entropies[order[place == 0]]
    total = np.bincount(sentence[few], entropies[few], len(counts)).astype(np.float64)
    total[empty] = np.nan
    return Aggregated(mean, highest, total)
