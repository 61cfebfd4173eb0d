"""The `pickwise` command. Everything that changes state here is also a Dagster job.

Imports are made inside the commands, so that `pickwise --help` answers at once. Exit codes: 0 = done, 1 = a check
blocked the version or something unexpected failed, 2 = something the user can mend, said in one line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.errors import PickwiseError

if TYPE_CHECKING:
    from assets.versioning import Version
    from orchestration.running import Outcome
    from orchestration.terminal import Screen

USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except PickwiseError as error:
        _complain(str(error))
        return USER_ERROR
    except KeyboardInterrupt:
        _complain("stopped; no table is half-written, and what was embedded so far is kept")
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has left; Python must not complain about it when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pickwise", description="Choose the fine-tuning examples worth training on, and version the choice."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the whole graph and register the subset as a version if it is new")
    run.add_argument("--major", action="store_true", help="make the next version a major one")
    run.set_defaults(command=_run)

    ui = commands.add_parser("ui", help="open Dagster on this machine")
    ui.add_argument("--port", type=int, default=3000, help="default: 3000")
    ui.set_defaults(command=_ui)

    versions = commands.add_parser("versions", help="list the versions of the subset, newest first")
    versions.add_argument("--json", action="store_true", help="for programs")
    versions.set_defaults(command=_versions)

    explain = commands.add_parser("explain", help="tell what became of a row, and why, in every asset")
    explain.add_argument("row", metavar="ID", help="a row's id or 6 of its digits, or FILE:ITEM, such as rows.jsonl:17")
    explain.add_argument("--json", action="store_true", help="for programs")
    explain.set_defaults(command=_explain)

    rollback = commands.add_parser("rollback", help="restore the subset, settings and lock of a version")
    rollback.add_argument("version", help="such as v1.0.0")
    rollback.add_argument(
        "--overwrite-params",
        action="store_true",
        help="give up edits of params.yaml that no version holds; a copy is kept",
    )
    rollback.set_defaults(command=_rollback)

    materialize = commands.add_parser("materialize", help="materialize single assets: what the stages of dvc.yaml call")
    materialize.add_argument("assets", nargs="+", metavar="ASSET")
    materialize.set_defaults(command=_materialize)
    return parser


def _complain(line: str) -> None:
    from assets.tables import escape

    print(f"pickwise: {escape(line, 2000)}", file=sys.stderr)


def _root() -> Path:
    """The project's root, which becomes the current folder."""
    from assets.workspace import find_root

    root = find_root(Path.cwd())
    os.chdir(root)
    return root


def _run(options: argparse.Namespace) -> int:
    config = {"ops": {"subset_version": {"config": {"major": True}}}} if options.major else None
    return _execute(None, config)


def _materialize(options: argparse.Namespace) -> int:
    from orchestration.jobs import DATA_ASSETS

    known = (*DATA_ASSETS, "subset_version")
    for name in options.assets:
        if name not in known:
            raise PickwiseError(f"no asset is called '{name}'; known: {', '.join(known)}")
    return _execute(options.assets, None)


def _execute(only: list[str] | None, config: dict[str, Any] | None) -> int:
    root = _root()
    from assets import params
    from assets.workspace import SETTINGS

    params.load(root / SETTINGS)  # refuse bad settings before anything heavy is imported
    from orchestration.versions import Versions

    Versions(root).prepare()
    from orchestration import running
    from orchestration.terminal import Screen, Terminal

    console = Screen()
    console.print("[bold]pickwise[/bold] " + ("runs the whole graph" if only is None else " ".join(only)))
    with Terminal(console) as terminal:
        outcome = running.run(root, terminal, terminal.listen, only, config)
    return _tell(console, root, outcome, whole=only is None)


def _tell(console: Screen, root: Path, outcome: Outcome, whole: bool) -> int:
    """Say what came of a run; returns the exit code."""
    from orchestration import summary

    if outcome.unexpected:
        print(outcome.unexpected, file=sys.stderr)
    if whole and not outcome.failures and not outcome.unexpected:
        summary.show(console, root, outcome)
    for line in outcome.failures.values():
        _complain(line)
    if outcome.failures:
        return USER_ERROR
    if outcome.blocked and not whole:
        console.print(summary.checks(root))
    return 0 if outcome.success else 1


def _ui(options: argparse.Namespace) -> int:
    root = _root()
    from assets import params
    from assets.workspace import SETTINGS

    params.load(root / SETTINGS)  # Dagster would start all the same, and show a traceback
    _require_free(options.port)
    dg = Path(sys.executable).with_name("dg")
    if not dg.is_file():
        raise PickwiseError("the `dg` command is not installed beside this Python; run `make run` once")
    environment = {**os.environ, "DAGSTER_HOME": str(root), "DAGSTER_DISABLE_TELEMETRY": "1"}
    arguments = [str(dg), "dev", "--host", "127.0.0.1", "--port", str(options.port)]
    print(f"Dagster opens on http://127.0.0.1:{options.port} (stop it with Ctrl-C)", flush=True)
    os.execve(dg, arguments, environment)


def _require_free(port: int) -> None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "expected 0 to 65535"
            raise PickwiseError(f"--port {port}: {why}; take another, such as --port {port % 60000 + 1}") from None


def _versions(options: argparse.Namespace) -> int:
    from orchestration.versions import Versions

    known = Versions(_root()).versions()
    if options.json:
        print(json.dumps([_as_json(version) for version in known], indent=2))
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not known:
        console.print("no versions yet: `pickwise run` makes the first")
        return 0
    table = Table()
    for name in ("version", "made (UTC)", "rows", "subset", "commit"):
        table.add_column(name, justify="right" if name == "rows" else "left")
    for version in known:
        made = version.created.replace("T", " ").removesuffix("Z").removesuffix("+00:00")
        table.add_row(version.name, made, f"{version.identity.rows:,}", version.identity.summary, version.commit[:10])
    console.print(table)
    return 0


def _as_json(version: Version) -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(version), **asdict(version.identity), "identity": None} | {"version": version.name}


def _explain(options: argparse.Namespace) -> int:
    root = _root()
    from orchestration import explaining, stories
    from orchestration.terminal import Screen

    explanation = explaining.explain(root, options.row)
    if options.json:
        print(stories.as_json(explanation))
    else:
        stories.tell(Screen(highlight=False), explanation)
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from assets.workspace import exclusive
    from orchestration.versions import Versions

    root = _root()
    with exclusive(root, _complain):
        rollback = Versions(root).rollback(options.version, overwrite_params=options.overwrite_params)
    print(f"restored {rollback.version.tag}: {rollback.version.identity.summary}")
    if rollback.params_copy:
        print(f"your params.yaml was kept as {rollback.params_copy.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
