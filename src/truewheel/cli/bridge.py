"""truewheel bridge: build a merge or pull request of one forge in a pipeline of the other."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from typing import Any, NamedTuple

from truewheel.cli import forges, pipeline_requests
from truewheel.cli.arguments import add_json, add_spec, add_variable, parse_seconds
from truewheel.cli.pipeline_arguments import add_watch_arguments
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, Stop, pluralize, stop
from truewheel.forges import FORGES, bridge
from truewheel.forges.base import StartRequest
from truewheel.forges.bridge import Asked, Bridge
from truewheel.forges.watch import Follower, Verdict

EXAMPLES = """\
examples:
  bridge --to gitlab:triton/server
                      in a job of a pull request: GitLab builds its commit
  bridge --to gitlab:triton/server --sha-variable UPSTREAM_SHA -v NVIDIA_UPSTREAM_VERSION=26.05
  bridge --from github:owner/name --request 12 --to gitlab:triton/server
  bridge --from github:owner/name --request 13 --allow-fork --sha 5f0c… --to gitlab:triton/server
  bridge --from gitlab:triton/server --request 7 --to github:owner/name --dry-run
"""
CONTEXT = "truewheel/wheels"
SECONDS = 4 * 3600.0
REPORTING = 300.0
"""Seconds that are left to report a pipeline that took all of its own."""


class Side(NamedTuple):
    """A project of a forge."""

    forge: str
    project: str


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of bridge."""
    add_spec(parser)
    _add_request(parser)
    add = parser.add_argument
    add("--ref", metavar="R", help="branch or tag of the pipeline (default: the default branch)")
    add_variable(parser)
    add(
        "--sha-variable",
        metavar="NAME",
        default="",
        help="the variable of the pipeline that gets the commit",
    )
    add(
        "--context",
        metavar="TEXT",
        default=CONTEXT,
        help="name of the commit's status (default: %(default)s)",
    )
    add(
        "--public-url",
        action="store_true",
        help="let the commit's status link to the pipeline (default: no link)",
    )
    add(
        "--deadline",
        metavar="S",
        type=parse_seconds,
        default=SECONDS,
        help="seconds that the pipeline may take (default: %(default).0f)",
    )
    add_watch_arguments(parser)
    add("--dry-run", action="store_true", help="check everything, start and report nothing")
    add_json(parser)


def _add_request(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        metavar="FORGE:PROJECT",
        type=_side,
        help="the project of the request (default: this job's)",
    )
    add(
        "--to",
        dest="target",
        metavar="FORGE:PROJECT",
        type=_side,
        required=True,
        help="the project whose pipeline builds it",
    )
    add(
        "--request",
        metavar="N",
        type=_number,
        help="number of the merge or pull request (default: this job's)",
    )
    add("--sha", metavar="SHA", type=_sha, help="its head must be this commit")
    add("--allow-fork", action="store_true", help="build the commit of a fork; needs --sha")


def _side(text: str) -> Side:
    forge, _, project = text.partition(":")
    if forge not in FORGES or not project:
        forms = " or ".join(f"{name}:PROJECT" for name in FORGES)
        raise ArgumentTypeError(f"{text!r} is not {forms}")
    try:
        return Side(forge, forges.find_project(forge, project, {}))
    except Stop as stopped:
        raise ArgumentTypeError(stopped.problems[0].message) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10):
        raise ArgumentTypeError(f"{text!r} is not the number of a request")
    return int(text)


def _sha(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", text):
        raise ArgumentTypeError(f"{text!r} is not a full commit hash")
    return text


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build a request's commit on the other forge.

    Exit 5 when that fails, exit 6 when the end of the pipeline was not seen.
    """
    space = load_workspace(arguments)
    side, number = _source(arguments, environment)
    to = arguments.target
    shared = {arguments.sha_variable: "0" * 40} if arguments.sha_variable else {}
    wheels = pipeline_requests.check_variables(
        space, {**dict(arguments.variables), **shared}, to.forge
    )
    asked = Asked(
        number, arguments.sha or "", arguments.context, arguments.allow_fork, arguments.public_url
    )
    seconds = arguments.deadline + REPORTING
    forges.require_library(to.forge)  # before the first call
    source: Any = forges.connect(side.forge, side.project, seconds, environment)
    request = bridge.choose_request(source, asked)
    key = bridge.key_of(source, request)
    if arguments.dry_run:
        return _show_dry_run(arguments, side, request, wheels, key)
    target = forges.connect(to.forge, to.project, arguments.deadline, environment)
    ref = arguments.ref or target.default_ref()
    variables = {**dict(arguments.variables), **dict.fromkeys(shared, request.sha)}
    by_inputs = FORGES[to.forge].takes_inputs(space.spec)
    follower = Follower(
        forge=target, tell=say, interval=arguments.interval, retries=arguments.retries
    )
    connection = Bridge(source=source, target=target, request=request, asked=asked, tell=say)
    verdict = connection.build(StartRequest(ref, variables, key, by_inputs=by_inputs), follower)
    _show_verdict(arguments, side, request, key, verdict)
    return Exit.OK if verdict.is_good else Exit.REMOTE_FAILED


def _show_verdict(
    arguments: Namespace, side: Side, request: bridge.Request, key: str, verdict: Verdict
) -> None:
    pipeline = verdict.snapshot.run
    if arguments.json:
        print_json(
            {
                "version": 1,
                "request": request.number,
                "sha": request.sha,
                "key": key,
                "verdict": "success" if verdict.is_good else "failed",
                "pipeline": {"id": pipeline.id, "url": pipeline.url},
            }
        )
        return
    word = "succeeded" if verdict.is_good else "failed"
    commit = f"{side.project} {request.number}, {request.sha[:12]}"
    show(f"{commit}: {word}, {bridge.counts(verdict.snapshot)}")


def _show_dry_run(
    arguments: Namespace, side: Side, request: bridge.Request, wheels: int, key: str
) -> Exit:
    to = arguments.target
    if arguments.json:
        print_json(
            {
                "version": 1,
                "request": request.number,
                "sha": request.sha,
                "key": key,
                "wheels": wheels,
            }
        )
    else:
        commit = f"{side.project} {request.number}, {request.sha[:12]}"
        pipeline = f"{to.forge} {to.project}, {pluralize(wheels, 'wheel')}"
        show(f"would build {commit}: {pipeline}")
    return Exit.OK


def _source(arguments: Namespace, environment: Mapping[str, str]) -> tuple[Side, int]:
    """Return the project of the request, and its number: as given, or those of this job."""
    job = _job_request(environment)
    side = arguments.source or (job[0] if job else None)
    number = arguments.request or (job[1] if job and job[0] == side else 0)
    if side is None or not number:
        hint = "name it: --from github:owner/name --request 12"
        raise stop("bridge", "this job has no merge or pull request", hint)
    return side, number


def _job_request(environment: Mapping[str, str]) -> tuple[Side, int] | None:
    """Return the request that this job is for, or whose comment has started it."""
    for name, kind in FORGES.items():
        if request := kind.job(environment).request_to_build():
            project, number = request
            return Side(name, project), number
    return None
