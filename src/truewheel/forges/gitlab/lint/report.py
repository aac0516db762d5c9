"""Collects the findings about a pipeline, at the places where a person can correct them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from truewheel.errors import Problem, Where, suggest
from truewheel.forges.gitlab.lint.document import GitlabFile
from truewheel.forges.gitlab.lint.findings import Finding
from truewheel.forges.gitlab.lint.values import text_or_items

Route = tuple[Any, ...]


class Report:
    """The findings of one pipeline. Places are searched in `files`, those that win first."""

    def __init__(self) -> None:
        self.findings: list[Problem] = []
        self.files: list[GitlabFile] = []
        self.is_open = False
        self.data: Mapping[Any, Any] = {}

    def add(
        self, code: str, route: Route, message: str, hint: str = "", severity: str = "error"
    ) -> None:
        """Add what was found at a route, which begins with a job or a keyword."""
        self.at(code, self.where(route), message, hint, severity)

    def at(
        self, code: str, where: Where, message: str, hint: str = "", severity: str = "error"
    ) -> None:
        """Add what was found at a place."""
        self.findings.append(Finding(where, message, hint, severity, code))

    def missing(
        self,
        code: str,
        place: Route | Where,
        message: str,
        name: str,
        known: Iterable[Any],
        hint: str = "",
    ) -> None:
        """Add the finding that a name is missing.

        It is a warning where the name may come from a file that was not read.
        """
        where = place if isinstance(place, Where) else self.where(place)
        hint = suggest(
            name, [key for key in known if isinstance(key, str) and key != name], hint, cutoff=0.75
        )
        if self.is_open:
            message += " in the files that were read"
        self.at(code, where, message, hint, "warning" if self.is_open else "error")

    def where(self, route: Route) -> Where:
        """Return the nearest known place of a route: in the job itself, or in what it extends."""
        best, length = self.files[0].where(), 0
        for name in self._lineage(route[0]) if route else ():
            for file in [self.files[0], *self.files[:0:-1]]:
                depth = _depth((name, *route[1:]), file)
                if depth > length:
                    best, length = _place((name, *route[1:])[:depth], file), depth
        return best

    def _lineage(self, name: Any) -> Iterable[Any]:
        seen = [name]
        for one in seen:
            value = self.data.get(one)
            bases = value.get("extends") if isinstance(value, dict) else None
            listed = text_or_items(bases)
            seen += [
                base for base in reversed(listed) if isinstance(base, str) and base not in seen
            ]
        return seen


def _depth(route: Route, file: GitlabFile) -> int:
    return next((end for end in range(len(route), 0, -1) if route[:end] in file.places), 0)


def _place(route: Route, file: GitlabFile) -> Where:
    if file.places[()].value.line < 0:  # made, not read
        return Where(file.file)
    return file.where(route, key=len(route) == 1 or isinstance(route[-1], str))
