"""plan --against and --against-policy: how names change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import COPIED, Run, git
from specs import SMALL


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
    assert "! not a newer name for pip, uv, a plain sort" in out
    assert "to accept it: --allow-older" in err
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
        "extends: plain\nvariables: {X: {}}\n"
        f"channels: {{{channel}: {{when: {{X: '1'}}, version: '0.9'}}}}\n"
    )
    _, out, _ = truewheel("plan", "--against-policy", "old.yml", "-v", "CI_PIPELINE_ID=7")
    assert "renamed    foo/rhel8/x86_64/cp312\n" in out
    assert (
        out.count("renamed    foo/rhel8/x86_64/cp312 on the index pypi\n           - foo-0.9-cp312")
        == rows
    )
