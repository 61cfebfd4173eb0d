"""The step that finds answers which say the same over and over, as models in a loop do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from annotated_types import Ge, Le

from assets.methods.cleaning.shares import Share, too_high
from assets.methods.cleaning.steps import Columns, Faults, Measuring
from assets.methods.conversations import Conversations


@dataclass(frozen=True)
class RepeatingAnswer(Measuring):
    """Drops records whose answer repeats itself over more than the share `max` of its tokens (`repeating_answer`).

    Statistic, after the repetition filters of Gopher (arXiv 2112.11446), in tokens instead of characters: with every
    run of `ngram` tokens that stands earlier in the same answer, all its tokens count as repeated, each once;
    repeated tokens / all tokens, 0 to 1, higher = more repetition. Null without an answer, for token labels, and for
    answers under `min_tokens` tokens, of which a share says little. Tokens are words, and single characters of
    scripts without spaces; case does not matter.

    The default bound only meets answers of which next to nothing is said once. In the default list.
    """

    name: ClassVar[str] = "repeating_answer"
    max: Share = 0.85
    ngram: Annotated[int, Ge(1), Le(50)] = 5
    min_tokens: Annotated[int, Ge(1)] = 50

    @property
    def _column(self) -> str:
        return f"repeated_share_{self.ngram}_of_{self.min_tokens}"

    def statistics(self) -> dict[str, pa.DataType]:
        return {self._column: pa.float64()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: linear in the tokens of the answers."""
        hashes, offsets = batch.tokens.hashes, batch.tokens.offsets
        turns = batch.answer_turns
        known = np.maximum(turns, 0)
        starts, ends = (offsets[known], offsets[known + 1]) if len(offsets) > 1 else (known, known)
        judged = (turns >= 0) & batch.is_prose & (ends - starts >= self.min_tokens)
        rows = np.flatnonzero(judged)
        repeated = np.zeros(len(batch))
        repeated[rows] = repeated_shares(hashes, starts[rows], ends[rows], self.ngram)
        return {self._column: pa.array(repeated, mask=~judged)}

    def judge(self, columns: Columns) -> Faults:
        return too_high(columns[self._column], self.max, "repeating_answer", "the answer repeats what stands before")


def repeated_shares(
    hashes: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], ngram: int
) -> npt.NDArray[np.float64]:
    """(k,) the share of repeated tokens of each text, which are hashes[starts[i]:ends[i]]; none is empty."""
    return np.asarray(_repeated_shares(hashes, starts.astype(np.int64), ends.astype(np.int64), ngram))


@numba.njit(cache=True, nogil=True)
def _repeated_shares(
    hashes: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], ngram: int
) -> npt.NDArray[np.float64]:
    longest = 1
    for text in range(len(starts)):
        longest = max(longest, ends[text] - starts[text])
    size = 4
    while size < 2 * longest:
        size *= 2
    # An open hash table that serves every text: a slot is filled if it bears the number of the text at hand.
    keys, owner = np.empty(size, np.uint64), np.full(size, -1, np.int64)
    odd, mix = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
    shares = np.zeros(len(starts), np.float64)
    for text in range(len(starts)):
        start, end = starts[text], ends[text]
        slots = 4
        while slots < 2 * (end - start):
            slots *= 2
        last = np.uint64(slots - 1)
        repeated, marked = 0, start  # tokens before `marked` are counted already
        for place in range(start, end - ngram + 1):
            key = np.uint64(0)
            for token in range(place, place + ngram):
                key = (key ^ hashes[token]) * odd
                key ^= key >> np.uint64(29)
            key = (key ^ (key >> np.uint64(33))) * mix
            slot = np.int64((key ^ (key >> np.uint64(32))) & last)
            while owner[slot] == text and keys[slot] != key:
                slot = np.int64(slot + 1 if slot + 1 < slots else 0)
            if owner[slot] == text:
                repeated += place + ngram - max(marked, place)
                marked = place + ngram
            else:
                owner[slot], keys[slot] = text, key
        shares[text] = repeated / (end - start)
    return shares
