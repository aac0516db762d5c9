"""Git submodules: what commands say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run
from specs import SMALL

from truewheel.workspace import loading

GITMODULES = '[submodule "third"]\n\tpath = third\n\turl = https://git.example/third\n'


@pytest.fixture
def with_submodule(here: Path) -> Path:
    (here / ".gitmodules").write_text(GITMODULES)
    (here / "third").mkdir()
    return here


def spec(folder: Path, more: str) -> None:
    (folder / "truewheel.yml").write_text(SMALL + more)


@pytest.mark.parametrize("command", ["generate", "check"])
def test_a_spec_that_says_nothing_of_submodules_is_a_warning(
    with_submodule: Path, truewheel: Run, command: str
):
    truewheel("generate")
    code, _, err = truewheel(command)
    assert code == 0
    assert "warning: the project has git submodules (third)" in err
    assert "submodules: true" in err
    for word in ("true", "recursive", "false"):
        spec(with_submodule, f"submodules: {word}\n")
        assert "submodule" not in truewheel("generate")[2]


def test_no_submodule_is_no_warning(here: Path, truewheel: Run):
    (here / ".gitmodules").write_text("")
    assert truewheel("generate")[0::2] == (0, "")


@pytest.mark.parametrize("word", ["1", "all", "[third]"])
def test_other_values_are_refused_at_their_place(here: Path, truewheel: Run, word: str):
    spec(here, f"submodules: {word}\n")
    code, _, err = truewheel("generate")
    assert (code, err.startswith("truewheel.yml:5:13: ")) == (2, True), err


@pytest.mark.parametrize(("word", "code"), [("true", 2), ("recursive", 2)])
@pytest.mark.parametrize("command", [("run",), ("compile", "--cell", "foo/rhel8/x86_64/cp312")])
def test_an_empty_folder_of_a_submodule_is_named_before_the_build(
    with_submodule: Path, truewheel: Run, command: tuple[str, ...], word: str, code: int
):
    spec(with_submodule, f"submodules: {word}\n")
    truewheel("plan", "--output", "plan.json")
    result, _, err = truewheel(*command)
    assert result == code
    assert err.startswith("third: this git submodule is not checked out")
    assert f"git submodule update --init{' --recursive' * (word == 'recursive')};" in err


def test_where_the_spec_says_nothing_it_is_a_warning_and_false_is_silence(
    with_submodule: Path, truewheel: Run
):
    cell = ("compile", "--cell", "foo/rhel8/x86_64/cp312")
    truewheel("plan", "--output", "plan.json")
    assert "third: warning: this git submodule is not checked out" in truewheel(*cell)[2]
    spec(with_submodule, "submodules: false\n")
    truewheel("plan", "--output", "plan.json")
    assert "submodule" not in truewheel(*cell)[2]
    spec(with_submodule, "submodules: true\n")
    truewheel("plan", "--output", "plan.json")
    (with_submodule / "third" / "deep.c").write_text("")
    assert "submodule" not in truewheel(*cell)[2]
    text = (with_submodule / "truewheel.yml").read_text()
    assert loading.load(None, with_submodule).spec.submodule_choice in text


def test_jobs_that_read_files_of_a_submodule_check_it_out(with_submodule: Path, truewheel: Run):
    (with_submodule / "third/VERSION").write_text("1.0\n")
    spec(with_submodule, "submodules: true\ngitlab: {}\ngithub: {}\n")
    plain = SMALL.replace("file: VERSION", "file: third/VERSION")
    truewheel("generate")
    pipeline = (with_submodule / ".gitlab-ci.yml").read_text()
    assert pipeline.count("GIT_SUBMODULE_STRATEGY: 'normal'") == 1, "the hidden job of wheel jobs"
    assert "submodules: true" not in (with_submodule / ".github/workflows/wheels.yml").read_text()
    (with_submodule / "truewheel.yml").write_text(
        plain + "submodules: true\ngitlab: {}\ngithub: {}\n"
    )
    truewheel("generate")
    caller = (with_submodule / ".github/workflows/wheels.yml").read_text()
    assert caller.count("submodules: true") == 2, "plan and names"
    assert json.loads(truewheel("plan", "--json")[1])["submodules"] == "true"
