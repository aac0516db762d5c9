"""truewheel name and explain."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from truewheel.cli import arguments as common
from truewheel.cli.planning import event_of, local_host
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop, Where, meant, shown, stop
from truewheel.plan import explain, naming, plan_file
from truewheel.plan.explain import Part
from truewheel.plan.matrix import ANY, HOST
from truewheel.plan.model import Cell, Variable
from truewheel.plan.naming import Sources
from truewheel.plan.planner import Request, value_of
from truewheel.spec import variables as contract
from truewheel.spec.policy import Policy
from truewheel.spec.policy import from_data as policy_from_data
from truewheel.workspace import loading

HERE = Where("command line")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
NAME_EXAMPLES = """\
examples:
  name --policy triton-2026.04 --package tritonserver --base 2.69.0 --python cp312 --abi cp312 \\
       --platform manylinux_2_28_x86_64 -v CI_PIPELINE_ID=49163608
  name --policy plain --package Foo.Bar --base 1.0rc1 --python py3 --abi none --platform any --json
"""
EXPLAIN_EXAMPLES = """\
examples:
  explain tritonserver/rhel8/x86_64/cp312 -v CI_PIPELINE_ID=49163608
  explain dist/foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
  explain CUDA_VERSION                   the way of a variable from the forge to the scripts
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of name and explain."""
    common.add_variables(parser)
    common.add_json(parser)
    if command == "name":
        parser.epilog = NAME_EXAMPLES
        parser.set_defaults(run=name)
        parser.add_argument(
            "--policy",
            required=True,
            metavar="P",
            help="a built-in policy, or a policy file (*.yml)",
        )
        parser.add_argument(
            "--package", required=True, metavar="N", type=_project, help="name of the project"
        )
        parser.add_argument(
            "--base", default="", metavar="V", help="base version, as the package's own file has it"
        )
        parser.add_argument(
            "--variant-labels",
            action="store_true",
            help="end the name in the channel's label (PEP 817)",
        )
        for tag, example in (
            ("python", "cp312"),
            ("abi", "cp312"),
            ("platform", "manylinux_2_28_x86_64"),
        ):
            parser.add_argument(
                f"--{tag}",
                required=True,
                metavar="TAG",
                type=_tag,
                help=f"{tag} tag, such as {example}",
            )
    else:
        parser.epilog = EXPLAIN_EXAMPLES
        parser.set_defaults(run=explain_name)
        common.add_spec(parser)
        parser.add_argument(
            "what",
            metavar="WHAT",
            help="id of a cell, planned name, path of any wheel, or name of a variable",
        )


def _tag(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no compatibility tag (PEP 425)")
    return text


def _project(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no project name (letters and digits, with . _ - inside)"
        )
    return text


def name(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print one file name, from the flags alone."""
    del environment
    policy = loading.read_policy(arguments.policy, Path.cwd(), HERE)
    cell = _single_cell(arguments, policy)
    if arguments.json:
        common.print_json({"wheel": cell.wheel, "channel": cell.channel, "facts": _facts(cell)})
    else:
        show(cell.wheel)
    return Exit.OK


def _single_cell(arguments: Namespace, policy: Policy) -> Cell:
    variables = _variables(arguments, policy)
    sources = Sources(
        variables=variables,
        options=common.options(arguments),
        version=arguments.base,
        version_origin="--base",
        cell={
            "package": arguments.package,
            "python": arguments.python,
            "abi": arguments.abi,
            "platform": arguments.platform,
            "number": "1",
        },
    )
    facts, problems = naming.resolve_all(policy, sources, HERE)
    common.refuse(problems)
    channel = naming.channel_of(policy, variables, facts)
    if channel is None:
        raise stop(
            HERE,
            f"no channel of the policy {policy.name} applies",
            "set one of its variables: -v NAME=VALUE",
        )
    composed = naming.compose(policy, channel, facts, HERE)
    problem = naming.label_problem(composed.label, HERE)
    if problem and arguments.variant_labels:
        say(str(problem))
    if problem or not arguments.variant_labels or arguments.platform == ANY:
        composed = replace(composed, label="")
    platform = naming.chosen_platform(arguments.platform, policy.platform)
    tag = f"{arguments.python}-{arguments.abi}-{platform}"
    wheel = composed.wheel(arguments.package, tag)
    if len(wheel) > naming.NAME_LIMIT:
        raise stop(
            HERE,
            f"a file name has more than {naming.NAME_LIMIT} characters: {wheel[:60]}…",
            naming.TOO_LONG,
        )
    return Cell(
        id="",
        package=arguments.package,
        target="",
        arch="",
        python=arguments.python,
        builder="",
        channel=channel.name,
        version=composed.version,
        build=composed.build,
        tag=tag,
        wheel=wheel,
        facts=facts,
    )


def _variables(arguments: Namespace, policy: Policy) -> dict[str, Variable]:
    request = Request(generator="", versions={}, overrides=dict(arguments.variables))
    for unread in sorted(set(request.overrides) - set(policy.variables)):
        say(f"warning: the policy {policy.name} does not read {unread}")
    found = {
        name: value
        for name, rule in policy.variables.items()
        if (value := value_of(name, rule, request))
    }
    for name, each in found.items():
        if each.value and (fault := contract.misfit(each.value, policy.variables[name])):
            say(f"warning: {name}: {shown(each.value)} {fault}: plan refuses it")
    return found


def explain_name(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Say where each part of a wheel's name comes from, or which way a variable takes."""
    what = arguments.what
    is_wheel = what.endswith(".whl")
    if VARIABLE.fullmatch(what):
        return _explain_variable(arguments, environment)
    cell, policy = _planned(
        arguments, environment, Path(what).name if is_wheel else what, is_wheel=is_wheel
    )
    if cell and policy:
        parts = explain.explain(cell, policy)
        heading = (
            f"{cell.wheel}\n  cell {cell.id} · channel {cell.channel} of the policy {policy.name}"
        )
        if cell.platforms:
            heading += f"\n  audited: the platform will be one of {', '.join(cell.platforms)}"
    else:
        try:
            parts = explain.parts_of(Path(what).name)
        except ValueError as error:
            raise stop(HERE, str(error), "name a cell of the plan, or a wheel") from None
        heading = f"{Path(what).name}\n  not in the plan: told from the name alone"
    if arguments.json:
        known = (
            {"wheel": cell.wheel, "cell": cell.id, "channel": cell.channel}
            if cell
            else {"wheel": Path(what).name}
        )
        common.print_json(
            {
                "cell": None,
                "channel": None,
                **known,
                "parts": [_part(part) for part in parts],
                "facts": _facts(cell),
            }
        )
    else:
        show("\n".join([heading, "", *explain.lines(parts)]))
    return Exit.OK


def _explain_variable(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    from truewheel.forges.gitlab.emit import layout  # to explain a name, no pipeline is looked at

    space, name = common.load(arguments), arguments.what
    known = {**contract.declared(space.spec, space.policy), **contract.BUILT_IN}
    if name not in known:
        hint = meant(name, known, f"declared: {', '.join(sorted(known)) or 'none'}")
        raise stop(
            HERE, f"no variable {name!r} in this file or in the policy {space.policy.name}", hint
        )
    made = common.make_plan(arguments, space, environment, event=event_of(environment))
    children = "gitlab" in space.spec.forges() and layout.layout(made, space.spec).children
    way = contract.way(space.spec, space.policy, name, children=children)
    readers = contract.readers(space.spec, space.policy, name)
    value, rule = made.variables.get(name), known[name]
    if arguments.json:
        hops = [hop._asdict() for hop in way]
        now = asdict(value) if value else None
        common.print_json(
            {"variable": name, "scope": rule.scope, "value": now, "way": hops, "readers": readers}
        )
        return Exit.OK
    lines = [
        f"{name}: {rule.description}" if rule.description else name,
        f"  {'scope':11}{rule.scope}",
        *(f"  {hop.place:11}{hop.told}" for hop in way),
        f"  {'read by':11}{', '.join(readers) or 'nothing'}",
        f"  {'now':11}{f'{value.value} ({value.origin})' if value else 'not set, or secret'}",
    ]
    show("\n".join(lines))
    return Exit.OK


def _facts(cell: Cell | None) -> dict[str, object]:
    return {name: plan_file.fact_data(fact) for name, fact in cell.facts.items()} if cell else {}


def _part(part: Part) -> dict[str, object]:
    return {**asdict(part), "part": part.part.strip()}


def _planned(
    arguments: Namespace, environment: Mapping[str, str], what: str, *, is_wheel: bool
) -> tuple[Cell | None, Policy | None]:
    """Return the cell that is meant and its policy.

    From the plan beside a wheel, else from the spec's plan.
    """
    folder = Path(arguments.what).parent
    beside = [
        folder / "plan.json",
        folder.parent.parent / "plan.json",
    ]  # copies/<index>/ lie two folders deeper
    if common.in_job(environment):
        beside = [Path("plan.json")]  # another job may have left one beside the wheels
    plans = [path for path in beside if is_wheel and path.is_file()]
    if plans:
        written, _ = loading.read_plan(str(plans[0]), folder)
        if cell := _named(written.cells, what):
            return cell, policy_from_data(written.policy)
    try:
        space = common.load(arguments)
    except Stop:
        if is_wheel and not arguments.spec:
            return None, None  # any wheel can be explained, wherever it came from
        raise
    machine = local_host(space.spec, environment) if f"/{HOST}/" in what else None
    made = common.make_plan(arguments, space, environment, event=event_of(environment), on=machine)
    cell = next((cell for cell in made.cells if what == cell.id), None) or _named(made.cells, what)
    if cell is None and not is_wheel:
        hint = meant(what, [cell.id for cell in made.cells], "see: plan", cutoff=0.3)
        raise stop(HERE, f"no cell {what!r} in the plan", hint)
    return cell, space.policy


def _named(cells: Iterable[Cell], wheel: str) -> Cell | None:
    return next((found for cell in cells if (found := explain.named(cell, wheel))), None)
