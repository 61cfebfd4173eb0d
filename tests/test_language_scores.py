"""The language model's part: what is kept and taken up again, who may score whom, and what is said when it fails."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from assets import language_cache, language_scores, params, quantization, tables
from assets.errors import ModelError
from assets.language_scores import REASON
from assets.methods.language import training
from assets.progress import Silent
from assets.score_part import Part
from assets.workspace import Workspace

WORDS = ["small", "green", "apple", "house", "runs", "slowly", "towards", "river", "where", "fish", "sleep", "today"]
TINY = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}


def conversation(number: int, turns: int = 1) -> list[dict[str, str]]:
    draw = np.random.default_rng(number)
    said = [" ".join(draw.choice(WORDS, draw.integers(2, 12))) for _ in range(2 * turns)]
    roles = ["user", "assistant"] * turns
    return [{"role": role, "content": f"{text} {number}"} for role, text in zip(roles, said, strict=True)]


def tokenizer(folder: Path) -> int:
    """Save a byte-level tokenizer made of the texts here; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<end>"],
        show_progress=False,
    )
    made.train_from_iterator([turn["content"] for number in range(50) for turn in conversation(number)], trainer)
    PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>").save_pretrained(folder)
    return int(made.get_vocab_size())


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("models") / "tiny-gpt2"
    torch.manual_seed(0)
    size = tokenizer(folder)
    GPT2LMHeadModel(GPT2Config(vocab_size=size, bos_token_id=0, eos_token_id=0, **TINY)).save_pretrained(folder)
    return folder


def workspace(root: Path, **language_model: Any) -> Workspace:
    root.mkdir(exist_ok=True)
    settings = {"uncertainty_scores": {"language_model": language_model}}
    return Workspace(root, params.parse(json.dumps(settings)))


def scored(space: Workspace, conversations: list[list[dict[str, str]]], asked: list[bool] | None = None) -> Part:
    messages = pa.chunked_array([pa.array(conversations, tables.MESSAGES)])
    mask = np.array([True] * len(conversations) if asked is None else asked)
    return language_scores.part(space, Silent(), messages, mask, "not asked")


def test_only_the_rows_that_are_asked_have_scores_and_the_others_say_why(gpt2: Path, tmp_path: Path) -> None:
    rows = [conversation(number, 1 + number % 2) for number in range(6)]
    part = scored(workspace(tmp_path, model=str(gpt2)), rows, [True, False, True, True, False, True])
    known = [value is not None for value in part.columns["ifd"].to_pylist()]
    assert known == [True, False, True, True, False, True]
    assert part.columns[REASON].to_pylist() == [None, "not asked", None, None, "not asked", None]
    assert len(part.columns["turns"][3].as_py()) == 2
    assert part.facts["family of the language model"] == "causal"
    assert (part.work["rows scored by a language model"], part.work["rows scored before"]) == (4, 0)
    whole = scored(workspace(tmp_path, model=str(gpt2)), rows)
    assert (whole.work["rows scored by a language model"], whole.work["rows scored before"]) == (2, 4)
    afresh = scored(workspace(tmp_path / "afresh", model=str(gpt2)), rows)
    assert {name: column.to_pylist() for name, column in whole.columns.items()} == {
        name: column.to_pylist() for name, column in afresh.columns.items()
    }


def test_equal_conversations_are_scored_once_and_the_order_does_not_show(gpt2: Path, tmp_path: Path) -> None:
    rows = [conversation(number % 5) for number in range(12)]
    part = scored(workspace(tmp_path, model=str(gpt2)), rows)
    assert part.work["rows scored by a language model"] == 5
    losses = part.columns["loss"].to_pylist()
    assert losses[:5] == losses[5:10]
    assert scored(workspace(tmp_path / "b", model=str(gpt2)), rows[::-1]).columns["loss"].to_pylist() == losses[::-1]


def test_another_setting_is_another_score(gpt2: Path, tmp_path: Path) -> None:
    rows = [conversation(number) for number in range(4)]
    scored(workspace(tmp_path, model=str(gpt2)), rows)
    short = scored(workspace(tmp_path, model=str(gpt2), max_tokens=12), rows)
    assert short.work["rows scored before"] == 0
    assert short.metrics["language_cut"] > 0
    assert all(tokens < 12 for tokens in short.columns["response_tokens"].to_pylist())


def test_a_killed_run_goes_on_where_it_was(gpt2: Path, tmp_path: Path) -> None:
    rows = [conversation(number) for number in range(800)]
    script = (
        "import sys, time; from pathlib import Path\n"
        "sys.path.insert(0, 'tests')\n"
        "from assets import language_cache\n"
        "from test_language_scores import conversation, scored, workspace\n"
        "language_cache.SHARD_ROWS = 200\n"
        "take = language_cache._Found.take\n"
        # Slow enough to be caught in the middle, between two batches like any other moment.
        "language_cache._Found.take = lambda self, table: (time.sleep(0.2), take(self, table))[1]\n"
        f"space = workspace(Path({str(tmp_path)!r}), model={str(gpt2)!r})\n"
        "scored(space, [conversation(number) for number in range(800)])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.parquet")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)  # there is nothing to wait for but the file
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = sum(pq.read_metadata(shard).num_rows for shard in tmp_path.rglob("*.parquet"))
    assert 200 <= kept < 800
    part = scored(workspace(tmp_path, model=str(gpt2)), rows)
    assert (part.work["rows scored before"], part.work["rows scored by a language model"]) == (kept, 800 - kept)
    whole = scored(workspace(tmp_path / "whole", model=str(gpt2)), rows)
    assert all(part.columns[name].equals(whole.columns[name]) for name in part.columns)


def test_a_model_trained_here_scores_rows_it_never_saw(tmp_path: Path) -> None:
    rows = [conversation(number) for number in range(120)]
    size = {"tokens": 4000, "vocabulary": 300, "layers": 1, "width": 16, "context": 32}
    space = workspace(tmp_path, model="self", training=size)
    messages = pa.chunked_array([pa.array(rows, tables.MESSAGES)]).to_pylist()
    judges = language_scores.judges(space, Silent(), messages)
    assert sorted(row for judge in judges for row in judge.rows.tolist()) == list(range(120))
    assert judges[0].fingerprint != judges[1].fingerprint
    assert min(len(judge.rows) for judge in judges) > 30
    part = scored(space, rows)
    assert all(value is not None for value in part.columns["ifd"].to_pylist())
    again = scored(space, rows)
    assert again.work["rows scored by a language model"] == 0
    elsewhere = scored(workspace(tmp_path / "elsewhere", model="self", training=size), rows)
    assert elsewhere.facts == part.facts  # the fingerprint among them
    assert elsewhere.columns["ifd"].equals(part.columns["ifd"])


def test_the_model_that_judges_a_row_was_not_trained_on_it(tmp_path: Path) -> None:
    """The halves have other words, so that each model likes those of its own half better: they must not be asked it."""
    draw = np.random.default_rng(0)
    rows: list[list[dict[str, str]]] = []
    while len(rows) < 300:
        text = " ".join(draw.choice(WORDS[len(rows) % 2 :: 2], 12))
        made = [{"role": "user", "content": text[:20]}, {"role": "assistant", "content": text[20:]}]
        if training.fold_of([training.text_of(made)])[0] == len(rows) % 2:
            rows.append(made)
    space = workspace(
        tmp_path, model="self", training={"tokens": 30_000, "vocabulary": 300, "layers": 1, "context": 64}
    )
    judges = language_scores.judges(space, Silent(), rows)
    swapped = [replace(judge, rows=other.rows) for judge, other in zip(judges, judges[::-1], strict=True)]
    settings = space.params.uncertainty_scores.language_model
    unseen, seen = (
        language_cache.score(space, settings, Silent(), rows, asked).table.column("loss").to_numpy()
        for asked in (judges, swapped)
    )
    assert np.all(unseen > seen)


def test_a_pool_that_is_too_small_to_train_on_has_no_scores_and_says_why(tmp_path: Path) -> None:
    part = scored(workspace(tmp_path, model="self"), [conversation(1), conversation(2)])
    assert part.columns["loss"].null_count == 2
    assert all("20 different texts" in reason for reason in part.columns[REASON].to_pylist())


def test_int8_is_compared_with_full_precision(gpt2: Path, tmp_path: Path) -> None:
    rows = [conversation(number) for number in range(300)]
    part = scored(workspace(tmp_path, model=str(gpt2), quantize="int8"), rows)
    correlation = part.metrics[quantization.METRIC]
    assert 0.5 < correlation <= 1
    assert f"{correlation:.3f}" in part.facts["int8"]
    plain = scored(workspace(tmp_path, model=str(gpt2)), rows)
    assert plain.work["rows scored before"] == quantization.SAMPLE_ROWS
    assert quantization.METRIC not in plain.metrics


def without(folder: Path, target: Path, *names: str) -> Path:
    shutil.copytree(folder, target)
    for name in names:
        (target / name).unlink()
    return target


def test_what_cannot_be_loaded_is_named_in_one_line(gpt2: Path, tmp_path: Path) -> None:
    for model, said in (
        ("./nowhere", "there is no folder './nowhere'"),
        ("nobody/no-such-model", "cannot get 'nobody/no-such-model' from the hub"),
        (
            str(without(gpt2, tmp_path / "bare", "tokenizer.json", "tokenizer_config.json")),
            "no tokenizer in its folder",
        ),
        (str(without(gpt2, tmp_path / "weightless", "model.safetensors")), "no *.safetensors"),
    ):
        with pytest.raises(ModelError) as caught:
            scored(workspace(tmp_path / "w", model=model), [conversation(1)])
        assert str(caught.value).startswith("uncertainty_scores.language_model.model: ")
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not list((tmp_path / "w").rglob("*.parquet"))


def test_a_device_that_is_absent_and_int8_on_a_gpu_are_refused(gpt2: Path, tmp_path: Path) -> None:
    for settings, said in (
        ({"device": "cuda:99"}, "uncertainty_scores.language_model.device: 'cuda:99' was asked for"),
        ({"template": "chat"}, "has no chat template"),
    ):
        with pytest.raises(ModelError, match=said):
            scored(workspace(tmp_path, model=str(gpt2), **settings), [conversation(1)])


def test_a_row_longer_than_the_context_is_cut_and_one_whose_prompt_fills_it_says_so(gpt2: Path, tmp_path: Path) -> None:
    long = " ".join(WORDS * 20)
    rows = [
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": long}],
        [{"role": "user", "content": long}, {"role": "assistant", "content": "a"}],
    ]
    part = scored(workspace(tmp_path, model=str(gpt2)), rows)
    assert part.columns["loss"][0].as_py() > 0
    assert part.columns["cut_tokens"][0].as_py() > 0
    assert part.columns["loss"][1].as_py() is None
    assert "64" in part.columns[REASON][1].as_py()


def test_where_no_row_has_a_score_the_report_says_so_loudly(gpt2: Path, tmp_path: Path) -> None:
    part = scored(
        workspace(tmp_path, model=str(gpt2)), [[{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}]]
    )
    assert part.warnings
    assert part.columns["loss"].null_count == 1
