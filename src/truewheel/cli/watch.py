"""truewheel watch: wait for the end of a pipeline, and show how it ended."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import forges
from truewheel.cli.arguments import add_json
from truewheel.cli.pipeline_arguments import WATCH_SECONDS, add_watch_arguments
from truewheel.errors import Exit, Stop
from truewheel.forges import FORGES
from truewheel.workspace import loading

EXAMPLES = """\
examples:
  watch 49163608 --project triton/server
  watch https://gitlab.example.com/triton/server/-/pipelines/49163608 --wheels wheels
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of watch."""
    parser.add_argument(
        "pipeline", metavar="PIPELINE", help="its id, or its address in the browser"
    )
    forges.add_forge(parser, seconds=WATCH_SECONDS)
    add_watch_arguments(parser)
    parser.add_argument(
        "--wheels", metavar="DIR", type=Path, help="at the end, download the wheels and prove them"
    )
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Watch a pipeline to its end; exit 5 when it failed, exit 6 when its end was not seen."""
    from truewheel.cli import watch_pipelines

    arguments.forge = arguments.forge or forges.forge_of_address(arguments.pipeline)
    name = forges.choose_forge(arguments, environment)
    project, number = forges.parse_pipeline(arguments.pipeline, name)
    project = forges.find_project(name, arguments.project or project or None, environment)
    forge = forges.connect(name, project, arguments.deadline, environment)
    if FORGES[name].is_on_many_servers:  # another one may have a pipeline of the same number
        forges.check_server(arguments.pipeline, forge.caller.server)
    try:
        pipeline = forge.run(number)
    except Stop as stopped:  # the pipeline cannot be read, so it has neither passed nor failed
        raise Stop(stopped.problems, Exit.REMOTE_UNREACHABLE) from None
    data = {"project": project, "id": pipeline.id, "url": pipeline.url, "ref": pipeline.ref}
    return watch_pipelines.watch(arguments, [(forge, pipeline)], [data], _local_prefix(name))


def _local_prefix(forge: str) -> str:
    """Return the prefix of job names in the spec here, or "" without a spec.

    The pipeline may be of another project.
    """
    try:
        return FORGES[forge].job_prefix(loading.load(None, Path.cwd()).spec)
    except Stop:
        return ""
