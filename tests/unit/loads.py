"""Wheels of tiny real extensions, and sessions that load them."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import projects
import wheels

from truewheel.build import load
from truewheel.plan.model import Cell, Package, Plan, Target

PLATFORM = f"manylinux_2_17_{projects.ARCH}"
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
SOURCE = """
#include <Python.h>
#include <stdlib.h>
#include <unistd.h>
EXTRA
static int run(PyObject *module) { BODY; return 0; }
static PyModuleDef_Slot slots[] = {{Py_mod_exec, run}, {0, NULL}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_core", NULL, 0, NULL, slots};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModuleDef_Init(&definition); }
"""


def cell(name: str, python: str = projects.TAG, platform: str = PLATFORM) -> Cell:
    """A cell of a package on this machine."""
    pure = platform == "any"
    tag = "py3-none-any" if pure else f"{python}-{python}-{platform}"
    place = "any/any/py3" if pure else f"box/{projects.ARCH}/{python}"
    return Cell(
        id=f"{name}/{place}",
        package=name,
        target="any" if pure else "box",
        arch="any" if pure else projects.ARCH,
        python="py3" if pure else python,
        builder="py3" if pure else python,
        channel="default",
        version="1.0",
        build="",
        tag=tag,
        wheel=f"{name}-1.0-{tag}.whl",
        facts={},
    )


def plan(*cells: Cell, **packages: Mapping[str, Any]) -> Plan:
    """A plan of cells; `packages` are fields of packages that differ from the usual ones."""
    usual = {cell.package: {"abi": "none" if cell.python == "py3" else "cpython"} for cell in cells}
    fields = {name: {**usual[name], **packages.get(name, {})} for name in usual}
    return Plan(
        generator="tests",
        project="p",
        spec="truewheel.yml",
        event="push",
        local=False,
        packages={name: Package(name=name, path=".", **more) for name, more in fields.items()},
        targets={
            name: Target(name=name, floor="linux") for name in {cell.target for cell in cells}
        },
        kinds={},
        cells=cells,
        jobs=(),
        variables={},
        policy=projects.PLAIN,
    )


def session(plan_: Plan, root: Path, env: Mapping[str, str] | None = None) -> load.Session:
    """A session whose wheels lie in dist/ below a root; the index has nothing."""
    env = {**projects.ENV, "PIP_NO_INDEX": "1", **(env or {})}
    return load.Session(plan_, root / "dist", env, root, lambda cell: root / cell.replace("/", "_"))


def make(
    root: Path, one: Cell, content: Mapping[str, bytes | str], requires: Sequence[str] = ()
) -> Path:
    """Write the wheel of a cell with these members."""
    folder = root / "dist"
    folder.mkdir(exist_ok=True)
    encoded = {
        name: data.encode() if isinstance(data, str) else data for name, data in content.items()
    }
    members = wheels.members(one.wheel, encoded)
    metadata = f"{wheels.info_of(members)}/METADATA"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires).encode()
    members[metadata] = members[metadata].replace(b"\n\n", b"\n" + lines + b"\n", 1)
    return wheels.write(folder / one.wheel, members)


def compile_c(folder: Path, name: str, source: str, *flags: str) -> bytes:
    """Return a shared library of C code."""
    folder.mkdir(exist_ok=True)
    code, library = folder / f"{name}.c", folder / name
    code.write_text(source)
    include = sysconfig.get_path("include")
    argv = ["cc", "-shared", "-fPIC", "-O0", f"-I{include}", str(code), "-o", str(library), *flags]
    subprocess.run(argv, check=True)
    return library.read_bytes()


def extension(
    folder: Path, name: str, *flags: str, body: str = "", extra: str = "", init: str = "_core"
) -> bytes:
    """Return an extension module that runs some C code when it is imported."""
    source = SOURCE.replace("EXTRA", extra).replace("BODY", body).replace("NAME", init)
    return compile_c(folder, name, source, *flags)


def has_headers() -> bool:
    """Return whether extensions can be compiled for the interpreter of the tests."""
    return Path(sysconfig.get_path("include"), "Python.h").is_file()
