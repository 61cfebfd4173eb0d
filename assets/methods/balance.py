"""Arithmetic of class balance: seats per class, shares, divergence and its bound, length bands.

What belongs here: plain counts and arrays in, plain numbers out. Which distributions are compared, and what is said to
the user about them, belongs to the checks.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from assets.errors import DataError
from assets.tables import escape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Rule = Literal["natural", "equal"] | Mapping[str, float]

_SHOWN_NAMES = 10


@dataclass(frozen=True)
class Apportionment:
    """Seats per class, and one sentence for each way in which they differ from what the rule asked for."""

    seats: dict[str, int]
    notes: tuple[str, ...] = ()


def apportion(counts: Mapping[str, int], rule: Rule, budget: int) -> Apportionment:
    """Divide `budget` rows among the classes of a pool, never more to a class than it has rows.

    `counts`: rows of each class in the pool. `rule`:

    - "natural": in proportion to `counts`, and at least one row to every class if the budget allows it;
    - "equal": as equal as the counts allow (water-filling);
    - shares by class: in proportion to them, a class that is not named gets none. What a class cannot fill goes to
      the others that have a share and still have rows, in proportion to their shares.

    The seats sum to the smaller of `budget` and the rows that exist in the classes with a share. Fractions of a row
    go by largest remainder (Hamilton's method), ties by name; the arithmetic is exact, so the result depends neither
    on the order of `counts` nor on rounding. Raises `DataError` for a share of a class that the pool does not have.
    Cost: O(k log k) for k classes.
    """
    if budget < 0 or any(count < 0 for count in counts.values()):
        raise DataError(f"expected a budget and counts of at least 0, not {budget} of {dict(counts)}")
    weights = _weights(counts, rule)
    wanted = {name: weight for name, weight in weights.items() if weight > 0 and counts[name] > 0}
    available = sum(counts[name] for name in wanted)
    notes = []
    if budget > available:
        notes.append(f"{budget:,} rows asked for, {available:,} exist in the classes with a share")
    rows = min(budget, available)
    if rule == "natural":
        seats, lifted = _with_minimum(counts, wanted, rows)
        notes += _lift_notes(lifted, wanted, seats, rows)
    else:
        seats = _fill(counts, wanted, rows)
        notes += _difference_notes(counts, weights, seats, budget, rows)
    return Apportionment({name: seats.get(name, 0) for name in sorted(counts)}, tuple(notes))


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """The share of each class in all rows, summing to 1; of no rows at all, every share is 0."""
    total = sum(counts.values())
    return {name: count / total if total else 0.0 for name, count in counts.items()}


def kl_divergence(observed: Mapping[str, int], reference: Mapping[str, float]) -> float:
    """Kullback-Leibler divergence D(observed || reference) in nats; 0 = the same shares, higher = further apart.

    `observed`: rows by class. `reference`: weights by class, brought to a sum of 1 here. Infinite where a class was
    observed that has no weight. Raises `DataError` if no rows were observed.
    """
    rows, weight = sum(observed.values()), math.fsum(reference.values())
    if not rows:
        raise DataError("no rows: there is no distribution to compare")
    terms = []
    for name, count in observed.items():
        if not count:
            continue
        share = reference.get(name, 0.0) / weight if weight else 0.0
        if not share:
            return math.inf
        terms.append(count / rows * math.log(count / rows / share))
    return max(0.0, math.fsum(terms))  # never below 0 but for rounding


def kl_bound(rows: int, classes: int, significance: float) -> float:
    """The divergence, in nats, that a fair draw of `rows` rows exceeds with probability `significance`.

    2 n D(observed || reference) is the likelihood-ratio statistic G of a multinomial sample of n rows; under the
    reference it tends to the chi-square distribution with k - 1 degrees of freedom (Wilks 1938). Hence
    chi2.ppf(1 - significance, k - 1) / (2 n). One class cannot diverge: 0.
    """
    if classes <= 1:
        return 0.0
    if rows < 1:
        raise DataError("no rows: there is no bound on their divergence")
    from scipy.stats import chi2

    return float(chi2.ppf(1 - significance, classes - 1)) / (2 * rows)


# -- length bands ----------------------------------------------------------------------------------------------------


def length_edges(lengths: npt.NDArray[np.integer], bands: int) -> npt.NDArray[np.int64]:
    """Edges of up to `bands` bands of equally many rows: band i holds edges[i] <= length < edges[i + 1].

    `lengths`: whole numbers, shape (n,). Returns the m + 1 strictly rising edges of m bands, m <= `bands`: equal
    lengths are never parted, so many ties make fewer bands. Raises `DataError` for no lengths.
    """
    import numpy as np

    if not len(lengths):
        raise DataError("no rows: there are no lengths to divide into bands")
    # inverted_cdf: the cuts are lengths that occur, so that the bands have whole-numbered ends.
    last = np.quantile(lengths, np.arange(1, bands + 1) / bands, method="inverted_cdf")
    return np.concatenate([[np.min(lengths)], np.unique(last) + 1]).astype(np.int64)


def band_names(edges: npt.NDArray[np.int64]) -> list[str]:
    """The names of the bands in rising order, such as "1: 3-84" (with an en dash); they sort in that order."""
    width = len(str(len(edges) - 1))
    names = []
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:] - 1, strict=True), start=1):
        span = f"{low:,}" if low == high else f"{low:,}\N{EN DASH}{high:,}"
        names.append(f"{number:0{width}}: {span}")
    return names


def length_band(lengths: npt.NDArray[np.integer], edges: npt.NDArray[np.int64]) -> list[str]:
    """The name of the band of each length, shape (n,); a length outside all bands says so in its name."""
    import numpy as np

    names = [f"under {edges[0]:,}", *band_names(edges), f"over {edges[-1] - 1:,}"]
    return [names[index] for index in np.searchsorted(edges, lengths, side="right")]


# -- apportionment ---------------------------------------------------------------------------------------------------


def _weights(counts: Mapping[str, int], rule: Rule) -> dict[str, Fraction]:
    if rule == "natural":
        return {name: Fraction(count) for name, count in counts.items()}
    if rule == "equal":
        return {name: Fraction(1) for name in counts}
    if isinstance(rule, str):
        raise DataError(f"'{escape(rule)}': expected natural, equal or shares by class")
    unknown = sorted(set(rule) - set(counts))
    if unknown:
        close = difflib.get_close_matches(unknown[0], list(counts), 1)
        hint = f"did you mean '{escape(close[0])}'?" if close else f"its classes are {_listed(sorted(counts))}"
        raise DataError(f"no class '{escape(unknown[0])}' in the pool; {hint}")
    # Through the shortest decimal, so that shares tie as they were written: 0.1 and 0.3 stand for 1/10 and 3/10.
    return {name: Fraction(repr(float(rule.get(name, 0)))) for name in counts}


def _largest_remainder(weights: Mapping[str, Fraction], rows: int) -> dict[str, int]:
    """Seats in proportion to `weights` without regard to what exists."""
    total = sum(weights.values())
    ideal = {name: rows * weight / total for name, weight in weights.items()}
    seats = {name: math.floor(value) for name, value in ideal.items()}
    by_remainder = sorted(ideal, key=lambda name: (seats[name] - ideal[name], name))
    for name in by_remainder[: rows - sum(seats.values())]:
        seats[name] += 1
    return seats


def _fill(counts: Mapping[str, int], weights: Mapping[str, Fraction], rows: int) -> dict[str, int]:
    """Seats in proportion to `weights`, at most counts[name] each: water-filling, then one largest remainder.

    A class whose proportional part reaches its count is taken whole; what is left is divided among the rest. For the
    rest the part is below the count, so that rounding it up never exceeds the count.
    """
    seats: dict[str, int] = {}
    left, weight_left = rows, sum(weights.values())
    for name in sorted(weights, key=lambda name: (counts[name] / weights[name], name)):
        if counts[name] * weight_left > left * weights[name]:
            break
        seats[name] = counts[name]
        left -= counts[name]
        weight_left -= weights[name]
    rest = {name: weight for name, weight in weights.items() if name not in seats}
    return seats | (_largest_remainder(rest, left) if rest else {})


def _with_minimum(
    counts: Mapping[str, int], weights: Mapping[str, Fraction], rows: int
) -> tuple[dict[str, int], list[str]]:
    """Proportional seats with at least one for every class if there are enough rows, and the classes lifted to it."""
    if rows < len(weights):
        return _fill(counts, weights, rows), []
    lifted: list[str] = []
    while True:
        rest = {name: weight for name, weight in weights.items() if name not in lifted}
        seats = _fill(counts, rest, rows - len(lifted))
        # Lifting some takes rows from the rest, which can bring another class down to none: look again.
        missing = sorted(name for name in rest if not seats[name])
        if not missing:
            return seats | dict.fromkeys(lifted, 1), lifted
        lifted += missing


def _lift_notes(lifted: list[str], wanted: Mapping[str, Fraction], seats: Mapping[str, int], rows: int) -> list[str]:
    if lifted:
        return [f"given 1 row each, though their part of {rows:,} rows is less: {_listed(sorted(lifted))}"]
    missing = sorted(name for name in wanted if not seats[name])
    if missing:
        return [f"{rows:,} rows cannot cover {len(wanted):,} classes; none given to {_listed(missing)}"]
    return []


def _difference_notes(
    counts: Mapping[str, int], weights: Mapping[str, Fraction], seats: Mapping[str, int], budget: int, rows: int
) -> list[str]:
    """What classes could not fill, and which classes with a share got nothing."""
    notes = []
    wanted = {name: weight for name, weight in weights.items() if weight > 0}
    asked = _largest_remainder(wanted, budget) if wanted else {}
    for name in sorted(asked):
        short = asked[name] - counts[name]
        if short > 0:
            end = f"; {short:,} given to other classes" if rows == budget else ""
            notes.append(f"class '{escape(name)}': {asked[name]:,} rows asked for, {counts[name]:,} exist{end}")
    missing = sorted(name for name in wanted if counts[name] and not seats[name])
    if missing and rows:
        notes.append(f"too small a part of {rows:,} rows for a single one: {_listed(missing)}")
    return notes


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{escape(name, 60)}'" for name in names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES:,} more"
