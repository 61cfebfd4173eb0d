"""The verdict in words: where a strategy beats drawing at random and by how much, and where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from assets.methods.comparing.contrasts import Contrast, Outcome
from assets.methods.comparing.proxies import FIGURES, Figure
from assets.methods.comparing.strategies import RANDOM, STRATIFIED
from assets.tables import escape

_NAMES = {RANDOM: "random", STRATIFIED: "stratified random"}


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a strategy. `outcome` is against `against`: "better" where it is better at some budget
    and worse at none, "worse" where it is worse at some budget; `best`: its largest gain that is a claim, or None.
    """

    strategy: str
    against: str
    outcome: Outcome
    sentence: str
    best: Contrast | None


def verdicts(
    contrasts: Sequence[Contrast], against: str = RANDOM, figures: Sequence[Figure] = tuple(FIGURES.values())
) -> list[Verdict]:
    """One verdict for each strategy, in the order in which they come; `contrasts` of one figure.

    `against`: what decides `outcome`; the sentence tells of all contrasts, those against it first. `figures`: how the
    figure is said.
    """
    said = {figure.name: figure for figure in figures}
    found = []
    for strategy in dict.fromkeys(contrast.strategy for contrast in contrasts):
        own = [contrast for contrast in contrasts if contrast.strategy == strategy]
        deciding = [contrast for contrast in own if contrast.against == against]
        better = [contrast for contrast in deciding if contrast.outcome == "better"]
        found.append(
            Verdict(
                strategy,
                against,
                overall([contrast.outcome for contrast in deciding]),
                sentence(own, said, against),
                max(better, key=lambda contrast: contrast.gain, default=None),
            )
        )
    return found


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of all budgets as one: a budget at which it is worse outweighs all others."""
    for outcome in ("worse", "better", "no better"):
        if outcome in outcomes:
            return outcome
    return "unknown"


def sentence(contrasts: Sequence[Contrast], figures: dict[str, Figure], against: str = RANDOM) -> str:
    """`<strategy> beats random by 3.1 ± 0.8 points of accuracy at 5 %; no better than stratified random at 20 %`.

    The contrasts of one strategy; names are escaped. Of a single seed it says that one seed decides nothing.
    """
    ordered = sorted(contrasts, key=lambda contrast: contrast.against != against)  # stable: budgets stay in order
    parts = []
    for (control, outcome), group in groupby(ordered, key=lambda contrast: (contrast.against, contrast.outcome)):
        same = list(group)
        other = _NAMES.get(control, escape(control))
        if outcome in ("better", "worse"):
            verb = "beats" if outcome == "better" else "worse than"
            by = [f"{_size(one, figures[one.metric])} at {percent(one.share)}" for one in same]
            parts.append(f"{verb} {other} by {_listed(by)}")
        else:
            at = _listed([percent(one.share) for one in same])
            parts.append(
                f"no better than {other} at {at}" if outcome == "no better" else
                f"not known to beat {other} at {at}: one seed decides nothing"
            )  # fmt: skip
    if not parts:
        return ""
    verb = "" if parts[0].startswith("beats") else "is "
    return f"{escape(ordered[0].strategy)} {verb}{'; '.join(parts)}"


def percent(share: float) -> str:
    """A share of the training part as it is said: `5 %`, `0.5 %`."""
    return f"{100 * share:.3g} %"


def _size(contrast: Contrast, figure: Figure) -> str:
    gain = abs(contrast.gain) * figure.scale
    half = (contrast.half or 0.0) * figure.scale
    return f"{gain:.{figure.digits}f} ± {half:.{figure.digits}f} {figure.unit}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
