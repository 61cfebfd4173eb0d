"""Drops: how many rows were left out, by source, step and reason, and what there is to say about that.

What belongs here: counts in; lists and rows of tables out. `ledger.py` counts, `losses.py` makes sentences of it,
`plots.py` draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from assets.tables import escape

if TYPE_CHECKING:
    from assets.cleaning_params import CleanedData

Row = dict[str, str | int | float | None]  # of a table, cell by cell
Key = tuple[str, str, str]  # source, step, reason
_Key = TypeVar("_Key", str, tuple[str, str])

MOST_SOURCES = 12  # rows of the table of sources
MOST_STEPS = 8  # columns of it, and parts of a bar
OTHERS = "other steps"
# Steps of the ledgers that are no entry of `cleaned_data.steps`: those before them and those after, as they run.
BEFORE_STEPS = ("reading", "filter")
AFTER_STEPS = ("decontamination", "similarity", "against", "exact", "near", "semantic")
LOSING = 0.5  # a source that loses a larger share of its rows than this is warned of


@dataclass(frozen=True)
class Bar:
    """A bar of the waterfall: a step, the rows that it left out, and the rows that are left after it."""

    label: str
    dropped: int
    left: int


@dataclass(frozen=True)
class Loss:
    """What one source lost: rows in, rows kept, and the step that took most (empty where none took any)."""

    source: str
    rows_in: int
    kept: int
    step: str
    by_step: int  # rows that this step took

    @property
    def dropped(self) -> int:
        """Rows that did not stay."""
        return self.rows_in - self.kept


@dataclass(frozen=True)
class Drops:
    """The rows that were left out, by (source, step, reason); and by source the rows that came in and that stayed.

    `rows_in` and `kept` are both empty where nobody stated one of them: then nothing is known of shares.
    """

    counts: Mapping[Key, int]
    rows_in: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, counts: Mapping[Key, int], rows_in: Mapping[str, int] | None = None, kept: Mapping[str, int] | None = None
    ) -> Drops:
        """What is missing of `rows_in` and `kept` follows from the other.

        Raises `ValueError` where a source does not add up: each row that came in is kept or in the ledger, once.
        """
        counts = {key: counts[key] for key in sorted(counts) if counts[key]}
        if rows_in is None and kept is None:
            return cls(counts)
        dropped = _summed((source, rows) for (source, _, _), rows in counts.items())
        if rows_in is None:
            rows_in = _summed([*(kept or {}).items(), *dropped.items()])
        if kept is None:
            kept = {source: rows - dropped.get(source, 0) for source, rows in rows_in.items()}
        sources = sorted({*rows_in, *kept, *dropped})
        came, stayed = ({source: given.get(source, 0) for source in sources} for given in (rows_in, kept))
        for source in sources:
            if stayed[source] < 0 or came[source] != stayed[source] + dropped.get(source, 0):
                raise ValueError(
                    f"source '{escape(source, 80)}': {came[source]:,} rows came in, but {max(stayed[source], 0):,} "
                    f"stayed and {dropped.get(source, 0):,} are in the ledger"
                )
        return cls(counts, came, stayed)

    @property
    def total(self) -> int:
        """All rows that were left out."""
        return sum(self.counts.values())

    def by_reason(self) -> dict[str, int]:
        """Rows left out by reason, most first."""
        return _largest_first(_summed((reason, n) for (_, _, reason), n in self.counts.items()))

    def by_step(self, order: Sequence[str] = ()) -> dict[str, int]:
        """Rows left out by step, in the order in which the steps ran; those that `order` does not name come last."""
        found = _summed((step, n) for (_, step, _), n in self.counts.items())
        return {step: found[step] for step in in_order(found, order)}

    def by_step_and_reason(self, order: Sequence[str] = ()) -> list[tuple[str, str, int]]:
        """(step, reason, rows): steps in their order, the reasons of each by their rows, most first."""
        found = _summed(((step, reason), n) for (_, step, reason), n in self.counts.items())
        places = {step: place for place, step in enumerate(in_order({step for step, _ in found}, order))}
        ordered = sorted(found.items(), key=lambda item: (places[item[0][0]], -item[1], item[0][1]))
        return [(step, reason, rows) for (step, reason), rows in ordered]

    def by_source(self) -> list[Loss]:
        """Every source, largest first. Without `rows_in`, those that lost rows, of which none is known to be kept."""
        steps: dict[str, Counter[str]] = {name: Counter() for name in self.rows_in}
        for (source, step, _), rows in self.counts.items():
            steps.setdefault(source, Counter())[step] += rows
        losses = []
        for source, by_step in steps.items():
            step, most = min(by_step.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
            rows_in = self.rows_in.get(source, by_step.total())
            losses.append(Loss(source, rows_in, self.kept.get(source, 0), step, most))
        return sorted(losses, key=lambda loss: (-loss.rows_in, loss.source))

    def losing_sources(self, limit: float = LOSING) -> list[Loss]:
        """The sources that lost more than this share of their rows, most rows lost first."""
        known = [loss for loss in self.by_source() if loss.source in self.rows_in]
        losing = [loss for loss in known if loss.dropped > limit * loss.rows_in]
        return sorted(losing, key=lambda loss: (-loss.dropped, loss.source))

    def waterfall(self, total: int, order: Sequence[str] = ()) -> list[Bar]:
        """From `total` rows down to those that are left: a bar for each step that left rows out, in their order."""
        bars, left = [], total
        for step, dropped in self.by_step(order).items():
            left -= dropped
            bars.append(Bar(step, dropped, left))
        return bars

    def fates(self, order: Sequence[str] = (), most: int = MOST_STEPS) -> list[tuple[str, dict[str, float]]]:
        """For each source, largest first, the shares (0 to 1) of its rows that were kept and that each step took.

        Sources without rows are left out; the steps that took least become one, `other steps`, beyond `most`.
        """
        taken, shown = self._by_source_and_step(), self._main_steps(order, most)
        fates = []
        for loss in self.by_source():
            if loss.rows_in:
                rows = {"kept": loss.kept} | _merged(taken.get(loss.source, {}), shown)
                shares = {name: count / loss.rows_in for name, count in rows.items()}
                fates.append((loss.source, shares))
        return fates

    def table(self, order: Sequence[str] = (), most: int = MOST_SOURCES) -> list[Row]:
        """A row for each source, largest first, with its rows in, what each step took, and what was kept.

        Sources beyond `most`, and steps beyond MOST_STEPS, are added up in a last one. Give it to
        `reporting.markdown_table`.
        """
        losses, taken, shown = self.by_source(), self._by_source_and_step(), self._main_steps(order, MOST_STEPS)
        rest = losses[most:]
        rows = [_row(escape(each.source, 80), [each], taken, shown) for each in losses[:most]]
        return rows + ([_row(f"{len(rest):,} more", rest, taken, shown)] if rest else [])

    def metrics(self, reasons: str = "dropped") -> dict[str, dict[str, Any]]:
        """The figures for `dvc metrics`: rows by reason (under that key) and by step; rows in and kept by source."""
        sources = {name: {"rows_in": self.rows_in[name], "kept": self.kept[name]} for name in self.rows_in}
        return {reasons: self.by_reason(), "by_step": self.by_step(), "by_source": sources}

    def _by_source_and_step(self) -> dict[str, dict[str, int]]:
        taken: dict[str, dict[str, int]] = {}
        for (source, step, _), rows in self.counts.items():
            of_source = taken.setdefault(source, {})
            of_source[step] = of_source.get(step, 0) + rows
        return taken

    def _main_steps(self, order: Sequence[str], most: int) -> list[str]:
        """The steps that took most, in the order in which they ran; the last place is for all others, if needed."""
        steps = self.by_step(order)
        if len(steps) <= most:
            return list(steps)
        largest = set(sorted(steps, key=lambda step: (-steps[step], step))[: most - 1])
        return [*(step for step in steps if step in largest), OTHERS]


def step_order(settings: CleanedData) -> list[str]:
    """The names that the ledgers know, in the order in which they come: reading, the cleaning steps, then the rest."""
    return [*BEFORE_STEPS, *dict.fromkeys(entry.name for entry in settings.steps), *AFTER_STEPS]


def in_order(steps: Iterable[str], order: Sequence[str]) -> list[str]:
    """`steps` in the order given; those that it does not name come last, by name."""
    places = {step: place for place, step in enumerate(order)}
    return sorted(steps, key=lambda step: (places.get(step, len(places)), step))


def _summed(pairs: Iterable[tuple[_Key, int]]) -> dict[_Key, int]:
    found: dict[_Key, int] = {}
    for key, rows in pairs:
        found[key] = found.get(key, 0) + rows
    return found


def _largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _merged(taken: Mapping[str, int], shown: Sequence[str]) -> dict[str, int]:
    """Rows by the steps that are shown; the others are added up in the last place, OTHERS, where that is shown."""
    rows = {step: taken.get(step, 0) for step in shown}
    if OTHERS in rows:
        rows[OTHERS] = sum(taken.values()) - sum(rows.values())
    return rows


def _row(name: str, losses: Sequence[Loss], taken: Mapping[str, Mapping[str, int]], shown: Sequence[str]) -> Row:
    steps = [_merged(taken.get(loss.source, {}), shown) for loss in losses]
    rows_in, kept = sum(loss.rows_in for loss in losses), sum(loss.kept for loss in losses)
    row: Row = {"source": name, "rows in": rows_in}
    row |= {step: sum(each[step] for each in steps) for step in shown}
    return row | {"kept": kept, "lost": percent(rows_in - kept, rows_in)}


def percent(part: int, whole: int) -> str:
    """A share in percent, rounded down, so that 100 % is said only of all, and 0 % only of none."""
    if part and 1000 * part < whole:
        return "under 0.1 %"
    return f"{1000 * part // whole / 10:g} %" if whole else "0 %"
