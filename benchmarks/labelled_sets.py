"""Labelled data sets with official test files, and their embeddings: what the benchmarks of probes and selection read.

What belongs here: from files in ../shared/data beside the checkout to texts, labels and vectors. What is measured on
them belongs to the benchmarks.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets import models, vectors
from assets.methods.encoding import Encoder
from assets.params import Params

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".." / "shared" / "data" / "classification"

Rows = list[tuple[str, str]]
Floats = npt.NDArray[np.float32]


def read_trec(path: Path) -> Rows:
    """`COARSE:fine question` lines in Latin-1; the coarse class."""
    with gzip.open(path, "rt", encoding="latin-1") as file:
        pairs = [line.rstrip("\n").split(" ", 1) for line in file if line.strip()]
    return [(text, label.split(":")[0]) for label, text in pairs]


def read_banking(path: Path) -> Rows:
    """CSV with the columns text and category."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def read_sst2(path: Path) -> Rows:
    """Text TAB label lines without a header."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        pairs = [line.rstrip("\n").rsplit("\t", 1) for line in file]
    return [(text, label) for text, label in pairs]


def read_agnews_lines(path: Path) -> Rows:
    """JSON lines with text (title and description) and label."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [(row["text"], str(row["label"])) for row in map(json.loads, file)]


def read_agnews_csv(path: Path) -> Rows:
    """CSV of class, title and description without a header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [(f"{title} {description}", label) for label, title, description in csv.reader(file)]


def _clinc(part: str) -> Callable[[Path], Rows]:
    """A reader of one part of CLINC's JSON; rows out of scope are parts of their own and stay out."""

    def read(path: Path) -> Rows:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [(text, label) for text, label in json.load(file)[part]]

    return read


@dataclass(frozen=True)
class Task:
    """A data set with an official test file, which `read_test` reads where `read` does not."""

    train: str
    test: str
    read: Callable[[Path], Rows]
    read_test: Callable[[Path], Rows] | None = None

    def rows(self) -> tuple[Rows, Rows]:
        """Training and test rows."""
        return self.read(DATA / self.train), (self.read_test or self.read)(DATA / self.test)

    @property
    def missing(self) -> str | None:
        """The file that is not there."""
        return next((name for name in (self.train, self.test) if not (DATA / name).exists()), None)


TASKS = {
    "trec": Task("trec_train.label.gz", "trec_test.label.gz", read_trec),
    "banking77": Task("banking77_train.csv.gz", "banking77_test.csv.gz", read_banking),
    "sst2": Task("sst2_train.tsv.gz", "sst2_test.tsv.gz", read_sst2),
    "clinc_imbalanced": Task(
        "clinc150_data_imbalanced.json.gz", "clinc150_data_imbalanced.json.gz", _clinc("train"), _clinc("test")
    ),
    "agnews": Task("agnews_train_20k.jsonl.gz", "agnews_test.csv.gz", read_agnews_lines, read_agnews_csv),
}


def embed(texts: list[str], cache: Path) -> Floats:
    """One unit vector per text, by the default encoder; the cache holds those of an earlier run."""
    settings = Params().embeddings
    located = models.locate(settings.model, settings.revision)
    device = vectors.resolve_device(settings.device)
    store = vectors.VectorCache(cache, vectors.recipe(models.fingerprint(located), settings.max_tokens, device))
    found: Floats = vectors.embed(
        texts,
        store,
        lambda: Encoder(located.folder, max_tokens=settings.max_tokens, device=device),
        settings.batch_tokens,
        lambda rows: None,
    ).vectors
    return found
