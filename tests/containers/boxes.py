"""Running engines and this checkout's commands in the tests of real images."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "containers"
BASE = "localhost/truewheel/base:bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


# podman within a container of the CI: no network, limits or cgroups of its own, and crun does not
# start there.
PODMAN = """\
[containers]
netns = "host"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def environment(**more: str) -> dict[str, str]:
    """What engines need here: chroot isolation works in a container of the CI, too."""
    hidden = {"CUDA_VERSION", "CI_PIPELINE_ID", "VIRTUAL_ENV"}
    kept_variables = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept_variables, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "overlay", **more}


def podman(folder: Path) -> dict[str, str]:
    """The environment in which podman runs here, with its configuration in a folder."""
    file = folder / "containers.conf"
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    file.write_text(PODMAN + runtime, encoding="utf-8")
    return environment(CONTAINERS_CONF=str(file))


def run(
    *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    words = list(map(str, argv))
    done = {**environment(), **(env or {})}
    return subprocess.run(
        words, cwd=cwd, env=done, check=False, capture_output=True, text=True, timeout=600
    )


def succeed(*argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> str:
    done = run(*argv, env=env, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def inside(image: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in an image."""
    name = succeed("buildah", "from", image).strip()
    try:
        return run("buildah", "run", name, "--", *command)
    finally:
        succeed("buildah", "rm", name)


def reach() -> list[str]:
    """The engine's options with which pip and apt in a build reach what this machine reaches."""
    mount = f"{CERTIFICATES}:{CERTIFICATES}:ro"
    return ["--network", "host", *(["--volume", mount] if CERTIFICATES.is_file() else [])]


def truewheel(project: Path, *argv: str, options: Sequence[str] = ()) -> str:
    return succeed(project / "gen_ci.py", *argv, "--", *reach(), *options, cwd=project)
