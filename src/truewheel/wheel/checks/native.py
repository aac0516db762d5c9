"""Checks of native code: is it there, and is it for the machine and Python of the tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from truewheel.system import architectures
from truewheel.wheel import native_files, platform_policies
from truewheel.wheel.checks.contents import Contents, linux_machine
from truewheel.wheel.checks.findings import Code, Finding, counted, finding
from truewheel.wheel.checks.names import purelib
from truewheel.wheel.elf import Suffix
from truewheel.wheel.filename import WheelName
from truewheel.wheel.reader import Fields

_SYSTEMS = {"macosx": "Mach-O", "ios": "Mach-O", "win": "PE", "win32": "PE"}


def check_purelib(contents: Contents) -> Iterator[Finding]:
    """No native code is in a pure root or in purelib, which all architectures share (PEP 427)."""
    if contents.wheel is None or contents.is_any:
        return
    claim = f"WHEEL says Root-Is-Purelib: {purelib(contents.wheel)}"
    native = [member for member in contents.natives if _scheme(member, contents.wheel) == "purelib"]
    modules = [member for member in native if contents.is_module(member)]
    for member in modules:
        message = f"{claim}, this is an extension module for platlib; build it as one"
        yield finding(Code.TW401, message, member)
    if native and not modules:
        files = f"{counted(len(native), 'native file')} such as {native[0]}"
        message = f"{claim}, with {files} for platlib; it should be false"
        # vendors publish such wheels, and whoever installs them cannot change that
        severity = "warning" if contents.is_planned else "note"
        yield finding(Code.TW402, message, contents.file("WHEEL"), severity)


def _scheme(member: str, wheel: Fields) -> str:
    """Return the scheme that an installer puts a member into."""
    top, _, below = member.partition("/")
    if top.endswith(".data"):
        return below.partition("/")[0]
    return "purelib" if purelib(wheel) == "true" else "platlib"


def check_platform(contents: Contents) -> Iterator[Finding]:
    """Native code and the platform tag go together: none for `any`, some for a system."""
    if contents.name is None:
        return
    if contents.is_any:
        yield from _check_any(contents)
    elif (
        all(map(system_format, contents.platforms))
        and contents.is_whole
        and not _has_code(contents)
    ):
        platform = contents.name.platform
        message = f"the file name says {platform}, and no member is native: it should say any"
        # without an ABI no extension module is promised: headers for one system are such a wheel
        severity = "warning" if contents.name.abi.lower() == "none" else "error"
        yield finding(Code.TW404, message, severity=severity)


def _has_code(contents: Contents) -> bool:
    """Tell whether the wheel has native files, also for a device, or static libraries."""
    return any(
        scan.native or member.endswith((".a", ".lib", ".o"))
        for member, scan in contents.scans.items()
    )


def _check_any(contents: Contents) -> Iterator[Finding]:
    """Native code in a wheel for any platform must be for several systems.

    A program chooses from files for several systems at run time; files for one make the tag wrong.
    """
    formats = {native.format for native in contents.natives.values()}
    machines = {native.machines for native in contents.natives.values()}
    for member, native in contents.natives.items() if len(formats) == 1 else ():
        module = contents.is_module(member)
        # launchers for Windows are data elsewhere: pip itself has three
        if module or native.format == "ELF":
            alone = len(machines) == 1 or module
            machine = ", ".join(sorted(native.machines))
            message = f"native code ({native.format}, {machine}), but the file name says any"
            yield finding(Code.TW403, message, member, "error" if alone else "warning")


def check_machines(contents: Contents) -> Iterator[Finding]:
    """Native code is for the operating system and the machine that the platform tag names."""
    formats = {system_format(platform) for platform in contents.platforms}
    if not formats or contents.is_any or "" in formats:
        return
    promised = frozenset(
        machine for platform in contents.platforms for machine in _machines(platform)
    )
    if formats == {"ELF"} and not promised <= architectures.BY_NAME.keys():
        return  # a machine whose number is not known here, such as mips64el
    named = ", ".join(sorted(promised))
    for member, native in contents.natives.items():
        if native.format not in formats:
            if contents.is_module(member):
                message = (
                    f"{native.format} is not what {contents.platforms[0]} loads; build it there"
                )
                yield finding(Code.TW414, message, member)
        elif not native.machines & promised:
            machines = ", ".join(sorted(native.machines))
            other_data = native.format != "ELF" and not contents.is_module(member)
            message = f"it is for {machines}, the file name says {named}; build it there"
            yield finding(Code.TW405, message, member, "warning" if other_data else "error")


def system_format(platform: str) -> str:
    """Return the format of native files on a platform; "" for a platform that is not known here."""
    return "ELF" if linux_machine(platform) else _SYSTEMS.get(platform.partition("_")[0], "")


def _machines(platform: str) -> Iterable[str]:
    """Return the machines of a platform tag in the words of its own system (PEP 425, 730)."""
    if machine := linux_machine(platform):
        return {machine}
    if platform == "win32":
        return {"win32"}
    if platform.startswith("win_"):
        return {platform.removeprefix("win_")}
    match = re.fullmatch(r"(?:macosx|ios)_\d+_\d+_(.+?)(?:_iphoneos|_iphonesimulator)?", platform)
    return architectures.MACOS_GROUPS.get(match[1], {match[1]}) if match else ()


def check_suffixes(contents: Contents) -> Iterator[Finding]:
    """The tagged interpreters look for the suffix of each extension module (PEP 3149, 384, 703)."""
    name = contents.name
    if name is None or contents.is_any:
        return
    suffixes = {
        member: suffix for member in contents.natives if (suffix := native_files.suffix(member))
    }
    many = len({suffix.python for suffix in suffixes.values()}) > 1
    for member, suffix in suffixes.items():
        if not _loads(suffix, name, many):
            message = (
                f"only {suffix.python} ({suffix.abi}) loads it, "
                f"the file name says {name.python}-{name.abi}"
            )
            yield finding(Code.TW406, message, member)
        yield from _check_triplet(contents, member, suffix)
    for member in contents.natives:
        if member.endswith(".abi3.so") and any(
            abi.endswith("t") and abi != "abi3t" for abi in name.abi.split(".")
        ):
            message = f"free-threaded Python does not load .abi3.so, the file name says {name.abi}"
            yield finding(Code.TW406, message, member)
        if member.endswith(".abi3t.so") and not any(
            abi.endswith("t") for abi in name.abi.lower().split(".")
        ):
            message = f"only free-threaded Python loads .abi3t.so, the file name says {name.abi}"
            yield finding(Code.TW406, message, member)


def check_modules(contents: Contents) -> Iterator[Finding]:
    """What is named like an extension module is native code."""
    for member, scan in contents.scans.items():
        if scan.native is None and native_files.is_module(member):
            yield finding(
                Code.TW415,
                "it is neither ELF nor Mach-O nor PE: no interpreter can load it",
                member,
            )


def _loads(suffix: Suffix, name: WheelName, many: bool) -> bool:
    """Tell whether each Python of the tag loads a module with this suffix.

    A `py3` wheel may have one module for each of several Pythons (`many`).
    """
    pythons, abis = name.python.lower().split("."), name.abi.lower().split(".")
    generic = many and all(python.startswith("py") and python[2:].isdigit() for python in pythons)
    return (suffix.python in pythons or generic) and (suffix.abi in abis or "none" in abis)


def _check_triplet(contents: Contents, member: str, suffix: Suffix) -> Iterator[Finding]:
    """Check machine and C library in a suffix such as `.cpython-312-x86_64-linux-gnu.so`."""
    promised = {machine for machine in map(linux_machine, contents.platforms) if machine}
    if contents.elves.get(member) in promised and suffix.machine not in promised:
        message = f"named for {suffix.machine}, the file name says {', '.join(sorted(promised))}"
        yield finding(
            Code.TW407, f"{message}; set SETUPTOOLS_EXT_SUFFIX when cross-compiling", member
        )
    wanted = {
        libc for platform in contents.platforms for libc in _suffix_libcs(platform, suffix.python)
    }
    if promised and suffix.libc and suffix.libc not in wanted:
        message = (
            f"named for {suffix.libc}, "
            f"which {suffix.python} on {contents.platforms[0]} does not look for"
        )
        yield finding(Code.TW413, message, member)


def _suffix_libcs(platform: str, python: str) -> set[str]:
    """Return the C libraries that a Python on a platform may look for in the suffix of a module.

    CPython before 3.11 has the suffix of glibc on musl, too (python/cpython issue 87278); a system
    whose tag is `linux` may have either.
    """
    if not platform.startswith("linux_") and not platform_policies.is_musl(platform):
        return {"gnu"}
    is_settled = re.fullmatch(r"cp3(1[1-9]|[2-9]\d|\d{3,})", python) is not None
    return {"musl"} if is_settled and not platform.startswith("linux_") else {"musl", "gnu"}
