"""Files: which ones a path or pattern means, and their bytes, unpacked, or one line that says what is wrong with them.

Nothing here knows what the bytes mean. A file is shown as the user wrote it, whatever the machine.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from assets import tables
from assets.errors import SourceError
from assets.methods.rows import UnreadableError
from assets.progress import Advance

ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".label", ".conll", ".conllu", ".txt")
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_MAGIC = {
    "gzip data": b"\x1f\x8b",
    "zstd data": b"\x28\xb5\x2f\xfd",
    "Parquet data": b"PAR1",
    "a zip archive": b"PK\x03\x04",
}
_PIECE = 256 * 1024  # bytes read at a time
_ANY_FOLDERS = re.compile(r"(?:^|(?<=/))\*\*(?:/+|$)")


@dataclass(frozen=True)
class File:
    """One file of a source, on this machine."""

    shown: str
    name: str  # without endings
    ending: str  # one of ENDINGS
    compression: str | None
    size: int | None  # in bytes, as it lies there, packed or not; None if nobody knows before it is read
    place: str  # where it really is: what tells it from every other file

    def open(self) -> BinaryIO:
        """Its bytes as they lie there. Raises `OSError` or `UnreadableError`."""
        return Path(self.place).open("rb")

    def digest(self, known: MutableMapping[str, str] | None = None) -> str:
        """A hash that changes when its content does, from `known` if its size and time of change are still the same.

        Raises `SourceError`. Cost: one read of the file unless it is known.
        """
        try:
            state = Path(self.place).stat()
        except OSError as error:
            raise SourceError(f"{self.shown}: cannot be read: {error.strerror}") from None
        key = f"{self.shown} {state.st_size} {state.st_mtime_ns}"
        if known is not None and key in known:
            return known[key]
        content = digest(self.open, self.shown)
        # A file of this very moment may change again without a new time of change: do not trust that yet.
        if known is not None and time.time_ns() - state.st_mtime_ns > 2_000_000_000:
            known[key] = content
        return content


def printable(text: str) -> str:
    """`text` with control, format and surrogate characters as escapes: a name on disk may hold any byte but two."""
    return tables.escape(text, len(text))


def find(written: str, root: Path, any_ending: bool = False) -> list[File]:
    """The files that a path or pattern means, sorted. `~` is the home folder; relative paths start at `root`.

    A file that bears the very name of the pattern comes first: `data[1].json` is that file if it exists. `**` stands
    for any folders but hidden ones and those behind links, which may lead in circles. Raises `SourceError` where
    nothing is found, and for what cannot be read: a folder, a pipe, an empty file, an ending that is not known unless
    `any_ending` (it is then taken for a text of lines).
    """
    pattern = os.path.expanduser(written)
    home, tilde = (pattern.removesuffix(written.lstrip("~")), "~") if written.startswith("~/") else ("", "")
    try:
        names = _names(pattern, root)
    except OSError as error:
        raise SourceError(f"{printable(written)}: cannot be read: {error.strerror}") from None
    if not names:
        kind = "no file matches this pattern" if glob.has_magic(pattern) else "no such file"
        raise SourceError(f"{printable(written)}: {kind} (relative paths start at the folder of params.yaml)")
    return [_file(root / name, printable(tilde + name.removeprefix(home)), any_ending) for name in names]


def _names(pattern: str, root: Path) -> list[str]:
    try:
        os.lstat(root / pattern)
        return [pattern]
    except (FileNotFoundError, NotADirectoryError, ValueError):
        found = sorted(_matches(pattern, root))
    # Where there are only folders, one is kept, so that it can be said what it is.
    return [name for name in found if not os.path.isdir(root / name)] or found[:1]


def _matches(pattern: str, root: Path) -> set[str]:
    """As `glob.glob`, which however follows links below `**`."""
    if "\0" in pattern:
        return set()
    if not (stars := _ANY_FOLDERS.search(pattern)):
        return set(glob.glob(pattern, root_dir=root))
    before, behind = pattern[: stars.start()], pattern[stars.end() :] or "*"
    found = set()
    for base in glob.glob(before, root_dir=root) if before else [""]:
        for folder, folders, _ in os.walk(root / base, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            inner = os.path.relpath(folder, root / base)
            here = base if inner == "." else os.path.join(base, inner, "")
            found |= _matches(glob.escape(here) + behind, root)
    return found


def _raise(error: OSError) -> None:
    raise error


def _file(path: Path, shown: str, any_ending: bool) -> File:
    try:
        state = path.stat()
    except OSError as error:
        what = "is a link to nothing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise SourceError(f"{shown}: {what}") from None
    if stat.S_ISDIR(state.st_mode):
        raise SourceError(f"{shown}: is a folder; name the files in it, such as {shown.rstrip('/')}/*.jsonl")
    if not stat.S_ISREG(state.st_mode):
        raise SourceError(f"{shown}: is a pipe, socket or device; name a regular file")
    if state.st_size == 0:
        raise SourceError(f"{shown}: is empty")
    name, ending, compression = split(Path(shown).name, shown, any_ending)
    return File(shown, name, ending, compression, state.st_size, os.path.realpath(path))


def split(name: str, shown: str, any_ending: bool) -> tuple[str, str, str | None]:
    """The name of a file without its endings, the ending of what it holds, and its compression.

    Raises `SourceError`, which calls the file `shown`, for an ending that is not known, unless `any_ending`.
    """
    whole, compression = name, None
    for known, kind in _COMPRESSIONS.items():
        if name.lower().endswith(known):
            name, compression = name[: -len(known)], kind
            break
    for known in ENDINGS:
        if name.lower().endswith(known):
            return name[: -len(known)] or whole, known, compression
    if not any_ending:
        raise SourceError(
            f"{shown}: unknown ending; known: {', '.join(ENDINGS)}, also with .gz or .zst (any other ending is read as "
            "lines where `format` is text, labelled or token-labels, or `target_path` is stated)"
        )
    return name or whole, ".txt", compression


# -- bytes -----------------------------------------------------------------------------------------------------------


def pieces(file: File, advance: Advance) -> Iterator[bytes]:
    """The unpacked bytes of a file; `advance` is told the packed ones that were read.

    Raises `UnreadableError` where it is damaged or not what its name says. Memory: one piece.
    """
    has_read = False
    try:
        with file.open() as raw, _unpacked(raw, file.compression) as stream:
            done = 0
            while piece := stream.read(_PIECE):
                if not has_read:
                    _check_begin(piece, file, raw)
                has_read = True
                yield piece
                position = raw.tell()
                advance(position - done)
                done = position
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadableError(f"cannot be read: {error.strerror}") from None
        raise UnreadableError(_damage(file, has_read)) from None


def _unpacked(raw: BinaryIO, compression: str | None) -> AbstractContextManager[Any]:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    return closing(pa.CompressedInputStream(raw, "zstd")) if compression else closing(raw)


def _check_begin(begin: bytes, file: File, raw: BinaryIO) -> None:
    if file.ending == ".parquet":
        return
    for kind, magic in _MAGIC.items():
        if begin.startswith(magic) and (kind != "Parquet data" or _ends_with(magic, file, raw)):
            packed = f", packed with {file.compression}" if file.compression else ""
            raise UnreadableError(f"holds {kind}{packed}, not text; its ending must say so")


def _ends_with(magic: bytes, file: File, raw: BinaryIO) -> bool:
    """Whether a plain file ends with `magic`, as Parquet does; a text may well begin with the same letters."""
    if file.compression or not raw.seekable():
        return False
    place = raw.tell()
    raw.seek(-len(magic), os.SEEK_END)
    end = raw.read()
    raw.seek(place)
    return end == magic


def _damage(file: File, has_read: bool) -> str:
    with file.open() as raw:
        begin = raw.read(4)
    if not has_read and not begin.startswith(_MAGIC[f"{file.compression} data"]):
        return f"is not {file.compression} data, though its name says so"
    return f"the {file.compression} data are damaged or cut off"


# -- hashes ----------------------------------------------------------------------------------------------------------


def digest(open_file: Callable[[], Any], shown: str) -> str:
    """The hash of a file's content, 32 hex digits. Raises `SourceError`, which names it as `shown`."""
    try:
        with open_file() as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise SourceError(f"{shown}: cannot be read: {error.strerror}") from None
    except UnreadableError as error:
        raise SourceError(f"{shown}: {error}") from None
