"""Measures over class probabilities: how unsure one model is, and how far several models disagree.

What belongs here: pure functions of probabilities, (n, C) of one model or (T, n, C) of T members of an ensemble. All
are computed in float64 and are exact at probabilities of 0 and 1. A row with a NaN in it has the measure NaN, and no
other row minds. What a given label has to do with it, beyond its cross-entropy, belongs to `labels`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Probabilities = npt.NDArray[np.floating]
Measure = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

_LEAST_PROBABILITY = np.finfo(np.float64).tiny  # keeps -log q finite: at most 1,022 bits


def entropy(probabilities: Probabilities, base: float = 2.0) -> Measure:
    """Shannon entropy of each row of (n, C) probabilities, in units of `base` (2: bits); 0 to log C.

    Higher = more uncertain. A probability of 0 adds nothing. Cost: O(n C).
    """
    return _entropy(of_one(probabilities), base)


def least_confidence(probabilities: Probabilities) -> Measure:
    """1 - the highest probability of each row of (n, C); 0 to 1 - 1/C, higher = more uncertain."""
    highest: Measure = of_one(probabilities).max(axis=1)
    return 1.0 - highest


def margin(probabilities: Probabilities) -> Measure:
    """The highest probability of each row of (n, C) minus the second highest; 0 to 1, LOWER = more uncertain.

    Called breaking ties by Luo et al. 2005. A single class leaves nothing to confuse it with: the margin is 1.
    """
    table = of_one(probabilities)
    if table.shape[1] == 1:
        return np.where(np.isnan(table[:, 0]), np.nan, 1.0)
    ordered = np.partition(table, -2, axis=1)
    difference: Measure = ordered[:, -1] - ordered[:, -2]
    difference[np.isnan(table).any(axis=1)] = np.nan
    return difference


def cross_entropy(probabilities: Probabilities, classes: Classes, base: float = 2.0) -> Measure:
    """-log of the probability of each row's given class, in units of `base` (2: bits).

    Higher = the label surprises the model more. A probability of 0 counts as the smallest normal number, so that the
    worst label costs 1,022 bits, not infinity. `probabilities`: (n, C). `classes`: (n,), from 0 to C - 1.
    """
    table = of_one(probabilities)
    given = of_given(table, classes)
    cost: Measure = 0.0 - np.log(np.maximum(given, _LEAST_PROBABILITY)) / math.log(base)
    cost[np.isnan(table).any(axis=1)] = np.nan
    return np.maximum(cost, 0.0)  # a probability that rounding has put above 1


def mutual_information(members: Probabilities, base: float = 2.0) -> Measure:
    """Mutual information of the answer and the model, over (T, n, C) probabilities of T members; 0 to log C.

    BALD (Houlsby et al. 2011): the entropy of the members' mean minus the mean of their entropies, in units of `base`
    (2: bits). Higher = the members are sure of different things, so that the answer would teach them more. Computed
    as the mean divergence of the members from their mean, which loses no digits where they nearly agree.
    Cost: O(T n C), and one member's (n, C) of memory.
    """
    table = of_members(members)
    mean = table.mean(axis=0)
    total = np.zeros(table.shape[1])
    for member in table:
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where a member has a probability above 0, so has the mean.
            parts = np.where(member == 0.0, 0.0, member * np.log(member / mean))
        total += parts.sum(axis=1)
    return np.maximum(total / len(table) / math.log(base), 0.0)


def variation_ratio(members: Probabilities) -> Measure:
    """1 - the share of T members whose most probable class is the most frequent one (Freeman 1965); 0 to 1 - 1/T.

    Higher = the members disagree more about the answer. `members`: (T, n, C). Of equally probable classes a member
    votes for the lower. Cost: O(T n C + n C).
    """
    table = of_members(members)
    votes = table.argmax(axis=2)
    rows = np.arange(table.shape[1])
    counts = np.zeros(table.shape[1:], dtype=np.int32)
    for vote in votes:
        counts[rows, vote] += 1
    ratio: Measure = 1.0 - counts.max(axis=1) / len(table)
    ratio[np.isnan(table).any(axis=(0, 2))] = np.nan
    return ratio


def of_one(probabilities: Probabilities) -> Measure:
    """(n, C) probabilities in float64. Raises `DataError` for another shape, or no class at all."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 1:
        raise DataError(f"probabilities of shape {probabilities.shape}: expected (rows, classes), 1 class or more")
    return np.asarray(probabilities, dtype=np.float64)


def of_members(members: Probabilities) -> Measure:
    """(T, n, C) probabilities in float64. Raises `DataError` for another shape, no member or no class."""
    if members.ndim != 3 or members.shape[0] < 1 or members.shape[2] < 1:
        raise DataError(
            f"probabilities of shape {members.shape}: expected (members, rows, classes), 1 member and 1 class or more"
        )
    return np.asarray(members, dtype=np.float64)


def of_given(probabilities: Measure, classes: Classes) -> Measure:
    """The probability of each row's given class. Raises `DataError` unless each row has one class from 0 to C - 1."""
    rows, count = probabilities.shape
    if classes.shape != (rows,):
        raise DataError(f"classes of shape {classes.shape} for {rows} rows of probabilities: expected one each")
    outside = np.flatnonzero((classes < 0) | (classes >= count))
    if len(outside):
        raise DataError(f"row {outside[0]}: class {classes[outside[0]]}, expected one from 0 to {count - 1}")
    given: Measure = probabilities[np.arange(rows), classes]
    return given


def _entropy(table: Measure, base: float) -> Measure:
    logs = np.log(np.where(table == 0.0, 1.0, table))
    found: Measure = -np.sum(table * logs, axis=1) / math.log(base)
    return np.maximum(found, 0.0) + 0.0  # below 0 only by rounding, and as -0.0
