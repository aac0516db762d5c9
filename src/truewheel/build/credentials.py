"""Which variables hold credentials, and what a build or a test gets of the environment.

None of them, unless named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from truewheel.forges import FORGES
from truewheel.plan.model import Plan
from truewheel.spec.credential_names import is_credential

INSTALLERS = ("PIP_", "UV_")
"""What begins with these are settings of pip and uv."""


def credential_names(plan: Plan) -> frozenset[str]:
    """Return the variables that hold a plan's secrets and credentials of indexes and registries."""
    secrets = (name for name, rule in plan.policy["variables"].items() if rule["scope"] == "secret")
    logins = (name for index in plan.indexes for name in (index.username, index.password) if name)
    return frozenset((*secrets, *logins, *plan.registry_login.values()))


def remove_credentials(
    env: Mapping[str, str], plan: Plan, allowed: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the environment without credentials, and the names of the removed ones in order.

    What is `allowed` stays.
    """
    runner_files = {name for kind in FORGES.values() for name in kind.runner_files}
    hidden = credential_names(plan) | runner_files
    left_out = sorted(
        name for name in env if (name in hidden or is_credential(name)) and name not in {*allowed}
    )
    return {name: value for name, value in env.items() if name not in left_out}, left_out


def without_downloads(env: Mapping[str, str], named: Iterable[str]) -> dict[str, str]:
    """Return the environment without the settings of pip and uv, which may hold passwords."""
    kept = {*named}
    return {
        name: value
        for name, value in env.items()
        if name in kept or not name.startswith(INSTALLERS)
    }
