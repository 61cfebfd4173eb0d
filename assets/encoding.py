"""Texts as vectors, by the encoder that the settings name, from the cache where it has them.

Both `cleaned_data`, where duplicates in meaning are looked for, and `embeddings` ask here, so that no text is embedded
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets import models, quantization, vectors
from assets.errors import ModelError
from assets.keyed_shards import text_keys
from assets.methods import int8
from assets.methods.encoding import Encoder
from assets.progress import Progress
from assets.workspace import Workspace


@dataclass(frozen=True)
class ChosenEncoder:
    """The encoder of the settings: where it lies, and a hash that changes when a vector of it would."""

    located: models.LocatedModel
    fingerprint: str


def choose(workspace: Workspace) -> ChosenEncoder:
    """Find the encoder that the settings name; raises `ModelError`. Nothing is loaded yet."""
    settings = workspace.params.embeddings
    located = models.locate(settings.model, settings.revision)
    return ChosenEncoder(located, models.fingerprint(located))


def embed(
    workspace: Workspace,
    progress: Progress,
    encoder: ChosenEncoder,
    texts: Sequence[str],
    title: str = "embedding",
    full_precision: bool = False,
) -> vectors.Embedded:
    """The vectors of `texts`; what is new is computed and kept. Raises `ModelError`.

    `full_precision`: whatever the settings say of quantisation.
    """
    settings = workspace.params.embeddings
    device = vectors.resolve_device(settings.device)
    quantized = settings.quantize == "int8" and not full_precision
    if quantized and device != "cpu":
        raise ModelError("embeddings.quantize: int8 is for the CPU; set device: cpu, or quantize: none")
    recipe = vectors.recipe(encoder.fingerprint, settings.max_tokens, device, "int8" if quantized else "none")
    cache = vectors.VectorCache(workspace.vectors, recipe)
    with progress.task(title, len(texts)) as advance:
        return vectors.embed(
            texts,
            cache,
            lambda: Encoder(
                encoder.located.folder,
                max_tokens=settings.max_tokens,
                device=device,
                prepare=int8.quantize if quantized else None,
            ),
            settings.batch_tokens,
            advance,
        )


def rank_correlation(
    workspace: Workspace,
    progress: Progress,
    encoder: ChosenEncoder,
    texts: Sequence[str],
    array: npt.NDArray[np.float32],
) -> float | None:
    """How nearly the pairs of a sample of `texts` rank by `array`, their quantised vectors, as in full precision."""
    rows = quantization.sample(text_keys(texts), quantization.SAMPLE_TEXTS)
    sampled = [texts[row] for row in rows.tolist()]
    whole = embed(workspace, progress, encoder, sampled, "comparing with full precision", full_precision=True).vectors
    return int8.rank_correlation(quantization.pairs(array[rows]), quantization.pairs(whole))


def text_of(turns: Sequence[Mapping[str, str]], what: str) -> str:
    """The text that stands for a record: all its turns, or (`prompt`) those before the last answer."""
    if what == "prompt" and turns[-1]["role"] == "assistant" and len(turns) > 1:
        turns = turns[:-1]
    return "\n".join(turn["content"] for turn in turns)
