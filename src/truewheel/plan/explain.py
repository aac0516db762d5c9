"""Explains a wheel's name: each part, its value, its source and the rule for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from truewheel.plan.model import Cell, Fact
from truewheel.plan.naming import skip_reasons, source_of
from truewheel.spec import template
from truewheel.spec.policy import Channel, Policy
from truewheel.wheel.filename import parse_name


@dataclass(frozen=True)
class Part:
    """One part of a file name.

    `source` says where the value came from, `skipped` why earlier sources had none.
    """

    part: str
    value: str
    rule: str
    source: str = ""
    skipped: tuple[str, ...] = ()


PYTHON_RULE = "PEP 425: the interpreter that it is for"
ABI_RULES = {
    "none": "PEP 425: it uses no ABI of the interpreter",
    "abi3": "PEP 384: the stable ABI, for this Python and every later one",
    "abi3t": "PEP 803: the stable ABI of free-threaded Pythons, for this one and every later one",
    "abi3.abi3t": (
        "PEP 803: the stable ABIs with and without the GIL, for this Python and every later one"
    ),
}
PLATFORM_RULES = {
    "any": "PEP 425: it has no native code",
    "manylinux_": "PEP 600: it needs no newer glibc than this",
    "manylinux": "PEP 513, 571 or 599: the older name of a manylinux_2_X floor",
    "musllinux_": "PEP 656: for musl of this version or newer",
    "linux_": "PEP 425: any Linux of this architecture, unchecked; indexes refuse it",
}


def parts_of(filename: str) -> list[Part]:
    """Return the parts of any wheel's file name, from the name alone.

    Raises `ValueError` for a text that is no wheel's name.
    """
    name = parse_name(filename)
    public, _, local = name.version.partition("+")
    parts = [
        Part(
            "distribution",
            name.distribution,
            "PEP 427: the project's name, in lower case, with _ for runs of - _ .",
        ),
        Part("version", public, "PEP 440: the public version"),
        Part("local", local, "PEP 440: the local version, which public indexes refuse"),
        Part(
            "build",
            name.build,
            "PEP 427: the build tag; of wheels that differ only in it, installers take the highest",
        ),
        Part("python", name.python, PYTHON_RULE),
        Part("abi", name.abi, _abi_rule(name.abi)),
        Part("platform", name.platform, _platform_rule(name.platform)),
        Part("label", name.label, "PEP 817: the variant label, which few installers read yet"),
    ]
    return [part for part in parts if part.value]


def _abi_rule(abi: str) -> str:
    if re.fullmatch(r"cp3\d+t", abi):
        return "PEP 703: the ABI of that interpreter without the GIL"
    return ABI_RULES.get(abi, "PEP 425: the ABI of that interpreter")


def _platform_rule(platform: str) -> str:
    rules = (rule for prefix, rule in PLATFORM_RULES.items() if platform.startswith(prefix))
    return next(rules, "PEP 425: the platform that it is for")


def explain(cell: Cell, policy: Policy | None) -> list[Part]:
    """Return the parts of a cell's name with their facts; without a policy, the name alone."""
    channel = (
        next((channel for channel in policy.channels if channel.name == cell.channel), None)
        if policy
        else None
    )
    behind = _facts_by_part(policy, channel) if policy and channel else {}
    sources = {
        "python": "the cell",
        "abi": f"packages.{cell.package}.abi",
        "platform": f"targets.{cell.target}.floor",
    }
    parts = {
        part.part: replace(part, source=sources.get(part.part, "")) for part in parts_of(cell.wheel)
    }
    if parts["platform"].value == "any":
        parts["platform"] = replace(parts["platform"], source=sources["abi"])
    order = ("distribution", "version", "local", "build", "python", "abi", "platform", "label")
    return [
        part
        for name in order
        for part in _with_facts(name, parts.get(name), behind.get(name, ()), cell.facts)
    ]


def find_cell(cell: Cell, wheel: str) -> Cell | None:
    """Return the cell under one of its names: on any of its platforms, or as a copy."""
    for possible in cell.possible():
        if possible.wheel == wheel:
            return possible
        for copy in possible.copies:
            if copy.wheel == wheel:
                return possible.copied(copy)
    return None


def _facts_by_part(policy: Policy, channel: Channel) -> dict[str, Iterable[str]]:
    parts = {
        "distribution": policy.distribution,
        "version": channel.version,
        "local": sum(channel.local, ()),
        "build": channel.build,
        "label": sum(channel.label, ()),
    }
    fields = {
        part: [name for text in texts for name in template.fields(text)]
        for part, texts in parts.items()
    }
    return {part: dict.fromkeys(names) for part, names in fields.items()}


def _with_facts(
    name: str, part: Part | None, names: Iterable[str], facts: Mapping[str, Fact]
) -> Iterator[Part]:
    """Yield a part of the name, or why it is not there, and then each fact behind it."""
    names = list(names)
    if part and name == "local":
        yield replace(
            part,
            rule=part.rule + _spelling(part.value, (facts[fact].value or "" for fact in names)),
        )
    elif part:
        yield part
    elif names:
        yield Part(name, "", "left out: no source has a value")
    for fact_name in names:
        fact = facts[fact_name]
        yield Part(
            f"  {fact_name}",
            fact.value or "",
            "",
            source_of(fact) or "absent",
            tuple(skip_reasons(fact)),
        )


def _spelling(local: str, values: Iterable[str]) -> str:
    """Return which values a local version spells otherwise than they were given: 26.04 as 26.4."""
    changed = [value for value in values if value not in local]
    return f"; {', '.join(changed)} is written in the form of PEP 440" if changed else ""


def _rule_and_source(part: Part) -> str:
    return f"{part.rule} ({part.source})" if part.rule and part.source else part.rule or part.source


def lines(parts: Iterable[Part]) -> list[str]:
    """Return the parts as lines for people: value, source, and why not another source."""
    parts = list(parts)
    names = max(len(part.part) for part in parts)
    values = max(len(part.value) for part in parts)
    text = []
    for part in parts:
        text.append(
            f"  {part.part:{names}}  {part.value:{values}}  {_rule_and_source(part)}".rstrip()
        )
        text += [f"  {'':{names}}  {'':{values}}  before: {reason}" for reason in part.skipped]
    return text
