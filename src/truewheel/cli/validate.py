"""truewheel validate: check wheels for errors."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from truewheel.build import evidence, prove, validate
from truewheel.cli.arguments import add_cells, add_plan
from truewheel.cli.plans import read_plan, select_planned
from truewheel.cli.terminal import say, send
from truewheel.errors import Exit, stop
from truewheel.forges import FORGES
from truewheel.plan.model import QUALITY, Cell
from truewheel.report import findings as reports
from truewheel.system import files
from truewheel.wheel import index_profiles
from truewheel.wheel.checks import metadata
from truewheel.wheel.checks.contents import Limits
from truewheel.wheel.checks.findings import is_ok
from truewheel.wheel.checks.upload import Destination

EXAMPLES = """\
examples:
  validate dist/
  validate dist/ --index pypi --strict
  validate foo-1.0-py3-none-any.whl --format json
  validate dist/ --exclude 'libodbc.so.*'
"""
LIMITS = Limits()


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of validate."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", type=Path, help="wheels, or folders of wheels"
    )
    add_cells(parser, required=False)
    parser.add_argument(
        "--index",
        choices=list(index_profiles.PROFILES),
        default="internal",
        help="default: internal",
    )
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="libraries that the wheels leave outside on purpose, such as 'libodbc.so.*' (the spec "
        "says it for its own: packages.<name>.exclude)",
    )
    _add_report(parser)
    _add_limits(parser)
    add_plan(parser)


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=list(reports.STYLES), default="text", help="default: text"
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write the report to a file, and text to stdout",
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="write a JUnit report beside the cell's evidence, and "
        f"{QUALITY}; on GitHub, also annotate the run",
    )
    parser.add_argument("--strict", action="store_true", help="exit 4 for warnings too")


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=_size,
        default=0,
        help="the most bytes for a file, such as '300 MB' (default: the limit of the index)",
    )
    parser.add_argument(
        "--max-unpacked",
        metavar="SIZE",
        type=_size,
        default=LIMITS.total,
        help=f"the most bytes of an unpacked wheel (default: {LIMITS.total >> 30} GiB)",
    )
    parser.add_argument(
        "--max-ratio",
        metavar="N",
        type=int,
        default=LIMITS.ratio,
        help=f"the most bytes that one byte of a wheel unpacks to (default: {LIMITS.ratio})",
    )


def _size(text: str) -> int:
    try:
        return index_profiles.size(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Check every wheel; exit 4 on an error."""
    out = Path(arguments.out)
    paths: list[Path] = list(arguments.paths)
    cells: tuple[Cell, ...] = ()
    excluded: validate.Excluded = {}
    packages: Mapping[str, str] = {}
    planned = None
    if arguments.cell:
        plan, path = read_plan(arguments.plan, out, environment)
        chosen = select_planned(plan, arguments.cell, path)
        cells = tuple(evidence.settled(out, cell) for cell in chosen)
        paths += [out / cell.wheel for cell in cells]
        excluded, packages = prove.excluded(plan, cells), prove.package_names(cells)
    elif arguments.report:
        raise stop("validate --report", "it needs a cell", "add --cell ID")
    if not paths:
        raise stop("validate", "no wheel is named", "name wheels or a folder, or a cell: --cell ID")
    if arguments.plan and not arguments.cell:
        plan, _ = read_plan(arguments.plan, out, environment)
        settled = [evidence.settled(out, cell) for cell in plan.cells]
        planned, excluded = [cell.wheel for cell in settled], prove.excluded(plan, settled)
        packages = prove.package_names(settled)
    results = validate.validate_set(
        validate.expand(paths),
        Destination(arguments.index, arguments.max_size),
        LIMITS._replace(ratio=arguments.max_ratio, total=arguments.max_unpacked),
        planned,
        {**excluded, "": tuple(arguments.exclude)},
        packages,
    )
    if index_profiles.PROFILES[arguments.index].strict:
        for line in metadata.unchecked():
            say(f"note: {line}")
    if arguments.report:
        _write_reports(out, cells, results, environment)
    report = reports.render_findings(results, arguments.format)
    if arguments.output:
        files.write_text(arguments.output, report)
        report = reports.render_findings(results, "text")
    send(report.rstrip("\n"))
    findings = [finding for _, of_wheel in results for finding in of_wheel]
    return Exit.OK if is_ok(findings, strict=arguments.strict) else Exit.WHEEL


def _write_reports(
    out: Path, cells: Sequence[Cell], results: reports.Results, environment: Mapping[str, str]
) -> None:
    """Write the reports that a forge shows, and annotate the run of a forge that can."""
    for cell in cells:
        name = evidence.path(Path(), cell.id).with_suffix(".xml").name
        junit = files.subfolder(out, "evidence") / name
        of_cell = [result for result in results if result[0].name == cell.wheel]
        files.write_text(junit, reports.render_findings(of_cell, "junit"))
    files.write_text(out / QUALITY, reports.render_findings(results, "codequality"))
    for kind in FORGES.values():
        if not kind.annotation or environment.get(kind.job_variable) != "true":
            continue
        if lines := reports.write_annotations(results, kind.annotation):
            send(lines.rstrip("\n"))
