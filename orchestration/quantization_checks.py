"""The asset checks of int8: whether a quantised model still ranks as it does in full precision. They warn only."""

import dagster as dg

from assets import quantization
from assets.workspace import Workspace, read_json


def build_checks() -> list[dg.AssetChecksDefinition]:
    """One for each asset that may quantise a model."""
    return [_check("embeddings"), _check("uncertainty_scores")]


def _check(asset: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name="int8_ranks_alike",
        description=f"The rank correlation of int8 with full precision is {quantization.LEAST} or more; a warning.",
        blocking=False,
        pool="workspace",
    )
    def check(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
        metrics = read_json(workspace.metrics / f"{asset}.json") or {}
        if quantization.METRIC not in metrics:
            return dg.AssetCheckResult(passed=True, description="no model is quantised (quantize: none)")
        found = metrics[quantization.METRIC]
        return dg.AssetCheckResult(
            passed=found is None or found >= quantization.LEAST,
            severity=dg.AssetCheckSeverity.WARN,
            description=quantization.sentence(found),
            metadata={} if found is None else {"rank correlation": found},
        )

    return check
