"""The bytes behind Arrow's texts, and edits that touch only the texts that need them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]


def views(texts: pa.StringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """All bytes (b,), and the offsets (n + 1,) at which each text begins. No copy, but for nulls, which are empty."""
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _, offsets, data = texts.buffers()
    begins = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1] if len(texts) else _NONE
    return np.frombuffer(data, np.uint8) if data is not None and data.size else _EMPTY, begins


_NONE = np.zeros(1, np.int32)
_EMPTY = np.zeros(0, np.uint8)


def mask(values: pa.BooleanArray) -> Mask:
    """(n,) as NumPy booleans; null is false."""
    if values.null_count:
        values = pc.fill_null(values, False)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def edit(texts: pa.StringArray, where: Mask, change: Callable[[pa.StringArray], pa.StringArray]) -> pa.StringArray:
    """`texts` with `change` applied to those where `where` (n,) is true; without any, the very same array."""
    if not where.any():
        return texts
    if where.all():
        return change(texts)
    chosen = pa.array(where)
    return pc.replace_with_mask(texts, chosen, change(texts.filter(chosen)))


def each(change: Callable[[str], str]) -> Callable[[pa.StringArray], pa.StringArray]:
    """`change` for one text as a function of many; for the few that a cheap filter has found."""
    return lambda texts: pa.array([change(text) for text in texts.to_pylist()], pa.string())


def contains_byte(texts: pa.StringArray, byte: int) -> Mask:
    """(n,) whether each text holds this ASCII character; one look where none does."""
    data, offsets = views(texts)
    places = np.flatnonzero(data[offsets[0] : offsets[-1]] == byte) + offsets[0]
    found = np.zeros(len(texts), dtype=bool)
    if len(places):
        found[np.searchsorted(offsets, places, side="right") - 1] = True
    return found


def has_blank_end(texts: pa.StringArray) -> Mask:
    """(n,) whether a text may begin or end with white space: no false negative, and false for plain ASCII text."""
    data, offsets = views(texts)
    filled = np.flatnonzero(offsets[1:] > offsets[:-1])
    found = np.zeros(len(texts), dtype=bool)
    for places in (offsets[:-1][filled], offsets[1:][filled] - 1):
        ends = data[places]
        found[filled] |= (ends <= 32) | (ends >= 128)
    return found


def digest(parts: Sequence[str]) -> str:
    """Eight hex digits that name a list of texts, for the name of a statistic that depends on it."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
