"""Models trained on a pool: they know their pool, only their half of it, and are the same bits every time."""

import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods import loading
from assets.methods.language.training import Settings, fold_of, train
from assets.methods.language.vocabulary import train_tokenizer

TINY = Settings(tokens=6_000, vocabulary=400, layers=2, width=32, context=32)
CODES = {"red": "stop now", "green": "go on", "blue": "wait here", "white": "give up", "black": "turn back"}


def pool(rows: int = 120, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    texts = []
    for number in range(rows):
        colour = draw.choice(list(CODES))
        texts.append(f"A lamp is on. ({number})\nIt says {colour}: {CODES[colour]}.")
    return texts


def bits(model: Any) -> list[np.ndarray]:
    return [weights.detach().numpy() for weights in model.parameters()]


def loss(tokenizer: Any, model: Any, text: str, after: str = "") -> float:
    """Mean nats a token of `text`, given `after`."""
    before = len(tokenizer(after)["input_ids"])
    ids = torch.tensor([tokenizer(after)["input_ids"] + tokenizer(text, add_special_tokens=False)["input_ids"]])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, before - 1 : -1]
    return float(torch.nn.functional.cross_entropy(logits, ids[0, before:]))


@pytest.fixture(scope="module")
def trained() -> tuple[Any, tuple[Any, Any]]:
    texts = pool(900)
    return train(texts, fold_of(texts), Settings(80_000, 400, 2, 64, 64), seed=0)


def test_a_text_is_in_one_half_whatever_else_there_is() -> None:
    texts = [f"text {i}" for i in range(4_000)]
    fold = fold_of(texts)
    assert 1_850 < fold.sum() < 2_150
    assert set(fold.tolist()) == {0, 1}
    np.testing.assert_array_equal(fold_of([*texts[::-1], "new"])[:-1], fold[::-1])
    np.testing.assert_array_equal(fold_of(["\ud800", "", "\ud800"])[[0]], fold_of(["\ud800"]))
    assert len(fold_of([])) == 0


@given(st.lists(st.text(), max_size=5))
def test_the_vocabulary_takes_any_text_and_gives_it_back(texts: list[str]) -> None:
    tokenizer = train_tokenizer(pool(30), 300)
    for text in (*texts, "语言 मॉडल 🤖\r\n\t<|end|>"):
        ids = tokenizer(text)["input_ids"]
        assert ids[0] == tokenizer.eos_token_id
        assert tokenizer.unk_token_id is None
        assert tokenizer.decode(ids[1:]) == text


def test_training_tells_a_right_answer_from_a_wrong_one(trained: tuple[Any, tuple[Any, Any]]) -> None:
    tokenizer, models = trained
    for model in models:
        for colour, meaning in CODES.items():
            question = f"A lamp is on. (77)\nIt says {colour}:"
            others = [loss(tokenizer, model, f" {other}.", question) for other in CODES.values() if other != meaning]
            assert loss(tokenizer, model, f" {meaning}.", question) < min(others)


def test_a_response_alone_is_known_as_the_beginning_of_a_line(trained: tuple[Any, tuple[Any, Any]]) -> None:
    tokenizer, models = trained
    for model in models:
        assert loss(tokenizer, model, "It says green: go on.") < loss(tokenizer, model, "on: green says go. It")


def test_a_model_is_of_its_own_half_alone() -> None:
    texts = pool(60)
    fold = fold_of(texts)
    bytes_alone = Settings(3_000, 257, 2, 32, 32)  # a vocabulary that no text can change
    _, before = train(texts, fold, bytes_alone, 0)
    changed = [text if half == 0 else text[::-1] for text, half in zip(texts, fold, strict=True)]
    _, after = train(changed, fold, bytes_alone, 0)
    for weights, same in zip(bits(before[0]), bits(after[0]), strict=True):
        np.testing.assert_array_equal(weights, same)
    assert not np.array_equal(bits(before[1])[0], bits(after[1])[0])


def test_the_same_bits_in_any_order_and_on_any_number_of_threads() -> None:
    texts = pool()
    before = torch.get_rng_state()
    _, first = train(texts, fold_of(texts), TINY, 3)
    assert torch.equal(torch.get_rng_state(), before)
    shuffled = random.Random(1).sample(texts, len(texts))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        torch.manual_seed(5)
        _, second = train(shuffled, fold_of(shuffled), TINY, 3)
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(first, second, strict=True):
        for weights, same in zip(bits(one), bits(other), strict=True):
            np.testing.assert_array_equal(weights, same)
    _, third = train(texts, fold_of(texts), TINY, 4)
    assert not np.array_equal(bits(first[0])[0], bits(third[0])[0])


def test_the_vocabulary_is_the_same_in_another_process() -> None:
    code = (
        "import random, hashlib\n"
        "from assets.methods.language.vocabulary import train_tokenizer\n"
        "draw = random.Random(0)\n"
        "texts = [' '.join(''.join(draw.choices('abcde', k=4)) for _ in range(9)) for _ in range(400)]\n"
        "made = train_tokenizer(texts, 900).backend_tokenizer.to_str()\n"
        "print(hashlib.sha256(made.encode()).hexdigest())\n"
    )
    found = set()
    for threads in ("1", "2"):
        environment = {"RAYON_NUM_THREADS": threads, "PYTHONPATH": ":".join(sys.path), "PATH": ""}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_it_is_saved_and_loads_as_any_model_does(trained: tuple[Any, tuple[Any, Any]], tmp_path: Path) -> None:
    tokenizer, (model, _) = trained
    model.save_pretrained(tmp_path / "0")
    tokenizer.save_pretrained(tmp_path / "0")
    assert (tmp_path / "0" / "model.safetensors").is_file()
    loaded_tokenizer, loaded = loading.load(tmp_path / "0", "AutoModelForCausalLM", whole=True)
    text = "A lamp is on.\nIt says blue: naïve 语言."
    assert loaded_tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loading.position_limit(loaded, loaded_tokenizer) == 64
    assert loss(loaded_tokenizer, loaded, "go on") == loss(tokenizer, model, "go on")
    assert not loaded.training


def test_progress_is_told_on_the_callers_thread_and_comes_to_the_whole() -> None:
    texts, told = pool(40), []
    here = threading.get_ident()

    def advance(tokens: int) -> None:
        assert threading.get_ident() == here
        told.append(tokens)

    # More tokens than some passes over so small a pool: training ends earlier, and is told as done.
    train(texts, fold_of(texts), Settings(60_000, 300, 1, 16, 32), 0, advance)
    assert sum(told) == 120_000
    assert len(told) < 600


def test_an_error_in_between_ends_both_trainings() -> None:
    texts = pool(40)

    def advance(tokens: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(texts, fold_of(texts), Settings(10_000_000, 300, 1, 16, 32), 0, advance)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("train")]


@pytest.mark.parametrize(
    ("texts", "fold"),
    [
        (pool(19), [0, 1] * 9 + [0]),
        (["the same text"] * 50, [0] * 50),
        (pool(30), [1] * 30),
        ([], []),
    ],
)
def test_too_few_texts_are_refused_in_one_line(texts: list[str], fold: list[int]) -> None:
    with pytest.raises(DataError, match="model: self needs 20 different texts or more, some in each half") as caught:
        train(texts, np.array(fold, np.int64), TINY, 0)
    assert "\n" not in str(caught.value)


def test_an_odd_width_is_refused() -> None:
    texts = pool(40)
    with pytest.raises(DataError, match="cannot be 17 wide: the width must be even"):
        train(texts, fold_of(texts), Settings(1_000, 300, 1, 17, 32), 0)


@pytest.mark.parametrize(("layers", "width"), [(1, 16), (2, 100), (3, 96)])
def test_many_a_size_can_be_trained(layers: int, width: int) -> None:
    texts = ["", "\ud83d", *pool(40)]  # with nothing, and with half a character
    tokenizer, models = train(texts, fold_of(texts), Settings(500, 300, layers, width, 16), 0)
    assert all(np.isfinite(loss(tokenizer, model, "It says red: stop now.")) for model in models)
