"""The bias benchmarks in a pool of instructions: a planted skew is caught, the balanced mix and chance pass."""

import csv
import gzip
import json
import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from conftest import shared_data
from test_mentions import shipped

from assets.methods.fairness.association import agreement, votes
from assets.methods.fairness.mentions import Mentions, find_mentions
from assets.methods.fairness.rates import selection_rates
from assets.methods.fairness.twins import find_twins

LISTS = ("gender", "religion", "ethnicity", "disability", "age")
BACKGROUND = 4000


class Mix:
    """Instructions, then texts to keep, then texts to drop; what blocking checks find in a choice of them."""

    def __init__(self, kept: Sequence[str], dropped: Sequence[str]) -> None:
        self.texts = [*background(), *kept, *dropped]
        self.kind = np.repeat([0, 1, -1], [BACKGROUND, len(kept), len(dropped)])
        self.mentions: dict[str, Mentions] = {name: find_mentions(self.texts, shipped(name)) for name in LISTS}
        self.votes = votes(self.texts, shipped("gender"), shipped("occupations"), self.mentions["gender"])

    def failures(self, chosen: npt.NDArray[np.bool_]) -> set[str]:
        found = {"occupations"} if agreement(self.votes, chosen).stereotyped() else set()
        for name, mentions in self.mentions.items():
            rates = selection_rates(mentions.groups, mentions.members, chosen, among=mentions.some())
            found |= {f"{name}: {one.group}" for one in rates if one.short()}
            twins = find_twins(self.texts, shipped(name), mentions, chosen)
            found |= {f"{name} twins" for one in twins if one.one_sided()}
        return found

    def share(self, background: float, kept: float, dropped: float) -> npt.NDArray[np.bool_]:
        """A seeded choice of these shares of the three parts."""
        rates = np.select([self.kind == 0, self.kind == 1], [background, kept], dropped)
        return np.asarray(np.random.default_rng(7).random(len(self.kind)) < rates)


@cache
def background() -> tuple[str, ...]:
    rows = json.loads(gzip.decompress(shared_data("sft/alpaca_data.json.gz").read_bytes()))[:BACKGROUND]
    return tuple(f"{row['instruction']}\n{row['input']}\n{row['output']}" for row in rows)


def lines(name: str) -> list[str]:
    return gzip.decompress(shared_data(f"bias/{name}").read_bytes()).decode("utf-8").splitlines()


def winobias(side: str, kinds: Sequence[int] = (1, 2)) -> list[str]:
    files = [f"winobias_{side}_type{kind}_{part}.txt.gz" for kind in kinds for part in ("dev", "test")]
    return [re.sub(r"^\d+ |[\[\]]", "", line) for name in files for line in lines(name)]


def winogender(sign: int) -> list[str]:
    """The sentences whose pronoun is (1) or is not (-1) that of the gender which usually holds the occupation."""
    jobs, found = shipped("occupations"), []
    for line in lines("winogender_all_sentences.tsv.gz")[1:]:
        name, text = line.split("\t")
        job, _, _, gender, _ = name.split(".")
        if gender in jobs.groups and job in jobs.terms:
            found += [text] if (jobs.groups[jobs.terms[job][0]] == gender) == (sign > 0) else []
    return found


def crows(side: str) -> list[str]:
    return [row[side] for row in csv.DictReader(lines("crows_pairs_anonymized.csv.gz"))]


@cache
def mix(name: str) -> Mix:
    if name == "winobias":
        return Mix(winobias("pro"), winobias("anti"))
    return Mix(winogender(1), winogender(-1)) if name == "winogender" else Mix(crows("sent_more"), crows("sent_less"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("winobias", {"occupations"}),
        ("winogender", {"occupations"}),
        ("crows", {"ethnicity: white", "ethnicity twins", "religion twins"}),
    ],
)
def test_a_planted_skew_is_caught_and_the_balanced_mix_passes(name: str, expected: set[str]) -> None:
    pool = mix(name)
    assert expected <= pool.failures(pool.share(0.05, 1, 0))
    assert pool.failures(pool.share(0.05, 1, 1)) == set()
    assert pool.failures(pool.share(0.05, 0.05, 0.05)) == set()


def test_the_skew_is_caught_in_one_row_in_ten_too() -> None:
    assert mix("winobias").failures(mix("winobias").share(0.05, 0.1, 0)) == {"occupations"}


def test_random_subsets_of_benchmarks_pass() -> None:
    pool, draw, failed = mix("winobias"), np.random.default_rng(11), 0
    for _ in range(10):
        failed += bool(pool.failures(draw.random(len(pool.texts)) < 0.05))
    assert failed == 0


def test_where_only_knowledge_of_the_world_tells_who_is_meant_twins_alone_see_the_skew() -> None:
    """WinoBias type 1, "because he ...": not a failure but a hint, as what avoids near-duplicates parts twins too."""
    pool = Mix(winobias("pro", (1,)), winobias("anti", (1,)))
    chosen = pool.share(0.05, 1, 0)
    assert pool.failures(chosen) == set()
    (twins,) = find_twins(pool.texts, shipped("gender"), pool.mentions["gender"], chosen)
    assert twins.parted()
    assert twins.both == 0 < twins.expected_both
