"""Encoding: equal to the plain way of doing it, the same bits in any company, and nothing fails in silence."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st

from assets import models
from assets.errors import ModelError
from assets.methods.encoding import Encoder, pooling_of
from assets.methods.passes import CPU_PASS_TOKENS, padded_length


def texts_of(count: int, longest: int = 90, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(tiny_models.WORDS, k=draw.randint(1, longest))) for _ in range(count)]


def encode(encoder: Encoder, texts: list[str], batch_tokens: int = 4096) -> np.ndarray:
    """All vectors, in the order of the texts; every text must come exactly once."""
    vectors = np.full((len(texts), encoder.dimensions), np.inf, np.float32)
    seen = np.zeros(len(texts), int)
    for batch in encoder.encode(texts, batch_tokens):
        vectors[batch.indices] = batch.vectors
        seen[batch.indices] += 1
    assert (seen == 1).all()
    return vectors


def one_by_one(folder: Path, texts: list[str], max_tokens: int, cls: bool = False) -> np.ndarray:
    """The reference: transformers alone, one text at a time, no padding at all."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder).eval()
    model = model.get_encoder() if model.config.is_encoder_decoder else model
    rows = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, max_length=max_tokens, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            hidden = model(**inputs).last_hidden_state[0]
        pooled = hidden[0] if cls else hidden.mean(0)
        rows.append((pooled / pooled.norm()).numpy())
    return np.stack(rows)


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    return Encoder(models.locate(models.BUNDLED).folder, max_tokens=256)


@pytest.fixture(scope="module", params=tiny_models.ARCHITECTURES)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save(tmp_path_factory.mktemp(request.param) / "model", request.param)


def test_any_architecture_equals_one_text_at_a_time(tiny: Path) -> None:
    texts = texts_of(60)
    vectors = encode(Encoder(tiny, max_tokens=64), texts)
    np.testing.assert_allclose(vectors, one_by_one(tiny, texts, 64), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_any_architecture_gives_the_same_bits_in_any_company(tiny: Path) -> None:
    encoder = Encoder(tiny, max_tokens=64)
    texts = texts_of(150)
    whole = encode(encoder, texts)
    draw = random.Random(1)
    for count in (1, 2, 7, 31, 149):
        some = draw.sample(range(len(texts)), count)
        again = encode(encoder, [texts[i] for i in some], batch_tokens=draw.choice([256, 1024, 8192]))
        np.testing.assert_array_equal(again, whole[some])


def test_the_bundled_encoder_equals_one_text_at_a_time(bundled: Encoder) -> None:
    texts = ["", "a", "Why is the sky blue?", "天空为什么是蓝色的?", "naïve café " * 40, "x " * 400]
    reference = one_by_one(models.locate(models.BUNDLED).folder, texts, 256)
    np.testing.assert_allclose(encode(bundled, texts), reference, atol=1e-5)


def test_the_bundled_encoder_gives_the_same_bits_in_any_company(bundled: Encoder) -> None:
    # Lengths at and around every edge of the padded lengths, and texts that fill theirs completely.
    texts = [
        " ".join(["sky", "blue", "water"][(i + n) % 3] for i in range(n)) for n in (1, 2, 5, 6, 7, 30, 61, 62, 125)
    ]
    texts += [" ".join(["tree"] * 254), " ".join(["tree"] * 240), " ".join(["stone"] * 300)]
    whole = encode(bundled, texts)
    draw = random.Random(2)
    for count in (1, 5, 11):
        some = draw.sample(range(len(texts)), count)
        company = [f"stone {i}" for i in range(draw.randint(0, 20))]
        again = encode(bundled, [texts[i] for i in some] + company)
        np.testing.assert_array_equal(again[:count], whole[some])


def test_threads_do_not_change_a_bit(bundled: Encoder) -> None:
    import torch

    texts = [f"Name {n} rivers of {place}." for n in range(4) for place in ("Peru", "Mali", "northern Italy")]
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(encode(bundled, texts))
            assert torch.get_num_threads() == threads, "the caller's setting is put back"
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_tokens_are_counted_before_the_cut_and_the_model_s_own_limit_holds(tmp_path: Path) -> None:
    for architecture in ("bert", "roberta"):
        encoder = Encoder(tiny_models.save(tmp_path / architecture, architecture, positions=40), max_tokens=256)
        assert encoder.max_tokens == 40
        texts = [" ".join(["word1"] * n) for n in (37, 38, 39, 500)]
        tokens, cut = np.zeros(4, int), np.zeros(4, bool)
        for batch in encoder.encode(texts, 1024):
            tokens[batch.indices], cut[batch.indices] = batch.tokens, batch.cut
            assert not batch.failures
        assert tokens.tolist() == [39, 40, 41, 502]
        assert cut.tolist() == [False, False, True, True]


def test_a_model_without_a_padding_token_can_be_used(tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "m", "gpt2", pad=False)
    texts = texts_of(20)
    np.testing.assert_allclose(encode(Encoder(folder, max_tokens=64), texts), one_by_one(folder, texts, 64), atol=1e-5)


def test_longest_texts_come_first(tmp_path: Path) -> None:
    encoder = Encoder(tiny_models.save(tmp_path / "m"), max_tokens=64)
    longest = [int(batch.tokens.max()) for batch in encoder.encode(texts_of(300), 1024)]
    assert [padded_length(min(n, 64)) for n in longest] == sorted(
        (padded_length(min(n, 64)) for n in longest), reverse=True
    )


def test_no_texts_no_batches(tmp_path: Path) -> None:
    assert list(Encoder(tiny_models.save(tmp_path / "m"), max_tokens=64).encode([], 1024)) == []


def test_a_text_without_tokens_fails_with_a_reason(tmp_path: Path) -> None:
    encoder = Encoder(tiny_models.save(tmp_path / "m", "gpt2"), max_tokens=64)
    failures: dict[int, str] = {}
    for batch in encoder.encode(["word1", "", "word2"], 1024):
        failures.update(batch.failures)
        assert np.isnan(batch.vectors[[int(i) in batch.failures for i in batch.indices]]).all()
    assert failures == {1: "the tokenizer makes no token of it"}


@pytest.mark.parametrize(("weight", "reason"), [(float("nan"), "its vector is not finite"), (0.0, "a vector of zeros")])
def test_a_broken_vector_fails_with_a_reason(tmp_path: Path, weight: float, reason: str) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = tiny_models.save(tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    last = "encoder.layer.1.output.LayerNorm"
    save_file(weights | {f"{last}.{part}": torch.full((32,), weight) for part in ("weight", "bias")},
              folder / "model.safetensors", {"format": "pt"})  # fmt: skip
    for batch in Encoder(folder, max_tokens=64).encode(["word1", "word2 word3"], 1024):
        assert np.isnan(batch.vectors).all()
        assert set(batch.failures) == set(batch.indices.tolist())
        assert all(reason in said for said in batch.failures.values())


def test_the_pooling_the_model_asks_for_is_used(tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "m")
    assert pooling_of(folder) == "mean"
    (folder / "1_Pooling").mkdir()
    settings = folder / "1_Pooling" / "config.json"
    settings.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    texts = texts_of(10)
    np.testing.assert_allclose(
        encode(Encoder(folder, max_tokens=64), texts), one_by_one(folder, texts, 64, True), atol=1e-5
    )
    settings.write_text(json.dumps({"pooling_mode": "max"}))
    with pytest.raises(ModelError, match="pools by max; supported are mean and cls"):
        Encoder(folder, max_tokens=64)


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match=r"^m: transformers cannot load it") as caught:
        Encoder(folder, max_tokens=64)
    assert "\n" not in str(caught.value)


@given(st.integers(1, 9000))
def test_padded_lengths_hold_the_text_and_waste_little(tokens: int) -> None:
    length = padded_length(tokens)
    assert tokens <= length <= max(tokens + 7, tokens * 1.125)
    assert padded_length(length) == length
    assert CPU_PASS_TOKENS // 32 > 1
