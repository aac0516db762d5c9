"""Imports the modules of a wheel, one after the other, and says how each import ended.

Run as a program by the interpreter of an environment that holds the wheel and what it requires,
away from the sources. It imports nothing of Truewheel, and any Python from 3.8 on can run it.
Arguments: a JSON file with the modules, each with the suffix of its file ("" for a package or a
Python file) and its path below site-packages, and with the names of libraries that ctypes does not
get; and the file that gets one JSON object a line. What stands there may as well come from the
wheel's own code.
"""

from __future__ import annotations

import importlib.machinery
import json
import mmap
import signal
import sys
import sysconfig
from pathlib import Path
from typing import Any, TextIO

SECONDS = 90
"""After these the process ends itself, should the one that started it be gone."""
DEEPEST = 10
"""Exceptions that are followed from one to its cause."""
LONGEST = 2000
"""Characters of an exception's text that are written."""


def mapped() -> list[str]:
    """Return the paths of all files that this process has mapped to be executed."""
    text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="backslashreplace")
    rows = [line.split(None, 5) for line in text.splitlines()]
    return sorted({row[5] for row in rows if len(row) == 6 and "x" in row[1] and row[5][0] == "/"})


def has_init(file: Path, name: str) -> bool:
    """Return whether a plain .so file is meant to be imported: a library of any name is not."""
    symbols = [b"\0PyInit_%s\0" % name.encode(), b"\0PyModExport_%s\0" % name.encode()]
    if not name.startswith("lib"):
        symbols.append(b"\0PyInit_")  # a module that was renamed
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(symbol) >= 0 for symbol in symbols)


def is_module(module: str, suffix: str, path: str) -> bool:
    """Return whether this interpreter would import the file under this name."""
    if suffix != ".so":
        return not suffix or suffix in importlib.machinery.EXTENSION_SUFFIXES
    folders = {sysconfig.get_path("platlib"), sysconfig.get_path("purelib")}
    files = [Path(folder, path) for folder in folders]
    name = module.rpartition(".")[2]
    return any(file.is_file() and has_init(file, name) for file in files)


def opened_by_ctypes(error: BaseException) -> str:
    """Return the library that ctypes was asked for when an exception was raised, or ""."""
    trace, name = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith("/ctypes/__init__.py"):
            value = trace.tb_frame.f_locals.get("name")
            name = value if isinstance(value, str) else name
        trace = trace.tb_next
    return name


def described(error: BaseException | None) -> list[dict[str, Any]]:
    """Return an exception and its causes, the outermost first."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < DEEPEST:
        try:
            text = str(error)[:LONGEST]
        except BaseException:
            text = ""
        entry = {"types": [kind.__name__ for kind in type(error).__mro__], "text": text}
        for key in ("name", "path"):
            value = getattr(error, key, None) if isinstance(error, ImportError) else None
            entry[key] = value if isinstance(value, str) else ""
        if isinstance(error, (SyntaxError, FileNotFoundError)):
            entry["path"] = str(error.filename or "")[:LONGEST]
        entry["library"] = opened_by_ctypes(error) if isinstance(error, OSError) else ""
        chain.append(entry)
        error = error.__cause__ or error.__context__
    return chain


def try_all(modules: list[list[str]], output: TextIO) -> None:
    """Import the modules but those below one that failed, and write what came of each."""

    def write(**data: Any) -> None:
        output.write(json.dumps(data) + "\n")
        output.flush()

    folders = sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
    write(start=mapped(), prefix=sys.prefix, base=sys.base_prefix, stdlib=folders)
    failed: list[str] = []
    for module, suffix, path in modules:
        below_failed = any(module.startswith(f"{parent}.") for parent in failed)
        if below_failed or not is_module(module, suffix, path):
            continue
        write(begin=module)
        try:
            importlib.import_module(module)
        except BaseException as error:
            failed.append(module)
            write(module=module, chain=described(error))
        else:
            write(module=module, chain=[])
    write(end=mapped())


def refuse(libraries: list[str]) -> None:
    """Let ctypes find none of these libraries, as on a machine that does not have them."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "ctypes.dlopen" and str(arguments[0]).rpartition("/")[2].startswith(stems):
            reason = "cannot open shared object file: No such file or directory"
            raise OSError(f"{arguments[0]}: {reason}")

    stems = tuple(name.partition(".so")[0] + ".so" for name in libraries)
    if stems:
        sys.addaudithook(hook)


def main(request: str, report: str) -> None:
    """Import the modules that a file names, and write what came of them."""
    signal.alarm(SECONDS)
    data = json.loads(Path(request).read_text(encoding="utf-8"))
    refuse(data["refuse"])
    modules = data["modules"]
    with Path(report).open("a", encoding="utf-8") as output:
        try_all(modules, output)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
