"""Naming policies as data: variables, facts and channels, frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

ANY_TEXT = "(?s:.*)"
HISTORY = frozenset({"distance", "tag"})
"""Values of git that only a clone with all commits since the last tag has."""
Templates = tuple[str, ...]


class Variable(NamedTuple):
    """A variable of the pipeline and who sets it (`scope`: forge, pipeline, image or secret)."""

    scope: str = "pipeline"
    description: str = ""
    pattern: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""


class FactRule(NamedTuple):
    """How a fact gets its value.

    `sources` are asked in order. A value in `absent` counts as none, one that does not `match` is
    handled as `otherwise` says; of a match, `write` says what becomes the value.
    """

    sources: tuple[str, ...]
    when: Mapping[str, str]
    absent: tuple[str, ...]
    match: re.Pattern[str]
    write: str
    otherwise: str


class Channel(NamedTuple):
    """Templates of a name's parts, and the conditions under which they apply.

    Of several templates, the first that can be filled is used.
    """

    name: str
    when: Mapping[str, str]
    version: Templates
    local: tuple[Templates, ...]
    build: Templates
    label: tuple[Templates, ...]


class Policy(NamedTuple):
    """A naming policy. `data` is the checked document itself, which plan.json contains.

    `platform` says which platform tags a name has where several would be right (keep, highest,
    legacy).
    """

    name: str
    description: str
    distribution: Templates
    platform: str
    variables: Mapping[str, Variable]
    facts: Mapping[str, FactRule]
    channels: tuple[Channel, ...]
    data: Mapping[str, Any]

    def axes(self) -> tuple[str, ...]:
        """Return the axes of a cell that facts read, such as platform."""
        sources = (source.partition(":") for rule in self.facts.values() for source in rule.sources)
        return tuple(sorted({name for kind, _, name in sources if kind == "cell"}))

    def reads_history(self) -> bool:
        """Return whether facts count commits or come from tags."""
        of_history = {f"vcs:{name}" for name in HISTORY}
        return any(not of_history.isdisjoint(rule.sources) for rule in self.facts.values())


def from_data(data: Mapping[str, Any]) -> Policy:
    """Return the policy of checked data with its defaults: of a parsed file, or of plan.json."""
    return Policy(
        name=data["name"],
        description=data["description"],
        distribution=templates(data["distribution"]),
        platform=data["platform"] or "keep",
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
        when=fields["when"],
        absent=tuple(fields["absent"]),
        match=re.compile(fields["match"] or ANY_TEXT, re.ASCII),
        write=fields["write"],
        otherwise=fields["otherwise"],
    )


def _channel(name: str, fields: Mapping[str, Any]) -> Channel:
    return Channel(
        name=name,
        when=fields["when"],
        version=templates(fields["version"]),
        local=tuple(templates(part) for part in fields["local"]),
        build=templates(fields["build"]),
        label=tuple(templates(part) for part in fields["label"]),
    )


def match_whole(pattern: str | re.Pattern[str], value: str) -> re.Match[str] | None:
    """Return the match of a whole value, or None; digits and letters are those of ASCII.

    Only here are values matched by the patterns of policies and specs, so that the command line can
    stop a match that does not end (`cli.time_limit`).
    """
    return re.compile(pattern, 0 if isinstance(pattern, re.Pattern) else re.ASCII).fullmatch(value)


def templates(written: str | list[str]) -> Templates:
    """Return templates, of which the first that can be filled is used, as a tuple.

    A single one may be written as text.
    """
    return (written,) if isinstance(written, str) else tuple(written)


def is_pattern(condition: str) -> bool:
    """Return whether a condition's value is a regular expression between slashes."""
    return len(condition) > 1 and condition[0] == condition[-1] == "/"
