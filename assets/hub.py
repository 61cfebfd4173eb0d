"""Data sets on the Hugging Face hub: their rows, and the commit that they stand at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

from assets import tables
from assets.errors import SourceError
from assets.methods import reading
from assets.methods.rows import Item, Row
from assets.source_params import Source

# Before any Hugging Face package is imported: they read these once.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")  # they would write into our own


def shown(source: Source) -> str:
    """How a data set is shown: `hub:owner/name/subset/split`."""
    parts = ["hub:" + (source.hub or ""), *([source.subset] if source.subset else []), source.split]
    return tables.escape("/".join(parts), 400)


def rows(source: Source) -> Iterator[Row]:
    """The rows of the data set, at most `limit`, numbered from 1. Raises `SourceError` if it cannot be loaded."""
    import datasets

    try:
        dataset = datasets.load_dataset(
            source.hub, name=source.subset, split=source.split, revision=source.revision, streaming=False
        )
    # Its HTTP client, its file formats and its own checks each raise errors of their own kinds; all mean the same here.
    except Exception as error:
        raise _unreachable(source, error) from error
    return islice(dataset_rows(dataset), source.limit)


def dataset_rows(dataset: Any) -> Iterator[Row]:
    """The rows of a `datasets.Dataset`; classes by their names, -1 (which means none) and null as null."""
    classes = {column: feature.names for column, feature in dataset.features.items() if hasattr(feature, "names")}
    start = 1
    for table in dataset.with_format("arrow").iter(batch_size=1000):
        for row in reading.arrow_rows(table, start):
            if isinstance(row, Item):
                for column, names in classes.items():
                    row.value[column] = _class(row.value[column], names)
            yield row
        start += table.num_rows


def _class(number: int | None, names: list[str]) -> str | int | None:
    if number is None or number == -1:
        return None
    return names[number] if 0 <= number < len(names) else number


def commit(source: Source) -> str:
    """The commit that the revision stands for, asked of the hub unless it is one. Raises `SourceError`."""
    revision = source.revision or ""
    if len(revision) == 40 and all(digit in "0123456789abcdef" for digit in revision):
        return revision
    import huggingface_hub

    try:
        return str(huggingface_hub.HfApi().dataset_info(source.hub or "", revision=source.revision).sha)
    # As above: which of its HTTP client's errors it was makes no difference.
    except Exception as error:
        raise _unreachable(source, error) from error


def _unreachable(source: Source, error: Exception) -> SourceError:
    lines = str(error).strip().splitlines()
    why = tables.escape(lines[0] if lines else type(error).__name__, 200)
    return SourceError(
        f"hub:{tables.escape(source.hub or '')}: cannot be loaded ({why}); check the id, subset, split and revision, "
        "and the network (offline: fill the cache first, set HF_HUB_OFFLINE=1 and state `revision` as a commit; "
        "private: set HF_TOKEN)"
    )
