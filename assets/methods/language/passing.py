"""One forward pass of each family: what goes in for a batch of sequences, and the answers at their scored tokens."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from assets.methods.language.batches import Batch
from assets.methods.language.heads import Floats, Head
from assets.methods.language.models import CAUSAL, MASKED, LanguageModel
from assets.methods.language.sequences import Sequences

_AT_ONCE_CPU, _AT_ONCE_GPU = 128, 1024  # hidden vectors that the last layer takes together


class Passes:
    """Answers batches of `sequences` with `model`; several threads may ask at once. Used in a `with` block."""

    def __init__(self, model: LanguageModel, sequences: Sequences) -> None:
        self._model = model
        self._sequences = sequences
        known = inspect.signature(model.model.forward).parameters
        self._options = {"use_cache": False} if "use_cache" in known else {}
        first = Batch(
            np.zeros(1, np.int64), np.full(1, -1), 1, min(4, model.max_tokens), 4 * (model.family == "seq2seq")
        )
        self._head = Head(model.model, self._inputs(first, *self._padded(first, example=True)))

    def __enter__(self) -> Passes:
        return self

    def __exit__(self, *error: object) -> None:
        self._head.close()

    def answer(self, batch: Batch) -> list[tuple[Floats, Floats]]:
        """For each sequence of the batch, -ln p (nats) and the entropy (bits) at its scored tokens, or the masked."""
        import torch

        with torch.inference_mode():
            ids, lengths, sources, source_lengths = self._padded(batch)
            features = self._head.features(self._inputs(batch, ids, lengths, sources, source_lengths))
            places, targets, counts = [], [], []
            for row, (sequence, masked) in enumerate(zip(batch.sequences.tolist(), batch.masked.tolist(), strict=True)):
                tokens, marks, _ = self._sequences.of(sequence)
                at = np.array([masked]) if masked >= 0 else np.flatnonzero(marks >= 0)
                # A causal model's answer to a token stands at the token before it.
                places.append(row * batch.length + at - (1 if self._model.family == CAUSAL else 0))
                targets.append(tokens[at].astype(np.int64))
                counts.append(len(at))
            at_once = _AT_ONCE_CPU if self._model.device == "cpu" else _AT_ONCE_GPU
            if self._model.family == MASKED:
                at_once = min(at_once, batch.rows)
            nats, bits = self._head.statistics(features, np.concatenate(places), np.concatenate(targets), at_once)
        ends = np.cumsum(counts)[:-1]
        return list(zip(np.split(nats, ends), np.split(bits, ends), strict=True))

    def _padded(self, batch: Batch, example: bool = False) -> tuple[Any, Any, Any, Any]:
        """Tokens (rows, length), how many of each row count, and both again of the sources."""
        ids = np.full((batch.rows, batch.length), self._model.pad, np.int64)
        sources = np.full((batch.rows, batch.source), self._model.pad, np.int64)
        lengths, source_lengths = np.full(batch.rows, batch.length), np.full(batch.rows, batch.source)
        for row in range(0 if example else batch.rows):
            # Rows to spare repeat the first: whatever the model, that is an input it can take.
            item = row if row < len(batch.sequences) else 0
            tokens, _, source = self._sequences.of(int(batch.sequences[item]))
            if self._model.family == CAUSAL:
                tokens = tokens[:-1]
            elif self._model.family != MASKED:
                tokens = self._shifted(tokens)
            ids[row, : len(tokens)] = tokens
            if batch.masked[item] >= 0:
                ids[row, batch.masked[item]] = self._model.tokenizer.mask_token_id
            sources[row, : len(source)] = source
            lengths[row], source_lengths[row] = len(tokens), len(source)
        return ids, lengths, sources, source_lengths

    def _inputs(self, batch: Batch, ids: Any, lengths: Any, sources: Any, source_lengths: Any) -> dict[str, Any]:
        import torch

        def tensor(array: Any) -> Any:
            return torch.from_numpy(array).to(self._model.device)

        def mask(counts: Any, width: int) -> Any:
            return tensor((np.arange(width) < counts[:, None]).astype(np.int64))

        # Fillers follow what counts, and a causal model looks back only: it needs no mask, and has a faster way then.
        if self._model.family == CAUSAL:
            return {"input_ids": tensor(ids), **self._options}
        if self._model.family == MASKED:
            return {"input_ids": tensor(ids), "attention_mask": mask(lengths, batch.length), **self._options}
        return {
            "input_ids": tensor(sources),
            "attention_mask": mask(source_lengths, batch.source),
            "decoder_input_ids": tensor(ids),
            **self._options,
        }

    def _shifted(self, target: Any) -> Any:
        """What the decoder has seen before each token of the target: the model's own rule where it has one."""
        import torch

        model = self._model.model
        if hasattr(model, "prepare_decoder_input_ids_from_labels"):
            labels = torch.from_numpy(target[None].astype(np.int64))
            return model.prepare_decoder_input_ids_from_labels(labels=labels)[0].numpy()
        return np.concatenate([[model.config.decoder_start_token_id], target[:-1]])
