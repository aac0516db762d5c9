"""A wheel job runs in the image whose digest its container job passed on.

Docker and buildah are stood in for: that for docker notes which images jobs are started in, and
starts none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gitlab_ci_local import MARKS, RUNNER, commit
from registries import Registry, serving

ROOT = Path(__file__).parents[2]
SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {el8: {family: rhel, floor: manylinux_2_28, base: 'el8@sha256:%s'}}
arches: [x86_64]
images: {registry: '%s/g/p'}
setup: ['export no_proxy=127.0.0.1 CI_COMMIT_REF_PROTECTED=%s']  # for gitlab-ci-local no ref is
"""
PUSHED = "sha256:" + "5" * 64
SOMEBODYS = b'{"schemaVersion": 2}'
BUILDAH = f"""\
#!/bin/sh
[ "$2" != --digestfile ] || printf %s {PUSHED} > "$3"
"""
DOCKER = """\
#!/bin/sh
case $1 in create) echo id; printf '%s\\n' "$@" | grep /builder/ >> "$STARTED" ;; esac
exit 0
"""
JOBS = ("container:el8:x86_64", "wheel:foo:el8:x86_64:cp312")

pytestmark = MARKS


def program(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def images_of(folder: Path) -> list[str]:
    """Run the container job and the wheel job.

    Return the builder images in which jobs were started.
    """
    started = folder.parent / "started"
    started.unlink(missing_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CI", "GITLAB_"))
    }
    environment |= {
        "PATH": f"{folder.parent / 'bin'}:{environment['PATH']}",
        "STARTED": str(started),
    }
    options = [
        "--shell-isolation",
        "--no-artifacts-to-source",
        "--color=false",
        "--home",
        str(folder.parent / "home"),
    ]
    command = ["timeout", "-s", "KILL", "120", str(RUNNER), *options, *JOBS]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert started.is_file(), (
        done.stdout + done.stderr
    )  # the runner fails: a job that is not run has no artifacts
    return started.read_text(encoding="utf-8").split()


@pytest.mark.parametrize(("protected", "is_believed"), [("true", False), ("false", True)])
def test_a_wheel_job_runs_in_the_image_of_its_container_job(
    tmp_path: Path, protected: str, is_believed: bool
) -> None:
    project = tmp_path / "project"
    program(tmp_path / "bin/buildah", BUILDAH)
    program(tmp_path / "bin/docker", DOCKER)
    program(tmp_path / "bin/truewheel", f'#!/bin/sh\nexec {sys.executable} {ROOT}/gen_ci.py "$@"\n')
    with serving(Registry()) as registry:
        project.mkdir()
        (project / "truewheel.yml").write_text(
            SPEC % ("0" * 64, registry.host, protected), encoding="utf-8"
        )
        (project / "VERSION").write_text("1.0\n", encoding="utf-8")
        subprocess.run([sys.executable, ROOT / "gen_ci.py", "generate"], cwd=project, check=True)
        text = (project / "pipelines/el8-x86_64.yml").read_text(encoding="utf-8")
        (tag,) = {
            line.split("@")[0].rpartition(":")[2]
            for line in text.splitlines()
            if "/builder/" in line
        }
        digest = registry.keep("g/p/builder/el8-x86_64", tag, SOMEBODYS)
        commit(project)
        expected = digest if is_believed else PUSHED
        image = f"{registry.host}/g/p/builder/el8-x86_64:{tag}@{expected}"
        assert images_of(project) == [image]
