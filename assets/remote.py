"""Remote files: those behind a URL, by fsspec, which nothing else imports.

What a server says is not trusted: names and messages are escaped, no listing leads to another place than the pattern
names, and a body that is shorter than announced is damage. A URL is shown without what may be a secret.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from assets import files, tables
from assets.errors import SourceError
from assets.files import File
from assets.methods.rows import UnreadableError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PIECE = 256 * 1024
# What the filesystems call a checksum of the content, and the time of its last change.
_CHECKSUMS = ("ETag", "etag", "Content-MD5", "content_md5", "md5Hash", "Digest", "checksum", "blob_id", "sha256")
_TIMES = ("Last-Modified", "LastModified", "last_modified", "updated", "mtime", "modified")


def is_url(written: str) -> bool:
    """Whether a path is that of a remote file."""
    return bool(_SCHEME.match(written))


@dataclass(frozen=True)
class RemoteFile(File):
    """One file behind a URL."""

    system: Any = field(compare=False)  # of fsspec
    info: dict[str, Any] = field(compare=False)

    def open(self) -> BinaryIO:
        """Its bytes as they lie there, as a stream. Raises `UnreadableError`."""
        raw = _Stream(self)
        return io.BufferedReader(raw, _PIECE)

    def digest(self, known: MutableMapping[str, str] | None = None) -> str:
        """As of a file of this machine; the checksum or time of change that the server gives stands for its content.

        Raises `SourceError`. Cost: nothing, or one read of the file where the server gives neither.
        """
        sums = [f"{name} {self.info[name]}" for name in _CHECKSUMS if self.info.get(name)]
        times = [f"{name} {self.info[name]}" for name in _TIMES if self.info.get(name)] or self._modified()
        if not (mark := sums or times):
            return files.digest(self.open, self.shown)
        return hashlib.blake2b(f"{self.size} {mark[0]}".encode(), digest_size=16).hexdigest()

    def _modified(self) -> list[str]:
        try:
            return [str(self.system.modified(self.place))]
        # A filesystem that knows no such time says so in a way of its own.
        except Exception:
            return []


def find(written: str, any_ending: bool = False) -> list[File]:
    """The files that a URL or a pattern of them means, sorted. Raises `SourceError`, in one line that names the URL."""
    shown = _shown(written)
    system, path = _system(written, shown)
    try:
        found = [path] if not _has_magic(written) or system.exists(path) else sorted(system.glob(path))
    except Exception as error:  # each filesystem has errors of its own; all mean the same here
        raise _unreachable(written, shown, error) from None
    prefix = re.split(r"[*?\[]", path, maxsplit=1)[0]
    found = [name for name in found if name.startswith(prefix)]
    if not found:
        raise SourceError(f"{shown}: no file matches this pattern")
    scheme = _SCHEME.match(written)
    begin = "" if path.startswith(written[:4]) or scheme is None else scheme[0]
    everything = [(name, _info(system, name, written, shown)) for name in found]
    if len(everything) > 1:
        everything = [(name, info) for name, info in everything if info.get("type") != "directory"]
    single = shown if len(found) == 1 and not _has_magic(written) else None
    return [
        _file(system, name, single or _shown(begin + name.lstrip("/")), info, any_ending) for name, info in everything
    ]


def _file(system: Any, path: str, shown: str, info: dict[str, Any], any_ending: bool) -> RemoteFile:
    size = info.get("size")
    if info.get("type") == "directory":
        raise SourceError(f"{shown}: is a folder; name the files in it, such as {shown.rstrip('/')}/*.jsonl")
    if size == 0:
        raise SourceError(f"{shown}: is empty")
    base = PurePosixPath(urlsplit(path).path if path.startswith("http") else path).name
    name, ending, compression = files.split(files.printable(base), shown, any_ending)
    return RemoteFile(shown, name, ending, compression, size if isinstance(size, int) else None, path, system, info)


def _system(written: str, shown: str) -> tuple[Any, str]:
    """The filesystem of fsspec for a URL, and the path in it."""
    scheme = written.split("://", 1)[0].lower()
    if scheme in ("file", "local"):
        raise SourceError(f"{shown}: is a file of this machine; write its path alone")
    try:
        import fsspec

        options: dict[str, Any] = {}
        if scheme in ("http", "https"):
            import aiohttp

            # Large files take their time; silence does not. A `.gz` that is sent as such must arrive as it is.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)
            options["client_kwargs"] = {"timeout": timeout, "auto_decompress": False, "trust_env": True}
            options["headers"] = {"Accept-Encoding": "identity"}
            options["encoded"] = "%" in written
        system, path = fsspec.core.url_to_fs(written, **options)
        system.invalidate_cache()  # of listings: a long-lived process must see what is there now
    except ImportError:
        raise SourceError(
            f"{shown}: needs a package that is not installed here; pip install 'pickwise[remote]'"
        ) from None
    except ValueError as error:
        raise SourceError(f"{shown}: no such kind of URL: {tables.escape(str(error), 200)}") from None
    except Exception as error:  # as above; also where there are no credentials
        raise _unreachable(written, shown, error) from None
    return system, path


def _info(system: Any, path: str, written: str, shown: str) -> dict[str, Any]:
    try:
        return dict(system.info(path))
    except Exception as error:  # as above
        raise _unreachable(written, shown, error) from None


def _has_magic(written: str) -> bool:
    # In a web address a question mark begins the query.
    magic = "*" if written.startswith("http") else "*?["
    return any(char in written for char in magic)


def _shown(url: str) -> str:
    """The URL without user, password and query, which may hold secrets; a digest tells one query from another."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    is_web = parts.scheme in ("http", "https")
    if host == parts.netloc and not (is_web and (parts.query or parts.fragment)):
        return files.printable(url)
    begin = f"{parts.scheme}://{host}{parts.path}"
    if not is_web:
        return files.printable(begin + url.partition(parts.path)[2] if parts.path else begin)
    mark = hashlib.blake2b(parts.query.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return files.printable(f"{begin}?…{mark}" if parts.query else begin)


def _unreachable(written: str, shown: str, error: Exception) -> SourceError:
    cause = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ is not None else error
    status = getattr(cause, "status", None)
    if status == 404 or (isinstance(cause, FileNotFoundError) and status is None):
        return SourceError(f"{shown}: no such file")
    return SourceError(f"{shown}: cannot be reached: {_why(cause, written, shown)}")


def _why(error: BaseException, written: str, shown: str) -> str:
    lines = str(error).replace(written, shown).strip().splitlines()
    status, message = getattr(error, "status", None), getattr(error, "message", None)
    if status is not None:
        lines = [f"{status} {message}"]
    return tables.escape(lines[0] if lines and lines[0] else type(error).__name__, 200)


class _Stream(io.RawIOBase):
    """The bytes of a remote file, from the first to the last; whatever goes wrong is an `UnreadableError`."""

    def __init__(self, file: RemoteFile) -> None:
        self._remote, self._at = file, 0
        options = {"block_size": 0} if file.place.startswith("http") else {}
        try:
            self._raw = file.system.open(file.place, "rb", **options)
        # Each filesystem has errors of its own; all mean the same here.
        except Exception as error:
            raise UnreadableError(f"cannot be read: {_why(error, file.place, file.shown)}") from None

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._raw.read(len(buffer))
        except Exception as error:  # as above
            why = _why(error, self._remote.place, self._remote.shown)
            raise UnreadableError(f"cannot be read on from byte {self._at:,}: {why}") from None
        size = self._remote.size
        if not data and size is not None and self._at != size:
            raise UnreadableError(f"ended after {self._at:,} of {size:,} bytes")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            raw = getattr(self, "_raw", None)
            if raw is not None:
                raw.close()
        super().close()
