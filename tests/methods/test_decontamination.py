"""A record that holds an evaluation item is found, word for word or in large part, and no other one is."""

import csv
import gzip
import json
import re
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import tables
from assets.errors import DataError
from assets.methods.conversations import Conversations
from assets.methods.decontamination import LINE_TOKENS, EvalItems, similar
from assets.methods.prompts import compose

Record = tuple[list[tuple[str, str]], dict[str, str]]


def conversations(records: list[Record]) -> Conversations:
    messages = [[{"role": role, "content": content} for role, content in turns] for turns, _ in records]
    return Conversations.of(
        pa.table(
            {
                "messages": pa.array(messages, tables.MESSAGES),
                "label": pa.nulls(len(records), pa.string()),
                "format": pa.array(["alpaca"] * len(records), pa.string()),
                "extras": pa.array([list(extras.items()) for _, extras in records], tables.ATTRIBUTES),
            }
        )
    )


def asked(question: str, answer: str = "Yes.", instruction: str = "") -> Record:
    text, extras = compose([("instruction", instruction), ("input", question)])
    return [("user", text), ("assistant", answer)], extras


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def grams(tokens: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}


def reference(record: Record, items: list[str], size: int, threshold: float) -> tuple[int, float, bool]:
    """The definition, one item after the other."""
    turns, extras = record
    users = [content for role, content in turns if role == "user"]
    parts = [users[-1][start:end] for start, end in json.loads(extras.get("fields", "{}")).values()]
    whole = [words(text) for _, content in turns for text in (content, *content.split("\n"))]
    held = set().union(*(grams(words(content), size) for _, content in turns))
    best: tuple[int, float, bool] = (-1, 0.0, False)
    for number, item in enumerate(items):
        tokens = words(item)
        long_enough = len(tokens) >= LINE_TOKENS
        exact = (long_enough or len(users) == 1) and tokens in [words(user) for user in users]
        exact = exact or (long_enough and tokens in [words(part) for part in parts])
        if not tokens:
            continue
        if exact:
            share = Fraction(1)
        elif len(tokens) >= size:
            share = Fraction(len(grams(tokens, size) & held), len(grams(tokens, size)))
        else:
            share = Fraction(int(long_enough and tokens in whole))
        if share and (exact or share >= Fraction(threshold)) and (exact, share) > (best[2], best[1]):
            best = (number, share, exact)  # type: ignore[assignment]
    return best[0], float(best[1]), best[2]


text = st.lists(st.sampled_from(["a", "B", "c", "d,", "\n"]), max_size=12).map(" ".join)
turns = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), text), min_size=1, max_size=3)


@settings(deadline=None, max_examples=300)  # the first example compiles
@given(
    st.lists(st.one_of(turns.map(lambda turns: (turns, {})), st.builds(asked, text, text, text)), max_size=5),
    st.lists(text, max_size=8),
    st.integers(1, 6),
    st.sampled_from([0.25, 0.5, 0.75, 1.0]),
)
def test_the_hits_are_those_of_the_definition(
    records: list[Record], items: list[str], size: int, threshold: float
) -> None:
    hits = EvalItems(pa.array(items, pa.string()), size, threshold).hits(conversations(records))
    found = list(zip(hits.item.tolist(), hits.share.tolist(), hits.exact.tolist(), strict=True))
    assert found == [pytest.approx(reference(record, items, size, threshold)) for record in records]


QUESTION = "What happens to you if you eat watermelon seeds on a hot summer day?"


@pytest.mark.parametrize(
    ("record", "item", "share", "exact"),
    [
        pytest.param(asked(QUESTION), 0, 1.0, True, id="the question itself"),
        pytest.param(asked(QUESTION.upper().replace(" ", "  ")), 0, 1.0, True, id="case and space do not count"),
        pytest.param(asked(QUESTION, instruction="Answer the question."), 0, 1.0, True, id="a part of the prompt"),
        pytest.param(asked(f"Tell me. {QUESTION} Be brief."), 0, 1.0, False, id="inside a prompt"),
        pytest.param(asked("Ask me something.", QUESTION), 0, 1.0, False, id="in an answer"),
        pytest.param(asked("What happens to you if you eat watermelon seeds?"), -1, 0.0, False, id="too little of it"),
        pytest.param(asked(QUESTION.replace("day", "night")), 0, 6 / 7, False, id="most of it"),
        pytest.param(asked("Who are you?"), 2, 1.0, True, id="a short question"),
        pytest.param(asked("Say this:\nWho are you?"), -1, 0.0, False, id="a very short line"),
        pytest.param(asked("Who are you?", instruction="Translate."), -1, 0.0, False, id="a very short part"),
        pytest.param(asked("Quiz me.", "1. What color is the sky?"), -1, 0.0, False, id="not the whole line"),
        pytest.param(asked("Quiz me.", "Why?\nWhat color is the sky?"), 3, 1.0, False, id="a short line"),
        pytest.param(asked("世界上最长的河流是哪一条？"), 4, 1.0, True, id="Chinese"),
        pytest.param(asked("请问，世界上最长的河流是哪一条呢"), 4, 1.0, False, id="Chinese, inside a prompt"),
        pytest.param(asked("..."), -1, 0.0, False, id="no words"),
    ],
)
def test_what_counts_as_a_hit(record: Record, item: int, share: float, exact: bool) -> None:
    items = EvalItems(pa.array([QUESTION, "?!", "Who are you?", "What color is the sky", "世界上最长的河流是哪一条"]))
    hits = items.hits(conversations([record]))
    assert (hits.item.tolist(), hits.share.tolist(), hits.exact.tolist()) == ([item], [pytest.approx(share)], [exact])
    assert items.without_tokens.tolist() == [1]
    assert len(items) == 5


def test_an_item_does_not_reach_across_turns() -> None:
    half = len(QUESTION) // 2
    record: Record = ([("user", QUESTION[:half]), ("assistant", QUESTION[half:])], {})
    assert EvalItems(pa.array([QUESTION])).hits(conversations([record])).item.tolist() == [-1]


def test_what_many_items_share_does_not_cost_a_look_at_each() -> None:
    preamble = "Read the following question with care and then choose the one answer that fits it best"
    items = pa.array([f"{preamble}: {' '.join(f'w{number}x{i}' for i in range(40))}" for number in range(20_000)])
    records = conversations([asked(f"{preamble}. Number {number}.") for number in range(20_000)])
    assert (EvalItems(items).hits(records).item == -1).all()


def test_no_items_and_no_records() -> None:
    assert EvalItems(pa.array([], pa.string())).hits(conversations([asked("a b c d")])).item.tolist() == [-1]
    assert len(EvalItems(pa.array(["a b c d"])).hits(conversations([])).item) == 0


@pytest.mark.parametrize(("ngram", "threshold"), [(0, 0.5), (8, 0.0), (8, 1.5)])
def test_impossible_bounds_are_refused(ngram: int, threshold: float) -> None:
    with pytest.raises(DataError, match="expected"):
        EvalItems(pa.array(["a"]), ngram, threshold)


def test_vectors_are_compared_with_the_nearest_item() -> None:
    draw = np.random.default_rng(0)
    vectors, items = (draw.standard_normal((rows, 8)).astype(np.float32) for rows in (9000, 30))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    hits = similar(vectors, items, 0.6)
    cosines = vectors @ items.T
    near = cosines.max(axis=1) >= 0.6
    assert 0 < near.sum() < 9000
    assert np.array_equal(hits.item, np.where(near, cosines.argmax(axis=1), -1))
    assert hits.share == pytest.approx(np.where(near, cosines.max(axis=1), 0), abs=1e-6)
    assert not hits.exact.any()
    assert (similar(vectors, items[:0], 0.6).item == -1).all()


# -- real data -------------------------------------------------------------------------------------------------------


def lines(name: str) -> Any:
    return gzip.open(shared_data(name), "rt", encoding="utf-8-sig", newline="")


@cache
def pool_of(name: str) -> tuple[list[tuple[str, str]], Conversations]:
    """The parts of the prompts, and the records."""
    with lines(name) as file:
        rows = [json.loads(line) for line in file] if name.endswith(".jsonl.gz") else json.load(file)
    prompts = [(row["instruction"], row.get("input", row.get("context")) or "") for row in rows]
    answers = [row.get("output", row.get("response")) for row in rows]
    records = [asked(part, answer, instruction) for (instruction, part), answer in zip(prompts, answers, strict=True)]
    return prompts, conversations(records)


def questions(name: str) -> list[str]:
    with lines(name) as file:
        if name.endswith(".csv.gz"):
            return [row["Question"] for row in csv.DictReader(file)]
        if name.endswith(".json.gz"):
            return [row["instruction"] for row in json.load(file)]
        return [json.loads(line)["question"] for line in file]


def plain_exact(prompts: list[tuple[str, str]], items: list[str]) -> int:
    """Rows that are an item, with a set of Python's."""
    wholes = {tuple(words(item)) for item in items}
    found = 0
    for prompt in prompts:
        parts = [tuple(words(part)) for part in prompt if part]
        whole = tuple(word for part in parts for word in part)
        found += whole in wholes or any(len(part) >= LINE_TOKENS and part in wholes for part in parts)
    return found


# Both numbers were counted once with plain sets of words and of 8-grams; the exact ones are counted again here.
@pytest.mark.parametrize(
    ("pool", "evaluation", "exact", "overlap"),
    [
        ("sft/alpaca_data.json.gz", "eval/TruthfulQA.csv.gz", 1, 2),
        ("sft/alpaca_data.json.gz", "eval/alpaca_eval_805_davinci003.json.gz", 2, 2),
        ("sft/alpaca_data.json.gz", "eval/mmlu_test.jsonl.gz", 3, 1),
        ("sft/dolly_15k.jsonl.gz", "eval/TruthfulQA.csv.gz", 2, 1),
        ("sft/dolly_15k.jsonl.gz", "eval/alpaca_eval_805_davinci003.json.gz", 10, 1),
        ("sft/dolly_15k.jsonl.gz", "eval/mmlu_test.jsonl.gz", 10, 1),
    ],
)
def test_real_pools_hold_the_items_that_plain_sets_find(pool: str, evaluation: str, exact: int, overlap: int) -> None:
    prompts, records = pool_of(pool)
    items = questions(evaluation)
    assert plain_exact(prompts, items) == exact
    hits = EvalItems(pa.array(items)).hits(records)
    assert (int(hits.exact.sum()), int(((hits.item >= 0) & ~hits.exact).sum())) == (exact, overlap)


@pytest.mark.parametrize(
    ("question", "is_hit"),
    [
        ("what is 3 - 4", True),
        ("What is 3 + 4?", False),
        ("What is -3/4?", False),
        ("What is 3 4?", False),
    ],
)
def test_another_sum_is_another_question(question: str, is_hit: bool) -> None:
    items = EvalItems(pa.array(["What is 3 - 4?"]))
    assert (items.hits(conversations([asked(question)])).item.tolist() == [0]) is is_hit


def test_a_word_of_a_conversation_is_no_question_of_a_test() -> None:
    items = EvalItems(pa.array(["Why?"]))
    alone, among = [("user", "why"), ("assistant", "So.")], [("user", "Tell me."), ("user", "Why?")]
    assert items.hits(conversations([(alone, {}), (among, {})])).item.tolist() == [0, -1]
