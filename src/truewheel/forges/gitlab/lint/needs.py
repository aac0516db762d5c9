"""What a job needs, in all the forms that `needs` may have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.forges.gitlab.lint.values import is_open

_MATRIX = r"\$\[\[\s*matrix\.([A-Za-z0-9_-]+)\s*\]\]"


class Need(NamedTuple):
    """A need on a job of the same pipeline, and the route to it below `needs`."""

    job: str
    is_optional: bool
    parallel: Any
    route: tuple[Any, ...]


def same_pipeline(needs: Any) -> list[Need]:
    """Return the needs on jobs of the same pipeline, without unreadable ones."""
    listed = needs if isinstance(needs, list) else [needs]
    parsed = (_need(item, route) for item, route in _flat(listed, ()))
    return [need for need in parsed if need and need.job.strip() and not is_open(need.job)]


def _flat(items: list[Any], route: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    for index, item in enumerate(items):
        if isinstance(item, list):
            yield from _flat(item, (*route, index))
        else:
            yield item, (*route, index)


def _need(item: Any, route: tuple[Any, ...]) -> Need | None:
    if isinstance(item, str):
        return Need(item, False, None, route)
    if (
        not isinstance(item, dict)
        or {"pipeline", "project"} & item.keys()
        or not isinstance(item.get("job"), str)
    ):
        return None
    return Need(item["job"], item.get("optional") is True, item.get("parallel"), route)


def matrix_names(needs: Any) -> set[str]:
    """Return the variables that `$[[ matrix.NAME ]]` names anywhere in `needs`."""
    if isinstance(needs, str):
        return set(re.findall(_MATRIX, needs)) if "$[[" in needs else set()
    if isinstance(needs, dict):
        needs = list(needs.values())
    parts = needs if isinstance(needs, list) else []
    return {name for part in parts for name in matrix_names(part)}


def filled(needs: Any, variables: Mapping[str, str]) -> Any:
    """Return `needs` with the values of a parallel job's variables put in."""
    if isinstance(needs, str):
        return re.sub(_MATRIX, lambda match: variables.get(match[1], match[0]), needs)
    if isinstance(needs, list):
        return [filled(part, variables) for part in needs]
    return (
        {key: filled(part, variables) for key, part in needs.items()}
        if isinstance(needs, dict)
        else needs
    )
