"""The groups of a column of the subset set against the pool and a target, and the sentences that say what is off.

What belongs here: counts and settings in, numbers and plain sentences out. Where the counts come from is `judging.py`;
what Great Expectations asks of them is `expectations.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assets.errors import DataError
from assets.methods import balance
from assets.params import Bias, ClassBalance, QuotaRule
from assets.tables import escape
from assets.verdict import GroupShares

PRESENT_FROM = 0.05  # a group with at least this share of the pool must be in the subset
AGAIN = "materialize selected_subset again"


@dataclass(frozen=True)
class Comparison:
    """The groups of one column of the subset, set against the pool and a target."""

    column: str
    title: str  # what one of its groups is called, such as "class"
    pool: Mapping[str, int]
    subset: Mapping[str, int]
    target: Mapping[str, float]  # weights; need not sum to 1
    tolerance: float
    significance: float
    required: tuple[str, ...]  # groups that must be present

    @property
    def shares(self) -> dict[str, float]:
        """The target as shares that sum to 1, without groups that have none."""
        total = math.fsum(self.target.values())
        return {name: weight / total for name, weight in self.target.items() if weight > 0}

    @property
    def divergence(self) -> float:
        """D(subset || target) in nats; infinite if the subset has a group that the target does not."""
        return balance.kl_divergence(self.subset, self.target)

    @property
    def bound(self) -> float:
        """The divergence from which on the check fails: what chance explains, or the tolerance if that is more."""
        chance = balance.kl_bound(sum(self.subset.values()), len(self.shares), self.significance)
        return max(chance, self.tolerance)

    @property
    def missing(self) -> list[str]:
        """Required groups that the subset lacks, largest in the pool first."""
        absent = [name for name in self.required if not self.subset.get(name)]
        return sorted(absent, key=lambda name: (-self.pool[name], name))

    @property
    def unknown(self) -> list[str]:
        """Groups of the subset that the pool does not have."""
        return sorted(name for name, count in self.subset.items() if count and not self.pool.get(name))


def compare_classes(
    pool: Mapping[str, int], subset: Mapping[str, int], settings: ClassBalance, quota: QuotaRule
) -> Comparison:
    """The classes against the target of the settings; raises `DataError` for a target class the pool does not have."""
    rows = sum(subset.values())
    target: Mapping[str, float]
    if settings.target == "pool":
        target = pool
    elif settings.target == "equal":
        target = dict.fromkeys((name for name, count in pool.items() if count), 1.0)
    elif settings.target == "auto":
        target = balance.apportion(pool, quota, rows).seats
    else:
        _require_known(pool, settings.target)
        target = settings.target
    required = tuple(name for name, count in pool.items() if count)
    return Comparison("label", "class", pool, subset, target, settings.tolerance, settings.significance, required)


def compare_to_pool(
    column: str,
    title: str,
    pool: Mapping[str, int],
    subset: Mapping[str, int],
    settings: Bias,
    target: Mapping[str, float] | None = None,
) -> Comparison:
    """The groups of a column against the pool (or `target`); a group with 5 % of the pool must be present."""
    required = tuple(name for name, share in balance.shares(pool).items() if share >= PRESENT_FROM)
    reference = pool if target is None else target
    return Comparison(column, title, pool, subset, reference, settings.tolerance, settings.significance, required)


def _require_known(pool: Mapping[str, int], target: Mapping[str, float]) -> None:
    try:
        balance.apportion(pool, target, 0)
    except DataError as error:
        raise DataError(f"checks.class_balance.target: {error}") from None


def group_shares(comparison: Comparison) -> list[GroupShares]:
    """The shares of every group, largest in the pool first; length bands from short to long."""
    pool, target, subset = balance.shares(comparison.pool), comparison.shares, balance.shares(comparison.subset)
    names = sorted({*pool, *target, *subset})
    if comparison.column != "length_band":
        names.sort(key=lambda name: -pool.get(name, 0.0))
    return [
        GroupShares(comparison.title, escape(n, 60), pool.get(n, 0.0), target.get(n, 0.0), subset.get(n, 0.0))
        for n in names
    ]


# -- sentences -------------------------------------------------------------------------------------------------------


def problems(comparison: Comparison) -> list[str]:
    """What is off, a clause each, largest first; empty if nothing is."""
    found = []
    if comparison.missing:
        found.append(_missing(comparison))
    if comparison.unknown:
        found.append(f"{comparison.title} {listed(map(quoted, comparison.unknown), 'and')}: not in the pool")
    known = {name: count for name, count in comparison.subset.items() if name not in comparison.unknown}
    divergence = balance.kl_divergence(known, comparison.target) if any(known.values()) else 0.0
    if divergence > comparison.bound:
        found.append(f"{_furthest(comparison)}; divergence {number(divergence)} > {number(comparison.bound)}")
    return found


def class_remedy(comparison: Comparison, target: str | Mapping[str, float], quota: QuotaRule, filtered: bool) -> str:
    """What would mend the class balance, a setting mostly. `filtered`: whether `selected_subset.noise_filter` is on."""
    if comparison.unknown:
        return AGAIN
    rows, classes = sum(comparison.subset.values()), len(comparison.required)
    seats = balance.apportion(comparison.pool, quota, rows).seats
    again = "set selected_subset.noise_filter: false" if filtered else AGAIN
    if comparison.missing:
        if rows < classes and isinstance(quota, str):
            return f"raise selected_subset.budget to at least {classes}"
        if any(not seats[name] for name in comparison.missing):
            return "give every class a share in selected_subset.quota, or set selected_subset.quota: natural"
        return again
    if target == "auto":
        return again
    wanted = "natural" if target == "pool" else target
    if quota != wanted:
        shown = wanted if isinstance(wanted, str) else "the shares of checks.class_balance.target"
        return f"set selected_subset.quota: {shown}"
    if balance.kl_divergence(seats, comparison.target) > comparison.bound:
        return "the pool cannot give that: lower selected_subset.budget or set checks.class_balance.target: auto"
    return again


def bias_remedy(comparisons: Sequence[Comparison], quota: QuotaRule) -> str:
    """What would mend a bias, a setting mostly."""
    if any(comparison.unknown for comparison in comparisons):
        return AGAIN
    if quota != "natural":
        return "set selected_subset.quota: natural"
    far = max((c.divergence for c in comparisons if math.isfinite(c.divergence)), default=0.0)
    accept = math.ceil(far * 100) / 100
    lacking = any(comparison.missing for comparison in comparisons)
    accepted = "" if lacking else f", or set checks.bias.tolerance: {accept:g} if this is wanted"
    return f"raise selected_subset.budget{accepted}"


def percent(share: float) -> str:
    """A share for people: 1.6 %."""
    return "under 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def number(value: float) -> str:
    """A divergence for people, three digits."""
    return f"{value:.3g}" if math.isfinite(value) else "infinite"


def _missing(comparison: Comparison) -> str:
    of_pool = balance.shares(comparison.pool)
    if len(comparison.missing) == 1:
        (name,) = comparison.missing
        return f"{comparison.title} {quoted(name)} is missing ({percent(of_pool[name])} of the pool)"
    named = [f"{quoted(name)} ({percent(of_pool[name])} of the pool)" for name in comparison.missing]
    return f"{comparison.title} {listed(named, 'and')} are missing"


def _furthest(comparison: Comparison) -> str:
    target, subset = comparison.shares, balance.shares(comparison.subset)
    names = sorted({*target, *subset})
    forbidden = [name for name in names if name not in target and subset[name] and name not in comparison.unknown]
    differences = {name: subset.get(name, 0.0) - target.get(name, 0.0) for name in names}
    # A group without a target makes the divergence infinite, however small it is: it is the one to name.
    # Of two that are equally far off, the one that there is too much of.
    worst = max(forbidden or names, key=lambda name: (round(abs(differences[name]), 9), differences[name]))
    of_subset, of_target = percent(subset.get(worst, 0.0)), percent(target.get(worst, 0.0))
    return f"{comparison.title} {quoted(worst)} has {of_subset} of the subset, target {of_target}"


def quoted(name: str) -> str:
    """An untrusted name in a sentence."""
    return f"'{escape(name, 60)}'"


def listed(names: Iterable[str], word: str, most: int = 5) -> str:
    """One or more names in a sentence, joined by `word`; those over `most` are counted."""
    every = list(names)
    if len(every) > most:
        return f"{', '.join(every[:most])} {word} {len(every) - most:,} more"
    return f" {word} ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else every[0]
