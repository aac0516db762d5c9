"""GitHub's server and token, from the environment."""

from __future__ import annotations

from collections.abc import Mapping

from truewheel.errors import stop
from truewheel.forges.access import Access, checked, first_set

TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")


def find_access(environment: Mapping[str, str]) -> Access:
    """Return the access to GitHub. Raises `Stop` (exit 2) where no token is known."""
    server = environment.get("GITHUB_API_URL") or "https://api.github.com"
    name = first_set(environment, TOKENS)
    if not name:
        raise stop("github", "no token is known", f"set one of {', '.join(TOKENS)}")
    return checked(Access(server, "oauth", environment[name]), name)
