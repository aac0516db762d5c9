"""truewheel note and title: what a merge request is told, and what is asked of it."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truewheel.cli import arguments as common
from truewheel.cli import comparing, generating, merge_requests
from truewheel.cli.merge_requests import Place
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.forges import pipelines
from truewheel.forges import reviews as notes
from truewheel.forges.reviews import Review, Reviews
from truewheel.plan import pipeline_cost, plan_file
from truewheel.plan.model import Plan
from truewheel.plan.plan_diff import changes
from truewheel.report import notes as review
from truewheel.report.notes import Story
from truewheel.system import files
from truewheel.system.log_text import one_line
from truewheel.workspace import generated_files, loading
from truewheel.workspace.loading import Workspace

EXAMPLES = {
    "note": """\
examples:
  note --output names.md      in a merge request's pipeline: what it changes, also as a note on it
  note --against origin/main  on a laptop: printed
  note --merge-request 7 --project triton/server --dry-run
                              what would be written to it
""",
    "title": """\
examples:
  title                                in a merge request's pipeline
  title --merge-request 7 --project triton/server
  title --title 'fix(build): a title'  anywhere
""",
}
SECONDS = 120.0
DONE = {"create": "note created", "update": "note updated", "nothing": "nothing to change"}
WOULD = {
    "create": "would create a note",
    "update": "would update the note",
    "nothing": "would change nothing",
}


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of note and title."""
    parser.epilog = EXAMPLES[command]
    parser.set_defaults(run={"note": note, "title": title}[command])
    common.add_spec(parser)
    if command == "note":
        common.add_variables(parser)
        parser.add_argument(
            "--against", metavar="REF", help="git revision (default: where the merge request began)"
        )
        parser.add_argument("--output", metavar="FILE", type=Path, help="write the note to a file")
        text = "write it to the merge request, or not (default: where a token is known that may)"
        parser.add_argument("--post", action=BooleanOptionalAction, help=text)
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be written to the merge request"
        )
    else:
        parser.add_argument(
            "--title", metavar="TEXT", help="title to judge (default: the merge request's)"
        )
    merge_requests.add_merge_request(parser, seconds=SECONDS)
    common.add_json(parser)


def note(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Tell what a merge request changes.

    In Markdown, and as one note on it that is kept up to date.
    """
    space = common.load(arguments)
    place = merge_requests.place_of(arguments, environment, space.spec.forges())
    way = _way(arguments, environment, place)
    known = _known(arguments, environment, place, way)
    made = common.make_plan(arguments, space, environment, event="mr")
    before = _before(arguments, environment, space, made, known)
    times, failure = _times(way, known.target if known else "", space)
    told = changes(before, made)
    story = Story(
        told, made, before, _drift(space), pipeline_cost.efforts(before, made, times), times
    )
    text = review.note(story)
    if arguments.output:
        files.write_text(arguments.output, text)
    if not arguments.json:
        show(text.rstrip("\n") or "no name changes")
    if failure:
        raise failure
    done = _post(arguments, environment, space, story, place, way) if place and way else ""
    if arguments.json:
        common.print_json(
            _data(
                story,
                {"on": str(place), "done": done, "is_dry": arguments.dry_run} if done else None,
            )
        )
    return Exit.OK


def _way(
    arguments: Namespace, environment: Mapping[str, str], place: Place | None
) -> Reviews | None:
    """Return the way to write the note; None where it is only printed.

    Raises `Stop` (exit 2) where it must be.
    """
    if arguments.post is False:
        return None
    if place is None:
        if arguments.post:
            raise stop(
                "--post",
                "this is no merge request's pipeline",
                "name it: --merge-request N --project P",
            )
        return None
    try:
        return merge_requests.connect(place, arguments.deadline, environment, writes=True)
    except Stop as stopped:
        if arguments.post:
            raise
        problem = stopped.problems[0]
        say(
            f"not posted: {problem.where}: {problem.message}"
            + (f" ({problem.hint})" if problem.hint else "")
        )
        return None


def _known(
    arguments: Namespace, environment: Mapping[str, str], place: Place | None, way: Reviews | None
) -> Review | None:
    """Return what is known of the merge request.

    From the environment in its own pipeline, else by a call.
    """
    if arguments.merge_request is None:
        return merge_requests.known_review(environment)
    return way.review(place.number) if place and way else None


def _before(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    made: Plan,
    known: Review | None,
) -> Plan | None:
    """Return the plan that the merge request began from.

    None where there was no spec, or a broken one.
    """
    own = common.merge_base(environment) if arguments.merge_request is None else ""
    base = arguments.against or own or (f"origin/{known.target}" if known and known.target else "")
    if not base:
        raise stop(
            "note",
            "this is no merge request's pipeline",
            "name what to compare with: --against REF",
        )
    loading.at_revision(space.root, base)  # a revision that is not there is no empty one
    asked = Namespace(**{**vars(arguments), "against": base, "against_policy": None})
    try:
        return comparing.before(asked, space, environment, made, None)
    except Stop as stopped:
        say(f"nothing to compare with: {stopped.problems[0]}")
        return None


def _drift(space: Workspace) -> list[tuple[str, str]]:
    """Return states and paths of the files that are not as generated, where any is there."""
    try:
        made = generating.generated(space)
    except Stop:
        return []  # the plan says why
    found = generated_files.drift(space.root, made.texts, pipelines.FOLDERS)
    if len(found) == len(made.texts) and all(entry.state == "missing" for entry in found):
        return []
    return [(entry.state, entry.path) for entry in found]


def _times(
    way: Reviews | None, branch: str, space: Workspace
) -> tuple[pipeline_cost.Times | None, Stop | None]:
    """Return how long jobs took on the target branch; or why nobody can be asked, now or later."""
    if way is None or not branch:
        return None, None
    try:
        earlier = way.earlier(branch)
    except Stop as stopped:
        if stopped.code is Exit.REMOTE_UNREACHABLE:
            return None, stopped
        say(f"no job minutes: {stopped.problems[0].message}")
        return None, None
    if earlier is None:
        return None, None
    source = f"[pipeline {earlier.id}]({earlier.url}) of the target branch"
    return pipeline_cost.times(earlier.taken, space.spec.gitlab.prefix, source), None


def _post(
    arguments: Namespace,
    environment: Mapping[str, str],
    space: Workspace,
    story: Story,
    place: Place,
    way: Reviews,
) -> str:
    """Let the merge request have its one note; returns what was, or would be, done."""
    mark = review.marker(space.spec.project, _folder(space))
    text = review.post(story, mark, _pointer(arguments, environment))
    if arguments.dry_run:
        done = notes.what_to_do(way.notes(place.number, mark), text, is_news=story.is_news)
        say(f"{place}: {WOULD[done]}")
    else:
        done = notes.stick(way, place.number, mark, text, say, is_news=story.is_news)
        say(f"{place}: {DONE[done]}")
    return done


def _folder(space: Workspace) -> str:
    """Return the spec's folder as the repository knows it."""
    root = space.root
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return root.relative_to(top).as_posix()


def _pointer(arguments: Namespace, environment: Mapping[str, str]) -> str:
    address = merge_requests.run_address(environment)
    name = arguments.output.name if arguments.output else "the output"
    return f"{name} of [this job]({address})" if address else f"{name} of `note`"


def _data(story: Story, posted: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "version": 1,
        "changes": comparing.to_data(story.changes),
        "problems": [plan_file.problem_data(problem) for problem in story.made.problems],
        "drift": [{"state": state, "path": path} for state, path in story.drift],
        "jobs": {
            each.event: {
                "before": each.before._asdict() if each.before else None,
                "after": each.after._asdict(),
            }
            for each in story.efforts
        },
        "note": posted,
    }


def title(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Judge the title and the labels of a merge request; exit 2 when they are not as the spec asks."""
    space = common.load(arguments)
    rules = space.spec.merge_requests
    asked, source = _asked(arguments, environment, space)
    problems = []
    if fault := review.title_fault(asked.title, rules):
        hint = one_line(f"such as {rules.types[0]}(build): {asked.title or 'what it does'}")
        problems.append(Problem(Where("title"), fault, hint))
    missing = (
        [label for label in rules.labels if label not in asked.labels]
        if arguments.title is None
        else []
    )
    if missing:
        problems.append(
            Problem(
                Where("labels"), f"missing: {', '.join(missing)}", "add them to the merge request"
            )
        )
    if arguments.json:
        found = [plan_file.problem_data(problem) for problem in problems]
        common.print_json(
            {
                "version": 1,
                "title": asked.title,
                "labels": list(asked.labels),
                "source": source,
                "problems": found,
            }
        )
        return Exit.REFUSED if problems else Exit.OK
    if problems:
        raise Stop(problems)
    say(f"{asked.title!r} is as asked for")
    return Exit.OK


def _asked(
    arguments: Namespace, environment: Mapping[str, str], space: Workspace
) -> tuple[Review, str]:
    """Return the merge request as the forge has it now, else as this pipeline knows it.

    And who says so.
    """
    if arguments.title is not None:
        return Review(arguments.title, (), ""), "argument"
    known = merge_requests.known_review(environment) if arguments.merge_request is None else None
    place = merge_requests.place_of(arguments, environment, space.spec.forges())
    if place is None and known is None:
        raise stop("title", "this is no merge request's pipeline", "name the title: --title TEXT")
    if place is not None:
        try:
            way = merge_requests.connect(place, arguments.deadline, environment, writes=False)
            return way.review(place.number), place.forge
        except Stop as stopped:
            if known is None:
                raise
            problem = stopped.problems[0]
            say(f"judged as it was when its pipeline was made: {problem.where}: {problem.message}")
    return known or Review("", (), ""), "pipeline"
