"""Archives of a target's wheels, named from the facts of the wheels in them."""

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
    package or a fact that the spec does not have.
    """
    places: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.target, cell.arch), []).append(cell)
    result = tuple(
        _archive(spec, name, members, problems)
        for name, rule in spec.archives.items()
        if _is_known(spec, name)
        for (target, _), members in places.items()
        if target in rule.targets
    )
    problems += _equal_names(spec, result)
    return result


def _is_known(spec: Spec, name: str) -> bool:
    rule = spec.archives[name]
    routes = {
        ("archives", name, "targets", number): target for number, target in enumerate(rule.targets)
    }
    problems = [
        spec.document.problem(
            route, f"no target {target!r}", f"targets of this file: {', '.join(spec.targets)}"
        )
        for route, target in routes.items()
        if target not in spec.targets
    ]
    if rule.package not in spec.packages:
        hint = f"packages of this file: {', '.join(spec.packages)}"
        problems.append(
            spec.document.problem(
                ("archives", name, "package"), f"no package {rule.package!r}", hint
            )
        )
    if problems:
        raise Stop(problems)
    return True


def _archive(spec: Spec, name: str, members: Sequence[Cell], problems: list[Problem]) -> Archive:
    rule, first = spec.archives[name], members[0]
    named = next((cell for cell in members if cell.package == rule.package), None)
    problem: tuple[str, str] | None = None
    filled = None
    if named is None:
        problem = (
            f"{first.target} {first.arch} has no wheel of {rule.package}",
            "name a package that is built there",
        )
    else:
        filled = template.fill_first(rule.name, _values(spec, name, named))
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
        cells=tuple(cell.id for cell in members),
    )


def _values(spec: Spec, name: str, cell: Cell) -> dict[str, str | None]:
    values = {name: fact.value for name, fact in cell.facts.items()}
    values |= {
        "version": cell.version,
        "build": cell.build or None,
        "target": cell.target,
        "arch": cell.arch,
    }
    names = [field for text in spec.archives[name].name for field in template.fields(text)]
    if unknown := sorted({field for field in names if field not in values}):
        message = f"the archive {name}: no fact {', '.join(unknown)}"
        hint = f"it can use: {', '.join(sorted(values))}"
        raise Stop([spec.document.problem(("archives", name, "name"), message, hint)])
    return values


def _equal_names(spec: Spec, archives: Iterable[Archive]) -> Iterator[Problem]:
    first: dict[str, Archive] = {}
    for archive in archives:
        other = first.setdefault(archive.file, archive)
        if other is not archive:
            message = (
                f"two archives get one name, {archive.file}: "
                f"{other.name} of {other.target} {other.arch} and "
                f"{archive.name} of {archive.target} {archive.arch}"
            )
            yield spec.document.problem(
                ("archives", archive.name, "name"), message, "add {target} or {arch} to the name"
            )
