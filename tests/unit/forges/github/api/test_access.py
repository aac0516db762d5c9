"""Which server and which token."""

from __future__ import annotations

import pytest

from truewheel.errors import Stop
from truewheel.forges.github.api.access import find_access


def test_without_a_token_nothing_is_asked():
    with pytest.raises(Stop, match="no token is known"):
        find_access({})


def test_it_takes_the_server_and_the_token_of_a_job():
    assert find_access({"GITHUB_TOKEN": "a"}) == ("https://api.github.com", "oauth", "a", True)
    assert find_access(
        {"GH_TOKEN": "b", "GITHUB_TOKEN": "a", "GITHUB_API_URL": "https://x/api/v3"}
    ) == (
        "https://x/api/v3",
        "oauth",
        "b",
        True,
    )
