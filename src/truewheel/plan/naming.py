"""Resolves facts, and composes names from them.

Plan, compile, repair, validate, explain and prove all call this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from truewheel.errors import Problem, Stop, Where
from truewheel.plan.model import Fact, Variable
from truewheel.spec import template
from truewheel.spec.policy import Channel, FactRule, Policy, is_pattern, match_whole
from truewheel.wheel.filename import normalized

# Floors with a name from before PEP 600; auditwheel gives such a wheel both tags, the older name
# first.
LEGACY_FLOORS = {
    "manylinux1": "manylinux_2_5",
    "manylinux2010": "manylinux_2_12",
    "manylinux2014": "manylinux_2_17",
}
BUILD_TAG = re.compile(r"[0-9][0-9A-Za-z_.]*", re.ASCII)
PROJECT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
LABEL = re.compile(r"[0-9a-z._]{1,16}", re.ASCII)
NAME_LIMIT = 255
"""Bytes that a file's name may have on Linux (NAME_MAX); names of wheels are ASCII."""
TOO_LONG = "file systems refuse longer names: shorten a value, or leave a part out"
NO_FACTS: Mapping[str, Fact] = {}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where facts come from.

    `variables` are those that are set, empty or not; `read_file` returns the text of a file below
    the spec's folder, or of the image when `in_image`; `vcs` a value of the version control system;
    `cell` has the axes of one cell.
    """

    variables: Mapping[str, Variable]
    options: Mapping[str, str]
    version: str = ""
    version_origin: str = ""
    event: str = ""
    cell: Mapping[str, str] = field(default_factory=dict)
    read_file: Callable[[str], str | None] | None = None
    in_image: bool = False
    vcs: Callable[[str], str | None] | None = None


@dataclass(frozen=True)
class Composed:
    """What a channel makes of the facts; each part but the version may be "".

    A normalised version (PEP 440), a build tag (PEP 427), a project's name instead of the package's
    own, and a variant label (PEP 817).
    """

    version: str
    build: str = ""
    distribution: str = ""
    label: str = ""

    def wheel(self, package: str, tag: str) -> str:
        """Return the wheel's file name for a package's name and a compatibility tag (PEP 427)."""
        build = f"-{self.build}" if self.build else ""
        label = f"-{self.label}" if self.label else ""
        return f"{normalized(self.distribution or package)}-{self.version}{build}-{tag}{label}.whl"


def platform_tag(floor: str, arch: str, rule: str = "keep") -> str:
    """Return the platform tag of a floor; of two (manylinux2014), those that `rule` chooses."""
    floor = LEGACY_FLOORS.get(floor, floor)
    legacy = next((old for old, new in LEGACY_FLOORS.items() if new == floor), None)
    return chosen_platform(f"{legacy}_{arch}.{floor}_{arch}" if legacy else f"{floor}_{arch}", rule)


def chosen_platform(platform: str, rule: str) -> str:
    """Return the part of a compressed set of platform tags that the name has.

    Rules: keep, all of it; highest, the newest floor; legacy, the name from before PEP 600, if
    there is one.
    """
    tags = platform.split(".")
    if rule == "highest":
        return max(tags, key=_floor_order)
    if rule == "legacy":
        return next((tag for tag in tags if tag.split("_")[0] in LEGACY_FLOORS), platform)
    return platform


def _floor_order(tag: str) -> tuple[int, ...]:
    match = re.match(r"(?:manylinux|musllinux)_(\d+)_(\d+)_", tag)
    return (int(match[1]), int(match[2])) if match else ()


def python_tags(abi: str, python: str) -> tuple[str, str]:
    """Return the python and abi tags of a wheel for the interpreter `python` (cp312, cp313t)."""
    if abi == "none":
        return "py3", "none"
    return python.removesuffix("t"), python if abi == "cpython" else abi


def resolve_all(
    policy: Policy, sources: Sources, where: Where
) -> tuple[dict[str, Fact], list[Problem]]:
    """Return every fact of a policy, in its order, and the problems of values."""
    facts: dict[str, Fact] = {}
    problems = []
    for name, rule in policy.facts.items():
        facts[name], wrong = resolve(rule, sources, facts)
        if wrong:
            is_dropped = rule.otherwise == "drop"
            hint = (
                f"the name is written without {name}"
                if is_dropped
                else "correct the value, or leave it empty"
            )
            problems.append(
                Problem(
                    where, f"the fact {name}: {wrong}", hint, "warning" if is_dropped else "error"
                )
            )
    return facts, problems


def resolve(
    rule: FactRule, sources: Sources, earlier: Mapping[str, Fact] = NO_FACTS
) -> tuple[Fact, str]:
    """Return a fact with its value and sources, and what is wrong with it ("" if nothing).

    `earlier` are the facts that conditions and a source fact:NAME can read.
    """
    for name, wanted in rule.when.items():
        if not holds({name: wanted}, sources.variables, earlier):
            return Fact(value=None, skipped=((f"when:{name}", f"is not {wanted or 'empty'}"),)), ""
    skipped: list[tuple[str, str]] = []
    for source in rule.sources:
        raw, origin, why = _look_up(source, sources, earlier)
        if raw in rule.absent:
            raw, why = None, f"is {raw!r}, which means none"
        if raw is None:
            skipped.append((source, why))
            continue
        value = _written(rule, raw)
        if value:
            return Fact(
                value=value, source=source, origin=origin, raw=raw, skipped=tuple(skipped)
            ), ""
        if value is None:
            what = "" if origin == "environment" else f"is {raw!r}, which "
            why = f"{what}does not match {rule.match.pattern}"
            if rule.otherwise != "next":
                wrong = "" if rule.otherwise == "none" else f"{_label(source)} {why}"
                return Fact(value=None, skipped=(*skipped, (source, why))), wrong
        skipped.append((source, why or f"is {raw!r}, which gives an empty text"))
    return Fact(value=None, skipped=tuple(skipped)), ""


def _written(rule: FactRule, raw: str) -> str | None:
    """Return what a fact's rule makes of a source's text, or None if it does not match."""
    match = match_whole(rule.match, raw)
    if match is None or not rule.write:
        return match and raw
    groups = dict(enumerate((match[0], *match.groups(""))))
    return template.fill(rule.write, {str(number): text for number, text in groups.items()})


def _look_up(
    source: str, sources: Sources, earlier: Mapping[str, Fact]
) -> tuple[str | None, str, str]:
    """Return the text of a source, where that came from, and why it has none."""
    kind, _, name = source.partition(":")
    if kind == "env":
        variable = sources.variables.get(name)
        return _text(variable.value if variable else None, variable.origin if variable else "")
    if kind in {"file", "json"}:
        return _from_file(name, sources)
    if kind == "fact":
        fact = earlier[name]
        return (fact.value, source_of(fact), "") if fact.value else (None, "", "is absent")
    return _text(*_plain(kind, name, sources))


def _plain(kind: str, name: str, sources: Sources) -> tuple[str | None, str]:
    """Return the text of a simple source, and where that came from."""
    if kind == "option":
        return sources.options.get(name), f"--{name}"
    if kind == "package":
        return sources.version, sources.version_origin
    if kind == "cell":
        return sources.cell.get(name), "the cell"
    if kind == "vcs":
        return sources.vcs(name) if sources.vcs else None, "git"
    return (sources.event, "the event") if kind == "plan" else (name, "the policy")


def _from_file(name: str, sources: Sources) -> tuple[str | None, str, str]:
    path, _, pointer = name.partition("#")
    if path.startswith("/") and not sources.in_image:
        return None, "", "is read only in the job"
    text = sources.read_file(path) if sources.read_file else None
    if text is None:
        return None, "", "does not exist"
    return _from_json(text, path, pointer) if pointer else _text(text, path)


def _text(value: str | None, origin: str) -> tuple[str | None, str, str]:
    if value is None:
        return None, "", "is not set"
    stripped = value.strip()
    return (stripped, origin, "") if stripped else (None, "", "is set but empty")


def _from_json(text: str, path: str, pointer: str) -> tuple[str | None, str, str]:
    try:
        node = json.loads(text)
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")  # RFC 6901
            node = node[int(key)] if isinstance(node, list) and key.isdecimal() else node[key]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None, "", f"has no text at {pointer}"
    return _text(node, path) if isinstance(node, str) else (None, "", f"has no text at {pointer}")


def _label(source: str) -> str:
    """Return a source as messages name it: a variable's name, a flag, a file."""
    kind, _, name = source.partition(":")
    labels = {
        "env": name,
        "option": f"--{name}",
        "package": "the package's version",
        "cell": f"the cell's {name}",
        "plan": f"the {name}",
        "vcs": f"git's {name}",
        "fact": f"the fact {name}",
        "const": "the policy's own value",
        "when": name,
    }
    return labels.get(kind, name.split("#")[0])


def facts_used(policy: Policy, channels: Iterable[Channel]) -> list[str]:
    """Return the facts that the names of channels, or their choice, depend on, in their order."""
    texts = [*policy.distribution]
    for channel in channels:
        parts = (channel.version, *channel.local, channel.build, *channel.label)
        texts += [text for part in parts for text in part]
    for channel in policy.channels:
        texts += [text for name, wanted in channel.when.items() for text in (wanted, f"{{{name}}}")]
    used = {name for text in texts for name in template.fields(text)}
    for name, rule in reversed(list(policy.facts.items())):
        if name in used:  # a fact reads earlier ones alone
            used |= {source[5:] for source in rule.sources if source.startswith("fact:")}
            used |= {
                *rule.when,
                *(field for text in rule.when.values() for field in template.fields(text)),
            }
    return [name for name in policy.facts if name in used]


def sources_asked(fact: Fact) -> list[str]:
    """Return the sources that were asked for a fact, up to the one that had it."""
    return [*(source for source, _ in fact.skipped), *([fact.source] if fact.source else [])]


def channel_of(
    policy: Policy, variables: Mapping[str, Variable], facts: Mapping[str, Fact]
) -> Channel | None:
    """Return the first channel whose conditions hold."""
    return next(
        (channel for channel in policy.channels if holds(channel.when, variables, facts)), None
    )


def holds(
    conditions: Mapping[str, str],
    variables: Mapping[str, Variable],
    facts: Mapping[str, Fact] = NO_FACTS,
) -> bool:
    """Return whether all conditions hold; an empty fact or variable is an absent one."""
    return all(
        _is(_value(name, variables, facts), wanted, facts) for name, wanted in conditions.items()
    )


def _value(name: str, variables: Mapping[str, Variable], facts: Mapping[str, Fact]) -> str:
    if name in facts:
        return facts[name].value or ""
    return variables[name].value.strip() if name in variables else ""


def _is(value: str, wanted: str, facts: Mapping[str, Fact]) -> bool:
    if wanted.startswith("!"):
        return not _is(value, wanted[1:], facts)
    if is_pattern(wanted):
        return match_whole(wanted[1:-1], value) is not None
    filled = template.fill(
        wanted, {name: facts[name].value for name in template.fields(wanted) if name in facts}
    )
    return filled is not None and value == filled


def compose(policy: Policy, channel: Channel, facts: Mapping[str, Fact], where: Where) -> Composed:
    """Return the parts of a name that `channel` makes of `facts`.

    Raises `Stop` (exit 2) when there is no version, or a part breaks PEP 440, 427 or 508.
    """
    values = {name: fact.value for name, fact in facts.items()}
    version = template.fill_first(channel.version, values)
    if version is None:
        missing = next(
            name for name in template.fields(channel.version[-1]) if values[name] is None
        )
        message = (
            f"no version: the channel {channel.name} needs the fact {missing}, which has no value"
        )
        raise Stop(
            [
                Problem(
                    where,
                    message,
                    f"set one of its sources: {'; '.join(skip_reasons(facts[missing]))}",
                )
            ]
        )
    if local := template.join_parts(channel.local, values):
        version += ("." if "+" in version else "+") + local
    build = template.fill_first(channel.build, values) or ""
    distribution = template.fill_first(policy.distribution, values) or ""
    _check_part(
        build, BUILD_TAG, "build tag", "PEP 427: a digit, then letters, digits, _ and .", where
    )
    _check_part(
        distribution,
        PROJECT,
        "name of a project",
        "PEP 508: letters and digits, with . _ - inside",
        where,
    )
    try:
        return Composed(
            _normal_version(version),
            build,
            distribution,
            template.join_parts(channel.label, values),
        )
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        hint = (
            "PEP 440: 2.69.0, 2.69.0.dev0, 2.69.0rc1, with +local parts of letters, digits and dots"
        )
        raise Stop([Problem(where, f"{version!r} is no version", hint)]) from None


def label_problem(label: str, where: Where) -> Problem | None:
    """Return the warning that a variant label is not valid, so that names have none (PEP 817)."""
    if not label or LABEL.fullmatch(label):
        return None
    hint = "PEP 817: 1 to 16 of a-z, 0-9, _ and .; the name is written without it"
    return Problem(where, f"{label!r} is no variant label", hint, "warning")


def _check_part(text: str, form: re.Pattern[str], what: str, rule: str, where: Where) -> None:
    if text and not form.fullmatch(text):
        raise Stop([Problem(where, f"{text!r} is no {what}", rule)])


@lru_cache(maxsize=4096)
def _normal_version(version: str) -> str:
    # Some releases of packaging accept letters whose lower case is ASCII, such as the Kelvin sign.
    if not version.isascii():
        raise InvalidVersion(version)
    return str(Version(version))


def skip_reasons(fact: Fact) -> list[str]:
    """Return why each earlier source had no value."""
    return [f"{_label(source)} {why}" for source, why in fact.skipped]


def source_of(fact: Fact) -> str:
    """Return where a fact's value came from, as messages say it."""
    if fact.value is None:
        return ""
    is_file = fact.source.startswith(("package:", "file:"))
    return fact.origin if is_file else f"{_label(fact.source)}={fact.raw} ({fact.origin})"
