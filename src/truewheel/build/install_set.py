"""A wheel of a set is installed, with those that it requires of the same set, away from the index.

An index may hold the same version of a sibling with other bytes, so every wheel of the set that
fits is a constraint with the path of a copy: whatever requires it gets that file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from truewheel.build import evidence
from truewheel.plan import matrix
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, interpreters, pip_settings, processes
from truewheel.wheel import filename, reader

SECONDS = 1800.0
"""How long an installation may take: its requirements may be large, or compiled."""
CHECK_SECONDS = 300.0
TAIL_LINES = 12
OLDEST_FOR_PIP = 10
"""Minor version of the oldest Python that the pip of today runs on (26.1 and newer)."""
QUIET = ("--quiet", "--no-progress", "--color", "never")


class Copied(NamedTuple):
    """A copy of a wheel, under a name that installers know, and its sha256 in hex."""

    path: Path
    sha256: str


def fits(plan: Plan, cell: Cell, python: str) -> bool:
    """Return whether a cell's wheel is for the interpreter with this tag."""
    if python == matrix.PURE:
        return cell.python == python
    abi = plan.packages[cell.package].abi
    if abi in matrix.STABLE_ABIS and cell.python != matrix.PURE:
        return matrix.has_abi(python, abi) and matrix.minor(python) >= matrix.minor(cell.python)
    return cell.python in {matrix.PURE, python}


def siblings(plan: Plan, cell: Cell, python: str) -> Iterator[Cell]:
    """Yield the cells of other packages whose wheels go with a cell's on an interpreter.

    They are of the same target and architecture, or for any. A wheel for any target goes with those
    that this machine can install.
    """
    for other in plan.cells:
        same_place = (other.target, other.arch) == (cell.target, cell.arch)
        anywhere = other.target == matrix.ANY or (cell.target == matrix.ANY and runs_here(other))
        if other.package != cell.package and (same_place or anywhere) and fits(plan, other, python):
            yield other


def runs_here(cell: Cell) -> bool:
    """Return whether this machine can install what has the platform of a cell."""
    names = (candidate.wheel for candidate in cell.possible())
    platforms = {tag for name in names for tag in filename.parse_name(name).platform.split(".")}
    return bool(platforms & _platforms())


@lru_cache(maxsize=1)
def _platforms() -> frozenset[str]:
    from packaging.tags import platform_tags

    return frozenset({"any", *platform_tags()})


def copy_wheel(wheel: Path, folder: Path) -> Copied:
    """Copy a wheel, without its variant label (PEP 817), which most installers do not know.

    Code that is loaded could change the file that is installed from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / filename.parse_name(wheel.name).unlabelled
    with files.explained(wheel, "read"):
        shutil.copyfile(wheel, copy)
    return Copied(copy, files.sha256(copy))


def constraints(plan: Plan, cell: Cell, python: str, out: Path, folder: Path) -> Path:
    """Write the constraints file of a cell's siblings; return it.

    One whose wheel is not there is bound to its missing file: no index may stand in for it.
    """
    paths: dict[str, Path] = {}
    for sibling in siblings(plan, cell, python):
        wheel = out / evidence.settled(out, sibling).wheel
        name = filename.parse_name(wheel.name)
        project = name.distribution.replace("_", "-").lower()
        if wheel.is_file() and not paths.get(project, wheel.parent).is_file():
            paths[project] = copy_wheel(wheel, folder / "siblings").path
        else:
            paths.setdefault(project, folder / "missing in the set" / name.unlabelled)
    file = folder / "siblings.txt"
    lines = (f"{project} @ {path.absolute().as_uri()}\n" for project, path in paths.items())
    files.write_text(file, "".join(lines))
    return file


def make_environment(interpreter: Path, folder: Path, env: Mapping[str, str], where: str) -> Path:
    """Make a virtual environment and return its interpreter: with uv, else with venv.

    Raises `Stop` (exit 4) if that fails.
    """
    uv = find_uv()
    if uv is None:
        return interpreters.make_environment(interpreter, folder, env, where)
    files.remove(folder)
    argv = [uv, "venv", "--no-project", "--no-config", *QUIET, "--python", str(interpreter)]
    ended = _run([*argv, str(folder)], _plain(env), CHECK_SECONDS)
    if ended.status:
        return interpreters.make_environment(interpreter, folder, env, where)
    return folder / "bin" / "python"


def install(python: Path, wheel: Path, constraint: Path, env: Mapping[str, str], where: str) -> str:
    """Install a wheel and what it requires; return why that fails, or "".

    Raises `Stop` (exit 4) without an installer.
    """
    requires = _requirements(wheel)
    uv = find_uv()
    settings = _settings(_frozen(env)) if requires else {}
    variables = pip_settings.uv_variables(
        {name: value for name, value in settings.items() if name != pip_settings.CONSTRAINT}
    )
    if uv is None or variables is None:
        argv = [*processes.module("pip", where), "--python", str(python), "install", "--quiet"]
        argv += ["--disable-pip-version-check", "--no-warn-script-location"]
        argv += ["--constraint", str(constraint), "--", str(wheel)]
        variables = {}
    else:
        files_of_pip = settings.get(pip_settings.CONSTRAINT, "").split()
        argv = [uv, "pip", "install", *QUIET, "--python", str(python)]
        for file in (str(constraint), *files_of_pip):
            argv += ["--constraints", file]
        argv += [*([] if requires else ["--no-index"]), "--", str(wheel)]
    ended = _run(argv, {**variables, **interpreters.isolated(env)}, SECONDS)
    return f"it cannot be installed: {ended.text}" if ended.status else ""


def check_with_pip(python: Path, tag: str, wheel: Copied, where: str) -> str:
    """Return why pip would not take this very file for its name and version, or "".

    pip compares the file name with METADATA only where it looks for a name; uv always does.
    """
    if matrix.minor(tag) < OLDEST_FOR_PIP:
        return ""
    name = filename.parse_name(wheel.path.name)
    report = wheel.path.parent.with_name("pip.json")
    argv = [*processes.module("pip", where), "--python", str(python), "install", "--quiet"]
    argv += ["--dry-run", "--no-index", "--no-deps", "--ignore-installed", "--find-links"]
    argv += [str(wheel.path.parent), "--report", str(report), "--disable-pip-version-check"]
    argv += ["--", f"{name.distribution}=={name.version}"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    env["PIP_CONFIG_FILE"] = os.devnull
    ended = _run(argv, interpreters.isolated(env), CHECK_SECONDS)
    if ended.status:
        return f"pip does not take it: {ended.text}"
    try:
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"][0]
        taken = chosen["download_info"]["archive_info"]["hashes"]["sha256"]
    except (OSError, ValueError, LookupError, TypeError):
        return "pip does not say which file it would take"
    return "" if taken == wheel.sha256 else "pip would take another file for its name and version"


@lru_cache(maxsize=1)
def find_uv() -> str | None:
    """Return the uv that is installed beside this program, if it is."""
    if importlib.util.find_spec("uv") is None:
        return None
    from uv import find_uv_bin

    try:
        return os.fspath(find_uv_bin())
    except FileNotFoundError:
        return None


class _Ended(NamedTuple):
    """How an installer ended: its status, and the end of what it wrote."""

    status: int
    text: str


def _run(argv: Sequence[str], env: Mapping[str, str], seconds: float) -> _Ended:
    try:
        ended = processes.captured(argv, cwd=Path("/"), env=env, timeout=seconds)
    except (OSError, TimeoutError) as error:
        return _Ended(1, str(error))
    output = (ended.stderr + ended.stdout).decode("utf-8", "replace").strip()
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _Ended(ended.status, "; ".join(lines[-TAIL_LINES:]))


def _requirements(wheel: Path) -> bool:
    with reader.open_wheel(wheel) as opened:
        return bool(opened.metadata.all("Requires-Dist"))


def _plain(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without settings of uv that would choose another interpreter."""
    return {name: value for name, value in env.items() if not name.startswith("UV_")}


def _frozen(env: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "VIRTUAL_ENV")
    return frozenset(
        (name, value) for name, value in env.items() if name.startswith("PIP_") or name in names
    )


@lru_cache(maxsize=4)
def _settings(of_pip: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return pip's settings for what is installed, by its files and these variables."""
    argv = [*processes.module("pip", "pip"), "config", "list"]
    env = {"PATH": os.environ.get("PATH", os.defpath), **dict(of_pip)}
    ended = processes.captured(argv, cwd=Path("/"), env=env, timeout=CHECK_SECONDS)
    return pip_settings.parse(ended.stdout.decode("utf-8", "replace"))
