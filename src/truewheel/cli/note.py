"""truewheel note: tell a merge request which wheel names it changes."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truewheel.cli import merge_requests, plan_changes
from truewheel.cli.arguments import add_json, add_spec, add_variables
from truewheel.cli.merge_requests import Place
from truewheel.cli.pipeline_files import generate_files
from truewheel.cli.plans import find_merge_base, load_workspace, make_plan
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, Stop, stop
from truewheel.forges import FORGES, pipelines
from truewheel.forges import reviews as forge_reviews
from truewheel.forges.reviews import Review, Reviews
from truewheel.plan import pipeline_cost, plan_file
from truewheel.plan.model import Plan
from truewheel.plan.plan_diff import changes
from truewheel.report import notes
from truewheel.report.notes import NoteContents
from truewheel.system import files
from truewheel.workspace import generated_files, loading
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  note --output names.md      in a merge request's pipeline: what it changes, also as a note on it
  note --against origin/main  on a laptop: printed
  note --merge-request 7 --project triton/server --dry-run
                              what would be written to it
"""
SECONDS = 120.0
DONE = {"create": "note created", "update": "note updated", "nothing": "nothing to change"}
WOULD = {
    "create": "would create a note",
    "update": "would update the note",
    "nothing": "would change nothing",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of note."""
    add_spec(parser)
    add_variables(parser)
    parser.add_argument(
        "--against", metavar="REF", help="git revision (default: where the merge request began)"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the note to a file")
    parser.add_argument(
        "--post",
        action=BooleanOptionalAction,
        help="write it to the merge request, or not (default: when there is a token that may)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be written to the merge request"
    )
    merge_requests.add_merge_request(parser, seconds=SECONDS)
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print in Markdown what a merge request changes, and keep one note on it up to date."""
    space = load_workspace(arguments)
    place = merge_requests.find_place(arguments, environment, space.spec.forges())
    reviews = _connect(arguments, environment, place)
    review = _read_review(arguments, environment, place, reviews)
    plan = make_plan(arguments, space, environment, event="mr")
    before = _plan_before(arguments, environment, space, plan, review)
    times, failure = _times(place, reviews, review.target if review else "", space)
    costs = pipeline_cost.costs(before, plan, times)
    story = NoteContents(changes(before, plan), plan, before, _drift(space), costs, times)
    text = notes.render_note(story)
    if arguments.output:
        files.write_text(arguments.output, text)
    if not arguments.json:
        show(text.rstrip("\n") or "no name changes")
    if failure:
        raise failure
    done = ""
    if place and reviews:
        done = _post(arguments, environment, space, story, place, reviews)
    if arguments.json:
        posted = {"on": str(place), "done": done, "is_dry": arguments.dry_run} if done else None
        print_json(_data(story, posted))
    return Exit.OK


def _connect(
    arguments: Namespace, environment: Mapping[str, str], place: Place | None
) -> Reviews | None:
    """Return the client that writes the note, or None where the note is only printed.

    Raises `Stop` (exit 2) with --post, where the note cannot be written.
    """
    if arguments.post is False:
        return None
    if place is None:
        if arguments.post:
            hint = "name it: --merge-request N --project P"
            raise stop("--post", "this is no merge request's pipeline", hint)
        return None
    try:
        return merge_requests.connect(place, arguments.deadline, environment, writes=True)
    except Stop as stopped:
        if arguments.post:
            raise
        problem = stopped.problems[0]
        hint = f" ({problem.hint})" if problem.hint else ""
        say(f"note not written: {problem.where}: {problem.message}{hint}")
        return None


def _read_review(
    arguments: Namespace,
    environment: Mapping[str, str],
    place: Place | None,
    reviews: Reviews | None,
) -> Review | None:
    """Return the merge request: from the environment in its own pipeline, else by a call."""
    if arguments.merge_request is None:
        return merge_requests.read_review(environment)
    return reviews.review(place.number) if place and reviews else None


def _plan_before(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    plan: Plan,
    review: Review | None,
) -> Plan | None:
    """Return the plan of the revision where the merge request began.

    None where there was no spec, or one with errors.
    """
    base = arguments.against
    if not base and arguments.merge_request is None:
        base = find_merge_base(environment)
    if not base and review and review.target:
        base = f"origin/{review.target}"
    if not base:
        hint = "name the revision to compare with: --against REF"
        raise stop("note", "this is no merge request's pipeline", hint)
    loading.revision_reader(space.root, base)  # stops at an unknown revision: it has no empty plan
    old_arguments = Namespace(**{**vars(arguments), "against": base, "against_policy": None})
    try:
        return plan_changes.plan_before(old_arguments, space, environment, plan, None)
    except Stop as stopped:
        say(f"nothing to compare with: {stopped.problems[0]}")
        return None


def _drift(space: Workspace) -> list[tuple[str, str]]:
    """Return the states and paths of files that are not as generated; none without any file."""
    try:
        generated = generate_files(space)
    except Stop:
        return []  # the note has the problems of the plan
    drift = generated_files.find_drift(space.root, generated.texts, pipelines.folders())
    is_missing = all(entry.state == "missing" for entry in drift)
    if is_missing and len(drift) == len(generated.texts):
        return []
    return [(entry.state, entry.path) for entry in drift]


def _times(
    place: Place | None, reviews: Reviews | None, branch: str, space: Workspace
) -> tuple[pipeline_cost.Times | None, Stop | None]:
    """Return how long jobs took on the target branch, or why the forge cannot be reached."""
    if place is None or reviews is None or not branch:
        return None, None
    try:
        earlier = reviews.earlier(branch)
    except Stop as stopped:
        if stopped.code is Exit.REMOTE_UNREACHABLE:
            return None, stopped
        say(f"no job minutes: {stopped.problems[0].message}")
        return None, None
    if earlier is None:
        return None, None
    source = f"[pipeline {earlier.id}]({earlier.url}) of the target branch"
    prefix = FORGES[place.forge].job_prefix(space.spec)
    return pipeline_cost.times(earlier.taken, prefix, source), None


def _post(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    story: NoteContents,
    place: Place,
    reviews: Reviews,
) -> str:
    """Write the one note of the merge request; returns what was, or would be, done."""
    mark = notes.make_marker(space.spec.project, _folder(space))
    text = notes.render_post(story, mark, _pointer(arguments, environment))
    if arguments.dry_run:
        old_notes = reviews.notes(place.number, mark)
        done = forge_reviews.what_to_do(old_notes, text, is_news=story.is_news)
        say(f"{place}: {WOULD[done]}")
    else:
        done = forge_reviews.stick(reviews, place.number, mark, text, say, is_news=story.is_news)
        say(f"{place}: {DONE[done]}")
    return done


def _folder(space: Workspace) -> str:
    """Return the spec's folder below the top of the repository."""
    root = space.root
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return root.relative_to(top).as_posix()


def _pointer(arguments: Namespace, environment: Mapping[str, str]) -> str:
    address = merge_requests.job_address(environment)
    name = arguments.output.name if arguments.output else "the output"
    return f"{name} of [this job]({address})" if address else f"{name} of `note`"


def _data(story: NoteContents, posted: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "version": 1,
        "changes": plan_changes.to_data(story.changes),
        "problems": [plan_file.problem_data(problem) for problem in story.made.problems],
        "drift": [{"state": state, "path": path} for state, path in story.drift],
        "jobs": {
            cost.event: {
                "before": cost.before._asdict() if cost.before else None,
                "after": cost.after._asdict(),
            }
            for cost in story.efforts
        },
        "note": posted,
    }
