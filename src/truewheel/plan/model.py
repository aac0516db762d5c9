"""What a plan says: the one record that every job, forge and local run reads.

`plan.json` is this model as a file (`plan_file`). Jobs do not read the spec again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from truewheel.errors import Problem

CELL = "{cell}"
TARGET = "{target}"
ARCH = "{arch}"
SELECTION = "{selection}"
STAGE = "{stage}"
"""In the commands of a job kind, these stand for what a job has.

`CELL` is the ids of its cells, joined by commas; `SELECTION` the flags that say what a test job
loads: see `jobs.selection`.
"""


LISTS = "publish"
"""Folder, in that of the proven wheels, of the lists of what each index is to get."""
QUALITY = "gl-code-quality-report.json"
"""File with the findings of a wheel job, as GitLab shows them: it takes one from each job."""


def cell_file(cell_id: str) -> str:
    """Return what files and folders of a cell are called, without a suffix."""
    return cell_id.replace("/", "__")


def digest_variable(target: str, arch: str) -> str:
    """Return the variable with the digest of an image, from its container job to those in it."""
    return "TRUEWHEEL_DIGEST_" + re.sub(r"[^A-Za-z0-9]", "_", f"{target}_{arch}").upper()


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package as its jobs see it. Paths are relative to the folder of the spec.

    `path` is the folder of its sources. `build` names the command build that makes it; "" for its
    own PEP 517 backend. `inject` says how the composed version gets into the build: "file" (written
    into `version_file`; at the group of `version_match`, unless that is ""), "pyproject"
    (`[project] version`), "env:NAME" (an environment variable of the build backend) or "wheel" (the
    built wheel is rewritten). `exclude` are patterns of libraries that stay outside the wheel,
    `graft` of device libraries that may come in; `max_size` is in bytes, 0 for no limit. `secrets`
    are the names of variables with credentials that its backend and its smoke test get. `load_skip`
    are modules that are not imported when the wheel is tried.
    """

    name: str
    path: str
    version_file: str = ""
    version_match: str = ""
    inject: str = "pyproject"
    abi: str = "cpython"
    smoke: str = ""
    build: str = ""
    exclude: tuple[str, ...] = ()
    graft: tuple[str, ...] = ()
    max_size: int = 0
    secrets: tuple[str, ...] = ()
    load_skip: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Build:
    """A command that makes the wheels of packages.

    It has an argument list, Python requirements, and a glob for the wheel of each package.

    `secrets` are the names of variables with credentials that it gets.
    """

    name: str
    command: tuple[str, ...]
    requires: tuple[str, ...]
    wheels: Mapping[str, str]
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """A distro image family as its jobs see it.

    `floor` is a platform without arch (PEP 600, 656), linux or audited.

    `toolchain` is "zig" or "", the image's own; `runner` the architecture of its runners, or "" for
    that of the cell.
    """

    name: str
    floor: str
    family: str = ""
    base: str = ""
    test_image: str = ""
    provides: Mapping[str, str] = field(default_factory=dict)
    toolchain: str = ""
    runner: str = ""


class JobTraits(NamedTuple):
    """What jobs of a kind need from a forge, so that no emitter decides it by the kind's name.

    `timeout` is in minutes. `machine` says which runners take them: "tool" (those for jobs that
    compile nothing), "builder" (those that compile for a target, maybe of another architecture),
    "test" (those that load wheels), "target" (those of the target's architecture) or "hosted" (the
    forge's own, where it has such; else as "tool"). `image` is the image of the target that they
    run in, "builder" or "test"; "" for none of these.

    They `build_images` with a container engine and may push them. `digest_file` is the file in
    which they tell later jobs the digest of a builder image. `wheels` says what they do with
    wheels: "make", "load" or "use" those of their cells, "prove" all, or "".

    They `take_variables` of the pipeline, `read_history` of git, check out `submodules` ("true",
    "recursive" or ""), `compare` a merge request with what it branched off, or `read_runs` (how
    long earlier jobs took). `request` is their access to the merge request: "read", "write" to post
    a note, or "". With one of `allowed_exit_codes` they
    fail, and the pipeline does not. `summary` is a file that they write, shown beside the job.
    """

    timeout: int = 15
    machine: str = "tool"
    image: str = ""
    build_images: bool = False
    digest_file: str = ""
    wheels: str = ""
    take_variables: bool = False
    read_history: bool = False
    submodules: str = ""
    compare: bool = False
    read_runs: bool = False
    request: str = ""
    allowed_exit_codes: tuple[int, ...] = ()
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What all jobs of one kind share.

    In the argv tuples `commands`, `CELL` and its like stand for what a job has.

    Pipelines have them for `events`, or for all if there are none; if `is_protected`, only for
    protected refs. Of jobs of kinds with the same `exclusive`, only one runs at a time, in all
    pipelines, and none is cancelled for a newer one. `traits` are for emitters, and not part of
    plan.json: no job reads them, and earlier releases can read the file.
    """

    name: str
    stage: str
    commands: tuple[tuple[str, ...], ...]
    artifacts: tuple[str, ...] = ()
    report: str = ""
    events: tuple[str, ...] = ()
    is_protected: bool = False
    exclusive: str = ""
    traits: JobTraits = field(default=JobTraits(), compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A named value of a policy.

    `value` is None when no source had one; `skipped` are sources, each with the reason.
    """

    value: str | None
    source: str = ""
    origin: str = ""
    raw: str = ""
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A further file name of one built wheel, for one index, by a channel of the policy."""

    index: str
    channel: str = ""
    version: str
    wheel: str


class Cell(NamedTuple):
    """One wheel to be built: package x target x arch x python.

    `python` is the interpreter's tag (`cp312`, `cp313t`; `py3` for a pure package), `builder` the
    tag of the interpreter that compiles it, `tag` the full compatibility tag, `build` the PEP 427
    build tag or "". `platforms` are the platform tags, lowest floor first, one of which auditwheel
    will find (floor: audited); until then the names are those of the last. They are empty for a
    cell whose platform is decided.
    """

    id: str
    package: str
    target: str
    arch: str
    python: str
    builder: str
    channel: str
    version: str
    build: str
    tag: str
    wheel: str
    facts: Mapping[str, Fact]
    copies: tuple[Copy, ...] = ()
    platforms: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Return the wheel's file name and those of its copies."""
        return (self.wheel, *(copy.wheel for copy in self.copies))

    def copied(self, copy: Copy) -> "Cell":
        """Return the cell under the name of one of its copies."""
        parts = copy.wheel.partition(f"-{self.tag}")[0].split("-")
        return self._replace(
            channel=copy.channel or self.channel,
            version=copy.version,
            build="".join(parts[2:]),
            wheel=copy.wheel,
            copies=(),
        )

    def possible(self) -> "Iterator[Cell]":
        """Yield the cell on each platform that it may get, the lowest floor first."""
        if not self.platforms:
            yield self
        for platform in self.platforms:
            yield self.settled(platform)

    def settled(self, platform: str) -> "Cell":
        """Return the cell under its name for one of its platforms."""
        old = self.tag.rpartition("-")[2]
        return self._replace(
            tag=f"{self.tag.removesuffix(old)}{platform}",
            wheel=_moved(self.wheel, old, platform),
            copies=tuple(
                replace(copy, wheel=_moved(copy.wheel, old, platform)) for copy in self.copies
            ),
            platforms=(),
        )


def _moved(wheel: str, old: str, new: str) -> str:
    """Return a wheel's file name for another platform."""
    parts = wheel.removesuffix(".whl").split("-")
    return "-".join(new if part == old else part for part in parts) + ".whl"


class Job(NamedTuple):
    """One job of the pipeline. `cells` are ids.

    `needs` are job names, and None waits for all earlier stages.

    `python` is the only interpreter on which a test job loads its cells; "" stands for all that it
    has, and for all cells of its target and architecture. `image` is the stage of the target's
    image that the job makes of the proven wheels of its cells.
    """

    name: str
    kind: str
    cells: tuple[str, ...] = ()
    target: str = ""
    arch: str = ""
    python: str = ""
    index_name: str = ""
    image: str = ""
    needs: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        """`<target>-<arch>` of a job; "" for one that comes before or after all of these."""
        return f"{self.target}-{self.arch}" if self.target and not self.image else ""


@dataclass(frozen=True, kw_only=True)
class Index:
    """Whether an index accepts the names of the plan.

    `active` when this pipeline would publish to it, which is when all of `when` holds. `refusals`
    are numbers of wheels by reason. `max_size` is the most bytes that it takes for a file; 0 is
    the limit of its profile. `url` takes uploads ("" for an index that nothing is published to),
    `simple` lists what is there; `username` and `password` are names of variables. `verdict` is
    what a wheel must be proven to be before it is published there: loaded, or named.
    """

    name: str
    profile: str
    active: bool
    refusals: Mapping[str, int]
    max_size: int = 0
    url: str = ""
    simple: str = ""
    username: str = ""
    password: str = ""
    when: Mapping[str, str] = field(default_factory=dict)
    verdict: str = "loaded"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive of the wheels of a target and architecture; `cells` are ids."""

    name: str
    target: str
    arch: str
    file: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable's value in this pipeline; `origin` is `-v`, `environment` or `default`."""

    value: str
    origin: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All cells, jobs and expected wheel names of one pipeline.

    `policy` is the policy's own data, `images` the builder images by `<target>/<arch>`,
    `registry_login` the variables that hold the user name and the password for their registry.
    `submodules` is what the spec says of git's: "true", "recursive", "false", or "" for nothing.
    `left_out` are the ids of cells whose package a merge request does not change: their jobs, if
    the pipeline has them, do nothing. `named` are the ids of cells that no runner can load, so that
    none of its jobs does.
    """

    generator: str
    project: str
    spec: str
    event: str
    local: bool
    packages: Mapping[str, Package]
    targets: Mapping[str, Target]
    kinds: Mapping[str, JobKind]
    cells: tuple[Cell, ...]
    jobs: tuple[Job, ...]
    variables: Mapping[str, Variable]
    policy: Mapping[str, Any]
    builds: Mapping[str, Build] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    registry_login: Mapping[str, str] = field(default_factory=dict)
    compiler_cache: str = ""
    submodules: str = ""
    indexes: tuple[Index, ...] = ()
    archives: tuple[Archive, ...] = ()
    left_out: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def cell(self, cell_id: str) -> Cell | None:
        """Return the cell with this id."""
        return next((cell for cell in self.cells if cell.id == cell_id), None)

    def image(self, target: str, arch: str) -> str:
        """Return the image for a target's wheel jobs: its builder, else its base, or ""."""
        return self.images.get(f"{target}/{arch}") or self.targets[target].base

    def test_image(self, target: str, arch: str) -> str:
        """Return the image for a target's test jobs: its test image, else that of wheel jobs.

        A builder image for runners of another architecture cannot run tests: the base is used.
        """
        place = self.targets[target]
        if place.test_image:
            return place.test_image
        return self.image(target, arch) if place.runner in {"", arch} else place.base

    def builder(self, job: Job) -> str:
        """Return the builder image that a job runs in, "" if it runs in another or in none."""
        builder = self.images.get(f"{job.target}/{job.arch}", "")
        images = {"builder": self.image, "test": self.test_image}
        image_of = images.get(self.kinds[job.kind].traits.image)
        return builder if image_of and builder == image_of(job.target, job.arch) else ""

    def batches(self, cells: Iterable[Cell]) -> dict[str, tuple[Cell, ...]]:
        """Return cells in batches, each of which one job compiles, by the id of the batch."""
        return in_batches(cells, self.packages)


def in_batches(
    cells: Iterable[Cell], packages: Mapping[str, Package]
) -> dict[str, tuple[Cell, ...]]:
    """Return the cells in batches, each of which one job compiles, by the id of the batch.

    That is the id of its only cell or, for cells that one command makes, an id with the name of
    the build in place of the package.
    """
    batches: dict[str, list[Cell]] = {}
    for cell in cells:
        package, _, place = cell.id.partition("/")
        batches.setdefault(f"{packages[cell.package].build or package}/{place}", []).append(cell)
    return {name: tuple(batch) for name, batch in batches.items()}
