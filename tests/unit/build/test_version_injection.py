from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.build import version_injection
from truewheel.errors import Exit, Stop


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "demo"\nversion = "1.0"\n',
        "[project]\nversion = '1.0' # kept\n\n[tool.x]\nversion = '1.0'\n",
        '[tool.x]\nversion = "1.0"\n[ project ]\n  version="1.0"\nname = "demo"\n',
        (
            '[project]\ndescription = """\na"""\nkeywords = [\n "a"\n]\nversion = "1.0"\n'
            '[project.urls]\nversion = "x"\n'
        ),
        '[[tool.y]]\nversion = "1.0"\n[project]\nversion = "1.0"',
    ],
)
def test_only_the_version_of_the_project_is_replaced(text: str) -> None:
    before, after = (
        version_injection.read_toml(text, "f"),
        version_injection.read_toml(version_injection.with_version(text, "2.0+nv26.4", "f"), "f"),
    )
    assert after["project"].pop("version") == "2.0+nv26.4"
    assert before["project"].pop("version") == "1.0"
    assert before == after


def test_the_rest_of_the_text_stays_as_it_is() -> None:
    text = "# top\n[project] # here\nversion   =  '1.0'   # kept\nname='demo'\n"
    assert version_injection.with_version(text, "2.0", "f") == text.replace("'1.0'", '"2.0"')


def test_the_version_that_is_there_already_changes_nothing() -> None:
    text = "project.version = '1.0'\n"
    assert version_injection.with_version(text, "1.0", "f") == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[project]\nname = "demo"\ndynamic = ["version"]\n', "it is dynamic or missing"),
        ("", "it is dynamic or missing"),
        ("project = 1\n", "it is dynamic or missing"),
        ("[project\n", "not TOML"),
        ("project.version = '1.0'\n", "cannot be replaced"),
        ('[project]\nversion = """1.0"""\n', "cannot be replaced"),
        (
            '[project]\ndescription = """\nversion = "1.0"\n"""\nversion = "1.0"\n',
            "cannot be replaced",
        ),
    ],
)
def test_a_version_that_cannot_be_replaced_is_said_plainly(text: str, message: str) -> None:
    with pytest.raises(Stop, match=message) as stopped:
        version_injection.with_version(text, "2.0", "demo/pyproject.toml")
    assert stopped.value.code is Exit.REFUSED
    assert str(stopped.value).startswith("demo/pyproject.toml: ")
    assert stopped.value.problems[0].hint


LINES = st.sampled_from(
    [
        "[project]",
        "[tool.x]",
        "[[tool.y]]",
        'version = "1.0"',
        "version = '''",
        "'''",
        'name = "demo"',
        "# version = 1",
        "a = [",
        "]",
        "",
    ]
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_any_text_is_edited_rightly_or_refused(text: str) -> None:
    try:
        edited = version_injection.with_version(text, "2.0", "f")
    except Stop:
        return
    data = version_injection.read_toml(text, "f")
    assert version_injection.read_toml(edited, "f") == {
        **data,
        "project": {**data["project"], "version": "2.0"},
    }
