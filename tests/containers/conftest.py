"""Real images: a base that mmdebstrap makes, and our builder image on it, by buildah.

Made once, then cached.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from boxes import BASE, CACHE, CERTIFICATES, ROOT, run, succeed, truewheel
from checkout import copy_checkout

MISSING = [tool for tool in ("buildah", "mmdebstrap") if shutil.which(tool) is None]
REASON = "needs root" if os.geteuid() else ""
if MISSING:
    REASON = f"no {' and no '.join(MISSING)} here"

SPEC = """\
truewheel: 1
project: triton
packages:
  tritonserver:
    path: examples/tritonserver
    version: {file: examples/TRITON_VERSION}
    smoke: examples/tritonserver/smoke.py
    graft: [libtritonserver.so.*]
targets:
  debian12:
    family: debian
    base: 'localhost/truewheel/base:bookworm'
    pythons: ['3.11']
    provides: {CUDA_VERSION: '13.2.0'}
    container:
      stages:
        ci: {base: build, packages: [file]}
        runtime: {packages: [file]}
        server: {wheels: [tritonserver]}
        qa: {base: build, wheels: [tritonserver]}
        late: {base: build, wheels: [tritonserver]}
images: {registry: localhost/truewheel, tools: requirements/run.txt}
naming: triton-2026.04
scripts: scripts
"""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if REASON and item.path.is_relative_to(ROOT / "tests" / "containers"):
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def base() -> str:
    """A bare Debian 12 with its own pip; unpacking it again takes seconds."""
    if not run("buildah", "inspect", "--type", "image", BASE).returncode:
        return BASE
    archive = CACHE / "bookworm.tar"
    if not archive.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = archive.with_suffix(".part.tar")
        lean = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "locale", "man")]
        succeed(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            "--include=python3-pip",
            *lean,
            "bookworm",
            partial,
        )
        partial.rename(archive)
    name = succeed("buildah", "from", "scratch").strip()
    succeed("buildah", "add", "--quiet", name, archive, "/")
    succeed("buildah", "config", "--env", "CUDA_VERSION=13.2.0", name)
    succeed("buildah", "commit", "--quiet", "--rm", name, BASE)
    return BASE


@pytest.fixture(scope="session")
def project(base: str) -> Path:
    """This checkout's tools and examples, with a spec for the base.

    Build environments of an earlier run are kept.
    """
    folder = CACHE / "project"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "dist", ignore_errors=True)
    for name in ("src", "scripts", "schema", "examples", "requirements"):
        shutil.rmtree(folder / name, ignore_errors=True)
    copy_checkout(folder, "src", "scripts", "schema", "examples", "requirements")
    (folder / "truewheel.yml").write_text(SPEC, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pip's configuration for builds.

    What this machine's own says, and a password that nobody may find.
    """
    lines = [f"cert = {CERTIFICATES}"] if CERTIFICATES.is_file() else []
    index = run("python3", "-m", "pip", "config", "get", "global.index-url").stdout.strip()
    lines += [f"index-url = {index}"] if index.startswith("http") else []
    file = tmp_path_factory.mktemp("secret") / "pip.conf"
    file.write_text(
        "\n".join(["# the password is correct-horse", "[global]", *lines, ""]), encoding="utf-8"
    )
    return file


@pytest.fixture(scope="session")
def builder(project: Path, secret: Path) -> str:
    """The name of our builder image."""
    return truewheel(
        project, "container", "--target", "debian12", "--secret", f"pip={secret}"
    ).strip()


@pytest.fixture(scope="session")
def built(project: Path, builder: str) -> str:
    """The output of `run`, which builds, repairs and proves a wheel in our builder image."""
    options = ["--env", f"PIP_CERT={CERTIFICATES}"] if CERTIFICATES.is_file() else []
    return truewheel(project, "run", "--engine", "buildah", options=options)
