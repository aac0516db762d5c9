"""Compile a cell's wheel by its PEP 517 backend, with the planned version and build tag."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.version import Version

from truewheel.build import evidence, toolchain
from truewheel.build.build_environment import (
    Workshop,
    build_environment,
    cached,
    environment,
    installed,
)
from truewheel.build.compile_steps import (
    AGAIN,
    INPUTS,
    compare_builds,
    copy_sources,
    explain_name,
    source_date_epoch,
    without_credentials,
)
from truewheel.build.job_image import compare_image
from truewheel.build.version_injection import inject_version, read_toml
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.plan.model import Cell, Package, Plan
from truewheel.system import files, interpreters, processes
from truewheel.wheel import filename, reader
from truewheel.wheel.filename import WheelName, normalized
from truewheel.wheel.rewrite import rewrite

if TYPE_CHECKING:
    from build import ProjectBuilder


class Built(NamedTuple):
    """A wheel that a backend has built, and the versions of the distributions that it used."""

    wheel: Path
    environment: Mapping[str, str]


def compile_wheel(
    plan: Plan, cell: Cell, root: Path, env: Mapping[str, str], *, twice: bool = False
) -> Path:
    """Compile a cell's wheel from a fresh copy of its sources; return it, in `build/<cell>/wheel/`.

    Its name is the planned one, but for a platform that is still `linux_<arch>`. `twice` builds it
    a second time, in another folder, says what differs, and leaves that for the evidence. Raises
    `Stop` (exit 4) when the image is not the planned one, the build fails or makes another wheel;
    (exit 2) when the package cannot be built.
    """
    root = root.absolute()
    package, work = plan.packages[cell.package], evidence.work_folder(root, cell.id)
    finished = evidence.fresh_folder(
        work / "wheel"
    )  # first of all: no earlier wheel outlives a failure
    processes.say(explain_name(plan, cell))
    compare_image(plan, cell, env)
    env = without_credentials(plan, cell.id, package.secrets, env)
    tools = toolchain.choose(plan.targets[cell.target], cell, work / "toolchain", env)
    python = interpreters.require(cell.builder, env, cell.id)
    inputs = evidence.inputs_digest(plan, cell, root, python)
    dated = {**env, "SOURCE_DATE_EPOCH": source_date_epoch(root, env)}
    workshop = Workshop(cell, root, python, dated, tools, plan.compiler_cache)
    wheel, environment = _made(package, workshop, work)
    rebuilt = (
        compare_builds(wheel, _made(package, workshop, work / AGAIN).wheel, cell) if twice else None
    )
    record = {
        "inputs": inputs,
        "python": interpreters.version(python),
        "compiler": toolchain.compiler(tools, env) if cell.python != interpreters.ANY else "",
        "environment": environment,
        "rebuilt": rebuilt,
    }
    files.write_text(work / INPUTS, json.dumps(record) + "\n")
    files.move(wheel, finished / wheel.name)
    processes.say(f"compile {cell.id}: {wheel.name}")
    return finished / wheel.name


def _made(package: Package, workshop: Workshop, work: Path) -> Built:
    """Return the wheel that is built in `work` from a copy of the sources, as planned."""
    cell = workshop.cell
    source, making = (evidence.fresh_folder(work / name) for name in ("source", "made"))
    copy_sources(evidence.source_files(package, workshop.root), source)
    carried = inject_version(package, cell.version, source)
    built = build_wheel(
        replace(workshop, env={**workshop.env, **carried}), source / package.path, making
    )
    wheel = _named(built.wheel, package, cell)
    check_name(wheel, cell)
    if workshop.toolchain.programs:
        toolchain.check_machine(wheel, cell)
    return built._replace(wheel=wheel)


def build_wheel(workshop: Workshop, project: Path, folder: Path) -> Built:
    """Run the project's PEP 517 backend and return the wheel that it leaves in `folder`."""
    cell_id = workshop.cell.id
    processes.module("build", cell_id)
    import build

    workshop = cached(workshop, _backend_name(project))
    try:
        requires = build.ProjectBuilder(project).build_system_requires
        backend = _backend(workshop, project, requires)
        if more := backend.get_requires_for_build("wheel") - requires:
            backend = _backend(workshop, project, requires | more)
        wheel = Path(backend.build("wheel", folder, _settings(workshop, project)))
        return Built(wheel, installed(Path(backend.python_executable)))
    except build.BuildBackendException as error:
        raise stop(
            cell_id, f"the build backend failed: {error}", "its output is above", Exit.WHEEL
        ) from None
    except build.BuildException as error:
        raise stop(cell_id, str(error), "correct the package's pyproject.toml") from None


def _backend(workshop: Workshop, project: Path, requires: Iterable[str]) -> ProjectBuilder:
    """Return the project's backend, ready to run in an environment with its requirements."""
    from build import ProjectBuilder

    python = build_environment(workshop, sorted(requires))

    def runner(
        cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        hook_env = {**environment(workshop, python), **(extra_environ or {})}
        status = processes.run(cmd, cwd=Path(cwd or project), env=hook_env)
        if status:
            raise subprocess.CalledProcessError(status, cmd)

    return ProjectBuilder(project, str(python), runner)


def _settings(workshop: Workshop, project: Path) -> dict[str, list[str]]:
    """Return the settings for a backend that hears of cross compilers in no other way."""
    meson = list(workshop.toolchain.meson)
    return {"setup-args": meson} if meson and _backend_name(project) == "mesonpy" else {}


def _backend_name(project: Path) -> str:
    """Return the `build-backend` of a pyproject.toml.

    The result is "" if it is missing or wrong: `build` reports that.
    """
    pyproject = project / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    system = read_toml(text, pyproject.name).get("build-system")
    return str(system.get("build-backend", "")) if isinstance(system, dict) else ""


def _named(built_wheel: Path, package: Package, cell: Cell) -> Path:
    """Give the wheel the name that is planned, but for its tags.

    Before repair, whose SBOM has its name.

    A backend need not normalise versions (poetry-core keeps nv26.04): what is equal by PEP 440 is
    spelt as planned.
    """
    wheels = sorted(built_wheel.parent.glob("*.whl"))
    if wheels != [built_wheel]:
        names = ", ".join(wheel.name for wheel in wheels)
        raise stop(
            cell.id,
            f"the build backend left {names or 'no wheel'}",
            "one wheel was expected",
            Exit.WHEEL,
        )
    with reader.open_wheel(built_wheel) as wheel:
        name = wheel.name
    planned = filename.parse_name(cell.wheel)
    is_own = normalized(name.distribution) == normalized(cell.package)
    distribution = planned.distribution if is_own else name.distribution
    is_equal = Version(name.version) == Version(planned.version)
    version = planned.version if is_equal or package.inject == "wheel" else name.version
    expected = replace(
        name, distribution=distribution, version=version, build=planned.build or name.build
    ).unlabelled
    if built_wheel.name in {expected, planned.unlabelled, cell.wheel}:
        return built_wheel
    if not is_equal and version != name.version:
        processes.say(
            f"compile {cell.id}: built as {name.version}, which its own code may still say"
        )
    project = (
        distribution.replace("_", "-")
        if normalized(distribution) != normalized(name.distribution)
        else ""
    )
    return rewrite(
        built_wheel, evidence.fresh_folder(built_wheel.parent / "named"), expected, project=project
    )


def check_name(built_wheel: Path, cell: Cell) -> None:
    """Compare a wheel's name with the planned one; only its platform may still be `linux_<arch>`.

    Raises `Stop` (exit 4) with every part that differs.
    """
    with reader.open_wheel(built_wheel) as wheel:
        name, pure = wheel.name, wheel.wheel.first("Root-Is-Purelib").lower() == "true"
    hints = _hints(name, cell, pure)
    planned = filename.parse_name(cell.wheel)
    fits = {f"linux_{cell.arch}", *cell.platforms}
    platform = planned.platform if name.platform in fits else name.platform
    parts = {
        "distribution": (name.distribution, planned.distribution),
        "version": (name.version, planned.version),
        "build tag": (name.build, planned.build),
        "python tag": (name.python, planned.python),
        "abi tag": (name.abi, planned.abi),
        "platform tag": (platform, planned.platform),
    }
    problems = [
        Problem(
            Where(cell.id),
            f"{part} {made_one or 'absent'}, planned {planned_one or 'absent'}",
            hints[part],
        )
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
    return {
        "distribution": f"the spec calls the package {cell.package}: does its pyproject.toml?",
        "version": f"the backend did not take the version: see {package}.version.inject",
        "build tag": "leave the build tag to the plan",
        "python tag": tags,
        "abi tag": tags,
        "platform tag": "let the backend leave the platform at linux_<arch>: repair decides it",
    }
