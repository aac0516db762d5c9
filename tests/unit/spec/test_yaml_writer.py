"""YAML text is read back as the same document by YAML 1.1 and 1.2; strings are quoted."""

from __future__ import annotations

import pytest
import yaml

from truewheel.spec.yaml_writer import WIDTH, Lines, add_remark, render

JOB = {
    "extends": ".wheel",
    "needs": ["plan"],
    "variables": {"TRUEWHEEL_CELL": "foo/rhel8/x86_64/cp312"},
}


def test_a_document_looks_like_one_that_a_person_wrote():
    document = {
        "stages": ["plan", "wheel"],
        "variables": {"X": {"value": "", "options": ["", "a"]}},
        ".foo:bar": {"image": "python:3.12", "interruptible": True, "retry": 2},
        "job": {
            "script": ["one", "two words"],
            "rules": [{"if": "$A"}, {"if": "$B"}],
            "needs": [],
            "cache": {},
        },
    }
    assert render(document, "Made by a test.\nDo not edit.") == (
        "# Made by a test.\n"
        "# Do not edit.\n"
        "\n"
        "stages: ['plan', 'wheel']\n"
        "\n"
        "variables:\n"
        "  X: {value: '', options: ['', 'a']}\n"
        "\n"
        ".foo:bar:\n"
        "  image: 'python:3.12'\n"
        "  interruptible: true\n"
        "  retry: 2\n"
        "\n"
        "job:\n"
        "  script:\n"
        "    - 'one'\n"
        "    - 'two words'\n"
        "  rules:\n"
        "    - {if: '$A'}\n"
        "    - {if: '$B'}\n"
        "  needs: []\n"
        "  cache: {}\n"
    )


# What YAML 1.1 (PyYAML, GitLab's Psych) or YAML 1.2 reads as something else than text.
WORDS = """
on off yes no y n On OFF Yes nO true false TRUE False null Null NULL ~ = << ! & * ? | > % @ ` - --
--- ... : , [ ] { }
012 0o12 0x1F 0b11 1_000 3.10 1e3 .5 .5e+3 +1 -1 1:30 190:20:30 .inf -.Inf .NaN .nan
2026-11-22 2026-11-22T10:00:00Z
!!str !ruby &a *a # #x :a a: -a ?a % @x `x 'x "x \\ <<: none
"""
PHRASES = [
    "",
    " ",
    " x",
    "x ",
    "a: b",
    "a #b",
    "- a",
    "a, b",
    "{a}",
    "[a]",
    "a b",
    "a\nb",
    "a\tb",
    "\ufeff",
    "é",
]
MISREAD = [*WORDS.split(), *PHRASES]


@pytest.mark.parametrize("text", MISREAD)
def test_text_that_yaml_would_misread_stays_text(text):
    document = {
        text: {text: text, "list": [text, {text: [text]}]},
        "more": {"x" * WIDTH: {text: text}},
    }
    assert yaml.safe_load(render(document, "")) == document


@pytest.mark.parametrize("text", MISREAD)
def test_a_key_that_yaml_would_misread_is_quoted(text):
    line = render({text: 1}, "").strip()
    assert line[0] in "'\"", line


@pytest.mark.parametrize(
    "key", ["job", "X", "_", ".hidden", "wheel:foo:rhel8:x86_64:cp312", "a.b/c-d", "CI_X1"]
)
def test_a_plain_key_stays_plain(key):
    assert render({key: 1}, "") == f"\n{key}: 1\n"


def test_every_string_is_quoted():
    text = render({"a": "b", "c": ["d", {"e": "f"}], "g": {"h": {"i": "j"}}}, "")
    scalars = [token for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken)]
    assert {token.value for token in scalars if token.style} == {"b", "d", "f", "j"}


def test_numbers_and_booleans_are_not():
    document = {"a": [0, -7, 10**20, True, False], "b": {"c": True, "d": 3}}
    assert (
        render(document, "")
        == "\na: [0, -7, 100000000000000000000, true, false]\n\nb:\n  c: true\n  d: 3\n"
    )


def test_one_object_in_two_places_is_written_out_twice():
    text = render({"a": JOB, "b": JOB, "c": [JOB, JOB]}, "")
    assert text.count("TRUEWHEEL_CELL") == 4
    assert not [
        token for token in yaml.scan(text) if isinstance(token, (yaml.AnchorToken, yaml.AliasToken))
    ]


def test_a_quote_and_a_control_character_are_escaped():
    text = render({"a": "it's", "b": 'a "b"\n\x1b[31m\\'}, "")
    assert text == "\na: 'it''s'\n\nb: \"a \\\"b\\\"\\x0a\\x1b[31m\\\\\"\n"


def test_a_header_of_several_lines_is_a_comment_on_each():
    text = render({"a": 1}, "one\n\ntwo\u2028three: 4")
    assert text == "# one\n#\n# two\n# three: 4\n\na: 1\n"
    assert yaml.safe_load(text) == {"a": 1}


def test_lines_stand_under_one_another_and_a_remark_behind_its_text():
    step = {"uses": add_remark("checkout@1", "v1"), "with": {"depth": 0}}
    document = {
        "jobs": {
            "a": {"steps": [step, {"run": Lines("one\n\n  two: #"), "if": "x"}], "may": {"b": "c"}}
        }
    }
    text = render(document, "")
    assert text == (
        "\n"
        "jobs:\n"
        "  a:\n"
        "    steps:\n"
        "      - uses: 'checkout@1' # v1\n"
        "        with: {depth: 0}\n"
        "      - run: |-\n"
        "          one\n"
        "\n"
        "            two: #\n"
        "        if: 'x'\n"
        "    may: {b: 'c'}\n"
    )
    assert yaml.safe_load(text) == document


@pytest.mark.parametrize("text", ["", "a\n", " a\nb", "\na", "a\tb", "a\x85b", "a\n\u2028"])
def test_lines_that_no_block_can_hold_are_quoted(text: str):
    assert "|" not in render({"a": Lines(text)}, "")
    assert yaml.safe_load(render({"a": Lines(text)}, "")) == {"a": text}
