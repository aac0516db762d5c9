"""Blocks `$[[ … ]]`: which value of an input they stand for, and through which functions.

As `Gitlab::Ci::Config::Interpolation` of GitLab 18.11 evaluates them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from truewheel.errors import suggest
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.expressions import UNKNOWN
from truewheel.forges.gitlab.lint.values import as_text

BLOCK = re.compile(r"\$\[\[\s*(?P<data>\S.*?\S)\s*\]\]")

_SEGMENT = re.compile(r"(?P<key>[^\[\]]+)(?P<indices>(?:\[[^\[\]]*\])*)")
_INDEX = re.compile(r"\[([^\[\]]*)\]")
_TRUNCATE = re.compile(r"truncate\(\s*(\d+)\s*,\s*(\d+)\s*\)?")
_SPLIT = re.compile(r"split\('([^']*)'\)")
_FUNCTIONS = ("expand_vars", "truncate(OFFSET,LENGTH)", "posix_escape")


class BadBlock(ValueError):
    """A block that GitLab refuses; the message says why, `hint` what to write."""

    def __init__(self, message: str, hint: str = "", code: str = "interpolation") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


class Context(NamedTuple):
    """The values of the inputs of a file; of an input that is not `declared` nothing is known.

    `is_open`: inputs may be declared in files that were not read.
    """

    values: Mapping[str, Any]
    is_open: bool = False


def evaluate(data: str, context: Context) -> Any:
    """Return the value of a block, given what stands in it; UNKNOWN when that depends on more.

    Raises `BadBlock`.
    """
    access, *functions = (part.strip() for part in data.split("|"))
    if access.partition(".")[0] == "matrix":
        return UNKNOWN  # GitLab leaves these for the jobs of the matrix
    value = _accessed(access, context)
    if len(functions) > limits.BLOCK_FUNCTIONS:
        raise BadBlock(
            f"{access} goes through {len(functions)} functions, of at most {limits.BLOCK_FUNCTIONS}"
        )
    for function in functions:
        value = _applied(function, value)
    return value


def _accessed(access: str, context: Context) -> Any:
    first, _, rest = access.partition(".")
    if not rest or first not in {"inputs", "component"}:
        raise BadBlock(f"GitLab knows no {access} here", "write $[[ inputs.NAME ]]")
    if first == "component":
        raise BadBlock(
            f"{access} is known only in a file that is included as a component",
            "include it by `component`, or write an input",
        )
    name, *keys = rest.split(".")
    value = _segment(name, _Root(context), access)
    for key in keys:
        value = _segment(key, value, access)
    return value


class _Root(NamedTuple):
    context: Context


def _segment(segment: str, owner: Any, access: str) -> Any:
    match = _SEGMENT.fullmatch(segment)
    if match is None:
        raise BadBlock(f"{access} cannot be read", "write $[[ inputs.NAME ]]")
    value = _member(match["key"], owner, access)
    for index in _INDEX.findall(match["indices"]):
        value = _item(index, value, access)
    return value


def _member(key: str, owner: Any, access: str) -> Any:
    if owner is UNKNOWN:
        return UNKNOWN
    if isinstance(owner, _Root):
        values = owner.context.values
        if key not in values:
            if owner.context.is_open:
                return UNKNOWN
            message = f"the input {key} is used and not declared"
            raise BadBlock(message, suggest(key, values), "unknown-input")
        return values[key]
    if not isinstance(owner, dict) or key not in owner:
        raise BadBlock(f"{access}: there is no key {key}")
    return owner[key]


def _item(index: str, value: Any, access: str) -> Any:
    if not index.isdecimal():
        raise BadBlock(f"{access}: an index is a whole number from 0, not {index or 'empty'}")
    if value is UNKNOWN:
        return UNKNOWN
    if not isinstance(value, list):
        raise BadBlock(f"{access}: only a list has items")
    if int(index) >= len(value):
        raise BadBlock(f"{access}: the list has {len(value)} items, counted from 0")
    return value[int(index)]


def _applied(function: str, value: Any) -> Any:
    name, apply = _function(function)
    if value is UNKNOWN:
        return UNKNOWN
    if not isinstance(value, str):
        raise BadBlock(f"{name} takes a text only, not {as_text(value)}")
    return apply(value)


def _function(function: str) -> tuple[str, Callable[[str], Any]]:
    if function == "expand_vars":
        return function, lambda value: UNKNOWN if "$" in value else value
    if function == "posix_escape":
        return function, _escape
    if match := _TRUNCATE.fullmatch(function):
        start, length = int(match[1]), int(match[2])
        return "truncate", lambda value: value[start : start + length]
    if (match := _SPLIT.fullmatch(function)) and match[1]:
        separator = match[1]
        return "split", lambda value: [
            part.strip() for part in value.split(separator) if part.strip()
        ]
    raise BadBlock(f"GitLab knows no function {function}", f"there are {', '.join(_FUNCTIONS)}")


def _split(separator: str, value: str) -> list[str]:
    return [part.strip() for part in value.split(separator) if part.strip()]


def _escape(value: str) -> str:
    """Escape a text for a shell as Ruby's Shellwords does."""
    if not value:
        return "''"
    return re.sub(r"([^A-Za-z0-9_\-.,:+/@\n])", r"\\\1", value).replace("\n", "'\n'")
