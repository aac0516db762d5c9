"""Checks of symbols: each one that native code needs is there in the files that get loaded.

What is not certain is no finding: with a library of another wheel or of an unknown system in the
process, only the names of Python and the versions of the wheel's own libraries can be judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from truewheel.wheel import native_files, platform_policies, symbol_tables
from truewheel.wheel.checks.contents import Contents, module_name
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.checks.loading import UNKNOWN, Load, Tree
from truewheel.wheel.checks.others import Others
from truewheel.wheel.elf_symbols import Symbols

_QUESTIONS = 2**21  # about a second; the largest of 300 published wheels needs 50,000
_CPYTHON = re.compile(r"cp3(\d+)")
# What the libraries of a policy define, by the names that their interfaces have. GCC's demangled
# names begin with std, __cxxabiv1 or __gnu_cxx.
_DEFINED = {
    "libstdc++.so.6": (
        r"_Z(?:n[aw]|d[al]|(?:GV|T[VIST]|T[hvc][\dnv_]*)?(?:N[rVKRO]*)?"
        r"(?:St|S[absiod]|10__cxxabiv1|9__gnu_cxx)|T[IS]P?K?[a-zA-Z]{1,2}$)"
        r"|__cxa_|__gxx_|__dynamic_cast|__once_|__gnu_|_Unwind_"
    ),
    "libgcc_s.so.1": r"_Unwind_|__[a-z]",
    "libatomic.so.1": r"__atomic_|__sync_|atomic_",
    "libz.so.1": (
        r"deflate|inflate|gz|crc32|adler32|compress|uncompress|zlib|zError|get_crc_table"
    ),
    "libexpat.so.1": r"_?XML_|_INTERNAL_",
    "libGL.so.1": r"gl", "libX11.so.6": r"_?X", "libXext.so.6": r"_?X",
    "libXrender.so.1": r"_?X", "libICE.so.6": r"_?Ice", "libSM.so.6": r"_?Sm",
    "libglib-2.0.so.0": r"_?g_|glib_", "libgobject-2.0.so.0": r"_?g_",
    "libgthread-2.0.so.0": r"_?g_",
}  # fmt: skip
_NEEDED_BY = {"libstdc++.so.6": ("libgcc_s.so.1",), "libgobject-2.0.so.0": ("libglib-2.0.so.0",)}
_C_LIBRARY = re.compile(
    r"lib(?:c|m|dl|pthread|rt|util|anl|resolv|mvec)\.so\.\d+|libc\.so|libc\.musl-.*|ld-musl-.*"
)
# names that some builds of libz.so.1 export and others do not: the list of auditwheel's policies
# without those that have a version (uncompress2, crc32_combine_gen)
_PRIVATE_ZLIB = frozenset({
    "_dist_code", "_length_code", "_tr_align", "_tr_flush_block", "_tr_init", "_tr_stored_block",
    "_tr_tally", "adler32_default", "bi_windup", "crc32_acle", "crc32_le_vgfm_16", "crc32_neon",
    "crc32_vpmsum", "crc32_z_default", "crc_fold_512to32", "crc_fold_copy", "crc_fold_init",
    "deflate_copyright", "deflate_medium", "fill_window", "flush_pending", "gzflags",
    "inflate_copyright", "inflate_fast", "inflate_table", "longest_match", "slide_hash_sse",
    "sse2_slide_hash", "static_ltree", "x86_check_features", "x86_cpu_has_pclmul",
    "x86_cpu_has_sse2", "x86_cpu_has_sse42", "z_errmsg", "z_vstring", "zcalloc", "zcfree",
})  # fmt: skip


class _Names(NamedTuple):
    """The symbols of a file that are looked for in others: those of Python, and all others."""

    python: tuple[str, ...]
    others: tuple[tuple[str, str], ...]


class _Judge:
    """What was found out of the files of a wheel; each one is looked at once."""

    def __init__(self, tree: Tree, others: Others) -> None:
        self.tree, self.others = tree, others
        self._asked = 0
        self._names: dict[str, _Names] = {}
        self._open: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}

    def symbols(self, member: str) -> Symbols | None:
        """Return the symbols of a member."""
        return self.tree.contents.scans[member].symbols

    def names(self, member: str) -> _Names:
        """Return the symbols that a member needs, without those of C libraries."""
        if member not in self._names:
            symbols = self.symbols(member)
            c_library = symbol_tables.c_library(self.tree.is_musl)
            wanted = [
                need for need in (symbols.undefined if symbols else ()) if need[0] not in c_library
            ]
            python = tuple(name for name, _ in wanted if symbol_tables.is_python(name))
            rest = tuple(need for need in wanted if not symbol_tables.is_python(need[0]))
            self._names[member] = _Names(python, rest)
        return self._names[member]

    def defines(self, members: Sequence[str], name: str) -> bool:
        """Tell whether one of the members defines a name; after too many questions, yes."""
        self._asked += len(members)
        if self._asked > _QUESTIONS:
            return True
        symbols = map(self.symbols, members)
        return any(item is not None and name in item.definitions for item in symbols)

    def open_names(self, load: Load, member: str) -> list[str]:
        """Return the symbols, without those of Python, that no member in a process defines."""
        near = [
            provider
            for library in self.tree.needs[member].libraries
            if (provider := load.providers[member, library]) in self.tree.needs
        ]
        key = (member, *near)
        if key not in self._open:  # modules share most of what they load
            self._open[key] = tuple(
                need for need in self.names(member).others if not self.defines(key, need[0])
            )
        return [
            name
            for name, library in self._open[key]
            if (not library or load.providers.get((member, library)) in self.tree.needs)
            and not self.defines(load.members, name)
        ]

    def is_known(self, load: Load) -> bool:
        """Tell whether each symbol of a process can be judged."""
        return (
            not self.others.loads_globally
            and all(map(_is_known_library, load.system_libraries()))
            and UNKNOWN not in load.providers.values()
            and all(self.symbols(member) is not None for member in load.members)
        )


def _is_known_library(library: str) -> bool:
    return (
        library in _DEFINED
        or _C_LIBRARY.fullmatch(library) is not None
        or platform_policies.is_loader(library)
    )


def check(tree: Tree, others: Others) -> Iterator[Finding]:
    """Check the symbols of all files that Python imports, a user starts, or ctypes loads."""
    judge = _Judge(tree, others)
    seen: set[tuple[Code, str, str]] = set()
    for load in tree.loads:
        for item in _check_load(judge, load):
            # a library is loaded for many modules
            key = item.code, item.where, item.message.partition(", loaded for")[0]
            if key not in seen:
                seen.add(key)
                yield item
    for member in tree.needs:
        yield from _check_init(tree.contents, member, others)


def _check_load(judge: _Judge, load: Load) -> Iterator[Finding]:
    yield from _check_versions(judge, load)
    if judge.tree.contents.is_module(load.root):
        yield from _check_python(judge, load)
    if judge.is_known(load):
        yield from _check_defined(judge, load)


def _check_versions(judge: _Judge, load: Load) -> Iterator[Finding]:
    """The wheel's own libraries have the symbol versions that its other files need of them."""
    if judge.tree.is_musl:  # its loader does not look at versions
        return
    for member in load.members:
        symbols = judge.symbols(member)
        lacking: dict[str, list[str]] = {}
        for library, version in judge.tree.needs[member].versions:
            provider = load.providers.get((member, library), "")
            theirs = judge.symbols(provider) if provider in judge.tree.needs else None
            is_weak = symbols is not None and (library, version) in symbols.weak_versions
            if theirs and not is_weak and _lacks(theirs, version):
                lacking.setdefault(provider, []).append(version)
        for provider, versions in lacking.items():
            message = (
                f"it needs {listing(versions)} of {provider}, which has not that version: another "
                "build of the library was packed than the one that was linked; pack that one"
            )
            yield finding(Code.TW419, message, member)


def _lacks(symbols: Symbols, version: str) -> bool:
    """Tell whether the loader stops at the need for a version of a library.

    It takes what is there from a library that defines none, but ends with a failed assertion if
    that one has no version section at all (`check_match` of glibc).
    """
    return version not in symbols.versions if symbols.versions else not symbols.is_versioned


def _check_defined(judge: _Judge, load: Load) -> Iterator[Finding]:
    """Each symbol is defined by a file that is loaded, or by Python."""
    libraries = load.system_libraries()
    patterns = _patterns(libraries)
    is_program = judge.tree.is_program(load.root)
    # a library that nothing here loads may be a plugin of something that has its symbols
    is_certain = judge.tree.is_root(load.root) or judge.others.loads(load.root)
    for member in load.members:
        names = judge.open_names(load, member)
        if is_program:
            yield from _check_embedded(judge, load, member)
        private = [name for name in names if name in _PRIVATE_ZLIB and "libz.so.1" in libraries]
        if private:
            message = (
                f"it uses {listing(private)} of libz.so.1, which most builds of it keep to "
                "themselves: link zlib statically, or do without them"
            )
            yield finding(Code.TW423, message, member)
        missing = [name for name in names if name not in private and not patterns.match(name)]
        if missing:
            where = "" if member == load.root else f", loaded for {load.root}"
            message = (
                f"it needs the symbol {listing(missing)}, and no file that gets loaded defines it: "
                f"link it with the library that does{where}"
            )
            yield finding(Code.TW420, message, member, "error" if is_certain else "warning")


def _check_embedded(judge: _Judge, load: Load, member: str) -> Iterator[Finding]:
    """A program has the symbols of Python from a library: there is no interpreter around it."""
    python = judge.names(member).python
    names = [name for name in python if not judge.defines(load.members, name)]
    if names:
        message = (
            f"it is a program that needs {listing(names)} of libpython, and loads no libpython: "
            "link Python statically, or make it a script that starts the interpreter"
        )
        yield finding(Code.TW434, message, member)


def _patterns(libraries: set[str]) -> re.Pattern[str]:
    """Return the names that libraries of the system define, beside those of C."""
    more = {name for library in libraries for name in _NEEDED_BY.get(library, ())}
    patterns = [_DEFINED[library] for library in sorted((libraries | more) & _DEFINED.keys())]
    return re.compile("|".join(patterns) or r"(?!)")


def _check_python(judge: _Judge, load: Load) -> Iterator[Finding]:
    """The C API of the tagged Pythons has all names that a module takes from it."""
    contents = judge.tree.contents
    versions = _versions(contents, load.root)
    if contents.name is None or not versions:
        return
    abis = contents.name.abi.lower().split(".")
    is_stable = any(abi.startswith("abi3") for abi in abis)
    is_threaded = all(abi.endswith("t") for abi in abis)
    is_known = judge.is_known(load)
    for member in load.members:
        # a library of another wheel may have names that begin as those of Python
        wanted = [
            name
            for name in judge.names(member).python
            if (_is_outside_stable(name, versions) if is_stable else _is_of_another(name, versions))
            and (is_known or symbol_tables.is_listed(name))
            and not judge.defines(load.members, name)
        ]
        items = (
            _check_stable(member, wanted, versions)
            if is_stable
            else _check_version(member, wanted, versions, is_threaded)
        )
        yield from items


def _is_outside_stable(name: str, versions: list[int]) -> bool:
    since = symbol_tables.stable_since(name)
    return since is None or since > versions[0]


def _is_of_another(name: str, versions: list[int]) -> bool:
    since, until = symbol_tables.exported(name)
    is_removed = until is not None and until < versions[-1]
    return since > versions[0] or is_removed or name in symbol_tables.FREE_THREADED


def _versions(contents: Contents, root: str) -> list[int]:
    """Return N of each Python 3.N that a module is for, lowest first; none for other Pythons."""
    suffix = native_files.suffix(root)
    tags = [suffix.python] if suffix else []
    if not suffix and contents.name:
        tags = contents.name.python.split(".")
    matches = [_CPYTHON.fullmatch(tag.lower()) for tag in tags]
    return sorted(int(match[1]) for match in matches if match)


def _check_version(
    member: str, names: Iterable[str], versions: list[int], is_threaded: bool
) -> Iterator[Finding]:
    """Check a module for certain versions: no name came later, or was removed before."""
    low, high = versions[0], versions[-1]
    later: dict[int, list[str]] = {}
    for name in names:
        since, until = symbol_tables.exported(name)
        if since > low:
            later.setdefault(since, []).append(name)
        elif until is not None and until < high <= symbol_tables.NEWEST_MEASURED:
            message = (
                f"it needs {name}, which Python had until 3.{until}, and the tag is for "
                f"3.{high}: build it with Python 3.{high}"
            )
            yield finding(Code.TW421, message, member)
        elif name in symbol_tables.FREE_THREADED and not is_threaded:
            message = (
                f"it needs {name}, which only free-threaded Python has, and the tag is for "
                f"another: build it with Python 3.{high}"
            )
            yield finding(Code.TW421, message, member)
    for since, symbols in sorted(later.items()):
        message = (
            f"it needs {listing(symbols)}, which Python has from 3.{since} on, and the tag is for "
            f"3.{low}: build it with Python 3.{low}"
        )
        yield finding(Code.TW421, message, member)


def _check_stable(member: str, names: Iterable[str], versions: list[int]) -> Iterator[Finding]:
    """Check a module for all versions from the lowest on: it keeps to the stable ABI (PEP 384)."""
    low = versions[0]
    private = [name for name in names if symbol_tables.stable_since(name) is None]
    if private:
        message = (
            f"it uses {listing(private)}, which the stable ABI has not: "
            "compile it with Py_LIMITED_API, or tag it for the Python it was built with"
        )
        yield finding(Code.TW422, message, member)
    later: dict[tuple[int, str], list[str]] = {}
    for name in names:
        since = symbol_tables.stable_since(name) or 0
        if since > low:
            # some were exported long before the stable ABI promised them: those load
            severity = "error" if symbol_tables.exported(name).since > low else "warning"
            later.setdefault((since, severity), []).append(name)
    for (since, severity), symbols in sorted(later.items()):
        message = (
            f"it uses {listing(symbols)} of the stable ABI of 3.{since}, and the tag says 3.{low}: "
            f"set Py_LIMITED_API to 3.{low}, or tag it cp3{since}-abi3"
        )
        yield finding(Code.TW422, message, member, severity)


def _check_init(contents: Contents, member: str, others: Others) -> Iterator[Finding]:
    """A module exports the init function of its own name (PEP 489, 793)."""
    scan = contents.scans[member]
    name = module_name(member)
    # a library that was grafted has a hash in its name, which no import can say
    if name.startswith("lib") or not name.isidentifier() or not name.strip("_"):
        return
    if scan.symbols is None:
        return
    inits = set(scan.symbols.inits)
    if any(wanted in scan.symbols.definitions for wanted in _inits(name)):
        return
    looked_for = f"PyInit_{name}"
    if inits:
        message = (
            f"Python looks for {looked_for} in it, and it has {listing(sorted(inits))}: "
            "name the file as the module was compiled"
        )
        yield finding(Code.TW424, message, member)
    elif native_files.is_module(member) and not others.sources:
        message = (
            f"it is named as an extension module and has no {looked_for}: Python cannot import it; "
            "a library that ctypes loads needs no such name"
        )
        yield finding(Code.TW424, message, member, "warning")


def _inits(name: str) -> list[str]:
    """Return the names of the init functions that Python looks for in a module."""
    if name.isascii():
        return [f"PyInit_{name}", f"PyModExport_{name}"]
    coded = name.encode("punycode").decode().replace("-", "_")
    return [f"PyInitU_{coded}", f"PyModExportU_{coded}"]
