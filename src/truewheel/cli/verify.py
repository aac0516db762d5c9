"""truewheel verify: check the files of a release before they are uploaded."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.build import last_release, verify, verify_load
from truewheel.build.verify import Options
from truewheel.cli.terminal import say, send
from truewheel.cli.verdict_table import say_verdict
from truewheel.errors import Exit, stop
from truewheel.forges import FORGES
from truewheel.report import findings as reports
from truewheel.system import files
from truewheel.wheel import index_profiles
from truewheel.wheel.checks import metadata
from truewheel.wheel.checks.findings import is_ok
from truewheel.wheel.checks.upload import Destination

EXAMPLES = """\
examples:
  verify dist/
  verify dist/ --against                       # what changes for users of the last release
  verify dist/ --against old-dist/ --format markdown
  verify dist/ --expect wheels.txt --install
"""
DEFAULT = Path("dist")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of verify."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="DIST",
        type=Path,
        help="files of the release, or folders of them (default: dist)",
    )
    parser.add_argument(
        "--against",
        nargs="?",
        const="",
        metavar="WHERE",
        help="compare with the last release: on the index (default: that of --index), in a folder, "
        "or in a file with a list of names",
    )
    parser.add_argument(
        "--expect",
        metavar="WHAT",
        help="a plan.json, or a file of names or patterns, one a line: each has its file, and no "
        "file is there beside them",
    )
    parser.add_argument(
        "--index",
        metavar="INDEX",
        default="pypi",
        help="where the files go: pypi, internal, or the address of an index's simple API "
        "(default: pypi)",
    )
    parser.add_argument(
        "--install",
        action="store_true",
        help="install and load what this machine can, each wheel in an environment of its own",
    )
    parser.add_argument(
        "--format",
        choices=list(reports.STYLES),
        action="append",
        help="default: text",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        type=Path,
        help="write the report to a file, and text to stdout; with several --format, one for each",
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Verify the files; exit 4 on an error."""
    paths: list[Path] = arguments.paths or [DEFAULT]
    styles, outputs = arguments.format or ["text"], arguments.output or []
    if len(styles) != max(len(outputs), 1):
        message = f"{len(styles)} formats and {len(outputs)} files"
        raise stop("verify --format", message, "give each --format its --output")
    profile, address = _index(arguments.index)
    options = Options(Destination(profile), verify.read_settings(Path()))
    if arguments.expect:
        options = options._replace(expected=verify.expectation(Path(arguments.expect)))
    if arguments.against is not None:
        last = last_release.finder(arguments.against, address, environment, paths)
        options = options._replace(last=last)
    if arguments.install:
        options = options._replace(
            tried=lambda wheels: verify_load.try_wheels(wheels, environment, say_verdict)
        )
    verified = verify.verify(verify.expand(paths), paths[0], options)
    if index_profiles.PROFILES[profile].strict:
        for line in metadata.unchecked():
            say(f"note: {line}")
    summary = " ".join(verified.sentences)
    for style, path in zip(styles, outputs):
        files.write_text(path, reports.render_findings(verified.results, style, summary))
    shown = "text" if outputs else styles[0]
    report = reports.render_findings(verified.results, shown, summary)
    _summarize(verified, summary, environment)
    send(report.rstrip("\n"))
    findings = [finding for _, of_file in verified.results for finding in of_file]
    return Exit.OK if is_ok(findings) else Exit.WHEEL


def _index(word: str) -> tuple[str, str]:
    """Return the profile of an index, and its address or ""."""
    if word in index_profiles.PROFILES:
        return word, ""
    if word.startswith(("https://", "http://")):
        return "internal", word
    names = ", ".join(index_profiles.PROFILES)
    raise stop("--index", f"{word!r} is no index", f"one of {names}, or an address")


def _summarize(verified: verify.Verified, summary: str, environment: Mapping[str, str]) -> None:
    """Add the table to the page of the run, on a forge that shows one."""
    for kind in FORGES.values():
        path = environment.get(kind.summary_variable, "") if kind.summary_variable else ""
        if path and environment.get(kind.job_variable) == "true":
            table = reports.render_findings(verified.results, "markdown", summary)
            with (
                files.explained(Path(path), "written"),
                Path(path).open("a", encoding="utf-8") as f,
            ):
                f.write(table)
