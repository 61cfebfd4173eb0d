"""DSIR against counts in plain dictionaries, and without known faults: short rows stay, seeded, any number of picks."""

import gzip
import json
import math
import re
from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.chance import uniform
from assets.methods.similarity.dsir import gumbel_top_k, kl_reduction, log_importance
from assets.methods.similarity.nearest import STRIP_ROWS
from assets.methods.similarity.ngrams import Ngrams

some_text = st.lists(
    st.sampled_from(["one", "Two", "é3", "数", "据", "(", "):", "_", "🙂", " ", "\u3000\n"]), max_size=9
)
some_texts = st.lists(some_text.map("".join), min_size=1, max_size=6)
LARGE = 1 << 16


def tokens(text: str) -> list[str]:
    """Lower-cased words, and each other character that is not white space."""
    return re.findall(r"[a-zé0-9]+|[^\sa-zé0-9]", text.lower())


def grams(text: str) -> list[tuple[str, ...]]:
    """Tokens and pairs of tokens."""
    found = tokens(text)
    return [(token,) for token in found] + list(pairwise(found))


@cache
def bucket_of(gram: tuple[str, ...], size: int) -> int:
    """The bucket of one word, or what a pair has beside the buckets of its words."""
    found = Counter(Ngrams.of([" ".join(gram)], size).buckets.tolist())
    if len(gram) == 2:
        found -= Counter([bucket_of(gram[:1], size), bucket_of(gram[1:], size)])
    ((bucket, _),) = found.items()
    return bucket


def plain_shares(texts: list[str], size: int) -> dict[int, float]:
    counts = Counter(bucket_of(gram, size) for text in texts for gram in grams(text))
    return {bucket: count / counts.total() for bucket, count in counts.items()}


@settings(max_examples=50, deadline=None)  # the first example compiles
@given(some_texts, some_texts, st.sampled_from([1, 3, 10_000, LARGE]))
def test_weights_are_those_of_plain_dictionaries(pool: list[str], target: list[str], size: int) -> None:
    pool, target = [*pool, "one (two)"], [*target, "据"]  # never without any token
    texts, wanted = Ngrams.of(pool, size), Ngrams.of(target, size)
    assert np.diff(texts.offsets).tolist() == [len(grams(text)) for text in pool]
    p, r = plain_shares(target, size), plain_shares(pool, size)
    for shares, counted in ((wanted.shares(), p), (texts.shares(), r)):
        assert shares.sum() == pytest.approx(1)
        assert {int(bucket): shares[bucket] for bucket in np.flatnonzero(shares)} == pytest.approx(counted)
    found = log_importance(texts, wanted.shares(), texts.shares())
    means = log_importance(texts, wanted.shares(), texts.shares(), per_ngram=True)
    for row, text in enumerate(pool):
        buckets = [bucket_of(gram, size) for gram in grams(text)]
        expected = sum(math.log(p.get(b, 0) + 1e-8) - math.log(r[b] + 1e-8) for b in buckets) if buckets else math.nan
        assert found[row] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        assert means[row] == pytest.approx(expected / max(1, len(buckets)), abs=1e-9, nan_ok=True)


def test_rows_of_one_word_and_of_thousands_count_alike() -> None:
    """The original drops every row of fewer than 100 words, unasked."""
    pool = ["code", "weather today", "code " * 3000, "weather " * 99]
    texts = Ngrams.of(pool)
    weights = log_importance(texts, Ngrams.of(["code code code"]).shares(), texts.shares())
    assert np.isfinite(weights).all()
    drawn = gumbel_top_k(weights, uniform(map(str, range(4)), 0, "draw"), 4)
    assert sorted(drawn.order.tolist()) == [0, 1, 2, 3]
    assert drawn.order[0] == 2
    assert weights[0] > 0 > weights[1]


def test_a_row_without_tokens_has_no_weight_and_is_never_drawn() -> None:
    pool = ["", "one two", None, " \n\u3000"]
    texts = Ngrams.of(pa.array(pool))
    weights = log_importance(texts, Ngrams.of(["two"]).shares(), texts.shares())
    assert np.isnan(weights).tolist() == [True, False, True, True]
    assert gumbel_top_k(weights, np.full(4, 0.5), 4).order.tolist() == [1]


def test_chinese_is_counted_by_characters() -> None:
    texts = Ngrams.of(["数据处理", "天气很好"])
    assert np.diff(texts.offsets).tolist() == [7, 7]
    weights = log_importance(texts, Ngrams.of(["处理数据"]).shares(), texts.shares())
    assert weights[0] > weights[1]


def test_the_same_on_any_number_of_threads_and_in_slices() -> None:
    draw = np.random.default_rng(0)
    vocabulary = np.array([f"w{number}" for number in range(200)])
    texts = pa.array([" ".join(draw.choice(vocabulary, draw.integers(0, 8))) for _ in range(2 * STRIP_ROWS + 9)])
    done: list[int] = []
    found, again = (
        Ngrams.of(texts, threads=1, advance=done.append),
        Ngrams.of(pa.chunked_array([texts[:1000], texts[1000:]]), threads=3),
    )
    assert np.array_equal(found.buckets, again.buckets)
    assert np.array_equal(found.offsets, again.offsets)
    assert sum(done) == len(texts)
    rows = np.arange(1000, 1400)
    assert np.array_equal(found.shares(rows), Ngrams.of(texts[1000:1400]).shares())


def test_a_pair_is_not_the_pair_the_other_way_round_and_does_not_reach_across_texts() -> None:
    one, other = (Ngrams.of([text], LARGE) for text in ("up down", "down up"))
    assert sorted(one.buckets.tolist()) != sorted(other.buckets.tolist())
    assert len(Ngrams.of(["up", "down"]).buckets) == 2


# -- drawing ---------------------------------------------------------------------------------------------------------


@given(
    rows=st.integers(0, 12), picks=st.integers(0, 15), seed=st.integers(0, 1000), tied=st.booleans(), some=st.booleans()
)
def test_the_highest_sums_are_drawn(rows: int, picks: int, seed: int, tied: bool, some: bool) -> None:
    draw = np.random.default_rng(seed)
    weights = draw.choice([-1.0, 0.0, 2.0, np.nan], rows)
    uniforms = np.full(rows, 0.25) if tied else draw.uniform(0.01, 0.99, rows)
    candidates = draw.random(rows) < 0.6 if some else np.ones(rows, dtype=bool)
    perturbed = [weight - math.log(-math.log(u)) for weight, u in zip(weights, uniforms, strict=True)]
    open_rows = [row for row in range(rows) if candidates[row] and not math.isnan(weights[row])]
    expected = sorted(open_rows, key=lambda row: (-round(perturbed[row], 9), row))[:picks]
    found = gumbel_top_k(weights, uniforms, picks, candidates if some else None)
    assert found.order.tolist() == expected
    assert found.gains.tolist() == pytest.approx([perturbed[row] for row in expected])
    assert found.nearest.tolist() == [-1] * rows


def test_more_picks_than_rows_are_all_rows() -> None:
    """The original fails from as many picks as rows on."""
    for picks in (5, 6, 1000):
        drawn = gumbel_top_k(np.zeros(5), uniform("abcde", 3, "draw"), picks)
        assert sorted(drawn.order.tolist()) == [0, 1, 2, 3, 4]
        assert (np.diff(drawn.gains) <= 0).all()


def test_the_same_seed_draws_the_same_rows_and_another_one_others() -> None:
    """The original has no seed."""
    ids = [f"{number:032x}" for number in range(500)]
    draws = [gumbel_top_k(np.zeros(500), uniform(ids, seed, "draw"), 50).order.tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_rows_are_drawn_in_proportion_to_their_weights() -> None:
    weights = np.log([0.1, 0.2, 0.7])
    draws = [gumbel_top_k(weights, uniform("abc", seed, "draw"), 2).order for seed in range(4000)]
    first = np.bincount([order[0] for order in draws], minlength=3) / len(draws)
    np.testing.assert_allclose(first, [0.1, 0.2, 0.7], atol=0.03)
    # Without replacement: after the last row, the others share what is left in proportion.
    second = np.bincount([order[1] for order in draws if order[0] == 2], minlength=3)
    assert second[1] / second.sum() == pytest.approx(2 / 3, abs=0.03)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.5, np.nan])
def test_numbers_that_are_not_between_0_and_1_are_refused(bad: float) -> None:
    with pytest.raises(DataError, match="uniforms: expected numbers between 0 and 1"):
        gumbel_top_k(np.zeros(2), np.array([0.5, bad]), 1)
    with pytest.raises(DataError, match="picks: expected at least 0, not -1"):
        gumbel_top_k(np.zeros(2), np.full(2, 0.5), -1)


# -- KL reduction ----------------------------------------------------------------------------------------------------


@given(st.integers(1, 6), st.integers(0, 1000))
def test_the_reduction_is_the_difference_of_two_divergences(size: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    target, random, selected = (draw.dirichlet(np.ones(size)) * (draw.random(size) < 0.8) for _ in range(3))

    def divergence(other: np.ndarray) -> float:
        return sum(p * (math.log(p + 1e-8) - math.log(q + 1e-8)) for p, q in zip(target, other, strict=True))

    assert kl_reduction(target, random, selected) == pytest.approx(divergence(random) - divergence(selected), abs=1e-9)
    assert kl_reduction(target, random, random) == 0


def test_what_cannot_be_counted_or_compared_is_refused() -> None:
    texts = Ngrams.of(["one two"])
    with pytest.raises(DataError, match="2 texts without any words"):
        Ngrams.of(["", " "]).shares()
    with pytest.raises(DataError, match="0 texts without any words"):
        Ngrams.of([]).shares()
    with pytest.raises(DataError, match="expected the same number everywhere"):
        log_importance(texts, np.ones(3) / 3, texts.shares())
    with pytest.raises(DataError, match="expected the same number everywhere"):
        kl_reduction(np.ones(2) / 2, np.ones(3) / 3, np.ones(2) / 2)
    for size in (0, LARGE + 1):
        with pytest.raises(DataError, match="buckets: expected from 1 to 65,536"):
            Ngrams.of(["one"], size)


def test_marks_count() -> None:
    """Prose and code may hold the same words; what tells them apart is their marks."""
    texts = Ngrams.of(["print x if y", "print(x) if (y)"])
    weights = log_importance(texts, Ngrams.of(["if(x) print(y)"]).shares(), texts.shares())
    assert weights[1] > weights[0]


def test_code_is_drawn_for_a_target_of_code() -> None:
    """Rows of Alpaca, which hold some code too, and a tenth as many of code: chance would draw one in twelve."""
    joined = []
    for name in ("sft/alpaca_data.json.gz", "sft/code_alpaca_2k.json.gz"):
        with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
            rows = json.load(file)[:20_000]
        joined.append(["\n".join((row["instruction"], row["input"], row["output"])) for row in rows])
    target = Ngrams.of(joined[1][:200]).shares()
    pool = Ngrams.of(joined[0] + joined[1][200:])
    code = np.arange(len(pool)) >= len(joined[0])
    weights = log_importance(pool, target, pool.shares())
    draws = uniform(map(str, range(len(pool))), 0, "draw")
    drawn = gumbel_top_k(weights, draws, 500).order
    assert code[drawn].mean() > 0.7
    by_mean = np.argsort(-log_importance(pool, target, pool.shares(), per_ngram=True), kind="stable")
    assert code[by_mean[:1800]].mean() > 0.65
    random = np.argsort(draws)[:500]
    assert kl_reduction(target, pool.shares(random), pool.shares(drawn)) > 0.1
