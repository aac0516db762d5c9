"""Specs for the tests of commands, and the command line as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paths import ROOT
from specs import SMALL

COLLIDING = (
    "truewheel: 1\npackages: {foo: {version: {file: VERSION}}}\ntargets: {rhel8: {}, rocky8: {}}\n"
)


CUDA = SMALL + "naming: triton-2026.04\n"


KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "PYTHON", "PYTEST", "COV")


Run = Callable[..., tuple[int, str, str]]


def process(*argv: str | bytes, **options: Any) -> tuple[int, bytes, bytes]:
    """Run the front door as a process of its own."""
    command = [sys.executable, str(ROOT / "gen_ci.py"), *argv]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, **options)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


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


def shell(script: str, folder: Path, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """Run the front door as the words "$@" of a shell's script."""
    command = ["bash", "-c", script, "bash", sys.executable, str(ROOT / "gen_ci.py"), *argv]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)


COPIED = (
    "truewheel: 1\npackages: {foo: {version: {file: VERSION}}}\ntargets: {rhel8: {}}\n"
    "naming: triton-2026.04\n"
    "indexes: {internal: {}, pypi: {profile: pypi, channel: release}}\n"
)


PIPELINE_SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {}}
variables:
  KIND: {choices: [a, b]}
  NUMBER: {pattern: '[0-9]+'}
  PASSWORD: {scope: secret}
"""
