"""Class balance of a subset against its pool or against stated shares: how far is further than chance goes?

What belongs here: counts by class in, numbers out, with bounds that know the size of the subset. Shares and divergence
themselves are `assets.methods.balance`. Two tests complement each other: the divergence sees many small shifts, the
directed test of each class sees one class that lost its rows. Neither can see what is not there: a class of which 6.5
rows are expected and 3 come is no evidence; `smallest_halving_seen` says from how many rows a halving is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.balance import kl_divergence
from assets.methods.fairness.intervals import fair_shortfall, holm, ratio_interval, share_interval

# Of the divergence of all classes, and of any class falling short: together a fair draw fails in 1 of 300 cases.
DIVERGING, SHORT = 0.001, 0.002


@dataclass(frozen=True)
class ClassShare:
    """How often one class occurs and how often it should; `ratio` below 1 = under-represented."""

    name: str
    observed: int
    expected: float
    ratio: float
    low: float
    high: float
    p: float
    """That a fair draw holds as few of this class, corrected for the number of classes (Holm)."""
    pool: int | None
    """Its rows in the pool; none for stated shares."""

    def short(self, bound: float = 0.8, significance: float = SHORT) -> bool:
        """Whether the class has less than `bound` of what was expected, and chance does not explain it."""
        return self.ratio < bound and self.p < significance


@dataclass(frozen=True)
class Balance:
    """The classes of a subset, the most under-represented first, and the figures of them all together."""

    rows: int
    classes: tuple[ClassShare, ...]
    divergence: float
    """D(subset || reference) in nats; infinite where a class came that has no share."""
    bound: float
    """What a fair draw of as many rows exceeds with the probability `significance`."""
    p: float
    """That a fair draw diverges as much."""
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    """Classes of the subset without any share in the reference."""
    min_share: float
    max_share: float
    imbalance: float
    """Rows of the largest class over those of the smallest, of all expected classes; infinite where one is missing."""
    effective: float
    """exp(entropy): 1 = all rows in one class, the number of classes = equal shares."""
    seen: float
    """Expected rows from which a class that lost half of them is found in 95 % of cases."""

    def skewed(self) -> bool:
        """Whether the shares diverge more than chance."""
        return self.divergence > self.bound

    def short(self, bound: float = 0.8, significance: float = SHORT) -> tuple[ClassShare, ...]:
        """The classes that lost rows beyond chance."""
        return tuple(one for one in self.classes if one.short(bound, significance))


def against_pool(subset: Mapping[str, int], pool: Mapping[str, int], significance: float = DIVERGING) -> Balance:
    """A subset drawn from `pool` without replacement, against the shares of the pool; counts by class.

    Raises `DataError` for no rows or more rows of a class than the pool has. Cost: O(rows) time.
    """
    total = sum(pool.values())
    for name, count in subset.items():
        if count > pool.get(name, 0):
            raise DataError(f"class {name!r}: {count:,} rows chosen of {pool.get(name, 0):,} in the pool")
    return _balance(subset, {name: count / max(total, 1) for name, count in pool.items()}, pool, significance)


def against_shares(subset: Mapping[str, int], shares: Mapping[str, float], significance: float = DIVERGING) -> Balance:
    """A subset against stated shares, which are brought to a sum of 1; chance is then a multinomial sample.

    Raises `DataError` for no rows, or shares that are negative or all 0.
    """
    weight = math.fsum(shares.values())
    if min(shares.values(), default=0.0) < 0 or not weight > 0:
        raise DataError("shares of classes must be 0 or more, and not all 0")
    return _balance(subset, {name: share / weight for name, share in shares.items()}, None, significance)


def smallest_halving_seen(classes: int, fraction: float = 0.0, significance: float = SHORT) -> float:
    """Expected rows of a class from which losing half of them is found in 95 % of cases, by the directed test.

    `fraction`: of the pool chosen, which takes its part of the chance away. By the normal law, so rough below 20.
    """
    from scipy.stats import norm

    z = -float(norm.ppf(significance / max(classes, 1)))
    # e/2 rows short must exceed z sd(e) + 1.645 sd(e/2).
    return float(((z + 1.645 * math.sqrt(0.5)) / 0.5) ** 2 * (1 - min(max(fraction, 0.0), 1.0)))


def _balance(
    subset: Mapping[str, int], shares: Mapping[str, float], pool: Mapping[str, int] | None, significance: float
) -> Balance:
    rows = sum(subset.values())
    if rows < 1:
        raise DataError("no rows: there are no classes to weigh")
    names = sorted(name for name, share in shares.items() if share > 0)
    observed = np.array([subset.get(name, 0) for name in names], dtype=np.int64)
    share = np.array([shares[name] for name in names])
    sizes = None if pool is None else np.array([pool[name] for name in names], dtype=np.int64)
    divergence = kl_divergence(subset, shares)
    bound, p = _chance(divergence, rows, share, sizes, significance)
    fraction = rows / int(sizes.sum()) if sizes is not None else 0.0
    of_all = observed / rows
    entropy = -math.fsum(s * math.log(s) for s in of_all if s > 0)
    return Balance(
        rows=rows, classes=_classes(names, observed, share, sizes, rows), divergence=divergence,
        bound=bound, p=p, missing=tuple(name for name, count in zip(names, observed, strict=True) if not count),
        unexpected=tuple(sorted(name for name, count in subset.items() if count and not shares.get(name, 0.0) > 0)),
        min_share=float(of_all.min()), max_share=float(of_all.max()),
        imbalance=float(observed.max() / observed.min()) if observed.min() else math.inf, effective=math.exp(entropy),
        seen=smallest_halving_seen(len(names), fraction),
    )  # fmt: skip


def _classes(
    names: Sequence[str],
    observed: npt.NDArray[np.int64],
    share: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int64] | None,
    rows: int,
) -> tuple[ClassShare, ...]:
    """Each class against what it should have; of a pool, as the ratio of its rate to that of all others."""
    from scipy.stats import binom

    confidence = 1 - SHORT / len(names)
    expected = share * rows
    if sizes is None:
        p = np.asarray(binom.cdf(observed, rows, share))
        lower, upper = share_interval(observed, rows, confidence)
        low, high = lower / share, upper / share
    elif len(names) == 1:
        p, low, high = np.ones(1), np.ones(1), np.ones(1)
    else:
        total = int(sizes.sum())
        p = fair_shortfall(observed, sizes, total, rows)
        low, high = ratio_interval(observed, sizes, rows - observed, total - sizes, confidence)
    ratio, p = observed / expected, holm(p)
    found = [
        ClassShare(name, int(observed[i]), float(expected[i]), float(ratio[i]), float(low[i]), float(high[i]),
                   float(p[i]), None if sizes is None else int(sizes[i]))
        for i, name in enumerate(names)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.p, one.ratio, one.name)))


def _chance(
    divergence: float,
    rows: int,
    share: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int64] | None,
    significance: float,
) -> tuple[float, float]:
    """The divergence a fair draw exceeds with probability `significance`, and how probable the one found is.

    2 n D is the likelihood-ratio statistic G, chi-square with k - 1 degrees of freedom in the limit (Wilks 1938). Its
    mean is off where classes are small (77 classes of 6.5 rows: by a tenth) or the draw takes much of the pool (by
    1 - n/N). So G is scaled to the mean it has exactly (as Bartlett 1937), a sum over the hypergeometric distribution
    of each class's count. Cost: O(n).
    """
    from scipy.stats import chi2

    freedom = len(share) - 1
    if freedom < 1:
        return (0.0, 1.0)
    mean = _mean_g(rows, share, sizes)
    if mean < 1e-9 * rows:  # the whole pool was chosen: any divergence at all is an error of rounding
        return (1e-9, 1.0)
    scale = mean / freedom
    bound = float(chi2.ppf(1 - significance, freedom)) * scale / (2 * rows)
    return bound, float(chi2.sf(2 * rows * divergence / scale, freedom)) if math.isfinite(divergence) else 0.0


def _mean_g(rows: int, share: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64] | None) -> float:
    """The mean of G over fair draws of `rows` rows: multinomial, or of `sizes` rows by class without replacement."""
    from scipy.special import gammaln

    mean = 0.0
    for i, one in enumerate(share.tolist()):
        spread = 12 * math.sqrt(rows * one * (1 - one)) + 40  # standard deviations; what is beyond adds nothing
        low, high = max(1, int(rows * one - spread)), min(rows, int(rows * one + spread))
        if sizes is not None:
            total, size = int(sizes.sum()), int(sizes[i])
            low, high = max(low, rows - (total - size)), min(high, size)
        k = np.arange(low, high + 1, dtype=np.float64)
        ways = gammaln(rows + 1) - gammaln(k + 1) - gammaln(rows - k + 1)
        if sizes is None:
            chance = ways + k * math.log(one) + (rows - k) * (math.log1p(-one) if one < 1 else 0.0)
        else:
            others = gammaln(total - rows + 1) - gammaln(size - k + 1) - gammaln(total - rows - size + k + 1)
            chance = ways + others - (gammaln(total + 1) - gammaln(size + 1) - gammaln(total - size + 1))
        mean += float(np.sum(np.exp(chance) * 2 * k * np.log(k / (rows * one))))
    return mean
