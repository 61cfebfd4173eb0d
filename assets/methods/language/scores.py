"""The table of scores: its columns, and how sums over tokens become a row. What each says: `assets/score_columns.py`.

How the sums come about belongs to `scoring`. Every mean is over tokens: of all response tokens of a row, or of a turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

_MEASURES = ("loss", "loss_without_instruction", "ifd", "token_entropy", "pseudo_perplexity")
TURN = pa.struct([("turn", pa.int32()), ("tokens", pa.int32()), *((name, pa.float64()) for name in _MEASURES)])

# One row per conversation. `turn` is the position of the response among the messages, from 0. `tokens`: the response
# tokens that were scored. `cut`: those left out because the context ended (of a sequence-to-sequence model, tokens of
# its source too). `reason`: why scores of the row are null, null if none is; a reason may name the columns it concerns.
SCHEMA = pa.schema(
    [
        ("loss", pa.float64()),
        ("loss_without_instruction", pa.float64()),
        ("perplexity", pa.float64()),
        ("ifd", pa.float64()),
        ("token_entropy", pa.float64()),
        ("pseudo_perplexity", pa.float64()),
        ("tokens", pa.int32()),
        ("cut", pa.int32()),
        ("turns", pa.list_(TURN)),
        ("reason", pa.string()),
    ]
)
_OF_FAMILY = {
    "causal": ("perplexity", "loss", "loss_without_instruction", "ifd", "token_entropy"),
    "masked": ("pseudo_perplexity",),
    "seq2seq": ("perplexity", "loss", "token_entropy"),
}

NOT_FINITE = "the model's answer is not a finite number"
NO_INSTRUCTION = "loss_without_instruction, ifd: there is no instruction before the response"
NOTHING_ALONE = "loss_without_instruction, ifd: the response alone is a single token, which has nothing before it"


def columns_of(family: str) -> tuple[str, ...]:
    """The scores that models of a family (`causal`, `masked`, `seq2seq`) give; the other columns are always null."""
    return _OF_FAMILY[family]


@dataclass(slots=True)
class Turn:
    """One response: sums over its tokens, of -ln p (nats) and of the entropy (bits), and over those of it alone."""

    number: int
    tokens: int = 0
    nats: float = 0.0
    bits: float = 0.0
    alone_tokens: int = 0
    alone_nats: float = 0.0
    instructed: bool = False  # whether anything stands before it
    failed: bool = False  # its sums say nothing


@dataclass(slots=True)
class Row:
    """One conversation while it is being scored."""

    turns: list[Turn] = field(default_factory=list)
    cut: int = 0
    reasons: list[str] = field(default_factory=list)  # why the row has no scores at all
    pending: int = 0  # sequences that the model has not seen yet


def to_table(rows: Sequence[Row], family: str) -> pa.Table:
    """The finished `rows` as a table of `SCHEMA`."""
    return pa.Table.from_pylist([_record(row, family) for row in rows], SCHEMA)


def _record(row: Row, family: str) -> dict[str, Any]:
    tokens = sum(turn.tokens for turn in row.turns)
    reasons = list(row.reasons)
    whole = Turn(0)
    for turn in row.turns:
        turn.failed = bool(row.reasons)
        if not math.isfinite(turn.nats + turn.alone_nats):
            turn.failed = True
            reasons.append(NOT_FINITE)
        for name in ("tokens", "nats", "bits", "alone_tokens", "alone_nats"):
            setattr(whole, name, getattr(whole, name) + getattr(turn, name))
        whole.instructed |= turn.instructed
    if not reasons and not tokens:
        reasons.append("there is no response token to score")
    whole.failed = bool(reasons)
    record = _measures(whole, family)
    if not whole.failed:
        record["perplexity"] = _exp(record["loss"])
        reasons += _partial(whole, record, family)
    turns = [{"turn": turn.number, "tokens": turn.tokens, **_measures(turn, family)} for turn in row.turns]
    reason = "; ".join(dict.fromkeys(reasons)) or None
    return {**record, "tokens": tokens, "cut": row.cut, "turns": turns, "reason": reason}


def _measures(turn: Turn, family: str) -> dict[str, float | None]:
    record: dict[str, float | None] = dict.fromkeys(_MEASURES)
    if turn.failed or not turn.tokens:
        return record
    loss = turn.nats / turn.tokens
    if family == "masked":
        record["pseudo_perplexity"] = _exp(loss)
        return record
    record["loss"] = loss
    record["token_entropy"] = turn.bits / turn.tokens if math.isfinite(turn.bits) else None
    if family == "causal" and turn.instructed and turn.alone_tokens:
        record["loss_without_instruction"] = alone = turn.alone_nats / turn.alone_tokens
        record["ifd"] = _exp(loss - alone)
    return record


def _partial(whole: Turn, record: dict[str, float | None], family: str) -> list[str]:
    """Why single columns of a row are null though the row was scored."""
    reasons = []
    if family == "causal" and not whole.instructed:
        reasons.append(NO_INSTRUCTION)
    elif family == "causal" and not whole.alone_tokens:
        reasons.append(NOTHING_ALONE)
    elif family == "causal" and record["ifd"] is None:
        reasons.append("ifd: too large for a number of 64 bits")
    if family != "masked" and record["token_entropy"] is None:
        reasons.append(f"token_entropy: {NOT_FINITE}")
    exponential = "pseudo_perplexity" if family == "masked" else "perplexity"
    if record[exponential] is None:
        reasons.append(f"{exponential}: too large for a number of 64 bits")
    return reasons


def _exp(nats: float | None) -> float | None:
    """exp, or None where there is nothing to raise or the result is no finite number."""
    try:
        return None if nats is None else math.exp(nats)
    except OverflowError:
        return None
