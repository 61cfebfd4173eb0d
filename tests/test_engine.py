"""Row-wise work keeps rows, order and types, whatever the size of the batches."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assets import engine, tables

SCHEMA = pa.schema(
    [
        pa.field("n", pa.int64()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("map", pa.map_(pa.string(), pa.string())),
    ]
)
DOUBLED = pa.schema([pa.field("double", pa.int64()), pa.field("first", pa.string())])


def test_rows_come_back_in_order_with_the_columns_to_keep(tmp_path: Path) -> None:
    rows = 3 * engine.BATCH_ROWS + 17
    with tables.replacing(tmp_path / "t") as fresh:
        writer = tables.ShardWriter(fresh, SCHEMA, rows=1500)
        words, maps = [[f"w{i}", "x"] for i in range(rows)], [[("k", str(i))] if i % 3 else [] for i in range(rows)]
        writer.write(pa.table({"n": range(rows), "words": words, "map": maps}, schema=SCHEMA))
        writer.close()

    def double(batch: pa.Table) -> pa.Table:
        assert batch.schema == pa.schema([SCHEMA.field(name) for name in ("n", "words", "map")])
        return pa.table(
            {"double": pc.multiply(batch.column("n"), 2), "first": pc.list_element(batch.column("words"), 0)}
        )

    result = pa.concat_tables(
        engine.map_rows(tmp_path / "t", ["n", "words", "map"], double, DOUBLED, keep=["n", "map"])
    )
    assert result.column("n").to_pylist() == list(range(rows))
    assert result.column("map").to_pylist() == maps
    assert result.column("double").to_pylist() == [2 * n for n in range(rows)]
    assert result.column("first").to_pylist() == [f"w{n}" for n in range(rows)]


def test_an_empty_table_gives_no_rows(tmp_path: Path) -> None:
    with tables.replacing(tmp_path / "t") as fresh:
        tables.ShardWriter(fresh, SCHEMA).close()
    found = list(engine.map_rows(tmp_path / "t", ["n"], lambda batch: batch, pa.schema([SCHEMA.field("n")])))
    assert sum(table.num_rows for table in found) == 0
