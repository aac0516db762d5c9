"""The pipeline files of a spec, as generate, check, init, plan and note work with them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence

from truewheel.cli.arguments import add_json, add_spec
from truewheel.cli.plans import find_unnamed_submodules, load_workspace
from truewheel.cli.problems import refuse
from truewheel.errors import Problem, select_errors, stop
from truewheel.forges import FORGES, pipelines, tool_script
from truewheel.forges.pipelines import Generated
from truewheel.plan import planner
from truewheel.spec.forges import forge_of
from truewheel.workspace import generated_files, tool_file
from truewheel.workspace.generated_files import Drift
from truewheel.workspace.loading import GENERATOR, Workspace


def add_file_arguments(parser: ArgumentParser) -> None:
    """Add --spec, --forge and --json."""
    add_spec(parser)
    parser.add_argument(
        "--forge",
        metavar="F[,F]",
        type=_forges,
        help=f"only the files of these: {', '.join(FORGES)} (default: all of the spec)",
    )
    add_json(parser)


def _forges(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(FORGES):
        raise ArgumentTypeError(f"{text!r}: known are {', '.join(FORGES)}")
    return names


def generate_chosen(arguments: Namespace) -> tuple[Workspace, Generated]:
    """Return the workspace, and the files of the forges that the arguments choose.

    Raises `Stop` (exit 2) when the plan is refused, the spec has no such forge, or the wheel of
    `tool` is not there.
    """
    space = load_workspace(arguments)
    _check_forges(arguments, space)
    others = [*_missing_tool(space), *tool_file.problems(space)]
    others += find_unnamed_submodules(space)
    return space, choose_files(arguments, generate_files(space, others))


def _missing_tool(space: Workspace) -> Iterator[Problem]:
    """Yield a warning where no key of the spec brings Truewheel into the jobs."""
    spec = space.spec
    if spec.tool.form or spec.setup or spec.scripts:
        return
    from truewheel.init import tool_origin  # only to say what to add

    hint = tool_origin.copy_hint(tool_origin.running(space.lock.truewheel))
    message = (
        "the jobs of this spec install no Truewheel: they end with `truewheel: not found` in images"
        " that lack it (no tool, no setup, no scripts)"
    )
    # No error: an image can have it, and the files can be read before the spec is complete.
    hint = f"{hint}; or a line that installs it to setup"
    yield Problem(spec.document.where(), message, hint, severity="warning")


def choose_files(arguments: Namespace, files: Generated) -> Generated:
    """Return the files of the forges that the arguments choose."""
    texts = {path: text for path, text in files.texts.items() if _is_chosen(arguments, files, path)}
    return files._replace(texts=texts)


def generate_files(
    space: Workspace, others: Sequence[Problem] = (), *, warn: bool = True
) -> Generated:
    """Return every generated file.

    Raises `Stop` (exit 2) when the plan is refused, or one of the `others` is an error.
    """
    # A pipeline file has no names of wheels: git, the date and variables do not matter here.
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        pythons=space.required_pythons(),
        submodules=space.submodules,
        history=space.packages_by_git(),
        event="",
        stand_in="0",
        images=space.images(),
    )
    plan = planner.plan(space.spec, space.policy, request)
    problems = [*others, *plan.problems]
    problems += pipelines.problems(plan, space.spec, space.policy)
    refuse(problems if warn else select_errors(problems))
    return pipelines.generated(
        plan, space.spec, space.policy, space.lock.actions, space.job_files()
    )


def _check_forges(arguments: Namespace, space: Workspace) -> None:
    known = space.spec.forges()
    if missing := [name for name in arguments.forge or () if name not in known]:
        hint = f"the forges of {space.spec.document.file}: {', '.join(known)}"
        raise stop(f"--forge {missing[0]}", "the spec has no such key", hint)


def _is_chosen(arguments: Namespace, files: Generated, path: str) -> bool:
    if not arguments.forge or path in tool_script.PATHS:
        return True
    return (files.forges.get(path) or forge_of(path)) in arguments.forge


def find_drift(arguments: Namespace, space: Workspace, files: Generated) -> list[Drift]:
    """Return the files on disk that differ, of the forges that the arguments choose."""
    drift = generated_files.find_drift(space.root, files.texts, pipelines.folders())
    return [entry for entry in drift if _is_chosen(arguments, files, entry.path)]


def drift_data(drift: list[Drift]) -> list[dict[str, str]]:
    """Return the differences as JSON data."""
    return [
        {
            "path": entry.path,
            "state": entry.state,
            "made_by": entry.made_by,
            "diff": entry.diff,
        }
        for entry in drift
    ]
