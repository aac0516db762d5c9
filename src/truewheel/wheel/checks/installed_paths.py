"""Checks of what an installed wheel leaves where: collisions, and files that belong nowhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import PurePosixPath
from unicodedata import normalize

from packaging.utils import canonicalize_name

from truewheel.wheel.checks.contents import Contents, Scan, linux_machine
from truewheel.wheel.checks.entry_points import RESERVED, script_names
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.version_ranges import has_python

WRITTEN = {
    "INSTALLER": "the name of the installer",
    "REQUESTED": "that a user asked for this distribution",
    "direct_url.json": "the address that a user installed it from",
    "uv_build.json": "how uv built it",
    "uv_cache.json": "what uv built it from",
}
"""Files of dist-info that installers write, and what they say (PEP 376, 610)."""

GENERAL = frozenset({
    *("test", "tests", "testing", "src", "doc", "docs", "example", "examples", "benchmarks"),
    *("benchmark", "build", "dist", "setup", "conftest", "noxfile", "tasks", "scripts", "ci"),
    *("node_modules", "venv", "__pycache__", "__init__", "__main__", "sitecustomize"),
    *("usercustomize", "pip", "setuptools", "wheel"),
})  # fmt: skip
"""Names of modules and folders that projects have beside their packages, or that others have."""

FILES = re.compile(
    r"(?i)(licen[cs]e|copying|notice|readme|changelog|changes|authors|contributing)"
    r"(\.(txt|md|rst))?|setup\.(py|cfg)|pyproject\.toml|makefile|manifest\.in|tox\.ini|conftest\.py"
    r"|requirements.*\.txt|\.git.*|\.env|\.ds_store"
)
"""Files of a project's root that are of no use in site-packages."""

# PEP 594 and others took these away; distributions bring them back.
FORMER = frozenset({
    *("aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt"),
    *("distutils", "formatter", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib"),
    *("ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib"),
    *("uu", "xdrlib"),
})  # fmt: skip

MAGIC = {
    "38": 3413, "39": 3425, "310": 3439, "311": 3495, "312": 3531, "313": 3571, "314": 3627,
}  # fmt: skip
"""The first two bytes of bytecode by Python version (CPython, `importlib.util.MAGIC_NUMBER`)."""

_EDITABLE = re.compile(
    r"__editable__.*\.(pth|py)|__editable___.*_finder\.py|_editable_impl_.*\.(pth|py)"
    r"|_.*_editable(_loader)?\.py|.*[-_]editable\.pth|.*\.egg-link"
)
_PACKAGES = re.compile(r"((?:.*/)?lib\w*/python[\d.]*/(?:site|dist)-packages)/.+")
_ARCHIVE = re.compile(r".*\.(whl|egg|tar\.gz|tar\.bz2|zip)")


def check_places(contents: Contents) -> Iterator[Finding]:
    """No two members are installed to one path, nor a file where another one needs a folder."""
    yield from _check_programs(contents)
    if all(place == f"site/{member}" for member, place in contents.places.items()):
        return  # TW310, TW320 and TW321 are about the members of one name
    # on Linux alone two names that differ in case remain two files
    fold = not all(map(linux_machine, contents.platforms))
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for member, place in contents.places.items():
        key = _key(_in_environment(place), fold=fold)
        other = seen.setdefault(key, member)
        if normalize("NFC", member).casefold() != normalize("NFC", other).casefold():
            yield from _collision(contents, member, other, place)
        folders.setdefault(key.rpartition("/")[0], member)
    for folder, member in folders.items():
        for above in (folder, *map(str, PurePosixPath(folder).parents)):
            other = seen.get(above, "")
            if other and not member.startswith(f"{other}/"):
                message = f"it is installed into {above}, which is a file: {other}"
                yield finding(Code.TW324, message, member)


def _in_environment(place: str) -> str:
    """Return the place of a file of `data` that lies among the scripts of an environment."""
    return f"scripts/{place.removeprefix('data/bin/')}" if place.startswith("data/bin/") else place


def _key(place: str, *, fold: bool) -> str:
    return normalize("NFC", place).casefold() if fold else place


def _check_programs(contents: Contents) -> Iterator[Finding]:
    """No script has the name of a program that installers make from entry_points.txt."""
    programs = {name.casefold(): name for name in script_names(contents)}
    for member, where in contents.places.items() if programs else ():
        place = _in_environment(where)
        name = place.removeprefix("scripts/").casefold()
        name = name.removesuffix(".exe").removesuffix("-script.py")
        if place.startswith("scripts/") and name in programs:
            message = f"entry_points.txt has {programs[name]}, too; one program replaces the other"
            yield finding(Code.TW324, message, member)


def _collision(contents: Contents, member: str, other: str, place: str) -> Iterator[Finding]:
    message = f"{other} is installed to the same path, {place.partition('/')[2]}"
    one, two = contents.scans.get(member), contents.scans.get(other)
    is_same = one and two and (one.size, one.digest) == (two.size, two.digest)
    hint = "one is enough" if is_same else "installers keep the one that they write last"
    yield finding(Code.TW324, f"{message}; {hint}", member, "warning" if is_same else "error")


def check_environment(contents: Contents) -> Iterator[Finding]:
    """No file replaces a part of the environment, or lies where only some Python looks."""
    for member, place in contents.places.items():
        scheme, _, below = _in_environment(place).partition("/")
        if scheme == "scripts" and RESERVED.fullmatch(below):
            message = f"{below} would replace the interpreter of the environment"
            yield finding(Code.TW333, f"{message}, and uv refuses the wheel", member)
        elif scheme == "data" and below == "pyvenv.cfg":
            message = "it would replace the file that makes a folder an environment"
            yield finding(Code.TW333, f"{message}; leave it out", member)
        elif scheme == "data" and (match := _PACKAGES.fullmatch(below)):
            message = f"{match[1]} is not where the Python of each user looks for modules"
            yield finding(Code.TW333, f"{message}; pack it at the root of the wheel", member)


def check_hidden(contents: Contents) -> Iterator[Finding]:
    """No module has the name of a package beside it, which Python imports instead."""
    places = set(contents.places.values())
    for member, place in contents.places.items():
        folder = place.removesuffix(".py")
        if place.endswith(".py") and place[:5] == "site/" and f"{folder}/__init__.py" in places:
            message = f"Python imports the package {folder.removeprefix('site/')}/ instead of it"
            yield finding(Code.TW324, f"{message}; leave one of them out", member, "warning")


def check_written(contents: Contents) -> Iterator[Finding]:
    """Dist-info has no file that installers write."""
    if len(contents.dist_infos) != 1:
        return
    for file, meaning in WRITTEN.items():
        member = contents.file(file)
        if member in contents.members:
            # pip and uv overwrite the others, and pip freeze believes this one
            severity = "error" if file == "direct_url.json" else "warning"
            message = f"installers write there {meaning}; leave it out of the wheel"
            yield finding(Code.TW223, message, member, severity)


def check_editable(contents: Contents) -> Iterator[Finding]:
    """The wheel brings its files itself, and points to no folder of another machine."""
    for member, place in contents.places.items():
        below = place.removeprefix("site/")
        if not place.startswith("site/") or "/" in below:
            continue
        scan = contents.scans.get(member)
        if _EDITABLE.fullmatch(below):
            message = "it is of an editable installation, for the machine that built it"
            yield finding(Code.TW325, f"{message}; build a wheel, without --editable", member)
        elif below.endswith(".pth") and scan:
            yield from _check_pth(contents, member, scan)


def _check_pth(contents: Contents, member: str, scan: Scan) -> Iterator[Finding]:
    """Each line of a .pth file is a folder that the wheel has, or code (the module site)."""
    try:
        lines = scan.start.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        message = "Python cannot read it as UTF-8, and ignores it"
        yield finding(Code.TW325, message, member, "warning")
        return
    for line in map(str.strip, lines):
        match = re.match(r"import\s+(\w+)", line)
        if match and not _is_at_hand(match[1], contents):
            message = f"it imports {match[1]}, which neither the wheel nor Python has"
            yield finding(Code.TW325, f"{message}: each start of Python complains", member)
        if not line or line.startswith(("#", "import ", "import\t")):
            continue
        if line.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", line):
            message = f"it adds {line[:200]} to the path, a folder of the machine that built it"
            yield finding(Code.TW325, message, member)
        elif line.strip("./") and line.replace("\\", "/").strip("./") not in _folders(contents):
            message = f"it adds {line[:200]} to the path, a folder that the wheel does not have"
            yield finding(Code.TW325, message, member, "warning")


def _is_at_hand(module: str, contents: Contents) -> bool:
    """Tell whether an import may find a module: here, in Python, or in a required distribution."""
    is_here = module in contents.modules or module in sys.stdlib_module_names
    return is_here or module in FORMER or bool(contents.requirements)


def _folders(contents: Contents) -> set[str]:
    paths = (PurePosixPath(place.partition("/")[2]) for place in contents.places.values())
    return {str(folder) for path in paths for folder in path.parents}


def check_top_level(contents: Contents) -> Iterator[Finding]:
    """What the wheel puts at the top of site-packages is named after the project."""
    name = canonicalize_name(contents.name.distribution) if contents.name else ""
    for top, member in _tops(contents).items():
        word = top.partition(".")[0]
        if _ARCHIVE.fullmatch(top):
            message = "a distribution inside the wheel, which is installed as a file"
            yield finding(Code.TW330, f"{message}; build in a clean folder", member)
        elif _is_general(top, contents) and canonicalize_name(word) != name:
            message = f"{top} is put beside the packages of all others, which may have one, too"
            yield finding(Code.TW326, f"{message}; leave it out of the packages", member)
        elif word in contents.modules and _is_shadowed(word, contents):
            message = f"Python has a module {word} of its own, and imports that one"
            yield finding(Code.TW327, f"{message}; give it another name", member)
    for member, place in contents.places.items():
        folder, _, file = place.rpartition("/")
        if folder in {"site/dist", "site/build"} and _ARCHIVE.fullmatch(file):
            message = "a distribution inside the wheel; build in a clean folder"
            yield finding(Code.TW330, message, member)


def _is_general(top: str, contents: Contents) -> bool:
    word = top.partition(".")[0]
    is_module = word in contents.modules
    return top in GENERAL or (is_module and word in GENERAL) or FILES.fullmatch(top) is not None


def _tops(contents: Contents) -> dict[str, str]:
    """Return what is at the top of site-packages, each with a member of it."""
    tops: dict[str, str] = {}
    for member, place in contents.places.items():
        top = place.removeprefix("site/").partition("/")[0]
        if place.startswith("site/") and not top.endswith((".dist-info", ".data")):
            tops.setdefault(top, member)
    return tops


def _is_shadowed(module: str, contents: Contents) -> bool:
    """Tell whether every Python of the wheel has a module of that name in its standard library."""
    if module not in sys.stdlib_module_names or module in FORMER:
        return False
    required = contents.metadata.first("Requires-Python") if contents.metadata else ""
    python = contents.name.python.lower() if contents.name else ""
    return python != "py2" and has_python(f"{required},>=3.10".strip(","), "py3", "none")


def check_importable(contents: Contents) -> Iterator[Finding]:
    """There is something that can be imported, run or used, or that is required."""
    if len(contents.dist_infos) != 1 or not contents.is_whole:
        return
    info = f"site/{contents.dist_infos[0]}/"
    places = [place for place in contents.places.values() if not place.startswith(info)]
    required = contents.metadata.all("Requires-Dist") if contents.metadata else ()
    if not places and not required and not contents.entry_points:
        message = "it has no file, and requires nothing; the packages of the project were not found"
        yield finding(Code.TW328, message)
    elif lost := _not_packed(contents):
        message = f"top_level.txt names {listing(lost)}, and nothing of that is in the wheel"
        yield finding(Code.TW328, message)
    elif places and not _is_of_use(contents, places):
        message = f"nothing in it can be imported or run, not {listing(sorted(_tops(contents)))}"
        yield finding(Code.TW328, message, "", "warning")


def _not_packed(contents: Contents) -> list[str]:
    """Return the modules that setuptools was to pack, where it packed none of them."""
    scan = contents.scans.get(contents.file("top_level.txt"))
    names = scan.start.decode(errors="replace").split() if scan else []
    tops = {top.partition(".")[0] for top in _tops(contents)}
    return names if names and tops.isdisjoint(map(_first, names)) else []


def _is_of_use(contents: Contents, places: list[str]) -> bool:
    if not all(place.startswith("site/") for place in places) or contents.natives:
        return True
    if any(top.isidentifier() for top in map(_first, contents.modules)):
        return True
    # a folder of data is a namespace package; type stubs are for other programs
    folders = {_first(place.removeprefix("site/")) for place in places if place.count("/") > 1}
    return any(folder.isidentifier() or folder.endswith("-stubs") for folder in folders)


def _first(path: str) -> str:
    return path.partition("/")[0]


def check_bytecode(contents: Contents) -> Iterator[Finding]:
    """Bytecode lies beside its source, and is of a Python that the wheel is for."""
    stale: list[str] = []
    for member, scan in contents.scans.items():
        place = contents.places[member]
        if not member.endswith(".pyc") or not place.startswith("site/"):
            continue
        folder, _, file = place.rpartition("/")
        module = f"{folder.removesuffix('/__pycache__')}/{file.partition('.')[0]}"
        has_source = f"{module.removeprefix('site/')}.py" in _sources(contents)
        if folder.endswith("/__pycache__") or folder == "__pycache__":
            if not has_source:
                stale.append(member)
        elif not has_source and (reason := _other_python(contents, scan)):
            yield finding(Code.TW329, f"{reason}; pack the source", member, "error")
    if stale:
        message = f"{listing(stale)}: bytecode without its source, which no Python imports"
        yield finding(Code.TW329, f"{message}; build in a clean folder", stale[0])


def _sources(contents: Contents) -> frozenset[str]:
    return frozenset(
        place.removeprefix("site/") for place in contents.places.values() if place.endswith(".py")
    )


def _other_python(contents: Contents, scan: Scan) -> str:
    """Return why bytecode without its source cannot be imported, or ""."""
    if len(scan.start) < 16 or scan.start[2:4] != b"\r\n":
        return "it is no bytecode"
    number = int.from_bytes(scan.start[:2], "little")
    version = next((python for python, magic in MAGIC.items() if magic == number), "")
    tags = contents.name.python.lower().split(".") if contents.name else []
    if version and not any(tag[2:] in {version, version[0]} for tag in tags):
        return f"it is bytecode of Python {version[0]}.{version[1:]}, the tag is {'.'.join(tags)}"
    return ""
