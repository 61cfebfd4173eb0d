"""The settings of `uncertainty_scores`: which rows are scored by what, and how each of the scorers works."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from assets.section import Section

SELF = "self"  # a small causal model, trained on the pool itself
PROBE = "probe"
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
Quantize = Literal["none", "int8"]


class Training(Section):
    """How `model: self` is trained: two small causal models, each on one half of the pool."""

    tokens: Annotated[int, Field(ge=1_000)] = 1_000_000  # that each of them sees, its half again and again
    vocabulary: Annotated[int, Field(ge=300, le=65_536)] = 2048
    layers: Annotated[int, Field(ge=1, le=48)] = 2
    width: Annotated[int, Field(ge=16, le=4096, multiple_of=2)] = 128
    context: Annotated[int, Field(ge=16, le=8192)] = 512


class LanguageModel(Section):
    """The language model; its family follows from the model itself. A name alone is short for `{model: name}`."""

    model: Annotated[str, Field(min_length=1)] = SELF  # self | a hub id | a local folder
    revision: str | None = None  # hub only
    template: Literal["auto", "chat", "plain"] = "auto"  # auto: the tokenizer's chat template, where it has one
    max_tokens: Annotated[int, Field(ge=8, le=1_048_576)] = 1024  # longer conversations are cut there, and counted
    batch_tokens: Annotated[int, Field(ge=256)] = 8192  # padded tokens in one forward pass on a GPU
    device: Device = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantize: Quantize = "none"  # int8: on a CPU faster and smaller, and nearly the same ranking
    training: Training = Training()


class Tagging(Section):
    """Sequence labelling: what says how likely each tag of each word is. A name alone is short for `{model: name}`."""

    model: Annotated[str, Field(min_length=1)] = PROBE  # probe: of the encoder's vectors of words | a hub id | a folder
    revision: str | None = None
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    top: Annotated[int, Field(ge=1)] = 3  # the least sure words of a sentence that tag_entropy_top adds up
    words: Annotated[int, Field(ge=100)] = 200_000  # at most so many words train the probe of a fold


class UncertaintyScores(Section):
    """How sure models are of each row."""

    # auto: a probe where there are labels, tagging where there are tags, and the language model elsewhere.
    by: Literal["auto", "probe", "language_model", "both"] = "auto"
    target: Literal["auto", "label", "source"] = "auto"  # what the probe predicts
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    regularization: Annotated[float, Field(gt=0)] = 4.0  # inverse strength, as scikit-learn's C
    ensemble: Annotated[int, Field(ge=1, le=50)] = 5  # probes of resampled rows; 1: no mutual information
    calibrate: bool = True  # one temperature for each fold
    edits: Annotated[int, Field(ge=0, le=100)] = 0  # small edits of each text that are embedded, to see if they flip it
    answers: bool = True  # look for answers that are swapped, cut, scrambled or mere phrases
    language_model: LanguageModel = LanguageModel()
    tagging: Tagging = Tagging()

    @model_validator(mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:
        if isinstance(value, dict):
            short = {
                key: {"model": value[key]} for key in ("language_model", "tagging") if isinstance(value.get(key), str)
            }
            return {**value, **short}
        return value
