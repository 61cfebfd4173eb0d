"""All scores of a pool by one probe: every measure of every row, piece by piece.

What belongs here: putting the parts of this package together. Each measure is defined in a module of its own; how good
the probe itself is belongs to `quality`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.threads import Threads
from assets.methods.uncertainty import adversarial, calibration, folds, labels, measures, probe, quality
from assets.methods.uncertainty.folds import UNLABELLED
from assets.methods.uncertainty.probe import Probe, ProbeSettings
from assets.progress import Advance

Vectors = npt.NDArray[np.float32]
Measure = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

NO_LABEL = "no label"
ONE_CLASS = "fewer than two classes: a probe has nothing to tell apart"
ONLY_ROW = "the only row of its class: a probe that has not seen it does not know the class"


@dataclass(frozen=True)
class Scores:
    """One row per record. Measures are (n,) float64; NaN where `reasons` or `notes` say why.

    `entropy` (bits), `least_confidence`, `margin` (low = uncertain), `mutual_information` (bits), `variation_ratio`
    and `adversarial_margin` (low = easy to flip; in units of the vectors) need no label; `cross_entropy` (bits) and
    `label_quality` (high = credible) do, so a row with the reason "no label" has only the others. `suspected_label`:
    the label that the row rather has, None where its own stands. `answers`: (n,) the number in `classes` of the most
    probable label, -1 for a row that is not scored. `probe`: what scored them, with which to judge other vectors.

    How good the probe is on the labelled rows that it scores, each out of fold; None where there are none: `accuracy`,
    the share whose most probable class is the given one; `macro_f1`; `ece_before` and `ece_after`, the expected
    calibration error without and with the temperatures, 0 to 1, lower = better; `temperatures`, the lowest and the
    highest; above 1 = the probe was too bold.
    """

    classes: tuple[str, ...]
    entropy: Measure
    least_confidence: Measure
    margin: Measure
    mutual_information: Measure
    variation_ratio: Measure
    adversarial_margin: Measure
    cross_entropy: Measure
    label_quality: Measure
    suspected_label: list[str | None]
    answers: Rows
    reasons: list[str | None]
    probe: Probe
    accuracy: float | None = None
    macro_f1: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None
    temperatures: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def score(
    vectors: Vectors,
    given_labels: Sequence[str | None],
    settings: ProbeSettings,
    advance: Advance = lambda fits: None,
    threads: Threads | None = None,
) -> Scores:
    """Every measure of every row, from an out-of-fold probe on (n, d) float32 unit vectors.

    `given_labels`: (n,), None for no label; rows without one are scored by a probe of all labelled rows. `advance` is
    told of `probe.steps(settings)` fits. The same bits for the same seed on any number of threads, and for the same
    rows in another order. Raises `DataError` if there are not as many labels as vectors, a vector is not finite, or a
    setting is out of range. Cost: that of `probe.train`, and O(n d C) for each member. Memory: the vectors, about 15
    numbers a row, and what a fit needs; never rows x classes of a large pool.
    """
    _check(vectors, given_labels, settings)
    names = tuple(sorted({label for label in given_labels if label is not None}))
    number: dict[str | None, int] = {name: index for index, name in enumerate(names)}
    classes = np.array([number.get(label, UNLABELLED) for label in given_labels], dtype=np.int64)
    if len(names) < 2:
        advance(probe.steps(settings))
        return _nothing(names, len(classes), settings)
    threads = threads or Threads()
    trained = probe.train(vectors, classes, settings, advance, threads)
    found = _measure(vectors, classes, trained, threads)
    suspected = _suspected(vectors, classes, trained, found["label_quality"], threads)
    answers = found["answers"].astype(np.int64)
    alone = (classes != UNLABELLED) & (trained.folds.fold == UNLABELLED)
    return Scores(
        classes=names,
        suspected_label=[names[index] if index >= 0 else None for index in suspected],
        answers=answers,
        probe=trained,
        reasons=[
            ONLY_ROW if only else NO_LABEL if label is None else None
            for only, label in zip(alone, given_labels, strict=True)
        ],
        notes=quality.notes(trained, settings, found),
        **_measures(found),
        **quality.of_probe(found, answers, classes, trained),
    )


def _check(vectors: Vectors, given_labels: Sequence[str | None], settings: ProbeSettings) -> None:
    if len(given_labels) != len(vectors):
        raise DataError(f"{len(given_labels)} labels for {len(vectors)} vectors: expected one each")
    if settings.folds < 2:
        raise DataError(f"folds: expected at least 2, not {settings.folds}")
    if settings.ensemble < 1:
        raise DataError(f"ensemble: expected at least 1, not {settings.ensemble}")
    folds.check(vectors, settings.regularization)


class _Measures(TypedDict):
    entropy: Measure
    least_confidence: Measure
    margin: Measure
    mutual_information: Measure
    variation_ratio: Measure
    adversarial_margin: Measure
    cross_entropy: Measure
    label_quality: Measure


MEASURES = tuple(_Measures.__annotations__)
"""The measures of `Scores`, by name."""


def _measures(found: dict[str, Measure]) -> _Measures:
    return cast(_Measures, {name: found[name] for name in MEASURES})


def _nothing(names: tuple[str, ...], rows: int, settings: ProbeSettings) -> Scores:
    return Scores(
        classes=names,
        suspected_label=[None] * rows,
        answers=np.full(rows, UNLABELLED, dtype=np.int64),
        probe=probe.untrained(rows, settings),
        reasons=[ONE_CLASS] * rows,
        **_measures({name: np.full(rows, np.nan) for name in MEASURES}),
    )


def _measure(vectors: Vectors, classes: Rows, trained: Probe, threads: Threads) -> dict[str, Measure]:
    """All measures by name, and `answers` (-1: none) and `confidence_before`; each piece of rows fills in its own."""
    found = {name: np.full(len(classes), np.nan) for name in (*MEASURES, "confidence_before")}
    found["answers"] = np.full(len(classes), float(UNLABELLED))
    coefficients = {number: trained.coefficients[number] for number in trained.sets()}
    distances = {
        number: adversarial.weight_distances(kept[0, :, :-1])
        for number, kept in coefficients.items()
        if kept is not None
    }

    def fill(piece: tuple[int, Rows]) -> None:
        number, rows = piece
        points, temperature = vectors[rows], float(trained.temperatures[number])
        logits = trained.logits(number, points)
        likely = calibration.softmax(logits, temperature)
        found["answers"][rows] = logits.argmax(axis=1)
        found["confidence_before"][rows] = calibration.softmax(logits).max(axis=1)
        found["entropy"][rows] = measures.entropy(likely)
        found["least_confidence"][rows] = measures.least_confidence(likely)
        found["margin"][rows] = measures.margin(likely)
        found["adversarial_margin"][rows] = adversarial.adversarial_margin(logits, distances[number])
        if number < trained.folds.count:
            found["cross_entropy"][rows] = measures.cross_entropy(likely, classes[rows])
            found["label_quality"][rows] = labels.label_quality(likely, classes[rows])
        kept = coefficients[number]
        if kept is not None and len(kept) > 1:
            members = np.stack(
                [calibration.softmax(trained.logits(number, points, one), temperature) for one in range(1, len(kept))]
            )
            found["mutual_information"][rows] = measures.mutual_information(members)
            found["variation_ratio"][rows] = measures.variation_ratio(members)

    threads.map(fill, _pieces(trained))
    return found


def _suspected(vectors: Vectors, classes: Rows, trained: Probe, own: Measure, threads: Threads) -> Rows:
    """(n,) the suspected class of each row, -1 for none; the thresholds are those of all scored rows."""
    suspected = np.full(len(classes), UNLABELLED, dtype=np.int64)
    # In the order of the folds, so that the sums do not depend on the order of the pool.
    judged = trained.folds.order[np.isfinite(own[trained.folds.order])]
    limits = labels.class_thresholds(own[judged], classes[judged], trained.classes)

    def fill(piece: tuple[int, Rows]) -> None:
        number, rows = piece
        likely = calibration.softmax(trained.logits(number, vectors[rows]), float(trained.temperatures[number]))
        suspected[rows] = labels.suspected_classes(likely, classes[rows], limits)

    threads.map(fill, [piece for piece in _pieces(trained) if piece[0] < trained.folds.count])
    return suspected


def _pieces(trained: Probe) -> list[tuple[int, Rows]]:
    """Which set scores which rows, in pieces that are small in memory."""
    return [
        (number, rows)
        for number in trained.sets()
        for rows in probe.strips(trained.folds.held_out(number), trained.classes)
    ]
