"""truewheel doctor: look for misconfigured project settings on a forge."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from truewheel.cli import forges, pipeline_requests
from truewheel.cli.arguments import add_json, add_spec
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import print_json, show
from truewheel.errors import Exit, pluralize, stop
from truewheel.forges import access
from truewheel.forges.calls import Fault
from truewheel.forges.gitlab.api import schedules as gitlab_schedules
from truewheel.forges.gitlab.api import settings
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.requirements import Needs, needs
from truewheel.forges.gitlab.emit import pipeline
from truewheel.forges.settings import NOTE, SEVERITIES, Finding, worst
from truewheel.spec import variables
from truewheel.workspace.loading import Workspace

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
    examine = {"gitlab": _gitlab, "github": _github}[name]
    findings = examine(arguments, environment, space, project)
    if arguments.json:
        data = [finding._asdict() for finding in findings]
        print_json({"version": 1, "project": project, "findings": data})
    else:
        _show_findings(findings)
    return Exit.OK if worst(findings) == NOTE else Exit.DRIFT


def _gitlab(
    arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str
) -> list[Finding]:
    forges.require_library("gitlab")
    allowed = access.gitlab(environment)
    forge = Gitlab(allowed, project, arguments.deadline)
    by_inputs = pipeline_requests.takes_inputs(space, "gitlab")
    return settings.examine(
        forge,
        _needs(space, by_inputs=by_inputs),
        space.spec.project,
        lambda branch: gitlab_schedules.declared(space.spec, branch, by_inputs=by_inputs),
        allowed.kind,
    )


def _github(
    arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str
) -> list[Finding]:
    from truewheel.forges.github.actions import PINS
    from truewheel.forges.github.api import settings, settings_rules
    from truewheel.forges.github.emit import workflows

    plan = pipeline_requests.check_schedules(space)
    pins = {**PINS, **space.lock.actions}
    declared = variables.declared_variables(space.spec, space.policy)
    documents = workflows.documents(plan, space.spec, declared, pins)
    forge = forges.connect("github", project, arguments.deadline, environment)
    try:
        required = settings_rules.needs(space.spec, plan, documents)
        return settings.examine(forge.caller, project, required)
    except Fault as fault:
        message = f"the repository cannot be read: {fault.reason}"
        hint = "check its name, and what the token may read"
        raise stop(project, message, hint, Exit.REMOTE_FAILED) from None


def _needs(space: Workspace, *, by_inputs: bool) -> Needs:
    plan = pipeline_requests.check_schedules(space)
    documents = pipeline.documents(
        plan, space.spec, variables.declared_variables(space.spec, space.policy)
    )
    return needs(space.spec, space.policy, plan, documents, by_inputs=by_inputs)


def _show_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        show(f"{finding.severity:8} {finding.topic}: {finding.message}")
        if finding.step:
            show(f"         → {finding.step}")
    counts = Counter(finding.severity for finding in findings)
    show(", ".join(pluralize(counts[severity], severity) for severity in SEVERITIES))
