"""truewheel name: one file name, from the arguments alone."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from truewheel.cli.arguments import add_json, add_variables
from truewheel.cli.plans import policy_options
from truewheel.cli.problems import refuse
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, Where, show_value, stop
from truewheel.plan import naming, plan_file
from truewheel.plan.matrix import ANY
from truewheel.plan.model import Cell, Variable
from truewheel.plan.naming import Sources
from truewheel.plan.planner import Request, value_of
from truewheel.spec import variables as spec_variables
from truewheel.spec.policy import Policy
from truewheel.workspace import loading

HERE = Where("command line")
EXAMPLES = """\
examples:
  name --policy triton-2026.04 --package tritonserver --base 2.69.0 --python cp312 --abi cp312 \\
       --platform manylinux_2_28_x86_64 -v CI_PIPELINE_ID=49163608
  name --policy plain --package Foo.Bar --base 1.0rc1 --python py3 --abi none --platform any --json
"""
TAGS = {"python": "cp312", "abi": "cp312", "platform": "manylinux_2_28_x86_64"}
"""The three tags of a wheel, each with an example."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of name."""
    add_variables(parser)
    add_json(parser)
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
        help="add the channel's label to the end of the name (PEP 817)",
    )
    for tag, example in TAGS.items():
        parser.add_argument(
            f"--{tag}",
            required=True,
            metavar="TAG",
            type=_tag,
            help=f"{tag} tag, such as {example}",
        )


def _tag(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a compatibility tag (PEP 425)")
    return text


def _project(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text, re.ASCII):
        message = f"{text!r} is not a project name (letters and digits, with . _ - inside)"
        raise argparse.ArgumentTypeError(message)
    return text


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print one file name, from the arguments alone."""
    del environment
    policy = loading.read_policy(arguments.policy, Path.cwd(), HERE)
    cell = _single_cell(arguments, policy)
    if arguments.json:
        facts = {name: plan_file.fact_data(fact) for name, fact in cell.facts.items()}
        print_json({"wheel": cell.wheel, "channel": cell.channel, "facts": facts})
    else:
        show(cell.wheel)
    return Exit.OK


def _single_cell(arguments: Namespace, policy: Policy) -> Cell:
    variables = _variables(arguments, policy)
    sources = Sources(
        variables=variables,
        options=policy_options(arguments),
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
    refuse(problems)
    channel = naming.channel_of(policy, variables, facts)
    if channel is None:
        message = f"no channel of the policy {policy.name} applies"
        raise stop(HERE, message, "set one of its variables: -v NAME=VALUE")
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
        message = f"a file name has more than {naming.NAME_LIMIT} characters: {wheel[:60]}…"
        raise stop(HERE, message, naming.TOO_LONG)
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
    variables = {
        name: variable
        for name, rule in policy.variables.items()
        if (variable := value_of(name, rule, request))
    }
    for name, variable in variables.items():
        rule = policy.variables[name]
        if variable.value and (fault := spec_variables.find_fault(variable.value, rule)):
            say(f"warning: {name}: {show_value(variable.value)} {fault}: plan refuses it")
    return variables
