"""Likeness as it was measured before: so that another budget, weight or quota compares nothing again.

One file for each target as it was set, of the pool as it was; the ones used last are kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assets import code
from assets.targets import Likeness

MEMORIES = 20  # each takes some 32 bytes a row
_SAID = b"said"


def recall(folder: Path, made_of: list[str], rows: int, measure: Callable[[], Likeness]) -> Likeness:
    """The likeness that was made of the same as `made_of`, for a pool of `rows`; measured and kept if there is none.

    The code of the selection and the releases of the packages count, too. A damaged file is as good as none.
    """
    parts = [*made_of, code.code_version("targets"), json.dumps(code.package_versions(), sort_keys=True)]
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    path = folder / f"{digest}.parquet"
    known = _read(path, rows)
    if known is not None:
        path.touch()
        return known
    found = measure()
    _write(path, found)
    newest = sorted(folder.glob("*.parquet"), key=lambda other: other.stat().st_mtime, reverse=True)
    for other in newest[MEMORIES:]:
        other.unlink(missing_ok=True)
    return found


def _write(path: Path, found: Likeness) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {"best": found.best, "mean": found.mean, "item": found.item}
    if found.contrast is not None:
        columns["contrast"] = found.contrast
    said = json.dumps({"items": found.items, "notes": found.notes})
    temporary = path.with_name(f".{path.name}.new")
    pq.write_table(pa.table(columns).replace_schema_metadata({_SAID: said.encode()}), temporary)
    temporary.replace(path)


def _read(path: Path, rows: int) -> Likeness | None:
    try:
        table = pq.read_table(path, partitioning=None)
        said = json.loads((table.schema.metadata or {})[_SAID])
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        items, notes = [str(item) for item in said["items"]], tuple(str(note) for note in said["notes"])
        best, mean, item = columns["best"], columns["mean"], columns["item"]
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    if table.num_rows != rows or np.any(item >= len(items)):
        return None
    contrast: npt.NDArray[np.float64] | None = columns.get("contrast")
    return Likeness(best, mean, contrast, item, items, notes)
