"""truewheel prove: compare a folder of wheels with the plan."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from truewheel.build import prove, upload_lists
from truewheel.cli import verdict_table
from truewheel.cli.arguments import PLAN_HELP, add_json
from truewheel.cli.plans import is_job, read_plan
from truewheel.cli.terminal import print_json, say, show
from truewheel.cli.verdict_table import say_verdict
from truewheel.errors import Exit, pluralize
from truewheel.plan.model import Plan, cell_file
from truewheel.system import files

EXAMPLES = """\
examples:
  prove dist/
  prove dist/ --plan plan.json --json
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of prove."""
    parser.add_argument(
        "folder", metavar="DIR", type=Path, help="folder of the wheels and their evidence"
    )
    parser.add_argument("--plan", metavar="FILE", help=PLAN_HELP)
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Compare the wheels of a folder with the plan, and with the indexes that they go to.

    In a job of a CI no wheel is loaded: the verdicts of the test jobs are read. Elsewhere the
    wheels that this machine can run are installed and loaded first. Exit 4 when one differs or
    fails.
    """
    plan, path = read_plan(arguments.plan, arguments.folder, environment)
    in_job = is_job(environment)
    if in_job:
        _remove_other_plan(arguments.folder, path)
    else:
        _load(arguments.folder, plan, environment)
    proof = prove.prove(arguments.folder, plan, in_job=in_job)
    lists = upload_lists.write(arguments.folder, plan, environment) if proof.ok else []
    if arguments.json:
        print_json(proof.data)
    for problem in proof.problems:
        say(problem)
    if proof.ok and not arguments.json:
        wheels = pluralize(len(proof.data["wheels"]), "wheel")
        show(f"{wheels}, each as planned: {arguments.folder}/{prove.SUMS}")
        show("\n".join(verdict_table.rows(proof.data)))
    for listed in lists:
        say(f"{listed.name}: {listed.note}")
    return Exit.OK if proof.ok else Exit.WHEEL


def _load(folder: Path, plan: Plan, environment: Mapping[str, str]) -> None:
    """Install and load the wheels of a folder that this machine can run, but for known verdicts.

    Smoke tests belong to a project, which may be elsewhere: they are not run.
    """
    from truewheel.build import load

    with TemporaryDirectory(prefix="truewheel-") as work:
        session = load.Session(
            plan, folder, environment, None, lambda cell: Path(work, cell_file(cell))
        )
        tried = load.load_cells(session, plan.cells, say_verdict, reuse=True)
    for line in verdict_table.obstacles(plan, tried.obstacles):
        say(line)


def _remove_other_plan(folder: Path, plan: Path) -> None:
    """Remove a plan.json beside the wheels that is not the plan of this pipeline.

    Another job has left it, and later jobs would read it as the plan.
    """
    beside = folder / "plan.json"
    if not folder.is_dir():
        return
    if beside.is_symlink() or plan.resolve() != beside.resolve():
        files.remove(beside)
