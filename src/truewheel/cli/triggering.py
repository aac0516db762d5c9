"""truewheel trigger and watch: start a pipeline once, follow it to its end."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from truewheel.cli import arguments as common
from truewheel.cli import forges
from truewheel.cli.planning import event_of
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Problem, Stop, Where, counted, stop
from truewheel.forges import trigger as once
from truewheel.forges import trigger_variables
from truewheel.forges.base import Forge, Run, Wish
from truewheel.plan import planner
from truewheel.workspace import loading
from truewheel.workspace.loading import GENERATOR, Workspace

EXAMPLES = {
    "trigger": """\
examples:
  trigger -v NVIDIA_UPSTREAM_VERSION=26.05 --watch
  trigger --if-changed -v NVIDIA_UPSTREAM_VERSION=26.05    nothing, if these variables had a pipeline already
  trigger --key nightly-2026-11-27                         a second call finds the pipeline of the first
  trigger --project triton/server --project triton/core    one build tag for both
  trigger -v PYPI_RELEASE=true --dry-run
""",
    "watch": """\
examples:
  watch 49163608 --project triton/server
  watch https://gitlab.example.com/triton/server/-/pipelines/49163608 --wheels wheels
""",
}
BUILD_TAG = "TRUEWHEEL_BUILD_TAG"
"""The variable that gives a pipeline the build tag of another."""
START_SECONDS = 300.0
WATCH_SECONDS = 4 * 3600.0


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of trigger and watch."""
    parser.epilog = EXAMPLES[command]
    parser.set_defaults(run={"trigger": trigger, "watch": watch}[command])
    if command == "trigger":
        common.add_spec(parser)
        add_variable(parser)
        parser.add_argument(
            "--ref",
            metavar="R",
            help="branch or tag (default: this job's, else the default branch)",
        )
        keys = parser.add_mutually_exclusive_group()
        keys.add_argument(
            "--key",
            metavar="K",
            type=_key,
            help="the pipeline that has this key already is found again",
        )
        keys.add_argument(
            "--if-changed",
            action="store_true",
            help="start none where these variables had one already",
        )
        parser.add_argument("--watch", action="store_true", help="follow the pipeline to its end")
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, start nothing"
        )
    else:
        parser.add_argument(
            "pipeline", metavar="PIPELINE", help="its id, or its address in the browser"
        )
    seconds = START_SECONDS if command == "trigger" else WATCH_SECONDS
    forges.add_forge(parser, seconds=seconds, many=command == "trigger")
    add_following(parser)
    parser.add_argument(
        "--wheels", metavar="DIR", type=Path, help="at the end, download the wheels and prove them"
    )
    common.add_json(parser)


def add_variable(parser: ArgumentParser) -> None:
    """Add -v, as far as it is sent to a pipeline."""
    parser.add_argument(
        "-v", dest="variables", metavar="NAME=VALUE", action="append", type=common.assignment, default=[],
        help="set a variable of the pipeline; may repeat",
    )  # fmt: skip


def add_following(parser: ArgumentParser) -> None:
    """Add --interval and --retries."""
    parser.add_argument(
        "--interval", metavar="S", type=forges.positive, default=0.0,
        help="seconds between looks (default: from 1 to 10, and more where a look takes many requests)",
    )  # fmt: skip
    parser.add_argument(
        "--retries", metavar="N", type=_retries, default=1,
        help="how often a job runs again whose runner or network failed (default: %(default)s)",
    )  # fmt: skip


def _key(text: str) -> str:
    if not once.KEY_PATTERN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no key: 1 to 64 of A-Z a-z 0-9 _ . : -")
    return text


def _retries(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 10:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 10")
    return int(text)


def trigger(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Start a pipeline in each project, once; exit 2 before any call when the spec forbids it."""
    space = common.load(arguments)
    variables = dict(arguments.variables)
    name = forges.forge_name(arguments, environment, space.spec.forges())
    wheels = checked(space, variables, name)
    given = arguments.project or [None]
    projects = [forges.project_of(name, project, environment) for project in given]
    if len(projects) > 1:
        _check_build_tag(space, name)
    if arguments.dry_run:
        return _tell_dry(arguments, name, projects, variables, wheels)
    if arguments.watch and arguments.deadline == START_SECONDS:
        arguments.deadline = WATCH_SECONDS
    runs: list[tuple[Forge, Run, dict[str, Any]]] = []
    for project in projects:
        shared = {BUILD_TAG: str(runs[0][1].id)} if runs else {}
        runs.append(_start(arguments, environment, space, name, project, {**variables, **shared}))
    if arguments.watch or arguments.wheels:
        from truewheel.cli import following

        followed = [(forge, run) for forge, run, _ in runs]
        return following.follow(
            arguments, followed, [told for *_, told in runs], space.spec.gitlab.own_prefix
        )
    if arguments.json:
        common.print_json({"version": 1, "pipelines": [told for *_, told in runs]})
    return Exit.OK


def checked(space: Workspace, variables: Mapping[str, str], forge: str) -> int:
    """Return how many wheels the pipeline is to make.

    Raises `Stop` (exit 2) for what may not be sent, or planned.
    """
    found = [
        *trigger_variables.problems(space.spec, space.policy, variables),
        *_without_input(space, variables, forge),
    ]
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event=event_of({"CI_PIPELINE_SOURCE": "api"}),
        overrides=variables,
        stand_in="0",
        images=space.images(),
    )
    try:
        made = planner.plan(space.spec, space.policy, request)
    except Stop as stopped:
        raise Stop([*found, *stopped.problems]) from None
    common.refuse([*found, *made.problems])
    return len(made.cells)


def _without_input(space: Workspace, variables: Iterable[str], forge: str) -> Iterator[Problem]:
    """Return a problem for every variable that GitHub would refuse, as the generated workflow has no input for it."""
    if forge != "github":
        return
    from truewheel.forges.github.emit import workflows
    from truewheel.spec import variables as contract

    declared = contract.declared(space.spec, space.policy)
    for name in variables:
        if name in contract.settable(declared) and name not in workflows.asked(declared):
            message = f"has no input in the workflow: GitHub allows {workflows.INPUTS_LIMIT}, the key's among them"
            yield Problem(
                Where(f"-v {name}"),
                message,
                "declare it earlier in variables, or set it in the repository",
            )


def _check_build_tag(space: Workspace, forge: str) -> None:
    from truewheel.spec import variables as contract

    common.refuse(list(_without_input(space, [BUILD_TAG], forge)))
    if BUILD_TAG not in contract.declared(space.spec, space.policy):
        message = f"several pipelines share a build tag by {BUILD_TAG}, which the policy {space.policy.name} does not read"
        raise stop(
            "--project",
            message,
            f"declare it, and put env:{BUILD_TAG} first in the fact of the build tag",
        )


def _start(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    name: str,
    project: str,
    variables: Mapping[str, str],
) -> tuple[Forge, Run, dict[str, Any]]:
    forge = forges.connect(name, project, arguments.deadline, environment)
    ref = arguments.ref or _own_ref(environment, project) or forge.default_ref()
    key = arguments.key or (
        once.key_of(project, ref, variables) if arguments.if_changed else once.new_key()
    )
    wish = Wish(ref, variables, key, by_inputs=by_inputs(space, name))
    is_fresh = not (arguments.key or arguments.if_changed)
    try:
        started = once.start(forge, wish, say, is_fresh=is_fresh)
    except Stop as stopped:
        if stopped.code is Exit.REMOTE_UNREACHABLE:
            say(f"run again with --key {key}: that finds the pipeline, if it was started")
        raise
    run = started.run
    if not arguments.json:
        word = "started" if started.is_new else "found, and started nothing"
        show(f"{word}: {run.url or run.id} · {project} {ref} · key {key}")
    told = {
        "project": project,
        "id": run.id,
        "url": run.url,
        "ref": ref,
        "key": key,
        "is_new": started.is_new,
        "variables": dict(variables),
    }
    return forge, run, told


def by_inputs(space: Workspace, name: str) -> bool:
    """Return whether pipelines take inputs instead of variables."""
    return name == "gitlab" and space.spec.gitlab.inputs


def _own_ref(environment: Mapping[str, str], project: str) -> str:
    """Return the ref of this job, where it is a job of the project.

    That of a merge request is none to start from.
    """
    own_ref = environment.get("GITHUB_REF", "")
    own = project in {environment.get("CI_PROJECT_PATH"), environment.get("CI_PROJECT_ID")}
    if own and not environment.get("CI_MERGE_REQUEST_IID"):
        return environment.get("CI_COMMIT_REF_NAME", "")
    # A pull request's ref is refs/pull/N/merge, whatever the event; GitHub calls it a branch all
    # the same.
    if project == environment.get("GITHUB_REPOSITORY") and re.match("refs/(heads|tags)/", own_ref):
        return environment.get("GITHUB_REF_NAME", "")
    return ""


def _tell_dry(
    arguments: Namespace, name: str, projects: list[str], variables: Mapping[str, str], wheels: int
) -> Exit:
    ref = arguments.ref or "the default branch"
    if arguments.json:
        told = {
            "forge": name,
            "projects": projects,
            "ref": arguments.ref,
            "variables": dict(variables),
            "wheels": wheels,
        }
        common.print_json({"version": 1, **told})
        return Exit.OK
    for project in projects:
        show(f"would start: {name} {project}, {ref}, {counted(wheels, 'wheel')}")
    for variable, value in variables.items():
        show(f"  {variable}={value}")
    return Exit.OK


def watch(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Follow a pipeline to its end; exit 5 when it failed, exit 6 when there is no verdict in time."""
    from truewheel.cli import following

    arguments.forge = arguments.forge or forges.forge_of_address(arguments.pipeline)
    name = forges.forge_name(arguments, environment)
    project, number = forges.pipeline_of(arguments.pipeline, name)
    project = forges.project_of(name, arguments.project or project or None, environment)
    forge = forges.connect(name, project, arguments.deadline, environment)
    if name == "gitlab":  # a pipeline of that number may be there on another server, too
        forges.check_server(arguments.pipeline, forge.caller.server)
    try:
        run = forge.run(number)
    except Stop as stopped:  # that nothing can be read is no verdict
        raise Stop(stopped.problems, Exit.REMOTE_UNREACHABLE) from None
    told = {"project": project, "id": run.id, "url": run.url, "ref": run.ref}
    return following.follow(arguments, [(forge, run)], [told], _prefix_here())


def _prefix_here() -> str:
    """Return what the jobs of the spec here begin with, if there is one.

    A pipeline may be of another project.
    """
    try:
        return loading.load(None, Path.cwd()).spec.gitlab.own_prefix
    except Stop:
        return ""
