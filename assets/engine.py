"""The table engine: row-wise work over Parquet shards runs on Daft.

One machine uses Daft's native runner; the plan is the same wherever it runs. Callers give a function from an Arrow
table to an Arrow table and get the results back in row order, so that nothing else in the project knows Daft.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets import tables

BATCH_ROWS = 2_000


def map_rows(
    folder: Path,
    columns: Sequence[str],
    function: Callable[[pa.Table], pa.Table],
    schema: pa.Schema,
    keep: Sequence[str] = (),
) -> Iterator[pa.Table]:
    """Apply `function` to batches of the table in `folder`; yield its rows beside the columns to `keep`, in row order.

    `function` gets the named columns, of the types they have on disk, and returns as many rows as it got, with the
    given schema. Batches run side by side, one a thread, so it must not change anything it shares. Memory: a few
    batches.
    """
    os.environ["DAFT_ANALYTICS_ENABLED"] = "0"  # read when Daft is imported
    import daft

    result_type = pa.struct(list(schema))
    types = pa.schema([tables.schema_of(folder).field(name) for name in columns])

    @daft.func.batch(return_dtype=daft.DataType.from_arrow_type(result_type), batch_size=BATCH_ROWS)
    def apply(*series: Any) -> pa.Array:
        batch = pa.table({name: one.to_arrow() for name, one in zip(columns, series, strict=True)}).cast(types)
        result = function(batch).cast(schema)
        return pa.StructArray.from_arrays([c.combine_chunks() for c in result.columns], fields=list(schema))

    frame = daft.read_parquet([str(shard) for shard in tables.shards(folder)])
    frame = frame.select(apply(*(daft.col(name) for name in columns)).alias("result"))
    # The columns to keep do not pass through Daft: maps may come back from it with null keys, which Arrow refuses by
    # ending the process.
    kept = tables.Handout(tables.batches(folder, keep)) if keep else None
    for batch in frame.to_arrow_iter():
        result = pa.Table.from_batches([batch]).column("result").combine_chunks()
        computed = {
            field.name: pa.chunked_array([column]).cast(field.type)
            for field, column in zip(schema, result.flatten(), strict=True)
        }
        carried = {} if kept is None else dict(zip(keep, kept.take(len(result)).select(keep).columns, strict=True))
        yield pa.table({**carried, **computed})
