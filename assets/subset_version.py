"""subset_version: the subset as a version that can be named, fetched and returned to."""

import hashlib
import json
from typing import Any

import dagster as dg

from assets import code, materializing, verdict
from assets.errors import DataError
from assets.selected_subset import NO_LABEL
from assets.versioning import SubsetIdentity, VersionStore
from assets.workspace import Workspace, read_json


class VersionConfig(dg.Config):
    """What a person may ask for when they launch the asset."""

    major: bool = False


@dg.asset(
    deps=["selected_subset"],
    group_name="selection",
    kinds={"dvc", "git"},
    code_version=code.code_version("subset_version"),
    pool="workspace",
)
def subset_version(
    config: VersionConfig, workspace: dg.ResourceParam[Workspace], versions: dg.ResourceParam[VersionStore]
) -> dg.MaterializeResult[None]:
    """The subset as a DVC and Git version, `sft-subset@vMAJOR.MINOR.PATCH`: patch = new data only, minor = settings
    or code changed, major = on request. A subset whose checks have not passed is refused; one that is already a
    version makes no new one. The user's branch, index and files stay as they are.
    """
    with materializing.one_line_failures():
        folder_hash = workspace.content_hash("selected_subset")
        verdict.require(workspace.reports / "checks.json", folder_hash)
        subset = identity(workspace, folder_hash)
        versions.commit_data()
        publication = versions.publish(subset, major=config.major)
    version = publication.version
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version.identity.rows_hash),
        metadata={
            "version": version.name,
            "new": publication.is_new,
            "why": publication.why,
            "tag": version.tag,
            "commit": version.commit,
            "summary": version.identity.summary,
            "fetch": f"dvc get . data/selected_subset --rev {version.tag}",
            "dagster/row_count": subset.rows,
        },
    )


def identity(workspace: Workspace, folder_hash: str) -> SubsetIdentity:
    """What tells the present subset from others, read from its manifest."""
    manifest = read_json(workspace.require("selected_subset") / "manifest.json")
    if manifest is None:
        raise DataError("data/selected_subset/manifest.json is missing or damaged: materialize selected_subset again")
    rows, by_label = int(manifest["rows"]), manifest["grouped_by"] == "label"
    groups = len(set(manifest["classes"]) - {NO_LABEL}) if by_label else len(manifest["sources"])
    kind = ("class", "classes") if by_label else ("source", "sources")
    counted = f"{rows:,} of {manifest['pool_rows']:,} rows, {groups} {kind[groups > 1]}"
    preset = manifest.get("preset")  # earlier releases had none
    return SubsetIdentity(
        rows=rows,
        rows_hash=str(manifest["rows_hash"]),
        folder_hash=folder_hash,
        settings_hash=_hash(manifest["settings"]),
        code_hash=_hash([manifest["code"], manifest["packages"]]),
        summary=f"{counted}, {preset}" if preset else counted,
    )


def _hash(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()
