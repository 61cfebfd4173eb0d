"""The experiment, its intervals and what is said about them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from assets.errors import DataError
from assets.methods.comparing import strategies
from assets.methods.comparing.contrasts import Contrast, Outcome, contrasts, curves
from assets.methods.comparing.experiment import compare, steps
from assets.methods.comparing.intervals import holm, interval
from assets.methods.comparing.probes import ProbeProxy, macro_f1
from assets.methods.comparing.results import Measured
from assets.methods.comparing.splits import Split, held_out
from assets.methods.comparing.spread import Spread, Towards
from assets.methods.comparing.strategies import Prepared, Strategy, random_rows, stratified_rows, unseen_scores
from assets.methods.comparing.verdicts import verdicts
from assets.methods.coverage.metrics import reach
from assets.methods.similarity.ngrams import Ngrams
from assets.methods.threads import Threads
from assets.methods.uncertainty import ProbeSettings

ROWS = 400


def made_up(rows: int = ROWS, seed: int = 0, wrong: float = 0.0) -> tuple[np.ndarray, list[str | None], np.ndarray]:
    """Unit vectors of four classes, their labels, and which labels are wrong."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, 4, rows)
    points = random.standard_normal((4, 8))[classes] * 1.2 + random.standard_normal((rows, 8))
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    bad = random.random(rows) < wrong
    labels = np.where(bad, (classes + 1) % 4, classes)
    return vectors, [str(label) for label in labels], bad


def splits(seeds: int, rows: int = ROWS) -> list[Split]:
    return [held_out(np.zeros(rows, np.int64), np.arange(rows), seed) for seed in range(seeds)]


def first_rows(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
    return train[:budget]


def test_intervals_are_those_of_student() -> None:
    figures = [0.71, 0.74, 0.69, 0.77, 0.72]
    found = interval(figures)
    expected = stats.t.interval(0.95, 4, np.mean(figures), stats.sem(figures))
    assert found.half is not None
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx(expected)
    assert interval([x - 0.7 for x in figures]).p == pytest.approx(stats.ttest_1samp(figures, 0.7).pvalue)


def test_overlapping_seeds_are_corrected_as_nadeau_and_bengio_do() -> None:
    figures = [1.0, 2.0, 4.0]
    corrected = interval(figures, correlation=0.2)  # a fifth held out: n2 / n1 = 1 / 4
    error = np.std(figures, ddof=1) * math.sqrt(1 / 3 + 1 / 4)
    assert corrected.half == pytest.approx(stats.t.ppf(0.975, 2) * error)
    assert corrected.p == pytest.approx(2 * stats.t.sf(np.mean(figures) / error, 2))


@pytest.mark.parametrize(
    ("figures", "half", "p"), [([3.0], None, 1.0), ([0.0, 0.0], 0.0, 1.0), ([0.1 + 0.2, 0.3], 0.0, 0.0)]
)
def test_intervals_of_figures_without_spread(figures: list[float], half: float | None, p: float) -> None:
    found = interval(figures)
    assert (found.half, found.p) == (half, p)


@pytest.mark.parametrize(("figures", "correlation"), [([], 0.0), ([1.0, math.nan], 0.0), ([1.0], 1.5)])
def test_unfit_figures_are_refused(figures: list[float], correlation: float) -> None:
    with pytest.raises(DataError):
        interval(figures, correlation)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_steps_down(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    order = np.argsort(p_values, kind="stable")
    claims = 0  # by the procedure itself: from the lowest on, until one is not below its level
    while claims < len(order) and p_values[order[claims]] * (len(order) - claims) < 0.05:
        claims += 1
    assert sorted(place for place, p in enumerate(adjusted) if p < 0.05) == sorted(order[:claims].tolist())
    assert all(after >= before for after, before in zip(adjusted, p_values, strict=True))


def contrast(
    outcome: Outcome, share: float, gain: float, against: str = "random", metric: str = "accuracy"
) -> Contrast:
    return Contrast("ours", against, share, metric, gain, 0.008, 0.01, 0.01, 0.2, outcome)


@pytest.mark.parametrize(
    ("given_", "outcome", "expected"),
    [
        ([contrast("better", 0.05, 0.031)], "better", "ours beats random by 3.1 ± 0.8 points of accuracy at 5 %"),
        (
            [
                contrast("no better", 0.2, 0.0, "stratified"),
                contrast("better", 0.05, 0.031),
                contrast("better", 0.1, 0.02),
            ],
            "better",
            "ours beats random by 3.1 ± 0.8 points of accuracy at 5 % and 2.0 ± 0.8 points of accuracy at 10 %; "
            "no better than stratified random at 20 %",
        ),
        (
            [contrast("no better", 0.005, 0.0), contrast("no better", 0.01, 0.0), contrast("worse", 0.05, -0.02)],
            "worse",
            "ours is no better than random at 0.5 % and 1 %; worse than random by 2.0 ± 0.8 points of accuracy at 5 %",
        ),
        (
            [contrast("better", 0.05, 0.0312, metric="loss")],
            "better",
            "ours beats random by 0.031 ± 0.008 nats per word at 5 %",
        ),
        (
            [contrast("unknown", 0.05, 0.03)],
            "unknown",
            "ours is not known to beat random at 5 %: one seed decides nothing",
        ),
    ],
)
def test_verdicts_in_words(given_: list[Contrast], outcome: str, expected: str) -> None:
    (found,) = verdicts(given_)
    assert (found.outcome, found.sentence) == (outcome, expected)


def test_rows_without_wrong_labels_beat_random_ones() -> None:
    rows = 1000
    vectors, labels, bad = made_up(rows, wrong=0.4)

    def clean(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
        return random_rows(train[~bad[train]], budget, seed)

    def wrong(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
        return random_rows(train[bad[train]], budget, seed)

    comparison = compare(
        {
            "random": random_rows,
            "stratified": stratified_rows(np.zeros(rows, np.int64)),
            "clean": clean,
            "wrong": wrong,
        },
        [0.05],
        splits(8, rows),
        [ProbeProxy(vectors, labels)],
    )
    found = {(one.strategy, one.against): one for one in contrasts(comparison)}
    assert len(found) == 4
    assert found["clean", "random"].outcome == found["clean", "stratified"].outcome == "better"
    assert found["wrong", "random"].outcome == "worse"
    ours, theirs = (comparison.values(name, 0.05, "accuracy") for name in ("clean", "random"))
    assert found["clean", "random"].gain == pytest.approx(np.mean(np.subtract(ours, theirs)))
    points = {point.strategy: point for point in curves(comparison, "macro_f1")}
    assert points["clean"].mean > points["random"].mean > points["wrong"].mean
    assert points["clean"].rows == 40
    assert comparison.table().num_rows == 4 * 8 * 2


def test_wins_are_not_claimed_among_rows_of_one_quality() -> None:
    claims = 0
    for pool in range(40):
        vectors, labels, _ = made_up(300, seed=100 + pool)
        liked = np.random.default_rng(pool).random(300)

        def fixed(train: np.ndarray, budget: int, seed: int, liked: np.ndarray = liked) -> np.ndarray:
            return train[np.argsort(liked[train])[:budget]]

        comparison = compare(
            {"random": random_rows, "fixed": fixed}, [0.1], splits(5, 300), [ProbeProxy(vectors, labels)],
            draws=1, threads=Threads(1),
        )  # fmt: skip
        claims += contrasts(comparison)[0].outcome == "better"
    assert claims <= 2  # of 40; 2.5 % would be one


def test_rows_liked_at_every_seed_count_as_correlated() -> None:
    vectors, labels, _ = made_up()
    comparison = compare({"random": random_rows, "first": first_rows}, [0.1], splits(3), [ProbeProxy(vectors, labels)])
    assert comparison.overlaps["first", 0.1] > 0.6 > comparison.overlaps["random", 0.1]
    assert contrasts(comparison)[0].correlation == pytest.approx(
        (comparison.overlaps["first", 0.1] + comparison.overlaps["random", 0.1]) / 2
    )


def test_what_is_in_the_cache_is_not_done_again() -> None:
    vectors, labels, _ = made_up()
    calls: list[int] = []

    def counted(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
        calls.append(seed)
        return first_rows(train, budget, seed)

    cache: dict[str, Measured] = {}
    told: list[int] = []
    table: dict[str, Strategy] = {"random": random_rows, "ours": counted}
    parts = splits(3)
    once = compare(table, [0.1], parts[:2], [ProbeProxy(vectors, labels)], cache)
    again = compare(table, [0.1, 0.2], parts, [ProbeProxy(vectors, labels)], cache, told.append)
    assert calls == [0, 1, 2, 0, 1, 2]  # seeds 0 and 1 at a tenth were known
    assert sum(told) == steps(2, 2, 3)
    assert set(once.results) <= set(again.results)
    assert again == compare(table, [0.1, 0.2], parts, [ProbeProxy(vectors, labels)], threads=Threads(1))


def test_the_time_limit_ends_the_work_after_a_budget_and_is_told() -> None:
    vectors, labels, _ = made_up()
    seconds = iter([0.0, 5.0, 11.0])
    comparison = compare(
        {"random": random_rows}, [0.05, 0.1, 0.2], splits(2), [ProbeProxy(vectors, labels)],
        seconds=10, clock=lambda: next(seconds),
    )  # fmt: skip
    assert comparison.shares == (0.05, 0.1)
    assert comparison.left_out == (0.2,)
    assert comparison.notes == ("the time limit of 10 s was reached: budgets left out: 0.2",)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (lambda train, budget, seed: train[:0], "took no rows"),
        (lambda train, budget, seed: train[[0, 0]], "took a row twice"),
        (lambda train, budget, seed: np.setdiff1d(np.arange(ROWS), train)[:2], "outside the training part"),
        (lambda train, budget, seed: train[: budget + 1], "took 33 rows: expected up to 32"),
    ],
)
def test_a_strategy_that_breaks_the_rules_is_named(strategy: Strategy, message: str) -> None:
    vectors, labels, _ = made_up()
    with pytest.raises(DataError, match=rf"strategy bad\\x1b .*{message}"):
        compare({"bad\x1b": strategy}, [0.1], splits(1), [ProbeProxy(vectors, labels)])


@pytest.mark.parametrize(
    ("shares", "seeds", "message"),
    [
        ([0.1, 0.1], 1, "budgets: expected different shares"),
        ([1.0], 1, "budgets"),
        ([0.1], 0, "one budget, one seed and one proxy"),
    ],
)
def test_settings_out_of_range_are_refused(shares: list[float], seeds: int, message: str) -> None:
    vectors, labels, _ = made_up()
    with pytest.raises(DataError, match=message):
        compare({"random": random_rows}, shares, splits(seeds), [ProbeProxy(vectors, labels)])


def test_without_a_control_there_is_nothing_to_say() -> None:
    vectors, labels, _ = made_up()
    comparison = compare({"first": first_rows}, [0.1], splits(2), [ProbeProxy(vectors, labels)])
    with pytest.raises(DataError, match="expected one of random, stratified among the strategies, not only first"):
        contrasts(comparison)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    given_, answers = random.integers(0, 6, 50), random.integers(0, 8, 50)
    expected = f1_score(given_, answers, labels=np.unique(given_), average="macro")
    assert macro_f1(given_, answers) == pytest.approx(expected)


def test_a_subset_of_one_class_answers_that_class() -> None:
    vectors, labels, _ = made_up()
    of_class = np.array([row for row, label in enumerate(labels) if label == "2"])
    split = Split(of_class[:20], of_class[20:40], seed=0, wanted=20)
    assert ProbeProxy(vectors, labels).judge(split, [of_class[:5]], Threads(1)) == [{"accuracy": 1.0, "macro_f1": 1.0}]


def test_without_labels_a_probe_is_refused() -> None:
    vectors, _, _ = made_up()
    with pytest.raises(DataError, match="none of 80 held-out rows has a label"):
        ProbeProxy(vectors, [None] * ROWS).judge(splits(1)[0], [np.arange(5)], Threads(1))


def test_stratified_draws_are_in_proportion() -> None:
    strata = np.repeat([0, 1, 2], [300, 90, 10])
    drawn = stratified_rows(strata)(np.arange(400), 40, 3)
    assert np.bincount(strata[drawn]).tolist() == [30, 9, 1]
    assert len(np.unique(drawn)) == 40
    assert drawn.tolist() != stratified_rows(strata)(np.arange(400), 40, 4).tolist()


def test_shared_work_is_done_once_for_a_training_part() -> None:
    made: list[int] = []

    def make(train: np.ndarray, seed: int) -> int:
        made.append(seed)
        return len(train)

    prepared = Prepared(make, keep=1)
    assert [prepared(np.arange(size), seed) for size, seed in ((5, 0), (5, 0), (6, 0), (5, 0))] == [5, 5, 6, 5]
    assert len(made) == 3


def test_secondary_figures_are_those_of_their_modules() -> None:
    vectors, _, _ = made_up()
    split, rows = splits(1)[0], splits(1)[0].train[::7]
    (found,) = Spread(vectors).judge(split, [rows], Threads(1))
    whole = reach(vectors, rows)
    assert found["coverage"] == pytest.approx((whole.distance[split.held_out] <= 0.3).mean())
    texts = Ngrams.of([f"alpha {row % 3}" if row % 2 else "beta" for row in range(ROWS)])
    near, far = split.train[split.train % 2 == 1][:20], split.train[split.train % 2 == 0][:20]
    towards = Towards(texts, texts.shares(np.arange(1, ROWS, 2)))
    good, bad = (one["kl_reduction"] for one in towards.judge(split, [near, far], Threads(1)))
    assert good > 0 > bad


def test_names_of_the_controls() -> None:
    assert (strategies.RANDOM, strategies.STRATIFIED) == ("random", "stratified")


def test_scores_of_labels_have_not_seen_held_out_rows() -> None:
    vectors, labels, _ = made_up()
    settings = ProbeSettings(folds=3, regularization=1.0, ensemble=1, calibrate=True, seed=0)
    split = splits(1)[0]
    before = unseen_scores(vectors, labels, settings)(split.train, split.seed).label_quality
    others = list(labels)
    for row in split.held_out.tolist():
        others[row] = "3"
    after = unseen_scores(vectors, others, settings)(split.train, split.seed).label_quality
    assert before.tobytes() == after.tobytes()
    assert len(before) == len(split.train)
