"""What goes wrong, through the real command line: bad input, kill -9, Ctrl-C, two runs at once, a damaged lock."""

import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from conftest import SMALL, Project, hear_ctrl_c, instructions


def test_a_killed_run_is_taken_up_where_it_was(project: Project) -> None:
    rows = instructions(2600, seed=3)
    project.write_rows("rows.jsonl", rows)
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "run"],
        cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    vectors = project.root / ".dagster" / "vectors"
    deadline = time.monotonic() + 120
    while not list(vectors.rglob("*.parquet")) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)  # there is nothing to wait for but the file
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = sum(pq.read_metadata(path).num_rows for path in vectors.rglob("*.parquet"))
    different = len({r["instruction"] + r["output"] for r in rows if r["output"] not in ("", "<nooutput>")})
    assert 0 < done < different
    output = project.pickwise("run").stdout
    assert f"{different - done:,} embedded" in output
    assert project.tags() == ["sft-subset@v1.0.0"]


@pytest.mark.parametrize(
    ("params", "file", "said"),
    [
        ("selected_subset: {budgt: 1}", "", "selected_subset.budgt: unknown key; did you mean 'budget'?"),
        ("raw_data: {sources: [nowhere.jsonl]}", "", "nowhere.jsonl"),
        ("raw_data: {sources: [rows.jsonl]}", "not json\nnor this\n", "rows.jsonl"),
        ("raw_data: {sources: [rows.jsonl]}", "\n", "rows.jsonl"),
        (
            "raw_data: {sources: [rows.jsonl]}\nselected_subset: {budget: 9000}",
            '{"text": "one text", "label": "a"}\n{"text": "two text", "label": "b"}\n',
            "selected_subset.budget: 9000 rows asked for, but the cleaned pool has 2",
        ),
        (
            "raw_data: {sources: [rows.jsonl]}\nembeddings: {model: ./no-such-model}",
            '{"text": "one text", "label": "a"}\n{"text": "two text", "label": "b"}\n',
            "no-such-model",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(project: Project, params: str, file: str, said: str) -> None:
    project.write("params.yaml", params)
    if file:
        project.write("rows.jsonl", file)
    result = project.pickwise("run", check=False)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert project.tags() == []
    assert not list((project.root / "data").glob(".*.new"))


def test_a_lock_that_a_kill_left_empty_is_made_anew(used: Project) -> None:
    whole = (used.root / "dvc.lock").read_bytes()
    used.write("dvc.lock", "")
    assert "already registered" in used.pickwise("run").stdout
    assert (used.root / "dvc.lock").read_bytes() == whole


def test_ctrl_c_is_one_line_and_leaves_nothing_half_written(project: Project) -> None:
    project.write_rows("rows.jsonl", instructions(3000, seed=4))
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "run"],
        cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=hear_ctrl_c,
    )  # fmt: skip
    while not (project.root / "data" / ".embeddings.new").exists():
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.05)  # there is nothing to wait for but the folder
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("pickwise: stopped;")
    assert not list((project.root / "data").glob(".*.new"))


def test_a_failing_stage_of_dvc_leaves_the_last_good_table(used: Project) -> None:
    before = used.bytes_of("data/selected_subset")
    used.write("params.yaml", SMALL.replace("budget: 0.25", "budget: 100000"))
    # The stages before it are made anew for any change of params.yaml; they are not what is looked at.
    assert used.dvc("repro", "--single-item", "selected_subset", check=False).returncode != 0
    assert used.bytes_of("data/selected_subset") == before


def test_two_runs_at_once_queue_up(used: Project) -> None:
    project = used
    project.write("params.yaml", SMALL.replace("0.25", "0.5"))
    words = [sys.executable, "-m", "orchestration.cli", "run"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(words, cwd=project.root, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert project.tags() == ["sft-subset@v1.0.0", "sft-subset@v1.1.0"]
    assert sum("already registered" in out for out, _ in outputs) == 1
