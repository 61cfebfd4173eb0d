"""The groups of a column of the subset set against the pool and a target, and the sentences that say what is off.

What belongs here: counts and settings in, numbers and plain sentences out. Where the counts come from is `judging.py`;
what Great Expectations asks of them is `expectations.py`; what would mend them, `remedies.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assets.check_params import Bias, ClassBalance
from assets.errors import DataError
from assets.methods import balance
from assets.methods.apportionment import apportion
from assets.tables import escape
from assets.verdict import GroupShares

PRESENT_FROM = 0.05  # a group with at least this share of the pool must be in the subset
AGAIN = "materialize selected_subset again"


@dataclass(frozen=True)
class Comparison:
    """The groups of one column of the subset, set against the pool and a target.

    `tokens`: those of the subset by group, where it is these that are to have the shares of the target. Whether a group
    is there at all is always a matter of rows.
    """

    column: str
    title: str  # what one of its groups is called, such as "class"
    pool: Mapping[str, int]
    subset: Mapping[str, int]
    target: Mapping[str, float]  # weights; need not sum to 1
    tolerance: float
    significance: float
    required: tuple[str, ...]  # groups that must be present
    tokens: Mapping[str, int] | None = None

    @property
    def shares(self) -> dict[str, float]:
        """The target as shares that sum to 1, without groups that have none."""
        total = math.fsum(self.target.values())
        return {name: weight / total for name, weight in self.target.items() if weight > 0}

    @property
    def amounts(self) -> Mapping[str, int]:
        """What is compared with the target: rows by group, or tokens scaled to as many rows as the subset has.

        Scaled, because the bound is of a draw of that many rows: tokens of one row are not drawn one by one.
        """
        if self.tokens is None:
            return self.subset
        return apportion(self.tokens, "none", sum(self.subset.values())).seats

    @property
    def subset_shares(self) -> dict[str, float]:
        """The share of each group in the rows of the subset, or in its tokens."""
        return balance.shares(self.subset if self.tokens is None else self.tokens)

    @property
    def divergence(self) -> float:
        """D(subset || target) in nats; infinite if the subset has a group that the target does not."""
        return balance.kl_divergence(self.amounts, self.target)

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
    pool: Mapping[str, int],
    subset: Mapping[str, int],
    settings: ClassBalance,
    seats: Mapping[str, int] | None = None,
    tokens: Mapping[str, int] | None = None,
) -> Comparison:
    """The classes against the target of the settings; raises `DataError` for a target class the pool does not have.

    `seats`: what a quota asks of the classes, which is the target "auto"; None: no quota governs them, and it is the
    pool. `tokens`: the subset's, by class, where the budget is in tokens; the pool is counted in rows all the same.
    """
    is_pool = settings.target == "pool" or (settings.target == "auto" and seats is None)
    target: Mapping[str, float] = pool
    if settings.target == "equal":
        target = dict.fromkeys((name for name, count in pool.items() if count), 1.0)
    elif not isinstance(settings.target, str):
        _require_known(pool, settings.target)
        target = settings.target
    elif seats is not None and not is_pool:
        target = seats
    required = tuple(name for name, count in pool.items() if count)
    if settings.target == "auto":
        required = _reachable(required, seats)
    counted = None if is_pool else tokens
    tolerance, significance = settings.tolerance, settings.significance
    return Comparison("label", "class", pool, subset, target, tolerance, significance, required, counted)


def compare_to_pool(
    column: str,
    title: str,
    pool: Mapping[str, int],
    subset: Mapping[str, int],
    settings: Bias,
    seats: Mapping[str, int] | None = None,
    tokens: Mapping[str, int] | None = None,
) -> Comparison:
    """The groups of a column against the pool; a group with 5 % of the pool must be present.

    `seats`: what a quota asks of them, which is the target then. `tokens`: as in `compare_classes`.
    """
    required = tuple(name for name, share in balance.shares(pool).items() if share >= PRESENT_FROM)
    required = _reachable(required, seats)
    target: Mapping[str, float] = pool if seats is None else seats
    counted = None if seats is None else tokens
    tolerance, significance = settings.tolerance, settings.significance
    return Comparison(column, title, pool, subset, target, tolerance, significance, required, counted)


def _reachable(required: tuple[str, ...], seats: Mapping[str, int] | None) -> tuple[str, ...]:
    """Without the groups of which no row passed the filters: a quota has seats, or none, for all others."""
    return required if seats is None else tuple(name for name in required if name in seats)


def _require_known(pool: Mapping[str, int], target: Mapping[str, float]) -> None:
    try:
        apportion(pool, target, 0)
    except DataError as error:
        raise DataError(f"checks.class_balance.target: {error}") from None


def group_shares(comparison: Comparison) -> list[GroupShares]:
    """The shares of every group, largest in the pool first; length bands from short to long."""
    pool, target, subset = balance.shares(comparison.pool), comparison.shares, comparison.subset_shares
    names = sorted({*pool, *target, *subset})
    if comparison.column != "length_band":
        names.sort(key=lambda name: -pool.get(name, 0.0))
    title = comparison.title if comparison.tokens is None else f"{comparison.title} (tokens)"
    return [GroupShares(title, escape(n, 60), pool.get(n, 0.0), target.get(n, 0.0), subset.get(n, 0.0)) for n in names]


# -- sentences -------------------------------------------------------------------------------------------------------


def problems(comparison: Comparison) -> list[str]:
    """What is off, a clause each, largest first; empty if nothing is."""
    found = []
    if comparison.missing:
        found.append(_missing(comparison))
    if comparison.unknown:
        found.append(f"{comparison.title} {listed(map(quoted, comparison.unknown), 'and')}: not in the pool")
    known = {name: count for name, count in comparison.amounts.items() if name not in comparison.unknown}
    divergence = balance.kl_divergence(known, comparison.target) if any(known.values()) else 0.0
    if divergence > comparison.bound:
        found.append(f"{_furthest(comparison)}; divergence {number(divergence)} > {number(comparison.bound)}")
    return found


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
    target, subset, amounts = comparison.shares, comparison.subset_shares, comparison.amounts
    names = sorted({*target, *subset})
    forbidden = [name for name in names if name not in target and amounts[name] and name not in comparison.unknown]
    differences = {name: subset.get(name, 0.0) - target.get(name, 0.0) for name in names}
    # A group without a target makes the divergence infinite, however small it is: it is the one to name.
    # Of two that are equally far off, the one that there is too much of.
    worst = max(forbidden or names, key=lambda name: (round(abs(differences[name]), 9), differences[name]))
    of_subset, of_target = percent(subset.get(worst, 0.0)), percent(target.get(worst, 0.0))
    what = "the subset" if comparison.tokens is None else "the subset's tokens"
    return f"{comparison.title} {quoted(worst)} has {of_subset} of {what}, target {of_target}"


def quoted(name: str) -> str:
    """An untrusted name in a sentence."""
    return f"'{escape(name, 60)}'"


def listed(names: Iterable[str], word: str, most: int = 5) -> str:
    """One or more names in a sentence, joined by `word`; those over `most` are counted."""
    every = list(names)
    if len(every) > most:
        return f"{', '.join(every[:most])} {word} {len(every) - most:,} more"
    return f" {word} ".join([", ".join(every[:-1]), every[-1]]) if len(every) > 1 else every[0]
