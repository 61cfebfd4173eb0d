"""How many rows a second are read and cleaned, and how much memory a large file takes.

    python benchmarks/reading_and_cleaning.py [--rows 200000] [--rounds 5] [--gigabytes 2]

Speed: rows recombined from real Alpaca instructions and answers, as JSON Lines, through raw_data and cleaned_data with
the default steps and without duplicates; rows a second of the two together, median of the rounds. Memory: a file of
the stated size, with the default settings and with near duplicates; the largest resident size of the process, as the
operating system accounts for it. Every round is a process of its own on a fresh project folder; the seconds are those
that the two assets report, so that starting Python and Dagster does not count.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALPACA = ROOT.parent / "shared" / "data" / "sft" / "alpaca_data.json.gz"

ONE_RUN = """
import json, resource, sys
from pathlib import Path
from assets.progress import Silent
from orchestration import running
outcome = running.run(Path.cwd(), Silent(), lambda *said: None, ["raw_data", "cleaned_data"])
assert outcome.success, (outcome.failures, outcome.unexpected)
print(json.dumps({
    "rows": outcome.metadata["raw_data"]["dagster/row_count"],
    "kept": outcome.metadata["cleaned_data"]["dagster/row_count"],
    "seconds": {name: facts["seconds"] for name, facts in outcome.metadata.items()},
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
}))
"""


def write_rows(path: Path, rows: int | None = None, size: int | None = None) -> int:
    """Write recombined rows, so many or of so many bytes in all; returns their number."""
    with gzip.open(ALPACA, "rt", encoding="utf-8") as file:
        real = json.load(file)
    count = written = 0
    with path.open("w", encoding="utf-8") as file:
        while (rows is None or count < rows) and (size is None or written < size):
            turn, place = divmod(count, len(real))
            asked, answered = real[place], real[(place + turn * 7919) % len(real)]
            row = {"instruction": asked["instruction"], "input": asked["input"], "output": answered["output"]}
            line = json.dumps(row, ensure_ascii=False) + "\n"
            file.write(line)
            written += len(line.encode())
            count += 1
    return count


def project(folder: Path, source: Path, settings: str) -> None:
    """A fresh project that reads `source`."""
    folder.mkdir()
    for name in ("assets", "orchestration", "dvc.yaml", "dagster.yaml", "pyproject.toml"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / "params.yaml").write_text(f"raw_data:\n  sources:\n    - {source}\n{settings}", encoding="utf-8")


def run(source: Path, settings: str) -> dict[str, object]:
    """One run in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        project(folder, source, settings)
        done = subprocess.run([sys.executable, "-c", ONE_RUN], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result


WITHOUT_DUPLICATES = "cleaned_data:\n  dedup: {exact: false}\n"
NEAR = "cleaned_data:\n  dedup: {near: true}\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    options = parser.parse_args()
    if not ALPACA.is_file():
        sys.exit(f"skipped: real data is absent: ../shared/data/sft/{ALPACA.name}")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "rows.jsonl")
        rows = write_rows(source, rows=options.rows)
        print(f"speed: {rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of JSON Lines, without duplicates")
        speeds = []
        for number in range(options.rounds):
            seconds = run(source, WITHOUT_DUPLICATES)["seconds"]
            assert isinstance(seconds, dict)
            speeds.append(rows / sum(seconds.values()))
            said = ", ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items())
            print(f"  round {number + 1}: {said}")
        if speeds:
            print(f"  median {statistics.median(speeds):,.0f} rows a second")
        if not options.gigabytes:
            return
        rows = write_rows(source, size=int(options.gigabytes * 1e9))
        print(f"memory: {rows:,} rows, {source.stat().st_size / 1e9:.2f} GB of JSON Lines")
        for title, settings in (("default settings", ""), ("near duplicates too", NEAR)):
            started = time.monotonic()
            found = run(source, settings)
            print(
                f"  {title}: peak {int(str(found['peak'])) / 2**30:.2f} GiB, {found['kept']:,} rows kept, "
                f"{time.monotonic() - started:.0f} s"
            )


if __name__ == "__main__":
    main()
