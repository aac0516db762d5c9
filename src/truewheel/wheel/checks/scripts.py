"""Checks of the files that installers put beside the interpreter: `.data/scripts`.

Source: PEP 427; what pip 26.3 and uv 0.13.9 do: they replace an interpreter that begins with
`python`, and leave any other first line as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding

_REWRITTEN = b"#!python"
_SYSTEM = {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/system/bin"}
"""Folders of programs that every system has."""

_HINT = "begin with #!python, for which installers write the interpreter"


def check_scripts(contents: Contents) -> Iterator[Finding]:
    """No folder is among the scripts, and each begins as the system or an installer wants it."""
    for member, place in contents.places.items():
        scheme, _, below = place.partition("/")
        if scheme != "scripts":
            continue
        if "/" in below:
            message = "uv refuses a wheel with a folder among the scripts, and leaves half of it"
            yield finding(Code.TW322, f"{message}; put the file directly into scripts", member)
        elif (scan := contents.scans.get(member)) and scan.native is None and _is_posix(contents):
            yield from _check_start(member, scan.start, is_old=_is_old(contents))


def _is_posix(contents: Contents) -> bool:
    return not all(platform.startswith("win") for platform in contents.platforms)


def _is_old(contents: Contents) -> bool:
    """Tell whether the wheel is for Python 2 alone."""
    tags = contents.name.python.lower().split(".") if contents.name else []
    return all(re.match(r"(?:py|cp|pp)2", tag) for tag in tags)


def _check_start(member: str, start: bytes, *, is_old: bool) -> Iterator[Finding]:
    line = start.partition(b"\n")[0]
    if start.startswith(b"\xef\xbb\xbf#!"):
        message = "a byte order mark stands before #!, and the system runs it with the shell"
        yield finding(Code.TW323, f"{message}; write it without", member)
    elif not line.startswith(b"#!"):
        suffix = PurePosixPath(member).suffix
        if suffix == ".py" or (suffix == "" and _is_python(start)):
            message = "it has no first line with #!, and the shell runs it, not Python"
            yield finding(Code.TW323, f"{message}; {_HINT}", member)
    elif not line.startswith(_REWRITTEN):
        yield from _check_interpreter(member, line, is_old=is_old)


def _is_python(start: bytes) -> bool:
    return re.search(rb"(?m)^(import \w+|from [\w.]+ import |def \w+\()", start) is not None


def _check_interpreter(member: str, line: bytes, *, is_old: bool) -> Iterator[Finding]:
    if line.endswith(b"\r"):
        message = "its first line ends with a carriage return, which becomes part of a program name"
        yield finding(Code.TW323, f"{message}; write it with line feeds alone", member)
        return
    words = line[2:].decode(errors="replace").split()
    if not words:
        yield finding(Code.TW323, f"#! names no interpreter; {_HINT}", member)
        return
    program = PurePosixPath(words[0])
    folder = str(program.parent)
    if not program.is_absolute():
        message = f"the interpreter {words[0]} is looked for where the script is started"
        yield finding(Code.TW323, f"{message}; {_HINT}", member)
    elif program.name == "env" and re.fullmatch(r"python2(\.\d+)?", words[-1]) and not is_old:
        message = f"it runs with {words[-1]}, which hardly any system has"
        yield finding(Code.TW323, f"{message}; {_HINT}", member)
    elif folder not in _SYSTEM:
        # where packages of a system and images put what was compiled, some machines have it
        severity = "warning" if folder == "/usr/local/bin" else "error"
        message = f"its interpreter, {words[0][:200]}, is of the machine that built it"
        yield finding(Code.TW323, f"{message}; {_HINT}", member, severity)
    elif program.name.startswith("python"):
        message = f"it runs with {words[0]} of the system, not with the Python that has this wheel"
        yield finding(Code.TW323, f"{message}; {_HINT}", member, "warning")
