"""Which value of the spec a value of a generated file comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from truewheel.forges.gitlab import limits
from truewheel.spec.model import Spec

Route = tuple[Any, ...]


def find_origin(route: Route, document: Mapping[str, Any], spec: Spec) -> Route:
    """Return the route in the spec for a route in a generated document; () for none."""
    if not route:
        return ()
    if route[0] in _TOP_LEVEL:
        return _TOP_LEVEL[route[0]](route, document, spec)
    name = _without_prefix(str(route[0]), spec)
    if name in spec.gitlab.jobs:
        return ("gitlab", "jobs", name, *route[1:])
    if len(route) == 1:  # the name itself
        return ("gitlab", "prefix") if spec.gitlab.own_prefix else ()
    return next(_origins(name, route, document, spec), ())


def find_include(path: str, spec: Spec) -> Route:
    """Return the entry of `gitlab.include` that a file of the project is, else the key."""
    for number, entry in enumerate(spec.gitlab.include):
        local = entry if isinstance(entry, str) else entry.get("local")
        if str(local).lstrip("/") == path:
            return ("gitlab", "include", number)
    return ("gitlab", "include")


def _without_prefix(name: str, spec: Spec) -> str:
    prefix, dot = spec.gitlab.own_prefix, "." if name.startswith(".") else ""
    return dot + name.removeprefix(dot).removeprefix(prefix)


def _origins(name: str, route: Route, document: Mapping[str, Any], spec: Spec) -> Iterator[Route]:
    """Yield the values of the spec that a value of a generated job may be, the likeliest first."""
    key, value = route[1], _value(document, route[:2])
    overrides = spec.gitlab.overrides
    patches = [selector for selector in overrides if key in overrides[selector]]
    equal = [
        selector
        for selector in patches
        if _value(overrides[selector], route[1:]) == _value(document, route)
    ]
    yield from (("gitlab", "overrides", selector, *route[1:]) for selector in equal)
    if key in _KEYS:
        yield from _KEYS[key](name, route, value, spec)
    yield from (("gitlab", "overrides", selector, *route[1:]) for selector in patches)


def _value(data: Any, route: Route) -> Any:
    for step in route:
        if isinstance(data, list | tuple):
            data = data[step] if isinstance(step, int) and step < len(data) else None
        else:
            data = data.get(step) if isinstance(data, Mapping) else None
    return data


def _of_tags(name: str, _: Route, value: Any, spec: Spec) -> Iterator[Route]:
    """Yield the runners with these tags: those of the job's architecture first."""
    tables = {"runners": spec.gitlab.runners, "test_runners": spec.gitlab.test_runners}
    if name.lstrip(".").startswith("test"):
        tables = dict(reversed(tables.items()))
    places = [
        (key, arch)
        for key, table in tables.items()
        for arch, tags in table.items()
        if list(tags) == value
    ]
    places.sort(key=lambda place: place[1] not in name.split(":"))
    yield from (("gitlab", *place) for place in places)
    if list(spec.gitlab.tool_runner) == value:
        yield ("gitlab", "tool_runner")


def _of_artifacts(_: str, route: Route, __: Any, ___: Spec) -> Iterator[Route]:
    if route[2:] == ("expire_in",):
        yield ("gitlab", "expire_in")


def _of_stage(_: str, __: Route, value: Any, spec: Spec) -> Iterator[Route]:
    yield from (
        ("gitlab", "stages", ours) for ours, stage in spec.gitlab.stages.items() if stage == value
    )


def _of_needs(_: str, __: Route, value: Any, spec: Spec) -> Iterator[Route]:
    """Yield the prefix where it makes the names of jobs too long."""
    names = [need.get("job") if isinstance(need, dict) else need for need in value or ()]
    if spec.gitlab.own_prefix and any(len(str(name)) > limits.JOB_NAME for name in names):
        yield ("gitlab", "prefix")


def _of_image(_: str, __: Route, value: Any, spec: Spec) -> Iterator[Route]:
    if value == spec.gitlab.tool_image:
        yield ("gitlab", "tool_image")
    for name, target in spec.targets.items():
        for key in ("base", "test_image"):
            if getattr(target, key) == value:
                yield ("targets", name, key)
    if value == spec.images.job_image:
        yield ("images", "job_image")


def _of_variables(_: str, route: Route, __: Any, spec: Spec) -> Iterator[Route]:
    if route[2:3] and route[2] in spec.variables:
        yield ("variables", route[2])


def _of_environment(_: str, __: Route, value: Any, spec: Spec) -> Iterator[Route]:
    index = str(_value(value, ("name",)) or "").rpartition("/")[2]
    if index in spec.indexes:
        yield ("indexes", index)


def _of_setup(_: str, route: Route, value: Any, spec: Spec) -> Iterator[Route]:
    line = _value(value, route[2:3])
    if line in spec.setup:
        yield ("setup", spec.setup.index(line))


_KEYS = {
    "tags": _of_tags,
    "artifacts": _of_artifacts,
    "stage": _of_stage,
    "needs": _of_needs,
    "image": _of_image,
    "variables": _of_variables,
    "environment": _of_environment,
    "before_script": _of_setup,
}
"""By a key of jobs that the spec has a say in."""


def _declared(route: Route, _: Mapping[str, Any], spec: Spec) -> Route:
    name = route[-1] if route[-1] in spec.variables else next(iter(route[1:2]), "")
    return ("variables", name) if name in spec.variables else ()


def _header(route: Route, _: Mapping[str, Any], spec: Spec) -> Route:
    names = [name for name in route if name in spec.variables]
    return ("variables", names[0]) if names else ("gitlab", "inputs")


def _included(route: Route, document: Mapping[str, Any], spec: Spec) -> Route:
    """Return the place of a file of the project: those stand behind the generated ones."""
    listed = document.get("include") or ()
    if len(route) < 2:
        return ("gitlab", "include") if spec.gitlab.include else ()
    number = route[1] - (len(listed) - len(spec.gitlab.include))
    return ("gitlab", "include", number, *route[2:]) if number >= 0 else ()


def _staged(route: Route, document: Mapping[str, Any], spec: Spec) -> Route:
    value = _value(document, route)
    stages = list(spec.gitlab.own_stages)
    return ("gitlab", "own_stages", stages.index(value)) if value in stages else ()


_TOP_LEVEL = {
    "variables": _declared,
    "spec": _header,
    "include": _included,
    "stages": _staged,
}
