"""Near duplicates: what MinHash finds is verified, a row goes for a kept row only, and different rows stay."""

import gzip
import json
import random
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from assets.errors import DataError
from assets.methods.dedup.greedy import Rows, keep_best
from assets.methods.dedup.minhash import Banding, minhash
from assets.methods.dedup.near import NearIndex
from assets.methods.dedup.partial import PartialIndex, shared_bands
from assets.methods.dedup.shingles import Shingles, jaccard, shingle
from assets.methods.dedup.sketches import Likeness, Sketches, sketch
from assets.methods.tokens import Tokens

PLAIN = Likeness(words=3, characters=5)

few_words = st.lists(st.sampled_from(["one", "two", "three", "数", "据"]), max_size=9).map(" ".join)


def sets(shingles: Shingles) -> list[set[int]]:
    return [set(shingles.values[start:end].tolist()) for start, end in pairwise(shingles.offsets.tolist())]


def similarity(left: set[int], right: set[int]) -> float:
    return len(left & right) / len(left | right) if left and right else 0.0


def drop(index: NearIndex, order: Rows, block: int = 256) -> dict[int, int]:
    """The rows that go, best first, and the kept row that each goes for."""
    kept = keep_best(order, [index], len(order), lambda rows: None, block).kept
    return {row: int(kept[row]) for row in np.flatnonzero(kept >= 0).tolist()}


# -- shingles --------------------------------------------------------------------------------------------------------


def reference(words: list[str], size: int, characters: int) -> set[tuple[str, ...]]:
    """The definition: a run from each token until it is whole, up to the first that reaches the end."""
    found = set()
    for start in range(len(words)):
        part, end = 0.0, start
        while end < len(words) and part < 1 - 1e-9:
            part += 1 / size if words[end].isascii() else 1 / characters
            end += 1
        found.add(tuple(words[start:end]))
        if end == len(words):
            break
    return found


@settings(deadline=None)  # the first example compiles
@given(st.lists(few_words, max_size=5), st.integers(1, 4), st.integers(1, 6))
def test_shingles_are_the_runs_of_the_definition(texts: list[str], words: int, characters: int) -> None:
    expected = [reference(text.split(), words, characters) for text in texts]
    found = sets(shingle(Tokens.of(texts), words, characters))
    assert [len(each) for each in found] == [len(each) for each in expected]
    for (one, two), (left, right) in zip(combinations(found, 2), combinations(expected, 2), strict=True):
        assert len(one & two) == len(left & right)


@given(st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)), st.sampled_from([0.1, 0.5, 0.75, 0.8, 1.0]))
def test_jaccard_is_that_of_the_sets_from_the_threshold_on(left: set[int], right: set[int], threshold: float) -> None:
    arrays = [np.array(sorted(each), dtype=np.uint64) for each in (left, right)]
    true = similarity(left, right)
    assert jaccard(*arrays, threshold) == (true if true >= threshold else 0.0)


@pytest.mark.parametrize(("words", "characters"), [(0, 5), (3, 0)])
def test_a_shingle_of_nothing_is_refused(words: int, characters: int) -> None:
    with pytest.raises(DataError, match="at least 1"):
        shingle(Tokens.of(["a"]), words, characters)


# -- MinHash ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.97, 1.0])
def test_bands_find_what_they_promise(threshold: float) -> None:
    banding = Banding.for_threshold(threshold)
    assert banding.bands * banding.rows <= 128
    assert banding.recall(threshold) >= 0.99
    # Longer bands would not do.
    assert threshold == 1.0 or Banding(128 // (banding.rows + 1), banding.rows + 1).recall(threshold) < 0.99


@pytest.mark.parametrize(("threshold", "permutations"), [(0.0, 128), (1.1, 128), (0.8, 0)])
def test_impossible_bands_are_refused(threshold: float, permutations: int) -> None:
    with pytest.raises(DataError, match="expected"):
        Banding.for_threshold(threshold, permutations)


def test_signatures_agree_as_often_as_the_sets_are_alike() -> None:
    draw = np.random.default_rng(0)
    for true in (0.1, 0.5, 0.8, 0.95):
        shared = draw.integers(0, 2**64, round(true * 2000), dtype=np.uint64)
        halves = np.array_split(draw.integers(0, 2**64, 2000 - len(shared), dtype=np.uint64), 2)
        parts = [np.sort(np.concatenate([shared, half])) for half in halves]
        offsets = np.array([0, len(parts[0]), len(parts[0]) + len(parts[1])])
        left, right = minhash(Shingles(np.concatenate(parts), offsets), bands=2048, rows=1, seed=1)
        assert (left == right).mean() == pytest.approx(true, abs=0.04)


def test_sketches_do_not_depend_on_batches_and_do_on_the_seed() -> None:
    texts = ["one two three four", "", "five", "数据处理的方法很多", "six seven"]
    whole = sketch(Tokens.of(texts), PLAIN)
    parts = [sketch(Tokens.of(texts[:2]), PLAIN), sketch(Tokens.of(texts[2:]), PLAIN)]
    assert np.array_equal(whole.bands, np.concatenate([part.bands for part in parts]))
    assert np.array_equal(whole.shingles.values, np.concatenate([part.shingles.values for part in parts]))
    sizes = [np.diff(part.shingles.offsets) for part in parts]
    assert np.array_equal(np.diff(whole.shingles.offsets), np.concatenate(sizes))
    other = sketch(Tokens.of(texts), Likeness(words=3, characters=5, seed=1))
    assert not np.array_equal(whole.bands, other.bands)


# -- the index -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(st.tuples(few_words, few_words, st.integers(-1, 1)), min_size=1, max_size=9),
    st.sampled_from([0.3, 0.5, 0.8]),
    st.booleans(),
    st.integers(0, 3),
)
def test_the_index_is_brute_force_over_the_candidates(
    rows: list[tuple[str, str, int]], threshold: float, with_answers: bool, kept: int
) -> None:
    shingles, answers = (shingle(Tokens.of([row[part] for row in rows]), 1, 1) for part in (0, 1))
    # One band in which all agree: every row is a candidate.
    sketches = Sketches(np.zeros((len(rows), 1), np.uint32), shingles, answers if with_answers else None)
    index = NearIndex(sketches, threshold, np.array([row[2] for row in rows], dtype=np.int32))
    texts, said = sets(shingles), sets(answers)

    def alike(one: int, other: int) -> float:
        found = similarity(texts[one], texts[other]) if rows[one][2] == rows[other][2] else 0.0
        if with_answers and (said[one] or said[other]) and similarity(said[one], said[other]) < 0.5:
            return 0.0
        return found if found >= threshold else 0.0

    everyone = np.arange(len(rows))
    pairs = index.within(everyone)
    found = dict(
        zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pairs.similarity.tolist(), strict=True)
    )
    expected = {pair: alike(*pair) for pair in combinations(range(len(rows)), 2) if alike(*pair)}
    assert found == pytest.approx(expected)
    # The last rows are kept, the very last of them first; the others ask.
    keeping = everyone[::-1][:kept]
    index.add(keeping[:1])
    index.add(keeping[1:])
    asking = everyone[: len(rows) - len(keeping)]
    matches = index.find(asking)
    for row, match, value in zip(asking.tolist(), matches.kept.tolist(), matches.similarity.tolist(), strict=True):
        best = max(keeping.tolist(), key=lambda other: alike(row, other), default=-1)
        highest = alike(row, best) if best >= 0 else 0.0
        assert value == pytest.approx(highest)
        assert match == (best if highest else -1)


@settings(deadline=None)
@given(st.lists(few_words, min_size=1, max_size=12), st.sampled_from([0.3, 0.8]))
def test_rows_without_a_partner_need_not_be_asked_about(texts: list[str], threshold: float) -> None:
    sketches = sketch(Tokens.of(texts), Likeness(threshold))
    shared = shared_bands(sketches.bands)
    values = sketches.bands.T.tolist()
    assert shared.tolist() == [[band.count(band[row]) > 1 for band in values] for row in range(len(texts))]
    asked = shared.any(axis=1)
    whole = drop(NearIndex(sketches, threshold), np.arange(len(texts)))
    part = PartialIndex(NearIndex(sketches, threshold, capacity=int(asked.sum()), shared=shared), asked)
    assert drop(part, np.arange(len(texts))) == whole


def test_a_row_without_tokens_is_nobodys_duplicate() -> None:
    index = NearIndex(sketch(Tokens.of(["", "?!", "one", None]), PLAIN), 0.8)
    assert len(index.within(np.arange(4)).first) == 0
    index.add(np.array([0]))
    assert index.find(np.array([1, 3])).kept.tolist() == [-1, -1]


def test_rows_of_different_groups_can_be_equal() -> None:
    sketches = sketch(Tokens.of(["the very same text"] * 4), PLAIN)
    pairs = NearIndex(sketches, 0.8, np.array([1, 0, 1, 2], dtype=np.int32)).within(np.arange(4))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [2])


def test_edit_distance_is_asked_in_addition() -> None:
    texts = ["alpha beta gamma delta", "delta gamma beta alpha", "alpha beta gamma delta!", None]
    bags = sketch(Tokens.of(texts), Likeness())
    assert len(NearIndex(bags, 0.8).within(np.arange(4)).first) == 3
    index = NearIndex(bags, 0.8, texts=pa.array(texts), edit_similarity=0.9)
    pairs = index.within(np.arange(4))
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.similarity.tolist()) == ([0], [2], [1.0])
    index.add(np.array([1, 0]))
    assert index.find(np.array([2])).kept.tolist() == [0]
    with pytest.raises(DataError, match="texts"):
        NearIndex(bags, 0.8, edit_similarity=0.9)


def test_questions_about_one_passage_stay_unless_their_answers_are_alike() -> None:
    passage = " ".join(f"word{number}" for number in range(60))
    questions = ["where was it", "when was it", "tell me where it was"]
    answers = ["in the north of Norway", "in the summer of 1905", "in the North of Norway."]
    texts = Tokens.of([f"{passage} {question} {answer}" for question, answer in zip(questions, answers, strict=True)])
    alone = drop(NearIndex(sketch(texts, PLAIN), 0.8), np.arange(3))
    assert alone == {1: 0, 2: 0}
    both = drop(NearIndex(sketch(texts, PLAIN, Tokens.of(answers)), 0.8), np.arange(3))
    assert both == {2: 0}


def test_a_hundred_thousand_identical_rows_cost_one_look_each() -> None:
    one = sketch(Tokens.of(["it is the same text again and again, " * 5]), PLAIN)
    count = 100_000
    bands = np.repeat(one.bands, count, axis=0)
    values, size = np.tile(one.shingles.values, count), len(one.shingles.values)
    index = NearIndex(Sketches(bands, Shingles(values, np.arange(count + 1) * size)), 0.8)
    assert drop(index, np.arange(count), block=1024) == dict.fromkeys(range(1, count), 0)


def test_sketches_may_lie_on_disk(tmp_path: Path) -> None:
    made = sketch(Tokens.of(["one two three four five six", "x", "one two three four five six!"]), PLAIN)
    maps = []
    for name, array in (("bands", made.bands), ("values", made.shingles.values), ("offsets", made.shingles.offsets)):
        np.save(tmp_path / f"{name}.npy", array)
        maps.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    index = NearIndex(Sketches(maps[0], Shingles(maps[1], maps[2])), 0.8)
    assert drop(index, np.array([2, 1, 0])) == {0: 2}


# -- real data -------------------------------------------------------------------------------------------------------


def real_rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    return rows


def real_texts(name: str) -> list[str]:
    return ["\n".join(filter(None, (row["instruction"], row["input"], row["output"]))) for row in real_rows(name)]


def edited(words: list[str], share: float, draw: random.Random) -> list[str]:
    """A copy in which a share of the words, at least one, are other words."""
    words = list(words)
    for place in draw.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = f"other{draw.randrange(10**9)}"
    return words


def planted(texts: list[str], seed: int) -> tuple[list[str], list[tuple[int, int, int]]]:
    """The texts with copies, edited copies and chains a ~ b ~ c behind them, and the rows of each chain."""
    draw = random.Random(seed)
    made = list(texts)
    made += draw.sample(texts, 400)
    made += [" ".join(edited(text.split(), 0.02, draw)) for text in draw.sample(texts, 400)]
    long = [row for row, text in enumerate(texts) if len(text.split()) >= 120]
    chains = []
    for row in draw.sample(long, 150):
        middle = edited(texts[row].split(), 0.025, draw)
        made += [" ".join(middle), " ".join(edited(middle, 0.025, draw))]
        chains.append((row, len(made) - 2, len(made) - 1))
    return made, chains


def true_pairs(shingles: Shingles, threshold: float) -> dict[tuple[int, int], float]:
    """Every pair at the threshold, by multiplying the matrix of rows and shingles with itself."""
    _, columns = np.unique(shingles.values, return_inverse=True)
    matrix = sparse.csr_matrix((np.ones(len(columns), np.int32), columns, shingles.offsets))
    shared = sparse.triu(matrix @ matrix.T, k=1).tocoo()
    sizes = np.diff(shingles.offsets)
    values = shared.data / (sizes[shared.row] + sizes[shared.col] - shared.data)
    near = values >= threshold
    pairs = zip(shared.row[near].tolist(), shared.col[near].tolist(), strict=True)
    return dict(zip(pairs, values[near].tolist(), strict=True))


def test_planted_duplicates_go_for_kept_rows_and_nothing_else_goes() -> None:
    texts, chains = planted(real_texts("sft/alpaca_data.json.gz")[20_000:24_000], seed=3)
    sketches = sketch(Tokens.of(texts), PLAIN)
    truth = true_pairs(sketches.shingles, 0.8)
    index = NearIndex(sketches, 0.8)
    pairs = index.within(np.arange(len(texts)))
    found = dict(
        zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pairs.similarity.tolist(), strict=True)
    )
    assert found.items() <= truth.items()  # 0 false pairs, and the very similarity
    assert len(found) >= 0.99 * len(truth)
    gone = drop(index, np.arange(len(texts)))
    assert all(kept not in gone and (kept, row) in truth for row, kept in gone.items())  # 0 orphans
    left = [pair for pair in truth if not gone.keys() & set(pair)]
    assert len(left) <= 0.01 * len(truth)
    # The ends of a chain are not alike, so both stay: likeness is not passed on from one to the next.
    open_chains = [chain for chain in chains if {chain[:2], chain[1:]} <= truth.keys() and chain[::2] not in truth]
    assert len(open_chains) > 100
    assert sum(middle in gone and end not in gone for _, middle, end in open_chains) >= 0.99 * len(open_chains)


def test_chinese_near_duplicates_are_found() -> None:
    texts = [text for text in real_texts("sft/alpaca_zh_0-3252.json.gz") if len(text) >= 100]
    draw = random.Random(0)
    copies = []
    for text in texts:
        characters = list(text)
        for place in draw.sample(range(len(text)), len(text) // 100):
            characters[place] = "另"
        copies.append("".join(characters))
    sketches = sketch(Tokens.of(texts + copies), PLAIN)
    truth = true_pairs(sketches.shingles, 0.8)
    assert len(truth) > 0.8 * len(texts)
    gone = drop(NearIndex(sketches, 0.8), np.arange(len(texts) + len(copies)))
    assert all((kept, row) in truth for row, kept in gone.items())
    assert len(gone) >= 0.99 * len({second for _, second in truth})


def test_by_default_real_data_keeps_what_differs() -> None:
    rows = [row for row in real_rows("sft/alpaca_data.json.gz") if row["output"]]
    texts = ["\n".join(filter(None, (row["instruction"], row["input"], row["output"]))) for row in rows]
    tokens, answers = Tokens.of(texts), Tokens.of([row["output"] for row in rows])
    gone = drop(NearIndex(sketch(tokens, Likeness(), answers), 0.8), np.arange(len(rows)), block=1024)
    assert len(gone) == 18
    with gzip.open(shared_data("qa/xquad.en.json.gz"), "rt", encoding="utf-8") as file:
        paragraphs = [paragraph for article in json.load(file)["data"] for paragraph in article["paragraphs"]]
    asked = [
        (paragraph["context"], each["question"], each["answers"][0]["text"])
        for paragraph in paragraphs
        for each in paragraph["qas"]
    ]
    tokens, answers = Tokens.of(["\n".join(each) for each in asked]), Tokens.of([each[2] for each in asked])
    gone = drop(NearIndex(sketch(tokens, Likeness(), answers), 0.8), np.arange(len(asked)))
    assert len(gone) < 0.07 * len(asked)
    gone = drop(NearIndex(sketch(tokens, Likeness()), 0.8), np.arange(len(asked)))
    assert len(gone) > 0.6 * len(asked)  # what the rule about answers is for
