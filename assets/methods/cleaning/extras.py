"""Single keys of the column `extras`, looked up and replaced without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.cleaning.utf8 import mask
from assets.methods.conversations import Rows


def entries(extras: pa.MapArray) -> tuple[Rows, pa.StringArray, pa.StringArray]:
    """The offsets (n + 1,) of each row's entries, counted from 0, and all keys and values."""
    offsets = extras.offsets.to_numpy().astype(np.int64)
    count = int(offsets[-1] - offsets[0])
    return offsets - offsets[0], extras.keys.slice(offsets[0], count), extras.items.slice(offsets[0], count)


def lookup(extras: pa.MapArray, name: str) -> tuple[Rows, pa.StringArray]:
    """The k rows that have this key, in ascending order, and its values (k,)."""
    offsets, keys, values = entries(extras)
    places = np.flatnonzero(mask(pc.equal(keys, name)))
    return np.searchsorted(offsets, places, side="right") - 1, values.take(pa.array(places))


def replaced(extras: pa.MapArray, name: str, rows: Rows, new: Sequence[str | None]) -> pa.MapArray:
    """`extras` with the values of one key replaced in the given rows (ascending, all have it); None removes the key."""
    if not len(rows):
        return extras
    offsets, keys, values = entries(extras)
    places = np.flatnonzero(mask(pc.equal(keys, name)))
    places = places[np.isin(np.searchsorted(offsets, places, side="right") - 1, rows)]
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[places] = True
    values = pc.replace_with_mask(values, pa.array(chosen), pa.array(new, pa.string()))
    kept = np.ones(len(keys), dtype=bool)
    kept[places[[value is None for value in new]]] = False
    ends = np.concatenate([[0], np.cumsum(kept)])[offsets].astype(np.int32)
    kept_too = pa.array(kept)
    return pa.MapArray.from_arrays(ends, keys.filter(kept_too), values.filter(kept_too), type=extras.type)
