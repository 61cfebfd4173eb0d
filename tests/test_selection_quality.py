"""The benchmark of selections against chance: what its cells say, and that it goes on where it was cut short."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import labelled_sets
import selection_quality as benchmark
from selection_quality import BUDGETS, CONTROL, NOISE, RIVALS, Difference, Known, Results, key_of, table

from assets.selection_params import PRESETS


@pytest.mark.parametrize(
    ("gains", "verdict", "shown"),
    [
        ([1, 2, 3], 0, "+2.0 ± 2.5"),
        ([2, 2.1, 1.9], 1, "**+2.0 ± 0.2**"),
        ([-2, -2.1, -1.9], -1, "_-2.0 ± 0.2_"),
        ([0, 0, 0], 0, "+0.0 ± 0.0"),
    ],
)
def test_a_cell_says_how_much_and_whether_it_is_more_than_chance(gains: list[float], verdict: int, shown: str) -> None:
    control = np.array([0.5, 0.6, 0.7])
    found = Difference.of(control + np.array(gains) / 100, control)
    assert (found.verdict, str(found)) == (verdict, shown)


def test_the_verdict_is_that_of_the_paired_t_test() -> None:
    from scipy.stats import ttest_rel

    random, verdicts = np.random.default_rng(0), set()
    for _ in range(200):
        ours, control = random.normal([[0.72], [0.7]], 0.02, (2, 5))
        found = Difference.of(ours, control)
        assert (found.verdict != 0) == (ttest_rel(ours, control).pvalue < 0.05)
        verdicts.add(found.verdict)
    assert verdicts >= {0, 1}


def test_the_summary_counts_the_cells() -> None:
    results = Results(None)
    for seed in range(3):
        for share in (0.0, NOISE):
            for budget in BUDGETS:
                results.add(key_of("trec", share, budget, seed, CONTROL), 0.5 + seed / 100)
                gain = 0.1 if share else -0.1 if budget == BUDGETS[0] else seed / 100
                results.add(key_of("trec", share, budget, seed, "kmeans"), 0.5 + seed / 100 + gain)
    lines = table(["trec"], ["kmeans"], 3, results).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == "| trec | 0% | 1% | 51.0 | _-10.0 ± 0.0_ |"
    assert lines[-2:] == [
        "| **significantly better** | | | | 4 of 8 |",
        "| **significantly worse** | | | | 1 of 8 |",
    ]


def test_results_outlive_a_run_and_a_changed_preset_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of("trec", 0.0, 0.1, 0, "kmeans")
    Results(tmp_path / "results").add(key, 0.25)
    again = Results(tmp_path / "results")
    assert key in again
    assert again[key] == 0.25
    monkeypatch.setattr(benchmark, "PRESETS", {**PRESETS, "kmeans": {"coverage": "kmeans"}})
    assert key_of("trec", 0.0, 0.1, 0, "kmeans") not in again


def test_every_preset_that_needs_no_target_selects() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 120)
    points = (np.eye(3, 8)[classes] + random.normal(0, 0.3, (120, 8))).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    labels = np.array([f"c{number}" for number in classes])
    noisy = benchmark.with_noise(labels, NOISE, 0)
    known = Known.of(points, noisy, random.integers(1, 99, 120).astype(np.float64), 0)
    found = {name: known.selected(name, 12) for name in (CONTROL, *RIVALS)}
    # "deita" ends where all others are too alike; the rest fills its budget.
    assert all(len(set(rows.tolist())) == len(rows) == 12 for name, rows in found.items() if name != "deita")
    wrong = {name: int((noisy[rows] != labels[rows]).sum()) for name, rows in found.items()}
    assert wrong["balanced_coverage"] == 0 < wrong["uncertainty"]


def test_a_class_of_its_own_is_the_answer_to_everything() -> None:
    points = np.eye(3, dtype=np.float32)
    assert benchmark.accuracy(points, np.array(["a"] * 3), points, np.array(["a", "a", "b"])) == pytest.approx(2 / 3)


def test_the_official_files_are_read() -> None:
    sizes = {
        "trec": (5452, 500, 6),
        "banking77": (10003, 3080, 77),
        "sst2": (6920, 1821, 2),
        "clinc_imbalanced": (10525, 4500, 150),
        "agnews": (20706, 7600, 4),
    }
    assert set(sizes) == set(labelled_sets.TASKS)
    for name, (rows, tests, classes) in sizes.items():
        task = labelled_sets.TASKS[name]
        if task.missing:
            pytest.skip(f"no {task.missing}")
        train, test = task.rows()
        assert (len(train), len(test)) == (rows, tests)
        assert len({label for _, label in train}) == len({label for _, label in test} | {label for _, label in train})
        assert len({label for _, label in train}) == classes
