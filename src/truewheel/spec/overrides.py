"""What a project changes in generated jobs.

Mappings are merged deeply, all else is replaced, null removes a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSet
from typing import Any

from truewheel.errors import Problem
from truewheel.spec.yaml_source import Document

Fields = Mapping[str, Any]
Route = tuple[str, ...]


def merged(
    fields: Fields, patch: Fields, inherited: Fields, removed: MutableSet[Route], at: Route = ()
) -> dict[str, Any]:
    """Return the fields of a job, or of a mapping in it, with a patch.

    `inherited` are those of the job that it extends: what is removed here and comes from there is
    set to null. The routes of what is removed are added to `removed`.
    """
    made = dict(fields)
    for key, value in patch.items():
        above, old, route = inherited.get(key), made.get(key), (*at, key)
        if value is None:
            if key in made or above is not None:
                removed.add(route)
            made.pop(key, None)
            if above is not None:
                made[key] = None
        elif isinstance(value, dict):
            own = old if isinstance(old, dict) else {}
            made[key] = merged(own, value, above if isinstance(above, dict) else {}, removed, route)
        else:
            made[key] = value
    return made


def restricted(patch: Fields, fields: Fields) -> dict[str, Any]:
    """Return the part of a patch that speaks of what the fields have themselves."""
    part = {}
    for key in patch.keys() & fields.keys():
        value, own = patch[key], fields[key]
        deeper = (
            restricted(value, own) if isinstance(value, dict) and isinstance(own, dict) else value
        )
        if deeper != {} or value == {}:
            part[key] = deeper
    return part


def removals(patch: Fields, at: Route = ()) -> Iterator[Route]:
    """Yield the routes of all that a patch removes."""
    for key, value in patch.items():
        if value is None:
            yield (*at, key)
        elif isinstance(value, dict):
            yield from removals(value, (*at, key))


def misread(document: Document, value: Any, route: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield a problem for every value at a route that YAML reads as another than what is written there.

    No key of a job takes a fraction: what looks like one is a version, and 3.10 would become 3.1.
    """
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from misread(document, item, (*route, key))
    elif isinstance(value, (bool, int, float)):
        raw, read = document.raw(route), str(value).lower()
        if isinstance(value, float) or raw is None or raw.lower() != read:
            kind = "boolean" if isinstance(value, bool) else "number"
            yield document.problem(
                route, f"{raw} is read as the {kind} {read}", f"quote it: '{raw}'"
            )
