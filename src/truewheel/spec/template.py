"""Templates of names: {name} stands for a value, {name:02} for it with leading zeros."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
FORMS = re.compile(r"0[1-9]|lower|upper")


@lru_cache(maxsize=4096)
def fields(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields, in order."""
    return tuple(match[1] for match in FIELD.finditer(template))


def fill(template: str, values: Mapping[str, str | None]) -> str | None:
    """Return the template with the values put in, or None if one of them is absent."""
    if any(values.get(name) is None for name in fields(template)):
        return None
    return FIELD.sub(lambda field: _formed(values[field[1]] or "", field[2]), template)


def fill_first(templates: tuple[str, ...], values: Mapping[str, str | None]) -> str | None:
    """Return the first template that can be filled, filled; None if none can."""
    texts = (fill(template, values) for template in templates)
    return next((text for text in texts if text is not None), None)


def join_parts(parts: tuple[tuple[str, ...], ...], values: Mapping[str, str | None]) -> str:
    """Return the parts that can be filled, joined by dots."""
    return ".".join(text for part in parts if (text := fill_first(part, values)) is not None)


def _formed(value: str, form: str | None) -> str:
    if form is None:
        return value
    if form in {"lower", "upper"}:
        return value.lower() if form == "lower" else value.upper()
    return value.zfill(int(form))


def find_wrong_forms(template: str) -> list[str]:
    """Return the forms that no field can have, and braces that belong to no field."""
    rest = FIELD.sub("", template)
    forms = [match[2] for match in FIELD.finditer(template) if match[2] is not None]
    return [form for form in forms if not FORMS.fullmatch(form)] + [
        brace for brace in "{}" if brace in rest
    ]
