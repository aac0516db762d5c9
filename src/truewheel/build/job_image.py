"""The image that a job runs in, compared with the plan.

It must be the planned image, and provide the values that the plan was computed with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.forges import FORGES
from truewheel.plan import naming
from truewheel.plan.model import Cell, Plan, Variable, digest_variable
from truewheel.plan.naming import Sources
from truewheel.spec.policy import Policy, from_data
from truewheel.system import interpreters
from truewheel.workspace import loading

IMAGE = "TRUEWHEEL_IMAGE"
IMAGE_DIGEST = "TRUEWHEEL_IMAGE_DIGEST"
"""Tell a command that `run --engine` starts which image it is in."""


def is_protected(env: Mapping[str, str]) -> bool:
    """Return whether the forge says that a job is one of a protected ref.

    There no image is believed by its tag.
    """
    return any(env.get(kind.protected_variable) == "true" for kind in FORGES.values())


def running(plan: Plan, cell: Cell, env: Mapping[str, str]) -> dict[str, str]:
    """Return the name and the digest of the image that a job runs in.

    Each is "" when it is not known.

    The digest is what the engine, the name or the container job says; else a job of a forge asks
    the registry, once.
    """
    kinds = [kind for kind in FORGES.values() if env.get(kind.job_variable)]
    in_planned = any(kind.runs_in_planned_image for kind in kinds) and not plan.local
    planned = plan.image(cell.target, cell.arch) if in_planned else ""
    # Of engines that we start: on a forge, these would be of whoever may set variables.
    is_forge = any(env.get(kind.job_variable) == "true" for kind in kinds)
    given, its_digest = ("", "") if is_forge else (env.get(IMAGE), env.get(IMAGE_DIGEST))
    name, at, digest = (given or _job_image(env) or planned).partition("@")
    if not at:
        digest = its_digest or _told_digest(plan, cell, env)
    if name and not digest and env.get("CI"):
        from truewheel.net import container_registry as registry  # most jobs ask nobody

        try:
            digest = registry.digest(name, env, tries=1) or ""
        except Stop:
            digest = ""
    return {"name": name, "digest": digest}


def _job_image(env: Mapping[str, str]) -> str:
    """Return the image that GitLab's runner names, with the variables in its name expanded."""
    image = env.get("CI_JOB_IMAGE", "")
    if "$" not in image:
        return image
    from truewheel.net import container_registry as registry

    return registry.expanded(image, env)


def _told_digest(plan: Plan, cell: Cell, env: Mapping[str, str]) -> str:
    """Return the digest that the container job of a cell's builder image has told, or ""."""
    has_builder = f"{cell.target}/{cell.arch}" in plan.images and not plan.local
    return env.get(digest_variable(cell.target, cell.arch), "") if has_builder else ""


def _compare_builder(plan: Plan, cell: Cell, env: Mapping[str, str]) -> None:
    """Compare the image of a job with the one that its container job has told.

    Raises `Stop` (exit 4).
    """
    builder, digest = plan.images.get(f"{cell.target}/{cell.arch}"), _told_digest(plan, cell, env)
    if not builder:
        return
    if not digest:
        if is_protected(env):
            message = (
                f"no container job has passed on the digest of {builder}, and on a protected "
                "ref a tag is not enough"
            )
            raise stop(
                cell.id, message, "let this job need its container job, as generated", Exit.WHEEL
            )
        return
    from truewheel.net import container_registry as registry

    expected = f"{registry.expanded(builder, env)}@{digest}"
    if (here := _job_image(env) or expected) != expected:
        message = f"it runs in {here}, but the container job has passed on {expected}"
        raise stop(cell.id, message, "let this job have its image, as generated", Exit.WHEEL)


def compare_image(plan: Plan, cell: Cell, env: Mapping[str, str]) -> None:
    """Compare the image, its variables and its facts with what was planned for the job.

    Empty is absent. A laptop is not the image, and a pure package has none. Raises `Stop` (exit 4)
    with every difference.
    """
    if plan.local or cell.python == interpreters.ANY:
        return
    _compare_builder(plan, cell, env)
    policy = from_data(plan.policy)
    planned = _planned_variables(plan, cell)
    provided = {
        name: env.get(name, "") for name, rule in policy.variables.items() if rule.scope == "image"
    }
    differing = [
        (name, value, planned.get(name, ""))
        for name, value in provided.items()
        if value != planned.get(name, "")
    ]
    if not differing:
        differing = _different_facts(plan, cell, policy, {**planned, **provided})
    hint = f"say so in targets.{cell.target}.provides, or use the image that was planned"
    problems = [
        Problem(
            Where(cell.id),
            f"{name} is {value or 'absent'} in this image, but {promise or 'absent'} in the plan",
            hint,
        )
        for name, value, promise in differing
    ]
    if problems:
        raise Stop(problems, Exit.WHEEL)


def _planned_variables(plan: Plan, cell: Cell) -> dict[str, str]:
    """Return a cell's variables in the plan: set values, those of its image, and defaults."""
    defaults = {
        name: variable.value
        for name, variable in plan.variables.items()
        if variable.origin == "default"
    }
    chosen = {
        name: variable.value
        for name, variable in plan.variables.items()
        if variable.origin != "default"
    }
    provided = {name: value for name, value in plan.targets[cell.target].provides.items() if value}
    return {**defaults, **provided, **chosen}


def _different_facts(
    plan: Plan, cell: Cell, policy: Policy, variables: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return the facts that files of the image decide otherwise than planned.

    Name, value here, value planned.
    """
    sources = Sources(
        variables={
            name: Variable(value=value, origin="image", scope="image")
            for name, value in variables.items()
        },
        options={},
        event=plan.event,
        read_file=lambda path: loading.read_text(Path(path)) if path.startswith("/") else None,
        in_image=True,
    )
    problems = []
    for name, rule in policy.facts.items():
        if any(re.match("(file|json):/", source) for source in rule.sources):
            fact, _ = naming.resolve(rule, sources, cell.facts)
            if fact.value != cell.facts[name].value:
                problems.append(
                    (f"the fact {name}", fact.value or "", cell.facts[name].value or "")
                )
    return problems
