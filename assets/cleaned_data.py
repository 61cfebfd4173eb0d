"""cleaned_data: the sound records, normalised and each once; every row that is left out with its reason.

In four passes: the steps over raw_data, which yields the sound rows; those rows against evaluation sets; against each
other, for duplicates; and writing what stays. Duplicates in meaning need vectors, and those are asked of the very cache
that `embeddings` reads afterwards: so the whole ledger of drops is this table's, `embeddings` holds a vector for each
row of it and of nothing else, and no text is embedded twice.
"""

import dagster as dg

from assets import cleaning, code, encoding, materializing, references, step_inputs
from assets.progress import Progress
from assets.versioning import VersionStore
from assets.workspace import Workspace


@dg.asset(
    deps=["raw_data"],
    group_name="selection",
    kinds={"daft", "parquet"},
    code_version=code.code_version("cleaned_data"),
    pool="workspace",
)
def cleaned_data(
    workspace: dg.ResourceParam[Workspace],
    progress: dg.ResourceParam[Progress],
    versions: dg.ResourceParam[VersionStore],
) -> dg.MaterializeResult[None]:
    """The sound records: normalised, within bounds, free of evaluation items, each once.

    Every row that is left out stands in `dropped.parquet` with the step, the reason, the value, the bound and, for a
    duplicate, the id of the row that was kept. `statistics.parquet` holds what was measured of every row.
    """
    with materializing.one_line_failures():
        settings = workspace.params.cleaned_data
        encoder = encoding.choose(workspace) if settings.wants_vectors else None
        against = (*settings.dedup.against, *settings.decontamination.against)
        extra = [
            step_inputs.fingerprint(settings, workspace.root),
            references.fingerprint(against, workspace, versions),
            encoder.fingerprint if encoder else "",
        ]
    return materializing.materialize(
        workspace,
        "cleaned_data",
        lambda folder: cleaning.produce(workspace, progress, versions, encoder, folder),
        upstream=["raw_data"],
        settings=["cleaned_data", "embeddings"] if settings.wants_vectors else ["cleaned_data"],
        extra="\n".join(extra),
    )
