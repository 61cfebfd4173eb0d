"""The settings of `raw_data`: what a source is, and how each kind of it is told from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from assets.filter_params import Rule, rules
from assets.section import Section

FormatName = Literal[
    "auto",
    "alpaca",
    "messages",
    "sharegpt",
    "prompt-completion",
    "segments",
    "text",
    "labelled",
    "pair",
    "qa",
    "multiple-choice",
    "token-labels",
    "translation",
    "questions",
]


class Columns(Section):
    """Which columns of a source hold what, where the usual names do not fit.

    A name with dots reaches inside: `answers.text` or, counted from 0, `instances.0.output`. Of CoNLL files `tokens`
    and `tags` are the numbers of columns, from 0, or from the end if negative.
    """

    text: str | None = None
    label: str | None = None
    instruction: str | None = None
    input: str | None = None
    output: str | None = None
    system: str | None = None
    history: str | None = None
    prompt: str | None = None
    completion: str | None = None
    messages: str | None = None
    tools: str | None = None
    first: str | None = None
    second: str | None = None
    context: str | None = None
    question: str | None = None
    answers: str | None = None
    choices: str | None = None
    answer: str | None = None
    tokens: str | None = None
    tags: str | None = None
    source: str | None = None
    target: str | None = None


class Tags(Section):
    """How the turns of a chat name their parts and speakers, as `tags` of LLaMA-Factory's dataset_info.json."""

    role_tag: str | None = None
    content_tag: str | None = None
    user_tag: str | None = None
    assistant_tag: str | None = None
    observation_tag: str | None = None
    function_tag: str | None = None
    system_tag: str | None = None


class Source(Section):
    """Where records come from: exactly one of `demo`, `path` (a file, glob or URL), `hub` (a data set id) and
    `dataset_info` (LLaMA-Factory's list of data sets)."""

    demo: bool = False
    path: str | None = None
    hub: str | None = None
    dataset_info: str | None = None
    entries: tuple[str, ...] | None = None  # of dataset_info; default: all of them
    target_path: str | None = None  # for parallel text: the file whose lines translate those of `path`
    name: str | None = None  # shown as the record's source; default: the file name without endings, or the hub id
    format: FormatName = "auto"
    columns: Columns = Columns()
    tags: Tags = Tags()
    attributes: tuple[str, ...] = ()  # columns kept with the record, for the bias check
    header: tuple[str, ...] | None = (
        None  # column names of a table without a header line, or of JSON rows that are lists
    )
    encoding: str = "utf-8"
    filter: dict[str, Rule] = Field(default={})  # what columns must be; a row that does not pass goes to the ledger
    limit: Annotated[int, Field(ge=1)] | None = None  # at most this many rows of each file, from the top
    weight: Annotated[float, Field(gt=0)] = 1.0  # how much a row counts beside others when rows are selected
    subset: str | None = None  # hub only: the configuration
    split: str = "train"  # hub only
    revision: str | None = None  # hub only: a commit, tag or branch

    @field_validator("attributes", "header", "entries", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    _rules = field_validator("filter", mode="before")(rules)

    @field_validator("weight", mode="before")
    @classmethod
    def _whole_weight(cls, value: Any) -> Any:
        return float(value) if type(value) is int else value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("expected the name of a text encoding, such as utf-8, latin-1 or gb18030") from None
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = (self.demo, self.path is not None, self.hub is not None, self.dataset_info is not None)
        if sum(kinds) != 1:
            raise ValueError("expected exactly one of demo, path, hub and dataset_info")
        return self


DATA_ENDINGS = (
    ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".label", ".txt", ".conll", ".conllu", ".gz", ".zst",
)  # fmt: skip


def as_source(value: Any) -> Any:
    """A plain string is short for a source: `demo`, a path, glob or URL, or `owner/name` on the hub."""
    if not isinstance(value, str):
        return value
    if value == "demo":
        return {"demo": True}
    is_path = any(c in value for c in "*?[~\\") or value.endswith(DATA_ENDINGS) or value.startswith((".", "/"))
    if is_path or value.count("/") != 1 or Path(value).exists():
        return {"path": value}
    return {"hub": value}


class RawData(Section):
    """What to read."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)] = (Source(demo=True),)
    # A longer line or row is left out by name; it bounds the memory that a quote which never closes can cost.
    max_item_chars: Annotated[int, Field(ge=1_000, le=16 * 2**20)] = 16 * 2**20

    @field_validator("sources", mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        return tuple(as_source(item) for item in value) if isinstance(value, list) else value
