"""Policy files against themselves: what can only be judged when the whole policy is known."""

from __future__ import annotations

import pytest
from specs import policy_of, spec_of

from truewheel.errors import Stop

FACTS = "facts: {a: {from: ['const:1']}, b: {from: ['const:1'], when: {a: '1'}}}\n"


def refused(text: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        policy_of(text)
    return [str(problem) for problem in stopped.value.problems]


def test_a_condition_may_ask_for_facts_of_before_and_fill_them_in():
    assert policy_of(FACTS + "channels: {d: {when: {b: '{a}'}, version: '{a}'}}\n").facts[
        "b"
    ].when == {"a": "1"}


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("c: '1'", "the fact c is not resolved yet\n    hint: move c above b"),
        ("b: '1'", "the fact b is not resolved yet"),
        ("a: '{c}'", "the fact c is not resolved yet\n    hint: move c above b"),
        ("a: '{z}'", "no fact 'z'\n    hint: facts of this policy: a, b, c"),
        ("a: '!{z}'", "no fact 'z'"),
        (
            "Z: '1'",
            (
                "the variable Z is read here but not declared\n"
                "    hint: add Z to variables, with its scope"
            ),
        ),
    ],
)
def test_a_condition_of_a_fact_may_not_ask_for_what_comes_later(condition, told):
    facts = f"a: {{from: [x]}}, b: {{when: {{{condition}}}, from: [x]}}, c: {{from: [x]}}"
    text = f"facts: {{{facts}}}\nchannels: {{d: {{version: '1'}}}}\n".replace("[x]", "['const:1']")
    assert told in refused(text)[0]


@pytest.mark.parametrize("value", ["/(/", "!/(/", "!!/(/", "/(?u)a/", "/[[a]/"])
def test_a_condition_between_slashes_is_a_regular_expression(value):
    (problem,) = refused(
        f"variables: {{V: {{}}}}\nchannels: {{d: {{version: '1', when: {{V: '{value}'}}}}}}\n"
    )
    assert problem.startswith("own.yml:2:40: channels.d.when.V: not a regular expression: ")
    assert "or a regular expression between slashes" in problem.partition("hint: ")[2]


@pytest.mark.parametrize("value", ["/a{2}/", "!/a{2}/", "!!/a{2}/"])
def test_a_regular_expression_is_no_template(value):
    assert policy_of(
        f"variables: {{V: {{}}}}\nchannels: {{d: {{version: '1', when: {{V: '{value}'}}}}}}\n"
    ).channels


def test_a_condition_of_an_index_is_judged_alike():
    with pytest.raises(Stop, match=r"4:25: indexes\.i\.when\.V: not a regular expression: "):
        spec_of("packages: {a: {}}\ntargets: {x: {}}\nindexes: {i: {when: {V: '/(/'}}}\n")


def test_an_empty_policy_says_how_one_starts():
    assert refused("# nothing\n") == [
        "own.yml:1:1: the file is empty\n    hint: start with: extends: plain"
    ]


def test_a_channel_needs_a_version():
    assert refused(FACTS + "channels: {d: {version: []}}\n")[0].startswith(
        "own.yml:2:25: channels.d.version: must not be empty\n    hint: PEP 440 version"
    )


def test_a_policy_in_the_spec_has_its_places_there():
    text = "packages: {a: {}}\ntargets: {x: {}}\nnaming: {channels: {d: {vrsion: '1'}}}\n"
    with pytest.raises(
        Stop, match=r"truewheel\.yml:4:25: unknown key 'vrsion'\n    hint: did you mean version\?"
    ):
        spec_of(text)


@pytest.mark.parametrize("naming", ["[a]", "3", "''", "/etc/policy.yml", "../policy.yml"])
def test_naming_is_a_name_a_path_or_a_policy(naming):
    with pytest.raises(Stop) as stopped:
        spec_of(f"packages: {{a: {{}}}}\ntargets: {{x: {{}}}}\nnaming: {naming}\n")
    (problem,) = stopped.value.problems
    assert str(problem).startswith("truewheel.yml:4:9: naming: ")
    assert problem.hint
