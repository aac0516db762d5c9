"""truewheel validate and prove."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.build import evidence, prove, upload_lists, validate
from truewheel.cli import arguments as common
from truewheel.cli.terminal import say, send, show
from truewheel.errors import Exit, counted, stop
from truewheel.plan.model import QUALITY, Cell
from truewheel.report import findings as reports
from truewheel.system import files
from truewheel.wheel import index_profiles
from truewheel.wheel.checks.contents import Limits
from truewheel.wheel.checks.findings import is_ok
from truewheel.wheel.checks.upload import Destination

EXAMPLES = {
    "validate": "examples:\n  validate dist/\n  validate dist/ --index pypi --strict\n"
    "  validate foo-1.0-py3-none-any.whl --format json\n",
    "prove": "examples:\n  prove dist/\n  prove dist/ --plan plan.json --json\n",
}
LIMITS = Limits()


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of validate and prove."""
    parser.epilog = EXAMPLES[command]
    if command == "validate":
        parser.set_defaults(run=validate_wheels)
        parser.add_argument(
            "paths", nargs="*", metavar="PATH", type=Path, help="wheels, or folders of wheels"
        )
        common.add_cells(parser, required=False)
        parser.add_argument(
            "--index",
            choices=list(index_profiles.PROFILES),
            default="internal",
            help="default: internal",
        )
        parser.add_argument(
            "--format", choices=list(reports.STYLES), default="text", help="default: text"
        )
        parser.add_argument(
            "--output",
            metavar="FILE",
            type=Path,
            help="write the report to a file, and text to stdout",
        )
        told = f"leave a JUnit report beside the cell's evidence, and {QUALITY}; on GitHub, annotate the run"
        parser.add_argument("--report", action="store_true", help=told)
        parser.add_argument("--strict", action="store_true", help="warnings fail too")
        parser.add_argument(
            "--max-size", metavar="SIZE", type=_size, default=0,
            help="the most bytes for a file, such as '300 MB' (default: the limit of the index)",
        )  # fmt: skip
        parser.add_argument(
            "--max-unpacked", metavar="SIZE", type=_size, default=LIMITS.total,
            help=f"the most bytes that a wheel may unpack to (default: {LIMITS.total >> 30} GiB)",
        )  # fmt: skip
        parser.add_argument(
            "--max-ratio", metavar="N", type=int, default=LIMITS.ratio,
            help=f"how many times its own size a wheel may unpack to (default: {LIMITS.ratio})",
        )  # fmt: skip
        common.add_plan(parser)
    else:
        parser.set_defaults(run=prove_folder)
        parser.add_argument(
            "folder", metavar="DIR", type=Path, help="folder of the wheels and their evidence"
        )
        parser.add_argument("--plan", metavar="FILE", help=common.PLAN_HELP)
        common.add_json(parser)


def validate_wheels(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Check every wheel against its own name; exit 4 on an error."""
    paths = list(arguments.paths)
    cells: tuple[Cell, ...] = ()
    excluded: validate.Excluded = {}
    if arguments.cell:
        plan, path = common.read_plan(arguments.plan, Path(arguments.out), environment)
        out = Path(arguments.out)
        cells = tuple(
            evidence.settled(out, cell) for cell in common.planned_cells(plan, arguments.cell, path)
        )
        paths += [out / cell.wheel for cell in cells]
        excluded = prove.excluded(plan, cells)
    elif arguments.report:
        raise stop("validate --report", "it needs a cell", "add --cell ID")
    if not paths:
        raise stop("validate", "no wheel is named", "name wheels or a folder, or a cell: --cell ID")
    planned = None
    if arguments.plan and not arguments.cell:
        out = Path(arguments.out)
        plan, _ = common.read_plan(arguments.plan, out, environment)
        settled = [evidence.settled(out, cell) for cell in plan.cells]
        planned, excluded = [cell.wheel for cell in settled], prove.excluded(plan, settled)
    results = validate.validate_set(
        validate.expand(paths),
        Destination(arguments.index, arguments.max_size),
        LIMITS._replace(ratio=arguments.max_ratio, total=arguments.max_unpacked),
        planned,
        excluded,
    )
    if arguments.report:
        for cell in cells:
            name = evidence.path(Path(), cell.id).with_suffix(".xml").name
            junit = files.subfolder(Path(arguments.out), "evidence") / name
            own = [result for result in results if result[0].name == cell.wheel]
            files.write_text(junit, reports.report(own, "junit"))
        files.write_text(Path(arguments.out) / QUALITY, reports.report(results, "codequality"))
        if environment.get("GITHUB_ACTIONS") == "true" and (
            annotations := reports.report(results, "github")
        ):
            send(annotations.rstrip("\n"))
    report = reports.report(results, arguments.format)
    if arguments.output:
        files.write_text(arguments.output, report)
        report = reports.report(results, "text")
    send(report.rstrip("\n"))
    findings = [finding for _, found in results for finding in found]
    failed = bool(findings) if arguments.strict else not is_ok(findings)
    return Exit.WHEEL if failed else Exit.OK


def _size(text: str) -> int:
    try:
        return index_profiles.size(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def prove_folder(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Compare the wheels of a folder with the plan, and with the indexes that they go to.

    Exit 4 when they differ.
    """
    plan, path = common.read_plan(arguments.plan, arguments.folder, environment)
    is_job = common.in_job(environment)
    beside = arguments.folder / "plan.json"
    if (
        is_job
        and arguments.folder.is_dir()
        and (beside.is_symlink() or path.resolve() != beside.resolve())
    ):
        files.remove(
            beside
        )  # another job has left it, and who gets this folder would take it for the plan
    proof = prove.prove(arguments.folder, plan, in_job=is_job)
    lists = upload_lists.write(arguments.folder, plan, environment) if proof.ok else []
    if arguments.json:
        common.print_json(proof.data)
    for problem in proof.problems:
        say(problem)
    if proof.ok and not arguments.json:
        show(
            f"{counted(len(proof.data['wheels']), 'wheel')}, each as planned: {arguments.folder}/SHA256SUMS"
        )
    for listed in lists:
        say(f"{listed.name}: {listed.note}")
    return Exit.OK if proof.ok else Exit.WHEEL
