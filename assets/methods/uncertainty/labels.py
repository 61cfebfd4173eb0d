"""Confident learning: how credible each given label is, and which class the row rather belongs to.

Northcutt, Jiang and Chuang 2021 (Confident Learning: Estimating Uncertainty in Dataset Labels). The probabilities must
be out of fold: a model that has seen a wrong label believes it. What belongs here: what follows from probabilities and
given labels. A large pool goes in pieces: label quality of each, thresholds of all, then suspected classes of each.
"""

from __future__ import annotations

import numpy as np

from assets.errors import DataError
from assets.methods.uncertainty.measures import Classes, Measure, Probabilities, of_given, of_one

NONE = -1  # in place of a class: the given one stands

# A probability reaches a threshold, and beats that of the given class, only beyond rounding.
_TOLERANCE = 1e-6
# A class whose rows get no probability of it at all would otherwise be reached by every row.
_LEAST_THRESHOLD = 2e-6


def label_quality(probabilities: Probabilities, classes: Classes) -> Measure:
    """The probability of each row's given class (self-confidence); 0 to 1, higher = the label is more credible.

    `probabilities`: (n, C). `classes`: (n,), from 0 to C - 1.
    """
    return of_given(of_one(probabilities), classes)


def normalized_margin(probabilities: Probabilities, classes: Classes) -> Measure:
    """(p of the given class - the highest p of another + 1) / 2; 0 to 1, higher = the label is more credible.

    Below 0.5 another class is more probable. A single class has no other: 1. Finds replaced labels less well than
    `label_quality` (Banking77, a fifth replaced: average precision .964 against .993), which is why that is the score.
    """
    table = of_one(probabilities)
    given = of_given(table, classes)
    if table.shape[1] == 1:
        return np.where(np.isnan(given), np.nan, 1.0)
    others = table.copy()
    others[np.arange(len(classes)), classes] = -np.inf
    found: Measure = (given - others.max(axis=1) + 1.0) / 2.0
    return found


def class_thresholds(quality: Measure, classes: Classes, number: int) -> Measure:
    """(C,) how probable each class must be of a row to count: its mean probability among the rows that were given it.

    `quality`: (n,) the `label_quality` of each row. `classes`: (n,), from 0 to `number` - 1. A class that no row was
    given has the threshold infinity. Cost: O(n + C).
    """
    counts = np.bincount(classes, minlength=number)
    means = np.bincount(classes, weights=quality, minlength=number) / np.maximum(counts, 1)
    return np.where(counts > 0, np.maximum(means, _LEAST_THRESHOLD), np.inf)


def suspected_classes(probabilities: Probabilities, classes: Classes, limits: Measure | None = None) -> Classes:
    """(n,) the class that each row rather belongs to, or -1 where its given class stands.

    The row's class is the one whose threshold it reaches, or, where it reaches several, its most probable class. The
    row is suspect when that is not its given class and its given class is not the most probable one anyway. These are
    the rows counted off the diagonal of the confident joint, and those that cleanlab's `confident_learning` flags.
    A row that reaches no threshold, or has a NaN, is not suspect: the model has no opinion.
    `limits`: (C,) thresholds of the whole pool where this is a piece of it. Cost: O(n C).
    """
    table = of_one(probabilities)
    given = of_given(table, classes)
    limits = class_thresholds(given, classes, table.shape[1]) if limits is None else limits
    if limits.shape != table.shape[1:]:
        raise DataError(f"{len(limits)} thresholds for {table.shape[1]} classes: expected one each")
    reached = table >= limits - _TOLERANCE
    counts = reached.sum(axis=1)
    rather = np.where(counts > 1, table.argmax(axis=1), reached.argmax(axis=1))
    stands = given + _TOLERANCE >= table.max(axis=1)
    suspect = (counts > 0) & (rather != classes) & ~stands & ~np.isnan(table).any(axis=1)
    return np.where(suspect, rather, NONE).astype(np.int64)
