"""DVC for versions: running it, reading dvc.yaml and dvc.lock, and looking whether its cache is whole.

What a version is stands in `versions.py`; nothing here knows of tags or subsets.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assets.errors import VersionError
from orchestration.git import run

# autostage would put dvc.lock into the user's index; analytics and check_update would use the network.
CONFIG = "[core]\n    analytics = false\n    check_update = false\n    autostage = false\n"

Lock = Mapping[str, Any]  # the stages of a dvc.lock


def inside_repro() -> bool:
    """Whether this process runs as, or below, the command of a stage of `dvc repro`, which holds DVC's locks."""
    return "DVC_STAGE" in os.environ


@dataclass(frozen=True)
class Dvc:
    """The DVC project in `root`. Each call of the tool takes half a second to two seconds."""

    root: Path

    def __call__(self, *arguments: str) -> str:
        """Run a DVC command, waiting for its lock, and return what it printed; `VersionError` if it fails."""
        # -P: a file of the project must not stand in for a module that DVC imports.
        command = [sys.executable, "-P", "-m", "dvc", "--wait-for-lock", *arguments]
        done = run(command, f"dvc {arguments[0]}", self.root, extra={"DVC_NO_ANALYTICS": "1"})
        return done.stdout.decode("utf-8", "replace")

    def stages(self) -> dict[str, Any]:
        """The stages of dvc.yaml, in its order."""
        try:
            document = yaml.safe_load((self.root / "dvc.yaml").read_bytes())
            return dict(document["stages"])
        except FileNotFoundError:
            raise VersionError(f"dvc.yaml: not found in {self.root}; run this in the project's root") from None
        except (yaml.YAMLError, TypeError, KeyError, ValueError):
            raise VersionError("dvc.yaml: not a pipeline of DVC: expected a mapping with `stages`") from None

    def missing(self, lock: Lock, is_kept: Callable[[str], bool]) -> list[str]:
        """The outs of `lock` whose content is not whole in the cache, with the number of missing files.

        `is_kept` says of a path whether the cache is where it is kept (metrics are in Git). Cost: one call of DVC and
        one look per file.
        """
        cache = Path(self("cache", "dir").strip(), "files", "md5")
        missing = []
        for path, digest in hashes(lock, "outs").items():
            if is_kept(path) and (count := _missing_objects(cache, digest)):
                missing.append(f"{path} ({count} {'file' if count == 1 else 'files'})")
        return missing


def parse_lock(content: bytes, name: str = "dvc.lock") -> dict[str, Any]:
    """The stages of a dvc.lock; `name` stands in the message of the `VersionError` if it is none."""
    try:
        return dict(yaml.safe_load(content)["stages"])
    except (yaml.YAMLError, TypeError, KeyError, ValueError):
        raise VersionError(f"{name}: not a lock file of DVC; restore it from Git, or delete it and run again") from None


def hashes(lock: Lock, kind: str) -> dict[str, str]:
    """The MD5 of each of the "outs" or "deps" in `lock`, by path."""
    items = (item for entry in lock.values() for item in entry.get(kind, ()))
    return {item["path"]: item["md5"] for item in items if "md5" in item}


def without_stage(lock: bytes, stage: str) -> bytes:
    """The bytes of a dvc.lock as DVC writes it before `stage` has run for the first time.

    Done on the text, so that every other byte stays; then checked against what the text means.
    """
    block = re.compile(rb"^  " + re.escape(stage.encode()) + rb":.*\n(?:   .*\n|  -.*\n)*", re.MULTILINE)
    stripped = block.sub(b"", lock, count=1)
    if parse_lock(stripped) != {name: entry for name, entry in parse_lock(lock).items() if name != stage}:
        raise VersionError("dvc.lock: not laid out as DVC writes it; delete it and run again")
    return stripped


def _missing_objects(cache: Path, digest: str) -> int:
    """How many files that make up the object `digest` are not in the cache; 1 for a folder whose list is missing."""
    file = cache / digest[:2] / digest[2:]
    if not file.exists():
        return 1
    if not digest.endswith(".dir"):
        return 0
    members = {member["md5"] for member in json.loads(file.read_bytes())}
    return sum(not (cache / md5[:2] / md5[2:]).exists() for md5 in members)
