"""A linear layer in 8-bit integers whose every row is what it would be alone, and the same on every processor.

Imports torch; `int8.py` decides which layers of a model become one.
"""

from __future__ import annotations

from typing import Any

import torch

MOST_INPUTS = (2**31 - 1) // 127**2  # more of them could overflow a sum in 32 bits
_EXACT = 1024  # as many products of two int8 as float32 adds up without rounding: 127² x 1024 < 2²⁴


class Int8Linear(torch.nn.Module):
    """`x @ weight.T + bias`, where `weight` (out, in) is int8 with one scale for each output.

    Each row of the input is rounded to int8 with a scale of its own, by its largest value: one scale for all of a batch
    would let its rows influence each other. The sums are whole numbers, so that neither the order of adding nor the
    shape of the batch matters. A row that holds an infinity or NaN comes out as NaN. The attribute `weight` is int8,
    which transformers' models know not to cast their input to.
    """

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """`weight`: (out, in), finite, of any float type. `bias`: (out,) or None."""
        super().__init__()
        wide = weight.detach().to(torch.float32)
        scale = wide.abs().amax(1) / 127
        self.register_buffer("weight", torch.round(wide / _not_zero(scale)[:, None]).to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if bias is None else bias.detach().to(torch.float32))
        self.out_features, self.in_features = weight.shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, in) to (…, out), in the type of `x`."""
        flat = x.reshape(-1, self.in_features).to(torch.float32)
        scale = flat.abs().amax(1, keepdim=True) / 127
        rounded = torch.round(flat / _not_zero(scale))
        if not bool(torch.isfinite(scale).all()):
            rounded = torch.nan_to_num(rounded, nan=0.0, posinf=0.0, neginf=0.0)  # times a scale of inf or NaN is NaN
        out = product(rounded.to(torch.int8), self.weight).to(torch.float32).mul_(scale).mul_(self.scale)
        if self.bias is not None:
            out += self.bias
        return out.reshape(*x.shape[:-1], self.out_features).to(x.dtype)


def product(rows: torch.Tensor, weight: torch.Tensor, fast: bool | None = None) -> torch.Tensor:
    """The int32 product of int8 (n, k) and (m, k) as (n, m), exact for k up to `MOST_INPUTS`.

    `fast`: torch's product of int8, which wants a processor with instructions for it: others may saturate, or take
    very long. Without, by float32 in pieces small enough to be exact. None: whichever suits the processor.
    """
    if _FAST if fast is None else fast:
        return torch._int_mm(rows, weight.t())
    total = torch.zeros(len(rows), len(weight), dtype=torch.int32)
    for start in range(0, weight.shape[1], _EXACT):
        piece = slice(start, start + _EXACT)
        total += (rows[:, piece].to(torch.float32) @ weight[:, piece].to(torch.float32).t()).to(torch.int32)
    return total


def _not_zero(scale: torch.Tensor) -> torch.Tensor:
    """Rows of zeros have a scale of 0; divided by 1 they stay zeros."""
    return torch.where(scale == 0, 1.0, scale)


def _supported() -> bool:
    known: Any = getattr(torch.cpu, "_is_vnni_supported", None)
    return bool(known and known()) and hasattr(torch, "_int_mm")


_FAST = _supported()
