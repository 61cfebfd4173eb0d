"""Stories: what is known of a row, asset by asset, as data; and how it is written for people and for programs.

What belongs here: no table is read, and nothing is found out. Texts of records are escaped on the way to a terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from assets.tables import escape

MOST_CHARACTERS = 800  # of a turn
MOST_LINES = 12  # of a turn
MOST_TURNS = 30
MOST_VALUE = 300  # characters of a value
STYLES = {
    "read": "green",
    "kept": "green",
    "embedded": "green",
    "scored": "green",
    "clustered": "green",
    "selected": "bold green",
    "not selected": "yellow",
    "rejected": "bold red",
    "dropped": "bold red",
    "absent": "yellow",
    "stale": "yellow",
}


@dataclass(frozen=True)
class Section:
    """What one asset knows of a row.

    `outcome`: one of the keys of STYLES. `said`: a sentence, safe to print. `facts`: JSON values by name, as they are
    in the tables. `meanings`: for some facts what the number means. `turns`: role and content, whole. `repeated`: the
    facts that the sentence tells already, and people are spared.
    """

    asset: str
    outcome: str
    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    turns: Sequence[Mapping[str, str]] = ()
    repeated: Sequence[str] = ()


def absent(asset: str) -> Section:
    """There is no such table."""
    return Section(asset, "absent", "not materialized yet")


def stale(asset: str, what: str) -> Section:
    """The table is of another state of what it was made of."""
    return Section(asset, "stale", f"data/{asset} {what}; materialize {asset} again")


@dataclass(frozen=True)
class Story:
    """A row, named by the file it was read from and its number there, and what became of it in each asset."""

    file: str
    item: int
    sections: list[Section]


@dataclass(frozen=True)
class Explanation:
    """The stories of all rows that were asked for; `left_out` counts those beyond the first ones."""

    asked: str
    stories: list[Story]
    left_out: int = 0


def as_json(explanation: Explanation) -> str:
    """For programs: texts are whole, and every character outside plain ASCII is escaped, as JSON allows."""
    document = asdict(explanation)
    for story in document["stories"]:
        for section in story["sections"]:
            del section["repeated"]
    return json.dumps(document, indent=2, ensure_ascii=True, default=str)


def tell(console: Console, explanation: Explanation) -> None:
    """For people."""
    several = len(explanation.stories) + explanation.left_out
    if several > 1:
        console.print(Text(f"{several:,} rows have this id, because they hold the same; each has its own story.\n"))
    for story in explanation.stories:
        console.print(Text(f"{escape(story.file)}, item {story.item:,}", "bold"))
        for section in story.sections:
            console.print(_indented(_section(section)))
        console.print()
    if explanation.left_out:
        console.print(Text(f"… and {explanation.left_out:,} more"))


def counted_rows(count: int | None) -> str:
    """A number of rows in a sentence."""
    return "an unknown number of rows" if count is None else f"{count:,} row" + ("" if count == 1 else "s")


def _section(section: Section) -> RenderableType:
    title = Text.assemble((section.asset, STYLES.get(section.outcome, "")), "  ", section.said)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, max_width=34, overflow="ellipsis")
    grid.add_column(overflow="fold")
    for name, value in section.facts.items():
        if name in section.repeated:
            continue
        meaning = section.meanings.get(name)
        lines = list(_lines(value))
        grid.add_row(Text(escape(name, 60)), Text("\n".join(lines) + (f" ({meaning})" if meaning else "")))
    for turn in section.turns[:MOST_TURNS]:
        grid.add_row(Text(escape(turn["role"], 60)), Text(shown(turn["content"])))
    if rest := section.turns[MOST_TURNS:]:
        characters = sum(len(turn["content"]) for turn in rest)
        grid.add_row("", Text(f"… and {len(rest):,} more turns of {characters:,} characters"))
    return Group(title, _indented(grid)) if grid.row_count else title


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def shown(text: str, most: int = MOST_CHARACTERS, lines: int = MOST_LINES) -> str:
    """`text` as a few lines that are safe to print; the number of characters left out is appended.

    Every line but the first begins with a bar, so that no text can pass for a line of ours.
    """
    parts = text[:most].split("\n")[:lines]
    left_out = len(text) - len("\n".join(parts))
    safe = "\n│ ".join(escape(part, most) for part in parts)
    return safe + (f"… (+{left_out:,} characters)" if left_out else "")


def _lines(value: Any) -> Iterator[str]:
    """A value as lines: those of a list one below the other."""
    if isinstance(value, list):
        for item in value or ["none"]:
            yield from _lines(item)
    elif isinstance(value, Mapping):
        known = {name: item for name, item in value.items() if item is not None}
        yield "; ".join(f"{escape(str(name), 60)} {_cell(item)}" for name, item in known.items()) or "none"
    else:
        yield _cell(value)


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not known"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), MOST_VALUE)
