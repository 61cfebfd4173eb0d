"""`pickwise explain`: the whole story of a row, found by its id or its place, safe to look at, and cheap to find."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from assets import tables
from assets.errors import DataError
from assets.methods.selecting import filling
from assets.score_columns import DIRECTIONS
from assets.selection_params import Method
from orchestration import explaining, selection_chapter, stories
from orchestration.explaining import explain
from orchestration.lookups import Tables, by_origin, by_value
from orchestration.stories import Section, shown

HOSTILE = "[red]\x1b[31mred\x00\u202e\ud7ff|`<b>\n" + "x" * 5000
CLEAN = " What  is a cat? ", "What is a cat?"


class World:
    """Tables of a small project, made row by row; `write` puts them on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.raw: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.cleaned: list[dict[str, Any]] = []
        self.dropped: list[dict[str, Any]] = []
        self.statistics: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.clusters: list[dict[str, Any]] = []
        self.subset: list[dict[str, Any]] = []
        self.lost: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {"coverage": {"method": "facility_location"}, "combine": "product"}

    def read(
        self, prompt: str, answer: str = "An animal.", label: str | None = "animals", **other: Any
    ) -> dict[str, Any]:
        """A row of raw_data; rows are numbered as they come."""
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        item = len(self.raw) + len(self.rejected) + 1
        row = {
            "id": tables.record_id(messages, label), "source": "pets", "messages": messages, "label": label,
            "attributes": [], "extras": [], "file": "pets.jsonl", "line": item + 1, "item": item, "weight": 2.0,
            "format": "alpaca", **other,
        }  # fmt: skip
        self.raw.append(row)
        self.statistics.append({"id": row["id"], "file": row["file"], "item": item, "answer characters": len(answer)})
        return row

    def left_out(self, row: dict[str, Any] | None, step: str, reason: str, **other: Any) -> dict[str, Any]:
        """A row of the ledger of cleaned_data, or of raw_data where there never was a record."""
        item = row["item"] if row else len(self.raw) + len(self.rejected) + 1
        entry = {
            "id": row["id"] if row else None, "source": "pets", "file": row["file"] if row else "pets.jsonl",
            "line": item + 1, "item": item, "step": step, "reason": reason, "detail": "in one sentence",
            "value": None, "threshold": None, "kept_id": None, "hit": None, "text": "What is", **other,
        }  # fmt: skip
        (self.dropped if row else self.rejected).append(entry)
        return entry

    def keep(self, row: dict[str, Any], prompt: str | None = None, **scores: Any) -> dict[str, Any]:
        """The row of cleaned_data, with its scores and its cluster."""
        messages = row["messages"] if prompt is None else [{"role": "user", "content": prompt}, row["messages"][1]]
        clean = {**row, "messages": messages, "id": tables.record_id(messages, row["label"]), "raw_id": row["id"]}
        self.cleaned.append(clean)
        known = {"entropy": 0.5, "margin": 0.25, "label_quality": 0.9, "target": "label", **scores}
        self.scores.append({name: known.get(name) for name in tables.SCORES.names} | {"id": clean["id"]})
        number = len(self.clusters)
        self.clusters.append({"id": clean["id"], "cluster": 7, "distance": 0.1 * number, "x": 0.0, "y": 0.0})
        return clean

    def select(self, clean: dict[str, Any], **other: Any) -> None:
        """A row of the subset."""
        extra = {
            "rank": len(self.subset) + 1, "gain": 1.5, "reason": "covers 2.0 rows", "cluster": 7, "length": 20,
            "tokens": None, "phase": "chosen", "contributions": [], "covers": 2, "targets": [], **other,
        }  # fmt: skip
        self.subset.append({name: {**clean, **extra}[name] for name in tables.SUBSET.names})

    def lose(self, clean: dict[str, Any], reason: str, detail: str, **other: Any) -> None:
        """A row of not_selected.parquet."""
        entry = {**clean, "reason": reason, "detail": detail, "lost_to": None, "similarity": None, **other}
        self.lost.append({name: entry[name] for name in tables.NOT_SELECTED.names})

    def write(self, *names: str) -> Path:
        """The tables with these names; all of them without a name."""
        data = self.root / "data"
        schema = {"raw_data": tables.RAW, "cleaned_data": tables.CLEANED, "uncertainty_scores": tables.SCORES}
        schema |= {"cluster_assignments": tables.CLUSTERS, "embeddings": tables.embeddings_schema(2)}
        vectors = [{"id": row["id"], "vector": [1.0, 0.0]} for row in self.cleaned]
        rows = {"raw_data": self.raw, "cleaned_data": self.cleaned, "uncertainty_scores": self.scores}
        rows |= {"cluster_assignments": self.clusters, "embeddings": vectors}
        for name in names or schema:
            (data / name).mkdir(parents=True, exist_ok=True)
            writer = tables.ShardWriter(data / name, schema[name], rows=3)
            writer.write(pa.Table.from_pylist(rows[name], schema=schema[name]))
            writer.close()
        for name, file, ledger in (
            ("raw_data", "rejected.parquet", self.rejected),
            ("cleaned_data", "dropped.parquet", self.dropped),
        ):
            if (data / name).is_dir():
                tables.write_parquet(pa.Table.from_pylist(ledger, schema=tables.LEDGER), data / name / file)
        if (data / "cleaned_data").is_dir():
            tables.write_parquet(pa.Table.from_pylist(self.statistics), data / "cleaned_data" / "statistics.parquet")
        if not names:
            tables.write_json(data / "embeddings" / "model.json", {"name": "tiny", "fingerprint": "x"})
            (data / "selected_subset").mkdir()
            subset = pa.Table.from_pylist(self.subset, schema=tables.SUBSET)
            tables.write_parquet(subset, data / "selected_subset" / "subset.parquet")
            lost = pa.Table.from_pylist(self.lost, schema=tables.NOT_SELECTED)
            tables.write_parquet(lost, data / "selected_subset" / "not_selected.parquet")
            manifest = {
                "rows": len(self.subset), "pool_rows": len(self.cleaned), "grouped_by": "label",
                "classes": {"animals": len(self.subset)}, "sources": {"pets": len(self.subset)},
                "settings": {"selected_subset": self.settings},
            }  # fmt: skip
            tables.write_json(data / "selected_subset" / "manifest.json", manifest)
        return self.root


def told(root: Path, asked: str) -> str:
    console = Console(file=io.StringIO(), width=140, force_terminal=False, highlight=False)
    stories.tell(console, explain(root, asked))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def sections(root: Path, asked: str) -> dict[str, Section]:
    (story,) = explain(root, asked).stories
    return {section.asset: section for section in story.sections}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Item 1 is kept and selected; 2 repeats it exactly, 3 nearly; 4 is kept, but suspected; 5 was never a record."""
    made = World(tmp_path)
    first, second = made.read(CLEAN[0]), made.read(CLEAN[0])
    third, fourth = made.read("What is a cat, then?"), made.read("Name a fish.", label="music")
    kept = made.keep(first, CLEAN[1])
    made.left_out(second, "exact", "exact_duplicate", kept_id=kept["id"])
    made.left_out(third, "near", "near_duplicate", kept_id=kept["id"], value="0.84", threshold="0.8")
    lost = made.keep(fourth, suspected_label="animals")
    made.lose(
        lost,
        "suspected_label",
        "its label is suspected; cosine 0.832 to the chosen row that stands for it",
        lost_to=kept["id"],
        similarity=0.8317,
    )
    made.left_out(None, "reading", "not_json", value="{", line=9)
    made.select(kept)
    return made


# -- the stories -----------------------------------------------------------------------------------------------------


def test_a_selected_row_is_followed_from_its_file_to_its_rank(world: World) -> None:
    root = world.write()
    found = sections(root, world.cleaned[0]["id"])
    assert [(name, section.outcome) for name, section in found.items()] == [
        ("raw_data", "read"), ("cleaned_data", "kept"), ("embeddings", "embedded"), ("uncertainty_scores", "scored"),
        ("cluster_assignments", "clustered"), ("selected_subset", "selected"),
    ]  # fmt: skip
    assert found["raw_data"].said == "read from line 2 as alpaca; source 'pets', weight 2"
    assert found["raw_data"].turns[0]["content"] == CLEAN[0]
    cleaned = found["cleaned_data"]
    assert cleaned.said == "kept; cleaning changed its text, and so its id"
    assert [turn["content"] for turn in cleaned.turns] == [CLEAN[1]]
    assert cleaned.facts["raw id"] == world.raw[0]["id"] != cleaned.facts["id"]
    assert cleaned.facts["statistics"] == {"answer characters": 10}
    assert cleaned.facts["rows dropped for it"] == 2
    assert [(row["item"], row["step"], row["value"]) for row in cleaned.facts["they are"]] == [
        (2, "exact", None), (3, "near", "0.84"),
    ]  # fmt: skip
    assert found["embeddings"].said == "embedded by tiny"
    assert found["uncertainty_scores"].facts == {"entropy": 0.5, "margin": 0.25, "label_quality": 0.9}
    assert found["cluster_assignments"].said == "in cluster 7, which has 2 rows; 0 of them nearer to its centre"
    assert found["selected_subset"].said == "selected: rank 1 of 1; covers 2.0 rows"
    assert found["selected_subset"].facts == {
        "rank": 1, "gain": 1.5, "reason": "covers 2.0 rows", "phase": "chosen", "covers": 2,
    }  # fmt: skip


def test_people_read_it_once_and_in_order(world: World) -> None:
    world.raw[0]["messages"][1]["content"] = "An animal.\n\nIt purrs."
    raw_id, clean_id, near_id = world.raw[0]["id"], world.cleaned[0]["id"], world.raw[2]["id"]
    lines = told(world.write(), "pets.jsonl:1").splitlines()
    assert [line.rstrip() for line in lines] == [
        "pets.jsonl, item 1",
        "  raw_data  read from line 2 as alpaca; source 'pets', weight 2",
        f"    id         {raw_id}",
        "    label      animals",
        "    user        What  is a cat?",
        "    assistant  An animal.",
        "               │",
        "               │ It purrs.",
        "  cleaned_data  kept; cleaning changed its text, and so its id",
        f"    id                   {clean_id}",
        "    turns changed        1",
        "    rows dropped for it  2",
        f"    they are             id {raw_id}; file pets.jsonl; item 2; step exact; text What is",
        f"                         id {near_id}; file pets.jsonl; item 3; step near; value 0.84; text What is",
        "    statistics           answer characters 10",
        "    user                 What is a cat?",
        "  embeddings  embedded by tiny",
        "  uncertainty_scores  a probe predicts its label",
        "    entropy        0.5 (bits; higher = the probe hesitates between more classes)",
        "    margin         0.25 (0 to 1; lower = the probe's two best guesses are closer together)",
        "    label_quality  0.9 (0 to 1; higher = the probe, which never saw this row, agrees more with its label)",
        "  cluster_assignments  in cluster 7, which has 2 rows; 0 of them nearer to its centre",
        "    distance  0 (0 to 2; higher = farther from what is typical of the cluster)",
        "  selected_subset  selected: rank 1 of 1; covers 2.0 rows",
        "    gain    1.5 (its weight × the rows that it newly covers; within its group, higher = worth more)",
        "    phase   chosen (the method took it)",
        "    covers  2 (rows of its group that it stands for, itself among them)",
        "",
    ]


def test_a_duplicate_shows_the_row_that_was_kept_and_how_alike_they_are(world: World) -> None:
    found = sections(world.write(), "pets.jsonl:3")
    assert list(found) == ["raw_data", "cleaned_data"]
    dropped = found["cleaned_data"]
    assert (dropped.outcome, dropped.said) == ("dropped", "left out by near: near_duplicate (in one sentence)")
    assert (dropped.facts["value"], dropped.facts["threshold"]) == ("0.84", "0.8")
    kept = world.cleaned[0]["id"]
    assert dropped.facts["kept row"] == {"id": kept, "file": "pets.jsonl", "item": 1, "text": f"{CLEAN[1]} An animal."}


def test_a_rejected_row_has_no_id_but_a_story(world: World) -> None:
    found = sections(world.write(), "pets.jsonl:5")
    assert list(found) == ["raw_data"]
    assert found["raw_data"].outcome == "rejected"
    assert found["raw_data"].said == "left out by reading: not_json (in one sentence)"
    assert found["raw_data"].facts["value"] == "{"
    assert found["raw_data"].facts["line"] == 9


def test_a_row_that_was_not_selected_says_what_is_known(world: World) -> None:
    last = sections(world.write(), "pets.jsonl:4")["selected_subset"]
    assert last.outcome == "not selected"
    assert last.said == (
        "not selected: suspected_label: its label is suspected; cosine 0.832 to the chosen row that stands for it; "
        "it lost to rank 1 of 1; of the 1 row of its class, 0 selected; of the 2 rows of its cluster, 1 selected"
    )
    kept = world.cleaned[0]["id"]
    assert last.facts == {
        "reason": "suspected_label",
        "detail": "its label is suspected; cosine 0.832 to the chosen row that stands for it",
        "similarity": pytest.approx(0.8317),
        "lost to": {"id": kept, "rank": 1, "file": "pets.jsonl", "item": 1, "text": f"{CLEAN[1]} An animal."},
        "class": {"name": "music", "selected": 0, "pool": 1},
        "cluster": {"name": 7, "selected": 1, "pool": 2},
    }
    text = told(world.root, "pets.jsonl:4")
    assert "similarity  0.8317 (cosine to the row that stands for it; 1 = the same direction)" in text
    assert f"lost to     id {kept}; rank 1; file pets.jsonl; item 1; text {CLEAN[1]} An animal." in text
    scores = sections(world.root, "pets.jsonl:4")["uncertainty_scores"]
    assert scores.said.endswith("and would rather have called it 'animals' than 'music'")


def test_a_row_that_never_got_as_far_lost_to_nobody(world: World) -> None:
    kept = world.keep(world.read("What is a dog?", label=None))
    world.lose(kept, "filter", "length at least 20 was asked for, and it has 3")
    found = sections(world.write(), "pets.jsonl:6")
    assert found["selected_subset"].said.startswith(
        "not selected: filter: length at least 20 was asked for, and it has 3; of the 1 row of its class, 0 selected;"
    )
    assert found["selected_subset"].facts["class"] == {"name": None, "selected": 0, "pool": 1}
    assert not {"lost to", "similarity"} & set(found["selected_subset"].facts)
    assert "label" not in found["raw_data"].facts


def test_a_selected_row_says_what_each_score_and_target_made_of_it(world: World) -> None:
    world.settings = {
        "coverage": {"method": "round_robin"}, "combine": "product", "targets": {"exam": {"measure": "cosine"}},
    }  # fmt: skip
    alike = {"target": "exam", "best": 0.75, "mean": 0.25, "item": "exam.jsonl:7"}
    world.select(
        world.keep(world.read("What is a dog?")), phase="required", tokens=12, covers=3, gain=0.7,
        contributions=[("entropy", 0.5), ("length", 0.25)], targets=[alike],
    )  # fmt: skip
    section = sections(world.write(), "pets.jsonl:6")["selected_subset"]
    assert section.facts["contributions"] == {"entropy": 0.5, "length": 0.25}
    (target,) = section.facts["targets"]
    assert (target["measure"], target["best"], target["item"]) == ("cosine", 0.75, "exam.jsonl:7")
    text = told(world.root, "pets.jsonl:6")
    assert "gain           0.7 (its likeness to a target × its scores, for the tokens that it takes; within" in text
    assert "phase          required (it must be in, as selected_subset.include says)" in text
    assert "tokens         12" in text
    assert "contributions  entropy 0.5; length 0.25 (what each score makes of it; higher = more wanted)" in text
    assert "targets        target exam; measure cosine; best 0.75; mean 0.25; item exam.jsonl:7" in text


def test_a_subset_of_an_earlier_release_tells_what_it_has(world: World) -> None:
    root = world.write()
    path = root / "data/selected_subset/subset.parquet"
    new = ["tokens", "phase", "contributions", "covers", "targets"]
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(new), path)
    (root / "data/selected_subset/not_selected.parquet").unlink()
    assert set(sections(root, "pets.jsonl:1")["selected_subset"].facts) == {"rank", "gain", "reason"}
    said = sections(root, "pets.jsonl:4")["selected_subset"].said
    assert "neither holds this row nor says why it was not selected; materialize selected_subset again" in said


def test_a_winner_that_is_gone_is_said_to_be(world: World) -> None:
    world.lost[0]["lost_to"] = "0" * 32
    found = sections(world.write(), "pets.jsonl:4")["selected_subset"].facts["lost to"]
    assert found["text"] == (
        "not in data/selected_subset/subset.parquet, which is of another state than not_selected.parquet"
    )


def test_rows_of_the_same_content_are_all_told(world: World) -> None:
    explanation = explain(world.write(), world.raw[0]["id"])
    assert [(story.file, story.item) for story in explanation.stories] == [("pets.jsonl", 1), ("pets.jsonl", 2)]
    assert [story.sections[1].outcome for story in explanation.stories] == ["kept", "dropped"]
    assert told(world.root, world.raw[0]["id"]).startswith("2 rows have this id")


def test_beyond_twenty_they_are_counted(world: World) -> None:
    for _ in range(30):
        world.left_out(world.read(CLEAN[0]), "exact", "exact_duplicate", kept_id=world.cleaned[0]["id"])
    explanation = explain(world.write(), world.raw[0]["id"])
    assert (len(explanation.stories), explanation.left_out) == (20, 12)
    kept = explanation.stories[0].sections[1]
    assert kept.facts["rows dropped for it"] == 32
    assert kept.facts["they are"][-1] == "and 27 more"
    assert "… and 12 more" in told(world.root, world.raw[0]["id"])


# -- finding ---------------------------------------------------------------------------------------------------------


def test_six_digits_are_enough_and_case_does_not_matter(world: World) -> None:
    root = world.write()
    row = world.cleaned[1]["id"]
    assert sections(root, row[:6].upper())["raw_data"].facts["id"] == row
    assert sections(root, f" {row} ")["raw_data"].facts["id"] == row


def test_an_ambiguous_beginning_lists_the_candidates(world: World) -> None:
    for number in range(30):
        world.read("x", id=f"abcdef{number:026x}")
    with pytest.raises(DataError) as error:
        explain(world.write(), "abcdef")
    message = str(error.value)
    assert message.startswith(
        "abcdef: 30 ids begin like this; give more digits of one of abcdef00000000000000000000000000,"
    )
    assert message.count("abcdef0") == 10
    assert message.endswith(" and 20 more")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("abcdef01", "abcdef01: no row of this workspace has an id that begins like this"),
        ("abc", "'abc': expected an id, or at least 6 of its 32 hex digits, or FILE:ITEM such as rows.jsonl:17"),
        ("", "'': expected an id"),
        ("g" * 32, "expected an id"),
        ("pets.jsonl:99", "pets.jsonl: has no item 99; its items are numbered from 1 to 5"),
        ("pets.jsonl:0", "pets.jsonl: has no item 0"),
        ("pets.jsonl:" + "9" * 18, "has no item 999,999"),
        ("pets.jsonl:" + "9" * 30, "expected an id"),
        ("dogs.jsonl:1", "dogs.jsonl: no row was read from a file of this name; there are pets.jsonl"),
        ("\udc80.jsonl:1", "\\udc80.jsonl: no row was read from a file of this name"),
        ("a\x1b[31m:1", "a\\x1b[31m: no row was read"),
    ],
)  # fmt: skip
def test_what_names_nothing_is_refused_in_one_line(world: World, asked: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        explain(world.write(), asked)
    assert said in str(error.value)
    assert str(error.value).isprintable()


def test_files_may_have_colons_in_their_names(world: World) -> None:
    world.read("What is a cow?", file="https://example.org:80/a:b.jsonl")
    assert sections(world.write(), "https://example.org:80/a:b.jsonl:6")["raw_data"].outcome == "read"


# -- what is missing -------------------------------------------------------------------------------------------------


def test_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing has been materialized yet: `pickwise run` does all in order"):
        explain(tmp_path, "abcdef")


def test_assets_that_are_not_there_are_named(world: World) -> None:
    root = world.write("raw_data")
    found = sections(root, "pets.jsonl:1")
    assert {name: section.outcome for name, section in found.items()} == {
        "raw_data": "read", "cleaned_data": "absent", "embeddings": "absent", "uncertainty_scores": "absent",
        "cluster_assignments": "absent", "selected_subset": "absent",
    }  # fmt: skip
    assert told(root, "pets.jsonl:1").count("not materialized yet") == 5
    world.write("raw_data", "cleaned_data")
    assert sections(root, "pets.jsonl:1")["cleaned_data"].outcome == "kept"
    (root / "data/cleaned_data/statistics.parquet").unlink()
    assert "statistics" not in sections(root, "pets.jsonl:1")["cleaned_data"].facts


def test_a_subset_alone_still_tells_what_it_holds(world: World) -> None:
    root = world.write()
    for name in ("raw_data", "cleaned_data"):
        for path in (root / "data" / name).iterdir():
            path.unlink()
    found = sections(root, world.cleaned[0]["id"])
    assert found["selected_subset"].outcome == "selected"
    assert found["raw_data"].outcome == found["cleaned_data"].outcome == "absent"


def test_tables_of_another_state_are_called_so(world: World) -> None:
    root = world.write()
    world.raw[0]["id"], world.raw[3]["id"] = "0" * 32, "1" * 32  # the file was edited and read again
    world.dropped.pop()
    world.write("raw_data", "cleaned_data")
    edited = sections(root, "pets.jsonl:1")
    assert list(edited) == ["raw_data", "cleaned_data"]
    assert edited["cleaned_data"].said == (
        "data/cleaned_data holds another row that was read at this place; materialize cleaned_data again"
    )
    assert "neither holds this row nor says why" in sections(root, "pets.jsonl:3")["cleaned_data"].said


def test_later_tables_of_another_state_are_called_so(world: World) -> None:
    root = world.write()
    new = world.keep(world.read("What is a dog?"))
    world.write("raw_data", "cleaned_data")
    found = sections(root, new["id"])
    assert [section.outcome for section in found.values()] == ["read", "kept", *["stale"] * 4]
    assert found["selected_subset"].said == (
        "data/selected_subset was chosen from 2 rows, of which there are 3 now; materialize selected_subset again"
    )


def test_damaged_tables_and_those_of_earlier_releases_are_refused_in_one_line(world: World) -> None:
    root = world.write()
    path = root / "data/cleaned_data/part-00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["item"]), path)
    with pytest.raises(
        DataError, match="has no column 'item', as tables of earlier releases; materialize cleaned_data"
    ):
        explain(root, "pets.jsonl:1")
    path.write_bytes(b"PAR1 not at all")
    with pytest.raises(DataError, match=r"data/cleaned_data/part-00000.parquet: cannot be read .*; materialize"):
        explain(root, "pets.jsonl:1")


# -- looking ---------------------------------------------------------------------------------------------------------


def test_nothing_a_row_holds_reaches_the_terminal(tmp_path: Path) -> None:
    world = World(tmp_path)
    row = world.read(
        HOSTILE, HOSTILE, HOSTILE, source=HOSTILE, attributes=[(HOSTILE, HOSTILE)], extras=[(HOSTILE, HOSTILE)],
        format=HOSTILE,
    )  # fmt: skip
    kept = world.keep(row, HOSTILE + "y", suspected_label=HOSTILE)
    ledger = dict.fromkeys(("step", "reason", "detail", "value", "threshold", "hit", "text"), HOSTILE)
    world.left_out(world.read("x"), kept_id=kept["id"], **ledger)
    world.left_out(None, **ledger)
    alike = {"target": HOSTILE, "best": 0.5, "mean": 0.5, "item": HOSTILE}
    world.select(kept, reason=HOSTILE, phase=HOSTILE, contributions=[(HOSTILE, 0.5)], targets=[alike])
    world.lose(world.keep(world.read("y", item=4, file="lost")), HOSTILE, HOSTILE, lost_to=kept["id"], similarity=0.5)
    root = world.write()
    for asked in (kept["id"], "pets.jsonl:2", "pets.jsonl:3", "lost:4"):
        text = told(root, asked)
        assert all(line.isprintable() for line in text.split("\n"))
        assert len(text) < 40_000
        encoded = stories.as_json(explain(root, asked))
        assert all(line.isprintable() and line.isascii() for line in encoded.split("\n"))
    assert "[red]\\x1b[31mred\\x00\\u202e" in told(root, kept["id"])  # as it is, not as markup
    assert "characters)" in told(root, kept["id"])


def test_many_turns_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path)
    turns = [{"role": "user", "content": "ab"}] * 100
    world.read("x", messages=turns)
    assert "… and 70 more turns of 140 characters" in told(world.write("raw_data"), "pets.jsonl:1")


def test_a_turn_keeps_its_lines_but_cannot_pass_for_ours() -> None:
    assert shown("a\nselected_subset  selected") == "a\n│ selected_subset  selected"
    assert shown("x" * 900) == "x" * 800 + "… (+100 characters)"
    assert shown("\n".join("abc")) == "a\n│ b\n│ c"


@given(st.text(st.characters(), max_size=40), st.integers(1, 30), st.integers(1, 4))
def test_any_text_is_shown_safely_and_no_character_is_lost_uncounted(text: str, most: int, lines: int) -> None:
    seen = shown(text, most, lines)
    assert all(line.isprintable() for line in seen.split("\n"))
    parts = text[:most].split("\n")[:lines]
    left_out = len(text) - len("\n".join(parts))
    assert seen.endswith(f"(+{left_out:,} characters)") if left_out else seen.count("\n") == text.count("\n")


def test_a_language_model_and_a_tagger_tell_their_part(tmp_path: Path) -> None:
    world = World(tmp_path)
    turn = {"tokens": 4, "loss": 1.5, "loss_without_instruction": None, "ifd": None, "token_entropy": 2.0}
    turns = [{**turn, "turn": number, "pseudo_perplexity": None} for number in (1, 3)]
    scored = {"entropy": None, "margin": None, "label_quality": None, "target": None, "null_reason": "no label"}
    scored |= {"loss": 1.5, "response_tokens": 8, "cut_tokens": 2, "turns": turns, "tag_entropy_max": 0.5}
    world.keep(world.read("What is a dog?", "It barks."), **scored)
    world.write()
    section = sections(tmp_path, "pets.jsonl:1")["uncertainty_scores"]
    assert section.said == (
        "a language model scored 8 tokens of its response, and did not see 2 more, "
        "a tagger predicts the tags of its words"
    )
    assert section.facts["by turn"][1] == {"turn": 3, "tokens": 4, "loss": 1.5, "token_entropy": 2.0}
    assert section.facts["not every score"] == "no label"
    assert section.meanings == {name: DIRECTIONS[name] for name in ("loss", "tag_entropy_max")}


def test_every_phase_and_every_way_of_covering_is_put_in_words() -> None:
    assert set(selection_chapter.PHASES) == set(filling.PHASES)
    assert set(selection_chapter.GAINS) == set(get_args(Method))


# -- programs and large tables ---------------------------------------------------------------------------------------


def test_the_json_holds_the_whole_text(world: World) -> None:
    long = "x" * 3000
    row = world.read(long)
    world.keep(row)
    found = json.loads(stories.as_json(explain(world.write(), row["id"])))
    (story,) = found["stories"]
    assert (found["asked"], found["left_out"], story["file"], story["item"]) == (row["id"], 0, "pets.jsonl", 6)
    assert story["sections"][0]["turns"][0]["content"] == long
    assert story["sections"][3]["meanings"]["margin"].startswith("0 to 1; lower = ")


def test_only_what_is_near_a_match_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "raw_data"
    folder.mkdir(parents=True)
    rows = pa.table({"id": [f"{n:032x}" for n in range(2000)], "file": ["f"] * 2000, "item": range(2000)})
    writer = tables.ShardWriter(folder, rows.schema, rows=700)
    writer.write(rows)
    writer.close()
    known = Tables(tmp_path)
    found = known.find("raw_data", ["file", "item"], by_origin([("f", 3), ("f", 1999), ("g", 5)]))
    assert (found.count, [row["id"] for row in found.rows]) == (2, [f"{3:032x}", f"{1999:032x}"])
    wanted = [f"{n:032x}" for n in (5, 600, 701, 1500)]
    found = known.find("raw_data", ["id"], by_value("id", wanted), ["item"], most=2)
    assert (found.count, found.rows) == (4, [{"item": 5}, {"item": 600}])
    assert known.rows("raw_data") == 2000
    assert known.find("embeddings", ["id"], by_value("id", wanted)).count == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["pets.jsonl:1"], 0, "raw_data  read from line 2"),
        (["pets.jsonl:1", "--json"], 0, '"outcome": "selected"'),
        (["pets.jsonl:77"], 2, "pickwise: pets.jsonl: has no item 77; its items are numbered from 1 to 5\n"),
    ],
)
def test_the_command(world: World, words: list[str], code: int, said: str) -> None:
    root = world.write()
    (root / "params.yaml").write_text("{}")
    command = [sys.executable, "-m", "orchestration.cli", "explain", *words]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert result.returncode == code, result.stderr
    assert said in (result.stderr if code else result.stdout)
    assert not (result.stdout if code else result.stderr)
    assert not (root / ".dagster").exists()  # it only reads


def test_the_story_knows_the_places_of_every_ledger() -> None:
    assert {file for _, file, _ in explaining.PLACES} == {"", "rejected.parquet", "dropped.parquet", "subset.parquet"}
