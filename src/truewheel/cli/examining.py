"""truewheel doctor: ask a forge for the settings that would bite."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from truewheel.cli import arguments as common
from truewheel.cli import forges, scheduling
from truewheel.cli.terminal import show
from truewheel.cli.triggering import by_inputs
from truewheel.errors import Exit, stop
from truewheel.forges import access
from truewheel.forges.calls import Fault
from truewheel.forges.gitlab.api import schedules as clock
from truewheel.forges.gitlab.api import settings
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.requirements import Needs, needs
from truewheel.forges.gitlab.emit import pipeline
from truewheel.forges.settings import NOTE, SEVERITIES, Finding, worst
from truewheel.spec import variables
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  doctor                           exit 3 when a setting would bite
  doctor --project triton/server
"""
SECONDS = 300.0


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of doctor."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=examine)
    common.add_spec(parser)
    forges.add_forge(parser, seconds=SECONDS)
    common.add_json(parser)


def examine(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print what the settings of a project would do to its pipelines.

    Exit 3 when anything is more than a note.
    """
    space = common.load(arguments)
    name = forges.forge_name(arguments, environment, space.spec.forges())
    project = forges.project_of(name, arguments.project, environment)
    found = {"gitlab": _gitlab, "github": _github}[name](arguments, environment, space, project)
    if arguments.json:
        common.print_json(
            {"version": 1, "project": project, "findings": [each._asdict() for each in found]}
        )
    else:
        _tell(found)
    return Exit.OK if worst(found) == NOTE else Exit.DRIFT


def _gitlab(
    arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str
) -> list[Finding]:
    allowed = access.gitlab(environment)
    forge = Gitlab(allowed, project, arguments.deadline)
    is_by_inputs = by_inputs(space, "gitlab")
    return settings.examine(
        forge,
        _needs(space, by_inputs=is_by_inputs),
        space.spec.project,
        lambda branch: clock.declared(space.spec, branch, by_inputs=is_by_inputs),
        allowed.kind,
    )


def _github(
    arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str
) -> list[Finding]:
    from truewheel.forges.github.actions import PINS
    from truewheel.forges.github.api import settings, settings_rules
    from truewheel.forges.github.emit import workflows

    made = scheduling.check(space)
    pins = {**PINS, **space.lock.actions}
    documents = workflows.documents(
        made, space.spec, variables.declared(space.spec, space.policy), pins
    )
    forge = forges.connect("github", project, arguments.deadline, environment)
    try:
        return settings.examine(
            forge.caller, project, settings_rules.needs(space.spec, made, documents)
        )
    except Fault as fault:
        hint = "look at its name, and at what the token may see"
        raise stop(
            project, f"the repository cannot be read: {fault.reason}", hint, Exit.REMOTE_FAILED
        ) from None


def _needs(space: Workspace, *, by_inputs: bool) -> Needs:
    made = scheduling.check(space)
    documents = pipeline.documents(made, space.spec, variables.declared(space.spec, space.policy))
    return needs(space.spec, space.policy, made, documents, by_inputs=by_inputs)


def _tell(found: Sequence[Finding]) -> None:
    for each in found:
        show(f"{each.severity:8} {each.topic}: {each.message}")
        if each.step:
            show(f"         → {each.step}")
    counts = Counter(each.severity for each in found)
    show(
        ", ".join(
            f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}"
            for severity in SEVERITIES
        )
    )
