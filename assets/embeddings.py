"""embeddings: one unit-length vector per record of cleaned_data, in the same order."""

from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import code, materializing, models, plots, reporting, tables, vectors
from assets.errors import DataError
from assets.methods.encoding import Encoder
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
        settings = workspace.params.embeddings
        located = models.locate(settings.model, settings.revision)
        model = models.fingerprint(located)
    return materializing.materialize(
        workspace,
        "embeddings",
        lambda folder: _produce(workspace, progress, located, model, folder),
        upstream=["cleaned_data"],
        settings=["embeddings"],
        extra=model,
        idle={"rows embedded": 0},
    )


def _produce(
    workspace: Workspace, progress: Progress, located: models.LocatedModel, model: str, folder: Path
) -> Report:
    settings = workspace.params.embeddings
    cleaned = tables.read(workspace.require("cleaned_data"), ["id", "messages"])
    if not cleaned.num_rows:
        raise DataError("data/cleaned_data has no rows: every record was dropped; see dropped.parquet for the reasons")
    texts = [text_of(turns, settings.text) for turns in cleaned.column("messages").to_pylist()]
    device = vectors.resolve_device(settings.device)
    cache = vectors.VectorCache(workspace.vectors, vectors.recipe(model, settings.max_tokens, device))
    with progress.task("embedding", len(texts)) as advance:
        embedded = vectors.embed(
            texts,
            cache,
            lambda: Encoder(located.folder, max_tokens=settings.max_tokens, device=device),
            settings.batch_tokens,
            advance,
        )
    write(folder, cleaned.column("id"), embedded.vectors)
    tables.write_json(folder / "model.json", {"name": located.name, "fingerprint": model})
    return report(embedded, located.name, model)


def text_of(turns: list[dict[str, str]], what: str) -> str:
    """The text that stands for a record: all its turns, or (`prompt`) those before the last answer."""
    if what == "prompt" and turns[-1]["role"] == "assistant" and len(turns) > 1:
        turns = turns[:-1]
    return "\n".join(turn["content"] for turn in turns)


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


def report(embedded: vectors.Embedded, model_name: str, model: str) -> Report:
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
        },
        work={
            "rows embedded": embedded.computed,
            "rows from the cache": embedded.cached,
            "rows with a text embedded for another row": embedded.repeated,
            "damaged cache files removed": embedded.discarded,
        },
        schema=reporting.columns(tables.embeddings_schema(dimensions)),
        pictures={"tokens": reporting.picture(plots.histogram(embedded.tokens, "tokens per text", log=True))},
        metrics={"rows": rows, "dimensions": dimensions, "cut": embedded.cut},
    )
