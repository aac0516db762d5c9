"""truewheel validate and prove."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel import files, workspace
from truewheel.cli import common
from truewheel.cli.terminal import say, show
from truewheel.model import Cell
from truewheel.problems import Exit, stop
from truewheel.steps import evidence, prove, validate

EXAMPLES = {
    "validate": "examples:\n  validate dist/\n  validate foo-1.0-py3-none-any.whl --format json\n",
    "prove": "examples:\n  prove dist/\n  prove dist/ --plan plan.json --json\n",
}
FORMATS = ("text", "json", "junit")


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of validate and prove."""
    parser.epilog = EXAMPLES[command]
    if command == "validate":
        parser.set_defaults(run=validate_wheels)
        parser.add_argument("paths", nargs="*", metavar="PATH", type=Path, help="wheels, or folders of wheels")
        common.add_cells(parser, required=False)
        parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write the report to a file, and text to stdout"
        )
        parser.add_argument("--report", action="store_true", help="leave a JUnit report beside the cell's evidence")
        parser.add_argument("--strict", action="store_true", help="warnings fail too")
        common.add_plan(parser)
    else:
        parser.set_defaults(run=prove_folder)
        parser.add_argument("folder", metavar="DIR", type=Path, help="folder of the wheels and their evidence")
        parser.add_argument("--plan", metavar="FILE", help="the plan (default: DIR/plan.json, then ./plan.json)")
        common.add_json(parser)


def validate_wheels(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Check every wheel against its own name; exit 4 on an error."""
    del environment
    paths = list(arguments.paths)
    cells: tuple[Cell, ...] = ()
    if arguments.cell:
        plan, path = workspace.read_plan(arguments.plan, Path(arguments.out))
        out = Path(arguments.out)
        cells = common.planned_cells(plan, arguments.cell, path)
        paths += [out / evidence.settled(out, cell).wheel for cell in cells]
    elif arguments.report:
        raise stop("validate --report", "it needs a cell", "add --cell ID")
    if not paths:
        raise stop("validate", "no wheel is named", "name wheels or a folder, or a cell: --cell ID")
    results = validate.validate_all(validate.expand(paths))
    if arguments.report:
        for cell in cells:
            junit = evidence.path(Path(arguments.out), cell.id).with_suffix(".xml")
            own = [result for result in results if result[0].name == cell.wheel]
            files.write_text(junit, validate.report(own, "junit"))
    report = validate.report(results, arguments.format)
    if arguments.output:
        files.write_text(arguments.output, report)
        report = validate.report(results, "text")
    show(report.rstrip("\n"))
    findings = [finding for _, found in results for finding in found]
    failed = bool(findings) if arguments.strict else not validate.is_ok(findings)
    return Exit.WHEEL if failed else Exit.OK


def prove_folder(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Compare the wheels of a folder with the plan; exit 4 when they differ."""
    del environment
    plan, _ = workspace.read_plan(arguments.plan, arguments.folder)
    proof = prove.prove(arguments.folder, plan)
    if arguments.json:
        common.print_json(proof.data)
    for problem in proof.problems:
        say(problem)
    if proof.ok and not arguments.json:
        show(f"{len(proof.data['wheels'])} wheels, each as planned: {arguments.folder}/SHA256SUMS")
    return Exit.OK if proof.ok else Exit.WHEEL
