"""Mappings over mappings, as GitLab lays them: `include`, `extends` and `!reference`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.document import Reference
from truewheel.forges.gitlab.lint.expressions import UNKNOWN
from truewheel.forges.gitlab.lint.report import Report
from truewheel.forges.gitlab.lint.values import as_list, is_open, kind_of

REFERENCED_VALUES = 200_000
"""Values that all `!reference` together may bring.

Ten that name ten others, nine times, are a billion.
"""


def over(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return `above` laid over `below`: mappings are merged, all else is replaced."""
    merged = {**below, **above}
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(old := below.get(key), dict) and old is not value:
            merged[key] = over(old, value)
    return merged


class Extender:
    """Lays every entry over those that it extends."""

    def __init__(self, data: dict[Any, Any], report: Report) -> None:
        self.data = data
        self.report = report
        self.open: set[str] = set()
        self._done: dict[str, tuple[Any, int]] = {}
        self._path: list[str] = []

    def entry(self, name: Any) -> Any:
        """Return an entry with its `extends` followed."""
        value = self.data.get(name)
        return self._entry(name)[0] if isinstance(value, dict) and "extends" in value else value

    def _entry(self, name: str) -> tuple[Any, int]:
        """Return an entry as extended, and through how many others."""
        if name not in self._done:
            self._path.append(name)
            self._done[name] = self._extended(name)
            self._path.pop()
        return self._done[name]

    def _extended(self, name: str) -> tuple[Any, int]:
        value = self.data[name]
        if not isinstance(value, dict) or "extends" not in value:
            return value, 0
        merged: dict[Any, Any] = {}
        depth = 0
        for base in self._bases(name, value["extends"]):
            entry, below = self._entry(base)
            merged = over(merged, entry) if merged else entry
            depth = max(depth, below + 1)
            if base in self.open:
                self.open.add(name)
        if depth == limits.EXTENDS_DEPTH + 1:
            levels = f"through {depth} others, of at most {limits.EXTENDS_DEPTH}"
            message = f"{name}: extends is nested too deep: {levels}"
            self.report.add("extends-depth", (name, "extends"), message, "extend fewer at a time")
        return over(merged, value), depth

    def _bases(self, name: str, extends: Any) -> list[str]:
        return [base for base in as_list(extends) if self._is_base(name, base)]

    def _is_base(self, name: str, base: Any) -> bool:
        if is_open(base):
            self.open.add(name)
            return False
        if not isinstance(base, str):
            message = f"{name}: extends must be the name of a job, not {kind_of(base)}"
            self.report.add("wrong-type", (name, "extends"), message)
            return False
        if base in self._path:
            around = " → ".join([*self._path[self._path.index(base) :], base])
            self.report.add(
                "extends-cycle", (name, "extends"), f"{name}: extends goes in a circle: {around}"
            )
            return False
        if isinstance(self.data.get(base), dict):
            return True
        self.open.add(name)
        fault = "which is no job" if base in self.data else "and there is no such job"
        message = f"{name} extends {base!r}, {fault}"
        self.report.missing("missing-extends", (name, "extends"), message, base, self.data)
        return False


class Dereferencer:
    """Puts what it names in the place of every `!reference`."""

    def __init__(self, extender: Extender, report: Report) -> None:
        self.extender = extender
        self.report = report
        self._done: dict[int, Any] = {}
        self._found: dict[tuple[str, ...], Any] = {}
        self._path: list[tuple[str, ...]] = []
        self._sizes: dict[int, int] = {}
        self._left = REFERENCED_VALUES

    def resolve(self, value: Any) -> Any:
        """Return a value without references; the very same object where there are none in it."""
        if isinstance(value, Reference):
            return self._named(value)
        if not isinstance(value, (dict, list)):
            return value
        if id(value) not in self._done:
            self._done[id(value)] = self._container(value)
        return self._done[id(value)]

    def _container(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return value if all(new is old for new, old in zip(items, value)) else items
        pairs = {key: self.resolve(item) for key, item in value.items()}
        return value if all(pairs[key] is value[key] for key in value) else pairs

    def _named(self, reference: Reference) -> Any:
        path = reference.path
        if path in self._path:
            message = f"{reference} goes in a circle"
            self.report.at(
                "reference-cycle",
                reference.where,
                message,
                "name something that does not refer back",
            )
            return UNKNOWN
        if path not in self._found:
            self._path.append(path)
            self._found[path] = self._look_up(reference)
            self._path.pop()
        return self._affordable(reference, self._found[path])

    def _affordable(self, reference: Reference, value: Any) -> Any:
        """Return a value, unless more was put in place by now than a reader can hold."""
        was_enough, self._left = self._left >= 0, self._left - self._size(value)
        if self._left >= 0:
            return value
        if was_enough:
            message = (
                f"{reference}: all !reference together bring more than {REFERENCED_VALUES} values"
            )
            self.report.at(
                "reference-size",
                reference.where,
                message,
                "name what is needed once; write extends",
            )
        return UNKNOWN

    def _size(self, value: Any) -> int:
        """Return of how many values a value is made up, with what is in it several times."""
        if not isinstance(value, (dict, list)):
            return 1
        if id(value) not in self._sizes:
            items = value.values() if isinstance(value, dict) else value
            self._sizes[id(value)] = 1 + sum(map(self._size, items))
        return self._sizes[id(value)]

    def _look_up(self, reference: Reference) -> Any:
        value = self.extender.entry(reference.path[0])
        for part in reference.path[1:]:
            value = value.get(part) if isinstance(value, dict) else None
        value = self.resolve(value)
        if value is UNKNOWN:
            return UNKNOWN
        if value is None or value is False:
            message = f"{reference} could not be found"
            self.report.missing(
                "missing-reference", reference.where, message, reference.path[0], self.extender.data
            )
            return UNKNOWN
        return value
