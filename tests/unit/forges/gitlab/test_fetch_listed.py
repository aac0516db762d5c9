"""What publish jobs fetch the listed wheels with, where these are in the package registry alone.

Run as a program.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import packages
import pytest
from packages import TOKEN, Registry

from truewheel.build import hand_over
from truewheel.forges.gitlab import fetch_listed
from truewheel.plan.model import Plan

NAMES = [
    "demo-1.0+nv1-7-py3-none-any.whl",
    "copies/public/demo-1.0-py3-none-any.whl",
    "Demo_x-1!2.0-py3-none-any.whl",
]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with packages.running() as registry:
        variables = {"CI_API_V4_URL": registry.api, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": TOKEN}
        for name, value in {
            **variables,
            "CI_PIPELINE_ID": "8",
            "TRUEWHEEL_PIPELINE_ID": "7",
        }.items():
            monkeypatch.setenv(name, value)
        yield registry


def store() -> hand_over.Store:
    import os

    return hand_over.store(cast("Plan", SimpleNamespace(project="demo")), os.environ, 60)


def fetched(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "dist/publish").mkdir(parents=True)
    text = "# it has other.whl\n" + "".join(f"{'0' * 64}  {name}\n" for name in NAMES)
    (folder / "dist/publish/own.sha256").write_text(text)
    argv = [sys.executable, "-I", fetch_listed.__file__, "demo-handover", "dist/publish/own.sha256"]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_asked_for_where_the_hand_over_puts_it(registry: Registry, name: str):
    assert fetch_listed.address("demo-handover", name) == store().url(name)


def test_the_listed_files_are_fetched_to_their_places(registry: Registry, tmp_path: Path):
    for name in NAMES:
        (tmp_path / "source").write_text(name)
        store().client.put(tmp_path / "source", store().url(name))
    done = fetched(tmp_path)
    assert done.returncode == 0, done.stderr
    assert {name: (tmp_path / "dist" / name).read_text() for name in NAMES} == dict(
        zip(NAMES, NAMES)
    )


def test_a_passing_fault_is_retried(registry: Registry, tmp_path: Path):
    for name in NAMES:
        (tmp_path / "source").write_text(name)
        store().client.put(tmp_path / "source", store().url(name))
    registry.faults = [packages.cut]
    assert fetched(tmp_path).returncode == 0
    assert (tmp_path / "dist" / NAMES[0]).read_text() == NAMES[0]


def test_a_file_that_is_not_there_ends_it_with_its_address_and_without_the_token(
    registry: Registry, tmp_path: Path
):
    done = fetched(tmp_path)
    assert done.returncode == 1
    assert store().url(NAMES[0]) in done.stderr
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_the_token_stays_with_the_host_that_it_is_for(registry: Registry, tmp_path: Path):
    request = fetch_listed.request.Request("https://git.example/a", headers={"JOB-TOKEN": TOKEN})
    follow = fetch_listed.Discreet().redirect_request
    for there, is_sent in (("https://git.example/b", True), ("https://storage.example/b", False)):
        redirected = follow(request, None, 302, "Found", {}, there)  # type: ignore[arg-type]
        assert redirected is not None
        assert (TOKEN in redirected.headers.values()) is is_sent


@pytest.mark.parametrize(
    "path", ["../outside.whl", "copies/../../x.whl", "/x.whl", "x.txt", "a/b.whl"]
)
def test_a_path_that_no_list_has_is_refused(registry: Registry, tmp_path: Path, path: str):
    (tmp_path / "dist/publish").mkdir(parents=True)
    (tmp_path / "dist/publish/own.sha256").write_text(f"{'0' * 64}  {path}\n")
    argv = [sys.executable, "-I", fetch_listed.__file__, "demo-handover", "dist/publish/own.sha256"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no line of a list" in done.stderr
