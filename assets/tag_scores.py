"""The tagger's part of `uncertainty_scores`: how sure the tags of the words of each sentence are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.progress import Progress
from assets.score_part import Part, empty
from assets.workspace import Workspace

REASON = "tagging_null_reason"


def choose(workspace: Workspace) -> str:
    return ""


def part(
    workspace: Workspace, progress: Progress, messages: pa.ChunkedArray, asked: npt.NDArray[np.bool_], why: str
) -> Part:
    return empty(REASON, len(asked), why)
