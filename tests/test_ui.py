"""The Dagster UI as a user meets it: a real server, a real browser, real runs."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from browser import HINT, find_browser
from conftest import SMALL, Project, instructions, new_project
from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 2200, "height": 1000}  # Dagster draws the nodes of the graph in full only where there is room
ASSETS = 7
CHECKS = ("record_schema", "class_balance", "bias")
A_RUN = 120_000  # milliseconds; most of it is the start of a process on a busy machine
SECONDS_TO_START, SECONDS_TO_STOP = 120, 30


def test_a_user_materializes_automates_rolls_back_and_is_stopped_by_a_check(tmp_path: Path) -> None:
    browser = find_browser()
    if browser is None:
        pytest.skip(HINT)
    project = new_project(tmp_path / "project", SMALL)
    project.write_rows("rows.jsonl", instructions(240))
    home, names = tmp_path / "home", names_in(project)
    with server(project, home) as address, page_of(browser, address, tmp_path) as page:
        see_no_dialog(page)
        materialize_all(page, "Success")
        see_seven_green_assets_and_three_passed_checks(page)
        turn_the_schedule_on(page)
        roll_back(page, project)
        be_stopped_by_a_check(page, project)
    see_nothing_left_behind(project, names, home)


# -- steps -----------------------------------------------------------------------------------------------------------


def see_no_dialog(page: Page) -> None:
    page.goto("/")
    expect(entry(page, "Lineage")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def materialize_all(page: Page, outcome: str) -> None:
    entry(page, "Lineage").click()
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_role("button", name="View", exact=True).or_(page.get_by_role("link", name="View", exact=True)).click()
    see_outcome(page, outcome)


def see_outcome(page: Page, outcome: str) -> None:
    """On the page of a run: wait for its end."""
    end = page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
    expect(end).to_be_visible(timeout=A_RUN)
    expect(end).to_have_text(outcome)


def see_seven_green_assets_and_three_passed_checks(page: Page) -> None:
    entry(page, "Lineage").click()
    expect(page.get_by_text("Materialized", exact=True)).to_have_count(ASSETS)
    expect(page.get_by_text("Never materialized")).to_have_count(0)
    expect(page.get_by_text("1 / 1 Passed")).to_have_count(3)  # sources that lost too much, int8 of two assets
    page.get_by_text("3 / 3 Passed").click()
    for name in CHECKS:
        see_check(page, name, "Succeeded")
    answer = query(page, "{assetNodes {staleStatus hasAssetChecks assetMaterializations(limit: 1) {runId}}}")
    assert [len(node["assetMaterializations"]) for node in answer["assetNodes"]] == [1] * ASSETS
    assert {node["staleStatus"] for node in answer["assetNodes"]} == {"FRESH"}


def see_check(page: Page, name: str, state: str) -> None:
    """On the page of the checks of an asset: the state of one of them in the list."""
    check = page.get_by_title(name, exact=True).first
    expect(check.locator("xpath=following-sibling::*[1]")).to_have_text(state, ignore_case=True)


def turn_the_schedule_on(page: Page) -> None:
    entry(page, "Automation").click()
    schedule = page.get_by_role("link", name="recurring_selection")
    expect(schedule).to_contain_text("At 03:00 AM UTC")
    switch = schedule.locator("xpath=following::input[@type='checkbox'][1]")
    expect(switch).not_to_be_checked()
    switch.locator("xpath=..").click()  # the element around the box draws it
    expect(switch).to_be_checked()
    page.reload()
    expect(switch).to_be_checked()
    schedule.click()
    expect(page.get_by_text(re.compile("Next tick", re.IGNORECASE)).first).to_be_visible()


def roll_back(page: Page, project: Project) -> None:
    before = project.bytes_of("data/selected_subset")
    project.write("data/selected_subset/subset.jsonl", "damaged\n")
    entry(page, "Jobs").click()
    page.get_by_role("link", name="rollback_subset").click()
    page.get_by_role("tab", name="Launchpad").or_(page.get_by_role("link", name="Launchpad")).click()
    expect(page.get_by_text("Missing required config entry").first).to_be_visible()
    page.locator(".CodeMirror").first.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("ops:\n  restore_version:\n    config:\n      version: v1.0.0\n")
    page.get_by_role("button", name="Launch Run").click()
    see_outcome(page, "Success")
    assert project.bytes_of("data/selected_subset") == before
    page.goto("/assets/selected_subset")
    expect(page.get_by_text("restored from")).to_be_visible()
    expect(page.get_by_text("v1.0.0").first).to_be_visible()


def be_stopped_by_a_check(page: Page, project: Project) -> None:
    project.write("params.yaml", SMALL.replace("budget: 0.25", "budget: 2"))
    versions_before = publications(page)
    materialize_all(page, "Failure")
    page.goto("/assets/selected_subset?view=checks&checkDetail=class_balance")
    see_check(page, "class_balance", "Failed")
    see_check(page, "record_schema", "Succeeded")
    expect(page.get_by_text(re.compile("'music'.* missing|missing.*'music'")).first).to_be_visible()
    entry(page, "Catalog").click()
    row = page.get_by_role("link", name="subset_version").locator("xpath=following::*[text()='Failed'][1]")
    expect(row).to_be_visible()
    assert publications(page) == versions_before
    assert project.git("tag").split() == ["sft-subset@v1.0.0"]


def see_nothing_left_behind(project: Project, names: set[str], home: Path) -> None:
    assert not (home / ".dagster").exists(), "Dagster's telemetry wrote to the user's home"
    assert names_in(project) - names == {".dagster", "dvc.lock"}
    assert "?? .dagster/" not in project.git("status", "--porcelain").splitlines()


# -- tools -----------------------------------------------------------------------------------------------------------


def entry(page: Page, name: str) -> Locator:
    """An entry of the main menu."""
    return page.get_by_role("navigation").first.get_by_text(name, exact=True)


def names_in(project: Project) -> set[str]:
    return {path.name for path in project.root.iterdir()}


def publications(page: Page) -> list[str]:
    """The runs that materialized subset_version."""
    asked = (
        '{assetNodeOrError(assetKey: {path: ["subset_version"]}) {... on AssetNode {assetMaterializations {runId}}}}'
    )
    return [event["runId"] for event in query(page, asked)["assetNodeOrError"]["assetMaterializations"]]


def query(page: Page, asked: str) -> dict[str, Any]:
    """Ask what the page itself asks from."""
    answer: dict[str, Any] = page.request.post("/graphql", data={"query": asked}).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


@contextmanager
def server(project: Project, home: Path) -> Iterator[str]:
    """`pickwise ui` until the block ends, stopped as by Ctrl-C; yields its address."""
    home.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")}
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    log = project.root.parent / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port)],
            cwd=project.root,
            env={**environment, "HOME": str(home), "XDG_CACHE_HOME": cache},
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(process, address, log)
            yield address
        finally:
            stop(process)


def wait_until_it_answers(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    for _ in range(SECONDS_TO_START * 4):
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
                assert "dagster_version" in json.load(answer)
                return
        except OSError:
            pass
        try:
            process.wait(0.25)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the UI does not answer:\n{log.read_text(errors='replace')[-3000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(SECONDS_TO_STOP)
    except (subprocess.TimeoutExpired, ProcessLookupError):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def page_of(browser: str, address: str, folder: Path) -> Iterator[Page]:
    """A page of the server; what it showed when a step failed is kept as a picture."""
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        try:
            page = opened.new_context(viewport=WIDE, base_url=address).new_page()  # type: ignore[arg-type]
            try:
                yield page
            except (AssertionError, Error) as error:
                picture = folder / "failure.png"
                page.screenshot(path=picture)
                raise AssertionError(f"{error}\nat {page.url}\nscreenshot: {picture}") from error
        finally:
            opened.close()
