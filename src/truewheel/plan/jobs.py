"""The jobs of a pipeline: which an event has, what they run, and what they wait for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from truewheel.errors import Exit
from truewheel.plan.events import BUT_MERGE_REQUESTS
from truewheel.plan.images import newest_python
from truewheel.plan.images import stage_wheels as wheels_within
from truewheel.plan.matrix import ANY, PURE, has_abi, interpreter_tag, minor
from truewheel.plan.model import (
    ARCH,
    CELL,
    SELECTION,
    STAGE,
    TARGET,
    Cell,
    Index,
    Job,
    JobKind,
    JobTraits,
    Package,
    cell_file,
    in_batches,
)
from truewheel.spec.model import Spec

PLAN_FILE = "plan.json"
NAMES_FILE = "names.md"
KEY_FILE = "truewheel.key"
REPORTS = "dist/evidence/*.xml"
DIGEST_FILE = "container.env"
"""What a container job tells the jobs after it: the digest of its image, as NAME=VALUE."""
SCRIPTS = {
    "container": "build_container.py",
    "compile": "compile_wheel.py",
    "repair": "repair_wheel.py",
    "validate": "validate_wheels.py",
    "test": "test_wheel.py",
}

WHEELS = "dist/*.whl"
"""The wheels that a wheel job keeps: where an audit finds the platform, no name is known before."""
VERDICTS = "dist/verdicts/"
"""The folder of what test jobs say of wheels, one file for each cell and Python."""
MOST_NEEDS = 50
"""Jobs that a test job may need: what the strictest forge allows. GitLab's YAML reference, `needs`.

Above that there is one for each Python, or several.
"""
NO_FLOOR = 1000
"""Stands above the glibc of all targets for one whose wheels promise none."""
LONGEST_MINUTES = 360
"""Minutes that GitHub's own runners allow."""
NOT_POSTED = (int(Exit.REMOTE_FAILED), int(Exit.REMOTE_UNREACHABLE))
"""Exit codes that are about the forge: a merge request does not wait for a note on it."""


def records(job: Job) -> list[str]:
    """Return patterns of the records that a wheel or test job keeps: of its own cells alone.

    What a job leaves in the folder under the name of another cell's record must not reach the
    proof: by its own record alone `prove` knows a wheel that another job has put there. A test job
    keeps verdicts and nothing else.
    """
    if job.kind != "test":
        return [f"dist/evidence/{cell_file(cell)}.*" for cell in job.cells]
    return [f"{VERDICTS}{cell_file(cell)}.{job.python or '*'}.json" for cell in job.cells]


def selection(job: Job) -> tuple[str, ...]:
    """Return the flags that say what a test job loads, and on which Python, if it is but one."""
    if covers_place(job):
        return ("--target", job.target, "--arch", job.arch)
    python = ("--python", job.python) if job.python else ()
    return ("--cell", ",".join(job.cells), *python)


def covers_place(job: Job) -> bool:
    """Return whether a test job is the only one of its target and architecture."""
    return job.name == _test_name(job.target, job.arch)


def _test_name(target: str, arch: str) -> str:
    return f"test:{target}:{arch}"


def tool(spec: Spec) -> tuple[str, ...]:
    """Return the program that jobs run."""
    return ("python", "gen_ci.py") if spec.scripts else ("truewheel",)


def make_kinds(
    spec: Spec,
    *,
    plans_by_history: bool = False,
    builds_by_history: bool = False,
    plans_by_submodules: bool = False,
) -> dict[str, JobKind]:
    """Return the kinds of jobs that pipelines of this spec can have, by the order of stages.

    The flags say whether names of wheels, and builds of packages, depend on all commits and tags,
    and whether files that the spec names lie in submodules.
    """
    of_builds = str(spec.submodules).lower() if spec.submodules else ""
    of_files = of_builds if plans_by_submodules else ""
    program = tool(spec)
    step = {
        verb: ("python", f"{spec.scripts.rstrip('/')}/{script}")
        if spec.scripts
        else ("truewheel", verb)
        for verb, script in SCRIPTS.items()
    }
    cell, place, shared = (
        ("--cell", CELL),
        ("--target", TARGET, "--arch", ARCH),
        ("--if-missing", "--push"),
    )
    result = [
        JobKind(
            name="plan",
            stage="plan",
            commands=((*program, "check"), (*program, "plan", "--output", PLAN_FILE)),
            artifacts=(PLAN_FILE,),
            traits=JobTraits(
                take_variables=True,
                # The commit that a merge request branched off may be far back.
                read_history=plans_by_history or spec.merge_requests.changed_only,
                submodules=of_files,
                compare=spec.merge_requests.changed_only,
            ),
        ),
        JobKind(
            name="container",
            stage="container",
            commands=((*step["container"], *place, *shared, "--digest-file", DIGEST_FILE),),
            traits=JobTraits(
                timeout=120,
                machine="builder",
                build_images=True,
                digest_file=DIGEST_FILE,
                submodules=of_files,
            ),
        ),
        JobKind(
            name="wheel",
            stage="wheel",
            commands=(
                (*step["compile"], *cell),
                (*step["repair"], *cell),
                (*step["validate"], *cell, "--report"),
            ),
            artifacts=("dist/",),
            report=REPORTS,
            traits=JobTraits(
                timeout=LONGEST_MINUTES,
                machine="builder",
                image="builder",
                wheels="make",
                read_history=builds_by_history,
                submodules=of_builds,
            ),
        ),
        JobKind(
            name="test",
            stage="test",
            commands=((*step["test"], SELECTION),),
            artifacts=(VERDICTS,),
            traits=JobTraits(
                timeout=60, machine="test", image="test", wheels="load", submodules=of_files
            ),
        ),
        JobKind(
            name="prove",
            stage="prove",
            commands=((*program, "prove", "dist", "--plan", PLAN_FILE),),
            artifacts=("dist/",),
            traits=JobTraits(timeout=60, wheels="prove", summary="dist/SHA256SUMS"),
        ),
        JobKind(
            name="image",
            stage="image",
            commands=((*step["container"], *place, "--stage", STAGE, *shared),),
            events=BUT_MERGE_REQUESTS,
            traits=JobTraits(
                timeout=120,
                machine="target",
                build_images=True,
                wheels="use",
                submodules=of_files,
            ),
        ),
        JobKind(
            name="publish",
            stage="publish",
            # Each forge has its own: no Truewheel is installed where the rights to publish are.
            commands=(),
            events=("tag",),
            is_protected=True,
            exclusive="publish",
            traits=JobTraits(timeout=90, machine="hosted"),
        ),
        *_review_kinds(program, of_files),
    ]
    return {kind.name: kind for kind in result}


def _review_kinds(program: tuple[str, ...], submodules: str) -> list[JobKind]:
    """Return the kinds of jobs that only describe a change.

    They start at once, and no job waits for their stage.
    """
    return [
        JobKind(
            name="names",
            stage="review",
            commands=((*program, "note", "--output", NAMES_FILE),),
            artifacts=(NAMES_FILE,),
            events=("mr",),
            traits=JobTraits(
                take_variables=True,
                read_history=True,
                submodules=submodules,
                compare=True,
                read_runs=True,
                request="write",
                allowed_exit_codes=NOT_POSTED,
                summary=NAMES_FILE,
            ),
        ),
        JobKind(
            name="title",
            stage="review",
            commands=((*program, "title"),),
            events=("mr",),
            traits=JobTraits(request="read"),
        ),
    ]


def make_jobs(
    spec: Spec,
    cells: Iterable[Cell],
    packages: Mapping[str, Package],
    indexes: Iterable[Index],
    images: Iterable[str],
    named: Collection[str] = (),
) -> list[Job]:
    """Return the jobs of all events.

    `images` are the `target/arch` that have a builder image, `named` the ids of cells that no job
    loads.
    """
    cells, images = tuple(cells), tuple(images)
    builders = {place: "container:" + place.replace("/", ":") for place in images}
    wheels = list(_wheel_jobs(cells, packages, builders))
    return [
        Job(name="plan", kind="plan", needs=()),
        *(_container_job(place, name) for place, name in builders.items()),
        *wheels,
        *_test_jobs(spec, [cell for cell in cells if cell.id not in named], wheels, builders),
        Job(name="prove", kind="prove"),
        *(job for place in images for job in _image_jobs(spec, cells, place)),
        *(
            Job(
                name=f"publish:{index.name}",
                kind="publish",
                index_name=index.name,
                needs=("prove",),
            )
            for index in indexes
            if index.url
        ),
        *_review_jobs(spec),
    ]


def _container_job(place: str, name: str) -> Job:
    target, arch = place.split("/")
    return Job(name=name, kind="container", target=target, arch=arch, needs=())


def _wheel_jobs(
    cells: Iterable[Cell], packages: Mapping[str, Package], builders: Mapping[str, str]
) -> Iterator[Job]:
    for batch_id, batch in in_batches(cells, packages).items():
        first = batch[0]
        builder = builders.get(f"{first.target}/{first.arch}")
        yield Job(
            name="wheel:" + batch_id.replace("/", ":"),
            kind="wheel",
            cells=tuple(cell.id for cell in batch),
            target=first.target,
            arch=first.arch,
            needs=("plan", builder) if builder else ("plan",),
        )


def _test_jobs(
    spec: Spec, cells: Iterable[Cell], wheels: Iterable[Job], builders: Mapping[str, str]
) -> Iterator[Job]:
    """Yield the jobs that install and load wheels: one for each target and architecture.

    It needs the jobs of all its wheels, and of others that these may require: pure ones, or for
    those the ones of a target that fits.
    """
    makers = {cell: job.name for job in wheels for cell in job.cells}
    places: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        places.setdefault((cell.target, cell.arch), []).append(cell)
    pure = places.get((ANY, ANY), [])
    for place, members in places.items():
        first = _test_image(spec, place, builders)
        beside = _beside_pure(places) if place == (ANY, ANY) else pure
        others = _others(spec, beside, makers, MOST_NEEDS - len(first), len(members))
        for end, part in _parts(spec, members, makers, MOST_NEEDS - len(first) - len(others)):
            python = end.partition(":")[0]
            yield Job(
                name=":".join(filter(None, [_test_name(*place), end])),
                kind="test",
                cells=tuple(cell.id for cell in part),
                target=place[0],
                arch=place[1],
                python="" if python == PURE else python,
                needs=tuple(dict.fromkeys([*first, *others, *_makers(part, makers)])),
            )


def _others(
    spec: Spec, cells: Sequence[Cell], makers: Mapping[str, str], most: int, own: int
) -> tuple[str, ...]:
    """Return the jobs of wheels that those of a place may require, of at most so many jobs.

    If they are too many beside its `own`, they are those for one Python, that of jobs without an
    image; or none.
    """
    python = interpreter_tag(spec.hosted_python)
    for candidates in (cells, [cell for cell in cells if python in _pythons(spec, cell)]):
        others = _makers(candidates, makers)
        if len(others) + own <= most or len(others) < most // 2:
            return others
    return ()


def _beside_pure(places: Mapping[tuple[str, str], list[Cell]]) -> list[Cell]:
    """Return the cells of the place whose wheels the tests of pure ones can install.

    They run on x86_64, on a system of today: of the targets for glibc, that with the oldest.
    """
    fits = [
        cells
        for (_, arch), cells in places.items()
        if arch == "x86_64" and "-musllinux" not in cells[0].tag
    ]
    return min(fits, key=lambda cells: _glibc(cells[0].tag), default=[])


def _glibc(tag: str) -> int:
    """Return the minor version of the glibc of a tag; the oldest one has the older names."""
    minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)", tag)]
    return min(minors, default=0 if "-manylinux" in tag else NO_FLOOR)


def _makers(cells: Iterable[Cell], makers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the jobs that make the wheels of cells, each of them once."""
    return tuple(dict.fromkeys(makers[cell.id] for cell in cells))


def _test_image(spec: Spec, place: tuple[str, str], builders: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a test job needs before wheels: the plan, and the job that makes its image."""
    name, arch = place
    target, builder = spec.targets.get(name), builders.get(f"{name}/{arch}")
    is_inside = builder and target and not target.test_image and target.runner in {"", arch}
    return ("plan", builder) if builder and is_inside else ("plan",)


def _parts(
    spec: Spec, cells: Sequence[Cell], makers: Mapping[str, str], most: int
) -> Iterator[tuple[str, list[Cell]]]:
    """Yield the cells of each test job of a place with the end of its name, "" for a single job.

    If more than `most` jobs make their wheels, a job has one Python; a wheel for several Pythons
    is loaded on each.
    """
    if len(_makers(cells, makers)) <= most:
        yield "", list(cells)
        return
    pythons: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        for python in _pythons(spec, cell):
            pythons.setdefault(python, {}).setdefault(makers[cell.id], []).append(cell)
    for python, by_maker in pythons.items():
        lots = list(by_maker.values())
        for number, start in enumerate(range(0, len(lots), most), 1):
            part = [cell for lot in lots[start : start + most] for cell in lot]
            yield f"{python}:{number}" if number > 1 else python, part


def _pythons(spec: Spec, cell: Cell) -> list[str]:
    """Return the interpreters that a cell's wheel is for, lowest first."""
    target = spec.targets.get(cell.target)
    abi = spec.packages[cell.package].abi
    if cell.target == ANY or target is None or abi == "cpython":
        return [cell.python]
    tags = [interpreter_tag(python) for python in target.pythons or spec.pythons]
    fits = [tag for tag in tags if has_abi(tag, abi) and minor(tag) >= minor(cell.python)]
    return sorted({cell.python, *fits}, key=lambda tag: (minor(tag), tag))


def _image_jobs(spec: Spec, cells: Iterable[Cell], place: str) -> Iterator[Job]:
    """Yield the jobs of a target and architecture that make images of proven wheels."""
    target, arch = place.split("/")
    for name, stage in spec.targets[target].container.stages.items():
        if stage.wheels:
            yield Job(
                name=image_job(target, arch, name),
                kind="image",
                cells=tuple(cell.id for cell in _members(spec, cells, target, arch, name)),
                target=target,
                arch=arch,
                image=name,
                needs=("plan", "prove"),
            )


def image_job(target: str, arch: str, stage: str) -> str:
    """Return the name of the job that makes an image of proven wheels."""
    return f"image:{stage}:{target}:{arch}"


def _members(
    spec: Spec, cells: Iterable[Cell], target: str, arch: str, stage: str
) -> Iterator[Cell]:
    """Yield the cells whose wheels a stage installs: for the interpreter of its environment."""
    packages = {name for names in wheels_within(spec, target, stage).values() for name in names}
    python = interpreter_tag(newest_python(spec, target))
    for cell in cells:
        if cell.package in packages:
            is_here = (cell.target, cell.arch) == (target, arch) and python in _pythons(spec, cell)
            if is_here or cell.target == ANY:
                yield cell


def _review_jobs(spec: Spec) -> Iterator[Job]:
    yield Job(name="names", kind="names", needs=())
    if spec.merge_requests.types:
        yield Job(name="title", kind="title", needs=())


def select_by_event(
    jobs: Iterable[Job], kinds: Mapping[str, JobKind], event: str
) -> tuple[Job, ...]:
    """Return the jobs that pipelines of an event have; "" stands for every event."""
    return tuple(
        job
        for job in jobs
        if not (event and kinds[job.kind].events) or event in kinds[job.kind].events
    )
