"""The schema as a judge: what each kind of misfit is called, where, and what to do about it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from paths import SOURCE
from specs import SCHEMA

from truewheel.errors import Where
from truewheel.spec import schema, yaml_source

TOY = {
    "properties": {
        "name": {"description": "The name.", "$ref": "#/$defs/word", "default": "x"},
        "sizes": {"type": "array", "items": {"$ref": "#/$defs/word"}, "default": ["s"]},
        "parts": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/part"},
            "default": {},
        },
        "own": {"$ref": "#/$defs/part", "default": {}},
    },
    "$defs": {
        "word": {"description": "letters", "type": "string", "pattern": "^[a-z]+$"},
        "part": {
            "description": "a part",
            "type": "object",
            "properties": {
                "word": {"$ref": "#/$defs/word", "default": "w"},
                "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            },
        },
    },
}
SMALL = "truewheel: 1\npackages: {a: {}}\ntargets: {ubuntu24.04: {}}\n"


def said(text: str) -> list[str]:
    """Return the problems of a spec, each as 'line:column: message | hint'."""
    problems = schema.check_document(yaml_source.load(text, "f.yml"), schema.expand_schema(SCHEMA))
    return [f"{p.where.line}:{p.where.column}: {p.message} | {p.hint}" for p in problems]


def test_a_spec_that_fits_has_no_problems():
    assert said(SMALL) == []


# wrong types


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "pythons: [3.10]",
            (
                "11: pythons[0]: 3.10 is read as the number 3.1, where text is needed"
                " | quote it: '3.10'"
            ),
        ),
        (
            "pythons: [3.12]",
            (
                "11: pythons[0]: the number 3.12, where text is needed"
                " | quote it: '3.12'"
            ),
        ),
        (
            "pythons: 3.12",
            (
                "10: pythons: the number 3.12, where a list is needed"
                " | write a list: ['3.12']"
            ),
        ),
        (
            "arches: x86_64",
            (
                "9: arches: the text 'x86_64', where a list is needed"
                " | write a list: ['x86_64']"
            ),
        ),
        (
            "project: 012",
            (
                "10: project: 012 is read as the number 10, where text is needed"
                " | quote it: '012'"
            ),
        ),
        (
            "project: 1:30",
            (
                "10: project: 1:30 is read as the number 90, where text is needed"
                " | quote it: '1:30'"
            ),
        ),
        (
            "project: off",
            (
                "10: project: off is read as the boolean false, where text is needed"
                " | quote it: 'off'"
            ),
        ),
        (
            "indexes: {i: {when: {RELEASE: true}}}",
            "31: indexes.i.when.RELEASE: the boolean true, where text is needed | quote it: 'true'",
        ),
        (
            "gitlab: {runners: {x86_64: big}}",
            (
                "28: gitlab.runners.x86_64: the text 'big', where a list is needed"
                " | write a list: ['big']"
            ),
        ),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_told_as_it_was_read(line, problem):
    assert said(SMALL + line + "\n") == [f"4:{problem}"]


def test_text_where_a_mapping_is_needed_is_told_with_the_keys_to_write():
    (problem,) = said(SMALL.replace("ubuntu24.04: {}", "ubuntu24.04: manylinux_2_39"))
    assert problem == (
        "3:24: targets.ubuntu24.04: the text 'manylinux_2_39', where a mapping is needed"
        " | write it with its keys: family, base, test_image, floor, glibc, arches, pythons, "
        "provides, container,"
        " toolchain, runner"
    )


def test_a_key_without_a_value_has_nothing():
    (problem,) = said(SMALL.replace("{a: {}}", ""))
    assert problem.startswith(
        "2:10: packages: nothing, where a mapping is needed | What becomes a wheel"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2", "the number 2"),
        ("'1'", "the text '1'"),
        ("yes", "yes is read as the boolean true"),
        ("", "nothing"),
    ],
)
def test_another_version_of_the_form_is_refused(value, told):
    (problem,) = said(SMALL.replace("truewheel: 1", f"truewheel: {value}"))
    assert f"truewheel: {told}, where the number 1 is needed | " in problem
    assert problem.endswith("this Truewheel reads version 1.")


# keys


def test_missing_keys_are_told_with_what_they_are():
    packages, targets = said("truewheel: 1\n")
    assert packages == (
        "1:1: the file has no packages | add packages: What becomes a wheel, by distribution name."
    )
    assert targets.startswith("1:1: the file has no targets | add targets: Distro image families")


@pytest.mark.parametrize(
    ("text", "place", "known"),
    [
        (SMALL.replace("packages", "package"), "2:1", "packages"),
        (SMALL + "pythns: ['3.12']\n", "4:1", "pythons"),
        (SMALL.replace("a: {}", "a: {smok: x}"), "2:16", "smoke"),
        (SMALL.replace("4: {}", "4: {Provides: {}}"), "3:25", "provides"),
    ],
)
def test_a_misspelt_key_is_guessed(text, place, known):
    (problem,) = [problem for problem in said(text) if "unknown key" in problem]
    assert problem.startswith(f"{place}: ")
    assert problem.endswith(f"| did you mean {known}?")


def test_a_key_like_no_other_is_told_with_the_known_ones():
    (problem,) = said(SMALL.replace("a: {}", "a: {colour: red}"))
    keys = "path, version, abi, smoke, load, exclude, graft, max_size, paths, secrets"
    assert problem == f"2:16: unknown key 'colour' | known keys: {keys}"


def test_unknown_keys_are_shown_on_one_line():
    long, broken = "x" * 200, '"a\\nb"'
    problems = said(SMALL + f"{long}: 1\n{broken}: 1\n<<: {{a: 1}}\n")
    assert [problem.partition(" | ")[0] for problem in problems] == [
        f"4:1: unknown key '{'x' * 58}…",
        "5:1: unknown key 'a\\nb'",
        "6:1: unknown key '<<'",
    ]


def test_a_route_through_an_odd_key_is_shown_on_one_line():
    problems = said(SMALL.replace("a: {}", '"a\\nb": {path: 1}'))
    assert [problem.partition(" | ")[0] for problem in problems] == [
        "2:12: the name 'a\\nb' is not allowed here",
        "2:27: packages.a\\nb.path: the number 1, where text is needed",
    ]


@pytest.mark.parametrize("name", ["-a", "a-", "a b", "ä", "''", '"a\\n"', "a" * 65])
def test_a_name_that_no_wheel_can_have_is_refused(name):
    (problem,) = said(SMALL.replace("a: {}", f"{name}: {{}}"))
    assert problem.startswith("2:12: the name ")
    assert "is not allowed here | letters and digits, with . _ - inside" in problem


# values


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            "targets: {x: {floor: manylinux_2_39_x86_64}}",
            "such as manylinux_2_28, without the architecture",
        ),
        ("targets: {x: {floor: manylinux_2_039}}", "such as manylinux_2_28"),
        ("targets: {x: {base: --privileged}}", "a container image"),
        ("targets: {x: {base: 'a b'}}", "a container image, without spaces"),
        ("targets: {x: {arches: [arm64]}}", "did you mean aarch64?"),
        ("targets: {x: {arches: [amd64]}}", "allowed: x86_64, aarch64,"),
        ("targets: {x: {family: suse}}", "allowed: '', debian, rhel"),
        ("targets: {x: {pythons: [cp312]}}", "such as '3.12'"),
        ("targets: {x: {pythons: ['3.012']}}", "such as '3.12'"),
        ("targets: {x: {provides: {1A: x}}}", "letters, digits and _, not a digit first"),
        ("packages: {a: {path: ../a}}", "a path without .."),
        ("packages: {a: {path: x/..}}", "a path without .."),
        ("packages: {a: {path: /a}}", "below the folder of this file"),
        ("packages: {a: {path: -a}}", "below the folder of this file"),
        ("packages: {a: {path: ''}}", "below the folder of this file"),
        ('packages: {a: {path: "a\\n"}}', "below the folder of this file"),
        ("packages: {a: {smoke: ../a.py}}", "a path without .."),
        ("packages: {a: {version: {inject: VERSION}}}", "(env:NAME, such"),
        ("packages: {}", "What becomes a wheel"),
        ("naming: ../policy.yml", "a path without .."),
        ("arches: []", "a list such as [x86_64, aarch64]"),
        ("arches: [x86_64, aarch64, x86_64]", "remove one"),
        ("indexes: {i: {profile: internl}}", "did you mean internal?"),
        ("setup: ['']", "a shell command"),
        ("setup: ''", "Shell commands that every job runs first"),
        ("gitlab: {runners: {x86: [a]}}", "did you mean x86_64?"),
        ("gitlab: {runners: {x86_64: []}}", "the tags of the runners"),
        ("variables: {A: {pattern: '('}}", "Regular expression"),
        ("exclude: [{}]", "values that a cell must have"),
    ],
)
def test_a_value_that_is_not_allowed_has_a_hint(line, hint):
    key = line.partition(":")[0]
    kept = "".join(row for row in SMALL.splitlines(keepends=True) if not row.startswith(key))
    problems = said(kept + line + "\n")
    assert len(problems) == 1
    assert hint in problems[0].partition(" | ")[2]
    assert problems[0].startswith(f"{kept.count(chr(10)) + 1}:")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "unterminated subpattern"),
        ("a{99999999999999999999}", "repetition number is too large"),
        ("(?u)a", "flags are incompatible"),
        ("(?P<a>x)(?P<a>y)", "redefinition of group"),
        ("[[a]", "nested set"),
        ("(" * 5000 + ")" * 5000, ""),
    ],
)
def test_a_pattern_that_is_none_is_told_with_its_reason(pattern, why):
    (problem,) = said(SMALL + f"variables: {{A: {{pattern: '{pattern}'}}}}\n")
    assert "variables.A.pattern: not a regular expression: " in problem
    assert why in problem


def test_everything_is_told_at_once_in_the_order_of_the_file():
    text = (
        "truewheel: 1\ntargets: {x: {flor: a}}\ntargets: {}\n"
        "project: 3.10\narches: *all\nsetup: !!seq []\n"
    )
    assert [problem.partition(" | ")[0] for problem in said(text)] == [
        "1:1: the file has no packages",
        "2:15: unknown key 'flor'",
        "3:1: the key 'targets' is here twice, first on line 2",
        "4:10: project: 3.10 is read as the number 3.1, where text is needed",
        "5:9: the alias *all: anchors and aliases are not read here",
        "6:8: the tag '!!seq' is not read here",
    ]


def test_what_could_not_be_read_hides_nothing_beside_it():
    assert [problem.partition(" | ")[0] for problem in said("[a]: 1\n")] == [
        "1:1: a key must be a plain word",
        "1:1: the file has no packages",
        "1:1: the file has no targets",
        "1:1: the file has no truewheel",
    ]


@pytest.mark.parametrize("text", ["[1]", "text", "3", "~", "---\n"])
def test_a_file_that_is_no_mapping_is_told_so(text):
    (problem,) = said(text)
    assert "the file: " in problem
    assert ", where a mapping is needed | " in problem


def test_a_place_is_known_for_every_problem():
    problems = schema.check_document(
        yaml_source.load("a: [1]\n", "x.yml"), schema.expand_schema(SCHEMA)
    )
    assert {problem.where.file for problem in problems} == {"x.yml"}
    assert all(problem.where.line for problem in problems)
    assert problems[-1].where == Where("x.yml", 1, 1)


# shape and defaults


def test_a_shape_has_no_references_and_joins_descriptions():
    name = schema.expand_schema(TOY)["properties"]["name"]
    assert name == {
        "type": "string",
        "pattern": "^[a-z]+$",
        "default": "x",
        "description": "The name. (letters)",
    }
    assert schema.expand_schema(TOY, "word") == TOY["$defs"]["word"]


def test_defaults_reach_every_depth_and_leave_the_schema_alone():
    toy = schema.expand_schema(TOY)
    filled = schema.fill_defaults({"parts": {"p": {"tags": ["t"]}, "q": {}}}, toy)
    assert filled == {
        "name": "x",
        "sizes": ["s"],
        "parts": {"p": {"word": "w", "tags": ["t"]}, "q": {"word": "w", "tags": []}},
        "own": {"word": "w", "tags": []},
    }
    filled["sizes"].append("l")
    filled["own"]["tags"].append("t")
    assert schema.fill_defaults({}, toy)["sizes"] == ["s"]
    assert schema.fill_defaults({}, toy)["own"]["tags"] == []


def test_jsonschema_is_imported_only_when_something_is_checked():
    code = "import sys, truewheel.spec.model; sys.exit('jsonschema' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0
