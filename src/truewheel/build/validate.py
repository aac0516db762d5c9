"""Validate wheels: each is read once for all checks, several at a time.

Then the set of wheels.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from truewheel.errors import Exit, stop
from truewheel.system.files import explained, sha256
from truewheel.wheel.checks import (
    archive,
    entry_points,
    installed_paths,
    layout,
    libraries,
    metadata,
    names,
    native,
    requirements,
    scripts,
    siblings,
    sources,
    system,
    upload,
    wheel_set,
)
from truewheel.wheel.checks.contents import USUAL, Contents, Limits, read
from truewheel.wheel.checks.findings import Finding, shortened
from truewheel.wheel.checks.siblings import Sibling
from truewheel.wheel.checks.upload import Destination
from truewheel.wheel.filename import printable

Excluded = Mapping[str, tuple[str, ...]]
"""By the file name of a planned wheel, patterns of libraries that its package leaves outside.

Under "" those that every wheel leaves outside.
"""
NOTHING: Excluded = {}
NO_PACKAGES: Mapping[str, str] = {}

CHECKS: tuple[Callable[[Contents], Iterator[Finding]], ...] = (
    names.check_name,
    names.check_tags,
    names.check_dist_info,
    names.check_label,
    names.check_wheel,
    names.check_metadata,
    metadata.check_fields,
    requirements.check_requirements,
    requirements.check_python,
    requirements.check_numbers,
    entry_points.check_entry_points,
    archive.check_members,
    archive.check_record,
    scripts.check_scripts,
    installed_paths.check_places,
    installed_paths.check_environment,
    installed_paths.check_hidden,
    installed_paths.check_written,
    installed_paths.check_editable,
    installed_paths.check_top_level,
    installed_paths.check_importable,
    installed_paths.check_bytecode,
    sources.check_sources,
    native.check_purelib,
    native.check_platform,
    native.check_machines,
    native.check_modules,
    native.check_suffixes,
    system.check_floor,
    system.check_libc,
    system.check_paths,
    libraries.check_loading,
    layout.check_layout,
    layout.check_programs,
    layout.check_mixture,
)

UPLOADED = (
    names.check_metadata,
    metadata.check_fields,
    requirements.check_requirements,
    entry_points.check_entry_points,
)
"""Checks of what an index reads of a wheel, beside its name and `upload.check`."""


def validate(
    path: Path,
    to: Destination = upload.ANYWHERE,
    limits: Limits = USUAL,
    excluded: Excluded = NOTHING,
) -> list[Finding]:
    """Return the findings about a wheel.

    Of each kind there are at most `findings.LISTED`, then one with the number of the others.
    """
    return _examine(path, to, limits, excluded)[0]


def _examine(
    path: Path,
    to: Destination,
    limits: Limits,
    excluded: Excluded,
    packages: Mapping[str, str] = NO_PACKAGES,
) -> tuple[list[Finding], Sibling | None]:
    """Return the findings about a wheel, and what is compared with the others of its set."""
    findings: list[Finding] = []
    contents = read(path, findings, limits)
    sibling = None
    if contents is not None:
        contents = replace(
            contents,
            excluded=(*excluded.get(path.name, ()), *excluded.get("", ())),
            is_planned=path.name in excluded,
        )
        for check in CHECKS:
            findings.extend(check(contents))
        findings.extend(upload.check(contents, to))
        sibling = siblings.describe(path, contents, packages.get(path.name, ""))
    return shortened(upload.with_severity_of_index(findings, to)), sibling


def refused(path: Path, to: Destination) -> list[Finding]:
    """Return what only an index would refuse a wheel for that is good otherwise.

    Its content is not read again.
    """
    findings: list[Finding] = []
    contents = read(path, findings, None)
    if contents is not None:
        for check in UPLOADED:
            findings.extend(check(contents))
        findings.extend(upload.check(contents, to))
    return [
        finding
        for finding in shortened(upload.with_severity_of_index(findings, to))
        if finding.severity == "error"
    ]


def validate_all(
    paths: Sequence[Path],
    to: Destination = upload.ANYWHERE,
    limits: Limits = USUAL,
    excluded: Excluded = NOTHING,
    packages: Mapping[str, str] = NO_PACKAGES,
) -> list[tuple[Path, list[Finding]]]:
    """Return the findings of each wheel, also among the others, in the order of `paths`.

    `packages` are those of a plan by file name.
    """
    one = partial(_examine, to=to, limits=limits, excluded=excluded, packages=packages)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # inflating and hashing let other threads run
        results = list(pool.map(one, paths))
    findings = {path: of_wheel for path, (of_wheel, _) in zip(paths, results, strict=True)}
    for path, finding in siblings.check(sibling for _, sibling in results if sibling):
        findings[path].append(finding)
    return [(path, findings[path]) for path in paths]


def validate_set(
    paths: Sequence[Path],
    to: Destination = upload.ANYWHERE,
    limits: Limits = USUAL,
    planned: Iterable[str] | None = None,
    excluded: Excluded = NOTHING,
    packages: Mapping[str, str] = NO_PACKAGES,
) -> list[tuple[Path, list[Finding]]]:
    """Return the findings of each wheel, and those of the set.

    Against each other, and against the `planned` names.

    A planned wheel that is missing is a result of its own.
    """
    results = dict(validate_all(paths, to, limits, excluded, packages))
    findings = [*wheel_set.check_builds(paths)]
    for group in wheel_set.group_by_name(paths):
        findings += wheel_set.check_bytes(
            [(path, sha256(path)) for path in group if path.is_file()]
        )
    if planned is not None:
        findings += wheel_set.check_planned(paths, planned)
    for path, finding in findings:
        results.setdefault(path, []).append(finding)
    return list(results.items())


def expand(paths: Iterable[Path]) -> list[Path]:
    """Return the wheels of `paths`.

    A folder means all files directly in it with names of wheels, sorted.

    Raises `Stop` for a path that does not exist (exit 2) and for a folder without a wheel (exit 4).
    """
    wheels: dict[Path, None] = {}
    for path in paths:
        wheels |= dict.fromkeys(_expand(path))
    return list(wheels)


def _expand(path: Path) -> list[Path]:
    with explained(path, "read"):
        kind = path.stat().st_mode
    if not stat.S_ISDIR(kind):
        return [path]
    wheels = _named_in(path)
    if not wheels:
        raise stop(
            printable(str(path)), "holds no wheel", "build one first: truewheel run", Exit.WHEEL
        )
    return wheels


def wheels_in(folder: Path) -> list[Path]:
    """Return the wheels directly in a folder, sorted; hidden files are unfinished and left out."""
    return [path for path in _named_in(folder) if path.is_file()]


def _named_in(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix == ".whl" and not path.name.startswith(".")
        )
