"""Loading models and tokenizers from a folder through transformers' Auto classes: safetensors only, none of their code.

Where a model lies, and which one it is, belongs to `assets/models.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assets.errors import ModelError

# What holds a vocabulary; models that read bytes have a configuration of their tokenizer alone.
_VOCABULARY = ("tokenizer.json", "vocab.*", "merges.txt", "*.model", "*.tiktoken", "tokenizer_config.json")


def load(folder: Path, auto_class: str, dtype: str = "float32", whole: bool = False) -> tuple[Any, Any]:
    """The tokenizer and the model (on the CPU, in evaluation mode) that lie in `folder`.

    `auto_class`: the name of one of transformers' Auto classes, such as `AutoModelForCausalLM`. `whole`: refuse a model
    that lacks some of the weights of that class; transformers would make them up at random, with a warning only.
    Raises `ModelError` in one line.
    """
    if not any(path for pattern in _VOCABULARY for path in folder.glob(pattern)):
        # transformers would make up an empty one for some models.
        raise ModelError(f"{folder.name}: no tokenizer in its folder, such as tokenizer.json; save it beside the model")
    import torch
    import transformers
    from safetensors import SafetensorError

    broken = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError)
    offline = {"local_files_only": True, "trust_remote_code": False}
    with quiet():
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **offline)
        except broken as error:
            raise ModelError(f"{folder.name}: transformers cannot load its tokenizer: {_one_line(error)}") from None
        try:
            model, info = getattr(transformers, auto_class).from_pretrained(
                folder, **offline, use_safetensors=True, dtype=getattr(torch, dtype), output_loading_info=True
            )
        except broken as error:
            raise ModelError(f"{folder.name}: transformers cannot load it: {_one_line(error)}") from None
    if whole and info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"{folder.name}: it has no weights for {missing[0]}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, "
            f"so it is no {auto_class.removeprefix('AutoModelFor')} model"
        )
    return tokenizer, model.eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, transformers draws no bars of its own and says nothing but errors."""
    import transformers

    logging: Any = transformers.utils.logging
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def padding_id(model: Any, tokenizer: Any) -> int:
    """A token to fill up with. It is masked, so that any of the vocabulary would do."""
    pad = tokenizer.pad_token_id
    pad = model.config.get_text_config().pad_token_id if pad is None else pad
    return 0 if pad is None else int(pad)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def position_limit(model: Any, tokenizer: Any) -> int:
    """The longest input the model takes, in tokens."""
    limits = [tokenizer.model_max_length]  # a huge number where the tokenizer does not say
    limits.append(getattr(model.config.get_text_config(), "max_position_embeddings", None) or limits[0])
    for name, module in model.named_modules():
        # RoBERTa and its kin count positions from the padding id, so the table's first rows are never used.
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            limits.append(module.num_embeddings - module.padding_idx - 1)
    return int(min(limits))
