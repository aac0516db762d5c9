"""The key `tool`: exactly one form, and no value by which somebody else may be meant."""

from __future__ import annotations

import pytest
from specs import spec_of

from truewheel.errors import Stop
from truewheel.spec.tool import Tool

A, B = "a" * 64, "b" * 40
WHEEL = "ci/truewheel-0.2.0-py3-none-any.whl"
BASE = "packages: {foo: {}}\ntargets: {one: {}}\n"


@pytest.mark.parametrize(
    ("text", "tool", "form"),
    [
        (f"{{file: {WHEEL}, sha256: {A}}}", Tool(file=WHEEL, sha256=A), "file"),
        (
            f"{{git: 'https://git.example/a/b.git', commit: {B}}}",
            Tool(git="https://git.example/a/b.git", commit=B),
            "git",
        ),
        (
            f"{{requirement: truewheel==0.2.0, hashes: ['sha256:{A}']}}",
            Tool(requirement="truewheel==0.2.0", hashes=(f"sha256:{A}",)),
            "requirement",
        ),
    ],
)
def test_each_form_is_read(text: str, tool: Tool, form: str):
    value = spec_of(f"{BASE}tool: {text}\n").tool
    assert value == tool
    assert value.form == form


def test_without_the_key_all_is_empty():
    assert spec_of(BASE).tool == Tool()
    assert spec_of(BASE).tool.form == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "tool has no key: not the keys of one form"),
        (f"{{file: {WHEEL}}}", "tool has file: not the keys of one form"),
        (f"{{sha256: {A}}}", "tool has sha256: not"),
        ("{requirement: truewheel==1}", "tool has requirement: not"),
        ("{git: 'https://git.example/a'}", "tool has git: not"),
        (f"{{file: {WHEEL}, sha256: {A}, commit: {B}}}", "tool has commit, file, sha256: not"),
        (f"{{git: 'https://git.example/a', sha256: {A}}}", "tool has git, sha256: not"),
        ("truewheel", "where a mapping is needed"),
        ("{requirement: truewheel}", "'truewheel' is not allowed"),
        ("{requirement: truewheel>=1}", "is not allowed"),
        ("{requirement: 'truewheel==1 --index-url x'}", "is not allowed"),
        ("{requirement: other==1}", "is not allowed"),
        (f"{{file: ../{WHEEL}, sha256: {A}}}", "is not allowed"),
        (f"{{file: /{WHEEL}, sha256: {A}}}", "is not allowed"),
        (f"{{file: 'ci/$(x)/truewheel-1-py3-none-any.whl', sha256: {A}}}", "is not allowed"),
        (f"{{file: ci/other-1-py3-none-any.whl, sha256: {A}}}", "is not allowed"),
        (f"{{git: 'http://git.example/a', commit: {B}}}", "is not allowed"),
        (f"{{git: 'https://me:secret@git.example/a', commit: {B}}}", "is not allowed"),
        (f"{{git: '--upload-pack=x', commit: {B}}}", "is not allowed"),
        ("{git: 'https://git.example/a', commit: main}", "'main' is not allowed"),
        ("{name: truewheel}", "unknown key 'name'"),
    ],
)
def test_all_else_is_refused_at_its_place(text: str, message: str):
    with pytest.raises(Stop) as stopped:
        spec_of(f"{BASE}tool: {text}\n")
    assert any(message in problem.message for problem in stopped.value.problems), stopped.value
    assert all(problem.where.line == 4 for problem in stopped.value.problems)
    assert all(problem.hint for problem in stopped.value.problems)


def test_a_checkout_s_scripts_need_no_tool():
    with pytest.raises(Stop, match="tool and scripts are both given"):
        spec_of(f"{BASE}scripts: scripts\ntool: {{file: {WHEEL}, sha256: {A}}}\n")
