"""The text of a spec for a repository, with a comment on each key."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from packaging.specifiers import SpecifierSet

from truewheel.errors import Problem, Stop, Where
from truewheel.forges import FORGES
from truewheel.forges.kind import Proposal, Row
from truewheel.init import tool_origin
from truewheel.init.build_backend import PYPROJECT, SPEC_NAME, TAG, Package
from truewheel.plan.matrix import interpreter_tag
from truewheel.spec.forges import forge_of
from truewheel.spec.policy import Policy
from truewheel.spec.tool import EXAMPLE, Tool
from truewheel.spec.yaml_writer import scalar
from truewheel.system import architectures

if TYPE_CHECKING:
    from truewheel.init.detect import Repository

# CPython versions and the last month of their security fixes (PEP 619, 664, 693, 719, 745).
SUPPORTED = {
    "3.10": (2026, 10),
    "3.11": (2027, 10),
    "3.12": (2028, 10),
    "3.13": (2029, 10),
    "3.14": (2030, 10),
}

# Images of manylinux, and the architectures that an image name without one stands for.
TARGETS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
ARCHES = architectures.HOSTED
IMAGES = "quay.io/pypa"
TARGET = "manylinux_2_28"
INDEXES = ("internal", "pypi")

ABIS = {
    "cpython": "a wheel for each Python",
    "abi3": "one wheel for all Pythons",
    "none": "pure: one wheel for everything",
}
INJECTED = "; the built wheel gets the planned one"
COLUMN = 40
NO_TOOL = Tool()


class Choices(NamedTuple):
    """What a person may decide.

    `profile` is that of the index to which the wheels go, or "".
    """

    packages: tuple[str, ...]
    forges: tuple[str, ...]
    target: str
    arches: tuple[str, ...]
    pythons: tuple[str, ...]
    naming: str = "plain"
    profile: str = ""


def choose_defaults(repository: Repository, today: date) -> Choices:
    """Return the choices that suit a repository.

    Raises `Stop` (exit 2) where no known Python suits a package.
    """
    native = [package for package in repository.packages if package.abi.kind != "none"]
    pythons = {package: _pythons(package, repository, today) for package in native}
    if unsuited := [package for package in native if not pythons[package]]:
        raise Stop(_no_python(package) for package in unsuited)
    selected_arches = repository.cibuildwheel.get("ARCHS", "").replace(",", " ").split()
    image = repository.cibuildwheel.get("MANYLINUX_X86_64_IMAGE", "")
    return Choices(
        packages=tuple(package.name for package in repository.packages),
        forges=_forges(repository),
        target=next((target for target in TARGETS if target in image), TARGET),
        arches=tuple(arch for arch in ARCHES if arch in selected_arches) or ARCHES[:1],
        pythons=tuple(sorted({*sum(pythons.values(), ())}, key=minor)),
    )


def _forges(repository: Repository) -> tuple[str, ...]:
    """Return the forges of the remote and of the CI files; the first where neither shows one."""
    shown = {forge_of(path) for path in repository.pipelines}
    names = tuple(name for name in FORGES if name in shown or name in repository.remote)
    return names or tuple(FORGES)[:1]


def minor(python: str) -> int:
    """Return X of 3.X."""
    return int(python.partition(".")[2])


def _pythons(package: Package, repository: Repository, today: date) -> tuple[str, ...]:
    known = [python for python in SUPPORTED if allows(package, python)]
    if not package.requires_python and package.classified:
        lowest = min(map(minor, package.classified))
        known = [python for python in known if minor(python) >= lowest]
    month = (today.year, today.month)
    alive = [python for python in known if month <= SUPPORTED[python]] or known[-1:]
    if oldest := package.abi.oldest:  # the wheel's tag says cp3X, whichever Python builds it
        return (f"3.{oldest}", *(python for python in alive if minor(python) > oldest))
    return tuple(python for python in alive if _is_selected(python, repository)) or tuple(alive)


def allows(package: Package, python: str) -> bool:
    """Return whether requires-python and the limited API of a package allow a Python version."""
    is_required = SpecifierSet(package.requires_python).contains(f"{python}.99", prereleases=True)
    return is_required and minor(python) >= package.abi.oldest


def _no_python(package: Package) -> Problem:
    message = (
        f"requires-python {package.requires_python} allows none of Python {', '.join(SUPPORTED)}"
    )
    return Problem(
        Where(f"{package.path}/{PYPROJECT}".removeprefix("./")), message, "allow a newer one"
    )


def _is_selected(python: str, repository: Repository) -> bool:
    """Return whether cibuildwheel builds for a Python version.

    Its settings are globs for identifiers such as cp312-manylinux_x86_64.
    """
    name = f"{interpreter_tag(python)}-manylinux_x86_64"
    builds, skips = (repository.cibuildwheel.get(key, "") for key in ("BUILD", "SKIP"))
    return _matches(name, builds or "*") and not _matches(name, skips)


def _matches(name: str, globs: str) -> bool:
    return any(fnmatchcase(name, glob) for group in globs.split() for glob in _braced(group))


def _braced(glob: str) -> list[str]:
    """Return the globs that a glob with a group in braces stands for: cp3{11,12}-*.

    A second group stays as it is.
    """
    match = re.fullmatch(r"([^{}]*)\{([^{}]*)\}(.*)", glob)
    return [f"{match[1]}{option}{match[3]}" for option in match[2].split(",")] if match else [glob]


def render_spec(
    repository: Repository, chosen: Choices, policy: Policy, tool: Tool = NO_TOOL
) -> str:
    """Return the spec as YAML; `tool` is the Truewheel that jobs install, if it is known.

    Every text of the repository is quoted where YAML needs it.
    """
    packages = [package for package in repository.packages if package.name in chosen.packages]
    blocks = [
        _head(repository, packages),
        _packages(packages),
        _targets(repository, chosen, packages),
        _matrix(chosen, packages),
        _naming(repository, chosen, policy),
        _indexes(chosen, policy),
        _submodules(repository),
        _tool(tool),
        *(
            kind.propose(_facts(repository, chosen))
            for name, kind in FORGES.items()
            if name in chosen.forges
        ),
    ]
    return "\n".join(_written(block) for block in map(list, blocks) if block)


def _facts(repository: Repository, chosen: Choices) -> Proposal:
    return Proposal(
        remote=repository.remote,
        branch=repository.branch,
        is_versioned_by_git=is_versioned_by_git(repository),
        target=chosen.target,
        arches=chosen.arches,
        default_arch=ARCHES[0],
        forges=chosen.forges,
        by_hand=repository.by_hand,
    )


def _written(rows: Iterable[Row]) -> str:
    return "".join(f"{_row(*row)}\n" for row in rows)


def _row(yaml: str, comment: str) -> str:
    if not comment:
        return yaml
    comment = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in comment
    )
    return f"{f'{yaml}  ':{COLUMN}}# {comment}" if yaml else f"# {comment}"


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(map(scalar, values))}]"


def _head(repository: Repository, packages: list[Package]) -> Iterator[Row]:
    yield (
        "",
        (
            "What CI builds, where, and what the wheels are called."
            " Proposed by truewheel init, yours to change."
        ),
    )
    yield (
        "",
        (
            "truewheel plan shows the wheels' names;"
            " after a change, truewheel generate writes the pipeline again."
        ),
    )
    yield "truewheel: 1", "version of this file's format"
    names = (
        [package.name for package in packages]
        if len(packages) == 1
        else [repository.name, "wheels"]
    )
    yield (
        f"project: {scalar(next(filter(SPEC_NAME.fullmatch, names)))}",
        "the names of environments and images begin with it",
    )


def _packages(packages: Iterable[Package]) -> Iterator[Row]:
    yield "", "What becomes a wheel, by distribution name."
    yield "packages:", ""
    for package in packages:
        yield f"  {scalar(package.name)}:", ""
        yield f"    path: {scalar(package.path)}", f"its folder ({package.backend})"
        yield from _version(package)
        yield f"    abi: {package.abi.kind}", f"{ABIS[package.abi.kind]} ({package.abi.origin})"
        smoke = join_path(package.path, package.smoke)
        yield (
            f"    smoke: {scalar(smoke)}" if smoke else "    # smoke: smoke.py",
            "run where the wheel is installed",
        )


def _version(package: Package) -> Iterator[Row]:
    version = package.version
    if version.file:
        fields = {
            "file": join_path(package.path, version.file),
            "match": version.match,
            "inject": version.inject,
        }
        written = ", ".join(f"{key}: {scalar(value)}" for key, value in fields.items() if value)
        remark = "its group is the version" if version.match else "holds the version, nothing else"
        yield f"    version: {{{written}}}", f"{remark}{INJECTED if version.inject else ''}"
    elif version.inject:
        yield (
            f"    version: {{inject: {scalar(version.inject)}}}",
            "how the build gets the version that naming makes, below",
        )
    else:
        yield (
            "    # version: {file: VERSION}",
            f"the version is that of {version.origin}; or a file with nothing else",
        )


def join_path(path: str, name: str) -> str:
    """Return a name that is relative to a package's folder as a path below the root.

    "" stays "".
    """
    return posixpath.normpath(f"{path}/{name}") if name else ""


def _targets(repository: Repository, chosen: Choices, packages: list[Package]) -> Iterator[Row]:
    yield (
        "",
        (
            "Where wheels are built: in which image,"
            " and the oldest C library that they promise to run on."
        ),
    )
    if all(package.abi.kind == "none" for package in packages):
        yield "", "Pure packages need none of that: they are built once, where the tools run."
    yield "targets:", ""
    yield f"  {chosen.target}:", ""
    yield "    family: rhel", "its package manager: rhel (dnf) or debian (apt)"
    yield f"    base: {scalar(_image(repository, chosen))}", "image of its jobs"
    yield (
        f"    floor: {chosen.target}",
        "oldest C library (PEP 600); audited: what auditwheel finds",
    )


def _image(repository: Repository, chosen: Choices) -> str:
    """Return the base image of a target.

    The image of cibuildwheel where the project has its own; else that of manylinux, by the name
    that serves all architectures.
    """
    image = repository.cibuildwheel.get("MANYLINUX_X86_64_IMAGE", "")
    if chosen.arches != ARCHES[:1]:
        return f"{IMAGES}/{chosen.target}" + (
            f"_{chosen.arches[0]}" if len(chosen.arches) == 1 else ""
        )
    is_own = chosen.target in image and re.fullmatch(
        r"[a-z0-9][\w.-]*(?::[0-9]+)?/[\w./:@-]+", image, re.ASCII
    )
    return image if is_own else f"{IMAGES}/{chosen.target}_x86_64"


def _matrix(chosen: Choices, packages: list[Package]) -> Iterator[Row]:
    native = [package for package in packages if package.abi.kind != "none"]
    if not native:
        return
    yield "", "For each target, a wheel is built for each of these."
    yield f"arches: {_flow(chosen.arches)}", "each needs runners of its own"
    yield f"pythons: {_flow(chosen.pythons)}", _why_pythons(native)
    unfit = [
        (package.name, python)
        for package in native
        for python in chosen.pythons
        if not allows(package, python)
    ]
    if unfit:
        yield "exclude:", "what requires-python or the limited API rules out"
    for name, python in unfit:
        yield f"  - {{package: {scalar(name)}, python: {scalar(python)}}}", ""


def _why_pythons(packages: Iterable[Package]) -> str:
    requirements = dict.fromkeys(
        f"requires-python {package.requires_python}"
        for package in packages
        if package.requires_python
    )
    return " · ".join([*requirements, "those with security fixes"])


def _naming(repository: Repository, chosen: Choices, policy: Policy) -> Iterator[Row]:
    yield (
        "",
        (
            "The policy by which wheels are named:"
            " a built-in one, a file of yours (*.yml), or rules that stand here."
        ),
    )
    if is_versioned_by_git(repository):
        yield from _naming_by_git(repository.tag)
    else:
        yield f"naming: {scalar(chosen.naming)}", policy.description.partition(". ")[0].rstrip(".")


def is_versioned_by_git(repository: Repository) -> bool:
    """Return whether the packages take their versions from git."""
    return any(not package.version.value for package in repository.packages)


def _naming_by_git(tag: str) -> Iterator[Row]:
    sources = ["option:release-version", "vcs:tag"]
    yield "naming:", "1.2 on the tag v1.2, and 1.2.post3 three commits later"
    yield "  extends: plain", ""
    yield "  facts:", ""
    if not tag:
        yield (
            (
                "    # There is no tag yet."
                " After the first one, remove const:0.0, so that a missing tag is an error."
            ),
            "",
        )
        sources.append("const:0.0")
    yield f"    base: {{from: {_flow(sources)}, match: {scalar(TAG)}, write: '{{1}}'}}", ""
    yield "    distance: {from: ['vcs:distance'], match: '[1-9][0-9]*', otherwise: none}", ""
    yield "  channels:", ""
    yield "    default: {version: ['{base}.post{distance}', '{base}']}", ""


def _indexes(chosen: Choices, policy: Policy) -> Iterator[Row]:
    yield (
        "",
        (
            "Where wheels go: the plan refuses names that the index would not take"
            " (profile: internal, pypi)."
        ),
    )
    if not chosen.profile:
        yield "# indexes: {pypi: {profile: pypi}}", ""
        return
    release = next((channel for channel in policy.channels if channel.name == "release"), None)
    yield "indexes:", ""
    yield f"  {chosen.profile}:", ""
    yield f"    profile: {chosen.profile}", "what it accepts"
    if chosen.profile == "pypi" and release:
        when = ", ".join(f"{scalar(name)}: {scalar(value)}" for name, value in release.when.items())
        yield f"    channel: {release.name}", "the channel of the policy that names these copies"
        yield f"    when: {{{when}}}", "publish only then"


def _submodules(repository: Repository) -> Iterator[Row]:
    if repository.submodules:
        remark = "wheel jobs check out the git submodules; false, if no wheel is built from them"
        yield f"submodules: {repository.submodules}", remark


def _tool(tool: Tool) -> Iterator[Row]:
    if tool.form:
        yield "", "The Truewheel that jobs install: the one that wrote this file."
        yield tool_origin.line(tool), ""
        return
    yield (
        "",
        "The Truewheel that jobs install. Fill it in: a wheel of the repository with its SHA-256,",
    )
    yield "", "a git address with a commit, or an exact version with hashes; never the bare name."
    yield f"# tool: {EXAMPLE}", ""


def make_notes(repository: Repository, chosen: Choices) -> list[str]:
    """Return what a person should know about the proposal beside the comments in the spec."""
    lines: list[str] = []
    for name in chosen.forges:
        lines += FORGES[name].proposal_notes(_facts(repository, chosen))
    if repository.cibuildwheel:
        lines.append("read from cibuildwheel's settings: Pythons, architectures, manylinux image")
    others = {*repository.cibuildwheel.get("ARCHS", "").replace(",", " ").split()} - {
        *ARCHES,
        "auto",
        "auto64",
        "native",
    }
    if others:
        lines.append(
            f"left out: {', '.join(sorted(others))}; give each a target with an image of its own"
        )
    for package in repository.packages:
        oldest = f"3.{package.abi.oldest}"
        if package.name in chosen.packages and package.abi.oldest and oldest not in SUPPORTED:
            lines.append(
                f"{package.name}: {package.abi.origin} asks for Python {oldest},"
                " which is past its end of life"
            )
    return lines
