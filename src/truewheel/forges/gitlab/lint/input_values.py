"""The values of inputs: of `spec:inputs`, their types, options, expressions and rules.

As `Ci::Inputs` of GitLab 18.11 judges them: the default of an input is checked as well where a
value is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from truewheel.errors import show_value
from truewheel.forges.gitlab.lint import expressions, regexes
from truewheel.forges.gitlab.lint.expressions import UNKNOWN, BadExpression
from truewheel.forges.gitlab.lint.values import as_text, is_open

_TYPES = {"string": "a text", "number": "a number", "boolean": "true or false", "array": "a list"}


class Resolved(NamedTuple):
    """The value of an input, and what is wrong with it.

    Each fault says whether it is about the default in the declaration.
    """

    value: Any
    faults: list[tuple[bool, str]]
    is_missing: bool = False


def resolve(declaration: Any, given: Any, known: Mapping[str, Any]) -> Resolved:
    """Return the value of an input.

    `given` is None where nobody gives one, `known` has the values of the inputs before it.
    """
    declared = declaration if isinstance(declaration, dict) else {}
    rule = _matching_rule(declared.get("rules"), known)
    if given is None and not _has_default(declared):
        return Resolved(UNKNOWN, [], is_missing=True)
    if rule is UNKNOWN:
        return Resolved(UNKNOWN if given is None else given, [])
    source = {**declared, **rule}
    type_ = source.get("type", "string")
    faults = []
    if _has_default(declared):
        faults += [(True, text) for text in _faults(source, type_, source.get("default"))]
    if given is not None:
        faults += [(False, text) for text in _faults(source, type_, given)]
    chosen = source.get("default") if given is None else given
    return Resolved(UNKNOWN if faults else _coerced(type_, chosen), faults)


def _has_default(declared: Mapping[str, Any]) -> bool:
    rules = declared.get("rules")
    mappings = [rule for rule in rules if isinstance(rule, dict)] if _is_list(rules) else []
    # GitLab takes a rule without a condition for a default, whatever it says.
    return "default" in declared or any("default" in rule or "if" not in rule for rule in mappings)


def _matching_rule(rules: Any, known: Mapping[str, Any]) -> Any:
    """Return options and default of the first rule that holds, or UNKNOWN where that is unsure."""
    for rule in rules if _is_list(rules) else ():
        holds = _holds(rule, known) if isinstance(rule, dict) else None
        if holds is None:
            return UNKNOWN
        if holds:
            return {key: rule[key] for key in ("options", "default") if key in rule}
    return {}


def _holds(rule: Mapping[str, Any], known: Mapping[str, Any]) -> bool | None:
    condition = rule.get("if")
    if condition is None:
        return True
    try:
        return expressions.evaluate(expressions.parse(condition), _Known(known))
    except (BadExpression, TypeError):
        return None


class _Known(dict[str, Any]):
    """The values of inputs. Rules of inputs see no variables: these are empty there."""

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of `inputs.NAME`, or None."""
        prefix, _, rest = name.partition(".")
        return super().get(rest, default) if prefix == "inputs" and rest else None


def _faults(declared: Mapping[str, Any], type_: str, value: Any) -> Iterator[str]:
    if type_ not in _TYPES or is_open(value):
        return
    value = _coerced(type_, value)
    if value is UNKNOWN:
        return
    if not _is_of(type_, value):
        yield f"must be {_TYPES[type_]}, not {show_value(as_text(value))}"
        return
    yield from _option_faults(declared.get("options"), type_, value)
    if "regex" in declared:
        yield from _regex_faults(declared["regex"], type_, value)


def _is_of(type_: str, value: Any) -> bool:
    if type_ == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    expected = {"boolean": bool, "array": list, "string": str}[type_]
    return isinstance(value, expected)


def _option_faults(options: Any, type_: str, value: Any) -> Iterator[str]:
    if not _is_list(options):
        return
    if type_ == "boolean":
        yield "cannot have options: true and false are all there is"
        return
    if type_ == "array":
        rest = [item for item in value if item not in options]
        if rest:
            yield f"must have options only, not {show_value(as_text(rest[0]))}"
        return
    allowed = [as_text(option) for option in options] if type_ == "string" else options
    if value not in allowed and not any(map(is_open, options)):
        choices = ", ".join(map(as_text, options[:8])) + (", …" if len(options) > 8 else "")
        yield f"must be one of the options ({choices}), not {show_value(as_text(value))}"


def _regex_faults(pattern: Any, type_: str, value: Any) -> Iterator[str]:
    if type_ != "string":
        yield "cannot have regex: only a text can be matched"
    elif isinstance(pattern, str) and isinstance(value, str):
        if fault := regexes.pattern_fault(pattern):
            yield f"has a regex that {fault}: {show_value(pattern)}"
        elif _matches(pattern, value) is False:
            yield f"must match {pattern}, not be {show_value(value)}"


def _matches(pattern: str, value: str) -> bool | None:
    try:
        return regexes.searched(pattern, value)
    except (re.error, RecursionError):
        return None


def _coerced(type_: str, value: Any) -> Any:
    """Return a value as GitLab takes it: a text, or what a text holds as JSON."""
    if type_ == "string":
        if isinstance(value, (list, dict)):
            return UNKNOWN  # Ruby's own words for it
        return "" if value is None else as_text(value)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return value


def _refuse(word: str) -> Any:
    raise ValueError(word)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
