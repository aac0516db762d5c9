"""Naming policies as data: variables, facts and channels, checked against the schema and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from truewheel import source
from truewheel.problems import Problem, Stop, in_order
from truewheel.shapes import Schema, check, shape, with_defaults
from truewheel.source import Document

FIELD = re.compile(r"\{([^{}]*)\}")
ANY_TEXT = "(?s:.*)"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of the pipeline and who sets it (`scope`: forge, pipeline, image or secret)."""

    scope: str = "pipeline"
    description: str = ""
    pattern: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True, kw_only=True)
class FactRule:
    """How a fact gets its value: sources in order, what counts as none, and what is written of the match."""

    sources: tuple[str, ...]
    absent: tuple[str, ...]
    match: re.Pattern[str]
    write: str
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A template of names, and the conditions under which it applies."""

    name: str
    when: Mapping[str, str]
    version: str
    local: tuple[str, ...]
    build: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A naming policy. `data` is the checked document itself: it travels in plan.json."""

    name: str
    description: str
    variables: Mapping[str, Variable]
    facts: Mapping[str, FactRule]
    channels: tuple[Channel, ...]
    data: Mapping[str, Any]


def parse(text: str, file: str, schema: Schema) -> Policy:
    """Return the policy that `text` holds. Raises `Stop` (exit 2) with all problems and their places."""
    document = source.load(text, file)
    known = shape(schema, "policy")
    problems = check(document, known)
    if problems:
        raise Stop(problems)
    data = with_defaults(document.data, known)
    problems = _check(data, document)
    if problems:
        raise Stop(in_order(problems))
    name = re.sub(r"\.ya?ml$", "", file.rpartition("/")[2])
    return from_data({"name": name, **data})


def from_data(data: Mapping[str, Any]) -> Policy:
    """Return the policy of checked data, defaults filled in: a parsed file's, or that of plan.json."""
    return Policy(
        name=data["name"],
        description=data["description"],
        variables={name: variable(fields) for name, fields in data["variables"].items()},
        facts={name: _fact(fields) for name, fields in data["facts"].items()},
        channels=tuple(_channel(name, fields) for name, fields in data["channels"].items()),
        data=data,
    )


def variable(fields: Mapping[str, Any]) -> Variable:
    """Return a variable of checked data."""
    return Variable(**{**fields, "choices": tuple(fields["choices"])})


def _fact(fields: Mapping[str, Any]) -> FactRule:
    return FactRule(
        sources=tuple(fields["from"]),
        absent=tuple(fields["absent"]),
        match=re.compile(fields["match"] or ANY_TEXT, re.ASCII),
        write=fields["write"],
        otherwise=fields["otherwise"],
    )


def _channel(name: str, fields: Mapping[str, Any]) -> Channel:
    return Channel(**{**fields, "name": name, "local": tuple(fields["local"])})


def _check(data: dict[str, Any], document: Document) -> list[Problem]:
    return [
        *_unknown_facts(data, document),
        *_unknown_groups(data, document),
        *_undeclared_variables(data, document),
    ]


def _unknown_facts(data: dict[str, Any], document: Document) -> list[Problem]:
    problems = []
    for name, channel in data["channels"].items():
        templates: dict[tuple[str | int, ...], str] = {
            ("version",): channel["version"],
            ("build",): channel["build"],
            **{("local", number): part for number, part in enumerate(channel["local"])},
        }
        for route, template in templates.items():
            for fact in FIELD.findall(template):
                if fact not in data["facts"]:
                    hint = f"facts of this policy: {', '.join(data['facts']) or 'none'}"
                    problems.append(document.problem(("channels", name, *route), f"no fact {fact!r}", hint))
    return problems


def _unknown_groups(data: dict[str, Any], document: Document) -> list[Problem]:
    problems = []
    for name, fact in data["facts"].items():
        groups = re.compile(fact["match"] or ANY_TEXT, re.ASCII).groups
        known = {str(number) for number in range(groups + 1)}
        for field in FIELD.findall(fact["write"]):
            if field not in known:
                message = f"{{{field}}} is no group of match, which has {groups or 'none'}"
                hint = "write {1} for the first group, {0} for the whole match"
                problems.append(document.problem(("facts", name, "write"), message, hint))
    return problems


def _undeclared_variables(data: dict[str, Any], document: Document) -> list[Problem]:
    read: dict[tuple[str | int, ...], str] = {
        ("facts", name, "from", number): source.removeprefix("env:")
        for name, fact in data["facts"].items()
        for number, source in enumerate(fact["from"])
        if source.startswith("env:")
    }
    read |= {
        ("channels", name, "when", variable): variable
        for name, channel in data["channels"].items()
        for variable in channel["when"]
    }
    problems = []
    for route, name in read.items():
        if name not in data["variables"]:
            hint = f"add {name} to variables, with its scope"
            problems.append(document.problem(route, f"{name} is read here but not declared", hint, key=True))
    return problems
