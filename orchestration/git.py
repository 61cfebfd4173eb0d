"""Git's plumbing for versions: objects, side commits and tags, and the running of command line tools.

Everything here leaves the user's branch, HEAD, index and worktree as they are. What a version is stands in
`versions.py`; nothing here knows of subsets.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from assets.errors import VersionError
from assets.tables import escape

# Variables that point Git at another repository or index; set while a Git hook runs, for example.
_REDIRECTIONS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)
# The user's hooks, signing and index features are for the user's own commits. Side commits and version tags are made
# by a machine that may have no key and no terminal: they are unsigned, and no hook sees them.
_OVERRIDES = {
    "core.hooksPath": os.devnull,
    "core.splitIndex": "false",
    "core.fsmonitor": "false",
    "tag.gpgSign": "false",
    "tag.forceSignAnnotated": "false",
    "i18n.commitEncoding": "utf-8",
}
_FALLBACK_IDENTITY = {"NAME": "Pickwise", "EMAIL": "pickwise@localhost"}


def run(
    command: Sequence[str],
    name: str,
    root: Path,
    stdin: bytes = b"",
    extra: Mapping[str, str] | None = None,
    allowed: Iterable[int] = (0,),
) -> subprocess.CompletedProcess[bytes]:
    """Run a tool in `root`, its output captured; `VersionError` with the tool's own reason if it fails.

    `name` is what the message calls the tool; `extra` adds variables to the environment; exit codes in `allowed` are
    not failures.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _REDIRECTIONS} | dict(extra or {})
    try:
        done = subprocess.run(list(command), cwd=root, input=stdin, env=environment, capture_output=True, check=False)
    except FileNotFoundError:
        if not root.is_dir():
            raise VersionError(f"{root}: no such folder") from None
        raise VersionError(f"{command[0]}: not found; install it, or put it on the PATH") from None
    if done.returncode not in allowed:
        raise VersionError(f"{name}: {_reason(done.stderr or done.stdout) or f'exit code {done.returncode}'}")
    return done


def _reason(output: bytes) -> str:
    """What a tool says is wrong, as one line: from its last line that is marked as an error, else its last line."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    marked = [n for n, line in enumerate(lines) if line.lower().startswith(("fatal:", "error:"))]
    return escape(" ".join(lines[marked[-1] :] if marked else lines[-1:]), 400)


@dataclass(frozen=True)
class Git:
    """The Git repository whose top folder is `root`."""

    root: Path

    def __call__(
        self, *arguments: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None, allowed: Iterable[int] = (0,)
    ) -> bytes:
        """Run a Git command and return what it printed; see `run`."""
        overrides = [part for key, value in _OVERRIDES.items() for part in ("-c", f"{key}={value}")]
        # Without GIT_OPTIONAL_LOCKS=0 a reading command may rewrite the user's index to refresh it.
        settings = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | dict(extra or {})
        name = f"git {arguments[0]}"
        return run(["git", *overrides, *arguments], name, self.root, stdin, settings, allowed).stdout

    def require(self) -> None:
        """Raise `VersionError` unless `root` is the top folder of a Git work tree."""
        top = self("rev-parse", "--show-toplevel", allowed=(0, 128)).decode().rstrip("\n")
        if not top:
            raise VersionError(f"{self.root}: versions are kept with Git, and this is no Git work tree; run `git init`")
        if Path(top).resolve() != self.root.resolve():
            raise VersionError(
                f"{self.root}: is a folder inside the Git repository {top}; versions need a repository whose top "
                "folder is the project's: run `git init` here, or move the project"
            )

    def head(self) -> str | None:
        """The id of the commit that HEAD is at; None on a branch without commits."""
        # Exit code 1: a branch without commits. Anything else, such as a broken object, is an error.
        return self("rev-parse", "--quiet", "--verify", "HEAD", allowed=(0, 1)).decode().strip() or None

    def ids(self, revisions: Sequence[str]) -> list[str | None]:
        """The object id of each revision (such as `HEAD:params.yaml`), None for one that does not exist."""
        lines = self("cat-file", "--batch-check=%(objectname)", stdin="".join(f"{r}\n" for r in revisions).encode())
        return [None if " " in line else line for line in lines.decode("utf-8", "surrogateescape").splitlines()]

    def files(self, commit: str, *paths: str) -> dict[str, bytes]:
        """The content of each file of `commit` that is one of `paths` or below one of them, by path."""
        listing = self("ls-tree", "-r", "-z", commit, "--", *paths).split(b"\0")[:-1]
        found = {}
        for entry in listing:
            about, path = entry.split(b"\t", 1)
            found[os.fsdecode(path)] = self("cat-file", "blob", about.split()[2].decode())
        return found

    def hashes(self, content: bytes, path: str) -> set[str]:
        """The ids that `content` has as it is, and as Git would store it at `path` (line endings converted)."""
        plain = self("hash-object", "--no-filters", "--stdin", stdin=content)
        stored = self("hash-object", "--path", path, "--stdin", stdin=content)
        return {plain.decode().strip(), stored.decode().strip()}

    def side_commit(self, files: Mapping[str, bytes], replaced: str, message: str) -> str:
        """Commit HEAD's tree with `files` put into it, and return the commit's id. Nothing refers to it yet.

        `replaced` is a folder whose tracked files are all left out unless they are among `files`. The bytes are stored
        as they are, whatever filters or line-ending rules the repository has. The parent is HEAD, if there is one.
        """
        parent = self.head()
        with TemporaryDirectory(prefix="pickwise-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            self("read-tree", parent or "--empty", extra=index)
            blobs = self._store(files, Path(scratch))
            stale = self("ls-files", "-z", "--", replaced, extra=index).split(b"\0")[:-1]
            nothing = "0" * len(blobs[0])
            entries = [f"0 {nothing}\t".encode() + path for path in stale]
            entries += [f"100644 {blob}\t".encode() + os.fsencode(p) for p, blob in zip(files, blobs, strict=True)]
            self("update-index", "-z", "--index-info", stdin=b"".join(e + b"\0" for e in entries), extra=index)
            tree = self("write-tree", extra=index).decode().strip()
        ancestry = ["-p", parent] if parent else []
        made = self("commit-tree", tree, *ancestry, stdin=message.encode(), extra=self._identity())
        return made.decode().strip()

    def tag(self, name: str, commit: str, message: str) -> None:
        """Create an annotated tag; `VersionError` if the name is taken. Git does this atomically."""
        self("tag", "--annotate", "-F", "-", name, commit, stdin=message.encode(), extra=self._identity())

    def _store(self, files: Mapping[str, bytes], scratch: Path) -> list[str]:
        """Write each content as a blob; the ids in the order of `files`."""
        copies = [scratch / str(number) for number in range(len(files))]
        for copy, content in zip(copies, files.values(), strict=True):
            copy.write_bytes(content)
        listing = "".join(f"{copy}\n" for copy in copies).encode()
        return self("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listing).decode().split()

    def _identity(self) -> dict[str, str]:
        """Variables that name Pickwise as author or committer where the user has configured neither name nor address.

        Git would otherwise guess from the machine's name, or fail.
        """
        variables: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            known = self("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT", allowed=(0, 128))
            if not known:
                variables |= {f"GIT_{role}_{field}": value for field, value in _FALLBACK_IDENTITY.items()}
        return variables
