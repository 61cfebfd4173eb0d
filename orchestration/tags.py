"""Version tags: how a version's number and identity are written into Git, and read back.

The tag has the name that GTO gives a registered version; the identity is in trailers of the commit's message, so that
listing versions takes one Git call and no data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from assets.tables import escape
from assets.versioning import Bump, SubsetIdentity, Version
from orchestration.git import Git

Number = tuple[int, ...]  # major, minor, patch

_SEMVER = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
# GTO's marks on a version: `…@v1.0.0!` takes a registration back.
_GTO_MARK = re.compile(r"(deprecated|created|v[\d.]+!)(#\d+)?")
_TRAILERS = ("Rows", "Rows-Hash", "Folder-Hash", "Settings-Hash", "Code-Hash")


@dataclass(frozen=True)
class Tags:
    """What a repository's version tags say."""

    versions: list[Version]  # highest first
    taken: set[Number]  # the numbers of all version tags, whoever made them
    skipped: list[str]  # tags that look like versions but are none that Pickwise made


def read(git: Git, artifact: str) -> Tags:
    """All version tags of `artifact`. One call of Git."""
    fields = ("refname:strip=2", "objecttype", "*objecttype", "*objectname", "creatordate:unix", "*contents")
    layout = "".join(f"%({field})%00" for field in fields)
    output = git("for-each-ref", f"--format={layout}", f"refs/tags/{artifact}@*")
    cells = output.decode("utf-8", "replace").split("\0")[:-1]
    found: dict[Number, Version | None] = {}
    skipped = []
    for start in range(0, len(cells), len(fields)):
        tag, *rest = (cell.lstrip("\n") for cell in cells[start : start + len(fields)])
        suffix = tag.removeprefix(f"{artifact}@")
        number = _number(suffix)
        version = _version(tag, *rest) if number else None
        if number:
            found[number] = version
        if not version and not _GTO_MARK.fullmatch(suffix):
            skipped.append(tag)
    return Tags([version for _, version in sorted(found.items(), reverse=True) if version], set(found), skipped)


def compare(new: SubsetIdentity, tags: Tags, major: bool) -> tuple[Bump, str]:
    """How far `new` is from the latest version, and why."""
    if not tags.versions:
        others = f" after {name_of(max(tags.taken))}, which Pickwise did not make" if tags.taken else ""
        return "major" if major else "minor", f"first version{others}"
    latest = tags.versions[0].identity
    changed = [name for name in ("settings", "code") if getattr(new, f"{name}_hash") != getattr(latest, f"{name}_hash")]
    why = f"{' and '.join(changed)} changed" if changed else "new data"
    if major:
        return "major", f"major version requested; {why}"
    return ("minor" if changed else "patch"), why


def next_name(bump: Bump, tags: Tags) -> str:
    """The version after the highest number taken, by whomever; v1.0.0 where none is."""
    if not tags.taken:
        return "v1.0.0"
    major, minor, patch = max(tags.taken)
    steps = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    return name_of(steps[bump])


def name_of(number: Number) -> str:
    """`(1, 4, 0)` as `v1.4.0`."""
    return "v" + ".".join(map(str, number))


def message(tag: str, identity: SubsetIdentity, why: str) -> str:
    """The message of a version's commit: the tag and the summary, why there is a version, and the identity."""
    values = (identity.rows, identity.rows_hash, identity.folder_hash, identity.settings_hash, identity.code_hash)
    trailers = "".join(f"{key}: {value}\n" for key, value in zip(_TRAILERS, values, strict=True))
    return f"{tag}: {escape(identity.summary, 1000)}\n\n{why[:1].upper()}{why[1:]}.\n\n{trailers}"


def _number(name: str) -> Number | None:
    match = _SEMVER.fullmatch(name)
    return tuple(map(int, match.groups())) if match else None


def _version(tag: str, kind: str, target: str, commit: str, created: str, message: str) -> Version | None:
    """The version that a tag stands for; None if Pickwise did not make it."""
    subject, _, rest = message.partition("\n")
    title, _, summary = subject.partition(": ")
    trailers = dict(line.partition(": ")[::2] for line in rest.rstrip().rpartition("\n\n")[2].splitlines())
    rows, rows_hash, folder_hash, settings_hash, code_hash = (trailers.get(key, "") for key in _TRAILERS)
    is_whole = rows.isdecimal() and all((rows_hash, folder_hash, settings_hash, code_hash))
    if (kind, target, title) != ("tag", "commit", tag) or not is_whole:
        return None
    moment = datetime.fromtimestamp(int(created), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    identity = SubsetIdentity(int(rows), rows_hash, folder_hash, settings_hash, code_hash, summary)
    return Version(tag.rpartition("@")[2], tag, commit, moment, identity)
