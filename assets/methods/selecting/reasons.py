"""Reasons: why each row was chosen, and what each other row lost to, in one sentence each.

What belongs here: words. Every name in them is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.methods.orderings import Rows
from assets.methods.selecting.filling import CHOSEN, FILLED, PREVIOUS, RANDOM, REQUIRED, SUSPECTED
from assets.methods.selecting.notes import named
from assets.methods.selecting.select import Pool, Selection, Wanted
from assets.tables import escape

# Why a row was not chosen.
NO_SEATS, NO_SCORE, SUSPECTED_LABEL, OUTRANKED = "no_seats", "no_score", "suspected_label", "outranked"

_WHY = {
    REQUIRED: "must be in",
    PREVIOUS: "was in the previous subset, and stays",
    RANDOM: "drawn at random",
    FILLED: "fills a seat that was left over, as the best by its scores",
    SUSPECTED: "fills a seat for want of others, though its label is suspected",
}
_GAINS = {
    "facility_location": "covers {covered:,.1f} rows of {group} that nothing chosen before it did",
    "k_center": "farthest in {group} from all chosen before it, weighted distance {gain:.3g}",
    "kmeans": "stands for a cluster of {group}, weighted size {gain:,.3g}",
    "distinct": "next by its scores in {group}, and unlike all chosen before it",
    "mmr": "best margin of scores over likeness in {group}, {gain:.3g}",
    "dpp": "differs most from the rows of {group} chosen before it, log-determinant {gain:+.3g}",
    "round_robin": "most like a target of the rows of {group} not yet chosen, {gain:.3g}",
    "scores": "highest of {group} by its scores, {gain:.3g}",
}


def chosen(pool: Pool, wanted: Wanted, selection: Selection) -> list[str]:
    """One sentence for each chosen row, in rank order: why it was taken, its scores, and for how many it stands."""
    method = wanted.method
    text = _GAINS[method.name]
    sums = method.name == "facility_location" and wanted.combine == "sum"
    if sums:
        text = "most coverage and scores together of {group}, {gain:.3g}"
    names = [escape(score.name, 40) for score in wanted.scores]
    groups = [named(selection.plan, cell) for cell in range(len(selection.plan.names))]
    worth = wanted.worth
    sentences = []
    for place, row in enumerate(selection.indices.tolist()):
        gain, phase = float(selection.gains[place]), int(selection.phases[place])
        said = _WHY.get(phase, "")
        if phase == CHOSEN or (phase in (REQUIRED, PREVIOUS) and gain > 0):
            # A gain is a weighted share of rows; the rows themselves are what a person can picture.
            price = float(pool.costs[row]) ** wanted.cost_strength if pool.costs is not None else 1.0
            covered = gain * price / worth[row] if worth[row] > 0 and not sums else gain
            told = text.format(covered=covered, gain=gain, group=groups[selection.plan.cells[row]])
            said = f"{said}; {told}" if said else told
        parts = [
            f"{name} {value:.3g}" for name, value in zip(names, selection.contributions[place].tolist(), strict=True)
        ]
        if parts:
            said += f"; {(' + ' if wanted.combine == 'sum' else ' × ').join(parts)}"
        if selection.covers[place] > 1:
            said += f"; stands for {int(selection.covers[place]):,} rows"
        sentences.append(said)
    return sentences


@dataclass(frozen=True)
class Lost:
    """For each of m rows that were not chosen: a countable reason, one sentence, and the chosen row it lost to (-1)."""

    rows: Rows
    reasons: list[str]
    details: list[str]
    to: Rows


def not_chosen(pool: Pool, wanted: Wanted, selection: Selection) -> Lost:
    """What each row of the pool that was not chosen lost to, in the order of the pool.

    That is the chosen row which stands for it or, where the method does not tell, the last one of its group. Cost:
    O(n).
    """
    is_chosen = np.zeros(len(pool.ids), dtype=np.bool_)
    is_chosen[selection.indices] = True
    rows = np.flatnonzero(~is_chosen)
    cells = selection.plan.cells
    last = np.full(len(selection.plan.names), -1, dtype=np.int64)
    last[cells[selection.indices]] = selection.indices  # the last one stays
    to = np.where(selection.nearest[rows] >= 0, selection.nearest[rows], last[cells[rows]])
    worth = wanted.worth
    left_out = np.zeros(len(pool.ids), dtype=np.bool_)
    for score in wanted.scores:
        left_out |= score.left_out
    groups = [named(selection.plan, cell) for cell in range(len(selection.plan.names))]
    scored = bool(wanted.scores)
    reasons, details = [], []
    for row, other in zip(rows.tolist(), to.tolist(), strict=True):
        group = groups[cells[row]]
        if not selection.plan.seats[cells[row]]:
            reasons.append(NO_SEATS)
            details.append(f"{group} has no seats")
            continue
        if left_out[row]:
            reasons.append(NO_SCORE)
            names = [escape(score.name, 40) for score in wanted.scores if score.left_out[row]]
            details.append(f"without {', '.join(names)} it cannot be ranked")
            continue
        reasons.append(SUSPECTED_LABEL if pool.suspected[row] else OUTRANKED)
        said = "its label is suspected; " if pool.suspected[row] else ""
        if other < 0:
            said += f"no row of {group} was chosen"
        elif selection.nearest[row] >= 0:
            said += f"cosine {selection.similarity[row]:.3f} to the chosen row that stands for it"
        else:
            said += f"behind the last row chosen of {group}"
        if scored and other >= 0:
            said += f"; scores {worth[row]:.3g} against its {worth[other]:.3g}"
        details.append(said)
    return Lost(rows, reasons, details, to)
