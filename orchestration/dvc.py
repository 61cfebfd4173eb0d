"""DVC for versions: running it, reading dvc.yaml and dvc.lock, and looking whether its cache is whole.

What a version is stands in `versions.py`; nothing here knows of tags or subsets.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assets.errors import VersionError
from orchestration.git import run

# autostage would put dvc.lock into the user's index; analytics and check_update would use the network.
CONFIG = "[core]\n    analytics = false\n    check_update = false\n    autostage = false\n"

Lock = Mapping[str, Any]  # the stages of a dvc.lock

# As safe as SafeLoader and several times as fast, where PyYAML was built with libyaml.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
            document = yaml.load((self.root / "dvc.yaml").read_bytes(), _Loader)
            return dict(document["stages"])
        except FileNotFoundError:
            raise VersionError(f"dvc.yaml: not found in {self.root}; run this in the project's root") from None
        except (yaml.YAMLError, TypeError, KeyError, ValueError):
            raise VersionError("dvc.yaml: not a pipeline of DVC: expected a mapping with `stages`") from None

    def commit(self, stages: Mapping[str, Any]) -> None:
        """Record what `stages` (of dvc.yaml) depend on and made, as it now is.

        DVC loads the pipeline again for every name, so only the last ones are named, and it follows dependencies. New
        entries are written in the order in which it comes to them: those are named one by one, in that of dvc.yaml.
        """
        path = self.root / "dvc.lock"
        is_known = path.exists() and stages.keys() <= parse_lock(path.read_bytes()).keys()
        self("commit", "--force", *(("--with-deps", *_last(stages)) if is_known else stages))

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
        return dict(yaml.load(content, _Loader)["stages"])
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


def upstream(stages: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The `stages` that make what stage `name` depends on, directly or not, in their order; all if there is no such."""
    if name not in stages:
        return dict(stages)
    found: set[str] = set()
    waiting = [name]
    while waiting:
        needed = _paths(stages[waiting.pop()], "deps")
        new = {each for each, stage in stages.items() if _makes_one_of(stage, needed)} - found
        found |= new
        waiting += new
    return {each: stage for each, stage in stages.items() if each in found}


def _last(stages: Mapping[str, Any]) -> list[str]:
    """Those of `stages` that make nothing which another of them depends on."""
    needed = [path for stage in stages.values() for path in _paths(stage, "deps")]
    return [name for name, stage in stages.items() if not _makes_one_of(stage, needed)]


def _makes_one_of(stage: Any, paths: Iterable[str]) -> bool:
    """Whether a path is an output of the stage, or lies in one."""
    outs = _paths(stage, "outs")
    return any(path == out or path.startswith(f"{out}/") for path in paths for out in outs)


def _paths(stage: Any, kind: str) -> list[str]:
    """The paths of a stage's "deps" or "outs"; an entry with options is a mapping of one key."""
    entries = stage.get(kind) if isinstance(stage, Mapping) else None
    return [str(path) for entry in entries or () for path in (entry if isinstance(entry, Mapping) else (entry,))]


def _missing_objects(cache: Path, digest: str) -> int:
    """How many files that make up the object `digest` are not in the cache; 1 for a folder whose list is missing."""
    file = cache / digest[:2] / digest[2:]
    if not file.exists():
        return 1
    if not digest.endswith(".dir"):
        return 0
    members = {member["md5"] for member in json.loads(file.read_bytes())}
    return sum(not (cache / md5[:2] / md5[2:]).exists() for md5 in members)
