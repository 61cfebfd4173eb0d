"""Words inside sentences, probes that never saw them, models that tag, and WNUT17."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from conftest import shared_data

from assets import models
from assets.errors import DataError, ModelError
from assets.methods.tagging import scoring, words
from assets.methods.tagging.scoring import TagProbe
from assets.methods.tagging.words import ENCODER, TAGGER, WordModel


def made(rows: int) -> tuple[list[list[str]], list[list[str]]]:
    """Sentences whose even words are of a kind, so that a probe can learn it."""
    draw = np.random.default_rng(1)
    numbers = [draw.integers(0, 30, draw.integers(1, 12)).tolist() for _ in range(rows)]
    tags = [["O" if number % 3 else "B-x" for number in each] for each in numbers]
    return [[f"word{number}" for number in each] for each in numbers], tags


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> WordModel:
    return WordModel(tiny_models.save(tmp_path_factory.mktemp("models") / "bert"), ENCODER, max_tokens=64)


def seen(model: WordModel, sentences: list[list[str]]) -> list[np.ndarray]:
    found: list[Any] = [None] * len(sentences)
    for part in model.see(sentences):
        for row, values in zip(part.sentences.tolist(), np.split(part.values, np.cumsum(part.words)[:-1]), strict=True):
            assert found[row] is None
            found[row] = values
    return found


def test_a_word_is_the_mean_of_its_tokens_whatever_its_neighbours(encoder: WordModel) -> None:
    import torch

    sentences, _ = made(30)
    found = seen(encoder, sentences)
    assert [len(each) for each in found] == [len(each) for each in sentences]
    ids = encoder._tokenizer([sentences[3]], is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        states = encoder._model(**ids).last_hidden_state[0].numpy()[1:-1]
    np.testing.assert_allclose(found[3], states / np.linalg.norm(states, axis=1, keepdims=True), atol=1e-5)
    alone = seen(encoder, sentences[3:5])
    np.testing.assert_array_equal(alone[0], found[3])


def test_what_the_model_does_not_see_is_cut_and_counted(tmp_path: Path) -> None:
    short = WordModel(tiny_models.save(tmp_path / "bert", positions=8), ENCODER, max_tokens=64)
    sentences = [["word1"] * 20, ["word2"], [], *([f"word{number}", "word4"] for number in range(10))]
    assert [len(each) for each in seen(short, sentences)] == [6, 1, 0, *[2] * 10]
    tags = [["O", "B-x"] * 10, ["O"], [], *[["O", "B-x"]] * 10]
    found = scoring.by_probe(short, sentences, tags, TagProbe(folds=2), 3)
    assert found.cut.tolist() == [14, *[0] * 12]
    assert found.reasons == [None, None, scoring.NO_WORDS, *[None] * 10]
    assert np.isnan(found.entropy.mean[2])


def test_the_probe_learns_and_is_the_same_for_any_order(encoder: WordModel) -> None:
    sentences, tags = made(120)
    found = scoring.by_probe(encoder, sentences, tags, TagProbe(folds=3, regularization=1000.0), 2)
    assert found.accuracy is not None
    assert found.accuracy > 0.9
    assert found.inside_f1 is not None
    assert 0 < found.inside_f1 <= 1
    back = scoring.by_probe(encoder, sentences, tags, TagProbe(folds=3, regularization=1000.0), 2)
    np.testing.assert_array_equal(found.entropy.mean, back.entropy.mean)
    assert np.all(found.entropy.highest >= found.entropy.mean)
    assert np.all(found.entropy.top >= found.entropy.highest)


def test_no_probe_scores_a_sentence_that_it_was_trained_on(encoder: WordModel) -> None:
    """The tag of one sentence is changed: its own scores stay, for they come of probes that never saw it."""
    sentences, tags = made(60)
    before = scoring.by_probe(encoder, sentences, tags, TagProbe(folds=3), 2)
    longest = max(range(60), key=lambda row: len(sentences[row]))
    changed = [list(each) for each in tags]
    changed[longest] = ["B-x" if tag == "O" else "O" for tag in changed[longest]]
    after = scoring.by_probe(encoder, sentences, changed, TagProbe(folds=3), 2)
    assert after.entropy.mean[longest] == before.entropy.mean[longest]
    assert not np.array_equal(after.entropy.mean, before.entropy.mean)


def test_training_words_are_limited_and_all_sentences_scored(encoder: WordModel) -> None:
    sentences, tags = made(80)
    found = scoring.by_probe(encoder, sentences, tags, TagProbe(folds=2, words=100), 2)
    assert found.reasons == [None] * 80
    assert "of 80 sentences" in found.notes[0]


def test_a_model_that_tags(tmp_path: Path, encoder: WordModel) -> None:
    import torch
    import transformers as t

    folder = tiny_models.save(tmp_path / "tagger")
    config = t.AutoConfig.from_pretrained(folder)
    config.id2label, config.label2id = {0: "O", 1: "B-x"}, {"O": 0, "B-x": 1}
    torch.manual_seed(0)
    t.BertForTokenClassification(config).save_pretrained(folder)
    model = WordModel(folder, TAGGER, max_tokens=64)
    sentences, tags = made(20)
    found = scoring.by_model(model, sentences, [*tags[:-1], ["I-y"] * len(tags[-1])], 2)
    logits = seen(model, sentences)[4].astype(np.float64)
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found.entropy.mean[4], -(likely * np.log2(likely)).sum(1).mean(), atol=1e-6)
    assert found.notes == ("the model knows 2 tags, but not 1 of those of the pool",)
    with pytest.raises(ModelError, match="has no weights for"):
        WordModel(tiny_models.save(tmp_path / "plain"), TAGGER, max_tokens=64)


def test_one_tag_has_nothing_to_tell_apart_and_uneven_tags_are_refused(encoder: WordModel) -> None:
    found = scoring.by_probe(encoder, [["word1"], ["word2"]], [["O"], ["O"]], TagProbe(), 3)
    assert found.reasons == [scoring.ONE_TAG] * 2
    with pytest.raises(DataError, match="sentence 0 has 1 words and 2 tags"):
        scoring.by_probe(encoder, [["word1"]], [["O", "O"]], TagProbe(), 3)


def test_wnut17_sentences_that_are_unsure_hold_the_entities() -> None:
    lines = gzip.decompress(shared_data("ner/wnut17_train.conll.gz").read_bytes()).decode().split("\n")
    sentences: list[list[str]] = [[]]
    tags: list[list[str]] = [[]]
    for line in lines:
        word, _, tag = line.partition("\t")
        if word.strip():
            sentences[-1].append(word)
            tags[-1].append(tag)
        elif sentences[-1]:
            sentences.append([])
            tags.append([])
        if len(sentences) > 300:
            break
    model = WordModel(models.locate(models.BUNDLED).folder, words.ENCODER, max_tokens=256)
    found = scoring.by_probe(model, sentences[:300], tags[:300], TagProbe(), 3)
    inside = np.array([sum(tag != "O" for tag in each) for each in tags[:300]])
    size = np.array([len(each) for each in sentences[:300]])
    for entropy in (found.entropy.mean, found.entropy.highest, found.entropy.top):
        order = np.argsort(-entropy)
        top, bottom = order[:30], order[-30:]
        assert inside[top].sum() / size[top].sum() > 3 * inside[bottom].sum() / size[bottom].sum()
