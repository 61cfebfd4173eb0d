"""Loading language models: the family follows from the configuration, and what cannot be used says so in one line."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from assets.errors import ModelError
from assets.methods.language.models import family_of, load

FAMILIES = [
    ({"model_type": "gpt2"}, "causal"),
    ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "causal"),
    ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "masked"),
    ({"model_type": "bert", "architectures": ["BertLMHeadModel"], "is_decoder": True}, "causal"),
    ({"model_type": "bert"}, "masked"),
    ({"model_type": "modernbert"}, "masked"),
    ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "seq2seq"),
    ({"model_type": "bart", "architectures": ["BartForConditionalGeneration"]}, "seq2seq"),
    ({"model_type": "bart"}, "seq2seq"),
    ({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, "causal"),
]


@pytest.mark.parametrize(("config", "family"), FAMILIES)
def test_the_family_follows_from_the_configuration(tmp_path: Path, config: dict[str, Any], family: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert family_of(tmp_path) == family


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot read its config.json"),
        ("{", "cannot read its config.json"),
        ('{"model_type": "no such"}', "cannot read its config.json"),
        ('{"model_type": "vit"}', "vit is neither causal, masked nor sequence-to-sequence"),
    ],
)
def test_a_folder_that_is_no_language_model_says_so(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=reason) as error:
        family_of(tmp_path)
    assert "\n" not in str(error.value)


def test_a_model_without_a_head_is_refused(tmp_path: Path) -> None:
    tiny_models.save(tmp_path / "bert", "bert")
    with pytest.raises(ModelError, match=r"bert: it has no weights for .* so it is no MaskedLM model"):
        load(tmp_path / "bert", max_tokens=64, device="cpu")


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.save_language_model(tmp_path / "gpt2")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match="gpt2: no tokenizer in its folder") as error:
        load(folder, max_tokens=64, device="cpu")
    assert "\n" not in str(error.value)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.save_language_model(tmp_path / "gpt2")
    tiny_models.save_language_model(tmp_path / "small", words=True)
    for file in (tmp_path / "small").glob("*.safetensors"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "config.json").write_text((tmp_path / "small" / "config.json").read_text())
    with pytest.raises(ModelError, match="its tokenizer knows 400 tokens and the model only 305"):
        load(folder, max_tokens=64, device="cpu")


def test_a_tokenizer_that_cannot_place_its_tokens_is_refused(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer

    folder = tiny_models.save_language_model(tmp_path / "byt5", "t5")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    ByT5Tokenizer().save_pretrained(folder)
    with pytest.raises(ModelError, match=r"byt5: its tokenizer \(ByT5Tokenizer\) does not say where its tokens lie"):
        load(folder, max_tokens=64, device="cpu")


def test_a_masked_model_needs_a_mask_token(tmp_path: Path) -> None:
    folder = tiny_models.save_language_model(tmp_path / "bert", "bert")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["mask_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="its tokenizer has no mask token"):
        load(folder, max_tokens=64, device="cpu")


def test_templates_lengths_and_preparation(tmp_path: Path) -> None:
    plain = tiny_models.save_language_model(tmp_path / "plain", positions=64)
    chat = tiny_models.save_language_model(tmp_path / "chat", template=tiny_models.CHAT_TEMPLATE)
    with pytest.raises(ModelError, match="plain: its tokenizer has no chat template; set template: plain"):
        load(plain, max_tokens=64, device="cpu", template="chat")
    assert not load(plain, max_tokens=64, device="cpu").chat
    assert load(chat, max_tokens=64, device="cpu").chat
    assert not load(chat, max_tokens=64, device="cpu", template="plain").chat
    assert load(plain, max_tokens=1000, device="cpu").max_tokens == 64
    assert load(plain, max_tokens=16, device="cpu").max_tokens == 16
    assert load(plain, max_tokens=16, device="cpu").dtype == "float32"
    seen: list[Any] = []
    load(plain, max_tokens=16, device="cpu", prepare=lambda model: seen.append(model) or model)
    assert len(seen) == 1
    assert not seen[0].training
