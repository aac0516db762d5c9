"""YAML text with its places: plain data for the model, and a line and column for every route into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from truewheel.problems import Problem, Stop, Where, stop

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 50

Route = Sequence["str | int"]

# libyaml reads six to eight times faster; without it everything still works.
HAS_LIBYAML = bool(yaml.__with_libyaml__)
Loader: Any = yaml.CSafeLoader if HAS_LIBYAML else yaml.SafeLoader


@dataclass(frozen=True)
class Document:
    """A YAML file: its data and the way from a route (keys and indices) back to the text."""

    file: str
    data: Any
    root: yaml.Node | None = None

    def where(self, route: Route = (), *, key: bool = False) -> Where:
        """Return the place of the value at `route`, or of its key; the nearest parent if it is not there."""
        node, mark = self.root, self.root.start_mark if self.root else None
        for step in route:
            found = _child(node, step)
            if found is None:
                break
            key_node, node = found
            mark = (key_node if key and key_node is not None else node).start_mark
        return Where(self.file, mark.line + 1, mark.column + 1) if mark else Where(self.file)

    def raw(self, route: Route) -> str | None:
        """Return the text of the scalar at `route` as it was typed, or None if it is no plain scalar."""
        node = self.root
        for step in route:
            found = _child(node, step)
            node = found[1] if found else None
        return str(node.value) if isinstance(node, yaml.ScalarNode) and not node.style else None

    def problem(self, route: Route, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """Return a `Problem` at `route`."""
        return Problem(self.where(route, key=key), message, hint)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None


def decode(raw: bytes, file: str) -> str:
    """Return the text of a YAML file. Raises `Stop` for one that is too large or not UTF-8."""
    if len(raw) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        message = f"too large: {len(raw)} bytes, the limit is {limit} MiB"
        raise stop(file, message, "is this the right file? (--spec FILE)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        hint = "save the file as UTF-8"
        raise stop(Where(file, line, column), f"not UTF-8: byte 0x{raw[error.start]:02x}", hint) from None


def load(text: str, file: str) -> Document:
    """Return the document that `text` holds.

    Raises `Stop` with every duplicate key, alias, tag and syntax error found, each with line and column.
    """
    try:
        _check_events(text, file)
        node = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, file) from None
    except yaml.reader.ReaderError as error:
        raise _control_character(error, text, file) from None
    if node is None:
        raise stop(Where(file, 1, 1), "the file is empty", "start with: truewheel: 1")
    problems: list[Problem] = []
    data = _construct(node, file, problems)
    if problems:
        raise Stop(problems)
    return Document(file, data, node)


def _check_events(text: str, file: str) -> None:
    # Before composing: libyaml's composer recurses in C, and nodes behind an alias can be one another's parents.
    depth = 0
    problems = []
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                place = _place(event.start_mark, file)
                raise stop(place, f"nested more than {MAX_DEPTH} levels deep", "write it flatter")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            message = f"the alias *{event.anchor}: anchors and aliases are not read here"
            problems.append(Problem(_place(event.start_mark, file), message, "write the value out"))
    if problems:
        raise Stop(problems)


def _place(mark: Any, file: str) -> Where:
    return Where(file, mark.line + 1, mark.column + 1)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> Stop:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return stop(file, f"not YAML: {error}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1]:
        return stop(_place(mark, file), "a tab: YAML is indented with spaces", "replace the tab with spaces")
    context = f" ({error.context})" if error.context else ""
    hint = "only one document is read: remove the ---" if "single document" in str(error.context) else ""
    return stop(_place(mark, file), f"not YAML: {error.problem}{context}", hint)


def _control_character(error: yaml.reader.ReaderError, text: str, file: str) -> Stop:
    before = text[: error.position]
    place = Where(file, before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1)
    return stop(place, f"the character {_codepoint(error.character)} is not allowed in YAML", "remove it")


def _codepoint(character: Any) -> str:
    return f"U+{character if isinstance(character, int) else ord(character):04X}"


_SCALARS = {
    "tag:yaml.org,2002:str": "str",
    "tag:yaml.org,2002:int": "int",
    "tag:yaml.org,2002:float": "float",
    "tag:yaml.org,2002:bool": "bool",
    "tag:yaml.org,2002:null": "null",
    "tag:yaml.org,2002:timestamp": "str",
    "tag:yaml.org,2002:value": "str",
    "tag:yaml.org,2002:merge": "str",
}
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


def _construct(node: yaml.Node, file: str, problems: list[Problem]) -> Any:
    if node.tag not in _SCALARS and node.tag not in _COLLECTIONS:
        message = f"the tag {node.tag} is not read here"
        problems.append(Problem(_place(node.start_mark, file), message, "write a plain value"))
        return None
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(node, file, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, file, problems) for item in node.value]
    return _construct_scalar(node, file, problems)


def _construct_mapping(node: yaml.MappingNode, file: str, problems: list[Problem]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    first: dict[str, yaml.Node] = {}
    for key, value in node.value:
        place = _place(key.start_mark, file)
        if not isinstance(key, yaml.ScalarNode):
            problems.append(Problem(place, "a key must be a plain word", "did you mean to quote {…}?"))
        elif key.value in first:
            line = first[key.value].start_mark.line + 1
            message = f"the key {key.value!r} is here twice, first on line {line}"
            problems.append(Problem(place, message, "YAML would keep only the last: remove one"))
        else:
            first[key.value] = key
            data[key.value] = _construct(value, file, problems)
    return data


def _construct_scalar(node: yaml.Node, file: str, problems: list[Problem]) -> Any:
    kind = _SCALARS[node.tag]
    if kind == "str":
        return node.value
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() in {"true", "yes", "on"}
    try:
        constructor = yaml.constructor.SafeConstructor()
        return getattr(constructor, f"construct_yaml_{kind}")(node)
    except (ValueError, OverflowError):
        problems.append(Problem(_place(node.start_mark, file), f"not a number: {node.value[:40]}", "quote it"))
        return None
