"""truewheel doctor: look for misconfigured project settings on a forge."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from truewheel.cli import forges, pipeline_requests
from truewheel.cli.arguments import add_json, add_spec
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import print_json, show
from truewheel.errors import Exit, pluralize
from truewheel.forges import FORGES
from truewheel.forges.kind import RemoteProject
from truewheel.forges.settings import NOTE, SEVERITIES, Finding, worst

EXAMPLES = """\
examples:
  doctor                           exit 3 when a setting is wrong for the spec
  doctor --project triton/server
"""
SECONDS = 300.0


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of doctor."""
    add_spec(parser)
    forges.add_forge(parser, seconds=SECONDS)
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print which settings of a project break its pipelines, or make them unsafe.

    Exit 3 when a finding is more than a note.
    """
    space = load_workspace(arguments)
    name = forges.choose_forge(arguments, environment, space.spec.forges())
    project = forges.find_project(name, arguments.project, environment)
    declared = pipeline_requests.check_schedules(space)
    forges.require_library(name)
    remote = RemoteProject(environment, project, arguments.deadline)
    findings = FORGES[name].examine(remote, declared)
    if arguments.json:
        data = [finding._asdict() for finding in findings]
        print_json({"version": 1, "project": project, "findings": data})
    else:
        _show_findings(findings)
    return Exit.OK if worst(findings) == NOTE else Exit.DRIFT


def _show_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        show(f"{finding.severity:8} {finding.topic}: {finding.message}")
        if finding.step:
            show(f"         → {finding.step}")
    counts = Counter(finding.severity for finding in findings)
    show(", ".join(pluralize(counts[severity], severity) for severity in SEVERITIES))
