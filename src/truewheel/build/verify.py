"""Verify the files of a release before they are uploaded: each one, the set, and what has changed.

It needs no spec and no plan, and no network but to ask an index for the last release.
"""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from truewheel.build import validate, verify_rules
from truewheel.build.verify_rules import Allowance, Settings, SettingsError
from truewheel.errors import Exit, stop
from truewheel.system.files import explained
from truewheel.wheel import release, sdist
from truewheel.wheel.checks import source_archive
from truewheel.wheel.checks.findings import Finding
from truewheel.wheel.checks.upload import Destination
from truewheel.wheel.filename import parse_name, printable
from truewheel.wheel.release_rules import (
    Change,
    File,
    compare_files,
    compare_wheels,
    pair,
    parse_version,
)
from truewheel.workspace import loading

PROJECT_FILE = "pyproject.toml"


class Last(NamedTuple):
    """The release to compare with: its version, "" for none, and its files.

    `problems` are what an index has against the new release, or why it is not compared.
    """

    version: str
    files: tuple[File, ...] = ()
    problems: tuple[Change, ...] = ()


LastRelease = Callable[["Release"], Last]


class Release(NamedTuple):
    """The files of one project: its normal name, the newest version, all files."""

    project: str
    version: str
    files: tuple[File, ...]
    paths: Mapping[str, Path]

    @property
    def title(self) -> str:
        """The name and version as people write them."""
        return f"{self.project} {self.version}"


class Options(NamedTuple):
    """What is asked for: where the files go, and what they are compared with.

    `expected` compares file names with those that were expected.
    """

    to: Destination
    settings: Settings = Settings()
    last: LastRelease | None = None
    expected: Callable[[Sequence[str]], Iterable[Change]] | None = None
    tried: Callable[[Sequence[Path]], Iterable[Change]] | None = None


class Verified(NamedTuple):
    """The findings by path, that of the folder among them, and a sentence for each project."""

    results: list[tuple[Path, list[Finding]]]
    sentences: tuple[str, ...]


def read_settings(folder: Path) -> Settings:
    """Return the settings of a project; without pyproject.toml or a table in it, the usual ones.

    Raises `Stop` (exit 2) for a wrong one.
    """
    path = folder / PROJECT_FILE
    if not path.is_file():
        return Settings()
    with explained(path, "read"):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        data = loading.parse_toml(text)
    except (ValueError, RecursionError) as error:
        hint = "correct it, or run this in another folder"
        raise stop(PROJECT_FILE, f"not TOML: {error}", hint) from None
    tool = data.get("tool")
    own = tool.get("truewheel") if isinstance(tool, dict) else None
    table = own.get("verify", {}) if isinstance(own, dict) else {}
    try:
        return verify_rules.read_settings(table)
    except SettingsError as error:
        raise stop(f"{PROJECT_FILE} [tool.truewheel.verify]", str(error), error.hint) from None


def expand(paths: Iterable[Path]) -> list[Path]:
    """Return the wheels and source archives of paths; a folder means those directly in it.

    Raises `Stop`: exit 2 for a path that does not exist, exit 4 for a folder without such a file.
    """
    result: dict[Path, None] = {}
    for path in paths:
        with explained(path, "read"):
            kind = path.stat().st_mode
        result |= dict.fromkeys(_in_folder(path) if stat.S_ISDIR(kind) else [path])
    return list(result)


def _in_folder(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        paths = sorted(
            path
            for path in folder.iterdir()
            if path.name.endswith((".whl", *sdist.SUFFIXES))
            and not path.name.startswith(".")
            and path.is_file()
        )
    if not paths:
        message = "holds no wheel and no source archive"
        raise stop(printable(str(folder)), message, "build the release first", Exit.WHEEL)
    return paths


def verify(paths: Sequence[Path], place: Path, options: Options) -> Verified:
    """Return all findings about the files of a release; `place` stands for the set in reports."""
    archives = [path for path in paths if sdist.is_sdist(path.name)]
    wheels = [path for path in paths if path not in set(archives)]
    results: dict[Path, list[Finding]] = dict(validate.validate_set(wheels, options.to))
    files = [release.describe(path) for path in wheels]
    for path in archives:
        results[path], fields = source_archive.validate(path, options.to)
        files.append(File(path.name, path.stat().st_size, fields))
    used: set[Allowance] = set()
    results = {
        path: verify_rules.adjust(path.name, findings, options.settings, used)
        for path, findings in results.items()
    }
    changes: list[Change] = []
    compared: dict[str, list[Change]] = {}
    releases = _releases(files, paths)
    lasts = {}
    for item in releases:
        changes += _check_set(item)
        lasts[item.project] = options.last(item) if options.last else Last("")
        compared[item.project] = [*_compare(lasts[item.project], item)]
        changes += compared[item.project]
    if options.expected:
        changes += options.expected([path.name for path in paths])
    if options.tried:
        changes += options.tried(paths)
    judged = [*verify_rules.judge(changes, options.settings, used)]
    judged += verify_rules.judge(
        verify_rules.unused(options.settings, used) if options.last else (), Settings(), used
    )
    by_name = {path.name: path for path in paths}
    for finding in judged:
        if finding.where in by_name:
            results[by_name[finding.where]].append(replace(finding, where=""))
        else:
            results.setdefault(place, []).append(finding)
    sentences = tuple(
        verify_rules.sentence(
            item.title,
            _title(item, lasts[item.project]),
            [change.notice for change in compared[item.project]],
            _errors(results, [place, *(by_name[file.name] for file in item.files)]),
        )
        for item in releases
    )
    return Verified(list(results.items()), sentences)


def _errors(results: Mapping[Path, list[Finding]], paths: Iterable[Path]) -> int:
    return sum(item.severity == "error" for path in paths for item in results.get(path, ()))


def _title(item: Release, last: Last) -> str:
    return f"{item.project} {last.version}" if last.version else ""


def _releases(files: Sequence[File], paths: Sequence[Path]) -> list[Release]:
    """Return the files by their projects; those without a name that can be read are of none."""
    by_name = {path.name: path for path in paths}
    groups: dict[str, list[tuple[File, str]]] = defaultdict(list)
    for file in files:
        if parts := name_and_version(file.name):
            groups[parts[0]].append((file, parts[1]))
    result = []
    for project, group in sorted(groups.items()):
        versions = {version: parse_version(version) for _, version in group}
        newest = max(versions, key=lambda text: (versions[text] is not None, versions[text] or 0))
        members = tuple(file for file, _ in group)
        result.append(Release(project, newest, members, by_name))
    return result


def name_and_version(filename: str) -> tuple[str, str] | None:
    """Return the project and the version of a file, both in normal form, or None."""
    try:
        if sdist.is_sdist(filename):
            name = sdist.parse_name(filename)
            return name.project, str(sdist.version_of(filename))
        wheel = parse_name(filename)
        version = parse_version(wheel.version)
        return canonicalize_name(wheel.distribution), str(version or wheel.version)
    except ValueError:
        return None


def _check_set(item: Release) -> Iterator[Change]:
    parts = {file.name: name_and_version(file.name) for file in item.files}
    versions = {name: both[1] for name, both in parts.items() if both}
    pythons = {file.name: file.python for file in item.files}
    has_sdist = any(sdist.is_sdist(file.name) for file in item.files)
    for change in verify_rules.compare_set(versions, pythons, has_sdist=has_sdist):
        about = change.message if change.file else f"{item.title}: {change.message}"
        yield change._replace(message=about)


def _compare(last: Last, item: Release) -> Iterator[Change]:
    yield from last.problems
    if not last.version:
        return
    python = next((file.python for file in item.files if file.python), "") or ""
    before = [file.name for file in last.files]
    yield from compare_wheels(before, [file.name for file in item.files], python)
    has_archive = any(map(sdist.is_sdist, before))
    if has_archive and not any(sdist.is_sdist(file.name) for file in item.files):
        archive = next(name for name in before if sdist.is_sdist(name))
        message = "no source archive any more"
        yield Change("lost", message, archive, notice="no source archive any more")
    for theirs, ours in pair(last.files, item.files):
        yield from compare_files(theirs, ours)


def expectation(path: Path) -> Callable[[Sequence[str]], Iterable[Change]]:
    """Return what compares file names with a plan.json, or with a file of patterns.

    Raises `Stop` (exit 2) for a file that cannot be read.
    """
    if path.name.endswith(".json"):
        plan, _ = loading.read_plan(str(path), path.parent)
        planned = [[name.wheel for name in cell.possible()] for cell in plan.cells]
        return lambda names: verify_rules.compare_planned(
            [name for name in names if not sdist.is_sdist(name)], planned
        )
    with explained(path, "read"):
        patterns = verify_rules.read_patterns(path.read_text(encoding="utf-8", errors="replace"))
    if not patterns:
        raise stop(printable(str(path)), "has no name and no pattern", "write one a line")
    return lambda names: verify_rules.compare_patterns(names, patterns)
