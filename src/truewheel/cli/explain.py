"""truewheel explain: where a wheel's name, or the value of a variable, comes from."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from truewheel.cli.arguments import add_json, add_spec, add_variables
from truewheel.cli.plans import detect_machine, find_event, is_job, load_workspace, make_plan
from truewheel.cli.terminal import print_json, show
from truewheel.errors import Exit, Stop, Where, stop, suggest
from truewheel.forges import FORGES
from truewheel.forges.kind import Declared
from truewheel.plan import explain, plan_file
from truewheel.plan.explain import Part
from truewheel.plan.matrix import HOST
from truewheel.plan.model import Cell
from truewheel.spec import variables as spec_variables
from truewheel.spec.policy import Policy
from truewheel.spec.policy import from_data as policy_from_data
from truewheel.workspace import loading

HERE = Where("command line")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
EXAMPLES = """\
examples:
  explain tritonserver/rhel8/x86_64/cp312 -v CI_PIPELINE_ID=49163608
  explain dist/foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
  explain CUDA_VERSION                   how a variable gets from the forge to the scripts
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of explain."""
    add_variables(parser)
    add_json(parser)
    add_spec(parser)
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="id of a cell, planned name, path of any wheel, or name of a variable",
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Say where each part of a wheel's name comes from, or how a variable gets to the scripts."""
    if VARIABLE.fullmatch(arguments.what):
        return _explain_variable(arguments, environment)
    return _explain_name(arguments, environment)


def _explain_name(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    name = Path(arguments.what).name
    is_wheel = arguments.what.endswith(".whl")
    what = name if is_wheel else arguments.what
    cell, policy = _find_cell(arguments, environment, what, is_wheel=is_wheel)
    if cell and policy:
        parts = explain.explain(cell, policy)
    else:
        try:
            parts = explain.parts_of(name)
        except ValueError as error:
            raise stop(HERE, str(error), "name a cell of the plan, or a wheel") from None
    if arguments.json:
        print_json(_data(cell, name, parts))
    else:
        show("\n".join([_heading(cell, policy, name), "", *explain.lines(parts)]))
    return Exit.OK


def _heading(cell: Cell | None, policy: Policy | None, name: str) -> str:
    if not (cell and policy):
        return f"{name}\n  not in the plan: read from the name alone"
    heading = f"{cell.wheel}\n  cell {cell.id} · channel {cell.channel} of the policy {policy.name}"
    if cell.platforms:
        heading += f"\n  audited: the platform will be one of {', '.join(cell.platforms)}"
    return heading


def _data(cell: Cell | None, name: str, parts: Iterable[Part]) -> dict[str, object]:
    facts = cell.facts if cell else {}
    return {
        "cell": cell.id if cell else None,
        "channel": cell.channel if cell else None,
        "wheel": cell.wheel if cell else name,
        "parts": [_part(part) for part in parts],
        "facts": {name: plan_file.fact_data(fact) for name, fact in facts.items()},
    }


def _explain_variable(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    space, name = load_workspace(arguments), arguments.what
    known = {
        **spec_variables.declared_variables(space.spec, space.policy),
        **spec_variables.BUILT_IN,
    }
    if name not in known:
        message = f"no variable {name!r} in this file or in the policy {space.policy.name}"
        hint = suggest(name, known, f"declared: {', '.join(sorted(known)) or 'none'}")
        raise stop(HERE, message, hint)
    plan = make_plan(arguments, space, environment, event=find_event(environment))
    declared = Declared(plan, space.spec, space.policy)
    children = any(FORGES[forge].has_children(declared) for forge in space.spec.forges())
    hops = spec_variables.trace_variable(space.spec, space.policy, name, children=children)
    readers = spec_variables.find_readers(space.spec, space.policy, name)
    value, rule = plan.variables.get(name), known[name]
    if arguments.json:
        print_json(
            {
                "variable": name,
                "scope": rule.scope,
                "value": asdict(value) if value else None,
                "way": [hop._asdict() for hop in hops],
                "readers": readers,
            }
        )
        return Exit.OK
    lines = [
        f"{name}: {rule.description}" if rule.description else name,
        f"  {'scope':11}{rule.scope}",
        *(f"  {hop.place:11}{hop.told}" for hop in hops),
        f"  {'read by':11}{', '.join(readers) or 'nothing'}",
        f"  {'now':11}{f'{value.value} ({value.origin})' if value else 'not set, or secret'}",
    ]
    show("\n".join(lines))
    return Exit.OK


def _part(part: Part) -> dict[str, object]:
    return {**asdict(part), "part": part.part.strip()}


def _find_cell(
    arguments: Namespace, environment: Mapping[str, str], what: str, *, is_wheel: bool
) -> tuple[Cell | None, Policy | None]:
    """Return the cell and its policy: from the plan beside a wheel, else from the spec's plan."""
    if is_wheel and (path := _plan_beside(arguments.what, environment)):
        plan, _ = loading.read_plan(str(path), path.parent)
        if cell := _cell_of(plan.cells, what):
            return cell, policy_from_data(plan.policy)
    try:
        space = load_workspace(arguments)
    except Stop:
        if is_wheel and not arguments.spec:
            return None, None  # any wheel can be explained, also outside of a project
        raise
    machine = detect_machine(space.spec, environment) if f"/{HOST}/" in what else None
    plan = make_plan(arguments, space, environment, event=find_event(environment), on=machine)
    cell = next((cell for cell in plan.cells if what == cell.id), None)
    cell = cell or _cell_of(plan.cells, what)
    if cell is None and not is_wheel:
        hint = suggest(what, [cell.id for cell in plan.cells], "see: plan", cutoff=0.3)
        raise stop(HERE, f"no cell {what!r} in the plan", hint)
    return cell, space.policy


def _plan_beside(wheel: str, environment: Mapping[str, str]) -> Path | None:
    """Return the path of the plan beside a wheel, if there is one."""
    if is_job(environment):
        paths = [Path("plan.json")]  # another job may have left one beside the wheels
    else:
        folder = Path(wheel).parent
        # copies/<index>/ is two folders below the plan
        paths = [folder / "plan.json", folder.parent.parent / "plan.json"]
    return next((path for path in paths if path.is_file()), None)


def _cell_of(cells: Iterable[Cell], wheel: str) -> Cell | None:
    named = (explain.find_cell(cell, wheel) for cell in cells)
    return next(filter(None, named), None)
