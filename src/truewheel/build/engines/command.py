"""Compile the wheels of several packages with one command of the project."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

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
from truewheel.errors import Exit, Stop, stop
from truewheel.plan.model import Build, Cell, Plan
from truewheel.system import files, interpreters, processes
from truewheel.wheel import filename, reader
from truewheel.wheel.filename import WheelName, normalized
from truewheel.wheel.rewrite import rewrite, variant_json

PREFIX = "TRUEWHEEL_"
PARTS = {
    "distribution": "name",
    "version": "version",
    "build": "build tag",
    "tag": "tag",
    "label": "label",
}
SHOWN_WHEELS = 10


def build_wheels(
    plan: Plan,
    batch_id: str,
    cells: Sequence[Cell],
    root: Path,
    env: Mapping[str, str],
    *,
    twice: bool = False,
) -> list[Path]:
    """Run the command of a batch of cells and return their wheels, in `build/<cell>/wheel/`.

    It runs in a fresh copy of its sources and writes into an empty folder, so that nothing of an
    earlier build is taken for its own. Each wheel has the planned name, or that with
    `linux_<arch>`, which is for repair to prove. `twice` runs it a second time, in another folder,
    says what differs, and leaves that for the evidence. Raises `Stop` (exit 4) when the image is
    not the planned one, the command fails, or makes other wheels.
    """
    root, first = root.absolute(), cells[0]
    build = plan.builds[plan.packages[first.package].build]
    for cell in cells:
        processes.say(explain_name(plan, cell))
    compare_image(plan, first, env)
    env = without_credentials(plan, batch_id, build.secrets, env)
    tools = toolchain.choose(
        plan.targets[first.target], first, evidence.work_folder(root, batch_id) / "toolchain", env
    )
    python = interpreters.require(first.builder, env, batch_id)
    version = interpreters.version(python)
    inputs = {cell.id: evidence.inputs_digest(plan, cell, root, python) for cell in cells}
    finished = {
        cell.id: evidence.fresh_folder(evidence.work_folder(root, cell.id) / "wheel")
        for cell in cells
    }
    workshop = cached(Workshop(first, root, python, env, tools, plan.compiler_cache))
    work, compiler = evidence.work_folder(root, batch_id), toolchain.compiler(tools, env)
    output, requires = _run(plan, build, batch_id, workshop, work)
    wheels = _all_collected(build, cells, output, work)
    rebuilt: dict[str, list[str]] = {}
    if twice:
        second, _ = _run(plan, build, batch_id, workshop, work / AGAIN)
        again = _all_collected(build, cells, second, work / AGAIN)
        rebuilt = {
            cell.id: compare_builds(one, other, cell)
            for cell, one, other in zip(cells, wheels, again)
        }
    for cell, wheel in zip(cells, wheels):
        record = {
            "inputs": inputs[cell.id],
            "python": version,
            "compiler": compiler,
            "environment": requires,
            "command": build.command,
            "rebuilt": rebuilt.get(cell.id),
        }
        files.write_text(evidence.work_folder(root, cell.id) / INPUTS, json.dumps(record) + "\n")
        files.move(wheel, finished[cell.id] / wheel.name)
        processes.say(f"compile {cell.id}: {wheel.name}")
    return [finished[cell.id] / wheel.name for cell, wheel in zip(cells, wheels)]


def _run(
    plan: Plan, build: Build, batch_id: str, workshop: Workshop, work: Path
) -> tuple[Path, dict[str, str]]:
    """Run a command in a fresh copy of its sources.

    Returns the output folder and the distributions of the command's environment.
    """
    source, output = (evidence.fresh_folder(work / name) for name in ("source", "output"))
    cells = plan.batches(plan.cells)[batch_id]
    packages = [plan.packages[cell.package] for cell in cells]
    sources = {
        source_file.name: source_file
        for package in packages
        for source_file in evidence.source_files(package, workshop.root)
    }
    copy_sources(sources.values(), source)
    tools = build_environment(workshop, sorted(build.requires))
    settings = {
        **{name: value for name, value in workshop.env.items() if not name.startswith(PREFIX)},
        **variables(cells),
        f"{PREFIX}OUTPUT": str(output),
        f"{PREFIX}PYTHON": str(tools),
        "SOURCE_DATE_EPOCH": source_date_epoch(workshop.root, workshop.env),
    }
    processes.say(f"compile {batch_id}: {' '.join(build.command)}")
    settings = environment(replace(workshop, env=settings), tools)
    status = processes.run(build.command, cwd=source / packages[0].path, env=settings)
    if status:
        message = f"the command failed ({processes.ending(status)}): {build.command[0]}"
        raise stop(f"builds.{build.name}", message, "its output is above", Exit.WHEEL)
    return output, installed(tools)


def variables(cells: Sequence[Cell]) -> dict[str, str]:
    """Return the environment variables that describe a command's wheels; none is empty.

    Where its cells differ in a value, it is left out: the planned names, one for each package, are
    always there.
    """
    values_of_cells = [_told(cell) for cell in cells]
    common = {
        name: value
        for name, value in values_of_cells[0].items()
        if all(values.get(name) == value for values in values_of_cells)
    }
    wheels = {f"WHEEL_{normalized(cell.package).upper()}": cell.wheel for cell in cells}
    result = {"CELL": ",".join(cell.id for cell in cells), **common, **wheels}
    return {f"{PREFIX}{name}": value for name, value in result.items() if value}


def _told(cell: Cell) -> dict[str, str]:
    python, abi, platform = cell.tag.split("-")
    return {
        "TARGET": cell.target,
        "ARCH": cell.arch,
        "VERSION": cell.version,
        "BUILD_TAG": cell.build,
        "PYTHON_TAG": python,
        "ABI_TAG": abi,
        "PLATFORM_TAG": platform,
        **{f"FACT_{name.upper()}": fact.value or "" for name, fact in cell.facts.items()},
    }


def _all_collected(build: Build, cells: Sequence[Cell], output: Path, work: Path) -> list[Path]:
    """Return the wheel of each cell under its planned name.

    Raises `Stop` (exit 4) with all problems at once.
    """

    def tried(cell: Cell) -> Path | Stop:
        try:
            return _named(
                _collected(build, cell, output), cell, build, work / "named" / cell.package
            )
        except Stop as stopped:
            return stopped

    ends = [tried(cell) for cell in cells]
    if problems := [problem for end in ends if isinstance(end, Stop) for problem in end.problems]:
        raise Stop(problems, Exit.WHEEL)
    return [end for end in ends if isinstance(end, Path)]


def _collected(build: Build, cell: Cell, output: Path) -> Path:
    """Return the only wheel in the output that is the cell's package's.

    Raises `Stop` (exit 4) for none or more.
    """
    pattern, where = build.wheels[cell.package], f"builds.{build.name}.wheels.{cell.package}"
    matches = sorted({(output / name).resolve() for name in _matching(pattern, output)})
    outside = [path for path in matches if not path.is_relative_to(output.resolve())]
    if outside:
        hint = (
            "let the command write into TRUEWHEEL_OUTPUT: what lies elsewhere may be of an "
            "earlier build"
        )
        raise stop(where, f"{pattern} leads out of the build, to {outside[0]}", hint, Exit.WHEEL)
    if len(matches) != 1:
        names = _listed(
            matches or [output / name for name in _matching("**/*.whl", output)], output
        )
        message = (
            f"{len(matches)} wheels match {pattern}: {names}"
            if matches
            else f"no wheel matches {pattern}; {names}"
        )
        hint = "correct the glob, or let the command put this package's wheel, and no other, there"
        raise stop(where, message, hint, Exit.WHEEL)
    return matches[0]


def _matching(pattern: str, output: Path) -> list[str]:
    # Path.glob refuses some patterns, and which ones depends on the Python.
    names = glob.glob(pattern, root_dir=output, recursive=True)  # noqa: PTH207
    return [name for name in names if (output / name).is_file()]


def _listed(wheels: Sequence[Path], output: Path) -> str:
    if not wheels:
        return "the command left no wheel in TRUEWHEEL_OUTPUT"
    names = [filename.printable(str(wheel.relative_to(output))) for wheel in sorted(wheels)]
    more = f" and {len(names) - SHOWN_WHEELS} more" if len(names) > SHOWN_WHEELS else ""
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:SHOWN_WHEELS])}{more}"


def _named(compiled: Path, cell: Cell, build: Build, folder: Path) -> Path:
    """Return the wheel under its planned name; what is not repaired yet keeps `linux_<arch>` in it.

    A wheel that lacks the local version or the build tag gets them now: before repair, whose SBOM
    has its name. Raises `Stop` (exit 4) for a wheel that is another one.
    """
    with reader.open_wheel(compiled) as wheel:
        name = wheel.name
    planned = filename.parse_name(cell.wheel)
    unrepaired = replace(planned, platform=f"linux_{cell.arch}")
    if differing := _differences(name, planned, unrepaired, cell):
        message = f"{compiled.name} is not the planned {cell.wheel}: {'; '.join(differing)}"
        hint = (
            "the command finds the planned name in TRUEWHEEL_WHEEL_<PACKAGE>, its parts in "
            "TRUEWHEEL_VERSION and others"
        )
        raise stop(f"builds.{build.name}.wheels.{cell.package}", message, hint, Exit.WHEEL)
    is_final = name.tags == planned.tags
    expected = cell.wheel if is_final else unrepaired.unlabelled
    if compiled.name == expected:
        return compiled
    project = (
        ""
        if normalized(name.distribution) == planned.distribution
        else planned.distribution.replace("_", "-")
    )
    extra = (
        {"variant.json": variant_json(planned)}
        if is_final and planned.label and not name.label
        else {}
    )
    return rewrite(compiled, evidence.fresh_folder(folder), expected, project=project, extra=extra)


def _differences(
    name: WheelName, planned: WheelName, unrepaired: WheelName, cell: Cell
) -> list[str]:
    """Return what a new name could not mend, in words."""
    version, planned_version = Version(name.version), Version(planned.version)
    same = {
        "distribution": normalized(name.distribution)
        in {normalized(cell.package), planned.distribution},
        "version": version == planned_version or version == Version(planned_version.public),
        "build": name.build in {"", planned.build},
        "tag": name.tags in (planned.tags, unrepaired.tags),
        "label": name.label in {"", planned.label},
    }
    pairs = {
        part: (getattr(name, part), getattr(planned, part))
        for part, is_same in same.items()
        if not is_same
    }
    return [
        f"{PARTS[part]} {actual or 'absent'}, planned {expected or 'absent'}"
        for part, (actual, expected) in pairs.items()
    ]
