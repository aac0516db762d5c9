"""What the files of a package say about its wheel: name, version, ABI, Python versions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion
from packaging.version import Version as Pep440

from truewheel.errors import Problem, Stop, show_value, stop
from truewheel.spec import version_file
from truewheel.workspace import setup_files
from truewheel.workspace.setup_files import Setup

PYPROJECT = "pyproject.toml"
SETUPTOOLS = "setuptools"
SPEC_NAME = re.compile(r"(?!.*__)[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", re.ASCII)
SMOKE_TESTS = (
    "smoke.py",
    "tests/smoke.py",
    "test/smoke.py",
    "smoke_test.py",
    "tests/smoke_test.py",
)
TAG = r"(?:[A-Za-z_][\w-]*-)?[vV]?([0-9].*)"
"""A git tag that holds a version: 1.2, v1.2, foo-1.2."""

# The usual names of build backends, by the first word of build-backend.
BACKENDS = {
    "setuptools": SETUPTOOLS,
    "scikit_build_core": "scikit-build-core",
    "mesonpy": "meson-python",
    "maturin": "maturin",
    "hatchling": "hatchling",
    "flit_core": "flit",
    "poetry": "poetry",
    "pdm": "pdm",
}
ALWAYS_NATIVE = {"scikit-build-core", "maturin"}
TAG_PYTHON_2 = {"hatchling", "flit"}
"""Where nothing forbids Python 2, their pure wheels are tagged py2.py3."""

# Versions that are read from git: the key and value that say so, and the variable by which the
# build gets another version.
PRETEND = "env:SETUPTOOLS_SCM_PRETEND_VERSION"
VERSIONS_OF_GIT = (
    (("tool", "hatch", "version", "source"), "vcs", PRETEND),
    (
        ("tool", "scikit-build", "metadata", "version", "provider"),
        "scikit_build_core.metadata.setuptools_scm",
        PRETEND,
    ),
    (("tool", "pdm", "version", "source"), "scm", "env:PDM_BUILD_SCM_VERSION"),
)
VERSION_FILES = (
    ("tool", "setuptools", "dynamic", "version", "file"),
    ("tool", "scikit-build", "metadata", "version", "input"),
    ("tool", "hatch", "version", "path"),
    ("tool", "pdm", "version", "path"),
)
OWN_PATTERNS = (
    ("tool", "hatch", "version", "pattern"),
    ("tool", "scikit-build", "metadata", "version", "regex"),
)
SOURCES = ("", "src/", "python/", "lib/")
CARGO, MESON, POETRY = "Cargo.toml", "meson.build", "[tool.poetry]"
CARGO_VERSION = r"""(?s)\A(?:.*?\n)?\[package\][^\[]*?^version *= *"(.+?)\""""
MESON_VERSION = r"""(?s)^project\(.*?\bversion *: *'([^'\n]+)'"""
IN_MESON = re.compile(r"\bversion\s*:\s*files\(\s*'([^'\n]+)'\s*\)")
IN_SETUP = re.compile(
    r"\bext_modules\b|\bcythonize\b|\bcffi_modules\b|\brust_extensions\b|\bhas_ext_modules\b"
)
LIMITED = re.compile(r"py[_-]limited[_-]api[\"']?\s*[:=]\s*[\"']?cp3(\d{1,2})\b", re.ASCII)
PYO3_LIMITED = re.compile(r"(?:pyo3/)?abi3(?:-py3(\d{1,2}))?", re.ASCII)
HOOKS = (
    ("tool", "hatch", "build", "hooks"),
    ("tool", "hatch", "build", "targets", "wheel", "hooks"),
    ("tool", "poetry", "build"),
    ("tool", "pdm", "build", "run-setuptools"),
)


class Version(NamedTuple):
    """Where the version of a package comes from.

    `value` is the version, or "" where git has it. `origin` names the place in messages. `file` is
    the file below the package that holds it; `match` is the expression that finds it there, or ""
    where the file holds nothing else. `inject` is how the build gets another version.
    """

    value: str
    origin: str
    file: str = ""
    match: str = ""
    inject: str = ""


class Abi(NamedTuple):
    """The kind of a package's wheels.

    `kind` is the spec's `abi`. `origin` is the file or key that shows it. `oldest` is X of the cp3X
    with which a limited API begins, or 0.
    """

    kind: str
    origin: str
    oldest: int = 0


class Package(NamedTuple):
    """A package as its files describe it.

    `path` is its folder. `classified` are the Python versions of its classifiers. `smoke` is the
    path of a smoke test below the folder, or "".
    """

    name: str
    path: str
    backend: str
    version: Version
    abi: Abi
    requires_python: str
    classified: tuple[str, ...]
    smoke: str


class Files(NamedTuple):
    """The files of a package.

    `text` returns the text of a file, or None. `table` returns the data of a TOML file and raises
    `ValueError`. `are_native` returns whether there are sources to be compiled.
    """

    text: Callable[[str], str | None]
    table: Callable[[str], dict[str, Any]]
    are_native: Callable[[], bool]


def get_value(data: Any, *keys: str) -> Any:
    """Return what stands in nested tables, or None."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def get_text(data: Any, *keys: str) -> str:
    """Return the text that stands in nested tables, or "" if there is none."""
    value = get_value(data, *keys)
    return value if isinstance(value, str) else ""


def get_texts(data: Any, *keys: str) -> tuple[str, ...]:
    """Return the texts of a list in nested tables; one text alone counts as a list."""
    value = get_value(data, *keys)
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def read_package(path: str, files: Files) -> Package | None:
    """Return the package of a folder, or None where its pyproject.toml configures only tools.

    Raises `Stop` (exit 2) with all that keeps its wheels from being named.
    """
    where = f"{path}/{PYPROJECT}".removeprefix("./")
    try:
        data = files.table(PYPROJECT)
    except (ValueError, RecursionError) as error:
        raise stop(where, f"not TOML: {error}", "correct the file") from None
    if not isinstance(data.get("project"), Mapping):
        others = _other_metadata(data, files)
        if not others:
            return None
        data = _with_project(data, files, where, others)
    backend = _backend(data)
    problems: list[Problem] = []
    name = _kept(problems, lambda: _name(data, where))
    version = _kept(problems, lambda: _version(data, backend, files, where))
    abi = _kept(problems, lambda: _abi(data, backend, files, where))
    requires = _kept(problems, lambda: _requires_python(data, backend, where))
    if name is None or version is None or abi is None or requires is None:
        raise Stop(problems)
    smoke = next((name for name in SMOKE_TESTS if files.text(name) is not None), "")
    return Package(name, path, backend, version, abi, requires, _classified(data), smoke)


def _backend(data: Mapping[str, Any]) -> str:
    """Return the build backend, or the one that it wraps, as people call it."""
    wrapped = get_text(data, "tool", "rapids-build-backend", "build-backend")
    backend = wrapped or get_text(data, "build-system", "build-backend")
    word = backend.partition(".")[0] or SETUPTOOLS  # the default of PEP 517
    return BACKENDS.get(word, word)


def _kept(problems: list[Problem], read: Callable[[], Any]) -> Any:
    """Return the result of `read`; its problems are collected, so that all are reported at once."""
    try:
        return read()
    except Stop as stopped:
        problems += stopped.problems
        return None


def _other_metadata(data: Mapping[str, Any], files: Files) -> str:
    """Return where a package without [project] has its name and version, or "" without any."""
    if get_value(data, "tool", "poetry", "name"):
        return POETRY
    names = ["setup.py"] if files.text("setup.py") is not None else []
    names += ["setup.cfg"] if "[metadata]" in (files.text("setup.cfg") or "") else []
    return " and ".join(names) or (PYPROJECT if "build-system" in data else "")


def _with_project(data: Mapping[str, Any], files: Files, where: str, others: str) -> dict[str, Any]:
    """Return the data of a pyproject.toml, completed from setup.cfg and setup.py.

    Raises `Stop` where they have no name.
    """
    setup = setup_files.read_setup(files.text)
    if others == POETRY or not setup.name:
        raise _without_project(where, others)
    return {
        **data,
        "project": {
            "name": setup.name,
            "requires-python": setup.requires_python,
            "dynamic": ["version"],
        },
    }


def _without_project(where: str, others: str) -> Stop:
    detail = f", and no name in {others} that is plain text"
    if others == PYPROJECT:
        detail = ""
    elif others == POETRY:
        detail = f": {others} is not read for its name and version"
    hint = 'add [project] with name = "…" and version = "…": build backends take both from there'
    return stop(where, f"there is no [project]{detail}", hint)


def _name(data: Mapping[str, Any], where: str) -> str:
    name = get_text(data, "project", "name")
    if not name:
        raise stop(where, "[project] has no name", 'add name = "…"')
    if not SPEC_NAME.fullmatch(name):
        hint = "letters and digits, with . _ - inside but no __, 64 at most"
        raise stop(where, f"[project] name {show_value(name)} cannot name wheels", hint)
    return name


def _version(data: Mapping[str, Any], backend: str, files: Files, where: str) -> Version:
    if value := get_text(data, "project", "version"):
        if not _is_version(value):
            raise stop(
                where,
                f"[project] version {show_value(value)} is not one of PEP 440",
                "such as 1.2.3 or 1.3.0.dev0",
            )
        return Version(value, PYPROJECT)
    if inject := _injected_by_git(data, backend, files):
        return Version("", "git tags", inject=inject)
    named = [name for keys in VERSION_FILES for name in get_texts(data, *keys)]
    if backend == "meson-python":
        named += IN_MESON.findall(files.text(MESON) or "")
    setup = setup_files.read_setup(files.text) if backend == SETUPTOOLS else setup_files.Setup()
    named += [setup.file] if setup.file else []
    words = (files.text(named[0]) or "").split() if len(named) == 1 else []
    if len(words) == 1 and _is_version(words[0]) and _is_path(named[0]):
        return Version(words[0], named[0], file=named[0])
    for file, match, inject in _places(data, backend, named, setup, files):
        value = version_file.find_version(files.text(file) or "", match)
        if value and _is_version(value) and _is_path(file):
            return Version(value, file, file, match, inject)
    raise stop(
        where,
        f"its version cannot be known before the build: {_how_dynamic(data, named, files)}",
        DYNAMIC_HINT,
    )


def _is_path(name: str) -> bool:
    return name.isprintable() and not name.startswith("-")


def _places(
    data: Mapping[str, Any], backend: str, named: list[str], setup: Setup, files: Files
) -> Iterator[tuple[str, str, str]]:
    """Yield the places where a backend finds the version beside other text.

    A place is a file, the expression that finds the version in it, and how the build gets another
    version.
    """
    if backend != SETUPTOOLS and not any(get_value(data, *keys) for keys in OWN_PATTERNS):
        yield from (
            (name, version_file.assignment_pattern("__version__|VERSION"), "") for name in named
        )
    attribute = (
        get_text(data, "tool", "setuptools", "dynamic", "version", "attr") or setup.attribute
    )
    if backend == "flit":
        module = get_text(data, "tool", "flit", "module", "name") or get_text(
            data, "project", "name"
        ).replace("-", "_")
        attribute = f"{module}.__version__"
    module, _, name = attribute.rpartition(".")
    if module and name.isidentifier():
        paths = (
            f"{folder}{module.replace('.', '/')}{end}"
            for folder in SOURCES
            for end in ("/__init__.py", ".py")
        )
        yield from ((path, version_file.assignment_pattern(name), "") for path in paths)
    if setup.place:
        yield setup.place, setup.match, ""
    if backend == "meson-python":
        yield MESON, MESON_VERSION, ""
    if backend == "maturin":
        # Not replaced there: Cargo knows other versions than PEP 440.
        yield get_text(data, "tool", "maturin", "manifest-path") or CARGO, CARGO_VERSION, "wheel"


DYNAMIC_HINT = (
    'write version = "…" into [project] and take it out of dynamic; '
    "or let the backend read it from a file: alone there, or as __version__ = …"
)


def _how_dynamic(data: Mapping[str, Any], named: list[str], files: Files) -> str:
    if attribute := get_text(data, "tool", "setuptools", "dynamic", "version", "attr"):
        return f"it is the attribute {show_value(attribute)}"
    if missing := [name for name in named if files.text(name) is None]:
        return f"there is no file {show_value(', '.join(missing))}"
    if named:
        return f"{show_value(', '.join(named))} holds more than a version"
    is_dynamic = "version" in get_texts(data, "project", "dynamic")
    return "it is dynamic" if is_dynamic else "[project] has none"


def _is_version(text: str) -> bool:
    try:
        Pep440(text)
    except InvalidVersion:
        return False
    return True


def _injected_by_git(data: Mapping[str, Any], backend: str, files: Files) -> str:
    """Return how to replace a version that comes from git, or "" if it does not come from git."""
    for keys, value, inject in VERSIONS_OF_GIT:
        if get_text(data, *keys) == value:
            return inject
    if backend != SETUPTOOLS or get_value(data, "tool", "setuptools", "dynamic", "version"):
        return ""
    requires = " ".join(get_texts(data, "build-system", "requires")).replace("_", "-")
    uses_scm = (
        get_value(data, "tool", "setuptools_scm") is not None
        or "setuptools-scm[simple]" in requires
    )
    return PRETEND if uses_scm or "use_scm_version" in (files.text("setup.py") or "") else ""


def _abi(data: Mapping[str, Any], backend: str, files: Files, where: str) -> Abi:
    limited = {
        "scikit-build-core": _limited_scikit,
        "meson-python": _limited_meson,
        "maturin": _limited_maturin,
        SETUPTOOLS: _limited_setuptools,
    }
    limited_abi = limited[backend](data, files, where) if backend in limited else None
    if limited_abi:
        return limited_abi
    origin = _native(data, backend, files)
    return Abi("cpython", origin) if origin else Abi("none", "no native code")


def _limited_scikit(data: Mapping[str, Any], _: Files, where: str) -> Abi | None:
    tag = get_text(data, "tool", "scikit-build", "wheel", "py-api")
    if tag.startswith("py"):
        raise _any_python(where, f"wheel.py-api = {show_value(tag)}")
    match = re.fullmatch(r"cp3(\d{1,2})\b", tag, re.ASCII)
    return Abi("abi3", f"wheel.py-api {tag}", int(match[1])) if match else None


def _limited_meson(data: Mapping[str, Any], _: Files, __: str) -> Abi | None:
    is_limited = get_value(data, "tool", "meson-python", "limited-api") is True
    return Abi("abi3", "tool.meson-python.limited-api") if is_limited else None


def _limited_maturin(data: Mapping[str, Any], files: Files, where: str) -> Abi | None:
    bindings = get_text(data, "tool", "maturin", "bindings")
    if bindings in {"bin", "cffi", "uniffi"}:
        raise _any_python(where, f"bindings = {show_value(bindings)}")
    manifest = get_text(data, "tool", "maturin", "manifest-path") or CARGO
    try:
        cargo = files.table(manifest)
    except (ValueError, RecursionError):
        cargo = {}  # the build reports the broken file
    features = [
        *get_texts(cargo, "dependencies", "pyo3", "features"),
        *get_texts(data, "tool", "maturin", "features"),
    ]
    match = next(
        (match for feature in features if (match := PYO3_LIMITED.fullmatch(feature))), None
    )
    return Abi("abi3", f"pyo3's {match[0]}", int(match[1] or 0)) if match else None


def _limited_setuptools(_: Mapping[str, Any], files: Files, __: str) -> Abi | None:
    for name in ("setup.cfg", PYPROJECT, "setup.py"):
        if match := LIMITED.search(files.text(name) or ""):
            return Abi("abi3", f"py_limited_api in {name}", int(match[1]))
    return None


def _any_python(where: str, setting: str) -> Stop:
    message = f"{setting} makes wheels for every Python of one platform (py3-none-<platform>)"
    return stop(where, message, "no spec can name those yet")


def _native(data: Mapping[str, Any], backend: str, files: Files) -> str:
    """Return what shows that the wheel holds compiled code, or ""."""
    if backend in ALWAYS_NATIVE:
        return backend
    if get_value(data, "tool", "setuptools", "ext-modules"):
        return f"ext-modules in {PYPROJECT}"
    setup = files.text("setup.py")
    if backend == SETUPTOOLS and setup and IN_SETUP.search(setup):
        return "extensions in setup.py"
    if get_value(data, "tool", "setuptools-rust"):
        return "tool.setuptools-rust"
    can_compile = (
        backend not in BACKENDS.values()
        or backend == "meson-python"
        or (backend == SETUPTOOLS and setup is not None)
        or any(get_value(data, *keys) for keys in HOOKS)
    )
    return "native sources" if can_compile and files.are_native() else ""


def _requires_python(data: Mapping[str, Any], backend: str, where: str) -> str:
    text = get_text(data, "project", "requires-python")
    if not text and backend in TAG_PYTHON_2:
        message = (
            f"[project] has no requires-python: {backend} tags pure wheels for Python 2 as well"
            " (py2.py3)"
        )
        raise stop(where, message, 'add requires-python = ">=3.10"')
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        message = f"[project] requires-python {show_value(text)} is not one of PEP 440"
        raise stop(where, message, "such as >=3.10") from None
    return text


def _classified(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the Python versions of the classifiers."""
    prefix = "Programming Language :: Python :: "
    versions = [
        classifier.removeprefix(prefix)
        for classifier in get_texts(data, "project", "classifiers")
        if prefix in classifier
    ]
    return tuple(version for version in versions if re.fullmatch(r"3\.\d{1,2}", version, re.ASCII))
