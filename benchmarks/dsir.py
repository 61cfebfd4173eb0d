"""How fast DSIR is beside data-selection, and how much of what is drawn is of the kind that was asked for.

    pip install data-selection
    python benchmarks/dsir.py [--rounds 5] [--seed 0]

Pool: 18,000 real rows of Alpaca and Dolly and 2,000 of Code Alpaca; 2,000 are drawn for the prompts of HumanEval. Then
the same for 200 rows of Code Alpaca that are held out, from what is left. Timed from the texts in memory (ours) or in
one JSONL file, as its users have them (theirs), to the rows that are drawn; theirs with its default, which drops rows
of fewer than 100 words, and without. In turn, medians, and the ratio of one run, which is what compares between
machines; both on all cores. Purity is the share of Code Alpaca rows among the rows drawn, by chance a tenth; also among
the first 500 where the method ranks. `KL` is the KL reduction against random rows, counted by ours for all.

Real data is read from ../shared/data; the rival is left out, by name, where it is not installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets.methods.chance import uniform
from assets.methods.similarity.dsir import gumbel_top_k, kl_reduction, log_importance
from assets.methods.similarity.ngrams import Ngrams

DATA = Path(__file__).parents[2] / "shared" / "data"
Drawn = npt.NDArray[np.int64]


def read(name: str, *columns: str) -> list[str]:
    """The texts of a file of real data, the columns of each row behind each other."""
    path = DATA / name
    if not path.is_file():
        sys.exit(f"real data is absent: ../shared/data/{name}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file] if ".jsonl" in name else json.load(file)
    return ["\n".join(filter(None, (row[column] for column in columns))) for row in rows]


def ours(texts: list[str], target: list[str], picks: int, seed: int) -> Drawn:
    """Rows in the order in which they are drawn."""
    pool = Ngrams.of(texts)
    weights = log_importance(pool, Ngrams.of(target).shares(), pool.shares())
    return gumbel_top_k(weights, uniform(map(str, range(len(texts))), seed, "draw"), picks).order


def ours_by_mean(texts: list[str], target: list[str], picks: int, seed: int) -> Drawn:
    """The rows of the highest mean, without chance."""
    pool = Ngrams.of(texts)
    weights = log_importance(pool, Ngrams.of(target).shares(), pool.shares(), per_ngram=True)
    return np.argsort(-weights, kind="stable")[:picks]


def theirs(texts: list[str], target: list[str], picks: int, folder: Path, least: int) -> tuple[Drawn, float]:
    """Rows, in no order, and the seconds without the writing of its input."""
    library = importlib.import_module("data_selection")
    for name, rows in (("pool", texts), ("target", target)):
        lines = (json.dumps({"text": text, "row": row}) + "\n" for row, text in enumerate(rows))
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    start = time.perf_counter()
    pool, wanted = str(folder / "pool.jsonl"), str(folder / "target.jsonl")
    method = library.HashedNgramDSIR([pool], [wanted], cache_dir=str(folder / "cache"), min_example_length=least)
    method.fit_importance_estimator()
    method.compute_importance_weights()
    method.resample(out_dir=str(folder / "out"), num_to_sample=picks, cache_dir=str(folder / "resampled"))
    seconds = time.perf_counter() - start
    drawn = [json.loads(line)["row"] for part in (folder / "out").rglob("*.jsonl") for line in part.open()]
    return np.array(drawn, dtype=np.int64), seconds


def compare(
    title: str, texts: list[str], code: npt.NDArray[np.bool_], target: list[str], rounds: int, seed: int
) -> None:
    """Print the medians, the ratios and what was drawn."""
    picks = int(code.sum())
    ours(texts[:100], target, 10, seed)  # compiled code is compiled before the clock starts
    contenders: dict[str, Callable[[], tuple[Drawn, float]]] = {
        "ours": lambda: timed(lambda: ours(texts, target, picks, seed)),
        "ours, mean, no draw": lambda: timed(lambda: ours_by_mean(texts, target, picks, seed)),
    }
    if importlib.util.find_spec("data_selection") is None:
        print("data-selection: not installed, left out (pip install data-selection)")
    else:
        contenders["data-selection"] = lambda: in_folder(lambda folder: theirs(texts, target, picks, folder, 100))
        contenders["  no least length"] = lambda: in_folder(lambda folder: theirs(texts, target, picks, folder, 0))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    drawn: dict[str, Drawn] = {}
    for _ in range(rounds):
        for name, method in contenders.items():
            drawn[name], taken = method()
            seconds[name].append(taken)
    counted, wanted = Ngrams.of(texts), Ngrams.of(target).shares()
    random = np.argsort(uniform(map(str, range(len(texts))), seed, "random"))[:picks]
    print(f"\n{title}: {picks:,} of {len(texts):,} rows, median of {rounds}; by chance {code.mean():.3f} are code")
    for name, times in seconds.items():
        median, rows = float(np.median(times)), drawn[name]
        ratio = median / float(np.median(seconds["ours"]))
        reduction = kl_reduction(wanted, counted.shares(random), counted.shares(rows))
        first = f"{code[rows[:500]].mean():.3f}" if name.startswith("ours") else "  -  "
        print(
            f"{name:>20}: {median:7.3f} s  {len(texts) / median:9,.0f} rows/s  purity {code[rows].mean():.3f}"
            f"  first 500 {first}  KL {reduction:.3f}  this / ours {ratio:6.1f}"
        )


def timed(method: Callable[[], Drawn]) -> tuple[Drawn, float]:
    """What it returns, and its seconds."""
    start = time.perf_counter()
    return method(), time.perf_counter() - start


def in_folder(method: Callable[[Path], tuple[Drawn, float]]) -> tuple[Drawn, float]:
    """What it returns, with a fresh folder that goes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return method(Path(folder))


def main() -> None:
    """Print both targets."""
    os.environ["TQDM_DISABLE"] = "1"  # the rival's bars, in its processes too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    prose = read("sft/alpaca_data.json.gz", "instruction", "input", "output")[:9000]
    prose += read("sft/dolly_15k.jsonl.gz", "instruction", "context", "response")[:9000]
    code = read("sft/code_alpaca_2k.json.gz", "instruction", "input", "output")[:2000]
    prompts = read("eval/HumanEval.jsonl.gz", "prompt")
    for title, pool, target in (("HumanEval", code, prompts), ("held-out code", code[200:], code[:200])):
        texts = [*prose, *pool]
        compare(title, texts, np.arange(len(texts)) >= len(prose), target, arguments.rounds, arguments.seed)


if __name__ == "__main__":
    main()
