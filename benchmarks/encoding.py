"""How fast texts become vectors, against the plain recipe on the same model, in one process and interleaved.

    python benchmarks/encoding.py [--rows 1000] [--rounds 3] [--alpaca FILE.json[.gz]]

Rivals: transformers with texts sorted by length, batches of 64 and dynamic padding (the usual recipe), and
sentence-transformers where installed. The texts are this Python's own docstrings, or the rows of an Alpaca file, spread
evenly over it. Seconds are medians; ratios of one run are what compares between machines, those of processor seconds
even while others use it. `ours` starts from text and ends in unit vectors, as the rivals do; no cache is involved.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import inspect
import json
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assets import models
from assets.methods.encoding import Encoder

Vectors = npt.NDArray[np.float32]
Method = Callable[[list[str]], Vectors]

MAX_TOKENS = 256


def docstrings(rows: int) -> list[str]:
    """Docstrings of the standard library's modules and what they define, in a fixed order, spread evenly."""
    found = set()
    for module in sorted(m.name for m in pkgutil.iter_modules() if m.name in ("json", "email", "asyncio", "logging")):
        for info in pkgutil.walk_packages(importlib.import_module(module).__path__, f"{module}."):
            if not info.name.endswith(("__main__", "windows_events", "windows_utils")):
                for _, value in inspect.getmembers(importlib.import_module(info.name)):
                    found.update(inspect.getdoc(part) or "" for _, part in inspect.getmembers(value))
    texts = sorted(text for text in found if 20 < len(text) < 4_000)
    return texts[:: max(1, len(texts) // rows)][:rows]


def alpaca(path: Path, rows: int) -> list[str]:
    """Instruction, input and output of rows spread evenly over the file."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        items = json.load(file)
    chosen = items[:: max(1, len(items) // rows)][:rows]
    return ["\n".join(item[k] for k in ("instruction", "input", "output") if item[k]) for item in chosen]


def ours(folder: Path) -> Method:
    """The project's encoder."""
    encoder = Encoder(folder, max_tokens=MAX_TOKENS)

    def run(texts: list[str]) -> Vectors:
        vectors = np.empty((len(texts), encoder.dimensions), np.float32)
        for batch in encoder.encode(texts, 8192):
            vectors[batch.indices] = batch.vectors
        return vectors

    return run


def plain(folder: Path) -> Method:
    """Sorted by length, batches of 64, each padded to its longest."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    def run(texts: list[str]) -> Vectors:
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.empty((len(texts), model.config.hidden_size), np.float32)
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            batch = [texts[i] for i in rows]
            inputs = tokenizer(batch, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
            with torch.inference_mode():
                hidden = model(**inputs).last_hidden_state
                mask = inputs["attention_mask"].unsqueeze(-1).to(hidden.dtype)
                pooled = (hidden * mask).sum(1) / mask.sum(1)
                vectors[rows] = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return vectors

    return run


def sentence_transformers(folder: Path) -> Method:
    """sentence-transformers itself, batches of 64."""
    model: Any = importlib.import_module("sentence_transformers").SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = MAX_TOKENS
    return lambda texts: np.asarray(model.encode(texts, batch_size=64, normalize_embeddings=True))


def main() -> None:
    """Print one line for each contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alpaca", type=Path)
    arguments = parser.parse_args()
    texts = alpaca(arguments.alpaca, arguments.rows) if arguments.alpaca else docstrings(arguments.rows)
    folder = models.locate(models.BUNDLED).folder
    contenders = {"ours": ours(folder), "plain, 64": plain(folder)}
    if importlib.util.find_spec("sentence_transformers") is None:
        print("sentence-transformers: not installed, left out")
    else:
        contenders["sentence-transformers"] = sentence_transformers(folder)
    reference = contenders["plain, 64"](texts[:64])
    for name, method in contenders.items():  # warm, and all must compute the same thing
        np.testing.assert_allclose(method(texts[:64]), reference, atol=1e-5, err_msg=name)
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    processor: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, method in contenders.items():
            start, used = time.perf_counter(), time.process_time()
            method(texts)
            wall[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - used)
    print(f"{len(texts):,} texts, {np.mean([len(t) for t in texts]):.0f} characters each, {arguments.rounds} rounds")
    ours_wall, ours_processor = np.median(wall["ours"]), np.median(processor["ours"])
    for name in contenders:
        seconds, used = np.median(wall[name]), np.median(processor[name])
        print(
            f"{name:>22}: {seconds:7.2f} s, {len(texts) / seconds:6.0f} rows/s   this / ours {seconds / ours_wall:5.2f}"
            f"   processor {used:7.2f} s, this / ours {used / ours_processor:5.2f}"
        )


if __name__ == "__main__":
    main()
