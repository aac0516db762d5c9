"""Read hand-written GitLab files as GitLab does, with places.

They are YAML with anchors, merge keys and `!reference`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

import yaml

from truewheel.errors import Problem, Stop, Where, show_value
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import scalars
from truewheel.forges.gitlab.lint.document import GitlabFile, Reference
from truewheel.forges.gitlab.lint.expressions import UNKNOWN
from truewheel.forges.gitlab.lint.findings import Finding
from truewheel.spec.yaml_source import Document, Loader, Place, syntax_problem

# What libyaml itself refuses.
_FORBIDDEN = re.compile(
    "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def load(raw: bytes, file: str) -> GitlabFile:
    """Return the GitLab file that `raw` holds; what is wrong with it is in its `problems`.

    Raises `Stop` (exit 2) where nothing more can be read.
    """
    text = _decoded(raw, file)
    reader = _Reader(yaml.parse(text, Loader=Loader), file)
    try:
        return reader.file_read()
    except yaml.MarkedYAMLError as error:
        problem = syntax_problem(error, text, file)
        finding = Finding(problem.where, problem.message, problem.hint, code="syntax")
        raise Stop([*reader.problems, finding]) from None
    except yaml.YAMLError as error:
        raise Stop(
            [*reader.problems, Finding(Where(file, 1, 1), f"not YAML: {error}", code="syntax")]
        ) from None


def _decoded(raw: bytes, file: str) -> str:
    if len(raw) > limits.YAML_BYTES:
        message = f"too large: GitLab reads at most {limits.YAML_BYTES // 2**20} MiB"
        raise Stop([Finding(Where(file, 1, 1), message, "include several files", code="too-large")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Stop(
            [Finding(Where(file, line, 1), "not UTF-8", "save the file as UTF-8", code="syntax")]
        ) from None
    if forbidden := _FORBIDDEN.search(text):
        line = text.count("\n", 0, forbidden.start()) + 1
        column = forbidden.start() - text.rfind("\n", 0, forbidden.start())
        message = f"the character U+{ord(forbidden[0]):04X} is not allowed"
        raise Stop([Finding(Where(file, line, column), message, "remove it", code="syntax")])
    return text


class _Document(NamedTuple):
    data: Any
    places: dict[tuple[Any, ...], Place]
    event: Any


class _Reader:
    """Turns the events of a file into data. What an alias stands for is shared, not copied."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._events = events
        self._places: dict[tuple[Any, ...], Place] = {}
        self._anchors: dict[str, Any] = {}
        self._open: set[str] = set()

    def file_read(self) -> GitlabFile:
        """Return the file: its first document, or the one behind a header with `spec:`."""
        documents = list(self._documents())
        if not documents:
            raise Stop(
                [Finding(Where(self.file, 1, 1), "the file is empty", "write a job", code="empty")]
            )
        for document in documents[:2]:
            if not isinstance(document.data, dict):
                self._report(
                    document.event,
                    "not-mapping",
                    "must be a mapping: keywords and jobs with their values",
                )
                raise Stop(self.problems)
        has_header = len(documents) > 1 and "spec" in documents[0].data
        content = documents[1] if has_header else documents[0]
        if len(documents) > 1 + has_header:
            message = "a further document, which GitLab does not read"
            self._report(
                documents[1 + has_header].event, "unread", message, "remove the ---", "warning"
            )
        data, places, _ = content
        file = GitlabFile(self.file, data, places, tuple(self.problems))
        return self._with_header(documents[0], file) if has_header else file

    def _with_header(self, document: _Document, file: GitlabFile) -> GitlabFile:
        file = replace(
            file,
            header=document.data["spec"] or {},
            header_places=document.places,
            has_header=True,
        )
        for key in document.data.keys() - {"spec"}:
            message = f"spec must stand alone in the first document, without {key}"
            where = Document(self.file, document.data, document.places).where((key,), key=True)
            finding = Finding(where, message, "move it below the ---", code="unknown-key")
            file = replace(file, problems=(*file.problems, finding))
        return file

    def _documents(self) -> Iterator[_Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._places, self._anchors = {}, {}
                first = next(self._events)
                data = self._value(first, (), first.start_mark)
                if data is not None:
                    yield _Document(data, self._places, first)

    def _report(
        self, event: Any, code: str, message: str, hint: str = "", severity: str = "error"
    ) -> None:
        self.problems.append(Finding(self._where(event), message, hint, severity, code))

    def _where(self, event: Any) -> Where:
        return Where(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _value(self, event: Any, route: tuple[Any, ...], key: Any) -> Any:
        is_plain = isinstance(event, yaml.ScalarEvent) and not event.style
        self._places[route] = Place(event.start_mark, key, event.value if is_plain else None)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if isinstance(event, yaml.ScalarEvent):
            data = self._scalar(event)
        else:
            if len(route) >= limits.YAML_DEPTH:
                self._report(
                    event,
                    "too-deep",
                    f"nested more than {limits.YAML_DEPTH} levels deep",
                    "write it flatter",
                )
                raise Stop(self.problems)
            data = self._collection(event, route)
        if event.anchor:
            self._anchors[event.anchor] = data
        return data

    def _alias(self, event: Any) -> Any:
        if event.anchor in self._anchors:
            return self._anchors[event.anchor]
        if event.anchor in self._open:
            message = f"the alias *{event.anchor} stands within what it stands for"
        else:
            message = (
                f"the alias *{event.anchor} has no anchor &{event.anchor} before it in this file"
            )
        self._report(
            event,
            "unknown-alias",
            message,
            "anchors reach only their own file: write !reference, or extends",
        )
        return UNKNOWN

    def _collection(self, event: Any, route: tuple[Any, ...]) -> Any:
        if event.anchor:
            self._open.add(event.anchor)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        data = self._mapping(route) if is_mapping else self._sequence(route)
        self._open.discard(event.anchor)
        return self._reference(event, data) if event.tag == "!reference" else data

    def _sequence(self, route: tuple[Any, ...]) -> list[Any]:
        data: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            data.append(self._value(event, (*route, len(data)), event.start_mark))
        return data

    def _mapping(self, route: tuple[Any, ...]) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        typed: dict[Any, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, route)
            if key == "<<":
                self._merge(data, event, route)
                continue
            if key in typed:
                message = (
                    f"the key {show_value(key)} is here twice, first on line {typed[key]}: GitLab "
                    "keeps this one"
                )
                self._report(event, "duplicate-key", message, "remove one", "warning")
            typed[key] = event.start_mark.line + 1
            data[key] = self._value(next(self._events), (*route, key), event.start_mark)
        return data

    def _key(self, event: Any, route: tuple[Any, ...]) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self._report(
            event, "odd-key", "a key must be a plain word", "quote it, if it begins with [ { or *"
        )
        if isinstance(event, yaml.AliasEvent):
            return f"*{event.anchor}"
        self._collection(event, (*route, "?"))
        return "?"

    def _merge(self, data: dict[Any, Any], key: Any, route: tuple[Any, ...]) -> None:
        """Apply merge keys as Ruby's YAML does.

        Merged keys replace earlier keys of the mapping, and are replaced by later ones.
        """
        event = next(self._events)
        value = self._value(event, (*route, "<<"), key.start_mark)
        parts = (
            value[::-1]
            if isinstance(value, list) and isinstance(event, yaml.SequenceStartEvent)
            else [value]
        )
        if any(not isinstance(part, dict) and part is not UNKNOWN for part in parts):
            data["<<"] = value
            return
        for part in parts:
            merged = {} if part is UNKNOWN else part
            data.update(merged)
            self._places.update(
                {(*route, name): Place(event.start_mark, key.start_mark, None) for name in merged}
            )

    def _reference(self, event: Any, data: Any) -> Any:
        if isinstance(data, list) and data and all(isinstance(part, str) for part in data):
            return Reference(tuple(data), self._where(event))
        self._report(
            event,
            "bad-reference",
            "!reference takes a list of names",
            "such as: !reference [.setup, script]",
        )
        return UNKNOWN

    def _scalar(self, event: Any) -> Any:
        if event.tag == "!reference":
            return self._reference(event, event.value)
        if event.style or event.tag:
            return self._tagged(event) if event.tag else event.value
        value = scalars.read(event.value)
        if isinstance(value, date):
            hint = "quote it: GitLab refuses dates"
            self._report(
                event, "date", f"{event.value} is read as a date, which GitLab does not take", hint
            )
            return event.value
        return value

    def _tagged(self, event: Any) -> Any:
        kind = event.tag.rsplit(":", 1)[-1]
        if event.tag.startswith("!ruby/"):
            self._report(event, "odd-tag", f"GitLab refuses the tag {event.tag}", "remove it")
        return (
            scalars.read(event.value) if kind in {"int", "float", "bool", "null"} else event.value
        )
