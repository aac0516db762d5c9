"""What a repository contains: its packages, its pipelines, its remote.

Nothing is changed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import yaml

from truewheel.errors import Problem, Stop, Where, show_value, stop
from truewheel.forges import FORGES
from truewheel.forges.pipelines import MARK
from truewheel.init import build_backend
from truewheel.init.build_backend import PYPROJECT, TAG, Files, Package, get_texts, get_value
from truewheel.spec import yaml_source
from truewheel.system import git_program
from truewheel.wheel.filename import normalized
from truewheel.workspace import git, loading, submodules

BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*", re.ASCII)
"""Branch names without a special meaning in the patterns of workflows."""
LEVELS = 2
MAX_BYTES = 2**20
MAX_FOLDERS = 2000
SECONDS = 30.0
# Folders whose projects belong to others, or are not published.
OTHERS = frozenset(
    {
        *("build", "dist", "node_modules", "venv", "env"),
        *("third_party", "third-party", "thirdparty", "vendor", "vendored"),
        *("extern", "external", "deps", "subprojects", "submodules"),
        *("test", "tests", "testing", "testdata", "fixtures", "doc", "docs"),
        *("example", "examples", "sample", "samples", "demo", "demos"),
        *("bench", "benchmark", "benchmarks"),
    }
)
NATIVE = frozenset({".c", ".cc", ".cpp", ".cxx", ".cu", ".pyx", ".rs", ".f", ".f90", ".zig", ".S"})
NATIVE_FILES = frozenset({"CMakeLists.txt", "Cargo.toml"})

# Settings of cibuildwheel, by the name of the environment variable without CIBW_; in pyproject.toml
# they are in lower case, with dashes.
CIBUILDWHEEL = ("BUILD", "SKIP", "ARCHS", "MANYLINUX_X86_64_IMAGE")


class Repository(NamedTuple):
    """What `read_repository` reads.

    `remote` is the host of the git remote, `branch` its main branch ("": not known), `tag` the
    nearest git tag, `pipelines` the CI files, `by_hand` the texts of those of them that are not
    generated, `containers` the Dockerfiles with the images that they start from,
    `cibuildwheel` its settings. `submodules` is the value of that key: "true", "recursive", or ""
    where there is none. `problems` are warnings: packages that were left out.
    """

    name: str
    packages: tuple[Package, ...]
    remote: str = ""
    branch: str = ""
    tag: str = ""
    pipelines: tuple[str, ...] = ()
    by_hand: Mapping[str, str] = {}
    containers: Mapping[str, str] = {}
    cibuildwheel: Mapping[str, str] = {}
    submodules: str = ""
    problems: tuple[Problem, ...] = ()


def read_repository(root: Path, environment: Mapping[str, str]) -> Repository:
    """Return what the repository at `root` contains.

    Raises `Stop` (exit 2) when `root` lies inside a repository but is not its top, or no wheel of
    it can be named.
    """
    top = _git(root, environment, "rev-parse", "--show-toplevel")
    if top and Path(top).resolve() != root.resolve():
        message = f"{root} is not the top of its repository: forges look for pipelines only there"
        raise stop("init", message, f"go to {top}")
    packages, problems = _packages(root)
    is_by_git = any(not package.version.value for package in packages)
    reader = git.FactReader(root, environment)
    fault = reader.find_fault("tag") if is_by_git else git.find_fault(root, environment)
    if fault and fault.severity == "error":  # a repository without a commit is a young one
        problems = (*problems, replace(fault, severity="warning"))
    files = {path: text for path in _ci_files(root) if (text := _text(root, path)) is not None}
    tag = _git(root, environment, "describe", "--tags", "--abbrev=0")
    if is_by_git and tag and not re.fullmatch(TAG, tag, re.ASCII):
        raise stop(
            "git",
            f"the nearest tag holds no version: {show_value(tag)}",
            "tag a release: git tag v1.0",
        )
    return Repository(
        name=root.resolve().name,
        packages=packages,
        remote=_host(_git(root, environment, "remote", "get-url", "origin")),
        branch=_branch(root, environment),
        tag=tag,
        pipelines=tuple(files),
        by_hand={path: text for path, text in files.items() if MARK not in text.partition("\n")[0]},
        containers=dict(_containers(root)),
        cibuildwheel=_cibuildwheel(root, files.values()),
        submodules=_submodules(root),
        problems=problems,
    )


def _submodules(root: Path) -> str:
    folders = submodules.paths(_text(root, submodules.FILE))
    inner = [f"{folder}/{submodules.FILE}" for folder in folders]
    if any(submodules.paths(_text(root, file)) for file in inner):
        return "recursive"
    return "true" if folders else ""


def _packages(root: Path) -> tuple[tuple[Package, ...], tuple[Problem, ...]]:
    """Return the packages whose wheels can be named, and warnings for the others.

    Raises `Stop` where there is none, and where the package at the top is one of the others.
    """
    packages: list[Package] = []
    problems: list[Problem] = []
    for path in _folders(root, LEVELS):
        if path != "." and _text(root, f"{path}/{PYPROJECT}") is None:
            continue
        try:
            packages += filter(
                None, [build_backend.read_package(_nameable(path), _files(root, path))]
            )
        except Stop as stopped:
            if path == ".":
                raise
            problems += stopped.problems
    if not packages:
        raise Stop(problems or [_no_package(root)])
    _check_origins(packages)
    warnings = tuple(replace(problem, severity="warning") for problem in problems)
    warnings += tuple(_drop_same_names(packages))
    return tuple(packages), warnings


def _folders(root: Path, levels: int, path: str = ".") -> Iterator[str]:
    """Yield the folders that may hold a package, as paths below the root, upper ones first."""
    yield path
    if levels:
        for name in _entries(root / path):
            is_other = name.startswith(".") or name.lower() in OTHERS
            if (
                not is_other
                and (root / path / name).is_dir()
                and not (root / path / name).is_symlink()
            ):
                yield from _folders(root, levels - 1, name if path == "." else f"{path}/{name}")


def _entries(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _nameable(path: str) -> str:
    if not path.isprintable() or path.startswith("-"):
        raise stop(
            show_value(path),
            "a spec cannot name this folder",
            "rename it: printable characters, no - in front",
        )
    return path


def _no_package(root: Path) -> Problem:
    hint = "write a pyproject.toml with [build-system] and [project]"
    if (root / "CMakeLists.txt").is_file():
        hint += "; the build backend scikit-build-core runs CMake"
    return Problem(
        Where("init"),
        f"no Python package here or two levels below: no readable {PYPROJECT} with [project]",
        hint,
    )


def _drop_same_names(packages: list[Package]) -> Iterator[Problem]:
    """Remove the packages that have the name of an earlier one, with a warning for each."""
    first: dict[str, Package] = {}
    for package in list(packages):
        other = first.setdefault(normalized(package.name), package)
        if other is not package:
            packages.remove(package)
            message = f"left out: {package.name} is the name of {other.path}/{PYPROJECT}, too"
            yield Problem(Where(f"{package.path}/{PYPROJECT}"), message, "rename one", "warning")


def _check_origins(packages: list[Package]) -> None:
    by_git = [package.name for package in packages if not package.version.value]
    others = [package.name for package in packages if package.version.value]
    if by_git and others:
        message = f"{', '.join(by_git)} take their version from git, {', '.join(others)} from files"
        hint = "one naming policy cannot read both: choose one source for all of them"
        raise stop(PYPROJECT, message, hint)


def _files(root: Path, path: str) -> Files:
    def text(name: str) -> str | None:
        return _text(root, f"{path}/{name}")

    return Files(
        text, lambda name: loading.parse_toml(text(name) or ""), lambda: _has_native(root / path)
    )


def _text(root: Path, name: str) -> str | None:
    """Return the text of a file that really lies below the root.

    None where there is no such file, and for one that is too large.
    """
    path = Path(os.path.normpath(root / name))
    with suppress(OSError, ValueError):
        if (
            path.is_file()
            and path.resolve().is_relative_to(root.resolve())
            and path.stat().st_size <= MAX_BYTES
        ):
            return path.read_text(encoding="utf-8-sig")
    return None


def _has_native(folder: Path) -> bool:
    """Return whether there are sources to be compiled below a folder.

    At most `MAX_FOLDERS` folders are read.
    """
    for _, folders, names in islice(os.walk(folder), MAX_FOLDERS):
        if any(Path(name).suffix in NATIVE or name in NATIVE_FILES for name in names):
            return True
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name.lower() not in OTHERS
        )
    return False


def _ci_files(root: Path) -> Iterator[str]:
    """Yield the paths of the files that forges read, forge by forge."""
    for kind in FORGES.values():
        for folder in dict.fromkeys(pattern.rpartition("/")[0] for pattern in kind.ci_files):
            for name in _entries(root / folder):
                path = f"{folder}/{name}".removeprefix("/")
                if path.isprintable() and any(fnmatchcase(path, at) for at in kind.ci_files):
                    yield path


def _containers(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the Dockerfiles of the top and of usual folders, with the image that each builds on."""
    for folder in (".", "docker", "ci", ".ci"):
        for name in _entries(root / folder):
            if re.match(r"(?:Dockerfile|Containerfile)\b", name) and name.isprintable():
                path = name if folder == "." else f"{folder}/{name}"
                match = re.search(
                    r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(\S+)", _text(root, path) or ""
                )
                yield path, match[1] if match else ""


def _host(address: str) -> str:
    """Return the host of a git remote: https://host/…, ssh://user@host:port/… or user@host:path."""
    match = re.match(
        r"(?:[a-z+]+://(?:[^/@]*@)?|(?:[^/@:]*@)?)([A-Za-z0-9][A-Za-z0-9.-]*)(?=[:/])", address
    )
    return match[1].lower() if match else ""


def _branch(root: Path, environment: Mapping[str, str]) -> str:
    """Return the branch that a clone starts with: the remote's, else one of the usual names."""
    remote = _git(
        root, environment, "symbolic-ref", "--short", "refs/remotes/origin/HEAD"
    ).partition("/")[2]
    branches = _git(root, environment, "branch", "--format=%(refname:short)").split()
    branch = remote or next((name for name in ("main", "master") if name in branches), "")
    return branch if BRANCH.fullmatch(branch) else ""


def _git(root: Path, environment: Mapping[str, str], *words: str) -> str:
    text = git_program.output(words, cwd=root, env=environment, timeout=SECONDS)
    return (text or "").strip()


def _cibuildwheel(root: Path, ci_files: Iterable[str]) -> dict[str, str]:
    """Return the settings of cibuildwheel for Linux, by the names in `CIBUILDWHEEL`.

    CI files win, as environment variables do in cibuildwheel itself.
    """
    settings: dict[str, str] = {}
    with suppress(ValueError, RecursionError):
        table = get_value(loading.parse_toml(_text(root, PYPROJECT) or ""), "tool", "cibuildwheel")
        for part in (table, get_value(table, "linux")):
            for name in CIBUILDWHEEL:
                if values := get_texts(part, name.lower().replace("_", "-")):
                    settings[name] = " ".join(values)
    for text in ci_files:
        for name, value in _settings(text):
            plain = name.removeprefix("CIBW_").removesuffix("_LINUX")
            if plain in CIBUILDWHEEL:
                settings[plain] = value
    return settings


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of cibuildwheel that a CI file sets to plain text, at any place."""
    before = ""
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml_source.Loader):
            value = event.value if isinstance(event, yaml.ScalarEvent) else ""
            if before.startswith("CIBW_") and value and "${{" not in value:
                yield before, value
            before = value
