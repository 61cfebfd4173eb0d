"""Pictures of whatever there is to draw: no input may break one, and none may warn (warnings are errors here)."""

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets import plots

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = [
    "$x$",
    "$x^{2",
    r"\$\alpha$ \frac{",
    "",
    " ",
    "_hidden",
    "\u4e2d\u6587\u7684\u6587\u672c",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \ufe0f",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u202eabc",
    "a\nb\tc\x1b[31m\x00",
    "\udc80" * 200,
    "W" * 5000,
    "\u1676" * 40,
    "e\u0301" * 40,
]
NUMBERS = {
    "empty": [],
    "one": [3.0],
    "constant": [7.0] * 50,
    "zeros": [0.0] * 9,
    "nothing but nan": [np.nan] * 5,
    "some nan and infinite": [1.0, np.nan, 2.0, np.inf, -np.inf, 3.0],
    "nearly constant": [1.0, np.nextafter(1.0, 2.0)] * 5,
    "large and constant": [1e17] * 4,
    "huge": [1e300, 2e300, -1e300],
    "the whole range": [-1.7e308, 1.7e308, 5e-324],
    "tiny": [5e-324, 1e-300, 2e-300],
    "negative": [-5.0, -1.0, 4.0],
}


def size(png: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header."""
    assert png.startswith(PNG)
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("log", [False, True])
def test_a_histogram_of_any_numbers(values: list[float], log: bool) -> None:
    size(plots.histogram(np.array(values), "length", log=log))


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_a_curve_of_any_numbers(values: list[float]) -> None:
    size(plots.curve(np.array(values), "gain", "rank"))


@pytest.mark.parametrize("values", NUMBERS.values(), ids=NUMBERS)
def test_a_map_of_any_positions(values: list[float]) -> None:
    positions = np.column_stack([values, values[::-1]])
    size(plots.scatter(positions, np.arange(len(values))))
    size(plots.scatter(positions, np.arange(len(values)), np.arange(len(values)) % 2 == 0))
    size(plots.scatter(positions, np.arange(len(values)), np.zeros(len(values), dtype=bool)))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(), max_size=6))
def test_no_numbers_break_a_picture(values: list[float]) -> None:
    size(plots.histogram(np.array(values), "x", log=True))
    size(plots.curve(np.array(values), "y", "x"))


def test_whole_numbers_are_numbers() -> None:
    size(plots.histogram(np.arange(100), "tokens", log=True))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_can_be_drawn(name: str) -> None:
    size(plots.bars({name: 3, "b": 1}, name))
    size(plots.paired_bars({name: 1.0}, {}, ("pool", "subset"), name))
    size(plots.share_panels({name: [(name, {"pool": 0.5, "target": 0.1, "subset": 0.4})]}, name, 20))
    size(plots.histogram(np.arange(9.0), name))
    size(plots.curve(np.arange(9.0), name, name))


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_breaks_a_picture(name: str, title: str) -> None:
    size(plots.share_panels({title: [(name, {"subset": 0.4})]}, title, 20))


def test_no_name_takes_the_room_of_the_bars() -> None:
    wide = plots._title("\u1676" * 40)
    assert wide.endswith("…")
    assert len(wide) < 30
    for name in ("balance_not_updated_after_cheque_or_cash_deposit", "card_payment_wrong_exchange_rate"):
        assert plots._title(name) == name


def test_formulas_and_missing_characters_are_not_drawn() -> None:
    assert plots._title("$x$") == r"\$x\$"
    assert plots._title("a\u4e2d\U0001f9ffb") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"
    assert plots._title("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize("counts", [{}, {"a": 0}, {"a": 10**18, "b": 1}, {f"c{i}": i for i in range(400)}])
def test_bars_of_any_counts(counts: dict[str, int]) -> None:
    _, height = size(plots.bars(counts, "rows"))
    assert height < 1000


@pytest.mark.parametrize(
    "panels",
    [
        {},
        {"class": []},
        {"class": [], "source": [("a", {"pool": 1.0, "subset": 1.0})]},
        {"class": [("a", {})]},
        {"class": [("a", {"pool": float("nan"), "subset": float("inf")})]},
        {"class": [("a", {"pool": 1e300, "subset": -1e300})]},
        {"class": [("a", {"pool": 0.0, "subset": 0.0})]},
        {"class": [(str(i), {"pool": 0.01, "subset": 0.01}) for i in range(100)]},
        {str(i): [("a", {"x": 0.25, "y": 0.5, "z": 0.75, "w": 1.0})] for i in range(6)},
    ],
)
def test_panels_of_any_shares(panels: dict[str, list[plots.Group]]) -> None:
    size(plots.share_panels(panels, "percent of rows", 20))


def test_a_panel_grows_with_its_groups_up_to_the_most() -> None:
    def height(groups: int) -> int:
        panel = [(str(i), {"pool": 0.01, "subset": 0.02}) for i in range(groups)]
        return size(plots.share_panels({"class": panel}, "percent of rows", 20))[1]

    assert height(5) < height(20) == height(77)


def test_a_picture_with_groups_left_out_says_so() -> None:
    # The same 30 groups are drawn; only the title tells them apart.
    shares = {f"c{i:02}": 0.03 for i in range(30)}
    assert plots.paired_bars(shares, {}, ("pool", "subset"), "percent of rows") != plots.paired_bars(
        {**shares, "z": 0.01}, {}, ("pool", "subset"), "percent of rows"
    )


def test_a_map_with_rows_left_out_says_so() -> None:
    assert plots._thinned(np.arange(10), 4)[1] == " (1 row in 3 is drawn)"
    assert plots._thinned(np.arange(10), 10)[1] == ""


def test_numbers_that_cannot_be_drawn_are_counted_in_the_label() -> None:
    values, label = plots._plain(np.array([1.0, np.nan, np.inf]), "gain")
    assert label == "gain (2 without a number)"
    assert values[0] == 1.0
    values, label = plots._plain(np.array([2e300]), "gain")
    assert label == "gain, in 1e300"
    assert values == pytest.approx([2.0])


@pytest.mark.parametrize(
    ("total", "falls"),
    [
        (0, []),
        (1000, []),
        (1000, [("near", 0)]),
        (10, [("near", 10)]),
        (52_002, [("empty_answer", 28), ("near", 402), ("decontamination", 1)]),
        (10**18, [("near", 1), ("length", 10**17)]),
        (3, [("more than there is", 9)]),
        (10**6, [(name, 7) for name in NAMES]),
    ],
)
def test_a_waterfall_of_any_falls(total: int, falls: list[tuple[str, int]]) -> None:
    size(plots.waterfall(total, falls, "rows"))


def test_a_waterfall_shows_only_what_fell_and_grows_with_it() -> None:
    def height(steps: int, rows: int = 3) -> int:
        return size(plots.waterfall(10_000, [(f"step {i}", rows) for i in range(steps)], "rows"))[1]

    assert height(1) < height(12) < height(30) == height(400)
    assert height(30, rows=0) == height(0)
    shown = plots.waterfall(100, [("a", 10)], "rows")
    assert shown == plots.waterfall(100, [("b", 0), ("a", 10), ("c", 0)], "rows")


def test_the_smallest_falls_of_many_are_added_up() -> None:
    falls = plots._shortened([(str(i), 1 if i % 5 == 0 else 100 + i) for i in range(40)])
    assert len(falls) == 30
    assert falls[-1][0] == "11 more"
    assert sum(rows for _, rows in falls) == 8 + sum(100 + i for i in range(40) if i % 5)
    assert [int(name) for name, _ in falls[:-1]] == sorted(int(name) for name, _ in falls[:-1])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 10**9)), max_size=5))
def test_no_fall_breaks_a_waterfall(falls: list[tuple[str, int]]) -> None:
    size(plots.waterfall(10**9, falls, "rows"))


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [("a", {"kept": 1.0})],
        [("a", {"kept": 0.996, "near": 0.004}), ("b", {"kept": 0.0, "near": 1.0})],
        [("a", {"kept": float("nan"), "near": 1e300, "length": -1.0})],
        [(name, {"kept": 0.5, name: 0.5}) for name in NAMES[:1]],
        [(name, {"kept": 0.5, "_hidden": 0.25, "$x^{": 0.25}) for name in NAMES],
        [(str(i), {f"step {j}": 0.05 for j in range(20)}) for i in range(50)],
    ],
)
def test_stacked_shares_of_any_groups(groups: list[plots.Group]) -> None:
    size(plots.stacked_shares(groups, "percent of the rows of each source"))


PICTURES: list[Callable[[], bytes]] = [
    lambda: plots.waterfall(52_002, [("empty_answer", 28), ("near", 402)], "rows"),
    lambda: plots.stacked_shares([("a", {"kept": 0.6, "near": 0.4}), ("b", {"kept": 1.0, "near": 0.0})], "percent"),
    lambda: plots.histogram(np.arange(50.0), "length", log=True),
    lambda: plots.bars({"a": 2, "b": 1}, "rows"),
    lambda: plots.paired_bars({"a": 0.7, "b": 0.3}, {"a": 1.0}, ("pool", "subset"), "percent of rows"),
    lambda: plots.curve(np.arange(50.0), "gain", "rank"),
    lambda: plots.scatter(np.arange(80.0).reshape(-1, 2), np.arange(40) % 3, np.arange(40) < 5),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_a_picture_is_the_same_every_time_and_says_nothing_of_the_software(draw: Callable[[], bytes]) -> None:
    png = draw()
    assert png == draw()
    assert b"matplotlib" not in png.lower()
