"""What validate says of native code is what the loader of this machine does with it."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import native_wheels
import pytest

from truewheel.build.validate import validate
from truewheel.wheel.checks.loading import installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++"),
    pytest.mark.skipif(
        (sys.platform, platform.machine(), platform.libc_ver()[0]) != ("linux", "x86_64", "glibc"),
        reason="needs the loader of glibc on x86_64",
    ),
]

NAME = "demo-1.0-py3-none-linux_x86_64.whl"
CORE = "demo/_core.so"
SOURCES = {
    "deep.c": "int deep(void) { return 1; } int deeper(void) { return 2; }",
    "middle.c": "int deep(void); int middle(void) { return deep(); }",
    "core.c": "int deep(void); int PyInit__core(void) { return deep(); }",
    "deeper.c": "int deeper(void); int PyInit__core(void) { return deeper(); }",
    "chain.c": "int middle(void); int PyInit__core(void) { return middle(); }",
    "lost.c": "int lost(void); int PyInit__core(void) { return lost(); }",
    "weak.c": "int lost(void) __attribute__((weak)); int PyInit__core(void) { return !!lost; }",
    "libc.c": "int getpid(void); int PyInit__core(void) { return getpid(); }",
    "core.cc": '#include <string>\nextern "C" int PyInit__core() { return std::string(9, 1)[0]; }',
    "one.map": "ONE { global: deep; local: *; };",
    "two.map": "ONE { global: deep; local: *; }; TWO { global: deeper; } ONE;",
}
DEEP = "gcc {shared} -Wl,-soname,libdeep.so.1 deep.c -o libdeep.so.1"
MIDDLE = "gcc {shared} -Wl,-soname,libmiddle.so.1 middle.c libdeep.so.1 -o libmiddle.so.1"
NEWER = "gcc {shared} -Wl,-soname,libdeep.so.1,--version-script,two.map deep.c -o new/libdeep.so.1"
OLDER = NEWER.replace("two.map", "one.map").replace("new/", "")
BESIDE = "-Wl,-rpath,$ORIGIN"


class Case(NamedTuple):
    """How a wheel is built, what is in it, and the code that is found: "" where it loads."""

    commands: list[str]
    members: dict[str, str]
    code: str = ""


CORE_AND_DEEP = {CORE: "core.so", "demo/libdeep.so.1": "libdeep.so.1"}
CHAIN = {CORE: "core.so"} | {f"demo/libs/{n}": n for n in ("libdeep.so.1", "libmiddle.so.1")}
SMALL_PAGES = ",-z,max-page-size=16,-z,common-page-size=16"
LINK_CHAIN = "gcc {shared} chain.c libmiddle.so.1 -Wl,-rpath-link,. -o core.so -Wl,{tags}"
FIRST_DEEP = LINK_CHAIN.replace("chain.c", "chain.c -Wl,--no-as-needed libdeep.so.1")
PATHS = "-rpath,$ORIGIN/libs"
LINK_BESIDE = f"gcc {{shared}} core.c libdeep.so.1 {BESIDE} -o core.so"
LINK_NEWER = f"gcc {{shared}} deeper.c new/libdeep.so.1 {BESIDE} -o core.so"
ALONE = {CORE: "core.so"}


def chain(tags: str) -> list[str]:
    return [DEEP, MIDDLE, LINK_CHAIN.replace("{tags}", tags)]


CASES = {
    "no run path": Case(
        [DEEP, "gcc {shared} core.c libdeep.so.1 -o core.so"], CORE_AND_DEEP, "TW416"
    ),
    "a run path": Case([DEEP, LINK_BESIDE], CORE_AND_DEEP),
    "another file name": Case(
        [DEEP, LINK_BESIDE], {CORE: "core.so", "demo/libdeep.so.1.2": "libdeep.so.1"}, "TW416"
    ),
    "DT_RUNPATH, not inherited": Case(chain(f"--enable-new-dtags,{PATHS}"), CHAIN, "TW416"),
    "DT_RPATH, inherited": Case(chain(f"--disable-new-dtags,{PATHS}"), CHAIN),
    "loaded already by its SONAME": Case(
        [DEEP, MIDDLE, FIRST_DEEP.replace("{tags}", f"--enable-new-dtags,{PATHS}")], CHAIN
    ),
    "a path for a name": Case(
        ["gcc {shared} deep.c -o new/libdeep.so", "gcc {shared} core.c new/libdeep.so -o core.so"],
        {CORE: "core.so", "demo/new/libdeep.so": "new/libdeep.so"},
        "TW418",
    ),
    "an older build": Case([NEWER, OLDER, LINK_NEWER], CORE_AND_DEEP, "TW419"),
    "a build without versions": Case([NEWER, DEEP, LINK_NEWER], CORE_AND_DEEP, "TW419"),
    "the same build": Case(
        [NEWER, LINK_NEWER], {CORE: "core.so", "demo/libdeep.so.1": "new/libdeep.so.1"}
    ),
    "a lost symbol": Case(["gcc {shared} lost.c -o core.so"], ALONE, "TW420"),
    "a lost symbol, by the old hash table": Case(
        ["gcc {shared} -Wl,--hash-style=sysv lost.c -o core.so"], ALONE, "TW420"
    ),
    "a weak symbol": Case(["gcc {shared} weak.c -o core.so"], ALONE),
    "a symbol of libc, not linked": Case(["gcc {shared} libc.c -o core.so"], ALONE),
    "C++ with its library": Case(["g++ -shared -fPIC core.cc -o core.so"], ALONE),
    "pages that are none": Case(
        [f"gcc {{shared}} weak.c -o core.so -Wl,-z,norelro{SMALL_PAGES}"], ALONE, "TW429"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_validate_and_the_loader_agree(tmp_path, case):
    (tmp_path / "new").mkdir()
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command in case.commands:
        argv = command.format(shared="-shared -fPIC -nostdlib").split()
        subprocess.run(argv, cwd=tmp_path, check=True)
    files = {member: (tmp_path / path).read_bytes() for member, path in case.members.items()}
    wheel = native_wheels.write(tmp_path, files, NAME)
    errors = {item.code.name for item in validate(wheel) if item.severity == "error"}
    result = _load(tmp_path / "prefix", files)
    assert (result.returncode != 0) == bool(case.code), result.stderr
    assert case.code in errors or (not case.code and not errors)


def _load(prefix: Path, files: dict[str, bytes]) -> subprocess.CompletedProcess[str]:
    """Load the module of an installed wheel as Python does, in a process of its own."""
    for member, content in files.items():
        place = prefix / installed(member)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    script = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW)"
    argv = [sys.executable, "-c", script, str(prefix / installed(CORE))]
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
