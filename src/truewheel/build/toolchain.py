"""The compilers of a cell: those of the machine, or zig.

zig builds for a chosen glibc and for other architectures.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from truewheel.build import evidence
from truewheel.errors import Exit, stop
from truewheel.plan.matrix import ANY
from truewheel.plan.model import Cell, Target
from truewheel.plan.naming import LEGACY_FLOORS
from truewheel.system import architectures, files, processes
from truewheel.system.installation import install_hint
from truewheel.wheel import platform_tags, reader
from truewheel.wheel.elf import suffix

ZIG_SECONDS = 60.0
PROGRAMS = {"zig-cc": "cc", "zig-c++": "c++", "zig-ar": "ar", "zig-ranlib": "ranlib"}
USUAL = {"CC": "cc", "CXX": "c++"}
COMPILERS = {"CC": "zig-cc", "CXX": "zig-c++"}
FLAGS = "-DNDEBUG -O3 -Wall"

# What an interpreter was built with is for its own machine: flags such as -fcf-protection, the run
# path of its library.
SYSCONFIG = """\
import sysconfig
sysconfig.get_config_vars().update({variables!r})
"""
CMAKE = """\
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR {arch})
set(CMAKE_C_COMPILER zig-cc)
set(CMAKE_CXX_COMPILER zig-c++)
set(CMAKE_AR "{folder}/zig-ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "{folder}/zig-ranlib" CACHE FILEPATH "")
set(CMAKE_MODULE_PATH "{folder}")
"""
FIND_PYTHON = """\
include(${{CMAKE_ROOT}}/Modules/Find{name}.cmake)
set({name}_SOABI {soabi})
"""
MESON = """\
[binaries]
c = 'zig-cc'
cpp = 'zig-c++'
ar = 'zig-ar'
[host_machine]
system = 'linux'
cpu_family = '{arch}'
cpu = '{arch}'
endian = 'little'
"""


class Toolchain(NamedTuple):
    """What a build gets besides its requirements.

    `programs` is a folder that comes first on its PATH, `variables` its further environment,
    `sysconfig` a module that tells its interpreter what it builds for, `meson` the arguments of
    `meson setup`.
    """

    programs: Path | None = None
    variables: Mapping[str, str] = {}
    sysconfig: str = ""
    meson: tuple[str, ...] = ()


def choose(target: Target, cell: Cell, folder: Path, env: Mapping[str, str]) -> Toolchain:
    """Return the toolchain of a cell; what zig needs is written into `folder`.

    Raises `Stop` (exit 4) for an architecture that this machine cannot build for, and without zig.
    """
    machine = platform.machine()
    if cell.arch == ANY:
        return Toolchain()
    if target.toolchain == "zig":
        return _zig(target, cell, folder, env, is_cross=cell.arch != machine)
    if cell.arch not in {machine, architectures.also_runs(machine)}:
        message = f"this machine is {machine}, the cell is for {cell.arch}"
        hint = (
            f"run it on {cell.arch}, or let zig compile for it: targets.{target.name}.toolchain: "
            "zig"
        )
        raise stop(cell.id, message, hint, Exit.WHEEL)
    return Toolchain()


def behind_cache(
    tools: Toolchain, cache: str, backend: str, root: Path, env: Mapping[str, str]
) -> Toolchain:
    """Return the toolchain whose compilers are called through `cache` (ccache or sccache).

    scikit-build-core has CMake's own way for that; other backends, and what they start, read CC and
    CXX.
    """
    if backend.startswith("scikit_build_core"):
        launched = {
            f"CMAKE_{language}_COMPILER_LAUNCHER": cache for language in ("C", "CXX", "CUDA")
        }
    else:
        compilers = {
            name: tools.variables.get(name) or env.get(name) or usual
            for name, usual in USUAL.items()
        }
        launched = {
            name: f"{cache} {compiler}"
            for name, compiler in compilers.items()
            if cache not in compiler
        }
    settings = {"CCACHE_BASEDIR": str(root)}  # what is below it is the same on every runner
    if tools.programs:
        settings["CCACHE_COMPILERCHECK"] = "content"  # they are written anew for each build
    defaults = {name: value for name, value in settings.items() if not env.get(name)}
    return tools._replace(variables={**tools.variables, **launched, **defaults})


def compiler(tools: Toolchain, env: Mapping[str, str]) -> str:
    """Return the first line of the version of a build's C++ compiler, "" when there is none."""
    compiler_env = (
        {**env, "PATH": f"{tools.programs}{os.pathsep}{env.get('PATH', os.defpath)}"}
        if tools.programs
        else env
    )
    name = tools.variables.get("CXX") or env.get("CXX") or USUAL["CXX"]
    try:
        output = processes.output(
            [*shlex.split(name), "--version"], env=compiler_env, timeout=ZIG_SECONDS
        )
    except ValueError:  # quotes that do not end
        output = None
    return (output or "").partition("\n")[0].strip()


def check_machine(built_wheel: Path, cell: Cell) -> None:
    """Raise `Stop` (exit 4) for native code, or an extension's name, for another architecture."""
    with reader.open_wheel(built_wheel) as wheel:
        machines = wheel.elf
    for member, machine in machines.items():
        extension = suffix(member)
        for what, arch in (
            ("is", machine),
            ("is named", extension.machine if extension else cell.arch),
        ):
            if arch != cell.arch:
                message = f"{member} {what} for {arch}, not for {cell.arch}"
                hint = (
                    "the backend takes no cross compiler, or packs what was built before: run it "
                    f"on {cell.arch}"
                )
                raise stop(cell.id, message, hint, Exit.WHEEL)


def _zig(
    target: Target, cell: Cell, folder: Path, env: Mapping[str, str], *, is_cross: bool
) -> Toolchain:
    soabi = f"cpython-{cell.builder.removeprefix('cp')}-{cell.arch}-linux-gnu"
    pinned = platform_tags.zig_target(LEGACY_FLOORS.get(target.floor, target.floor), cell.arch)
    if not pinned:
        raise stop(
            cell.id,
            f"zig cannot build for {target.floor} on {cell.arch}",
            "leave targets.*.toolchain out",
        )
    zig = _require_zig(cell, env)
    version = processes.output([zig, "version"], env=env, timeout=ZIG_SECONDS)
    _write_programs(evidence.fresh_folder(folder), zig, f"# zig {version or '?'}".strip(), pinned)
    if not is_cross:
        return Toolchain(folder, COMPILERS, _sysconfig(soabi))
    files.write_text(folder / "zig.ini", MESON.format(arch=cell.arch))
    files.write_text(folder / "zig.cmake", CMAKE.format(arch=cell.arch, folder=folder))
    for name in (
        "Python",
        "Python3",
    ):  # CMake asks no interpreter what it would build for when it cross-compiles
        files.write_text(folder / f"Find{name}.cmake", FIND_PYTHON.format(name=name, soabi=soabi))
    variables = {
        **COMPILERS,
        "CMAKE_TOOLCHAIN_FILE": str(folder / "zig.cmake"),
        "_PYTHON_HOST_PLATFORM": f"linux-{cell.arch}",
    }
    return Toolchain(
        folder, variables, _sysconfig(soabi), ("--cross-file", str(folder / "zig.ini"))
    )


def _require_zig(cell: Cell, env: Mapping[str, str]) -> str:
    module = importlib.util.find_spec("ziglang")
    beside = [
        Path(folder) / "zig" for folder in (module and module.submodule_search_locations) or ()
    ]
    program = next((str(path) for path in beside if path.is_file()), None) or processes.which(
        "zig", env
    )
    if not program:
        raise stop(cell.id, "zig is not installed here", install_hint("zig"), Exit.WHEEL)
    return program


def _write_programs(folder: Path, zig: str, remark: str, pinned: str) -> None:
    """Write zig's programs; `remark` is what else a compiler cache has to know them by."""
    for name, verb in PROGRAMS.items():
        # zig adds debug information unasked, with the paths of this machine in it.
        words = [zig, verb, "-target", pinned, "-g0"] if verb in {"cc", "c++"} else [zig, verb]
        files.write_text(folder / name, f'#!/bin/sh\n{remark}\nexec {shlex.join(words)} "$@"\n')
        (folder / name).chmod(0o755)


def _sysconfig(soabi: str) -> str:
    variables = {
        **COMPILERS,
        "AR": "zig-ar",
        "BLDSHARED": "zig-cc -shared",
        "CFLAGS": FLAGS,
        "EXT_SUFFIX": f".{soabi}.so",
        "LDCXXSHARED": "zig-c++ -shared",
        "LDFLAGS": "",
        "LDSHARED": "zig-cc -shared",
        "MULTIARCH": soabi.split("-", 2)[2],
        "OPT": FLAGS,
        "SOABI": soabi,
    }
    return SYSCONFIG.format(variables=variables)
