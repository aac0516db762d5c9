"""init writes all of its files or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import git

from truewheel.cli import init, main
from truewheel.errors import stop
from truewheel.init import tool_origin
from truewheel.spec.tool import Tool
from truewheel.system import files

PROJECT = '[project]\nname = "foo"\nversion = "1.0"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one package, which is the current folder."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "reason", [KeyboardInterrupt(), stop("disk", "is full")], ids=["Ctrl-C", "no space"]
)
def test_when_a_file_cannot_be_written_none_is_left(
    here: Path, monkeypatch: pytest.MonkeyPatch, reason: BaseException, number: int
):
    whole, written = files.write_text, []

    def write_text(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == number:
            raise reason
        whole(path, text)

    monkeypatch.setattr(files, "write_text", write_text)
    assert main(["init", "--yes"]) in {2, 130}
    assert len(written) == number
    assert [path.name for path in here.iterdir()] == ["pyproject.toml"]


def test_without_git_the_steps_begin_with_git_init(here: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["init", "--dry-run"]) == 0
    assert (
        "4. git init; git add .gitlab-ci.yml pipelines truewheel.yml; commit and push"
        in capsys.readouterr().out
    )
    (here / ".git").mkdir()
    assert main(["init", "--dry-run"]) == 0
    assert (
        "4. git add .gitlab-ci.yml pipelines truewheel.yml; commit and push"
        in capsys.readouterr().out
    )


def test_the_spec_is_written_last_so_that_a_killed_init_can_be_run_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, written = files.write_text, []
    monkeypatch.setattr(
        files, "write_text", lambda path, text: (written.append(path.name), whole(path, text))
    )
    assert main(["init", "--yes"]) == 0
    assert written == [".gitlab-ci.yml", "any-any.yml", "truewheel.yml"]
    (here / "truewheel.yml").unlink()
    assert main(["init", "--yes"]) == 0
    assert written[3:] == ["truewheel.yml"]


def test_a_generated_pipeline_of_another_spec_is_written_again(here: Path):
    assert main(["init", "--yes"]) == 0
    (here / "truewheel.yml").unlink()
    (here / "pyproject.toml").write_text(PROJECT.replace("foo", "bar"))
    assert main(["init", "--yes"]) == 0
    assert "bar/any/any/py3" in (here / "pipelines/any-any.yml").read_text()


def test_jobs_are_not_told_to_take_truewheel_from_an_index_by_its_name(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "fill in tool in truewheel.yml: jobs must install Truewheel" in out
    text = (here / "truewheel.yml").read_text(encoding="utf-8")
    assert "# tool: {file: ci/truewheel-X-py3-none-any.whl, sha256: …}\n" in text
    assert "\ntool:" not in text
    for path in here.rglob("*"):
        if path.is_file():
            assert not re.search(
                r"truewheel(\[\w+\])?[=~]=|install \S*truewheel[\s\"'\[]", path.read_text()
            ), path


# The wheel of the running Truewheel

NAME = "ci/truewheel-0.2.0-py3-none-any.whl"


@pytest.fixture
def origin(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> tool_origin.Origin:
    """Truewheel as if it came from a wheel file."""
    wheel = tmp_path_factory.mktemp("wheels") / NAME.rpartition("/")[2]
    wheel.write_bytes(b"wheel")
    tool = Tool(file=NAME, sha256=files.sha256(wheel))
    value = tool_origin.Origin(tool, wheel)
    monkeypatch.setattr(tool_origin, "running", lambda _: value)
    return value


def test_the_wheel_is_copied_and_named(here: Path, origin: tool_origin.Origin):
    assert main(["init", "--dry-run"]) == 0
    assert not (here / "ci").exists()
    assert main(["init", "--yes"]) == 0
    assert (here / NAME).read_bytes() == b"wheel"
    assert f"\n{tool_origin.line(origin.tool)}\n" in (here / "truewheel.yml").read_text()
    assert main(["check"]) == 0


@pytest.mark.usefixtures("origin")
def test_another_file_with_the_name_of_the_wheel_stays(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    (here / "ci").mkdir()
    (here / NAME).write_bytes(b"other")
    assert main(["init", "--yes"]) == 0
    assert f"tool is left to you: {NAME} is another file than " in capsys.readouterr().err
    assert (here / NAME).read_bytes() == b"other"


@pytest.mark.usefixtures("origin")
def test_when_the_spec_cannot_be_written_no_wheel_is_left(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    def write_text(path: Path, text: str) -> None:
        raise stop("disk", "is full")

    monkeypatch.setattr(files, "write_text", write_text)
    assert main(["init", "--yes"]) == 2
    assert [path.name for path in here.iterdir()] == ["pyproject.toml"]


@pytest.mark.parametrize(("answer", "is_copied"), [("", True), ("yes", True), ("no", False)])
def test_a_person_is_asked_first(
    monkeypatch: pytest.MonkeyPatch, origin: tool_origin.Origin, answer: str, is_copied: bool
):
    monkeypatch.setattr(init, "_read_answer", lambda: answer)
    chosen = init._ask_to_copy(origin)
    assert chosen == origin if is_copied else not chosen.tool.form


def test_submodules_are_proposed(here: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["init", "--dry-run"]) == 0
    assert "submodules" not in capsys.readouterr().out
    (here / ".gitmodules").write_text(
        '[submodule "a"]\n\tpath = a\n\turl = https://git.example/a\n'
    )
    assert main(["init", "--dry-run"]) == 0
    assert re.search("(?m)^submodules: true  +# ", capsys.readouterr().out)
    (here / "a").mkdir()
    (here / "a/.gitmodules").write_text((here / ".gitmodules").read_text())
    assert main(["init", "--yes"]) == 0
    assert re.search("(?m)^submodules: recursive  +# ", (here / "truewheel.yml").read_text())


def test_a_clone_that_lacks_tags_and_a_foreign_owner_are_named_and_refuse_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    text = PROJECT.replace('version = "1.0"', 'dynamic = ["version"]')
    (here / "pyproject.toml").write_text(f"{text}[tool.setuptools_scm]\n")
    git(here, "init")
    assert main(["init", "--dry-run"]) == 0
    assert "git: " not in capsys.readouterr().err, "a repository without a commit is a young one"
    git(here, "add", "--all")
    for message in "ab":
        git(here, "commit", "--allow-empty", "-m", message)
    git(here, "clone", "--depth=1", here.as_uri(), "clone")
    monkeypatch.chdir(here / "clone")
    assert main(["init", "--dry-run"]) == 0
    captured = capsys.readouterr()
    assert "git: warning: this clone is shallow" in captured.err
    assert "GIT_DEPTH" not in captured.out
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert main(["init", "--yes"]) == 0
    assert "git config --global --add safe.directory" in capsys.readouterr().err
    assert "GIT_DEPTH: '0'" in (here / "clone/.gitlab-ci.yml").read_text()
