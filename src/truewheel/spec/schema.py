"""Checks data by the JSON schema, and fills in its defaults."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from truewheel.errors import Problem, show_value, sort_problems, suggest
from truewheel.spec.yaml_source import Document

Schema = Mapping[str, Any]


def expand_schema(schema: Schema, definition: str = "") -> Schema:
    """Return the schema, or one of its `$defs`, with every `$ref` replaced by its definition.

    Keys beside a `$ref` replace those of the definition, but descriptions are joined. `if` and
    `then` are left out: they are for editors, and the part that they are about is checked by a
    definition of its own.
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
    keys = {
        key: _expanded(part, definitions)
        for key, part in node.items()
        if key not in {"$ref", "if", "then"}
    }
    if "$ref" not in node:
        return keys
    reference = _expanded(definitions[node["$ref"].rpartition("/")[2]], definitions)
    description = reference["description"]
    if "description" in keys:
        description = f"{keys['description']} ({description})"
    return {**reference, **keys, "description": description}


def check_document(document: Document, expanded: Schema) -> list[Problem]:
    """Return what could not be read of the document, and every place that breaks the schema."""
    return sort_problems([*document.problems, *find_misfits(document, expanded)])


def find_misfits(
    document: Document, expanded: Schema, route: tuple[str, ...] = ()
) -> list[Problem]:
    """Return every place at or below `route` that breaks the expanded schema.

    Places that could not be read are left out: `Document.problems` has them.
    """
    unread = {problem.where for problem in document.problems}
    part = document.data
    for step in route:
        part = part[step]
    return [
        problem
        for error in _strict()(expanded).iter_errors(part)
        for problem in _problems(error, document, (*route, *error.absolute_path))
        if error.instance is not None or problem.where not in unread
    ]


def fill_defaults(data: Any, expanded: Schema) -> Any:
    """Return `data` with the default of every absent property, as the schema declares it."""
    if isinstance(data, dict):
        return _filled_mapping(data, expanded)
    if isinstance(data, list) and "items" in expanded:
        return [fill_defaults(item, expanded["items"]) for item in data]
    return data


def _filled_mapping(data: dict[str, Any], expanded: Schema) -> dict[str, Any]:
    properties: Mapping[str, Any] = expanded.get("properties", {})
    others = expanded.get("additionalProperties") or {}
    filled = {
        key: fill_defaults(data[key] if key in data else child["default"], child)
        for key, child in properties.items()
    }
    extra = {
        key: fill_defaults(value, others) for key, value in data.items() if key not in properties
    }
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
                warnings.simplefilter(
                    "error"
                )  # Python warns of a pattern that a later release reads otherwise
                re.compile(pattern[1], re.ASCII)
        except (re.error, ValueError, OverflowError, RecursionError, Warning) as error:
            yield ValidationError(f"not a regular expression: {error}")


def _problems(error: Any, document: Document, route: tuple[str | int, ...]) -> Iterator[Problem]:
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, document, route)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"the name {show_value(error.instance)} is not allowed here"
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
    names = list(error.schema["properties"])
    for key in error.instance:
        if key not in names:
            hint = suggest(key, names, f"known keys: {', '.join(names)}")
            yield document.problem((*route, key), f"unknown key {show_value(key)}", hint, key=True)


def _named(route: tuple[str | int, ...]) -> str:
    text = "".join(
        f"[{step}]" if isinstance(step, int) else "." + show_value(step).strip("'")
        for step in route
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
    return error.message if error.validator == "format" else f"{show_value(value)} is not allowed"


def _kinds(wanted: str | list[str]) -> str:
    return " or ".join(_KINDS[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))


def _kind_of(value: Any, raw: str | None) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"the text {show_value(value)}"
    if isinstance(value, (bool, int, float)):
        is_boolean = isinstance(value, bool)
        kind, read = ("boolean", str(value).lower()) if is_boolean else ("number", str(value))
        return f"the {kind} {read}" if read == raw else f"{raw} is read as the {kind} {read}"
    return "a mapping" if isinstance(value, dict) else "a list"


def _hint(error: Any, raw: str | None) -> str:
    """Return what to write instead: in most cases the description in the schema."""
    value, wanted = error.instance, error.validator_value
    if error.validator == "enum":
        return suggest(
            str(value), wanted, f"allowed: {', '.join(item or repr('') for item in wanted)}"
        )
    if error.validator == "type" and isinstance(value, (str, bool, int, float)):
        if "string" in wanted:
            return f"quote it: '{raw}'"
        if wanted == "array" and value != "":
            return f"write a list: [{show_value(value if raw is None else raw)}]"
        if keys := error.schema.get("properties"):
            return f"write it with its keys: {', '.join(keys)}"
    return "remove one" if error.validator == "uniqueItems" else str(error.schema["description"])
