"""Truewheel's commands in this process: the start of an interpreter takes longer than most."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from truewheel.cli import main


def truewheel(
    folder: Path, *words: str, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a process with this environment would."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        mock.patch.dict(os.environ, dict(environment), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["gen_ci.py", *words])
        code = main()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
