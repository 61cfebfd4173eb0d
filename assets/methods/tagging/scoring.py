"""The scores of sentences: by a probe that never saw the sentence, or by a model that was made to tag."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.tagging.aggregating import Aggregated, aggregate
from assets.methods.tagging.words import SeenWords, WordModel
from assets.methods.uncertainty import calibration, fitting, measures
from assets.progress import Advance

Measure = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Sentences = Sequence[Sequence[str]]

OUTSIDE = "O"  # the tag of words that are part of nothing
NO_WORDS = "no word of it has a token of the model"
ONE_TAG = "fewer than two tags in the pool: a probe has nothing to tell apart"
ONE_TAG_ELSEWHERE = "the sentences of the other folds hold fewer than two tags: their probe has nothing to tell apart"
_UNKNOWN = -1  # a tag that the probe of a fold, or the model, does not know


@dataclass(frozen=True)
class TagProbe:
    """`folds`: 2 or more. `words`: at most so many train the probes. `regularization`: as scikit-learn's C."""

    folds: int = 5
    words: int = 200_000
    regularization: float = 4.0
    seed: int = 0


@dataclass(frozen=True)
class Tagged:
    """One row per sentence: entropies in bits, higher = the tags are less sure; NaN where `reasons` say why.

    `words`: that were scored; `cut`: words at the end that the model did not see. `accuracy`: the share of words whose
    likeliest tag is the given one. `inside_f1`: of the words that are part of something: the harmonic mean of the share
    of them that is tagged rightly, and the share of the words tagged so that is right. None where there is none.
    """

    entropy: Aggregated
    words: Rows
    cut: Rows
    reasons: list[str | None]
    accuracy: float | None
    inside_f1: float | None
    notes: tuple[str, ...] = ()


def by_probe(
    model: WordModel,
    sentences: Sentences,
    tags: Sentences,
    settings: TagProbe,
    top: int,
    advance: Advance = lambda rows: None,
) -> Tagged:
    """Entropies of a linear probe of the vectors of words, out of fold by sentence; `top` as in `aggregate`.

    `tags`: one for each word. Equal sentences are in one fold, whatever else is in the pool. The probes are trained on
    whole sentences, drawn by seed and text, of `settings.words` words at most. `advance` is told sentences. Raises
    `DataError` if tags and words are not of one number.
    Cost: a pass of the encoder over all words, and a fit for each fold. Memory: the vectors of the words that train.
    """
    _check(sentences, tags)
    names = sorted({tag for each in tags for tag in each})
    if len(names) < 2:
        advance(len(sentences))
        nothing = np.zeros(len(sentences), np.int64)
        return Tagged(aggregate(np.zeros(0), nothing, top), nothing, nothing, [ONE_TAG] * len(sentences), None, None)
    number = {name: place for place, name in enumerate(names)}
    given = [np.array([number[tag] for tag in each], dtype=np.int64) for each in tags]
    draws = _draws(sentences, settings.seed)
    fold = (draws % np.uint64(settings.folds)).astype(np.int64)
    chosen, others = _chosen(sentences, draws, settings.words)
    training = list(model.see([sentences[row] for row in chosen.tolist()]))
    probes, unsettled = _train(training, chosen, fold, given, settings)
    found = _Found(given, names.index(OUTSIDE) if OUTSIDE in names else _UNKNOWN)

    def take(part: SeenWords, rows: Rows) -> None:
        ends = np.cumsum(part.words)
        for place, row in enumerate(rows[part.sentences].tolist()):
            values = part.values[ends[place] - part.words[place] : ends[place]]
            classes, coefficients = probes[int(fold[row])]
            found.put(row, fitting.logits(values, coefficients), classes)
        advance(len(part.sentences))

    for part in training:
        take(part, chosen)
    for part in model.see([sentences[row] for row in others.tolist()]) if len(others) else ():
        take(part, others)
    notes = []
    if len(others):
        notes.append(f"the probes of tags were trained on {len(chosen):,} of {len(sentences):,} sentences")
    if unsettled:
        notes.append(f"{unsettled} probes of tags stopped before they had settled")
    return found.result(top, tuple(notes))


def by_model(
    model: WordModel, sentences: Sentences, tags: Sentences, top: int, advance: Advance = lambda rows: None
) -> Tagged:
    """Entropies of a model that tags; see `by_probe`. A given tag that the model does not know counts as a miss."""
    _check(sentences, tags)
    number = {name: place for place, name in enumerate(model.labels)}
    given = [np.array([number.get(tag, _UNKNOWN) for tag in each], dtype=np.int64) for each in tags]
    found = _Found(given, number.get(OUTSIDE, _UNKNOWN))
    classes = np.arange(len(model.labels))
    for part in model.see(sentences):
        for row, values in zip(part.sentences.tolist(), np.split(part.values, np.cumsum(part.words)[:-1]), strict=True):
            found.put(row, values, classes)
        advance(len(part.sentences))
    strange = {tag for each in tags for tag in each} - set(number)
    note = f"the model knows {len(number):,} tags, but not {len(strange):,} of those of the pool"
    return found.result(top, (note,) if strange else ())


class _Found:
    """What is known of each sentence so far."""

    def __init__(self, given: list[Rows], outside: int) -> None:
        self._given, self._outside = given, outside
        self._entropies: list[Measure] = [np.zeros(0)] * len(given)
        self._reasons: list[str | None] = [NO_WORDS] * len(given)
        self._cut = np.array([len(each) for each in given], dtype=np.int64)
        self._right = self._inside = self._said = self._hits = self._words = 0

    def put(self, row: int, logits: npt.NDArray[np.float32], classes: Rows) -> None:
        """`logits`: (w, C) of the first words of the sentence, of these classes."""
        if not len(logits):
            return
        self._cut[row] -= len(logits)
        self._reasons[row] = None if len(classes) > 1 else ONE_TAG_ELSEWHERE
        if len(classes) < 2:
            return
        self._entropies[row] = measures.entropy(calibration.softmax(logits))
        answers, given = classes[logits.argmax(axis=1)], self._given[row][: len(logits)]
        right = answers == given
        self._words += len(right)
        self._right += int(right.sum())
        self._inside += int((given != self._outside).sum())
        self._said += int((answers != self._outside).sum())
        self._hits += int((right & (given != self._outside)).sum())

    def result(self, top: int, notes: tuple[str, ...]) -> Tagged:
        """All sentences."""
        words = np.array([len(each) for each in self._entropies], dtype=np.int64)
        whole = np.concatenate(self._entropies) if len(self._entropies) else np.zeros(0)
        return Tagged(
            entropy=aggregate(whole, words, top),
            words=words,
            cut=self._cut,
            reasons=self._reasons,
            accuracy=self._right / self._words if self._words else None,
            inside_f1=2 * self._hits / (self._inside + self._said) if self._inside + self._said else None,
            notes=notes,
        )


def _train(
    training: list[SeenWords], chosen: Rows, fold: Rows, given: list[Rows], settings: TagProbe
) -> tuple[list[tuple[Rows, npt.NDArray[np.float32]]], int]:
    """For each fold the tags that its probe knows, and its coefficients; and how many fits did not settle."""
    vectors = np.concatenate([part.values for part in training])
    owners = np.concatenate([np.repeat(chosen[part.sentences], part.words) for part in training])
    counts = [(row, count) for part in training for row, count in zip(chosen[part.sentences], part.words, strict=True)]
    tags = np.concatenate([given[row][:count] for row, count in counts])
    probes, unsettled = [], 0
    with fitting.quiet():
        for number in range(settings.folds):
            rows = np.flatnonzero(fold[owners] != number)
            classes, local = np.unique(tags[rows], return_inverse=True)
            if len(classes) < 2:
                probes.append((classes, np.zeros((len(classes), vectors.shape[1] + 1), np.float32)))
                continue
            ones = np.ones(len(rows), np.int64)
            seed = [settings.seed, number]
            fit = fitting.fit(vectors, rows, local, ones, len(classes), settings.regularization, seed)
            probes.append((classes, fit.coefficients))
            unsettled += not fit.settled
    return probes, unsettled


def _check(sentences: Sentences, tags: Sentences) -> None:
    if len(sentences) != len(tags):
        raise DataError(f"{len(sentences)} sentences, but tags for {len(tags)}: expected one list each")
    for row, (words, names) in enumerate(zip(sentences, tags, strict=True)):
        if len(words) != len(names):
            raise DataError(f"sentence {row} has {len(words)} words and {len(names)} tags: expected one each")


def _draws(sentences: Sentences, seed: int) -> npt.NDArray[np.uint64]:
    """A random number for each sentence, by its words and the seed alone."""
    key = seed.to_bytes(8, "little")
    digests = [hashlib.blake2b("\0".join(words).encode(), digest_size=8, key=key).digest() for words in sentences]
    return np.frombuffer(b"".join(digests), "<u8")


def _chosen(sentences: Sentences, draws: npt.NDArray[np.uint64], words: int) -> tuple[Rows, Rows]:
    """The sentences that train, by their draw, as long as their words are no more than `words`; and the others."""
    order = np.argsort(draws, kind="stable")
    total = np.cumsum([len(sentences[row]) for row in order.tolist()])
    count = max(1, int(np.searchsorted(total, words, side="right")))
    return np.sort(order[:count]), np.sort(order[count:])
