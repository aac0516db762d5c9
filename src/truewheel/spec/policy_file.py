"""Reads policy files, checks them, and adds the policy that they extend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.errors import Stop, sort_problems
from truewheel.spec import template, yaml_source
from truewheel.spec.credential_names import shown_credential
from truewheel.spec.policy import ANY_TEXT, Policy, from_data, is_pattern, templates
from truewheel.spec.schema import Schema, check_document, fill_defaults
from truewheel.spec.yaml_source import Document

Parent = Callable[[str], Policy]


class Fault(NamedTuple):
    """Something wrong in a policy; `is_key` when its place is a key, not the value."""

    place: tuple[str | int, ...]
    message: str
    hint: str
    is_key: bool = False


def parse(text: str, file: str, schema: Schema, parent: Parent) -> Policy:
    """Return the policy that `text` holds.

    `schema` is a policy's expanded schema, `parent` returns the policy that it extends.

    Raises `Stop` (exit 2) with all problems and their places.
    """
    document = yaml_source.load(text, file, "extends: plain")
    problems = check_document(document, schema)
    if problems:
        raise Stop(problems)
    name = re.sub(r"\.ya?ml$", "", file.rpartition("/")[2])
    return build(name, document, (), schema, parent)


def build(
    name: str, document: Document, route: tuple[str, ...], schema: Schema, parent: Parent
) -> Policy:
    """Return the policy at `route` of `document`, which the schema allows.

    Raises `Stop` (exit 2) with all problems and their places.
    """
    data = document.data
    for step in route:
        data = data[step]
    filled = fill_defaults(data, schema)
    if filled["extends"]:
        filled = _extended(parent(filled["extends"]).data, filled)
    problems = [
        document.problem((*route, *fault.place), fault.message, fault.hint, key=fault.is_key)
        for fault in _faults(filled)
    ]
    if problems:
        raise Stop(sort_problems(problems))
    return from_data({**filled, "name": name})


def _extended(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policy `below` with the entries of `above`, which replace equal ones in place.

    New channels come first.
    """
    merged = {**below, **{key: value for key, value in above.items() if value}}
    merged["variables"] = {**below["variables"], **above["variables"]}
    merged["facts"] = {**below["facts"], **above["facts"]}
    added = {
        name: fields for name, fields in above["channels"].items() if name not in below["channels"]
    }
    kept = {name: above["channels"].get(name, fields) for name, fields in below["channels"].items()}
    merged["channels"] = {**added, **kept}
    return merged


def _faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong in a policy that the schema allows."""
    if not data["channels"]:
        yield Fault(
            ("channels",),
            "the policy has no channel, so wheels have no name",
            "add channels: {default: {}}",
        )
    yield from _unknown_facts(data)
    yield from _wrong_forms(data)
    yield from _facts_used_too_early(data)
    yield from _undeclared(data)
    for name, fields in data["variables"].items():
        if wrong := shown_credential(name, fields["scope"]):
            yield Fault(("variables", name), *wrong, is_key=True)


def _templates(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every template with its place; a list of templates has the place of the list."""
    yield from ((("distribution",), text) for text in templates(data["distribution"]))
    for name, channel in data["channels"].items():
        for key in ("version", "build"):
            yield from ((("channels", name, key), text) for text in templates(channel[key]))
        for key in ("local", "label"):
            for number, part in enumerate(channel[key]):
                yield from ((("channels", name, key, number), text) for text in templates(part))
    for place, value in _conditions(data):
        if not is_pattern(value.lstrip("!")):
            yield place, value


def _conditions(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for kind in ("channels", "facts"):
        for name, entry in data[kind].items():
            for condition, value in entry["when"].items():
                yield (kind, name, "when", condition), value


def _unknown_facts(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = ", ".join(data["facts"]) or "none"
    uses = [(place, fact) for place, text in _templates(data) for fact in template.fields(text)]
    uses += [(place, text[5:]) for place, text in _sources(data) if text.startswith("fact:")]
    for place, fact in uses:
        if fact not in data["facts"]:
            yield Fault(place, f"no fact {fact!r}", f"facts of this policy: {known}")


def _sources(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for name, fact in data["facts"].items():
        for number, text in enumerate(fact["from"]):
            yield ("facts", name, "from", number), text


def _wrong_forms(data: Mapping[str, Any]) -> Iterator[Fault]:
    hint = "a field is {name}, {name:02} with leading zeros, {name:lower} or {name:upper}"
    for place, text in _templates(data):
        for form in template.find_wrong_forms(text):
            yield Fault(place, f"{form!r} is no form of a field", hint)
    for name, fact in data["facts"].items():
        groups = re.compile(fact["match"] or ANY_TEXT, re.ASCII).groups
        for form in template.find_wrong_forms(fact["write"]):
            yield Fault(("facts", name, "write"), f"{form!r} is no form of a field", hint)
        for field in template.fields(fact["write"]):
            if field not in map(str, range(groups + 1)):
                message = f"{{{field}}} is no group of match, which has {groups or 'none'}"
                example = "write {1} for the first group, {0} for the whole match"
                yield Fault(("facts", name, "write"), message, example)


def _facts_used_too_early(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what reads the same fact, or a later one: facts are resolved in order."""
    order = list(data["facts"])
    uses = [(place, text[5:]) for place, text in _sources(data) if text.startswith("fact:")]
    for place, value in _conditions(data):
        if place[0] == "facts":
            uses += [(place, name) for name in (str(place[-1]), *template.fields(value))]
    for place, name in uses:
        if name in order and order.index(name) >= order.index(str(place[1])):
            yield Fault(
                place, f"the fact {name} is not resolved yet", f"move {name} above {place[1]}"
            )


def _undeclared(data: Mapping[str, Any]) -> Iterator[Fault]:
    read = [(place, text[4:]) for place, text in _sources(data) if text.startswith("env:")]
    read += [
        (place, str(place[-1])) for place, _ in _conditions(data) if place[-1] not in data["facts"]
    ]
    for place, name in read:
        if name not in data["variables"]:
            hint = f"add {name} to variables, with its scope"
            yield Fault(
                place, f"the variable {name} is read here but not declared", hint, is_key=True
            )
