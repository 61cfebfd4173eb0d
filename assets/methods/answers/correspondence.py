"""Which prompts and answers go together: directions in which the words of one foretell those of the other.

The method is canonical correlation analysis of weighted bags of words, with diagonal whitening (that is, a truncated
singular value decomposition of the whitened cross-covariance), by the randomised range finder of Halko and others 2011.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.methods.answers.statistics import Corpus, Ids, Rows, Statistics
from assets.methods.diversity import single_thread

Floats = npt.NDArray[np.float32]

NAMES = ("together", "together_cosine", "topic_cosine")
DIMENSIONS = 64
_ROUNDS = 1
_MOST = 20_000  # rows that are learned from
_LEAST = 3  # texts that a word must be in


@dataclass(frozen=True)
class Correspondence:
    """`weights`: (words,) how rare each word is, 0 for words that the rows hardly have. `left`, `right`: (words + 1, d)
    what each word of a prompt and of an answer adds to the directions; `strengths`: (d,) how correlated each is.
    """

    weights: Floats
    left: Floats
    right: Floats
    strengths: Floats

    @classmethod
    def of(cls, corpus: Corpus, rows: Rows, known: Statistics, seed: int) -> Correspondence:
        """Learned from at most 20,000 of `rows`, whose statistics are `known`. Deterministic: on one thread.

        Cost: six products of sparse matrices with 64 columns; 2 s of a core. Memory: 1 KB a word that 3 texts have.
        """
        random = np.random.default_rng([seed, 21])
        rows = np.sort(random.permutation(rows)[:_MOST])
        weights = np.where(known.documents >= _LEAST, known.rarity(), 0.0).astype(np.float32)
        common = np.flatnonzero(weights)
        asked = bags(corpus.asked, corpus.asked_offsets, rows, weights)[:, common]
        said = bags(corpus.said, corpus.said_offsets, rows, weights)[:, common]
        left, right = np.zeros((2, len(weights), 1), np.float32)
        if not len(common):
            return cls(weights, left, right, np.zeros(1, np.float32))
        left_scale, right_scale = _scale(asked), _scale(said)
        dimensions = max(1, min(DIMENSIONS, len(rows) // 4, len(common)))
        asked_turned, said_turned = asked.T.tocsr(), said.T.tocsr()
        with single_thread():
            basis = random.standard_normal((len(common), dimensions)).astype(np.float32)
            for _ in range(_ROUNDS):
                basis = np.linalg.qr(left_scale * (asked_turned @ (said @ (right_scale * basis))))[0]
                basis = np.linalg.qr(right_scale * (said_turned @ (asked @ (left_scale * basis))))[0]
            frame, small = np.linalg.qr(left_scale * (asked_turned @ (said @ (right_scale * basis))))
            turned, strengths, mixed = np.linalg.svd(small)
            left, right = np.zeros((2, len(weights), dimensions), np.float32)
            left[common] = left_scale * (frame @ turned)
            right[common] = right_scale * (basis @ mixed.T)
        return cls(weights, left, right, (strengths / max(float(strengths[0]), 1e-9)).astype(np.float32))

    def features(self, corpus: Corpus, prompts: Rows, answers: Rows) -> Floats:
        """(m, 3) of the answers `answers[i]` to the prompts `prompts[i]`, as in `NAMES`; higher = they go together."""
        with single_thread():
            asked = bags(corpus.asked, corpus.asked_offsets, prompts, self.weights) @ self.left
            bag = bags(corpus.said, corpus.said_offsets, answers, self.weights)
            said, topic = bag @ self.right, bag @ self.left
        together = (asked * said * self.strengths).sum(axis=1)
        return np.stack([together, _cosine(asked, said, self.strengths), _cosine(asked, topic, self.strengths)], axis=1)


def bags(ids: Ids, offsets: Rows, rows: Rows, weights: Floats) -> Any:
    """(m, words) sparse, each line of length 1: a word counts by its weight, and by the log of how often it stands."""
    import scipy.sparse as sp

    sizes = offsets[rows + 1] - offsets[rows]
    begins = np.cumsum(sizes) - sizes
    words = ids[np.arange(int(sizes.sum())) + np.repeat(offsets[rows] - begins, sizes)]
    pointers = np.concatenate([[0], np.cumsum(sizes)])
    found = sp.csr_matrix((np.ones(len(words), np.float32), words, pointers), shape=(len(rows), len(weights)))
    found.sum_duplicates()
    found.data = (1 + np.log(found.data)) * weights[found.indices]
    lengths = np.sqrt(np.bincount(_lines(found), found.data**2, len(rows)))
    found.data /= np.maximum(lengths, 1e-9).astype(np.float32)[_lines(found)]
    return found


def _lines(found: Any) -> Rows:
    return np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))


def _scale(found: Any) -> Floats:
    """(words, 1) one by the root of a word's own weight in the rows and one more, so that rare ones do not rule."""
    own = np.asarray(found.multiply(found).sum(axis=0)).ravel()
    return (1 / np.sqrt(own + 1.0))[:, None].astype(np.float32)


def _cosine(one: Floats, other: Floats, weights: Floats) -> Floats:
    one, other = one * np.sqrt(weights), other * np.sqrt(weights)
    lengths = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    found: Floats = (one * other).sum(axis=1) / np.maximum(lengths, 1e-12)
    return found
