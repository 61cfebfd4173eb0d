"""The typed, validated model of `params.yaml`, the one file a user edits.

An unknown key, a wrong type or a value out of range is refused before any work, with the key's path, the value and
what would be accepted. The sections bear the names of the assets; a change of one recomputes only what depends on it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from assets.check_params import Checks
from assets.cleaning_params import CleanedData
from assets.errors import SettingsError
from assets.section import Section
from assets.selection_params import SelectedSubset
from assets.source_params import RawData
from assets.uncertainty_params import Device, Quantize, UncertaintyScores


class Embeddings(Section):
    """The encoder."""

    model: Annotated[str, Field(min_length=1)] = "all-MiniLM-L6-v2"  # the bundled one; else a hub id or a local folder
    revision: str | None = None  # hub only
    text: Literal["conversation", "prompt"] = "conversation"  # what is embedded: all turns, or those before the answer
    max_tokens: Annotated[int, Field(ge=8, le=8192)] = 256  # longer texts are cut there, and counted
    batch_tokens: Annotated[int, Field(ge=256)] = 8192  # padded tokens in one forward pass on a GPU
    device: Device = "auto"  # auto, cpu, cuda or cuda:N
    quantize: Quantize = "none"  # int8: on a CPU faster and smaller, and nearly the same neighbours


class ClusterAssignments(Section):
    """k-means over the embeddings."""

    clusters: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"  # auto: the square root of half the rows, ≤ 1000
    iterations: Annotated[int, Field(ge=1)] = 50


_CRON = re.compile(r"(?:(?:\*|\d+(?:-\d+)?)(?:/[1-9]\d*)?(?:,(?!$)|$))+")
_CRON_NAMES = re.compile(r"(?:(?:\*|\d+(?:-\d+)?|[a-zA-Z]{3}(?:-[a-zA-Z]{3})?)(?:/[1-9]\d*)?(?:,(?!$)|$))+")
CRON_FIELDS = (("minutes", 0, 59), ("hours", 0, 23), ("days", 1, 31), ("months", 1, 12), ("weekdays", 0, 7))


class Schedule(Section):
    """When to select again."""

    cron: str = "0 3 * * *"
    timezone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _known_cron(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5:
            raise ValueError("expected five cron fields, such as '0 3 * * *' (daily at 03:00)")
        for text, (name, low, high) in zip(fields, CRON_FIELDS, strict=True):
            numbers = [int(number) for number in re.findall(r"\d+", re.sub(r"/\d+", "", text))]
            sound = re.fullmatch(_CRON_NAMES if name in ("months", "weekdays") else _CRON, text)
            turned = any(int(a) > int(b) for a, b in re.findall(r"(\d+)-(\d+)", text))
            if not sound or turned or any(not low <= n <= high for n in numbers):
                raise ValueError(f"expected {name} from {low} to {high} in the place of '{text}'")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("expected the name of a time zone, such as UTC or Europe/Berlin") from None
        return value


class Params(Section):
    """The whole of `params.yaml`. Every key may be left out; the defaults are those shown here."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    raw_data: RawData = RawData()
    cleaned_data: CleanedData = CleanedData()
    embeddings: Embeddings = Embeddings()
    uncertainty_scores: UncertaintyScores = UncertaintyScores()
    cluster_assignments: ClusterAssignments = ClusterAssignments()
    selected_subset: SelectedSubset = SelectedSubset()
    checks: Checks = Checks()
    schedule: Schedule = Schedule()


def load(path: Path) -> Params:
    """Read and validate a settings file; raises `SettingsError` with one line for the first thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path.name}: not found; run this in the project's root") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name}: not UTF-8 text (byte {error.start})") from None
    return parse(text, path.name)


def parse(text: str, name: str = "params.yaml") -> Params:
    """Validate the text of a settings file; `name` stands in the messages."""
    try:
        document = yaml.load(text, Loader=_UniqueKeys)
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingsError(f"{name}{where}: {error.problem or 'not valid YAML'}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{name}: not valid YAML: {str(error).splitlines()[0]}") from None
    except (TypeError, RecursionError):
        raise SettingsError(f"{name}: expected plain keys and a few levels of nesting") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise SettingsError(f"{name}: expected sections such as 'raw_data:', not a {type(document).__name__}")
    try:
        return Params.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{name}: {_explain(document, error.errors())}") from None


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping; YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key '{key}' stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _explain(document: Any, problems: list[Any]) -> str:
    """One line for the problem that says most: an unknown key before a wrong value."""
    placed = [(_place(document, problem), problem) for problem in problems]
    # Where a section or a number may stand, a wrong key of a section is no wrong number, too.
    inner = {place[:depth] for place, _ in placed for depth in range(len(place))}
    placed = [(place, problem) for place, problem in placed if place not in inner] or placed
    location, problem = next((pair for pair in placed if pair[1]["type"] == "extra_forbidden"), placed[0])
    others = len({place for place, _ in placed}) - 1
    more = f" (and {others} more)" if others else ""
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        close = difflib.get_close_matches(str(location[-1]), known, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(known)}"
        return f"{_path(location)}: unknown key; {hint}{more}"
    if problem["type"] == "missing":
        return f"{_path(location)}: this key is needed{more}"
    same_place = [other for place, other in placed if place == location]
    wanted = " or ".join(dict.fromkeys(_wanted(other) for other in same_place))
    value = _value_at(document, location)
    # A sentence about a whole section says itself what is wrong in it.
    found = "" if problem["type"] == "value_error" and isinstance(value, Mapping) else f", not {_shown(value)}"
    return f"{_path(location)}: {wanted}{found}{more}"


def _place(document: Any, problem: Any) -> tuple[Any, ...]:
    """Where a problem lies in the document as the user wrote it.

    Pydantic adds the names of union members to a location, and what short forms stand for; a user knows only their
    own keys.
    """
    *parents, last = problem["loc"] or ("",)
    is_key = problem["type"] in ("missing", "extra_forbidden")
    place: list[Any] = []
    for part in parents:
        if _holds(document, part):
            place.append(part)
            document = document[part]
        elif is_key and document == part:  # a name alone is short for a section of that name
            place.append(part)
    if is_key or _holds(document, last):
        place.append(last)
    return tuple(place)


def _holds(value: Any, part: Any) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and 0 <= part < len(value)
    # The first of a list is no key `false` of a mapping, though Python holds 0 and False to be equal.
    return isinstance(value, Mapping) and any(type(key) is type(part) and key == part for key in value)


def _wanted(problem: Any) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be", "expected").replace("a valid tuple", "a list")
    message = re.sub(r"a valid dictionary or instance of \w+", "a section with keys of its own", message)
    message = re.sub(r"string should have (at least 1 character)", r"expected \1", message, flags=re.IGNORECASE)
    message = re.sub(r"tuple should have (at least \d+ items?) .*", r"expected \1", message, flags=re.IGNORECASE)
    return message[:1].lower() + message[1:]


def _known_keys(parents: Iterable[Any]) -> list[str]:
    model: type[BaseModel] = Params
    for part in parents:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation speaks of: itself, or one inside a list or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)


def _path(location: Iterable[Any]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _value_at(document: Any, location: Iterable[Any]) -> Any:
    for part in location:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            break
    return document


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
