"""Tokens: texts as sequences of hashed words, for everything that compares or counts words.

A token is a case-folded word, that is a maximal run of letters, digits and marks, or a single character of a script
that is written without spaces. All else separates. Nothing here knows what the tokens are compared for.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.methods.cleaning.utf8 import views

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]

# What a character is; the values in `classes`.
OTHER, WORD, UNSPACED, SPACE, PUNCTUATION = range(5)

# A hash with this bit set is that of a character of a script without spaces, one without it that of a word.
UNSPACED_BIT = np.uint64(1 << 63)

# Blocks of scripts that leave no space between words. Within them only letters, digits and marks are tokens.
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # radicals of Han
    (0x3005, 0x3007),  # iteration mark, closing mark and zero of Han
    (0x3021, 0x302D),  # numerals and marks of Han
    (0x3031, 0x303C),  # repeat marks of Kana, numerals of Han
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x3190, 0x31FF),  # marks of Han, Bopomofo, Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xF900, 0xFAFF),  # Han
    (0xFF66, 0xFF9F),  # Katakana of half width
    (0x116D0, 0x116E3),  # Myanmar
    (0x16FE0, 0x18DFF),  # Tangut, Nüshu, Khitan
    (0x1AFF0, 0x1B2FF),  # Katakana, Hiragana, Nüshu
    (0x20000, 0x33FFF),  # Han
)
# Above the first no character is a letter, a digit or a mark, but for the variation selectors, which are marks.
_LAST_LETTER, _SELECTORS = 0x33FFF, (0xE0100, 0xE01EF)
_LAST_CASED = 0x1FFFF


@dataclass(frozen=True)
class Tokens:
    """The tokens of n texts: text i has `hashes[offsets[i]:offsets[i + 1]]`, in their order.

    Equal tokens have equal hashes in every text, run and machine; that two different ones share a hash is as likely as
    with 63 random bits.
    """

    hashes: Hashes  # (t,)
    offsets: Rows  # (n + 1,)

    @classmethod
    def of(cls, texts: pa.StringArray | Sequence[str | None]) -> Tokens:
        """The tokens of each text; a null has none. Cost: one pass over the bytes, without the GIL, on one core.

        Memory: 4 bytes for each byte of text while it runs, 8 bytes for each token afterwards.
        """
        if not isinstance(texts, pa.Array):
            texts = pa.array(texts, pa.string())
        data, offsets = views(texts)
        folds, expansions = _folds()
        return cls(*_tokenize(data, offsets, classes(), folds, expansions))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def joined(self, offsets: Rows) -> Tokens:
        """The tokens of longer texts, each made of the texts offsets[i] to offsets[i + 1] with a break between them."""
        return Tokens(self.hashes, self.offsets[offsets])

    def between(self, first: Rows, last: Rows) -> Tokens:
        """The tokens of the texts first[i] to last[i] - 1, one after the other, for each i; none where they are equal.

        Cost: linear in the tokens that are copied.
        """
        begins = self.offsets[first]
        sizes = self.offsets[last] - begins
        offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        places = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], sizes)
        return Tokens(self.hashes[places], offsets)


@cache
def classes() -> npt.NDArray[np.uint8]:
    """(0x110000,) what each code point is: OTHER, WORD, UNSPACED, SPACE (as `str.isspace`) or PUNCTUATION (P*)."""
    table = np.full(0x110000, OTHER, np.uint8)
    categories = "".join(map(unicodedata.category, map(chr, range(_LAST_LETTER + 1))))[::2]
    letters = np.frombuffer(categories.encode("ascii"), np.uint8)
    for letter, kind in (("L", WORD), ("N", WORD), ("M", WORD), ("P", PUNCTUATION)):
        table[: _LAST_LETTER + 1][letters == ord(letter)] = kind
    table[_SELECTORS[0] : _SELECTORS[1] + 1] = WORD
    for first, last in _UNSPACED_BLOCKS:
        block = table[first : last + 1]
        block[block == WORD] = UNSPACED
    table[[point for point in range(0x3001) if chr(point).isspace()]] = SPACE
    return table


@cache
def _folds() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """`str.casefold` as tables: what a code point becomes or, below 0, -1 - the row of `expansions`, padded with 0."""
    folds = np.arange(_LAST_CASED + 1, dtype=np.int32)
    expansions: list[list[int]] = []
    for point in range(0x80, _LAST_CASED + 1):
        folded = chr(point).casefold()
        if len(folded) > 1:
            folds[point] = -1 - len(expansions)
            expansions.append([*map(ord, folded), 0, 0, 0][:3])
        elif ord(folded) != point:
            folds[point] = ord(folded)
    folds[ord("A") : ord("Z") + 1] += ord("a") - ord("A")
    return folds, np.array(expansions, dtype=np.int32)


_SEED = np.uint64(0x9AE16A3B2F90404F)
_FACTOR = np.uint64(0x9FB21C651E98DF25)


@numba.njit(cache=True, nogil=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """Every bit of the result depends on every bit of `value` (the last step of MurmurHash3, 64 bits); a bijection."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@numba.njit(cache=True, nogil=True, inline="always")
def decode(data: npt.NDArray[np.uint8], place: int | np.int64) -> tuple[np.int64, int]:
    """The code point that begins at `place` of sound UTF-8, and its size in bytes."""
    lead = np.int64(data[place])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | (data[place + 1] & 0x3F), 2
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | (data[place + 1] & 0x3F) << 6 | (data[place + 2] & 0x3F), 3
    high = (lead & 0x07) << 18 | (data[place + 1] & 0x3F) << 12
    return high | (data[place + 2] & 0x3F) << 6 | (data[place + 3] & 0x3F), 4


@numba.njit(cache=True, nogil=True, inline="always")
def next_token(
    data: npt.NDArray[np.uint8], place: int | np.int64, end: int | np.int64, classes: npt.NDArray[np.uint8]
) -> tuple[np.uint64, bool, int | np.int64]:
    """The hash of what begins at `place`, whether it is a token or else a space, and where that which follows begins.

    A token is a run of letters and digits, or any other character that is no space; 64 bits tell them apart.
    """
    point, width = decode(data, place)
    place += width
    kind = classes[point]
    state = np.uint64(point)
    while kind == WORD and place < end:
        point, width = decode(data, place)
        if classes[point] != WORD:
            break
        place += width
        state = state * np.uint64(0x9FB21C651E98DF25) ^ np.uint64(point)
    return mix(state), bool(kind != SPACE), place


@numba.njit(cache=True, nogil=True)
def _tokenize(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    classes: npt.NDArray[np.uint8],
    folds: npt.NDArray[np.int32],
    expansions: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    texts = len(offsets) - 1
    # Two tokens have a byte between them, or one of them is a character of at least three bytes.
    hashes = np.empty((np.int64(offsets[texts]) - offsets[0] + texts) // 2 + 1, np.uint64)
    ends = np.zeros(texts + 1, np.int64)
    word_bits = ~UNSPACED_BIT
    count = 0
    for text in range(texts):
        place, end = np.int64(offsets[text]), np.int64(offsets[text + 1])
        state = _SEED
        in_word = False
        while place < end:
            point, size = decode(data, place)
            place += size
            kind = classes[point]
            if kind == WORD:
                in_word = True
                folded = np.int64(folds[point]) if point <= _LAST_CASED else point
                if folded >= 0:
                    state = (state ^ np.uint64(folded)) * _FACTOR
                else:
                    for i in range(3):
                        if expansions[-1 - folded, i]:
                            state = (state ^ np.uint64(expansions[-1 - folded, i])) * _FACTOR
                continue
            if in_word:
                hashes[count] = mix(state) & word_bits
                count += 1
                state = _SEED
                in_word = False
            if kind == UNSPACED:
                hashes[count] = mix((_SEED ^ np.uint64(point)) * _FACTOR) | UNSPACED_BIT
                count += 1
        if in_word:
            hashes[count] = mix(state) & word_bits
            count += 1
        ends[text + 1] = count
    return hashes[:count].copy(), ends
