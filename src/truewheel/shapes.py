"""Data against the JSON schema: every misfit as a `Problem` with its place, and the defaults filled in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from truewheel.problems import Problem
from truewheel.source import Document

Schema = Mapping[str, Any]


def check(document: Document, schema: Schema, definition: str = "") -> list[Problem]:
    """Return every misfit of the document with the schema, or with one of its `$defs`."""
    from jsonschema import Draft202012Validator, validators

    strict = validators.extend(Draft202012Validator, {"pattern": _check_pattern, "format": _check_format})
    part = {**schema, **schema["$defs"][definition]} if definition else schema
    problems = [problem for error in strict(part).iter_errors(document.data) for problem in _problems(error, document)]
    return sorted(set(problems), key=lambda problem: (problem.where.line, problem.where.column))


def with_defaults(data: Any, node: Schema, schema: Schema) -> Any:
    """Return `data` with the default of every absent property, as the schema declares it."""
    while "$ref" in node:
        reference = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        node = {**reference, **{key: value for key, value in node.items() if key != "$ref"}}
    if isinstance(data, dict):
        return _filled_mapping(data, node, schema)
    if isinstance(data, list) and "items" in node:
        return [with_defaults(item, node["items"], schema) for item in data]
    return data


def _filled_mapping(data: dict[str, Any], node: Schema, schema: Schema) -> dict[str, Any]:
    known: Mapping[str, Any] = node.get("properties", {})
    others = node.get("additionalProperties") or {}
    filled = {
        key: with_defaults(data[key] if key in data else child["default"], child, schema)
        for key, child in known.items()
    }
    extra = {key: with_defaults(value, others, schema) for key, value in data.items() if key not in known}
    return {**filled, **extra}


@lru_cache(maxsize=256)
def _ecma(pattern: str) -> re.Pattern[str]:
    # In a JSON schema $ is the end of the text; Python's also stands before a last newline.
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _check_pattern(_: Any, pattern: str, text: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(text, str) and not _ecma(pattern).search(text):
        yield ValidationError(f"{text!r} does not match {pattern}")


def _check_format(_: Any, form: str, text: Any, __: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if form == "regex" and isinstance(text, str):
        try:
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            yield ValidationError(f"not a regular expression: {error}")


def _problems(error: Any, document: Document) -> Iterator[Problem]:
    route = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, document, route)
    elif error.parent is None and "propertyNames" in error.absolute_schema_path:
        message = f"the name {_short(error.instance)} is not allowed here"
        yield document.problem((*route, error.instance), message, _expected(error), key=True)
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        for key in missing:
            yield document.problem(route, f"{_named(route)} has no {key}", f"add {key}: …")
    else:
        yield document.problem(route, f"{_named(route)}: {_misfit(error, document, route)}", _expected(error))


def _unknown_keys(error: Any, document: Document, route: tuple[str | int, ...]) -> Iterator[Problem]:
    known = list(error.schema.get("properties", {}))
    for key in error.instance:
        if key in known:
            continue
        close = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        yield document.problem((*route, key), f"unknown key {_short(key)}", hint, key=True)


def _named(route: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in route)
    return text.lstrip(".") or "the file"


_KINDS = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "a number",
    "boolean": "true or false",
}


def _misfit(error: Any, document: Document, route: tuple[str | int, ...]) -> str:
    value, raw = error.instance, document.raw(route)
    if error.validator == "type":
        return f"{_kind_of(value, raw)}, where {_KINDS.get(error.validator_value, error.validator_value)} is needed"
    if error.validator in {"enum", "const"} and raw is not None and not isinstance(value, str):
        return _kind_of(value, raw)
    if error.validator in {"minProperties", "minItems", "minLength"}:
        return "must not be empty"
    if error.validator == "maxItems":
        return f"at most {error.validator_value} are allowed"
    if error.validator == "uniqueItems":
        return "the same value twice"
    if error.validator == "format":
        return str(error.message)
    return f"{_short(value)} is not allowed"


def _kind_of(value: Any, raw: str | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{raw} is read as {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"{raw} is read as the number {value}"
    if isinstance(value, str):
        return f"the text {_short(value)}"
    return "a mapping" if isinstance(value, dict) else "a list"


def _expected(error: Any) -> str:
    value = error.instance
    if error.validator == "type" and error.validator_value == "string" and _is_scalar(value):
        return "quote it: write it between ' and '"
    if error.validator == "enum":
        close = difflib.get_close_matches(str(value), [str(item) for item in error.validator_value], n=1)
        allowed = ", ".join(str(item) or "''" for item in error.validator_value)
        return f"did you mean {close[0]}?" if close else f"allowed: {allowed}"
    if error.validator == "const":
        return f"write {error.validator_value}"
    description = error.schema.get("description", "") or _description_above(error)
    return str(description)


def _description_above(error: Any) -> str:
    pattern = error.schema.get("pattern")
    return f"it must match {pattern}" if pattern else ""


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and value is not None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
