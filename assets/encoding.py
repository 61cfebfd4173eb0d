"""Texts as vectors, by the encoder that the settings name, from the cache where it has them.

Both `cleaned_data`, where duplicates in meaning are looked for, and `embeddings` ask here, so that no text is embedded
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assets import models, vectors
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
    workspace: Workspace, progress: Progress, encoder: ChosenEncoder, texts: Sequence[str], title: str = "embedding"
) -> vectors.Embedded:
    """The vectors of `texts`; what is new is computed and kept. Raises `ModelError`."""
    settings = workspace.params.embeddings
    device = vectors.resolve_device(settings.device)
    cache = vectors.VectorCache(workspace.vectors, vectors.recipe(encoder.fingerprint, settings.max_tokens, device))
    with progress.task(title, len(texts)) as advance:
        return vectors.embed(
            texts,
            cache,
            lambda: Encoder(encoder.located.folder, max_tokens=settings.max_tokens, device=device),
            settings.batch_tokens,
            advance,
        )


def text_of(turns: Sequence[Mapping[str, str]], what: str) -> str:
    """The text that stands for a record: all its turns, or (`prompt`) those before the last answer."""
    if what == "prompt" and turns[-1]["role"] == "assistant" and len(turns) > 1:
        turns = turns[:-1]
    return "\n".join(turn["content"] for turn in turns)
