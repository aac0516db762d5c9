"""Cells in their targets' images: what an engine is told for each, and how a cell ends."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from specs import plan_of

from truewheel.build import contained
from truewheel.plan.model import Package, Plan

SPEC = """
packages: {{foo: {{}}}}
targets: {{rhel8: {{base: 'r.example/el8:1', provides: {{CUDA_VERSION: '13.2.1'}}}}}}
naming: triton-2026.04
{more}
"""


DIGEST = "sha256:" + "12" * 32


def plan(more: str = "") -> Plan:
    result = plan_of(SPEC.format(more=more), overrides={"CI_PIPELINE_ID": "7"})
    return replace(result, packages={"foo": Package(name="foo", path=".")})


@pytest.fixture
def podman(tmp_path: Path) -> dict[str, str]:
    """An environment with a stand-in for podman: it writes down what it is told.

    `repair` fails in it if asked to.
    """
    script = f"""#!{sys.executable}
import json, os, sys
with open({str(tmp_path / "calls")!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if "inspect" in sys.argv:
    sys.exit(print({DIGEST!r}) if os.environ.get("BUILT") else 1)
print("said", sys.argv[-6])
sys.exit(5 if "repair" in sys.argv and os.environ.get("FAILS") else 0)
"""
    (tmp_path / "podman").write_text(script)
    (tmp_path / "podman").chmod(0o755)
    return {**os.environ, "PATH": str(tmp_path), "CUDA_VERSION": "12.9"}


def run(plan_: Plan, root: Path, env: dict[str, str]) -> tuple[list[str], list[list[str]]]:
    lines: list[str] = []
    ended = contained.run(
        plan_, plan_.cells, root, root / "out", env, engine="podman", options=["--network", "host"],
        tell=lambda progress: lines.append(progress.state),
    )  # fmt: skip
    assert [end.state for end in ended] == lines[-1:]
    calls = [json.loads(line) for line in (root / "calls").read_text().splitlines()]
    return lines, calls


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", ["truewheel compile", "truewheel repair", "truewheel validate"]),
        (
            "scripts: ci",
            [
                "python ci/compile_wheel.py",
                "python ci/repair_wheel.py",
                "python ci/validate_wheels.py",
            ],
        ),
    ],
)
def test_a_cell_runs_the_commands_of_its_job(more: str, expected: list[str]):
    plan_ = plan(more)
    commands = contained.commands(plan_, plan_.cells[:1], Path("/out"))
    assert [" ".join(argv[:2]) for _, argv in commands] == expected
    assert [name for name, _ in commands] == ["compile", "repair", "validate"]
    for _, argv in commands:
        assert argv[-4:] == ["--plan", "/out/plan.json", "--out", "/out"]
        assert argv[argv.index("--cell") + 1] == "foo/rhel8/x86_64/cp312"


def test_every_command_runs_in_the_image_with_the_plans_variables(
    podman: dict[str, str], tmp_path: Path
):
    lines, (_, *calls) = run(plan(), tmp_path, podman)
    assert lines == ["compile", "repair", "validate", "built"]
    for words in calls:
        assert words[:2] == ["run", "--rm"]
        assert words[words.index("r.example/el8:1") + 1] == "truewheel"
        assert "CI_PIPELINE_ID=7" in words
        assert not any(word.startswith("CUDA_VERSION") for word in words), "the image has it"
        assert words[words.index("--network") + 1] == "host"
        assert f"{tmp_path}:{tmp_path}" in words


def test_wheels_are_loaded_in_the_image_of_their_target_all_at_once(
    podman: dict[str, str], tmp_path: Path
):
    plan_ = plan()
    contained.test(
        plan_, plan_.cells, tmp_path, tmp_path / "out", podman, engine="podman", options=[]
    )
    calls = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    (words,) = [words for words in calls if "inspect" not in words]
    inside = words[words.index("r.example/el8:1") + 1 :]
    assert inside[:2] == ["truewheel", "test"]
    assert inside[inside.index("--cell") + 1].split(",") == [cell.id for cell in plan_.cells]


def test_a_command_that_fails_ends_the_cell_and_its_output_is_kept(
    podman: dict[str, str], tmp_path: Path
):
    lines, calls = run(plan(), tmp_path, {**podman, "FAILS": "1"})
    assert lines == ["compile", "repair", "failed"]
    assert len(calls) == 3, "the image is looked at, and two commands run in it"
    (log,) = tmp_path.glob("build/*/log.txt")
    assert log.read_text().count("said") == 2
    run(plan(), tmp_path, podman)
    assert log.read_text().count("said") == 3, "the log of one run"


def test_a_secret_is_in_the_engines_environment_and_not_among_its_words(
    podman: dict[str, str], tmp_path: Path
):
    """Every user of a machine can read the words of a command."""
    plan_ = plan("variables: {SIGNS: {scope: secret}, EMPTY: {scope: secret}}")
    plan_ = replace(plan_, packages={"foo": replace(plan_.packages["foo"], secrets=("A_TOKEN",))})
    secret_file = tmp_path / "seen"
    script = (tmp_path / "podman").read_text()
    script = script.replace(
        'print("said"',
        f"open({str(secret_file)!r}, 'a').write(os.environ['SIGNS'] + '\\n')\nprint(\"said\"",
    )
    (tmp_path / "podman").write_text(script)
    _, (_, *calls) = run(
        plan_,
        tmp_path,
        {**podman, "SIGNS": "s3cret", "A_TOKEN": "t0ken", "EMPTY": "", "B_TOKEN": "0ther"},
    )
    for words in calls:
        assert [words[at + 1] for at, word in enumerate(words) if word == "--env"][-2:] == [
            "SIGNS",
            "A_TOKEN",
        ]
        assert not [
            word
            for word in words
            if any(value in word for value in ("s3cret", "t0ken", "0ther", "EMPTY"))
        ]
    assert secret_file.read_text() == "s3cret\n" * 3


@pytest.mark.parametrize(
    ("built", "expected"), [("1", [f"TRUEWHEEL_IMAGE_DIGEST={DIGEST}"]), ("", [])]
)
def test_a_command_is_told_which_image_it_is_in(
    podman: dict[str, str], tmp_path: Path, built: str, expected: list[str]
):
    _, calls = run(plan(), tmp_path, {**podman, "BUILT": built})
    assert "TRUEWHEEL_IMAGE=r.example/el8:1" in calls[-1]
    assert [word for word in calls[-1] if word.startswith("TRUEWHEEL_IMAGE_DIGEST")] == expected
