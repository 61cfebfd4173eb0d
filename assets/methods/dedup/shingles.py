"""Shingles: a text as the set of its short runs of tokens, and how alike two such sets are."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.tokens import UNSPACED_BIT, Hashes, Rows, Tokens, mix


@dataclass(frozen=True)
class Shingles:
    """The shingles of n texts: text i has `values[offsets[i]:offsets[i + 1]]`, ascending, each once.

    64 bits, not 32: among a million short texts, which have one shingle each, 32 bits would make a hundred false pairs.
    """

    values: Hashes  # (s,)
    offsets: Rows  # (n + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1


def shingle(tokens: Tokens, words: int = 3, characters: int = 5) -> Shingles:
    """The shingles of each text: runs of `words` words or, in scripts without spaces, of `characters` characters.

    A run that mixes both is as long as it takes to make up one whole: each word counts 1/words of it, each character
    1/characters. Runs begin at each token in turn until one reaches the end of the text. So a text that is shorter
    than a run has one shingle, no token is left out, and a text without tokens has no shingles.

    Cost: O(tokens x run) and sorting the shingles of each text. Memory: 8 bytes for each token while it runs.
    """
    if words < 1 or characters < 1:
        raise DataError(f"shingles: expected at least 1 word and 1 character, not {words} and {characters}")
    return Shingles(*_shingle(tokens.hashes, tokens.offsets, words, characters))


@numba.njit(cache=True, nogil=True)
def _shingle(
    tokens: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], words: int, characters: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    texts = len(offsets) - 1
    values = np.empty(offsets[texts] - offsets[0], np.uint64)
    ends = np.zeros(texts + 1, np.int64)
    whole = words * characters  # in which a word weighs `characters` and a character `words`
    count = 0
    for text in range(texts):
        begin, last = count, offsets[text + 1]
        end, weight = offsets[text], 0
        for start in range(offsets[text], last):
            while end < last and weight < whole:
                weight += words if tokens[end] >= UNSPACED_BIT else characters
                end += 1
            value = np.uint64(end - start)
            for place in range(start, end):
                value = (value ^ tokens[place]) * np.uint64(0x9FB21C651E98DF25)
            values[count] = mix(value)
            count += 1
            if end == last:
                break
            weight -= words if tokens[start] >= UNSPACED_BIT else characters
        found = values[begin:count]
        found.sort()
        count = begin
        for place in range(len(found)):
            if place == 0 or found[place] != values[count - 1]:
                values[count] = found[place]
                count += 1
        ends[text + 1] = count
    return values[:count].copy(), ends


@numba.njit(cache=True, nogil=True)
def jaccard(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], threshold: float) -> float:
    """|intersection| / |union| of two ascending sets, 0 to 1, higher = more alike; 0 if it is below `threshold`.

    Cost: at most one step for each shingle of both, and fewer where they differ.
    """
    total = len(left) + len(right)
    if min(len(left), len(right)) < threshold * max(len(left), len(right)) - 1e-9 or total == 0:
        return 0.0
    # J >= t if and only if at most (1 - t) / (1 + t) of all shingles have no partner.
    bearable = total * (1.0 - threshold) / (1.0 + threshold) + 1e-9
    i = j = alone = 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            i += 1
            j += 1
        else:
            alone += 1
            if alone > bearable:
                return 0.0
            if left[i] < right[j]:
                i += 1
            else:
                j += 1
    alone += len(left) - i + len(right) - j
    shared = (total - alone) // 2
    similarity = shared / (total - shared)
    return similarity if similarity >= threshold else 0.0
