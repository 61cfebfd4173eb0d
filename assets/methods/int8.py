"""int8: linear layers whose weights are whole numbers of 8 bits, for a CPU.

Weights have one scale for each output, the inputs of a layer one for each row, both symmetric; the sums are exact
32-bit integers. So a row's result depends on that row alone, as `passes.py` asks for; quantisation by one scale for a
whole batch would let neighbours in. Embeddings and output heads stay in full precision: what they cost in ranking is
more than they would save in time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

_LEAST_INPUTS = 16  # layers with fewer are not worth it
_BOUND = 127.0
_HEADS = ("lm_head", "cls", "classifier", "embed_out")


def quantize(model: Any) -> Any:
    """The same torch model with each of its linear layers (GPT-2's `Conv1D` too) in int8, but for output heads.

    The model is changed in place and returned. A layer's memory falls to about a quarter; its time on a CPU with
    integer instructions, too. Cost: one pass over the weights.
    """
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    tied = {id(parameter) for parameter in model.get_input_embeddings().parameters()}
    layer = _layer_class()
    for name, parent in list(model.named_modules()):
        for child_name, child in list(parent.named_children()):
            if not isinstance(child, nn.Linear | Conv1D) or child is head or id(child.weight) in tied:
                continue
            whole = f"{name}.{child_name}".strip(".")
            if whole.split(".")[0] in _HEADS:
                continue
            weight = child.weight.detach().t() if isinstance(child, Conv1D) else child.weight.detach()
            if weight.shape[1] >= _LEAST_INPUTS:
                setattr(parent, child_name, layer(weight.float(), child.bias))
    return model


def size_of(model: Any) -> int:
    """The bytes of a model's parameters and buffers."""
    held = {id(each): each for each in (*model.parameters(), *model.buffers())}
    return sum(each.numel() * each.element_size() for each in held.values())


def rank_correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    """Spearman's rank correlation, -1 to 1, ties sharing their mean rank; None for fewer than 3 or equal values.

    `one`, `other`: (n,) without NaN. Cost: O(n log n).
    """
    from scipy.stats import rankdata

    if len(one) < 3:
        return None
    ranks = [rankdata(values) for values in (one, other)]
    centred = [each - each.mean() for each in ranks]
    norms = [float(np.sqrt((each**2).sum())) for each in centred]
    if not all(norms):
        return None
    return float(np.clip((centred[0] * centred[1]).sum() / (norms[0] * norms[1]), -1.0, 1.0))


@cache
def _layer_class() -> Any:
    """The layer; made here because torch is imported only where a model is loaded."""
    import torch
    from torch import nn

    class Int8Linear(nn.Module):
        """y = x W^T + b with W and x in int8."""

        weight: torch.Tensor
        scale: torch.Tensor
        bias: torch.Tensor | None

        def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
            super().__init__()
            scale = weight.abs().amax(1).clamp_min(torch.finfo(torch.float32).tiny) / _BOUND
            # Called `weight`, and in int8, because models ask what their layers compute in.
            self.register_buffer("weight", (weight / scale[:, None]).round().to(torch.int8).contiguous())
            self.register_buffer("scale", scale)
            self.register_buffer("bias", None if bias is None else bias.detach().float())
            self.in_features, self.out_features = weight.shape[1], weight.shape[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = x.reshape(-1, self.in_features).float()
            # A row that is not finite stays so: its scale is.
            scale = rows.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / _BOUND
            whole = (rows / scale).round_().nan_to_num_(0.0).to(torch.int8)
            result = torch._int_mm(whole, self.weight.t()).float().mul_(scale).mul_(self.scale)
            if self.bias is not None:
                result += self.bias
            return result.reshape(*x.shape[:-1], self.out_features).to(x.dtype)

    return Int8Linear
