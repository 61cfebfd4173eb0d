"""What holds for every step: names, batches of any size, saved columns, and faults in the order of the rows."""

import numpy as np
import pyarrow as pa
import pytest
from batches import alpaca, batch

from assets.methods.cleaning import extras
from assets.methods.cleaning.catalogue import BY_NAME, DEFAULTS
from assets.methods.cleaning.lengths import Length
from assets.methods.cleaning.steps import Faults, Step
from assets.methods.cleaning.transforms import transform_texts
from assets.methods.conversations import Conversations
from assets.tables import ATTRIBUTES

OPTIONS: dict[str, dict[str, object]] = {
    "length": {"min": 1},
    "language": {"keep": ("en",)},
    "script": {"script": "Latin", "min": 0.1},
    "toxicity": {"words": ("bad",)},
}
ALL = [step(**OPTIONS.get(name, {})) for name, step in BY_NAME.items()]
RECORDS = batch(
    [("u", "What is a cat?"), ("a", "An animal, call +1 212 555 0123")],
    [("u", ""), ("a", "")],
    [("u", "bad 漢字")],
    [("s", "x"), ("u", "y"), ("a", "<nooutput>")],
)


def name(step: Step) -> str:
    return step.name


@pytest.mark.parametrize("step", ALL, ids=name)
def test_a_value_does_not_depend_on_the_rows_beside_it(step: Step) -> None:
    whole = step.measure(RECORDS)
    single = pa.table(
        {"messages": RECORDS.messages(), "label": RECORDS.labels, "format": RECORDS.formats, "extras": RECORDS.extras}
    )
    for row in range(len(RECORDS)):
        alone = step.measure(Conversations.of(single.slice(row, 1)))
        assert {key: column.to_pylist() for key, column in alone.items()} == {
            key: [column[row].as_py()] for key, column in whole.items()
        }


@pytest.mark.parametrize("step", ALL, ids=name)
def test_a_step_takes_no_rows_and_saved_columns(step: Step) -> None:
    empty = batch()
    assert len(step.transform(empty)) == 0
    assert {key: len(column) for key, column in step.measure(empty).items()} == dict.fromkeys(step.statistics(), 0)
    table = pa.table(step.measure(RECORDS) or {"none": pa.nulls(len(RECORDS))})
    saved = {key: table.column(key) for key in table.column_names}
    again, fresh = step.judge(saved), step.judge(step.measure(RECORDS))
    assert again.rows.tolist() == fresh.rows.tolist()
    assert (again.reasons, again.details, again.values) == (fresh.reasons, fresh.details, fresh.values)


def test_every_step_is_listed_by_its_own_name() -> None:
    assert all(step.name == name for name, step in BY_NAME.items())
    assert all(name in BY_NAME for name, _ in DEFAULTS)
    keys = [step.transform_key for step in ALL if step.transform_key]
    assert len(keys) == len(set(keys)) == 2


def test_faults_are_joined_in_the_order_of_rows_and_the_first_wins() -> None:
    step = Length(min=2, max=3)
    found = step.judge({"conversation_characters": pa.array([5, 1, 2, None, 0])})
    assert found.rows.tolist() == [0, 1, 4]
    assert found.reasons == ["too_long", "too_short", "too_short"]
    same = Faults(np.array([1]), ["other"], [""], [""], [""])
    assert Faults.joined(found, same).reasons == ["too_long", "too_short", "too_short"]
    assert Faults.joined(same, found).reasons == ["too_long", "other", "too_short"]
    assert len(Faults.none()) == len(Faults.joined()) == 0


def test_extras_are_looked_up_and_replaced_in_slices_too() -> None:
    rows = [[("a", "1"), ("b", "2")], [], [("b", "3")], [("a", "4")]]
    held = pa.array([[("a", "0")], *rows], ATTRIBUTES).slice(1)
    found, values = extras.lookup(held, "b")
    assert (found.tolist(), values.to_pylist()) == ([0, 2], ["2", "3"])
    changed = extras.replaced(held, "b", found, ["20", None])
    assert changed.to_pylist() == [[("a", "1"), ("b", "20")], [], [], [("a", "4")]]
    assert extras.replaced(held, "c", np.empty(0, np.int64), []) is held


def test_a_change_of_some_turns_leaves_the_others() -> None:
    records = alpaca(("ab", "cd", "ef"))
    turns = np.array([False, True])
    upper = transform_texts(records, lambda texts: pa.array([t.upper() for t in texts.to_pylist()]), turns=turns)
    assert upper.contents.to_pylist() == ["ab\ncd", "EF"]
    assert upper.extras is records.extras
