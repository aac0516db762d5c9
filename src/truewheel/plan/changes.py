"""Which packages a merge request changes: by the folders and files of each, and shared ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from truewheel.spec.forges import FORGES
from truewheel.spec.model import Spec

LOCK = "truewheel.lock"


def package_paths(spec: Spec, package: str) -> tuple[str, ...]:
    """Return the folders and files whose change is a change of a package; () for any change.

    The packages of one build are changed together.
    """
    build = next((build for build in spec.builds.values() if package in build.wheels), None)
    members = list(build.wheels) if build else [package]
    paths = [path for member in members for path in _paths_of(spec, member)]
    paths += [*_shared(spec), *([build.path] if build else [])]
    folders = [path.removeprefix("./").rstrip("/") for path in paths]
    return () if {"", "."} & {*folders} else tuple(dict.fromkeys(folders))


def _paths_of(spec: Spec, name: str) -> Iterator[str]:
    package = spec.packages[name]
    if not any(name in build.wheels for build in spec.builds.values()):
        yield package.path
    yield from filter(None, [package.version.file, package.smoke])
    yield from package.paths


def _shared(spec: Spec) -> Iterator[str]:
    yield from (spec.document.file.rpartition("/")[2], LOCK)
    if isinstance(spec.naming, str) and spec.naming.endswith((".yml", ".yaml")):
        yield spec.naming
    yield from filter(None, [spec.scripts, spec.tool.file, spec.images.tools, spec.gitlab.entry])
    for target in spec.targets.values():
        yield from filter(
            None, [target.container.file, target.container.requirements, *target.container.files]
        )
    for name in spec.forges():  # a change of generated files is a change of all packages
        yield from FORGES[name].paths
    if spec.tool.form:  # the script that installs it, and its requirements
        yield "pipelines"


def changed_packages(spec: Spec, files: Iterable[str]) -> frozenset[str]:
    """Return the packages that a change of files changes; paths are relative to the spec."""
    files = tuple(files)
    return frozenset(name for name in spec.packages if _touches(files, package_paths(spec, name)))


def _touches(files: Iterable[str], paths: tuple[str, ...]) -> bool:
    folders = tuple(f"{path}/" for path in paths)
    return not paths or any(file in paths or file.startswith(folders) for file in files)
