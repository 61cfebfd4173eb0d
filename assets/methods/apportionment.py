"""Apportionment: a budget divided among the classes of a pool by a rule, within what each has and must get.

What belongs here: whole seats by exact arithmetic for one column at a time. Several columns at once belong to `quotas`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from assets.errors import DataError
from assets.tables import escape

Rule = Literal["natural", "equal", "square_root", "none"] | Mapping[str, float]

RULES = ("natural", "equal", "square_root", "none")
_SHOWN_NAMES = 10


@dataclass(frozen=True)
class Apportionment:
    """Seats per class, and one sentence for each way in which they differ from what the rule asked for."""

    seats: dict[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Terms:
    """What bounds the seats of each class, and the words of messages.

    `capacities`: the most a class can get; None: its count. `floors`: the least that it must get; a class that is not
    named: 0. `natural_least`: what the rule "natural" gives to every class if the budget allows it; None: 1.
    """

    capacities: Mapping[str, int] | None = None
    floors: Mapping[str, int] | None = None
    natural_least: Mapping[str, int] | None = None
    noun: str = "class"
    plural: str = "classes"
    unit: str = "rows"


def apportion(counts: Mapping[str, int], rule: Rule, budget: int, terms: Terms | None = None) -> Apportionment:
    """Divide `budget` rows (or tokens) among the classes of a pool, never more to a class than it has rows.

    `counts`: rows of each class in the pool, or their tokens. `rule`:

    - "natural": in proportion to `counts`, and at least one row to every class if the budget allows it;
    - "none": in proportion to `counts`;
    - "square_root": in proportion to the square roots of `counts`, between "natural" and "equal" (what training on
      many languages calls temperature 2);
    - "equal": as equal as the counts allow (water-filling);
    - shares by class: in proportion to them, a class that is not named gets none. What a class cannot fill goes to
      the others that have a share and still have rows, in proportion to their shares.

    `terms` may bound what a class gets from above and from below. The seats sum to the smaller of `budget` and the
    rows that exist in the classes with a share. Fractions of a row go by largest remainder (Hamilton's method), ties
    by name; the arithmetic is exact, so the result depends neither on the order of `counts` nor on rounding. Raises
    `DataError` for a share of a class that the pool does not have, and for floors that cannot be met. Cost:
    O(k log k) for k classes.
    """
    if budget < 0 or any(count < 0 for count in counts.values()):
        raise DataError(f"expected a budget and counts of at least 0, not {budget} of {dict(counts)}")
    terms = terms or Terms()
    caps = counts if terms.capacities is None else terms.capacities
    weights = class_weights(counts, rule, terms)
    wanted = {name: weight for name, weight in weights.items() if weight > 0 and caps[name] > 0}
    floors = {name: floor for name, floor in (terms.floors or {}).items() if floor > 0}
    available = sum(caps[name] for name in wanted.keys() | floors.keys())
    notes = []
    if budget > available:
        have = "exist" if terms.capacities is None else "can be chosen"
        notes.append(f"{budget:,} {terms.unit} asked for, {available:,} {have} in the {terms.plural} with a share")
    rows = min(budget, available)
    _check_floors(floors, caps, rows, terms)
    least = dict(floors)
    if rule == "natural":
        ones = terms.natural_least or dict.fromkeys(wanted, 1)
        lifted_to = {name: max(floors.get(name, 0), ones[name]) for name in wanted}
        if sum(lifted_to.values()) <= rows:
            least = lifted_to
    seats, lifted = _with_minimum(caps, wanted, least, rows)
    notes += _lift_notes(lifted, least, rows, terms)
    if rule == "natural":
        notes += _uncovered_notes(wanted, seats, rows, terms)
    if rule != "natural" or (rows == budget and terms.capacities is not None):
        notes += _difference_notes(caps, weights, seats, budget, rows, terms)
    return Apportionment({name: seats.get(name, 0) for name in sorted(counts)}, tuple(notes))


def class_weights(counts: Mapping[str, int], rule: Rule, terms: Terms) -> dict[str, Fraction]:
    """What the seats of each class are to be in proportion to; raises `DataError` for a rule that cannot be read."""
    if rule in ("natural", "none"):
        return {name: Fraction(count) for name, count in counts.items()}
    if rule == "square_root":  # a square root is rounded as IEEE 754 says, so it is the same number everywhere
        return {name: Fraction(math.sqrt(count)) for name, count in counts.items()}
    if rule == "equal":
        return {name: Fraction(1) for name in counts}
    if isinstance(rule, str):
        raise DataError(f"'{escape(rule)}': expected {', '.join(RULES)} or shares by {terms.noun}")
    unknown = sorted(set(rule) - set(counts))
    if unknown:
        close = difflib.get_close_matches(unknown[0], list(counts), 1)
        hint = f"did you mean '{escape(close[0])}'?" if close else f"its {terms.plural} are {listed(sorted(counts))}"
        raise DataError(f"no {terms.noun} '{escape(unknown[0])}' in the pool; {hint}")
    for name, share in sorted(rule.items()):
        if not (math.isfinite(share) and share >= 0):
            raise DataError(f"{terms.noun} '{escape(name)}': a share of {share}; expected a number of at least 0")
    # Through the shortest decimal, so that shares tie as they were written: 0.1 and 0.3 stand for 1/10 and 3/10.
    return {name: Fraction(repr(float(rule.get(name, 0)))) for name in counts}


def listed(names: list[str]) -> str:
    """Names as a message shows them: escaped, in quotes, the first ten and the number of the others."""
    shown = ", ".join(f"'{escape(name, 60)}'" for name in names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES:,} more"


def counted(number: int, unit: str) -> str:
    """A number of rows or tokens as a message says it: 1 row, 1,000 rows."""
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


# -- the arithmetic --------------------------------------------------------------------------------------------------


def largest_remainder(weights: Mapping[str, Fraction], rows: int) -> dict[str, int]:
    """Seats in proportion to `weights` without regard to what exists."""
    total = sum(weights.values())
    ideal = {name: rows * weight / total for name, weight in weights.items()}
    seats = {name: math.floor(value) for name, value in ideal.items()}
    by_remainder = sorted(ideal, key=lambda name: (seats[name] - ideal[name], name))
    for name in by_remainder[: rows - sum(seats.values())]:
        seats[name] += 1
    return seats


def _fill(caps: Mapping[str, int], weights: Mapping[str, Fraction], rows: int) -> dict[str, int]:
    """Seats in proportion to `weights`, at most caps[name] each: water-filling, then one largest remainder.

    A class whose proportional part reaches its cap is taken whole; what is left is divided among the rest. For the
    rest the part is below the cap, so that rounding it up never exceeds the cap.
    """
    seats: dict[str, int] = {}
    left, weight_left = rows, sum(weights.values())
    for name in sorted(weights, key=lambda name: (caps[name] / weights[name], name)):
        if caps[name] * weight_left > left * weights[name]:
            break
        seats[name] = caps[name]
        left -= caps[name]
        weight_left -= weights[name]
    rest = {name: weight for name, weight in weights.items() if name not in seats}
    return seats | (largest_remainder(rest, left) if rest else {})


def _with_minimum(
    caps: Mapping[str, int], weights: Mapping[str, Fraction], least: Mapping[str, int], rows: int
) -> tuple[dict[str, int], list[str]]:
    """Proportional seats with at least least[name] for each, and the classes that had to be lifted to it."""
    lifted = sorted(name for name in least if name not in weights)
    while True:
        rest = {name: weight for name, weight in weights.items() if name not in lifted}
        seats = _fill(caps, rest, rows - sum(least[name] for name in lifted))
        # Lifting some takes rows from the rest, which can bring another class below its least: look again.
        missing = sorted(name for name in rest if seats[name] < least.get(name, 0))
        if not missing:
            return seats | {name: least[name] for name in lifted}, lifted
        lifted += missing


# -- what is said of it ----------------------------------------------------------------------------------------------


def _check_floors(floors: Mapping[str, int], caps: Mapping[str, int], rows: int, terms: Terms) -> None:
    for name, floor in sorted(floors.items()):
        if floor > caps[name]:
            raise DataError(
                f"{terms.noun} '{escape(name, 60)}' is to have at least {counted(floor, terms.unit)}, "
                f"but only {caps[name]:,} can be chosen"
            )
    if sum(floors.values()) > rows:
        raise DataError(
            f"{len(floors):,} {terms.plural} are to have at least {sum(floors.values()):,} {terms.unit} together, "
            f"but there are only {rows:,} to divide"
        )


def _lift_notes(lifted: list[str], least: Mapping[str, int], rows: int, terms: Terms) -> list[str]:
    single = sorted(name for name in lifted if least[name] == 1)
    more = sorted(name for name in lifted if least[name] > 1)
    why = f"though their part of {rows:,} {terms.unit} is less"
    notes = [f"given {counted(1, terms.unit)} each, {why}: {listed(single)}"] if single else []
    return notes + ([f"given no more than they must have, {why}: {listed(more)}"] if more else [])


def _uncovered_notes(wanted: Mapping[str, Fraction], seats: Mapping[str, int], rows: int, terms: Terms) -> list[str]:
    missing = sorted(name for name in wanted if not seats[name])
    if not missing:
        return []
    return [f"{rows:,} {terms.unit} cannot cover {len(wanted):,} {terms.plural}; none given to {listed(missing)}"]


def _difference_notes(
    caps: Mapping[str, int],
    weights: Mapping[str, Fraction],
    seats: Mapping[str, int],
    budget: int,
    rows: int,
    terms: Terms,
) -> list[str]:
    """What classes could not fill, and which classes with a share got nothing."""
    notes = []
    have = "exist" if terms.capacities is None else "can be chosen"
    wanted = {name: weight for name, weight in weights.items() if weight > 0}
    asked = largest_remainder(wanted, budget) if wanted else {}
    for name in sorted(asked):
        short = asked[name] - caps[name]
        if short > 0:
            end = f"; {short:,} given to other {terms.plural}" if rows == budget else ""
            counted = f"{asked[name]:,} {terms.unit} asked for, {caps[name]:,} {have}"
            notes.append(f"{terms.noun} '{escape(name)}': {counted}{end}")
    missing = sorted(name for name in wanted if caps[name] and not seats[name])
    if missing and rows:
        notes.append(f"too small a part of {rows:,} {terms.unit} for a single one: {listed(missing)}")
    return notes
