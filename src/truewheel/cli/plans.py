"""The plan that a command works with: read from a file, or made from the spec."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from truewheel.cli.terminal import say
from truewheel.errors import Exit, Problem, Stop, Where, stop, suggest
from truewheel.forges import FORGES
from truewheel.plan import events, matrix, planner
from truewheel.plan.matrix import Host
from truewheel.plan.model import Cell, Plan
from truewheel.spec.model import Spec
from truewheel.system import files
from truewheel.workspace import loading
from truewheel.workspace.loading import GENERATOR, Workspace

JOB_MARKS = (
    "CI",
    "TF_BUILD",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "CODEBUILD_BUILD_ID",
)
"""Variables of which a CI system sets at least one in its jobs, beside those of the forges."""


def is_job(environment: Mapping[str, str]) -> bool:
    """Return whether this is a job of a CI: other jobs may have written into its folders."""
    unset = {"", "0", "false"}
    names = [*JOB_MARKS, *(kind.job_variable for kind in FORGES.values())]
    return any(environment.get(name, "").strip().lower() not in unset for name in names)


def read_plan(given: str | None, folder: Path, environment: Mapping[str, str]) -> tuple[Plan, Path]:
    """Return the plan for the wheels of a folder, and its path: see `loading.read_plan`.

    Raises `Stop` (exit 4) in a job whose folder is a link: its files would be written elsewhere.
    """
    in_job = is_job(environment)
    if in_job and not folder.is_absolute() and (link := files.link_to(Path(), folder.as_posix())):
        raise stop(
            str(link), "is a link, where a folder belongs", "look which job has left it", Exit.WHEEL
        )
    return loading.read_plan(given, folder, in_job=in_job)


def select_planned(plan: Plan, cell_ids: str, path: Path) -> tuple[Cell, ...]:
    """Return cells of a written plan by their ids, which are separated by commas.

    Raises `Stop` (exit 2) when the plan does not have one of them.
    """
    return tuple(
        _planned_cell(plan, cell_id, path) for cell_id in dict.fromkeys(cell_ids.split(","))
    )


def _planned_cell(plan: Plan, cell_id: str, path: Path) -> Cell:
    cell = plan.cell(cell_id)
    if cell_id in plan.left_out:
        message = "nothing to do: the merge request does not change this package"
        raise Stop([Problem(Where(cell_id), message)], Exit.OK)
    if cell is None:
        hint = suggest(cell_id, [cell.id for cell in plan.cells], cutoff=0.3)
        raise stop(str(path), f"no cell {cell_id!r} in this plan", hint)
    return cell


def policy_options(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the options that a policy may read."""
    release_version = arguments.release_version
    return {} if release_version is None else {"release-version": release_version}


def load_workspace(arguments: argparse.Namespace) -> Workspace:
    """Return the workspace that the arguments name."""
    return loading.load(arguments.spec, Path.cwd())


def make_plan(
    arguments: argparse.Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    *,
    event: str = "push",
    on: Host | None = None,
    changed: frozenset[str] | None = None,
    is_proposal: bool = False,
) -> Plan:
    """Return the plan for the spec's targets, or for the machine `on`.

    `changed` are the packages whose cells are planned (None: all). A plan of a proposal is not
    refused for what git cannot say here: its names are examples.
    """
    from truewheel.workspace import git  # most commands start no programs

    reader = git.FactReader(space.root, environment)
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        pythons=space.required_pythons(),
        submodules=space.submodules,
        event=event,
        overrides=dict(arguments.variables),
        environment=environment,
        options=policy_options(arguments),
        host=on,
        read_file=_file_reader(space, is_host=on is not None),
        vcs=reader,
        find_vcs_fault=None if is_proposal else reader.find_fault,
        images=space.images(),
        changed=changed,
    )
    return planner.plan(space.spec, space.policy, request)


def find_unnamed_submodules(space: Workspace) -> list[Problem]:
    """Return the warning that the project has submodules, and the spec says nothing of them."""
    folders = space.submodules
    if not folders or space.spec.submodule_choice:
        return []
    named = ", ".join(folders[:3]) + (", …" if len(folders) > 3 else "")
    message = f"the project has git submodules ({named}), and jobs check out none"
    hint = "add the key submodules: true (or recursive); false, if no wheel is built from them"
    return [Problem(space.spec.document.where(), message, hint, "warning")]


def _file_reader(space: Workspace, *, is_host: bool) -> Callable[[str], str | None]:
    """Return the function that reads files for facts.

    It reads files below the spec's folder; for this machine also absolute paths.
    """

    def read(path: str) -> str | None:
        if path.startswith("/"):
            return loading.read_text(Path(path)) if is_host else None
        return space.text(path)

    return read


def find_merge_base(environment: Mapping[str, str]) -> str:
    """Return the git revision where this pipeline's merge or pull request began, or ""."""
    bases = (kind.job(environment).merge_base() for kind in FORGES.values())
    return next(filter(None, bases), "")


def find_event(environment: Mapping[str, str]) -> str:
    """Return the event of this pipeline, from the variables of the forge."""
    jobs = [kind.job(environment) for kind in FORGES.values()]
    source = next(filter(None, (job.source() for job in jobs)), "")
    return events.name_of(source, is_tag=any(job.is_of_tag() for job in jobs))


def detect_machine(spec: Spec, environment: Mapping[str, str]) -> matrix.Host:
    """Return this machine as a target, and print a warning where it lacks something."""
    from truewheel.workspace import host  # looks at interpreters, which most commands do not

    machine, warning = host.detect_host(matrix.wanted_pythons(spec), environment)
    if warning:
        say(f"warning: {warning}")
    return machine


def select_cells(plan: Plan, glob: str | None) -> Plan:
    """Return the plan with only the cells whose id matches, and their jobs.

    Raises `Stop` (exit 2) when no cell matches.
    """
    if glob is None:
        return plan
    cells = tuple(cell for cell in plan.cells if fnmatchcase(cell.id, glob))
    if not cells:
        hint = f"cells look like {plan.cells[0].id}" if plan.cells else "the plan has no cells"
        raise stop("--cell", f"no cell matches {glob!r}", hint)
    ids = {cell.id for cell in cells}
    jobs = (
        job._replace(cells=tuple(cell for cell in job.cells if cell in ids)) for job in plan.jobs
    )
    return replace(
        plan,
        cells=cells,
        jobs=tuple(job for job, whole in zip(jobs, plan.jobs) if job.cells or not whole.cells),
        archives=tuple(archive for archive in plan.archives if ids.issuperset(archive.cells)),
    )
