"""truewheel publish: upload proven wheels to an index."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from truewheel.build import publish as publishing
from truewheel.build.publish import Proven, Publisher
from truewheel.cli.arguments import PLAN_HELP, add_json, parse_whole_seconds
from truewheel.cli.plans import read_plan
from truewheel.cli.problems import refuse
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, pluralize, stop, suggest
from truewheel.plan.model import Index, Plan

EXAMPLES = """\
examples:
  publish --index internal
  publish --index pypi wheels --plan plan.json --dry-run
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of publish."""
    parser.add_argument(
        "--index", required=True, metavar="NAME", help="the index, as the spec names it"
    )
    parser.add_argument(
        "folder",
        nargs="?",
        default="dist",
        metavar="DIR",
        type=Path,
        help="folder of the proven wheels (default: dist)",
    )
    parser.add_argument("--plan", metavar="FILE", help=PLAN_HELP)
    parser.add_argument("--dry-run", action="store_true", help="ask the index, upload nothing")
    parser.add_argument(
        "--uploader",
        choices=publishing.UPLOADERS,
        default="",
        help="default: the first that is installed",
    )
    parser.add_argument(
        "--deadline",
        metavar="S",
        type=parse_whole_seconds,
        default=publishing.DEADLINE,
        help="seconds that the upload may take (default: %(default).0f)",
    )
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Upload the proven wheels that an index does not have; exit 4 when one is not as proven."""
    plan, path = read_plan(arguments.plan, arguments.folder, environment)
    index = _index(plan, arguments.index, path)
    refuse(plan.problems)
    if not index.active:
        return _show_nothing(arguments, publishing.waits_for(plan, index))
    # Trusted publishing: uv knows it for every index, twine for PyPI alone.
    name = "uv" if publishing.is_trusted(index, environment) else arguments.uploader
    tool = publishing.uploader(name, environment)
    files = publishing.proven(arguments.folder, plan, index.name)
    login = publishing.login_of(index, environment)
    publisher = Publisher(arguments.folder, index, files, login)
    missing = publisher.missing()
    if missing and not arguments.dry_run:
        say(f"uploading {len(missing)} of {len(files)} wheels to {index.name} with {tool[0]}")
        publisher.upload(missing, tool, environment, arguments.deadline)
    return _show(arguments, index, files, missing)


def _index(plan: Plan, name: str, path: Path) -> Index:
    indexes = {index.name: index for index in plan.indexes}
    if name not in indexes:
        hint = suggest(name, indexes, f"its indexes: {', '.join(indexes)}")
        raise stop(str(path), f"no index {name!r} in this plan", hint)
    if not indexes[name].url:
        hint = f"add it to the spec: indexes.{name}.url"
        raise stop(str(path), f"the index {name} has no address", hint)
    return indexes[name]


def _show_nothing(arguments: Namespace, reasons: Sequence[str]) -> Exit:
    if arguments.json:
        print_json(
            {"version": 1, "index": arguments.index, "wheels": [], "waits_for": list(reasons)}
        )
    else:
        show(f"nothing to publish to {arguments.index}: {', '.join(reasons)}")
    return Exit.OK


def _show(
    arguments: Namespace, index: Index, files: Sequence[Proven], missing: Sequence[Proven]
) -> Exit:
    new = "missing" if arguments.dry_run else "uploaded"
    states = {file: new if file in missing else "there" for file in files}
    if arguments.json:
        data = [
            {"wheel": file.wheel, "sha256": file.sha256, "state": state}
            for file, state in states.items()
        ]
        print_json({"version": 1, "index": index.name, "wheels": data, "waits_for": []})
        return Exit.OK
    for file, state in states.items():
        show(f"{state:9} {file.wheel}")
    wheels = f"{pluralize(len(files), 'wheel')}, {len(missing)} of them"
    if arguments.dry_run:
        show(f"{wheels} would be uploaded to {index.name}")
    else:
        show(f"{wheels} uploaded now; {index.name} has the bytes that were proven")
    return Exit.OK
