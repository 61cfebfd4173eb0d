"""The score finds planted junk without labels, in English and in Chinese, and says why it has none."""

import gzip
import json

import numpy as np
import pytest
from conftest import shared_data

from assets.errors import DataError
from assets.methods.answers import quality
from assets.methods.answers.damage import KINDS

TOPICS = {
    "animals": ["cat", "dog", "horse", "owl", "whale", "ant", "frog", "bear"],
    "cooking": ["soup", "bread", "sauce", "oven", "pepper", "dough", "rice", "butter"],
    "travel": ["train", "ticket", "hotel", "border", "suitcase", "island", "harbour", "map"],
    "music": ["violin", "melody", "drum", "choir", "opera", "tempo", "guitar", "song"],
}


def made(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    prompts, answers = [], []
    for _ in range(rows):
        topic = random.choice(list(TOPICS))
        one, two, three = random.choice(TOPICS[topic], 3, replace=False)
        prompts.append(f"Tell me about the {one} in {topic}.")
        answers.append(f"In {topic}, a {one} goes with a {two}. It seldom goes with a {three}, as people say.")
    return prompts, answers


def test_each_kind_of_junk_scores_lower() -> None:
    prompts, answers = made(1500)
    sound = np.arange(1500)
    answers[:50] = answers[1:51]  # of another prompt
    answers[50:100] = [answer[: len(answer) // 2] for answer in answers[50:100]]
    random = np.random.default_rng(1)
    answers[100:150] = [" ".join(random.permutation(answer.split())) for answer in answers[100:150]]
    answers[150:250] = ["I am sorry, I cannot say anything about that."] * 100
    found = quality.score(prompts, answers, 0)
    assert found.reasons == [None] * 1500
    assert ((found.quality >= 0) & (found.quality <= 1)).all()
    assert set(found.aucs) == set(KINDS)
    for rows in (sound[:50], sound[50:100], sound[100:150], sound[150:250]):
        assert quality.auc(found.quality[250:], found.quality[rows]) > 0.85
    assert quality.auc(found.fit[250:], found.fit[:50]) > 0.9
    assert sum(found.likeliest[row] == "cut" for row in range(50, 100)) > 40


def test_what_has_no_score_says_why_and_changes_nothing_else() -> None:
    prompts, answers = made(400)
    alone = quality.score(prompts, answers, 0)
    found = quality.score([*prompts, "why?", None, " ", "why?"], [*answers, None, "so", "so", " \n"], 0)
    assert np.array_equal(found.quality[:400], alone.quality)
    assert found.reasons[400:] == ["there is no answer", *["there is no prompt that the answer could fit"] * 2, None]
    assert np.isnan(found.quality[400:403]).all()
    assert found.quality[403] == found.fit[403] == 0


def test_too_few_answers_and_answers_that_cannot_be_damaged() -> None:
    prompts, answers = made(20)
    told: list[int] = []
    found = quality.score(prompts, answers, 0, told.append)
    assert np.isnan(found.quality).all()
    assert sum(told) == quality.STEPS
    assert found.reasons == ["20 rows have a prompt and an answer: expected at least 300 to learn from"] * 20
    found = quality.score(["which?"] * 400, ["x"] * 400, 0)
    assert np.isnan(found.quality).all()
    assert set(found.reasons) == {"no answer can be damaged: they are all alike, or of one word"}
    with pytest.raises(DataError, match="2 prompts for 1 answers"):
        quality.score(["a", "b"], ["c"], 0)


def test_short_answers_that_many_rows_share_are_no_junk_where_they_fit() -> None:
    random = np.random.default_rng(0)
    words = {"positive": ["great", "lovely", "fine"], "negative": ["awful", "boring", "weak"]}
    truth = random.choice(list(words), 1200)
    prompts = [f"Good or bad? The film was {random.choice(words[kind])} ({row})." for row, kind in enumerate(truth)]
    wrong = np.arange(1200) < 60
    other = {"positive": "negative", "negative": "positive"}
    answers = [other[kind] if bad else kind for kind, bad in zip(truth.tolist(), wrong.tolist(), strict=True)]
    found = quality.score(prompts, answers, 0)
    assert quality.auc(found.quality[~wrong], found.quality[wrong]) > 0.9
    assert (found.quality[~wrong] >= 0.5).mean() > 0.9


def test_the_same_bytes_each_time_and_progress_adds_up() -> None:
    prompts, answers = made(400)
    told: list[int] = []
    one, again = quality.score(prompts, answers, 3, told.append), quality.score(prompts, answers, 3)
    assert one.quality.tobytes() == again.quality.tobytes()
    assert one.fit.tobytes() == again.fit.tobytes()
    assert sum(told) == quality.STEPS


@pytest.mark.parametrize("name", ["sft/alpaca_data.json.gz", "sft/alpaca_zh_0-3252.json.gz"])
def test_planted_junk_in_real_answers(name: str) -> None:
    with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
        items = [item for item in json.load(file) if item["output"].strip()][:3200]
    prompts = [f"{item['instruction']}\n{item['input']}" for item in items]
    answers = [item["output"] for item in items]
    random = np.random.default_rng(0)
    order = random.permutation(len(items))
    junk, sound = order[:600], order[600:]
    for row, other in zip(junk[:200], np.roll(junk[:200], 1), strict=True):
        answers[row] = items[other]["output"]
    for row in junk[200:400]:
        answers[row] = answers[row][: max(1, len(answers[row]) // 2)]
    for row in junk[400:]:
        answers[row] = "As an AI language model, I cannot answer that question."
    found = quality.score(prompts, answers, 0).quality
    for rows, least in ((junk[:200], 0.85), (junk[200:400], 0.75), (junk[400:], 0.93)):
        assert quality.auc(found[sound], found[rows]) > least
    kept = np.argsort(-found, kind="stable")[: len(items) // 2]
    assert np.isin(kept, junk).mean() < 0.2 / 3
