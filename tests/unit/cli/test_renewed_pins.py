"""check, lock and generate after a program such as Dependabot renewed pins in generated files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from specs import project

from truewheel.cli import main
from truewheel.forges.github.actions import PINS

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {base: 'registry.example/el:8'}}
gitlab: {}
setup: [. ci/setup.sh]
github: {}
"""
OLD_DIGEST, DIGEST = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"
LOCK = f"images: {{'registry.example/el:8': '{OLD_DIGEST}'}}\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OURS = PINS["actions/checkout"]
WORKFLOWS = (".github/workflows/wheels.yml", ".github/workflows/wheels-rhel8-x86_64.yml")
LINE = f": actions/checkout {OURS.tag} {OURS.commit[:12]} -> v99.0.0 {COMMIT[:12]}\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def truewheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in a project whose files are as generated."""

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return (code, *capsys.readouterr())

    project(tmp_path, SPEC, {"truewheel.lock": LOCK})
    monkeypatch.chdir(tmp_path)
    assert run("generate")[0] == 0
    return run


def replace(old: str, new: str) -> None:
    for path in (*Path(".github/workflows").glob("*.yml"), *Path("pipelines").glob("*.yml")):
        path.write_text(path.read_text().replace(old, new))


def renew_checkout() -> None:
    replace(f"checkout@{OURS.commit}' # {OURS.tag}", f"checkout@{COMMIT}' # v99.0.0")


def contents() -> dict[Path, bytes]:
    folders = (Path("pipelines"), Path(".github/workflows"))
    return {path: path.read_bytes() for folder in folders for path in folder.iterdir()}


def test_a_renewed_action_is_accepted_and_taken_over(truewheel: Run):
    renew_checkout()
    renewed = contents()

    code, out, err = truewheel("check")
    assert code == 0, out
    assert all(f"{path}{LINE}" in out for path in WORKFLOWS)
    assert "files as generated, apart from these pins" in out
    assert "lock --from-files" in err

    code, out, _ = truewheel("lock", "--from-files", "--dry-run")
    assert (code, Path("truewheel.lock").read_text()) == (0, LOCK)
    assert "would write truewheel.lock" in out
    code, out, _ = truewheel("lock", "--from-files")
    assert code == 0
    assert f"{WORKFLOWS[0]}{LINE}" in out
    assert f"actions/checkout: '{COMMIT} v99.0.0'" in Path("truewheel.lock").read_text()
    assert truewheel("lock", "--from-files")[1] == "truewheel.lock: unchanged\n"

    code, out, err = truewheel("generate")
    assert (code, err) == (0, "")
    assert contents() == renewed
    assert "->" not in truewheel("check")[1]


def test_a_renewed_digest_is_accepted_and_taken_over(truewheel: Run):
    replace(OLD_DIGEST, DIGEST)
    code, out, _ = truewheel("check")
    assert code == 0, out
    assert f"pipelines/rhel8-x86_64.yml: registry.example/el:8 {OLD_DIGEST} -> {DIGEST}" in out
    assert truewheel("lock", "--from-files")[0] == 0
    assert f"registry.example/el:8: '{DIGEST}'" in Path("truewheel.lock").read_text()
    assert truewheel("check")[1].endswith("files as generated\n")


def test_what_else_differs_is_still_a_difference(truewheel: Run):
    renew_checkout()
    replace("timeout-minutes: 360", "timeout-minutes: 361")
    code, out, err = truewheel("check")
    assert code == 3
    assert f"{WORKFLOWS[0]}{LINE}" in out
    assert f"modified  {WORKFLOWS[1]}" in out
    assert "-    timeout-minutes: 361" in out
    assert f"checkout@{OURS.commit}" not in out
    assert "Traceback" not in err


def test_an_older_action_is_a_difference(truewheel: Run):
    replace(f"checkout@{OURS.commit}' # {OURS.tag}", f"checkout@{COMMIT}' # v1.0.0")
    code, out, _ = truewheel("check")
    assert code == 3
    assert "->" not in out
    assert truewheel("lock", "--from-files")[1] == "truewheel.lock: unchanged\n"


def test_generate_says_which_pins_it_replaces(truewheel: Run):
    renew_checkout()
    for options in (("--dry-run",), ()):
        code, _, err = truewheel("generate", *options)
        assert code == 0
        assert f"warning: {WORKFLOWS[0]}: actions/checkout v99.0.0 {COMMIT[:12]}" in err
        assert "lock --from-files" in err
    assert "->" not in truewheel("check")[1]


def test_programs_get_the_pins_too(truewheel: Run):
    assert json.loads(truewheel("check", "--json")[1]) == {"files": [], "pins": []}
    renew_checkout()
    code, out, _ = truewheel("check", "--json", "--forge", "github")
    data = json.loads(out)
    assert (code, data["files"]) == (0, [])
    assert data["pins"][0]["name"] == "actions/checkout"
    assert data["pins"][0]["theirs"] == f"v99.0.0 {COMMIT[:12]}"
    assert truewheel("check", "--forge", "gitlab")[1].endswith("files as generated\n")
