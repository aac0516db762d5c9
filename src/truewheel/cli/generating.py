"""truewheel generate and check."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from truewheel import __version__
from truewheel.cli import arguments as common
from truewheel.cli import forges
from truewheel.cli.commands import front_door
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Problem, errors, stop
from truewheel.forges import pipelines, tool_script
from truewheel.forges.gitlab.emit import pipeline
from truewheel.forges.pipelines import Generated
from truewheel.plan import planner
from truewheel.spec.model import FORGES
from truewheel.workspace import generated_files, tool_file
from truewheel.workspace.generated_files import Drift
from truewheel.workspace.loading import GENERATOR, Workspace

if TYPE_CHECKING:
    from truewheel.cli import linting

REMOTE_SECONDS = 120.0
EXAMPLES = {
    "generate": """\
examples:
  generate            after every change of the spec
  generate --dry-run  what would change
  generate --forge github
""",
    "check": """\
examples:
  check               in pre-commit and CI: exit 3 when a file is not as generated
  check --lint .gitlab-ci.yml
                      what GitLab would refuse in files written by hand
  check --remote --project triton/server
                      what that server says itself of the pipeline and each child
""",
}


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of generate and check."""
    parser.epilog = EXAMPLES[command]
    common.add_spec(parser)
    parser.add_argument(
        "--forge",
        metavar="F[,F]",
        type=_forges,
        help="only the files of these: gitlab, github (default: all of the spec)",
    )
    common.add_json(parser)
    parser.set_defaults(run={"generate": generate, "check": check}[command])
    if command == "check":
        text = "check GitLab files of your own instead, and what they include"
        parser.add_argument("--lint", nargs="+", metavar="FILE", type=Path, help=text)
        parser.add_argument(
            "--remote", action="store_true", help="then ask GitLab's own lint, also of each child"
        )
        text = "with --remote: also of the pipeline that would start on this branch or tag"
        parser.add_argument("--ref", metavar="R", default="", help=text)
        forges.add_project(parser, seconds=REMOTE_SECONDS)
    else:
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing, say what would change"
        )


def _forges(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if not set(names) <= set(FORGES):
        raise ArgumentTypeError(f"{text!r}: known are {', '.join(FORGES)}")
    return names


def generate(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Write the pipeline files that differ from the plan."""
    del environment  # what is generated depends on the spec alone
    space, made = _made(arguments)
    found = _drift(arguments, space, made)
    if found:
        pipelines.refuse(made, space.spec)
    if arguments.dry_run:
        generated_files.refuse_foreign(space.root, found)
    else:
        generated_files.write(space.root, made.texts, found)
    if arguments.json:
        common.print_json({"files": [_entry(entry) for entry in found], "layout": made.note})
        return Exit.OK
    if made.note:
        show(f"{made.note} (gitlab.layout decides otherwise)")
    verb = "would write" if arguments.dry_run else "wrote"
    changes = {"orphaned": "would remove" if arguments.dry_run else "removed"}
    for entry in found:
        show(f"{changes.get(entry.state, verb)} {entry.path}")
    changed = sum(entry.state != "orphaned" for entry in found)
    show(f"{len(made.texts)} files, {len(made.texts) - changed} of them unchanged")
    return Exit.OK


def check(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Compare the pipeline files with the plan; exit 3 when they differ."""
    if arguments.lint:
        from truewheel.cli import linting  # reads YAML in a way that nothing else needs

        remote = _remote(arguments, environment) if arguments.remote else None
        return linting.check_files(arguments.lint, is_json=arguments.json, remote=remote)
    space, made = _made(arguments)
    found = _drift(arguments, space, made)
    if not found and not arguments.json:
        show(f"{len(made.texts)} files as generated")
    asked = _asked(arguments, environment, space) if arguments.remote and not found else None
    if arguments.json:
        said = {"problems": asked.data()} if asked else {}
        common.print_json({"files": [_entry(entry) for entry in found], **said})
        return (
            Exit.DRIFT if found else Exit.REFUSED if asked and errors(asked.problems) else Exit.OK
        )
    if found:
        _tell(found)
        return Exit.DRIFT
    if asked and not errors(asked.problems):
        show(str(asked))
    return common.tell(asked.problems if asked else [])


def _tell(found: list[Drift]) -> None:
    for version in sorted({entry.made_by for entry in found} - {"", __version__}):
        say(f"made by Truewheel {version}, you run {__version__}")
    for entry in found:
        show(f"{entry.state:9} {entry.path}")
    if diff := "".join(entry.diff for entry in found):
        show("\n" + diff.removesuffix("\n"))
    say(f"hint: {front_door()} generate writes them again")


def _asked(arguments: Namespace, environment: Mapping[str, str], space: Workspace) -> linting.Asked:
    """Ask GitLab about the pipeline as it is on disk."""
    from truewheel.cli import linting

    if not (space.root / pipeline.PARENT).is_file():
        raise stop(
            "--remote",
            f"there is no {pipeline.PARENT} beside {space.spec.document.file}",
            "GitLab reads no other",
        )
    return linting.ask(
        linting.Repository(space.root), [pipeline.PARENT], _remote(arguments, environment)
    )


def _remote(arguments: Namespace, environment: Mapping[str, str]) -> linting.Remote:
    """Return the project that is asked. Raises `Stop` (exit 2) when no server or token is known."""
    from truewheel.cli import linting
    from truewheel.forges import access
    from truewheel.forges.gitlab.api.client import Gitlab

    forges.needed("gitlab")
    project = forges.project_of("gitlab", arguments.project, environment)
    return linting.Remote(
        Gitlab(access.gitlab(environment), project, arguments.deadline), arguments.ref
    )


def _made(arguments: Namespace) -> tuple[Workspace, Generated]:
    """Return the files of the forges that are asked for."""
    space = common.load(arguments)
    _check_forges(arguments, space)
    made = generated(space, [*_without_tool(space), *tool_file.problems(space)])
    texts = {path: text for path, text in made.texts.items() if _is_asked(arguments, path)}
    return space, made._replace(texts=texts)


def _without_tool(space: Workspace) -> Iterator[Problem]:
    """Yield a problem where no key of the spec brings Truewheel into the jobs."""
    spec = space.spec
    if spec.tool.form or spec.setup or spec.scripts:
        return
    from truewheel.init import tool_origin  # only to say what to add

    hint = tool_origin.copy_hint(tool_origin.running(space.lock.truewheel))
    message = "the jobs call truewheel and nothing installs it: no tool, no setup, no scripts"
    yield Problem(spec.document.where(), message, hint)


def generated(space: Workspace, others: Sequence[Problem] = ()) -> Generated:
    """Return every generated file.

    Raises `Stop` (exit 2) when the plan must be refused, or one of the `others` is an error.
    """
    # No name stands in a pipeline file, so that git, a date or a variable that names may need is no
    # matter here.
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event="",
        stand_in="0",
        images=space.images(),
    )
    made = planner.plan(space.spec, space.policy, request)
    common.refuse([*others, *made.problems, *pipelines.problems(made, space.spec, space.policy)])
    return pipelines.generated(
        made, space.spec, space.policy, space.lock.actions, space.job_files()
    )


def _check_forges(arguments: Namespace, space: Workspace) -> None:
    known = space.spec.forges()
    if missing := [name for name in arguments.forge or () if name not in known]:
        hint = f"the forges of {space.spec.document.file}: {', '.join(known)}"
        raise stop(f"--forge {missing[0]}", "the spec has no such key", hint)


def _is_asked(arguments: Namespace, path: str) -> bool:
    if not arguments.forge or path in tool_script.PATHS:
        return True
    return pipelines.forge_of(path).lower() in arguments.forge


def _drift(arguments: Namespace, space: Workspace, made: Generated) -> list[Drift]:
    """Return what differs, of the forges that are asked for."""
    found = generated_files.drift(space.root, made.texts, pipelines.FOLDERS)
    return [entry for entry in found if _is_asked(arguments, entry.path)]


def _entry(entry: Drift) -> dict[str, str]:
    return {"path": entry.path, "state": entry.state, "made_by": entry.made_by, "diff": entry.diff}
