"""Merges what a project changes into generated jobs.

Mappings are merged key by key, other values are replaced, null removes a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableSet
from typing import Any

from truewheel.errors import Problem
from truewheel.spec.yaml_source import Document

Fields = Mapping[str, Any]
Route = tuple[str, ...]


def merge(
    fields: Fields, patch: Fields, inherited: Fields, removed: MutableSet[Route], at: Route = ()
) -> dict[str, Any]:
    """Return the fields of a job, or of a mapping in it, with a patch.

    `inherited` are those of the job that it extends: a key that is removed, and comes from there,
    is set to null. The routes of removed keys are added to `removed`.
    """
    result = dict(fields)
    for key, value in patch.items():
        above, old, route = inherited.get(key), result.get(key), (*at, key)
        if value is None:
            if key in result or above is not None:
                removed.add(route)
            result.pop(key, None)
            if above is not None:
                result[key] = None
        elif isinstance(value, dict):
            old = old if isinstance(old, dict) else {}
            above = above if isinstance(above, dict) else {}
            result[key] = merge(old, value, above, removed, route)
        else:
            result[key] = value
    return result


def restrict(patch: Fields, fields: Fields) -> dict[str, Any]:
    """Return the part of a patch whose keys the fields have themselves."""
    part = {}
    for key in patch.keys() & fields.keys():
        value, old = patch[key], fields[key]
        if isinstance(value, dict) and isinstance(old, dict):
            below = restrict(value, old)
            if not below and value:
                continue
            value = below
        part[key] = value
    return part


def find_removals(patch: Fields, at: Route = ()) -> Iterator[Route]:
    """Yield the routes of all keys that a patch removes."""
    for key, value in patch.items():
        if value is None:
            yield (*at, key)
        elif isinstance(value, dict):
            yield from find_removals(value, (*at, key))


def find_misread(document: Document, value: Any, route: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield a problem for every value at a route that YAML reads as another than is written.

    No key of a job takes a fraction: what looks like one is a version, and 3.10 would become 3.1.
    """
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from find_misread(document, item, (*route, key))
    elif isinstance(value, (bool, int, float)):
        raw, read = document.raw(route), str(value).lower()
        if isinstance(value, float) or raw is None or raw.lower() != read:
            kind = "boolean" if isinstance(value, bool) else "number"
            yield document.problem(
                route, f"{raw} is read as the {kind} {read}", f"quote it: '{raw}'"
            )
