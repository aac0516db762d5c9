"""The spec: what a maintainer writes in truewheel.yml, checked against the schema and frozen.

Named tuples, not dataclasses: Python makes these classes anew at each start, and dataclasses take six times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from truewheel import source
from truewheel.naming import normalized
from truewheel.policy import Templates, Variable, templates, variable
from truewheel.problems import Problem, Stop, in_order
from truewheel.shapes import Schema, check, misfits, shape, with_defaults
from truewheel.source import Document

FORGES = ("gitlab", "github")


class Version(NamedTuple):
    """Where a package's base version comes from (`file`, else pyproject.toml) and how the composed one gets in."""

    file: str
    inject: str


class Package(NamedTuple):
    """Something that becomes a wheel."""

    path: str
    version: Version
    abi: str
    smoke: str
    exclude: tuple[str, ...]
    graft: tuple[str, ...]
    max_size: str


class Build(NamedTuple):
    """A command that makes the wheels of packages; `wheels` are globs by package."""

    path: str
    command: tuple[str, ...]
    requires: tuple[str, ...]
    wheels: Mapping[str, str]


class Stage(NamedTuple):
    """A further image of a target. `base` is a stage's name or an image; empty: the target's base."""

    base: str
    packages: tuple[str, ...]
    requirements: str


class Container(NamedTuple):
    """What a target's builder image has beside its base, and the images made from it."""

    file: str
    files: tuple[str, ...]
    interpreters: str
    packages: tuple[str, ...]
    requirements: str
    stages: Mapping[str, Stage]


class Target(NamedTuple):
    """A distro image family; empty `arches` and `pythons` are the project's."""

    family: str
    base: str
    test_image: str
    floor: str
    glibc: str
    arches: tuple[str, ...]
    pythons: tuple[str, ...]
    provides: Mapping[str, str]
    container: Container
    toolchain: str
    runner: str


class CellPattern(NamedTuple):
    """A cell to include, or the cells to exclude (`*` and `?` match)."""

    package: str
    target: str
    arch: str
    python: str


class Credentials(NamedTuple):
    """Names of the variables that hold a user name and a password."""

    username: str
    password: str


class Index(NamedTuple):
    """Where wheels are published, and when."""

    profile: str
    channel: str
    max_size: str
    when: Mapping[str, str]
    url: str
    simple: str
    credentials: Credentials


class Archive(NamedTuple):
    """An archive of a target's wheels; of the templates of its name, the first that can be filled is taken."""

    name: Templates
    package: str
    targets: tuple[str, ...]


class Images(NamedTuple):
    """Where builder images go, what all of them have, and the image that builds them."""

    registry: str
    tools: str
    job_image: str


class MergeRequests(NamedTuple):
    """What a merge request must have: a title that starts with one of the types, and all of the labels."""

    types: tuple[str, ...]
    labels: tuple[str, ...]


class Gitlab(NamedTuple):
    """Keys of the GitLab pipeline; `jobs`, `overrides` and `include` hold what the project adds, as it was written."""

    layout: str
    wheels: str
    entry: str
    prefix: str
    stages: Mapping[str, str]
    own_stages: tuple[str, ...]
    runners: Mapping[str, tuple[str, ...]]
    tool_image: str
    inputs: bool
    expire_in: str
    jobs: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Mapping[str, Any]]
    include: tuple[str | Mapping[str, Any], ...]


class GithubRunners(NamedTuple):
    """Labels of GitHub's runners, by architecture."""

    x86_64: tuple[str, ...]
    aarch64: tuple[str, ...]
    i686: tuple[str, ...]
    ppc64le: tuple[str, ...]
    s390x: tuple[str, ...]
    armv7l: tuple[str, ...]
    riscv64: tuple[str, ...]


class Github(NamedTuple):
    """Keys of the GitHub workflows; `jobs` and `overrides` hold what the project adds, as it was written."""

    runners: GithubRunners
    branches: tuple[str, ...]
    python: str
    retention_days: str
    attestations: bool
    jobs: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Mapping[str, Any]]


class Spec(NamedTuple):
    """The whole file. `document` finds the place of every value."""

    truewheel: int
    project: str
    packages: Mapping[str, Package]
    builds: Mapping[str, Build]
    targets: Mapping[str, Target]
    arches: tuple[str, ...]
    pythons: tuple[str, ...]
    include: tuple[CellPattern, ...]
    exclude: tuple[CellPattern, ...]
    naming: str | Mapping[str, Any]
    variant_labels: bool
    variables: Mapping[str, Variable]
    indexes: Mapping[str, Index]
    archives: Mapping[str, Archive]
    scripts: str
    compiler_cache: str
    setup: tuple[str, ...]
    images: Images
    merge_requests: MergeRequests
    gitlab: Gitlab
    github: Github
    document: Document

    def forges(self) -> tuple[str, ...]:
        """Return the keys of the forges that pipelines are made for."""
        return tuple(name for name in FORGES if name in self.document.data) or FORGES[:1]


def parse(text: str, file: str, schema: Schema) -> Spec:
    """Return the spec that `text` holds. Raises `Stop` (exit 2) with all problems and their places."""
    document = source.load(text, file)
    known = shape(schema)
    problems = check(document, known)
    if isinstance(document.data, dict) and isinstance(document.data.get("naming"), dict):
        problems = in_order([*problems, *misfits(document, shape(schema, "policy"), ("naming",))])
    if problems:
        raise Stop(problems)
    data = with_defaults(document.data, known)
    spec = _spec(data, document)
    problems = [*_unknown_names(spec), *_alike_packages(spec), *_build_problems(spec)]
    if problems:
        raise Stop(in_order(problems))
    return spec


def _spec(data: dict[str, Any], document: Document) -> Spec:
    return Spec(
        document=document,
        packages={name: _package(fields) for name, fields in data.pop("packages").items()},
        builds={name: _build(fields) for name, fields in data.pop("builds").items()},
        targets={name: _target(fields) for name, fields in data.pop("targets").items()},
        arches=tuple(data.pop("arches")),
        pythons=tuple(data.pop("pythons")),
        include=tuple(CellPattern(**fields) for fields in data.pop("include")),
        exclude=tuple(CellPattern(**fields) for fields in data.pop("exclude")),
        variables={name: variable(fields) for name, fields in data.pop("variables").items()},
        indexes={name: _index(fields) for name, fields in data.pop("indexes").items()},
        archives={name: _archive(fields) for name, fields in data.pop("archives").items()},
        setup=tuple(data.pop("setup")),
        images=Images(**data.pop("images")),
        merge_requests=MergeRequests(**{name: tuple(each) for name, each in data.pop("merge_requests").items()}),
        gitlab=_gitlab(data.pop("gitlab")),
        github=_github(data.pop("github")),
        **data,
    )


def _package(fields: dict[str, Any]) -> Package:
    patterns = {key: tuple(fields[key]) for key in ("exclude", "graft")}
    return Package(**{**fields, **patterns, "version": Version(**fields["version"])})


def _build(fields: dict[str, Any]) -> Build:
    return Build(**{**fields, "command": tuple(fields["command"]), "requires": tuple(fields["requires"])})


def _target(fields: dict[str, Any]) -> Target:
    container = _container(fields["container"])
    lists = {name: tuple(fields[name]) for name in ("arches", "pythons")}
    return Target(**{**fields, **lists, "container": container})


def _container(fields: dict[str, Any]) -> Container:
    stages = {
        name: Stage(**{**stage, "packages": tuple(stage["packages"])}) for name, stage in fields["stages"].items()
    }
    lists = {name: tuple(fields[name]) for name in ("files", "packages")}
    return Container(**{**fields, **lists, "stages": stages})


def _archive(fields: dict[str, Any]) -> Archive:
    return Archive(**{**fields, "name": templates(fields["name"]), "targets": tuple(fields["targets"])})


def _index(fields: dict[str, Any]) -> Index:
    return Index(**{**fields, "credentials": Credentials(**fields["credentials"])})


def _gitlab(fields: dict[str, Any]) -> Gitlab:
    lists = {name: tuple(fields[name]) for name in ("own_stages", "include")}
    return Gitlab(**{**fields, **lists, "runners": {arch: tuple(tags) for arch, tags in fields["runners"].items()}})


def _github(fields: dict[str, Any]) -> Github:
    runners = GithubRunners(**{arch: tuple(labels) for arch, labels in fields["runners"].items()})
    return Github(**{**fields, "runners": runners, "branches": tuple(fields["branches"])})


def _unknown_names(spec: Spec) -> list[Problem]:
    known = {"package": set(spec.packages), "target": set(spec.targets)}
    problems = []
    for number, pattern in enumerate(spec.include):
        for axis, names in known.items():
            name = getattr(pattern, axis)
            if name not in names:
                hint = f"{axis}s of this file: {', '.join(sorted(names))}"
                problems.append(spec.document.problem(("include", number, axis), f"no {axis} {name!r}", hint))
    for name in ("host", "any"):
        if name in spec.targets:
            hint = "host is this machine (plan --local), any is where pure packages are built: choose another name"
            problems.append(
                spec.document.problem(("targets", name), f"the target name {name} is taken", hint, key=True)
            )
    return problems


def _alike_packages(spec: Spec) -> list[Problem]:
    first: dict[str, str] = {}
    problems = []
    for name in spec.packages:
        other = first.setdefault(normalized(name), name)
        if other != name:
            message = f"{name} and {other} are one project: indexes write both as {normalized(name)}"
            problems.append(spec.document.problem(("packages", name), message, "rename one", key=True))
    return problems


def _build_problems(spec: Spec) -> list[Problem]:
    """Return what is wrong with the packages of the builds, and with their names."""
    owners: dict[str, str] = {}
    problems = []
    for name, build in spec.builds.items():
        if name in spec.packages and name not in build.wheels:
            message = f"{name} is a package of this file, which this build does not make"
            problems.append(spec.document.problem(("builds", name), message, "rename the build", key=True))
        for package in build.wheels:
            found = _build_problem(spec, name, package, owners.setdefault(package, name))
            if found:
                problems.append(spec.document.problem(("builds", name, "wheels", package), *found, key=True))
    return problems


def _build_problem(spec: Spec, build: str, package: str, owner: str) -> tuple[str, str] | None:
    """Return what speaks against a package in a build, and a hint."""
    if package not in spec.packages:
        return f"no package {package!r}", f"packages of this file: {', '.join(sorted(spec.packages))}"
    if owner != build:
        return f"{package} is in the build {owner} already", "a package is built once: remove one"
    if spec.packages[package].version.inject:
        hint = f"remove packages.{package}.version.inject: the command reads TRUEWHEEL_VERSION"
        return f"the version of {package} is injected, and a command gets it another way", hint
    native = [each for each in spec.builds[build].wheels if each in spec.packages and spec.packages[each].abi != "none"]
    if native and package not in native:
        hint = "a pure package is built apart from the native ones: take it out of this build"
        return f"the build {build} makes pure and native packages", hint
    return None
