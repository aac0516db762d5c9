"""truewheel trigger: start a pipeline once."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.cli import forges, pipeline_requests
from truewheel.cli.arguments import add_json, add_spec, add_variable
from truewheel.cli.pipeline_arguments import START_SECONDS, WATCH_SECONDS, add_watch_arguments
from truewheel.cli.plans import load_workspace
from truewheel.cli.problems import refuse
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, Stop, pluralize, stop
from truewheel.forges import FORGES
from truewheel.forges import trigger as triggers
from truewheel.forges.base import Forge, Run, StartRequest
from truewheel.spec import variables as spec_variables
from truewheel.system.log_text import one_line
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  trigger -v NVIDIA_UPSTREAM_VERSION=26.05 --watch
  trigger --if-changed -v NVIDIA_UPSTREAM_VERSION=26.05
                                   nothing, if there was a pipeline with these variables
  trigger --key nightly-2026-11-27 a second call with this key starts no second pipeline
  trigger --project triton/server --project triton/core
                                   one build tag for both
  trigger -v PYPI_RELEASE=true --dry-run
"""
BUILD_TAG = "TRUEWHEEL_BUILD_TAG"
"""The variable that gives a pipeline the build tag of another."""


class Started(NamedTuple):
    """A pipeline, and its JSON data."""

    forge: Forge
    run: Run
    data: dict[str, Any]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of trigger."""
    add_spec(parser)
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
        help="start none when there is a pipeline with this key; show that one",
    )
    keys.add_argument(
        "--if-changed",
        action="store_true",
        help="start none when there was a pipeline with these variables",
    )
    parser.add_argument("--watch", action="store_true", help="wait for the end of the pipeline")
    parser.add_argument("--dry-run", action="store_true", help="check everything, start nothing")
    forges.add_forge(parser, seconds=START_SECONDS, many=True)
    add_watch_arguments(parser)
    parser.add_argument(
        "--wheels", metavar="DIR", type=Path, help="at the end, download the wheels and prove them"
    )
    add_json(parser)


def _key(text: str) -> str:
    if not triggers.KEY_PATTERN.fullmatch(text):
        message = f"{text!r} is not a key: 1 to 64 of A-Z a-z 0-9 _ . : -"
        raise argparse.ArgumentTypeError(message)
    return text


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Start a pipeline in each project, once; exit 2 before any call when the spec forbids it."""
    space = load_workspace(arguments)
    variables = dict(arguments.variables)
    name = forges.choose_forge(arguments, environment, space.spec.forges())
    wheels = pipeline_requests.check_variables(space, variables, name)
    given = arguments.project or [None]
    projects = [forges.find_project(name, project, environment) for project in given]
    if len(projects) > 1:
        _check_build_tag(space, name)
    if arguments.dry_run:
        return _show_dry_run(arguments, name, projects, variables, wheels)
    if arguments.watch and arguments.deadline == START_SECONDS:
        arguments.deadline = WATCH_SECONDS
    pipelines: list[Started] = []
    for project in projects:
        shared = {BUILD_TAG: str(pipelines[0].run.id)} if pipelines else {}
        sent = {**variables, **shared}
        pipelines.append(_start(arguments, environment, space, name, project, sent))
    data = [started.data for started in pipelines]
    if arguments.watch or arguments.wheels:
        from truewheel.cli import watch_pipelines

        watched = [(started.forge, started.run) for started in pipelines]
        prefix = FORGES[name].job_prefix(space.spec)
        return watch_pipelines.watch(arguments, watched, data, prefix)
    if arguments.json:
        print_json({"version": 1, "pipelines": data})
    return Exit.OK


def _check_build_tag(space: Workspace, forge: str) -> None:
    """Raise `Stop` (exit 2) when a second pipeline cannot get the build tag of the first."""
    refuse(list(pipeline_requests.find_missing_inputs(space, [BUILD_TAG], forge)))
    if BUILD_TAG not in spec_variables.declared_variables(space.spec, space.policy):
        raise stop(
            "--project",
            f"several pipelines get one build tag by the variable {BUILD_TAG}, "
            f"and the policy {space.policy.name} does not read it",
            f"declare it, and put env:{BUILD_TAG} first in the fact of the build tag",
        )


def _start(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    name: str,
    project: str,
    variables: Mapping[str, str],
) -> Started:
    forge = forges.connect(name, project, arguments.deadline, environment)
    ref = arguments.ref or _job_ref(environment, project) or forge.default_ref()
    key = arguments.key
    if not key and arguments.if_changed:
        key = triggers.key_of(project, ref, variables)
    key = key or triggers.new_key()
    by_inputs = FORGES[name].takes_inputs(space.spec)
    request = StartRequest(ref, variables, key, by_inputs=by_inputs)
    is_fresh = not (arguments.key or arguments.if_changed)
    try:
        started = triggers.start(forge, request, say, is_fresh=is_fresh)
    except Stop as stopped:
        if stopped.code is Exit.REMOTE_UNREACHABLE:
            say(f"to start none twice, run again with --key {key}")
        raise
    pipeline = started.run
    if not arguments.json:
        word = "started" if started.is_new else "exists already, nothing started"
        show(one_line(f"{word}: {pipeline.url or pipeline.id} · {project} {ref} · key {key}"))
    data = {
        "project": project,
        "id": pipeline.id,
        "url": pipeline.url,
        "ref": ref,
        "key": key,
        "is_new": started.is_new,
        "variables": dict(variables),
    }
    return Started(forge, pipeline, data)


def _job_ref(environment: Mapping[str, str], project: str) -> str:
    """Return the ref of this job where it is a job of the project, else "".

    No pipeline can be started on the ref of a merge or pull request.
    """
    refs = (kind.job(environment).ref(project) for kind in FORGES.values())
    return next(filter(None, refs), "")


def _show_dry_run(
    arguments: Namespace, name: str, projects: list[str], variables: Mapping[str, str], wheels: int
) -> Exit:
    if arguments.json:
        print_json(
            {
                "version": 1,
                "forge": name,
                "projects": projects,
                "ref": arguments.ref,
                "variables": dict(variables),
                "wheels": wheels,
            }
        )
        return Exit.OK
    ref = arguments.ref or "the default branch"
    for project in projects:
        show(f"would start: {name} {project}, {ref}, {pluralize(wheels, 'wheel')}")
    for variable, value in variables.items():
        show(f"  {variable}={value}")
    return Exit.OK
