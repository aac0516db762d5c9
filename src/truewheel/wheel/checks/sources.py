"""Checks of Python sources: those that an import of the wheel runs compile, and find each other.

Followed are imports that run whenever a module is imported: not those in functions, under `if`, or
in a `try` that goes on without. Only what the wheel itself must have is reported as missing.
"""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from packaging.utils import canonicalize_name

from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.version_ranges import has_python

PARSED = 2**19
"""Bytes of sources that are parsed of a wheel, half a second; those nearest to the roots."""

LONGEST, IMPORTS = 2**18, 1000
"""Bytes of a source that is parsed, and its imports that are followed."""

OLDEST_GRAMMAR = 9
"""N of the oldest Python 3.N whose grammar is looked at.

For older ones `ast.parse` refuses parentheses around a single context manager, too.
"""

ADDED = {"annotationlib": 14, "compression": 14, "graphlib": 9, "tomllib": 11, "zoneinfo": 9}
"""Modules of the standard library by the Python 3.N that they came with."""

REMOVED = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), 12),
    **dict.fromkeys(
        ("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap"), 13
    ),
    **dict.fromkeys(
        ("nntplib", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"), 13
    ),
}
"""Modules of the standard library by the Python 3.N that no longer has them."""

_AT_HAND = frozenset({"pip", "pkg_resources", "setuptools", "wheel", "_distutils_hack"})
_MINORS = range(2, 31)
# what a wheel does to the import system, so that modules come into being without a file
_IMPORTERS = re.compile(
    rb"sys\.modules\[(?!__name__\])|modules\.(?:update|setdefault)|meta_path|path_hooks|add_package"
)
# what may be syntax that an older Python does not know
_NEWER = re.compile(rb"(?m)^\s*match\b.*:|\bexcept\s*\*|^\s*type\s+\w+.*=|\b(?:def|class)\s+\w+\[")
_DEFINED = re.compile(rb"(?m)^(?:def|class|async def) (\w+)|^(\w+)\s*[:=]")
_SHARED = re.compile(rb"__path__|declare_namespace|sys\.path")
_DYNAMIC = frozenset({"globals", "locals", "vars", "exec", "setattr", "__getattr__", "eval"})
_CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
_ASIDE = re.compile(
    r"(?:.*/)?_*(?:tests?|testing|examples?|docs?|templates?|data|benchmarks?|scripts|build|src"
    r"|conftest|setup|fixtures|samples?|vendor|_vendor)_*(?:/.*)?"
)
_lock = threading.Lock()  # warnings of the parser are switched off for the whole process


class Import(NamedTuple):
    """An import that always runs: a module, and the name that is taken from it, or ""."""

    module: str
    name: str
    line: int


class Source(NamedTuple):
    """A module of the wheel: its member, its package, and its text where that was kept."""

    member: str
    package: str
    text: bytes


class Tree:
    """The Python sources of a wheel by the paths of their modules, with `/` for the dots."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.sources: dict[str, Source] = {}
        for member, scan in contents.scans.items():
            scheme, _, path = contents.places[member].partition("/")
            if scheme != "site" or not path.endswith(".py") or scan.size != len(scan.start):
                continue
            module = path.removesuffix(".py")
            if module.endswith("/__init__"):
                module = module.removesuffix("/__init__")
                self.sources[module] = Source(member, module, scan.start)
            else:
                package = module.rpartition("/")[0]
                self.sources.setdefault(module, Source(member, package, scan.start))

    @cached_property
    def extensions(self) -> Mapping[str, list[str]]:
        """The native members by the modules that they would be imported as."""
        extensions: dict[str, list[str]] = {}
        for member in self.contents.elves:
            place = self.contents.places[member]
            if place.startswith("site/") and member.endswith(".so"):
                stem = place.removeprefix("site/").rpartition("/")[2].partition(".")[0]
                folder = place.removeprefix("site/").rpartition("/")[0]
                extensions.setdefault(f"{folder}/{stem}".lstrip("/"), []).append(member)
        return extensions

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders of site-packages that the wheel has: a folder is a namespace package."""
        folders: set[str] = set()
        for place in self.contents.places.values():
            path = place.removeprefix("site/").rpartition("/")[0] if place[:5] == "site/" else ""
            while path and path not in folders:
                folders.add(path)
                path = path.rpartition("/")[0]
        return frozenset(folders)

    def has(self, module: str) -> bool:
        """Tell whether the wheel has a module."""
        return module in self.contents.modules or module in self.folders

    def is_package(self, module: str) -> bool:
        """Tell whether a module is a package of this wheel alone, whose text is known."""
        source = self.sources.get(module)
        return source is not None and source.package == module

    def scripts(self) -> dict[str, Source]:
        """Return the files that installers put beside the interpreter and that Python runs."""
        scripts = {}
        for member, scan in self.contents.scans.items():
            place, line = self.contents.places[member], scan.start.partition(b"\n")[0]
            is_python = line.startswith(b"#!") and b"python" in line and b"python2" not in line
            if place.startswith("scripts/") and is_python and scan.size == len(scan.start):
                scripts[place] = Source(member, "", scan.start)
        return scripts

    def roots(self) -> list[str]:
        """Return the packages and modules that users import first."""
        roots = [
            module
            for module, source in self.sources.items()
            if not _ASIDE.fullmatch(module) and self._is_first(module, source)
        ]
        packages = [module for module in roots if self.is_package(module)]
        # modules beside a package may be for other Pythons
        return packages or roots

    def _is_first(self, module: str, source: Source) -> bool:
        parts = module.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if any(f"{folder}/__init__" in self.contents.modules for folder in above):
            return False
        if not all(part.isidentifier() for part in parts):
            return False
        return source.package == module if above else True


def check_sources(contents: Contents) -> Iterator[Finding]:
    """What an import of the wheel runs compiles, and finds the modules of the wheel."""
    if len(contents.dist_infos) == 1 and contents.is_whole:
        yield from _Walk(Tree(contents)).check()


class _Walk:
    """The modules that are imported, one after the other."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.parsed: dict[str, ast.Module | None] = {}
        self.names: dict[str, frozenset[str]] = {}
        self.plain: dict[str, frozenset[bytes]] = {}
        self.closed: dict[str, bool] = {}
        self.size = 0
        self.versions = _minors(tree.contents)
        self.has_importer = self.has_path = False

    def check(self) -> Iterator[Finding]:
        """Follow the imports from the roots, and report what fails."""
        scripts = self.tree.scripts()
        queue = deque([*self.tree.roots(), *_programs(self.tree), *scripts])
        seen: set[str] = set()
        missing: list[Finding] = []
        while queue and self.size < PARSED:
            module = queue.popleft()
            if module in seen or not (module in self.tree.sources or module in scripts):
                continue
            seen.add(module)
            if module in self.tree.extensions:
                continue  # which Python prefers to the source beside it
            source = scripts.get(module) or self.tree.sources[module]
            yield from self._check_text(module, source)
            for item in islice(_imports(self.parsed.get(module), source), IMPORTS):
                missing += filter(None, [self._missed(item, source)])
                queue += _paths(item)
        if not self.has_importer:
            yield from missing

    def _check_text(self, module: str, source: Source) -> Iterator[Finding]:
        """Parse a source, and say where it does not compile."""
        self.size += len(source.text)
        here = sys.version_info[1]
        tree, error = parse(source.text)
        self.parsed[module] = tree
        self.has_importer |= _IMPORTERS.search(source.text) is not None
        self.has_path |= self.has_importer or b"sys.path" in source.text
        if error and here in self.versions:
            message = f"Python 3.{here} does not compile it: {error}"
            yield finding(Code.TW331, message, source.member)
        lowest = max(OLDEST_GRAMMAR, min(self.versions, default=here))
        is_newer = _NEWER.search(source.text) is not None
        if tree is None or not self.versions or lowest >= here or not is_newer:
            return
        _, error = parse(source.text, lowest)
        if error:
            message = (
                f"the wheel is for Python 3.{lowest}, which does not compile it: {error}; "
                "raise requires-python"
            )
            yield finding(Code.TW331, message, source.member)

    def _missed(self, item: Import, source: Source) -> Finding | None:
        """Return a finding where an import cannot find what the wheel must have."""
        where = f"line {item.line}"
        if not self.tree.has(item.module):
            near = [path for path in _above(item.module) if self.tree.has(path)]
            if near and self._is_closed(near[-1]) and self.tree.is_package(near[-1]):
                return self._absent(item.module, source, where)
            return None if near else self._foreign(item, source, where)
        native = self._native(item, source, where)
        is_special = not item.name or item.name.startswith("__")
        if native or is_special or not self._is_closed(item.module):
            return native
        if self.tree.has(f"{item.module}/{item.name}") or self._may_define(item):
            return None
        return self._absent(f"{item.module}/{item.name}", source, where)

    def _native(self, item: Import, source: Source, where: str) -> Finding | None:
        """Check that an extension module that is imported has an init function."""
        for path in (item.module, f"{item.module}/{item.name}"):
            members = self.tree.extensions.get(path, ())
            if (
                path in self.tree.sources
                or not members
                or f"{path}/__init__" in self.tree.contents.modules
            ):
                continue
            symbols = [self.tree.contents.scans[member].symbols for member in members]
            if all(table is not None and not table.inits for table in symbols):
                name = path.replace("/", ".")
                init = f"PyInit_{name.rpartition('.')[2]}"
                message = (
                    f"{source.member}, {where}, imports it as {name}, and it has no {init}: "
                    "compile it as a module, with that function visible"
                )
                return finding(Code.TW424, message, members[0])
        return None

    def _absent(self, module: str, source: Source, where: str) -> Finding:
        name = module.replace("/", ".")
        message = f"{where} imports {name}, which is not in the wheel; pack it, or catch the error"
        # a distribution of the same family may put its files into this package
        top = canonicalize_name(name.partition(".")[0])
        alike = [
            item.name
            for item in self.tree.contents.requirements
            if canonicalize_name(item.name).startswith(top)
            and canonicalize_name(item.name) != _distribution(self.tree.contents)
        ]
        if alike:
            message += f" ({alike[0]}, which it requires, may bring it)"
        return finding(Code.TW332, message, source.member, "warning" if alike else "error")

    def _is_closed(self, module: str) -> bool:
        """Tell whether only this wheel says what is in a module, and its text is known."""
        if module not in self.closed:
            parent = module.rpartition("/")[0]
            source = self.tree.sources.get(module)
            is_shared = source is not None and _SHARED.search(source.text) is not None
            is_open_above = parent in self.tree.sources and not self._is_closed(parent)
            self.closed[module] = source is not None and not is_shared and not is_open_above
        return self.closed[module]

    def _may_define(self, item: Import) -> bool:
        """Tell whether a module may have a name."""
        text = self.tree.sources[item.module].text
        if item.module not in self.plain:
            self.plain[item.module] = frozenset(b"".join(pair) for pair in _DEFINED.findall(text))
        if item.name.encode() in self.plain[item.module]:
            return True  # as nearly always, which saves a walk through the tree
        if item.module not in self.names:
            if item.module not in self.parsed:
                self.parsed[item.module] = parse(text)[0]
            tree = self.parsed[item.module]
            package = item.module if self.tree.is_package(item.module) else ""
            self.names[item.module] = bound_names(tree, package) if tree else frozenset("*")
        return not {item.name, "*"}.isdisjoint(self.names[item.module])

    def _foreign(self, item: Import, source: Source, where: str) -> Finding | None:
        """Check the import of a module of the standard library that some Pythons do not have."""
        top = item.module.partition("/")[0]
        brought = any(
            canonicalize_name(requirement.name).replace("-", "").startswith(top)
            or canonicalize_name(requirement.name) == "setuptools"
            or top in requirement.name.lower()
            for requirement in self.tree.contents.requirements
        )
        if self._is_unknown(top):
            message = f"{where} imports {top}, which neither the wheel nor Python has"
            hint = "it requires nothing; name the distribution that brings it"
            return finding(Code.TW332, f"{message}: {hint}", source.member, "warning")
        lacking = [
            minor
            for minor in self.versions
            if minor < ADDED.get(top, 0) or minor >= REMOVED.get(top, 99)
        ]
        if brought or not lacking:
            return None
        is_certain = len(lacking) == len(self.versions) or top in ADDED
        message = f"{where} imports {top}, which Python 3.{lacking[0]} does not have"
        severity = "error" if is_certain else "warning"
        return finding(Code.TW332, message, source.member, severity)

    def _is_unknown(self, top: str) -> bool:
        """Tell whether nothing that gets installed with this wheel may bring a module.

        Wheels of native code leave a framework that they extend to the user, as those for torch.
        """
        fields = self.tree.contents.metadata
        return (
            fields is not None
            and self.tree.contents.is_any
            and not fields.all("Requires-Dist")
            and top not in sys.stdlib_module_names
            and top not in ADDED.keys() | REMOVED.keys() | _AT_HAND
            and not self.has_path
        )


def _distribution(contents: Contents) -> str:
    return canonicalize_name(contents.name.distribution) if contents.name else ""


def _minors(contents: Contents) -> list[int]:
    """Return N of each Python 3.N that a wheel is for, by its tags and by Requires-Python.

    None where the wheel does not say on which Pythons it works.
    """
    required = contents.metadata.first("Requires-Python") if contents.metadata else ""
    if contents.name is None:
        return []
    pythons = contents.name.python.lower().split(".")
    abis = contents.name.abi.lower().split(".")
    if len(pythons) * len(abis) > len(_MINORS):
        return []
    if not required and pythons[-1] == "py3":
        return [sys.version_info[1]]  # all would be a promise that nobody made
    return [
        minor
        for minor in _MINORS
        if any(
            has_python(f"{required},==3.{minor}.*".strip(","), python, abi)
            for python in pythons
            for abi in abis
        )
    ]


def _programs(tree: Tree) -> list[str]:
    """Return the modules of the programs that installers make, with the packages above them."""
    text = tree.contents.entry_points or ""
    sections = re.split(r"(?m)^\s*\[", text)
    programs = "\n".join(part for part in sections if part.startswith(("console", "gui")))
    modules = re.findall(r"(?m)=\s*([\w.]+)\s*:", programs)
    return [path for module in modules for path in _above(module.replace(".", "/"))]


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _paths(item: Import) -> list[str]:
    """Return the modules that an import runs, or may run."""
    return _above(f"{item.module}/{item.name}" if item.name else item.module)


def parse(text: bytes, minor: int | None = None) -> tuple[ast.Module | None, str]:
    """Return the syntax tree of a source, and why Python does not compile it, or "".

    None without a reason for what the parser gives up on.
    """
    if len(text) > LONGEST:
        return None, ""
    version = (3, minor) if minor else None
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text, feature_version=version), ""
        except SyntaxError as error:
            place = f"line {error.lineno}: " if error.lineno else ""
            return None, f"{place}{error.msg}"
        except ValueError as error:  # null bytes, in older Pythons
            return None, str(error)
        except (RecursionError, MemoryError):
            return None, ""


def _imports(tree: ast.Module | None, source: Source) -> Iterator[Import]:
    """Yield the imports that run whenever a module is imported."""
    for node in _running(tree.body) if tree else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name.replace(".", "/"), "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, source)
            for alias in node.names if base else ():
                name = "" if alias.name == "*" else alias.name
                yield Import(base, name, node.lineno)


def _base(node: ast.ImportFrom, source: Source) -> str:
    """Return the module from which names are imported, "" above the top."""
    below = (node.module or "").replace(".", "/")
    if not node.level:
        return below
    parts = source.package.split("/") if source.package else []
    if node.level > len(parts):
        return ""
    return "/".join([*parts[: len(parts) - node.level + 1], *([below] if below else [])])


def _running(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run, up to one that may end the module."""
    for node in body:
        if isinstance(node, ast.Raise):
            return
        if isinstance(node, ast.Try) and not any(map(_catches, node.handlers)):
            yield from _running(node.body)
        else:
            yield node


def _catches(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler may catch a failed import."""
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & _CAUGHT) or not names


def bound_names(tree: ast.Module, package: str = "") -> frozenset[str]:
    """Return the names that a module may define, and `*` where it may define any.

    A `package` does not come to have a name by importing it from itself.
    """
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name):
            names.add("*" if node.id in _DYNAMIC else node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            if not (package and _is_from(node, package)):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Attribute) and node.attr in {"modules", "__dict__"}:
            names.add("*")
        elif isinstance(node, ast.Global):
            names.update(node.names)
    return frozenset("*" if name == "__getattr__" else name for name in names)


def _is_from(node: ast.Import | ast.ImportFrom, package: str) -> bool:
    if isinstance(node, ast.Import):
        return False
    return (node.level, node.module or "") in {(1, ""), (0, package.replace("/", "."))}


def callable_complaint(tree: ast.Module, name: str, modules: frozenset[str]) -> str:
    """Return why a module has no object of this name that can be called without arguments, or "".

    `modules` are the names of the modules beside it, or in it where it is a package.
    """
    if {"*"} & bound_names(tree):
        return ""
    bindings = list(_bindings(tree.body, name))
    if not bindings and not any(isinstance(node, ast.Global) for node in ast.walk(tree)):
        return "does not define"
    complaints = [_complaint(node, name, modules) for node in bindings]
    return complaints[-1] if complaints and all(complaints) else ""


def _bindings(body: Sequence[ast.stmt], name: str) -> Iterator[ast.stmt]:
    """Yield the statements of a module, not of its functions, that bind a name on import."""
    for node in body:
        if isinstance(node, ast.If) and _is_main(node.test):
            yield from _bindings(node.orelse, name)
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name == name:
                yield node
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any((alias.asname or alias.name.partition(".")[0]) == name for alias in node.names):
                yield node
            continue
        inner = [getattr(node, part, []) for part in ("body", "orelse", "finalbody")]
        inner += [handler.body for handler in getattr(node, "handlers", [])]
        inner += [case.body for case in getattr(node, "cases", [])]
        if any(inner):
            for part in inner:
                yield from _bindings(part, name)
        elif any(_stores(part, name) for part in ast.walk(node)):
            yield node


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _is_main(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(test) if isinstance(node, ast.Constant)}
    return "__name__" in names and "__main__" in texts


def _complaint(node: ast.stmt, name: str, modules: frozenset[str]) -> str:
    """Return why what a statement binds cannot be called by the program of an entry point."""
    if isinstance(node, ast.AsyncFunctionDef) and not node.decorator_list:
        return "defines as a coroutine, which nobody awaits"
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        taken = node.args.posonlyargs + node.args.args
        wanted = len(taken) - len(node.args.defaults) + node.args.kw_defaults.count(None)
        return "defines with required arguments, and programs give it none" if wanted > 0 else ""
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
        return "defines as a constant"
    if isinstance(node, ast.ImportFrom) and node.level == 1 and not node.module:
        original = {alias.asname or alias.name: alias.name for alias in node.names}[name]
        return "imports as a module, which cannot be called" if original in modules else ""
    return ""
