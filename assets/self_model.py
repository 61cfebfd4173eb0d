"""`model: self`: two small causal models, each trained on one half of the pool, kept until the pool changes.

A row is scored by the model of the other half, which never saw it. How a model is trained is
`methods/language/training.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets import models
from assets.code import package_versions
from assets.keyed_shards import text_keys
from assets.progress import Progress
from assets.workspace import Workspace

KEPT = 2  # trained models of other pools or settings; each takes some 10 MB


@dataclass(frozen=True)
class Trained:
    """Two models, and (n,) the fold of each row: the row was in the training set of the model of that number."""

    models: tuple[models.LocatedModel, models.LocatedModel]
    fold: npt.NDArray[np.int64]


def trained(workspace: Workspace, progress: Progress, conversations: Sequence[Sequence[Mapping[str, str]]]) -> Trained:
    """The models of this pool, trained now if there are none. Raises `DataError` for a pool of too few rows.

    A kill leaves none or both.
    """
    from assets.methods.language import training

    settings = workspace.params.uncertainty_scores.language_model.training
    texts = [training.text_of(turns) for turns in conversations]
    fold = training.fold_of(texts)
    packages = [f"{name}=={package_versions()[name]}" for name in ("tokenizers", "torch", "transformers")]
    parts = (training.RECIPE, settings.model_dump_json(), str(workspace.params.seed), *packages)
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=16)
    digest.update(text_keys(texts).tobytes())
    kept = workspace.home / "self_models"
    folder = kept / digest.hexdigest()
    if not folder.is_dir():
        _train(folder, texts, fold, workspace, progress)
    folder.touch()
    newest = sorted(kept.glob("[0-9a-f]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    first, second = (models.locate(str(folder / str(number))) for number in (0, 1))
    return Trained((first, second), fold)


def _train(
    folder: Path, texts: list[str], fold: npt.NDArray[np.int64], workspace: Workspace, progress: Progress
) -> None:
    from assets.methods import loading
    from assets.methods.language import training

    settings = workspace.params.uncertainty_scores.language_model.training
    wanted = training.Settings(
        tokens=settings.tokens,
        vocabulary=settings.vocabulary,
        layers=settings.layers,
        width=settings.width,
        context=settings.context,
    )
    with progress.task("training small language models", 2 * settings.tokens, "tokens") as advance, loading.quiet():
        tokenizer, made = training.train(texts, fold, wanted, workspace.params.seed, advance)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for unfinished in folder.parent.glob(".*.new"):
        shutil.rmtree(unfinished, ignore_errors=True)
    temporary = folder.parent / f".{uuid.uuid4().hex}.new"
    with loading.quiet():
        for number, model in enumerate(made):
            model.save_pretrained(temporary / str(number))
            tokenizer.save_pretrained(temporary / str(number))
    os.replace(temporary, folder)
