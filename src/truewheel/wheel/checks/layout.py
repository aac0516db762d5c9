"""Checks of what loaders, kernels and processors refuse in the layout of an ELF file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from truewheel.system import architectures
from truewheel.wheel import elf, platform_policies
from truewheel.wheel.checks.contents import Contents, linux_machine
from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.checks.loading import is_program
from truewheel.wheel.elf_layout import Layout

_INTERPRETER = re.compile(r"/lib(?:32|64|x32)?/ld[\w.-]*\.so\.\d+")
_LEVEL = re.compile(r".*_x86_64_v(\d)")


def check_layout(contents: Contents) -> Iterator[Finding]:
    """Each native file is laid out as the loaders of the tag take it."""
    for member, layout in _layouts(contents):
        yield from _check_stack(contents, member, layout)
        yield from _check_relocations(member, layout)
        yield from _check_pages(contents, member, layout)
        yield from _check_processor(contents, member, layout)
        yield from _check_interpreter(contents, member)


def _layouts(contents: Contents) -> Iterator[tuple[str, Layout]]:
    promised = {machine for machine in map(linux_machine, contents.platforms) if machine}
    for member, machine in contents.elves.items() if not contents.is_any else ():
        layout = contents.scans[member].layout
        if layout and machine in promised:
            yield member, layout


def _is_musl(contents: Contents) -> bool:
    return any(map(platform_policies.is_musl, contents.platforms))


def _check_stack(contents: Contents, member: str, layout: Layout) -> Iterator[Finding]:
    arch = architectures.BY_NAME.get(contents.elves[member])
    by_default = arch is not None and arch.has_executable_stack and layout.is_dynamic
    if layout.executable_stack or (layout.executable_stack is None and by_default):
        how = "PT_GNU_STACK with PF_X" if layout.executable_stack else "it has no PT_GNU_STACK"
        message = (
            f"it asks for an executable stack ({how}), which glibc from 2.41 on refuses to a "
            "library: link with -z noexecstack, give each assembler file its .note.GNU-stack"
        )
        # a program gets such a stack from the kernel, and musl does not look at the segment
        is_loaded = not is_program(contents, member) and not _is_musl(contents)
        yield finding(Code.TW427, message, member, "error" if is_loaded else "warning")


def _check_relocations(member: str, layout: Layout) -> Iterator[Finding]:
    if layout.has_text_relocations:
        message = (
            "it has text relocations (DT_TEXTREL), which a system with SELinux refuses: "
            "compile all of it with -fPIC"
        )
        yield finding(Code.TW428, message, member)


def _check_pages(contents: Contents, member: str, layout: Layout) -> Iterator[Finding]:
    machine = contents.elves[member]
    arch = architectures.BY_NAME.get(machine)
    page = arch.largest_page if arch else architectures.USUAL_PAGE
    size = f"{page // 1024} KiB"
    for offset, address, alignment in layout.loads:
        if alignment % page:
            message = (
                f"its load segments are aligned at {alignment} bytes, kernels of {machine} have "
                f"pages of up to {size}: link with -z max-page-size={page}"
            )
        elif (offset - address) % max(alignment, 1):
            message = (
                f"a load segment lies at {offset:#x} and wants the address {address:#x}, which "
                f"differ modulo its alignment of {alignment:#x} bytes, as pages of {size} need it: "
                "the tool that changed the file broke it (patchelf: --page-size)"
            )
        else:
            continue
        yield finding(Code.TW429, message, member)
        return


def _check_processor(contents: Contents, member: str, layout: Layout) -> Iterator[Finding]:
    levels = [_LEVEL.fullmatch(platform) for platform in contents.platforms]
    promised = min((int(level[1]) if level else 1 for level in levels), default=1)
    if layout.isa_level > promised and "glibc-hwcaps" not in member:
        # a library that nothing needs may be one of several, of which the processor's is loaded
        is_loaded = (
            contents.is_module(member)
            or is_program(contents, member)
            or _is_needed(contents, member)
        )
        message = (
            f"its note asks for a processor of x86-64-v{layout.isa_level}, the tag "
            f"{contents.platforms[0]} promises any: the loader refuses it on an older one; compile "
            "it for x86-64 (some systems' compilers ask for more by default, -march does)"
        )
        yield finding(Code.TW430, message, member, "error" if is_loaded else "warning")


def _is_needed(contents: Contents, member: str) -> bool:
    """Tell whether another file needs a member by its name or SONAME."""
    scans = [scan.needs for scan in contents.scans.values() if scan.needs]
    theirs = contents.scans[member].needs
    names = {member.rpartition("/")[2], theirs.soname if theirs else ""}
    return any(names.intersection(needs.libraries) for needs in scans)


def _check_interpreter(contents: Contents, member: str) -> Iterator[Finding]:
    needs = contents.scans[member].needs
    path = needs.interpreter if needs else ""
    if path and is_program(contents, member) and not _INTERPRETER.fullmatch(path):
        message = (
            f"its program interpreter is {path}, which other machines have not: link it with that "
            "of the system, such as /lib64/ld-linux-x86-64.so.2"
        )
        yield finding(Code.TW431, message, member)


def check_programs(contents: Contents) -> Iterator[Finding]:
    """Programs outside the scripts folder, whose mode installers set, have their executable bit."""
    modes = {entry.filename: entry.external_attr >> 16 for entry in contents.entries}
    for member, _ in _layouts(contents):
        below = member.partition("/")[2]
        if (
            is_program(contents, member)
            and not modes[member] & 0o111
            and not (".data/scripts/" in member and below.startswith("scripts/"))
        ):
            message = "it is a program without its executable bit: pack it with mode 755"
            yield finding(Code.TW432, message, member)


def check_mixture(contents: Contents) -> Iterator[Finding]:
    """All native files are linked against one C library."""
    names = {"gnu": "glibc", "musl": "musl"}
    users: dict[str, str] = {}
    for member, _ in _layouts(contents):
        needs = contents.scans[member].needs
        libc = elf.libc(needs.libraries, needs.interpreter) if needs else ""
        if libc:
            users.setdefault(names[libc], member)
    if len(users) > 1:
        listed = " and ".join(f"{member} against {libc}" for libc, member in sorted(users.items()))
        message = f"{listed}: no process has both; build all of it on one system"
        yield finding(Code.TW433, message)
