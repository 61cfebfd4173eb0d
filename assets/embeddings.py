"""embeddings: one unit-length vector per record of cleaned_data, in the same order."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import code, encoding, materializing, plots, quantization, reporting, tables, vectors
from assets.errors import DataError
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace


@dg.asset(
    deps=["cleaned_data"],
    group_name="selection",
    kinds={"huggingface", "pytorch"},
    code_version=code.code_version("embeddings"),
    pool="workspace",
)
def embeddings(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """One unit-length vector per record, by any Hugging Face encoder.

    Vectors are kept by model and text, so that only text that was never seen before is embedded.
    """
    with materializing.one_line_failures():
        encoder = encoding.choose(workspace)
    return materializing.materialize(
        workspace,
        "embeddings",
        lambda folder: _produce(workspace, progress, encoder, folder),
        upstream=["cleaned_data"],
        settings=["embeddings"],
        extra=encoder.fingerprint,
        idle={"rows embedded": 0},
    )


def _produce(workspace: Workspace, progress: Progress, encoder: encoding.ChosenEncoder, folder: Path) -> Report:
    cleaned = tables.read(workspace.require("cleaned_data"), ["id", "messages"])
    if not cleaned.num_rows:
        raise DataError("data/cleaned_data has no rows: every record was dropped; see dropped.parquet for the reasons")
    what = workspace.params.embeddings.text
    texts = [encoding.text_of(turns, what) for turns in cleaned.column("messages").to_pylist()]
    embedded = encoding.embed(workspace, progress, encoder, texts)
    write(folder, cleaned.column("id"), embedded.vectors)
    name = encoder.located.name
    tables.write_json(folder / "model.json", {"name": name, "fingerprint": encoder.fingerprint})
    if workspace.params.embeddings.quantize == "none":
        return report(embedded, name, encoder.fingerprint)
    correlation = encoding.rank_correlation(workspace, progress, encoder, texts, embedded.vectors)
    return report(embedded, name, encoder.fingerprint, {quantization.METRIC: correlation})


def write(folder: Path, ids: pa.ChunkedArray, array: np.ndarray) -> None:
    """Write ids and their vectors (n×d float32)."""
    schema = tables.embeddings_schema(array.shape[1])
    writer = tables.ShardWriter(folder, schema)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), type=schema.field("vector").type)
    writer.write(pa.table({"id": ids.combine_chunks(), "vector": flat}, schema=schema))
    writer.close()


def read(folder: Path) -> tuple[list[str], np.ndarray]:
    """The ids and the vectors (n×d float32), in row order."""
    table = tables.read(folder)
    array = table.column("vector").combine_chunks()
    flat = array.flatten().to_numpy(zero_copy_only=False)
    return table.column("id").to_pylist(), flat.reshape(len(array), array.type.list_size)


def aligned(workspace: Workspace, ids: list[str]) -> np.ndarray:
    """The vectors of the records with these ids, in this order; raises `DataError` when they are of another pool."""
    known, array = read(workspace.require("embeddings"))
    if known != ids:
        raise DataError("data/embeddings belongs to another state of cleaned_data: materialize embeddings again")
    return array


def report(
    embedded: vectors.Embedded, model_name: str, model: str, precision: Mapping[str, float | None] | None = None
) -> Report:
    """What there is to say about the vectors."""
    rows, dimensions = embedded.vectors.shape
    return Report(
        rows=rows,
        facts={
            "model": model_name,
            "model fingerprint": model,
            "dimensions": dimensions,
            "texts cut at max_tokens": embedded.cut,
            "median tokens": float(np.median(embedded.tokens)),
            **({"int8": quantization.sentence(precision[quantization.METRIC])} if precision else {}),
        },
        work={
            "rows embedded": embedded.computed,
            "rows from the cache": embedded.cached,
            "rows with a text embedded for another row": embedded.repeated,
            "damaged cache files removed": embedded.discarded,
        },
        schema=reporting.columns(tables.embeddings_schema(dimensions)),
        pictures={"tokens": reporting.picture(plots.histogram(embedded.tokens, "tokens per text", log=True))},
        metrics={"rows": rows, "dimensions": dimensions, "cut": embedded.cut, **(precision or {})},
    )
