"""Which variables hold credentials, and what a build or a test gets of the environment.

None of them, unless named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from truewheel.plan.model import Plan

NAMES = frozenset({"CI_REPOSITORY_URL", "DOCKER_AUTH_CONFIG"})
"""Variables with credentials whose names do not say so."""

PREFIXES = ("ACTIONS_", "TWINE_", "UV_PUBLISH_")
"""What begins with these leads to a job's own token, or to an index that takes uploads."""

WORDS = re.compile(
    r"(^|_)(TOKENS?|PASSWORDS?|PASSWD|PASSPHRASE|SECRETS?|CREDENTIALS?|JWT|PAT"
    r"|(API|ACCESS|PRIVATE|SIGNING)_?KEY)(_|$)",
    re.IGNORECASE,
)
"""A word of a name.

CI_JOB_TOKEN, CI_JOB_JWT_V2, GH_TOKEN, CI_REGISTRY_PASSWORD, AWS_SECRET_ACCESS_KEY.
"""

DOWNLOADS = ("PIP_", "UV_INDEX_")
"""What begins with these is for the indexes that requirements come from.

Pip and uv could not install them without.
"""


def is_credential(name: str) -> bool:
    """Return whether a variable of this name holds credentials, or leads to some."""
    if name.startswith(DOWNLOADS):
        return False
    return name in NAMES or name.startswith(PREFIXES) or WORDS.search(name) is not None


def of_plan(plan: Plan) -> frozenset[str]:
    """Return the variables that hold a plan's secrets and credentials of indexes and registries."""
    secrets = (name for name, rule in plan.policy["variables"].items() if rule["scope"] == "secret")
    logins = (name for index in plan.indexes for name in (index.username, index.password) if name)
    return frozenset((*secrets, *logins, *plan.registry_login.values()))


def without(
    env: Mapping[str, str], plan: Plan, allowed: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the environment without credentials, and the names of the removed ones in order.

    What is `named` stays, and so does a variable that the plan declares as one of the pipeline or
    of the image: its value stands in plan.json anyway.
    """
    credential_names, known = of_plan(plan), {*allowed}
    known |= {
        name
        for name, rule in plan.policy["variables"].items()
        if rule["scope"] in {"pipeline", "image"}
    }
    left_out = sorted(
        name
        for name in env
        if (name in credential_names or is_credential(name)) and name not in known
    )
    return {name: value for name, value in env.items() if name not in left_out}, left_out
