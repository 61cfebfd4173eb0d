"""How fast near deduplication is beside datasketch, and what it finds of duplicates that were planted.

    pip install datasketch
    python benchmarks/near_duplicates.py [--documents 24000] [--rounds 5] [--planted-rows 50000]

Speed: real Alpaca conversations, in turn by ours and by datasketch, medians, and the ratio of one run, which is what
compares between machines. Ours is timed from the texts to the rows that stay: tokens, shingles, MinHash of 128
permutations, bands, verification by true Jaccard similarity, greedy. Of datasketch only the signatures (128
permutations, by `MinHash.generator`, its fastest way) and its LSH at the same threshold are timed (a query, then an
insertion unless something was found); the shingles, made beforehand with Python, are not, and it verifies nothing.

Planted: copies, copies with 2 % of their words edited, and chains a ~ b ~ c whose ends are not alike, behind real rows.
Truth is every pair at the threshold, from the sparse product of all shingle sets of three words. The default, one word
a shingle, is asked for the same rows, too: how many go, and whether each is alike to a row that stays.

Growth: 50,000 and 200,000 documents of five real sentences each, one in ten a near copy, from the texts to the rows
that stay. Real data is read from ../shared/data; the rival is left out, by name, where it is not installed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import importlib.util
import itertools
import json
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.methods.dedup.greedy import keep_best
from assets.methods.dedup.near import NearIndex
from assets.methods.dedup.partial import PartialIndex, shared_bands
from assets.methods.dedup.shingles import Shingles, jaccard
from assets.methods.dedup.sketches import Likeness, Sketches, sketch
from assets.methods.tokens import Tokens

ALPACA = Path(__file__).parents[2] / "shared" / "data" / "sft" / "alpaca_data.json.gz"
LIKENESS = Likeness(words=3, characters=5)  # and answers are not compared: the rival knows none


def alpaca(rows: int) -> list[str]:
    """The whole conversations of the first rows."""
    if not ALPACA.is_file():
        sys.exit("real data is absent: ../shared/data/sft/alpaca_data.json.gz")
    with gzip.open(ALPACA, "rt", encoding="utf-8") as file:
        found = json.load(file)[:rows]
    return ["\n".join(filter(None, (row["instruction"], row["input"], row["output"]))) for row in found]


def greedy(sketches: Sketches) -> npt.NDArray[np.int64]:
    """For each row the kept row it goes for, or -1; earlier rows are better."""
    shared = shared_bands(sketches.bands)
    asked = shared.any(axis=1)
    inner = NearIndex(sketches, LIKENESS.threshold, capacity=int(asked.sum()), shared=shared)
    index = PartialIndex(inner, asked)
    return keep_best(np.arange(len(sketches)), [index], len(sketches), lambda rows: None).kept


def ours(texts: list[str]) -> int:
    """How many rows go."""
    return int((greedy(sketch(Tokens.of(texts), LIKENESS)) >= 0).sum())


def shingles_as_bytes(texts: list[str]) -> list[list[bytes]]:
    """The distinct runs of three words of each text, for datasketch."""
    found = []
    for text in texts:
        words = re.findall(r"[^\W_]+", text.casefold())
        runs = {" ".join(words[start : start + 3]) for start in range(max(1, len(words) - 2))}
        found.append([run.encode() for run in runs])
    return found


def datasketch(documents: list[list[bytes]]) -> int:
    """How many documents find an earlier one."""
    library = importlib.import_module("datasketch")
    lsh = library.MinHashLSH(threshold=LIKENESS.threshold, num_perm=128)
    gone = 0
    for number, signature in enumerate(library.MinHash.generator(documents, num_perm=128)):
        if lsh.query(signature):
            gone += 1
        else:
            lsh.insert(number, signature, check_duplication=False)
    return gone


def speed(documents: int, rounds: int) -> None:
    """Print the medians and the ratio."""
    texts = alpaca(documents)
    ours(texts[:100])  # compiled code is compiled before the clock starts
    contenders: dict[str, Callable[[], int]] = {"ours": lambda: ours(texts)}
    if importlib.util.find_spec("datasketch") is None:
        print("datasketch: not installed, left out (pip install datasketch)")
    else:
        prepared = shingles_as_bytes(texts)
        contenders["datasketch"] = lambda: datasketch(prepared)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    gone: dict[str, int] = {}
    for _ in range(rounds):
        for name, method in contenders.items():
            start = time.perf_counter()
            gone[name] = method()
            seconds[name].append(time.perf_counter() - start)
    print(f"{len(texts):,} documents, median of {rounds}")
    for name, times in seconds.items():
        median = float(np.median(times))
        ratio = median / float(np.median(seconds["ours"]))
        pace = len(texts) / median
        print(f"{name:>12}: {median:8.3f} s  {pace:10,.0f} documents/s  {gone[name]:4} go   this / ours {ratio:7.1f}")


# -- planted duplicates ----------------------------------------------------------------------------------------------


def edited(words: list[str], share: float, draw: random.Random) -> list[str]:
    """A copy in which a share of the words, at least one, are other words."""
    words = list(words)
    for place in draw.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = f"other{draw.randrange(10**9)}"
    return words


def planted(texts: list[str], draw: random.Random) -> list[str]:
    """The texts and, behind them, a tenth as many copies, edited copies, and chains of two edits; shuffled."""
    made = list(texts)
    tenth = len(texts) // 10
    made += draw.sample(texts, tenth)
    made += [" ".join(edited(text.split(), 0.02, draw)) for text in draw.sample(texts, tenth)]
    long = [text for text in texts if len(text.split()) >= 100]
    for text in draw.sample(long, min(len(long), tenth)):
        middle = edited(text.split(), 0.025, draw)
        made += [" ".join(middle), " ".join(edited(middle, 0.025, draw))]
    draw.shuffle(made)
    return made


def true_pairs(shingles: Shingles, threshold: float) -> sparse.csr_matrix:
    """The similarity of every pair at the threshold, 2,000 rows at a time."""
    _, columns = np.unique(shingles.values, return_inverse=True)
    matrix = sparse.csr_matrix((np.ones(len(columns), np.int32), columns, shingles.offsets))
    sizes = np.diff(shingles.offsets)
    rows, others, values = [], [], []
    for start in range(0, len(shingles), 2000):
        shared = (matrix[start : start + 2000] @ matrix.T).tocoo()
        row = shared.row + start
        similarity = shared.data / (sizes[row] + sizes[shared.col] - shared.data)
        near = (similarity >= threshold) & (row != shared.col)
        rows.append(row[near])
        others.append(shared.col[near])
        values.append(similarity[near])
    shape = (len(shingles), len(shingles))
    return sparse.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(others))), shape)


def quality(rows: int, seed: int) -> None:
    """Print the recall, and the rows that went although nothing like them stayed."""
    texts = planted(alpaca(rows), random.Random(seed))
    start = time.perf_counter()
    sketches = sketch(Tokens.of(texts), LIKENESS)
    kept = greedy(sketches)
    seconds = time.perf_counter() - start
    pairs = NearIndex(sketches, LIKENESS.threshold).within(np.arange(len(texts)))
    truth = true_pairs(sketches.shingles, LIKENESS.threshold)
    gone = np.flatnonzero(kept >= 0)
    alike = np.asarray(truth[gone, kept[gone]]).ravel() > 0
    stays = kept < 0
    upper = sparse.triu(truth).tocoo()
    left = int((stays[upper.row] & stays[upper.col]).sum())
    false = int((np.asarray(truth[pairs.first, pairs.second]).ravel() == 0).sum())
    print(f"\n{len(texts):,} rows of which {len(texts) - rows:,} are planted: {len(gone):,} go, {seconds:.2f} s")
    print(f"pairs at {LIKENESS.threshold}: {upper.nnz:,}; recall {len(pairs.first) / upper.nnz:.4f}, {false} false")
    print(f"orphans (went for a row that is not alike or did not stay): {int((~(alike & stays[kept[gone]])).sum())}")
    print(f"residual pairs (alike, and both stay): {left}")
    default = sketch(Tokens.of(texts), Likeness())
    kept = greedy(default)
    gone, sets = np.flatnonzero(kept >= 0), default.shingles
    parts = [sets.values[start:end] for start, end in itertools.pairwise(sets.offsets.tolist())]
    alike = [jaccard(parts[row], parts[kept[row]], 0.8) > 0 and kept[kept[row]] < 0 for row in gone.tolist()]
    print(f"one word a shingle: {len(gone):,} of {len(texts) - rows:,} planted go; orphans {alike.count(False)}")


def growth(seed: int) -> None:
    """Print the seconds for 50,000 and 200,000 documents of five real sentences each, a tenth of them near copies."""
    draw = random.Random(seed)
    sentences = sorted({part for text in alpaca(52_002) for part in re.split(r"(?<=[.!?])\s+", text) if len(part) > 20})
    seconds = {}
    for documents in (50_000, 200_000):
        made = [" ".join(draw.choices(sentences, k=5)) for _ in range(documents * 9 // 10)]
        # One in ten is a copy with a few words edited.
        texts = made + [" ".join(edited(text.split(), 0.02, draw)) for text in made[: documents // 10]]
        start = time.perf_counter()
        gone = int((greedy(sketch(Tokens.of(texts), Likeness())) >= 0).sum())
        seconds[documents] = time.perf_counter() - start
        print(f"{documents:>8,} documents: {seconds[documents]:6.2f} s, {gone:,} go")
    print(f"growth from 50,000 to 200,000: {seconds[200_000] / seconds[50_000]:.2f}")


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=24_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--planted-rows", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    speed(arguments.documents, arguments.rounds)
    quality(arguments.planted_rows, arguments.seed)
    growth(arguments.seed)


if __name__ == "__main__":
    main()
