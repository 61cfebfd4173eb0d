"""Near duplicates: rows that share most of their shingles with a row that is kept.

MinHash finds the candidates, the true Jaccard similarity of the shingle sets decides. So no row goes that should stay;
a pair is missed only where no band agrees, which `Banding.recall` bounds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from assets.errors import DataError
from assets.methods.dedup.buckets import Buckets, Groups, Shared
from assets.methods.dedup.greedy import Matches, Pairs, Rows, Similarities
from assets.methods.dedup.sketches import Sketches


class NearIndex:
    """The near duplicates among n rows (see `KeptIndex`); a row without tokens has none.

    Two rows repeat each other if the Jaccard similarity of their shingles is at least `threshold` and, if the sketches
    hold answers, that of the words of their answers is at least `answers`; rows without answers have equal ones. The
    similarity that is reported is that of the shingles. Without the rule about answers, rows with much text in common,
    such as questions about one long passage, all go for one of them: two thirds of XQuAD at the threshold .8. That it
    is lower than the threshold lets a copy go in whose short answer one word was changed.

    `groups`: (n,) int32; only rows of the same group can repeat each other (default: all are of one). `capacity`: how
    many rows can be kept at most (default: n). `shared`: (n, b) from `partial.shared_bands`, which saves most of the
    looks into tables (default: all bands are looked into).
    `edit_similarity`: if stated, rows must also reach this normalised Levenshtein similarity (1 - distance / length of
    the longer text, 0 to 1) of their `texts`, (n,).

    Cost of asking about a row: one look into a table for each band, and for each kept row that agrees in a band a merge
    of two shingle lists. Thousands of identical rows cost one merge each, with their one kept row. Thousands of kept
    rows that are all just below the threshold are compared with each other.
    Memory, beside the sketches, for b bands: 4 b + 8 bytes a kept row, and at most 8 b + 8 bytes for each row of the
    capacity.
    """

    name = "near"

    def __init__(
        self,
        sketches: Sketches,
        threshold: float,
        groups: Groups | None = None,
        answers: float = 0.5,
        capacity: int | None = None,
        shared: Shared | None = None,
        texts: pa.StringArray | pa.ChunkedArray | None = None,
        edit_similarity: float | None = None,
    ) -> None:
        if edit_similarity is not None and texts is None:
            raise DataError("edit_similarity: expected the texts of the rows, too")
        self._sketches, self._threshold = sketches, threshold
        self._groups = np.zeros(len(sketches), dtype=np.int32) if groups is None else groups
        self._texts, self._edit_similarity = texts, edit_similarity
        self._answers = answers
        self._shared = np.ones(sketches.bands.shape, dtype=np.bool_) if shared is None else shared
        self._kept = Buckets(sketches, self._groups, len(sketches) if capacity is None else capacity, self._shared)

    def find(self, rows: Rows) -> Matches:
        """For each of `rows` the most similar kept row that it repeats; of equals the one that was kept first."""
        asked, entries, similarity = self._repeats(rows, self._kept, insert=False)
        best = np.lexsort((entries, -similarity, asked))
        best = best[np.unique(asked[best], return_index=True)[1]]
        kept, highest = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
        kept[asked[best]] = self._kept.rows[entries[best]]
        highest[asked[best]] = similarity[best]
        return Matches(kept, highest)

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` that repeat each other. Memory: 24 bytes a pair."""
        block = Buckets(self._sketches, self._groups, len(rows), self._shared)
        second, first, similarity = self._repeats(rows, block, insert=True)
        return Pairs(first, second, similarity)

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept; no row twice."""
        self._kept.add(rows)

    def _repeats(self, rows: Rows, buckets: Buckets, insert: bool) -> tuple[Rows, Rows, Similarities]:
        asked, entries, similarity = buckets.ask(rows, self._threshold, self._answers, insert)
        if self._edit_similarity is None:
            return asked, entries, similarity
        near = self._within_edits(rows[asked], buckets.rows[entries], self._edit_similarity)
        return asked[near], entries[near], similarity[near]

    def _within_edits(self, left: Rows, right: Rows, least: float) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(left), dtype=np.bool_)
        for place, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            texts = self._text(one), self._text(other)
            found[place] = Levenshtein.normalized_similarity(*texts, score_cutoff=least) >= least
        return found

    def _text(self, row: int) -> str:
        assert self._texts is not None
        return self._texts[row].as_py() or ""
