"""Reads YAML text: plain data, and the line and column of every route into it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from truewheel.errors import Problem, Stop, Where, show_value, stop

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 50
MAX_DIGITS = 40

Route = Sequence["str | int"]

# libyaml reads six to eight times faster; without it everything still works.
HAS_LIBYAML = bool(yaml.__with_libyaml__)
Loader: Any = yaml.CSafeLoader if HAS_LIBYAML else yaml.SafeLoader

# All but characters that no editor shows: control characters, surrogates, byte order marks, and the
# line breaks of YAML 1.1 that other programs do not count as such.
_PLAIN = re.compile(r"[\t\n\r -~]*")
_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR = yaml.constructor.SafeConstructor()


class Place(NamedTuple):
    """The marks of a value and of its key, and the text of the value if it is a plain scalar."""

    value: Any
    key: Any
    raw: str | None


@dataclass(frozen=True)
class Document:
    """A YAML file: its data, the place of every route (keys and indices), and its problems."""

    file: str
    data: Any
    places: Mapping[tuple[str | int, ...], Place]
    problems: tuple[Problem, ...] = ()

    def where(self, route: Route = (), *, key: bool = False) -> Where:
        """Return the place of the value at `route`, or of its key; else of its nearest parent."""
        parents = (tuple(route[:end]) for end in range(len(route), -1, -1))
        place = next(self.places[part] for part in parents if part in self.places)
        return _at(place.key if key else place.value, self.file)

    def raw(self, route: Route) -> str | None:
        """Return the text of a plain scalar as it is in the file, or None for anything else."""
        place = self.places.get(tuple(route))
        return place.raw if place else None

    def problem(self, route: Route, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """Return a `Problem` at `route`."""
        return Problem(self.where(route, key=key), message, hint)


def decode(raw: bytes, file: str) -> str:
    """Return the text of a YAML file. Raises `Stop` for one that is too large or not UTF-8."""
    if len(raw) > MAX_BYTES:
        message = f"too large: more than {MAX_BYTES // (1024 * 1024)} MiB"
        raise stop(Where(file, 1, 1), message, "is this the right file? (--spec FILE)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from after a byte order mark, as people do.
        before = error.object[: error.start].decode()
        message = f"not UTF-8: byte 0x{error.object[error.start]:02x}"
        raise stop(_end_of(before, file), message, "save the file as UTF-8") from None


def load(text: str, file: str, start: str = "truewheel: 1") -> Document:
    """Return the document that `text` holds; its `problems` have what could not be read.

    `start` is how such a file may begin, for the hint about an empty one.

    Raises `Stop` (exit 2) where nothing more can be read: a syntax error, an empty file, one nested
    too deep.
    """
    if invisible := _invisible(text):
        place = _end_of(text[: invisible.start()], file)
        raise stop(
            place, f"the character {_codepoint(invisible[0])} is not allowed here", "remove it"
        )
    reader = _Reader(yaml.parse(text, Loader=Loader), file, start)
    try:
        return reader.document()
    except yaml.MarkedYAMLError as error:
        raise Stop([*reader.problems, syntax_problem(error, text, file)]) from None


def _at(mark: Any, file: str) -> Where:
    return Where(file, mark.line + 1, mark.column + 1)


def _end_of(text: str, file: str) -> Where:
    lines = re.split(r"\r\n?|\n", text)
    return Where(file, len(lines), len(lines[-1]) + 1)


def _invisible(text: str) -> re.Match[str] | None:
    """Return the first character that no editor shows."""
    # Nearly every text is plain, and the other pattern takes milliseconds to compile.
    if _PLAIN.fullmatch(text):
        return None
    return re.search(
        "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]", text
    )


def _codepoint(character: str) -> str:
    return f"U+{ord(character):04X}"


# What YAML's own messages mean, most of the time.
_SYNTAX_HINTS = {
    "mapping values are not allowed": "check the indentation; quote a text that has a colon",
    "cannot start any token": "quote the text: YAML reserves the character that it begins with",
    "unexpected end of stream": "close the quote",
    "escape": "in \"…\" a backslash begins an escape: write the text between ' and '",
    "expected ',' or": "close the bracket, or put a comma between its items",
    "expected node content": "close the bracket, or write the value that is missing",
    "unexpected ':'": "put a space after the colon",
}


def syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """Return what YAML's own error means to the author of `text`."""
    lines = text.splitlines()
    mark: Any = error.problem_mark
    if mark.line >= len(lines):  # the end of the file, which libyaml counts as a further line
        return Problem(Where(file, len(lines), len(lines[-1]) + 1), *_syntax_message(error))
    line = lines[mark.line]
    if line.lstrip(" ").startswith("\t") or line[mark.column : mark.column + 1] == "\t":
        return Problem(
            _at(mark, file), "a tab: YAML is indented with spaces", "replace the tab with spaces"
        )
    return Problem(_at(mark, file), *_syntax_message(error))


def _syntax_message(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    start, end = error.context_mark, error.problem_mark
    begun = (
        f" that begins on line {start.line + 1}" if start and end and start.line < end.line else ""
    )
    context = f" ({error.context}{begun})" if error.context else ""
    hints = (hint for part, hint in _SYNTAX_HINTS.items() if part in str(error.problem))
    hint = next(hints, "check indentation, quotes and brackets, here and on the line before")
    return f"not YAML: {error.problem}{context}", hint


class _Reader:
    """Turns the events of a document into plain data, and keeps the place of every value.

    It reads events, not nodes: with aliases, a node can be part of itself.
    """

    def __init__(self, events: Iterator[Any], file: str, start: str) -> None:
        self.file = file
        self._start = start
        self.problems: list[Problem] = []
        self._events = events
        self._places: dict[tuple[str | int, ...], Place] = {}

    def document(self) -> Document:
        """Return the one document of the stream."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise stop(Where(self.file, 1, 1), "the file is empty", f"start with: {self._start}")
        first = next(self._events)
        data = self._value(first, (), first.start_mark)
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._report(
                after,
                "a second document: only one is read",
                "remove the --- line, and what does not belong here",
            )
        return Document(self.file, data, self._places, tuple(self.problems))

    def _report(self, event: Any, message: str, hint: str) -> None:
        self.problems.append(Problem(_at(event.start_mark, self.file), message, hint))

    def _value(self, event: Any, route: tuple[str | int, ...], key: Any) -> Any:
        is_plain = isinstance(event, yaml.ScalarEvent) and not event.style
        self._places[route] = Place(event.start_mark, key, event.value if is_plain else None)
        if isinstance(event, yaml.AliasEvent):
            self._report(
                event,
                f"the alias *{event.anchor}: anchors and aliases are not read here",
                "write it out",
            )
            return None
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._report(
                event,
                f"the tag {show_value(tag)} is not read here",
                "write a plain or quoted value",
            )
            return self._skip(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self._check_depth(event, len(route) + 1)
        return (
            self._mapping(route)
            if isinstance(event, yaml.MappingStartEvent)
            else self._sequence(route)
        )

    def _check_depth(self, event: Any, depth: int) -> None:
        # libyaml takes longer for each further level, and nobody writes so many.
        if depth > MAX_DEPTH:
            self._report(event, f"nested more than {MAX_DEPTH} levels deep", "write it flatter")
            raise Stop(self.problems)

    def _skip(self, event: Any) -> None:
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
                event, yaml.CollectionEndEvent
            )
            if not depth:
                return
            self._check_depth(event, depth)
            event = next(self._events)

    def _sequence(self, route: tuple[str | int, ...]) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            data.append(self._value(event, (*route, len(data)), event.start_mark))
        return data

    def _mapping(self, route: tuple[str | int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if self._is_new_key(event, route):
                data[event.value] = self._value(
                    next(self._events), (*route, event.value), event.start_mark
                )
            else:
                self._skip(event)
                self._skip(next(self._events))
        return data

    def _is_new_key(self, event: Any, route: tuple[str | int, ...]) -> bool:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            self._report(
                event, "a key must be a plain word", "quote it, if it begins with [ { * or !"
            )
            return False
        if first := self._places.get((*route, event.value)):
            name, line = show_value(event.value), first.key.line + 1
            message = f"the key {name} is here twice, first on line {line}"
            self._report(event, message, "YAML would keep only the last: remove one")
        return first is None

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if invisible := _invisible(event.value):
            message = f"the escape of the character {_codepoint(invisible[0])} is not allowed here"
            return self._report(event, message, "remove it")
        tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        kind = tag.rsplit(":", 1)[-1]
        if kind in {"int", "float"}:
            return self._number(event, kind)
        if kind == "bool":
            return event.value.lower() in {"true", "yes", "on"}
        return None if kind == "null" else event.value

    def _number(self, event: yaml.ScalarEvent, kind: str) -> Any:
        # Python does not print numbers of thousands of digits.
        if len(event.value) <= MAX_DIGITS:
            with suppress(ValueError, OverflowError):
                node = yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", event.value)
                return getattr(_CONSTRUCTOR, f"construct_yaml_{kind}")(node)
        return self._report(
            event, f"{show_value(event.value)} cannot be read as a number", "quote it"
        )
