"""Scores of conversations by a language model: perplexity, IFD, entropy of its predictions, pseudo-perplexity.

Loss L: the mean of -ln p over response tokens, given all before them (sequence-to-sequence: given the source).
IFD: exp(L(A|Q) - L(A)), the ratio of the perplexities with and without what leads to the response (Superfiltering, Li
et al. 2024); the ratio of the losses (Cherry, Li et al. 2023) ranks differently. Pseudo-perplexity: exp of the mean of
-ln p of each response token, masked in turn (Salazar et al. 2020).

Which sequences a model sees belongs to `preparing`, which share a pass to `batches`, what its last layer says to
`heads`, and the table to `scores`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.methods.language.batches import Batch, gather
from assets.methods.language.heads import Floats
from assets.methods.language.models import MASKED, SEQ2SEQ, LanguageModel
from assets.methods.language.passing import Passes
from assets.methods.language.preparing import prepare
from assets.methods.language.rendering import Conversation
from assets.methods.language.scores import Row, to_table
from assets.methods.language.sequences import WHOLE, Sequences
from assets.methods.passes import side_by_side

# Names everything here that decides a bit of a score; a change of a definition or of the shapes needs a new name.
RECIPE = "response-tokens-shapes-2"

# More than an encoder takes: a pass has its last layer, too, and small models spend their time between kernels.
_CPU_PASS_TOKENS = 2048

_ROWS = 256  # given back together, or
_SECONDS = 2.0  # what is finished after so long: work that is not given back is lost in a crash


def score(
    model: LanguageModel, conversations: Sequence[Conversation], batch_tokens: int
) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
    """Yield finished rows, longest first: (k,) positions in `conversations` and k rows of `scores.SCHEMA`.

    Every position comes exactly once. A row without scores has a reason. `batch_tokens` is the most padded tokens in
    one pass on a GPU; a CPU core takes 2,048 at a time whatever it is, so there a score's bits depend on the
    conversation and the model alone; on a GPU also on `batch_tokens`. Sequences that are the same are computed once.
    Cost: one pass over the tokens of the conversations and, causal, of the responses alone; masked: one pass over a
    conversation for each response token. Memory: the tokens, and one pass per thread.
    """
    rows, sequences = prepare(model, conversations)
    unseen = np.array([number for number, row in enumerate(rows) if not row.pending], np.int64)
    for start in range(0, len(unseen), _ROWS):
        yield _table(unseen[start : start + _ROWS], rows, model.family)
    if not len(sequences.lengths):
        return
    finished: list[int] = []
    given = time.monotonic()
    for sequence, nats, bits in _answers(model, sequences, batch_tokens):
        finished += _deliver(sequences, rows, sequence, nats, bits, model.family)
        if finished and (len(finished) >= _ROWS or time.monotonic() - given >= _SECONDS):
            yield _table(np.array(finished, np.int64), rows, model.family)
            finished, given = [], time.monotonic()
    if finished:
        yield _table(np.array(finished, np.int64), rows, model.family)


def _answers(model: LanguageModel, sequences: Sequences, batch_tokens: int) -> Iterator[tuple[int, Floats, Floats]]:
    """Each sequence with -ln p and the entropy at its scored tokens."""
    on_cpu = model.device == "cpu"
    tokens = _CPU_PASS_TOKENS if on_cpu else batch_tokens
    sources = np.diff(sequences.source_offsets)
    # A causal model does not see the last token: nothing is asked after it.
    lengths = sequences.lengths - (0 if model.family in (MASKED, SEQ2SEQ) else 1)
    jobs: Any = gather(_items(model, sequences), lengths, sources, model.max_tokens, tokens)
    run = side_by_side if on_cpu else map
    parts: dict[int, list[tuple[Floats, Floats]]] = {}
    with Passes(model, sequences) as passes:

        def work(batch: Batch) -> tuple[Batch, list[tuple[Floats, Floats]]]:
            return batch, passes.answer(batch)

        for batch, answers in run(work, jobs):
            for sequence, (nats, bits) in zip(batch.sequences.tolist(), answers, strict=True):
                if model.family != MASKED:
                    yield sequence, nats, bits
                    continue
                # The copies of a sequence have one shape, so they come in the order of their masked tokens.
                known = parts.setdefault(sequence, [])
                known.append((nats, bits))
                if len(known) == int((sequences.of(sequence)[1] >= 0).sum()):
                    del parts[sequence]
                    yield sequence, np.concatenate([one[0] for one in known]), np.concatenate([one[1] for one in known])


def _items(model: LanguageModel, sequences: Sequences) -> Iterator[tuple[int, int]]:
    """What is to be computed, the longest rows first, each row's sequences one after the other."""
    longest = np.zeros(int(sequences.owners.max()) + 1, np.int64)
    number_of = np.repeat(np.arange(len(sequences.lengths)), np.diff(sequences.places))
    np.maximum.at(longest, sequences.owners, (sequences.lengths + np.diff(sequences.source_offsets))[number_of])
    taken = np.zeros(len(sequences.lengths), bool)
    for place in np.lexsort((number_of, sequences.owners, -longest[sequences.owners])).tolist():
        sequence = int(number_of[place])
        if taken[sequence]:
            continue
        taken[sequence] = True
        if model.family != MASKED:
            yield sequence, -1
        else:
            for at in np.flatnonzero(sequences.of(sequence)[1] >= 0).tolist():
                yield sequence, at


def _deliver(
    sequences: Sequences, rows: list[Row], sequence: int, nats: Floats, bits: Floats, family: str
) -> list[int]:
    """Add a sequence's sums to every row that wants it; return the rows that are now finished."""
    marks = sequences.of(sequence)[1]
    marks = marks[marks >= 0]
    nats_of, bits_of = (np.bincount(marks, weights=values).tolist() for values in (nats, bits))
    finished = []
    for place in range(int(sequences.places[sequence]), int(sequences.places[sequence + 1])):
        owner, turn = int(sequences.owners[place]), int(sequences.turns[place])
        row = rows[owner]
        if turn == WHOLE:
            for one, nat, bit in zip(row.turns, nats_of, bits_of, strict=False):  # later turns may be cut
                one.nats, one.bits = nat, bit
        elif family == SEQ2SEQ:
            row.turns[turn].nats, row.turns[turn].bits = nats_of[0], bits_of[0]
        else:
            row.turns[turn].alone_nats = nats_of[0]
        row.pending -= 1
        if not row.pending:
            finished.append(owner)
    return finished


def _table(numbers: npt.NDArray[np.int64], rows: list[Row], family: str) -> tuple[npt.NDArray[np.int64], pa.Table]:
    table = to_table([rows[number] for number in numbers.tolist()], family)
    for number in numbers.tolist():
        rows[number] = Row()  # its memory is free
    return numbers, table
