"""selected_subset as a whole: what its files say of every row, what it starts from, and when it is chosen again."""

import json
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from selections import make
from subsets import Row, pool_rows

from assets import selected_subset, tables
from assets.errors import SettingsError, SourceError, VersionError
from assets.methods import formats
from assets.progress import Silent
from assets.selected_subset import find_previous, fingerprint, read_previous
from assets.versioning import SubsetIdentity
from assets.workspace import Workspace
from orchestration.versions import Versions

CHOSEN = {"phase": "chosen", "contributions": [], "covers": 1, "targets": []}
LABELS = ["sport"] * 30 + ["politics"] * 20 + ["art"] * 10
MIXED = """
  budget: 20
  also: [0.1, 10]
  quota: {by: label, rule: equal, minimum: 2}
  filters: [{column: quality, min: 3, missing: keep}]
  targets: {questions: {rows: [q.jsonl], measure: jaccard}}
  scores: [{column: similarity.questions, normalise: min_max}, {column: entropy, prefer: low, strength: 0.5}]
  random_share: 0.2
"""


def mixed_rows() -> list[Row]:
    return pool_rows(LABELS, [{"quality": str(number % 13)} if number % 5 else {} for number in range(60)])


def prepare(root: Path, rows: list[Row], settings: str) -> Workspace:
    """A project folder with all that the asset reads, and the version store's own things."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(root)], check=True)
    outs = ["raw_data", "cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments", "selected_subset"]
    stages = {name: {"cmd": "true", "outs": [f"data/{name}"]} for name in outs}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), "utf-8")
    (root / "q.jsonl").write_text(json.dumps({"prompt": "question 7"}) + "\n", "utf-8")
    (root / "params.yaml").write_text(f"selected_subset:{settings}", "utf-8")
    make(root, rows)
    (root / "data" / "raw_data").mkdir(exist_ok=True)
    (root / "data" / ".gitignore").write_text("/*\n!.gitignore\n")
    (root / "data" / "raw_data" / "rows.txt").write_text(str(len(rows)), "utf-8")
    return Workspace.open(root)


def materialize(workspace: Workspace) -> dict[str, Any]:
    resources = {"workspace": workspace, "progress": Silent(), "versions": Versions(workspace.root)}
    done = dg.materialize([selected_subset.selected_subset], resources=resources)
    (event,) = done.asset_materializations_for_node("selected_subset")
    return {name: value.value for name, value in event.metadata.items()}


def files_of(workspace: Workspace) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(workspace.table("selected_subset").iterdir())}


def table(workspace: Workspace, name: str) -> list[Row]:
    found: list[Row] = pq.read_table(workspace.table("selected_subset") / name).to_pylist()
    return found


def manifest(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace.table("selected_subset") / "manifest.json").read_text("utf-8"))
    return found


def publish(workspace: Workspace) -> str:
    versions, folder = Versions(workspace.root), workspace.table("selected_subset")
    versions.commit_data()
    rows_hash = tables.file_md5(folder / "subset.parquet")
    said = manifest(workspace)["rows"]
    identity = SubsetIdentity(said, rows_hash, workspace.content_hash("selected_subset"), "s", "c", "some rows")
    return versions.publish(identity).version.name


# -- what its files say ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A subset by filters, targets, scores, quotas, chance, and rows that must and must not be in."""
    root = tmp_path_factory.mktemp("mixed")
    rows = mixed_rows()
    prepare(root, rows, MIXED)
    must, must_not = rows[0]["id"], rows[59]["id"]
    (root / "params.yaml").write_text(f"selected_subset:{MIXED}  include: ['{must}']\n  exclude: [out.txt]\n", "utf-8")
    (root / "out.txt").write_text(must_not + "\n", "utf-8")
    workspace = Workspace.open(root)
    materialize(workspace)
    return workspace


def test_every_row_is_chosen_or_says_why_it_is_not(chosen: Workspace) -> None:
    subset, others = table(chosen, "subset.parquet"), table(chosen, "not_selected.parquet")
    pool = tables.read(chosen.table("cleaned_data")).column("id").to_pylist()
    assert sorted(row["id"] for row in subset + others) == sorted(pool)
    assert [row["id"] for row in others] == [each for each in pool if each not in {row["id"] for row in subset}]
    assert all(row["reason"] and row["detail"] for row in others)
    reasons = {row["id"]: row["reason"] for row in others}
    assert reasons[mixed_ids()[59]] == "excluded"
    filtered = [row for row in others if row["reason"] == "filter"]
    assert filtered
    assert all("quality at least 3 was asked for" in row["detail"] for row in filtered)
    kept = {row["id"] for row in subset}
    assert {row["lost_to"] for row in others if row["lost_to"]} <= kept
    assert all(row["lost_to"] is None for row in filtered)


def mixed_ids() -> list[str]:
    return [tables.record_id(row["messages"], row["label"]) for row in mixed_rows()]


def test_every_chosen_row_says_why(chosen: Workspace) -> None:
    subset = table(chosen, "subset.parquet")
    assert [row["rank"] for row in subset] == list(range(1, 21))
    phases = {row["id"]: row["phase"] for row in subset}
    assert phases[mixed_ids()[0]] == "required"
    assert {"required", "random", "chosen"} <= set(phases.values())
    for row in subset:
        assert row["reason"]
        assert [name for name, _ in row["contributions"]] == ["similarity.questions", "entropy"]
        assert row["covers"] >= 1
        (target,) = row["targets"]
        assert (target["target"], target["item"]) == ("questions", "q.jsonl:1")
        assert 0 <= target["mean"] <= target["best"] <= 1
        assert row["tokens"] is None


def test_the_manifest_counts_what_the_tables_hold(chosen: Workspace) -> None:
    said, subset = manifest(chosen), table(chosen, "subset.parquet")
    others = table(chosen, "not_selected.parquet")
    assert (said["rows"], said["pool_rows"], said["unit"], said["budget"], said["spent"]) == (20, 60, "rows", 20, 20)
    assert said["preset"] == "balanced_coverage"
    assert said["grouped_by"] == "label"
    assert sum(said["not_selected"].values()) == len(others)
    assert said["classes"] == {name: [row["label"] for row in subset].count(name) for name in said["classes"]}
    assert said["quotas"]["label"] == said["classes"]
    assert sum(said["phases"].values()) == 20
    assert [(part["budget"], part["rows"]) for part in said["prefixes"]] == [(0.1, 6), (10, 10)]
    assert said["prefixes"][0]["classes"] == {"art": 2, "politics": 2, "sport": 2}
    assert said["previous"] is None
    assert said["settings"]["selected_subset"]["random_share"] == 0.2
    assert said["rows_hash"] == tables.file_md5(chosen.table("selected_subset") / "subset.parquet")


def test_the_same_again_is_reused_and_chosen_anew_is_the_same_bytes(chosen: Workspace) -> None:
    before = files_of(chosen)
    again = materialize(Workspace.open(chosen.root))
    assert "reused" in again
    assert files_of(chosen) == before
    tables.write_text(chosen.table("selected_subset") / "subset.jsonl", "damaged")
    anew = materialize(Workspace.open(chosen.root))
    assert "reused" not in anew
    assert files_of(chosen) == before


def test_what_the_settings_name_beside_the_tables_counts(chosen: Workspace) -> None:
    versions = Versions(chosen.root)

    def now(text: str = "") -> str:
        workspace = Workspace.open(chosen.root)
        settings = workspace.params.selected_subset
        if text:
            settings = settings.model_validate(yaml.safe_load(text))
        return fingerprint(settings, workspace, versions, None)

    prints = [now()]
    for name, line in (("q.jsonl", '{"prompt": "question 8"}\n'), ("out.txt", f"{mixed_ids()[58]}\n")):
        path = chosen.root / name
        before = path.read_text("utf-8")
        path.write_text(before + line, "utf-8")
        prints.append(now())
        path.write_text(before, "utf-8")
    prints += [now("{budget: {tokens: 5, tokenizer: words}}"), now("{budget: {tokens: 5}}")]
    assert len(set(prints)) == 5
    assert now() == prints[0]
    with pytest.raises(SettingsError, match=r"selected_subset\.include: no\.txt"):
        now("{include: no.txt}")
    with pytest.raises(SourceError, match=r"selected_subset\.targets\.q: no\.jsonl: no such file"):
        now("{targets: {q: [no.jsonl]}}")


def test_a_failure_is_one_line_and_leaves_the_subset(chosen: Workspace) -> None:
    before = files_of(chosen)
    written = (chosen.root / "params.yaml").read_text("utf-8")
    (chosen.root / "params.yaml").write_text(written.replace("minimum: 2", "minimum: 15"), "utf-8")
    with pytest.raises(dg.Failure) as caught:
        materialize(Workspace.open(chosen.root))
    (chosen.root / "params.yaml").write_text(written, "utf-8")
    said = str(caught.value.description)
    assert said.startswith("selected_subset.quota")
    assert "15" in said
    assert "\n" not in said
    assert files_of(chosen) == before


# -- what it starts from ---------------------------------------------------------------------------------------------


def test_latest_is_started_from_when_something_has_changed_and_not_for_its_own_sake(tmp_path: Path) -> None:
    rows = mixed_rows()
    settings = "\n  budget: 20\n  previous: latest\n  churn: 0.25\n"
    workspace = prepare(tmp_path, rows[:50], settings)
    assert find_previous(workspace, Versions(tmp_path)) is None  # before the first version
    materialize(workspace)
    first = files_of(workspace)
    assert manifest(workspace)["previous"] is None
    assert publish(workspace) == "v1.0.0"
    # The same tables and settings: from v1.0.0 another subset would come, and then another.
    assert find_previous(Workspace.open(tmp_path), Versions(tmp_path)) is None
    assert "reused" in materialize(Workspace.open(tmp_path))
    assert files_of(workspace) == first

    workspace = prepare(tmp_path, rows, settings)  # new data
    found = find_previous(workspace, Versions(tmp_path))
    assert found is not None
    assert found.name == "v1.0.0"
    ids = read_previous(found, workspace, Versions(tmp_path)).ids
    assert ids == {row["id"] for row in pq.read_table(pa.BufferReader(first["subset.parquet"])).to_pylist()}
    materialize(workspace)
    said = manifest(workspace)["previous"]
    assert (said["version"], said["rows"], said["stayed"] + said["left"]) == ("v1.0.0", 20, 20)
    assert said["left"] <= 5  # a quarter
    assert said["new"] == 20 - said["stayed"]
    second = files_of(workspace)
    assert publish(workspace) == "v1.0.1"
    again = find_previous(Workspace.open(tmp_path), Versions(tmp_path))
    assert again is not None
    assert again.name == "v1.0.0"
    assert "reused" in materialize(Workspace.open(tmp_path))
    assert files_of(workspace) == second
    # A version by its name is started from, whatever has changed since.
    (tmp_path / "params.yaml").write_text("selected_subset: {budget: 20, previous: v1.0.1, churn: 0}", "utf-8")
    named = find_previous(Workspace.open(tmp_path), Versions(tmp_path))
    assert named is not None
    assert named.name == "v1.0.1"
    (tmp_path / "params.yaml").write_text("selected_subset: {budget: 20, previous: v7.0.0}", "utf-8")
    with pytest.raises(VersionError, match=r"v7\.0\.0: no such version"):
        find_previous(Workspace.open(tmp_path), Versions(tmp_path))


# -- the trainer's file ----------------------------------------------------------------------------------------------


def test_the_trainers_file_is_utf8_one_object_a_line_in_rank_order(tmp_path: Path) -> None:
    rows = []
    for rank, (text, label) in enumerate([("first\nline \u2028 \u0085", "ü"), ("second", None)], 1):
        rows.append(
            {
                "rank": rank, "id": f"{rank:032x}", "source": "s", "messages": [{"role": "user", "content": text}],
                "label": label, "attributes": [], "extras": [], "gain": 1.0, "reason": "r", "file": "f", "line": rank,
                "item": rank, "format": "text", "cluster": 0, "length": len(text), **CHOSEN,
            }
        )  # fmt: skip
    selected_subset.write_jsonl(tmp_path / "x.jsonl", pa.Table.from_pylist(rows, schema=tables.SUBSET))
    lines = (tmp_path / "x.jsonl").read_bytes().decode("utf-8").split("\n")
    assert [json.loads(line) for line in lines if line] == [
        {"messages": rows[0]["messages"], "label": "ü"},
        {"messages": rows[1]["messages"]},
    ]


def test_calls_of_tools_have_their_structure_in_the_trainers_file(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    read = {
        "messages": [
            {"role": "user", "content": "What time is it?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "12:00", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Noon."},
        ],
        "tools": [{"type": "function", "function": {"name": "now"}}],
    }
    (record,) = formats.to_records(read, "messages", {})
    assert isinstance(record, formats.ParsedRecord)
    broken = [dict(turn, content=turn["content"].replace("{", "", 1)) for turn in record.messages]
    rows = [
        {
            "rank": rank, "id": f"{rank:032x}", "source": "s", "messages": messages, "label": None, "attributes": [],
            "extras": list(record.extras.items()), "gain": 1.0, "reason": "r", "file": "f", "line": rank, "item": rank,
            "format": "messages", "cluster": 0, "length": 1, **CHOSEN,
        }
        for rank, messages in enumerate([record.messages, broken], 1)
    ]  # fmt: skip
    path = tmp_path / "x.jsonl"
    assert selected_subset.write_jsonl(path, pa.Table.from_pylist(rows, schema=tables.SUBSET)) == 1
    whole, as_text = map(json.loads, path.read_text("utf-8").splitlines())
    assert whole == read
    assert as_text["messages"][1]["content"] == broken[1]["content"]
    assert as_text["tools"] == read["tools"]
