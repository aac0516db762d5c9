"""A good wheel, broken in one way at a time.

Each is found under its code, none ends in a traceback.
"""

from __future__ import annotations

import os
import random
import stat
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

import pytest
import wheels
from wheels import elf_file, library, macho_file, pe_file

from truewheel.build.validate import expand, validate, validate_set
from truewheel.report.findings import STYLES, render_findings
from truewheel.wheel.checks.upload import Destination

NAME = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
INFO = "demo-1.0.dist-info"
CORE = "demo/_core.cpython-312-x86_64-linux-gnu.so"
LIB = "demo.libs/libx-1f2e.so.1"
GLIBC = {"libc.so.6": ["GLIBC_2.17", "GLIBC_2.28"]}
GOOD = {
    "demo/__init__.py": b"ANSWER = 42\n" * 30,
    CORE: library(["libx-1f2e.so.1", "libc.so.6"], GLIBC, rpath="$ORIGIN/../demo.libs"),
    LIB: library(
        ["libstdc++.so.6"], {"libstdc++.so.6": ["GLIBCXX_3.4.24"]}, soname="libx-1f2e.so.1"
    ),
}

Files = dict[str, bytes]
Change = Callable[[Files], None]


def build(
    name: str = NAME,
    change: Change | None = None,
    compression: int = ZIP_DEFLATED,
    like: str = NAME,
) -> bytes:
    """The bytes of a wheel `name` with the files of `like`, changed before RECORD is written."""
    files = wheels.members(like, GOOD)
    if change:
        change(files)
    stream = BytesIO()
    wheels.write(stream, files, compression)
    return stream.getvalue()


def put(member: str, content: bytes) -> Change:
    return lambda files: files.update({member: content})


def swap(member: str, old: bytes, new: bytes) -> Change:
    def change(files: Files) -> None:
        assert old in files[member]
        files[member] = files[member].replace(old, new)

    return change


def recorded(edit: Callable[[bytes], bytes]) -> Change:
    def change(files: Files) -> None:
        files[f"{INFO}/RECORD"] = edit(wheels.record(files))

    return change


def rezipped(edit: Callable[[ZipInfo], None], member: str = "demo/__init__.py") -> bytes:
    """The same members, one entry edited before it is written."""
    files = wheels.members(NAME, GOOD)
    files[f"{INFO}/RECORD"] = wheels.record(files)
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = ZipInfo(name)
            if name == member:
                edit(info)
            archive.writestr(info, content)
    return stream.getvalue()


def mode(value: int) -> bytes:
    return rezipped(lambda info: setattr(info, "external_attr", value << 16))


def patched(old: bytes, new: bytes, count: int = 1, content: bytes | None = None) -> bytes:
    content = build(compression=ZIP_STORED) if content is None else content
    assert old in content
    return content.replace(old, new, count)


def local(field: slice, value: bytes) -> bytes:
    """Change a field of the first member's own header."""
    content = bytearray(build())
    content[field] = value
    return bytes(content)


def end(field: slice, value: bytes) -> bytes:
    content = bytearray(build())
    start = content.rindex(b"PK\5\6")
    content[start + field.start : start + field.stop] = value
    return bytes(content)


def streamed() -> bytes:
    """Written into a pipe: with data descriptors."""

    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    files = wheels.members(NAME, GOOD)
    files[f"{INFO}/RECORD"] = wheels.record(files)
    stream = Pipe()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(ZipInfo(name), "w") as member:
                member.write(content)
    return stream.getvalue()


def hidden_member() -> bytes:
    """A member that only readers without the directory see."""
    first, other = build(), BytesIO()
    with ZipFile(other, "w") as archive:
        archive.writestr("demo/evil.py", b"evil")
        length = archive.start_dir
    start = first.index(b"PK\1\2")
    content = bytearray(first[:start] + other.getvalue()[:length] + first[start:])
    place = content.rindex(b"PK\5\6") + 16
    content[place : place + 4] = struct.pack("<L", start + length)
    return bytes(content)


def commented(comment: bytes) -> bytes:
    stream = BytesIO(build())
    with ZipFile(stream, "a") as archive:
        archive.comment = comment
    return stream.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory for one member's bytes."""
    content = build(
        change=put("demo/__init__.pz", GOOD["demo/__init__.py"]), compression=ZIP_STORED
    )
    with ZipFile(BytesIO(content)) as archive:
        offset = archive.getinfo("demo/__init__.py").header_offset
        other = archive.getinfo("demo/__init__.pz").header_offset
    start = content.index(b"PK\1\2")
    places = [struct.pack("<L", place) + b"demo/__init__.pz" for place in (other, offset)]
    return content[:start] + content[start:].replace(*places)


def longer_than_declared() -> bytes:
    content = bytearray(build(compression=ZIP_STORED))
    size = struct.pack("<L", len(GOOD["demo/__init__.py"]))
    start = content.index(b"PK\1\2")
    for place in (22, start + 24):
        assert content[place : place + 4] == size
        content[place : place + 4] = struct.pack("<L", 9)
    return bytes(content)


def bomb() -> bytes:
    """A member that unpacks to 80 MB."""
    files = wheels.members(NAME, GOOD)
    files[f"{INFO}/RECORD"] = wheels.record(files) + b"demo/zeros,sha256=x,83886080\n"
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        with archive.open("demo/zeros", "w") as member:
            for _ in range(80):
                member.write(bytes(2**20))
    return stream.getvalue()


def renamed(name: str) -> tuple[str, bytes]:
    return name, build()


def native(
    member: str, content: bytes, name: str = NAME, change: Change | None = None
) -> tuple[str, bytes]:
    """A wheel of that name whose only native file is this."""

    def only(files: Files) -> None:
        del files[CORE], files[LIB]
        files[member] = content
        if change:
            change(files)

    return name, build(name, only, like=name)


def built(name: str) -> tuple[str, bytes]:
    """A wheel of that name whose WHEEL agrees with it."""
    return name, build(name, like=name)


def pure(*files: str) -> tuple[str, bytes]:
    """A pure wheel that holds files of these names too."""
    stream = BytesIO()
    wheels.write(stream, wheels.members(wheels.PURE) | dict.fromkeys(files, b""))
    return wheels.PURE, stream.getvalue()


def two_builds() -> tuple[str, bytes]:
    name = NAME.replace("1.0", "1.0-7")
    return name, build(name, swap(f"{INFO}/WHEEL", b"Build: 7", b"Build: 7\nBuild: 8"), like=name)


def required(line: bytes) -> Change:
    return swap(f"{INFO}/METADATA", b"\nVersion: 1.0\n", b"\nVersion: 1.0\n" + line + b"\n")


def elf_with(place: int, form: str, *values: int) -> bytes:
    """The good library with values of its header changed."""
    content = bytearray(GOOD[CORE])
    struct.pack_into(form, content, place, *values)
    return bytes(content)


def flagged(flag: int) -> bytes:
    content = bytearray(build())
    content[6] |= flag
    content[content.index(b"PK\1\2") + 8] |= flag
    return bytes(content)


def entry(field: slice, value: bytes) -> bytes:
    """Change a field of the directory's first entry."""
    content = bytearray(build())
    start = content.index(b"PK\1\2")
    content[start + field.start : start + field.stop] = value
    return bytes(content)


def entry_without_name() -> bytes:
    content = build(change=put("\1x.py", b""))
    return content.replace(b"\1x.py", b"\0x.py")


LINK, PIPE, DEVICE = (kind | 0o777 for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR))
PYTHON = GOOD["demo/__init__.py"]
HASH = wheels.record({"demo/__init__.py": PYTHON})
OTHER_NAME = struct.pack("<HHBL", 0x7075, 13, 1, zlib.crc32(b"demo/__init__.py")) + b"other.py"
LINUX = "demo-1.0-cp312-cp312-linux_x86_64.whl"
REQUIRES = swap(f"{INFO}/METADATA", b"\nVersion: 1.0\n", b"\nVersion: 1.0\nRequires-Dist: spam\n")
MUSL = "demo-1.0-cp312-cp312-musllinux_1_2_x86_64.whl"
THREADED = "demo-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl"
MAC, WINDOWS = "demo-1.0-cp312-cp312-macosx_11_0_arm64.whl", "demo-1.0-cp312-cp312-win_amd64.whl"

# what was done, the wheel (of NAME, or with a name of its own), the code that tells it
BROKEN: dict[str, tuple[object, str]] = {
    # names
    "no wheel name": (renamed("demo.whl"), "TW101"),
    "version not normal": (
        ("demo-1.0.0RC1-cp312-cp312-manylinux_2_28_x86_64.whl", build()),
        "TW102",
    ),
    "another version by mv": (renamed("demo-1.1-cp312-cp312-manylinux_2_28_x86_64.whl"), "TW208"),
    "another project by mv": (renamed("other-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"), "TW207"),
    "another platform by mv": (renamed("demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"), "TW204"),
    "another Python by mv": (renamed("demo-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"), "TW406"),
    "any platform by mv": (renamed("demo-1.0-py3-none-any.whl"), "TW403"),
    "a build tag by mv": (renamed("demo-1.0-7-cp312-cp312-manylinux_2_28_x86_64.whl"), "TW205"),
    "a label by mv": (renamed("demo-1.0-cp312-cp312-manylinux_2_28_x86_64-cu13.whl"), "TW210"),
    "a local version by mv": (
        renamed("demo-1.0+cu132-cp312-cp312-manylinux_2_28_x86_64.whl"),
        "TW202",
    ),
    "a platform that no system has": (built("demo-1.0-cp312-cp312-manylinux_x86_64.whl"), "TW104"),
    "a machine of another system": (built("demo-1.0-cp312-cp312-linux_amd64.whl"), "TW104"),
    "a machine of Debian": (built("demo-1.0-cp312-cp312-manylinux_2_28_arm64.whl"), "TW104"),
    "a Python that no interpreter is": (built("demo-1.0-python3-none-any.whl"), "TW104"),
    "an ABI of another Python": (built("demo-1.0-cp313-cp312-manylinux_2_28_x86_64.whl"), "TW104"),
    "a stable ABI of every Python": (built("demo-1.0-py3-abi3-manylinux_2_28_x86_64.whl"), "TW104"),
    "an ABI for any platform": (built("demo-1.0-cp312-cp312-any.whl"), "TW104"),
    # dist-info
    "no dist-info": (build().replace(b".dist-info/", b".dist-inf0/"), "TW201"),
    "two dist-infos": (build(change=put("old-0.9.dist-info/WHEEL", b"")), "TW201"),
    "no WHEEL": (build(change=lambda files: files.pop(f"{INFO}/WHEEL")), "TW203"),
    "WHEEL of a new format": (build(change=swap(f"{INFO}/WHEEL", b"on: 1.0", b"on: 2.0")), "TW203"),
    "WHEEL says it twice": (
        build(change=swap(f"{INFO}/WHEEL", b"Root", b"Root-Is-Purelib: true\nRoot")),
        "TW203",
    ),
    "two builds": (two_builds(), "TW203"),
    "no METADATA": (build(change=lambda files: files.pop(f"{INFO}/METADATA")), "TW206"),
    "METADATA not UTF-8": (build(change=put(f"{INFO}/METADATA", b"\xff")), "TW206"),
    "another Name inside": (
        build(change=swap(f"{INFO}/METADATA", b"Name: demo", b"Name: spam")),
        "TW207",
    ),
    "another Version inside": (
        build(change=swap(f"{INFO}/METADATA", b"\nVersion: 1", b"\nVersion: 2")),
        "TW208",
    ),
    "two Names": (
        build(change=swap(f"{INFO}/METADATA", b"Name: ", b"Name: demo\nName: ")),
        "TW206",
    ),
    "two Versions": (
        build(change=swap(f"{INFO}/METADATA", b"\nVersion: ", b"\nVersion: 1.0\nVersion: ")),
        "TW206",
    ),
    "a Name behind a bare return": (
        build(change=swap(f"{INFO}/METADATA", b"Name: ", b"X: y\rName: a\nY: ")),
        "TW207",
    ),
    "too many fields": (
        build(change=swap(f"{INFO}/METADATA", b"Name: ", b"X: y\n" * 300_000 + b"Name: ")),
        "TW206",
    ),
    "a requirement in no form": (build(change=required(b"Requires-Dist: spam >>> 1")), "TW213"),
    "a requirement without end": (
        build(change=required(b"Requires-Dist: spam;" + b"(" * 100_000)),
        "TW213",
    ),
    "a Python in no form": (build(change=required(b"Requires-Python: three")), "TW213"),
    "METADATA of a new format": (
        build(change=swap(f"{INFO}/METADATA", b"Version: 2.1", b"Version: 3.0")),
        "TW211",
    ),
    "no Metadata-Version": (
        build(change=swap(f"{INFO}/METADATA", b"Metadata-Version: 2.1\n", b"")),
        "TW211",
    ),
    "data of another version": (build(change=put("demo-0.9.data/scripts/x", b"")), "TW209"),
    "data for no place": (build(change=put("demo-1.0.data/tables/x", b"")), "TW209"),
    "data in no folder": (build(change=put("demo-1.0.data/x", b"")), "TW209"),
    # zip
    "not a zip": (b"this is not a wheel", "TW301"),
    "empty": (b"", "TW301"),
    "a gzip": (b"\x1f\x8b\x08" + bytes(100), "TW301"),
    "truncated by half": (build()[: len(build()) // 2], "TW301"),
    "the end cut off": (build()[:-30], "TW301"),
    "the beginning cut off": (build()[100:], "TW301"),
    "an encrypted member": (flagged(1), "TW302"),
    "a flag of another tool": (flagged(0x20), "TW302"),
    "bzip2": (build(compression=ZIP_BZIP2), "TW302"),
    "lzma": (build(compression=ZIP_LZMA), "TW302"),
    "a changed byte of content": (patched(b"ANSWER", b"ANSWEX"), "TW302"),
    "content longer than declared": (longer_than_declared(), "TW302"),
    "bytes before the zip": (b"#!/bin/sh\n" + build(), "TW314"),
    "bytes after the zip": (build() + b"tail", "TW319"),
    "another zip behind": (build() + build(), "TW314"),
    "a member not in the directory": (hidden_member(), "TW314"),
    "two entries for one member": (overlapping(), "TW314"),
    "another name in its own header": (patched(b"demo/__init__.py", b"demo/__evil__.py"), "TW315"),
    "another size in its own header": (local(slice(22, 26), struct.pack("<L", 5)), "TW315"),
    "another checksum in its own header": (local(slice(14, 18), b"abcd"), "TW315"),
    "another method in its own header": (local(slice(8, 10), b"\0\0"), "TW315"),
    "a name in an old encoding": (
        build().replace(b"demo/__init__.py", b"demo/__in\xfft__.py"),
        "TW316",
    ),
    "another Unicode name": (rezipped(lambda info: setattr(info, "extra", OTHER_NAME)), "TW316"),
    "data descriptors": (streamed(), "TW317"),
    "a comment of a member": (rezipped(lambda info: setattr(info, "comment", b"hello")), "TW318"),
    "a comment of the zip": (commented(b"hello"), "TW318"),
    "a comment like an end": (commented(b"PK\5\6 is here"), "TW301"),
    "another number of members": (end(slice(8, 12), struct.pack("<2H", 3, 3)), "TW319"),
    "a comment that is not there": (end(slice(20, 22), b"\5\0"), "TW319"),
    "a member on another disk": (entry(slice(34, 36), b"\1\0"), "TW315"),
    "another disk": (end(slice(4, 6), b"\1\0"), "TW319"),
    # members
    "out of the folder": (build(change=put("../evil.py", b"")), "TW311"),
    "out of the folder, deep inside": (build(change=put("demo/../../evil.py", b"")), "TW311"),
    "an absolute path": (build(change=put("/etc/cron.d/evil", b"")), "TW311"),
    "a drive letter": (build(change=put("C:/evil.py", b"")), "TW311"),
    "backslashes": (build(change=put("demo\\evil.py", b"")), "TW311"),
    "a name with NUL": (entry_without_name(), "TW311"),
    "dots and a space": (build(change=put("demo/.. /evil.py", b"")), "TW311"),
    "wide letters": (build(change=put("\uff0e\uff0e\uff0fevil.py", b"")), "TW311"),
    "a leader of two dots": (build(change=put("\u2025/evil.py", b"")), "TW311"),
    "a part that is too long": (build(change=put(f"demo/{'x' * 256}.py", b"")), "TW311"),
    "a path that is too long": (build(change=put("demo/" * 1000 + "x.py", b"")), "TW311"),
    "a folder out of the folder": (build(change=put("../evil/", b"")), "TW311"),
    "a symbolic link": (mode(LINK), "TW312"),
    "a pipe": (mode(PIPE), "TW312"),
    "a device": (mode(DEVICE), "TW312"),
    "a bomb": (bomb(), "TW313"),
    "a file that is a folder too": (build(change=put("demo", b"")), "TW320"),
    "one name in two cases": (pure("demo/README", "demo/readme"), "TW321"),
    "one name in two forms": (pure("demo/caf\xe9", "demo/cafe\u0301"), "TW321"),
    "two cases on Linux": (build(change=put("demo/__INIT__.py", b"")), "TW321"),
    # RECORD
    "no RECORD": (rezipped(lambda info: None).replace(b"info/RECORD", b"info/RECURD"), "TW303"),
    "RECORD is no CSV": (build(change=recorded(lambda _: b'"')), "TW303"),
    "a member not in RECORD": (
        build(change=recorded(lambda text: text.replace(HASH, b""))),
        "TW304",
    ),
    "a row without member": (
        build(change=recorded(lambda text: text + b"demo/gone.py,sha256=x,1\n")),
        "TW305",
    ),
    "a row twice": (build(change=recorded(lambda text: text + HASH)), "TW306"),
    "a wrong hash": (
        build(change=recorded(lambda text: text.replace(b"sha256=", b"sha256=A", 1))),
        "TW307",
    ),
    "a wrong size": (
        build(change=recorded(lambda text: text.replace(b",360\n", b",361\n"))),
        "TW308",
    ),
    "a hash of itself": (
        build(change=recorded(lambda text: text + f"{INFO}/RECORD,sha256=x,1\n".encode())),
        "TW307",
    ),
    "rows without end": (build(change=recorded(lambda text: text + b"x,,\n" * 5000)), "TW303"),
    "a weak hash": (
        build(change=recorded(lambda text: text.replace(b"sha256=", b"md5=", 1))),
        "TW309",
    ),
    "no hash": (
        build(change=recorded(lambda text: text.replace(HASH, b"demo/__init__.py,,\n"))),
        "TW309",
    ),
    # native code
    "a pure root": (build(change=swap(f"{INFO}/WHEEL", b"lib: false", b"lib: true")), "TW401"),
    "a module in purelib": (
        build(change=put("demo-1.0.data/purelib/demo/_c.abi3.so", library())),
        "TW401",
    ),
    "no native code for Windows": (native("demo/data.txt", b"", WINDOWS), "TW404"),
    "no native code": (native("demo/data.txt", b""), "TW404"),
    "code for aarch64": (native(CORE, library(number=183)), "TW405"),
    "a library for aarch64": (build(change=put("demo.libs/liby.so.2", elf_file(183))), "TW405"),
    "tagged for aarch64": (native(CORE, library(), NAME.replace("x86_64", "aarch64")), "TW405"),
    "code for 32 bits": (native(CORE, library(number=3, bits=32)), "TW405"),
    "code for x86_64 on macOS": (native("_c.so", macho_file("x86_64"), MAC), "TW405"),
    "code for ARM on Windows": (native("_c.pyd", pe_file("arm64"), WINDOWS), "TW405"),
    "suffix of another Python": (
        native("demo/_c.cpython-311-x86_64-linux-gnu.so", library()),
        "TW406",
    ),
    "suffix of free-threaded Python": (
        native("demo/_c.cpython-312t-x86_64-linux-gnu.so", library()),
        "TW406",
    ),
    "free-threaded stable ABI": (native("demo/_c.abi3t.so", library()), "TW406"),
    "stable ABI, free-threaded": (native("demo/_c.abi3.so", library(), THREADED), "TW406"),
    "suffix of one Python, stable ABI": (
        native(CORE, library(), NAME.replace("cp312-cp312", "cp312-abi3")),
        "TW406",
    ),
    "suffix of another Python on Windows": (
        native("_c.cp311-win_amd64.pyd", pe_file("amd64"), WINDOWS),
        "TW406",
    ),
    "suffix of another machine": (native(CORE.replace("x86_64", "aarch64"), library()), "TW407"),
    "a truncated ELF": (native(CORE, GOOD[CORE][:-40]), "TW408"),
    "sections beyond the end": (native(CORE, elf_with(40, "<Q", 10**6)), "TW408"),
    "sections of another size": (native(CORE, elf_with(58, "<HH", 1, 3)), "TW408"),
    "segments of another size": (native(CORE, elf_with(54, "<H", 1)), "TW408"),
    "no segments": (native(CORE, elf_with(56, "<H", 0)), "TW408"),
    "an object file": (native(CORE, elf_with(16, "<H", 1)), "TW408"),
    "another version of ELF": (native(CORE, elf_with(20, "<L", 2)), "TW408"),
    "names without end": (native(CORE, library(["x" * 4000] * 17)), "TW408"),
    "a truncated program": (
        build(change=put("demo-1.0.data/scripts/tool", library()[:-9])),
        "TW408",
    ),
    "a program of no machine": (
        build(change=put("demo-1.0.data/scripts/tool", elf_file(9999))),
        "TW405",
    ),
    "a newer glibc": (native(CORE, library(["libc.so.6"], {"libc.so.6": ["GLIBC_2.34"]})), "TW409"),
    "a newer libstdc++": (
        native(CORE, library([], {"libstdc++.so.6": ["GLIBCXX_3.4.29"]})),
        "TW409",
    ),
    "a newer C++ ABI": (native(CORE, library([], {"libstdc++.so.6": ["CXXABI_1.3.13"]})), "TW409"),
    "a private symbol of glibc": (
        native(CORE, library([], {"libc.so.6": ["GLIBC_PRIVATE"]})),
        "TW409",
    ),
    "a library that is not there": (native(CORE, library(["libssl.so.3"])), "TW410"),
    "a lost graft, others required": (
        native(CORE, library(["libx-0a1b2c3d.so.1"]), change=REQUIRES),
        "TW410",
    ),
    "a library that is missing, others required": (
        native(CORE, library(["libssl.so.3"]), change=REQUIRES),
        "TW410",
    ),
    "a library of a framework": (native(CORE, library(["libtorch.so"])), "TW410"),
    "Linux files for any platform": (
        native("_c.so", library(), "demo-1.0-py3-none-any.whl"),
        "TW403",
    ),
    "a graft that is text": (build(change=put(LIB, b"libx.so.1.2")), "TW410"),
    "a grafted library lost": (build(change=lambda files: files.pop(LIB)), "TW410"),
    "the driver's library": (native(CORE, library(["libcuda.so.1"])), "TW410"),
    "glibc in a musllinux wheel": (native("_c.so", library(["libc.so.6"]), MUSL), "TW411"),
    "musl in a manylinux wheel": (native(CORE, library(["libc.musl-x86_64.so.1"])), "TW411"),
    "a program for musl": (
        native("demo/tool", library(interpreter="/lib/ld-musl-x86_64.so.1")),
        "TW411",
    ),
    "the build's RPATH": (native(CORE, library(rpath="/build/lib:$ORIGIN")), "TW412"),
    "an RPATH above all packages": (native(CORE, library(rpath="$ORIGIN/../..")), "TW412"),
    "an RPATH that only begins like one": (native(CORE, library(rpath="$ORIGINAL/lib")), "TW412"),
    "a suffix of glibc on musl": (native(CORE, library(), MUSL), "TW413"),
    "ELF on macOS": (native("demo/_c.cpython-312-darwin.so", library(), MAC), "TW414"),
    "ELF on Windows": (native("_c.cp312-win_amd64.pyd", library(), WINDOWS), "TW414"),
    "Mach-O on Linux": (native(CORE, macho_file("arm64")), "TW414"),
    "text for a module": (native(CORE, b"not native"), "TW415"),
}
WARNINGS = {
    *("data descriptors", "a comment of a member", "a comment of the zip"),
    *(
        "the driver's library",
        "a library of a framework",
    ),
    *(
        "the build's RPATH",
        "an RPATH above all packages",
        "an RPATH that only begins like one",
        "two cases on Linux",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_broken_wheel_is_found(tmp_path, what):
    wheel, code = BROKEN[what]
    name, content = wheel if isinstance(wheel, tuple) else (NAME, wheel)
    (tmp_path / name).write_bytes(content)
    findings = validate(tmp_path / name)
    severities = {item.severity for item in findings if item.code.name == code}
    assert severities == {"warning" if what in WARNINGS else "error"}, findings
    for style in STYLES:
        render_findings([(tmp_path / name, findings)], style)


def test_the_wheel_that_was_broken_is_good(tmp_path):
    (tmp_path / NAME).write_bytes(build())
    assert validate(tmp_path / NAME) == []
    (tmp_path / NAME).write_bytes(rezipped(lambda info: None))
    assert validate(tmp_path / NAME) == []


LICENSED = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n"
REFUSED: dict[str, tuple[object, str]] = {
    "data descriptors": (streamed(), "TW317"),
    "a comment of a member": (rezipped(lambda info: setattr(info, "comment", b"hello")), "TW318"),
    "a license file that is missing": (build(change=put(f"{INFO}/METADATA", LICENSED)), "TW212"),
    "a new metadata version": (
        build(change=swap(f"{INFO}/METADATA", b"Version: 2.1", b"Version: 2.6")),
        "TW211",
    ),
    "a local version": (
        (NAME.replace("1.0", "1.0+cu132"), build(like=NAME.replace("1.0", "1.0+cu132"))),
        "TW601",
    ),
    "a linux tag": ((LINUX, build(like=LINUX)), "TW601"),
    "a name in capitals": (
        (NAME.replace("demo", "Demo"), build(like=NAME.replace("demo", "Demo"))),
        "TW601",
    ),
    "a dist-info in capitals": ((NAME, build(like=NAME.replace("demo", "Demo"))), "TW603"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_only_the_public_index_refuses(tmp_path, what):
    wheel, code = REFUSED[what]
    name, content = wheel if isinstance(wheel, tuple) else (NAME, wheel)
    (tmp_path / name).write_bytes(content)
    elsewhere = validate(tmp_path / name)
    assert "error" not in {item.severity for item in elsewhere}, elsewhere
    findings = validate(tmp_path / name, Destination("pypi"))
    assert [item.severity for item in findings if item.code.name == code] == ["error"] * sum(
        item.code.name == code for item in findings
    )
    assert code in {item.code.name for item in findings}


@pytest.mark.parametrize(("limit", "codes"), [(0, []), (10**6, []), (1000, ["TW602"])])
def test_the_limit_of_an_index(tmp_path, limit, codes):
    (tmp_path / NAME).write_bytes(build())
    assert [
        item.code.name for item in validate(tmp_path / NAME, Destination("pypi", limit))
    ] == codes


def test_a_license_in_its_folder_is_found(tmp_path):
    def licensed(files: Files) -> None:
        files |= {f"{INFO}/METADATA": LICENSED, f"{INFO}/licenses/LICENSE": b"MIT"}

    (tmp_path / NAME).write_bytes(build(change=licensed))
    assert validate(tmp_path / NAME, Destination("pypi")) == []


def test_what_is_named_like_a_wheel_and_is_no_file(tmp_path):
    (tmp_path / "demo-1.0-py3-none-any.whl").mkdir()
    (tmp_path / "demo-1.1-py3-none-any.whl").symlink_to("gone")
    os.mkfifo(tmp_path / "demo-1.2-py3-none-any.whl")
    (tmp_path / ".demo-1.3-py3-none-any.whl").mkdir()
    results = validate_set(expand([tmp_path]))
    assert [[item.code.name for item in findings] for _, findings in results] == [["TW301"]] * 3


# a set of wheels


def test_one_name_with_different_bytes(tmp_path):
    paths = [tmp_path / folder / NAME for folder in "abc"]
    for path, content in zip(paths, (build(), build(), build(compression=ZIP_STORED))):
        path.parent.mkdir()
        path.write_bytes(content)
    assert [[item.code.name for item in findings] for _, findings in validate_set(paths)] == [
        ["TW501"]
    ] * 3
    assert [findings for _, findings in validate_set(paths[:2])] == [[], []]


def test_packages_of_one_pipeline_have_one_build_tag(tmp_path):
    names = [
        "demo-1.0-7-py3-none-any.whl",
        "spam-1.0-7-py3-none-any.whl",
        "eggs-1.0-8-py3-none-any.whl",
    ]
    paths = [wheels.make(tmp_path, name) for name in names]
    assert [findings for _, findings in validate_set(paths[:2])] == [[], []]
    for _, (item,) in validate_set(paths):
        assert (item.code.name, item.severity) == ("TW502", "warning")
        assert "7, 8" in item.message


def test_a_set_against_the_names_of_a_plan(tmp_path):
    path = wheels.make(tmp_path, wheels.PURE)
    assert validate_set([path], planned=[wheels.PURE]) == [(path, [])]
    results = validate_set([path], planned=[NAME])
    assert [(str(where), item.code.name) for where, (item,) in results] == [
        (str(path), "TW504"),
        (NAME, "TW503"),
    ]


# whatever comes


def test_of_random_damage_nothing_passes_that_changes_what_is_installed(tmp_path):
    chance = random.Random(20261122)  # noqa: S311
    good = {
        compression: build(compression=compression) for compression in (ZIP_STORED, ZIP_DEFLATED)
    }
    path = tmp_path / NAME
    for number in range(600):
        content = bytearray(good[chance.choice((ZIP_STORED, ZIP_DEFLATED))])
        place = chance.randrange(len(content))
        kind = number % 4
        if kind == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del content[place:]
        elif kind == 2:
            del content[place : place + chance.randrange(1, 50)]
        else:
            content[place:place] = chance.randbytes(chance.randrange(1, 50))
        path.write_bytes(content)
        findings = validate(path)
        if kind and not any(item.severity == "error" for item in findings):
            raise AssertionError((kind, place, findings))
        if not findings:
            assert installed(bytes(content)) == installed(good[ZIP_STORED])


def installed(content: bytes) -> Files:
    with ZipFile(BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_any_bytes_for_native_code_end_without_a_traceback(tmp_path):
    chance = random.Random(7)  # noqa: S311
    for _ in range(300):
        content = bytearray(GOOD[CORE])
        for _ in range(chance.randrange(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        name, wheel = native(CORE, bytes(content[: chance.randrange(20, len(content) + 1)]))
        (tmp_path / name).write_bytes(wheel)
        validate(tmp_path / name)


def test_a_huge_directory_is_not_read(tmp_path):
    content = bytearray(build())
    place = content.rindex(b"PK\5\6") + 12
    content[place : place + 4] = struct.pack("<L", 2**31)
    (tmp_path / NAME).write_bytes(content)
    (item,) = validate(tmp_path / NAME)
    assert item.code.name == "TW301"
    assert "directory" in item.message


def test_memory_stays_bounded(tmp_path):
    import tracemalloc

    path: Path = tmp_path / NAME
    content = {
        "demo/big.bin": random.Random(1).randbytes(2**20) * 40,  # noqa: S311
        "demo/_core.so": library() + bytes(40 * 2**20),
    }
    wheels.write(path, wheels.members(NAME, content), ZIP_STORED)
    del content
    tracemalloc.start()
    assert validate(path) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 48 * 2**20
