"""Rows by group: how many rows of a table have each label, source and attribute value, and how long they are.

What belongs here: counting records, whole tables or batch by batch. What the counts are compared with is `judging.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.check_params import Bias
from assets.methods import balance
from assets.methods.conversations import characters
from assets.selection_columns import NO_LABEL

COLUMNS = ("source", "label", "attributes", "messages")  # of a record, those that are read here
NO_VALUE = "(none)"

_ENTRIES = pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.string())]))


@dataclass(frozen=True)
class Groups:
    """Rows by group in each column that is compared, and the length of every row."""

    label: Mapping[str, int]
    source: Mapping[str, int]
    attributes: Mapping[str, Mapping[str, int]]
    lengths: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lengths)

    @property
    def labelled(self) -> bool:
        """Whether any row has a label."""
        return any(name != NO_LABEL for name in self.label)

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch]) -> Groups:
        """Count batches with the columns source, label, attributes and messages."""
        label: Counter[str] = Counter()
        source: Counter[str] = Counter()
        attributes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        sizes: list[np.ndarray] = []
        for batch in batches:
            label.update(filled(batch.column("label"), NO_LABEL))
            source.update(batch.column("source").to_pylist())
            for key, values in attribute_values(batch.column("attributes")).items():
                attributes[key].update(value for value in values if value != NO_VALUE)
            sizes.append(characters(batch.column("messages")))
        rows = label.total()
        for counted in attributes.values():
            if rows > counted.total():
                counted[NO_VALUE] = rows - counted.total()
        return cls(label, source, dict(attributes), np.concatenate(sizes) if sizes else np.empty(0, np.int64))

    def values_of(self, key: str) -> Mapping[str, int]:
        """Rows by value of an attribute, which no row may have."""
        return self.attributes.get(key, {NO_VALUE: self.rows})


def attribute_values(attributes: pa.Array) -> dict[str, list[str]]:
    """The value of each attribute that occurs, aligned by row; "(none)" where a row does not have it."""
    keys = pc.unique(pc.struct_field(pc.list_flatten(attributes.cast(_ENTRIES)), "key")).to_pylist()
    return {key: filled(pc.map_lookup(attributes, query_key=key, occurrence="first"), NO_VALUE) for key in sorted(keys)}


def filled(values: pa.Array | pa.ChunkedArray, name: str) -> list[str]:
    """The texts, with `name` for nulls."""
    texts: list[str] = pc.fill_null(values, name).to_pylist()
    return texts


def attribute_column(key: str) -> str:
    """What the column of an attribute is called among those that are compared."""
    return f"attribute {key}"


def added(values: Sequence[str], amounts: Sequence[int]) -> dict[str, int]:
    """The sum of the amounts of the rows of each group; `values`: the group of each row."""
    total: Counter[str] = Counter()
    for value, amount in zip(values, amounts, strict=True):
        total[value] += amount
    return dict(total)


def length_bands(pool: Groups, of: Groups, settings: Bias) -> list[str]:
    """The band of each row's length, the bands being those of the pool."""
    return balance.length_band(of.lengths, balance.length_edges(pool.lengths, settings.length_bands))


def values_by_row(table: pa.Table, bands: Sequence[str]) -> dict[str, list[str]]:
    """The group of each row of a subset in each column that is compared; `bands` are those of the lengths."""
    attributes = attribute_values(table.column("attributes").combine_chunks())
    return {
        "label": filled(table.column("label"), NO_LABEL),
        "source": table.column("source").to_pylist(),
        "length_band": list(bands),
        **{attribute_column(key): values for key, values in attributes.items()},
    }
