"""The spec: what a maintainer writes in truewheel.yml, checked against the schema and frozen.

Named tuples, not dataclasses: Python makes these classes anew at each start, and dataclasses take
six times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.errors import Problem, Stop, sort_problems
from truewheel.spec import cron, forges, yaml_source
from truewheel.spec import tool as tools
from truewheel.spec.credential_names import shown_credential
from truewheel.spec.policy import Templates, Variable, templates, variable
from truewheel.spec.schema import Schema, check_document, fill_defaults, find_misfits
from truewheel.spec.tool import Tool
from truewheel.spec.version_file import is_match
from truewheel.spec.yaml_source import Document
from truewheel.wheel.filename import normalized


class Version(NamedTuple):
    """Where a package's base version comes from, and how the composed one gets into the build.

    It stands in `file`, else in pyproject.toml. `match` is a regular expression whose group is the
    version in that file; "": the file holds nothing else.
    """

    file: str
    match: str
    inject: str


class Load(NamedTuple):
    """How a wheel is loaded when it is tried; `skip` are modules that are not imported."""

    skip: tuple[str, ...]


class Package(NamedTuple):
    """Something that becomes a wheel."""

    path: str
    version: Version
    abi: str
    smoke: str
    load: Load
    exclude: tuple[str, ...]
    graft: tuple[str, ...]
    max_size: str
    paths: tuple[str, ...]
    secrets: tuple[str, ...]


class Build(NamedTuple):
    """A command that makes the wheels of packages; `wheels` are globs by package."""

    path: str
    command: tuple[str, ...]
    requires: tuple[str, ...]
    wheels: Mapping[str, str]
    secrets: tuple[str, ...]


class Stage(NamedTuple):
    """A further image of a target. `base` is a stage's name or an image; empty: the target's base.

    `wheels` are packages whose proven wheels it installs: it is made after the proof.
    """

    base: str
    packages: tuple[str, ...]
    requirements: str
    wheels: tuple[str, ...]


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
    """A cell to include, or the cells to exclude or only to name (`*` and `?` match)."""

    package: str
    target: str
    arch: str
    python: str


class Credentials(NamedTuple):
    """Names of the variables that hold a user name and a password."""

    username: str
    password: str


class Index(NamedTuple):
    """Where wheels are published, when, and with which verdict at least."""

    profile: str
    channel: str
    max_size: str
    when: Mapping[str, str]
    verdict: str
    url: str
    simple: str
    credentials: Credentials


class Archive(NamedTuple):
    """An archive of a target's wheels; its name is the first template that can be filled."""

    name: Templates
    package: str
    targets: tuple[str, ...]


class Images(NamedTuple):
    """Where builder images go, what all of them have, and the image that builds them."""

    registry: str
    credentials: Credentials
    tools: str
    job_image: str


class Schedule(NamedTuple):
    """A pipeline that starts at set times.

    An empty `ref` is the default branch; without `forges`, all forges of the file have it.
    """

    cron: str
    timezone: str
    ref: str
    variables: Mapping[str, str]
    active: bool
    description: str
    forges: tuple[str, ...]


class MergeRequests(NamedTuple):
    """What a merge request must have: a title that begins with one of `types`, and all `labels`.

    With `changed_only`, its pipeline builds only the packages that it changes.
    """

    types: tuple[str, ...]
    changed_only: bool
    labels: tuple[str, ...]


class Gitlab(NamedTuple):
    """Keys of the GitLab pipeline; `jobs`, `overrides` and `include` are kept as written."""

    layout: str
    wheels: str
    entry: str
    prefix: str
    stages: Mapping[str, str]
    own_stages: tuple[str, ...]
    runners: Mapping[str, tuple[str, ...]]
    test_runners: Mapping[str, tuple[str, ...]]
    tool_runner: tuple[str, ...]
    tool_image: str
    inputs: bool
    expire_in: str
    jobs: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Mapping[str, Any]]
    include: tuple[str | Mapping[str, Any], ...]

    @property
    def own_prefix(self) -> str:
        """What the names of all generated jobs begin with: nothing, but in a fragment."""
        return self.prefix if self.entry else ""


class Github(NamedTuple):
    """Keys of the GitHub workflows; `jobs`, `overrides` and `steps` are kept as written."""

    runners: Mapping[str, tuple[str, ...]]
    test_runners: Mapping[str, tuple[str, ...]]
    tool_runner: tuple[str, ...]
    branches: tuple[str, ...]
    python: str
    retention_days: str
    attestations: bool
    jobs: Mapping[str, Mapping[str, Any]]
    overrides: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, tuple[Mapping[str, Any], ...]]


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
    named: tuple[CellPattern, ...]
    naming: str | Mapping[str, Any]
    variant_labels: bool
    variables: Mapping[str, Variable]
    indexes: Mapping[str, Index]
    archives: Mapping[str, Archive]
    scripts: str
    compiler_cache: str
    submodules: bool | str
    tool: Tool
    setup: tuple[str, ...]
    images: Images
    schedules: Mapping[str, Schedule]
    merge_requests: MergeRequests
    gitlab: Gitlab
    github: Github
    document: Document

    def forges(self) -> tuple[str, ...]:
        """Return the keys of the forges that pipelines are made for."""
        return forges.named_in(self.document.data)

    @property
    def has_included_files(self) -> bool:
        """Whether generated files include files of the project, which change without them."""
        return bool(self.gitlab.include)

    @property
    def submodule_choice(self) -> str:
        """What the file says of submodules, "true", "false" or "recursive"; "" for nothing."""
        return str(self.submodules).lower() if "submodules" in self.document.data else ""

    @property
    def hosted_python(self) -> str:
        """The Python of jobs that run in no image, where their forge brings its own: `3.12`."""
        return self.github.python

    def schedules_of(self, forge: str) -> dict[str, Schedule]:
        """Return the schedules that a forge has, by name."""
        return {
            name: schedule
            for name, schedule in self.schedules.items()
            if forge in (schedule.forges or self.forges())
        }

    def active_schedules(self, forge: str) -> dict[str, Schedule]:
        """Return those of the schedules of a forge that start pipelines, by name."""
        schedules = self.schedules_of(forge)
        return {name: schedule for name, schedule in schedules.items() if schedule.active}


def parse(text: str, file: str, schema: Callable[[str], Schema]) -> Spec:
    """Return the spec that `text` holds.

    `schema` returns the expanded schema of a spec (""), or of a definition, by its name.

    Raises `Stop` (exit 2) with all problems and their places.
    """
    document = yaml_source.load(text, file)
    spec_schema = schema("")
    problems = check_document(document, spec_schema)
    if isinstance(document.data, dict) and isinstance(document.data.get("naming"), dict):
        problems = sort_problems(
            [*problems, *find_misfits(document, schema("policy"), ("naming",))]
        )
    if problems:
        raise Stop(problems)
    data = fill_defaults(document.data, spec_schema)
    spec = _spec(data, document)
    problems = [
        *_unknown_names(spec),
        *_unknown_wheels(spec),
        *_equal_names(spec),
        *_matches(spec),
    ]
    problems += [*_build_problems(spec), *_schedule_problems(spec)]
    problems += [
        document.problem(("variables", name), *wrong, key=True)
        for name, rule in spec.variables.items()
        if (wrong := shown_credential(name, rule.scope))
    ]
    problems += tools.problems(document, spec.tool, spec.scripts)
    if problems:
        raise Stop(sort_problems(problems))
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
        named=tuple(CellPattern(**fields) for fields in data.pop("named")),
        variables={name: variable(fields) for name, fields in data.pop("variables").items()},
        indexes={name: _index(fields) for name, fields in data.pop("indexes").items()},
        archives={name: _archive(fields) for name, fields in data.pop("archives").items()},
        tool=tools.tool(data.pop("tool")),
        setup=tuple(data.pop("setup")),
        images=_images(data.pop("images")),
        merge_requests=_merge_requests(data.pop("merge_requests")),
        schedules={name: _schedule(fields) for name, fields in data.pop("schedules").items()},
        gitlab=_gitlab(data.pop("gitlab")),
        github=_github(data.pop("github")),
        **data,
    )


def _package(fields: dict[str, Any]) -> Package:
    patterns = {key: tuple(fields[key]) for key in ("exclude", "graft", "paths", "secrets")}
    load = Load(skip=tuple(fields["load"]["skip"]))
    return Package(**{**fields, **patterns, "load": load, "version": Version(**fields["version"])})


def _build(fields: dict[str, Any]) -> Build:
    return Build(
        **{**fields, **{key: tuple(fields[key]) for key in ("command", "requires", "secrets")}}
    )


def _target(fields: dict[str, Any]) -> Target:
    container = _container(fields["container"])
    lists = {name: tuple(fields[name]) for name in ("arches", "pythons")}
    return Target(**{**fields, **lists, "container": container})


def _container(fields: dict[str, Any]) -> Container:
    stages = {name: _stage(stage) for name, stage in fields["stages"].items()}
    lists = {name: tuple(fields[name]) for name in ("files", "packages")}
    return Container(**{**fields, **lists, "stages": stages})


def _stage(fields: dict[str, Any]) -> Stage:
    return Stage(**{**fields, **{name: tuple(fields[name]) for name in ("packages", "wheels")}})


def _archive(fields: dict[str, Any]) -> Archive:
    return Archive(
        **{**fields, "name": templates(fields["name"]), "targets": tuple(fields["targets"])}
    )


def _index(fields: dict[str, Any]) -> Index:
    return Index(**{**fields, "credentials": Credentials(**fields["credentials"])})


def _images(fields: dict[str, Any]) -> Images:
    return Images(**{**fields, "credentials": Credentials(**fields["credentials"])})


def _merge_requests(fields: dict[str, Any]) -> MergeRequests:
    return MergeRequests(
        **{**fields, "types": tuple(fields["types"]), "labels": tuple(fields["labels"])}
    )


def _schedule(fields: dict[str, Any]) -> Schedule:
    return Schedule(
        **{**fields, "cron": " ".join(fields["cron"].split()), "forges": tuple(fields["forges"])}
    )


def _gitlab(fields: dict[str, Any]) -> Gitlab:
    lists = {name: tuple(fields[name]) for name in ("own_stages", "include", "tool_runner")}
    runners = {name: _tuples(fields[name]) for name in ("runners", "test_runners")}
    return Gitlab(**{**fields, **lists, **runners})


def _github(fields: dict[str, Any]) -> Github:
    lists = {name: tuple(fields[name]) for name in ("branches", "tool_runner")}
    tuples = {name: _tuples(fields[name]) for name in ("runners", "test_runners", "steps")}
    return Github(**{**fields, **lists, **tuples})


def _tuples(fields: Mapping[str, list[Any]]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(items) for name, items in fields.items()}


def _unknown_names(spec: Spec) -> list[Problem]:
    known = {"package": set(spec.packages), "target": set(spec.targets)}
    problems = []
    for number, pattern in enumerate(spec.include):
        for axis, names in known.items():
            name = getattr(pattern, axis)
            if name not in names:
                hint = f"{axis}s of this file: {', '.join(sorted(names))}"
                problems.append(
                    spec.document.problem(("include", number, axis), f"no {axis} {name!r}", hint)
                )
    for name in ("host", "any"):
        if name in spec.targets:
            meaning = "host is this machine (plan --local), any is where pure packages are built"
            message = f"the target name {name} is reserved"
            hint = f"{meaning}: choose another name"
            problems.append(spec.document.problem(("targets", name), message, hint, key=True))
    return problems


def _unknown_wheels(spec: Spec) -> Iterator[Problem]:
    hint = f"packages of this file: {', '.join(sorted(spec.packages))}"
    for name, target in spec.targets.items():
        for stage, image in target.container.stages.items():
            for number, package in enumerate(image.wheels):
                if package not in spec.packages:
                    route = ("targets", name, "container", "stages", stage, "wheels", number)
                    yield spec.document.problem(route, f"no package {package!r}", hint)


def _equal_names(spec: Spec) -> list[Problem]:
    first: dict[str, str] = {}
    problems = []
    for name in spec.packages:
        other = first.setdefault(normalized(name), name)
        if other != name:
            written = normalized(name)
            message = f"{name} and {other} are one project: indexes write both as {written}"
            problems.append(
                spec.document.problem(("packages", name), message, "rename one", key=True)
            )
    return problems


def _matches(spec: Spec) -> Iterator[Problem]:
    """Yield what is wrong with the expressions that find versions in files."""
    for name, package in spec.packages.items():
        version, route = package.version, ("packages", name, "version", "match")
        if version.match and not version.file:
            yield spec.document.problem(
                route, "there is no file to search", "name it: version.file"
            )
        elif not is_match(version.match):
            message = f"{version.match} must have exactly one group: the version"
            yield spec.document.problem(route, message, 'such as ^__version__ = "(.+)"')


def _build_problems(spec: Spec) -> list[Problem]:
    """Return what is wrong with the packages of the builds, and with their names."""
    owners: dict[str, str] = {}
    problems = []
    for name, build in spec.builds.items():
        if name in spec.packages and name not in build.wheels:
            message = f"{name} is also a package, which this build does not make"
            problems.append(
                spec.document.problem(("builds", name), message, "rename the build", key=True)
            )
        for package in build.wheels:
            fault = _build_fault(spec, name, package, owners.setdefault(package, name))
            if fault:
                problems.append(
                    spec.document.problem(("builds", name, "wheels", package), *fault, key=True)
                )
    return problems


def _build_fault(spec: Spec, build: str, package: str, owner: str) -> tuple[str, str] | None:
    """Return why a package cannot be in a build, and a hint."""
    if package not in spec.packages:
        return (
            f"no package {package!r}",
            f"packages of this file: {', '.join(sorted(spec.packages))}",
        )
    if owner != build:
        return f"{package} is in the build {owner} already", "a package is built once: remove one"
    if spec.packages[package].version.inject:
        hint = f"remove packages.{package}.version.inject: the command reads TRUEWHEEL_VERSION"
        return f"{package} has version.inject, which a build with a command ignores", hint
    native = [
        name
        for name in spec.builds[build].wheels
        if name in spec.packages and spec.packages[name].abi != "none"
    ]
    if native and package not in native:
        hint = "a pure package is built once, native ones for each target: use a second build"
        return f"the build {build} makes pure and native packages", hint
    return None


def _schedule_problems(spec: Spec) -> list[Problem]:
    problems = []
    for name, schedule in spec.schedules.items():
        if fault := cron.find_fault(schedule.cron):
            hint = "five fields: minute, hour, day of the month, month, day of the week"
            problems.append(spec.document.problem(("schedules", name, "cron"), fault, hint))
        for number, forge in enumerate(schedule.forges):
            if forge not in spec.forges():
                hint = f"forges of this file: {', '.join(spec.forges())}; the key {forge} adds it"
                problems.append(
                    spec.document.problem(
                        ("schedules", name, "forges", number), f"this file has no key {forge}", hint
                    )
                )
    return problems
