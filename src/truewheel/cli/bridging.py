"""truewheel bridge: a request of one forge, built by a pipeline of the other."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.cli import arguments as common
from truewheel.cli import forges, triggering
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop, counted, stop
from truewheel.forges import FORGES, bridge
from truewheel.forges.base import Wish
from truewheel.forges.bridge import Asked, Bridge
from truewheel.forges.watch import Follower
from truewheel.workspace import loading

EXAMPLES = """\
examples:
  bridge --to gitlab:triton/server                 in a job of a pull request: its commit, built by GitLab
  bridge --to gitlab:triton/server --sha-variable UPSTREAM_SHA -v NVIDIA_UPSTREAM_VERSION=26.05
  bridge --from github:owner/name --request 12 --to gitlab:triton/server
  bridge --from github:owner/name --request 13 --allow-fork --sha 5f0c… --to gitlab:triton/server
  bridge --from gitlab:triton/server --request 7 --to github:owner/name --dry-run
"""
CONTEXT = "truewheel/wheels"
SECONDS = 4 * 3600.0
REPORTING = 300.0
"""Seconds that are left for reporting when the pipeline took all of its own."""


class Side(NamedTuple):
    """A project of a forge."""

    forge: str
    project: str


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of bridge."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)
    common.add_spec(parser)
    add = parser.add_argument
    add(
        "--from",
        dest="source",
        metavar="FORGE:PROJECT",
        type=_side,
        help="who has the request (default: this job's)",
    )
    add(
        "--to",
        dest="target",
        metavar="FORGE:PROJECT",
        type=_side,
        required=True,
        help="who builds it",
    )
    add(
        "--request",
        metavar="N",
        type=_number,
        help="number of the merge or pull request (default: this job's)",
    )
    add("--sha", metavar="SHA", type=_sha, help="the commit that must be its head")
    add("--allow-fork", action="store_true", help="build a fork's commit, the one of --sha")
    add("--ref", metavar="R", help="branch or tag of the pipeline (default: the default branch)")
    triggering.add_variable(parser)
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
        help="link the pipeline from the status; else no address is told",
    )
    add(
        "--deadline",
        metavar="S",
        type=forges.positive,
        default=SECONDS,
        help="seconds (default: %(default).0f)",
    )
    triggering.add_following(parser)
    add("--dry-run", action="store_true", help="check everything, start and report nothing")
    common.add_json(parser)


def _side(text: str) -> Side:
    forge, _, project = text.partition(":")
    if forge not in FORGES or not project:
        raise ArgumentTypeError(f"{text!r} is not gitlab:PROJECT or github:OWNER/NAME")
    try:
        return Side(forge, forges.project_of(forge, project, {}))
    except Stop as stopped:
        raise ArgumentTypeError(stopped.problems[0].message) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10):
        raise ArgumentTypeError(f"{text!r} is no number of a request")
    return int(text)


def _sha(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", text):
        raise ArgumentTypeError(f"{text!r} is no whole commit hash")
    return text


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build a request's commit on the other forge.

    Exit 5 when that fails, exit 6 when there is no verdict.
    """
    space = common.load(arguments)
    side, number = _source(arguments, environment)
    shared = {arguments.sha_variable: "0" * 40} if arguments.sha_variable else {}
    wheels = triggering.checked(
        space, {**dict(arguments.variables), **shared}, arguments.target.forge
    )
    asked = Asked(
        number, arguments.sha or "", arguments.context, arguments.allow_fork, arguments.public_url
    )
    seconds = arguments.deadline + REPORTING
    source: Any = forges.connect(side.forge, side.project, seconds, environment)
    request = bridge.chosen(source, asked)
    key = bridge.key_of(source, request)
    if arguments.dry_run:
        return _tell_dry(arguments, side, request, wheels, key)
    target = forges.connect(
        arguments.target.forge, arguments.target.project, arguments.deadline, environment
    )
    ref = arguments.ref or target.default_ref()
    variables = {**dict(arguments.variables), **dict.fromkeys(shared, request.sha)}
    wish = Wish(ref, variables, key, by_inputs=triggering.by_inputs(space, arguments.target.forge))
    follower = Follower(
        forge=target, tell=say, interval=arguments.interval, retries=arguments.retries
    )
    made = Bridge(source=source, target=target, request=request, asked=asked, tell=say)
    verdict = made.build(wish, follower)
    if arguments.json:
        told = {
            "request": number,
            "sha": request.sha,
            "key": key,
            "verdict": "success" if verdict.is_good else "failed",
        }
        common.print_json(
            {
                "version": 1,
                **told,
                "pipeline": {"id": verdict.look.run.id, "url": verdict.look.run.url},
            }
        )
    else:
        word = "succeeded" if verdict.is_good else "failed"
        show(f"{side.project} {number}, {request.sha[:12]}: {word}, {bridge.counts(verdict.look)}")
    return Exit.OK if verdict.is_good else Exit.REMOTE_FAILED


def _tell_dry(
    arguments: Namespace, side: Side, request: bridge.Request, wheels: int, key: str
) -> Exit:
    to = arguments.target
    if arguments.json:
        common.print_json(
            {
                "version": 1,
                "request": request.number,
                "sha": request.sha,
                "key": key,
                "wheels": wheels,
            }
        )
    else:
        place = f"{to.forge} {to.project}, {counted(wheels, 'wheel')}"
        show(f"would build {side.project} {request.number}, {request.sha[:12]}: {place}")
    return Exit.OK


def _source(arguments: Namespace, environment: Mapping[str, str]) -> tuple[Side, int]:
    """Return who has the request, and its number: as named, or those of this job."""
    own = _own(environment)
    side = arguments.source or (own[0] if own else None)
    number = arguments.request or (own[1] if own and own[0] == side else 0)
    if side is None or not number:
        raise stop(
            "bridge", "no request is known", "name it: --from github:owner/name --request 12"
        )
    return side, number


def _own(environment: Mapping[str, str]) -> tuple[Side, int] | None:
    if iid := environment.get("CI_MERGE_REQUEST_IID", ""):
        project = environment.get("CI_MERGE_REQUEST_PROJECT_PATH") or environment.get(
            "CI_PROJECT_PATH", ""
        )
        return (Side("gitlab", project), int(iid)) if project and iid.isdecimal() else None
    path, repository = environment.get("GITHUB_EVENT_PATH"), environment.get("GITHUB_REPOSITORY")
    if not path or not repository:
        return None
    try:
        event = json.loads(loading.read_text(Path(path)) or "{}")
        told = (
            event["pull_request"] if "pull_request" in event else event["issue"]
        )  # of a comment on a request
        number = told["number"] if "pull_request" in event or "pull_request" in told else 0
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (Side("github", repository), number) if type(number) is int and number > 0 else None
