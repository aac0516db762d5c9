"""Checks of entry_points.txt: installers make a program of each script that it names.

Source: the entry points specification; what pip 26.3, uv 0.13.9 and the public index refuse.
"""

from __future__ import annotations

import configparser
import keyword
import re
from collections.abc import Iterator
from typing import NamedTuple

from packaging.utils import canonicalize_name

from truewheel.wheel.checks.contents import ENTRY_POINTS, Contents
from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.checks.requirements import extras_of
from truewheel.wheel.checks.sources import callable_complaint, parse

SCRIPTS = ("console_scripts", "gui_scripts")

RESERVED = re.compile(r"(?i)python(?:\d+(?:\.\d+)*)?[tw]?(?:\.exe)?")
"""Names of the interpreter of an environment, which uv 0.13.9 refuses."""

_NAME = re.compile(r"[\w.-]+")
_OBJECT = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?")
# names may come into being in ways that no reader of the text can follow
_DYNAMIC = re.compile(
    r"import\s*\(?\s*\*|__getattr__|globals\(|locals\(|vars\(|exec\(|sys\.modules"
)


class EntryPoint(NamedTuple):
    """A line of entry_points.txt; `attribute` is "" where the value is a module alone."""

    group: str
    name: str
    module: str
    attribute: str

    @property
    def is_script(self) -> bool:
        """Whether installers make a program of it."""
        return self.group in SCRIPTS


class _Parser(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr  # names are case-sensitive


def check_entry_points(contents: Contents) -> Iterator[Finding]:
    """entry_points.txt can be read, and each entry point names an object of the wheel."""
    if contents.entry_points is None:
        return
    where = contents.file(ENTRY_POINTS)
    parser = _Parser(
        delimiters=("=",), interpolation=None, default_section="", empty_lines_in_values=False
    )
    try:
        parser.read_string(contents.entry_points)
    except configparser.Error as error:
        yield finding(Code.TW220, _unreadable(error), where)
        return
    for group in parser.sections():
        for name, value in parser.items(group):
            point = _point(group, name, value)
            if isinstance(point, str):
                severity = "error" if group in SCRIPTS else "warning"
                yield finding(Code.TW221, f"{group}: {point}", where, severity)
            else:
                yield from _check_name(point, where)
                yield from _check_object(point, contents, where)
    yield from _check_both(parser, where)


def _unreadable(error: configparser.Error) -> str:
    if isinstance(error, configparser.DuplicateOptionError):
        return f"{error.section} has two entry points of the name {error.option}"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"it has the group {error.section} twice; put its entry points together"
    if isinstance(error, configparser.MissingSectionHeaderError):
        line = str(error.line).strip()
        if line.startswith("\ufeff"):
            return "it begins with a byte order mark, and readers find no group; write plain UTF-8"
        return f"line {error.lineno}, {line[:80]!r}, is in no group, such as [console_scripts]"
    if isinstance(error, configparser.ParsingError) and error.errors:
        number, line = error.errors[0]
        return f"line {number}, {line[:80]}, is neither [group] nor name = module:object"
    return str(error).partition("\n")[0]


def _point(group: str, name: str, value: str) -> EntryPoint | str:
    """Return an entry point, or what is wrong with its value."""
    match = _OBJECT.fullmatch(value)
    module, attribute = (match[1], match[2] or "") if match else ("", "")
    if match is None or not all(map(_is_name, module.split("."))):
        return f"{name} = {value[:80]} is not module:object"
    if attribute and not all(map(_is_name, attribute.split("."))):
        return f"{name} = {value[:80]}: {attribute} is no name of an object"
    if group in SCRIPTS and not attribute:
        return f"{name} = {value[:80]} has no object to call; write {module}:main"
    return EntryPoint(group, name, module, attribute)


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _check_name(point: EntryPoint, where: str) -> Iterator[Finding]:
    """The name of a script can be that of a file, and has signs that the public index takes."""
    is_path = "/" in point.name or "\\" in point.name or not point.name.strip(".")
    if point.is_script and RESERVED.fullmatch(point.name):
        message = f"{point.group}: {point.name} would replace the interpreter of the environment"
        yield finding(Code.TW221, f"{message}, and uv refuses the wheel; name it otherwise", where)
    if not point.is_script or (_NAME.fullmatch(point.name) and not is_path):
        return
    message = f"{point.group}: {point.name!r} is no name for a script"
    hint = "use letters, digits, '.', '_' and '-'"
    severity = "error" if is_path else "warning"
    yield finding(Code.TW221, f"{message}; {hint}", where, severity)


def _check_object(point: EntryPoint, contents: Contents, where: str) -> Iterator[Finding]:
    """The module of an entry point is in the wheel, and a script's object in the module."""
    what = f"{point.group}: {point.name} needs {point.module}"
    state = _state(point.module, contents)
    parent = point.module.rpartition(".")[0]
    if state == "missing" and not point.attribute and _state(parent, contents) == "here":
        return  # some groups write the path of an object with dots alone, as fsspec's does
    if state == "elsewhere" and not point.is_script:
        return
    if state in {"elsewhere", "missing"}:
        required = bool(_names_required(contents))
        severity = "warning" if required or not point.is_script else "error"
        message = f"{what}, which is not in the wheel"
        if required and state == "elsewhere":
            message += "; a distribution that it requires must bring it"
        yield finding(Code.TW222, message, where, severity)
    elif point.is_script and state == "here" and (reason := _not_callable(point, contents)):
        attribute = point.attribute.partition(".")[0]
        message = f"{what}:{attribute}, which that module {reason}"
        yield finding(Code.TW222, message, where)


def _state(module: str, contents: Contents) -> str:
    """Return where a module is: here, required, missing (its package is here), or elsewhere."""
    path = module.replace(".", "/")
    inside = f"site/{path}/"  # a folder of data is a namespace package
    if path in contents.modules or any(
        place.startswith(inside) for place in contents.places.values()
    ):
        return "here"
    top = path.partition("/")[0]
    is_package = f"{top}/__init__" in contents.modules
    is_file = top in contents.modules and not any(
        other.startswith(f"{top}/") for other in contents.modules
    )
    if is_package or is_file:
        return "missing"
    names = {name.replace("-", "_") for name in _names_required(contents)}
    parts = path.lower().replace("/", "_")
    return "required" if any(parts.startswith(name) for name in names) else "elsewhere"


def _names_required(contents: Contents) -> list[str]:
    return [
        canonicalize_name(requirement.name)
        for requirement in contents.requirements
        if not extras_of(requirement)
    ]


def _not_callable(point: EntryPoint, contents: Contents) -> str:
    """Return why a module has no such object that can be called, or "", also if that is unknown."""
    path = point.module.replace(".", "/")
    package = f"{path}/__init__" in contents.modules  # it hides a module of its name
    place = f"site/{path}/__init__.py" if package else f"site/{path}.py"
    scans = [scan for member, scan in contents.scans.items() if contents.places[member] == place]
    if not scans or any(scan.size > len(scan.start) for scan in scans):
        return ""  # native, or too long to be kept
    name, _, below = point.attribute.partition(".")
    text = scans[-1].start.decode(errors="replace")
    if _DYNAMIC.search(text) or (package and f"{path}/{name}" in contents.modules and below):
        return ""
    tree = parse(scans[-1].start)[0]
    if tree is None:
        return "" if re.search(rf"\b{re.escape(name)}\b", text) else "does not define"
    folder = path if package else path.rpartition("/")[0]
    beside = frozenset(module.removeprefix(f"{folder}/") for module in contents.modules)
    try:
        reason = callable_complaint(tree, name, beside)
    except RecursionError:  # of a long chain of elif
        return ""
    return "" if below and reason != "does not define" else reason


def _check_both(parser: configparser.ConfigParser, where: str) -> Iterator[Finding]:
    """No two programs have one name."""
    programs: dict[str, str] = {}
    for group in SCRIPTS:
        for name in parser[group] if parser.has_section(group) else ():
            other = programs.setdefault(name.casefold(), f"{name} of {group}")
            if other != f"{name} of {group}":
                message = f"{name} of {group} and {other} are one program"
                severity = "error" if name == other.partition(" ")[0] else "warning"
                yield finding(Code.TW324, message, where, severity)


def script_names(contents: Contents) -> list[str]:
    """Return the names of the programs that installers make from entry_points.txt."""
    return re.findall(r"(?m)^\s*([\w.-]+)\s*=\s*[\w.]+\s*:", _scripts_text(contents))


def _scripts_text(contents: Contents) -> str:
    sections = re.split(r"(?m)^\s*\[", contents.entry_points or "")
    return "\n".join(text for text in sections if text.startswith(SCRIPTS))
