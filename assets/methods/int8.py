"""Models compressed to 8-bit integers for the CPU, and how nearly they rank as before.

What one compressed layer computes is `int8_linear.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import ModelError

Values = npt.NDArray[np.floating[Any]]


def quantize(model: Any) -> Any:
    """The same model, in place, with the linear layers of its body in int8: of weights a quarter of the bytes.

    Weights have one scale for each output, activations one for each row of each input, so that no row depends on its
    batch. Embeddings, norms, and whatever gives the final answer (the output layer, a classifier's head) stay as they
    are: little of the time, and most of the precision. So do layers whose weights are shared or not finite. Takes
    torch's `Linear` and transformers' `Conv1D` (GPT-2). The model must be on the CPU.
    Raises `ModelError` where no layer can be compressed. Cost: one pass over the weights.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    from assets.methods.int8_linear import MOST_INPUTS, Int8Linear

    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    uses = Counter(id(weight) for module in model.modules() for weight in module.parameters(recurse=False))
    compressed = 0
    for parent in list(getattr(model, "base_model", model).modules()):
        for name, layer in list(parent.named_children()):
            # Not the subclasses: they are there because something else reads their weights.
            if type(layer) not in (torch.nn.Linear, Conv1D) or layer is head or uses[id(layer.weight)] > 1:
                continue
            weight = layer.weight if type(layer) is torch.nn.Linear else layer.weight.t()
            if weight.shape[1] > MOST_INPUTS or not bool(torch.isfinite(weight).all()):
                continue
            setattr(parent, name, Int8Linear(weight, layer.bias).train(layer.training))
            compressed += 1
    if not compressed:
        raise ModelError(
            f"{type(model).__name__}: it has no linear layers that int8 could compress; set quantize: none"
        )
    return model


def rank_correlation(a: Values, b: Values) -> float | None:
    """Spearman's rank correlation of two columns (n,) of finite numbers; equal values share their mean rank.

    -1 to 1; 1 = both rank alike. None where it is not defined: fewer than 3 rows, or a column of one value.
    """
    if len(a) != len(b):
        raise ValueError(f"columns of {len(a):,} and {len(b):,} rows")
    if len(a) < 3 or (a == a[0]).all() or (b == b[0]).all():
        return None
    first, second = (_ranks(column) for column in (a, b))
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def _ranks(column: Values) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    ranks: npt.NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks
