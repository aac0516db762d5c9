"""truewheel note and title: what a merge request is told, and what is asked of it."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truewheel import files, review, workspace
from truewheel.cli import common, comparing
from truewheel.cli.terminal import say, show
from truewheel.problems import Exit, Problem, Stop, Where, stop

EXAMPLES = {
    "note": """\
examples:
  note --output names.md      in a merge request's pipeline: its target branch is known
  note --against origin/main  on a laptop
""",
    "title": """\
examples:
  title                                in a merge request's pipeline
  title --title 'fix(build): a title'  anywhere
""",
}


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of note and title."""
    parser.epilog = EXAMPLES[command]
    parser.set_defaults(run={"note": note, "title": title}[command])
    common.add_spec(parser)
    if command == "note":
        common.add_variables(parser)
        parser.add_argument("--against", metavar="REF", help="git revision (default: where the merge request began)")
        parser.add_argument("--output", metavar="FILE", type=Path, help="write the note to a file")
    else:
        parser.add_argument("--title", metavar="TEXT", help="title to judge (default: the merge request's)")


def note(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Write the change of names as Markdown; an empty note says that nothing changes."""
    base = arguments.against or common.merge_base(environment)
    if not base:
        raise stop("note", "this is no merge request's pipeline", "name what to compare with: --against REF")
    space = common.load(arguments)
    made = common.make_plan(arguments, space, environment, event="mr")
    asked = Namespace(**{**vars(arguments), "against": base, "against_policy": None})
    text = review.note(comparing.against(asked, space, environment, made, None), made)
    if arguments.output:
        files.write_text(arguments.output, text)
    show(text.rstrip("\n") or "no name changes")
    return Exit.OK


def title(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Judge the title and the labels of a merge request; exit 2 when they are not as the spec asks."""
    rules = common.load(arguments).spec.merge_requests
    request = _request(arguments, environment)
    problems = []
    if fault := review.title_fault(request[0], rules):
        problems.append(
            Problem(Where("title"), fault, f"such as {rules.types[0]}(build): {request[0] or 'what it does'}")
        )
    if missing := [label for label in rules.labels if label not in request[1]] if arguments.title is None else []:
        problems.append(Problem(Where("labels"), f"missing: {', '.join(missing)}", "add them to the merge request"))
    if problems:
        raise Stop(problems)
    say(f"{request[0]!r} is as asked for")
    return Exit.OK


def _request(arguments: Namespace, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the title and the labels of the merge or pull request whose pipeline this is."""
    if arguments.title is not None:
        return arguments.title, []
    if "CI_MERGE_REQUEST_TITLE" in environment:
        labels = environment.get("CI_MERGE_REQUEST_LABELS", "")
        return environment["CI_MERGE_REQUEST_TITLE"], labels.split(",")
    if path := environment.get("GITHUB_EVENT_PATH"):
        pull = _payload(Path(path)).get("pull_request") or {}
        return str(pull.get("title", "")), [str(label.get("name")) for label in pull.get("labels") or []]
    raise stop("title", "this is no merge request's pipeline", "name the title: --title TEXT")


def _payload(path: Path) -> dict[str, Any]:
    text = workspace.read_text(path)
    try:
        payload = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise stop(str(path), f"no event of GitHub: {error}", "look at GITHUB_EVENT_PATH") from None
    return payload if isinstance(payload, dict) else {}
