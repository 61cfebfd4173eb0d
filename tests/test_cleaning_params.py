"""The settings of the cleaning steps: what is wrong is one clear line, and what is right becomes the pure steps."""

import numpy as np
import pyarrow as pa
import pytest

from assets import params
from assets.cleaning_params import DEFAULT_STEPS, CleanedData
from assets.errors import SettingsError
from assets.methods.cleaning.answers import AnswerEqualsPrompt
from assets.methods.cleaning.catalogue import BY_NAME, DEFAULTS
from assets.methods.cleaning.language import Language
from assets.methods.cleaning.lengths import CountTokens, Length
from assets.methods.cleaning.normalise import Normalise
from assets.methods.cleaning.steps import Step
from assets.methods.cleaning.words import Words


def parse(steps: str) -> CleanedData:
    return params.parse(f"cleaned_data: {{steps: {steps}}}").cleaned_data


def build(steps: str) -> list[Step]:
    def counter(model: str) -> CountTokens:
        return lambda texts: np.full(len(texts), len(model))

    return parse(steps).build_steps(lambda path: [f"word of {path}"], counter)


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ("[normalise, lenght]", "cleaned_data.steps[1].lenght: unknown key; did you mean 'length'?"),
        ("[{length: {maxx: 3}}]", "cleaned_data.steps[0].length.maxx: unknown key; did you mean 'max'?"),
        ("[normalise, {length: {max: -3}}]", "cleaned_data.steps[1].length.max: expected greater than or equal to 0"),
        ("[{length: {max: 3, min: 7}}]", "cleaned_data.steps[0].length: expected min (7) to be at most max (3)"),
        ("[length]", "cleaned_data.steps[0]: expected bounds, as in {length: {min: 3}}"),
        (
            "[{length: {max: 3, count_tokens: 1}}]",
            "count_tokens: unknown key; known here: unit, of, min, max, tokenizer",
        ),
        ("[toxicity]", "cleaned_data.steps[0].toxicity.list: this key is needed"),
        ("[{toxicity: {lst: a}}]", "cleaned_data.steps[0].toxicity.lst: unknown key; did you mean 'list'?"),
        ("[language]", "cleaned_data.steps[0]: expected the languages to keep or to drop, such as keep: [en]"),
        ("[{language: {drop: [no]}}]", "cleaned_data.steps[0].language.drop[0]: expected a valid string, not False"),
        ("[{language: {drop: [english]}}]", "cleaned_data.steps[0].language: expected codes such as en, de or zh"),
        (
            "[{normalise: {form: NFD}}]",
            "cleaned_data.steps[0].normalise.form: expected 'NFC', 'NFKC' or 'none', not 'NFD'",
        ),
        ("[{pii: {kinds: []}}]", "cleaned_data.steps[0].pii.kinds: expected at least 1 item, not []"),
        ("[{pii: 3}]", "cleaned_data.steps[0].pii: expected a section with keys of its own, not 3"),
        (
            "[{repeating_answer: {max: 1.5}}]",
            "cleaned_data.steps[0].repeating_answer.max: expected less than or equal to 1",
        ),
        ("[{digits: {max: '1'}}]", "cleaned_data.steps[0].digits.max: expected a valid number, not '1'"),
        ("[{refusal: {phrases: ['']}}]", "cleaned_data.steps[0].refusal.phrases[0]"),
        ("[3]", "cleaned_data.steps[0]: expected one step, by its name or as {name: {option: value}}, not 3"),
        ("[{a: 1, b: 2}]", "cleaned_data.steps[0]: expected one step"),
        ("normalise", "cleaned_data.steps: expected a list, not 'normalise'"),
    ],
)
def test_a_bad_step_is_one_clear_line(steps: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(steps)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_and_options_become_the_steps_in_their_order() -> None:
    made = build(
        "[{language: {keep: [en, de], min_confidence: 1}}, normalise, {answer_equals_prompt: {of: any}},"
        " {length: {max: 9}}, {length: {of: turn, min: 1}}, {normalise: null}]"
    )
    assert made == [
        Language(keep=("en", "de"), min_confidence=1.0),
        Normalise(),
        AnswerEqualsPrompt(of="any"),
        Length(max=9),
        Length(of="turn", min=1),
        Normalise(),
    ]


def test_words_and_counters_come_from_the_caller() -> None:
    words, length = build("[{toxicity: {list: mine.txt, max: 2}}, {length: {unit: tokens, tokenizer: gpt2, max: 3}}]")
    assert words == Words(("word of mine.txt",), 2)
    assert isinstance(length, Length)
    assert length.count_tokens is not None
    assert length.count_tokens(pa.array(["x"])).tolist() == [4]


def test_a_list_of_no_use_is_one_clear_line() -> None:
    settings = parse("[normalise, {toxicity: {list: mine.txt}}]")
    with pytest.raises(SettingsError, match=r"cleaned_data\.steps\[1\]\.toxicity: expected at least one word"):
        settings.build_steps(lambda path: [], lambda model: lambda texts: np.zeros(0, np.int64))


def test_the_defaults_are_those_of_the_catalogue() -> None:
    assert params.Params().cleaned_data.steps == DEFAULT_STEPS
    assert [step.name for step in DEFAULT_STEPS] == [name for name, _ in DEFAULTS]
    assert parse("[]").steps == ()


def test_settings_are_dumped_as_they_are_written() -> None:
    dumped = parse("[empty_answer, {length: {max: 3}}]").model_dump(mode="json")["steps"]
    assert dumped[0] == {"empty_answer": {}}
    assert dumped[1]["length"]["max"] == 3
    assert CleanedData.model_validate({"steps": dumped}) == parse("[empty_answer, {length: {max: 3}}]")


def test_every_step_can_be_named() -> None:
    options = {
        "length": "{min: 1}",
        "language": "{keep: [en]}",
        "script": "{script: Han, min: 0}",
        "toxicity": "{list: x}",
    }
    made = build("[" + ", ".join(f"{{{name}: {options.get(name, 'null')}}}" for name in BY_NAME) + "]")
    assert [step.name for step in made] == list(BY_NAME)
