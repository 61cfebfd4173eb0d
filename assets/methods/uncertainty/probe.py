"""The probe: for each row, linear classifiers that never saw it, and the temperature that calibrates them.

What belongs here: training them side by side and keeping their coefficients. What their probabilities say of a row
belongs to `scoring`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.threads import Threads
from assets.methods.uncertainty import calibration, fitting, folds
from assets.methods.uncertainty.folds import UNLABELLED, Folds
from assets.progress import Advance

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

CALIBRATION_ROWS = 50_000
"""The most rows that a temperature is fitted on; fewer where there are so many classes that it is 5 million logits."""

_CALIBRATION_LOGITS = 5_000_000
_STRIP_NUMBERS = 1_000_000


@dataclass(frozen=True)
class ProbeSettings:
    """`folds`: 2 or more. `regularization`: inverse strength, scikit-learn's C; higher = bolder. `ensemble`: members
    trained on resampled rows, beside the probe itself; 1: none. `calibrate`: whether probabilities are tempered.
    """

    folds: int = 5
    regularization: float = 4.0
    ensemble: int = 5
    calibrate: bool = True
    seed: int = 0

    @property
    def members(self) -> int:
        """Probes of resampled rows for each fold."""
        return self.ensemble if self.ensemble > 1 else 0


@dataclass(frozen=True)
class Probe:
    """Linear classifiers of `classes` classes, one set for each fold and one, of all labelled rows, for the others.

    `coefficients`: by set, (1 + members, C, d + 1) float32: the probe itself, then its resampled members; the last
    column holds the intercepts. None for a set that has no row to score. `temperatures`: (folds + 1,) by set.
    `unsettled`: fits that ran out of iterations.
    """

    folds: Folds
    classes: int
    coefficients: Sequence[npt.NDArray[np.float32] | None]
    temperatures: npt.NDArray[np.float64]
    unsettled: int

    def sets(self) -> list[int]:
        """The sets that have rows to score."""
        return [number for number, found in enumerate(self.coefficients) if found is not None]

    def logits(self, number: int, vectors: Vectors, member: int = 0) -> Logits:
        """(m, C) logits, not tempered, of (m, d) vectors by one member of a set."""
        found = self.coefficients[number]
        if found is None:
            raise DataError(f"set {number} of the probe has no rows: nothing was trained for it")
        return fitting.logits(vectors, found[member])

    def answers(self, vectors: Vectors, rows: Rows) -> Rows:
        """(m,) the class that the probe which scores a row of the pool gives to a vector; -1 if none scores the row.

        `vectors`: (m, d), for example of edited texts. `rows`: (m,) the rows of the pool that they belong to.
        """
        if len(vectors) != len(rows):
            raise DataError(f"{len(vectors)} vectors for {len(rows)} rows: expected one each")
        found = np.full(len(rows), UNLABELLED, dtype=np.int64)
        of_row = self.set_of(rows)
        for number in self.sets():
            members = np.flatnonzero(of_row == number)
            for part in strips(members, self.classes):
                found[part] = self.logits(number, vectors[part]).argmax(axis=1)
        return found

    def set_of(self, rows: Rows) -> Rows:
        """(m,) the set that scores each of these rows of the pool; -1 for the only row of a class."""
        whole = np.full(len(self.folds.fold), UNLABELLED, dtype=np.int64)
        whole[self.folds.held_out(self.folds.count)] = self.folds.count
        held = self.folds.fold[rows]
        found: Rows = np.where(held != UNLABELLED, held, whole[rows])
        return found


def untrained(rows: int, settings: ProbeSettings) -> Probe:
    """The probe of a pool that has nothing to tell apart: it scores no row, and has no answers."""
    none = np.full(rows, UNLABELLED, dtype=np.int64)
    dealt = Folds(np.arange(rows, dtype=np.int64), none, settings.folds, np.zeros(0, dtype=np.int64))
    return Probe(dealt, 0, [None] * (settings.folds + 1), np.ones(settings.folds + 1), 0)


def steps(settings: ProbeSettings) -> int:
    """How many finished fits `train` tells of: the most that it can need."""
    return (settings.folds + 1) * (1 + settings.members)


def train(
    vectors: Vectors, classes: Rows, settings: ProbeSettings, advance: Advance, threads: Threads | None = None
) -> Probe:
    """A probe for each fold of (n, d) float32 unit vectors, its members, and a temperature for each.

    `classes`: (n,) from 0 to C - 1 without gaps, C at least 2, or -1 for no label. `advance` is told of each finished
    fit; of one that is not needed, too. The same bits on any number of threads, and in any order of the rows.
    Cost: `folds` x (1 + members) fits of O(n d C) an iteration; members start from the probe of their fold, and see
    two thirds of the rows, for about a third of its time. Memory: a copy of the training rows for each thread in
    L-BFGS, a batch for each above `fitting.FULL_NUMBERS`.
    """
    threads = threads or Threads()
    dealt = folds.deal(vectors, classes, settings.folds, settings.seed)
    number = len(dealt.sizes)
    needed = [one for one in range(settings.folds + 1) if len(dealt.held_out(one))]
    lock = threading.Lock()

    def fit(task: tuple[int, int, npt.NDArray[np.float32] | None]) -> fitting.Fit:
        which, member, start = task
        rows = dealt.training(which)
        given, seed = classes[rows], [settings.seed, which, member]
        counts = folds.resample(given, seed) if member else np.ones(len(rows), dtype=np.int64)
        found = fitting.fit(vectors, rows, given, counts, number, settings.regularization, seed, start)
        with lock:
            advance(1)
        return found

    with fitting.quiet():
        firsts = threads.map(fit, [(one, 0, None) for one in needed])
        tasks = [
            (one, member, first.coefficients)
            for one, first in zip(needed, firsts, strict=True)
            for member in range(1, settings.members + 1)
        ]
        members = threads.map(fit, tasks)
    advance(steps(settings) - len(firsts) - len(members))
    coefficients: list[npt.NDArray[np.float32] | None] = [None] * (settings.folds + 1)
    for place, (one, first) in enumerate(zip(needed, firsts, strict=True)):
        own = members[place * settings.members : (place + 1) * settings.members]
        coefficients[one] = np.stack([found.coefficients for found in (first, *own)])
    unsettled = sum(not found.settled for found in (*firsts, *members))
    plain = Probe(dealt, number, coefficients, np.ones(settings.folds + 1), unsettled)
    if not settings.calibrate:
        return plain
    return Probe(dealt, number, coefficients, _temperatures(plain, vectors, classes, settings.seed, threads), unsettled)


def _temperatures(
    probe: Probe, vectors: Vectors, classes: Rows, seed: int, threads: Threads
) -> npt.NDArray[np.float64]:
    """One for each set, from the out-of-fold logits of the other folds' rows: a row has no part in its own."""
    held = probe.folds.order[probe.folds.fold[probe.folds.order] != UNLABELLED]
    most = max(1, min(CALIBRATION_ROWS, _CALIBRATION_LOGITS // probe.classes))
    if len(held) > most:
        held = held[np.sort(np.random.default_rng(seed).choice(len(held), most, replace=False))]
    fold = probe.folds.fold[held]
    by_fold = [number for number in probe.sets() if number < probe.folds.count]
    found = threads.map(lambda number: probe.logits(number, vectors[held[fold == number]]), by_fold)
    given = [classes[held[fold == number]] for number in by_fold]

    def of_others(number: int) -> float:
        others = [place for place, one in enumerate(by_fold) if one != number]
        if not others:
            return 1.0
        return calibration.temperature(
            np.concatenate([found[place] for place in others]), np.concatenate([given[place] for place in others])
        )

    result = np.ones(probe.folds.count + 1)
    sets = probe.sets()
    result[sets] = threads.map(of_others, sets)
    return result


def strips(rows: Rows, classes: int) -> list[Rows]:
    """Rows in pieces whose logits stay small, each of a multiple of the rows of one product."""
    size = fitting.LOGIT_ROWS * max(1, _STRIP_NUMBERS // (fitting.LOGIT_ROWS * classes))
    return [rows[begin : begin + size] for begin in range(0, len(rows), size)]
