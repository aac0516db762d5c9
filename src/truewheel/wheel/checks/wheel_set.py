"""Checks of a set of wheels: that they belong together, and are those of a plan."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.filename import parse_name


def group_by_name(paths: Iterable[Path]) -> list[tuple[Path, ...]]:
    """Return the paths that have one file name, each group in order."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        groups[path.name].append(path)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def check_bytes(sums: Sequence[tuple[Path, str]]) -> Iterator[tuple[Path, Finding]]:
    """Yield a finding for each of several wheels that have one name and different bytes.

    `sums` are their paths and SHA-256.
    """
    if len({digest for _, digest in sums}) > 1:
        others = listing([f"{path.parent} ({digest[:12]}…)" for path, digest in sums])
        for path, _ in sums:
            yield (
                path,
                finding(
                    Code.TW501,
                    f"one name, different bytes: {others}; an installer takes any of them",
                ),
            )


def check_builds(paths: Iterable[Path]) -> Iterator[tuple[Path, Finding]]:
    """Yield a warning for every wheel when the build tags differ: one pipeline has one."""
    builds: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        with contextlib.suppress(ValueError):
            builds[parse_name(path.name).build].append(path)
    if len(builds) > 1:
        tags = listing([build or "none" for build in sorted(builds)])
        for build, group in builds.items():
            for path in group:
                message = (
                    f"its build tag is {build or 'none'}, the set has {tags}: "
                    "they are of different pipelines"
                )
                yield path, finding(Code.TW502, message)


def check_planned(paths: Iterable[Path], planned: Iterable[str]) -> Iterator[tuple[Path, Finding]]:
    """Yield a finding for each planned wheel that is missing, and each that is not planned."""
    names = set(planned)
    built = {path.name: path for path in paths}
    for name in sorted(names - built.keys()):
        yield (
            Path(name),
            finding(Code.TW503, "the plan has it, the set does not; build it, or plan again"),
        )
    for name in sorted(built.keys() - names):
        yield (
            built[name],
            finding(Code.TW504, "the plan has no such wheel; remove it, or plan again"),
        )
