"""The sound rows between the passes of `cleaned_data`: on disk as they will be written, in memory what compares them.

Memory: some 40 bytes a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets import tables


class SoundRows:
    """Rows of the schema `tables.CLEANED`, added batch by batch, and then read as often as needed."""

    def __init__(self, folder: Path, rank_by: Sequence[str]) -> None:
        """`folder` must be empty; `rank_by` names the attributes that are kept as numbers to rank by."""
        self.folder = folder
        self._writer = tables.ShardWriter(folder, tables.CLEANED)
        self._keys: list[npt.NDArray[np.uint8]] = []
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._labels: list[npt.NDArray[np.int32]] = []
        self._sources: list[npt.NDArray[np.int32]] = []
        self._codes: dict[str, int] = {}
        self._source_codes: dict[str, int] = {}
        self._numbers: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in rank_by}

    def add(self, rows: pa.Table, keys: pa.ChunkedArray, answer_lengths: pa.ChunkedArray) -> None:
        """Append sound rows, with the key by which exact duplicates are known and the lengths of their answers."""
        self._writer.write(rows)
        self._keys.append(_bytes(keys))
        self._lengths.append(answer_lengths.to_numpy(zero_copy_only=False).astype(np.int64))
        self._labels.append(label_codes(rows.column("label"), self._codes))
        self._sources.append(label_codes(rows.column("source"), self._source_codes))
        for name, parts in self._numbers.items():
            parts.append(attribute_numbers(rows.column("attributes"), name))

    def close(self) -> int:
        """No more rows come; returns how many there are."""
        return self._writer.close()

    def __len__(self) -> int:
        return self._writer.count

    @property
    def keys(self) -> npt.NDArray[np.uint8]:
        """(n, 16) the keys of exact duplicates."""
        return np.concatenate([*self._keys, np.empty((0, 16), np.uint8)])

    @property
    def answer_lengths(self) -> npt.NDArray[np.int64]:
        """(n,) characters."""
        return np.concatenate([*self._lengths, np.empty(0, np.int64)])

    @property
    def labels(self) -> npt.NDArray[np.int32]:
        """(n,) a number for each label, -1 for none."""
        return np.concatenate([*self._labels, np.empty(0, np.int32)])

    @property
    def sources(self) -> npt.NDArray[np.int64]:
        """(n,) the number of each row's source, in the order in which they were read."""
        return np.concatenate([*self._sources, np.empty(0, np.int32)]).astype(np.int64)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """(n,) an attribute as numbers, NaN where it is none."""
        return np.concatenate([*self._numbers[name], np.empty(0)])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
        """The rows in their order, each batch with the number of its first row."""
        start = 0
        for batch in tables.batches(self.folder, columns):
            yield start, pa.Table.from_batches([batch])
            start += batch.num_rows


def _bytes(keys: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """(n, 16) the keys, none of which is null."""
    whole = keys.combine_chunks()
    data = np.frombuffer(whole.buffers()[1], np.uint8)[16 * whole.offset :]
    return data[: 16 * len(whole)].reshape(-1, 16)


def label_codes(labels: pa.ChunkedArray, codes: dict[str, int]) -> npt.NDArray[np.int32]:
    """(n,) a number for each label, -1 for none; labels that are new get the next number in `codes`."""
    encoded = labels.combine_chunks().dictionary_encode()
    numbers = [codes.setdefault(label, len(codes)) for label in encoded.dictionary.to_pylist()]
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*numbers, -1], dtype=np.int32)[indices])


def attribute_numbers(attributes: pa.ChunkedArray, name: str) -> npt.NDArray[np.float64]:
    """(n,) the attribute called `name` as numbers, NaN where it is absent or no number."""
    found = pc.map_lookup(attributes.combine_chunks(), name, "first").to_pylist()
    return np.array([_number(text) for text in found], dtype=np.float64)


def _number(text: str | None) -> float:
    try:
        number = float(text) if text is not None else np.nan
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan
