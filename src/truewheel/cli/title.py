"""truewheel title: check the title and the labels of a merge request."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from truewheel.cli import merge_requests
from truewheel.cli.arguments import add_json, add_spec
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import print_json, say
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.forges.reviews import Review
from truewheel.plan import plan_file
from truewheel.report import notes
from truewheel.system.log_text import one_line
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  title                                in a merge request's pipeline
  title --merge-request 7 --project triton/server
  title --title 'fix(build): a title'  anywhere
"""
SECONDS = 120.0


class _Source(NamedTuple):
    """A merge request, and where its title is from: argument, pipeline, or a forge."""

    review: Review
    name: str


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of title."""
    add_spec(parser)
    parser.add_argument(
        "--title", metavar="TEXT", help="title to check (default: the merge request's)"
    )
    merge_requests.add_merge_request(parser, seconds=SECONDS)
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Check the title and the labels of a merge request; exit 2 when a rule is broken."""
    space = load_workspace(arguments)
    review, source = _find_source(arguments, environment, space)
    problems = list(_problems(review, space, has_labels=arguments.title is None))
    if arguments.json:
        print_json(
            {
                "version": 1,
                "title": review.title,
                "labels": list(review.labels),
                "source": source,
                "problems": [plan_file.problem_data(problem) for problem in problems],
            }
        )
        return Exit.REFUSED if problems else Exit.OK
    if problems:
        raise Stop(problems)
    say(f"{review.title!r} follows the rules of the spec")
    return Exit.OK


def _problems(review: Review, space: Workspace, *, has_labels: bool) -> Iterator[Problem]:
    rules = space.spec.merge_requests
    if fault := notes.find_title_fault(review.title, rules):
        hint = one_line(f"such as {rules.types[0]}(build): {review.title or 'what it does'}")
        yield Problem(Where("title"), fault, hint)
    missing = [label for label in rules.labels if label not in review.labels]
    if missing and has_labels:
        message = f"missing: {', '.join(missing)}"
        yield Problem(Where("labels"), message, "add them to the merge request")


def _find_source(arguments: Namespace, environment: Mapping[str, str], space: Workspace) -> _Source:
    """Return the merge request as the forge has it now, else as this pipeline knows it."""
    if arguments.title is not None:
        return _Source(Review(arguments.title, (), ""), "argument")
    known = merge_requests.read_review(environment) if arguments.merge_request is None else None
    place = merge_requests.find_place(arguments, environment, space.spec.forges())
    if place is None and known is None:
        raise stop("title", "this is no merge request's pipeline", "give the title: --title TEXT")
    if place is not None:
        try:
            reviews = merge_requests.connect(place, arguments.deadline, environment, writes=False)
            return _Source(reviews.review(place.number), place.forge)
        except Stop as stopped:
            if known is None:
                raise
            problem = stopped.problems[0]
            reason = f"{problem.where}: {problem.message}"
            say(f"checked as it was at the start of the pipeline: {reason}")
    return _Source(known or Review("", (), ""), "pipeline")
