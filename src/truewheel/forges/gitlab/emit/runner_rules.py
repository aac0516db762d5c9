"""Test jobs of GitLab that no runner of their architecture would take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from truewheel.errors import Problem
from truewheel.plan.model import Plan
from truewheel.spec.model import Spec


def find_problems(plan: Plan, spec: Spec) -> Iterator[Problem]:
    """Yield a warning for each architecture that is only built for, as far as the spec says."""
    arches = dict.fromkeys(
        job.arch
        for job in plan.jobs
        if plan.kinds[job.kind].traits.wheels == "load"
        and plan.targets[job.target].runner not in {"", job.arch}
    )
    for arch in arches:
        if not (spec.gitlab.test_runners.get(arch) or spec.gitlab.runners.get(arch)):
            message = (
                f"no runner of {arch} is named: any may take the tests of its wheels, and fail"
            )
            hint = (
                f"name its tags: gitlab.runners.{arch}; if there is none: named: [{{arch: {arch}}}]"
            )
            problem = spec.document.problem(("gitlab",), message, hint, key=True)
            yield replace(problem, severity="warning")
