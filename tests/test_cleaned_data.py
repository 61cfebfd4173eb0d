"""cleaned_data as a whole: which rows stay, what is said of the others, and what another run need not do again."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import shared_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets import cleaning, encoding, raw_data, tables
from assets.errors import SettingsError, SourceError
from assets.progress import Silent
from assets.reporting import Report
from assets.workspace import Workspace
from orchestration.versions import Versions

LONG = " ".join(f"Point {number}: water it when the soil is dry." for number in range(9))
NEAR = "cleaned_data: {dedup: {near: true}}\n"


def rows(*pairs: tuple[str, str], **more: Any) -> list[dict[str, Any]]:
    return [{"instruction": prompt, "output": answer, **more} for prompt, answer in pairs]


class Pool:
    """A folder with sources, which are read and cleaned without Dagster."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def source(self, name: str, items: list[Any]) -> None:
        text = "".join(item if isinstance(item, str) else json.dumps(item) + "\n" for item in items)
        (self.root / name).write_bytes(text.encode("utf-8", "surrogatepass"))

    def clean(self, sources: str, more: str = "", read: bool = True) -> Report:
        (self.root / "params.yaml").write_text(f"raw_data: {{sources: [{sources}]}}\n{more}", encoding="utf-8")
        workspace = Workspace.open(self.root)
        if read:
            with tables.replacing(workspace.table("raw_data")) as folder:
                raw_data._produce(workspace, Silent(), folder)
        chosen = encoding.choose(workspace) if workspace.params.cleaned_data.wants_vectors else None
        with tables.replacing(workspace.table("cleaned_data")) as folder:
            return cleaning.produce(workspace, Silent(), Versions(self.root), chosen, folder)

    def table(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tables.read(self.root / "data" / name).to_pylist()
        return found

    def ledger(self, name: str = "cleaned_data/dropped") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.root / "data" / f"{name}.parquet").to_pylist()
        return found

    def why(self) -> list[tuple[int, str]]:
        """Item and reason of each dropped row, by item."""
        return sorted((row["item"], row["reason"]) for row in self.ledger())

    def bytes(self) -> dict[str, bytes]:
        folder = self.root / "data" / "cleaned_data"
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path)


def test_every_row_is_either_kept_or_dropped_with_a_reason(pool: Pool) -> None:
    pairs = [("What is a cat?", "An animal."), ("What is a dog?", ""), ("What is  a cat?", "An animal. ")]
    pool.source("a.jsonl", rows(*pairs, ("Name one.", "<nooutput>"), ("What is a cat?", "An animal.")))
    pool.clean("a.jsonl")
    assert [row["item"] for row in pool.table("cleaned_data")] == [1]
    assert pool.why() == [
        (2, "empty_answer"), (3, "duplicate"), (4, "placeholder_answer"), (5, "duplicate"),
    ]  # fmt: skip
    (kept,) = pool.table("cleaned_data")
    for row in pool.ledger():
        assert row["detail"]
        assert (row["kept_id"] == kept["id"]) is (row["reason"] == "duplicate")


def test_ids_are_those_of_the_cleaned_text_and_lead_back_to_the_raw_one(pool: Pool) -> None:
    pool.source("a.jsonl", rows((" What is cafe\u0301? ", "A place."), ("Plain.", "Yes, it is."), voice="calm"))
    pool.clean("{path: a.jsonl, attributes: [voice], weight: 2}")
    raw, kept = pool.table("raw_data"), pool.table("cleaned_data")
    assert kept[0]["messages"][0]["content"] == "What is caf\u00e9?"
    assert [row["raw_id"] for row in kept] == [row["id"] for row in raw]
    assert [row["id"] for row in kept] == [tables.record_id(row["messages"], None) for row in kept]
    assert kept[1]["id"] == raw[1]["id"]
    assert kept[0]["attributes"] == [("voice", "calm")]
    assert {row["weight"] for row in kept} == {2.0}


junk = st.sampled_from(
    ["{", "[]\n", "{\"instruction\": 3}\n", "\n", json.dumps({"instruction": "a\x00", "output": "b"}) + "\n",
     json.dumps({"instruction": "\ud800", "output": "b"}) + "\n", json.dumps({"other": 1}) + "\n", "nonsense\n"]
)  # fmt: skip
text = st.text(st.sampled_from("ab c\n数<>\u0301"), max_size=8)
sound = st.builds(lambda prompt, answer: {"instruction": prompt, "output": answer}, text, text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(sound, sound, sound, junk), min_size=1, max_size=30), st.booleans())
def test_kept_dropped_and_rejected_are_the_input_and_no_id_stands_twice(
    pool: Pool, items: list[Any], near: bool
) -> None:
    # A first sound row, since a file of nothing but junk is refused as a whole.
    pool.source("a.jsonl", [*rows(("What is a cat?", "An animal.")), *items])
    pool.clean("a.jsonl", f"cleaned_data: {{dedup: {{near: {str(near).lower()}}}}}")
    kept, dropped, rejected = pool.table("cleaned_data"), pool.ledger(), pool.ledger("raw_data/rejected")
    raw = {row["item"] for row in pool.table("raw_data")}
    found = [row["item"] for row in (*kept, *dropped, *rejected)]
    assert len(found) == len(set(found))
    assert {row["item"] for row in (*kept, *dropped)} == raw
    assert sorted(found) == list(range(1, len(found) + 1))
    ids = [row["id"] for row in kept]
    assert len(ids) == len(set(ids))
    assert {row["kept_id"] for row in dropped} - {None} <= set(ids)


def test_another_bound_measures_nothing_again_and_gives_what_a_fresh_run_gives(pool: Pool) -> None:
    draw = random.Random(0)
    words = ["one", "two", "three", "four", "five"]
    made = [(" ".join(draw.choices(words, k=4)), " ".join(draw.choices(words, k=draw.randrange(9)))) for _ in range(60)]
    pool.source("a.jsonl", rows(*made))
    steps = (
        "cleaned_data: {{steps: [normalise, {{length: {{of: answer, unit: tokens, min: {} }}}}, {{digits: {{}}}}{}]}}"
    )
    first = pool.clean("a.jsonl", steps.format(1, ""))
    assert (first.work["statistics measured"], first.work["statistics taken over"]) == (2, 0)
    again = pool.clean("a.jsonl", steps.format(4, ""), read=False)
    assert (again.work["statistics measured"], again.work["statistics taken over"]) == (0, 2)
    assert {row["threshold"] for row in pool.ledger() if row["reason"] == "too_short"} == {"at least 4 tokens"}
    added = pool.clean("a.jsonl", steps.format(4, ", symbols"), read=False)
    assert (added.work["statistics measured"], added.work["statistics taken over"]) == (1, 2)
    reused = pool.bytes()
    (pool.root / "data" / "cleaned_data" / "statistics.parquet").unlink()
    fresh = pool.clean("a.jsonl", steps.format(4, ", symbols"), read=False)
    assert fresh.work["statistics measured"] == 3
    assert pool.bytes() == reused


def test_a_statistic_of_changed_text_is_measured_again(pool: Pool) -> None:
    pool.source("a.jsonl", rows(("Ask me at a@b.org.", "Fine &amp; good, I shall.")))
    steps = "cleaned_data: {{steps: [{{normalise: {{html_entities: {}}}}}, {{length: {{max: 99}}}}]}}"
    pool.clean("a.jsonl", steps.format("false"))
    assert pool.clean("a.jsonl", steps.format("true"), read=False).work["statistics measured"] == 1
    assert pool.table("cleaned_data")[0]["messages"][1]["content"] == "Fine & good, I shall."
    # The same statistic before and after a change of the text: two columns.
    both = "cleaned_data: {steps: [{length: {max: 99}}, {pii: {kinds: [email], action: mask}}, {length: {max: 30}}]}"
    pool.clean("a.jsonl", both, read=False)
    (row,) = pq.read_table(pool.root / "data/cleaned_data/statistics.parquet").to_pylist()
    assert row["conversation_characters @2"] == row["conversation_characters"] - len("a@b.org") + len("[EMAIL]")


def test_the_best_of_a_group_stays_and_no_likeness_is_passed_on(pool: Pool) -> None:
    words = [f"w{number}" for number in range(40)]
    near = [*words[:37], "x1", "x2", "x3"]  # .86 alike
    far = [*near[3:], "y1", "y2", "y3"]  # as alike to the second, but .74 to the first
    pool.source("a.jsonl", rows(*[("Say it.", " ".join(each)) for each in (words, near, far)]))
    pool.source("b.jsonl", rows(("Say it.", " ".join([*words, "and", "more"]))))
    pool.clean("a.jsonl, b.jsonl", NEAR)
    kept = {(row["source"], row["item"]) for row in pool.table("cleaned_data")}
    # The longest answer first, wherever it was read; the chain's end stays, since its middle does not.
    assert kept == {("b", 1), ("a", 3)}
    best = next(row["id"] for row in pool.table("cleaned_data") if row["source"] == "b")
    assert {row["kept_id"] for row in pool.ledger()} == {best}
    assert {row["step"] for row in pool.ledger()} == {"near"}


def test_rows_of_different_labels_are_no_duplicates_unless_asked(pool: Pool) -> None:
    items = [{"text": "What is a cat ?", "label": label} for label in ("animal", "word", "animal", "animal")]
    pool.source("a.jsonl", items)
    assert pool.clean("a.jsonl").facts["same text with several labels"] == 1
    assert [row["label"] for row in pool.table("cleaned_data")] == ["animal", "word"]
    pool.clean("a.jsonl", "cleaned_data: {dedup: {across_labels: true}}", read=False)
    assert [row["label"] for row in pool.table("cleaned_data")] == ["animal"]


def test_the_same_record_stands_once_even_where_no_duplicates_are_looked_for(pool: Pool) -> None:
    pool.source(
        "a.jsonl",
        rows(("What is a cat?", "An animal."), ("What  is a cat?", "An animal."), ("What is a cat?", "An animal.")),
    )
    pool.clean("a.jsonl", "cleaned_data: {dedup: {exact: false}}")
    assert [row["item"] for row in pool.table("cleaned_data")] == [1, 2]
    assert pool.why() == [(3, "duplicate")]


def test_where_no_duplicates_are_looked_for_another_label_is_another_record(pool: Pool) -> None:
    pool.source("a.jsonl", [{"text": "What is a cat ?", "label": label} for label in ("animal", "word", "animal")])
    pool.clean("a.jsonl", "cleaned_data: {dedup: {exact: false, across_labels: true}}")
    assert [row["label"] for row in pool.table("cleaned_data")] == ["animal", "word"]


def test_rows_of_another_file_do_not_come_again_and_are_named(pool: Pool) -> None:
    pool.source("old.jsonl", rows(("Name a river of Asia.", "The Mekong is one of them."), ("Else?", "Nothing.")))
    pool.source(
        "a.jsonl", rows(("Name a river of Asia.", "The  Mekong is one of them."), ("What is a cat?", "An animal."))
    )
    report = pool.clean("a.jsonl", "cleaned_data: {dedup: {against: [old.jsonl]}}")
    assert report.facts["rows to compare with"] == 2
    (row,) = pool.ledger()
    assert (row["item"], row["step"], row["reason"]) == (1, "against", "duplicate")
    assert row["hit"].startswith("old.jsonl:1: Name a river of Asia.")


def test_evaluation_items_are_left_out_and_the_report_says_which(pool: Pool) -> None:
    question = "Which of the many rivers of the continent of Asia is the longest one by far?"
    pool.source("eval.jsonl", [{"prompt": "Unrelated?"}, {"prompt": question}])
    half = " ".join(question.split()[:13])
    pool.source(
        "a.jsonl", rows((question, "The Yangtze."), (f"Say: {half} of all?", "Hm."), ("What is a cat?", "One."))
    )
    report = pool.clean("a.jsonl", "cleaned_data: {decontamination: {against: [eval.jsonl]}}")
    assert report.facts["evaluation items"] == 2
    assert pool.why() == [(1, "eval_exact"), (2, "eval_overlap")]
    assert all(row["hit"].startswith("eval.jsonl:2: Which of the many") for row in pool.ledger())
    pool.clean("a.jsonl", "cleaned_data: {decontamination: {against: [eval.jsonl], overlap: 0.9}}", read=False)
    assert pool.why() == [(1, "eval_exact")]


def test_duplicates_in_meaning_go_by_their_vectors(pool: Pool) -> None:
    same = ("How do I boil an egg?", "Put it into boiling water for eight minutes.")
    alike = ("How can I boil eggs?", "Put them into boiling water for eight minutes!")
    pool.source("a.jsonl", rows(same, alike, ("Who wrote Faust?", "Goethe did.")))
    settings = "cleaned_data: {dedup: {semantic: {threshold: 0.85}}}"
    report = pool.clean("a.jsonl", settings)
    assert pool.why() == [(1, "semantic_duplicate")]  # the other answer is longer
    assert report.work["texts embedded"] == 3
    assert float(pool.ledger()[0]["value"]) >= 0.85
    # What was embedded here is not embedded again.
    workspace = Workspace.open(pool.root)
    texts = [encoding.text_of(row["messages"], "conversation") for row in pool.table("cleaned_data")]
    assert encoding.embed(workspace, Silent(), encoding.choose(workspace), texts).computed == 0
    pool.source("eval.jsonl", [{"prompt": "How do you boil an egg?"}])
    similar = "cleaned_data: {decontamination: {against: [eval.jsonl], similarity: 0.6}}"
    pool.clean("a.jsonl", similar, read=False)
    assert pool.why() == [(1, "eval_similar"), (2, "eval_similar")]


def test_a_source_that_loses_most_of_its_rows_is_warned_of(pool: Pool) -> None:
    pool.source("a.jsonl", rows(("What is a cat?", "An animal."), ("What is a dog?", "Another one.")))
    pool.source("b.jsonl", rows(("Who?", ""), ("When?", ""), ("Where is it?", "There it is.")))
    report = pool.clean("a.jsonl, b.jsonl")
    (warning,) = report.warnings
    assert "source 'b' lost 2 of 3 rows" in warning
    assert "empty_answer" in warning
    assert report.tables["drops by source and step"]


def test_the_words_of_a_list_are_read_from_its_file(pool: Pool) -> None:
    pool.source("a.jsonl", rows(("Say it.", "You utter Fool !"), ("Say it.", "You are no foolish one.")))
    pool.source("words.txt", ["# mine\n", "fool\n"])
    settings = "cleaned_data: {steps: [{toxicity: {list: words.txt}}]}"
    pool.clean("a.jsonl", settings)
    assert pool.why() == [(1, "toxic_words")]
    with pytest.raises(SettingsError, match=r"no\.txt: the list of words cannot be read"):
        pool.clean("a.jsonl", settings.replace("words", "no"), read=False)


def test_a_missing_reference_is_named_and_changes_nothing(pool: Pool) -> None:
    pool.source("a.jsonl", rows(("What is a cat?", "An animal.")))
    pool.clean("a.jsonl")
    before = pool.bytes()
    with pytest.raises(SourceError, match=r"no\.jsonl: no such file"):
        pool.clean("a.jsonl", "cleaned_data: {decontamination: {against: [no.jsonl]}}", read=False)
    assert pool.bytes() == before
    assert not (pool.root / ".dagster" / "cleaning").exists()


def test_the_manifests_facts_of_real_data(pool: Pool) -> None:
    alpaca, dolly = shared_data("sft/alpaca_data.json.gz"), shared_data("sft/dolly_15k.jsonl.gz")
    report = pool.clean(f"{alpaca}, {dolly}")
    dropped = pool.ledger()
    of_alpaca = [row["reason"] for row in dropped if row["source"] == "alpaca_data"]
    assert of_alpaca.count("empty_answer") == 28
    assert sum(row["source"] == "dolly_15k" and row["reason"] == "duplicate" for row in dropped) == 15
    statistics = pq.read_table(pool.root / "data/cleaned_data/statistics.parquet", columns=["file", "answer_equals"])
    equal = [row for row in statistics.to_pylist() if "alpaca" in row["file"] and row["answer_equals"] == "input"]
    assert len(equal) == 55
    bare = [row for row in dropped if row["reason"] == "placeholder_answer" and row["source"] == "alpaca_data"]
    assert len(bare) == 71
    assert report.metrics["by_source"]["alpaca_data"] == {"rows_in": 52_001, "kept": 52_001 - len(of_alpaca)}


def test_a_file_to_compare_with_need_not_have_labels(pool: Pool) -> None:
    items = [{"text": f"What is the number {number} ?", "label": "n"} for number in range(3)]
    pool.source("a.jsonl", items)
    pool.source("old.jsonl", [{"text": item["text"]} for item in items[:2]])
    pool.clean("a.jsonl", "cleaned_data: {dedup: {against: [old.jsonl]}}")
    assert pool.why() == [(1, "duplicate"), (2, "duplicate")]


def test_a_question_of_an_evaluation_set_is_compared_with_questions(pool: Pool) -> None:
    question = "How do I keep my basil plant alive in winter?"
    pool.source("eval.jsonl", [{"prompt": question}, {"prompt": "?!"}])
    pool.source("a.jsonl", rows((question, LONG), ("Who wrote Faust?", "Goethe did.")))
    settings = "cleaned_data: {decontamination: {against: [eval.jsonl], ngram: 50, overlap: 1.0, similarity: 0.99}}"
    pool.source("b.jsonl", rows((question.replace("How do", "how  do"), LONG)))
    report = pool.clean("b.jsonl", settings)
    assert (report.facts["evaluation items"], report.facts["evaluation items without words, which hit nothing"]) == (
        1,
        1,
    )
    assert pool.why() == [(1, "eval_exact")]
    pool.source("c.jsonl", rows((f"{question} Thanks!", LONG)))
    pool.clean("c.jsonl", settings.replace("0.99", "0.9"))
    assert pool.why() == [(1, "eval_similar")]


def test_an_evaluation_set_without_items_is_warned_of(pool: Pool) -> None:
    pool.source("eval.jsonl", [{"messages": [{"role": "assistant", "content": "Yes."}]}])
    pool.source("a.jsonl", rows(("What is a cat?", "An animal.")))
    (warning,) = pool.clean("a.jsonl", "cleaned_data: {decontamination: {against: [eval.jsonl]}}").warnings
    assert "holds no evaluation item" in warning


def test_only_other_labels_make_a_conflict(pool: Pool) -> None:
    pool.source("a.jsonl", [{"text": text, "label": "a"} for text in ("one two three", "one  two three")])
    report = pool.clean("a.jsonl", "cleaned_data: {dedup: {exact: {fold: []}}}")
    assert (report.rows, report.facts["same text with several labels"]) == (2, 0)


def test_before_the_first_version_nothing_can_come_again(pool: Pool) -> None:
    pool.source("a.jsonl", rows(("What is a cat?", "An animal.")))
    subprocess.run(["git", "init", "--quiet", str(pool.root)], check=True)
    report = pool.clean("a.jsonl", "cleaned_data: {dedup: {against: [{version: latest}]}}")
    assert (report.rows, report.facts["rows to compare with"]) == (1, 0)
