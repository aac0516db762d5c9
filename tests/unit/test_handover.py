"""Wheels between the jobs of a pipeline: each job in a folder of its own, the package registry between them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import packages
import pytest
import wheels
from packages import TOKEN, Registry
from specs import plan_of

from truewheel import cli, planfile, web
from truewheel.files import sha256
from truewheel.problems import Exit
from truewheel.steps import evidence

SPEC = """
project: demo
packages: {demo: {version: {file: VERSION}}}
targets: {rhel8: {}}
arches: [x86_64, aarch64]
indexes:
  internal: {url: 'https://index.example/internal'}
  public: {profile: pypi, channel: release, url: 'https://index.example/public'}
"""
POLICY = """
variables: {LOCAL: {}}
facts: {base: {from: ['package:version']}, local: {from: ['env:LOCAL']}}
channels: {default: {local: ['{local}']}, release: {when: {LOCAL: '!nv'}, version: '{base}'}}
"""
PLAN = plan_of(SPEC, policy=POLICY, overrides={"LOCAL": "nv"})
X86, ARM = PLAN.cells
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setattr(web, "PAUSES", (0.0, 0.0))
    with packages.running() as registry:
        variables = {"CI_API_V4_URL": registry.api, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": TOKEN}
        for name, value in {**variables, "CI_PIPELINE_ID": "8", "TRUEWHEEL_PIPELINE_ID": "7"}.items():
            monkeypatch.setenv(name, value)
        yield registry


@pytest.fixture
def truewheel(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command; returns exit code, stdout and stderr, in which the token never is."""

    def run(*argv: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in argv])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert TOKEN not in out + err
        return code, out, err

    return run


def job(folder: Path, *cells: str) -> Path:
    """The output folder of a job that has made the wheels of these cells, with the plan in it."""
    (folder / "evidence").mkdir(parents=True)
    (folder / "plan.json").write_text(planfile.write(PLAN))
    for cell in PLAN.cells:
        if cell.id in cells:
            code = wheels.elf_file({"x86_64": 62, "aarch64": 183}[cell.arch])
            wheel = wheels.make(folder, cell.wheel, {"demo/_core.so": code})
            record = {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
            evidence.path(folder, cell.id).write_text(json.dumps(record))
    return folder


def handed_over(tmp_path: Path, truewheel: Run) -> Path:
    """The folder of the job that proves, before it gets anything; both wheels are in the registry."""
    for cell in PLAN.cells:
        made = job(tmp_path / cell.arch, cell.id)
        code, out, err = truewheel("hand-over", "--put", "--cell", cell.id, "--out", made)
        assert (code, err) == (Exit.OK, "")
        assert out.startswith("2 files sent to ")
    return job(tmp_path / "prove")


def test_prove_sees_the_wheels_of_all_children(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    assert truewheel("hand-over", "--get", "--out", folder)[0] == Exit.OK
    assert truewheel("prove", folder)[0] == Exit.OK
    assert {token for *_, token in registry.asked} == {TOKEN}


@pytest.mark.usefixtures("registry")
def test_nothing_is_got_through_a_link(tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    outside = tmp_path / "outside"
    (folder / "evidence").rename(outside)
    (folder / "evidence").symlink_to(outside)
    code, _, err = truewheel("hand-over", "--get", "--out", folder)
    assert code == Exit.WHEEL
    assert "evidence: is a link, where a folder belongs" in err
    assert not list(outside.iterdir())


@pytest.mark.parametrize("path", [X86.wheel, evidence.path(Path(), X86.id).as_posix()])
def test_no_file_is_sent_by_a_link(registry: Registry, tmp_path: Path, truewheel: Run, path: str):
    """A build could put a link to any file of its job in the place of its wheel, for everybody to download."""
    folder = job(tmp_path / "dist", X86.id)
    (folder / path).rename(tmp_path / "secret")
    (folder / path).symlink_to(tmp_path / "secret")
    code, _, err = truewheel("hand-over", "--put", "--cell", X86.id, "--out", folder)
    assert code == Exit.WHEEL
    assert "is a link" in err
    assert not registry.files


def test_the_parents_pipeline_id_is_the_version_of_the_package(registry: Registry, tmp_path: Path, truewheel: Run):
    handed_over(tmp_path, truewheel)
    assert {path.rpartition("/")[0] for path in registry.files} == {
        "/api/v4/projects/42/packages/generic/demo-handover/7"
    }


def test_file_names_are_of_letters_that_gitlab_takes(registry: Registry, tmp_path: Path, truewheel: Run):
    handed_over(tmp_path, truewheel)
    names = [unquote(path.rpartition("/")[2]) for path in registry.files]
    assert len({*names}) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._+-]+", name) for name in names)


def test_a_test_job_gets_its_cells_wheel_alone(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    assert truewheel("hand-over", "--get", "--cell", ARM.id, "--out", folder)[0] == Exit.OK
    assert [path.name for path in folder.glob("*.whl")] == [ARM.wheel]


def test_a_wheel_that_nobody_made_is_found_missing_by_prove(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = job(tmp_path / "prove")
    truewheel("hand-over", "--put", "--cell", X86.id, "--out", job(tmp_path / "x86", X86.id))
    code, _, err = truewheel("hand-over", "--get", "--out", folder)
    assert code == Exit.OK
    assert f"not there: {ARM.wheel}" in err
    code, _, err = truewheel("prove", folder)
    assert code == Exit.WHEEL
    assert f"{ARM.wheel} is missing" in err


def test_other_bytes_are_found_by_prove(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    path = next(path for path in registry.files if path.endswith("x86_64.whl"))
    registry.files[path] += b"x"
    truewheel("hand-over", "--get", "--out", folder)
    code, _, err = truewheel("prove", folder)
    assert code == Exit.WHEEL
    assert "was overwritten after its job" in err


def test_a_job_that_made_no_wheel_hands_nothing_over(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = job(tmp_path / "x86")
    code, _, err = truewheel("hand-over", "--put", "--cell", X86.id, "--out", folder)
    assert code == Exit.WHEEL
    assert f"{X86.wheel}: is not there" in err
    assert not registry.files


def test_what_prove_made_reaches_the_job_that_publishes(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    truewheel("hand-over", "--get", "--out", folder)
    assert truewheel("prove", folder)[0] == Exit.OK
    assert truewheel("hand-over", "--put", "--made", "--out", folder)[0] == Exit.OK
    for index in ("internal", "public"):
        publishing = job(tmp_path / index)
        code, _, err = truewheel("hand-over", "--get", "--index", index, "--out", publishing)
        assert (code, err) == (Exit.OK, "")
        found = sorted(copy.wheel for cell in PLAN.cells for copy in cell.copies if copy.index == index)
        assert sorted(path.name for path in publishing.rglob("*.whl")) == found
        for path in publishing.rglob("*.whl"):
            assert path.read_bytes() == (folder / path.relative_to(publishing)).read_bytes()
    assert (tmp_path / "public/copies/public/SHA256SUMS").is_file()


def test_a_registry_that_is_gone_ends_in_exit_6(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = job(tmp_path / "x86", X86.id)
    registry.faults = [packages.status(500)] * 9
    code, _, err = truewheel("hand-over", "--put", "--cell", X86.id, "--out", folder)
    assert code == Exit.REMOTE_UNREACHABLE
    assert "no answer after 3 attempts: 500" in err


def test_a_token_that_is_not_accepted_ends_in_exit_5(
    registry: Registry, tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CI_JOB_TOKEN", "another")
    code, _, err = truewheel("hand-over", "--get", "--out", job(tmp_path / "prove"))
    assert code == Exit.REMOTE_FAILED
    assert "answers 401" in err
    assert "another" not in err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CI_API_V4_URL", "", "is not set"),
        ("CI_API_V4_URL", "file:///etc", "is no address"),
        ("CI_API_V4_URL", "http://a b", "is no address"),
        ("CI_API_V4_URL", "http://me:pass@host/", "is no address"),
        ("CI_PROJECT_ID", "", "is not set"),
        ("CI_JOB_TOKEN", "", "is not set"),
        ("CI_JOB_TOKEN", "two\nlines", "is no token"),
        ("TRUEWHEEL_PIPELINE_ID", "../9", "is no pipeline's id"),
    ],
)
def test_what_is_no_gitlab_job_is_told_so(
    registry: Registry,
    tmp_path: Path,
    truewheel: Run,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    told: str,
):
    monkeypatch.setenv(name, value)
    code, _, err = truewheel("hand-over", "--get", "--out", job(tmp_path / "prove"))
    assert code == Exit.REFUSED
    assert f"{name}: {told}" in err
    assert not registry.asked


@pytest.mark.parametrize(
    "flags",
    [["--put", "--get"], [], ["--get", "--made"], ["--put", "--index", "internal"], ["--get", "--index", "intern"]],
)
def test_flags_that_say_nothing_together_are_refused(
    registry: Registry, tmp_path: Path, capfd: pytest.CaptureFixture[str], flags: list[str]
):
    folder = job(tmp_path / "prove")
    try:
        code = cli.main(["hand-over", *flags, "--out", str(folder)])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == Exit.REFUSED
    assert "hand-over" in capfd.readouterr().err or flags[-1] == "intern"
    assert not registry.asked
