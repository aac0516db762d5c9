"""Small checks of values and their combinations; each yields faults with the route to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.errors import show_value, suggest
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import durations, expressions, regexes
from truewheel.forges.gitlab.lint.expressions import UNKNOWN, BadExpression

Route = tuple["str | int", ...]


class Fault(NamedTuple):
    """A fault below a keyword: stable code, route, the end of a sentence about it, and a hint."""

    code: str
    route: Route
    message: str
    hint: str = ""


Check = Callable[[Any], Iterator[Fault]]
"""Yields the faults of a value, with routes from that value."""


def is_open(value: Any) -> bool:
    """Return whether a value is only known when the pipeline starts: an input, or not read."""
    return value is UNKNOWN or (isinstance(value, str) and "$[[" in value)


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, None as an empty one, and any other value as its only item."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def text_or_items(value: Any) -> list[Any]:
    """Return a list as it is, a text as its only item, and an empty list for other values."""
    return as_list(value) if isinstance(value, (str, list)) else []


def is_blank(value: Any) -> bool:
    """Return whether GitLab takes a value for empty."""
    return (
        value is None
        or value is False
        or (isinstance(value, str) and not value.strip())
        or value in ([], {})
    )


def below(key: str | int, faults: Iterator[Fault]) -> Iterator[Fault]:
    """Yield faults with `key` before their routes."""
    for fault in faults:
        yield fault._replace(route=(key, *fault.route))


def wrong(value: Any, expected: str) -> Fault:
    """Return the fault of a value of another kind than `expected`."""
    hint = (
        "quote it"
        if expected.startswith(("a text", "text")) and isinstance(value, (int, float))
        else ""
    )
    return Fault("wrong-type", (), f"must be {expected}, not {kind_of(value)}", hint)


def kind_of(value: Any) -> str:
    """Return what a value is, for a message."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    return show_value(value) if isinstance(value, str) else f"{value!r}".lower()


def as_text(value: Any) -> str:
    """Return a scalar as GitLab hands it to a job: `3.10` arrives as 3.1, `yes` as true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def anything(value: Any) -> Iterator[Fault]:
    """Take every value."""
    del value
    yield from ()


def text(value: Any) -> Iterator[Fault]:
    """Take a text."""
    if not isinstance(value, str):
        yield wrong(value, "a text")


def filled(value: Any) -> Iterator[Fault]:
    """Take a text that is not empty."""
    if is_blank(value):
        yield Fault("missing-value", (), "must not be empty")
    else:
        yield from text(value)


def boolean(value: Any) -> Iterator[Fault]:
    """Take true or false."""
    if not isinstance(value, bool):
        yield wrong(value, "true or false")


def up_to(length: int) -> Check:
    """Take a text of at most `length` characters."""

    def check(value: Any) -> Iterator[Fault]:
        yield from text(value)
        if isinstance(value, str) and len(value) > length:
            yield Fault("too-long", (), f"has {len(value)} characters, of at most {length}")

    return check


def short_text(length: int) -> Check:
    """Take a text that is not empty, of at most `length` characters."""
    limited = up_to(length)

    def check(value: Any) -> Iterator[Fault]:
        yield from filled(value) if is_blank(value) else limited(value)

    return check


def one_of(*allowed: str) -> Check:
    """Take one of some texts."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield wrong(value, f"one of {', '.join(allowed)}")
        elif value not in allowed:
            message = f"must be one of {', '.join(allowed)}, not {show_value(value)}"
            if len(allowed) > 8:  # too many to be listed in a message
                message = f"has no such choice: {show_value(value)}"
            yield Fault("wrong-value", (), message, suggest(value, allowed))

    return check


def whole_number(least: int, most: int) -> Check:
    """Take an integer between two limits."""

    def check(value: Any) -> Iterator[Fault]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield wrong(value, f"a whole number from {least} to {most}")
        elif not least <= value <= most:
            yield Fault("out-of-range", (), f"must be from {least} to {most}, not {value}")

    return check


def integers(value: Any) -> Iterator[Fault]:
    """Take an integer or a list of them."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, bool) or not isinstance(item, int):
            yield wrong(item, "a whole number, or a list of them")


def list_of(check: Check, *, most: int | None = None, least: int = 0) -> Check:
    """Take a list whose items pass `check`."""

    def check_list(value: Any) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield wrong(value, "a list")
            return
        if most is not None and len(value) > most:
            yield Fault("too-many", (), f"has {len(value)} items, of at most {most}")
        if len(value) < least:
            yield Fault("missing-value", (), "must not be empty")
        for index, item in enumerate(value):
            if not is_open(item):
                yield from below(index, check(item))

    return check_list


strings = list_of(text)


def flat(check: Check) -> Check:
    """Take a list in lists (as `!reference` makes them) whose innermost items pass `check`."""

    def check_flat(value: Any) -> Iterator[Fault]:
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from below(index, check_flat(item))
        elif value is not None and not is_open(value):  # GitLab skips empty items
            yield from check(value)

    def check_top(value: Any) -> Iterator[Fault]:
        if not isinstance(value, list):
            yield wrong(value, "a list")
        else:
            yield from check_flat(value)

    return check_top


def either(expected: str, **checks: Check) -> Check:
    """Take a value by its type: the check named text, list, mapping, boolean or number.

    Others are not `wanted`.
    """

    def check(value: Any) -> Iterator[Fault]:
        type_check = checks.get(type_of(value))
        if type_check:
            yield from type_check(value)
        else:
            yield wrong(value, expected)

    return check


def type_of(value: Any) -> str:
    """Return text, list, mapping, boolean, number or null."""
    names = {
        str: "text",
        list: "list",
        dict: "mapping",
        bool: "boolean",
        int: "number",
        float: "number",
    }
    return names.get(type(value), "null")


def keys_of(value: Mapping[Any, Any], allowed: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a fault for each key that is not `allowed`."""
    for key in value:
        if key not in allowed and not is_open(key):
            hint = suggest(
                str(key), allowed, f"it may have: {', '.join(allowed)}" if len(allowed) < 12 else ""
            )
            yield Fault("unknown-key", (key,), f"has no key {key!r}", hint)


def mapping(
    keys: Mapping[str, Check],
    *,
    required: tuple[str, ...] = (),
    present: tuple[str, ...] = (),
    exclusive: tuple[tuple[str, ...], ...] = (),
    may_be_empty: bool = True,
) -> Check:
    """Take a mapping with no other `keys`, and at most one of each `exclusive` group.

    What is `required` must not be empty; what must be `present` may.
    """

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield wrong(value, "a mapping")
            return
        if not value and not may_be_empty:
            yield Fault("missing-value", (), "must not be empty")
            return
        yield from keys_of(value, keys)
        yield from together(value, exclusive)
        for key in (*required, *present):
            if is_blank(value.get(key)) if key in required else value.get(key) is None:
                yield Fault("missing-value", (), f"must have {key}")
        for key, item in value.items():
            if item is not None and not is_open(item) and (checks := keys.get(key)):
                yield from below(key, checks(item))

    return check


def together(value: Mapping[str, Any], exclusive: tuple[tuple[str, ...], ...]) -> Iterator[Fault]:
    """Yield a fault for each group of keys of which more than one is there."""
    for group in exclusive:
        if len(present := [key for key in group if key in value]) > 1:
            yield Fault(
                "exclusive-keys",
                (present[1],),
                f"cannot have {' and '.join(present)} together",
                "keep one",
            )


def each(check: Check) -> Check:
    """Take a mapping whose values pass `check`, whatever its keys."""

    def check_each(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield wrong(value, "a mapping")
            return
        for key, item in value.items():
            if not is_open(item):
                yield from below(key, check(item))

    return check_each


def nested(check: Check, expected: str) -> Check:
    """Take a list nested at most ten deep, whose innermost items pass `check`."""

    def inner(value: Any, level: int) -> Iterator[Fault]:
        if is_open(value):
            return
        if not isinstance(value, list):
            yield from check(value)
        elif level > limits.SCRIPT_DEPTH:
            yield Fault(
                "too-deep",
                (),
                f"is nested more than {limits.SCRIPT_DEPTH} levels deep",
                "write it flatter",
            )
        else:
            for index, item in enumerate(value):
                yield from below(index, inner(item, level + 1))

    def check_nested(value: Any) -> Iterator[Fault]:
        if isinstance(value, list):
            yield from inner(value, 1)
        else:
            yield wrong(value, expected)

    return check_nested


def command(value: Any) -> Iterator[Fault]:
    """Take one line of a script."""
    if isinstance(value, dict):
        line = ", ".join(f"{key}: {item}" for key, item in value.items())
        yield Fault(
            "wrong-type", (), "must be a text, not a mapping", f"quote the line: {show_value(line)}"
        )
    else:
        yield from text(value)


_lines = nested(command, "a text or a list of texts")


def script(value: Any) -> Iterator[Fault]:
    """Take a text or a list of texts, nested at most ten deep."""
    if not isinstance(value, str):
        yield from _lines(value)


def duration(*, most: float | None = None, never: bool = False, variables: bool = False) -> Check:
    """Check a duration such as `1h 30m`; `most` is in seconds, `never` says if that word is one."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, str):
            yield wrong(value, "a text with a duration, such as '30 minutes'")
            return
        if (never and value.lower() == "never") or (variables and "$" in value):
            return
        length = durations.seconds(value)
        if length is None:
            hint = "write for example '1 hour 30 minutes'"
            yield Fault("not-duration", (), f"is not a duration: {show_value(value)}", hint)
        elif most is not None and length > most:
            yield Fault("too-long", (), f"is too long: {show_value(value)}")

    return check


def condition(value: Any) -> Iterator[Fault]:
    """Take an expression of `rules:if`."""
    if not isinstance(value, str):
        yield wrong(value, "a text with an expression")
        return
    try:
        expressions.parse(value)
    except BadExpression as error:
        hint = 'such as: $CI_COMMIT_BRANCH == "main" && $DEPLOY =~ /^(a|b)/'
        yield Fault(
            "bad-expression", (), f"is no expression, it {error}: {show_value(value)}", hint
        )


def regex(value: Any) -> Iterator[Fault]:
    """Take a regular expression between slashes."""
    if not isinstance(value, str):
        yield wrong(value, "a regular expression between slashes")
    elif problem := regexes.fault(value):
        yield Fault(
            "bad-regex",
            (),
            f"{problem}: {show_value(value)}",
            "GitLab reads regular expressions as RE2: '/…/'",
        )


def text_or_regex(value: Any) -> Iterator[Fault]:
    """Take a text; between slashes it must be a regular expression."""
    if isinstance(value, str) and regexes.is_delimited(value):
        yield from regex(value)
    else:
        yield from text(value)


text_or_list = either("a text or a list of texts", text=text, list=strings)
