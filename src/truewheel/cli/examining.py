"""truewheel doctor: ask a forge for the settings that would bite."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from truewheel import contract
from truewheel.cli import common, forges, scheduling
from truewheel.cli.terminal import show
from truewheel.cli.triggering import by_inputs
from truewheel.emit import gitlab
from truewheel.forge import access, doctor
from truewheel.forge import schedules as clock
from truewheel.forge.calls import Fault
from truewheel.forge.gitlab import Gitlab
from truewheel.forge.judging import NOTE, SEVERITIES, Finding
from truewheel.forge.needs import Needs, needs
from truewheel.problems import Exit, stop
from truewheel.workspace import Workspace

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
    """Print what the settings of a project would do to its pipelines; exit 3 when anything is more than a note."""
    space = common.load(arguments)
    name = forges.forge_name(arguments, environment, space.spec.forges())
    project = forges.project_of(name, arguments.project, environment)
    found = {"gitlab": _gitlab, "github": _github}[name](arguments, environment, space, project)
    if arguments.json:
        common.print_json({"version": 1, "project": project, "findings": [each._asdict() for each in found]})
    else:
        _tell(found)
    return Exit.OK if doctor.worst(found) == NOTE else Exit.DRIFT


def _gitlab(arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str) -> list[Finding]:
    allowed = access.gitlab(environment)
    forge = Gitlab(allowed, project, arguments.deadline)
    is_by_inputs = by_inputs(space, "gitlab")
    return doctor.examine(
        forge,
        _needs(space, by_inputs=is_by_inputs),
        space.spec.project,
        lambda branch: clock.declared(space.spec, branch, by_inputs=is_by_inputs),
        allowed.kind,
    )


def _github(arguments: Namespace, environment: Mapping[str, str], space: Workspace, project: str) -> list[Finding]:
    from truewheel.emit import github
    from truewheel.emit.actions import PINS
    from truewheel.forge import doctor_github, judging_github

    made = scheduling.check(space)
    pins = {**PINS, **space.lock.actions}
    documents = github.documents(made, space.spec, contract.declared(space.spec, space.policy), pins)
    forge = forges.connect("github", project, arguments.deadline, environment)
    try:
        return doctor_github.examine(forge.caller, project, judging_github.needs(space.spec, made, documents))
    except Fault as fault:
        hint = "look at its name, and at what the token may see"
        raise stop(project, f"the repository cannot be read: {fault.reason}", hint, Exit.REMOTE_FAILED) from None


def _needs(space: Workspace, *, by_inputs: bool) -> Needs:
    made = scheduling.check(space)
    documents = gitlab.documents(made, space.spec, contract.declared(space.spec, space.policy))
    return needs(space.spec, space.policy, made, documents, by_inputs=by_inputs)


def _tell(found: Sequence[Finding]) -> None:
    for each in found:
        show(f"{each.severity:8} {each.topic}: {each.message}")
        if each.step:
            show(f"         → {each.step}")
    counts = Counter(each.severity for each in found)
    show(", ".join(f"{counts[severity]} {severity}{'s' * (counts[severity] != 1)}" for severity in SEVERITIES))
