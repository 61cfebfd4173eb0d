"""What cleaning steps need from outside: the user's lists of words, and the tokenizers of models."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets import models
from assets.cleaning_params import CleanedData
from assets.errors import SettingsError
from assets.methods.cleaning.lengths import WORDS, CountTokens
from assets.methods.cleaning.steps import Step
from assets.methods.cleaning.words import read_words
from assets.methods.conversations import Rows
from assets.tables import escape


def build(settings: CleanedData, root: Path) -> list[Step]:
    """The steps in their order. Raises `SettingsError` for a list that cannot be used, `ModelError` for a model."""
    return settings.build_steps(lambda path: read_words(_lines(path, root)), lambda model: _counter(model, root))


def fingerprint(settings: CleanedData, root: Path) -> str:
    """A hash that changes when a list of words or a tokenizer does. Raises as `build` does."""
    digest = hashlib.blake2b(digest_size=16)
    for entry in settings.steps:
        options: Any = entry.options
        if path := getattr(options, "list", None):
            digest.update("\n".join(_lines(path, root)).encode())
        if (model := getattr(options, "tokenizer", WORDS)) != WORDS:
            digest.update(models.fingerprint(_located(model, root)).encode())
    return digest.hexdigest()


def _lines(written: str, root: Path) -> list[str]:
    path = root / Path(written).expanduser()
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{escape(written)}: not UTF-8 text (byte {error.start}); save the list as UTF-8") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise SettingsError(f"{escape(written)}: the list of words cannot be read: {why}") from None


def _located(model: str, root: Path) -> models.LocatedModel:
    return models.locate(model, setting="cleaned_data.steps: length.tokenizer", root=root)


def _counter(model: str, root: Path) -> CountTokens:
    """Counts the tokens that the model's own tokenizer makes of a text, without special ones."""
    import transformers

    folder = _located(model, root).folder
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)

    def count(texts: pa.StringArray) -> Rows:
        known = [text or "" for text in texts.to_pylist()]
        if not known:
            return np.empty(0, np.int64)
        # Lengths beyond the model's window are what is asked for here, so the tokenizer need not warn of them.
        ids = tokenizer(known, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        return np.array([len(each) for each in ids], dtype=np.int64)

    return count
