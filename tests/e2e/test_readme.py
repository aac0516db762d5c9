"""What the documents promise: their examples are read, their commands say what is printed there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import releases

from truewheel import cli
from truewheel.cli import parser
from truewheel.errors import Exit, Where
from truewheel.spec import model, policy_file
from truewheel.workspace import loading

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONCEPTS = (ROOT / "docs/concepts.md").read_text(encoding="utf-8")
BUILDS = (ROOT / "docs/builds.md").read_text(encoding="utf-8")
POLICIES = (ROOT / "docs/policies.md").read_text(encoding="utf-8")


def blocks(text: str, language: str = "") -> list[str]:
    matches = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in matches if name == language]


SHOWN = [block for block in blocks(README) if block.startswith("$ ./gen_ci.py plan")]


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^\$ (?:truewheel|\./gen_ci\.py) (.+)$", re.MULTILINE)
COMMANDS = [
    (path.name, line)
    for path in DOCUMENTS
    for line in COMMAND.findall(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("document", "line"), COMMANDS)
def test_a_command_of_the_documents_can_be_given(document: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    assert parser.parser(words[0]).parse_args(words).run, document


def test_the_links_of_the_documents_lead_to_something() -> None:
    links = [
        (path, link)
        for path in DOCUMENTS
        for link in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", path.read_text())
    ]
    assert len(links) > 20
    assert not [(path.name, link) for path, link in links if not (path.parent / link).exists()]


def test_the_first_run_says_what_the_readme_prints(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(README) if block.startswith("$ truewheel verify")]
    releases.faulty(tmp_path)
    line, _, shown = block.partition("\n")
    words = shlex.split(line)[2:]
    done = subprocess.run(
        [sys.executable, ROOT / "gen_ci.py", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == shown
    assert done.returncode == Exit.WHEEL


@pytest.mark.parametrize("block", SHOWN, ids=[block.partition("\n")[0] for block in SHOWN])
def test_a_command_says_what_the_readme_prints(block: str) -> None:
    command, _, printed = block.partition("\n")
    argv = [sys.executable, *shlex.split(command.removeprefix("$ "))]
    done = subprocess.run(
        argv, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == printed.strip()


def test_the_spec_to_start_from_is_one() -> None:
    (text,) = [block for block in blocks(README, "yaml") if block.startswith("truewheel: 1")]
    assert list(model.parse(text, "truewheel.yml", loading.expanded_schema).targets) == [
        "ubuntu24.04",
        "rhel8",
    ]


def test_the_refusal_is_the_one_that_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = [block for block in blocks(README) if "two cells get one name" in block]
    (tmp_path / "VERSION").write_text("1.0\n")
    (tmp_path / "truewheel.yml").write_text(
        "truewheel: 1\npackages:\n  foo: {version: {file: VERSION}}\ntargets:\n"
        "  ubuntu22.04: {floor: manylinux_2_28}\n  rhel8: {floor: manylinux_2_28}\n"
    )
    assert cli.main(["plan", "--spec", str(tmp_path / "truewheel.yml")]) == Exit.REFUSED
    assert capsys.readouterr().err.strip() == shown.strip()


def test_the_policy_of_the_documents_is_one() -> None:
    (text,) = blocks(POLICIES, "yaml")
    parent = loading.policy_reader({}.get, Where("docs"))
    policy = policy_file.parse(text, "docs.yml", loading.expanded_schema("policy"), parent)
    assert [channel.name for channel in policy.channels] == ["release", "default"]


def test_the_builds_of_the_documents_are_some() -> None:
    (text,) = blocks(BUILDS, "yaml")
    builds = model.parse(text, "truewheel.yml", loading.expanded_schema).builds
    assert list(builds["tree"].wheels) == ["treeserver", "treefrontend"]


def test_every_built_in_policy_is_in_the_documents() -> None:
    assert {*re.findall(r"^\| `([^`]+)` \|", POLICIES, re.MULTILINE)} == {
        *loading.builtin_policies()
    }


def test_the_exit_codes_are_unique_and_documented() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", CONCEPTS, re.MULTILINE)
    assert [int(code) for code, _ in documented] == sorted(Exit)
    assert len({int(code) for code in Exit}) == len(list(Exit))


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in cli.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "--help"])
        assert ended.value.code == 0
        assert "examples:" in capsys.readouterr().out
