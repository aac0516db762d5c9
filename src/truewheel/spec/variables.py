"""The environment contract.

The way of every variable from the forge to the script, and what gets lost on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from truewheel.errors import Problem, meant
from truewheel.spec.model import Spec
from truewheel.spec.policy import FactRule, Policy, Variable, matched

HOPS = ("forge", "job", "container", "script")
CHILD_HOPS = ("trigger", "child")
"""What child pipelines add between forge and job."""


class Hop(NamedTuple):
    """One stretch of a variable's way, and what happens to it there."""

    place: str
    told: str


WAYS: Mapping[str, tuple[str, str, str, str]] = {
    "forge": (
        "set by the forge itself",
        "read once, by the job plan; its value stands in plan.json",
        "handed over as -e {name}=VALUE, unless empty",
        "read from plan.json, not from the environment again",
    ),
    "pipeline": (
        "set by people, schedules and the API; prefilled with {default}",
        "read once, by the job plan; its value stands in plan.json",
        "handed over as -e {name}=VALUE, unless empty",
        "read from plan.json, not from the environment again",
    ),
    "image": (
        "never forwarded, never prefilled",
        "never declared: a job's variable, even an empty one, would hide the image's",
        "provided by {provided}",
        "compared with the plan, present or absent; a difference ends the job (exit 4)",
    ),
    "secret": (
        "set in the settings of the project; in no file",
        "in the environment of the jobs that the forge gives it to",
        "never handed over",
        "in no name and in no plan.json",
    ),
}


KEY = "TRUEWHEEL_KEY"
BUILT_IN = {
    KEY: Variable(
        description="Names the run of whoever started the pipeline: letters, digits, _ . : and -, 64 at most.",
        pattern="[A-Za-z0-9_.:-]{1,64}",
    )
}
"""Variables that every pipeline takes, declared by nobody."""


class Forge(NamedTuple):
    """A forge, and what the names of the variables that it sets begin with."""

    name: str
    prefixes: tuple[str, ...]


FORGES = {
    "gitlab": Forge("GitLab", ("CI_", "GITLAB_")),
    "github": Forge("GitHub", ("GITHUB_", "RUNNER_")),
}

CHILD_WAYS: Mapping[str, tuple[str, str]] = {
    "forge": (
        "the pipeline's id alone is handed on, as TRUEWHEEL_PIPELINE_ID: $CI_PIPELINE_ID",
        "the child has a value of its own, which nobody reads: plan.json of the parent counts",
    ),
    "pipeline": (
        "handed on by the job that starts the child (forward: pipeline_variables: true)",
        "a pipeline variable there too, but plan.json of the parent counts",
    ),
    "image": ("never forwarded", "never declared there either"),
    "secret": ("never forwarded", "the settings of the project give it there too"),
}


SCHEDULED = {
    "forge": ("is set by the forge itself", "leave it out"),
    "image": (
        "is provided by the container, and never forwarded",
        "say its value in targets.NAME.provides",
    ),
    "secret": ("is a secret, and this file is none", "set it in the settings of the project"),
}
"""By scope, why a schedule cannot set a variable, and what to do instead."""


def declared(spec: Spec, policy: Policy) -> dict[str, Variable]:
    """Return every declared variable: the policy's, replaced or added to by the spec's."""
    return {**policy.variables, **spec.variables}


def settable(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables that people set."""
    return {name: variable for name, variable in variables.items() if variable.scope == "pipeline"}


def way(spec: Spec, policy: Policy, name: str, *, children: bool = False) -> list[Hop]:
    """Return the way of a declared or built-in variable, hop by hop.

    `children` are GitLab's child pipelines.
    """
    rule = {**declared(spec, policy), **BUILT_IN}[name]
    provided = ", ".join(
        f"{target} ({each.provides[name]})"
        for target, each in spec.targets.items()
        if each.provides.get(name)
    )
    values = {
        "name": name,
        "default": rule.default or "nothing",
        "provided": provided or "no target of this file",
    }
    hops = [Hop(place, told.format_map(values)) for place, told in zip(HOPS, WAYS[rule.scope])]
    added = map(Hop, CHILD_HOPS, CHILD_WAYS[rule.scope]) if children else ()
    return [hops[0], *added, *hops[1:]]


def readers(spec: Spec, policy: Policy, name: str) -> list[str]:
    """Return what reads a variable.

    Facts of the policy, and conditions of facts, channels and indexes.
    """
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


def lost(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for everything that is read, or set, and cannot arrive, with the hop where it gets lost."""
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
    for name in declared(spec, policy):
        if name.upper() in BUILT_IN:
            yield _at_variable(
                spec, name, f"{name} is Truewheel's own", "name your variable otherwise"
            )


def _unread_provides(spec: Spec, policy: Policy) -> Iterator[Problem]:
    known = declared(spec, policy)
    for name, target in spec.targets.items():
        for variable in target.provides:
            scope = known[variable].scope if variable in known else ""
            if scope != "image":
                why = (
                    f"has the scope {scope}"
                    if scope
                    else f"is not declared by the policy {policy.name}"
                )
                message = f"{variable} {why}: what the image provides would not be read{_at('container', 'script')}"
                hint = "declare it under variables with scope: image, or remove it"
                yield spec.document.problem(
                    ("targets", name, "provides", variable), message, hint, key=True
                )


def _values_that_do_not_fit(spec: Spec, policy: Policy) -> Iterator[Problem]:
    known = declared(spec, policy)
    for name, target in spec.targets.items():
        for variable, value in target.provides.items():
            rule = known.get(variable)
            if rule and value and (fault := misfit(value, rule)):
                route = ("targets", name, "provides", variable)
                yield spec.document.problem(
                    route, f"{variable}: {value} {fault}", rule.description or "correct it"
                )


def misfit(value: str, rule: Variable) -> str:
    """Say why a variable may not have a value, or nothing."""
    if rule.choices and value not in rule.choices:
        return f"is none of {', '.join(rule.choices)}"
    return (
        f"does not match {rule.pattern}"
        if rule.pattern and not matched(rule.pattern, value)
        else ""
    )


def _defaults_of_images(spec: Spec, policy: Policy) -> Iterator[Problem]:
    for name, rule in declared(spec, policy).items():
        if rule.scope == "image" and rule.default:
            message = f"{name} has a default, but only an image can set it{_at('job', 'container')}"
            hint = "say it where it is true: targets.NAME.provides"
            yield _at_variable(spec, name, message, hint)


def _unset_conditions(spec: Spec, policy: Policy) -> Iterator[Problem]:
    known = declared(spec, policy)
    for name, index in spec.indexes.items():
        for asked in index.when:
            if asked not in known and asked not in policy.facts:
                why = f"is declared neither here nor in the policy {policy.name}"
                message = f"{asked} {why}: nobody can set it{_at('forge', 'job')}"
                hint = meant(asked, known, "declare it under variables")
                yield spec.document.problem(
                    ("indexes", name, "when", asked), message, hint, key=True
                )


def _overwritten_by_builds(spec: Spec, policy: Policy) -> Iterator[Problem]:
    known = declared(spec, policy)
    for name, package in spec.packages.items():
        variable = package.version.inject.removeprefix("env:")
        if variable in known:
            message = f"the build of {name} sets {variable} itself: the pipeline's value is lost{_at('job', 'script')}"
            hint = "hand the version over in another variable, which nobody declares"
            yield spec.document.problem(("packages", name, "version", "inject"), message, hint)


def _facts_out_of_reach(spec: Spec, policy: Policy) -> Iterator[Problem]:
    """A laptop may have a fact that no pipeline can: then the two would disagree on a name."""
    for name, rule in policy.facts.items():
        if all(source.startswith("option:") for source in rule.sources):
            flags = " and ".join(f"--{source.removeprefix('option:')}" for source in rule.sources)
            message = f"the fact {name} comes from {flags} alone, and the jobs of a pipeline have no flags"
            yield _at_naming(
                spec, message + _at("forge", "job"), "add a variable to its sources: env:NAME"
            )
        elif all(_is_of_image(source) for source in rule.sources):
            message = (
                f"the fact {name} is read from a file of the image alone, which the plan cannot see"
            )
            hint = "put a variable with scope: image before it, and say its value in targets.NAME.provides"
            yield _at_naming(spec, message + _at("forge", "container"), hint)


def _facts_of_other_forges(spec: Spec, policy: Policy) -> Iterator[Problem]:
    """A fact may be read off what another forge sets, as CI_PIPELINE_ID on GitHub.

    It is absent there, always.
    """
    known = declared(spec, policy)
    for name, rule in policy.facts.items():
        read = [
            source
            for source in rule.sources
            if not source.startswith("option:") and not _is_of_image(source)
        ]
        variables = [source.removeprefix("env:") for source in read if source.startswith("env:")]
        if (
            not read
            or len(variables) < len(read)
            or any(known[each].scope != "forge" for each in variables)
        ):
            continue
        homes = {home for each in variables for home in _homes(each)}
        for forge in spec.forges():
            if forge not in homes:
                told = f"the fact {name} comes from {' and '.join(variables)}, which {FORGES[forge].name} does not set"
                yield _at_naming(
                    spec, told + _at("forge", "job"), _other_source(variables, FORGES[forge].name)
                )


def _homes(variable: str) -> list[str]:
    """Return the forges that set a variable; all of them where its name does not tell."""
    return [key for key, forge in FORGES.items() if variable.startswith(forge.prefixes)] or list(
        FORGES
    )


def _other_source(variables: list[str], forge: str) -> str:
    if {"CI_PIPELINE_ID", "GITHUB_RUN_ID"} & {*variables}:
        return "put env:TRUEWHEEL_PIPELINE_ID before it, which has the pipeline's id on both forges"
    return f"add a source that {forge} has"


def _is_of_image(source: str) -> bool:
    return source.startswith(("file:/", "json:/"))


def leaked_secrets(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for every fact that reads a secret.

    Facts are in file names and in plan.json.
    """
    known = declared(spec, policy)
    read = {
        (fact, name): None for fact, rule in policy.facts.items() for name in _variables_of(rule)
    }
    hint = "give the variable another scope, or let the fact read another variable"
    return [
        _at_variable(
            spec,
            name,
            f"the fact {fact} reads the secret {name}: its value would be in file names and in plan.json",
            hint,
        )
        for fact, name in read
        if known[name].scope == "secret"
    ]


def _open_passwords(spec: Spec, policy: Policy) -> list[Problem]:
    """Return a problem for every password in a variable that plan.json and the forge would show."""
    known = declared(spec, policy)
    holders = [
        (("indexes", name), index.credentials.password) for name, index in spec.indexes.items()
    ]
    problems = []
    for route, variable in [*holders, (("images",), spec.images.credentials.password)]:
        if variable in known and known[variable].scope != "secret":
            message = (
                f"{variable} has the scope {known[variable].scope}: the password would be shown"
            )
            place = (*route, "credentials", "password")
            problems.append(
                spec.document.problem(
                    place, message, "declare it with scope: secret, or not at all"
                )
            )
    if bool(spec.images.credentials.password) != bool(spec.images.credentials.username):
        message = "a registry asks for a user name and a password"
        problems.append(
            spec.document.problem(("images", "credentials"), message, "name the variables of both")
        )
    return problems


def _schedules(spec: Spec, policy: Policy) -> Iterator[Problem]:
    known = declared(spec, policy)
    for name, schedule in spec.schedules.items():
        for variable, value in schedule.variables.items():
            route = ("schedules", name, "variables", variable)
            rule = known.get(variable)
            if rule is None:
                message = f"{variable} is declared neither here nor in the policy {policy.name}: nothing would read it"
                yield spec.document.problem(
                    route, message, meant(variable, known, "declare it"), key=True
                )
            elif rule.scope in SCHEDULED:
                why, hint = SCHEDULED[rule.scope]
                yield spec.document.problem(route, f"{variable} {why}", hint, key=True)
            elif fault := misfit(value, rule):
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
