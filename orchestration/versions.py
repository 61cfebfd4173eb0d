"""Versions of the subset: makes, lists, finds and restores them with DVC, GTO's tag names and Git.

With `git.py`, `dvc.py` and `tags.py`, the only module that calls these tools. A version is an annotated Git tag
`sft-subset@vX.Y.Z`, which GTO and DVC read as a registered artifact version, on a commit made beside the user's branch
(its parent is HEAD). That commit holds dvc.yaml, dvc.lock, params.yaml and the metrics of the moment; its message holds
the subset's identity. The data itself is in DVC's cache, by the hashes in dvc.lock.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from assets.errors import VersionError
from assets.tables import content_hash, escape
from assets.versioning import Publication, SubsetIdentity, Version
from orchestration import tags
from orchestration.dvc import CONFIG, Dvc, Lock, hashes, inside_repro, parse_lock, upstream, without_stage
from orchestration.git import Git

SUBSET = "data/selected_subset"
METRICS = "data/metrics"
VERSION_STAGE = "subset_version"  # the DVC stage that publishes; it has no outs
# What a version holds besides the metrics. Those after the first three are there so that plain `dvc` commands work
# on the version even if the user has committed none of them yet.
_FILES = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", "data/.gitignore")
_NEEDED = _FILES[:3]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rollback:
    """What a roll back did."""

    version: Version
    files: tuple[str, ...]  # files of the version that were written: dvc.lock, params.yaml and the metrics
    params_copy: Path | None  # where the unsaved params.yaml was kept, if there was one


class Versions:
    """The versions of the project in `root`; implements `assets.versioning.VersionStore`.

    Cost: listing and an unchanged `publish` take one Git call (about 10 ms). Each call of DVC takes half a second to
    two seconds: `commit_data` makes one, a new version two, a roll back three.
    """

    def __init__(self, root: Path, name: str = "sft-subset") -> None:
        self.root, self.name = root, name
        self.git, self.dvc = Git(root), Dvc(root)

    # -- making ------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the project ready for versions: check Git, and initialise DVC if it is not, staging nothing.

        `VersionError` if Git is missing or `root` is not the top of a Git work tree.
        """
        self.git.require()
        if (self.root / ".dvc").is_dir():
            return
        # `dvc init` stages its files; so it runs in a repository of its own, and they are taken from there.
        with TemporaryDirectory(prefix="pickwise-") as scratch:
            Git(Path(scratch))("init")
            Dvc(Path(scratch))("init")
            fresh = self.root / ".dvc.new"
            shutil.rmtree(fresh, ignore_errors=True)  # left by a killed run
            fresh.mkdir()
            shutil.copyfile(Path(scratch, ".dvc", ".gitignore"), fresh / ".gitignore")
            (fresh / "config").write_text(CONFIG, encoding="utf-8")
            if not (self.root / ".dvcignore").exists():
                shutil.copyfile(Path(scratch, ".dvcignore"), self.root / ".dvcignore")
            fresh.rename(self.root / ".dvc")

    def commit_data(self) -> None:
        """Record the present content of every data stage in dvc.lock and in DVC's cache; `dvc status` is clean then.

        Inside a stage of `dvc repro` this does nothing: DVC does it itself, and holds its lock meanwhile.
        """
        if inside_repro():
            logger.info("inside `dvc repro`, which records the data itself: nothing to commit")
            return
        self.prepare()
        self._set_damaged_lock_aside()
        # A stage of the user's own that trains on the subset has not run yet.
        self.dvc.commit(upstream(self.dvc.stages(), VERSION_STAGE))

    def _set_damaged_lock_aside(self) -> None:
        """DVC writes dvc.lock in place, so a kill can leave half of it, and then refuses to work at all.

        What the lock says of the data is about to be recorded anew, so nothing is lost with it.
        """
        path = self.root / "dvc.lock"
        if not path.exists():
            return
        try:
            parse_lock(path.read_bytes())
        except VersionError as error:
            logger.warning("%s; a killed run may have left it so, and it is recorded anew", error)
            path.unlink()

    def publish(self, identity: SubsetIdentity, major: bool = False) -> Publication:
        """Register the present subset as the next version, unless a version already holds the same rows.

        The first version is v1.0.0; then `major` on request, minor if settings or code differ from the latest version,
        else patch. The user's branch, index, worktree and HEAD stay as they are. The tag is made last and atomically:
        a publisher that is killed, or loses a race, leaves a commit that nothing refers to.
        `VersionError`, and no version, if dvc.lock or DVC's cache does not hold the subset that `identity` describes.
        """
        lock = self._lock_of(identity)
        is_recorded = self._is_recorded(lock, identity)
        known = tags.read(self.git, self.name)
        same = next((v for v in known.versions if v.identity.rows_hash == identity.rows_hash), None)
        if same:
            self._record(is_recorded)
            ignored = ", so no major version was made" if major else ""
            return Publication(same, is_new=False, why=f"same rows as {same.name}{ignored}")
        if missing := self.dvc.missing(lock, _is_data):
            raise VersionError(f"{missing[0]}: recorded in dvc.lock but not in DVC's cache; run `dvc commit`")
        bump, why = tags.compare(identity, known, major)
        name = tags.next_name(bump, known)
        tag = f"{self.name}@{name}"
        commit = self.git.side_commit(self._snapshot(), METRICS, tags.message(tag, identity, why))
        try:
            self.git.tag(tag, commit, f"Registering artifact {self.name} version {name}\n")  # GTO's own words
        except VersionError as error:
            raise VersionError(f"{tag}: not registered; if another run was faster, run again ({error})") from None
        self._record(is_recorded)
        return Publication(self.find(name), is_new=True, why=why)

    # -- listing -----------------------------------------------------------------------------------------------------

    def versions(self) -> list[Version]:
        """All versions, highest first. Tags that look like versions but are none are skipped, with a warning."""
        known = tags.read(self.git, self.name)
        if known.skipped:
            shown = ", ".join(escape(tag, 60) for tag in known.skipped[:5])
            logger.warning("%d tags skipped that are no versions made by Pickwise: %s", len(known.skipped), shown)
        return known.versions

    def find(self, name: str) -> Version:
        """The version called `name`: v1.4.0, 1.4.0, sft-subset@v1.4.0 or latest (the highest)."""
        versions = self.versions()
        if not versions:
            raise VersionError(f"{escape(name)}: {self.name} has no version yet; `pickwise run` makes the first")
        if name == "latest":
            return versions[0]
        wanted = name.removeprefix(f"{self.name}@")
        for version in versions:
            if version.name in (wanted, f"v{wanted}"):
                return version
        known = ", ".join(version.name for version in versions[:10])
        more = f" and {len(versions) - 10} older" if len(versions) > 10 else ""
        raise VersionError(f"{escape(name)}: no such version of {self.name}; known: latest, {known}{more}")

    def fetch_subset(self, name: str, path: Path) -> Version:
        """Write the `subset.parquet` of the version called `name` to `path`, from DVC's cache or its remote.

        The worktree, dvc.lock and the version stay as they are. Raises `VersionError` where there is no such version,
        or where neither has its data.
        """
        version = self.find(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.dvc("get", ".", f"{SUBSET}/subset.parquet", "--rev", version.tag, "--out", str(path), "--force")
        return version

    # -- restoring ---------------------------------------------------------------------------------------------------

    def rollback(self, name: str, overwrite_params: bool = False) -> Rollback:
        """Restore dvc.lock, params.yaml, the metrics and the data of a version, byte for byte.

        dvc.yaml and the code stay: they are the user's, under the user's own Git history; stages that the present
        dvc.yaml does not have, or the version did not, are left alone. Content of data/ that no version and no
        `dvc commit` holds is replaced. Nothing is changed, and `VersionError` raised, if params.yaml holds edits that
        neither Git nor a version knows (unless `overwrite_params`, which keeps a copy), or data is missing from DVC's
        cache and no DVC remote is configured. If a tool fails on the way, the files are put back.
        """
        if inside_repro():
            raise VersionError(f"{escape(name)}: cannot roll back inside a stage of `dvc repro`; do it from outside")
        version = self.find(name)
        files = self.git.files(version.commit, "dvc.lock", "params.yaml", METRICS)
        if "dvc.lock" not in files or "params.yaml" not in files:
            raise VersionError(f"{version.tag}: its commit lacks dvc.lock or params.yaml; it cannot be restored")
        lock = parse_lock(files["dvc.lock"], f"{version.tag}:dvc.lock")
        stages = [stage for stage in self.dvc.stages() if stage in lock and stage != VERSION_STAGE]
        if not stages:
            raise VersionError(f"dvc.yaml: has none of the stages of {version.name}; restore it from Git")
        edited = self._params_edited(files["params.yaml"])
        if edited and not overwrite_params:
            raise VersionError(
                "params.yaml: holds edits that neither Git nor a version knows; commit them, or pass "
                f"--overwrite-params, which keeps a copy as params.before-{version.name}.yaml"
            )
        missing = self.dvc.missing(lock, _is_data)
        if missing and not self.dvc("remote", "list").strip():
            raise VersionError(
                f"{version.name}: DVC's cache lacks {', '.join(missing)} (`dvc gc`, or a clone of the repository?); "
                "add the DVC remote that has it (`dvc remote add -d NAME URL`) and try again"
            )
        copy = self._keep_params(version.name) if edited else None
        try:
            self._restore(version, files, stages, fetch=bool(missing))
        except VersionError:  # params.yaml is as it was, so the copy would only confuse
            if copy:
                copy.unlink()
            raise
        return Rollback(version, tuple(sorted(files)), copy)

    def _restore(self, version: Version, files: Mapping[str, bytes], stages: list[str], fetch: bool) -> None:
        """Write `files`, remove later metrics, and check out the data; put everything back if that fails."""
        present = {
            path: (self.root / path).read_bytes() for path in self._tracked() if path in files or not _is_data(path)
        }
        try:
            self._write(files, remove=present.keys() - files.keys())
            if fetch:
                self.dvc("fetch", *stages)  # succeeds even if the remote lacks some of it
                if missing := self.dvc.missing(parse_lock(files["dvc.lock"]), _is_data):
                    raise VersionError(f"neither DVC's cache nor its remote has {', '.join(missing)}")
            self.dvc("checkout", "--force", *stages)
            if (found := content_hash(self.root / SUBSET)) != version.identity.folder_hash:
                raise VersionError(f"{SUBSET}: is {found} after `dvc checkout`, not {version.identity.folder_hash}")
            if VERSION_STAGE in self.dvc.stages():
                self.dvc("commit", "--force", VERSION_STAGE)
        except BaseException as error:  # also when interrupted: half a roll back must not stay
            self._write(present, remove=files.keys() - present.keys())
            if not isinstance(error, VersionError | OSError):
                raise
            again = "; data/ may be mixed: run `dvc checkout --force`"
            try:
                self.dvc("checkout", "--force", *stages)
            except VersionError:
                raise VersionError(f"{version.name}: not restored; the files were put back: {error}{again}") from error
            raise VersionError(f"{version.name}: not restored, everything was put back: {error}") from error

    def _params_edited(self, target: bytes) -> bool:
        """Whether params.yaml would lose something: it exists, and no commit, index or version holds its content."""
        path = self.root / "params.yaml"
        if not path.exists() or path.read_bytes() == target:
            return False
        commits = [version.commit for version in tags.read(self.git, self.name).versions]
        places = ["HEAD", "", *commits]  # "" is the index
        known = self.git.ids([f"{place}:params.yaml" for place in places])
        return not self.git.hashes(path.read_bytes(), "params.yaml") & set(known)

    def _keep_params(self, version: str) -> Path:
        """Copy params.yaml to params.before-<version>.yaml, or -2, -3 … where that exists."""
        content, number = (self.root / "params.yaml").read_bytes(), 1
        while True:
            path = self.root / f"params.before-{version}{f'-{number}' if number > 1 else ''}.yaml"
            try:
                with path.open("xb") as file:
                    file.write(content)
                return path
            except FileExistsError:
                number += 1

    def _write(self, files: Mapping[str, bytes], remove: Iterable[str]) -> None:
        for path, content in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.new")
            temporary.write_bytes(content)
            os.replace(temporary, target)
        for path in remove:
            (self.root / path).unlink(missing_ok=True)

    # -- the project's files -----------------------------------------------------------------------------------------

    def _tracked(self) -> list[str]:
        """The files of the worktree that a version holds."""
        # Names with a dot in front are files that a killed run was writing.
        metrics = (p for p in (self.root / METRICS).rglob("*") if p.is_file() and not p.name.startswith("."))
        named = (self.root / path for path in _FILES if (self.root / path).is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in (*named, *metrics))

    def _snapshot(self) -> dict[str, bytes]:
        """The content of a version's commit. dvc.lock goes in without the entry of the stage that publishes.

        That entry is written after the version is made (by DVC itself inside `dvc repro`), so here it would be absent
        or, worse, that of the version before.
        """
        files = {path: (self.root / path).read_bytes() for path in self._tracked()}
        for path in _NEEDED:
            if path not in files:
                raise VersionError(f"{path}: not found in {self.root}; a version needs it")
        return files | {"dvc.lock": without_stage(files["dvc.lock"], VERSION_STAGE)}

    def _lock_of(self, identity: SubsetIdentity) -> Lock:
        """The stages of dvc.lock; `VersionError` unless it records the very subset that `identity` describes."""
        path = self.root / "dvc.lock"
        if not path.exists():
            raise VersionError("dvc.lock: not found, so no data is recorded yet; run `pickwise run` or `dvc repro`")
        lock = parse_lock(path.read_bytes(), "dvc.lock")
        recorded = hashes(lock, "outs").get(SUBSET)
        if recorded != identity.folder_hash:
            raise VersionError(
                f"{SUBSET}: dvc.lock records {recorded}, but the subset to publish is {identity.folder_hash}; "
                "the data changed in between: run `pickwise run` again"
            )
        return lock

    def _is_recorded(self, lock: Lock, identity: SubsetIdentity) -> bool:
        """Whether dvc.lock says already that this subset is published, or that is for `dvc repro` to write."""
        stage, entry = self.dvc.stages().get(VERSION_STAGE), lock.get(VERSION_STAGE, {})
        said = entry.get("cmd"), hashes({VERSION_STAGE: entry}, "deps").get(SUBSET)
        return stage is None or inside_repro() or said == (stage.get("cmd"), identity.folder_hash)

    def _record(self, is_recorded: bool) -> None:
        """Let dvc.lock say that the present subset is published, so that `dvc status` is clean."""
        if is_recorded:
            return
        try:
            self.dvc("commit", "--force", VERSION_STAGE)
        except VersionError as error:  # the version stands; only `dvc status` is not clean until the next run
            logger.warning("the version is registered, but dvc.lock does not say so yet: %s", error)


def _is_data(path: str) -> bool:
    """Whether DVC keeps the content of this out in its cache; Git keeps the metrics."""
    return not path.startswith(f"{METRICS}/")
