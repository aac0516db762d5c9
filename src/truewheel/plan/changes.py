"""Which packages a merge request changes.

The folders and files that make up each, and those that all share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from truewheel.spec.model import Spec

LOCK = "truewheel.lock"
GENERATED = {"gitlab": (".gitlab-ci.yml", "pipelines"), "github": (".github/workflows",)}
"""Generated files by forge: what they change, they change for all packages."""


def roots(spec: Spec, package: str) -> tuple[str, ...]:
    """Return the folders and files whose change is a change of a package.

    None where that is any change.

    The packages of one build are changed together.
    """
    build = next((each for each in spec.builds.values() if package in each.wheels), None)
    together = list(build.wheels) if build else [package]
    found = [*(path for each in together for path in _own(spec, each)), *_shared(spec)]
    folders = [
        path.removeprefix("./").rstrip("/") for path in [*found, *([build.path] if build else [])]
    ]
    return () if {"", "."} & {*folders} else tuple(dict.fromkeys(folders))


def _own(spec: Spec, name: str) -> Iterator[str]:
    package = spec.packages[name]
    if not any(name in build.wheels for build in spec.builds.values()):
        yield package.path
    yield from filter(None, [package.version.file, package.smoke])
    yield from package.paths


def _shared(spec: Spec) -> Iterator[str]:
    yield from (spec.document.file.rpartition("/")[2], LOCK)
    if isinstance(spec.naming, str) and spec.naming.endswith((".yml", ".yaml")):
        yield spec.naming
    yield from filter(None, [spec.scripts, spec.images.tools, spec.gitlab.entry])
    for target in spec.targets.values():
        yield from filter(
            None, [target.container.file, target.container.requirements, *target.container.files]
        )
    for forge in spec.forges():
        yield from GENERATED[forge]


def changed(spec: Spec, files: Iterable[str]) -> frozenset[str]:
    """Return the packages that a change of files changes.

    Their paths are those of the spec's folder.
    """
    files = tuple(files)
    return frozenset(name for name in spec.packages if _touches(files, roots(spec, name)))


def _touches(files: Iterable[str], found: tuple[str, ...]) -> bool:
    below = tuple(f"{root}/" for root in found)
    return not found or any(file in found or file.startswith(below) for file in files)
