"""Words as a model sees them inside their sentence: vectors of an encoder, or logits of a model that tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import ModelError
from assets.methods import loading
from assets.methods.passes import CPU_PASS_TOKENS, Pass, plan, side_by_side

RECIPE = "words-1"
ENCODER, TAGGER = "AutoModel", "AutoModelForTokenClassification"
_TOKENIZER_CHUNK = 1_000

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SeenWords:
    """Some sentences: `values` (w, d) of their words, sentence after sentence; `words` (b,) how many of each.

    A sentence may have fewer than it was given: its first ones, as far as the model could see.
    """

    sentences: npt.NDArray[np.int64]  # (b,) positions in the sentences that were given
    words: npt.NDArray[np.int64]
    values: Values


@dataclass(frozen=True)
class _Tokens:
    ids: npt.NDArray[np.int64]
    word: npt.NDArray[np.int64]  # of each token, -1 for special ones


class WordModel:
    """A transformers model that says something of each word.

    `kind`: ENCODER, whose value of a word is the mean of the last hidden states of its tokens, of unit length; or
    TAGGER, whose value are the logits of its first token. `labels`: the tags that a tagger knows, by number.
    """

    def __init__(self, folder: Path, kind: str, *, max_tokens: int, device: str = "cpu") -> None:
        """Load the model in `folder` onto `device`. Raises `ModelError` where it is of another kind."""
        self._tokenizer, model = loading.load(folder, kind, whole=kind == TAGGER)
        if not self._tokenizer.is_fast:
            raise ModelError(f"{folder.name}: words cannot be told apart by its tokenizer; a fast one is needed")
        if model.config.is_encoder_decoder:
            raise ModelError(f"{folder.name}: an encoder-decoder has no vector of a word; name an encoder")
        self._model, self._device, self._first = model.to(device), device, kind == TAGGER
        self._limit = min(max_tokens, loading.position_limit(model, self._tokenizer))
        self._pad = loading.padding_id(model, self._tokenizer)
        names: dict[int, str] = getattr(model.config, "id2label", None) or {}
        self.labels = tuple(names[number] for number in sorted(names)) if self._first else ()

    def see(self, sentences: Sequence[Sequence[str]], batch_tokens: int = CPU_PASS_TOKENS) -> Iterator[SeenWords]:
        """Yield the words of all `sentences`, longest first, each sentence exactly once.

        What is longer than the model can see is cut. A sentence's bits do not depend on the others. Cost: one pass of
        the model. Memory: the token ids, and one pass per thread.
        """
        tokens = list(self._tokenize(sentences))
        lengths = np.array([len(each.ids) for each in tokens], dtype=np.int64)
        nothing = np.flatnonzero(lengths == 0)
        if len(nothing):
            yield SeenWords(nothing, np.zeros(len(nothing), np.int64), np.zeros((0, self._width()), np.float32))
        on_cpu = self._device == "cpu"
        passes = plan(lengths, self._limit, CPU_PASS_TOKENS if on_cpu else batch_tokens)
        run = side_by_side if on_cpu else map
        yield from run(lambda one: self._forward(one, tokens), passes)

    def _width(self) -> int:
        return len(self.labels) or int(self._model.config.hidden_size)

    def _tokenize(self, sentences: Sequence[Sequence[str]]) -> Iterator[_Tokens]:
        for start in range(0, len(sentences), _TOKENIZER_CHUNK):
            chunk = [list(words) for words in sentences[start : start + _TOKENIZER_CHUNK]]
            if not chunk:
                return
            found = self._tokenizer(
                chunk, is_split_into_words=True, truncation=True, max_length=self._limit, verbose=False
            )
            for row, ids in enumerate(found["input_ids"]):
                words = [-1 if word is None else word for word in found.word_ids(row)]
                seen = np.array(words, dtype=np.int64)
                yield _Tokens(np.array(ids, dtype=np.int64) if (seen >= 0).any() else np.empty(0, np.int64), seen)

    def _forward(self, one: Pass, tokens: list[_Tokens]) -> SeenWords:
        import torch

        padded = np.full((one.rows, one.length), self._pad, np.int64)
        mask = np.zeros((one.rows, one.length), np.int64)
        for row in range(one.rows):
            # Rows to spare repeat the first sentence: whatever the model, that is an input it can take.
            ids = tokens[one.indices[row] if row < len(one.indices) else one.indices[0]].ids
            padded[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        with torch.inference_mode():
            inputs = torch.from_numpy(padded).to(self._device)
            output: Any = self._model(input_ids=inputs, attention_mask=torch.from_numpy(mask).to(self._device))
            states = (output.logits if self._first else output.last_hidden_state).float().cpu().numpy()
        found = [
            _words(states[row, : len(tokens[sentence].ids)], tokens[sentence].word, self._first)
            for row, sentence in enumerate(one.indices.tolist())
        ]
        return SeenWords(one.indices, np.array([len(each) for each in found]), np.concatenate(found))


def _words(states: Values, word: npt.NDArray[np.int64], first: bool) -> Values:
    """The words of one sentence up to the first that has no token, or may have lost some to the cut."""
    inside = word >= 0
    numbers, starts, counts = np.unique(word[inside], return_index=True, return_counts=True)
    whole = int(np.argmin(np.append(numbers == np.arange(len(numbers)), False)))
    kept = states[inside]
    if first:
        return kept[starts[:whole]]
    sums = np.add.reduceat(kept, starts, axis=0)[:whole] if len(starts) else kept[:0]
    means = sums / counts[:whole, None]
    norms = np.sqrt((means.astype(np.float64) ** 2).sum(1, keepdims=True))
    return np.asarray(means / np.where(norms > 0, norms, 1.0), dtype=np.float32)
