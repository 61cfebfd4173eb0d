"""Pictures of plain data, as PNG bytes. Drawn without a screen and without matplotlib's global state.

What belongs here: how numbers and groups are drawn. What they mean is the business of whoever asks for the picture.
Any text and any number may be drawn; what a picture leaves out, it says.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assets.tables import escape

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POOL, TARGET, SUBSET = "#b8c4ce", "#e0a458", "#2f6f8f"
FALL = "#c0392b"
# Parts of a bar after the first: told apart in print and by people who see fewer colours.
PARTS = (FALL, "#e0a458", "#7b4f8f", "#8fae5d", "#5b4636", "#e58f8f", "#c9b037", "#4f7f6f", POOL)
MOST_BARS = 30

# One group of a panel: its name, and its share (0 to 1) in each series.
Group = tuple[str, Mapping[str, float]]

_LINE = "#8a98a3"
_WIDTH = 7.0  # inches, of every picture
_NAME_SIZE = 8  # points
_NAME_WIDTH = 220  # points, of the name of a bar: less than half of the picture
_AXES = ("first", "second")
_DRAWABLE_UP_TO = 1e100  # beyond it the arithmetic of axes overflows


def histogram(values: np.ndarray, label: str, log: bool = False) -> bytes:
    """The distribution of one number per row; `log` spaces the bins evenly in the logarithm."""
    import numpy as np

    figure, axes = _canvas()
    values, label = _plain(values, label)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        # One bar for what is one number as far as an axis can show.
        axes.bar([low], [len(values)], width=0.02 * abs(low) or 1.0, color=SUBSET)
    elif log and low > 0:
        axes.hist(values, bins=np.geomspace(low, high, 41).tolist(), color=SUBSET)
        axes.set_xscale("log")
    else:
        axes.hist(values, bins=40, color=SUBSET)
    axes.set_xlabel(_drawable(label))
    axes.set_ylabel("rows")
    return _png(figure)


def bars(counts: Mapping[str, int], label: str) -> bytes:
    """Rows per group, largest first; what does not fit is summed up in a last bar."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown, rest = names[:MOST_BARS], names[MOST_BARS:]
    titles = [_title(name) for name in shown] + ([f"{len(rest):,} more"] if rest else [])
    values = [counts[name] for name in shown] + ([sum(counts[name] for name in rest)] if rest else [])
    figure, axes = _canvas(0.24 * len(titles) + 0.9)
    axes.barh(range(len(titles)), values, color=SUBSET)
    _name_bars(axes, titles)
    axes.set_xlabel(_drawable(label))
    return _png(figure)


def paired_bars(first: Mapping[str, float], second: Mapping[str, float], names: tuple[str, str], label: str) -> bytes:
    """Two shares per group side by side, for pool and subset; groups by the first share, largest first."""
    groups = sorted({*first, *second}, key=lambda name: (-first.get(name, 0.0), name))
    panel = [(group, {names[0]: first.get(group, 0.0), names[1]: second.get(group, 0.0)}) for group in groups]
    return share_panels({"": panel}, label, MOST_BARS)


def share_panels(panels: Mapping[str, Sequence[Group]], label: str, most: int) -> bytes:
    """A panel of bars for each title, one above the other: the percent of each series in each group.

    Every group names the same series. Only the first `most` groups of a panel are drawn, which its title says: give
    the largest first.
    """
    from matplotlib.patches import Patch

    series = list(dict.fromkeys(name for groups in panels.values() for _, shares in groups for name in shares))
    colors = [POOL, *[TARGET] * (len(series) - 2), SUBSET][-len(series) :] if series else []
    drawn = list(panels.items()) or [("", [])]
    heights = [min(len(groups), most) + 2 for _, groups in drawn]  # 2 for the title and the axis
    figure = _figure((0.1 + 0.1 * max(len(series), 1)) * sum(heights) + 0.6)
    every = figure.subplots(len(drawn), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, groups) in zip(every, drawn, strict=True):
        _draw_shares(axes, groups[:most], dict(zip(series, colors, strict=True)))
        more = f"(the largest {most} of {len(groups):,})" if len(groups) > most else ""
        axes.set_title(f"{_title(title)} {more}".strip(), fontsize=9, loc="left")
    lost = sum(
        math.isnan(_percent(share)) for _, groups in drawn for _, each in groups[:most] for share in each.values()
    )
    every[-1].set_xlabel(_drawable(f"{label} ({lost:,} without a number)" if lost else label))
    if series:
        handles = [Patch(color=color) for color in colors]
        names = [_title(name) for name in series]
        figure.legend(handles, names, loc="outside upper right", ncols=len(series), frameon=False, fontsize=8)
    return _png(figure)


def curve(values: np.ndarray, label: str, across: str) -> bytes:
    """One number against the rank."""
    figure, axes = _canvas()
    values, label = _plain(values, label)
    axes.plot(range(1, len(values) + 1), values, color=SUBSET, linewidth=1)
    axes.set_xlabel(_drawable(across))
    axes.set_ylabel(_drawable(label))
    return _png(figure)


def scatter(positions: np.ndarray, groups: np.ndarray, chosen: np.ndarray | None = None, most: int = 20_000) -> bytes:
    """Rows (n×2) in the plane, coloured by group; with `chosen` (a mask), those in colour over the others in grey.

    At most `most` evenly spaced rows of each kind are drawn, which the picture says.
    """
    import numpy as np

    figure, axes = _canvas(5.0)
    positions = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    (x, across), (y, up) = (_plain(positions[:, i], f"{name} principal component") for i, name in enumerate(_AXES))
    drawn, rarely = _thinned(np.arange(len(x)), most)
    if chosen is None:
        axes.scatter(x[drawn], y[drawn], c=np.asarray(groups)[drawn], s=4, cmap="tab20", linewidths=0)
        across += rarely
    else:
        axes.scatter(x[drawn], y[drawn], color=POOL, s=3, linewidths=0, label=f"pool{rarely}")
        picked, rarely = _thinned(np.flatnonzero(chosen), most)
        axes.scatter(x[picked], y[picked], color=SUBSET, s=5, linewidths=0, label=f"subset{rarely}")
        axes.legend(frameon=False, loc="upper right")
    axes.set_xlabel(_drawable(across))
    axes.set_ylabel(_drawable(up))
    return _png(figure)


def waterfall(total: int, falls: Sequence[tuple[str, int]], label: str) -> bytes:
    """From `total` rows down to those that are left: a falling bar for each (name, rows) of `falls`, in their order.

    Only falls of more than 0 are drawn. Where few rows fall, the axis does not begin at 0, which it says.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    drawn = _shortened([(name, rows) for name, rows in falls if rows > 0])
    left = total - sum(rows for _, rows in drawn)
    start = left - 0.6 * (total - left) if 0 < total - left < total / 4 else min(left, 0)
    span = max(total - start, 1.0)
    figure, axes = _canvas(0.24 * (len(drawn) + 2) + 0.9, least=1.8)
    before = total
    for place, (_, rows) in enumerate(drawn, 1):
        after = before - rows
        # The line around a bar keeps one of a few rows in sight.
        axes.barh(place, rows, left=after, height=0.62, color=FALL, edgecolor=FALL, linewidth=0.8)
        axes.plot([before, before], [place - 1, place], color=_LINE, linewidth=0.8, zorder=0)
        _count_beside(axes, place, after, before, start, span, rows)
        before = after
    axes.plot([left, left], [len(drawn), len(drawn) + 1], color=_LINE, linewidth=0.8, zorder=0)
    for place, rows in ((0, total), (len(drawn) + 1, left)):
        axes.barh(place, rows - start, left=start, height=0.62, color=SUBSET)
        _count_inside(axes, place, rows, start, span)
        if start > 0:
            axes.text(start + 0.03 * span, place, "//", color="white", fontweight="bold", ha="center", va="center")
    _name_bars(axes, ["rows in", *(_title(name) for name, _ in drawn), "rows left"])
    axes.set_xlim(start, start + 1.02 * span)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", labelsize=_NAME_SIZE)
    axes.set_xlabel(_drawable(f"{label} (the axis begins at {start:,.0f})" if start > 0 else label))
    return _png(figure)


def stacked_shares(groups: Sequence[Group], label: str) -> bytes:
    """One bar for each group, cut into the percent of each series: where the rows of a group went.

    Every group names the same series, the first of which is what stayed. Only the first 30 groups are drawn, which the
    label says: give the largest first.
    """
    from matplotlib.patches import Patch

    shown = groups[:MOST_BARS]
    series = list(shown[0][1]) if shown else []
    colors = [SUBSET, *(PARTS[number % len(PARTS)] for number in range(len(series) - 1))][: len(series)]
    figure, axes = _canvas(0.34 * len(shown) + 0.18 * (len(series) // 5) + 1.2, least=1.8)
    ends = [0.0] * len(shown)
    for name, color in zip(series, colors, strict=True):
        parts = [_percent(shares[name]) for _, shares in shown]
        parts = [0.0 if math.isnan(part) else max(part, 0.0) for part in parts]
        axes.barh(range(len(shown)), parts, left=ends, height=0.62, color=color, edgecolor="white", linewidth=0.4)
        for place, (end, part) in enumerate(zip(ends, parts, strict=True)):
            if 6 <= part <= 100:
                shown_part = f"{part:.0f}" if part < 99.5 or part == 100 else f"{math.floor(10 * part) / 10:g}"
                middle = end + part / 2
                axes.text(middle, place, f"{shown_part} %", color="white", fontsize=7, ha="center", va="center")
        ends = [end + part for end, part in zip(ends, parts, strict=True)]
    _name_bars(axes, [_title(name) for name, _ in shown])
    axes.set_xlim(0, 100)
    more = f" (the largest {MOST_BARS} of {len(groups):,})" if len(groups) > MOST_BARS else ""
    axes.set_xlabel(_drawable(label + more))
    if series:
        handles, names = [Patch(color=color) for color in colors], [_title(name) for name in series]
        figure.legend(handles, names, loc="outside upper left", ncols=min(len(series), 5), frameon=False, fontsize=8)
    return _png(figure)


# -- parts -----------------------------------------------------------------------------------------------------------


def _shortened(falls: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """At most MOST_BARS falls: those that do not fit, the smallest, become one at the end."""
    if len(falls) <= MOST_BARS:
        return falls
    largest = sorted(range(len(falls)), key=lambda place: (-falls[place][1], place))[: MOST_BARS - 1]
    kept = [falls[place] for place in sorted(largest)]
    rest = sum(rows for _, rows in falls) - sum(rows for _, rows in kept)
    return [*kept, (f"{len(falls) - len(kept):,} more", rest)]


def _count_beside(axes: Axes, place: int, after: float, before: float, start: float, span: float, rows: int) -> None:
    """The rows of a falling bar, in the gap to its left, else to its right, else inside."""
    text, gap = f"\u2212{rows:,}", 0.012 * span
    room = 0.15 * span
    if after - start >= room:
        axes.text(after - gap, place, text, color=FALL, fontsize=_NAME_SIZE, ha="right", va="center")
    elif start + span - before >= room:
        axes.text(before + gap, place, text, color=FALL, fontsize=_NAME_SIZE, ha="left", va="center")
    else:
        axes.text((after + before) / 2, place, text, color="white", fontsize=_NAME_SIZE, ha="center", va="center")


def _count_inside(axes: Axes, place: int, rows: int, start: float, span: float) -> None:
    """The rows of a bar that begins at the axis: inside at its end, or behind it where it is short."""
    gap = 0.012 * span
    if rows - start >= 0.2 * span:
        axes.text(rows - gap, place, f"{rows:,}", color="white", fontsize=_NAME_SIZE, ha="right", va="center")
    else:
        axes.text(rows + gap, place, f"{rows:,}", color=SUBSET, fontsize=_NAME_SIZE, ha="left", va="center")


def _thinned(rows: np.ndarray, most: int) -> tuple[np.ndarray, str]:
    step = max(1, -(-len(rows) // most))
    return rows[::step], f" (1 row in {step:,} is drawn)" if step > 1 else ""


def _plain(values: np.ndarray, label: str) -> tuple[np.ndarray, str]:
    """`values` as an axis can show them, NaN where there is no number, and the label that says what was done."""
    import numpy as np

    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    if not known.all():
        values = np.where(known, values, np.nan)
        label += f" ({np.count_nonzero(~known):,} without a number)"
    largest = float(np.max(np.abs(values[known]), initial=0.0))
    if largest > _DRAWABLE_UP_TO:
        exponent = math.floor(math.log10(largest))
        values, label = values / 10.0**exponent, f"{label}, in 1e{exponent}"
    return values, label


def _draw_shares(axes: Axes, groups: Sequence[Group], colors: Mapping[str, str]) -> None:
    height = 0.8 / max(len(colors), 1)
    for number, (name, color) in enumerate(colors.items()):
        offset = (number - (len(colors) - 1) / 2) * height
        places = [index + offset for index in range(len(groups))]
        axes.barh(places, [_percent(shares[name]) for _, shares in groups], height=height, color=color)
    _name_bars(axes, [_title(name) for name, _ in groups])


def _percent(share: float) -> float:
    return 100 * share if abs(share) <= _DRAWABLE_UP_TO else math.nan


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, max(height, 1.6)), dpi=110, layout="constrained")


def _canvas(height: float = 3.2, least: float = 3.2) -> tuple[Figure, Axes]:
    figure = _figure(max(height, least))
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _name_bars(axes: Axes, titles: Sequence[str]) -> None:
    axes.set_yticks(range(len(titles)), titles, fontsize=_NAME_SIZE)
    axes.set_ylim(max(len(titles), 1) - 0.5, -0.5)
    axes.spines[["top", "right"]].set_visible(False)


def _title(name: str) -> str:
    """A name beside its bars: cut where it would leave no room for them."""
    return _drawable(name, _NAME_WIDTH)


def _drawable(text: str, width: float = 72 * _WIDTH) -> str:
    """`text` for matplotlib: no formulas, no characters that its font lacks, at most `width` points at the size of a
    name.
    """
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    font.set_size(_NAME_SIZE, 72)
    drawn, used = "", 0.0
    for character in escape(text):
        known = character if font.get_char_index(ord(character)) else "\N{REPLACEMENT CHARACTER}"
        used += font.load_char(ord(known)).linearHoriAdvance / 65536
        if used > width:
            return drawn + "…"
        drawn += r"\$" if known == "$" else known
    return drawn


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
