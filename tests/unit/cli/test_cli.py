"""The command line: what people and programs see, and how each command ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wheels
from paths import ROOT
from specs import SMALL, project

from truewheel import __version__
from truewheel.cli import main
from truewheel.cli.commands import COMMANDS
from truewheel.forges.pipelines import MARK
from truewheel.plan.events import EVENTS
from truewheel.workspace import loading

COLLIDING = (
    "truewheel: 1\npackages: {foo: {version: {file: VERSION}}}\ntargets: {rhel8: {}, rocky8: {}}\n"
)
CUDA = SMALL + "naming: triton-2026.04\n"
KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "PYTHON", "PYTEST", "COV")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the variables of a pipeline that runs these tests.

    Restore the signal handler that commands set.
    """
    for name in [name for name in os.environ if not name.startswith(KEPT)]:
        monkeypatch.delenv(name)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, which is the current folder."""
    monkeypatch.chdir(project(tmp_path))
    return tmp_path


@pytest.fixture
def truewheel(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; returns exit code, stdout and stderr."""

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(argv)
        except SystemExit as stopped:  # argparse
            code = int(stopped.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def process(*argv: str | bytes, **options: Any) -> tuple[int, bytes, bytes]:
    """Run the front door as a process of its own."""
    command = [sys.executable, str(ROOT / "gen_ci.py"), *argv]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, **options)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


# How people find their way.


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(truewheel: Run, command: str):
    code, out, _ = truewheel(command, "--help")
    assert code == 0
    assert f"\nexamples:\n  {command}" in out


def test_help_names_every_command(truewheel: Run):
    code, out, _ = truewheel("--help")
    assert code == 0
    assert re.findall(r"^ +([a-z][a-z-]+) {2,}\w", out, re.MULTILINE) == [*COMMANDS]


def test_version(truewheel: Run):
    assert truewheel("--version") == (0, f"truewheel {__version__}\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("pln",),
        ("plan", "--bogus"),
        ("plan", "--js"),
        ("plan", "--event", "full-moon"),
        ("plan", "-v"),
    ],
)
def test_wrong_usage_ends_with_2(here: Path, truewheel: Run, argv: tuple[str, ...]):
    code, out, err = truewheel(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("usage: truewheel")


def test_what_was_typed_is_repeated_escaped(here: Path, truewheel: Run):
    code, _, err = truewheel("plan", "--\x1b[31m", "\udcff")
    assert code == 2
    assert "unrecognized arguments: --\\x1b[31m \\udcff" in err


# plan


def test_the_reference_project_has_twelve_wheels(monkeypatch: pytest.MonkeyPatch, truewheel: Run):
    monkeypatch.chdir(ROOT)
    values = ("CI_PIPELINE_ID=49163608", "NVIDIA_UPSTREAM_VERSION=26.04", "CUDA_VERSION=13.2.1")
    code, out, _ = truewheel(
        "plan", "--json", *(word for value in values for word in ("-v", value))
    )
    data = json.loads(out)
    assert code == 0
    assert data["version"] == 1
    assert len(data["cells"]) == len({cell["wheel"] for cell in data["cells"]}) == 12
    keys = {"id", "package", "target", "arch", "python", "channel", "wheel", "copies", "facts"}
    for cell in data["cells"]:
        assert cell.keys() >= keys
        assert cell["wheel"].startswith(
            f"{cell['package']}-2.69.0.dev0+nv26.4.cu132-49163608-{cell['python']}-"
        )
        assert cell["facts"]["nv"]["value"] == "26.04"
        assert cell["facts"]["nv"]["source"] == "env:NVIDIA_UPSTREAM_VERSION"
    assert len(data["jobs"]) == 26
    assert data["problems"] == []


def test_plan_shows_facts_cells_and_verdict(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(
        CUDA + "indexes: {pypi: {profile: pypi, when: {PYPI_RELEASE: 'true'}}}\n"
    )
    code, out, err = truewheel(
        "plan", "-v", "CI_PIPELINE_ID=7", "-v", "NVIDIA_UPSTREAM_VERSION=26.04"
    )
    assert (code, err) == (0, "")
    assert "channel default · " in out
    assert "nv 26.04 from NVIDIA_UPSTREAM_VERSION=26.04 (-v)" in out
    assert (
        "\n  foo      rhel8   x86_64  cp312   foo-1.0+nv26.4-7-cp312-cp312-manylinux_2_28_x86_64.whl\n"
        in out
    )
    assert out.endswith("\n1 wheel · pypi: refused, local version (plan with PYPI_RELEASE=true)\n")


def test_plan_shows_only_the_cells_that_match(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(SMALL + "arches: [x86_64, aarch64]\n")
    code, out, _ = truewheel("plan", "--cell", "foo/*/aarch64/*", "--json")
    data = json.loads(out)
    assert code == 0
    assert [cell["id"] for cell in data["cells"]] == ["foo/rhel8/aarch64/cp312"]
    assert [job["name"] for job in data["jobs"]] == [
        "plan",
        "wheel:foo:rhel8:aarch64:cp312",
        "prove",
    ]


def test_a_glob_without_cells_says_what_cells_look_like(here: Path, truewheel: Run):
    code, out, err = truewheel("plan", "--cell", "nothing", "--output", "plan.json")
    assert (code, out) == (2, "")
    assert (
        err
        == "--cell: no cell matches 'nothing'\n    hint: cells look like foo/rhel8/x86_64/cp312\n"
    )
    assert not (here / "plan.json").exists()


def test_plan_is_written_whole_and_quietly(here: Path, truewheel: Run):
    assert truewheel("plan", "--output", "plan.json") == (0, "", "")
    made, path = loading.read_plan(None, here)
    assert path.name == "plan.json"
    assert [cell.id for cell in made.cells] == ["foo/rhel8/x86_64/cp312"]


def test_a_refused_plan_is_told_and_not_written(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COLLIDING)
    code, out, err = truewheel("plan", "--output", "plan.json")
    assert code == 2
    assert err.startswith("truewheel.yml:3:22: two cells get one name, foo-1.0-cp312-")
    assert "2 wheels, some names equal: refused" in out
    assert sorted(path.name for path in here.iterdir()) == ["VERSION", "truewheel.yml"]
    code, out, _ = truewheel("plan", "--json")
    (problem,) = json.loads(out)["problems"]
    assert (code, problem["file"], problem["line"], problem["column"]) == (
        2,
        "truewheel.yml",
        3,
        22,
    )
    assert problem["hint"] == "build one of the two"


@pytest.mark.parametrize("output", ["no/folder/plan.json", "folder", ".."])
def test_an_output_that_cannot_be_written_is_told(here: Path, truewheel: Run, output: str):
    (here / "folder").mkdir()
    code, _, err = truewheel("plan", "--output", output)
    assert code == 2
    assert "cannot be written" in err
    assert not list((here / "folder").iterdir())


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_an_output_without_a_name_is_wrong_usage(here: Path, truewheel: Run, output: str):
    code, _, err = truewheel("plan", "--output", output)
    assert code == 2
    assert f"{output!r} names no file" in err


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_can_be_asked_for(here: Path, truewheel: Run, event: str):
    code, out, _ = truewheel("plan", "--json", "--event", event)
    assert (code, json.loads(out)["event"]) == (0, event)


@pytest.mark.parametrize(
    ("environment", "event"),
    [
        ({}, "push"),
        ({"CI_PIPELINE_SOURCE": "push"}, "push"),
        ({"CI_PIPELINE_SOURCE": "api"}, "push"),
        ({"CI_PIPELINE_SOURCE": "merge_request_event"}, "mr"),
        ({"CI_PIPELINE_SOURCE": "schedule"}, "schedule"),
        ({"CI_PIPELINE_SOURCE": "web"}, "web"),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1"}, "tag"),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": ""}, "push"),
        ({"GITHUB_EVENT_NAME": "pull_request"}, "mr"),
        ({"GITHUB_EVENT_NAME": "workflow_dispatch"}, "web"),
        ({"GITHUB_EVENT_NAME": "push", "GITHUB_REF_TYPE": "tag"}, "tag"),
    ],
)
def test_the_forge_tells_the_event(
    here: Path,
    truewheel: Run,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    event: str,
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert json.loads(truewheel("plan", "--json")[1])["event"] == event


def test_this_machine_can_be_planned(here: Path, truewheel: Run):
    code, out, _ = truewheel("plan", "--local", "--json")
    (cell,) = json.loads(out)["cells"]
    assert (code, cell["target"]) == (0, "host")


def test_the_release_version_replaces_the_packages_own(here: Path, truewheel: Run):
    code, out, _ = truewheel("plan", "--json", "--release-version", "2.0rc1")
    assert (code, json.loads(out)["cells"][0]["wheel"].split("-")[1]) == (0, "2.0rc1")


# What comes from outside


@pytest.mark.parametrize(
    "assignment",
    ["$(touch x)=1", "=1", "X", "a b=1", "é=1", "\x1b[31m=1", "\udcff=1", "X\n=1", "1X=2"],
)
def test_a_hostile_variable_name_is_refused_and_escaped(
    here: Path, truewheel: Run, assignment: str
):
    code, out, err = truewheel("plan", "-v", assignment)
    assert (code, out) == (2, "")
    assert f"{assignment!r} is not NAME=VALUE" in err


HOSTILE = [
    "$(touch x)",
    "`touch x`",
    "'; touch x; '",
    '"',
    "a\nb",
    "\x1b[31m",
    "é",
    "\u202e",
    "\udcff",
    "../../x",
    "-rf",
    "%s",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_refused_or_escaped_and_never_run(
    here: Path, truewheel: Run, value: str
):
    (here / "truewheel.yml").write_text(CUDA)
    code, out, err = truewheel("plan", "-v", f"NVIDIA_UPSTREAM_VERSION=x{value}y")
    assert code == (
        0 if value == "-rf" else 2
    )  # PEP 440 takes x-rfy as a local version, and makes it x.rfy
    assert "\x1b" not in out + err
    (out + err).encode()
    code, out, err = truewheel("plan", "-v", f"CUDA_VERSION=13.2.{value}", "--output", "plan.json")
    assert code == (2 if value == "\udcff" else 0)
    code, out, err = truewheel("plan", "-v", f"CUDA_VERSION=13.2.{value}")
    assert not {"\x1b", "\u202e", "\udcff"} & set(out + err)
    assert {path.name for path in here.iterdir()} <= {"VERSION", "truewheel.yml", "plan.json"}


def test_bytes_that_are_no_text_are_refused(here: Path):
    code, out, err = process(
        "plan", b"-v", b"CI_PIPELINE_ID=\xff", "--json", cwd=project(here, CUDA)
    )
    assert (code, json.loads(out)["cells"]) == (2, [])
    assert b"CI_PIPELINE_ID (-v): '\\udcff' is not UTF-8 text" in err


def test_json_is_read_whatever_the_encoding_of_stdout(here: Path):
    code, out, _ = process(
        "plan", "--json", "-v", "CUDA_VERSION=13.2.é\x7f", cwd=project(here, CUDA)
    )
    assert code == 0
    assert json.loads(out.decode("ascii"))["cells"][0]["facts"]["cuda"]["raw"] == "13.2.é\x7f"


def test_a_terminal_without_unicode_gets_escapes(here: Path):
    code, out, _ = process("plan", cwd=here, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert code == 0
    assert b"channel default \\xb7 base 1.0" in out


@pytest.mark.parametrize(
    ("name", "shown"), [("\x1b[31m.yml", "\\x1b[31m.yml"), ("\udcff.yml", "\\udcff.yml")]
)
def test_a_hostile_file_name_is_shown_escaped(here: Path, truewheel: Run, name: str, shown: str):
    (here / "pipelines").mkdir()
    (here / "pipelines" / name).write_text("mine")
    code, _, err = truewheel("generate")
    assert code == 2
    assert f"pipelines/{shown}:1:1: this file was not generated" in err
    (here / "pipelines" / name).write_text(MARK)
    assert f"orphaned  pipelines/{shown}\n" in truewheel("check")[1]
    assert f"removed pipelines/{shown}\n" in truewheel("generate")[1]


def test_hostile_content_is_shown_escaped(here: Path, truewheel: Run):
    truewheel("generate")
    with (here / ".gitlab-ci.yml").open("a", encoding="utf-8", newline="") as file:
        file.write("# \x1b[2J\r\n")
    code, out, _ = truewheel("check")
    assert code == 3
    assert "-# \\x1b[2J\\r\n" in out
    assert "\x1b" not in out


# The spec as a file


def test_the_spec_is_found_upwards_and_paths_start_in_its_folder(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    (here / "deep/down").mkdir(parents=True)
    monkeypatch.chdir(here / "deep/down")
    assert truewheel("generate")[0] == 0
    assert (here / "pipelines/rhel8-x86_64.yml").is_file()
    assert list((here / "deep/down").iterdir()) == []


def test_no_spec_at_all_says_where_it_was_looked_for(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    code, out, err = truewheel("check")
    assert (code, out) == (2, "")
    assert err == (
        f"truewheel.yml: no truewheel.yml in {tmp_path} or above it\n"
        "    hint: go to your project, or name the file: --spec FILE\n"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "1:1: the file is empty"),
        (b"\xff\xfe", "1:1: not UTF-8: byte 0xff"),
        (b"a: [", "not YAML"),
        (b"truewheel: 1\n", "the file has no packages"),
        (b"\x00", "1:1: the character U+0000 is not allowed"),
    ],
)
def test_a_spec_that_cannot_be_used_is_told(
    here: Path, truewheel: Run, content: bytes | None, told: str
):
    (here / "truewheel.yml").unlink()
    if content is not None:
        (here / "truewheel.yml").write_bytes(content)
    for command in ("plan", "generate", "check"):
        code, out, err = truewheel(command, "--spec", "truewheel.yml")
        assert (code, out) == (2, "")
        assert told in err
    assert not (here / ".gitlab-ci.yml").exists()


def test_a_folder_as_spec_is_told(here: Path, truewheel: Run):
    code, _, err = truewheel("plan", "--spec", str(here))
    assert code == 2
    assert err == f"{here}: cannot be read: Is a directory\n    hint: name the file: --spec FILE\n"


def test_an_unreadable_spec_is_told(here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch):
    def denied(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", denied)  # the tests may run as root, who may read everything
    code, _, err = truewheel("plan")
    assert code == 2
    assert "truewheel.yml: cannot be read: Permission denied" in err


def test_a_spec_with_a_byte_order_mark_is_read(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(SMALL, encoding="utf-8-sig")
    (here / "VERSION").write_text("1.0\r\n", encoding="utf-8-sig")
    assert truewheel("plan")[0] == 0


def test_a_spec_with_a_name_that_cannot_be_written_is_refused(here: Path, truewheel: Run):
    (here / "a\nb: c.yml").write_text(SMALL)
    code, _, err = truewheel("generate", "--spec", "a\nb: c.yml")
    assert code == 2
    assert "the spec's file name is not printable text\n    hint: rename the file" in err
    assert not (here / ".gitlab-ci.yml").exists()


# plan --against


def git(folder: Path, *words: str) -> None:
    identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def history(here: Path) -> Path:
    """The small project in version 1.0, tagged `before`."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for words in (["init"], ["add", "--all"], ["commit", "-m", "1.0"], ["tag", "before"]):
        git(here, *words)
    return here


def test_a_newer_version_is_a_change_of_names(history: Path, truewheel: Run):
    assert "1 unchanged\n" in truewheel("plan", "--against", "before")[1]
    (history / "VERSION").write_text("1.1\n")
    code, out, err = truewheel("plan", "--against", "before", "--output", "plan.json")
    assert (code, err) == (0, "")
    assert "- foo-1.0-cp312" in out
    assert "+ foo-1.1-cp312" in out
    assert (history / "plan.json").is_file()


def test_a_name_that_installers_take_for_older_is_refused_and_not_written(
    history: Path, truewheel: Run
):
    (history / "VERSION").write_text("0.9\n")
    code, out, err = truewheel("plan", "--against", "before", "--output", "plan.json")
    assert code == 2
    assert "! not taken for newer by pip, uv, a plain sort" in out
    assert "accept that with --allow-older" in err
    assert not (history / "plan.json").exists()
    code, out, _ = truewheel("plan", "--against", "before", "--allow-older", "--json")
    (change,) = json.loads(out)["changes"]
    assert (code, change["state"]) == (0, "renamed")


@pytest.mark.parametrize(
    "revision", ["", "nowhere", "--all", "before:VERSION", "\x1b[31m", "\udcff", "$(touch x)"]
)
def test_a_revision_that_is_not_there_is_told(history: Path, truewheel: Run, revision: str):
    code, out, err = truewheel("plan", f"--against={revision}")
    assert (code, out) == (2, "")
    assert "git knows no such revision here" in err
    assert "\x1b" not in err
    assert not (history / "x").exists()


def test_a_revision_without_the_spec_is_told(history: Path, truewheel: Run):
    (history / "truewheel.yml").rename(history / "other.yml")
    code, _, err = truewheel("plan", "--spec", "other.yml", "--against", "before")
    assert code == 2
    assert err.startswith("before:other.yml: there is no such file in that revision\n")


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("truewheel.yml", f"{SMALL}bogus: 1\n", "before:truewheel.yml:5:1: unknown key 'bogus'\n"),
        ("VERSION", "abc\n", "before:truewheel.yml:5:9: 'abc' is no version\n"),
        ("own.yml", "channels: {a: {version: '{x}'}}\n", "before:own.yml:1:25: no fact 'x'\n"),
    ],
)
def test_what_is_wrong_with_a_revision_is_told_as_of_that_revision(
    here: Path, truewheel: Run, file: str, text: str, told: str
):
    good = {
        "truewheel.yml": f"{SMALL}naming: own.yml\n",
        "VERSION": "1.0\n",
        "own.yml": "extends: plain\n",
    }
    for name, content in {**good, file: text}.items():
        (here / name).write_text(content)
    for words in (["init"], ["add", "--all"], ["commit", "-m", "1.0"], ["tag", "before"]):
        git(here, *words)
    for name, content in good.items():
        (here / name).write_text(content)
    assert truewheel("plan")[0] == 0
    code, out, err = truewheel("plan", "--against", "before")
    assert (code, out) == (2, "")
    assert err.startswith(told)


def test_a_policy_to_compare_with_that_is_not_there_is_told_by_its_flag(here: Path, truewheel: Run):
    code, _, err = truewheel("plan", "--against-policy", "nope")
    assert code == 2
    assert err.startswith("--against-policy nope: no policy 'nope'\n")


@pytest.mark.parametrize(("channel", "rows"), [("release", 1), ("other", 0)])
def test_copies_are_compared_where_both_policies_have_the_channel(
    here: Path, truewheel: Run, channel: str, rows: int
):
    (here / "truewheel.yml").write_text(COPIED)
    (here / "old.yml").write_text(
        f"extends: plain\nvariables: {{X: {{}}}}\nchannels: {{{channel}: {{when: {{X: '1'}}, version: '0.9'}}}}\n"
    )
    _, out, _ = truewheel("plan", "--against-policy", "old.yml", "-v", "CI_PIPELINE_ID=7")
    assert "renamed    foo/rhel8/x86_64/cp312\n" in out
    assert (
        out.count("renamed    foo/rhel8/x86_64/cp312 on the index pypi\n           - foo-0.9-cp312")
        == rows
    )


# generate and check


def test_generate_then_check_then_generate_again(here: Path, truewheel: Run):
    assert truewheel("check")[0] == 3
    code, out, err = truewheel("generate")
    assert (code, err) == (0, "")
    assert (
        out
        == "wrote .gitlab-ci.yml\nwrote pipelines/rhel8-x86_64.yml\n2 files, 0 of them unchanged\n"
    )
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    assert truewheel("check") == (0, "2 files as generated\n", "")
    assert truewheel("generate") == (0, "2 files, 2 of them unchanged\n", "")
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def test_check_after_an_upgrade_says_who_made_the_files(here: Path, truewheel: Run):
    truewheel("generate")
    file = here / ".gitlab-ci.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f"Truewheel {__version__} ", "Truewheel 0.0.9 "), encoding="utf-8")
    code, out, err = truewheel("check")
    assert code == 3
    assert f"made by Truewheel 0.0.9, you run {__version__}\n" in err
    assert "-# Generated by Truewheel 0.0.9 from" in out
    assert json.loads(truewheel("check", "--json")[1])["files"][0]["made_by"] == "0.0.9"
    truewheel("generate")
    assert truewheel("check")[0] == 0


def test_generate_says_which_layout_it_chose_and_why(here: Path, truewheel: Run):
    spec = (here / "truewheel.yml").read_text(encoding="utf-8")
    many = "".join(f"  p{number}: {{version: {{file: VERSION}}}}\n" for number in range(600))
    (here / "truewheel.yml").write_text(
        spec.split("packages:")[0]
        + f"packages:\n{many}targets: {{rhel8: {{}}}}\nsetup: [. ci/setup.sh]\n"
    )
    code, out, err = truewheel("generate")
    assert code == 0, err
    assert out.startswith("GitLab layout children: 60")
    assert "where a pipeline of the hosted free plan may have 500" in out
    assert "(gitlab.layout decides otherwise)" in out


def test_check_shows_every_difference_and_the_way_out(here: Path, truewheel: Run):
    truewheel("generate")
    (here / ".gitlab-ci.yml").write_text(
        (here / ".gitlab-ci.yml").read_text().replace("1 week", "1 year", 1)
    )
    (here / "pipelines/rhel8-x86_64.yml").unlink()
    (here / "pipelines/old.yml").write_text(f"# {MARK}\n")
    code, out, err = truewheel("check")
    assert code == 3
    states = "modified  .gitlab-ci.yml\nmissing   pipelines/rhel8-x86_64.yml\norphaned  pipelines/old.yml\n\n"
    assert out.startswith(states + "--- .gitlab-ci.yml\n+++ .gitlab-ci.yml (generated)\n@@ ")
    assert "\n-    expire_in: '1 year'\n+    expire_in: '1 week'" in out
    assert err == "hint: truewheel generate writes them again\n"
    code, out, _ = truewheel("check", "--json")
    found = {entry["path"]: entry for entry in json.loads(out)["files"]}
    assert code == 3
    assert {path: entry["state"] for path, entry in found.items()} == {
        ".gitlab-ci.yml": "modified",
        "pipelines/rhel8-x86_64.yml": "missing",
        "pipelines/old.yml": "orphaned",
    }
    assert found[".gitlab-ci.yml"]["diff"].startswith("--- ")
    code, out, _ = truewheel("generate")
    assert (code, out.splitlines()[-2:]) == (
        0,
        ["removed pipelines/old.yml", "2 files, 0 of them unchanged"],
    )
    assert truewheel("check")[0] == 0


def test_a_dry_run_says_what_would_change_and_writes_nothing(here: Path, truewheel: Run):
    (here / "pipelines").mkdir()
    (here / "pipelines/old.yml").write_text(f"# {MARK}\n")
    code, out, _ = truewheel("generate", "--dry-run")
    assert code == 0
    assert "would write .gitlab-ci.yml\n" in out
    assert "would remove pipelines/old.yml\n" in out
    assert not (here / ".gitlab-ci.yml").exists()
    assert (here / "pipelines/old.yml").exists()


@pytest.mark.parametrize("flags", [(), ("--dry-run",), ("--json",)])
def test_a_pipeline_of_others_is_never_replaced(here: Path, truewheel: Run, flags: tuple[str, ...]):
    (here / ".gitlab-ci.yml").write_text("mine: {script: [make]}\n")
    code, out, err = truewheel("generate", *flags)
    assert (code, out) == (2, "")
    assert err.startswith(
        ".gitlab-ci.yml:1:1: this file was not generated by Truewheel and is not replaced\n"
    )
    assert (here / ".gitlab-ci.yml").read_text() == "mine: {script: [make]}\n"
    assert not (here / "pipelines").exists()
    assert truewheel("check")[0] == 3


def test_the_files_of_one_forge_alone(here: Path, truewheel: Run):
    project(here, SMALL + "gitlab: {}\ngithub: {}\n")
    assert truewheel("generate", "--forge", "github")[1].endswith("2 files, 0 of them unchanged\n")
    assert not (here / ".gitlab-ci.yml").exists()
    assert truewheel("check", "--forge", "github")[0] == 0
    assert truewheel("check", "--forge", "gitlab,github")[0] == 3
    assert truewheel("generate")[1].endswith("4 files, 2 of them unchanged\n")
    code, _, err = truewheel("check", "--forge", "gitlab")
    assert (code, err) == (0, "")


def test_a_forge_that_the_spec_leaves_is_left_behind_nowhere(here: Path, truewheel: Run):
    truewheel("generate")
    project(here, SMALL + "github: {}\n")
    out = truewheel("generate")[1]
    assert "removed .gitlab-ci.yml\n" in out
    assert not list((here / "pipelines").iterdir())


def test_a_forge_that_is_not_in_the_spec(here: Path, truewheel: Run):
    code, _, err = truewheel("check", "--forge", "github")
    assert code == 2
    assert (
        err
        == "--forge github: the spec has no such key\n    hint: the forges of truewheel.yml: gitlab\n"
    )


def test_what_github_would_refuse_is_not_generated(here: Path, truewheel: Run):
    project(here, SMALL.replace(". ci/setup.sh", "'echo ${{ github.token }}'") + "github: {}\n")
    code, _, err = truewheel("generate")
    assert code == 2
    assert "truewheel.yml:4:9: GitHub would evaluate ${{" in err
    assert not (here / ".github").exists()


def test_an_input_of_gitlab_in_a_script_is_not_generated(here: Path, truewheel: Run):
    project(here, SMALL.replace(". ci/setup.sh", "'echo $[[ inputs.A ]]'"))
    code, _, err = truewheel("generate")
    assert code == 2
    assert "truewheel.yml:4:9: GitLab puts an input here as text" in err
    assert not (here / ".gitlab-ci.yml").exists()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(
            ("echo ${{ github.event.issue.title }}", 1),
            ("${{ inputs.a }}", 1),
            ("${{ format(github.head_ref) }}", 1),
        ),
        *(("echo $TITLE", 0), ("${{ runner.temp }} inputs", 0), ("${{ secrets.inputs_a }}", 0)),
    ],
)
def test_what_others_wrote_in_an_own_script_of_github_is_warned_of(
    here: Path, truewheel: Run, text: str, count: int
):
    steps = json.dumps([{"run": text}, {"env": {"A": text}, "run": 'echo "$A"'}])
    job = f"github: {{jobs: {{own: {{runs-on: ubuntu-24.04, steps: {steps}}}}}, steps: {{wheel: {steps}}}}}\n"
    project(here, SMALL + job)
    code, _, err = truewheel("generate")
    assert code == 0
    assert err.count("warning: GitHub puts the words of others into this script") == 2 * count


def test_a_version_that_only_git_or_a_variable_has_is_no_matter_to_generate(
    here: Path, truewheel: Run
):
    own = "naming: {facts: {day: {from: ['vcs:date']}}, channels: {only: {version: '1.{day}'}}}\n"
    (here / "truewheel.yml").write_text(SMALL + own)
    (here / "VERSION").unlink()
    assert truewheel("plan")[0] == 2
    assert truewheel("generate")[0] == 0
    assert truewheel("check")[0] == 0


def test_a_refused_plan_generates_nothing(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COLLIDING)
    for command in ("generate", "check"):
        code, out, err = truewheel(command)
        assert (code, out) == (2, "")
        assert "two cells get one name" in err
    assert not (here / ".gitlab-ci.yml").exists()


# How a process ends


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("plan",), 0),
        (("plan", "--json"), 0),
        (("check",), 3),
        (("check", "--json"), 3),
        (("--help",), 0),
        (("--version",), 0),
        (("plan", "--cell", "nothing"), 2),
    ],
)
def test_a_reader_that_has_gone_changes_nothing(here: Path, argv: tuple[str, ...], code: int):
    packages = ", ".join(f"p{number}: {{version: {{file: VERSION}}}}" for number in range(300))
    project(here, f"truewheel: 1\nsetup: [x]\npackages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\n")
    done = shell('exec "$@" | :; exit ${PIPESTATUS[0]}', here, *argv)
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def shell(script: str, folder: Path, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """Run the front door as the words "$@" of a shell's script."""
    command = ["bash", "-c", script, "bash", sys.executable, str(ROOT / "gen_ci.py"), *argv]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "argv", ["plan", "plan --json", "check", "check --json", "--help", "--version", "plan --help"]
)
@pytest.mark.parametrize(
    ("to", "why"), [("/dev/full", "No space left on device"), ("&-", "it is closed")]
)
def test_a_result_that_cannot_be_written_ends_with_1(here: Path, argv: str, to: str, why: str):
    done = shell(f'exec "$@" >{to}', here, *argv.split())
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == f"stdout: cannot be written: {why}"
    assert (
        len(done.stderr.splitlines()) <= 2
    )  # the generated files are not there: check says how to write them


def test_no_file_gets_the_number_of_a_closed_stream(here: Path):
    code = "import os; from truewheel.cli import main; main(['plan', '--output', 'plan.json'])"
    code += "; open('next', 'w'); os.write(1, b'a child'); os.write(2, b'a child')"
    command = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    assert (
        subprocess.run(command, cwd=here, env=environment, check=False, timeout=60).returncode == 0
    )
    assert json.loads((here / "plan.json").read_text())["cells"]
    assert (here / "next").read_text() == ""


@pytest.fixture
def small_disk(here: Path) -> Iterator[Path]:
    """A file system of three pages with the project in two of them; unmounted afterwards."""
    disk = here / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12k", "none", str(disk)], check=False
    ).returncode:
        pytest.skip("mount is not allowed here")
    shutil.copy(here / "truewheel.yml", disk)
    shutil.copy(here / "VERSION", disk)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "argv", [("plan", "--output", "disk/plan.json"), ("generate", "--spec", "disk/truewheel.yml")]
)
def test_a_full_disk_is_named_and_ends_with_1(
    here: Path, small_disk: Path, truewheel: Run, argv: tuple[str, ...]
):
    (small_disk / "full").write_bytes(b"x" * 4096)
    code, _, err = truewheel(*argv)
    assert code == 1
    assert "disk/" in err
    assert "No space left on device" in err
    assert err.count("\n") <= 2


def test_a_disk_that_is_only_read_is_named_and_ends_with_1(
    here: Path, small_disk: Path, truewheel: Run
):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, _, err = truewheel("plan", "--output", "disk/plan.json")
    assert code == 1
    assert err.startswith("disk/plan.json: cannot be written: Read-only file system\n")


def test_nobody_at_stderr_changes_nothing(here: Path):
    project(here, COLLIDING)
    for script in (
        'exec "$@" 2>&1 | :; exit ${PIPESTATUS[0]}',
        'exec "$@" 2>&-',
        'exec "$@" 2>/dev/full',
    ):
        done = shell(script, here, "check")
        assert (done.returncode, done.stdout) == (2, b"")


def test_an_interruption_is_told_without_a_traceback(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load", interrupted)
    assert truewheel("plan") == (130, "", "interrupted\n")


def test_a_file_system_that_says_no_is_told(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "pipelines")

    monkeypatch.setattr(Path, "mkdir", full)
    assert truewheel("generate") == (1, "", "pipelines: No space left on device\n")


def test_a_program_gets_a_document_even_when_there_can_be_no_plan(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text("truewheel: 1\npackages: {}\n")
    code, out, err = truewheel("plan", "--json")
    data = json.loads(out)
    assert (code, data["version"], data["cells"]) == (2, 1, [])
    assert [problem["line"] for problem in data["problems"]] == [1, 2]
    assert "has no targets" in err


def test_a_failed_run_leaves_no_sums_of_an_earlier_one(here: Path, truewheel: Run):
    sums = here / "dist/SHA256SUMS"
    sums.parent.mkdir()
    sums.write_text("of wheels that are about to be made anew\n")
    code, _, err = truewheel(
        "run"
    )  # there is nothing to compile: the package has no pyproject.toml
    assert (code, sums.exists()) == (4, False)
    assert "1 of 1 cells failed" in err


def test_the_way_of_a_variable_is_told_hop_by_hop(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(
        CUDA.replace("rhel8: {}", "rhel8: {provides: {CUDA_VERSION: '13.2.1'}}")
    )
    code, out, _ = truewheel("explain", "CUDA_VERSION")
    assert code == 0
    assert re.findall(r"^  (\w+)", out, re.MULTILINE) == [
        "scope",
        "forge",
        "job",
        "container",
        "script",
        "read",
        "now",
    ]
    assert "provided by rhel8 (13.2.1)" in out
    code, out, _ = truewheel(
        "explain", "NVIDIA_UPSTREAM_VERSION", "-v", "NVIDIA_UPSTREAM_VERSION=26.04", "--json"
    )
    told = json.loads(out)
    assert (code, told["scope"], told["readers"]) == (0, "pipeline", ["the fact nv"])
    assert told["value"] == {"value": "26.04", "origin": "-v", "scope": "pipeline"}
    code, out, _ = truewheel("explain", "TRUEWHEEL_KEY", "-v", "TRUEWHEEL_KEY=a:b")
    assert code == 0
    assert "a:b (-v)" in out


COPIED = (
    "truewheel: 1\npackages: {foo: {version: {file: VERSION}}}\ntargets: {rhel8: {}}\nnaming: triton-2026.04\n"
    "indexes: {internal: {}, pypi: {profile: pypi, channel: release}}\n"
)


def test_a_copy_for_an_index_is_explained_with_its_channel(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COPIED)
    copy = "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    code, out, _ = truewheel("explain", copy, "-v", "CI_PIPELINE_ID=7")
    assert code == 0
    assert "cell foo/rhel8/x86_64/cp312 · channel release of the policy triton-2026.04" in out
    (here / "dist").mkdir()
    truewheel("plan", "-v", "CI_PIPELINE_ID=7", "--output", "dist/plan.json")
    code, out, _ = truewheel("explain", f"dist/copies/pypi/{copy}")
    assert "channel release of the policy triton-2026.04" in out
    assert "build" not in out
    code, out, _ = truewheel("explain", "dist/foo-1.0-7-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert "CI_PIPELINE_ID=7 (-v)" in out


def test_an_explanation_for_programs_has_the_facts_of_the_plan(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COPIED)
    (cell,) = json.loads(truewheel("plan", "--json", "-v", "CI_PIPELINE_ID=7")[1])["cells"]
    told = json.loads(truewheel("explain", cell["id"], "--json", "-v", "CI_PIPELINE_ID=7")[1])
    assert (told["wheel"], told["cell"], told["channel"]) == (cell["wheel"], cell["id"], "default")
    assert told["facts"] == cell["facts"]
    told = json.loads(truewheel("explain", "x-1.0-py3-none-any.whl", "--json")[1])
    assert (told["cell"], told["channel"], told["facts"], told["parts"][0]["value"]) == (
        None,
        None,
        {},
        "x",
    )


MANY = f"packages: {{{', '.join(f'p{number}: {{version: {{file: VERSION}}}}' for number in range(300))}}}"


@pytest.mark.parametrize(
    ("rest", "hops"),
    [
        ("gitlab: {layout: children}", ["forge", "trigger", "child", "job"]),
        ("gitlab: {layout: include}", ["forge", "job"]),
        (MANY, ["forge", "trigger", "child", "job"]),  # too many jobs for one pipeline
        ("github: {}", ["forge", "job"]),
    ],
)
def test_the_way_leads_through_child_pipelines_where_there_are_any(
    here: Path, truewheel: Run, rest: str, hops: list[str]
):
    spec = (
        CUDA.replace("packages: {foo: {version: {file: VERSION}}}", MANY)
        if rest is MANY
        else f"{CUDA}{rest}\n"
    )
    (here / "truewheel.yml").write_text(spec.replace("rhel8: {}", "rhel8: {}, rhel9: {}"))
    code, out, _ = truewheel("explain", "NVIDIA_UPSTREAM_VERSION", "--json")
    assert code == 0
    assert [hop["place"] for hop in json.loads(out)["way"]] == [*hops, "container", "script"]


def test_a_variable_that_nobody_declares_has_no_way(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(CUDA)
    code, _, err = truewheel("explain", "CUDA_VERSIO")
    assert code == 2
    assert "no variable 'CUDA_VERSIO' in this file or in the policy triton-2026.04" in err
    assert "hint: did you mean CUDA_VERSION?" in err


# note and title


def test_a_note_tells_the_change_since_the_merge_request_began(
    history: Path, truewheel: Run, monkeypatch
):
    (history / "VERSION").write_text("1.1\n")
    assert truewheel("note")[0] == 2
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", "before")
    code, out, _ = truewheel("note", "--output", "names.md")
    assert (code, (history / "names.md").read_text()) == (0, out)
    assert "1 renamed" in out
    (history / "VERSION").write_text("1.0\n")
    code, out, _ = truewheel("note", "--output", "names.md")
    assert (code, out, (history / "names.md").read_text()) == (0, "no name changes\n", "")


TITLED = SMALL + "merge_requests: {types: [fix, feat], labels: [ready]}\n"


def test_a_title_is_judged_as_the_forge_gives_it(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    (here / "truewheel.yml").write_text(TITLED)
    assert truewheel("title", "--title", "fix(x): y")[0] == 0
    code, _, err = truewheel("title", "--title", "$(touch x)")
    assert (code, (here / "x").exists()) == (2, False)
    assert "does not start with a type: fix, feat" in err
    assert truewheel("title")[0] == 2
    monkeypatch.setenv("CI_MERGE_REQUEST_TITLE", "feat: z")
    assert "labels: missing: ready" in truewheel("title")[2]
    monkeypatch.setenv("CI_MERGE_REQUEST_LABELS", "a,ready")
    assert truewheel("title")[0] == 0


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('{"pull_request": {"title": "fix: a", "labels": [{"name": "ready"}]}}', 0),
        ('{"pull_request": {"title": "fix: a", "labels": []}}', 2),
        ('{"pull_request": {"title": "a", "labels": [{"name": "ready"}]}}', 2),
        ('{"pull_request": []}', 2),
        ("[]", 2),
        ("{", 2),
    ],
)
def test_a_pull_request_s_title_is_in_the_event(
    here: Path, truewheel: Run, monkeypatch, payload: str, code: int
):
    (here / "truewheel.yml").write_text(TITLED)
    (here / "event.json").write_text(payload)
    monkeypatch.setenv("GITHUB_EVENT_PATH", "event.json")
    assert truewheel("title")[0] == code


# validate


def test_validate_says_what_an_index_would_refuse(here, truewheel):
    local = "demo-1.0+cu132-py3-none-any.whl"
    wheels.make(here, local)
    assert truewheel("validate", local)[0] == 0
    code, out, _ = truewheel("validate", local, "--index", "pypi")
    assert code == 4
    assert "TW601" in out


def test_validate_counts_warnings_when_it_is_strict(here, truewheel):
    wheels.make(here, "Demo-1.0-py3-none-any.whl")
    assert truewheel("validate", "Demo-1.0-py3-none-any.whl")[0] == 0
    assert truewheel("validate", "Demo-1.0-py3-none-any.whl", "--strict")[0] == 4


@pytest.mark.parametrize("style", ["json", "sarif", "codequality"])
def test_validate_writes_documents_for_forges(here, truewheel, style):
    wheels.make(here, wheels.PURE)
    code, out, _ = truewheel("validate", wheels.PURE, "--format", style)
    assert code == 0
    json.loads(out)


def test_validate_has_limits(here, truewheel):
    wheels.make(here, wheels.PURE)
    for options, code in (("--max-size", "100"), "TW602"), (("--max-unpacked", "10 B"), "TW313"):
        status, out, _ = truewheel("validate", wheels.PURE, *options)
        assert status == 4
        assert code in out
    status, _, err = truewheel("validate", wheels.PURE, "--max-size", "huge")
    assert status == 2
    assert "300 MB" in err


def test_validate_holds_a_set_against_a_plan(here, truewheel):
    assert truewheel("plan", "--output", "plan.json")[0] == 0
    wheels.make(here, wheels.PURE)
    code, out, _ = truewheel("validate", ".", "--plan", "plan.json")
    assert code == 4
    assert "TW503" in out
    assert "TW504" in out


# name


NAME = (
    "name",
    "--package=foo",
    "--base=1.0",
    "--python=cp312",
    "--abi=cp312",
    "--platform=linux_x86_64",
)


def test_a_pattern_without_end_ends_the_command(here: Path, truewheel: Run):
    (here / "own.yml").write_text(
        "variables: {X: {}}\nchannels: {a: {when: {X: '/(a+)+b/'}, version: '1'}, b: {version: '2'}}\n"
    )
    code, out, err = truewheel(*NAME, "--policy=own.yml", "-v", f"X={'a' * 60}")
    assert (code, out) == (2, "")
    assert "the regular expression (a+)+b comes to no end on 'aaaa" in err


def test_a_pattern_without_end_is_tried_once_for_all_cells(here: Path, truewheel: Run):
    (here / "own.yml").write_text(
        "variables: {X: {}}\nfacts: {p: {from: ['cell:python']}}\n"
        "channels: {a: {when: {X: '/(a+)+b/'}, version: '1.{p}'}, b: {version: '2'}}\n"
    )
    (here / "truewheel.yml").write_text(
        f"{SMALL}naming: own.yml\npythons: ['3.11', '3.12', '3.13', '3.14']\n"
    )
    started = time.process_time()
    code, out, err = truewheel("plan", "-v", f"X={'a' * 60}")
    assert (code, out) == (2, "")
    assert err.count("comes to no end on") == 1
    assert time.process_time() - started < 4


def test_a_name_that_no_file_system_takes_is_refused(truewheel: Run):
    code, out, err = truewheel(*NAME, "--policy=triton-2026.04", "-v", f"BUILD_NUMBER={'1' * 300}")
    assert (code, out) == (2, "")
    assert err.startswith("command line: a file name has more than 255 characters: foo-1.0-1111")


def test_a_value_that_plan_would_refuse_is_told(truewheel: Run):
    code, out, err = truewheel(*NAME, "--policy=triton-2026.04", "-v", "PYPI_RELEASE=yes")
    assert (code, out) == (0, "foo-1.0-cp312-cp312-linux_x86_64.whl\n")
    assert err == "warning: PYPI_RELEASE: 'yes' is none of true, false: plan refuses it\n"


@pytest.mark.parametrize("name", ["a:b", "c;d"])
@pytest.mark.parametrize("is_out", [False, True])
def test_a_folder_that_others_read_as_two_is_named_before_anything_is_built(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch, name: str, is_out: bool
):
    folder = here / name
    project(folder)
    if not is_out:
        monkeypatch.chdir(folder)
    code, _, err = truewheel("run", *(["--engine", "podman", "--out", name] if is_out else []))
    assert code == 2
    assert err.startswith(f"{folder}: a {'colon' if ':' in name else 'semicolon'} parts ")
    assert "    hint: move the project to another folder\n" in err
    assert {path.name for path in folder.iterdir()} == {"VERSION", "truewheel.yml"}
