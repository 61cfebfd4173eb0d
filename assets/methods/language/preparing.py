"""From conversations to the sequences that a model of each family is to see, and what is known before it sees any.

Causal: the conversation as it stands, and each response alone, as the tokenizer gives it. The first token of a sequence
has nothing before it and is not scored (so does Superfiltering, and transformers with `labels=`). Of a response that
was cut, the same characters are scored alone.
Masked: the conversation; every token of a response is to be masked in turn.
Sequence-to-sequence: for each response, all that stands before it as the source, the response as the target; all of
the target's tokens are scored, the one that ends it too, as in transformers' loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets.methods.language.models import CAUSAL, SEQ2SEQ, LanguageModel
from assets.methods.language.rendering import Conversation, Rendered, UnscorableError, render, source_of
from assets.methods.language.scores import Row, Turn
from assets.methods.language.sequences import WHOLE, Collector, Sequences
from assets.methods.language.tokens import Ids, Mask, Tokens, inside, tokenize

_CHUNK = 1_000


def prepare(model: LanguageModel, conversations: Sequence[Conversation]) -> tuple[list[Row], Sequences]:
    """A row for each conversation, and the sequences of all. Rows that cannot be scored have a reason and none."""
    collector = Collector()
    rows: list[Row] = []
    for start in range(0, len(conversations), _CHUNK):
        chunk = conversations[start : start + _CHUNK]
        rows += [Row() for _ in chunk]
        if model.family == SEQ2SEQ:
            _pairs(model, chunk, rows, start, collector)
        else:
            _texts(model, chunk, rows, start, collector)
    found = collector.done()
    for owner in found.owners.tolist():
        rows[owner].pending += 1
    return rows, found


def _texts(
    model: LanguageModel, chunk: Sequence[Conversation], rows: list[Row], first: int, collector: Collector
) -> None:
    """Whole conversations, and the responses alone for a causal model."""
    shown: list[tuple[int, Rendered]] = []
    for number, conversation in enumerate(chunk, first):
        try:
            shown.append((number, render(conversation, model.tokenizer, model.chat)))
        except UnscorableError as reason:
            rows[number].reasons.append(str(reason))
    alone: list[tuple[int, int, str, int | None]] = []
    for bare in (True, False):
        some = [(number, rendered) for number, rendered in shown if rendered.bare == bare]
        found = tokenize(model.tokenizer, [rendered.text for _, rendered in some], special=bare)
        for (number, rendered), tokens in zip(some, found, strict=True):
            alone += _whole(model, rows[number], number, rendered, tokens, collector)
    if model.family != CAUSAL:
        return
    alone.sort(key=lambda one: one[:2])
    for (number, turn, _, kept), tokens in zip(
        alone, tokenize(model.tokenizer, [one[2] for one in alone], special=True), strict=True
    ):
        scored = ~tokens.special if kept is None else ~tokens.special & (tokens.ends <= kept)
        scored[0:1] = False
        scored[model.max_tokens :] = False
        if scored.any():
            rows[number].turns[turn].alone_tokens = int(scored.sum())
            end = int(np.flatnonzero(scored)[-1]) + 1
            collector.add(number, turn, tokens.ids[:end], np.where(scored, 0, -1)[:end])


def _whole(
    model: LanguageModel, row: Row, number: int, rendered: Rendered, tokens: Tokens, collector: Collector
) -> list[tuple[int, int, str, int | None]]:
    """Collect a whole conversation. Returns which responses are to be seen alone: their row, their number, their text,
    and how many characters of it were kept (None: all)."""
    marks = np.full(len(tokens.ids), -1, np.int32)
    for place, (position, start, end) in enumerate(rendered.spans):
        mine = inside(tokens, rendered.text, start, end)
        marks[mine] = place
        row.turns.append(Turn(position, instructed=rendered.instructed[place]))
        _judge_unknown(model, row, tokens.ids, mine)
    held = int((marks >= 0).sum())
    if model.family == CAUSAL:
        marks[0:1] = -1
    total = int((marks >= 0).sum())
    kept = tokens.cut(model.max_tokens)
    before = marks
    marks = np.where(kept.special, -1, marks[: len(kept.ids)]) if len(kept.ids) < len(marks) else marks
    scored = np.flatnonzero(marks >= 0)
    row.cut = total - len(scored)
    if not len(scored):
        row.reasons.append(_nothing_left(model, held, total))
    if row.reasons:
        return []
    counts = np.bincount(marks[scored], minlength=len(row.turns))
    for turn, count in zip(row.turns, counts.tolist(), strict=True):
        turn.tokens = count
    # What stands behind the last response token has no say in a causal model.
    end = int(scored[-1]) + 1 if model.family == CAUSAL else len(kept.ids)
    collector.add(number, WHOLE, kept.ids[:end], marks[:end])
    if model.family != CAUSAL or not any(rendered.instructed):
        return []
    alone: list[tuple[int, int, str, int | None]] = []
    for place, (_, start, stop) in enumerate(rendered.spans):
        if counts[place]:
            is_cut = counts[place] < (before == place).sum()
            last = int(kept.ends[np.flatnonzero(marks == place)[-1]]) - start if is_cut else None
            alone.append((number, place, rendered.text[start:stop], last))
    return alone


def _pairs(
    model: LanguageModel, chunk: Sequence[Conversation], rows: list[Row], first: int, collector: Collector
) -> None:
    """Sources and targets."""
    pairs: list[tuple[int, int, str, str]] = []
    for number, conversation in enumerate(chunk, first):
        try:
            pairs += _pairs_of(model, conversation, rows[number], number)
        except UnscorableError as reason:
            rows[number].reasons.append(str(reason))
    sources = tokenize(model.tokenizer, [pair[2] for pair in pairs], special=not model.chat)
    targets = tokenize(model.tokenizer, [pair[3] for pair in pairs], special=True, target=True)
    for pair, target in zip(pairs, targets, strict=True):
        _judge_unknown(model, rows[pair[0]], target.ids, ~target.special)
    for (number, place, _, _), source, target in zip(pairs, sources, targets, strict=True):
        given, said = source.cut(model.max_tokens).ids, target.cut(model.max_tokens).ids
        rows[number].cut += len(source.ids) - len(given) + len(target.ids) - len(said)
        if not rows[number].reasons:
            rows[number].turns[place].tokens = len(said)
            collector.add(number, place, said, np.zeros(len(said), np.int32), given)


def _pairs_of(
    model: LanguageModel, conversation: Conversation, row: Row, number: int
) -> list[tuple[int, int, str, str]]:
    pairs = []
    responses = [at for at, message in enumerate(conversation) if message["role"] == "assistant"]
    for place, position in enumerate(responses):
        content = conversation[position]["content"]
        instructed = any(message["content"] for message in conversation[:position])
        row.turns.append(Turn(position, instructed=instructed))
        if instructed and content:
            source = source_of(conversation, position, model.tokenizer, model.chat)
            pairs.append((number, place, source, content))
    if not responses:
        row.reasons.append("there is no assistant's turn, so no target to predict from a source")
    elif not any(turn.instructed for turn in row.turns):
        row.reasons.append("there is nothing before the response, so no source to predict it from")
    elif not pairs:
        row.reasons.append("the response is empty")
    return pairs


def _judge_unknown(model: LanguageModel, row: Row, ids: Ids, mine: Mask) -> None:
    """A loss of the token for unknown words says nothing of the words."""
    unknown = model.tokenizer.unk_token_id
    total = int(mine.sum())
    count = 0 if unknown is None else int((ids[mine] == unknown).sum())
    if 2 * count > total:
        row.reasons.append(
            f"{count:,} of {total:,} tokens of a response ({count / total:.0%}) are unknown to the model's tokenizer"
        )


def _nothing_left(model: LanguageModel, held: int, total: int) -> str:
    if not held:
        return "the response is empty"
    if not total:
        return "the response is a single token, with nothing before it"
    return f"all {total:,} response tokens lie behind the first {model.max_tokens:,} tokens, where the text is cut"
