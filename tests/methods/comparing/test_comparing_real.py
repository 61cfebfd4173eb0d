"""The language model as a judge of real answers, some of them junk: what it must tell apart, and what it must not."""

import gzip
import json

import numpy as np
import pytest
from conftest import shared_data

from assets.methods.comparing.contrasts import contrasts
from assets.methods.comparing.experiment import compare
from assets.methods.comparing.language_loss import LanguageLoss
from assets.methods.comparing.splits import held_out
from assets.methods.comparing.strategies import random_rows
from assets.methods.comparing.verdicts import verdicts
from assets.methods.word_numbers import Words

BOILERPLATE = (
    "I'm sorry, but as an AI language model I cannot help with that request.",
    "Thank you for your question! Please let me know if there is anything else I can do for you today.",
)

Junk = tuple[Words, np.ndarray]


@pytest.fixture(scope="module")
def spoilt() -> Junk:
    """Alpaca and Dolly; a fifth of the answers are those of other rows, or their first halves, or boilerplate."""
    alpaca = json.loads(gzip.decompress(shared_data("sft/alpaca_data.json.gz").read_bytes()))
    lines = gzip.decompress(shared_data("sft/dolly_15k.jsonl.gz").read_bytes()).decode().splitlines()
    dolly = [json.loads(line) for line in lines]
    prompts = [f"{row['instruction']}\n{row['input']}" for row in alpaca]
    prompts += [f"{row['instruction']}\n{row['context'] or ''}" for row in dolly]
    answers = [row["output"] for row in alpaca] + [row["response"] for row in dolly]
    junk = np.random.default_rng(7).permutation(len(answers))[: len(answers) // 5]
    shuffled, halved, same = np.array_split(junk, 3)
    moved = [answers[row] for row in np.roll(shuffled, 1)]
    for row, answer in zip(shuffled.tolist(), moved, strict=True):
        answers[row] = answer
    for row in halved.tolist():
        answers[row] = answers[row][: len(answers[row]) // 2]
    for row in same.tolist():
        answers[row] = BOILERPLATE[row % 2]
    return Words.of(prompts, answers), np.isin(np.arange(len(answers)), junk)


def test_a_subset_without_junk_wins_and_one_of_the_same_rows_does_not(spoilt: Junk) -> None:
    words, junk = spoilt

    def clean(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
        return random_rows(train[~junk[train]], budget, seed)

    def others(train: np.ndarray, budget: int, seed: int) -> np.ndarray:
        return random_rows(train, budget, seed + 1000)

    none, alone = np.zeros(len(words), dtype=np.int64), np.arange(len(words))
    parts = [held_out(none, alone, seed, most_held_out=2500) for seed in range(5)]
    comparison = compare(
        {"random": random_rows, "clean": clean, "others": others}, [0.05], parts, [LanguageLoss(words)]
    )
    found = {one.strategy: one for one in verdicts(contrasts(comparison))}
    assert found["clean"].outcome == "better"
    assert found["others"].outcome == "no better"
    assert found["clean"].sentence.startswith("clean beats random by 0.0")
