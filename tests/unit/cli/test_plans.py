"""The plan that commands work with: the spec as a file, variables, events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import CUDA, Run, process
from specs import SMALL, project

from truewheel.plan.events import EVENTS


def test_a_glob_without_cells_says_what_cells_look_like(here: Path, truewheel: Run):
    code, out, err = truewheel("plan", "--cell", "nothing", "--output", "plan.json")
    assert (code, out) == (2, "")
    assert (
        err
        == "--cell: no cell matches 'nothing'\n    hint: cells look like foo/rhel8/x86_64/cp312\n"
    )
    assert not (here / "plan.json").exists()


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
