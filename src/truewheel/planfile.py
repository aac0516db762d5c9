"""plan.json: the written plan, the only truth downstream. Text in, `Plan` out, and back."""

from __future__ import annotations

import json
from typing import Any

from truewheel.model import Cell, Copy, Fact, Index, Job, JobKind, Package, Plan, Target, Variable
from truewheel.problems import Problem, Stop, Where, stop

VERSION = 1


def to_data(plan: Plan) -> dict[str, Any]:
    """Return the plan as the JSON document of the command contract."""
    facts: dict[int, dict[str, Any]] = {}  # cells share their facts; each set is converted once
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
        "packages": {name: _fields(package) for name, package in plan.packages.items()},
        "targets": {name: _fields(target) for name, target in plan.targets.items()},
        "kinds": {name: _fields(kind) for name, kind in plan.kinds.items()},
        "variables": {name: _fields(variable) for name, variable in plan.variables.items()},
        "policy": plan.policy,
    }


def problem_data(problem: Problem) -> dict[str, Any]:
    """Return a problem as the JSON document of the command contract."""
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
    return Problem(where, fields["message"], fields["hint"], fields["severity"])


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
    except ValueError as error:
        raise stop(file, f"not a plan: {error}", hint) from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise stop(file, f"not a plan of version {VERSION}", hint)
    try:
        return _plan(data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(file, error, hint) from None


def _damaged(file: str, error: Exception, hint: str) -> Stop:
    what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return stop(file, f"a damaged plan: {what}", hint)


def _plan(data: dict[str, Any]) -> Plan:
    return Plan(
        generator=data["generator"],
        project=data["project"],
        spec=data["spec"],
        event=data["event"],
        local=data["local"],
        packages={name: Package(**fields) for name, fields in data["packages"].items()},
        targets={name: Target(**fields) for name, fields in data["targets"].items()},
        kinds={name: _kind(fields) for name, fields in data["kinds"].items()},
        cells=tuple(_read_cell(fields) for fields in data["cells"]),
        jobs=tuple(Job(**{**fields, "needs": _tuple(fields["needs"])}) for fields in data["jobs"]),
        variables={name: Variable(**fields) for name, fields in data["variables"].items()},
        policy=data["policy"],
        indexes=tuple(Index(**fields) for fields in data["indexes"]),
        problems=tuple(_read_problem(fields) for fields in data["problems"]),
    )


def fact_data(fact: Fact) -> dict[str, Any]:
    """Return a fact as the JSON document of the command contract."""
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
        "copies": [{"index": copy.index, "version": copy.version, "wheel": copy.wheel} for copy in cell.copies],
        "facts": facts,
    }


def _read_fact(fields: dict[str, Any]) -> Fact:
    skipped = tuple((source, why) for source, why in fields.get("skipped", ()))
    return Fact(**{**fields, "source": fields["source"] or "", "skipped": skipped})


def _read_cell(fields: dict[str, Any]) -> Cell:
    facts = {name: _read_fact(fact) for name, fact in fields["facts"].items()}
    copies = tuple(Copy(**copy) for copy in fields["copies"])
    return Cell(**{**fields, "facts": facts, "copies": copies})


def _job(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "kind": job.kind,
        "cell": job.cell,
        "target": job.target,
        "arch": job.arch,
        "needs": None if job.needs is None else list(job.needs),
    }


def _kind(fields: dict[str, Any]) -> JobKind:
    commands = tuple(tuple(command) for command in fields["commands"])
    return JobKind(**{**fields, "commands": commands, "artifacts": tuple(fields["artifacts"])})


def _tuple(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _fields(record: Any) -> dict[str, Any]:
    return dict(vars(record))
