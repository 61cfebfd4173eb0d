"""Uncertainty: how sure a simple model is of each row, and whether it believes the row's label.

What belongs here: measures over class probabilities, and the out-of-fold linear probe that supplies the
probabilities. What a score is used for belongs to `selecting`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.diversity import single_thread
from assets.progress import Advance

Probabilities = npt.NDArray[np.float64]
Measure = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

UNLABELLED = -1
NO_LABEL = "no label"
ONE_CLASS = "fewer than two classes: a probe has nothing to tell apart"
ONLY_ROW = "the only row of its class: a probe that has not seen it does not know the class"

_MAX_ITERATIONS = 1000
_TOLERANCE = 1e-4
_LEAST_PROBABILITY = np.finfo(np.float64).tiny  # keeps -log2 finite: at most 1,022 bits


# -- measures --------------------------------------------------------------------------------------------------------


def entropy(probabilities: Probabilities) -> Measure:
    """Shannon entropy in bits of each row of (n, C) probabilities; 0 to log2 C, higher = more uncertain."""
    logs = np.log2(np.maximum(probabilities, _LEAST_PROBABILITY))
    bits: Measure = -np.sum(probabilities * logs, axis=1)
    return np.abs(bits)  # below 0 only by rounding, and as -0.0


def least_confidence(probabilities: Probabilities) -> Measure:
    """1 - the highest probability of each row; 0 to 1 - 1/C, higher = more uncertain."""
    highest: Measure = probabilities.max(axis=1)
    return 1.0 - highest


def margin(probabilities: Probabilities) -> Measure:
    """The highest probability minus the second highest; 0 to 1, LOWER = more uncertain. Expects two classes or more."""
    ordered = np.partition(probabilities, -2, axis=1)
    difference: Measure = ordered[:, -1] - ordered[:, -2]
    return difference


def label_quality(probabilities: Probabilities, classes: Classes) -> Measure:
    """The probability of each row's given class; 0 to 1, higher = the label is more credible.

    Called self-confidence by Northcutt, Jiang and Chuang 2021 (Confident Learning).
    """
    given: Measure = probabilities[np.arange(len(classes)), classes]
    return given


def cross_entropy(probabilities: Probabilities, classes: Classes) -> Measure:
    """-log2 of the probability of each row's given class, in bits; higher = the label surprises the probe more.

    A probability of 0 counts as the smallest normal number, so that the worst label costs 1,022 bits, not infinity.
    """
    return 0.0 - np.log2(np.maximum(label_quality(probabilities, classes), _LEAST_PROBABILITY))


def suspected_classes(probabilities: Probabilities, classes: Classes) -> Classes:
    """The class that each row rather belongs to, or -1 where its given class stands (Confident Learning).

    The threshold of a class is the mean probability that rows given this class have of it. A row is suspect when its
    probability of another class reaches that class's threshold and the one of its given class does not; the class it
    is suspected to belong to is the most probable of those it reaches. A class that no row was given has no threshold.
    `probabilities`: (n, C), out of fold. `classes`: (n,).
    """
    given = label_quality(probabilities, classes)
    counts = np.bincount(classes, minlength=probabilities.shape[1])
    sums = np.bincount(classes, weights=given, minlength=probabilities.shape[1])
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = probabilities >= thresholds
    best = np.where(reached, probabilities, -1.0).argmax(axis=1)
    suspect = reached.any(axis=1) & ~reached[np.arange(len(classes)), classes]
    return np.where(suspect, best, UNLABELLED).astype(np.int64)


# -- the probe -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProbeResult:
    """What the probe thinks of rows that it was not trained on.

    `probabilities`: (n, C) float64, each row sums to 1, or is all NaN with the reason in `reasons`. `accuracy`: the
    share of labelled rows, out of fold, whose most probable class is the given one; None if none could be scored.
    """

    probabilities: Probabilities
    reasons: list[str | None]
    accuracy: float | None
    notes: tuple[str, ...] = ()


def probe_probabilities(
    vectors: npt.NDArray[np.float32],
    classes: Classes,
    folds: int,
    regularization: float,
    seed: int,
    advance: Advance = lambda folds: None,
) -> ProbeResult:
    """Class probabilities of each row by a multinomial logistic regression that was not trained on the row.

    `vectors`: (n, d) float32 of unit length. `classes`: (n,) from 0 to C - 1 without gaps, or -1 for no label; rows
    without a label are scored by a probe of all labelled rows. `regularization`: inverse strength, scikit-learn's C:
    higher = bolder probabilities. The rows of each class are dealt to the folds in turn after a seeded shuffle, so a
    class of two rows or more is always known to the probe that scores them. The only row of a class cannot be scored:
    it stays in every training set. `advance` is told each finished fold.
    Cost: `folds` times a fit of O(n d C) an iteration, mostly 20 to 60 iterations.
    """
    _check(vectors, folds, regularization)
    counts = np.bincount(classes[classes >= 0])
    probabilities = np.full((len(classes), len(counts)), np.nan)
    if len(counts) < 2:
        advance(folds)
        return ProbeResult(probabilities, [ONE_CLASS] * len(classes), None)
    fold = _deal(classes, counts, folds, seed)
    labelled = classes != UNLABELLED
    notes = []
    for number in range(folds):
        notes += _fill(probabilities, vectors, classes, labelled & (fold != number), fold == number, regularization)
        advance(1)
    notes += _fill(probabilities, vectors, classes, labelled, ~labelled, regularization)
    alone = labelled & (fold == UNLABELLED)
    scored = labelled & ~alone
    right = probabilities[scored].argmax(axis=1) == classes[scored]
    reasons = [ONLY_ROW if only else None for only in alone]
    return ProbeResult(probabilities, reasons, float(right.mean()) if len(right) else None, tuple(dict.fromkeys(notes)))


def _check(vectors: npt.NDArray[np.float32], folds: int, regularization: float) -> None:
    if folds < 2:
        raise DataError(f"folds: expected at least 2, not {folds}")
    if not (regularization > 0 and math.isfinite(regularization)):
        raise DataError(f"regularization: expected a number above 0, not {regularization}")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise DataError(f"vectors: row {row} holds something that is not a finite number")


def _deal(classes: Classes, counts: npt.NDArray[np.integer], folds: int, seed: int) -> Classes:
    """The fold that holds each row out; -1 for rows without a label and for the only row of a class."""
    random = np.random.default_rng(seed)
    fold = np.full(len(classes), UNLABELLED, dtype=np.int64)
    shuffled = random.permutation(len(classes))
    # A stable sort keeps the shuffle within each class; dealing on from class to class keeps the folds equally large.
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    dealt = by_class[(classes[by_class] >= 0) & (counts[classes[by_class]] > 1)]
    fold[dealt] = np.arange(len(dealt)) % folds
    return fold


def _fill(
    probabilities: Probabilities,
    vectors: npt.NDArray[np.float32],
    classes: Classes,
    train: npt.NDArray[np.bool_],
    test: npt.NDArray[np.bool_],
    regularization: float,
) -> list[str]:
    """Fit on the `train` rows and write the probabilities of the `test` rows; return what there is to say about it."""
    if not test.any():
        return []
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=regularization, tol=_TOLERANCE, max_iter=_MAX_ITERATIONS)
    with single_thread(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        # Many small classes are no mistake here: a pool may have nearly as many labels as rows.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        probe.fit(vectors[train], classes[train])
        found = probe.predict_proba(vectors[test]).astype(np.float64)
    # float32 probabilities sum to 1 only nearly. `classes_`: every class has a row in every training set.
    probabilities[np.ix_(test, probe.classes_)] = found / found.sum(axis=1, keepdims=True)
    slow = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    return [f"a probe stopped after {_MAX_ITERATIONS:,} iterations, before it had settled"] if slow else []


# -- all scores ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """One row per record. Measures are (n,) float64; NaN where `reasons` says why.

    `entropy` (bits), `least_confidence` and `margin` (low = uncertain) need no label; `cross_entropy` (bits) and
    `label_quality` (high = credible) do, so a row with the reason "no label" has the first three. `suspected_label`:
    the label that the row rather has, None where its own stands. `accuracy`: see `ProbeResult`.
    """

    classes: tuple[str, ...]
    entropy: Measure
    least_confidence: Measure
    margin: Measure
    cross_entropy: Measure
    label_quality: Measure
    suspected_label: list[str | None]
    reasons: list[str | None]
    accuracy: float | None
    notes: tuple[str, ...] = ()


def score(
    vectors: npt.NDArray[np.float32],
    labels: Sequence[str | None],
    folds: int,
    regularization: float,
    seed: int,
    advance: Advance = lambda folds: None,
) -> Scores:
    """Every measure of every row, from one out-of-fold probe on (n, d) float32 unit vectors.

    `labels`: (n,), None for no label. Arguments and cost as in `probe_probabilities`. Raises `DataError` if there are
    not as many labels as vectors, or a vector is not finite.
    """
    if len(labels) != len(vectors):
        raise DataError(f"{len(labels)} labels for {len(vectors)} vectors: expected one each")
    names = tuple(sorted({label for label in labels if label is not None}))
    number: dict[str | None, int] = {name: index for index, name in enumerate(names)}
    classes = np.array([number.get(label, UNLABELLED) for label in labels], dtype=np.int64)
    probe = probe_probabilities(vectors, classes, folds, regularization, seed, advance)
    known = np.zeros(len(labels), dtype=np.bool_)
    if len(names) > 1:
        known[:] = np.isfinite(probe.probabilities).all(axis=1)
    judged = known & (classes != UNLABELLED)
    of_all, of_judged, given = probe.probabilities[known], probe.probabilities[judged], classes[judged]
    suspected = np.full(len(classes), UNLABELLED, dtype=np.int64)
    suspected[judged] = suspected_classes(of_judged, given) if judged.any() else UNLABELLED
    return Scores(
        classes=names,
        entropy=_spread(known, entropy, of_all),
        least_confidence=_spread(known, least_confidence, of_all),
        margin=_spread(known, margin, of_all),
        cross_entropy=_spread(judged, cross_entropy, of_judged, given),
        label_quality=_spread(judged, label_quality, of_judged, given),
        suspected_label=[names[index] if index >= 0 else None for index in suspected],
        reasons=[
            reason or (NO_LABEL if label is None else None) for reason, label in zip(probe.reasons, labels, strict=True)
        ],
        accuracy=probe.accuracy,
        notes=probe.notes,
    )


def _spread(
    rows: npt.NDArray[np.bool_], measure: Callable[..., Measure], *arguments: npt.NDArray[np.generic]
) -> Measure:
    """The measure of the rows that have one, NaN elsewhere."""
    result = np.full(len(rows), np.nan)
    if rows.any():
        result[rows] = measure(*arguments)
    return result
