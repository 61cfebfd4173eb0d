"""The score: how probable it is that an answer is the row's own and whole, by models that never saw the row.

The pool is cut into folds. What is counted (`statistics`, `correspondence`, `repeats`) is counted on the other folds,
for real and for damaged answers of a fold alike. On these features one model for each kind of damage learns, again on
the other folds, to tell real answers from damaged ones (gradient boosting). Junk among the real ones is a minority that
the models take for noise; nobody has to say which rows are good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.errors import DataError
from assets.methods.answers import correspondence, repeats, shapes, wording
from assets.methods.answers.correspondence import Correspondence
from assets.methods.answers.damage import KINDS, SWAPPED, damaged
from assets.methods.answers.statistics import Corpus, Statistics
from assets.methods.diversity import single_thread
from assets.methods.word_numbers import Words
from assets.progress import Advance

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

FOLDS = 3
LEAST_ROWS = 300  # answers to learn from
STEPS = FOLDS * (1 + len(KINDS))
_LEAST_DAMAGED = 60  # of a kind, outside a fold
_SAMPLE = 12_000  # damaged answers of each kind
_TREES, _LEAVES, _RATE = 40, 15, 0.2

NAMES = (*wording.NAMES, *correspondence.NAMES, *repeats.NAMES, *shapes.NAMES)


@dataclass(frozen=True)
class Quality:
    """`quality`: (n,) 0 to 1, the probability that an answer is not damaged, if four kinds of damage together were as
    frequent as none; higher = better. `fit`: (n,) 0 to 1, the same for another row's answer alone. NaN: `reasons`, (n,)
    None elsewhere. `likeliest`: (n,) the kind of damage that each answer looks most like. `aucs`: by kind, how often a
    real answer scores above a damaged one, out of fold; .5 = nothing was learned. `notes`: one sentence each.
    """

    quality: Floats
    fit: Floats
    reasons: list[str | None]
    likeliest: list[str | None]
    aucs: Mapping[str, float]
    notes: tuple[str, ...] = ()


def score(
    prompts: Sequence[str | None],
    answers: Sequence[str | None],
    seed: int,
    advance: Advance = lambda steps: None,
) -> Quality:
    """Judge each answer, given its prompt. `advance` is told fits, `STEPS` in all.

    Rows without a prompt or an answer have no score; an empty answer scores 0, and nobody learns from it. With fewer
    than 300 answers there are no scores, and a kind of damage that cannot be made of the pool does not count.

    Deterministic, on any number of threads. Raises `DataError` if there are not as many prompts as answers.
    Cost: 15 s of one core for 67,000 rows of Alpaca and Dolly. Memory: 150 bytes a row and kind, 200 MB of counts.
    """
    if len(prompts) != len(answers):
        raise DataError(f"{len(prompts):,} prompts for {len(answers):,} answers: expected one each")
    rows = len(answers)
    reasons = [_reason(prompt, answer) for prompt, answer in zip(prompts, answers, strict=True)]
    can = np.array([reason is None for reason in reasons], dtype=np.bool_)
    empty = can & ~np.array([bool((answer or "").strip()) for answer in answers], dtype=np.bool_)
    some = np.flatnonzero(can & ~empty)
    if len(some) < LEAST_ROWS:
        why = f"{len(some):,} rows have a prompt and an answer: expected at least {LEAST_ROWS} to learn from"
        nothing = np.full(rows, np.nan)
        advance(STEPS)
        return Quality(nothing, nothing, [reason or why for reason in reasons], [None] * rows, {}, (why,))
    pool = _Pool.of([prompts[row] or "" for row in some.tolist()], [answers[row] or "" for row in some.tolist()], seed)
    features = pool.features(seed, advance)
    chances: dict[str, Floats] = {}
    aucs, notes = {}, []
    for number, kind in enumerate(KINDS):
        found = _chances(features, pool, number, seed, advance)
        if found is None:
            notes.append(f"too few answers could be {kind} to learn what that looks like")
        else:
            chances[kind] = found[: len(some)]
            aucs[kind] = auc(chances[kind], found[pool.kinds == number])
    if not chances:
        why = "no answer can be damaged: they are all alike, or of one word"
        nothing = np.full(rows, np.nan)
        return Quality(nothing, nothing, [reason or why for reason in reasons], [None] * rows, {}, (why,))
    odds = np.stack([(1 - chance) / np.maximum(chance, 1e-9) for chance in chances.values()])
    quality, fit = np.full(rows, np.nan), np.full(rows, np.nan)
    quality[some] = 1 / (1 + odds.mean(axis=0))
    fit[some] = chances.get(SWAPPED, np.full(len(some), np.nan))
    quality[empty] = fit[empty] = 0.0
    likeliest: list[str | None] = [None] * rows
    for row, place in zip(some.tolist(), odds.argmax(axis=0).tolist(), strict=True):
        likeliest[row] = list(chances)[place]
    return Quality(quality, fit, reasons, likeliest, aucs, tuple(notes))


def _reason(prompt: str | None, answer: str | None) -> str | None:
    if answer is None:
        return "there is no answer"
    return None if prompt and prompt.strip() else "there is no prompt that the answer could fit"


@dataclass(frozen=True)
class _Pool:
    """n real answers and after them the damaged ones, m in all. `asked`, `kinds`, `folds`: (m,) the row of its prompt,
    the number of its kind (-1: real), and the fold of each.
    """

    texts: list[str]
    corpus: Corpus
    asked: Rows
    kinds: Rows
    folds: Rows
    rows: int

    @classmethod
    def of(cls, prompts: list[str], answers: list[str], seed: int) -> _Pool:
        rows = len(answers)
        folds = np.random.default_rng([seed, 20]).permutation(rows) % FOLDS
        texts, asked, kinds = list(answers), [np.arange(rows)], [np.full(rows, -1)]
        for number, kind in enumerate(KINDS):
            made = damaged(kind, answers, folds, min(rows, _SAMPLE), seed)
            texts += made.texts
            asked.append(made.prompts)
            kinds.append(np.full(len(made.texts), number))
        all_asked = np.concatenate(asked)
        padded = pa.array([*prompts, *[""] * (len(texts) - rows)], pa.string())
        words = Words.of(padded, pa.array(texts, pa.string()))
        corpus = Corpus(words.prompts, words.prompt_offsets, words.responses, words.response_offsets, words.size)
        return cls(texts, corpus, all_asked, np.concatenate(kinds), folds[all_asked], rows)

    def features(self, seed: int, advance: Advance) -> Features:
        """(m, 36) in the order of `NAMES`."""
        found = np.empty((len(self.texts), len(NAMES)), np.float32)
        found[:, -len(shapes.NAMES) :] = shapes.shapes(self.texts)
        keys = repeats.keys(self.corpus)
        for fold in range(FOLDS):
            others = np.flatnonzero(self.folds[: self.rows] != fold)
            own = np.flatnonzero(self.folds == fold)
            known = Statistics.of(self.corpus, others)
            going = Correspondence.of(self.corpus, others, known, seed)
            parts = [
                wording.wording(self.corpus, self.asked[own], own, known),
                going.features(self.corpus, self.asked[own], own),
                repeats.repeats(keys, own, others),
            ]
            found[own, : -len(shapes.NAMES)] = np.concatenate(parts, axis=1)
            advance(1)
        return found


def _chances(features: Features, pool: _Pool, number: int, seed: int, advance: Advance) -> Floats | None:
    """(m,) out of fold, how probable it is that an answer is real rather than of this kind; NaN for other kinds."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng([seed, 22, number])
    real, damaged_ones = pool.kinds < 0, pool.kinds == number
    found = np.full(len(pool.kinds), np.nan)
    for fold in range(FOLDS):
        outside = pool.folds != fold
        positive = random.permutation(np.flatnonzero(real & outside))
        negative = random.permutation(np.flatnonzero(damaged_ones & outside))
        each = min(len(positive), len(negative))
        advance(1)
        if each < _LEAST_DAMAGED:
            advance(FOLDS - 1 - fold)
            return None
        # As many of each, so that none needs a weight: with weights the bins alone take longer than all the trees.
        chosen = np.concatenate([positive[:each], negative[:each]])
        model = HistGradientBoostingClassifier(
            max_iter=_TREES,
            learning_rate=_RATE,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=min(50, max(10, each // 20)),
            early_stopping=False,
            random_state=seed % 2**32,
        )
        asked = np.flatnonzero(~outside & (real | damaged_ones))
        with single_thread():
            model.fit(features[chosen], real[chosen])
            found[asked] = model.predict_proba(features[asked])[:, 1]
    return found


def auc(real: Floats, damaged_ones: Floats) -> float:
    """How often a real answer scores above a damaged one; ties count half. Cost: that of sorting both."""
    below = np.sort(damaged_ones)
    lower, not_higher = np.searchsorted(below, real, "left"), np.searchsorted(below, real, "right")
    return float((lower + not_higher).sum() / (2 * len(real) * len(below)))
