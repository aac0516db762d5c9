"""Facts in, names out: the pure heart. Plan, compile, repair, validate, explain and prove all ask here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from truewheel.model import Fact, Variable
from truewheel.policy import FIELD, Channel, FactRule, Policy
from truewheel.problems import Problem, Stop, Where

# Floors with a name from before PEP 600; auditwheel gives such a wheel both tags, the older name first.
LEGACY_FLOORS = {
    "manylinux1": "manylinux_2_5",
    "manylinux2010": "manylinux_2_12",
    "manylinux2014": "manylinux_2_17",
}
BUILD_TAG = re.compile(r"[0-9][0-9A-Za-z_.]*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where facts come from. `variables` holds what is set, empty or not; `read_file` gives a file's text or None."""

    variables: Mapping[str, Variable]
    options: Mapping[str, str]
    version: str = ""
    version_origin: str = ""
    read_file: Callable[[str], str | None] | None = None


@dataclass(frozen=True)
class Composed:
    """What a channel makes of the facts: a PEP 440 version, normalised, and a PEP 427 build tag or ""."""

    version: str
    build: str

    def wheel(self, distribution: str, tag: str) -> str:
        """Return the wheel's file name for a normalised project name and a compatibility tag (PEP 427)."""
        build = f"-{self.build}" if self.build else ""
        return f"{distribution}-{self.version}{build}-{tag}.whl"


@lru_cache(maxsize=4096)
def normalized(project: str) -> str:
    """Return a project's name as wheel file names write it (PEP 503, with _ for -)."""
    return re.sub(r"[-_.]+", "_", project).lower()


def platform_tag(floor: str, arch: str) -> str:
    """Return the platform tag of a floor, compressed where auditwheel writes two (manylinux2014)."""
    floor = LEGACY_FLOORS.get(floor, floor)
    legacy = next((old for old, new in LEGACY_FLOORS.items() if new == floor), None)
    return f"{legacy}_{arch}.{floor}_{arch}" if legacy else f"{floor}_{arch}"


def python_tags(abi: str, python: str) -> tuple[str, str]:
    """Return the python and abi tags of a wheel for the interpreter `python` (cp312, cp313t)."""
    if abi == "none":
        return "py3", "none"
    return python.removesuffix("t"), "abi3" if abi == "abi3" else python


def resolve_all(policy: Policy, sources: Sources, where: Where) -> tuple[dict[str, Fact], list[Problem]]:
    """Return every fact of a policy, and what is wrong with the values that were found."""
    facts: dict[str, Fact] = {}
    problems = []
    for name, rule in policy.facts.items():
        facts[name], wrong = resolve(rule, sources)
        if wrong:
            is_dropped = rule.otherwise == "drop"
            hint = f"the name goes without {name}" if is_dropped else "correct the value, or leave it empty"
            problems.append(Problem(where, f"the fact {name}: {wrong}", hint, "warning" if is_dropped else "error"))
    return facts, problems


def resolve(rule: FactRule, sources: Sources) -> tuple[Fact, str]:
    """Return a fact's value with its way there, and what is wrong with it ("" if nothing)."""
    skipped: list[tuple[str, str]] = []
    for source in rule.sources:
        raw, origin, why = _look_up(source, sources)
        if raw in rule.absent:
            raw, why = None, f"is {raw!r}, which means none"
        if raw is None:
            skipped.append((source, why))
            continue
        value = _written(rule, raw)
        if value:
            return Fact(value=value, source=source, origin=origin, raw=raw, skipped=tuple(skipped)), ""
        if value is None:
            why = f"is {raw!r}, which does not match {rule.match.pattern}"
            if rule.otherwise != "next":
                return Fact(value=None, skipped=(*skipped, (source, why))), f"{_spoken(source)} {why}"
        skipped.append((source, why or f"is {raw!r}, of which nothing is left"))
    return Fact(value=None, skipped=tuple(skipped)), ""


def _written(rule: FactRule, raw: str) -> str | None:
    """Return what a fact's rule makes of a source's text, or None if it does not match."""
    match = rule.match.fullmatch(raw)
    if match is None or not rule.write:
        return match and raw
    return FIELD.sub(lambda field: match[int(field[1])] or "", rule.write)


def _look_up(source: str, sources: Sources) -> tuple[str | None, str, str]:
    """Return the text that a source has, where that came from, and why it has none."""
    kind, _, name = source.partition(":")
    if kind == "env":
        variable = sources.variables.get(name)
        return _text(variable.value if variable else None, variable.origin if variable else "")
    if kind == "option":
        return _text(sources.options.get(name), f"--{name}")
    if kind == "package":
        return _text(sources.version, sources.version_origin)
    path, _, pointer = name.partition("#")
    if sources.read_file is None:
        return None, "", "is not read here"
    return _from_json(sources.read_file(path), path, pointer)


def _text(value: str | None, origin: str) -> tuple[str | None, str, str]:
    if value is None:
        return None, "", "is not set"
    stripped = value.strip()
    return (stripped, origin, "") if stripped else (None, "", "is set but empty")


def _from_json(text: str | None, path: str, pointer: str) -> tuple[str | None, str, str]:
    if text is None:
        return None, "", "is not here"
    try:
        node = json.loads(text)
        for step in pointer.split("/")[1:]:
            node = node[step]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, "", f"has no text at {pointer}"
    return _text(node, path) if isinstance(node, str) else (None, "", f"has no text at {pointer}")


def _spoken(source: str) -> str:
    """Return a source as people call it: a variable's name, a flag, a file."""
    kind, _, name = source.partition(":")
    return {"env": name, "option": f"--{name}", "package": "the package's version"}.get(kind, name.split("#")[0])


def channel_of(policy: Policy, variables: Mapping[str, Variable]) -> Channel | None:
    """Return the first channel whose conditions hold."""
    return next((channel for channel in policy.channels if holds(channel.when, variables)), None)


def holds(conditions: Mapping[str, str], variables: Mapping[str, Variable]) -> bool:
    """Return whether every variable has the value that is asked for; empty is absent."""
    return all((variables[name].value if name in variables else "") == value for name, value in conditions.items())


def _fill(template: str, facts: Mapping[str, Fact]) -> str | None:
    """Return the template with the facts put in, or None if one of them is absent."""
    values = {name: facts[name].value for name in FIELD.findall(template)}
    if any(value is None for value in values.values()):
        return None
    return FIELD.sub(lambda field: str(values[field[1]]), template)


def compose(channel: Channel, facts: Mapping[str, Fact], where: Where) -> Composed:
    """Return the version and build tag that `channel` makes of `facts`.

    Raises `Stop` (exit 2) when there is no version, or the result is no PEP 440 version or PEP 427 build tag.
    """
    version = _fill(channel.version, facts)
    if version is None:
        missing = [name for name in FIELD.findall(channel.version) if facts[name].value is None]
        message = f"no version: the channel {channel.name} needs the fact {missing[0]}, which no source has"
        hint = f"set one: {'; '.join(told(facts[missing[0]]))}"
        raise Stop([Problem(where, message, hint)])
    local = [part for part in (_fill(template, facts) for template in channel.local) if part is not None]
    if local:
        version += ("." if "+" in version else "+") + ".".join(local)
    build = _fill(channel.build, facts) or ""
    if build and not BUILD_TAG.fullmatch(build):
        raise Stop([Problem(where, f"{build!r} is no build tag", "PEP 427: a digit, then letters, digits, _ and .")])
    try:
        return Composed(_normal_version(version), build)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        hint = "PEP 440: 2.69.0, 2.69.0.dev0, 2.69.0rc1, with +local parts of letters, digits and dots"
        raise Stop([Problem(where, f"{version!r} is no version", hint)]) from None


@lru_cache(maxsize=4096)
def _normal_version(version: str) -> str:
    if not version.isascii():  # letters that only look like ASCII in lower case pass some releases of packaging
        raise InvalidVersion(version)
    return str(Version(version))


def told(fact: Fact) -> list[str]:
    """Return why each source that was asked before had nothing."""
    return [f"{_spoken(source)} {why}" for source, why in fact.skipped]


def source_of(fact: Fact) -> str:
    """Return where a fact's value came from, as people say it."""
    return f"{_spoken(fact.source)}={fact.raw} ({fact.origin})" if fact.value is not None else ""
