"""The settings of `selected_subset`: filters, what is maximised, under which budget and quotas; and presets of them.

A preset is a name for values of these very settings; whatever is stated beside it takes their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from assets.dedup_params import Reference
from assets.section import Section
from assets.source_params import as_source

Share = Annotated[float, Field(ge=0, le=1)]
Rule = Literal["none", "natural", "equal", "square_root"]
RULES = ("none", "natural", "equal", "square_root")
QuotaRule = Rule | dict[str, Share]
# How rows of a group are put in order; see docs/selection.md.
Method = Literal["scores", "facility_location", "k_center", "kmeans", "distinct", "mmr", "dpp", "round_robin"]
CLASS = "class"  # the label or, where no row has one, the source


def shares(value: Any) -> dict[str, float]:
    """Shares by class that sum to 1; YAML's numbers and booleans as names are refused. Raises `ValueError`."""
    for name, share in value.items():
        if not isinstance(name, str):
            raise ValueError(f"expected the class {name!r} in quotes, as a string")
        if type(share) not in (int, float) or not 0 <= share <= 1:
            raise ValueError(f"expected a share between 0 and 1 for '{name}', not {share!r}")
    total = sum(value.values())
    if abs(total - 1) > 1e-6:
        raise ValueError(f"expected shares that sum to 1, not to {total:g}")
    return {name: float(share) for name, share in value.items()}


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


class TokenBudget(Section):
    """A budget in tokens: rows are taken by their gain per token."""

    tokens: Annotated[int, Field(ge=1)]
    tokenizer: Annotated[str, Field(min_length=1)] = "auto"  # auto: the encoder's; `words`; a model's id or folder
    # Gain is divided by tokens to this power: 1 = gain per token, which prefers short rows; 0 = regardless of length.
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0

    _whole = field_validator("strength", mode="before")(_number)


class Target(Section):
    """Rows that the pool's rows are to resemble, such as the questions of an evaluation set."""

    rows: Annotated[tuple[Reference, ...], Field(min_length=1)]
    measure: Literal["cosine", "jaccard", "edit", "dsir"] = "cosine"
    of: Literal["conversation", "prompt"] | None = None  # the text that is compared; default: that of `embeddings.text`
    words: Annotated[int, Field(ge=1, le=20)] = 1  # jaccard: words of a shingle
    characters: Annotated[int, Field(ge=1, le=50)] | None = None  # jaccard: characters of a shingle, instead of words

    @field_validator("rows", mode="before")
    @classmethod
    def _references(cls, value: Any) -> Any:
        return tuple(as_source(item) for item in value) if isinstance(value, list) else value


class Filter(Section):
    """Rows that may be selected at all, by one column: what does not pass is out of the pool, whatever else holds."""

    column: Annotated[str, Field(min_length=1)]
    min: float | None = None
    max: float | None = None
    min_quantile: Share | None = None  # 0.9: the highest tenth
    max_quantile: Share | None = None  # 0.1: the lowest tenth
    keep: tuple[str, ...] | None = None  # of a column of texts
    drop: tuple[str, ...] | None = None
    missing: Literal["keep", "drop"] = "drop"  # rows without a value

    _whole = field_validator("min", "max", "min_quantile", "max_quantile", mode="before")(_number)

    @field_validator("keep", "drop", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value

    @property
    def is_numeric(self) -> bool:
        """Whether it is about numbers."""
        return any(bound is not None for bound in (self.min, self.max, self.min_quantile, self.max_quantile))

    @model_validator(mode="after")
    def _one_kind(self) -> Filter:
        is_textual = self.keep is not None or self.drop is not None
        if self.is_numeric == is_textual:
            raise ValueError(
                "expected bounds (min, max, min_quantile, max_quantile) or texts (keep, drop), and not both"
            )
        return self


class Score(Section):
    """One score: which column, which end of it is wanted, how it is brought to 0 to 1, and how much it counts."""

    column: Annotated[str, Field(min_length=1)]
    strength: Annotated[float, Field(ge=0)] = 1.0  # product: the power; sum: the factor
    prefer: Literal["high", "low"] = "high"
    normalise: Literal["rank", "min_max", "none"] = "rank"
    missing: Literal["leave_out", "lowest", "median", "highest"] = "leave_out"  # rows without a value

    _whole = field_validator("strength", mode="before")(_number)


class Coverage(Section):
    """How rows of a group are put in order, and how much that counts beside the scores where they are added."""

    method: Method = "facility_location"
    strength: Annotated[float, Field(ge=0)] = 1.0  # with `combine: sum`
    member: Literal["nearest", "first", "farthest", "random", "best"] = "nearest"  # kmeans: who stands for a cluster
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.9  # distinct: cosine to every row that was taken
    trade_off: Share = 0.5  # mmr: 1 = the scores alone
    # round_robin: what makes a row like a target: what sets the target apart from the pool, or the likeness to the
    # nearest item, or the mean. Only cosine has a contrast; other measures take their best.
    by: Literal["contrast", "best", "mean"] = "contrast"
    gumbel: bool = False  # scores, round_robin: draw at random in proportion to exp(score)

    _whole = field_validator("strength", "max_similarity", "trade_off", mode="before")(_number)


class Quota(Section):
    """The shares of one column's values in the subset, and how many rows each value has at least."""

    by: Annotated[str, Field(min_length=1)] = CLASS  # class, label, source, language, cluster, or an attribute
    rule: QuotaRule = "natural"
    minimum: Annotated[int, Field(ge=0)] = 0

    @field_validator("rule", mode="before")
    @classmethod
    def _rule_or_shares(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return shares(value)
        if value not in RULES:
            raise ValueError(f"expected {', '.join(RULES)} or shares by value")
        return value


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "random": {"quota": "none", "coverage": "scores", "scores": ["random"]},
    "stratified": {"quota": "natural", "coverage": "scores", "scores": ["random"]},
    "similarity": {"quota": "none", "coverage": "round_robin"},
    "uncertainty": {"quota": "none", "coverage": "scores", "scores": ["entropy"]},
    "kmeans": {"quota": "none", "coverage": "kmeans"},
    "k_center": {"quota": "none", "coverage": "k_center"},
    "facility_location": {"quota": "none", "coverage": "facility_location"},
    "deita": {"quota": "none", "coverage": "distinct", "scores": ["length"]},
    "dsir": {"quota": "none", "coverage": {"method": "round_robin", "gumbel": True}},
    "balanced_coverage": {
        "quota": "natural",
        "noise_filter": True,
        "coverage": "facility_location",
        # Either is a probability from 0 to 1, and says nothing of rows without a label, or without an answer.
        "scores": [
            {"column": "label_quality", "normalise": "none", "missing": "highest"},
            {"column": "answer_quality", "normalise": "none", "missing": "highest"},
        ],
    },
}
Preset = Literal[
    "random",
    "stratified",
    "similarity",
    "uncertainty",
    "kmeans",
    "k_center",
    "facility_location",
    "deita",
    "dsir",
    "balanced_coverage",
]
_NEED_TARGETS = ("similarity", "dsir")


def _by_importance(target: Any) -> Any:
    """A target whose measure is that of DSIR unless it states one."""
    if isinstance(target, list):
        return {"rows": target, "measure": "dsir"}
    return {"measure": "dsir", **target} if isinstance(target, dict) else target


def _names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value


class SelectedSubset(Section):
    """Filters, then the greatest coverage x scores under a budget and quotas."""

    preset: Preset = "balanced_coverage"
    budget: int | float | TokenBudget = 0.1  # rows, a share of the cleaned pool, or {tokens: ...}
    also: tuple[int | float, ...] = ()  # smaller budgets, in rows or shares: each is the beginning of the ranking
    targets: dict[str, Target] = Field(default={})
    filters: tuple[Filter, ...] = ()
    noise_filter: bool = False  # leave out rows whose label the probe contradicts, where there are enough others
    coverage: Coverage = Coverage()
    scores: tuple[Score, ...] = ()
    combine: Literal["product", "sum"] = "product"  # of coverage and scores
    quota: tuple[Quota, ...] = ()
    random_share: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of each group, drawn at random
    include: tuple[str, ...] = ()  # ids, or files of one id a line: rows that must be in
    exclude: tuple[str, ...] = ()  # and rows that must not
    previous: Annotated[str, Field(min_length=1)] | None = None  # latest, or a version: start from its rows
    churn: Share = 0.2  # with `previous`: the share of its rows that may leave

    _whole = field_validator("random_share", "churn", mode="before")(_number)
    _lists = field_validator("include", "exclude", mode="before")(_names)

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        name = value.get("preset", "balanced_coverage")
        merged = {**PRESETS.get(str(name), {}), **value}
        if name == "dsir" and isinstance(merged.get("targets"), dict):
            merged["targets"] = {key: _by_importance(target) for key, target in merged["targets"].items()}
        return merged

    @field_validator("budget", mode="before")
    @classmethod
    def _rows_or_share(cls, value: Any) -> Any:
        if _is_budget(value) or isinstance(value, dict | TokenBudget):
            return value
        raise ValueError(
            "expected a number of rows (500), a share of the pool, over 0 and at most 1 (0.1), or {tokens: 200000}"
        )

    @field_validator("also", mode="before")
    @classmethod
    def _budgets(cls, value: Any) -> Any:
        if not isinstance(value, list) or not all(map(_is_budget, value)):
            raise ValueError("expected a list of numbers of rows (500) or shares of the pool (0.05)")
        return tuple(value)

    @field_validator("targets", mode="before")
    @classmethod
    def _targets(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("expected targets by name, such as {questions: [eval/questions.jsonl]}")
        for name, rows in value.items():
            if not isinstance(name, str) or not name or "." in name:
                raise ValueError(f"expected a name without dots for a target, not {name!r}")
            if isinstance(rows, str):
                raise ValueError(f"expected a list of files and versions for '{name}', such as ['{rows}']")
        return {name: {"rows": rows} if isinstance(rows, list) else rows for name, rows in value.items()}

    @field_validator("coverage", mode="before")
    @classmethod
    def _method(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @field_validator("filters", mode="before")
    @classmethod
    def _filters(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("scores", mode="before")
    @classmethod
    def _scores(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return tuple({"column": item} if isinstance(item, str) else item for item in value)

    @field_validator("quota", mode="before")
    @classmethod
    def _quotas(cls, value: Any) -> Any:
        if value == "none":
            return ()
        if isinstance(value, str):
            return ({"rule": value},)
        if isinstance(value, list):
            return tuple(value)
        if not isinstance(value, dict):
            raise ValueError(f"expected {', '.join(RULES)}, shares by class, {{by: ..., rule: ...}}, or a list of such")
        return ({"rule": value},) if not value.keys() & {"by", "rule", "minimum"} else (value,)

    @model_validator(mode="after")
    def _fits_together(self) -> SelectedSubset:
        method = self.coverage.method
        if not self.targets and (self.preset in _NEED_TARGETS or method == "round_robin"):
            wanted = f"the preset {self.preset}" if self.preset in _NEED_TARGETS else f"coverage: {method}"
            raise ValueError(f"{wanted} needs targets, such as targets: {{questions: [eval/questions.jsonl]}}")
        if method == "scores" and not self.scores:
            raise ValueError("coverage: scores needs scores, such as scores: [entropy]")
        if self.combine == "sum" and method not in ("facility_location", "scores"):
            raise ValueError(f"combine: sum goes with facility_location and scores, not with {method}")
        names = [score.column for score in self.scores]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"scores: the column '{twice}' stands twice; state its strength once")
        if isinstance(self.budget, TokenBudget) and self.also:
            raise ValueError("also: expected only beside a budget of rows; a budget of tokens is one number")
        return self

    def is_of_preset(self, key: str) -> bool:
        """Whether a key has the value that the preset gives it."""
        of_preset = type(self)(preset=self.preset, targets=self.targets)
        return bool(getattr(self, key) == getattr(of_preset, key))

    @property
    def asks_for_likeness(self) -> bool:
        """Whether the subset is to be like the pool, and not like something else that was asked for."""
        plain = {"label_quality", "answer_quality", "random"}
        return (
            not isinstance(self.budget, TokenBudget)
            and bool(self.quota)
            and not self.filters
            and self.coverage.method in ("scores", "facility_location", "kmeans")
            and all(score.column in plain for score in self.scores)
        )


def _is_budget(value: Any) -> bool:
    return (type(value) is int and value >= 1) or (type(value) is float and 0 < value <= 1)
