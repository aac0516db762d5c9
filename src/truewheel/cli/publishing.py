"""truewheel publish."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from truewheel.build import publish as publishing
from truewheel.build.publish import Proven, Publisher
from truewheel.cli import arguments as common
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, counted, meant, stop
from truewheel.plan.model import Index, Plan

EXAMPLES = """\
examples:
  publish --index internal
  publish --index pypi wheels --plan plan.json --dry-run
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of publish."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=publish)
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
    parser.add_argument("--plan", metavar="FILE", help=common.PLAN_HELP)
    parser.add_argument("--dry-run", action="store_true", help="ask the index, upload nothing")
    parser.add_argument(
        "--uploader",
        choices=publishing.UPLOADERS,
        default="",
        help="default: the first that is here",
    )
    parser.add_argument(
        "--deadline", metavar="S", type=_seconds, default=publishing.DEADLINE,
        help="seconds that the upload may take (default: %(default).0f)",
    )  # fmt: skip
    common.add_json(parser)


def _seconds(text: str) -> float:
    if not text.isdecimal() or not 0 < int(text) <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 1000000")
    return float(text)


def publish(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Upload what an index lacks of its proven wheels; exit 4 when one of them is not as proven."""
    plan, path = common.read_plan(arguments.plan, arguments.folder, environment)
    index = _index(plan, arguments.index, path)
    common.refuse(plan.problems)
    if not index.active:
        return _nothing(arguments, publishing.waits_for(plan, index))
    only = (
        "uv" if publishing.is_trusted(index, environment) else ""
    )  # twine does this for PyPI alone
    tool = publishing.uploader(only or arguments.uploader, environment)
    files = publishing.proven(arguments.folder, plan, index.name)
    login = publishing.login_of(index, environment)
    publisher = Publisher(arguments.folder, index, files, login)
    missing = publisher.missing()
    if missing and not arguments.dry_run:
        say(f"uploading {len(missing)} of {len(files)} wheels to {index.name} with {tool[0]}")
        publisher.upload(missing, tool, environment, arguments.deadline)
    return _tell(arguments, index, files, missing)


def _index(plan: Plan, name: str, path: Path) -> Index:
    found = {index.name: index for index in plan.indexes}
    if name not in found:
        raise stop(
            str(path),
            f"no index {name!r} in this plan",
            meant(name, found, f"its indexes: {', '.join(found)}"),
        )
    if not found[name].url:
        raise stop(
            str(path), f"the index {name} has no address", f"add it to the spec: indexes.{name}.url"
        )
    return found[name]


def _nothing(arguments: Namespace, reasons: Sequence[str]) -> Exit:
    if arguments.json:
        common.print_json(
            {"version": 1, "index": arguments.index, "wheels": [], "waits_for": list(reasons)}
        )
    else:
        show(f"nothing to publish to {arguments.index}: {', '.join(reasons)}")
    return Exit.OK


def _tell(
    arguments: Namespace, index: Index, files: Sequence[Proven], missing: Sequence[Proven]
) -> Exit:
    new = "missing" if arguments.dry_run else "uploaded"
    states = {file: new if file in missing else "there" for file in files}
    if arguments.json:
        wheels: list[dict[str, Any]] = [
            {"wheel": file.wheel, "sha256": file.sha256, "state": state}
            for file, state in states.items()
        ]
        common.print_json({"version": 1, "index": index.name, "wheels": wheels, "waits_for": []})
        return Exit.OK
    for file, state in states.items():
        show(f"{state:9} {file.wheel}")
    if arguments.dry_run:
        show(
            f"{counted(len(files), 'wheel')}, {len(missing)} of them would be uploaded to {index.name}"
        )
    else:
        uploaded = f"{counted(len(files), 'wheel')}, {len(missing)} of them uploaded now"
        show(f"{uploaded}; {index.name} has the bytes that were proven")
    return Exit.OK
