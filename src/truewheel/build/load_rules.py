"""What a wheel has to be imported, and what comes of it: the report of the probe, judged.

The report is written by a process in which the wheel's own code runs: it is read as anybody's, and
a false one decides about no other wheel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from truewheel.wheel.libraries import matches
from truewheel.wheel.vendor_libraries import Kind, vendor_of

LONGEST = 400
"""Characters of an exception's text in a message."""
LINES = 20_000
"""Lines of a report that are read."""
REMOVED = frozenset({
    "aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils",
    "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes",
    "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
})  # fmt: skip
"""Modules that the standard library has lost with Python 3.12 and 3.13 (PEP 594, 632)."""
SYSTEM_PREFIXES = frozenset({"/", "/usr", "/usr/local"})
"""Prefixes of interpreters that other programs share: libraries there are the machine's."""

NO_INIT = "does not define module export function"
"""What Python says of a file with the suffix of a module that is none."""

_MISSING = (
    re.compile(r"(?P<name>[^\s:]+): cannot open shared object file"),
    re.compile(r"Error loading shared library (?P<name>[^\s:]+): No such file"),  # musl
)
_QUOTED = re.compile(r"'(/[^']+)'")
_INSTALLED = "/site-packages/"
_LIBRARY = re.compile(r"\.so(\.|\Z)")
# The C library opens these by itself, for names of hosts and users, and for encodings.
_OF_LIBC = re.compile(r"(?:.*/gconv/[^/]+\.so|(?:.*/)?libnss_\w+(?:\.so\.2|-[\d.]+\.so))\Z")


class Candidate(NamedTuple):
    """A module of a wheel: its name, the suffix of an extension's file or "", its path.

    The path is that below site-packages.
    """

    module: str
    suffix: str
    path: str


class Link(NamedTuple):
    """An exception: the names of its type and of that type's bases, and what it says."""

    types: tuple[str, ...]
    text: str
    name: str
    path: str
    library: str

    @property
    def words(self) -> str:
        """The exception as Python shows it, in one line."""
        text = " ".join(self.text.split())[:LONGEST]
        kind = self.types[0] if self.types else "an exception"
        return f"{kind}: {text}" if text else kind


class Import(NamedTuple):
    """How the import of a module ended: the exception with its causes, none when it went well."""

    module: str
    chain: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the probe has written: files mapped before and after the imports, and the imports.

    `unfinished` is the module whose import has no end, `ended` whether all of it was written,
    `prefix` the folder of the environment, `base` that of the interpreter, `stdlib` those of its
    library.
    """

    start: frozenset[str] = frozenset()
    end: frozenset[str] = frozenset()
    imports: tuple[Import, ...] = ()
    unfinished: str = ""
    started: bool = False
    ended: bool = False
    prefix: str = ""
    base: str = ""
    stdlib: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The wheel that was loaded.

    `files` are its files by their path below site-packages, `packages` its packages with an
    `__init__`. `beside` are the names of the libraries in its environment, and `exclude` patterns
    of libraries that stay outside the wheel. `opens_libraries` tells whether its Python code opens
    libraries by itself, as some do with files that have the suffix of a module.
    """

    files: frozenset[str]
    packages: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    opens_libraries: bool = False

    def owns(self, path: str) -> bool:
        """Tell whether a path in the environment is one of the wheel's files or packages."""
        _, inside, below = path.rpartition(_INSTALLED)
        folders = below.split("/")[:-1]
        parents = {".".join(folders[:end]) for end in range(1, len(folders) + 1)}
        return bool(inside) and (below in self.files or bool(parents & self.packages))

    def packs(self, path: str) -> bool:
        """Tell whether a path in the environment is in a folder that only this wheel fills."""
        folder = path.rpartition(_INSTALLED)[2].split("/")[0]
        return self.owns(path) and folder in self.packages


@dataclass
class Outcome:
    """What came of all imports of a wheel; `not_tried` has modules and what they need."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    not_tried: list[tuple[str, str]] = field(default_factory=list)
    loaded_up_to: str = ""
    has_run: bool = False
    """Whether code of the wheel was loaded at all, even if it then raised an exception."""


class Mapped(NamedTuple):
    """A library in a process: its path, its SONAME or file name, and what it needs."""

    path: str
    name: str
    needs: tuple[str, ...]


def installed_path(member: str) -> str:
    """Return where a member lies below site-packages, "" for one that goes elsewhere."""
    top, _, below = member.partition("/")
    if top.endswith(".data"):
        scheme, _, below = below.partition("/")
        return below if scheme in {"purelib", "platlib"} else ""
    return "" if top.endswith(".dist-info") and below else member


def packages(files: Iterable[str]) -> frozenset[str]:
    """Return the packages with an `__init__` among files of site-packages."""
    result = set()
    for file in files:
        *folders, name = file.split("/")
        if folders and _stem(name) == "__init__" and _kind(name) and _are_names(folders):
            result.add(".".join(folders))
    return frozenset(result)


def candidates(files: Iterable[str], skip: Iterable[str] = ()) -> list[Candidate]:
    """Return the modules of a wheel that are imported, parents first.

    Those are its top-level modules and packages (in a folder without `__init__`, the first packages
    below it) and all extension modules, but those that `skip` names, and what is below these.
    """
    files = sorted(set(files))
    known = packages(files)
    modules: dict[str, Candidate] = {}
    for package in sorted(known):
        parents = package.split(".")[:-1]
        above = {".".join(parents[:end]) for end in range(1, len(parents) + 1)}
        if not above & known:
            modules[package] = Candidate(package, "", "")
    for file in files:
        *folders, name = file.split("/")
        stem, kind = _stem(name), _kind(name)
        words = folders if stem == "__init__" else [*folders, stem]
        if not kind or not words or not _are_names(words) or words[-1] == "__main__":
            continue
        if kind == ".py" and folders:
            continue  # it is imported where its package asks for it
        suffix = "" if kind == ".py" else kind
        modules.setdefault(".".join(words), Candidate(".".join(words), suffix, file))
    skipped = tuple(skip)
    wanted = [module for module in modules.values() if not is_skipped(module.module, skipped)]
    return sorted(wanted, key=lambda one: (one.module.split(".")[0], one.module.split(".")))


def is_skipped(module: str, skip: Iterable[str]) -> bool:
    """Tell whether a module, or one above it, is among those that are not loaded."""
    return any(module == name or module.startswith(f"{name}.") for name in skip)


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _kind(name: str) -> str:
    """Return the suffix of a module's file, from its first dot on; "" for other files."""
    suffix = name[len(_stem(name)) :]
    return suffix if suffix == ".py" or suffix.endswith(".so") else ""


def _are_names(words: Iterable[str]) -> bool:
    return all(word.isidentifier() for word in words)


def read_report(text: str) -> Report:
    """Return what the probe has written; lines that it did not write are left out."""
    values: dict[str, Any] = {}
    imports: list[Import] = []
    begun = ""
    for line in text.splitlines()[:LINES]:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(data, dict):
            continue
        if "start" in data:
            values |= {"start": _paths(data["start"]), "started": True}
            values |= {key: str(data.get(key, "")) for key in ("prefix", "base")}
            values["stdlib"] = tuple(sorted(_paths(data.get("stdlib"))))
        elif "begin" in data:
            begun = str(data["begin"])
        elif "module" in data:
            imports.append(Import(str(data["module"]), tuple(_links(data.get("chain")))))
            begun = ""
        elif "end" in data:
            values |= {"end": _paths(data["end"]), "ended": True}
    return Report(**values, imports=tuple(imports), unfinished=begun)


def _paths(value: Any) -> frozenset[str]:
    texts = value if isinstance(value, list) else []
    return frozenset(text for text in texts if isinstance(text, str) and text.startswith("/"))


def _links(value: Any) -> Iterator[Link]:
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, dict):
            types = entry.get("types")
            texts = [str(entry.get(key, "")) for key in ("text", "name", "path", "library")]
            yield Link(tuple(map(str, types if isinstance(types, list) else [])), *texts)


def judge(report: Report, subject: Subject, ending: str) -> Outcome:
    """Return what came of the imports.

    `ending` says how the process ended where that was not well: by a signal, a time-out.
    """
    outcome = Outcome()
    for module, chain in report.imports:
        if chain:
            _judge_failure(module, chain, subject, outcome)
        else:
            outcome.modules.append(module)
            outcome.has_run = True
    if report.unfinished:
        end = ending or "the process ended without an exception"
        outcome.problems.append(f"{report.unfinished}: {end} while it was imported")
        outcome.has_run = True
    elif not report.ended:
        where = "between two imports" if report.started else "before the first import"
        outcome.problems.append(f"{ending or 'the process ended'} {where}")
    elif ending:
        outcome.problems.append(f"{ending} after all modules were imported, at the process's end")
    return outcome


def failures(report: Report) -> frozenset[str]:
    """Return the modules whose import failed."""
    return frozenset(module for module, chain in report.imports if chain)


def _judge_failure(module: str, chain: Sequence[Link], subject: Subject, outcome: Outcome) -> None:
    """Add what an exception says of a module: what the loader misses counts before all else."""
    if subject.opens_libraries and NO_INIT in chain[0].text:
        return  # a library with the suffix of a module: it is opened, not imported
    for link in chain:
        if fault := _loader_fault(link, subject):
            missing = _missing_library(link.text)
            if missing and _may_be_missing(missing, subject):
                outcome.loaded_up_to = outcome.loaded_up_to or missing
                outcome.has_run = True
            else:
                outcome.problems.append(f"{module}: {fault}{_hint(missing, subject)}")
            return
    unknown = [link for link in chain if "ModuleNotFoundError" in link.types and link.name]
    for link in unknown:
        if fault := _lacking(link.name, subject):
            outcome.problems.append(f"{module}: {fault}")
            return
    if unknown:
        outcome.not_tried.append((module, unknown[0].name.partition(".")[0]))
        return
    outcome.has_run = True
    outcome.warnings.append(f"{module}: {chain[0].words}")


def _loader_fault(link: Link, subject: Subject) -> str:
    """Return what the dynamic loader, or Python's own, misses in a file of the wheel, or ""."""
    text = " ".join(link.text.split())[:LONGEST]
    if "ImportError" in link.types and "ModuleNotFoundError" not in link.types:
        return text if _is_fault_of_file(link) and subject.owns(link.path) else ""
    if "FileNotFoundError" in link.types and subject.packs(link.path):
        return text
    if "OSError" in link.types:
        quoted = _QUOTED.search(link.text)
        asked = link.library or (quoted[1] if quoted else "")
        own = _LIBRARY.search(asked.rpartition("/")[2]) and subject.owns(asked)
        return text if own else ""
    library, lacks, _ = link.text.partition(": undefined symbol: ")  # asked for by ctypes
    if "AttributeError" in link.types and lacks and subject.owns(library):
        return text
    # each Python that the wheel is tried on would say the same
    return f"SyntaxError: {text}" if "SyntaxError" in link.types and subject.owns(link.path) else ""


def _is_fault_of_file(link: Link) -> bool:
    """Tell whether an ImportError says that a library or a name is missing in a file.

    `from . import _core` says so when the wheel has no such extension. Elsewhere a module that is
    not initialized yet may be due to the order of the imports here.
    """
    file = link.path.rpartition("/")[2]
    if not link.text.startswith("cannot import name"):
        return _LIBRARY.search(file) is not None
    return file == "__init__.py" or "partially initialized" not in link.text


def _missing_library(text: str) -> str:
    match = next((match for pattern in _MISSING if (match := pattern.search(text))), None)
    return match["name"].rpartition("/")[2] if match else ""


def _may_be_missing(library: str, subject: Subject) -> bool:
    """Tell whether the machine may lack a library that no wheel can, or this one shall not, bring.

    A library that another distribution has brought is not missing: no run path leads to it.
    """
    vendor = vendor_of(library)
    if vendor and vendor.kind in {Kind.DRIVER, Kind.SYSTEM}:
        return True
    return matches(library, subject.exclude) and library not in subject.beside


def _hint(library: str, subject: Subject) -> str:
    if library and library in subject.beside:
        return "; it is in the environment, but no run path of this file leads to it"
    return "; does the machine bring it? then say so in exclude" if library else ""


def _lacking(name: str, subject: Subject) -> str:
    """Return what is wrong when a module is not there that no other distribution can bring."""
    words = name.split(".")
    parents = {".".join(words[:end]) for end in range(1, len(words))}
    if parents & subject.packages or name in subject.packages:
        return f"the wheel has no module {name} that this Python can import"
    if words[0] in REMOVED:
        return f"it needs {words[0]}, which the standard library of this Python has no more"
    return ""


def strangers(
    report: Report, mapped: Sequence[Mapped], subject: Subject, allowed: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    """Yield the libraries of the machine that were loaded and that nothing promises.

    Each comes as its path and the file of the wheel that needs it, "" where it was opened by name.
    `allowed` tells which names the platform tag, or the package, leaves to the machine. What these,
    the interpreter, and other distributions of the environment need is none of the wheel's.
    """
    by_name = {library.path.rpartition("/")[2]: library for library in mapped}
    by_name |= {library.name: library for library in mapped}
    own = [library for library in mapped if subject.owns(library.path)]
    outside = [library for library in mapped if not _is_inside(library.path, report)]
    direct = {
        by_name[name].path: library.path
        for library in own
        for name in library.needs
        if name in by_name
    }
    excused = {library.path for library in mapped if library not in outside and library not in own}
    excused |= {library.path for library in outside if _is_promised(library, allowed)}
    waiting = [library for library in mapped if library.path in excused]
    while waiting:
        for name in waiting.pop().needs:
            needed = by_name.get(name)
            if needed and needed.path not in excused:
                excused.add(needed.path)
                waiting.append(needed)
    for library in outside:
        needs_it = direct.get(library.path, "")
        promised = _is_promised(library, allowed)
        if library.path not in excused or (needs_it and not promised):
            yield library.path, needs_it.rpartition(_INSTALLED)[2]


def _is_promised(library: Mapped, allowed: Callable[[str], bool]) -> bool:
    vendor = vendor_of(library.name)
    is_machines = vendor is not None and vendor.kind in {Kind.DRIVER, Kind.SYSTEM}
    return is_machines or allowed(library.name) or _OF_LIBC.match(library.path) is not None


def _is_inside(path: str, report: Report) -> bool:
    """Tell whether a file belongs to the environment, the interpreter, or a bare process of it."""
    folders = [report.prefix, *report.stdlib]
    if report.base not in SYSTEM_PREFIXES:
        folders.append(report.base)
    inside = any(folder and path.startswith(f"{folder.rstrip('/')}/") for folder in folders)
    return inside or path in report.start
