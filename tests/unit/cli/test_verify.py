"""truewheel verify: what a maintainer sees before an upload."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import releases
import simple_index
from command_line import Run

REQUIRES = "Requires-Python: >=3.10"
WINDOWS = "cp312-cp312-win_amd64"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a healthy release 1.1 in dist and one 1.0 in before."""
    monkeypatch.chdir(tmp_path)
    for place, version in ("before", "1.0"), ("dist", "1.1"):
        releases.wheel(tmp_path / place, version, metadata=REQUIRES)
        releases.archive(tmp_path / place, version, metadata=f"{REQUIRES}\n")
    return tmp_path


def settings(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(f"[tool.truewheel.verify]\n{text}\n")


def test_a_healthy_release_passes_without_a_spec_and_without_network(folder, truewheel: Run):
    code, out, _ = truewheel("verify")
    assert code == 0
    assert out.splitlines() == [
        "dist/demo-1.1-py3-none-any.whl: ok",
        "dist/demo-1.1.tar.gz: ok",
        "demo 1.1 can be uploaded.",
    ]
    code, out, _ = truewheel("verify", "dist/", "--against", "before")
    assert code == 0
    assert out.endswith("A user of demo 1.1 would notice no difference to demo 1.0 but the code.\n")


def test_a_lost_wheel_is_an_error_and_the_last_line_says_what_a_user_would_notice(
    folder, truewheel: Run
):
    releases.wheel(folder / "before", "1.0", WINDOWS, f"{REQUIRES}", demo="")
    code, out, _ = truewheel("verify", "dist", "--against", "before")
    assert code == 4
    assert "error TW801 demo-1.0-cp312-cp312-win_amd64.whl: no wheel for cp312" in out
    assert out.splitlines()[-1] == (
        "Compared with demo 1.0, a user of demo 1.1 would notice: "
        "no wheels for Windows x86_64 any more."
    )


def test_a_project_allows_a_difference_with_a_reason(folder, truewheel: Run):
    releases.wheel(folder / "before", "1.0", WINDOWS, demo="")
    settings(folder, 'allow = ["lost: *-win_amd64.whl # no user in a year"]')
    code, out, _ = truewheel("verify", "dist", "--against", "before")
    assert code == 0
    assert "note TW801" in out
    assert "allowed (no user in a year)" in out
    shutil.rmtree(folder / "before")
    releases.wheel(folder / "before", "1.0", metadata=REQUIRES)
    code, out, _ = truewheel("verify", "dist", "--against", "before")
    assert code == 0
    assert "warning TW816" in out


@pytest.mark.parametrize(("severity", "code"), [("warning", 0), ("off", 0), ("error", 4)])
def test_a_project_chooses_severities(folder, truewheel: Run, severity: str, code: int):
    releases.wheel(folder / "before", "1.0", WINDOWS, demo="")
    settings(folder, f'lost = "{severity}"')
    result, out, _ = truewheel("verify", "dist", "--against", "before")
    assert result == code
    assert (f"{severity} TW801" in out) == (severity != "off")


@pytest.mark.parametrize(
    "text", ['lots = "error"', 'lost = "fatal"', 'allow = ["lost"]', "allow = 1", "= 1"]
)
def test_wrong_settings_are_refused(folder, truewheel: Run, text: str):
    settings(folder, text)
    code, _, err = truewheel("verify")
    assert code == 2
    assert "pyproject.toml" in err


def test_a_set_of_several_versions(folder, truewheel: Run):
    releases.wheel(folder / "dist", "1.0", metadata=REQUIRES)
    code, out, _ = truewheel("verify")
    assert code == 4
    assert "error TW521 its version is 1.0, the set has 1.0, 1.1" in out


def test_no_source_archive_and_different_pythons_are_warnings(folder, truewheel: Run):
    next((folder / "dist").glob("*.tar.gz")).unlink()
    releases.wheel(folder / "dist", "1.1", WINDOWS, "Requires-Python: >=3.9", demo="")
    _, out, _ = truewheel("verify")
    assert "warning TW522 demo 1.1: no source archive" in out
    assert "warning TW523 Requires-Python is" in out


def test_the_files_are_those_that_are_expected(folder, truewheel: Run):
    expected = folder / "expected.txt"
    expected.write_text("# all of them\ndemo-*-py3-none-any.whl\n*.tar.gz\n")
    assert truewheel("verify", "--expect", "expected.txt")[0] == 0
    expected.write_text("demo-*-py3-none-any.whl\n*-musllinux_*\n")
    code, out, _ = truewheel("verify", "--expect", "expected.txt")
    assert code == 4
    assert "error TW524 *-musllinux_*: no file is named" in out
    assert "error TW525 no expected name" in out
    expected.write_text("")
    assert truewheel("verify", "--expect", "expected.txt")[0] == 2
    assert truewheel("verify", "--expect", "none.txt")[0] == 2


def test_the_last_release_may_be_a_list_of_names(folder, truewheel: Run):
    (folder / "last.txt").write_text("demo-1.0-py3-none-any.whl\ndemo-1.0-py3-none-win32.whl\n")
    code, out, _ = truewheel("verify", "dist", "--against", "last.txt")
    assert code == 4
    assert "TW801 demo-1.0-py3-none-win32.whl" in out
    (folder / "last.txt").write_text("demo-1.1-py3-none-any.whl\ndemo-2.0-py3-none-any.whl\n")
    code, out, _ = truewheel("verify", "dist", "--against", "last.txt")
    assert code == 4
    assert "TW812 a file of that name is there already" in out
    assert "TW813 1.1 is not newer than 2.0" in out


@pytest.mark.parametrize(
    "argv",
    [
        ("none",),
        ("--index", "nowhere"),
        ("dist", "--against", "dist"),
        ("dist", "--against", "none"),
    ],
)
def test_usage(folder, truewheel: Run, argv: tuple[str, ...]):
    assert truewheel("verify", *argv)[0] == 2


def test_an_empty_folder_is_no_release(folder, truewheel: Run):
    (folder / "empty").mkdir()
    code, _, err = truewheel("verify", "empty")
    assert code == 4
    assert "no wheel and no source archive" in err


def test_a_file_that_is_no_distribution_or_broken(folder, truewheel: Run):
    (folder / "dist/demo-1.1-py3-none-win32.whl").write_bytes(b"no zip")
    (folder / "dist/notes.txt").write_text("left out")
    code, out, _ = truewheel("verify")
    assert code == 4
    assert "TW301" in out
    assert "notes" not in out
    assert truewheel("verify", "dist/notes.txt")[0] == 4


def test_programs_get_the_sentence_too(folder, truewheel: Run):
    data = json.loads(truewheel("verify", "--format", "json")[1])
    assert data["summary"] == "demo 1.1 can be uploaded."
    assert [entry["ok"] for entry in data["wheels"]] == [True, True]


def test_the_page_of_a_run_shows_the_table(folder, truewheel: Run, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    assert truewheel("verify")[0] == 0
    table = (folder / "summary.md").read_text()
    assert "| demo-1.1-py3-none-any.whl | ok |" in table
    assert table.endswith("**demo 1.1 can be uploaded.**\n")


def test_what_a_report_says_is_no_markdown(folder, truewheel: Run):
    releases.wheel(folder / "dist", "1.1", WINDOWS, "Requires-Dist: <b>`x`|", demo="")
    _, out, _ = truewheel("verify", "--format", "markdown")
    assert "<b>" not in out
    assert "`" not in out


def test_the_files_are_those_of_a_plan(here, truewheel: Run):
    assert truewheel("plan", "--output", "plan.json")[0] == 0
    names = [cell["wheel"] for cell in json.loads((here / "plan.json").read_text())["cells"]]
    releases.archive(here / "dist", "1.0")
    code, out, _ = truewheel("verify", "dist", "--expect", "plan.json", "--index", "internal")
    assert code == 4
    assert f"error TW524 {names[0]}: the plan has it, the set does not" in out
    assert "TW525" not in out  # a plan has wheels alone
    assert truewheel("verify", "dist", "--expect", "other.json")[0] == 2


def test_an_index_that_cannot_be_reached(folder, truewheel: Run, monkeypatch):
    monkeypatch.setattr("truewheel.net.package_index.PAUSES", ())
    monkeypatch.setenv("no_proxy", "*")
    code, _, err = truewheel("verify", "dist", "--against", "http://127.0.0.1:1/simple/")
    assert code == 6
    assert "no answer" in err


def test_the_last_release_on_an_index(folder, truewheel: Run):
    releases.windows(folder / "before", "1.0")
    with simple_index.running(folder / "before") as index:
        words = ("verify", "dist", "--index", index.url, "--against")
        code, out, _ = truewheel(*words)
    assert code == 4
    assert "no wheels for Windows x86_64 any more" in out


def test_several_reports_of_one_run(folder, truewheel: Run):
    words = ("--format", "junit", "--output", "a.xml", "--format", "json", "--output", "b.json")
    code, out, _ = truewheel("verify", *words)
    assert code == 0
    assert "can be uploaded" in out
    assert (folder / "a.xml").read_text().startswith("<testsuite")
    assert json.loads((folder / "b.json").read_text())["summary"]
    assert truewheel("verify", "--format", "junit", "--format", "json")[0] == 2
