"""Texts to unit-length vectors with any Hugging Face encoder, on one machine, the same bits every time.

Files, caches and settings do not belong here; `vectors.py` keeps what this computes.

How texts share forward passes without an influence on each other is `passes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import ModelError
from assets.methods import loading
from assets.methods.passes import CPU_PASS_TOKENS, Pass, plan, side_by_side

# Names everything here that decides a bit of a vector; a change of pooling or of the shapes below needs a new name.
RECIPE = "pooled-l2-shapes-1"

_TOKENIZER_CHUNK = 1_000

Tokens = npt.NDArray[np.int32]


@dataclass(frozen=True)
class EncodedBatch:
    """Some texts' vectors. Rows of texts in `failures` are NaN."""

    indices: npt.NDArray[np.int64]  # (b,) positions in the texts that were given
    vectors: npt.NDArray[np.float32]  # (b, d), unit length
    tokens: Tokens  # (b,) tokens of the whole text, special ones included, before any cut
    cut: npt.NDArray[np.bool_]  # (b,) whether the end of the text was left out
    failures: Mapping[int, str] = field(default_factory=dict)  # position in the texts given → why there is no vector


class Encoder:
    """A transformers encoder: float32, masked mean pooling (or the first token, where the model says so), L2 norm.

    `max_tokens` is the length at which texts are cut: the one asked for, or the model's own limit where that is
    smaller. `dimensions` is the length of a vector.
    """

    def __init__(
        self, folder: Path, *, max_tokens: int, device: str = "cpu", prepare: Callable[[Any], Any] | None = None
    ) -> None:
        """Load the model in `folder` (safetensors, no code of its own) onto `device` (`cpu`, `cuda` or `cuda:N`).

        `prepare` changes the loaded model, as `int8.quantize` does.
        Raises `ModelError` when transformers cannot load it. Cost: a second or two, and the weights in memory.
        """
        self.device = device
        self.pooling = pooling_of(folder)
        self._tokenizer, model = loading.load(folder, "AutoModel")
        model = model.get_encoder() if model.config.is_encoder_decoder else model
        self._model = (prepare(model) if prepare else model).to(device)
        self.max_tokens = min(max_tokens, loading.position_limit(self._model, self._tokenizer))
        self.dimensions: int = self._model.config.hidden_size
        self._pad = loading.padding_id(self._model, self._tokenizer)

    def encode(self, texts: Sequence[str], batch_tokens: int) -> Iterator[EncodedBatch]:
        """Yield the vectors of all `texts`, longest texts first, each exactly once.

        Longest first: a lack of memory shows at once, and the time left is over- rather than underestimated.
        `batch_tokens` is the most padded tokens in one pass on a GPU. A CPU core takes 768 at a time whatever it
        is, so there a vector's bits depend on the text and the model alone; on a GPU also on `batch_tokens`.

        A text without tokens, or with a vector that is zero or not finite, is in `failures` with the reason.
        Cost: one pass of the model over the tokens. Memory: the token ids, and one pass per thread.
        """
        ids, offsets, counts = self._tokenize(texts)
        lengths = np.diff(offsets)
        empty = np.flatnonzero(lengths == 0)
        if len(empty):
            yield self._without_tokens(empty)
        on_cpu = self.device == "cpu"
        passes = plan(lengths, self.max_tokens, CPU_PASS_TOKENS if on_cpu else batch_tokens)
        run = side_by_side if on_cpu else map
        for done, pooled in run(lambda one: (one, self._forward(one, ids, offsets)), passes):
            yield _finish(done.indices, pooled, counts[done.indices], lengths[done.indices])

    def _tokenize(self, texts: Sequence[str]) -> tuple[Tokens, npt.NDArray[np.int64], Tokens]:
        """Ids of all texts one after the other, where each begins (n + 1 offsets), and counts before the cut."""
        pieces: list[Tokens] = []
        counts = np.zeros(len(texts), np.int32)
        offsets = np.zeros(len(texts) + 1, np.int64)
        for start in range(0, len(texts), _TOKENIZER_CHUNK):
            chunk = list(texts[start : start + _TOKENIZER_CHUNK])
            rows = self._ids(chunk)
            counts[start : start + len(rows)] = [len(row) for row in rows]
            # Cutting is the tokenizer's own business: the special tokens at the end must stay.
            for i in [i for i, row in enumerate(rows) if len(row) > self.max_tokens]:
                rows[i] = self._ids([chunk[i]], truncation=True, max_length=self.max_tokens)[0]
            offsets[start + 1 : start + len(rows) + 1] = [len(row) for row in rows]
            pieces.append(np.fromiter((token for row in rows for token in row), np.int32))
        np.cumsum(offsets, out=offsets)
        return np.concatenate(pieces) if pieces else np.empty(0, np.int32), offsets, counts

    def _ids(self, texts: list[str], **cut: Any) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer(
            texts, return_attention_mask=False, return_token_type_ids=False, verbose=False, **cut
        )["input_ids"]
        return ids

    def _forward(self, one: Pass, ids: Tokens, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The pooled vectors (b, d) of one pass, not yet of unit length."""
        import torch

        padded = np.full((one.rows, one.length), self._pad, np.int64)
        mask = np.zeros((one.rows, one.length), np.int64)
        for row in range(one.rows):
            # Rows to spare repeat the first text: whatever the model, that is an input it can take.
            text = one.indices[row] if row < len(one.indices) else one.indices[0]
            tokens = ids[offsets[text] : offsets[text + 1]]
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            inputs = torch.from_numpy(padded).to(self.device)
            attention = torch.from_numpy(mask).to(self.device)
            hidden = self._model(input_ids=inputs, attention_mask=attention).last_hidden_state
            if self.pooling == "cls":
                pooled = hidden[:, 0]
            else:
                weights = attention.unsqueeze(-1).to(hidden.dtype)
                pooled = (hidden * weights).sum(1) / weights.sum(1)
            vectors: npt.NDArray[np.float32] = pooled[: len(one.indices)].cpu().numpy()
        return vectors

    def _without_tokens(self, indices: npt.NDArray[np.int64]) -> EncodedBatch:
        shape = (len(indices), self.dimensions)
        nothing = np.zeros(len(indices), np.int32)
        reasons = {int(i): "the tokenizer makes no token of it" for i in indices}
        return EncodedBatch(indices, np.full(shape, np.nan, np.float32), nothing, nothing.astype(bool), reasons)


def pooling_of(folder: Path) -> str:
    """How the model in `folder` makes one vector of many: `mean` (also where it does not say) or `cls`.

    Raises `ModelError` when it asks for a pooling that is neither.
    """
    files = sorted(folder.glob("*_Pooling/config.json"))
    if not files:
        return "mean"
    try:
        settings = json.loads(files[0].read_text(encoding="utf-8"))
    except ValueError:
        raise ModelError(f"{folder.name}/{files[0].relative_to(folder).as_posix()}: not valid JSON") from None
    modes = [settings["pooling_mode"]] if "pooling_mode" in settings else []
    modes += [key.removeprefix("pooling_mode_") for key, on in settings.items() if on is True and "_mode_" in key]
    known = {"mean": "mean", "mean_tokens": "mean", "cls": "cls", "cls_token": "cls"}
    if len(modes) != 1 or modes[0] not in known:
        raise ModelError(f"{folder.name}: it pools by {' and '.join(map(str, modes))}; supported are mean and cls")
    return known[modes[0]]


def _finish(
    indices: npt.NDArray[np.int64], pooled: npt.NDArray[np.float32], counts: Tokens, kept: npt.NDArray[np.int64]
) -> EncodedBatch:
    """Bring vectors to unit length; those that cannot be are NaN, with the reason."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        norms = np.sqrt((pooled.astype(np.float64) ** 2).sum(axis=1))
        vectors = (pooled / norms[:, None]).astype(np.float32)
    bad = ~np.isfinite(vectors).all(axis=1) | (norms == 0)
    vectors[bad] = np.nan
    reasons = {
        int(indices[i]): "the model gives it a vector of zeros" if norms[i] == 0 else "its vector is not finite"
        for i in np.flatnonzero(bad)
    }
    return EncodedBatch(indices, vectors, counts, counts > kept, reasons)
