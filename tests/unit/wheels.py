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
    old_rpath: str = "",
    soname: str = "",
    exports: Sequence[str] = (),
    undefined: Sequence[str] = (),
    weak: Sequence[str] = (),
    defines: Sequence[str] = (),
    interpreter: str = "",
    number: int = 62,
    bits: int = 64,
    order: str = "<",
    stack: int | None = 6,
    align: int = 0x10000,
    shift: int = 0,
    isa: int = 0,
    tags: Sequence[tuple[int, int]] = (),
    kind: int = 3,
) -> bytes:
    """An ELF library that the loader could read.

    One load segment, with a dynamic section, names, symbols and version needs. `rpath` is a
    DT_RUNPATH, `old_rpath` a DT_RPATH; `defines` are symbol versions that it has, `versions` those
    that it needs; `stack` are the flags of PT_GNU_STACK, None for no such segment; `shift` moves
    all addresses, `isa` are the bits of its x86 property note.
    """
    word, head_size, segment_size = ("Q", 64, 56) if bits == 64 else ("I", 52, 32)
    strings = bytearray(b"\0")

    def name(text: str) -> int:
        strings.extend(text.encode() + b"\0")
        return len(strings) - len(text.encode()) - 1

    dynamic_tags = [(1, name(library)) for library in needed]
    dynamic_tags += [(14, name(soname))] if soname else []
    dynamic_tags += [(29, name(rpath))] if rpath else []
    dynamic_tags += [(15, name(old_rpath))] if old_rpath else []
    needs = [
        (name(library), [name(symbol) for symbol in symbols])
        for library, symbols in (versions or {}).items()
    ]
    symbols = _symbols(
        [*((name(item), 1) for item in undefined), *((name(item), 2) for item in weak)],
        [name(item) for item in exports],
        bits,
        order,
    )
    note = pack(order + "IIIII", 4, 16, 5, *(0x554E47, 0xC0008002)) + pack(order + "III", 4, isa, 0)
    path = interpreter.encode() + b"\0"
    parts = {
        "path": path,
        "strings": bytes(strings),
        "needs": _version_needs(needs, order),
        "symbols": symbols,
        "hash": _gnu_hash(exports, 1 + len(undefined) + len(weak), bits, order),
        "definitions": _version_definitions([name(item) for item in defines], order),
        "note": note if isa else b"",
    }
    parts["strings"] = bytes(strings)
    count = 2 + bool(interpreter) + (stack is not None) + bool(isa)
    place = head_size + count * segment_size
    at = {}
    for part, content in parts.items():
        place += -place % 8
        at[part] = place
        place += len(content)
    dynamic_at = place + -place % 8
    base = 0x10000 + shift
    dynamic_tags += [(5, base + at["strings"]), (10, len(strings)), *tags]
    dynamic_tags += [(6, base + at["symbols"]), (0x6FFFFEF5, base + at["hash"])] if symbols else []
    if needs:
        dynamic_tags += [(0x6FFFFFFE, base + at["needs"]), (0x6FFFFFFF, len(needs))]
    if defines:
        dynamic_tags += [(0x6FFFFFFC, base + at["definitions"]), (0x6FFFFFFD, len(defines))]
    dynamic = b"".join(pack(order + 2 * word, *tag) for tag in [*dynamic_tags, (0, 0)])
    size = dynamic_at + len(dynamic)

    def segment(kind: int, offset: int, length: int, flags: int = 4, align: int = 8) -> bytes:
        if bits == 64:
            facts = (kind, flags, offset, base + offset, 0, length, length, align)
            return pack(order + "IIQQQQQQ", *facts)
        facts = (kind, offset, base + offset, 0, length, length, flags, align)
        return pack(order + "IIIIIIII", *facts)

    segments = segment(1, 0, size, align=align) + segment(2, dynamic_at, len(dynamic))
    segments += segment(3, at["path"], len(path)) if interpreter else b""
    segments += segment(0x6474E551, 0, 0, stack) if stack is not None else b""
    segments += segment(0x6474E553, at["note"], len(note)) if isa else b""
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    facts = (kind, number, 1, 0, head_size, 0, 0, head_size, segment_size, count, 0, 0, 0)
    content = bytearray(ident + pack(order + "HHI" + 3 * word + "IHHHHHH", *facts) + segments)
    for part, text in parts.items():
        content += bytes(at[part] - len(content)) + text
    return bytes(content + bytes(dynamic_at - len(content)) + dynamic)


def _symbols(
    undefined: Sequence[tuple[int, int]], exports: Sequence[int], bits: int, order: str
) -> bytes:
    """A symbol table: what is undefined, by name and binding, before what is exported."""
    if not undefined and not exports:
        return b""
    entries = [(0, 0, 0), *((name, binding << 4, 0) for name, binding in undefined)]
    entries += [(name, 1 << 4, 1) for name in exports]
    if bits == 64:
        return b"".join(pack(order + "IBBHQQ", n, info, 0, at, 0, 0) for n, info, at in entries)
    return b"".join(pack(order + "IIIBBH", n, 0, 0, info, 0, at) for n, info, at in entries)


def _gnu_hash(names: Sequence[str], first: int, bits: int, order: str) -> bytes:
    """The GNU hash section of exported names, with a single bucket."""
    hashes = []
    for name in names:
        value = 5381
        for byte in name.encode():
            value = (value * 33 + byte) % 2**32
        hashes.append(value & ~1)
    if hashes:
        hashes[-1] |= 1
    bloom = b"\xff" * (bits // 8)
    bucket = first if names else 0
    return (
        pack(order + "IIII", 1, first, 1, 0)
        + bloom
        + pack(order + "I", bucket)
        + b"".join(pack(order + "I", value) for value in hashes)
    )


def _version_needs(needs: Sequence[tuple[int, Sequence[int]]], order: str) -> bytes:
    table = bytearray()
    index = 2
    for number, (file, symbols) in enumerate(needs, 1):
        following = 0 if number == len(needs) else 16 + 16 * len(symbols)
        table += pack(order + "HHIII", 1, len(symbols), file, 16, following)
        for place, symbol in enumerate(symbols, 1):
            step = 0 if place == len(symbols) else 16
            table += pack(order + "IHHII", 0, 0, index, symbol, step)
            index += 1
    return bytes(table)


def _version_definitions(names: Sequence[int], order: str) -> bytes:
    table = bytearray()
    for number, name in enumerate(names, 1):
        following = 0 if number == len(names) else 28
        table += pack(order + "HHHHIII", 1, 0, 1 + number, 1, 0, 20, following)
        table += pack(order + "II", name, 0)
    return bytes(table)


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
