"""Which variables hold credentials, and that what others wrote gets none of them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import projects
import pytest
import wheels
from specs import plan_of

from truewheel.build import credentials, evidence
from truewheel.build.engines.command import build_wheels
from truewheel.build.engines.pep517 import compile_wheel
from truewheel.build.smoke_test import smoke_test
from truewheel.forges import FORGES
from truewheel.plan.matrix import Host
from truewheel.plan.model import Index
from truewheel.system import interpreters

RUNNER_FILES = FORGES["github"].runner_files
HELD = (
    *(
        "CI_JOB_TOKEN",
        "CI_BUILD_TOKEN",
        "CI_JOB_JWT",
        "CI_JOB_JWT_V2",
        "CI_REGISTRY_PASSWORD",
        "CI_DEPLOY_PASSWORD",
    ),
    *(
        "CI_REPOSITORY_URL",
        "GITLAB_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "PRIVATE_TOKEN",
    ),
    *(
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_CACHE_URL",
    ),
    *(
        "TWINE_PASSWORD",
        "TWINE_USERNAME",
        "UV_PUBLISH_TOKEN",
        "UV_PUBLISH_URL",
        "PYPI_TOKEN",
        "PYPI_API_TOKEN",
    ),
    *(
        "TEST_PYPI_TOKEN",
        "DOCKER_AUTH_CONFIG",
        "AWS_SECRET_ACCESS_KEY",
        "NPM_TOKEN",
        "SIGNING_KEY",
        "api_key",
        "GH_PAT",
    ),
    *("GHTOKEN", "githubToken", "dbPassword", "PGPASSWORD", "DB_PASS", "SMTP_PASS", "MASTER_PWD"),
    *("INDEX_PW", "NPM_AUTH", "SSH_AUTH_SOCK", "OAUTH", "SENTRY_DSN", "DATABASE_URL"),
    *("AZURE_STORAGE_CONNECTION_STRING", "NETRC", "KUBECONFIG", "DEPLOY_KEY", "SSH_KEY", "GPG_KEY"),
    *("ENCRYPTION_KEY", "SIGNKEY", "COSIGN_PRIVATE_KEY", "CI_SERVER_TLS_KEY_FILE"),
    *("AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "TRUEWHEEL_HANDOVER_SECRET"),
)
FREE = (
    *(
        "PATH",
        "HOME",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_INDEX_URL",
        "UV_INDEX_OWN_PASSWORD",
        "PIP_CONFIG_FILE",
    ),
    *(
        "CI_PIPELINE_ID",
        "CI_COMMIT_SHA",
        "TOKENIZERS_PARALLELISM",
        "CUDA_PATH",
        "CC",
        "CFLAGS",
        "KEYBOARD",
        "GITHUB_SHA",
    ),
    *(
        "ccache_dir",
        "SCCACHE_DIR",
        "MONKEY",
        "TRUEWHEEL_PIPELINE_ID",
        "SOURCE_DATE_EPOCH",
        "CI_REGISTRY",
        "PATTERN",
    ),
    *("PWD", "OLDPWD", "KEY", "TRUEWHEEL_KEY", "CACHE_KEY", "PUBLIC_KEY", "MONKEYPATCH", "COMPASS"),
    *("CI_COMMIT_SHA", "CI_COMMIT_AUTHOR", "CI_COMMIT_REF_NAME", "GIT_AUTHOR_NAME", "BYPASS"),
    *("PASSIVE", "PATH_INFO", "HTTPS_PROXY", "http_proxy", "XDG_RUNTIME_DIR", "AUTHORITY"),
    *("CUDA_VERSION", "LD_LIBRARY_PATH", "KEYMAP", "CI_SERVER_URL", "RUNNER_OS", "CMAKE_ARGS"),
)
LOOK = (
    "import json, os, pathlib\npathlib.Path({told!r}).write_text(json.dumps(sorted(os.environ)))\n"
)
ENV = {
    **projects.ENV,
    **dict.fromkeys(HELD, "hidden"),
    **dict.fromkeys(RUNNER_FILES, "hidden"),
    "UV_INDEX_OWN_PASSWORD": "hidden",
    "OWN_LOGIN": "hidden",
    "PIP_INDEX_URL": "x",
    "PIP_NO_INDEX": "1",
}


@pytest.mark.parametrize("name", HELD)
def test_a_name_that_stands_for_credentials(name: str):
    assert credentials.is_credential(name)


@pytest.mark.parametrize("name", FREE)
def test_a_name_that_stands_for_none(name: str):
    assert not credentials.is_credential(name)


SPEC = """
packages: {foo: {}}
targets: {rhel8: {}}
variables: {SIGNS: {scope: secret}}
images: {registry: r.example/x, credentials: {username: REGISTRY_USER, password: REGISTRY_PW}}
indexes:
  own: {url: 'https://index.example/', credentials: {username: INDEX_USER, password: INDEX_PW}}
"""


def test_the_plan_adds_its_own():
    plan = plan_of(SPEC)
    assert credentials.credential_names(plan) == {
        "SIGNS",
        "REGISTRY_USER",
        "REGISTRY_PW",
        "INDEX_USER",
        "INDEX_PW",
    }
    env = dict.fromkeys(("SIGNS", "INDEX_PW", "B_TOKEN", "GITHUB_ENV", "HOME"), "x")
    assert credentials.remove_credentials(env, plan, ["B_TOKEN"]) == (
        {"B_TOKEN": "x", "HOME": "x"},
        ["GITHUB_ENV", "INDEX_PW", "SIGNS"],
    )


# --- what others wrote
# ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def running_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    interpreter = interpreters._probed(Path(sys.executable), projects.TAG, projects.ENV)
    monkeypatch.setattr(interpreters, "find", lambda *_: interpreter)


LOGIN = {"username": "OWN_LOGIN", "password": "OWN_PW"}
INDEXES = (Index(name="own", profile="internal", active=False, refusals={}, **LOGIN),)


def check(report: Path, name: str, needed: str = "PIP_INDEX_URL") -> None:
    """What was seen holds no credentials but the named ones, and all that pip needs."""
    names = {*json.loads(report.read_text())}
    hidden = {*HELD, *RUNNER_FILES, "OWN_LOGIN"}
    assert names & hidden == ({name} if name else set())
    assert {"PATH", "HOME", *([needed] if needed else [])} <= names
    assert needed or not [name for name in names if name.startswith(("PIP_", "UV_INDEX_"))]


@pytest.mark.parametrize("name", ["", "CI_JOB_TOKEN", "OWN_LOGIN"])
def test_a_backend_gets_none_but_what_the_spec_names(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "told"
    root = projects.make(tmp_path / "root")
    projects.write(root / "demo", {"backend.py": LOOK.format(told=str(report)) + projects.BACKEND})
    cell = projects.cell()
    plan = replace(projects.plan(cell, secrets=(name,) if name else ()), indexes=INDEXES)
    compile_wheel(plan, cell, root, ENV)
    check(report, name)
    err = capfd.readouterr().err
    assert "demo/any/any/py3: without " in err
    assert "GITLAB_TOKEN, " in err
    assert "hidden" not in err
    assert not name or f" {name}," not in err


@pytest.mark.parametrize("name", ["", "CI_JOB_TOKEN"])
def test_a_smoke_test_gets_none_but_what_the_spec_names(tmp_path: Path, name: str) -> None:
    report, cell = tmp_path / "told", projects.cell()
    root = projects.write(tmp_path / "root", {"tests/smoke.py": LOOK.format(told=str(report))})
    wheel = wheels.make(evidence.fresh_folder(root / "dist"), cell.wheel)
    plan = projects.plan(cell, smoke="tests/smoke.py", secrets=(name,) if name else ())
    plan = replace(plan, indexes=INDEXES)
    env, _ = credentials.remove_credentials(ENV, plan, plan.packages["demo"].secrets)
    assert smoke_test(plan, cell, root, wheel, Path(sys.executable), tmp_path, env) == ""
    check(report, name, needed="")


def test_settings_of_installers_may_hold_passwords_under_any_name() -> None:
    names = ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS")
    env = {**dict.fromkeys(names, "https://user:hidden@index.example"), "PATH": "/bin"}
    assert credentials.without_downloads(env, ()) == {"PATH": "/bin"}
    assert credentials.without_downloads(env, ("UV_INDEX",)).keys() == {"PATH", "UV_INDEX"}


@pytest.mark.parametrize("name", ["", "CI_JOB_TOKEN"])
def test_a_command_gets_none_but_what_the_spec_names(tmp_path: Path, name: str) -> None:
    report, linux = tmp_path / "told", f"linux_{projects.ARCH}"
    text = f"""
    packages: {{foo: {{version: {{file: VERSION}}}}}}
    builds: {{tree: {{command: [python, make.py], wheels: {{foo: '*.whl'}}, secrets: [{name}]}}}}
    targets: {{ubuntu24.04: {{}}}}
    """
    plan = plan_of(text, host=Host(projects.ARCH, "linux", (projects.TAG,)))
    wheel = wheels.make(
        tmp_path, f"foo-1.0-{projects.TAG}-{projects.TAG}-{linux}.whl", {"foo/_c.so": projects.ELF}
    )
    copy = (
        "import shutil\nshutil.copy('made.whl', os.environ['TRUEWHEEL_OUTPUT'] + '/"
        + wheel.name
        + "')\n"
    )
    files = {
        "make.py": LOOK.format(told=str(report)) + copy,
        "made.whl": wheel.read_bytes(),
        "VERSION": "1.0",
    }
    root = projects.write(tmp_path / "root", files)
    build_wheels(
        replace(plan, indexes=INDEXES),
        f"tree/host/{projects.ARCH}/{projects.TAG}",
        plan.cells,
        root,
        ENV,
    )
    check(report, name)
