"""What int8 costs: how nearly a quantised model ranks as the same model does in full precision, on a sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

METRIC = "quantization_rank_correlation"
LEAST = 0.95  # Spearman; below it, a ranking by the quantised model is another ranking
SAMPLE_TEXTS = 200  # whose pairs are ranked by cosine: 19,900
SAMPLE_ROWS = 256  # that a language model scores twice


def sample(keys: npt.NDArray[np.bytes_], size: int) -> npt.NDArray[np.int64]:
    """The rows of the `size` smallest different keys, in their order: the same texts whatever else is in the pool."""
    _, first = np.unique(keys, return_index=True)
    return np.sort(first[:size])


def pairs(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The cosine of each pair of (k, d) unit vectors: (k (k - 1) / 2,)."""
    wide = vectors.astype(np.float64)
    return np.asarray((wide @ wide.T)[np.triu_indices(len(wide), 1)])


def sentence(correlation: float | None) -> str:
    """What the correlation says, for people."""
    if correlation is None:
        return "too few rows, or scores that are all the same: int8 cannot be compared with full precision"
    said = f"int8 ranks as full precision does with a rank correlation of {correlation:.3f}"
    return said if correlation >= LEAST else f"{said}, below {LEAST}: set quantize: none, or accept another ranking"
