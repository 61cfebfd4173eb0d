"""The whole of it through the real command line: run, run again, change, roll back, block."""

import json
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
from conftest import SMALL, Project, instructions

from assets import tables


def subset(project: Project) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(project.root / "data/selected_subset/subset.parquet").to_pylist()
    return rows


def reports(files: dict[str, bytes]) -> set[str]:
    """The pages of the checks, which say when they were made."""
    return {name for name in files if name.startswith("reports/checks")}


def test_a_run_ends_with_a_version_and_a_summary(finished: Project) -> None:
    output = finished.first_output
    assert finished.tags() == ["sft-subset@v1.0.0"]
    for said in ("sft-subset@v1.0.0", "registered", "empty_answer", "placeholder_answer", "duplicate", "class_balance"):
        assert said in output
    assert "Traceback" not in output


def test_the_subset_is_ranked_explained_and_ready_for_a_trainer(finished: Project) -> None:
    rows = subset(finished)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == round(0.25 * 237)
    assert all(row["reason"] and row["gain"] is not None for row in rows)
    lines = (finished.root / "data/selected_subset/subset.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["messages"] for line in lines] == [row["messages"] for row in rows]
    manifest = json.loads((finished.root / "data/selected_subset/manifest.json").read_text())
    assert manifest["rows"] == len(rows)
    assert manifest["settings"]["seed"] == 42
    assert manifest["model"]["name"] == "all-MiniLM-L6-v2"
    assert manifest["packages"]["torch"]


def test_the_classes_keep_their_shares(finished: Project) -> None:
    pool = Counter(tables.read(finished.root / "data/cleaned_data").column("label").to_pylist())
    chosen = Counter(row["label"] for row in subset(finished))
    for label, count in pool.items():
        assert abs(chosen[label] / chosen.total() - count / pool.total()) < 0.02


def test_every_row_that_was_left_out_has_a_reason(finished: Project) -> None:
    dropped = pq.read_table(finished.root / "data/cleaned_data/dropped.parquet").to_pylist()
    assert {(row["line"], row["reason"]) for row in dropped} == {
        (4, "empty_answer"), (6, "placeholder_answer"), (8, "duplicate"),
    }  # fmt: skip
    kept = set(tables.read(finished.root / "data/cleaned_data").column("id").to_pylist())
    assert all(row["kept_id"] in kept for row in dropped if row["reason"] == "duplicate")


def test_dvc_agrees_with_dagster(finished: Project) -> None:
    assert "up to date" in finished.dvc("status").stdout
    assert "up to date" in finished.dvc("repro").stdout
    lock = (finished.root / "dvc.lock").read_text()
    for name in ("raw_data", "cleaned_data", "embeddings", "selected_subset"):
        assert tables.content_hash(finished.root / "data" / name) in lock
    assert "selected_subset" in finished.dvc("metrics", "show").stdout


def test_a_second_run_embeds_nothing_and_makes_no_version(finished: Project) -> None:
    before, lock = finished.bytes_of("data"), (finished.root / "dvc.lock").read_bytes()
    started = time.monotonic()
    output = finished.pickwise("run").stdout
    assert time.monotonic() - started < 60
    assert "0 embedded" in output
    assert "already registered" in output
    assert finished.tags() == ["sft-subset@v1.0.0"]
    after = finished.bytes_of("data")
    assert {name for name in before | after if before.get(name) != after.get(name)} <= reports(before | after)
    assert (finished.root / "dvc.lock").read_bytes() == lock
    assert finished.git("status", "--porcelain", "--untracked-files=no") == ""


def test_another_folder_gives_the_same_bytes(finished: Project, project: Project) -> None:
    project.pickwise("run")
    for name in (
        "raw_data",
        "cleaned_data",
        "embeddings",
        "uncertainty_scores",
        "cluster_assignments",
        "selected_subset",
    ):
        assert project.bytes_of(f"data/{name}") == finished.bytes_of(f"data/{name}"), name


def test_change_run_and_roll_back(used: Project) -> None:
    project = used
    first = project.bytes_of("data/selected_subset")
    project.write("notes.txt", "mine")
    project.git("add", "notes.txt")
    project.write("params.yaml", SMALL.replace("0.25", "0.5"))
    head, index = project.git("rev-parse", "HEAD"), project.git("ls-files", "--stage")

    project.pickwise("run")
    assert project.tags() == ["sft-subset@v1.0.0", "sft-subset@v1.1.0"]
    listed = json.loads(project.pickwise("versions", "--json").stdout)
    assert [version["version"] for version in listed] == ["v1.1.0", "v1.0.0"]
    assert "selected_subset.budget" in project.dvc("params", "diff", *project.tags()).stdout

    project.pickwise("rollback", "v1.0.0")
    assert project.bytes_of("data/selected_subset") == first
    assert (project.root / "params.yaml").read_text() == SMALL
    assert (project.git("rev-parse", "HEAD"), project.git("ls-files", "--stage")) == (head, index)
    assert (project.root / "notes.txt").read_text() == "mine"
    assert "up to date" in project.dvc("status").stdout

    project.dvc("get", ".", "data/selected_subset", "--rev", "sft-subset@v1.1.0", "-o", "fetched")
    assert len((project.root / "fetched/subset.jsonl").read_text().splitlines()) > len(
        (project.root / "data/selected_subset/subset.jsonl").read_text().splitlines()
    )
    # Back at v1.0.0 a run finds everything in place, and no third version.
    assert "already registered" in project.pickwise("run").stdout
    assert len(project.tags()) == 2


def test_rolling_back_never_loses_edits(used: Project) -> None:
    project = used
    edited = SMALL.replace("0.25", "0.3") + "# my notes\n"
    project.write("params.yaml", edited)
    refused = project.pickwise("rollback", "v1.0.0", check=False)
    assert refused.returncode == 2
    assert "--overwrite-params" in refused.stderr
    assert (project.root / "params.yaml").read_text() == edited
    project.pickwise("rollback", "v1.0.0", "--overwrite-params")
    (copy,) = project.root.glob("params.before-*.yaml")
    assert copy.read_text() == edited


def test_a_failing_check_blocks_the_version_and_says_why(used: Project) -> None:
    project = used
    project.write("params.yaml", SMALL.replace("budget: 0.25", "budget: 2"))
    result = project.pickwise("run", check=False)
    assert result.returncode == 1
    assert project.tags() == ["sft-subset@v1.0.0"]
    assert "missing" in result.stdout
    assert "No version was made" in result.stdout
    # Neither door opens for it later.
    alone = project.pickwise("materialize", "subset_version", check=False)
    assert alone.returncode == 1
    assert project.tags() == ["sft-subset@v1.0.0"]
    # Nor does Dagster's own command, which runs that one asset without any check.
    unchecked = project.command("dg", "launch", "--assets", "subset_version", check=False)
    assert unchecked.returncode != 0
    assert "checks have not passed for this subset" in unchecked.stdout + unchecked.stderr
    assert project.tags() == ["sft-subset@v1.0.0"]


def test_new_rows_make_a_patch_and_only_they_are_embedded(used: Project) -> None:
    project = used
    project.write_rows("rows.jsonl", [*instructions(240), *instructions(9, seed=9)[:3]])
    output = project.pickwise("run").stdout
    assert "3 embedded" in output or "2 embedded" in output
    assert project.tags() == ["sft-subset@v1.0.0", "sft-subset@v1.0.1"]


def test_chinese_text_is_intact(project: Project, tmp_path: Path) -> None:
    text = "金门大桥是一座横跨金门海峡的悬索桥，航道宽一英里。“引号”、全角：ＡＢＣ"
    rows = [{"instruction": f"{text} {i}", "input": "", "output": f"{i} {text}"} for i in range(40)]
    project.write("rows.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    project.write("params.yaml", "raw_data: {sources: [rows.jsonl]}\nselected_subset: {budget: 10}\n")
    project.pickwise("run")
    written = (project.root / "data/selected_subset/subset.jsonl").read_bytes()
    assert written.count(text.encode("utf-8")) == 20


def test_explain_tells_the_story_of_a_row(finished: Project) -> None:
    chosen = subset(finished)[0]
    told = finished.pickwise("explain", str(chosen["id"])).stdout
    for said in ("rows.jsonl", "raw_data", "cleaned_data", "entropy", "cluster", "rank", str(chosen["reason"])[:20]):
        assert said in told, said
    assert "duplicate" in finished.pickwise("explain", "rows.jsonl:8").stdout
    story = json.loads(finished.pickwise("explain", "rows.jsonl:4", "--json").stdout)
    assert "empty_answer" in json.dumps(story)
    unknown = finished.pickwise("explain", "rows.jsonl:9999", check=False)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)


def test_rows_of_an_earlier_version_do_not_come_again(used: Project) -> None:
    before = {row["id"] for row in subset(used)}
    used.write("params.yaml", SMALL + "cleaned_data:\n  dedup:\n    against: [{version: v1.0.0}]\n")
    used.pickwise("run")
    assert not before & {row["id"] for row in subset(used)}
    dropped = pq.read_table(used.root / "data/cleaned_data/dropped.parquet").to_pylist()
    again = [row for row in dropped if row["step"] == "against"]
    assert {row["kept_id"] for row in again} == before
    assert all(str(row["hit"]).startswith("sft-subset@v1.0.0:") for row in again)
    assert "v1.1.0" in used.pickwise("versions").stdout
