"""What several test files of this folder need: probabilities, and separable points with labels."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import softmax

from assets.methods.uncertainty import ProbeSettings

PLAIN = ProbeSettings(folds=5, regularization=1.0, ensemble=1, calibrate=False, seed=0)

simplex = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.floats(-40, 40, allow_nan=False)
).map(lambda logits: softmax(logits, axis=1))


def probabilities(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return softmax(3 * np.random.default_rng(seed).standard_normal((rows, classes)), axis=1)


def members(count: int, rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return softmax(2 * np.random.default_rng(seed).standard_normal((count, rows, classes)), axis=2)


def separable(rows: int, classes: int = 3, noise: float = 0.4, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Unit vectors around one direction for each class, and their labels."""
    random = np.random.default_rng(seed)
    numbers = np.arange(rows) % classes
    vectors = np.eye(8, dtype=np.float32)[numbers] + noise * random.standard_normal((rows, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [f"class {n}" for n in numbers]
