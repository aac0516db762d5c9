"""Makes the plan: a pure function of the spec, the policy and a request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from truewheel.errors import Problem, Stop, show_value, suggest
from truewheel.plan import (
    archives,
    image_rules,
    job_python_rules,
    jobs,
    matrix,
    model,
    naming,
    plan_rules,
)
from truewheel.plan.images import NO_IMAGES, Images
from truewheel.plan.matrix import ANY, HOST, Host, Slot
from truewheel.plan.model import Cell, Copy, Fact, Plan, Target
from truewheel.plan.naming import Composed, Sources
from truewheel.spec import template
from truewheel.spec import variables as contract
from truewheel.spec.forges import is_set_by_a_forge
from truewheel.spec.model import Spec
from truewheel.spec.policy import Channel, Policy, Variable, match_whole
from truewheel.wheel import platform_tags
from truewheel.wheel.index_profiles import size


class Names(NamedTuple):
    """What the cells of one target and one base version share; `copies` are by index."""

    channel: str
    facts: Mapping[str, Fact]
    own: Composed
    copies: Mapping[str, tuple[str, Composed]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the planner is to plan.

    `overrides` are the `-v` variables, `environment` those of the process, `options` the flags that
    a policy may read, `versions` the base version of each package and its source, `pythons` the
    requires-python of packages and the file that says it. With `host`, the cells are this
    machine's, not those of the spec's targets. `read_file` returns the text of files that facts are
    read from, `vcs` a value of git, `find_vcs_fault` why that cannot be relied on. `history` are
    the packages whose builds take their version from git themselves, `submodules` the folders of
    git submodules. `stand_in` is the value of facts that a version needs and no source has, for
    plans whose names are not shown. `images` are the builder images of the targets, `changed` the
    packages whose cells are planned (None: all).
    """

    generator: str
    versions: Mapping[str, tuple[str, str]]
    pythons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    event: str = "push"
    overrides: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    host: Host | None = None
    read_file: Callable[[str], str | None] | None = None
    vcs: Callable[[str], str | None] | None = None
    find_vcs_fault: Callable[[str], Problem | None] | None = None
    history: Collection[str] = ()
    submodules: Collection[str] = ()
    stand_in: str = ""
    images: Images = NO_IMAGES
    changed: frozenset[str] | None = None


def plan(spec: Spec, policy: Policy, request: Request) -> Plan:
    """Return the plan; its `problems` are the reasons to refuse it, and warnings.

    Raises `Stop` (exit 2) when no names can be composed: for a variable that is not allowed, or a
    version that is not valid.
    """
    if leaks := contract.find_leaked_secrets(spec, policy):
        raise Stop(leaks)
    problems = [
        *request.images.problems,
        *plan_rules.check_floors(spec),
        *plan_rules.check_toolchains(spec),
        *job_python_rules.problems(spec),
    ]
    problems += contract.find_lost_values(spec, policy)
    with _reported_with(problems):
        variables = _variables(spec, policy, request)
    slots = matrix.host_slots(spec, request.host) if request.host else matrix.slots(spec, problems)
    problems += matrix.packages_without_cells(spec, slots)
    problems += image_rules.problems(spec, [] if request.host else slots)
    named = () if request.host else matrix.named_cells(spec, slots, problems)
    targets = _targets(spec, slots, request)
    namer = Namer(spec, policy, request, variables, targets)
    packages = _packages(spec)
    with _reported_with(problems):
        cells = _cells(namer, slots)
    images = _images(cells, request)
    indexes = tuple(plan_rules.check_index(spec, name, cells) for name in spec.indexes)
    problems += [
        *namer.problems,
        *plan_rules.find_collisions(spec, policy, cells),
        *plan_rules.find_excluded_pythons(spec, cells, request.pythons),
        *plan_rules.find_index_problems(spec, indexes),
    ]
    problems += [
        *plan_rules.find_long_names(spec, cells),
        *plan_rules.find_text_sorted(spec, cells),
    ]
    all_archives = archives.archives(spec, cells, problems)
    kinds = jobs.make_kinds(
        spec,
        plans_by_history=policy.reads_history(),
        builds_by_history=bool(request.history),
        plans_by_submodules=_has_files_in(spec, request.submodules),
    )
    # The rules are for all cells, also those that are left out: whether names collide must not
    # depend on what a merge request changes.
    chosen = tuple(
        cell for cell in cells if request.changed is None or cell.package in request.changed
    )
    all_jobs = jobs.make_jobs(spec, chosen, packages, indexes, images, named)
    problems += plan_rules.find_missing_wheels(spec, all_jobs)
    present = jobs.select_by_event(all_jobs, kinds, request.event)
    return Plan(
        generator=request.generator,
        project=spec.project,
        spec=spec.document.file,
        event=request.event,
        local=request.host is not None,
        packages=packages,
        builds={name: _build(name, spec) for name in spec.builds},
        targets=targets,
        kinds={name: kind for name, kind in kinds.items() if name in {job.kind for job in present}},
        cells=chosen,
        left_out=tuple(
            cell.id
            for cell in cells
            if request.changed is not None and cell.package not in request.changed
        ),
        named=named,
        jobs=present,
        variables={
            name: value
            for name, value in variables.items()
            if value.scope != "secret" and value.value
        },
        policy=_written_policy(policy, spec),
        images=images,
        registry_login={
            key: name for key, name in spec.images.credentials._asdict().items() if name
        },
        compiler_cache=spec.compiler_cache,
        submodules=spec.submodule_choice,
        indexes=indexes,
        archives=all_archives,
        problems=tuple(problems),
    )


@contextmanager
def _reported_with(problems: Iterable[Problem]) -> Iterator[None]:
    """Add the problems so far to those of a `Stop` that is raised."""
    try:
        yield
    except Stop as stopped:
        raise Stop([*problems, *stopped.problems], stopped.code) from None


def _has_files_in(spec: Spec, folders: Iterable[str]) -> bool:
    """Return whether a file that the spec names lies in one of some folders."""
    packages = spec.packages.values()
    files = [path for package in packages for path in (package.path, package.version.file)]
    files += [*(package.smoke for package in packages), spec.scripts]
    files += [build.path for build in spec.builds.values()]
    for target in spec.targets.values():
        files += [target.container.file, *target.container.files]
    plain = [f"{path.removeprefix('./')}/" for path in files]
    return any(path.startswith(f"{folder}/") for path in plain for folder in folders)


def _cells(namer: Namer, slots: Iterable[Slot]) -> tuple[Cell, ...]:
    """Return the cells of the slots. Raises `Stop` with every reason why one cannot have a name."""
    cells = tuple(
        cell for number, slot in enumerate(slots, 1) if (cell := namer.cell(slot, number))
    )
    if namer.failures:
        raise Stop([*namer.problems, *namer.failures])
    return cells


def _variables(spec: Spec, policy: Policy, request: Request) -> dict[str, model.Variable]:
    """Return every variable that is set. Raises `Stop` for values that are not allowed."""
    declared = {**contract.BUILT_IN, **contract.declared_variables(spec, policy)}
    values = {
        name: value for name, rule in declared.items() if (value := value_of(name, rule, request))
    }
    problems = [
        _undeclared(name, declared, spec, policy.name)
        for name in request.overrides
        if name not in declared
    ]
    problems += [
        problem
        for name, value in values.items()
        for problem in _value_problems(name, value, declared[name], spec)
    ]
    if faults := [problem for problem in problems if problem]:
        raise Stop(faults)
    return values


def value_of(name: str, rule: Variable, request: Request) -> model.Variable | None:
    """Return the first value that is not empty; else the first empty one, to report it."""
    texts = {"-v": request.overrides.get(name)}
    if rule.scope != "image" or request.host:
        texts["environment"] = request.environment.get(name)
    texts["default"] = rule.default or None
    values = [
        model.Variable(value=text, origin=origin, scope=rule.scope)
        for origin, text in texts.items()
        if text is not None
    ]
    return next((value for value in values if value.value.strip()), values[0] if values else None)


def _undeclared(
    name: str, declared: Mapping[str, Variable], spec: Spec, policy: str
) -> Problem | None:
    if is_set_by_a_forge(name):
        return None
    hint = suggest(name, declared, f"declared: {', '.join(sorted(declared)) or 'none'}")
    message = f"the variable {name} is declared neither here nor in the policy {policy}"
    return spec.document.problem(("variables",), message, hint, key=True)


def _value_problems(
    name: str, value: model.Variable, rule: Variable, spec: Spec
) -> Iterable[Problem]:
    text = value.value
    # What somebody's environment holds may be a secret, and a merge request's note has this text.
    is_hidden = value.scope == "secret" or value.origin == "environment"
    what = "its value" if is_hidden else show_value(text)
    if text and rule.choices and text not in rule.choices:
        hint = f"allowed: {', '.join(rule.choices)}, or empty"
        yield spec.document.problem(
            ("variables", name), f"{name} ({value.origin}): {what} is not allowed", hint
        )
    if text != text.encode(errors="ignore").decode():
        message = f"{name} ({value.origin}): {what} is not UTF-8 text"
        yield spec.document.problem(
            ("variables", name), message, "correct the value, or leave it empty"
        )
    if text and rule.pattern and not match_whole(rule.pattern, text):
        message = f"{name} ({value.origin}): {what} does not match {rule.pattern}"
        yield spec.document.problem(
            ("variables", name), message, rule.description or "correct it, or leave it empty"
        )


def _images(cells: Iterable[Cell], request: Request) -> dict[str, str]:
    """Return the builder images by `target/arch`, in the order of the cells."""
    places = dict.fromkeys((cell.target, cell.arch) for cell in cells)
    images = request.images.references
    return {"/".join(place): images[place] for place in places if place in images}


def _targets(spec: Spec, slots: Iterable[Slot], request: Request) -> dict[str, Target]:
    """Return the targets of the cells with their floors, and the one of pure packages."""
    if request.host:
        targets = {HOST: Target(name=HOST, floor=request.host.floor)}
    else:
        targets = {
            name: Target(
                name=name,
                family=target.family,
                base=request.images.bases.get(name, target.base),
                floor=target.floor or platform_tags.own_floor(name, target.glibc),
                test_image=request.images.tests.get(name, target.test_image),
                provides=target.provides,
                toolchain=target.toolchain,
                runner=target.runner,
            )
            for name, target in spec.targets.items()
        }
    if any(slot.target == ANY for slot in slots):
        targets[ANY] = Target(name=ANY, floor=ANY, base=spec.gitlab.tool_image)
    return targets


class Namer:
    """Gives slots their names.

    Facts are resolved once for all slots with the same variables and axes.
    """

    def __init__(
        self,
        spec: Spec,
        policy: Policy,
        request: Request,
        variables: Mapping[str, model.Variable],
        targets: Mapping[str, Target],
    ) -> None:
        self.spec = spec
        self.policy = policy
        self.request = request
        self.problems: list[Problem] = []
        self.failures: dict[Problem, None] = {}
        self._where = spec.document.where(("naming",))
        self._floors = {name: target.floor for name, target in targets.items()}
        declared = contract.declared_variables(spec, policy)
        self._seen = {name: _seen(target, declared, variables) for name, target in targets.items()}
        self._named: dict[tuple[Any, ...], Names | None] = {}
        self._tags: dict[tuple[str, str, str, str], str] = {}
        self._axes_read = policy.axes()

    def cell(self, slot: Slot, number: int) -> Cell | None:
        """Return the cell of a slot with its names, or None; `failures` then has the reason.

        `number` is the position of the slot, from 1.
        """
        names = self._names(slot, number)
        if names is None:
            return None
        composed, tag = names.own, self._tag(slot)
        return Cell(
            id=slot.id,
            package=slot.package,
            target=slot.target,
            arch=slot.arch,
            python=slot.python,
            builder=slot.builder,
            channel=names.channel,
            version=composed.version,
            build=composed.build,
            tag=tag,
            wheel=composed.wheel(slot.package, tag),
            facts=names.facts,
            copies=tuple(
                Copy(
                    index=name,
                    channel=channel,
                    version=copy.version,
                    wheel=copy.wheel(slot.package, tag),
                )
                for name, (channel, copy) in names.copies.items()
            ),
            platforms=self._range(slot)
            if self._floors[slot.target] == platform_tags.AUDITED
            else (),
        )

    def _names(self, slot: Slot, number: int) -> Names | None:
        axes = {**self._axes(slot), "number": str(number)} if self._axes_read else {}
        key = (
            slot.target,
            self.request.versions[slot.package],
            *(axes[axis] for axis in self._axes_read),
        )
        if key not in self._named:
            try:
                self._named[key] = self._composed(slot, axes)
            except Stop as stopped:
                self._named[key] = None
                self.failures.update(dict.fromkeys(stopped.problems))
        return self._named[key]

    def _composed(self, slot: Slot, axes: Mapping[str, str]) -> Names:
        facts = self._facts(slot, axes)
        channel = self._channel(slot.target, facts)
        copied = self._copy_channels(slot.target, facts, channel)
        self._report(self._vcs_faults([channel, *copied.values()], facts))
        return Names(
            channel=channel.name,
            facts=facts,
            own=self._compose(channel, facts, slot),
            copies={
                index: (copy.name, self._compose(copy, facts, slot))
                for index, copy in copied.items()
            },
        )

    def _axes(self, slot: Slot) -> dict[str, str]:
        _, abi, platform = self._tag(slot).split("-")
        return {
            "package": slot.package,
            "target": slot.target,
            "arch": slot.arch,
            "python": slot.python,
            "abi": abi,
            "platform": platform,
        }

    def _facts(self, slot: Slot, axes: Mapping[str, str]) -> dict[str, Fact]:
        request = self.request
        version, version_origin = request.versions[slot.package]
        sources = Sources(
            variables=self._seen[slot.target],
            options=request.options,
            version=version,
            version_origin=version_origin,
            event=request.event,
            cell=axes,
            read_file=request.read_file,
            in_image=request.host is not None,
            vcs=request.vcs,
        )
        facts, problems = naming.resolve_all(self.policy, sources, self._where)
        self._report(problems)
        return facts

    def _vcs_faults(
        self, channels: Sequence[Channel], facts: Mapping[str, Fact]
    ) -> Iterator[Problem]:
        """Yield why facts that the names depend on are wrong, or absent, for want of git."""
        find_fault = self.request.find_vcs_fault
        if find_fault is None:
            return
        for name in naming.facts_used(self.policy, channels):
            for source in naming.sources_asked(facts[name]):
                kind, _, value = source.partition(":")
                if kind == "vcs" and (fault := find_fault(value)):
                    message = f"the fact {name} is git's {value}: {fault.message}"
                    yield Problem(self._where, message, fault.hint, fault.severity)

    def _report(self, problems: Iterable[Problem]) -> None:
        self.problems += [problem for problem in problems if problem not in self.problems]

    def _channel(self, target: str, facts: Mapping[str, Fact]) -> Channel:
        channel = naming.channel_of(self.policy, self._seen[target], facts)
        if channel is None:
            message = f"no channel of the policy {self.policy.name} applies"
            hint = "remove the conditions of its last channel"
            raise Stop([Problem(self._where, message, hint)])
        return channel

    def _copy_channels(
        self, target: str, facts: Mapping[str, Fact], default: Channel
    ) -> dict[str, Channel]:
        """Return the channel of every index that this pipeline publishes to."""
        by_name = {channel.name: channel for channel in self.policy.channels}
        channels = {}
        for name, index in self.spec.indexes.items():
            if index.channel and index.channel not in by_name:
                message = f"the policy {self.policy.name} has no channel {index.channel!r}"
                route = ("indexes", name, "channel")
                hint = f"its channels: {', '.join(by_name)}"
                raise Stop([self.spec.document.problem(route, message, hint)])
            if naming.holds(index.when, self._seen[target], facts):
                channels[name] = by_name.get(index.channel) or default
        return channels

    def _compose(self, channel: Channel, facts: Mapping[str, Fact], slot: Slot) -> Composed:
        composed = naming.compose(
            self.policy, channel, self._completed(channel, facts), self._where
        )
        if not self.spec.variant_labels or slot.target == ANY:
            return replace(composed, label="")
        if problem := naming.label_problem(composed.label, self._where):
            self._report([problem])
            return replace(composed, label="")
        return composed

    def _completed(self, channel: Channel, facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
        """Return the facts, with the request's stand-in for absent ones that the version needs."""
        if not self.request.stand_in:
            return facts
        missing = [
            name for name in template.fields(channel.version[-1]) if facts[name].value is None
        ]
        return {**facts, **dict.fromkeys(missing, Fact(value=self.request.stand_in))}

    def _tag(self, slot: Slot) -> str:
        abi = self.spec.packages[slot.package].abi
        key = (abi, slot.target, slot.arch, slot.python)
        tag = self._tags.get(key)
        if tag is None:
            platform = ANY if slot.target == ANY else self._platform(slot)
            tag = "-".join((*naming.python_tags(abi, slot.python), platform))
            self._tags[key] = tag
        return tag

    def _platform(self, slot: Slot) -> str:
        floor = self._floors[slot.target]
        if floor == platform_tags.AUDITED:
            return self._range(slot)[-1]
        return naming.platform_tag(floor, slot.arch, self.policy.platform)

    def _range(self, slot: Slot) -> tuple[str, ...]:
        """Return the platform tags that an audit may find: up to the glibc of the target."""
        minor = platform_tags.glibc_minor(slot.target, self.spec.targets[slot.target].glibc)
        floors = platform_tags.audited_floors(slot.arch, minor or 0) or ("linux",)
        return tuple(
            naming.platform_tag(floor, slot.arch, self.policy.platform) for floor in floors
        )


def _seen(
    target: Target, declared: Mapping[str, Variable], variables: Mapping[str, model.Variable]
) -> dict[str, model.Variable]:
    """Return the variables of a target's jobs: those that are set, of the image, defaults."""
    provided = {
        name: model.Variable(value=value, origin=f"provided by {target.name}", scope="image")
        for name, value in target.provides.items()
        if name in declared and value
    }
    chosen = {
        name: variable
        for name, variable in variables.items()
        if variable.value and variable.origin != "default"
    }
    return {**variables, **provided, **chosen}


def _packages(spec: Spec) -> dict[str, model.Package]:
    builds = {package: name for name, build in spec.builds.items() for package in build.wheels}
    return {name: _package(name, builds.get(name, ""), spec) for name in spec.packages}


def _package(name: str, build: str, spec: Spec) -> model.Package:
    package = spec.packages[name]
    return model.Package(
        name=name,
        path=spec.builds[build].path if build else package.path,
        version_file=package.version.file,
        version_match=package.version.match,
        inject=package.version.inject or ("file" if package.version.file else "pyproject"),
        abi=package.abi,
        smoke=package.smoke,
        load_skip=package.load.skip,
        build=build,
        exclude=package.exclude,
        graft=package.graft,
        max_size=size(package.max_size) if package.max_size else 0,
        secrets=package.secrets,
    )


def _build(name: str, spec: Spec) -> model.Build:
    build = spec.builds[name]
    return model.Build(
        name=name, **{key: value for key, value in build._asdict().items() if key != "path"}
    )


def _written_policy(policy: Policy, spec: Spec) -> dict[str, Any]:
    """Return the policy's data for jobs, with the variables that the spec adds or replaces."""
    added = {
        name: {**variable._asdict(), "choices": list(variable.choices)}
        for name, variable in spec.variables.items()
    }
    return {**policy.data, "variables": {**policy.data["variables"], **added}}
