"""The settings of duplicates and of decontamination, two sections of `cleaned_data`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from assets.section import Section
from assets.source_params import Source, as_source

Share = Annotated[float, Field(gt=0, le=1)]


class Reference(Source):
    """Rows to compare with: a source as in `raw_data.sources`, or an earlier version of the subset."""

    version: Annotated[str, Field(min_length=1)] | None = None  # v1.0.0, or latest

    @model_validator(mode="after")
    def _one_kind(self) -> Reference:
        kinds = (self.demo, self.path, self.hub, self.dataset_info, self.version)
        if sum(bool(kind) for kind in kinds) != 1:
            raise ValueError("expected exactly one of version, path, hub, dataset_info and demo")
        if self.version is not None and (more := self.model_fields_set - {"version"}):
            raise ValueError(f"expected nothing beside version; leave {', '.join(sorted(more))} out")
        return self


def _references(value: Any) -> Any:
    return tuple(as_source(item) for item in value) if isinstance(value, list) else value


def _switch(value: Any) -> Any:
    """`true` stands for a section of defaults, `false` for none."""
    return {} if value is True else None if value is False else value


RANKS = ("label", "length", "source")


class Exact(Section):
    """Rows that are equal once these differences are folded away."""

    fold: tuple[Literal["whitespace", "case", "punctuation"], ...] = ("whitespace",)

    @field_validator("fold", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Near(Section):
    """Rows that share most of their shingles: runs of words or, in scripts without spaces, of characters.

    One word a shingle, by measurement: of copies in which 2 % of the words were changed nearly all share four fifths
    of their words, but only three of four that share of their runs of three words.
    """

    threshold: Share = 0.8  # Jaccard similarity, of true shingles
    # What the words of the answers must share, too: questions about one long text are no duplicates.
    answers: Share | None = 0.5
    of: Literal["conversation", "prompt"] = "conversation"
    words: Annotated[int, Field(ge=1, le=20)] = 1  # words of a shingle
    characters: Annotated[int, Field(ge=1, le=50)] = 3  # characters of a shingle, in scripts without spaces
    permutations: Annotated[int, Field(ge=16, le=1024)] = 128  # of MinHash, which finds the candidates
    edit_similarity: Share | None = None  # if stated, the normalised Levenshtein similarity must reach this, too


class Semantic(Section):
    """Rows whose embeddings point the same way."""

    threshold: Share = 0.95  # cosine
    exact_up_to: Annotated[int, Field(ge=0)] = 100_000  # rows; above, a few pairs may be missed, and are estimated


class Dedup(Section):
    """Which rows repeat another, and which of a group stays.

    Only exact duplicates by default: in data made from templates ("What is 3 + 4?", "What is 3 + 5?") rows that differ
    in one word are no duplicates, and nobody but the user knows whether theirs are.
    """

    exact: Exact | None = Exact()
    near: Near | None = None
    semantic: Semantic | None = None
    against: tuple[Reference, ...] = ()  # files and versions whose rows must not come again
    across_labels: bool = False  # whether rows of different labels can be duplicates
    rank_by: tuple[str, ...] = RANKS  # the best of a group stays; also names of attributes

    _switches = field_validator("exact", "near", "semantic", mode="before")(_switch)
    _against = field_validator("against", mode="before")(_references)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those of `rank_by` that are names of attributes."""
        return tuple(name for name in self.rank_by if name not in RANKS)

    @field_validator("rank_by", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if isinstance(value, list) and (not value or len({str(name) for name in value}) < len(value)):
            raise ValueError(f"expected {', '.join(RANKS)} or names of attributes, at least one and each once")
        return tuple(value) if isinstance(value, list) else value


class Decontamination(Section):
    """Evaluation sets whose items must not be trained on."""

    against: tuple[Reference, ...] = ()
    ngram: Annotated[int, Field(ge=2, le=50)] = 8  # tokens; a shorter item must be met whole
    overlap: Share = 0.5  # the share of an item's n-grams that a row must hold to be left out
    similarity: Share | None = None  # if stated, a row this similar (cosine) to an item is left out, too

    _against = field_validator("against", mode="before")(_references)
