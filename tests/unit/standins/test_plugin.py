"""The stand-in as a pytest plugin of other projects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

PAGE = ROOT / "tests/standins/README.md"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A project of others, which loads the plugin."""
    return tmp_path


UNUSED = """
import sys

def test_unused():
    assert "standins.plugin" in sys.modules
    ours = [name for name in sys.modules if name.startswith(("truewheel", "standins"))]
    assert sorted(ours) == ["standins", "standins.plugin"]
"""
USED = """
from urllib.request import urlopen, Request

def test_used(gitlab_standin):
    token = gitlab_standin.token("bot").value
    asked = Request(gitlab_standin.url + "/api/v4/user", headers={"PRIVATE-TOKEN": token})
    with urlopen(asked) as answer:
        assert b"bot" in answer.read()
    assert [str(each) for each in gitlab_standin.requests] == ["GET /user"]
"""


def run(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": "", "PY_COLORS": "0"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-p",
        "standins.plugin",
        "-W",
        "error",
        "-p",
        "no:hypothesispytest",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_others_have_the_fixture_and_pay_nothing_when_they_do_not_use_it(elsewhere):
    output = run(elsewhere, a_unused=UNUSED, b_used=USED)
    assert "test_unused PASSED" in output, output
    assert "test_used PASSED" in output, output


def test_the_examples_of_the_documentation_work(elsewhere):
    pytest.importorskip("gitlab", reason="python-gitlab is not installed")
    pytest.importorskip("github", reason="PyGithub is not installed")
    gitlab, github = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    output = run(elsewhere, a_gitlab=gitlab, b_github=github)
    assert "test_a_lost_reply PASSED" in output, output
    assert "test_a_flaky_run PASSED" in output, output
    assert "FAILED" not in output, output


def test_public_names():
    import standins as public

    assert [name for name in public.__all__ if not hasattr(public, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        public.Nothing  # noqa: B018
