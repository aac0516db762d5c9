"""What speaks against a plan on GitHub: what it would refuse, read as something else, or leave open to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from truewheel.contract import settable
from truewheel.emit.github import EXPRESSION, REGISTRY, SUBJECTS_LIMIT, attests, image_of, is_own, runner_of
from truewheel.model import Plan
from truewheel.policy import Variable
from truewheel.problems import Problem
from truewheel.spec import Spec


def problems(plan: Plan, spec: Spec, variables: Mapping[str, Variable]) -> list[Problem]:
    """Return all that speaks against a plan; `variables` are those that a person may set."""
    return [
        *_expressions(spec),
        *_runners(plan, spec),
        *_registry(plan, spec),
        *_images(plan, spec),
        *_names(spec, variables),
        *_subjects(plan, spec),
    ]


def _expressions(spec: Spec) -> Iterator[Problem]:
    for number, line in enumerate(spec.setup):
        if EXPRESSION in line:
            message = f"GitHub would evaluate {EXPRESSION} before the shell sees this line"
            yield spec.document.problem(("setup", number), message, "read a variable of the environment instead")


def _runners(plan: Plan, spec: Spec) -> Iterator[Problem]:
    for arch in dict.fromkeys(cell.arch for cell in plan.cells):
        if not runner_of(arch, spec):
            hint = f"name the labels of your own: github.runners.{arch}"
            yield spec.document.problem(("github",), f"GitHub has no runners of {arch}", hint, key=True)


def _registry(plan: Plan, spec: Spec) -> Iterator[Problem]:
    route = ("images", "registry")
    if any("$" in image for image in plan.images.values()):
        message = f"{spec.images.registry}: GitHub knows no variable in the name of an image"
        yield spec.document.problem(route, message, f"write it out, such as {REGISTRY}/owner/name")
    elif plan.images and not is_own(spec.images.registry):
        message = f"GitHub's jobs can log in at {REGISTRY} alone: they cannot push to {spec.images.registry}"
        yield _warning(spec.document.problem(route, message, "push the images from elsewhere"))


def _images(plan: Plan, spec: Spec) -> Iterator[Problem]:
    for image, job in {image_of(job, plan): job for job in plan.jobs}.items():
        route = ("targets", job.target)
        if not image or image in plan.images.values():
            continue
        if "$" in image:
            message = f"{image}: GitHub knows no variable in the name of an image"
            yield spec.document.problem(route, message, "write it out", key=True)
        elif "@" not in image:
            message = f"the tag of {image} can move: no digest is locked"
            hint = "write its digest into truewheel.lock: truewheel lock"
            yield _warning(spec.document.problem(route, message, hint, key=True))


def _names(spec: Spec, variables: Mapping[str, Variable]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name in settable(variables):
        route = ("variables", name) if name in spec.variables else ("naming",)
        other = first.setdefault(name.upper(), name)
        if other != name:
            yield spec.document.problem(
                route, f"{name} and {other} are one variable for GitHub", "rename one", key=True
            )
        if name.upper().startswith("GITHUB_"):
            message = f"nobody can set {name} on GitHub: such names are its own"
            yield spec.document.problem(route, message, "rename it, or declare it with scope: forge", key=True)


def _subjects(plan: Plan, spec: Spec) -> Iterator[Problem]:
    publishes = any(job.kind == "publish" for job in plan.jobs)
    if publishes and spec.github.attestations and not attests(plan, spec):
        message = f"{len(plan.cells)} wheels are too many for an attestation ({SUBJECTS_LIMIT} names): there is none"
        yield _warning(spec.document.problem(("github",), message, "say so: github.attestations: false", key=True))


def _warning(problem: Problem) -> Problem:
    return replace(problem, severity="warning")
