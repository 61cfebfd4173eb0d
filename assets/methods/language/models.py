"""Loading a language model with its head, and which of the three families it is of.

Causal models predict the next token, masked ones a token in the midst of others, sequence-to-sequence ones a target
from a source. Where a model lies, and which one it is, belongs to `assets/models.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.errors import ModelError
from assets.methods import loading

CAUSAL, MASKED, SEQ2SEQ = "causal", "masked", "seq2seq"
_AUTO_CLASSES = {CAUSAL: "AutoModelForCausalLM", MASKED: "AutoModelForMaskedLM", SEQ2SEQ: "AutoModelForSeq2SeqLM"}


@dataclass(frozen=True)
class LanguageModel:
    """A model in evaluation mode on its device, and its tokenizer.

    `max_tokens`: where sequences are cut: what was asked for, or the model's own limit where that is smaller.
    `chat`: conversations are shown through the tokenizer's chat template; else their contents are joined by line ends.
    """

    family: str
    tokenizer: Any
    model: Any
    device: str
    dtype: str
    max_tokens: int
    chat: bool
    pad: int  # what sequences are filled up with


def load(
    folder: Path,
    *,
    max_tokens: int,
    device: str,
    dtype: str = "auto",
    template: str = "auto",
    prepare: Callable[[Any], Any] | None = None,
) -> LanguageModel:
    """The model in `folder` (safetensors, no code of its own) on `device` (`cpu`, `cuda` or `cuda:N`).

    `dtype`: float32, bfloat16 or float16; `auto` is float32, on a GPU bfloat16 where the weights are and it can.
    `template`: `chat` or `plain`; `auto` is `chat` where the tokenizer has a template. `prepare` is given the loaded
    model and returns the one to use. Raises `ModelError` in one line.
    """
    family = family_of(folder)
    chosen = _dtype(folder, device) if dtype == "auto" else dtype
    tokenizer, model = loading.load(folder, _AUTO_CLASSES[family], chosen, whole=True)
    _check(folder, family, tokenizer, model)
    has_template = bool(getattr(tokenizer, "chat_template", None))
    if template == "chat" and not has_template:
        raise ModelError(f"{folder.name}: its tokenizer has no chat template; set template: plain")
    limit = loading.position_limit(model, tokenizer)
    pad = loading.padding_id(model, tokenizer)
    model = _fused(prepare(model) if prepare else model).to(device).eval()
    chat = has_template and template != "plain"
    return LanguageModel(family, tokenizer, model, device, chosen, min(max_tokens, limit), chat, pad)


def family_of(folder: Path) -> str:
    """`causal`, `masked` or `seq2seq`, by the configuration in `folder` and transformers' own lists of models.

    Raises `ModelError` where the configuration cannot be read or is none of the three.
    """
    from transformers.models.auto import modeling_auto as auto

    config = _config(folder)
    names = {
        SEQ2SEQ: auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        MASKED: auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        CAUSAL: auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    }
    # Many a type is in several lists (BERT can be a decoder): what the weights were saved as decides first. The last
    # list is looked at first: `BartForConditionalGeneration` is in two.
    for family, classes in names.items():
        heads = {classes.get(config.model_type)} - {None}
        if heads & set(config.architectures or ()) and (family == SEQ2SEQ) == bool(config.is_encoder_decoder):
            return family
    if config.is_encoder_decoder:
        if config.model_type in names[SEQ2SEQ]:
            return SEQ2SEQ
    elif config.model_type in names[MASKED] and not getattr(config, "is_decoder", False):
        return MASKED
    elif config.model_type in names[CAUSAL]:
        return CAUSAL
    raise ModelError(
        f"{folder.name}: a model of the type {config.model_type} is neither causal, masked nor sequence-to-sequence"
    )


def _fused(model: Any) -> Any:
    """The model with torch's own kernel for the GELU that GPT-2 and its kin compute in eight steps (same formula)."""
    import torch
    from transformers.activations import NewGELUActivation

    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is NewGELUActivation:
                setattr(module, name, torch.nn.GELU(approximate="tanh"))
    return model


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder.name}: transformers cannot read its config.json: {said}") from None


def _dtype(folder: Path, device: str) -> str:
    if device == "cpu":
        return "float32"
    import torch

    saved = str(getattr(_config(folder), "dtype", None)).removeprefix("torch.")
    return "bfloat16" if saved == "bfloat16" and torch.cuda.is_bf16_supported() else "float32"


def _check(folder: Path, family: str, tokenizer: Any, model: Any) -> None:
    """Refuse what no score could be made with."""
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder.name}: its tokenizer ({type(tokenizer).__name__}) does not say where its tokens lie in a text; "
            "a fast tokenizer (tokenizer.json) is needed"
        )
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ModelError(
            f"{folder.name}: its tokenizer knows {len(tokenizer):,} tokens and the model only {rows:,}; "
            "they do not belong together"
        )
    if family == MASKED and tokenizer.mask_token_id is None:
        raise ModelError(f"{folder.name}: its tokenizer has no mask token, which a masked model is asked with")
    if family == SEQ2SEQ and model.config.decoder_start_token_id is None:
        raise ModelError(f"{folder.name}: its configuration has no decoder_start_token_id, which every target follows")
