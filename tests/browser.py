"""Finds the browser of the UI test; run as a script, installs Debian's chromium where that is allowed and missing."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HINT = "the UI test needs Chromium or Chrome on the PATH (Debian: apt-get install chromium); without it, it is skipped"


def find_browser() -> str | None:
    """The path of an installed browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> None:
    """Install Debian's chromium as root, quietly; otherwise say in one line how to get it."""
    if find_browser():
        return
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        print(HINT)
        return
    print("installing Debian's chromium for the UI test (once)", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (
        ["update", "-qq"],
        ["install", "-qq", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
    ):
        result = subprocess.run(["apt-get", *words], env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            print(f"apt-get {words[0]} failed: {(result.stderr.strip().splitlines() or ['no reason given'])[-1]}")
            print(HINT)
            return


if __name__ == "__main__":
    install()
    sys.exit(0)
