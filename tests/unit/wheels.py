"""Small wheels for the tests: good by default, wrong where a test wants it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from struct import pack
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from truewheel.wheel.filename import expand_tag, parse_name

NATIVE = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
PURE = "demo-1.0-py3-none-any.whl"
EXTENSION = "demo/_core.cpython-312-x86_64-linux-gnu.so"


def elf_file(number: int = 62, bits: int = 64, order: str = "little") -> bytes:
    """A small ELF library without needs; `number` is its e_machine (62: x86_64, 183: aarch64)."""
    return library(number=number, bits=bits, order="<" if order == "little" else ">")


def macho_file(*machines: str) -> bytes:
    """A Mach-O header, padded; of several machines, a universal file."""
    numbers = {"x86_64": 0x01000007, "arm64": 0x0100000C}
    if len(machines) == 1:
        return b"\xcf\xfa\xed\xfe" + numbers[machines[0]].to_bytes(4, "little") + bytes(200)
    slices = b"".join(numbers[machine].to_bytes(4, "big") + bytes(16) for machine in machines)
    return b"\xca\xfe\xba\xbe" + len(machines).to_bytes(4, "big") + slices + bytes(200)


def pe_file(machine: str) -> bytes:
    """The headers of a Windows program or library, padded."""
    number = {"win32": 0x014C, "amd64": 0x8664, "arm64": 0xAA64}[machine]
    return (
        b"MZ"
        + bytes(58)
        + (64).to_bytes(4, "little")
        + b"PE\0\0"
        + number.to_bytes(2, "little")
        + bytes(200)
    )


def library(
    needed: Sequence[str] = (),
    versions: Mapping[str, Sequence[str]] | None = None,
    *,
    rpath: str = "",
    soname: str = "",
    exports: Sequence[str] = (),
    interpreter: str = "",
    number: int = 62,
    bits: int = 64,
    order: str = "<",
) -> bytes:
    """An ELF library that the loader could read.

    One segment, with a dynamic section, names and version needs.
    """
    word, head_size, segment_size = ("Q", 64, 56) if bits == 64 else ("I", 52, 32)
    strings = bytearray(b"\0")

    def name(text: str) -> int:
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text.encode()) - 1

    for export in exports:
        name(export)
    needs = [
        (name(library), [name(symbol) for symbol in symbols])
        for library, symbols in (versions or {}).items()
    ]
    tags = [(1, name(library)) for library in needed]
    tags += [(14, name(soname))] if soname else []
    tags += [(29, name(rpath))] if rpath else []
    table = bytearray()
    for number_, (file, symbols) in enumerate(needs, 1):
        following = 0 if number_ == len(needs) else 16 + 16 * len(symbols)
        table += pack(order + "HHIII", 1, len(symbols), file, 16, following)
        for place, symbol in enumerate(symbols, 1):
            table += pack(order + "IHHII", 0, 0, 2, symbol, 0 if place == len(symbols) else 16)
    count = 2 + bool(interpreter)
    start = head_size + count * segment_size
    path = interpreter.encode() + b"\0"
    strings_at = start + len(path)
    table_at = strings_at + len(strings)
    dynamic_at = table_at + len(table)
    base = 0x10000
    tags += [(5, base + strings_at), (10, len(strings))]
    tags += [(0x6FFFFFFE, base + table_at), (0x6FFFFFFF, len(needs))] if needs else []
    dynamic = b"".join(pack(order + 2 * word, *tag) for tag in [*tags, (0, 0)])
    size = dynamic_at + len(dynamic)

    def segment(kind: int, offset: int, length: int) -> bytes:
        if bits == 64:
            return pack(order + "IIQQQQQQ", kind, 4, offset, base + offset, 0, length, length, 8)
        return pack(order + "IIIIIIII", kind, offset, base + offset, 0, length, length, 4, 8)

    segments = segment(1, 0, size) + segment(2, dynamic_at, len(dynamic))
    segments += segment(3, start, len(path)) if interpreter else b""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    head = ident + pack(
        order + "HHI" + 3 * word + "IHHHHHH",
        3,
        number,
        1,
        0,
        head_size,
        0,
        0,
        head_size,
        segment_size,
        count,
        0,
        0,
        0,
    )
    return bytes(head + segments + path + strings + table + dynamic)


def members(filename: str, content: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """All members of a good wheel of that name but RECORD.

    By default with the extension or module its tag promises.
    """
    name = parse_name(filename)
    pure = name.platform == "any"
    if content is None:
        content = {"demo/__init__.py": b"ANSWER = 42\n"} | ({} if pure else {EXTENSION: elf_file()})
    info = f"{name.distribution}-{name.version}.dist-info"
    lines = ["Wheel-Version: 1.0", "Generator: tests", f"Root-Is-Purelib: {str(pure).lower()}"]
    lines += [f"Tag: {tag}" for tag in sorted(expand_tag(name.tag))]
    lines += [f"Build: {name.build}"] if name.build else []
    metadata = (
        f"Metadata-Version: 2.1\nName: {name.distribution}\nVersion: {name.version}\n\nA demo.\n"
    )
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


def make_with(
    folder: Path,
    filename: str = PURE,
    content: Mapping[str, bytes] | None = None,
    *,
    metadata: str = "",
    level: str = "2.4",
    info: Mapping[str, str] | None = None,
) -> Path:
    """Write a good wheel with more lines in METADATA, and more files in dist-info."""
    files = members(filename, content)
    top = info_of(files)
    plain = files[f"{top}/METADATA"].decode().replace("Version: 2.1", f"Version: {level}")
    head, blank, body = plain.partition("\n\n")
    lines = f"\n{metadata.rstrip()}" if metadata else ""
    files[f"{top}/METADATA"] = f"{head}{lines}{blank}{body}".encode()
    files |= {f"{top}/{name}": text.encode() for name, text in (info or {}).items()}
    return write(folder / filename, files)
