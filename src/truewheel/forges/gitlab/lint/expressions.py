"""The language of `rules:if`, parsed and evaluated as GitLab does.

Variables may be known, absent or unknown.

The grammar is GitLab's: values (`$NAME`, "text", /regex/, null, true, false), == != =~ !~ && || !
and parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import regexes


class Unknown:
    """A value of which less is known than what it is."""

    def __init__(self, known: str) -> None:
        self.known = known

    def __repr__(self) -> str:
        return self.known


UNKNOWN = Unknown("anything")
UNDECIDED = Unknown("true or false")
SET = Unknown("something that holds, such as a text that is not empty")
UNSET = Unknown("something that does not hold")

Value = Any
Variables = Mapping[str, Value]


class BadExpression(ValueError):
    """Text that GitLab would refuse as an expression; the message says why."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


# In this order, as GitLab tries them.
_TOKENS = (
    ("(", r"\("),
    (")", r"\)"),
    ("input", r"\$\[\[\s*inputs\.[\w-]+\s*\]\]"),
    ("variable", r"\$\w+"),
    ("text", r"\"[^\"\n]*\"|'[^'\n]*'"),
    ("pattern", r"/(?:[^/]|\\/)+[^\\]/[ismU]*"),
    ("null", r"null"),
    ("boolean", r"\b(?:true|false)\b"),
    ("==", r"=="),
    ("=~", r"=~"),
    ("!=", r"!="),
    ("!~", r"!~"),
    ("&&", r"&&"),
    ("||", r"\|\|"),
    ("!", r"!"),
)
_BINDS = {"!": 1, "==": 10, "!=": 10, "=~": 10, "!~": 10, "&&": 11, "||": 12, ")": 900, "(": 901}


class Node(NamedTuple):
    """An operator with its operands, or a value: kind and what it says."""

    kind: str
    value: str = ""
    operands: tuple[Node, ...] = ()


def _tokens(text: str) -> list[_Token]:
    # Compiled here, not on import: most pipelines are judged by a few expressions only.
    patterns = [(kind, re.compile(pattern)) for kind, pattern in _TOKENS]
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        matches = (
            (kind, match) for kind, pattern in patterns if (match := pattern.match(text, at))
        )
        kind, match = next(matches, ("", None))
        if match is None:
            raise BadExpression(_unread(text, at))
        tokens.append(_Token(kind, match[0], at))
        if len(tokens) >= limits.EXPRESSION_TOKENS:
            raise BadExpression(f"has more than {limits.EXPRESSION_TOKENS - 1} words and signs")
        at = match.end()
    return tokens


def _unread(text: str, at: int) -> str:
    rest = text[at:]
    reasons = {
        "=": "a single =: write == to compare",
        "&": "a single &: write && for and",
        "|": "a single |: write || for or",
        '"': "a quote that nothing closes",
        "'": "a quote that nothing closes",
        "/": "a regular expression that is not closed, or shorter than two characters",
    }
    what = reasons.get(rest[0], f"what is no variable, text or sign: {rest.split()[0]}")
    return f"has {what} (at character {at + 1})"


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Return the tree of an expression. Raises `BadExpression`."""
    results: list[Node] = []
    for token in _in_reverse_polish(_tokens(text)):
        if token.kind in _BINDS:
            _apply(token, results)
        else:
            results.append(_value(token))
    if len(results) != 1:
        raise BadExpression(
            "is empty" if not results else "has two values without a sign between them"
        )
    return results[0]


def _in_reverse_polish(tokens: list[_Token]) -> list[_Token]:
    output: list[_Token] = []
    operators: list[_Token] = []
    for token in tokens:
        if token.kind not in _BINDS:
            output.append(token)
            continue
        if token.kind not in {"(", "!"}:
            while operators and _BINDS[token.kind] >= _BINDS[operators[-1].kind]:
                output.append(operators.pop())
        if token.kind != ")":
            operators.append(token)
        elif not operators:
            raise BadExpression("has a ) that nothing opens")
        else:
            operators.pop()
    if any(token.kind == "(" for token in operators):
        raise BadExpression("has a ( that nothing closes")
    return output + operators[::-1]


def _apply(token: _Token, results: list[Node]) -> None:
    count = 1 if token.kind == "!" else 2
    if len(results) < count:
        raise BadExpression(
            f"has nothing beside {token.text} to apply it to (at character {token.at + 1})"
        )
    operands = tuple(results[-count:])
    del results[-count:]
    results.append(Node(token.kind, operands=operands))


def _value(token: _Token) -> Node:
    if token.kind == "variable":
        return Node("variable", token.text[1:])
    if token.kind == "text":
        return Node("text", token.text[1:-1])
    if token.kind == "input":
        return Node("input", token.text[3:-2].strip())
    if token.kind == "pattern" and (fault := regexes.fault(token.text.replace("\\/", "/"))):
        raise BadExpression(f"has a regular expression that {fault}: {token.text}")
    return Node(token.kind, token.text)


def input_names(node: Node) -> Iterator[str]:
    """Yield the inputs that an expression names as `$[[ inputs.NAME ]]`."""
    if node.kind == "input":
        yield node.value.partition(".")[2]
    for operand in node.operands:
        yield from input_names(operand)


def evaluate(node: Node, variables: Variables) -> bool | None:
    """Return whether an expression holds, or None when that depends on what is unknown."""
    return _truth(_evaluate(node, variables))


def _truth(value: Value) -> bool | None:
    if isinstance(value, Unknown):
        return {SET: True, UNSET: False}.get(value)
    return bool(value.strip() if isinstance(value, str) else value)


def _evaluate(node: Node, variables: Variables) -> Value:
    simple: dict[str, Callable[[], Value]] = {
        "variable": lambda: variables.get(node.value, UNKNOWN),
        "text": lambda: node.value,
        "pattern": lambda: node,
        "null": lambda: None,
        "boolean": lambda: node.value == "true",
        "input": lambda: variables.get(node.value, UNKNOWN),
    }
    if node.kind in simple:
        return simple[node.kind]()
    values = [_evaluate(operand, variables) for operand in node.operands]
    if node.kind == "!":
        truth = _truth(values[0])
        return UNDECIDED if truth is None else not truth
    left, right = values
    if node.kind in {"&&", "||"}:
        return _joined(node.kind, left, right)
    answer = _equal(left, right) if node.kind in {"==", "!="} else _matches(left, right)
    return answer if node.kind in {"==", "=~"} or answer is UNDECIDED else not answer


def _joined(sign: str, left: Value, right: Value) -> Value:
    """An unknown left side is decided by the right side only where that settles the whole."""
    # GitLab joins with Ruby's own signs, to which an empty text is true.
    first = left is not None and left is not False
    second = _truth(right)
    if isinstance(left, Unknown) and left is not SET:
        if sign == "&&":
            return UNSET if second is False else UNKNOWN
        return SET if second and left is UNDECIDED else UNKNOWN
    return right if first == (sign == "&&") else left


def _equal(left: Value, right: Value) -> Value:
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        is_set = SET in (left, right)
        return False if is_set and (left in (None, "") or right in (None, "")) else UNDECIDED
    if isinstance(left, bool) and isinstance(right, str):
        left = "true" if left else "false"
    if isinstance(right, bool) and isinstance(left, str):
        right = "true" if right else "false"
    return type(left) is type(right) and left == right


def _matches(left: Value, right: Value) -> Value:
    if right is None:
        return False
    if isinstance(right, str):
        right = _as_pattern(right)
    if not isinstance(right, Node) or isinstance(left, Unknown | Node):
        return UNDECIDED
    match = regexes.DELIMITED.fullmatch(right.value.replace("\\/", "/"))
    flags = re.IGNORECASE if match and "i" in match["flags"] else 0
    try:
        return regexes.searched(match["pattern"], str(left or ""), flags) if match else UNDECIDED
    except (re.error, RecursionError):
        return UNDECIDED


def _as_pattern(text: str) -> Value:
    try:
        node = parse(text)
    except BadExpression:
        return UNKNOWN
    return node if node.kind == "pattern" else UNKNOWN
