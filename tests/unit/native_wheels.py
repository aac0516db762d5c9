"""Wheels of native files, and what validate says about how they are loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import wheels
from wheels import library

from truewheel.build.validate import validate
from truewheel.wheel.checks.findings import Finding

NAME = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
MUSL = NAME.replace("manylinux_2_28", "musllinux_1_2")
PLAIN = NAME.replace("manylinux_2_28", "linux")
AARCH64 = NAME.replace("x86_64", "aarch64")
STABLE = NAME.replace("cp312-cp312", "cp39-abi3")
CORE = "demo/_core.cpython-312-x86_64-linux-gnu.so"
INIT = "PyInit__core"

Files = Mapping[str, bytes]


def module(
    needed: Sequence[str] = (),
    versions: Mapping[str, Sequence[str]] | None = None,
    *,
    exports: Sequence[str] = (INIT,),
    **facts: Any,
) -> bytes:
    """An extension module with its init function."""
    return library(needed, versions, exports=exports, **facts)


def write(
    folder: Path,
    files: Files,
    name: str = NAME,
    requires: Sequence[str] = (),
    modes: Mapping[str, int] | None = None,
) -> Path:
    """Write a wheel of these files, with all else that a good one has."""
    members = wheels.members(name, {"demo/__init__.py": b"", **files})
    lines = b"".join(f"Requires-Dist: {line}\n".encode() for line in requires)
    metadata = next(member for member in members if member.endswith("/METADATA"))
    members[metadata] = members[metadata].replace(b"\n\nA demo", b"\n" + lines + b"\nA demo")
    record = f"{wheels.info_of(members)}/RECORD"
    members[record] = wheels.record(members) + f"{record},,\n".encode()
    with ZipFile(folder / name, "w") as archive:
        for member, content in members.items():
            info = ZipInfo(member, (2020, 1, 1, 0, 0, 0))
            info.external_attr = (modes or {}).get(member, 0o644) << 16
            archive.writestr(info, content, ZIP_DEFLATED)
    return folder / name


def findings(
    folder: Path,
    files: Files,
    name: str = NAME,
    requires: Sequence[str] = (),
    excluded: Sequence[str] = (),
    modes: Mapping[str, int] | None = None,
) -> list[Finding]:
    """What validate says about a wheel of these files."""
    path = write(folder, files, name, requires, modes)
    return validate(path, excluded={name: tuple(excluded)})


def codes(items: Sequence[Finding]) -> list[str]:
    """The codes of findings with the first letter of their severity: `TW410 e`."""
    return [f"{item.code.name} {item.severity[0]}" for item in items]
