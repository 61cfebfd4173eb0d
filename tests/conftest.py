"""What several test files need: a project folder of one's own, real data, and the real command line."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

# The first example of many a test compiles something, and machines differ: time is not what these tests are about.
# The same examples every time, so that a change is judged by what it changes; PICKWISE_SEARCH=1 looks for new ones.
settings.register_profile("pickwise", deadline=None, derandomize=os.environ.get("PICKWISE_SEARCH") != "1")
settings.load_profile("pickwise")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"

# No test may reach a hub or report to anybody.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DVC_NO_ANALYTICS="1",
    DAGSTER_DISABLE_TELEMETRY="1",
    GX_ANALYTICS_ENABLED="false",
)
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

TOPICS = {
    "animals": ["cat", "dog", "horse", "owl", "whale", "ant", "frog", "bear"],
    "cooking": ["soup", "bread", "sauce", "oven", "pepper", "dough", "rice", "butter"],
    "travel": ["train", "ticket", "hotel", "border", "suitcase", "island", "harbour", "map"],
    "music": ["violin", "melody", "drum", "choir", "opera", "tempo", "guitar", "song"],
}


def shared_data(name: str) -> Path:
    """A file of the real data beside the checkout; skips the test where it is absent."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"real data is absent: ../shared/data/{name}")
    return path


def instructions(rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Made-up labelled instructions: skewed classes, some duplicates, some empty and placeholder answers."""
    draw = random.Random(seed)
    made = []
    for number in range(rows):
        topic = draw.choices(list(TOPICS), weights=[4, 3, 2, 1])[0]
        words = draw.sample(TOPICS[topic], 3)
        made.append(
            {
                "instruction": f"Tell me about the {words[0]} and the {words[1]} ({number}).",
                "input": "",
                "output": f"In {topic}, a {words[0]} goes with a {words[1]}, seldom with a {words[2]}.",
                "label": topic,
                "voice": draw.choice(["formal", "casual"]),
            }
        )
    made[3]["output"] = ""
    made[5]["output"] = "<nooutput>"
    made[7] = dict(made[6])
    return made


class Project:
    """A copy of this project in a folder of its own, with its own Git repository."""

    def __init__(self, root: Path, first_output: str = "") -> None:
        self.root = root
        self.first_output = first_output  # of its first run, where that is known

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def write_rows(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def command(self, *words: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; its output is in the failure."""
        result = subprocess.run(words, cwd=self.root, capture_output=True, text=True, timeout=600, **options)
        if check:
            assert result.returncode == 0, f"{words}\n{result.stdout}\n{result.stderr}"
        return result

    def pickwise(self, *words: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "-m", "orchestration.cli", *words, check=check, **options)

    def dvc(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "-m", "dvc", *words, check=check)

    def git(self, *words: str, check: bool = True) -> str:
        return self.command("git", *words, check=check).stdout

    def tags(self) -> list[str]:
        return self.git("tag").split()

    def bytes_of(self, folder: str) -> dict[str, bytes]:
        """Every file below a folder."""
        base = self.root / folder
        return {p.relative_to(base).as_posix(): p.read_bytes() for p in sorted(base.rglob("*")) if p.is_file()}


def hear_ctrl_c() -> None:
    """Called in a new process: a shell that runs the tests in the background has told them to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def new_project(root: Path, params: str) -> Project:
    """A copy of what Git tracks (or would track) here, committed by nobody in particular."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        source = ROOT / name
        # A lock that somebody made by running this very checkout is not part of the project.
        if name != "dvc.lock" and source.is_file() and name.split("/")[0] not in ("docs", "benchmarks", "tests", ""):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, root / name)
    # What numba has compiled and parsing has told here already: that takes longer than most tests.
    kept = [*(ROOT / "assets").rglob("__pycache__/*.nb[ic]"), *(ROOT / "assets/__pycache__").glob("code.*.json")]
    for compiled in kept:
        target = root / compiled.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(compiled, target)
    project = Project(root)
    project.write("params.yaml", params)
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("add", "--all")
    project.git("-c", "user.name=Tester", "-c", "user.email=tester@localhost", "commit", "--quiet", "-m", "start")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A fresh project on 240 made-up instructions, which are its only source."""
    made = new_project(tmp_path / "project", SMALL)
    made.write_rows("rows.jsonl", instructions(240))
    return made


SMALL = """\
raw_data:
  sources:
    - {path: rows.jsonl, attributes: [voice]}
selected_subset:
  budget: 0.25
"""


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first run, made once for all processes that test. Nobody works in it: they copy it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    said = folder / "pristine.txt"
    with FileLock(folder / "pristine.lock"):
        if not said.exists():
            shutil.rmtree(folder / "pristine", ignore_errors=True)
            project = new_project(folder / "pristine", SMALL)
            project.write_rows("rows.jsonl", instructions(240))
            said.write_text(project.pickwise("run").stdout, encoding="utf-8")
    return Project(folder / "pristine", said.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def finished(pristine: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first run; tests that share it must leave it as they found it."""
    return _copied(pristine, tmp_path_factory.mktemp("finished") / "project")


@pytest.fixture
def used(pristine: Project, tmp_path: Path) -> Project:
    """The same, to do with as one likes."""
    return _copied(pristine, tmp_path / "used")


def _copied(project: Project, root: Path) -> Project:
    shutil.copytree(project.root, root, symlinks=True)
    return Project(root, project.first_output)
