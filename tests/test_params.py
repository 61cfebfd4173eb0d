"""Settings: what is wrong is refused in one line that names the key, the value and what would be right."""

from pathlib import Path

import pytest

from assets import params
from assets.errors import SettingsError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("selected_subset: {budgt: 3}", "selected_subset.budgt: unknown key; did you mean 'budget'?"),
        ("raw_data: {sources: [demo, {pth: x}]}", "raw_data.sources[1].pth: unknown key; did you mean 'path'?"),
        ("colour: red", "colour: unknown key; known here: seed, raw_data"),
        ("seed: -1", "seed: expected greater than or equal to 0, not -1"),
        ("seed: soon", "seed: expected a valid integer, not 'soon'"),
        ("embeddings: 3", "embeddings: expected a section"),
        ("selected_subset: {budget: 0}", "selected_subset.budget: expected a number of rows (500), a share of the"),
        ("selected_subset: {budget: 1.5}", "not 1.5"),
        ("selected_subset: {budget: ten}", "not 'ten'"),
        ("selected_subset: {quota: fair}", "selected_subset.quota: expected none, natural, equal, square_root or"),
        ("checks: {class_balance: {target: fair}}", "checks.class_balance.target: expected 'auto', 'pool', 'equal' or"),
        ("checks: {class_balance: {target: {a: 0.5}}}", "class_balance.target: expected shares that sum to 1, not to"),
        ("selected_subset: {quota: {a: 0.5}}", "expected shares that sum to 1, not to 0.5"),
        ("raw_data: {sources: []}", "raw_data.sources: expected at least 1 item, not []"),
        ("raw_data: {sources: demo}", "raw_data.sources: expected a list, not 'demo'"),
        ("raw_data: {sources: [{path: a, hub: b/c}]}", "expected exactly one of demo, path, hub and dataset_info"),
        ("cluster_assignments: {clusters: -1}", "cluster_assignments.clusters: expected 'auto' or expected greater"),
        ("raw_data: {sources: [{path: a, encoding: klingon}]}", "expected the name of a text encoding"),
        (
            "cleaned_data: {steps: [{length: {min: 9, max: 3}}]}",
            "steps[0].length: expected min (9) to be at most max (3)",
        ),
        ("cleaned_data: {dedup: {near: {treshold: 1}}}", "dedup.near.treshold: unknown key; did you mean 'threshold'?"),
        ("cleaned_data: {dedup: {near: {threshold: 2}}}", "cleaned_data.dedup.near.threshold: expected less than or"),
        ("cleaned_data: {dedup: {exact: {fold: [spaces]}}}", "dedup.exact.fold[0]: expected 'whitespace'"),
        ("cleaned_data: {dedup: {against: [{version: v1, path: a}]}}", "against[0]: expected exactly one of version,"),
        ("cleaned_data: {decontamination: {against: [{pth: a}]}}", "against[0].pth: unknown key; did you mean 'path'?"),
        (
            "cleaned_data: {dedup: {against: [{version: v1, limit: 3}]}}",
            "expected nothing beside version; leave limit out",
        ),
        (
            "cleaned_data: {dedup: {rank_by: [length, length]}}",
            "cleaned_data.dedup.rank_by: expected label, length, source",
        ),
        ("cleaned_data: {decontamination: {ngram: 1}}", "cleaned_data.decontamination.ngram: expected greater than"),
        ("schedule: {cron: daily}", "expected five cron fields"),
        ("schedule: {cron: '99 3 * * *'}", "schedule.cron"),
        ("schedule: {timezone: Moon/Base}", "schedule.timezone"),
        ("seed: 1\nseed: 2", ", line 2: the key 'seed' stands twice"),
        ("a: [", ", line 1"),
        ("- a\n- b", "expected sections such as 'raw_data:', not a list"),
        ("seed: \x00", "not valid YAML"),
    ],
)
def test_a_bad_setting_is_one_clear_line(text: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        params.parse(text)
    message = str(caught.value)
    assert message.startswith("params.yaml")
    assert line in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        # One place is one problem, however many kinds of value could stand there.
        ("cluster_assignments: {clusters: -1}", "equal to 1, not -1"),
        (
            "selected_subset: {budget: {tokens: 0}}",
            "selected_subset.budget.tokens: expected greater than or equal to 1, not 0",
        ),
        ("selected_subset: {budgt: 3, quta: 4}", "budgt: unknown key; did you mean 'budget'? (and 1 more)"),
        ("seed: -1\nembeddings: 3\nschedule: 4", "not -1 (and 2 more)"),
        # A sentence about a section does not show the section again.
        ("selected_subset: {preset: dsir}", "such as targets: {questions: [eval/questions.jsonl]}"),
        ("selected_subset: {quota: {a: 0.5}}", "selected_subset.quota: expected shares that sum to 1, not to 0.5"),
    ],
)
def test_a_line_ends_with_what_there_is_to_say(text: str, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        params.parse(text)
    assert str(caught.value).endswith(line)


def test_an_empty_file_means_the_defaults() -> None:
    assert params.parse("") == params.Params()


def test_the_shipped_file_spells_out_the_defaults() -> None:
    assert params.load(ROOT / "params.yaml") == params.Params()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"params\.yaml: not found"):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("short", "kind", "value"),
    [
        ("demo", "demo", True),
        ("tatsu-lab/alpaca", "hub", "tatsu-lab/alpaca"),
        ("data/x.jsonl", "path", "data/x.jsonl"),
        ("../x/*.json.gz", "path", "../x/*.json.gz"),
        ("./folder/file", "path", "./folder/file"),
        ("x.csv", "path", "x.csv"),
    ],
)
def test_a_plain_string_is_short_for_a_source(short: str, kind: str, value: object) -> None:
    (source,) = params.parse(f"raw_data: {{sources: ['{short}']}}").raw_data.sources
    assert getattr(source, kind) == value


def test_a_budget_is_rows_or_a_share() -> None:
    assert params.parse("selected_subset: {budget: 500}").selected_subset.budget == 500
    assert params.parse("selected_subset: {budget: 0.25}").selected_subset.budget == 0.25
    assert isinstance(params.parse("selected_subset: {budget: 1}").selected_subset.budget, int)
