"""The lists of what each index gets: who is asked, with what, and what stops a proof."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import standin
import verdict_files
import wheels
from specs import plan_of
from standin import Index

from truewheel import cli
from truewheel.build import prove, upload_lists
from truewheel.errors import Exit, Stop
from truewheel.net import package_index
from truewheel.net.package_index import Login
from truewheel.plan import plan_file
from truewheel.system.files import sha256

SPEC = """
packages: {demo: {version: {file: VERSION}}}
targets: {rhel8: {}}
arches: [x86_64, aarch64]
variables: {TOKEN: {scope: secret}}
indexes:
  internal: {url: '%(url)s', credentials: {username: WHO, password: %(password)s}}
  public: {profile: pypi, channel: release, when: {RELEASE: 'yes'}, url: '%(url)s'}
  named: {}
"""
POLICY = """
variables: {RELEASE: {}}
facts: {base: {from: ['package:version']}}
channels:
  default: {when: {RELEASE: '!never'}, version: '{base}', local: ['nv1']}
  release: {version: '{base}'}
"""
SECRET = "hunter2-hunter2"
X86, ARM = (f"demo-1.0+nv1-cp312-cp312-manylinux_2_28_{arch}.whl" for arch in ("x86_64", "aarch64"))


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(package_index, "PAUSES", (0.0, 0.0))
    for name in ("CI_COMMIT_REF_PROTECTED", "GITHUB_REF_PROTECTED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOKEN", SECRET)
    with standin.running() as server:
        yield server


def built(
    folder: Path,
    index: Index,
    event: str = "tag",
    password: str = "TOKEN",
    spec: str = SPEC,
    verdict: str = "loaded",
    needs: str = "",
    **overrides: str,
) -> Path:
    """A plan for an event, the wheels that its jobs made, and the verdicts on them."""
    words = {"url": index.url, "password": password}
    plan = plan_of(spec % words, policy=POLICY, overrides=overrides, event=event)
    (folder / "evidence").mkdir(parents=True)
    for cell in plan.cells:
        number = {"x86_64": 62, "aarch64": 183}[cell.arch]
        wheel = wheels.make(folder, cell.wheel, {"demo/_core.so": wheels.elf_file(number)})
        record = {"cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
        prove.evidence.path(folder, cell.id).write_text(json.dumps(record))
        if verdict:
            verdict_files.write(folder, cell, verdict, needs)
    (folder / "plan.json").write_text(plan_file.write(plan))
    return folder


def proved(folder: Path) -> Exit:
    return cli.main(["prove", str(folder)])


def listed(folder: Path, index: str = "internal") -> list[str]:
    return (folder / "publish" / f"{index}.sha256").read_text(encoding="utf-8").splitlines()


def test_each_index_gets_a_list_of_its_files_with_their_sums(index: Index, tmp_path: Path):
    dist = built(tmp_path / "dist", index, RELEASE="yes")
    assert proved(dist) == Exit.OK
    for name, below, wheel in (
        ("internal", "", X86),
        ("public", "copies/public/", X86.replace("+nv1", "")),
    ):
        lines = dict(reversed(line.split("  ")) for line in listed(dist, name))
        assert len(lines) == 2
        for path, digest in lines.items():
            assert hashlib.sha256((dist / path).read_bytes()).hexdigest() == digest
        assert below + wheel in lines
    assert not (dist / "publish/named.sha256").exists()


def test_an_index_whose_conditions_do_not_hold_gets_a_list_of_nothing(
    index: Index, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    dist = built(tmp_path / "dist", index)
    assert proved(dist) == Exit.OK
    assert listed(dist, "public") == ["# its conditions do not hold"]
    assert "public: nothing to publish: RELEASE is not 'yes'" in capfd.readouterr().err


@pytest.mark.parametrize("event", ["mr", "push", "schedule", "web"])
def test_only_a_pipeline_that_publishes_asks_an_index(index: Index, tmp_path: Path, event: str):
    dist = built(tmp_path / "dist", index, event=event)
    assert proved(dist) == Exit.OK
    assert index.asked == []
    assert not (dist / "publish").exists()


@pytest.mark.parametrize("variable", ["CI_COMMIT_REF_PROTECTED", "GITHUB_REF_PROTECTED"])
def test_a_tag_that_is_not_protected_asks_no_index(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
):
    monkeypatch.setenv(variable, "false")
    dist = built(tmp_path / "dist", index)
    assert proved(dist) == Exit.OK
    assert index.asked == []
    assert not (dist / "publish").exists()


def test_what_an_index_has_is_not_in_its_list(index: Index, tmp_path: Path):
    dist = built(tmp_path / "dist", index)
    index.files[X86] = (dist / X86).read_bytes()
    assert proved(dist) == Exit.OK
    comment, *lines = listed(dist)
    assert comment == f"# it has {X86}"
    assert [line[66:] for line in lines] == [ARM]


def test_another_file_of_that_name_ends_the_proof_and_leaves_no_list(
    index: Index, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    dist = built(tmp_path / "dist", index, RELEASE="yes")
    assert proved(dist) == Exit.OK
    index.files[X86.replace("+nv1", "")] = b"theirs"
    assert proved(dist) == Exit.WHEEL
    assert "the index public has other bytes under this name" in capfd.readouterr().err
    assert not (dist / "publish").exists()


def test_the_password_for_uploads_is_not_used_to_ask(index: Index, tmp_path: Path):
    assert proved(built(tmp_path / "dist", index)) == Exit.OK
    assert {login for _, _, login in index.asked} == {None}


@pytest.mark.parametrize("code", [401, 403])
def test_an_index_that_needs_a_login_is_said_not_to_be_checked(
    index: Index, tmp_path: Path, code: int, capfd: pytest.CaptureFixture[str]
):
    index.gets = [standin.status(code)] * 9
    dist = built(tmp_path / "dist", index)
    assert proved(dist) == Exit.OK
    assert len(listed(dist)) == 2
    assert (
        "internal: 2 wheels to upload; it cannot be read without its password"
        in capfd.readouterr().err
    )


def test_a_job_of_gitlab_asks_with_its_own_token(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WHO", "gitlab-ci-token")
    monkeypatch.setenv("CI_JOB_TOKEN", "of-this-job")
    assert proved(built(tmp_path / "dist", index, password="CI_JOB_TOKEN")) == Exit.OK
    assert {login for _, _, login in index.asked} == {
        f"Basic {Login('gitlab-ci-token', 'of-this-job').basic}"
    }


@pytest.mark.parametrize(
    ("code", "expected"), [(400, Exit.REMOTE_FAILED), (503, Exit.REMOTE_UNREACHABLE)]
)
def test_an_index_that_refuses_or_is_down_ends_the_proof(
    index: Index, tmp_path: Path, code: int, expected: Exit
):
    index.gets = [standin.status(code)] * 9
    dist = built(tmp_path / "dist", index)
    assert proved(dist) == expected
    assert not (dist / "publish").exists()


# What was not loaded


def proved_in_job(dist: Path, monkeypatch: pytest.MonkeyPatch) -> Exit:
    """Prove as in a job of a CI, where `prove` loads nothing itself."""
    monkeypatch.setenv("CI", "true")
    plan = (dist / "plan.json").rename(dist.with_name(f"{dist.name}.json"))
    return cli.main(["prove", str(dist), "--plan", str(plan)])


def test_an_index_gets_no_wheel_that_was_installed_and_not_loaded(
    index: Index, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    dist = built(tmp_path / "dist", index, verdict="installed", needs="numpy")
    assert proved_in_job(dist, monkeypatch) == Exit.WHEEL
    said = capfd.readouterr().err
    for wheel in (X86, ARM):
        assert (
            f"{wheel}: is installed, where the index internal takes wheels that are loaded" in said
        )
    assert "list it in the spec under named, or say verdict: named at the index" in said
    assert index.asked == []
    assert not (dist / "publish").exists()


def test_an_index_says_that_names_are_enough(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = SPEC.replace("internal: {url", "internal: {verdict: named, url")
    dist = built(tmp_path / "dist", index, spec=spec, verdict="installed", needs="numpy")
    assert proved_in_job(dist, monkeypatch) == Exit.OK
    assert len(listed(dist)) == 2


def test_a_wheel_without_modules_is_loaded_once_it_is_installed(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dist = built(tmp_path / "dist", index, verdict="installed")
    assert proved_in_job(dist, monkeypatch) == Exit.OK
    assert len(listed(dist)) == 2


def test_a_wheel_that_was_tested_was_loaded(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    dist = built(tmp_path / "dist", index, verdict="tested")
    assert proved_in_job(dist, monkeypatch) == Exit.OK
    assert len(listed(dist)) == 2


def test_what_no_runner_can_load_is_published_if_the_spec_names_it(
    index: Index, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    dist = built(tmp_path / "unnamed", index, verdict="")
    assert proved_in_job(dist, monkeypatch) == Exit.WHEEL
    assert f"no verdict of test:rhel8:aarch64 on {ARM}" in capfd.readouterr().err
    dist = built(tmp_path / "dist", index, spec=f"{SPEC}named: [{{arch: '*'}}]\n", verdict="")
    assert proved_in_job(dist, monkeypatch) == Exit.OK
    assert len(listed(dist)) == 2


def test_wheels_that_are_not_as_planned_leave_no_list_and_ask_nobody(index: Index, tmp_path: Path):
    dist = built(tmp_path / "dist", index)
    assert proved(dist) == Exit.OK
    index.asked.clear()
    (dist / X86).write_bytes(b"another")
    assert proved(dist) == Exit.WHEEL
    assert index.asked == []
    assert not (dist / "publish").exists()


def test_a_list_is_written_into_no_folder_of_somebody_else(index: Index, tmp_path: Path):
    dist = built(tmp_path / "dist", index)
    (tmp_path / "elsewhere").mkdir()
    (dist / "publish").symlink_to(tmp_path / "elsewhere")
    assert proved(dist) == Exit.OK, "the link is removed, not followed"
    assert sorted(file.name for file in (dist / "publish").iterdir()) == [
        "internal.sha256",
        "public.sha256",
    ]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "wheel", ["demo-1.0+nv1-cp312-cp312-manylinux_2_28_x86_64$(id).whl", "-demo-1.whl", "ü-1.whl"]
)
def test_no_other_character_reaches_a_shell(wheel: str):
    with pytest.raises(Stop):
        upload_lists._refuse_names([upload_lists.Proven(wheel, wheel, "0" * 64)])
