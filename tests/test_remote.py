"""Remote files: what a server has is read as if it were here, and what it has not, or says wrongly, is one line."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets import remote, sources
from assets.errors import SourceError
from assets.source_params import RawData, Source

LINE = b'{"text": "t", "label": "a"}\n'


def read(*stated: dict[str, Any]) -> list[dict[str, Any]]:
    found = sources.read([Source(**values) for values in stated], Path("/nowhere"))
    return [row for chunk in found for row in chunk.records.to_pylist()]


def refusal(**stated: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(stated)
    said = str(caught.value)
    assert said.isprintable()
    assert "\n" not in said
    return said


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["t"], "label": ["a"]}), file)
    return file.getvalue()


# -- a filesystem in memory ------------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def test_every_container_plain_and_packed(memory: Any) -> None:
    for name, data in (
        ("a.jsonl", LINE * 3),
        ("a.jsonl.gz", gzip.compress(LINE * 3, mtime=0)),
        ("a.csv.zst", pa.compress(b"text,label\nt,a\nt,a\nt,a\n", codec="zstd", asbytes=True)),
        ("a.parquet", parquet()),
        ("a.parquet.gz", gzip.compress(parquet(), mtime=0)),
    ):
        memory.pipe(f"/in/{name}", data)
        stated = [Source(path=f"memory://in/{name}")]
        done: list[int] = []
        [chunk] = sources.read(stated, Path("."), done.append)
        assert set(chunk.records.column("source").to_pylist()) == {"a"}
        assert set(chunk.records.column("file").to_pylist()) == {f"memory://in/{name}"}
        assert chunk.records.column("label").to_pylist() == ["a"] * chunk.records.num_rows
        assert sum(done) == sources.size(stated, Path(".")) == len(data)


def test_patterns_names_and_folders(memory: Any) -> None:
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl", "\x1b[31mred.jsonl"):
        memory.pipe(f"/in/{name}", LINE)
    assert [row["file"] for row in read({"path": "memory://in/[ab].jsonl"})] == [
        "memory://in/a.jsonl",
        "memory://in/b.jsonl",
    ]
    assert len(read({"path": "memory://in/**/*.jsonl"})) == 4
    assert "memory://in/\\x1b[31mred.jsonl" in {row["file"] for row in read({"path": "memory://in/*.jsonl"})}
    assert "is a folder; name the files in it, such as memory://in/*.jsonl" in refusal(path="memory://in")
    assert "memory://in/x*.jsonl: no file matches this pattern" in refusal(path="memory://in/x*.jsonl")
    assert "memory://in/x.jsonl: no such file" in refusal(path="memory://in/x.jsonl")


def test_what_is_wrong_is_found_out_before_anything_is_read(memory: Any) -> None:
    memory.pipe("/in/a.jsonl", LINE)
    memory.pipe("/in/a.jsonl.gz", gzip.compress(LINE, mtime=0)[:-4])
    memory.pipe("/in/b.jsonl.gz", LINE)
    memory.pipe("/in/empty.jsonl", b"")
    memory.pipe("/in/a.docx", b"PK")
    assert "memory://in/a.jsonl.gz: the gzip data are damaged or cut off" in refusal(path="memory://in/a.jsonl.gz")
    assert "is not gzip data, though its name says so" in refusal(path="memory://in/b.jsonl.gz")
    assert "memory://in/empty.jsonl: is empty" in refusal(path="memory://in/empty.jsonl")
    assert "memory://in/a.docx: unknown ending" in refusal(path="memory://in/a.docx")
    with pytest.raises(SourceError, match=r"would be read twice, also as memory://in/a\.jsonl"):
        read({"path": "memory://in/a.jsonl"}, {"path": "memory://in/a.json*l"})


def test_the_fingerprint_follows_the_content(memory: Any) -> None:
    def fingerprint() -> str:
        return sources.fingerprint([Source(path="memory://in/a.jsonl")], Path("."))

    memory.pipe("/in/a.jsonl", LINE)
    before = fingerprint()
    assert fingerprint() == before
    memory.pipe("/in/a.jsonl", LINE + LINE)
    assert fingerprint() != before


def test_both_sides_of_a_translation_may_be_elsewhere(memory: Any) -> None:
    memory.pipe("/in/a.en", b"one\ntwo\n")
    memory.pipe("/in/a.de.gz", gzip.compress(b"eins\nzwei\n", mtime=0))
    found = read({"path": "memory://in/a.en", "target_path": "memory://in/a.de.gz"})
    assert [[turn["content"] for turn in row["messages"]] for row in found] == [["one", "eins"], ["two", "zwei"]]


# -- kinds of URL ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "s3://bucket/a.jsonl",
            "s3://bucket/a.jsonl: needs a package that is not installed here; pip install 'pickwise[",
        ),
        ("gs://bucket/a.jsonl", "pip install 'pickwise[remote]'"),
        ("nonsense://a.jsonl", "nonsense://a.jsonl: no such kind of URL"),
        ("file:///etc/a.jsonl", "is a file of this machine; write its path alone"),
        ("http://127.0.0.1:1/a.jsonl", "http://127.0.0.1:1/a.jsonl: cannot be reached: "),
        ("http://name-of-no-host.invalid/a.jsonl", "http://name-of-no-host.invalid/a.jsonl: cannot be reached: "),
        ("http://user:secret@127.0.0.1:1/a.jsonl?key=secret", "http://127.0.0.1:1/a.jsonl?…"),
    ],
)
def test_urls_that_lead_nowhere(url: str, said: str) -> None:
    if url.startswith(("s3:", "gs:")):
        try:
            fsspec.filesystem(url.split(":")[0])
            pytest.skip("the package is installed here")
        except ImportError:
            pass
    message = refusal(path=url)
    assert said in message
    assert "secret" not in message


def test_a_url_alone_is_short_for_a_source() -> None:
    raw_data = RawData.model_validate({"sources": ["https://host/data"]})
    assert raw_data.sources[0].path == "https://host/data"
    assert not remote.is_url("c:/a.jsonl")


# -- a web server ----------------------------------------------------------------------------------------------------


class Server(BaseHTTPRequestHandler):
    """Serves what a test has put into `files`; some paths misbehave."""

    files: ClassVar[dict[str, bytes]] = {}
    tags: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.answer()

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/moved"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status = {"/forbidden.jsonl": 403, "/broken.jsonl": 500}.get(path, 200)
        data = self.files.get(path.removeprefix("/short").removeprefix("/unsized"))
        if status != 200 or data is None:
            self.send_error(404 if data is None and status == 200 else status)
            return
        self.send_response(200)
        if not path.startswith("/unsized"):
            self.send_header("Content-Length", str(len(data)))
        if path in self.tags:
            self.send_header("ETag", self.tags[path])
        if path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        if path.endswith("/"):
            self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.command == "GET":
            with suppress(BrokenPipeError, ConnectionResetError):  # some readers only look at the headers
                self.wfile.write(data[: len(data) // 2] if path.startswith("/short") else data)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_behind_a_web_address(web: str) -> None:
    Server.files = {
        "/a.jsonl": LINE * 20_000,
        "/b.jsonl.gz": gzip.compress(LINE * 3, mtime=0),
        "/c.parquet": parquet(),
    }
    for path, count in (
        ("/a.jsonl", 20_000),
        ("/moved/a.jsonl", 20_000),
        ("/unsized/a.jsonl", 20_000),
        ("/b.jsonl.gz", 3),
        ("/c.parquet", 1),
        ("/a.jsonl?download=true", 20_000),
    ):
        found = read({"path": web + path})
        assert len(found) == count, path
        assert found[0]["source"] in ("a", "b", "c")
    assert sources.size([Source(path=f"{web}/unsized/a.jsonl")], Path(".")) is None
    assert "…" in found[0]["file"]
    assert "download" not in found[0]["file"]


def test_what_a_server_does_wrong(web: str) -> None:
    Server.files = {"/a.jsonl": LINE * 20_000, "/a.jsonl.gz": gzip.compress(LINE * 99, mtime=0)}
    assert refusal(path=f"{web}/none.jsonl") == f"{web}/none.jsonl: no such file"
    assert f"{web}/forbidden.jsonl: cannot be reached: 403 Forbidden" in refusal(path=f"{web}/forbidden.jsonl")
    assert f"{web}/broken.jsonl: cannot be reached: 500 " in refusal(path=f"{web}/broken.jsonl")
    for path in ("/short/a.jsonl", "/short/a.jsonl.gz"):
        said = refusal(path=web + path)
        assert said.startswith(f"{web}{path}: ")
        assert "cannot be read on from byte" in said or "ended after" in said


def test_a_listing_leads_to_no_other_place(web: str) -> None:
    links = ["a.jsonl", "b.jsonl", "http://127.0.0.1:1/evil.jsonl", "/outside.jsonl", "../up.jsonl"]
    page = "".join(f'<a href="{link}">{link}</a>' for link in links).encode()
    Server.files = {"/in/": page, "/in": page, "/in/a.jsonl": LINE, "/in/b.jsonl": LINE}
    assert [row["file"] for row in read({"path": f"{web}/in/*.jsonl"})] == [f"{web}/in/a.jsonl", f"{web}/in/b.jsonl"]


def test_a_tag_of_the_server_stands_for_the_content(web: str) -> None:
    Server.files, Server.tags, Server.asked = {"/a.jsonl": LINE, "/b.jsonl": LINE}, {"/a.jsonl": '"one"'}, []

    def fingerprint(path: str) -> str:
        return sources.fingerprint([Source(path=web + path)], Path("."))

    tagged, bare = fingerprint("/a.jsonl"), fingerprint("/b.jsonl")
    assert "/a.jsonl" not in Server.asked
    Server.files = {"/a.jsonl": LINE, "/b.jsonl": LINE.replace(b"t", b"x")}
    assert fingerprint("/a.jsonl") == tagged
    assert fingerprint("/b.jsonl") != bare
    Server.tags = {"/a.jsonl": '"two"'}
    assert fingerprint("/a.jsonl") != tagged
