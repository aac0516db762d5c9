"""Tiny projects with build backends of their own, and their plans; nothing is downloaded."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wheels

from truewheel.errors import Where
from truewheel.plan.model import Cell, Fact, Package, Plan, Target, Variable
from truewheel.system.files import sha256
from truewheel.workspace import loading

PLAIN = loading.read_policy("plain", Path(), Where("plain")).data
TAG = f"cp{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}"
ARCH = platform.machine()
ENV = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
ELF = wheels.elf_file()

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo"
version = "1.0"  # kept
description = "version = 0"
"""

# DEMO_TAG, DEMO_VERSION and DEMO_BUILD make it disobey; a file `native.bin` makes the wheel native.
BACKEND = """
import base64, hashlib, os, pathlib, sys, sysconfig, zipfile

def version():
    if os.environ.get("DEMO_VERSION"):
        return os.environ["DEMO_VERSION"]
    if pathlib.Path("VERSION").exists():
        return pathlib.Path("VERSION").read_text().strip()
    lines = pathlib.Path("pyproject.toml").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))

def platform_tag():
    python = "cp%d%d%s" % (*sys.version_info[:2], sys.abiflags)
    return "%s-%s-%s" % (python, python, sysconfig.get_platform().replace("-", "_"))

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if os.environ.get("DEMO_FAILS"):
        raise SystemExit("no luck today")
    members = {"demo/__init__.py": b"ANSWER = 42\\n"}
    native = pathlib.Path("native.bin")
    if native.exists():
        members["demo/_core.so"] = native.read_bytes()
    tag = os.environ.get("DEMO_TAG") or (platform_tag() if native.exists() else "py3-none-any")
    build = os.environ.get("DEMO_BUILD", "")
    info = "demo-%s.dist-info" % version()
    pure = str(tag.endswith("-any")).lower()
    wheel = "Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: %s\\nTag: %s\\n" % (pure, tag)
    members[info + "/WHEEL"] = (wheel + ("Build: %s\\n" % build if build else "")).encode()
    metadata = "Metadata-Version: 2.1\\nName: demo\\nVersion: %s\\n" % version()
    members[info + "/METADATA"] = metadata.encode()
    digests = {name: hashlib.sha256(members[name]).digest() for name in members}
    encoded = {name: base64.urlsafe_b64encode(digests[name]).decode() for name in members}
    rows = ["%s,sha256=%s,\\n" % (name, encoded[name].rstrip("=")) for name in members]
    members[info + "/RECORD"] = ("".join(rows) + info + "/RECORD,,\\n").encode()
    name = "-".join(filter(None, ["demo", version(), build, tag])) + ".whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content)
    return name
"""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def make(root: Path, *, native: bool = False, path: str = "demo", name: str = "demo") -> Path:
    """Write the project `demo`, or of another name, below a root; it is pure unless `native`."""
    files: dict[str, str | bytes] = {
        "pyproject.toml": PYPROJECT.replace("demo", name),
        "backend.py": BACKEND.replace("demo", name),
    }
    if native:
        files["native.bin"] = ELF
    write(root / path, files)
    return root


def cell(
    *, version: str = "1.0", build: str = "", platform_tag: str = "any", python: str = TAG
) -> Cell:
    """A cell of the package `demo` on this machine; pure when its platform is `any`."""
    pure = platform_tag == "any"
    tag = "py3-none-any" if pure else f"{python}-{python}-{platform_tag}"
    place = "any/any/py3" if pure else f"box/{ARCH}/{python}"
    return Cell(
        id=f"demo/{place}",
        package="demo",
        target="any" if pure else "box",
        arch="any" if pure else ARCH,
        python="py3" if pure else python,
        builder="py3" if pure else python,
        channel="default",
        version=version,
        build=build,
        tag=tag,
        wheel="-".join(filter(None, ["demo", version, build, tag])) + ".whl",
        facts={"base": Fact(value=version), "cuda": Fact(value=None)},
    )


def plan(
    one: Cell,
    *,
    local: bool = False,
    provides: Mapping[str, str] | None = None,
    variables: Mapping[str, Variable] | None = None,
    policy: Mapping[str, Any] | None = None,
    **package: Any,
) -> Plan:
    """The plan that holds a cell.

    `package` are fields of the package that differ from the usual ones.
    """
    return Plan(
        generator="tests",
        project="demo",
        spec="truewheel.yml",
        event="push",
        local=local,
        packages={
            "demo": Package(**{"name": "demo", "path": "demo", "inject": "pyproject", **package})
        },
        targets={
            "box": Target(name="box", floor="manylinux_2_28", provides=provides or {}),
            "any": Target(name="any", floor="any"),
        },
        kinds={},
        cells=(one,),
        jobs=(),
        variables=variables or {},
        policy=policy or PLAIN,
    )


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()
    }
