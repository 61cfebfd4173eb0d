"""The experiment: strategies x budgets x seeds, each judged on rows that it has not seen.

What belongs here: the order of the work, what is remembered, and when it stops. Judging the figures belongs to
`contrasts`. A seed is a split and all draws of a strategy, so that what varies between seeds is what chance decides;
the strategies of a seed share its split, so that they can be compared in pairs.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from assets.errors import DataError
from assets.methods.comparing.proxies import Proxy
from assets.methods.comparing.results import Cache, Comparison, Measured, Result
from assets.methods.comparing.splits import Rows, Split
from assets.methods.comparing.strategies import RANDOM, STRATIFIED, Strategy
from assets.methods.threads import Threads
from assets.progress import Advance
from assets.tables import escape

CONTROLS = (RANDOM, STRATIFIED)
DRAWS = 4
_APART = 1_000_003  # between the seeds of such draws, so that those of one seed are not those of the next


def steps(strategies: int, budgets: int, seeds: int) -> int:
    """How many subsets an experiment tells `advance` of."""
    return strategies * budgets * seeds


def compare(
    strategies: Mapping[str, Strategy],
    shares: Sequence[float],
    splits: Sequence[Split],
    proxies: Sequence[Proxy],
    cache: Cache | None = None,
    advance: Advance = lambda subsets: None,
    seconds: float | None = None,
    draws: int = DRAWS,
    threads: Threads | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Comparison:
    """Let each strategy choose each share of each split's training part, and each proxy judge what it chose.

    `shares`: above 0, below 1, tried in this order. `splits`: one a seed, see `splits.held_out`; a strategy is called
    with the split's seed. `cache`: what was measured before is not measured again; its keys stand for the split, the
    budget, the figures and the strategy's name, so the caller keeps one cache for one pool, and gives a strategy with
    other settings another name. `advance` is told of each judged subset. `seconds`: when this time is over, the budget
    under way is finished and no other begun; the first always is. The rest is in `left_out`, and a note says so.
    `draws`: of `random` and `stratified`, the figures of so many draws of a seed are averaged: what others are measured
    against should not be luck. Their `chosen` rows are those of the first.

    Raises `DataError` for settings out of range, and for a strategy that takes no row, a row twice, a row that it may
    not take, or more than its budget; the strategy is named.
    """
    _check(strategies, shares, splits, proxies)
    if draws < 1:
        raise DataError(f"draws: expected at least 1, not {draws}")
    begun, threads = clock(), threads or Threads()
    kept: Cache = {} if cache is None else cache
    found: dict[tuple[str, float, int], Measured] = {}
    done: list[float] = []
    for share in shares:
        if done and seconds is not None and clock() - begun >= seconds:
            break
        for split in splits:
            for name, measured in _of_split(strategies, share, split, proxies, kept, draws, advance, threads).items():
                found[name, share, split.seed] = measured
        done.append(share)
    left_out = tuple(shares[len(done) :])
    figures = tuple(figure for proxy in proxies for figure in proxy.figures)
    results = tuple(
        _result(name, share, split, figure.name, found[name, share, split.seed])
        for name in strategies
        for share in done
        for figure in figures
        for split in splits
    )
    return Comparison(
        results,
        tuple(strategies),
        tuple(done),
        tuple(split.seed for split in splits),
        figures,
        {
            (name, share): _overlap([found[name, share, split.seed].chosen for split in splits])
            for name in strategies
            for share in done
        },
        float(np.mean([split.shared for split in splits])),
        left_out,
        _notes(results, left_out, splits, seconds),
    )


def budget_of(share: float, split: Split) -> int:
    """A share of the training part in rows, at least 2: fewer teach nothing that could be compared."""
    return max(2, round(share * len(split.train)))


def _of_split(
    strategies: Mapping[str, Strategy],
    share: float,
    split: Split,
    proxies: Sequence[Proxy],
    cache: Cache,
    draws: int,
    advance: Advance,
    threads: Threads,
) -> dict[str, Measured]:
    """All strategies at one budget and seed; those that the cache does not know are judged together."""
    budget = budget_of(share, split)
    times = {name: draws if name in CONTROLS else 1 for name in strategies}
    keys = {name: _key(name, budget, split, proxies, times[name]) for name in strategies}
    tasks = [(name, draw) for name in strategies if keys[name] not in cache for draw in range(times[name])]
    subsets = [
        _checked(name, strategies[name](split.train, budget, split.seed + draw * _APART), budget, split)
        for name, draw in tasks
    ]
    values: list[dict[str, float]] = [{} for _ in tasks]
    for proxy in proxies if tasks else ():
        for place, figures in enumerate(proxy.judge(split, subsets, threads)):
            values[place].update(figures)
    for place, (name, draw) in enumerate(tasks):
        if draw == 0:
            drawn = values[place : place + times[name]]
            mean = {metric: math.fsum(one[metric] for one in drawn) / len(drawn) for metric in drawn[0]}
            wrong = [metric for metric, value in mean.items() if not math.isfinite(value)]
            if wrong:
                raise DataError(f"strategy {escape(name)}: {', '.join(wrong)} is not finite: expected a number")
            cache[keys[name]] = Measured(tuple(subsets[place].tolist()), mean)
    advance(len(strategies))
    return {name: cache[keys[name]] for name in strategies}


def _key(name: str, budget: int, split: Split, proxies: Sequence[Proxy], draws: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    figures = ",".join(figure.name for proxy in proxies for figure in proxy.figures)
    for part in (
        split.train.tobytes(),
        split.held_out.tobytes(),
        f"{split.seed}/{budget}/{draws}/{figures}/{name}".encode(),
    ):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _checked(name: str, rows: Rows, budget: int, split: Split) -> Rows:
    chosen = np.unique(rows).astype(np.int64)
    strange = np.setdiff1d(chosen, split.train)
    wrong = (
        "no rows" if not len(rows) else
        "a row twice" if len(chosen) < len(rows) else
        f"{len(strange):,} rows outside the training part, such as row {strange[0]:,}" if len(strange) else
        f"{len(rows):,} rows" if len(rows) > budget else None
    )  # fmt: skip
    if wrong:
        raise DataError(f"strategy {escape(name)} took {wrong}: expected up to {budget:,} different rows it was given")
    return chosen


def _result(name: str, share: float, split: Split, metric: str, measured: Measured) -> Result:
    wanted = budget_of(share, split)
    sizes = len(split.train), len(split.held_out)
    return Result(name, share, wanted, len(measured.chosen), split.seed, metric, measured.values[metric], *sizes)


def _overlap(chosen: Sequence[tuple[int, ...]]) -> float:
    """The mean over pairs of seeds of the rows in both, over the rows of the smaller; 0 for a single seed."""
    arrays = [np.array(rows) for rows in chosen]
    shares = [
        len(np.intersect1d(one, other, assume_unique=True)) / min(len(one), len(other))
        for place, one in enumerate(arrays)
        for other in arrays[:place]
    ]
    return float(np.mean(shares)) if shares else 0.0


def _check(
    strategies: Mapping[str, Strategy], shares: Sequence[float], splits: Sequence[Split], proxies: Sequence[Proxy]
) -> None:
    if not (strategies and shares and splits and proxies):
        raise DataError("expected at least one strategy, one budget, one seed and one proxy to compare by")
    if any(not 0 < share < 1 for share in shares) or len(set(shares)) < len(shares):
        raise DataError(f"budgets: expected different shares above 0, below 1, not {', '.join(map(str, shares))}")
    seeds = [split.seed for split in splits]
    if len(set(seeds)) < len(seeds):
        raise DataError(f"seeds: expected different ones, not {', '.join(map(str, seeds))}")
    names = [figure.name for proxy in proxies for figure in proxy.figures]
    if len(set(names)) < len(names):
        raise DataError(f"proxies: expected each figure once, not {', '.join(names)}")


def _notes(
    results: Sequence[Result], left_out: Sequence[float], splits: Sequence[Split], seconds: float | None
) -> tuple[str, ...]:
    notes = []
    if left_out:
        shares = ", ".join(f"{share:.3g}" for share in left_out)
        notes.append(f"the time limit of {seconds:g} s was reached: budgets left out: {shares}")
    short = sorted({(result.strategy, result.share) for result in results if result.rows < result.wanted})
    notes += [f"{escape(name)} had fewer rows to choose than the budget {share:.3g} asks for" for name, share in short]
    few = sum(len(split.held_out) < split.wanted for split in splits)
    if few:
        notes.append(
            f"in {few} of {len(splits)} splits fewer rows were held out than wanted: large groups of duplicates did "
            "not fit"
        )
    return tuple(notes)
