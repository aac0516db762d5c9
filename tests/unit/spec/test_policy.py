"""Policies: what a file must say, and that all that is built in says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from specs import policy_of

from truewheel.errors import Exit, Stop, Where
from truewheel.spec import policy, policy_file
from truewheel.workspace import loading

SMALL = "facts: {base: {from: ['package:version']}}\nchannels: {default: {}}\n"


def refused(text: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        policy_of(text)
    assert stopped.value.code is Exit.REFUSED
    return [str(problem) for problem in stopped.value.problems]


@pytest.mark.parametrize("name", sorted(loading.builtin_policies()))
def test_every_built_in_policy_is_read_and_describes_itself(name):
    built_in = loading.read_policy(name, Path(), "naming")
    assert built_in.name == name
    assert built_in.description
    assert all(variable.description for variable in built_in.variables.values())
    assert not built_in.channels[-1].when, "the last channel must always apply"


def test_the_smallest_policy_has_every_default():
    small = policy_of(SMALL)
    assert (small.name, small.description, small.variables) == ("own", "", {})
    (channel,) = small.channels
    assert (channel.name, channel.when, channel.version, channel.local, channel.build) == (
        *("default", {}, ("{base}",), (), ()),
    )
    rule = small.facts["base"]
    assert (rule.sources, rule.absent, rule.write, rule.otherwise) == (
        ("package:version",),
        (),
        "",
        "error",
    )


@pytest.mark.parametrize("file", ["own.yml", "own.yaml", "policies/own.yml"])
def test_a_policy_is_called_by_its_file(file):
    assert (
        policy_file.parse(SMALL, file, loading.expanded_schema("policy"), policy_of).name == "own"
    )


def test_a_policy_survives_the_plan_file():
    text = SMALL.replace("]}}", "], match: 'v(.*)', write: '{1}', absent: ['0']}}")
    one = policy_of("variables: {A: {choices: [x]}}\n" + text)
    assert policy.from_data(json.loads(json.dumps(one.data))) == one


def test_templates_may_only_use_facts_of_the_policy():
    text = (
        "channels: {a: {version: '{bse}', local: ['nv', 'cu{cuda}'], build: '{}'}}\n"
        + SMALL.splitlines()[0]
    )
    assert refused(text) == [
        "own.yml:1:25: no fact 'bse'\n    hint: facts of this policy: base",
        "own.yml:1:48: no fact 'cuda'\n    hint: facts of this policy: base",
        "own.yml:1:68: no fact ''\n    hint: facts of this policy: base",
    ]


@pytest.mark.parametrize(
    ("match", "write", "wrong"),
    [
        ("(a)", "{2}", "{2} is no group of match, which has 1"),
        ("(a)", "{01}", "{01} is no group of match, which has 1"),
        ("(a)", "{x}", "{x} is no group of match, which has 1"),
        ("(a)", "{}", "{} is no group of match, which has 1"),
        ("a", "{1}", "{1} is no group of match, which has none"),
        ("", "{1}", "{1} is no group of match, which has none"),
        ("(a)", "{" + "1" * 5000 + "}", "is no group of match"),
        ("(a)", "{\u0661}", "is no group of match"),
    ],
)
def test_what_is_written_may_only_use_groups_of_the_match(match, write, wrong):
    text = SMALL.replace("]}", f"], match: '{match}', write: '{write}'}}", 1)
    (problem,) = refused(text)
    assert wrong in problem
    assert "hint: write {1} for the first group, {0} for the whole match" in problem


def test_a_variable_that_is_read_must_be_declared_with_its_scope():
    text = "facts: {base: {from: ['env:CI_JOB']}}\nchannels: {default: {when: {RELEASE: 'true'}}}\n"
    assert refused(text) == [
        (
            "own.yml:1:23: the variable CI_JOB is read here but not declared\n"
            "    hint: add CI_JOB to variables, with its scope"
        ),
        (
            "own.yml:2:29: the variable RELEASE is read here but not declared\n"
            "    hint: add RELEASE to variables, with its scope"
        ),
    ]
    assert policy_of("variables: {CI_JOB: {scope: forge}, RELEASE: {}}\n" + text).facts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("facts: {}\n", "the policy has no channel, so wheels have no name"),
        ("channels: {}\n", "the policy has no channel, so wheels have no name"),
        ("chanels: {a: {version: '1'}}\n", "did you mean channels?"),
        ("channels: {A: {version: '1'}}\n", "lower-case letters, digits, _ and -, a letter first"),
        ("channels: {a: {version: 1.10}}\n", "1.10 is read as the number 1.1"),
        (
            "facts: {b: {from: [CUDA]}}\nchannels: {a: {version: '1'}}\n",
            "a source such as option:NAME, env:NAME, package:version or json:",
        ),
        (
            "facts: {b: {from: []}}\nchannels: {a: {version: '1'}}\n",
            "facts.b.from: must not be empty",
        ),
        ("facts: {b: {}}\nchannels: {a: {version: '1'}}\n", "facts.b has no from"),
        (
            "facts: {b: {from: ['package:version'], match: '('}}\nchannels: {a: {version: '1'}}\n",
            "not a regular expression: missing ), unterminated subpattern",
        ),
        (
            (
                "facts: {b: {from: ['package:version'], otherwise: fail}}\n"
                "channels: {a: {version: '1'}}\n"
            ),
            "allowed: error, next, drop, none",
        ),
    ],
)
def test_a_misfit_of_a_policy_is_told(text, told):
    assert told in "\n".join(refused(text))


def test_a_policy_lays_its_entries_over_the_one_that_it_extends(tmp_path):
    (tmp_path / "below.yml").write_text(
        "platform: legacy\nfacts: {base: {from: ['package:version']}, x: {from: ['const:1']}}\n"
        "channels: {release: {when: {x: '2'}}, default: {version: '{base}'}}\n"
    )
    (tmp_path / "above.yml").write_text(
        "extends: below.yml\nfacts: {x: {from: ['const:3']}}\n"
        "channels: {default: {version: '{base}.{x}'}, nightly: {when: {x: '4'}}}\n"
    )
    laid = loading.read_policy("above.yml", tmp_path, Where("here"))
    assert laid.platform == "legacy"
    assert laid.facts["x"].sources == ("const:3",)
    # A new channel is asked first; one that is replaced keeps its place, so that a condition before
    # it still holds.
    assert [channel.name for channel in laid.channels] == ["nightly", "release", "default"]
    assert laid.channels[-1].version == ("{base}.{x}",)


def test_policies_that_extend_one_another_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.yml").write_text("extends: b.yml\n")
    (tmp_path / "b.yml").write_text("extends: a.yml\n")
    with pytest.raises(Stop, match=r"extends itself: a\.yml -> b\.yml -> a\.yml"):
        loading.read_policy("a.yml", tmp_path, Where("here"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "facts: {a: {from: ['fact:b']}, b: {from: ['const:1']}}\nchannels: {d: {}}\n",
            "the fact b is not resolved yet",
        ),
        ("facts: {a: {from: ['fact:a']}}\nchannels: {d: {}}\n", "the fact a is not resolved yet"),
        ("facts: {a: {from: ['fact:z']}}\nchannels: {d: {}}\n", "no fact 'z'"),
        (
            (
                "facts: {a: {from: ['const:1'], when: {b: x}}, b: {from: ['const:1']}}\n"
                "channels: {d: {}}\n"
            ),
            "not resolved yet",
        ),
        (
            "facts: {a: {from: ['const:1'], when: {B: x}}}\nchannels: {d: {}}\n",
            "the variable B is read here but not declared",
        ),
        ("channels: {d: {when: {X: '/(/'}}}\n", "not a regular expression"),
        ("channels: {d: {when: {X: '!{z}'}}}\n", "no fact 'z'"),
        ("channels: {d: {version: '{a:3}'}}\n", "'3' is no form of a field"),
        ("channels: {d: {version: '{a'}}\n", "'{' is no form of a field"),
        (
            "facts: {a: {from: ['const:1'], match: '.', write: '{0:title}'}}\nchannels: {d: {}}\n",
            "'title' is no form",
        ),
        ("distribution: ['{z}', 'x']\nchannels: {d: {}}\n", "no fact 'z'"),
        ("channels: {d: {local: [['{z}']]}}\n", "no fact 'z'"),
    ],
)
def test_a_policy_that_contradicts_itself_is_told(text, told):
    assert told in "\n".join(refused(text))
