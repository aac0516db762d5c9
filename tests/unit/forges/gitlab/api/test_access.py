"""Which server and which token: a token goes to the server that it stands beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from truewheel.errors import Stop
from truewheel.forges.gitlab.api.access import find_access

HERE = "https://gitlab.example.com"
CONFIGURED = """\
[global]
default = mine
[mine]
url = https://configured.example.com
private_token = configured-token
"""


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gitlab.config._DEFAULT_FILES", [])
    monkeypatch.delenv("PYTHON_GITLAB_CFG", raising=False)


def configured(tmp_path: Path, text: str = CONFIGURED) -> dict[str, str]:
    (tmp_path / "gitlab.cfg").write_text(text)
    return {"PYTHON_GITLAB_CFG": str(tmp_path / "gitlab.cfg")}


@pytest.mark.parametrize(
    ("variables", "kind", "token"),
    [
        ({"GITLAB_TOKEN": "a"}, "private", "a"),
        ({"GITLAB_PRIVATE_TOKEN": "a", "GITLAB_TOKEN": "b", "CI_JOB_TOKEN": "c"}, "private", "a"),
        ({"GITLAB_OAUTH_TOKEN": "a", "CI_JOB_TOKEN": "c"}, "oauth", "a"),
        ({"GITLAB_TOKEN": "", "CI_JOB_TOKEN": "c"}, "job", "c"),
    ],
)
def test_tokens_are_taken_from_the_environment(variables: dict[str, str], kind: str, token: str):
    assert find_access({"CI_SERVER_URL": HERE + "/", **variables}) == (HERE, kind, token, True)


def test_the_configuration_of_python_gitlab_is_read(tmp_path: Path):
    settings = find_access(configured(tmp_path))
    assert settings == ("https://configured.example.com", "private", "configured-token", True)


def test_a_configured_token_does_not_go_to_another_server(tmp_path: Path):
    env = {**configured(tmp_path), "CI_SERVER_URL": HERE}
    with pytest.raises(Stop, match="no token is known"):
        find_access(env)
    assert find_access({**env, "CI_JOB_TOKEN": "c"}) == (HERE, "job", "c", True)


def test_a_configured_token_goes_to_its_server_within_a_job(tmp_path: Path):
    env = {
        **configured(tmp_path),
        "CI_SERVER_URL": "https://configured.example.com",
        "CI_JOB_TOKEN": "c",
    }
    assert find_access(env).token == "configured-token"


def test_a_token_of_the_environment_goes_to_the_configured_server_where_no_other_is_named(
    tmp_path: Path,
):
    assert find_access({**configured(tmp_path), "GITLAB_TOKEN": "a"})[:3] == (
        "https://configured.example.com",
        "private",
        "a",
    )


@pytest.mark.parametrize("text", ["[mine]\nurl = x\n", "no section", "[global]\ndefault = other\n"])
def test_a_broken_configuration_is_refused(tmp_path: Path, text: str):
    with pytest.raises(Stop, match="python-gitlab's configuration: "):
        find_access(configured(tmp_path, text))


def test_a_missing_configuration_is_refused(tmp_path: Path):
    with pytest.raises(Stop, match="python-gitlab's configuration: "):
        find_access({"PYTHON_GITLAB_CFG": str(tmp_path / "none")})


@pytest.mark.parametrize("token", ["a b", "a\n", "tökén", "a\x00"])
def test_a_malformed_token_is_refused_and_not_shown(token: str):
    with pytest.raises(Stop) as stopped:
        find_access({"CI_SERVER_URL": HERE, "GITLAB_TOKEN": token})
    assert token not in str(stopped.value)


@pytest.mark.parametrize(
    "server",
    ["gitlab.example.com", "file:///x", "https://", "https://a:b@c", "http://[x", "ftp://x"],
)
def test_a_malformed_server_address_is_refused(server: str):
    with pytest.raises(Stop, match="address"):
        find_access({"CI_SERVER_URL": server, "GITLAB_TOKEN": "a"})


def test_without_a_server_access_is_refused():
    with pytest.raises(Stop, match="no server is known"):
        find_access({})


def test_a_token_is_not_in_the_text_of_an_access():
    assert "secret" not in repr(find_access({"CI_SERVER_URL": HERE, "GITLAB_TOKEN": "secret"}))
