"""What may be asked of a pipeline: variables that people set, with values that the spec allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from truewheel import contract
from truewheel.plan import FORGE_PREFIXES
from truewheel.policy import Policy
from truewheel.problems import Problem, Where
from truewheel.spec import Spec

WHY = {
    "forge": ("is set by the forge itself", "leave it out: plan -v shows names with it"),
    "image": ("is provided by the container, and never forwarded", "say its value in targets.NAME.provides"),
    "secret": (
        "is a secret, and every process of this machine can read the command line",
        "set it in the settings of the project",
    ),
}


def problems(spec: Spec, policy: Policy, given: Mapping[str, str]) -> Iterator[Problem]:
    """Return a problem for every variable that nobody may send to a pipeline; values are judged by the plan."""
    known = contract.declared(spec, policy)
    for name in given:
        scope = known[name].scope if name in known else "forge" if name.startswith(FORGE_PREFIXES) else "pipeline"
        if scope in WHY:
            message, hint = WHY[scope]
            yield Problem(Where(f"-v {name}"), message, hint)
