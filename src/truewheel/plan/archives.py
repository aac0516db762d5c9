"""Archives of a target's wheels, such as the .zip of an RPM-based image, named from the facts of the wheels in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from truewheel.errors import Problem, Stop
from truewheel.plan.model import Archive, Cell
from truewheel.spec import template
from truewheel.spec.model import Spec

FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,250}", re.ASCII)


def archives(spec: Spec, cells: Iterable[Cell], problems: list[Problem]) -> tuple[Archive, ...]:
    """Return the archives of a plan, one for each target and architecture that has cells.

    What is wrong with their names is added to `problems`. Raises `Stop` (exit 2) for a target, a
    package or a fact that there is not.
    """
    places: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.target, cell.arch), []).append(cell)
    made = tuple(
        _archive(spec, name, inside, problems)
        for name, rule in spec.archives.items()
        if _is_known(spec, name)
        for (target, _), inside in places.items()
        if target in rule.targets
    )
    problems += _alike(spec, made)
    return made


def _is_known(spec: Spec, name: str) -> bool:
    rule = spec.archives[name]
    routes = {
        ("archives", name, "targets", number): target for number, target in enumerate(rule.targets)
    }
    found = [
        spec.document.problem(
            route, f"no target {target!r}", f"targets of this file: {', '.join(spec.targets)}"
        )
        for route, target in routes.items()
        if target not in spec.targets
    ]
    if rule.package not in spec.packages:
        hint = f"packages of this file: {', '.join(spec.packages)}"
        found.append(
            spec.document.problem(
                ("archives", name, "package"), f"no package {rule.package!r}", hint
            )
        )
    if found:
        raise Stop(found)
    return True


def _archive(spec: Spec, name: str, inside: Sequence[Cell], problems: list[Problem]) -> Archive:
    rule, first = spec.archives[name], inside[0]
    named = next((cell for cell in inside if cell.package == rule.package), None)
    problem: tuple[str, str] | None = None
    filled = None
    if named is None:
        problem = (
            f"{first.target} {first.arch} has no wheel of {rule.package}",
            "name a package that is built there",
        )
    else:
        filled = template.first(rule.name, _values(spec, name, named))
        if filled is None:
            problem = (
                "no name: each of its templates has a field without a value",
                "add a template without it",
            )
        elif not FILE.fullmatch(filled):
            problem = (
                f"{filled!r} is no file name",
                "letters and digits, with . _ + - inside, 251 at most",
            )
    if problem:
        problems.append(
            spec.document.problem(
                ("archives", name, "name"), f"the archive {name}: {problem[0]}", problem[1]
            )
        )
    return Archive(
        name=name,
        target=first.target,
        arch=first.arch,
        file=f"{filled or name}.zip",
        cells=tuple(cell.id for cell in inside),
    )


def _values(spec: Spec, name: str, cell: Cell) -> dict[str, str | None]:
    values = {fact: each.value for fact, each in cell.facts.items()}
    values |= {
        "version": cell.version,
        "build": cell.build or None,
        "target": cell.target,
        "arch": cell.arch,
    }
    asked = [field for text in spec.archives[name].name for field in template.fields(text)]
    if unknown := sorted({field for field in asked if field not in values}):
        message = f"the archive {name}: no fact {', '.join(unknown)}"
        hint = f"there is {', '.join(sorted(values))}"
        raise Stop([spec.document.problem(("archives", name, "name"), message, hint)])
    return values


def _alike(spec: Spec, made: Iterable[Archive]) -> Iterator[Problem]:
    first: dict[str, Archive] = {}
    for archive in made:
        other = first.setdefault(archive.file, archive)
        if other is not archive:
            message = (
                f"two archives get one name, {archive.file}: {other.name} of {other.target} {other.arch} and "
                f"{archive.name} of {archive.target} {archive.arch}"
            )
            yield spec.document.problem(
                ("archives", archive.name, "name"), message, "add {target} or {arch} to the name"
            )
