"""The script that installs Truewheel in images: without Python, or with the /opt/python layout."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import strangers
from boxes import ROOT, reach, run, succeed

SPEC = """\
truewheel: 1
packages: {{foo: {{version: {{file: VERSION}}}}}}
targets: {{one: {{floor: manylinux_2_28}}}}
tool: {{file: ci/{name}, sha256: '{sha256}'}}
"""
COMMANDS = """\
. pipelines/install_truewheel.sh
truewheel check
readlink -f .truewheel/venv/bin/python
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the wheel of this checkout, and what is generated for it."""
    pytest.importorskip("setuptools")
    (tmp_path / "wheel").mkdir()
    wheel = strangers.build_wheel(tmp_path / "wheel")
    folder = tmp_path / "repository"
    (folder / "ci").mkdir(parents=True)
    wheel.rename(folder / "ci" / wheel.name)
    content = (folder / "ci" / wheel.name).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / "truewheel.yml").write_text(SPEC.format(name=wheel.name, sha256=sha256))
    (folder / "VERSION").write_text("1.0\n")
    succeed(sys.executable, ROOT / "gen_ci.py", "generate", cwd=folder)
    return folder


def install(image: str, folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Source the script in an image, in the shell that it has, and check what is generated."""
    name = succeed("buildah", "from", image).strip()
    mounts = [*reach(), "--volume", f"{folder}:/repository", "--workingdir", "/repository"]
    try:
        return run("buildah", "run", *mounts, name, "--", "sh", "-ec", before + COMMANDS)
    finally:
        succeed("buildah", "rm", name)


BARE = "apt-get -qq purge -y 'python3*' >/dev/null\n! command -v python3\n"


@pytest.mark.parametrize("before", ["", BARE], ids=["without venv", "without Python"])
def test_a_bare_debian_gets_a_python_by_apt(base: str, repository: Path, before: str):
    done = install(base, repository, before)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installing one" in done.stderr
    assert "files as generated" in done.stdout


def test_a_python_below_opt_is_taken(base: str, repository: Path):
    before = """\
apt-get -qq update && apt-get -qq install -y --no-install-recommends python3-venv >/dev/null
mkdir -p /opt/python/cp311-cp311/bin
mv /usr/bin/python3.11 /opt/python/cp311-cp311/bin/python && rm -f /usr/bin/python3
"""
    done = install(base, repository, before)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "installing one" not in done.stderr
    assert done.stdout.endswith("/opt/python/cp311-cp311/bin/python\n")


def test_the_shell_and_programs_of_busybox_suffice(base: str, repository: Path):
    names = "sh cat sha256sum sed id mkdir rm dirname readlink ls"
    before = f"""\
apt-get -qq update && apt-get -qq install -y --no-install-recommends busybox python3-venv >/dev/null
mkdir /box && for name in {names}; do ln -s /bin/busybox "/box/$name"; done
PATH=/box:/usr/bin exec busybox sh -ec '{COMMANDS}'
"""
    done = install(base, repository, before)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not found" not in done.stderr
    assert "files as generated" in done.stdout
