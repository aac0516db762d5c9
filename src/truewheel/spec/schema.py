"""Data against the JSON schema.

Every misfit as a `Problem` with its place, and the defaults filled in.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from truewheel.errors import Problem, in_order, meant, shown
from truewheel.spec.yaml_source import Document

Schema = Mapping[str, Any]


def shape(schema: Schema, definition: str = "") -> Schema:
    """Return the schema, or one of its `$defs`, with every `$ref` replaced by what it stands for.

    Both keep their say: what stands beside a `$ref` replaces what it refers to, but descriptions
    are joined. if and then are for editors: here the part that they speak of is held against a
    shape of its own.
    """
    definitions = schema["$defs"]
    root = (
        definitions[definition]
        if definition
        else {key: part for key, part in schema.items() if key != "$defs"}
    )
    expanded: Schema = _expanded(root, definitions)
    return expanded


def _expanded(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_expanded(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    own = {
        key: _expanded(part, definitions)
        for key, part in node.items()
        if key not in {"$ref", "if", "then"}
    }
    if "$ref" not in node:
        return own
    reference = _expanded(definitions[node["$ref"].rpartition("/")[2]], definitions)
    form = reference["description"]
    return {
        **reference,
        **own,
        "description": f"{own['description']} ({form})" if "description" in own else form,
    }


def check(document: Document, shape: Schema) -> list[Problem]:
    """Return all that speaks against the document.

    What could not be read, and every misfit with the shape.
    """
    return in_order([*document.problems, *misfits(document, shape)])


def misfits(document: Document, shape: Schema, route: tuple[str, ...] = ()) -> list[Problem]:
    """Return every misfit with the shape of the part of the document at `route`, but for what could not be read."""
    unread = {problem.where for problem in document.problems}
    part = document.data
    for step in route:
        part = part[step]
    return [
        problem
        for error in _strict()(shape).iter_errors(part)
        for problem in _problems(error, document, (*route, *error.absolute_path))
        if error.instance is not None or problem.where not in unread
    ]


def with_defaults(data: Any, shape: Schema) -> Any:
    """Return `data` with the default of every absent property, as the shape declares it."""
    if isinstance(data, dict):
        return _filled_mapping(data, shape)
    if isinstance(data, list) and "items" in shape:
        return [with_defaults(item, shape["items"]) for item in data]
    return data


def _filled_mapping(data: dict[str, Any], shape: Schema) -> dict[str, Any]:
    known: Mapping[str, Any] = shape.get("properties", {})
    others = shape.get("additionalProperties") or {}
    filled = {
        key: with_defaults(data[key] if key in data else child["default"], child)
        for key, child in known.items()
    }
    extra = {key: with_defaults(value, others) for key, value in data.items() if key not in known}
    return {**filled, **extra}


@lru_cache(maxsize=1)
def _strict() -> Any:
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend  # jsonschema has no types of its own
    return extend(Draft202012Validator, {"pattern": _check_pattern, "format": _check_format})


@lru_cache(maxsize=256)
def _ecma(pattern: str) -> re.Pattern[str]:
    # In a JSON schema $ is the end of the text; Python's also stands before a last newline.
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _check_pattern(_: Any, pattern: str, text: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(text, str) and not _ecma(pattern).search(text):
        yield ValidationError(f"{text!r} does not match {pattern}")


_PATTERN_IN = {"regex": re.compile("(?s:(.*))"), "condition": re.compile("(?s:!*/(.*)/)")}


def _check_format(_: Any, form: str, text: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(text, str) and (pattern := _PATTERN_IN[form].fullmatch(text)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a pattern that Python reads in two ways is none
                re.compile(pattern[1], re.ASCII)
        except (re.error, ValueError, OverflowError, RecursionError, Warning) as error:
            yield ValidationError(f"not a regular expression: {error}")


def _problems(error: Any, document: Document, route: tuple[str | int, ...]) -> Iterator[Problem]:
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, document, route)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"the name {shown(error.instance)} is not allowed here"
        yield document.problem((*route, error.instance), message, _hint(error, None), key=True)
    elif error.validator == "required":
        for key in error.validator_value:
            if key not in error.instance:
                hint = f"add {key}: {error.schema['properties'][key]['description']}"
                yield document.problem(route, f"{_named(route)} has no {key}", hint)
    else:
        raw = document.raw(route)
        yield document.problem(route, f"{_named(route)}: {_misfit(error, raw)}", _hint(error, raw))


def _unknown_keys(
    error: Any, document: Document, route: tuple[str | int, ...]
) -> Iterator[Problem]:
    known = list(error.schema["properties"])
    for key in error.instance:
        if key not in known:
            hint = meant(key, known, f"known keys: {', '.join(known)}")
            yield document.problem((*route, key), f"unknown key {shown(key)}", hint, key=True)


def _named(route: tuple[str | int, ...]) -> str:
    text = "".join(
        f"[{step}]" if isinstance(step, int) else "." + shown(step).strip("'") for step in route
    )
    return text.lstrip(".") or "the file"


_KINDS = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "boolean": "true or false",
}


def _misfit(error: Any, raw: str | None) -> str:
    value, wanted = error.instance, error.validator_value
    if error.validator == "type":
        return f"{_kind_of(value, raw)}, where {_kinds(wanted)} is needed"
    if error.validator == "enum" and not isinstance(value, str):
        return f"{_kind_of(value, raw)}, where text is needed"
    if error.validator == "const":
        return f"{_kind_of(value, raw)}, where the number {wanted} is needed"
    if error.validator in {"minProperties", "minItems", "minLength"}:
        return "must not be empty"
    if error.validator == "maxItems":
        return f"at most {wanted} are allowed"
    if error.validator == "uniqueItems":
        return "the same value twice"
    return error.message if error.validator == "format" else f"{shown(value)} is not allowed"


def _kinds(wanted: str | list[str]) -> str:
    return " or ".join(_KINDS[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))


def _kind_of(value: Any, raw: str | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if isinstance(value, (bool, int, float)):
        kind, read = (
            ("boolean", str(value).lower()) if isinstance(value, bool) else ("number", str(value))
        )
        return f"the {kind} {read}" if read == raw else f"{raw} is read as the {kind} {read}"
    return "a mapping" if isinstance(value, dict) else "a list"


def _hint(error: Any, raw: str | None) -> str:
    """Return what to write instead; in most cases that is what the schema says of the place."""
    value, wanted = error.instance, error.validator_value
    if error.validator == "enum":
        return meant(
            str(value), wanted, f"allowed: {', '.join(item or repr('') for item in wanted)}"
        )
    if error.validator == "type" and isinstance(value, (str, bool, int, float)):
        if "string" in wanted:
            return f"quote it: '{raw}'"
        if wanted == "array" and value != "":
            return f"write a list: [{shown(value if raw is None else raw)}]"
        if keys := error.schema.get("properties"):
            return f"write it with its keys: {', '.join(keys)}"
    return "remove one" if error.validator == "uniqueItems" else str(error.schema["description"])
