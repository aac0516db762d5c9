"""What loaders, kernels and processors refuse in a native file."""

from __future__ import annotations

import pytest
from native_wheels import AARCH64, CORE, INIT, MUSL, NAME, PLAIN, codes, findings, module
from wheels import library

INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
SCRIPT = "demo-1.0.data/scripts/worker"
ARM_CORE = CORE.replace("x86_64", "aarch64")
MUSL_CORE = CORE.replace("-gnu", "-musl")


def core(**facts):
    return {CORE: module(**facts)}


def arm(**facts):
    return {ARM_CORE: module(number=183, **facts)}


BROKEN = {
    "an executable stack": (core(stack=7), NAME, "TW427 e", "stack"),
    "no word about the stack": (core(stack=None), NAME, "TW427 e", "no PT_GNU_STACK"),
    "an executable stack, not repaired": (core(stack=7), PLAIN, "TW427 e", "stack"),
    "an executable stack of a library": (
        {CORE: module(), "demo/libx.so": library(stack=7)}, NAME, "TW427 e", "2.41",
    ),
    "an executable stack on aarch64": (arm(stack=7), AARCH64, "TW427 e", "stack"),
    "an executable stack on musl": ({MUSL_CORE: module(stack=7)}, MUSL, "TW427 w", "stack"),
    "text relocations": (core(tags=[(22, 0)]), NAME, "TW428 w", "-fPIC"),
    "text relocations by a flag": (core(tags=[(30, 4)]), NAME, "TW428 w", "DT_TEXTREL"),
    "pages of 4 KiB on aarch64": (arm(align=0x1000), AARCH64, "TW429 e", "64 KiB"),
    "pages of 16 KiB on aarch64": (arm(align=0x4000), AARCH64, "TW429 e", "64 KiB"),
    "an address off its offset on aarch64": (arm(shift=0x1000), AARCH64, "TW429 e", "64 KiB"),
    "no pages": (core(align=16), NAME, "TW429 e", "4 KiB"),
    "an address off its offset": (core(align=0x1000, shift=8), NAME, "TW429 e", "modulo"),
    "x86-64-v2": (core(isa=3), NAME, "TW430 e", "x86-64-v2"),
    "x86-64-v3": (core(isa=4), NAME, "TW430 e", "x86-64-v3"),
    "x86-64-v4 of a library that is needed": (
        {CORE: module(["libx.so"], rpath="$ORIGIN"), "demo/libx.so": library(isa=15)},
        NAME, "TW430 e", "x86-64-v4",
    ),
    "x86-64-v4 of one of several libraries": (
        {CORE: module(), "demo/libx.so": library(isa=15)}, NAME, "TW430 w", "x86-64-v4",
    ),
    "an interpreter of Nix": (
        {CORE: module(), SCRIPT: library(interpreter="/nix/store/x-glibc/lib/ld.so.2")},
        NAME, "TW431 e", "/nix/store",
    ),
    "an interpreter of conda": (
        {CORE: module(), "demo/bin/tool": library(interpreter="/opt/conda/lib/ld-linux.so.2")},
        NAME, "TW431 e", "/opt/conda",
    ),
    "glibc and musl": (
        {
            CORE: module(["libc.so.6"]),
            "demo/_other.abi3.so": module(["libc.musl-x86_64.so.1"], exports=["PyInit__other"]),
        },
        PLAIN, "TW433 e", "musl",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "name", "code", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_refused_is_found(tmp_path, files, name, code, said):
    modes = dict.fromkeys(files, 0o755)
    items = findings(tmp_path, files, name, modes=modes)
    assert [code for code in codes(items) if code not in {"TW406 e", "TW410 e"}] == [code]
    assert any(said in item.message for item in items)


GOOD = {
    "a stack that is not executable": (core(stack=6), NAME),
    "no word about the stack on aarch64": (arm(stack=None), AARCH64),
    "pages of 4 KiB on x86_64": (core(align=0x1000), NAME),
    "pages of 2 MiB": (core(align=0x200000, shift=0x1F0000), NAME),
    "pages of 64 KiB on aarch64": (arm(shift=0x20000), AARCH64),
    "any x86-64": (core(isa=1), NAME),
    "a library for newer processors alone": (
        {CORE: module(), "demo.libs/glibc-hwcaps/x86-64-v3/libx.so.1": library(isa=4)}, NAME,
    ),
    "a script with the mode that installers give it": (
        {CORE: module(), SCRIPT: library(interpreter=INTERPRETER)}, NAME,
    ),
    "an interpreter of another system": (
        {CORE: module(), SCRIPT: library(interpreter="/lib/ld-musl-x86_64.so.1")}, PLAIN,
    ),
    "an interpreter in a library": (
        {CORE: module(), "demo/libx.so.1": library(interpreter="/nix/lib/ld.so")}, NAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "name"), GOOD.values(), ids=GOOD)
def test_their_neighbours_are_no_finding(tmp_path, files, name):
    assert not findings(tmp_path, files, name)


@pytest.mark.parametrize(("mode", "expected"), [(0o644, ["TW432 w"]), (0o755, []), (0o100755, [])])
@pytest.mark.parametrize(
    "content", [library(interpreter=INTERPRETER), library(kind=2)], ids=["dynamic", "static"]
)
def test_a_program_needs_its_executable_bit(tmp_path, content, mode, expected):
    files = {CORE: module(exports=[INIT]), "demo/bin/tool": content}
    assert codes(findings(tmp_path, files, modes={"demo/bin/tool": mode})) == expected
