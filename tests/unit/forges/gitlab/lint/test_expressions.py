"""The language of rules:if.

What parses, and what holds when variables are known, absent or unknown.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.forges.gitlab.lint.expressions import (
    SET,
    UNKNOWN,
    BadExpression,
    Node,
    evaluate,
    parse,
)

KNOWN = {"A": "a", "EMPTY": "", "ABSENT": None, "SET": SET, "ANY": UNKNOWN, "PATTERN": "/^a+$/"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("$A", True),
        ("$EMPTY", False),
        ("$ABSENT", False),
        ("$SET", True),
        ("$ANY", None),
        ('$A == "a"', True),
        ("'a' == $A", True),
        ('$A != "a"', False),
        ("$ABSENT == null", True),
        ("$EMPTY == null", False),
        ('$EMPTY == ""', True),
        ("$SET == null", False),
        ('$SET == ""', False),
        ('$SET == "main"', None),
        ("$SET == $SET", None),
        ('$ANY == "x"', None),
        ("$A =~ /^a.*/", True),
        ("$A =~ /^A.*/", False),
        ("$A =~ /^A.*/i", True),
        ("$A !~ /bb/", True),
        ("$A =~ $PATTERN", True),
        ("$A =~ $ABSENT", False),
        ("$A !~ $ABSENT", True),
        ("$SET =~ /aa/", None),
        ("$ABSENT =~ /aa/", False),
        ("!$A", False),
        ("!$ABSENT", True),
        ("!$ANY", None),
        ("$A && $ABSENT", False),
        ("$ANY && $ABSENT", False),
        ("$ANY && $A", None),
        ("$ABSENT && $ANY", False),
        ("$A || $ANY", True),
        ("$ANY || $A", None),
        ("$ANY == 'x' || $A", True),
        ("!$ANY || $A", True),
        ("true == ($ANY == 'x' || 'a')", None),
        ("$ABSENT || $ANY", None),
        ("$ABSENT || $ABSENT && $A", False),
        ("$A || $A && $ABSENT", True),
        ("($A || $A) && $ABSENT", False),
        ("!($A && $ABSENT)", True),
        ('$A == "a" && ($ABSENT == null || $ANY)', True),
        ("$[[ inputs.flag ]]", None),
        ("$SWITCH == true", None),
        ("true", True),
        ('"true" == true', True),
        ("$A =~ /^a\\/b$/", False),
    ],
)
def test_what_holds(text: str, holds: bool | None):
    variables = {name: value for name, value in KNOWN.items() if f"${name}" in text}
    assert evaluate(parse(text), variables) is holds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("$A = $B", "single ="),
        ("$A & $B", "single &"),
        ("$A | $B", "single |"),
        ("$A == 'b", "quote"),
        ("$A == main", "no variable, text or sign: main"),
        ("$A == 1", "no variable, text or sign: 1"),
        ("$A ==", "nothing beside =="),
        ("== $A", "nothing beside =="),
        ("$A && || $B", "nothing beside"),
        ("!", "nothing beside !"),
        ("($A", "( that nothing closes"),
        ("$A)", ") that nothing opens"),
        ("$A $B", "two values"),
        ("()", "is empty"),
        ("$A =~ /a/", "not closed, or shorter"),
        ("$A =~ /abc", "not closed, or shorter"),
        ("$A =~ /(ab/", "( that nothing closes"),
        ("$A =~ /(?=ab)/", "look-ahead"),
        (" && ".join(["$A"] * 51), "more than 99"),
    ],
)
def test_what_is_no_expression(text: str, reason: str):
    with pytest.raises(BadExpression) as refused:
        parse(text)
    assert reason in str(refused.value)


def test_a_hundred_words_and_signs_are_too_many_and_99_are_not():
    parse(" && ".join(["$A"] * 50))


def written(node: Node) -> str:
    """An expression as text, with all its parentheses."""
    parts = [written(operand) for operand in node.operands]
    if node.kind == "!":
        return f"!({parts[0]})"
    if parts:
        return f"({parts[0]} {node.kind} {parts[1]})"
    return {"variable": f"${node.value}", "text": f"'{node.value}'"}.get(node.kind, node.value)


VALUES = st.one_of(
    st.sampled_from(["A", "B_1", "CI"]).map(lambda name: Node("variable", name)),
    st.text('ab c"/$.', max_size=5).map(lambda text: Node("text", text)),
    st.sampled_from([Node("null", "null"), Node("boolean", "true"), Node("pattern", "/^ab+$/i")]),
)
TREES = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["&&", "||", "==", "!=", "=~", "!~"]), inner, inner).map(
            lambda parts: Node(parts[0], operands=parts[1:])
        ),
        inner.map(lambda operand: Node("!", operands=(operand,))),
    ),
    max_leaves=8,
)


@given(TREES)
def test_what_is_written_with_parentheses_is_read_back(tree: Node):
    assert parse(written(tree)) == tree


@given(
    TREES,
    st.dictionaries(st.sampled_from(["A", "B_1", "CI"]), st.sampled_from(["", "a", "ab", None])),
)
def test_more_knowledge_never_turns_an_answer(tree: Node, known: dict[str, str | None]):
    everything = {"A": "x", "B_1": None, "CI": "true", **known}
    vague = evaluate(tree, known)
    assert vague is None or vague == evaluate(tree, everything)


@given(st.text("$AB&|=!~()'\"/ ab\\[]{}*+?.^", max_size=30))
def test_nothing_but_a_refusal_comes_of_any_text(text: str):
    with contextlib.suppress(BadExpression):
        evaluate(parse(text), {})
