"""The settings of `selected_subset`: presets, short forms, and what is wrong as one clear line."""

from typing import get_args

import pytest

from assets import params
from assets.errors import SettingsError
from assets.selection_params import PRESETS, Coverage, Filter, Preset, Quota, Score, SelectedSubset, TokenBudget

TARGETS = "targets: {questions: [a.jsonl]}"


def parse(text: str) -> SelectedSubset:
    return params.parse(f"selected_subset: {{{text}}}").selected_subset


def refused(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_preset(name: str) -> SelectedSubset:
    return parse(f"preset: {name}" + (f", {TARGETS}" if name in ("similarity", "dsir") else ""))


def test_every_preset_is_a_name_for_other_settings() -> None:
    assert set(PRESETS) == set(get_args(Preset))
    shaped = [of_preset(name).model_copy(update={"preset": "random"}) for name in PRESETS]
    assert all(shaped.count(each) == 1 for each in shaped)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("random", "quota: none, coverage: scores, scores: [random], noise_filter: false"),
        ("stratified", "coverage: scores, scores: [{column: random}], noise_filter: false"),
        ("similarity", f"quota: none, coverage: round_robin, scores: [], noise_filter: false, {TARGETS}"),
        ("uncertainty", "quota: none, coverage: {method: scores}, scores: [entropy], noise_filter: false"),
        ("kmeans", "quota: [], coverage: {method: kmeans, member: nearest}, scores: [], noise_filter: false"),
        ("k_center", "quota: none, coverage: k_center, scores: [], noise_filter: false"),
        ("facility_location", "quota: none, scores: [], noise_filter: false"),
        ("deita", "quota: none, coverage: {method: distinct}, scores: [length], noise_filter: false"),
        (
            "dsir",
            "quota: none, coverage: {method: round_robin, gumbel: true}, scores: [], noise_filter: false, "
            "targets: {questions: {rows: [a.jsonl], measure: dsir}}",
        ),
        ("balanced_coverage", "budget: 0.1"),
    ],
)  # fmt: skip
def test_a_preset_stands_for_what_the_docs_say(name: str, same: str) -> None:
    assert of_preset(name) == parse(same).model_copy(update={"preset": name})


def test_a_key_that_is_stated_takes_the_place_of_the_presets_as_a_whole() -> None:
    made = parse("preset: deita, quota: equal, coverage: {max_similarity: 0.8}, scores: [entropy, margin]")
    assert made.quota == (Quota(rule="equal"),)
    assert made.coverage == Coverage(max_similarity=0.8)  # facility location: that of deita is gone
    assert [score.column for score in made.scores] == ["entropy", "margin"]
    assert parse("noise_filter: false").noise_filter is False
    assert parse("scores: []").scores == ()
    assert parse("preset: kmeans").noise_filter is False
    stated = parse("preset: dsir, coverage: round_robin, targets: {a: {rows: [a.jsonl], measure: cosine}}")
    assert stated.targets["a"].measure == "cosine"
    assert stated.coverage.gumbel is False


def test_what_a_preset_sets_is_told_from_what_was_stated() -> None:
    assert parse("budget: 7").is_of_preset("scores")
    stated = ", ".join(f"{{column: {name}_quality, normalise: none, missing: highest}}" for name in ("label", "answer"))
    assert parse(f"scores: [{stated}]").is_of_preset("scores")
    assert not parse("scores: [label_quality]").is_of_preset("scores")
    assert of_preset("dsir").is_of_preset("targets")


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("natural", [Quota()]),
        ("none", []),
        ("[]", []),
        ("equal", [Quota(rule="equal")]),
        ("square_root", [Quota(rule="square_root")]),
        ("{sport: 0.75, politics: 0.25}", [Quota(rule={"sport": 0.75, "politics": 0.25})]),
        ("{sport: 1}", [Quota(rule={"sport": 1.0})]),
        ("{by: source, minimum: 10}", [Quota(by="source", minimum=10)]),
        (
            "[{by: label, rule: {a: 0.5, b: 0.5}}, {by: language, rule: none, minimum: 3}, {by: attributes.region}]",
            [
                Quota(by="label", rule={"a": 0.5, "b": 0.5}),
                Quota(by="language", rule="none", minimum=3),
                Quota(by="attributes.region"),
            ],
        ),
    ],
)
def test_every_form_of_a_quota(text: str, quota: list[Quota]) -> None:
    assert parse(f"quota: {text}").quota == tuple(quota)


def test_every_form_of_a_budget() -> None:
    assert parse("budget: 500").budget == 500
    assert parse("budget: 0.25").budget == 0.25
    assert isinstance(parse("budget: 1").budget, int)
    assert parse("budget: 1.0").budget == 1.0
    tokens = parse("budget: {tokens: 2000}").budget
    assert tokens == TokenBudget(tokens=2000, tokenizer="auto", strength=1.0)
    assert parse("budget: {tokens: 2000, tokenizer: words, strength: 0}").budget == TokenBudget(
        tokens=2000, tokenizer="words", strength=0.0
    )
    assert parse("budget: 500, also: [0.01, 100]").also == (0.01, 100)


def test_short_forms() -> None:
    assert parse("scores: [entropy, {column: margin, prefer: low, strength: 2}]").scores == (
        Score(column="entropy"),
        Score(column="margin", prefer="low", strength=2.0),
    )
    assert parse("coverage: kmeans").coverage == Coverage(method="kmeans")
    assert parse("filters: [{column: label, keep: sport}]").filters == (Filter(column="label", keep=("sport",)),)
    assert parse("filters: [{column: length, min: 3}]").filters[0].min == 3.0
    assert parse("include: ids.txt, exclude: [a.txt, b.txt]").exclude == ("a.txt", "b.txt")
    assert parse("include: ids.txt").include == ("ids.txt",)
    short, full = (
        parse(f"targets: {{q: {form}}}")
        for form in ("[a.jsonl, {version: latest}]", "{rows: [a.jsonl, {version: latest}]}")
    )
    assert short == full
    assert [(row.path, row.version) for row in short.targets["q"].rows] == [("a.jsonl", None), (None, "latest")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("preset: balancd", ".preset: expected 'random', 'stratified', 'similarity', 'uncertainty',"),
        ("budget: 0", ".budget: expected a number of rows (500), a share of the pool, over 0 and at most 1"),
        ("budget: -5", "or {tokens: 200000}, not -5"),
        ("budget: 1.5", "not 1.5"),
        ("budget: ten", "not 'ten'"),
        ("budget: true", "not True"),
        ("budget: {tokns: 4}", ".budget.tokns: unknown key; did you mean 'tokens'?"),
        ("budget: {tokens: 4.5}", ".budget.tokens: expected a valid integer, not 4.5"),
        ("budget: {tokens: 0}", ".budget.tokens: expected greater than or equal to 1, not 0"),
        ("budget: {tokens: 4, strength: 2}", ".budget.strength: expected less than or equal to 1, not 2"),
        ("budget: {tokens: 4, tokenizer: ''}", ".budget.tokenizer: expected at least 1 character, not ''"),
        ("budget: {strength: 1}", ".budget.tokens: this key is needed"),
        ("also: 5", ".also: expected a list of numbers of rows (500) or shares of the pool (0.05), not 5"),
        ("also: [0.5, 2.5]", "not [0.5, 2.5]"),
        ("also: [5], budget: {tokens: 50}", "also: expected only beside a budget of rows"),
        ("quota: equl", ".quota: expected none, natural, equal, square_root or shares by value, not 'equl'"),
        ("quota: 3", ".quota: expected none, natural, equal, square_root, shares by class, {by: ...,"),
        ("quota: null", "not None"),
        ("quota: {a: 0.5}", ".quota: expected shares that sum to 1, not to 0.5"),
        ("quota: {a: 2}", ".quota: expected a share between 0 and 1 for 'a', not 2"),
        ("quota: {a: yes}", "expected a share between 0 and 1 for 'a', not True"),
        ("quota: {no: 1}", ".quota: expected the class False in quotes, as a string"),
        ("quota: {by: label, rle: equal}", ".quota.rle: unknown key; did you mean 'rule'?"),
        ("quota: {by: 3}", ".quota.by: expected a valid string, not 3"),
        ("quota: [{by: label}, {by: source, minimum: -1}]", ".quota[1].minimum: expected greater than or"),
        ("quota: [{by: label, rule: {a: 0.4}}]", ".quota[0].rule: expected shares that sum to 1, not to 0.4"),
        ("quota: [equal]", ".quota[0]: expected a section with keys of its own, not 'equal'"),
        ("coverage: facility", ".coverage: expected 'scores', 'facility_location', 'k_center', 'kmeans',"),
        ("coverage: {methd: x}", ".coverage.methd: unknown key; did you mean 'method'?"),
        ("coverage: {max_similarity: 0}", ".coverage.max_similarity: expected greater than 0, not 0"),
        ("coverage: {trade_off: 2}", ".coverage.trade_off: expected less than or equal to 1, not 2"),
        ("coverage: {member: last}", ".coverage.member: expected 'nearest', 'first', 'farthest', 'random'"),
        ("coverage: round_robin", ": coverage: round_robin needs targets, such as targets: {questions: ["),
        ("coverage: scores, scores: []", ": coverage: scores needs scores, such as scores: [entropy]"),
        ("preset: similarity", ": the preset similarity needs targets"),
        ("preset: dsir", ": the preset dsir needs targets"),
        ("preset: kmeans, combine: sum", "combine: sum goes with facility_location and scores, not with kmeans"),
        ("scores: [length, {column: length, strength: 2}]", "scores: the column 'length' stands twice"),
        ("combine: mean", ".combine: expected 'product' or 'sum', not 'mean'"),
        ("scores: entropy", ".scores: expected a list, not 'entropy'"),
        ("scores: [3]", ".scores[0]: expected a section with keys of its own, not 3"),
        ("scores: ['']", ".scores[0]: expected at least 1 character, not ''"),
        ("scores: [entropy, {colum: x}]", ".scores[1].colum: unknown key; did you mean 'column'?"),
        ("scores: [{column: x, strength: -1}]", ".scores[0].strength: expected greater than or equal to 0"),
        ("scores: [{column: x, strength: .inf}]", ".scores[0].strength: expected a finite number, not inf"),
        ("scores: [{column: x, normalise: z}]", ".scores[0].normalise: expected 'rank', 'min_max'"),
        ("scores: [{column: x, prefer: up}]", ".scores[0].prefer: expected 'high' or 'low', not 'up'"),
        ("scores: [{column: x, missing: zero}]", ".scores[0].missing: expected 'leave_out', 'lowest',"),
        ("score: entropy", ".score: unknown key; did you mean 'scores'?"),
        ("block_rows: 64", ".block_rows: unknown key; known here: preset, budget"),
        ("filters: [length]", ".filters[0]: expected a section with keys of its own, not 'length'"),
        ("filters: {column: length, min: 3}", ".filters: expected a list, not {'column': 'length', 'min': 3}"),
        ("filters: [{min: 3}]", ".filters[0].column: this key is needed"),
        ("filters: [{column: x}]", ".filters[0]: expected bounds (min, max, min_quantile, max_quantile) or"),
        ("filters: [{column: x, min: 1, keep: [a]}]", "or texts (keep, drop), and not both"),
        ("filters: [{column: x, min_quantile: 90}]", ".filters[0].min_quantile: expected less than or equal"),
        ("filters: [{column: x, keep: [no]}]", ".filters[0].keep[0]: expected a valid string, not False"),
        ("filters: [{column: x, min: 1, missing: leave}]", ".filters[0].missing: expected 'keep' or 'drop'"),
        ("targets: [a.jsonl]", ".targets: expected targets by name, such as {questions: ["),
        ("targets: {q: a.jsonl}", ".targets: expected a list of files and versions for 'q', such"),
        ("targets: {q: []}", ".targets.q: expected at least 1 item, not []"),
        ("targets: {a.b: [x.jsonl]}", ".targets: expected a name without dots for a target, not 'a.b'"),
        ("targets: {q: {measure: edit}}", ".targets.q.rows: this key is needed"),
        ("targets: {q: {rows: [a.jsonl], mesure: edit}}", ".targets.q.mesure: unknown key; did you mean"),
        ("targets: {q: {rows: [a.jsonl], measure: bleu}}", ".targets.q.measure: expected 'cosine', 'jaccard',"),
        ("targets: {q: {rows: [a.jsonl], words: 0}}", ".targets.q.words: expected greater than or equal to 1"),
        ("targets: {q: {rows: [{version: v1, path: x}]}}", ".targets.q.rows[0]: expected exactly one"),
        ("random_share: 1", ".random_share: expected less than 1, not 1"),
        ("churn: 2", ".churn: expected less than or equal to 1, not 2"),
        ("previous: ''", ".previous: expected at least 1 character, not ''"),
        ("include: [3]", ".include[0]: expected a valid string, not 3"),
        ("noise_filter: 1", ".noise_filter: expected a valid boolean, not 1"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_one_clear_line(text: str, line: str) -> None:
    said = refused(text)
    assert said.startswith("params.yaml: selected_subset")
    assert line in said


@pytest.mark.parametrize("name", list(PRESETS))
def test_settings_are_dumped_as_they_are_read(name: str) -> None:
    made = of_preset(name)
    assert SelectedSubset.model_validate(made.model_dump(mode="json")) == made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("budget: 5", True),
        ("preset: stratified", True),
        ("quota: equal", True),
        ("coverage: kmeans, scores: []", True),
        ("preset: random", False),
        ("budget: {tokens: 500}", False),
        ("filters: [{column: length, min: 3}]", False),
        ("scores: [entropy]", False),
        ("coverage: k_center", False),
        (f"preset: similarity, {TARGETS}", False),
    ],
)
def test_whether_the_subset_is_to_be_like_the_pool(text: str, expected: bool) -> None:
    assert parse(text).asks_for_likeness is expected
