"""Pictures of tables, as PNG bytes. Drawn without a screen and without matplotlib's global state."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assets.tables import escape

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POOL, SUBSET = "#b8c4ce", "#2f6f8f"
MOST_BARS = 30


def histogram(values: np.ndarray, label: str, log: bool = False) -> bytes:
    """The distribution of one number per row; `log` spaces the bins evenly in the logarithm."""
    import numpy as np

    figure, axes = _canvas()
    values = values[np.isfinite(values)]
    if log and len(values) and values.min() > 0 and values.max() > values.min():
        axes.hist(values, bins=np.geomspace(values.min(), values.max(), 41).tolist(), color=SUBSET)
        axes.set_xscale("log")
    else:
        axes.hist(values, bins=40, color=SUBSET)
    axes.set_xlabel(label)
    axes.set_ylabel("rows")
    return _png(figure)


def bars(counts: Mapping[str, int], label: str) -> bytes:
    """Rows per group, largest first; what does not fit is summed up in a last bar."""
    names = sorted(counts, key=lambda name: (-counts[name], name))
    shown, rest = names[:MOST_BARS], names[MOST_BARS:]
    titles = [_title(name) for name in shown] + ([f"{len(rest)} more"] if rest else [])
    values = [counts[name] for name in shown] + ([sum(counts[name] for name in rest)] if rest else [])
    figure, axes = _canvas(len(titles))
    axes.barh(range(len(titles)), values, color=SUBSET)
    _name_bars(axes, titles, label)
    return _png(figure)


def paired_bars(first: Mapping[str, float], second: Mapping[str, float], names: tuple[str, str], label: str) -> bytes:
    """Two shares per group side by side, for pool and subset; groups by the first share, largest first."""
    groups = sorted({*first, *second}, key=lambda name: (-first.get(name, 0.0), name))[:MOST_BARS]
    figure, axes = _canvas(len(groups) * 1.4)
    for offset, shares, color, name in ((-0.2, first, POOL, names[0]), (0.2, second, SUBSET, names[1])):
        axes.barh(
            [i + offset for i in range(len(groups))],
            [100 * shares.get(group, 0.0) for group in groups],
            height=0.4,
            color=color,
            label=name,
        )
    _name_bars(axes, [_title(group) for group in groups], label)
    axes.legend(frameon=False)
    return _png(figure)


def curve(values: np.ndarray, label: str, across: str) -> bytes:
    """One number against the rank."""
    figure, axes = _canvas()
    axes.plot(range(1, len(values) + 1), values, color=SUBSET, linewidth=1)
    axes.set_xlabel(across)
    axes.set_ylabel(label)
    return _png(figure)


def scatter(positions: np.ndarray, groups: np.ndarray, chosen: np.ndarray | None = None, most: int = 20_000) -> bytes:
    """Rows (n×2) in the plane, coloured by group; with `chosen` (a mask), those in colour over the others in grey.

    At most `most` evenly spaced rows are drawn, which the picture says.
    """
    import numpy as np

    figure, axes = _canvas(height=5.0)
    step = max(1, -(-len(positions) // most))
    drawn = np.arange(0, len(positions), step)
    if chosen is None:
        axes.scatter(positions[drawn, 0], positions[drawn, 1], c=groups[drawn], s=4, cmap="tab20", linewidths=0)
    else:
        axes.scatter(positions[drawn, 0], positions[drawn, 1], color=POOL, s=3, linewidths=0, label="pool")
        picked = np.flatnonzero(chosen)
        picked = picked[:: max(1, -(-len(picked) // most))]
        axes.scatter(positions[picked, 0], positions[picked, 1], color=SUBSET, s=5, linewidths=0, label="subset")
        axes.legend(frameon=False)
    axes.set_xlabel("first principal component" + (f" (every {step}th row)" if step > 1 else ""))
    axes.set_ylabel("second principal component")
    return _png(figure)


def _canvas(bars: float = 0, height: float = 3.2) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, max(height, 0.24 * bars + 0.9)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _name_bars(axes: Axes, titles: Sequence[str], label: str) -> None:
    axes.set_yticks(range(len(titles)), titles, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(label)


def _title(name: str) -> str:
    # A dollar sign would start a formula.
    return escape(name, 32).replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
