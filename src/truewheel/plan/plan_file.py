"""Writes a plan as the text of plan.json, which all jobs read, and reads it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from truewheel.errors import Problem, Stop, Where, show_value, stop
from truewheel.plan.model import (
    Archive,
    Build,
    Cell,
    Copy,
    Fact,
    Index,
    Job,
    JobKind,
    Package,
    Plan,
    Target,
    Variable,
)
from truewheel.spec import policy, version_file

VERSION = 1

# Names become parts of paths: a foreign plan.json must not lead out of the folders of a job.
_CELL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)+")
_WHEEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")
_ARCHIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*\.zip")
_INDEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ADDRESS = re.compile(r"(https?://[A-Za-z0-9][^\s@?#\x00-\x1f\x7f]*)?")
_IMAGE = re.compile(r"[^\s-]\S*")  # a container engine reads a leading - as a flag
_PATH = re.compile(r"(?![/-])(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f]*")

_Record = TypeVar("_Record")
_KINDS = (
    Archive,
    Plan,
    Package,
    Build,
    Target,
    JobKind,
    Cell,
    Fact,
    Copy,
    Job,
    Variable,
    Index,
    Problem,
)
_LISTS_OF_PACKAGE = ("exclude", "graft", "secrets", "load_skip")
_SCALARS = (str, bool, int, str | None)
_FIELDS: dict[type, dict[str, Any]] = {
    kind: {name: form for name, form in kind.__annotations__.items() if form in _SCALARS}
    for kind in _KINDS
}


def to_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as the data of plan.json."""
    facts: dict[int, dict[str, Any]] = {}  # cells share their facts: each set is converted once
    for cell in plan.cells:
        if id(cell.facts) not in facts:
            facts[id(cell.facts)] = {name: fact_data(fact) for name, fact in cell.facts.items()}
    return {
        "version": VERSION,
        "generator": plan.generator,
        "project": plan.project,
        "spec": plan.spec,
        "event": plan.event,
        "local": plan.local,
        "cells": [_cell(cell, facts[id(cell.facts)]) for cell in plan.cells],
        "jobs": [_job(job) for job in plan.jobs],
        "problems": [problem_data(problem) for problem in plan.problems],
        "indexes": [_fields(index) for index in plan.indexes],
        "archives": [
            {**_fields(archive), "cells": list(archive.cells)} for archive in plan.archives
        ],
        "packages": {name: _fields(package) for name, package in plan.packages.items()},
        "builds": {name: _fields(build) for name, build in plan.builds.items()},
        "targets": {name: _fields(target) for name, target in plan.targets.items()},
        "kinds": {name: _kind_data(kind) for name, kind in plan.kinds.items()},
        "variables": {name: _fields(variable) for name, variable in plan.variables.items()},
        "policy": plan.policy,
        "images": dict(plan.images),
        "registry_login": dict(plan.registry_login),
        "compiler_cache": plan.compiler_cache,
        "submodules": plan.submodules,
        "left_out": list(plan.left_out),
        "named": list(plan.named),
    }


def problem_data(problem: Problem) -> dict[str, Any]:
    """Return a problem as the data of plan.json."""
    return {
        "file": problem.where.file,
        "line": problem.where.line,
        "column": problem.where.column,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
    }


def _read_problem(fields: dict[str, Any]) -> Problem:
    where = Where(fields["file"], fields["line"], fields["column"])
    return _record(
        Problem,
        where=where,
        message=fields["message"],
        hint=fields["hint"],
        severity=fields["severity"],
    )


def write(plan: Plan) -> str:
    """Return the text of plan.json."""
    return json.dumps(to_data(plan), indent=1, ensure_ascii=False) + "\n"


def read(text: str, file: str) -> Plan:
    """Return the plan that `text` holds; `file` names it in problems.

    Raises `Stop` (exit 2) for text that is not a plan of this version.
    """
    hint = "write it again: truewheel plan --output plan.json"
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise stop(file, f"not a plan: {error}", hint) from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise stop(file, f"not a plan of version {VERSION}", hint)
    try:
        return _plan(data)
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        OverflowError,
        RecursionError,
        re.error,
    ) as error:
        raise _damaged(file, error, hint) from None


def _damaged(file: str, error: Exception, hint: str) -> Stop:
    what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return stop(file, f"a damaged plan: {what}", hint)


def _plan(data: dict[str, Any]) -> Plan:
    policy.from_data(data["policy"])  # raises here, not in a later reader, for a damaged policy
    plan = _record(
        Plan,
        generator=data["generator"],
        project=data["project"],
        spec=data["spec"],
        event=data["event"],
        local=data["local"],
        packages={name: _package(fields) for name, fields in data["packages"].items()},
        builds={name: _build(fields) for name, fields in data["builds"].items()},
        targets={name: _record(Target, **fields) for name, fields in data["targets"].items()},
        kinds={name: _kind(fields) for name, fields in data["kinds"].items()},
        cells=tuple(_read_cell(fields) for fields in data["cells"]),
        jobs=tuple(_read_job(fields) for fields in data["jobs"]),
        variables={name: _record(Variable, **fields) for name, fields in data["variables"].items()},
        policy=data["policy"],
        images={name: _image(image) for name, image in data["images"].items()},
        registry_login={
            key: name for key, name in data["registry_login"].items() if _words([name])
        },
        compiler_cache=data["compiler_cache"],
        submodules=data["submodules"],
        indexes=tuple(_record(Index, **fields) for fields in data["indexes"]),
        archives=tuple(
            _record(Archive, **{**fields, "cells": tuple(fields["cells"])})
            for fields in data["archives"]
        ),
        left_out=_words(data["left_out"]),
        named=_words(data["named"]),
        problems=tuple(_read_problem(fields) for fields in data["problems"]),
    )
    _check_names(plan)
    return plan


def _check_names(plan: Plan) -> None:
    """Raise `ValueError` for an unknown package, and a name that leads to another folder."""
    for cell in plan.cells:
        if cell.package not in plan.packages or cell.target not in plan.targets:
            raise ValueError(f"the package or target of {cell.id} is missing")
    for form, what, names in _checked_names(plan):
        for name in names:
            if not form.fullmatch(name):
                raise ValueError(f"{name!r} is {what}")


def _checked_names(plan: Plan) -> Iterator[tuple[re.Pattern[str], str, Iterable[str]]]:
    """Yield the form that names must have, the words for a wrong one, and the names."""
    for cell in plan.cells:
        yield _CELL_ID, "no cell's id", (cell.id,)
        for possible in (cell, *cell.possible()):
            yield _WHEEL, "no wheel's file name", possible.names()
    yield _CELL_ID, "no cell's id", (*plan.left_out, *plan.named)
    yield _ARCHIVE, "no archive's file name", (archive.file for archive in plan.archives)
    for package in plan.packages.values():
        yield (
            _PATH,
            "no path below the folder of the spec",
            (package.path, package.version_file, package.smoke),
        )
        if not version_file.is_match(package.version_match):
            raise ValueError(f"{show_value(package.version_match)} finds no version")
        if package.build and package.name not in plan.builds[package.build].wheels:
            raise ValueError(f"the build {package.build} does not make {package.name}")
    for index in plan.indexes:
        yield _INDEX, "no index's name", (index.name,)
        yield _ADDRESS, "no address", (index.url, index.simple)
    for build in plan.builds.values():
        _check_build(build)


def _check_build(build: Build) -> None:
    if not build.command or any("\0" in word for word in (*build.command, *build.requires)):
        raise ValueError(f"{show_value(build.command)} is no command")
    for pattern in build.wheels.values():
        if not (isinstance(pattern, str) and _PATH.fullmatch(pattern)):
            raise ValueError(
                f"{show_value(pattern)} is no path below the output of the build {build.name}"
            )


def _record(kind: type[_Record], /, **fields: Any) -> _Record:
    """Return a record of the model. Raises `TypeError` for a field of another type."""
    for name, types in _FIELDS[kind].items():
        if name in fields and not isinstance(fields[name], types):
            raise TypeError(f"{name} cannot be {show_value(fields[name])}")
    return kind(**fields)


def fact_data(fact: Fact) -> dict[str, Any]:
    """Return a fact as the data of plan.json."""
    data: dict[str, Any] = {"value": fact.value, "source": fact.source or None}
    if fact.value is not None:
        data |= {"origin": fact.origin, "raw": fact.raw}
    if fact.skipped:
        data["skipped"] = [list(entry) for entry in fact.skipped]
    return data


def _cell(cell: Cell, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": cell.id,
        "package": cell.package,
        "target": cell.target,
        "arch": cell.arch,
        "python": cell.python,
        "builder": cell.builder,
        "channel": cell.channel,
        "version": cell.version,
        "build": cell.build,
        "tag": cell.tag,
        "wheel": cell.wheel,
        "copies": [
            {
                "index": copy.index,
                "channel": copy.channel,
                "version": copy.version,
                "wheel": copy.wheel,
            }
            for copy in cell.copies
        ],
        "facts": facts,
        **({"platforms": list(cell.platforms)} if cell.platforms else {}),
    }


def _read_fact(fields: dict[str, Any]) -> Fact:
    skipped = tuple((source, why) for source, why in fields.get("skipped", ()))
    return _record(Fact, **{**fields, "source": fields["source"] or "", "skipped": skipped})


def _read_cell(fields: dict[str, Any]) -> Cell:
    facts = {name: _read_fact(fact) for name, fact in fields["facts"].items()}
    copies = tuple(_record(Copy, **copy) for copy in fields["copies"])
    platforms = tuple(fields.get("platforms", ()))
    return _record(Cell, **{**fields, "facts": facts, "copies": copies, "platforms": platforms})


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "kind": job.kind,
        "cells": list(job.cells),
        "target": job.target,
        "arch": job.arch,
        "python": job.python,
        "index_name": job.index_name,
        "image": job.image,
        "needs": None if job.needs is None else list(job.needs),
    }


def _read_job(fields: dict[str, Any]) -> Job:
    needs = None if fields["needs"] is None else _words(fields["needs"])
    return _record(Job, **{**fields, "cells": _words(fields["cells"]), "needs": needs})


def _build(fields: dict[str, Any]) -> Build:
    lists = {name: _words(fields[name]) for name in ("command", "requires", "secrets")}
    return _record(Build, **{**fields, **lists, "wheels": dict(fields["wheels"])})


def _kind(fields: dict[str, Any]) -> JobKind:
    commands = tuple(tuple(command) for command in fields["commands"])
    lists = {name: _words(fields[name]) for name in ("artifacts", "events")}
    return _record(JobKind, **{**fields, "commands": commands, **lists})


def _kind_data(kind: JobKind) -> dict[str, Any]:
    return {key: value for key, value in _fields(kind).items() if key != "traits"}


def _package(fields: dict[str, Any]) -> Package:
    return _record(
        Package,
        **{**fields, **{key: _words(fields[key]) for key in _LISTS_OF_PACKAGE}},
    )


def _words(words: list[Any]) -> tuple[str, ...]:
    """Return a list of texts. Raises `TypeError` for anything else."""
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"{show_value(words)} is no list of texts")
    return tuple(words)


def _image(value: Any) -> str:
    if not isinstance(value, str) or not _IMAGE.fullmatch(value):
        raise TypeError(f"{show_value(value)} is no image")
    return value


def _fields(record: Any) -> dict[str, Any]:
    return dict(vars(record))
