"""Rules of a plan: names differ, indexes accept them, floors and toolchains are possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from truewheel.errors import Problem, pluralize
from truewheel.plan import images
from truewheel.plan.model import Cell, Index, Job
from truewheel.plan.naming import LEGACY_FLOORS, NAME_LIMIT, TOO_LONG
from truewheel.spec import template
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy
from truewheel.system import architectures
from truewheel.wheel import index_profiles, platform_tags

MUSL_FLOOR = "musllinux_1_2"
"""The floor that hints name for a target with musl."""
AXES = ("package", "target", "arch", "python")
NEXT_STEP = "name a channel that leaves it out, or publish under another condition"


def find_collisions(spec: Spec, policy: Policy, cells: Iterable[Cell]) -> list[Problem]:
    """Return a problem for every pair of axis values whose cells have one wheel name.

    The names may be equal here, or on an index.
    """
    first: dict[tuple[str, str], Cell] = {}
    reported: set[tuple[str, str]] = set()
    pairs: dict[tuple[str, ...], list[tuple[str, Cell, Cell]]] = {}
    for cell in cells:
        for index, wheel in _names(cell):
            other = first.setdefault((index, wheel), cell)
            if other is not cell and (other.id, cell.id) not in reported:
                reported.add((other.id, cell.id))
                axes = [axis for axis in AXES if getattr(cell, axis) != getattr(other, axis)]
                key = (
                    index,
                    *axes,
                    *(getattr(side, axis) for side in (other, cell) for axis in axes),
                )
                pairs.setdefault(key, []).append((wheel, other, cell))
    return [_collision(spec, policy, key[0], equal) for key, equal in pairs.items()]


def _names(cell: Cell) -> Iterator[tuple[str, str]]:
    """Yield every name that a cell's wheel may get, with its index; "" for its own name."""
    for possible in cell.possible():
        yield "", possible.wheel
        yield from ((copy.index, copy.wheel) for copy in possible.copies)


def _collision(
    spec: Spec, policy: Policy, index: str, equal: list[tuple[str, Cell, Cell]]
) -> Problem:
    wheel, first, second = equal[0]
    axes = [axis for axis in AXES if getattr(first, axis) != getattr(second, axis)]
    missing, differing = " and ".join(axes), _differing(spec, first, second)
    pair = f"{first.id} and {second.id}"
    may = "may " if first.platforms or second.platforms else ""
    lines = [
        f"two cells {may}get one name{f' on the index {index}' if index else ''}, {wheel}",
        f"    {pair} differ only in the {missing}, and the name has no {missing}",
    ]
    if "target" in axes:
        lines += [
            f"    {_target(spec, target, differing)}" for target in (first.target, second.target)
        ]
    if len(equal) > 1:
        lines.append(f"    the same happens to {len(equal) - 1} more names")
    route = ("targets", second.target) if "target" in axes else ("packages", second.package)
    hint = _next_step(spec, policy, first, second)
    return spec.document.problem(route, "\n".join(lines), hint, key=True)


def _target(spec: Spec, name: str, differing: Iterable[str]) -> str:
    """Return a target, its place, and its image's values of the differing variables."""
    provided = spec.targets[name].provides if name in spec.targets else {}
    values = ", ".join(f"{variable} {provided.get(variable) or 'absent'}" for variable in differing)
    place = spec.document.where(("targets", name), key=True)
    return f"{name}: {place} ({values})" if values else f"{name}: {place}"


def _differing(spec: Spec, first: Cell, second: Cell) -> list[str]:
    """Return the variables that the images of two cells provide with different values."""
    one, two = (
        spec.targets[cell.target].provides if cell.target in spec.targets else {}
        for cell in (first, second)
    )
    return sorted(name for name in {**one, **two} if one.get(name) != two.get(name))


def _next_step(spec: Spec, policy: Policy, first: Cell, second: Cell) -> str:
    """Return how two cells can get two names."""
    otherwise = "or build one of the two"
    labels = [] if spec.variant_labels else [_label(policy, cell) for cell in (first, second)]
    if len(set(labels)) == 2:
        both = " and ".join(label or "none" for label in labels)
        return f"no name has their labels, {both}: add variant_labels: true, {otherwise}"
    if differing := _differing(spec, first, second):
        variables = ", ".join(differing)
        return f"they differ in {variables}: let the policy put it into the name, {otherwise}"
    for name in (second.target, first.target):
        highest = highest_floor(spec, name)
        floor = spec.targets[name].floor if name in spec.targets else ""
        if highest and floor and highest != floor:
            return f"give {name} its own floor (its glibc allows up to {highest}), {otherwise}"
    return "build one of the two"


def _label(policy: Policy, cell: Cell) -> str:
    """Return the variant label that the policy has for a cell, in names or not."""
    values = {name: fact.value for name, fact in cell.facts.items()}
    channels = (channel for channel in policy.channels if channel.name == cell.channel)
    return next((template.join_parts(channel.label, values) for channel in channels), "")


def find_excluded_pythons(
    spec: Spec, cells: Iterable[Cell], required: Mapping[str, tuple[str, str]]
) -> list[Problem]:
    """Return a problem for each package with wheels for Pythons that its project does not allow.

    No installer would take them: the wheel has both the tag and that requires-python.
    """
    from truewheel.wheel.version_ranges import has_python  # most commands compare no ranges

    excluded: dict[str, dict[str, None]] = {}
    for cell in cells:
        python, abi = cell.tag.split("-")[:2]
        if cell.package in required and not has_python(required[cell.package][0], python, abi):
            excluded.setdefault(cell.package, {})[f"{python}-{abi}"] = None
    return [
        spec.document.problem(
            ("packages", package),
            f"{package} is built for {', '.join(tags)}, and {required[package][1]} says "
            f"requires-python {required[package][0]}: no installer takes those wheels",
            "leave these out of pythons, or exclude them, or widen requires-python",
            key=True,
        )
        for package, tags in excluded.items()
    ]


def find_long_names(spec: Spec, cells: Iterable[Cell]) -> list[Problem]:
    """Return a problem for file names that are longer than file systems allow."""
    long = [name for cell in cells for name in cell.names() if len(name) > NAME_LIMIT]
    if not long:
        return []
    count = f"{pluralize(len(long), 'file name')} {'have' if len(long) > 1 else 'has'}"
    message = f"{count} more than {NAME_LIMIT} characters, the first: {long[0][:60]}…"
    return [spec.document.problem(("naming",), message, TOO_LONG)]


def check_index(spec: Spec, name: str, cells: Sequence[Cell]) -> Index:
    """Return whether the index `name` accepts its copies, or the wheels when it gets no copies."""
    copies = [
        (copy.version, cell.tag, copy.wheel)
        for cell in cells
        for copy in cell.copies
        if copy.index == name
    ]
    index = spec.indexes[name]
    reasons: Counter[str] = Counter()
    for version, tag, wheel in copies or [(cell.version, cell.tag, cell.wheel) for cell in cells]:
        label = wheel.removesuffix(".whl").partition(f"{tag}-")[2]
        reasons.update(
            index_profiles.refusal_reasons(
                index.profile, version, tag, wheel.partition("-")[0], label
            )
        )
    return Index(
        name=name,
        profile=index.profile,
        active=bool(copies),
        refusals=dict(sorted(reasons.items())),
        max_size=index_profiles.size(index.max_size) if index.max_size else 0,
        url=index.url,
        simple=index.simple or index_profiles.simple_address(index.url),
        username=index.credentials.username,
        password=index.credentials.password,
        when=index.when,
        verdict=index.verdict,
    )


def find_index_problems(spec: Spec, verdicts: Iterable[Index]) -> list[Problem]:
    """Return a problem for every index that this pipeline publishes to and that refuses wheels."""
    return [
        spec.document.problem(
            ("indexes", verdict.name),
            f"the index {verdict.name} would refuse {pluralize(count, 'wheel')}: {reason}",
            f"{index_profiles.rule_source(reason)}; {NEXT_STEP}",
            key=True,
        )
        for verdict in verdicts
        if verdict.active
        for reason, count in verdict.refusals.items()
    ]


def check_floors(spec: Spec) -> list[Problem]:
    """Return a problem for every floor that is unknown, not auditable, or above the glibc."""
    problems = []
    for name, target in spec.targets.items():
        floor = target.floor
        if floor in {"", platform_tags.AUDITED} and not highest_floor(spec, name):
            hint = "add floor: manylinux_2_28, or the glibc of its image, such as glibc: '2.28'"
            if _c_library(spec, name) == "musl":
                hint = f"add floor: {MUSL_FLOOR}"
            problems.append(
                spec.document.problem(
                    ("targets", name), f"the target {name} has no floor", hint, key=True
                )
            )
        minor = platform_tags.floor_minor(LEGACY_FLOORS.get(floor, floor))
        problems += [
            spec.document.problem(("targets", name, "floor"), message, hint)
            for message, hint in _floor_faults(spec, name, minor)
        ]
    return problems


def highest_floor(spec: Spec, target: str) -> str:
    """Return the highest floor that a target's glibc allows, or "" when that is not known."""
    return (
        platform_tags.own_floor(target, spec.targets[target].glibc)
        if target in spec.targets
        else ""
    )


def _c_library(spec: Spec, name: str) -> str:
    target = spec.targets[name]
    return platform_tags.c_library(name, target.glibc, target.family, target.base)


def _floor_faults(spec: Spec, name: str, minor: int | None) -> Iterator[tuple[str, str]]:
    target, library = spec.targets[name], _c_library(spec, name)
    floor, glibc = target.floor, platform_tags.glibc_minor(name, target.glibc)
    if floor.startswith("musllinux") and library == "glibc":
        hint = (
            f"leave floor out or write manylinux_2_28 here, or build {floor} "
            f"in an image with musl, such as quay.io/pypa/{floor}_x86_64"
        )
        yield f"{floor} is for systems with musl, {name} has glibc", hint
    if floor.startswith("manylinux") and library == "musl":
        hint = f"write floor: {MUSL_FLOOR}, or build it in an image with glibc"
        yield f"{floor} is for systems with glibc, {name} has musl", hint
        return
    if minor is None:
        return
    if minor not in platform_tags.AUDITED_MINORS:
        minors = ", ".join(map(str, platform_tags.AUDITED_MINORS))
        yield f"{floor} cannot be audited", f"auditwheel knows manylinux_2_X for X in {minors}"
    elif glibc is not None and minor > glibc:
        hint = f"its glibc allows up to {highest_floor(spec, name)}"
        yield f"{floor} is above the glibc of {name}, 2.{glibc}", hint
    for arch in target.arches or spec.arches:
        if minor < (oldest := platform_tags.oldest_minor(arch)):
            yield (
                f"there is no {floor} for {arch}",
                f"the lowest floor for it is manylinux_2_{oldest}",
            )


def check_toolchains(spec: Spec) -> list[Problem]:
    """Return a problem for every target that its toolchain cannot compile on its runners."""
    problems = []
    for name, target in spec.targets.items():
        floor = target.floor or highest_floor(spec, name)
        for arch in target.arches or spec.arches:
            if target.toolchain == "zig" and not platform_tags.zig_target(
                LEGACY_FLOORS.get(floor, floor), arch
            ):
                message = f"zig cannot compile {name} for {floor or 'no floor'} on {arch}"
                oldest = f"manylinux_2_{platform_tags.ZIG_OLDEST_MINOR}"
                hint = f"zig: {oldest} and newer, {' and '.join(architectures.ZIG)}"
                problems.append(
                    spec.document.problem(("targets", name, "toolchain"), message, hint)
                )
            if target.runner not in {"", arch} and not target.toolchain:
                message = f"runners for {target.runner} cannot compile {name} for {arch}"
                hint = "add toolchain: zig, or remove runner"
                problems.append(spec.document.problem(("targets", name, "runner"), message, hint))
    return problems


def find_missing_wheels(spec: Spec, jobs: Iterable[Job]) -> list[Problem]:
    """Return a problem for every wheel that an image installs and no cell builds."""
    problems = []
    for job in jobs:
        if not job.image:
            continue
        built = {cell.partition("/")[0] for cell in job.cells}
        python = images.newest_python(spec, job.target)
        for stage, packages in images.stage_wheels(spec, job.target, job.image).items():
            for number, name in enumerate(packages):
                if name not in built:
                    route = ("targets", job.target, "container", "stages", stage, "wheels", number)
                    message = (
                        f"no wheel of {name} is built for {job.target} {job.arch}, Python {python}"
                    )
                    problems.append(
                        spec.document.problem(
                            route, message, "build it there, or remove it from the stage"
                        )
                    )
    return problems


def find_text_sorted(spec: Spec, cells: Iterable[Cell]) -> list[Problem]:
    """Return a warning for local versions or labels that sort as text: cu1210 before cu129."""
    ends = {(cell.package, cell.version.partition("+")[2]) for cell in cells}
    if spec.variant_labels:
        ends |= {
            (cell.package, cell.wheel.removesuffix(".whl").partition(f"{cell.tag}-")[2])
            for cell in cells
        }
    numbers: dict[tuple[str, str], set[str]] = {}
    for package, end in sorted(ends):
        for part in end.split("."):
            stem = part.rstrip("0123456789")
            if stem and stem != part:
                numbers.setdefault((package, stem), set()).add(part[len(stem) :])
    problems = []
    for (package, stem), parts in numbers.items():
        by_text, by_number = sorted(parts), sorted(parts, key=int)
        if by_text != by_number:
            order = " < ".join(stem + number for number in by_text)
            message = f"{package}: installers compare {stem} parts as text, so that {order}"
            hint = "they do not prefer the higher one: write numbers of equal length ({fact:04})"
            problems.append(Problem(spec.document.where(("naming",)), message, hint, "warning"))
    return problems
