"""cleaned_data's own part: which rows stay, what is said of those that do not, and the lengths of records."""

import numpy as np
import pyarrow as pa

from assets import cleaned_data, tables
from assets.methods import cleaning
from assets.methods.dedup import ExactDuplicates
from assets.cleaning_params import PLACEHOLDERS

RULES = cleaning.Rules(3, 1000, PLACEHOLDERS)


def raw(*pairs: tuple[str, str]) -> pa.Table:
    rows = []
    for line, (prompt, answer) in enumerate(pairs, 1):
        messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        rows.append(
            {
                "id": tables.record_id(messages, None), "source": "s", "messages": messages, "label": None,
                "attributes": [("voice", "calm")], "file": "f.jsonl", "line": line, "format": "alpaca",
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=tables.RAW)


def clean(*batches: pa.Table) -> tuple[pa.Table, pa.Table]:
    assessed = (
        pa.table(
            {
                **{name: batch.column(name) for name in cleaned_data.KEEP},
                **{name: cleaned_data.assess(batch, RULES).column(name) for name in cleaned_data.ASSESSED.names},
            }
        )
        for batch in batches
    )
    parts = list(cleaned_data.split(assessed, ExactDuplicates()))
    return pa.concat_tables(kept for kept, _ in parts), pa.concat_tables(lost for _, lost in parts)


def test_every_row_is_either_kept_or_dropped_with_a_reason() -> None:
    first = raw(("What is a cat?", "An animal."), ("What is a dog?", ""), ("What is  a cat?", "An animal. "))
    second = raw(("Name one.", "<nooutput>"), ("What is a cat?", "An animal."))
    kept, lost = clean(first, second)
    assert kept.column("line").to_pylist() == [1]
    assert list(zip(lost.column("line").to_pylist(), lost.column("reason").to_pylist(), strict=True)) == [
        (2, "empty_answer"), (3, "duplicate"), (1, "placeholder_answer"), (2, "duplicate"),
    ]  # fmt: skip


def test_a_duplicate_names_the_row_that_was_kept() -> None:
    kept, lost = clean(raw(("What is a cat?", "An animal."), ("What is  a cat?", "An animal.")))
    assert lost.column("kept_id").to_pylist() == kept.column("id").to_pylist()


def test_ids_are_those_of_the_cleaned_text_and_lead_back_to_the_raw_one() -> None:
    table = raw((" What is cafe\u0301? ", "A place."))
    kept, _ = clean(table)
    assert kept.column("messages").to_pylist()[0][0]["content"] == "What is caf\u00e9?"
    assert kept.column("raw_id").to_pylist() == table.column("id").to_pylist()
    messages = kept.column("messages").to_pylist()[0]
    assert kept.column("id").to_pylist() == [tables.record_id(messages, None)]
    assert kept.column("attributes").to_pylist() == [[("voice", "calm")]]


def test_lengths_count_the_characters_of_all_turns() -> None:
    table = raw(("ab", "c"), ("你好", ""), ("x", "yz"))
    assert cleaned_data.lengths(table.column("messages")).tolist() == [3, 2, 3]
    assert cleaned_data.lengths(table.slice(1).column("messages")).tolist() == [2, 3]
    assert cleaned_data.lengths(table.slice(0, 0).column("messages")).dtype == np.int64


def test_one_text_with_two_labels_is_counted_as_a_conflict() -> None:
    kept, _ = clean(raw(("What is a cat?", "An animal."), ("What is a dog?", "An animal.")))
    twice = pa.concat_tables([kept, kept.slice(0, 1)])
    assert cleaned_data.conflicts(kept) == 0
    assert cleaned_data.conflicts(twice) == 1
