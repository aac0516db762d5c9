"""Inputs of a pipeline, for projects where nobody may pass variables.

Their types come from the declarations of the variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from truewheel.errors import Problem
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.emit.jobs import Document
from truewheel.spec.model import Spec
from truewheel.spec.policy import Variable
from truewheel.spec.variables import BUILT_IN, KEY, select_settable

KEY_INPUT = "truewheel_key"
QUOTABLE = "^[^'\\r\\n]*$"
"""What stays within the quotes that it stands in.

GitLab puts inputs into the text of the file before it reads it.
"""

_LEAVES_QUOTES = re.compile(r"['\r\n]")
_PLAIN = re.compile(r"\\[\\.+/:-]|\[[A-Za-z0-9_.:+/-]+\]")
"""Parts of an expression that cannot stand for such a character.

Escaped signs, and sets of plain ones.
"""
_MAY_LEAVE_QUOTES = re.compile(r"['.\[\r\n]|\\[^dw]|\(\?")
"""What may, in the rest."""
_BLOCK = re.compile(r"\$\[\[\s*inputs\b")
_NEVER_IN_A_FILE = {"variables", "schedules", "merge_requests", "naming"}
"""Keys of a spec whose values GitLab reads as they are.

In the header, through its API, or not at all.
"""


def taken(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Return the variables that are inputs, each with the name of its input.

    The key, then as many as GitLab takes.
    """
    return {
        KEY: KEY_INPUT,
        **{name: name for name in list(select_settable(variables))[: limits.INPUTS - 1]},
    }


def header(variables: Mapping[str, Variable]) -> Document:
    """Return the header `spec`: each input with its type, default and allowed values."""
    known = {**variables, **BUILT_IN}
    return {
        "inputs": {
            input_name: _declared(known[name]) for name, input_name in taken(variables).items()
        }
    }


def _declared(variable: Variable) -> Document:
    # A boolean would not do: put into a variable it stays one, and GitLab takes only text there.
    fields: Document = {"type": "string", "default": variable.default}
    allowed = options(variable)
    if allowed and len(allowed) <= limits.INPUT_OPTIONS:
        fields["options"] = allowed
    if "options" not in fields:
        fields["regex"] = _regex(variable.pattern)
    if variable.description:
        fields["description"] = variable.description[: limits.INPUT_DESCRIPTION]
    return fields


def _regex(pattern: str) -> str:
    """Return what an input must be like, as strict as GitLab can be told.

    `plan` holds it against the pattern itself.

    With nothing that may match a quote or the end of a line, a pattern is that itself.
    """
    from truewheel.forges.gitlab.lint import regexes  # most pipelines have no inputs

    anchored = f"^({pattern})?$"
    is_safe = pattern and not _MAY_LEAVE_QUOTES.search(_PLAIN.sub("", pattern))
    return anchored if is_safe and not regexes.fault(f"/{anchored}/") else QUOTABLE


def options(variable: Variable) -> list[str]:
    """Return the values that a form offers, the default and the empty one with them.

    None where any value will do.
    """
    return (
        list(dict.fromkeys([variable.default, "", *variable.choices])) if variable.choices else []
    )


def values(variables: Mapping[str, Variable]) -> Document:
    """Return the variables that have their values from inputs.

    Text as it is, in which GitLab fills in nothing.
    """
    # Without a description: prefilled in the form, they would win over the inputs beside them.
    return {
        name: {"value": f"$[[ inputs.{input_name} ]]", "expand": False}
        for name, input_name in taken(variables).items()
    }


def problems(spec: Spec, variables: Mapping[str, Variable]) -> list[Problem]:
    """Return the problems of inputs: values that GitLab would replace as text, and too many."""
    return [*_filled_in(spec), *_unquotable(spec, variables), *_too_many(spec, variables)]


def _filled_in(spec: Spec) -> Iterator[Problem]:
    """Yield a problem for each text of the spec with an input's form.

    GitLab would fill in the input before any shell or YAML parser reads the text.
    """
    for key, part in spec.document.data.items():
        if key not in _NEVER_IN_A_FILE:
            yield from _blocks(spec, (key,), part)


def _blocks(spec: Spec, route: tuple[str | int, ...], value: object) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _block(spec, (*route, key), key, key=True)
            yield from _blocks(spec, (*route, key), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _blocks(spec, (*route, number), item)
    elif isinstance(value, str):
        yield from _block(spec, route, value)


def _block(
    spec: Spec, route: tuple[str | int, ...], text: str, *, key: bool = False
) -> Iterator[Problem]:
    if _BLOCK.search(text):
        message = (
            "GitLab puts an input here as text, before any shell or YAML reads it: it could be a "
            "command"
        )
        yield spec.document.problem(
            route, message, 'read the variable that the input sets: "$NAME"', key=key
        )


def _unquotable(spec: Spec, variables: Mapping[str, Variable]) -> Iterator[Problem]:
    if not spec.gitlab.inputs:
        return
    known = {**variables, **BUILT_IN}
    for name in taken(variables):
        values = [known[name].default, *known[name].choices]
        if any(map(_LEAVES_QUOTES.search, values)):
            route = ("variables", name) if name in spec.variables else ("gitlab", "inputs")
            message = (
                f"{name}: an input with ' or a line break in it would leave its quotes on GitLab"
            )
            yield spec.document.problem(
                route, message, "choose values without them, or remove gitlab.inputs", key=True
            )


def _too_many(spec: Spec, variables: Mapping[str, Variable]) -> list[Problem]:
    left = [name for name in select_settable(variables) if name not in taken(variables)]
    if not (spec.gitlab.inputs and left):
        return []
    most = f"a pipeline has {limits.INPUTS} inputs at most"
    message = f"{most}: {', '.join(left)} can be set as variables alone"
    where = spec.document.problem(
        ("gitlab", "inputs"), message, "declare those first that people set", key=True
    )
    return [replace(where, severity="warning")]
