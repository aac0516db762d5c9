"""The path of every variable from the forge to the script, and where a value gets lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from truewheel.errors import Problem, suggest
from truewheel.spec import forges
from truewheel.spec.model import Spec
from truewheel.spec.policy import FactRule, Policy, Variable, match_whole

HOPS = ("forge", "job", "container", "script")
CHILD_HOPS = ("trigger", "child")
"""What child pipelines add between forge and job."""


class Hop(NamedTuple):
    """One step on the path of a variable, and what happens to it there."""

    place: str
    told: str


HOP_TEXTS: Mapping[str, tuple[str, str, str, str]] = {
    "forge": (
        "set by the forge itself",
        "read once, by the job plan; its value is in plan.json",
        "passed as -e {name}=VALUE, unless empty",
        "read from plan.json, not from the environment again",
    ),
    "pipeline": (
        "set by people, schedules and the API; prefilled with {default}",
        "read once, by the job plan; its value is in plan.json",
        "passed as -e {name}=VALUE, unless empty",
        "read from plan.json, not from the environment again",
    ),
    "image": (
        "never forwarded, never prefilled",
        "never declared: a job's variable, even an empty one, would replace the image's",
        "provided by {provided}",
        "compared with the plan, present or absent; a difference ends the job (exit 4)",
    ),
    "secret": (
        "set in the settings of the project; in no file",
        "in the environment of the jobs that the forge gives it to",
        "never passed",
        "in no name and in no plan.json",
    ),
}


KEY = "TRUEWHEEL_KEY"
BUILT_IN = {
    KEY: Variable(
        description=(
            "Names the run of whoever started the pipeline: letters, digits, _ . : and -, "
            "64 at most."
        ),
        pattern="[A-Za-z0-9_.:-]{1,64}",
    )
}
"""Variables that every pipeline takes, without a declaration."""


CHILD_HOP_TEXTS: Mapping[str, tuple[str, str]] = {
    "forge": (
        "only the pipeline's id is passed on, as TRUEWHEEL_PIPELINE_ID: $CI_PIPELINE_ID",
        "the child has its own value, which nobody reads: plan.json of the parent counts",
    ),
    "pipeline": (
        "passed on by the job that starts the child (forward: pipeline_variables: true)",
        "a pipeline variable there too, but plan.json of the parent counts",
    ),
    "image": ("never forwarded", "never declared there either"),
    "secret": ("never forwarded", "the settings of the project give it there too"),
}


NOT_FOR_SCHEDULES = {
    "forge": ("is set by the forge itself", "leave it out"),
    "image": (
        "is provided by the container, and never forwarded",
        "write its value in targets.NAME.provides",
    ),
    "secret": (
        "is a secret, and this file is readable for all",
        "set it in the settings of the project",
    ),
}
"""By scope, why a schedule cannot set a variable, and what to do instead."""


def declared_variables(spec: Spec, policy: Policy) -> dict[str, Variable]:
    """Return every declared variable: the policy's, with those of the spec added or replaced."""
    return {**policy.variables, **spec.variables}


def select_settable(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables that people may set."""
    return {name: variable for name, variable in variables.items() if variable.scope == "pipeline"}


def trace_variable(spec: Spec, policy: Policy, name: str, *, children: bool = False) -> list[Hop]:
    """Return the path of a declared or built-in variable, hop by hop.

    `children`: the pipeline has GitLab's child pipelines.
    """
    rule = {**declared_variables(spec, policy), **BUILT_IN}[name]
    provided = ", ".join(
        f"{key} ({target.provides[name]})"
        for key, target in spec.targets.items()
        if target.provides.get(name)
    )
    values = {
        "name": name,
        "default": rule.default or "nothing",
        "provided": provided or "no target of this file",
    }
    hops = [Hop(place, text.format_map(values)) for place, text in zip(HOPS, HOP_TEXTS[rule.scope])]
    added = map(Hop, CHILD_HOPS, CHILD_HOP_TEXTS[rule.scope]) if children else ()
    return [hops[0], *added, *hops[1:]]


def find_readers(spec: Spec, policy: Policy, name: str) -> list[str]:
    """Return what reads a variable: facts, and conditions of facts, channels and indexes."""
    facts = [
        f"the fact {fact}" for fact, rule in policy.facts.items() if f"env:{name}" in rule.sources
    ]
    conditions = {
        **{f"the fact {fact}": rule.when for fact, rule in policy.facts.items()},
        **{f"the channel {channel.name}": channel.when for channel in policy.channels},
        **{f"the index {index}": rule.when for index, rule in spec.indexes.items()},
    }
    return facts + [
        f"the condition of {reader}" for reader, when in conditions.items() if name in when
    ]


def find_lost_values(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for every value that is read, or set, and cannot arrive.

    Each says between which hops the value gets lost.
    """
    return [
        *_taken_names(spec, policy),
        *_unread_provides(spec, policy),
        *_values_that_do_not_fit(spec, policy),
        *_defaults_of_images(spec, policy),
        *_unset_conditions(spec, policy),
        *_overwritten_by_builds(spec, policy),
        *_facts_out_of_reach(spec, policy),
        *_facts_of_other_forges(spec, policy),
        *_open_passwords(spec, policy),
        *_schedules(spec, policy),
    ]


def _taken_names(spec: Spec, policy: Policy) -> Iterator[Problem]:
    for name in declared_variables(spec, policy):
        if name.upper() in BUILT_IN:
            message = f"the name {name} is reserved for Truewheel"
            yield _at_variable(spec, name, message, "choose another name")


def _unread_provides(spec: Spec, policy: Policy) -> Iterator[Problem]:
    rules = declared_variables(spec, policy)
    for name, target in spec.targets.items():
        for variable in target.provides:
            scope = rules[variable].scope if variable in rules else ""
            if scope != "image":
                why = f"has the scope {scope}"
                if not scope:
                    why = f"is not declared by the policy {policy.name}"
                lost_at = _at("container", "script")
                message = f"{variable} {why}: the image's value would not be read{lost_at}"
                hint = "declare it under variables with scope: image, or remove it"
                yield spec.document.problem(
                    ("targets", name, "provides", variable), message, hint, key=True
                )


def _values_that_do_not_fit(spec: Spec, policy: Policy) -> Iterator[Problem]:
    rules = declared_variables(spec, policy)
    for name, target in spec.targets.items():
        for variable, value in target.provides.items():
            rule = rules.get(variable)
            if rule and value and (fault := find_fault(value, rule)):
                route = ("targets", name, "provides", variable)
                yield spec.document.problem(
                    route, f"{variable}: {value} {fault}", rule.description or "correct it"
                )


def find_fault(value: str, rule: Variable) -> str:
    """Return why a variable may not have a value, or ""."""
    if rule.choices and value not in rule.choices:
        return f"is none of {', '.join(rule.choices)}"
    if rule.pattern and not match_whole(rule.pattern, value):
        return f"does not match {rule.pattern}"
    return ""


def _defaults_of_images(spec: Spec, policy: Policy) -> Iterator[Problem]:
    for name, rule in declared_variables(spec, policy).items():
        if rule.scope == "image" and rule.default:
            message = f"{name} has a default, but only an image can set it{_at('job', 'container')}"
            hint = "write the value of each image in targets.NAME.provides"
            yield _at_variable(spec, name, message, hint)


def _unset_conditions(spec: Spec, policy: Policy) -> Iterator[Problem]:
    rules = declared_variables(spec, policy)
    for name, index in spec.indexes.items():
        for variable in index.when:
            if variable not in rules and variable not in policy.facts:
                why = f"is declared neither here nor in the policy {policy.name}"
                message = f"{variable} {why}: nobody can set it{_at('forge', 'job')}"
                hint = suggest(variable, rules, "declare it under variables")
                yield spec.document.problem(
                    ("indexes", name, "when", variable), message, hint, key=True
                )


def _overwritten_by_builds(spec: Spec, policy: Policy) -> Iterator[Problem]:
    rules = declared_variables(spec, policy)
    for name, package in spec.packages.items():
        variable = package.version.inject.removeprefix("env:")
        if variable in rules:
            what = f"the build of {name} sets {variable} itself"
            message = f"{what}: the pipeline's value is lost{_at('job', 'script')}"
            hint = "pass the version in another variable, which is not declared"
            yield spec.document.problem(("packages", name, "version", "inject"), message, hint)


def _facts_out_of_reach(spec: Spec, policy: Policy) -> Iterator[Problem]:
    """Yield facts that a laptop can have and a pipeline cannot: their names would differ."""
    for name, rule in policy.facts.items():
        if all(source.startswith("option:") for source in rule.sources):
            flags = " and ".join(f"--{source.removeprefix('option:')}" for source in rule.sources)
            message = f"the fact {name} comes only from {flags}, which a pipeline's jobs do not get"
            hint = "add a variable to its sources: env:NAME"
            yield _at_naming(spec, message + _at("forge", "job"), hint)
        elif all(_is_of_image(source) for source in rule.sources):
            message = f"the fact {name} comes only from a file of the image, which no plan can read"
            hint = (
                "put a variable with scope: image before it, and its value into "
                "targets.NAME.provides"
            )
            yield _at_naming(spec, message + _at("forge", "container"), hint)


def _facts_of_other_forges(spec: Spec, policy: Policy) -> Iterator[Problem]:
    """Yield facts whose variables only another forge sets."""
    rules = declared_variables(spec, policy)
    for name, rule in policy.facts.items():
        sources = [
            source
            for source in rule.sources
            if not source.startswith("option:") and not _is_of_image(source)
        ]
        variables = [source.removeprefix("env:") for source in sources if source.startswith("env:")]
        if (
            not sources
            or len(variables) < len(sources)
            or any(rules[variable].scope != "forge" for variable in variables)
        ):
            continue
        setters = {name for variable in variables for name in forges.setters_of(variable)}
        for forge in spec.forges():
            if forge not in setters:
                label, names = forges.FORGES[forge].title, " and ".join(variables)
                message = f"the fact {name} comes from {names}, which {label} does not set"
                hint = _other_source(variables, label)
                yield _at_naming(spec, message + _at("forge", "job"), hint)


def _other_source(variables: list[str], title: str) -> str:
    if {forge.pipeline_id for forge in forges.FORGES.values()} & {*variables}:
        return "put env:TRUEWHEEL_PIPELINE_ID before it, which has the pipeline's id on both forges"
    return f"add a source that {title} has"


def _is_of_image(source: str) -> bool:
    return source.startswith(("file:/", "json:/"))


def find_leaked_secrets(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for every fact that reads a secret: facts are in names and plan.json."""
    rules = declared_variables(spec, policy)
    uses = dict.fromkeys(
        (fact, name) for fact, rule in policy.facts.items() for name in _variables_of(rule)
    )
    shown_in = "its value would be in file names and in plan.json"
    hint = "give the variable another scope, or let the fact read another variable"
    return [
        _at_variable(spec, name, f"the fact {fact} reads the secret {name}: {shown_in}", hint)
        for fact, name in uses
        if rules[name].scope == "secret"
    ]


def _open_passwords(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for every password in a variable that plan.json and the forge show."""
    rules = declared_variables(spec, policy)
    holders = [
        (("indexes", name), index.credentials.password) for name, index in spec.indexes.items()
    ]
    problems = []
    for route, variable in [*holders, (("images",), spec.images.credentials.password)]:
        scope = rules[variable].scope if variable in rules else "secret"
        if scope != "secret":
            message = f"{variable} has the scope {scope}: the password would be shown"
            place = (*route, "credentials", "password")
            hint = "declare it with scope: secret, or not at all"
            problems.append(spec.document.problem(place, message, hint))
    if bool(spec.images.credentials.password) != bool(spec.images.credentials.username):
        message = "a registry needs a user name and a password, and only one is named"
        problems.append(
            spec.document.problem(
                ("images", "credentials"), message, "name a variable for each of them"
            )
        )
    return problems


def _schedules(spec: Spec, policy: Policy) -> Iterator[Problem]:
    rules = declared_variables(spec, policy)
    for name, schedule in spec.schedules.items():
        for variable, value in schedule.variables.items():
            route = ("schedules", name, "variables", variable)
            rule = rules.get(variable)
            if rule is None:
                why = f"is declared neither here nor in the policy {policy.name}"
                message = f"{variable} {why}: nothing would read it"
                hint = suggest(variable, rules, "declare it under variables")
                yield spec.document.problem(route, message, hint, key=True)
            elif rule.scope in NOT_FOR_SCHEDULES:
                why, hint = NOT_FOR_SCHEDULES[rule.scope]
                yield spec.document.problem(route, f"{variable} {why}", hint, key=True)
            elif fault := find_fault(value, rule):
                yield spec.document.problem(
                    route, f"{variable}: {value} {fault}", rule.description or "correct it"
                )


def _variables_of(rule: FactRule) -> list[str]:
    return [source.removeprefix("env:") for source in rule.sources if source.startswith("env:")]


def _at(before: str, after: str) -> str:
    return f" (lost between {before} and {after})"


def _at_variable(spec: Spec, name: str, message: str, hint: str) -> Problem:
    route = ("variables", name) if name in spec.variables else ("naming",)
    return spec.document.problem(route, message, hint, key=True)


def _at_naming(spec: Spec, message: str, hint: str) -> Problem:
    return spec.document.problem(("naming",), message, hint)
