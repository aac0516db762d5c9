"""Inputs of a pipeline, typed by the declarations of its variables, for projects where nobody may pass variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from truewheel.contract import BUILT_IN, KEY, settable
from truewheel.emit.gitlab_jobs import Document
from truewheel.lint import regexes
from truewheel.policy import Variable
from truewheel.problems import Problem
from truewheel.spec import Spec

KEY_INPUT = "truewheel_key"
LIMIT = 20
OPTIONS_LIMIT = 50
DESCRIPTION_LIMIT = 1024


def taken(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Return the variables that are inputs, each with the name of its input: the key, then as many as GitLab takes."""
    return {KEY: KEY_INPUT, **{name: name for name in list(settable(variables))[: LIMIT - 1]}}


def header(variables: Mapping[str, Variable]) -> Document:
    """Return what `spec` says: each input with its type, default, and the values that it may have."""
    known = {**variables, **BUILT_IN}
    return {"inputs": {each: _declared(known[name]) for name, each in taken(variables).items()}}


def _declared(variable: Variable) -> Document:
    # A boolean would not do: put into a variable it stays one, and GitLab takes only text there.
    fields: Document = {"type": "string", "default": variable.default}
    allowed = options(variable)
    if allowed and len(allowed) <= OPTIONS_LIMIT:
        fields["options"] = allowed
    pattern = f"^({variable.pattern})?$"
    if variable.pattern and not regexes.fault(f"/{pattern}/"):
        fields["regex"] = pattern
    if variable.description:
        fields["description"] = variable.description[:DESCRIPTION_LIMIT]
    return fields


def options(variable: Variable) -> list[str]:
    """Return the values that a form offers, the default and the empty one with them; none where any value will do."""
    return list(dict.fromkeys([variable.default, "", *variable.choices])) if variable.choices else []


def values(variables: Mapping[str, Variable]) -> Document:
    """Return the variables that have their values from inputs: text as it is, in which GitLab fills in nothing."""
    # Without a description: prefilled in the form, they would win over the inputs beside them.
    return {name: {"value": f"$[[ inputs.{each} ]]", "expand": False} for name, each in taken(variables).items()}


def problems(spec: Spec, variables: Mapping[str, Variable]) -> list[Problem]:
    """Return a warning when there are more variables than a pipeline may have inputs."""
    left = [name for name in settable(variables) if name not in taken(variables)]
    if not (spec.gitlab.inputs and left):
        return []
    message = f"a pipeline has {LIMIT} inputs at most: {', '.join(left)} can be set as variables alone"
    where = spec.document.problem(("gitlab", "inputs"), message, "declare those first that people set", key=True)
    return [replace(where, severity="warning")]
