"""Selection rates of groups: does a group's row stand the same chance of being chosen as everybody else's?

What belongs here: groups of rows (an attribute, source, language, length band, cluster, or those that mention somebody)
and how many of each were chosen. How often a class must occur is `balance`.

A group's rate is compared with that of *all rows outside it*. The customary reference, the group with the highest rate,
is the highest by chance among many small ones, and then everybody else falls short; a whole that includes the group
hides the shortfall of a large one. Of two groups, all three agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.fairness.intervals import fair_shortfall, holm, ratio_interval

FOUR_FIFTHS = 0.8  # Uniform Guidelines on Employee Selection Procedures (1978), section 4D
SHOWN = 5  # rows named as examples


@dataclass(frozen=True)
class GroupRate:
    """How often the rows of one group were chosen, and the rest's; `ratio` below 1 = the group is chosen less often."""

    group: str
    pool: int
    chosen: int
    expected: float
    """Rows of the group that the rate of the rest would have given."""
    rate: float
    rest_rate: float
    ratio: float
    """rate / rest_rate; infinite where of the rest nothing was chosen. Adjusted, where strata were given."""
    low: float
    high: float
    """The interval of the ratio; its confidence is raised by the number of groups (Bonferroni)."""
    p: float
    """That a fair draw has as few of the group (exact; in strata, normal), corrected for the groups (Holm)."""
    rows: tuple[int, ...]
    """Up to 5 rows to look at: left out if the ratio is below 1, else chosen."""

    def short(self, bound: float = FOUR_FIFTHS, significance: float = 0.001) -> bool:
        """Whether even the upper end of the interval is below `bound`, and no fair draw would have so few."""
        return self.high < bound and self.p < significance


def selection_rates(
    names: Sequence[str],
    members: npt.NDArray[np.bool_],
    chosen: npt.NDArray[np.bool_],
    *,
    among: npt.NDArray[np.bool_] | None = None,
    strata: npt.NDArray[np.integer] | None = None,
    confidence: float = 0.999,
) -> tuple[GroupRate, ...]:
    """The rate of each group, the lowest ratio first.

    `members`: (n, g), which rows belong to which group (`one_hot` makes it of codes); a row may belong to several or
    none. `chosen`: (n,). `strata`: (n,) numbers from 0, such as labels: rates are then compared within each stratum and
    combined (Mantel and Haenszel 1959), so that quotas of labels are not held against a group that has few of one.
    `among`: (n,), the only rows that are compared. For mentions, those that mention any group of the list: that a
    selection prefers recipes to biographies says nothing of he and she; that it prefers his biographies does.
    A group without rows, or that has all rows, has nothing to be compared: left out. Raises `DataError` for shapes that
    do not fit. Cost: O(n g).
    """
    rows, groups = members.shape
    if len(names) != groups or len(chosen) != rows or (strata is not None and len(strata) != rows):
        raise DataError(
            f"{len(names):,} names and {len(chosen):,} chosen or not, for {groups:,} groups of {rows:,} rows"
        )
    at = np.arange(rows) if among is None else np.flatnonzero(among)
    members, chosen, rows = members[at], chosen[at], len(at)
    strata = None if strata is None else strata[at]
    pool = members.sum(axis=0, dtype=np.int64)
    kept = np.flatnonzero((pool > 0) & (pool < rows))
    if not len(kept):
        return ()
    drawn = int(chosen.sum())
    pool, taken = pool[kept], members[chosen][:, kept].sum(axis=0, dtype=np.int64)
    rest, rest_taken = rows - pool, drawn - taken
    confident = 1 - (1 - confidence) / len(kept)
    if strata is None:
        ratio = _ratio(taken / pool, rest_taken / rest)
        low, high = ratio_interval(taken, pool, rest_taken, rest, confident)
        p = holm(fair_shortfall(taken, pool, rows, drawn))
    else:
        ratio, low, high, p = _stratified(members[:, kept], chosen, np.asarray(strata), confident)
        p = holm(p)
    found = [
        GroupRate(
            group=names[group], pool=int(pool[i]), chosen=int(taken[i]),
            expected=float(pool[i] * rest_taken[i] / rest[i]),
            rate=float(taken[i] / pool[i]), rest_rate=float(rest_taken[i] / rest[i]), ratio=float(ratio[i]),
            low=float(low[i]), high=float(high[i]), p=float(p[i]),
            rows=tuple(at[members[:, group] & (chosen != (ratio[i] < 1))][:SHOWN].tolist()),
        )
        for i, group in enumerate(kept.tolist())
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.ratio, one.p)))


def one_hot(codes: npt.NDArray[np.integer], groups: int) -> npt.NDArray[np.bool_]:
    """(n, groups) of codes (n,) from 0; a negative code belongs to no group."""
    found: npt.NDArray[np.bool_] = np.asarray(codes)[:, None] == np.arange(groups)
    return found


def _ratio(rate: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rates divided; nothing chosen at all is no difference: 1."""
    unlike = np.where(rate > 0, np.inf, 1.0)
    return np.divide(rate, rest, out=unlike, where=rest > 0)


def _stratified(
    members: npt.NDArray[np.bool_], chosen: npt.NDArray[np.bool_], strata: npt.NDArray[np.integer], confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ratio, its bounds and the p-value of each group, (g,), within strata.

    Ratio and interval: Mantel-Haenszel with the variance of Greenland and Robins (1985). p: the sum of the
    hypergeometric counts against its mean and variance (Cochran 1954), with a correction for continuity.
    """
    from scipy.stats import norm

    counts = int(strata.max()) + 1
    size = np.bincount(strata, minlength=counts).astype(np.float64)[:, None]
    drawn = np.bincount(strata[chosen], minlength=counts).astype(np.float64)[:, None]
    pool, taken = _by_stratum(members, strata, counts), _by_stratum(members[chosen], strata[chosen], counts)
    rest, rest_taken, safe = size - pool, drawn - taken, np.maximum(size, 1)
    over, under = (taken * rest / safe).sum(axis=0), (rest_taken * pool / safe).sum(axis=0)
    ratio = _ratio(over, under)
    spread = ((pool * rest * drawn - taken * rest_taken * size) / safe**2).sum(axis=0)
    z = float(norm.ppf(0.5 + confidence / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.exp(z * np.sqrt(np.maximum(spread / (over * under), 0.0)))
        bounded = (over > 0) & (under > 0)
        low, high = np.where(bounded, ratio / width, 0.0), np.where(bounded, ratio * width, np.inf)
    # No row chosen where the rest's rate would have given some: half a row more is the most that can be said.
    none = (over == 0) & (under > 0)
    half = (taken + 0.5 / counts) * rest / safe
    high = np.where(none, half.sum(axis=0) / np.maximum(under, 1e-300) * np.exp(z * np.sqrt(2.0)), high)
    mean = (pool * drawn / safe).sum(axis=0)
    variance = (pool * rest * drawn * (size - drawn) / (safe**2 * np.maximum(size - 1, 1))).sum(axis=0)
    short = (taken.sum(axis=0) - mean + 0.5) / np.sqrt(np.maximum(variance, 1e-300))
    return ratio, low, high, np.where(variance > 0, norm.cdf(short), 1.0)


def _by_stratum(
    members: npt.NDArray[np.bool_], strata: npt.NDArray[np.integer], counts: int
) -> npt.NDArray[np.float64]:
    """(strata, g): rows of each group in each stratum."""
    columns = [np.bincount(strata[member], minlength=counts) for member in members.T]
    return np.asarray(np.stack(columns, axis=1), dtype=np.float64)
