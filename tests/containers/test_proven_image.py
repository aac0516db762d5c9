"""An image after the proof, made for real.

The proven wheel runs in it, and a changed one never gets in.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from boxes import inside, reach, run, truewheel

VENV = "/opt/venv-triton"
CONTAINER = ("container", "--target", "debian12", "--stage")
WHEEL = "tritonserver-2.69.0.dev0+cu132-cp311-cp311-manylinux_2_36_x86_64.whl"
SAYS = "import tritonserver, sys; print(sys.prefix, tritonserver.__file__)"


@pytest.mark.parametrize("stage", ["server", pytest.param("qa", marks=pytest.mark.seldom)])
def test_an_image_has_the_proven_wheel_in_its_environment(
    project: Path, built: str, secret: Path, stage: str
):
    image = truewheel(project, *CONTAINER, stage, "--secret", f"pip={secret}").strip()
    assert f"/{stage}/debian12-x86_64:" in image
    output = inside(image, "python", "-c", SAYS)
    assert output.stdout.split()[0] == VENV, output.stderr
    assert output.stdout.split()[1].startswith(f"{VENV}/lib/python3.11/site-packages/tritonserver/")
    assert inside(image, "/usr/bin/python3", "-c", "import tritonserver").returncode != 0
    assert (
        inside(image, "find", "/", "-xdev", "-name", "*.whl", "-path", "*triton*").stdout == ""
    ), "no layer has it"
    proof = json.loads((project / "dist/evidence.json").read_text(encoding="utf-8"))
    (sha256,) = [wheel["sha256"] for wheel in proof["wheels"]]
    sums = inside(image, "cat", f"{VENV}/{stage}-wheels.txt").stdout
    assert sums == f"/run/wheels/{WHEEL} --hash=sha256:{sha256}\n"
    has_compiler = inside(image, "which", "g++").returncode == 0
    assert has_compiler is (stage == "qa")


def test_a_wheel_that_was_changed_after_the_proof_is_refused(project: Path, built: str):
    wheel = project / "dist" / WHEEL
    before = wheel.read_bytes()
    try:
        wheel.write_bytes(before + b"x")
        refused = run(project / "gen_ci.py", *CONTAINER, "server", cwd=project)
    finally:
        wheel.write_bytes(before)
    assert refused.returncode == 4
    assert f"dist/{WHEEL}: was changed after it was proven" in refused.stderr


@pytest.mark.seldom
def test_the_build_itself_refuses_a_changed_wheel(
    project: Path, built: str, secret: Path, tmp_path: Path
):
    """Between the look at it and the build, somebody changes the wheel in the context."""
    wheel = project / "build/container/debian12-x86_64-late/wheels" / WHEEL
    engine = tmp_path / "buildah"
    # The wheel in the context may be the very file of dist, which stays as it was proven.
    engine.write_text(
        f"#!/bin/sh\ncp {wheel} {tmp_path}/w && echo x >> {tmp_path}/w\n"
        f"mv {tmp_path}/w {wheel}\n"
        f'exec {shutil.which("buildah")} "$@"\n'
    )
    engine.chmod(0o755)
    words = [*CONTAINER, "late", "--secret", f"pip={secret}", "--", *reach()]
    done = run(
        project / "gen_ci.py", *words, cwd=project, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    )
    assert done.returncode == 4
    assert "DO NOT MATCH THE HASHES" in done.stdout + done.stderr
    assert run(project / "gen_ci.py", "prove", "dist", cwd=project).returncode == 0
