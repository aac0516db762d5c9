"""The stand-in as a pytest plugin of other projects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/standin.md"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another project, in whose environment this package is installed: its entry points are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = tmp_path / "site/truewheel_here-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: truewheel-here\nVersion: 1\n")
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["pytest11"].items()]
    (installed / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]))
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def run(folder: Path, *argv: str) -> str:
    path = os.pathsep.join([str(folder.parent / "site"), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": "", "PY_COLORS": "0"}
    command = [sys.executable, *argv]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_the_fixture_is_there_for_others(elsewhere):
    (elsewhere / "test_it.py").write_text(
        "from urllib.request import urlopen, Request\n"
        "def test_it(gitlab_standin):\n"
        "    token = gitlab_standin.token('bot').value\n"
        "    asked = Request(gitlab_standin.url + '/api/v4/user', headers={'PRIVATE-TOKEN': token})\n"
        "    with urlopen(asked) as answer:\n"
        "        assert b'bot' in answer.read()\n"
        "    assert [str(each) for each in gitlab_standin.requests] == ['GET /user']\n"
    )
    assert "1 passed" in run(elsewhere, "-m", "pytest", "-q", "-W", "error")


def test_the_example_of_the_documentation_works(elsewhere):
    pytest.importorskip("gitlab", reason="python-gitlab is not installed")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (elsewhere / "test_it.py").write_text(example)
    said = run(elsewhere, "-m", "pytest", "-q", "-W", "error")
    assert re.search(r"\d+ passed", said), said
    assert "failed" not in said, said


def test_a_run_that_does_not_use_it_does_not_import_it(elsewhere):
    (elsewhere / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert 'truewheel.standin.plugin' in sys.modules\n"
        "    ours = [name for name in sys.modules if name.startswith('truewheel')]\n"
        "    assert sorted(ours) == ['truewheel', 'truewheel.standin', 'truewheel.standin.plugin']\n"
    )
    assert "1 passed" in run(elsewhere, "-m", "pytest", "-q")


def test_public_names():
    import truewheel.standin as public

    assert [name for name in public.__all__ if not hasattr(public, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        public.Nothing  # noqa: B018
