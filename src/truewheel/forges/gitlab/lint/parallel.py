"""The jobs that `parallel` makes of one, under the names that GitLab gives them."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.values import as_text


class Instance(NamedTuple):
    """One of several parallel jobs: its full name and the variables of its place in the matrix."""

    name: str
    variables: dict[str, str]


def count(parallel: Any) -> int:
    """Return how many jobs `parallel` makes; 1 where that cannot be told."""
    if isinstance(parallel, int) and not isinstance(parallel, bool):
        return parallel
    return sum(_size(row) for row in _rows(parallel)) if _rows(parallel) else 1


def _rows(parallel: Any) -> list[dict[str, Any]]:
    matrix = parallel.get("matrix") if isinstance(parallel, dict) else None
    return [row for row in matrix if isinstance(row, dict)] if isinstance(matrix, list) else []


def _size(row: dict[str, Any]) -> int:
    size = 1
    for values in row.values():
        size *= len(values) if isinstance(values, list) else 1
    return size


def expand(name: str, parallel: Any) -> list[Instance]:
    """Return the jobs of one name: that one alone if it is not parallel, or has too many jobs."""
    many = count(parallel)
    if not 1 <= many <= limits.PARALLEL:
        return [Instance(name, {})]
    if isinstance(parallel, int) and not isinstance(parallel, bool):
        return [Instance(f"{name} {number}/{many}", {}) for number in range(1, many + 1)]
    instances = [instance for row in _rows(parallel) for instance in _instances(name, row)]
    return instances or [Instance(name, {})]


def _instances(name: str, row: dict[str, Any]) -> list[Instance]:
    lists = [values if isinstance(values, list) else [values] for values in row.values()]
    instances = []
    for values in product(*lists):
        texts = [as_text(value) for value in values]
        instances.append(Instance(f"{name}: [{', '.join(texts)}]", dict(zip(map(str, row), texts))))
    return instances
