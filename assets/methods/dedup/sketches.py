"""Sketches: what near deduplication has to know of each row, made batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

from assets.methods.dedup.minhash import Banding, Bands, minhash
from assets.methods.dedup.shingles import Shingles, shingle
from assets.methods.tokens import Tokens

ANSWER_SHINGLE = (1, 2)  # the words or, in scripts without spaces, pairs of characters by which answers are compared


@dataclass(frozen=True)
class Likeness:
    """What makes a row a near duplicate of another, and how candidates are found.

    One word a shingle, by measurement: of copies of real instructions in which 2 % of the words were changed, 99 %
    share four fifths of their words, but only 71 % that share of their runs of three words.
    """

    threshold: float = 0.8  # the Jaccard similarity of the shingles from which on rows repeat each other
    words: int = 1  # of a shingle
    characters: int = 3  # of a shingle, in scripts without spaces
    permutations: int = 128  # of MinHash, at most; more find a little more
    seed: int = 0

    @property
    def banding(self) -> Banding:
        """How the signatures are cut."""
        return Banding.for_threshold(self.threshold, self.permutations)


@dataclass(frozen=True)
class Sketches:
    """The bands of n rows, (n, b) uint32, their shingles and, where answers are compared, the words of their answers.

    Memory: 4 b bytes a row (84 with the defaults) and 8 bytes a shingle, of which a text has about as many as words.
    The arrays may be memory maps: they are read row by row, never copied.
    """

    bands: Bands
    shingles: Shingles
    answers: Shingles | None = None

    def __len__(self) -> int:
        return len(self.bands)


def sketch(texts: Tokens, likeness: Likeness, answers: Tokens | None = None) -> Sketches:
    """The sketches of some rows; those of a pool are made batch by batch and put behind each other.

    `answers` are the tokens of the answers alone, none where a row has no answer; needed where answers are compared.
    Cost: linear in the tokens, on one core, without the GIL.
    """
    banding = likeness.banding
    shingles = shingle(texts, likeness.words, likeness.characters)
    bands = minhash(shingles, banding.bands, banding.rows, likeness.seed)
    return Sketches(bands, shingles, None if answers is None else shingle(answers, *ANSWER_SHINGLE))
