"""Versions with the real git, dvc and gto, in a small project whose stages are trivial.

Building a version takes DVC a few seconds, so one project with two versions is built once; each test works on a copy.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from assets.errors import VersionError
from assets.tables import content_hash, file_md5
from assets.versioning import Publication, SubsetIdentity
from orchestration.dvc import without_stage
from orchestration.git import Git
from orchestration.tags import Tags, compare, next_name
from orchestration.versions import Versions

REPOSITORY = Path(__file__).resolve().parents[1]
UPSTREAM = {
    "raw_data": [],
    "cleaned_data": ["raw_data"],
    "embeddings": ["cleaned_data"],
    "uncertainty_scores": ["cleaned_data", "embeddings"],
    "cluster_assignments": ["embeddings"],
    "selected_subset": ["cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments"],
}

# What a stage does: a table of two files that depend on params.yaml, and metrics. The last one publishes.
STAGE = """
import json, sys
from pathlib import Path

name, root = sys.argv[1], Path.cwd()
if name == "subset_version":
    from test_versions import identity_of
    from orchestration.versions import Versions

    versions = Versions(root)
    versions.commit_data()
    publication = versions.publish(identity_of(root))
    print("PUBLISHED", publication.version.name, publication.is_new, publication.why)
    sys.exit()
settings = Path("params.yaml").read_text(encoding="utf-8")
folder, metrics = root / "data" / name, root / "data" / "metrics"
(folder / "more").mkdir(parents=True, exist_ok=True)
(folder / "subset.parquet").write_text(name + settings, encoding="utf-8")
(folder / "more" / "manifest.json").write_text(json.dumps(name), encoding="utf-8")
metrics.mkdir(exist_ok=True)
(metrics / f"{name}.json").write_text(json.dumps({"characters": len(settings)}), encoding="utf-8")
(metrics / f"{name}.csv").write_text("step,gain\\n1,2\\n", encoding="utf-8")
"""


class Built(NamedTuple):
    root: Path
    first: Publication
    second: Publication


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch, tmp_path):
    """No Git identity, no settings of a user, nothing inherited from a surrounding DVC or Git."""
    _bare(monkeypatch, tmp_path)


def _bare(monkeypatch, folder):
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for name in [n for n in os.environ if n.startswith(("GIT_", "DVC_")) or n == "EMAIL"]:
        monkeypatch.delenv(name)
    variables = {"HOME": home, "XDG_CONFIG_HOME": home, "DVC_SITE_CACHE_DIR": home / "dvc", "GIT_CONFIG_NOSYSTEM": 1}
    variables |= {"DVC_NO_ANALYTICS": 1, "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY, REPOSITORY / "tests")))}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


def _new_project(root, prepare=True):
    """The files of a project whose Git branch has no commit yet."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "data").mkdir()
    (root / "data" / ".gitignore").write_text("/*\n!.gitignore\n")
    (root / "stage.py").write_text(STAGE)
    stages = {name: _stage(name, deps) for name, deps in UPSTREAM.items()}
    stages["subset_version"] = {"cmd": f"{sys.executable} stage.py subset_version", "deps": ["data/selected_subset"]}
    artifacts = {"sft-subset": {"path": "data/selected_subset", "type": "dataset"}}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages, "artifacts": artifacts}, sort_keys=False))
    (root / "params.yaml").write_text("seed: 1\n")
    if prepare:
        Versions(root).prepare()
    return root


def _stage(name, deps):
    uncached = {"cache": False}
    return {
        "cmd": f"{sys.executable} stage.py {name}",
        "deps": [f"data/{dep}" for dep in deps] or ["stage.py"],
        "params": ["seed"],
        "outs": [f"data/{name}"],
        "metrics": [{f"data/metrics/{name}.json": uncached}],
        "plots": [{f"data/metrics/{name}.csv": uncached}],
    }


def materialize(root):
    """Make the data as Dagster would: without DVC."""
    for name in UPSTREAM:
        subprocess.run([sys.executable, "stage.py", name], cwd=root, check=True)


def identity_of(root, settings="s1", code="c1", summary="2 of 3 rows, 1 class"):
    folder = root / "data" / "selected_subset"
    return SubsetIdentity(2, file_md5(folder / "subset.parquet"), content_hash(folder), settings, code, summary)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project without any Git commit, published twice, left at the second version."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _bare(monkeypatch, folder)
        root = _new_project(folder / "project")
        materialize(root)
        Versions(root).commit_data()
        first = Versions(root).publish(identity_of(root))
        (root / "params.yaml").write_text("seed: 2\n")
        materialize(root)
        (root / "data" / "metrics" / "later.json").write_text("{}")
        Versions(root).commit_data()
        second = Versions(root).publish(identity_of(root, settings="s2"))
    return Built(root, first, second)


@pytest.fixture(scope="module")
def unpublished(built, tmp_path_factory):
    """The built project with a third subset that DVC has recorded but that is no version yet."""
    folder = tmp_path_factory.mktemp("unpublished")
    shutil.copytree(built.root, folder / "project")
    with pytest.MonkeyPatch.context() as monkeypatch:
        _bare(monkeypatch, folder)
        new_subset(folder / "project")
        Versions(folder / "project").commit_data()
    return folder / "project"


@pytest.fixture
def project(built, tmp_path):
    """A copy of the built project, its branch with one commit."""
    return _with_commit(built.root, tmp_path / "project")


@pytest.fixture
def changed(unpublished, tmp_path):
    """A copy of the project with the third subset, its branch with one commit."""
    return _with_commit(unpublished, tmp_path / "project")


def _with_commit(source, root):
    shutil.copytree(source, root)
    git(root, "add", "dvc.yaml", "params.yaml", "stage.py", "data/.gitignore", ".dvc", ".dvcignore")
    git(root, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "the project")
    return root


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True).stdout.decode()


def dvc(root, *arguments):
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def gto(root, *arguments):
    program = "import sys; from gto.cli import app; app()"
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def contents(folder, but=()):
    """Every file below `folder` by its path, to compare bytes."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if not name.startswith(tuple(but))}


def worktree(root):
    return contents(root, but=(".git/", ".dvc/tmp", ".dvc/cache"))


def new_subset(root, seed=3):
    """Change the settings and the data; the metrics follow."""
    (root / "params.yaml").write_text(f"seed: {seed}\n")
    for name in UPSTREAM:
        (root / "data" / name / "subset.parquet").write_text(f"{name} {seed}")
    (root / "data" / "metrics" / "selected_subset.json").write_text(json.dumps({"characters": seed}))


# -- preparing ---------------------------------------------------------------------------------------------------------


def test_prepare_names_the_mend_where_there_is_no_repository(tmp_path):
    with pytest.raises(VersionError, match="no Git work tree; run `git init`"):
        Versions(tmp_path).prepare()


def test_prepare_refuses_a_folder_inside_another_repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "inner").mkdir()
    with pytest.raises(VersionError, match=r"inside the Git repository .* run `git init` here"):
        Versions(tmp_path / "inner").prepare()
    assert not (tmp_path / "inner" / ".dvc").exists()


def test_a_missing_git_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VersionError, match="git: not found; install it"):
        Versions(tmp_path).prepare()


def test_prepare_initialises_dvc_and_stages_nothing(tmp_path):
    root = _new_project(tmp_path / "project", prepare=False)
    git(root, "add", "params.yaml")
    (root / ".dvcignore").write_text("mine\n")
    index = (root / ".git" / "index").read_bytes()
    Versions(root).prepare()
    assert (root / ".git" / "index").read_bytes() == index
    assert (root / ".dvcignore").read_text() == "mine\n"
    assert dvc(root, "config", "core.analytics").strip().lower() == "false"
    assert dvc(root, "root").strip() == "."
    before = worktree(root)
    Versions(root).prepare()
    assert worktree(root) == before


# -- publishing --------------------------------------------------------------------------------------------------------


def test_a_project_without_commits_and_without_an_identity_gets_versions(built):
    first, second = built.first, built.second
    assert (first.version.name, first.version.tag, first.is_new, first.why) == (
        "v1.0.0",
        "sft-subset@v1.0.0",
        True,
        "first version",
    )
    assert (second.version.name, second.why) == ("v1.1.0", "settings changed")
    assert first.version.identity.summary == "2 of 3 rows, 1 class"
    assert Versions(built.root).versions() == [second.version, first.version]
    made_by = git(built.root, "log", "-1", "--format=%an <%ae> %cn <%ce>", first.version.commit).strip()
    assert made_by == "Pickwise <pickwise@localhost> Pickwise <pickwise@localhost>"
    assert git(built.root, "rev-list", "--count", first.version.commit).strip() == "1"
    branch = subprocess.run(["git", "rev-parse", "--verify", "-q", "HEAD"], cwd=built.root, check=False)
    assert branch.returncode == 1, "the user's branch has still no commit"


def test_dvc_finds_nothing_to_do_after_a_version(built):
    assert json.loads(dvc(built.root, "status", "--json")) == {}
    assert "didn't change" in dvc(built.root, "repro")


def test_a_version_holds_lock_settings_and_metrics_but_not_the_publishing_stage(built):
    held = git(built.root, "ls-tree", "-r", "--name-only", built.second.version.commit).split()
    metrics = [f"data/metrics/{name}.{kind}" for name in UPSTREAM for kind in ("json", "csv")]
    bare = {".dvc/.gitignore", ".dvc/config", ".dvcignore", "data/.gitignore", "dvc.lock", "dvc.yaml", "params.yaml"}
    assert set(held) == {*bare, *metrics, "data/metrics/later.json"}
    lock = git(built.root, "show", f"{built.second.version.tag}:dvc.lock")
    assert list(yaml.safe_load(lock)["stages"]) == list(UPSTREAM)
    on_disk = (built.root / "dvc.lock").read_text()
    assert on_disk.startswith(lock)
    assert list(yaml.safe_load(on_disk)["stages"]) == [*UPSTREAM, "subset_version"]


def test_the_same_rows_make_no_new_version(project):
    before, tags = worktree(project), git(project, "for-each-ref")
    other = identity_of(project, settings="other", code="other")
    again, major = Versions(project).publish(other), Versions(project).publish(other, major=True)
    assert (again.is_new, again.why, again.version.name) == (False, "same rows as v1.1.0", "v1.1.0")
    assert (major.is_new, major.why) == (False, "same rows as v1.1.0, so no major version was made")
    assert worktree(project) == before
    assert git(project, "for-each-ref") == tags


def _make_settings_hostile(tmp_path):
    """A user who signs without having a key, whose hooks all fail, and whose Git converts line endings."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    settings = {"commit.gpgsign": "true", "tag.gpgsign": "true", "tag.forceSignAnnotated": "true"}
    settings |= {"core.hooksPath": str(hooks), "core.autocrlf": "true", "user.name": "Ada", "user.email": "a@b.org"}
    for key, value in settings.items():
        git(tmp_path, "config", "--global", key, value)


@pytest.mark.parametrize("is_detached", [False, True])
def test_the_users_branch_index_and_edits_stay_as_they_are(changed, tmp_path, is_detached):
    if is_detached:
        git(changed, "checkout", "-q", "--detach")
    (changed / "staged.txt").write_text("staged\n")
    git(changed, "add", "staged.txt")
    (changed / "params.yaml").write_text("seed: 3 # three\n")
    _make_settings_hostile(tmp_path)
    (changed / "staged.txt").write_text("staged, then edited\r\n")
    (changed / "stage.py").write_text("edited")
    (changed / "untracked.txt").write_text("untracked")
    (changed / "data" / "metrics" / "windows.csv").write_bytes(b"a,b\r\n")
    (changed / "data" / "metrics" / ".half.json.new").write_text("left by a killed run")
    (changed / "data" / "metrics" / "later.json").unlink()
    untouched, own = worktree(changed), contents(changed / ".git", but=("objects/", "refs/tags/", "logs/"))
    lock = untouched.pop("dvc.lock")

    made = Versions(changed).publish(identity_of(changed, settings="s2", summary="日本語"))

    after = worktree(changed)
    assert after.pop("dvc.lock").startswith(without_stage(lock, "subset_version"))
    assert after == untouched
    assert contents(changed / ".git", but=("objects/", "refs/tags/", "logs/")) == own
    assert (made.version.name, made.why, made.version.identity.summary) == ("v1.1.1", "new data", "日本語")
    commit = made.version.commit
    assert git(changed, "rev-parse", f"{commit}^").strip() == git(changed, "rev-parse", "HEAD").strip()
    differing = set(git(changed, "diff-tree", "-r", "--name-only", "HEAD", commit).split())
    metrics = {f"data/metrics/{name}.{kind}" for name in UPSTREAM for kind in ("json", "csv")}
    assert differing == metrics | {"data/metrics/windows.csv", "dvc.lock", "params.yaml"}
    assert Git(changed).files(commit, "data/metrics/windows.csv")["data/metrics/windows.csv"] == b"a,b\r\n"
    assert git(changed, "log", "-1", "--format=%an %ce", commit).strip() == "Ada a@b.org"


def test_a_version_is_refused_when_the_lock_does_not_record_the_subset(project):
    before, tags = worktree(project), git(project, "for-each-ref")
    (project / "data" / "selected_subset" / "subset.parquet").write_text("changed since")
    with pytest.raises(VersionError, match=r"data/selected_subset: dvc\.lock records .* run `pickwise run` again"):
        Versions(project).publish(identity_of(project))
    (project / "dvc.lock").unlink()
    with pytest.raises(VersionError, match=r"dvc\.lock: not found"):
        Versions(project).publish(identity_of(project))
    (project / "dvc.lock").write_text("stages: [")
    with pytest.raises(VersionError, match=r"dvc\.lock: not a lock file"):
        Versions(project).publish(identity_of(project))
    assert git(project, "for-each-ref") == tags
    assert set(worktree(project)) == set(before)


def test_a_version_is_refused_when_the_tag_or_the_data_cannot_be_had(changed):
    before, rivals_lock = worktree(changed), changed / ".git" / "refs" / "tags" / "sft-subset@v1.1.1.lock"
    rivals_lock.touch()
    with pytest.raises(VersionError, match=r"sft-subset@v1\.1\.1: not registered; if another run .* run again"):
        Versions(changed).publish(identity_of(changed, settings="s2"))
    rivals_lock.unlink()
    shutil.rmtree(changed / ".dvc" / "cache")
    with pytest.raises(VersionError, match=r"not in DVC's cache; run `dvc commit`"):
        Versions(changed).publish(identity_of(changed))
    assert worktree(changed) == before
    assert len(Versions(changed).versions()) == 2


def test_of_two_publishers_at_once_one_makes_the_version(project):
    commit = git(project, "rev-parse", "HEAD").strip()

    def make(_):
        try:
            Git(project).tag("sft-subset@v1.2.0", commit, "made")
        except VersionError as error:
            return str(error)
        return "made"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(make, range(8)))
    assert outcomes.count("made") == 1
    assert all("sft-subset@v1.2.0" in outcome for outcome in outcomes if outcome != "made")


def test_a_publisher_killed_before_the_tag_leaves_no_version(project):
    refs = git(project, "for-each-ref")
    loose = Git(project).side_commit({"params.yaml": b"seed: 9\n"}, "data/metrics", "sft-subset@v9.0.0: x")
    assert git(project, "for-each-ref") == refs
    assert git(project, "branch", "--all", "--contains", loose) == ""
    assert Versions(project).versions()[0].name == "v1.1.0"


def _tags(*, versions=(), taken=()):
    return Tags(list(versions), set(taken), [])


@pytest.mark.parametrize(
    ("settings", "code", "major", "name", "why"),
    [
        ("s2", "c1", False, "v1.1.1", "new data"),
        ("s3", "c1", False, "v1.2.0", "settings changed"),
        ("s2", "c2", False, "v1.2.0", "code changed"),
        ("s3", "c2", False, "v1.2.0", "settings and code changed"),
        ("s2", "c1", True, "v2.0.0", "major version requested; new data"),
    ],
)
def test_the_number_says_what_changed(built, settings, code, major, name, why):
    tags = _tags(versions=[built.second.version], taken=[(1, 1, 0), (1, 0, 0)])
    new = SubsetIdentity(2, "new", "new.dir", settings, code, "")
    bump, reason = compare(new, tags, major)
    assert (next_name(bump, tags), reason) == (name, why)


def test_numbers_are_compared_as_numbers_and_others_numbers_are_not_reused(built):
    assert next_name("minor", _tags()) == "v1.0.0"
    assert next_name("patch", _tags(taken=[(1, 10, 0), (1, 9, 9)])) == "v1.10.1"
    bump, why = compare(built.first.version.identity, _tags(taken=[(3, 0, 0)]), False)
    assert (next_name(bump, _tags(taken=[(3, 0, 0)])), why) == (
        "v3.1.0",
        "first version after v3.0.0, which Pickwise did not make",
    )


# -- listing -----------------------------------------------------------------------------------------------------------


def test_tags_that_pickwise_did_not_make_are_skipped_with_a_warning(project, caplog):
    git(project, "tag", "sft-subset@v1.5.0")
    git(project, "-c", "user.name=U", "-c", "user.email=u@x", "tag", "-a", "-m", "hand", "sft-subset@v7.0.0")
    git(project, "tag", "sft-subset@vNext")
    git(project, "tag", "other@v9.0.0")
    git(project, "tag", "sft-subset@v1.0.0!#1")  # GTO's mark of a registration taken back
    assert [version.name for version in Versions(project).versions()] == ["v1.1.0", "v1.0.0"]
    assert "3 tags skipped that are no versions made by Pickwise: " in caplog.text
    assert "other@" not in caplog.text


def test_a_version_is_found_by_any_of_its_names(built):
    versions = Versions(built.root)
    for name in ("v1.0.0", "1.0.0", "sft-subset@v1.0.0"):
        assert versions.find(name) == built.first.version
    assert versions.find("latest") == built.second.version
    with pytest.raises(VersionError, match=r"v2\.0\.0: no such version of sft-subset; known: latest, v1\.1\.0, v1\.0"):
        versions.find("v2.0.0")
    with pytest.raises(VersionError, match=r"\\x1b\[31m: no such version"):
        versions.find("\x1b[31m")


def test_without_versions_the_way_to_one_is_named(tmp_path):
    git(tmp_path, "init", "-q")
    assert Versions(tmp_path).versions() == []
    with pytest.raises(VersionError, match="has no version yet; `pickwise run` makes the first"):
        Versions(tmp_path).find("latest")


# -- plain tools -------------------------------------------------------------------------------------------------------


def test_plain_dvc_and_gto_read_the_versions(project, built, tmp_path):
    first = {"subset.parquet": b"selected_subsetseed: 1\n", "more/manifest.json": b'"selected_subset"'}
    dvc(project, "get", ".", "data/selected_subset", "--rev", "sft-subset@v1.0.0", "-o", str(tmp_path / "got"))
    assert contents(tmp_path / "got") == first
    dvc(project, "artifacts", "get", ".", "sft-subset", "--rev", "v1.0.0", "-o", str(tmp_path / "artifact"))
    assert contents(tmp_path / "artifact") == first
    difference = json.loads(dvc(project, "params", "diff", "--json", "sft-subset@v1.0.0", "sft-subset@v1.1.0"))
    assert difference == {"params.yaml": {"seed": {"old": 1, "new": 2, "diff": 1}}}
    assert "data/metrics/embeddings.json" in dvc(project, "metrics", "show")
    shown = json.loads(gto(project, "show", "sft-subset", "--json"))
    assert [entry["version"] for entry in shown] == ["v1.1.0", "v1.0.0"]
    assert [entry["commit_hexsha"] for entry in shown] == [p.version.commit for p in (built.second, built.first)]
    assert {event["event"] for event in json.loads(gto(project, "history", "--json"))} >= {"registration"}


# -- restoring ---------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_version_are_fetched_and_nothing_else_changes(project, built, tmp_path, monkeypatch):
    before = worktree(project)
    wanted = (built.root / "data" / "selected_subset" / "subset.parquet").read_bytes()
    for place, inside in (("a", False), ("b", True)):
        if inside:  # a stage of `dvc repro` may look at versions, too
            monkeypatch.setenv("DVC_STAGE", "cleaned_data")
        path = tmp_path / place / "subset.parquet"
        assert Versions(project).fetch_subset("latest", path).name == built.second.version.name
        assert path.read_bytes() == wanted
        path.write_bytes(b"old")
        Versions(project).fetch_subset(built.first.version.name, path)
        assert path.read_bytes() not in (b"old", wanted)
    assert worktree(project) == before
    with pytest.raises(VersionError, match="no such version"):
        Versions(project).fetch_subset("v9.9.9", tmp_path / "c")


def test_a_roll_back_restores_every_byte_and_forward_again(project, built):
    (project / "unrelated.txt").write_text("mine")
    git(project, "add", "unrelated.txt")
    index, second = (project / ".git" / "index").read_bytes(), worktree(project)
    git_files = Git(project).files(built.first.version.commit, "dvc.lock", "params.yaml", "data/metrics")

    back = Versions(project).rollback("1.0.0")

    assert (back.version, back.params_copy) == (built.first.version, None)
    assert set(back.files) == set(git_files)
    now = worktree(project)
    assert "data/metrics/later.json" not in now
    assert {path: now[path] for path in git_files if path != "dvc.lock"} == {
        path: content for path, content in git_files.items() if path != "dvc.lock"
    }
    assert without_stage(now["dvc.lock"], "subset_version") == git_files["dvc.lock"]
    for name in UPSTREAM:
        assert now[f"data/{name}/subset.parquet"] == f"{name}seed: 1\n".encode()
    assert json.loads(dvc(project, "status", "--json")) == {}
    assert now["unrelated.txt"] == b"mine"
    assert (project / ".git" / "index").read_bytes() == index
    assert Versions(project).publish(identity_of(project)).why == "same rows as v1.0.0"

    Versions(project).rollback("latest")
    assert worktree(project) == second


def test_unsaved_settings_are_not_overwritten_unless_asked_and_then_kept(project):
    (project / "params.yaml").write_text("seed: 77\n")
    (project / "params.before-v1.0.0.yaml").write_text("an earlier copy")
    before = worktree(project)
    with pytest.raises(VersionError, match=r"params\.yaml: holds edits .* --overwrite-params.*params\.before-v1\.0\.0"):
        Versions(project).rollback("v1.0.0")
    assert worktree(project) == before

    back = Versions(project).rollback("v1.0.0", overwrite_params=True)
    assert back.params_copy == project / "params.before-v1.0.0-2.yaml"
    assert back.params_copy.read_text() == "seed: 77\n"
    assert (project / "params.before-v1.0.0.yaml").read_text() == "an earlier copy"
    assert (project / "params.yaml").read_text() == "seed: 1\n"


@pytest.mark.parametrize("place", ["commit", "index", "version", "line endings", "missing"])
def test_settings_that_git_or_a_version_knows_count_as_saved(project, place):
    path, versions = project / "params.yaml", Versions(project)
    path.write_text("seed: 1\n" if place == "version" else "seed: 5\n")
    if place in ("commit", "index", "line endings"):
        git(project, "add", "params.yaml")
    if place == "commit":
        git(project, "-c", "user.name=U", "-c", "user.email=u@x", "commit", "-q", "-m", "five")
    if place == "line endings":
        git(project, "config", "core.autocrlf", "true")
        path.write_bytes(b"seed: 5\r\n")
    if place == "missing":
        path.unlink()
    assert not versions._params_edited(b"seed: 2\n")


def test_a_roll_back_to_data_that_is_gone_changes_nothing(project, built):
    lock = yaml.safe_load(Git(project).files(built.first.version.commit, "dvc.lock")["dvc.lock"])
    digest = lock["stages"]["embeddings"]["outs"][0]["md5"]
    cache = project / ".dvc" / "cache" / "files" / "md5"
    member = json.loads((cache / digest[:2] / digest[2:]).read_bytes())[1]["md5"]
    (cache / member[:2] / member[2:]).unlink()
    before = worktree(project)
    with pytest.raises(VersionError, match=r"v1\.0\.0: DVC's cache lacks data/embeddings \(1 file\).*dvc remote add"):
        Versions(project).rollback("v1.0.0")
    assert worktree(project) == before


def test_a_roll_back_fetches_missing_data_or_puts_everything_back(project, tmp_path):
    (project / ".dvc" / "config.local").write_text(
        f"['remote \"store\"']\n    url = {tmp_path / 'store'}\n[core]\n    remote = store\n"
    )
    dvc(project, "push", "-q", "--all-tags")
    kept = tmp_path / "kept"
    (tmp_path / "store").rename(kept)
    shutil.rmtree(project / ".dvc" / "cache")
    dvc(project, "commit", "-q", "-f")
    (project / "params.yaml").write_text("seed: 77\n")
    before = worktree(project)
    with pytest.raises(
        VersionError, match=r"v1\.0\.0: not restored, everything was put back: neither .* has .*data/embeddings"
    ):
        Versions(project).rollback("v1.0.0", overwrite_params=True)
    assert worktree(project) == before

    kept.rename(tmp_path / "store")
    Versions(project).rollback("v1.0.0", overwrite_params=True)
    assert (project / "data" / "embeddings" / "subset.parquet").read_text() == "embeddingsseed: 1\n"


# -- inside `dvc repro` ------------------------------------------------------------------------------------------------


def test_dvc_repro_makes_the_same_versions_and_the_same_lock(built, tmp_path):
    root = _new_project(tmp_path / "project")
    assert "PUBLISHED v1.0.0 True first version" in dvc(root, "repro")
    (root / "params.yaml").write_text("seed: 2\n")
    assert "PUBLISHED v1.0.1 True new data" in dvc(root, "repro")
    assert (root / "dvc.lock").read_bytes() == (built.root / "dvc.lock").read_bytes()
    for ours, theirs in zip(Versions(root).versions(), (built.second.version, built.first.version), strict=True):
        assert git(root, "show", f"{ours.tag}:dvc.lock") == git(built.root, "show", f"{theirs.tag}:dvc.lock")
    assert json.loads(dvc(root, "status", "--json")) == {}


def test_inside_a_stage_nothing_is_committed_or_rolled_back(project, monkeypatch, caplog):
    monkeypatch.setenv("DVC_STAGE", "subset_version")
    new_subset(project)
    before = worktree(project)
    with caplog.at_level("INFO"):
        Versions(project).commit_data()
    assert "inside `dvc repro`" in caplog.text
    with pytest.raises(VersionError, match="cannot roll back inside a stage of `dvc repro`"):
        Versions(project).rollback("v1.0.0")
    assert worktree(project) == before
