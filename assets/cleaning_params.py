"""The settings of `cleaned_data`: the cleaning steps, duplicates and decontamination.

The options of a step are the fields of its dataclass in `methods/cleaning`; models with the checks of every other
section are made from those here, so that no option is written twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_type_hints

from pydantic import Field, create_model, field_validator, model_serializer, model_validator

from assets.dedup_params import Decontamination, Dedup
from assets.errors import SettingsError
from assets.methods.cleaning import catalogue
from assets.methods.cleaning.lengths import WORDS, CountTokens, Length
from assets.methods.cleaning.steps import Step
from assets.methods.cleaning.words import Words
from assets.section import Section

ReadWords = Callable[[str], Sequence[str]]  # the path of a list of words → its entries
CounterOf = Callable[[str], CountTokens]  # the name of a model → a function that counts its tokens


class Options(Section):
    """The options of one step; the models of the single steps are made from their dataclasses."""

    step: ClassVar[type[Any]]

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: tuple(option) if isinstance(option, list) else option for name, option in value.items()}

    @model_validator(mode="after")
    def _sound(self) -> Options:
        self.build()
        return self

    def build(self, **injected: Any) -> Step:
        """The step with these options; raises `ValueError` where they do not go together."""
        step: Step = self.step(**{name: getattr(self, name) for name in type(self).model_fields}, **injected)
        return step


class Toxicity(Section):
    """Words of the user's own list; see `methods/cleaning/words.py`."""

    list: Annotated[str, Field(min_length=1)]  # path of a text file: one word or phrase a line, # for remarks
    max: Annotated[int, Field(ge=0)] = 0  # hits that are allowed


def _options(step: type[Any]) -> type[Options]:
    """The model of a step's options: the fields of its dataclass but for those that the caller injects."""
    hints = get_type_hints(step, include_extras=True)
    fields: dict[str, Any] = {
        f.name: (hints[f.name], ... if f.default is dataclasses.MISSING else f.default)
        for f in dataclasses.fields(step)
        if not f.metadata.get("injected")
    }
    model = create_model(step.__name__, __base__=Options, __doc__=step.__doc__, **fields)
    model.step = step
    return model


class _OneStep(Section):
    """One entry of the list of steps: a mapping of one step's name to its options."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A bare name is short for a step without options of its own."""
        if isinstance(value, str):
            return {value: {}}
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError("expected one step, by its name or as {name: {option: value}}")
        return {name: {} if options is None else options for name, options in value.items()}

    @model_serializer
    def _as_written(self) -> dict[str, Any]:
        return {self.name: self.options.model_dump()}

    @property
    def name(self) -> str:
        (name,) = self.model_fields_set
        return name

    @property
    def options(self) -> Section:
        options: Section = getattr(self, self.name)
        return options

    def build(self, read_words: ReadWords, counter_of: CounterOf) -> Step:
        """The step itself; raises `ValueError` if its list of words is of no use, and whatever the two callables do."""
        options = self.options
        if isinstance(options, Toxicity):
            return Words(tuple(read_words(options.list)), options.max)
        assert isinstance(options, Options)
        tokenizer = getattr(options, "tokenizer", WORDS) if options.step is Length else WORDS
        return options.build() if tokenizer == WORDS else options.build(count_tokens=counter_of(tokenizer))


if TYPE_CHECKING:
    OneStep = _OneStep
else:
    OneStep = create_model(
        "OneStep",
        __base__=_OneStep,
        __doc__=_OneStep.__doc__,
        **{
            name: ((Toxicity if step is Words else _options(step)) | None, None)
            for name, step in catalogue.BY_NAME.items()
        },
    )

DEFAULT_STEPS: tuple[OneStep, ...] = tuple(OneStep.model_validate({name: opts}) for name, opts in catalogue.DEFAULTS)


class CleanedData(Section):
    """What a sound record is."""

    steps: tuple[OneStep, ...] = DEFAULT_STEPS  # in this order; a row is dropped for the first one that it fails
    decontamination: Decontamination = Decontamination()
    dedup: Dedup = Dedup()

    @property
    def wants_vectors(self) -> bool:
        """Whether anything here compares embeddings."""
        return self.dedup.semantic is not None or self.decontamination.similarity is not None

    @field_validator("steps", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    def build_steps(self, read_words: ReadWords, counter_of: CounterOf) -> list[Step]:
        """The steps in their order.

        `read_words` gives the entries of a list of words, `counter_of` a function that counts a model's tokens; they
        are called for the steps that need them. Raises `SettingsError` where a list of words is of no use.
        """
        steps = []
        for place, entry in enumerate(self.steps):
            try:
                steps.append(entry.build(read_words, counter_of))
            except ValueError as error:
                raise SettingsError(f"params.yaml: cleaned_data.steps[{place}].{entry.name}: {error}") from None
        return steps
