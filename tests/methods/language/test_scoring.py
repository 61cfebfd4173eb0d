"""Scores of conversations: equal to one row at a time, the same bits in any company, and null with a reason."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiny_models
from references import Conversation, Reference, asked

from assets import score_columns
from assets.methods.language.models import LanguageModel, load
from assets.methods.language.scores import SCHEMA, columns_of
from assets.methods.language.scoring import score

SENTENCES = tiny_models.SENTENCES
COLUMNS = tuple(score_columns.LANGUAGE)
AUTO = {
    "gpt2": "AutoModelForCausalLM",
    "llama": "AutoModelForCausalLM",
    "gemma2": "AutoModelForCausalLM",
    "bert": "AutoModelForMaskedLM",
    "roberta": "AutoModelForMaskedLM",
    "t5": "AutoModelForSeq2SeqLM",
    "bart": "AutoModelForSeq2SeqLM",
}
CONVERSATIONS: list[Conversation] = [
    asked(SENTENCES[0], SENTENCES[1]),
    asked("Name a colour.", " Red, green\n and   blue "),
    asked("Name a colour.", "Red", "And another?", "Green, of course: it is called so.", "Why?", SENTENCES[1]),
    asked("Write code.", SENTENCES[3], system="Answer in code only."),
    asked("¿Qué es 山の水? 🙂", "Água, 水, and 🙂🙂 naïve."),
    asked("Say it: the sea.", "The sea.", "Again: the sea.", "the sea. Again: the sea."),
]


def rows_of(model: LanguageModel, conversations: list[Conversation], batch_tokens: int = 4096) -> list[dict[str, Any]]:
    return table_of(model, conversations, batch_tokens).to_pylist()


def table_of(model: LanguageModel, conversations: list[Conversation], batch_tokens: int = 4096) -> pa.Table:
    """All rows in the order of the conversations; each must come exactly once."""
    places, tables = [], []
    for positions, table in score(model, conversations, batch_tokens):
        assert table.schema == SCHEMA
        assert len(positions) == table.num_rows
        places.append(positions)
        tables.append(table)
    order = np.concatenate(places)
    assert sorted(order.tolist()) == list(range(len(conversations)))
    return pa.concat_tables(tables).take(pa.array(np.argsort(order))).combine_chunks()


def check(found: dict[str, Any], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        if name in found:
            assert found[name] == pytest.approx(value, rel=2e-5, abs=2e-6), name


def random_conversations(count: int, seed: int = 0) -> list[Conversation]:
    draw = random.Random(seed)
    words = " ".join(SENTENCES).split()
    made = []
    for _ in range(count):
        parts = [" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(2 * draw.randint(1, 2))]
        made.append(asked(*parts))
    return made


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny models gain nothing from threads, and lose much where others use the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    made = {name: tiny_models.save_language_model(root / name, name, positions=256) for name in AUTO}
    for side in ("left", "right"):
        made[f"chat {side}"] = tiny_models.save_language_model(
            root / f"chat-{side}", "llama", 256, tiny_models.CHAT_TEMPLATE, side, pad=side == "left"
        )
    return made


@pytest.fixture(scope="module")
def gpt2(folders: dict[str, Path]) -> LanguageModel:
    return load(folders["gpt2"], max_tokens=256, device="cpu")


# -- equal to one row at a time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_causal_scores_equal_one_row_at_a_time(folders: dict[str, Path], name: str) -> None:
    reference = Reference(folders[name], AUTO[name])
    found = rows_of(load(folders[name], max_tokens=256, device="cpu"), CONVERSATIONS)
    for row, conversation in zip(found, CONVERSATIONS, strict=True):
        expected, turns = reference.causal(conversation)
        check(row, expected)
        assert row["reason"] is None
        assert len(row["turns"]) == len(turns)
        for turn, wanted in zip(row["turns"], turns, strict=True):
            assert conversation[turn["turn"]]["role"] == "assistant"
            check(turn, wanted)
        assert row["pseudo_perplexity"] is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_chat_template_counts_response_tokens_only(folders: dict[str, Path], side: str) -> None:
    reference = Reference(folders[f"chat {side}"], AUTO["llama"], chat=True)
    model = load(folders[f"chat {side}"], max_tokens=256, device="cpu")
    assert model.chat
    for row, conversation in zip(rows_of(model, CONVERSATIONS), CONVERSATIONS, strict=True):
        expected, turns = reference.causal(conversation)
        check(row, expected)
        for turn, wanted in zip(row["turns"], turns, strict=True):
            check(turn, wanted)
    plain = load(folders[f"chat {side}"], max_tokens=256, device="cpu", template="plain")
    assert rows_of(plain, CONVERSATIONS[:1])[0]["loss"] != rows_of(model, CONVERSATIONS[:1])[0]["loss"]


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_pseudo_perplexity_equals_one_masked_token_at_a_time(folders: dict[str, Path], name: str) -> None:
    conversations = [*CONVERSATIONS[:3], [{"role": "user", "content": "the river runs"}]]
    reference = Reference(folders[name], AUTO[name], max_tokens=60)
    found = rows_of(load(folders[name], max_tokens=60, device="cpu"), conversations)
    for row, conversation in zip(found, conversations, strict=True):
        expected, turns = reference.masked(conversation)
        assert row["pseudo_perplexity"] == pytest.approx(expected, rel=1e-4)
        assert [turn["pseudo_perplexity"] for turn in row["turns"]] == pytest.approx(turns, rel=1e-4)
        assert row["loss"] is row["perplexity"] is row["ifd"] is row["token_entropy"] is row["reason"] is None
    assert found[0]["cut"] == 0 < found[2]["cut"] + found[1]["cut"] + 1


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_sequence_to_sequence_equals_one_target_at_a_time(folders: dict[str, Path], name: str) -> None:
    reference = Reference(folders[name], AUTO[name], max_tokens=24)
    found = rows_of(load(folders[name], max_tokens=24, device="cpu"), CONVERSATIONS)
    for row, conversation in zip(found, CONVERSATIONS, strict=True):
        expected, turns = reference.seq2seq(conversation)
        check(row, {name: expected[name] for name in ("loss", "perplexity", "token_entropy", "tokens")})
        for turn, wanted in zip(row["turns"], turns, strict=True):
            check(turn, wanted)
        assert row["ifd"] is row["loss_without_instruction"] is row["reason"] is None
    assert found[1]["cut"] == 0 < found[0]["cut"]


def test_rows_longer_than_the_context_are_cut_and_counted(folders: dict[str, Path]) -> None:
    reference = Reference(folders["gpt2"], AUTO["gpt2"], max_tokens=48)
    found = rows_of(load(folders["gpt2"], max_tokens=48, device="cpu"), CONVERSATIONS)
    cuts = 0
    for row, conversation in zip(found, CONVERSATIONS, strict=True):
        expected, turns = reference.causal(conversation)
        check(row, expected)
        for turn, wanted in zip(row["turns"], turns, strict=True):
            check(turn, wanted)
        cuts += row["cut"] > 0
    assert cuts >= 2, "or this test shows nothing"


def test_ifd_is_no_ratio_of_losses(gpt2: LanguageModel) -> None:
    rows = rows_of(gpt2, random_conversations(60))
    ifd, loss, alone = (np.array([row[name] for row in rows]) for name in ("ifd", "loss", "loss_without_instruction"))
    np.testing.assert_allclose(ifd, np.exp(loss - alone), rtol=1e-12)
    assert np.abs(ifd - loss / alone).max() > 0.01
    assert (np.argsort(ifd) != np.argsort(loss / alone)).any()


def test_a_row_is_the_mean_over_tokens_not_over_turns(gpt2: LanguageModel) -> None:
    row = rows_of(gpt2, [CONVERSATIONS[2]])[0]
    turns = [(turn["tokens"], turn["loss"]) for turn in row["turns"]]
    assert row["loss"] == pytest.approx(sum(n * loss for n, loss in turns) / sum(n for n, _ in turns))
    assert row["loss"] != pytest.approx(np.mean([loss for _, loss in turns]))
    assert row["tokens"] == sum(n for n, _ in turns)


# -- the same bits in any company ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gpt2", "gemma2", "bert", "t5", "bart", "chat left"])
def test_company_and_threads_do_not_change_a_bit(folders: dict[str, Path], name: str) -> None:
    import torch

    model = load(folders[name], max_tokens=64, device="cpu")
    conversations = random_conversations(12 if name == "bert" else 60)
    whole = table_of(model, conversations)
    draw = random.Random(1)
    before = torch.get_num_threads()
    try:
        for count, threads in ((1, 1), (2, 2), (7, 1), (len(conversations), 1), (len(conversations) - 1, 2)):
            torch.set_num_threads(threads)
            some = draw.sample(range(len(conversations)), count)
            again = table_of(model, [conversations[i] for i in some], batch_tokens=draw.choice([256, 8192]))
            assert again.equals(whole.take(pa.array(some)))
            assert torch.get_num_threads() == threads, "the caller's setting is put back"
    finally:
        torch.set_num_threads(before)


def test_the_model_is_left_as_it_was(gpt2: LanguageModel) -> None:
    import torch

    ids = torch.arange(10)[None]
    before = gpt2.model(input_ids=ids).logits
    parts = score(gpt2, random_conversations(500), 4096)
    next(parts)
    parts.close()
    assert torch.equal(gpt2.model(input_ids=ids).logits, before)
    assert not gpt2.model.get_output_embeddings()._forward_pre_hooks


def test_rows_come_soon_and_the_longest_first(gpt2: LanguageModel) -> None:
    conversations = random_conversations(600)
    lengths = np.array([sum(len(turn["content"]) for turn in one) for one in conversations])
    parts = [positions for positions, _ in score(gpt2, conversations, 4096)]
    assert len(parts) >= 2
    means = [lengths[positions].mean() for positions in parts]
    assert means == sorted(means, reverse=True)


def test_rows_that_are_the_same_have_the_same_scores(gpt2: LanguageModel) -> None:
    rows = rows_of(gpt2, [CONVERSATIONS[0], CONVERSATIONS[2], CONVERSATIONS[0]])
    assert rows[0] == rows[2] != rows[1]


# -- null with a reason ----------------------------------------------------------------------------------------------


REASONS = [
    ([{"role": "user", "content": SENTENCES[0]}], "there is no instruction", ("loss_without_instruction", "ifd")),
    ([{"role": "assistant", "content": SENTENCES[0]}], "there is no instruction", ("loss_without_instruction", "ifd")),
    (asked("the", "e"), "the response alone is a single token", ("loss_without_instruction", "ifd")),
    (asked("the river", ""), "the response is empty", COLUMNS),
    ([{"role": "user", "content": ""}], "the response is empty", COLUMNS),
    ([{"role": "user", "content": "e"}], "a single token, with nothing before it", COLUMNS),
    (asked("river " * 90, "the sea"), "lie behind the first 64 tokens", COLUMNS),
]


@pytest.mark.parametrize(("conversation", "reason", "null"), REASONS)
def test_what_cannot_be_scored_is_null_with_a_reason(
    folders: dict[str, Path], conversation: Conversation, reason: str, null: tuple[str, ...]
) -> None:
    model = load(folders["gpt2"], max_tokens=64, device="cpu")
    row = rows_of(model, [CONVERSATIONS[0], conversation])[1]
    assert reason in row["reason"]
    for name in columns_of("causal"):
        assert (row[name] is None) == (name in null), name
    if null != COLUMNS:
        assert row["reason"].startswith("loss_without_instruction, ifd: ")


def test_an_empty_answer_among_others_costs_only_itself(gpt2: LanguageModel) -> None:
    row = rows_of(gpt2, [asked("the river", "", "again", "the sea is blue")])[0]
    assert row["reason"] is None
    assert row["turns"][0]["loss"] is None
    assert row["turns"][0]["tokens"] == 0
    assert row["loss"] == row["turns"][1]["loss"]


def test_a_script_that_the_tokenizer_does_not_know_is_null(tmp_path: Path) -> None:
    for name in ("gpt2", "bert", "t5"):
        folder = tiny_models.save_language_model(tmp_path / name, name, words=True)
        row, fine = rows_of(
            load(folder, max_tokens=64, device="cpu"),
            [asked("word1 word2", "水 山 川 word3"), asked("山 川", "word4 word5 word6 山")],
        )
        assert row["reason"] == "3 of 4 tokens of a response (75%) are unknown to the model's tokenizer"
        assert all(row[column] is None for column in COLUMNS)
        assert fine["reason"] is None


@pytest.mark.parametrize("name", ["gpt2", "bert", "t5"])
def test_a_model_whose_answer_is_no_number_is_null(tmp_path: Path, name: str) -> None:
    import torch

    folder = tiny_models.save_language_model(tmp_path / name, name)
    model = load(folder, max_tokens=64, device="cpu")
    with torch.no_grad():
        model.model.get_input_embeddings().weight.fill_(float("nan"))
    row = rows_of(model, CONVERSATIONS[:1])[0]
    assert "not a finite number" in row["reason"]
    assert all(row[column] is None for column in COLUMNS)


def test_a_template_that_refuses_or_rewrites_says_so(folders: dict[str, Path]) -> None:
    model = load(folders["chat left"], max_tokens=64, device="cpu")
    late = [*asked("the river", "the sea"), {"role": "system", "content": "be kind"}]
    refused, fine = rows_of(model, [late, CONVERSATIONS[0]])
    assert refused["reason"] == "the chat template refuses the conversation: a system message must come first"
    assert fine["reason"] is None
    model.tokenizer.chat_template = "{% for m in messages %}{{ m.content | upper }}{% endfor %}"
    assert "does not show message 2 (assistant) as it stands" in rows_of(model, [CONVERSATIONS[0]])[0]["reason"]
    model.tokenizer.chat_template = "{{ raise_exception('no\x1b[31m') }}"
    assert "\\x1b[31m" in rows_of(model, [CONVERSATIONS[0]])[0]["reason"]


def test_sequence_to_sequence_needs_a_source_and_a_target(folders: dict[str, Path]) -> None:
    model = load(folders["t5"], max_tokens=64, device="cpu")
    rows = rows_of(
        model,
        [
            [{"role": "user", "content": "the sea"}],
            [{"role": "assistant", "content": "the sea"}],
            asked("the sea", ""),
            asked("the sea", "blue"),
        ],
    )
    for row, part in zip(rows, ("no assistant's turn", "no source", "empty"), strict=False):
        assert part in row["reason"]
        assert all(row[column] is None for column in COLUMNS)
    assert rows[3]["reason"] is None


def test_no_conversations_no_rows(gpt2: LanguageModel) -> None:
    assert list(score(gpt2, [], 4096)) == []


def test_every_score_of_every_family_says_its_direction() -> None:
    assert (
        set(COLUMNS)
        == set(score_columns.LANGUAGE)
        == {name for family in ("causal", "masked", "seq2seq") for name in columns_of(family)}
    )
    assert all("higher = " in text for text in score_columns.LANGUAGE.values())
