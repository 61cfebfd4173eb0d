"""The last layer of a language model: from hidden vectors to the log-probability of a token and the entropy.

A vocabulary can have 250,000 tokens: the logits of one pass would be gigabytes, and most of them are of tokens that are
not scored. So the hidden vectors are taken where they enter the last layer, those of scored tokens alone go on, and the
layer is applied to a fixed number of vectors and to a part of the vocabulary at a time, with running sums. What a
model does to its logits afterwards (a factor, a soft cap) is found by trying it once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.methods.language.softmax import LOWEST, fold

Floats = npt.NDArray[np.float64]

_TAME = 1e15  # products of two numbers below it, and sums of them, are far from the largest float


class Head:
    """What `model` (transformers', in evaluation mode) does last. Used in a `with` block, by several threads at once.

    `example`: arguments of a small forward pass.
    """

    def __init__(self, model: Any, example: Mapping[str, Any]) -> None:
        import torch

        self._model = model
        self._layer = model.get_output_embeddings()
        self._local = threading.local()
        self._factor, self._cap = 1.0, 0.0
        self._on_cpu = example["input_ids"].device.type == "cpu"
        self._hook = self._layer.register_forward_pre_hook(self._take) if self._layer is not None else None
        if self._layer is not None:
            with torch.inference_mode():
                if not self._learn(example):
                    self.close()
                    self._layer = None
        self._is_plain = self._on_cpu and self._is_tame()

    def __enter__(self) -> Head:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the model as it was."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def features(self, inputs: Mapping[str, Any]) -> Any:
        """What enters the last layer, (rows, length, d); the logits themselves where they are not the layer's own."""
        if self._layer is None:
            return self._model(**inputs).logits
        self._local.waits = True
        self._model(**inputs)
        return self._local.__dict__.pop("taken")

    def statistics(self, features: Any, picked: npt.NDArray[np.int64], targets: Any, at_once: int) -> tuple[Any, Any]:
        """-ln p of `targets` (m,) in nats and the entropy in bits, at the `picked` (m,) places of rows × length.

        `at_once` vectors at a time, the last ones filled up: kernels are chosen by shape, bits must not depend on m.
        """
        import torch

        count = len(picked)
        full = -(-count // at_once) * at_once
        places = torch.from_numpy(np.concatenate([picked, np.repeat(picked[:1], full - count)])).to(features.device)
        wanted = torch.from_numpy(np.concatenate([targets, np.repeat(targets[:1], full - count)])).to(features.device)
        flat = features.reshape(-1, features.shape[-1])
        nats, bits = np.empty(full), np.empty(full)
        for start in range(0, full, at_once):
            part = slice(start, start + at_once)
            surprise, entropy = self._sums(flat[places[part]], wanted[part])
            nats[part] = surprise.cpu().numpy()
            bits[part] = entropy.cpu().numpy()
        return nats[:count], bits[:count] / math.log(2)

    def _sums(self, hidden: Any, targets: Any) -> tuple[Any, Any]:
        """-ln p of the targets and the entropy, both in nats, by sums over the vocabulary that run along."""
        import torch

        if self._is_plain and bool(hidden.abs().amax() < _TAME):  # never true of NaN
            return self._folded(hidden, targets)
        column = targets[:, None]
        top = torch.full(column.shape, LOWEST, dtype=torch.float32, device=column.device)
        total, weighted, target = torch.zeros_like(top), torch.zeros_like(top), torch.zeros_like(top)
        for first, logits in self._blocks(hidden):
            width = logits.shape[1]
            here = (column >= first) & (column < first + width)
            target = torch.where(here, logits.gather(1, (column - first).clamp(0, width - 1)), target)
            highest = torch.maximum(top, logits.amax(1, keepdim=True))
            logits = logits.sub_(highest)
            weights = logits.exp()
            down = top - highest
            shrink = down.exp()
            weighted = shrink * (weighted + down * total)
            total = shrink * total + weights.sum(1, keepdim=True)
            weighted += weights.mul_(logits).sum(1, keepdim=True)
            top = highest
        log = total.log()
        return (log + (top - target))[:, 0], (log - weighted / total)[:, 0].clamp_(min=0)

    def _folded(self, hidden: Any, targets: Any) -> tuple[Any, Any]:
        """The same on a CPU, where no logit can be NaN or infinite."""
        import torch

        count = len(hidden)
        top = np.full(count, LOWEST, np.float32)
        total, weighted, target = (np.zeros(count, np.float32) for _ in range(3))
        for first, logits in self._blocks(hidden):
            fold(logits.numpy(), first, targets.numpy(), top, total, weighted, target)
        log = np.log(total)
        surprise, entropy = log + (top - target), np.maximum(log - weighted / total, 0)
        return torch.from_numpy(surprise), torch.from_numpy(entropy)

    def _blocks(self, hidden: Any) -> Iterator[tuple[int, Any]]:
        """The logits (n, part of the vocabulary) in float32 and where the part begins; they may be overwritten."""
        import torch

        if self._layer is None:
            yield 0, hidden.to(torch.float32, copy=True)
        elif type(self._layer) is torch.nn.Linear:
            weight, bias = self._layer.weight, self._layer.bias
            width = 1024 if self._on_cpu else 16_384
            for first in range(0, len(weight), width):
                part = slice(first, first + width)
                yield (
                    first,
                    self._after(torch.nn.functional.linear(hidden, weight[part], bias if bias is None else bias[part])),
                )
        else:
            yield 0, self._after(self._layer(hidden))

    def _after(self, logits: Any) -> Any:
        logits = logits.float()
        if self._factor != 1:
            logits = logits * self._factor
        return (logits / self._cap).tanh() * self._cap if self._cap else logits

    def _take(self, layer: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Keep what enters the layer, and let it work on one position only; nothing unless this thread waits for it."""
        if not self._local.__dict__.pop("waits", False):
            return None
        self._local.taken = arguments[0]
        return (arguments[0][:, :1], *arguments[1:])

    def _is_tame(self) -> bool:
        """Whether a layer's logits are finite for every hidden vector that is."""
        import torch

        if type(self._layer) is not torch.nn.Linear or self._layer.weight.dtype != torch.float32:
            return False
        numbers = [self._layer.weight] if self._layer.bias is None else [self._layer.weight, self._layer.bias]
        return all(bool(one.detach().abs().amax() < _TAME) for one in numbers)

    def _learn(self, example: Mapping[str, Any]) -> bool:
        """Find what the model does to the layer's output: nothing, a factor, or a soft cap; False if none fits."""
        import torch

        raw = self._model(**example).logits
        expected, plain = raw.float(), self._layer(self.features(example)).float()
        if plain.shape != expected.shape:
            return False
        cap = float(getattr(self._model.config.get_text_config(), "final_logit_softcapping", None) or 0.0)
        factor = float((plain * expected).sum() / (plain * plain).sum().clamp(min=1e-30))
        # Small logits hardly show a cap, so the closest wins, and a cap that the configuration names where they tie.
        errors = {}
        for guess in ((1.0, cap), (1.0, 0.0), (factor, 0.0)):
            self._factor, self._cap = guess
            errors[guess] = float((self._after(plain) - expected).abs().nan_to_num(0.0).max())
        self._factor, self._cap = min(errors, key=errors.__getitem__)
        tolerance = 1e-5 if raw.dtype == torch.float32 else 2e-2
        return errors[self._factor, self._cap] <= tolerance * max(1.0, float(expected.abs().nan_to_num(0.0).max()))
