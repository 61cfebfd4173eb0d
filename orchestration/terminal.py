"""What a person sees in the terminal while a run goes on: bars where it is a terminal, plain lines where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from assets.progress import Advance
from orchestration.progress_lines import ProgressLines

SECONDS_BETWEEN_LINES = 10.0


class Screen(Console):
    """A console that tells when its reader has left (`pickwise run | head`), instead of ending the process itself."""

    def on_broken_pipe(self) -> None:
        """Let the command line deal with it."""
        raise BrokenPipeError


class Terminal:
    """A listener and a `Progress` in one: a line per finished step, and a bar for what is being done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._step: int | None = None

    def __enter__(self) -> Terminal:
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def listen(self, what: str, text: str, seconds: float | None) -> None:
        """Show that a step started, ended or failed, or a note of the run."""
        if what == "start":
            self._end_step()
            if self.console.is_terminal:
                self._step = self._bars.add_task(text, total=None, unit="")
        elif what == "done":
            self._end_step()
            self.console.print(f"  [green]✓[/green] {escape(text):<22} {seconds:6.1f} s", highlight=False)
        elif what == "failed":
            self._end_step()
            self.console.print(f"  [red]✗[/red] {escape(text)}", highlight=False)
        else:
            self.console.print(f"  [yellow]![/yellow] {escape(text)}", highlight=False)

    def _end_step(self) -> None:
        if self._step is not None:
            self._bars.remove_task(self._step)  # type: ignore[arg-type]
            self._step = None

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "rows") -> Iterator[Advance]:
        """Open a task; see `assets.progress.Progress`."""
        if self.console.is_terminal:
            bar = self._bars.add_task(f"  {escape(title)}", total=total, unit=unit)
            yield lambda count: self._bars.advance(bar, count)
            self._bars.remove_task(bar)
            return
        lines = ProgressLines(lambda line: self.console.print(f"    {escape(line)}"), SECONDS_BETWEEN_LINES)
        with lines.task(title, total, unit) as advance:
            yield advance
