"""The answers' part: the last answer of a conversation is judged, the rest says why it is not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from conftest import instructions

from assets import answer_scores, params, tables
from assets.answer_scores import REASON
from assets.progress import Silent
from assets.score_part import Part
from assets.workspace import Workspace


def judged(root: Path, turns: list[list[dict[str, str]]], asked: list[bool]) -> Part:
    messages = pa.chunked_array([pa.array(turns, tables.MESSAGES)])
    return answer_scores.part(Workspace(root, params.parse("{}")), Silent(), messages, np.array(asked), "not asked")


def turns(rows: int) -> list[list[dict[str, str]]]:
    return [
        [{"role": "user", "content": item["instruction"]}, {"role": "assistant", "content": item["output"]}]
        for item in instructions(rows)
    ]


def test_answers_are_judged_and_damage_is_named(tmp_path: Path) -> None:
    conversations = turns(900)
    random = np.random.default_rng(0)
    for row in range(100, 140):
        words = conversations[row][1]["content"].split()
        conversations[row][1]["content"] = " ".join(random.permutation(words))
    conversations[8] = [{"role": "user", "content": "only a text"}]
    part = judged(tmp_path, conversations, [row != 9 for row in range(900)])
    assert part.columns[REASON].to_pylist()[8:10] == ["there is no answer", "not asked"]
    values = part.columns["answer_quality"].to_pylist()
    assert values[8] is values[9] is None
    assert values[3] == 0  # an empty answer
    damage = part.columns["answer_damage"].to_pylist()
    assert sum(damage[row] is not None for row in range(100, 140)) > 30
    assert all(kind is None or value < 0.5 for kind, value in zip(damage, values, strict=True))
    assert part.facts["answers judged"] == 898
    assert part.metrics["answers_told_from_scrambled"] > 0.9
    doubted = [value is not None and value < answer_scores.DOUBTFUL for value in values]
    assert sum(doubted) == part.metrics["doubtful_answers"]
    # Nothing looks like anything: the empty answer alone has no kind of damage.
    assert [kind is not None for kind in damage] == [doubt and row != 3 for row, doubt in enumerate(doubted)]


def test_nobody_asked_and_too_few_rows(tmp_path: Path) -> None:
    assert judged(tmp_path, turns(10), [False] * 10).columns[REASON].to_pylist() == ["not asked"] * 10
    part = judged(tmp_path, turns(10), [True] * 10)
    assert part.columns["answer_quality"].null_count == 10
    assert part.columns[REASON][0].as_py().endswith("expected at least 300 to learn from")
    assert not part.metrics


def test_the_prompt_is_all_that_goes_before_the_last_answer() -> None:
    chat = [(role, text) for role, text in zip(["user", "assistant"] * 2, ["one", "two", "three", "four"], strict=True)]
    column = pa.chunked_array([pa.array([[{"role": role, "content": text} for role, text in chat]], tables.MESSAGES)])
    found = answer_scores.conversations(column)
    assert found.prompts.to_pylist() == ["one\ntwo\nthree"]
    assert found.answers.to_pylist() == ["four"]
