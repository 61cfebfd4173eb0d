"""Opens what `params.yaml` names (files, globs, hub data sets, the demo) and reads it as records and rejects.

Here are paths, compression, the network and the order of things; how bytes become items is in `methods/reading.py`,
how items become records in `methods/formats.py`.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import importlib.util
import json
import os
import sys
import sysconfig
import time
import zlib
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from assets import tables
from assets.errors import SourceError
from assets.methods import demo, formats, reading
from assets.methods.reading import Item, Reject, Row, UnreadableError
from assets.params import Source
from assets.progress import Advance

# Before any Hugging Face package is imported: they read these once.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")  # they would write into our own

CHUNK_ROWS = 10_000
_PIECE = 256 * 1024  # bytes read at a time

DEMO_ATTRIBUTES = ("kind", "visibility")
# Test suites, packages that are not the library's own, and programs of their own.
_NOT_DEMO = {"test", "tests", "idle_test", "site-packages", "dist-packages", "idlelib", "lib2to3", "turtledemo"}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".label", ".txt")
_MAGIC = {
    "gzip data": b"\x1f\x8b",
    "zstd data": b"\x28\xb5\x2f\xfd",
    "Parquet data": b"PAR1",
    "a zip archive": b"PK\x03\x04",
}


@dataclass(frozen=True)
class Chunk:
    """At most CHUNK_ROWS rows, records (schema `tables.RAW`) and rejects (`tables.REJECTED`) together."""

    records: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class _File:
    """One file of a source: where it is, and how it is shown (as the user wrote it, whatever the machine)."""

    path: Path
    shown: str
    name: str  # without endings
    ending: str
    compression: str | None


@dataclass(frozen=True)
class _Part:
    """What is read in one go: a file, the demo, or a hub data set. Rows come with the file they are shown under."""

    shown: str
    source: str
    rows: Callable[[Advance], Iterator[tuple[str, Row]]]


def read(sources: Sequence[Source], root: Path, advance: Advance | None = None) -> Iterator[Chunk]:
    """All rows of `sources`, in their order; the files of a glob are sorted. Paths are relative to `root`.

    `advance` is told the bytes that were read, of the `size`. An item that cannot become a record is a reject with its
    file, line and reason. Raises `SourceError`, which names the file, for one that is missing, empty or damaged, for an
    ending that is not known, for a file of which nothing can be read, and for a stated column that no row has.
    Memory: one chunk and what `methods.reading` holds.
    """
    # Every source is looked up before the first is read: a misspelt name shows at once.
    plans = [(source, _parts(source, root)) for source in sources]
    batch = _Batch()
    for source, parts in plans:
        stated = _StatedColumns(source)
        for part in parts:
            yield from _read_part(part, source, stated, batch, advance or (lambda done: None))
        stated.check(parts[0].shown if len(parts) == 1 else source.path or "")
    if batch.rows:
        yield batch.take()


def size(sources: Sequence[Source], root: Path) -> int | None:
    """The bytes that reading `sources` will advance by; None if one is on the hub. Raises `SourceError` as `read`."""
    if any(source.hub for source in sources):
        return None
    paths: list[Path] = []
    for source in sources:
        paths += [path for _, path in _library()] if source.demo else [file.path for file in _files(source, root)]
    return sum(path.stat().st_size for path in paths)


def fingerprint(sources: Sequence[Source], root: Path, known: MutableMapping[str, str] | None = None) -> str:
    """A hash (32 hex digits) that changes when the content or the settings of `sources` change.

    `known` remembers the hashes of files by name, size and time of change, so that unchanged files are not read again.
    Of a hub data set the commit that its revision stands for counts, asked of the hub unless `revision` is a commit.
    Raises `SourceError`. Cost: one read of every file that is not known.
    """
    whole = hashlib.blake2b(digest_size=16)
    for source in sources:
        settings = json.dumps(source.model_dump(mode="json"), sort_keys=True)
        whole.update(f"{settings}\n".encode())
        if source.demo:
            whole.update(f"python {'.'.join(map(str, sys.version_info))}\n".encode())
            digests = [(shown, _digest(path)) for shown, path in _library()]
        elif source.hub:
            digests = [(source.hub, _commit(source))]
        else:
            digests = [(file.shown, _known_digest(file, known)) for file in _files(source, root)]
        for shown, digest in digests:
            whole.update(f"{shown}\n{digest}\n".encode())
    return whole.hexdigest()


# -- rows to tables --------------------------------------------------------------------------------------------------


class _Batch:
    """Rows on their way to a chunk."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._rejected: list[dict[str, Any]] = []

    @property
    def rows(self) -> int:
        return len(self._records) + len(self._rejected)

    def add_record(self, source: str, file: str, line: int, format: str, record: formats.ParsedRecord) -> None:
        self._records.append(
            {
                "id": tables.record_id(record.messages, record.label),
                "source": source,
                "messages": record.messages,
                "label": record.label,
                "attributes": list(record.attributes.items()),
                "file": file,
                "line": line,
                "format": format,
            }
        )

    def add_reject(self, source: str, file: str, reject: Reject) -> None:
        self._rejected.append(
            {
                "source": source,
                "file": file,
                "line": reject.line,
                "reason": reject.reason,
                "detail": tables.escape(reject.detail, 400),
                "text": tables.escape(reject.text),
            }
        )

    def take(self) -> Chunk:
        chunk = Chunk(
            pa.Table.from_pylist(self._records, schema=tables.RAW),
            pa.Table.from_pylist(self._rejected, schema=tables.REJECTED),
        )
        self._records, self._rejected = [], []
        return chunk


class _StatedColumns:
    """Looks out for the columns that the settings of a source name, and for those that there are."""

    def __init__(self, source: Source) -> None:
        self._settings = {column: f"columns.{name}" for name, column in _columns(source).items()}
        self._settings |= {column: "attributes" for column in _attributes(source) if column not in self._settings}
        self._missing = set(self._settings)
        self._found: dict[str, None] = {}

    def see(self, value: dict[str, Any]) -> None:
        if self._missing:
            self._missing.difference_update(value)
        if len(self._found) < 20:
            self._found.update(dict.fromkeys(value))

    def check(self, where: str) -> None:
        """Raise `SourceError` if a stated column was in none of the rows."""
        if self._missing and self._found:
            column = min(self._missing)
            there = tables.escape(", ".join(list(self._found)[:20]), 300)
            raise SourceError(f"{where}: no row has the column '{column}' ({self._settings[column]}); it has: {there}")


def _read_part(part: _Part, source: Source, stated: _StatedColumns, batch: _Batch, advance: Advance) -> Iterator[Chunk]:
    columns, attributes = _columns(source), _attributes(source)
    here = _StatedColumns(source)
    count, line = 0, 0
    first: Reject | None = None
    try:
        for file, row in part.rows(advance):
            line = row.line
            if isinstance(row, Item):
                stated.see(row.value)
                here.see(row.value)
                result = _convert(row, source.format, columns, attributes)
            else:
                result = row
            if isinstance(result, Reject):
                first = first or result
                batch.add_reject(part.source, file, result)
            else:
                count += 1
                batch.add_record(part.source, file, line, *result)
            if batch.rows == CHUNK_ROWS:
                yield batch.take()
    except (UnreadableError, UnicodeError) as error:
        place = f", after line {line}" if line else ""
        raise SourceError(f"{part.shown}: {tables.escape(str(error), 400)}{place}") from None
    if not count and first is None:
        raise SourceError(f"{part.shown}: holds no rows")
    if not count and first is not None:
        here.check(part.shown)
        detail = tables.escape(first.detail, 400)
        raise SourceError(f"{part.shown}: nothing in it can be read; line {first.line}: {first.reason}: {detail}")


def _convert(
    item: Item, format: str, columns: dict[str, str], attributes: Sequence[str]
) -> tuple[str, formats.ParsedRecord] | Reject:
    name = formats.detect(item.value, columns) if format == "auto" else format
    record = formats.to_record(item.value, name, columns, attributes) if name else formats.unknown(item.value)
    if name and isinstance(record, formats.ParsedRecord):
        return name, record
    unfit = cast(formats.Unfit, record)
    text = json.dumps(item.value, ensure_ascii=False, default=str)
    return Reject(item.line, unfit.reason, unfit.detail, text)


def _columns(source: Source) -> dict[str, str]:
    return {name: column for name, column in source.columns.model_dump().items() if column is not None}


def _attributes(source: Source) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*DEMO_ATTRIBUTES, *source.attributes))) if source.demo else source.attributes


# -- files -----------------------------------------------------------------------------------------------------------


def _parts(source: Source, root: Path) -> list[_Part]:
    if source.demo:
        return [_Part("demo", source.name or "demo", lambda advance: _demo_rows(source.limit, advance))]
    if source.hub:
        shown = "/".join(["hub:" + source.hub, *([source.subset] if source.subset else []), source.split])
        return [_Part(shown, source.name or source.hub, lambda advance: _hub_rows(source, shown))]
    return [_file_part(file, source) for file in _files(source, root)]


def _file_part(file: _File, source: Source) -> _Part:
    def rows(advance: Advance) -> Iterator[tuple[str, Row]]:
        return ((file.shown, row) for row in islice(_file_rows(file, source, advance), source.limit))

    return _Part(file.shown, source.name or file.name, rows)


def _files(source: Source, root: Path) -> list[_File]:
    """The files that the path of a source stands for, sorted as they are shown."""
    written = source.path or ""
    pattern = os.path.expanduser(written)
    home, tilde = (pattern.removesuffix(written.lstrip("~")), "~") if written.startswith("~/") else ("", "")
    if (root / pattern).exists():
        found = [pattern]
    else:
        found = sorted(glob.glob(pattern, root_dir=root, recursive=True))
        if not found:
            kind = "no file matches this pattern" if glob.has_magic(pattern) else "no such file"
            raise SourceError(f"{_printable(written)}: {kind} (relative paths start at the folder of params.yaml)")
        found = [name for name in found if not (root / name).is_dir()] or found[:1]
    return [_file(root / name, _printable(tilde + name.removeprefix(home)), source.format) for name in found]


def _printable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")  # a name on disk need not be text


def _file(path: Path, shown: str, format: str) -> _File:
    name, compression, ending = Path(shown).name, None, ""
    for known, kind in _COMPRESSIONS.items():
        if name.lower().endswith(known):
            name, compression = name[: -len(known)], kind
    for known in _ENDINGS:
        if name.lower().endswith(known):
            name, ending = name[: -len(known)], known
    if path.is_dir():
        raise SourceError(f"{shown}: is a folder; name the files in it, such as {shown.rstrip('/')}/*.jsonl")
    if ending == ".txt" and format != "labelled":
        raise SourceError(f"{shown}: a .txt file is read only with `format: labelled`, as one 'LABEL text' a line")
    if not ending:
        raise SourceError(f"{shown}: unknown ending; known: {', '.join(_ENDINGS)}, also with .gz or .zst")
    if path.stat().st_size == 0:
        raise SourceError(f"{shown}: is empty")
    return _File(path, shown, name, ending, compression)


def _file_rows(file: _File, source: Source, advance: Advance) -> Iterator[Row]:
    if file.ending == ".parquet":
        return _parquet_rows(file, advance)
    pieces = _pieces(file, advance)
    if file.ending in (".csv", ".tsv"):
        return reading.separated(pieces, "\t" if file.ending == ".tsv" else ",", source.header, source.encoding)
    if file.ending in (".label", ".txt"):
        return reading.label_lines(pieces, source.encoding)
    return reading.json_items(pieces, source.encoding, lines=file.ending != ".json")


def _parquet_rows(file: _File, advance: Advance) -> Iterator[Row]:
    try:
        if file.compression:  # its footer is at the end, so it has to be unpacked whole
            yield from reading.parquet(pa.BufferReader(b"".join(_pieces(file, advance))))
        else:
            with file.path.open("rb") as raw:
                yield from reading.parquet(raw)
            advance(file.path.stat().st_size)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from None


def _pieces(file: _File, advance: Advance) -> Iterator[bytes]:
    """The unpacked bytes of a file. Raises `UnreadableError` where it is damaged or not what its name says."""
    has_read = False
    try:
        with file.path.open("rb") as raw:
            if file.compression is None:
                _check_magic(raw)
            with _unpacked(raw, file.compression) as stream:
                done = 0
                while piece := stream.read(_PIECE):
                    has_read = True
                    yield piece
                    position = raw.tell()
                    advance(position - done)
                    done = position
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadableError(f"cannot be read: {error.strerror}") from None
        raise UnreadableError(_damage(file, has_read)) from None


def _damage(file: _File, has_read: bool) -> str:
    with file.path.open("rb") as raw:
        begin = raw.read(4)
    if not has_read and not begin.startswith(_MAGIC[f"{file.compression} data"]):
        return f"is not {file.compression} data, though its name says so"
    return f"the {file.compression} data are damaged or cut off"


def _check_magic(raw: BinaryIO) -> None:
    begin = raw.read(4)
    raw.seek(0)
    for kind, magic in _MAGIC.items():
        if begin.startswith(magic):
            raise UnreadableError(f"holds {kind}, not text; its ending must say so")


def _unpacked(raw: BinaryIO, compression: str | None) -> AbstractContextManager[Any]:
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    return closing(pa.CompressedInputStream(raw, "zstd")) if compression else closing(raw)


def _known_digest(file: _File, known: MutableMapping[str, str] | None) -> str:
    state = file.path.stat()
    key = f"{file.shown} {state.st_size} {state.st_mtime_ns}"
    if known is not None and key in known:
        return known[key]
    digest = _digest(file.path)
    # A file of this very moment may change again without a new time of change: do not trust that yet.
    if known is not None and time.time_ns() - state.st_mtime_ns > 2_000_000_000:
        known[key] = digest
    return digest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


# -- the demo --------------------------------------------------------------------------------------------------------


def _library() -> list[tuple[str, Path]]:
    """The modules of the running Python's standard library, as they are shown and where they are, sorted."""
    top = Path(sysconfig.get_path("stdlib"))
    found = []
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in _NOT_DEMO]
        paths = [Path(folder, name) for name in files if name.endswith(".py")]
        found += [(f"stdlib/{path.relative_to(top).as_posix()}", path) for path in paths]
    if not found:
        raise SourceError("demo: this Python has no source files of its standard library; state another source")
    return sorted(found)


def _demo_rows(limit: int | None, advance: Advance) -> Iterator[tuple[str, Row]]:
    for shown, path in _library():
        module = shown.removeprefix("stdlib/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        source = path.read_bytes()
        try:
            items: Sequence[Row] = demo.docstrings(importlib.util.decode_source(source), module)
        except (SyntaxError, ValueError) as error:  # not Python, or not text
            items = [Reject(getattr(error, "lineno", None) or 1, "not_python", str(error), "")]
        for item in items[:limit]:
            yield shown, item
        advance(len(source))


# -- the hub ---------------------------------------------------------------------------------------------------------


def _hub_rows(source: Source, shown: str) -> Iterator[tuple[str, Row]]:
    import datasets

    try:
        dataset = datasets.load_dataset(
            source.hub, name=source.subset, split=source.split, revision=source.revision, streaming=False
        )
    # Its HTTP client, its file formats and its own checks each raise errors of their own kinds; all mean the same here.
    except Exception as error:
        raise _unreachable(source, error) from error
    for row in islice(_dataset_rows(dataset), source.limit):
        yield shown, row


def _dataset_rows(dataset: Any) -> Iterator[Row]:
    """The rows of a `datasets.Dataset`; classes by their names instead of their numbers."""
    classes = {column: feature.names for column, feature in dataset.features.items() if hasattr(feature, "names")}
    start = 1
    for table in dataset.with_format("arrow").iter(batch_size=1000):
        for row in reading.arrow_rows(table, start):
            if isinstance(row, Item):
                for column, names in classes.items():
                    number = row.value[column]
                    row.value[column] = names[number] if number is not None and number >= 0 else None
            yield row
        start += table.num_rows


def _commit(source: Source) -> str:
    revision = source.revision or ""
    if len(revision) == 40 and all(digit in "0123456789abcdef" for digit in revision):
        return revision
    import huggingface_hub

    try:
        return str(huggingface_hub.HfApi().dataset_info(source.hub or "", revision=source.revision).sha)
    # As above: which of its HTTP client's errors it was makes no difference.
    except Exception as error:
        raise _unreachable(source, error) from error


def _unreachable(source: Source, error: Exception) -> SourceError:
    lines = str(error).strip().splitlines()
    why = tables.escape(lines[0] if lines else type(error).__name__, 200)
    return SourceError(
        f"hub:{source.hub}: cannot be loaded ({why}); check the id, subset, split and revision, and the network "
        "(offline: fill the cache first, set HF_HUB_OFFLINE=1 and state `revision` as a commit; private: set HF_TOKEN)"
    )
