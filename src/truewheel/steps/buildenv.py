"""Run a project's PEP 517 backend in an isolated environment that holds what the project requires."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truewheel import interpreters, process
from truewheel.model import Cell
from truewheel.problems import Exit, stop
from truewheel.steps import evidence

if TYPE_CHECKING:
    from build import ProjectBuilder


@dataclass(frozen=True)
class Workshop:
    """With what a cell is compiled: its interpreter, and the environment variables of the backend."""

    cell: Cell
    root: Path
    python: Path
    env: Mapping[str, str]


def build_wheel(workshop: Workshop, project: Path, folder: Path) -> Path:
    """Run the project's PEP 517 backend and return the wheel that it leaves in `folder`."""
    cell_id = workshop.cell.id
    process.module("build", cell_id)
    import build

    try:
        requires = build.ProjectBuilder(project).build_system_requires
        backend = _backend(workshop, project, requires)
        if more := backend.get_requires_for_build("wheel") - requires:
            backend = _backend(workshop, project, requires | more)
        return Path(backend.build("wheel", folder))
    except build.BuildBackendException as error:
        raise stop(cell_id, f"the build backend failed: {error}", "its output is above", Exit.WHEEL) from None
    except build.BuildException as error:
        raise stop(cell_id, str(error), "correct the package's pyproject.toml") from None


def _backend(workshop: Workshop, project: Path, requires: Iterable[str]) -> ProjectBuilder:
    """Return the project's backend, ready to run in an environment with its requirements."""
    from build import ProjectBuilder

    own = _build_environment(workshop, sorted(requires))

    def runner(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        hook_env = {**interpreters.activated(workshop.env, own), **(extra_environ or {})}
        status = process.run(cmd, cwd=Path(cwd or project), env=hook_env)
        if status:
            raise subprocess.CalledProcessError(status, cmd)

    return ProjectBuilder(project, str(own), runner)


def _build_environment(workshop: Workshop, requires: Sequence[str]) -> Path:
    """Return the interpreter of an environment with these requirements; packages with equal ones share it."""
    where, env = workshop.cell.id, workshop.env
    digest = hashlib.sha256(json.dumps([str(workshop.python), *requires]).encode()).hexdigest()
    folder = workshop.root / evidence.WORK / "env" / f"{workshop.cell.builder}-{digest[:16]}"
    own, complete = folder / "bin" / "python", folder / "complete"
    with _locked(folder.with_suffix(".lock")):
        if not (complete.exists() and own.exists()):
            process.say(f"compile {where}: build environment with {' '.join(requires) or 'no requirements'}")
            interpreters.make_environment(workshop.python, folder, env, where)
            if requires:
                interpreters.install(own, requires, env, where)
            complete.touch()
    return own


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however that ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
