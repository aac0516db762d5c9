"""Compile a cell's wheel in an isolated environment, with the planned version and build tag already in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from truewheel import explain, files, interpreters, process, wheelfile
from truewheel.model import Cell, Package, Plan
from truewheel.naming import normalized
from truewheel.policy import from_data
from truewheel.problems import Exit, Problem, Stop, Where, stop
from truewheel.rewrite import rewrite
from truewheel.steps import evidence
from truewheel.steps.image import compare_image
from truewheel.wheelfile import WheelName

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from build import ProjectBuilder

INPUTS = "inputs.json"
GIT_SECONDS = 30.0
START_OF_2020 = "1577836800"
DYNAMIC_HINT = "set packages.<name>.version.inject to file or to env:NAME, whichever the build reads"


@dataclass(frozen=True)
class Workshop:
    """With what a cell is compiled: its interpreter, and the environment variables of the backend."""

    cell: Cell
    root: Path
    python: Path
    env: Mapping[str, str]


def compile_wheel(plan: Plan, cell: Cell, root: Path, env: Mapping[str, str]) -> Path:
    """Compile a cell's wheel from a fresh copy of its sources; return it, in `build/<cell>/wheel/`.

    Its name is the planned one, but for a platform that is still `linux_<arch>`. Raises `Stop` (exit 4) when the
    image is not the planned one, the build fails or makes another wheel; (exit 2) when the package cannot be built.
    """
    process.say(told_name(plan, cell))
    compare_image(plan, cell, env)
    root = root.absolute()
    package, work = plan.packages[cell.package], evidence.work_folder(root, cell.id)
    python = interpreters.require(cell.builder, env, cell.id)
    inputs = {"inputs": evidence.inputs_digest(plan, cell, root, python), "python": interpreters.version(python)}
    source, making, finished = (evidence.fresh_folder(work / name) for name in ("source", "made", "wheel"))
    copy_sources(evidence.source_files(package, root), source)
    carried = inject_version(package, cell.version, source)
    dated = {**env, "SOURCE_DATE_EPOCH": source_date_epoch(root, env)}
    workshop = Workshop(cell, root, python, {**dated, **carried})
    made = _named(_build(workshop, source / package.path, making), workshop)
    check_name(made, cell)
    files.write_text(work / INPUTS, json.dumps(inputs) + "\n")
    files.move(made, finished / made.name)
    process.say(f"compile {cell.id}: {made.name}")
    return finished / made.name


def told_name(plan: Plan, cell: Cell) -> str:
    """Return the lines that say where each part of the wheel's name comes from, so that a lost variable is seen."""
    return "\n".join([cell.wheel, *explain.lines(explain.explain(cell, from_data(plan.policy)))])


def copy_sources(sources: Iterable[evidence.Source], folder: Path) -> None:
    """Copy source files to their places below a folder. Rights are made alike, as wheels record them."""
    for source in sources:
        copy = folder / source.name
        with files.explained(copy, "copied"):
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.link:
                copy.symlink_to(source.link)
            else:
                shutil.copy2(source.file, copy)
                copy.chmod(0o755 if copy.stat().st_mode & evidence.EXECUTABLE else 0o644)


def inject_version(package: Package, version: str, source: Path) -> dict[str, str]:
    """Put the version into the copied sources; return the variables that carry it instead.

    Raises `Stop` (exit 2) when the package has no place for it.
    """
    kind, _, variable = package.inject.partition(":")
    if kind == "env":
        return {variable: version}
    if kind == "file" and not package.version_file:
        hint = f"name it in packages.{package.name}.version.file"
        raise stop(f"packages.{package.name}.version", "inject is file, but there is no version file", hint)
    if kind == "file":
        files.write_text(source / package.version_file, version + "\n")
        return {}
    pyproject = source / package.path / "pyproject.toml"
    where = (Path(package.path) / "pyproject.toml").as_posix()
    text = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    files.write_text(pyproject, with_version(text, version, where))
    return {}


def with_version(text: str, version: str, where: str) -> str:
    """Return the text of a pyproject.toml with `[project] version` replaced; nothing else may change.

    Raises `Stop` (exit 2) when there is no such line, or the text is no TOML; `where` names the file.
    """
    data = _toml(text, where)
    project = data.get("project")
    project = project if isinstance(project, dict) else {}
    if project.get("version") == version:
        return text
    if "version" not in project:
        raise stop(where, "there is no version in [project]: it is dynamic or missing", DYNAMIC_HINT)
    table = re.search(r"(?ms)^[ \t]*\[[ \t]*project[ \t]*\].*?(?=^[ \t]*\[|\Z)", text)
    line = re.search(r"(?m)^[ \t]*version[ \t]*=[ \t]*(?P<value>\"[^\"\n]*\"|'[^'\n]*')", table[0]) if table else None
    if table and line:
        start = table.start() + line.start("value")
        edited = f'{text[:start]}"{version}"{text[start + len(line["value"]) :]}'
        if _is_toml_of(edited, {**data, "project": {**project, "version": version}}):
            return edited
    raise stop(where, "the version cannot be replaced", 'write it as one line in [project]: version = "1.0"')


def _is_toml_of(text: str, data: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == data
    except tomllib.TOMLDecodeError:
        return False


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise stop(where, f"not TOML: {error}", "correct the file") from None


def source_date_epoch(root: Path, env: Mapping[str, str]) -> str:
    """Return the time, in seconds, that goes into archives: the environment's, the last commit's, or fixed."""
    if env.get("SOURCE_DATE_EPOCH"):
        return env["SOURCE_DATE_EPOCH"]
    committed = process.output(["git", "log", "-1", "--format=%ct"], cwd=root, env=env, timeout=GIT_SECONDS)
    return (committed or "").strip() or START_OF_2020


def _build(workshop: Workshop, project: Path, folder: Path) -> Path:
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

    own = build_environment(workshop, sorted(requires))

    def runner(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        hook_env = {**interpreters.activated(workshop.env, own), **(extra_environ or {})}
        status = process.run(cmd, cwd=Path(cwd or project), env=hook_env)
        if status:
            raise subprocess.CalledProcessError(status, cmd)

    return ProjectBuilder(project, str(own), runner)


def build_environment(workshop: Workshop, requires: Sequence[str]) -> Path:
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


def _named(made: Path, workshop: Workshop) -> Path:
    """Give the wheel the project's name and the build tag that are planned: before repair, whose SBOM has its name."""
    cell = workshop.cell
    wheels = sorted(made.parent.glob("*.whl"))
    if wheels != [made]:
        left = ", ".join(wheel.name for wheel in wheels)
        raise stop(cell.id, f"the build backend left {left or 'no wheel'}", "one wheel was expected", Exit.WHEEL)
    with wheelfile.open_wheel(made) as wheel:
        name = wheel.name
    planned = wheelfile.parse_name(cell.wheel)
    is_own = name.distribution == normalized(cell.package)
    distribution = planned.distribution if is_own else name.distribution
    wanted = replace(name, distribution=distribution, build=planned.build or name.build).unlabelled
    if made.name in {wanted, planned.unlabelled, cell.wheel}:
        return made
    project = distribution.replace("_", "-") if distribution != name.distribution else ""
    return rewrite(made, evidence.fresh_folder(made.parent / "named"), wanted, project=project)


def check_name(made: Path, cell: Cell) -> None:
    """Compare a wheel's name with the planned one; only its platform may still be `linux_<arch>`.

    Raises `Stop` (exit 4) with every part that differs.
    """
    with wheelfile.open_wheel(made) as wheel:
        name, pure = wheel.name, wheel.wheel.first("Root-Is-Purelib").lower() == "true"
    hints = _hints(name, cell, pure)
    planned = wheelfile.parse_name(cell.wheel)
    platform = planned.platform if name.platform == f"linux_{cell.arch}" else name.platform
    parts = {
        "distribution": (name.distribution, planned.distribution),
        "version": (name.version, planned.version),
        "build tag": (name.build, planned.build),
        "python tag": (name.python, planned.python),
        "abi tag": (name.abi, planned.abi),
        "platform tag": (platform, planned.platform),
    }
    problems = [
        Problem(Where(cell.id), f"{part} {made_one or 'absent'}, planned {planned_one or 'absent'}", hints[part])
        for part, (made_one, planned_one) in parts.items()
        if made_one != planned_one
    ]
    if problems:
        raise Stop(problems, Exit.WHEEL)


def _hints(name: WheelName, cell: Cell, pure: bool) -> dict[str, str]:
    """Return what to do about each part of a wheel's name when it is not the planned one."""
    package = f"packages.{cell.package}"
    tags = f"{package}.abi is not what the build makes"
    if pure and cell.python != interpreters.ANY:
        tags = (
            "the wheel declares itself pure (Root-Is-Purelib: true): give setup() ext_modules, "
            "or a Distribution with has_ext_modules() true"
        )
    version = f"the backend did not take the version: see {package}.version.inject"
    if Version(name.version) == Version(cell.version):
        version = "the backend does not normalise versions (PEP 440): another backend does"
    return {
        "distribution": f"the spec calls the package {cell.package}: does its pyproject.toml?",
        "version": version,
        "build tag": "leave the build tag to the plan",
        "python tag": tags,
        "abi tag": tags,
        "platform tag": "let the backend leave the platform at linux_<arch>: repair decides it",
    }
