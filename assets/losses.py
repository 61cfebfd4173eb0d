"""Losses: what people are told and shown of the rows that were left out: sentences, a check's outcome, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets import plots
from assets.drops import LOSING, Drops, Loss, Row, percent
from assets.tables import escape

REJECTED, DROPPED = "data/raw_data/rejected.parquet", "data/cleaned_data/dropped.parquet"
MOST_WARNINGS = 5
MOST_STACKED = 8  # sources of the picture of sources

# What keeps more rows, for the steps that are no entry of `cleaned_data.steps`.
REMEDIES = {
    "reading": "state format, columns and encoding of this source in raw_data.sources",
    "filter": "loosen the filter of this source in raw_data.sources",
    "decontamination": "shorten cleaned_data.decontamination.against or raise its overlap",
    "similarity": "raise cleaned_data.decontamination.similarity",
    "against": "shorten cleaned_data.dedup.against",
    "exact": "leave the source out: its rows repeat others, or each other",
    "near": "raise cleaned_data.dedup.near.threshold",
    "semantic": "raise cleaned_data.dedup.semantic.threshold",
}


@dataclass(frozen=True)
class Judgement:
    """What an asset check says of the sources: whether none lost too much, a sentence, and the rows of a table."""

    passed: bool
    sentence: str
    table: list[Row]


def remedy(step: str) -> str:
    """Which setting keeps more of what `step` leaves out, as an imperative."""
    return REMEDIES.get(step, f"loosen '{escape(step, 40)}' in cleaned_data.steps")


def warning_lines(losing: Sequence[Loss], ledger: str, most: int = MOST_WARNINGS) -> list[str]:
    """A loud sentence for each source that lost too much, safe to print: how much, to what, and what would mend it.

    `ledger` is the file to look at, as it is named to the user. Sources beyond `most` are added up in one more line.
    """
    lines = [
        f"source '{escape(loss.source, 80)}' lost {_share(loss.dropped, loss.rows_in)}{_to_what(loss, ledger)}"
        for loss in losing[:most]
    ]
    if rest := losing[most:]:
        what = "1 more source" if len(rest) == 1 else f"{len(rest):,} more sources"
        lines.append(f"{what} lost {_share(sum(loss.dropped for loss in rest), sum(loss.rows_in for loss in rest))}")
    return lines


def judge(drops: Drops, ledger: str, order: Sequence[str] = (), limit: float = LOSING) -> Judgement:
    """Whether no source lost more than `limit` of its rows; `order` is that of the steps, for the table."""
    losing, table = drops.losing_sources(limit), drops.table(order)
    if losing:
        return Judgement(False, "; ".join(warning_lines(losing, ledger)), table)
    if not drops.total:
        return Judgement(True, "no source lost a row", table)
    if not drops.rows_in:
        return Judgement(True, f"{drops.total:,} rows were left out; of how many is not known", table)
    worst = max(drops.by_source(), key=lambda loss: loss.dropped / max(loss.rows_in, 1))
    name = escape(worst.source, 80)
    lost = f"'{name}' lost the largest share: {_share(worst.dropped, worst.rows_in)}"
    return Judgement(True, f"no source lost more than {100 * limit:g} % of its rows; {lost}", table)


def pictures(drops: Drops, order: Sequence[str] = ()) -> dict[str, bytes]:
    """PNGs by title: the waterfall, and for 2 to 8 sources where the rows of each went; none if nothing was lost."""
    if not drops.total or not drops.rows_in:
        return {}
    total, steps, fates = sum(drops.rows_in.values()), drops.by_step(order), drops.fates(order)
    drawn = {"from rows in to rows left": plots.waterfall(total, list(steps.items()), "rows")}
    if 2 <= len(fates) <= MOST_STACKED:
        drawn["where the rows of each source went"] = plots.stacked_shares(fates, "percent of the rows of each source")
    return drawn


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} rows ({percent(part, whole)})"


def _to_what(loss: Loss, ledger: str) -> str:
    if not loss.step:
        return f": look at {ledger}"
    step = escape(loss.step, 40)
    if loss.by_step == loss.dropped:
        most = f"all of them to {step}"
    else:
        part = "most" if 2 * loss.by_step > loss.dropped else "the largest part"
        most = f"{part} of them to {step} ({loss.by_step:,})"
    return f", {most}: look at {ledger}, or {remedy(loss.step)}"
