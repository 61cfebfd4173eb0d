"""How much junk a selection without labels picks: Alpaca and Dolly with a fifth of the answers damaged on purpose.

    python benchmarks/junk.py [--rows 0] [--share 0.2] [--budget 0.05] [--seed 0] [--cache FOLDER]

Three kinds of junk in equal parts, none of them made by what the scorer learns from: answers of other rows or their
words in another order, answers cut at their middle, and phrases that answer nothing. Each variant plants them in
another way. Printed: how often a sound answer scores above junk of each kind (AUC), and of the chosen rows the share
of junk, the share of Dolly, the median length of the answers and how far their lengths are from those of the sound rows
(Kolmogorov-Smirnov). A junk row has the vector of the sound row that it was made of: what a selection by vectors alone
gains or loses by junk is not measured. `clean` plants nothing. Reads ../shared/data beside the checkout.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets import models, vectors
from assets.answer_scores import DOUBTFUL
from assets.methods.answers import quality
from assets.methods.encoding import Encoder
from assets.methods.quotas.plans import Quota
from assets.methods.selecting import scores as scoring
from assets.methods.selecting.ranking import Method
from assets.methods.selecting.select import Pool, Wanted, select
from assets.params import Params
from assets.workspace import HOME

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / ".." / "shared" / "data" / "sft"
FILES = {
    "alpaca": ("alpaca_data.json.gz", "instruction", "input", "output"),
    "dolly": ("dolly_15k.jsonl.gz", "instruction", "context", "response"),
}
ONE = ("As an AI language model, I cannot answer that question.",)
SEVERAL = (
    "Thank you for your question! Please let me know if you need anything else.",
    "As an AI language model, I cannot provide an answer to this.",
    "I'm sorry, but I don't have enough information to answer that.",
    "Sure! Here is the answer to your question.",
    "No answer available",
)
Rows = npt.NDArray[np.int64]
Random = np.random.Generator


@dataclass(frozen=True)
class Variant:
    """How the first two kinds of junk are made of the answers, and the phrases of the third."""

    misplaced: Callable[[list[str], Random], list[str]]
    cut: Callable[[str, Random], str]
    phrases: tuple[str, ...]


def swapped(answers: list[str], random: Random) -> list[str]:
    """Each answer stands where another did."""
    return [answers[place] for place in np.roll(np.arange(len(answers)), 1).tolist()]


def shuffled(answers: list[str], random: Random) -> list[str]:
    """The words of each answer, in another order."""
    words = [answer.split() for answer in answers]
    return [" ".join(parts[place] for place in random.permutation(len(parts)).tolist()) for parts in words]


def half_of_words(answer: str, random: Random) -> str:
    """The first half of the words."""
    words = answer.split()
    return " ".join(words[: max(1, len(words) // 2)])


VARIANTS = {
    "clean": None,
    "swapped": Variant(swapped, lambda answer, random: answer[: max(1, len(answer) // 2)], ONE),
    "shuffled": Variant(shuffled, half_of_words, SEVERAL),
    "any point": Variant(
        swapped, lambda answer, random: answer[: max(1, int(len(answer) * random.uniform(0.3, 0.9)))], SEVERAL[:1]
    ),
}
KINDS = ("misplaced", "cut", "phrase")


def read(rows: int) -> tuple[list[str], list[str], list[str]]:
    """Prompts, answers and sources; of `rows` rows drawn at random, or all (0)."""
    found = []
    for source, (name, *columns) in FILES.items():
        if not (DATA / name).is_file():
            sys.exit(f"real data is absent: ../shared/data/sft/{name}")
        with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
            items = [json.loads(line) for line in file] if ".jsonl" in name else json.load(file)
        for item in items:
            prompt = "\n".join(filter(None, (item[columns[0]], item[columns[1]])))
            if prompt.strip() and item[columns[2]].strip():
                found.append((prompt, item[columns[2]], source))
    if rows:
        chosen = np.sort(np.random.default_rng(5).permutation(len(found))[:rows])
        found = [found[row] for row in chosen.tolist()]
    prompts, answers, sources = zip(*found, strict=True)
    return list(prompts), list(answers), list(sources)


def plant(answers: list[str], variant: Variant, share: float, seed: int) -> tuple[list[str], Rows]:
    """The answers with junk among them, and the number of its kind for each row (-1: sound)."""
    random = np.random.default_rng([seed, 30])
    order, each = random.permutation(len(answers)), round(share * len(answers) / 3)
    damaged, kinds = list(answers), np.full(len(answers), -1)
    for number in range(3):
        kinds[order[number * each : (number + 1) * each]] = number
    misplaced = np.flatnonzero(kinds == 0).tolist()
    for row, answer in zip(misplaced, variant.misplaced([answers[row] for row in misplaced], random), strict=True):
        damaged[row] = answer
    for row in np.flatnonzero(kinds == 1).tolist():
        damaged[row] = variant.cut(answers[row], random)
    for row in np.flatnonzero(kinds == 2).tolist():
        damaged[row] = variant.phrases[random.integers(len(variant.phrases))]
    return damaged, kinds


def embed(texts: list[str], cache: Path) -> npt.NDArray[np.float32]:
    """One unit vector per text, by the default encoder; the cache holds those of an earlier run."""
    settings = Params().embeddings
    located = models.locate(settings.model, settings.revision)
    device = vectors.resolve_device(settings.device)
    store = vectors.VectorCache(cache, vectors.recipe(models.fingerprint(located), settings.max_tokens, device))
    encoder = partial(Encoder, located.folder, max_tokens=settings.max_tokens, device=device)
    return vectors.embed(texts, store, encoder, settings.batch_tokens, lambda rows: None).vectors


def choose(
    points: npt.NDArray[np.float32],
    sources: list[str],
    found: npt.NDArray[np.float64],
    budget: int,
    how: tuple[bool, bool],
    seed: int,
) -> Rows:
    """What `balanced_coverage` takes; `how`: whether the quality is a score, and whether it is a filter."""
    is_score, is_filter = how
    kept = np.flatnonzero(found >= DOUBTFUL) if is_filter else np.arange(len(found))
    ids = [f"{row:08d}" for row in kept.tolist()]
    none = np.zeros(len(kept), dtype=np.bool_)
    pool = Pool(ids, points[kept], None, none, none, none)
    score = scoring.score(
        "answer_quality", found[kept], np.isfinite(found[kept]), ids, normalise="none", missing="highest"
    )
    wanted = Wanted(
        budget=budget,
        quotas=[Quota("source", "natural")],
        values=[[sources[row] for row in kept.tolist()]],
        method=Method("facility_location"),
        scores=[score] if is_score else [],
        weights=np.ones(len(kept)),
        targets=np.empty((0, len(kept))),
        seed=seed,
    )
    return kept[select(pool, wanted).indices]


def distance(one: Rows, other: Rows) -> float:
    """Kolmogorov-Smirnov: the greatest difference of two distribution functions; 0 = the same."""
    points = np.unique(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(each), points, "right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def main() -> None:
    """Print a table for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, help="drawn at random; 0: all")
    parser.add_argument("--share", type=float, default=0.2, help="of junk")
    parser.add_argument("--budget", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--cache", type=Path, default=ROOT / HOME / "vectors", help="of embeddings")
    arguments = parser.parse_args()
    prompts, answers, sources = read(arguments.rows)
    points = embed([f"{prompt}\n{answer}" for prompt, answer in zip(prompts, answers, strict=True)], arguments.cache)
    budget = round(arguments.budget * len(answers))
    is_dolly = np.array([source == "dolly" for source in sources])
    sound_lengths = np.array([len(answer) for answer in answers])
    for name in arguments.variants:
        variant = VARIANTS[name]
        nothing = (answers, np.full(len(answers), -1))
        damaged, kinds = plant(answers, variant, arguments.share, arguments.seed) if variant else nothing
        start = time.process_time()
        found = quality.score(prompts, damaged, arguments.seed).quality
        seconds = time.process_time() - start
        lengths = np.array([len(answer) for answer in damaged])
        aucs = [quality.auc(found[kinds < 0], found[kinds == number]) for number in range(3) if variant]
        said = ", ".join(f"{kind} {auc:.3f}" for kind, auc in zip(KINDS, aucs, strict=False)) or "no junk"
        print(f"\n{name}: {len(answers):,} rows, {seconds:.0f} s of a core; AUC: {said}", flush=True)
        doubted = found < DOUBTFUL
        print(f"  doubted: {doubted.mean():.1%} of all rows, {doubted[kinds < 0].mean():.1%} of the sound ones")
        print("                     junk misplaced    cut phrase   dolly  median length   KS")
        ways: dict[str, Rows] = {
            "random": np.random.default_rng([arguments.seed, 2]).permutation(len(answers))[:budget],
            **{
                title: choose(points, sources, found, budget, how, arguments.seed)
                for title, how in {
                    "coverage": (False, False),
                    "with the score": (True, False),
                    "with the filter": (False, True),
                    "with both": (True, True),
                }.items()
            },
        }
        for title, rows in ways.items():
            shares = [(kinds[rows] == number).mean() for number in range(3)]
            print(
                f"  {title:<16} {(kinds[rows] >= 0).mean():7.2%} {shares[0]:9.2%} {shares[1]:6.2%} {shares[2]:6.2%} "
                f"{is_dolly[rows].mean():7.1%} {np.median(lengths[rows]):9.0f} "
                f"{distance(lengths[rows], sound_lengths):9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
