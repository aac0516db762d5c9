"""A GitLab file as data with places, read or made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from truewheel.errors import Where
from truewheel.spec.yaml_source import Document, Place, Route


class _Mark(NamedTuple):
    line: int
    column: int


@dataclass(frozen=True)
class Reference:
    """A `!reference [job, keyword]` and where it stands."""

    path: tuple[str, ...]
    where: Where

    def __str__(self) -> str:
        return f"!reference [{', '.join(self.path)}]"


@dataclass(frozen=True)
class GitlabFile(Document):
    """A GitLab file.

    `header` is its `spec:`, which is a YAML document of its own before the content.
    """

    header: Any = field(default_factory=dict)
    header_places: Mapping[tuple[Any, ...], Place] = field(default_factory=dict)
    has_header: bool = False

    def header_where(self, route: Route) -> Where:
        """Return the place of a key or value of `spec:`, or of its nearest parent."""
        if not self.header_places:  # made, not read
            return Where(self.file)
        header = Document(self.file, {}, self.header_places)
        return header.where(("spec", *route), key=bool(route) and isinstance(route[-1], str))


def plain(file: str, data: Mapping[str, Any]) -> GitlabFile:
    """Return a file that was not read but made: it has no places. `spec` in it is its header."""
    content = {key: value for key, value in data.items() if key != "spec"}
    return GitlabFile(
        file,
        content,
        {(): Place(_Mark(-1, -1), _Mark(-1, -1), None)},
        header=data.get("spec") or {},
    )


def numbered(file: str, data: Mapping[str, Any]) -> tuple[GitlabFile, list[tuple[Any, ...]]]:
    """Return a file that was made, and its routes: the line of a place, from 1, counts them."""
    content = {key: value for key, value in data.items() if key != "spec"}
    header = data.get("spec") or {}
    routes = [*_routes(content), *_routes({"spec": header})]
    marks = {route: _Mark(line, 0) for line, route in enumerate(routes)}
    places = {route: Place(mark, mark, None) for route, mark in marks.items()}
    return GitlabFile(file, content, places, header=header, header_places=places), routes


def _routes(value: Any, route: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield route
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _routes(inner, (*route, key))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _routes(inner, (*route, number))
