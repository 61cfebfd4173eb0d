"""How good a probe is on the rows that it never saw, and what there is to say of one that is not as it should be.

What belongs here: figures and sentences about a whole probe. Those about rows belong to `scoring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from assets.methods.uncertainty import calibration, fitting
from assets.methods.uncertainty.folds import UNLABELLED
from assets.methods.uncertainty.probe import Probe, ProbeSettings

Measure = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

NO_ENSEMBLE = "mutual_information, variation_ratio: ensemble is 1, and one probe cannot disagree with itself"


class OfProbe(TypedDict, total=False):
    """The fields of `scoring.Scores` that are about the probe; those that cannot be told are left out."""

    accuracy: float
    macro_f1: float
    ece_before: float | None
    ece_after: float | None
    temperatures: tuple[float, float]


def of_probe(found: Mapping[str, Measure], answers: Rows, classes: Rows, trained: Probe) -> OfProbe:
    """How good the probe is on the labelled rows that it scores.

    `found`: (n,) least_confidence, and confidence_before, the highest probability before any temperature. `answers`:
    (n,) most probable classes. `classes`: (n,) given ones, -1 for none. Cost: O(n).
    """
    used = trained.temperatures[trained.sets()]
    result: OfProbe = {"temperatures": (float(used.min()), float(used.max()))} if len(used) else {}
    rows = trained.folds.order[trained.folds.fold[trained.folds.order] != UNLABELLED]
    if len(rows):
        given, answered = classes[rows], answers[rows]
        right = given == answered
        result["accuracy"] = float(right.mean())
        result["macro_f1"] = macro_f1(given, answered)
        result["ece_before"] = calibration.calibration_error(found["confidence_before"][rows], right)
        result["ece_after"] = calibration.calibration_error(1.0 - found["least_confidence"][rows], right)
    return result


def macro_f1(given: Rows, answered: Rows) -> float:
    """The mean F1 over the classes that some row was given; 0 to 1, higher = better. Expects a row or more.

    A class that no row was given is left out: its F1 would be 0 whatever the probe does.
    """
    size = int(max(given.max(), answered.max())) + 1
    hits = np.bincount(given[given == answered], minlength=size)
    rows, answers = np.bincount(given, minlength=size), np.bincount(answered, minlength=size)
    return float((2 * hits[rows > 0] / (rows + answers)[rows > 0]).mean())


def notes(trained: Probe, settings: ProbeSettings, found: Mapping[str, Measure]) -> tuple[str, ...]:
    """What there is to say of a probe that is not as it should be."""
    said = []
    sizes = trained.folds.sizes
    alone = int((sizes == 1).sum())
    if alone:
        said.append(f"classes with one row only, which cannot be scored: {alone:,}")
    few = sizes[(sizes > 1) & (sizes < settings.folds)]
    if len(few):
        said.append(f"classes with fewer rows than folds: {len(few):,}, with {int(few.sum()):,} rows in all")
    if not settings.members:
        said.append(NO_ENSEMBLE)
    if trained.unsettled:
        said.append(
            f"{trained.unsettled:,} fits stopped after {fitting.MAX_ITERATIONS:,} iterations, before they had settled"
        )
    unreachable = int((np.isfinite(found["entropy"]) & np.isnan(found["adversarial_margin"])).sum())
    if unreachable:
        said.append(f"adversarial_margin: null for {unreachable:,} rows, whose probe cannot tell any classes apart")
    at_bound = [t for t in trained.temperatures[trained.sets()].tolist() if t in calibration.BOUNDS]
    if at_bound:
        said.append(
            f"{len(at_bound):,} temperatures were set to a bound, {calibration.BOUNDS[0]} or {calibration.BOUNDS[1]}"
        )
    return tuple(said)
