"""The isolated environment of a build: what the project requires, its compilers and their cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from truewheel.build import evidence
from truewheel.build.toolchain import Toolchain, behind_cache
from truewheel.plan.matrix import ANY
from truewheel.plan.model import Cell
from truewheel.system import files, interpreters, processes
from truewheel.wheel.filename import normalized


@dataclass(frozen=True)
class Workshop:
    """A cell's interpreter, environment variables, compilers and compiler cache."""

    cell: Cell
    root: Path
    python: Path
    env: Mapping[str, str]
    toolchain: Toolchain
    cache: str = ""


def build_environment(workshop: Workshop, requires: Sequence[str]) -> Path:
    """Return the interpreter of an environment with these requirements.

    Packages with equal ones share it.
    """
    where, env = workshop.cell.id, workshop.env
    sysconfig = workshop.toolchain.sysconfig
    digest = hashlib.sha256(
        json.dumps([str(workshop.python), *requires, sysconfig]).encode()
    ).hexdigest()
    environments = files.subfolder(workshop.root, evidence.WORK, "env")
    folder = files.subfolder(environments, f"{workshop.cell.builder}-{digest[:16]}")
    environment_python, complete = folder / "bin" / "python", folder / "complete"
    with _locked(folder.with_suffix(".lock")):
        if not (complete.exists() and environment_python.exists()):
            processes.say(
                f"compile {where}: build environment with {' '.join(requires) or 'no requirements'}"
            )
            interpreters.make_environment(workshop.python, folder, env, where)
            if requires:
                interpreters.install(environment_python, requires, env, where)
            if sysconfig:
                _tell_interpreter(environment_python, sysconfig)
            complete.touch()
    return environment_python


def _tell_interpreter(python: Path, sysconfig: str) -> None:
    """Let an environment's interpreter run a module at each start, even with -E or -I."""
    packages = _site_packages(python)
    (packages / "_truewheel_sysconfig.py").write_text(sysconfig, encoding="utf-8")
    (packages / "_truewheel_sysconfig.pth").write_text(
        "import _truewheel_sysconfig\n", encoding="utf-8"
    )


def installed(python: Path) -> dict[str, str]:
    """Return the distributions of an environment, by normalised name, with their versions."""
    distributions = metadata.distributions(path=[str(_site_packages(python))])
    return dict(
        sorted(
            (normalized(distribution.metadata["Name"]), distribution.version)
            for distribution in distributions
        )
    )


def _site_packages(python: Path) -> Path:
    [packages] = python.parents[1].glob("lib/python3*/site-packages")
    return packages


def environment(workshop: Workshop, python: Path) -> dict[str, str]:
    """Return the backend's environment variables.

    On PATH, the toolchain's programs come first, then those of the isolated environment.
    """
    env, tools = interpreters.activated(workshop.env, python), workshop.toolchain
    if tools.programs:
        env["PATH"] = f"{tools.programs}{os.pathsep}{env['PATH']}"
    return {**env, **tools.variables}


def cached(workshop: Workshop, backend: str = "") -> Workshop:
    """Return the workshop with its toolchain behind the compiler cache, where that is installed."""
    name, where = workshop.cache, workshop.cell.id
    if not name or workshop.cell.arch == ANY:
        return workshop
    if not processes.which(name, workshop.env):
        processes.say(
            f"compile {where}: WARNING: the compiler_cache {name} is not installed: built "
            "without it"
        )
        return workshop
    return replace(
        workshop,
        toolchain=behind_cache(workshop.toolchain, name, backend, workshop.root, workshop.env),
    )


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however that ends."""
    if file.is_symlink():
        files.remove(file)
    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
