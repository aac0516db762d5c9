"""Small wheels for the tests: good by default, wrong where a test wants it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from truewheel.wheelfile import expand_tag, parse_name

NATIVE = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
PURE = "demo-1.0-py3-none-any.whl"
EXTENSION = "demo/_core.cpython-312-x86_64-linux-gnu.so"


def elf_file(number: int = 62, bits: int = 64, order: str = "little") -> bytes:
    """An ELF header, padded; `number` is its e_machine (62: x86_64, 183: aarch64)."""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "little" else 2, 1]) + bytes(9)
    body = (3).to_bytes(2, order) + number.to_bytes(2, order)
    return ident + body + bytes(180)


def members(filename: str, content: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """All members of a good wheel of that name but RECORD; by default with the extension or module its tag promises."""
    name = parse_name(filename)
    pure = name.platform == "any"
    if content is None:
        content = {"demo/__init__.py": b"ANSWER = 42\n"} | ({} if pure else {EXTENSION: elf_file()})
    info = f"{name.distribution}-{name.version}.dist-info"
    lines = ["Wheel-Version: 1.0", "Generator: tests", f"Root-Is-Purelib: {str(pure).lower()}"]
    lines += [f"Tag: {tag}" for tag in sorted(expand_tag(name.tag))]
    lines += [f"Build: {name.build}"] if name.build else []
    metadata = f"Metadata-Version: 2.1\nName: {name.distribution}\nVersion: {name.version}\n\nA demo.\n"
    return {
        **content,
        f"{info}/WHEEL": "".join(f"{line}\n" for line in lines).encode(),
        f"{info}/METADATA": metadata.encode(),
    }


def record(files: Mapping[str, bytes]) -> bytes:
    """The text of RECORD for these members."""
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join(rows).encode()


def info_of(files: Mapping[str, bytes]) -> str:
    """The dist-info folder of these members."""
    return next(name.split("/")[0] for name in files if ".dist-info/" in name)


def write(path: Path, files: Mapping[str, bytes], compression: int = ZIP_DEFLATED) -> Path:
    """Write the members to a zip file, and a RECORD unless they bring one."""
    name = f"{info_of(files)}/RECORD"
    files = {**files, name: files.get(name, record(files) + f"{name},,\n".encode())}
    with ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(ZipInfo(member, (2020, 1, 1, 0, 0, 0)), content, compression)
    return path


def make(folder: Path, filename: str = NATIVE, content: Mapping[str, bytes] | None = None) -> Path:
    """Write a good wheel of that name."""
    return write(folder / filename, members(filename, content))
