"""The proof of a folder of wheels against a plan."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import wheels
from hypothesis import given
from hypothesis import strategies as st

from truewheel.build import prove as proving
from truewheel.build import verdicts
from truewheel.build.prove import prove
from truewheel.build.validate import validate
from truewheel.build.verdicts import Verdict
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Archive, Cell, Copy, Index, Job, Package, Plan

ONE = "demo-1.0-49163608-cp312-cp312-manylinux_2_28_x86_64.whl"
TWO = "demo-1.0-49163608-cp313-cp313-manylinux_2_28_x86_64.whl"
CONTENT = {"demo/_core.so": wheels.elf_file()}


def cell(cell_id: str, wheel: str) -> Cell:
    package, target, arch, python = cell_id.split("/")[:4]
    return Cell(
        id=cell_id,
        package=package,
        target=target,
        arch=arch,
        python=python,
        builder=python,
        channel="default",
        version="1.0",
        build="49163608",
        tag="",
        wheel=wheel,
        facts={},
    )


def plan(*cells: Cell) -> Plan:
    return Plan(
        generator="truewheel 0.1.0",
        project="demo",
        spec="truewheel.yml",
        event="push",
        local=False,
        packages={cell.package: Package(name=cell.package, path=".") for cell in cells},
        targets={},
        kinds={},
        cells=cells,
        jobs=(),
        variables={},
        policy={},
    )


FIRST = cell("demo/ubuntu24.04/x86_64/cp312", ONE)
SECOND = cell("demo/ubuntu24.04/x86_64/cp313", TWO)
PLAN = plan(SECOND, FIRST)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def attest(folder: Path, subject: Cell, **other: str) -> Path:
    """Write the evidence of a cell as its job would."""
    path = folder / "evidence" / f"{subject.id.replace('/', '__')}.json"
    path.parent.mkdir(exist_ok=True)
    wheel = folder / subject.wheel
    sha256 = digest(wheel) if wheel.exists() else "0" * 64
    path.write_text(
        json.dumps(
            {"version": 1, "cell": subject.id, "wheel": subject.wheel, "sha256": sha256, **other}
        )
    )
    return path


@pytest.fixture
def dist(tmp_path):
    """A folder that holds exactly what `PLAN` says."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for cell in (FIRST, SECOND):
        wheels.make(folder, cell.wheel, CONTENT)
        attest(folder, cell)
    return folder


def written(folder: Path) -> dict:
    return json.loads((folder / "evidence.json").read_text())


def refused(
    folder: Path, *problems: str, of: Plan = PLAN, only: frozenset[str] | None = None
) -> dict:
    """Prove that the proof fails with problems that hold these texts, and leaves no sums behind."""
    (folder / "SHA256SUMS").write_text("of an earlier proof\n")
    proof = prove(folder, of, only)
    assert not proof.ok
    assert not (folder / "SHA256SUMS").exists()
    assert len(proof.problems) == len(problems), proof.problems
    for problem, expected in zip(proof.problems, problems, strict=True):
        assert expected in problem
    data = written(folder)
    assert data == proof.data
    assert (data["ok"], data["problems"]) == (False, list(proof.problems))
    return data


def test_what_was_planned_is_proven(dist):
    proof = prove(dist, PLAN)
    assert proof.ok
    data = written(dist)
    assert data == proof.data
    assert data == {
        "version": 1,
        "ok": True,
        "plan": {"project": "demo", "event": "push", "generator": "truewheel 0.1.0"},
        "wheels": [
            {
                "path": cell.wheel,
                "ok": True,
                "cell": cell.id,
                "wheel": cell.wheel,
                "sha256": digest(dist / cell.wheel),
                "size": (dist / cell.wheel).stat().st_size,
                "findings": [],
                "evidence": {
                    "version": 1,
                    "cell": cell.id,
                    "wheel": cell.wheel,
                    "sha256": digest(dist / cell.wheel),
                },
                "verdict": "named",
                "loads": [],
            }
            for cell in (FIRST, SECOND)
        ],
        "copies": [],
        "archives": [],
        "missing": [],
        "extra": [],
        "problems": [],
    }


def test_coreutils_can_check_the_sums(dist):
    assert prove(dist, PLAN).ok
    result = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],
        check=False,
        cwd=dist,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    assert result.stdout == f"{ONE}: OK\n{TWO}: OK\n"


def test_a_second_proof_changes_nothing(dist):
    prove(dist, PLAN)
    first = {path.name: path.read_bytes() for path in dist.iterdir() if path.is_file()}
    prove(dist, plan(FIRST, SECOND))
    assert {path.name: path.read_bytes() for path in dist.iterdir() if path.is_file()} == first


def test_temporary_files_and_other_files_do_not_matter(dist):
    (dist / ".abc.tmp").touch()
    (dist / f".{ONE}").touch()
    (dist / "plan.json").touch()
    (dist / "evidence" / ".abc.json").touch()
    (dist / "old").mkdir()
    wheels.make(dist / "old", wheels.PURE)
    assert prove(dist, PLAN).ok


def test_alike_bytes_under_two_names_are_no_error(tmp_path):
    pair = [
        cell(f"{name}/any/any/py3", f"{name}-1.0-py3-none-any.whl") for name in ("Demo", "demo")
    ]
    for made in pair:
        wheels.make(tmp_path, wheels.PURE).replace(tmp_path / made.wheel)
    wheels.make(tmp_path, wheels.PURE)
    for made in pair:
        attest(tmp_path, made)
    assert digest(tmp_path / pair[0].wheel) == digest(tmp_path / pair[1].wheel)
    assert prove(tmp_path, plan(*pair)).ok


@pytest.mark.parametrize(
    ("built", "difference"),
    [
        ("demo-1.0-7-cp312-cp312-manylinux_2_28_x86_64.whl", "build tag 7, planned 49163608"),
        ("demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", "no build tag, planned 49163608"),
        ("demo-1.0-49163608-cp312-abi3-manylinux_2_28_x86_64.whl", "ABI tag abi3, planned cp312"),
        (
            "demo-1.1-49163608-cp312-cp312-linux_x86_64.whl",
            "version 1.1, planned 1.0 and platform tag linux_x86_64, pla",
        ),
        ("Demo-1.0-49163608-cp312-cp312-manylinux_2_28_x86_64.whl", "name Demo, planned demo"),
    ],
)
def test_a_missing_wheel_is_named_with_the_one_that_was_built_instead(dist, built, difference):
    (dist / ONE).rename(dist / built)
    data = refused(
        dist,
        f"{FIRST.id}: {ONE} is missing; {built} has {difference}",
        f"{built}: the plan has no such",
    )
    assert data["missing"] == [{"cell": FIRST.id, "wheel": ONE}]
    assert data["extra"] == [built]
    assert [wheel["wheel"] for wheel in data["wheels"]] == [TWO]


def test_the_most_similar_wheel_is_named(dist):
    (dist / ONE).unlink()
    for name in (
        "demo-0.9-7-cp312-cp312-linux_x86_64.whl",
        "demo-1.0-8-cp312-cp312-manylinux_2_28_x86_64.whl",
    ):
        (dist / name).touch()
    refused(
        dist,
        "is missing; demo-1.0-8-cp312-cp312-manylinux_2_28_x86_64.whl has build tag 8, planned",
        "demo-0.9",
        "demo-1.0-8",
    )


def test_a_missing_wheel_without_any_like_it(dist):
    (dist / ONE).unlink()
    (dist / "other-1.0-py3-none-any.whl").touch()
    (dist / "not-a-wheel.whl").touch()
    data = refused(
        dist,
        f"{ONE} is missing",
        "not-a-wheel.whl: the plan has no such",
        "other-1.0-py3-none-any.whl",
    )
    assert data["problems"][0].endswith("is missing")


def test_only_some_cells_are_expected(dist):
    (dist / TWO).unlink()
    proof = prove(dist, PLAN, frozenset({FIRST.id}))
    assert proof.ok
    assert (dist / "SHA256SUMS").read_text() == f"{digest(dist / ONE)}  {ONE}\n"


def test_wheels_of_other_planned_cells_are_not_extra(dist):
    (dist / TWO).write_bytes(b"another job may be writing it")
    assert prove(dist, PLAN, frozenset({FIRST.id})).ok


def test_a_wheel_that_was_overwritten_after_its_job_is_found(dist):
    wheels.make(dist, ONE, {**CONTENT, "demo/__init__.py": b"changed = True\n"})
    refused(
        dist,
        f"{FIRST.id}: {ONE} was overwritten after its job: sha256 {digest(dist / ONE)}, the "
        "evidence says",
    )


def test_a_wheel_with_an_error_is_not_proven(dist):
    wheels.make(dist, ONE, {"demo/_core.so": wheels.elf_file(183)})
    attest(dist, FIRST)
    data = refused(dist, f"{ONE}/demo/_core.so: TW405 it is for aarch64, the file name says x86_64")
    assert [finding["code"] for finding in data["wheels"][0]["findings"]] == ["TW405"]


def test_a_warning_does_not_stop_the_proof(tmp_path):
    any_cell = cell("Demo/any/any/py3", "Demo-1.0-py3-none-any.whl")
    wheels.make(tmp_path, any_cell.wheel)
    attest(tmp_path, any_cell)
    proof = prove(tmp_path, plan(any_cell))
    assert proof.ok
    assert proof.data["wheels"][0]["findings"][0]["code"] == "TW103"


def test_missing_evidence(dist):
    (dist / "evidence" / "demo__ubuntu24.04__x86_64__cp312.json").unlink()
    data = refused(
        dist,
        f"{FIRST.id}: no evidence for {ONE}; keep evidence/demo__ubuntu24.04__x86_64__cp312.json",
    )
    assert data["wheels"][0]["evidence"] is None


def test_no_evidence_folder(dist):
    for path in (dist / "evidence").iterdir():
        path.unlink()
    (dist / "evidence").rmdir()
    refused(dist, "no evidence", "no evidence")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b'{"cell": 1, "wheel": "x", "sha256": "y"}',
        b'{"cell": "x"}',
        b'{"cell": "x", "wheel": "x", "sha256": "y", "more": Infinity}',
        b"[" * 100_000,
    ],
)
def test_damaged_evidence(dist, content):
    attest(dist, FIRST).write_bytes(content)
    file = "demo__ubuntu24.04__x86_64__cp312.json"
    data = refused(dist, f"evidence/{file}: damaged evidence: ")
    assert data["wheels"][0]["evidence"] is None


@pytest.mark.parametrize("depth", [100, 300, 900, 950, 1000, 5000, 50_000])
def test_evidence_of_any_depth_is_a_verdict(dist, depth):
    text = attest(dist, FIRST).read_text()
    attest(dist, FIRST).write_text(f'{text[:-1]}, "more": {"[" * depth}{"]" * depth}}}')
    proof = prove(dist, PLAN)
    assert proof.ok or "damaged evidence" in proof.problems[0]
    assert written(dist)["ok"] == proof.ok


def test_evidence_without_end_is_not_read(dist, monkeypatch):
    monkeypatch.setattr(proving, "RECORD_LIMIT", 500)
    attest(dist, FIRST, more="x" * 500)
    refused(dist, "it has more than 500 bytes")


@given(
    content=st.binary(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps)
)
def test_any_evidence_is_a_verdict(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("dist")
    wheels.make(folder, ONE, CONTENT)
    attest(folder, FIRST).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert not prove(folder, plan(FIRST)).ok


def test_two_jobs_that_made_one_wheel_are_both_named(dist):
    other = cell("demo/rhel8/x86_64/cp312", ONE)
    attest(dist, other)
    data = refused(
        dist,
        f"{ONE}: made by demo/rhel8/x86_64/cp312 and by {FIRST.id}; one has overwritten the other",
    )
    assert data["extra"] == []


def test_evidence_of_another_cell(dist):
    attest(dist, FIRST, cell="demo/rhel8/x86_64/cp312")
    refused(
        dist,
        f"{FIRST.id}: evidence/demo__ubuntu24.04__x86_64__cp312.json is the evidence of "
        "demo/rhel8/x86_64/cp312",
    )


def test_a_job_that_made_another_wheel(dist):
    attest(dist, FIRST, wheel=wheels.PURE)
    refused(dist, f"{FIRST.id}: its job made {wheels.PURE}, planned {ONE}")


def test_a_problem_holds_nothing_that_a_terminal_acts_on(dist):
    attest(dist, FIRST, wheel="\x1b[2J")
    refused(dist, "its job made \\x1b[2J, planned")


@pytest.mark.parametrize("only", [None, frozenset()])
def test_a_plan_without_wheels_proves_nothing(tmp_path, only):
    refused(tmp_path, "there is nothing to prove", of=plan() if only is None else PLAN, only=only)


def test_a_cell_that_the_plan_does_not_have(dist):
    with pytest.raises(Stop, match="has no cell demo/no/such/cell") as caught:
        prove(dist, PLAN, frozenset({"demo/no/such/cell"}))
    assert caught.value.code == Exit.REFUSED


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x.whl", "/etc/x.whl", "a/x.whl", ".x.whl", "x.zip", "x\n.whl", "x\x00.whl"],
)
def test_an_unsafe_name_in_the_plan(dist, name):
    (dist / "SHA256SUMS").write_text("of an earlier proof\n")
    with pytest.raises(Stop, match="unsafe") as caught:
        prove(dist, plan(cell(FIRST.id, name)))
    assert caught.value.code == Exit.REFUSED
    assert not (dist / "SHA256SUMS").exists()


@pytest.mark.parametrize("cell_id", ["../a/b/c\x00", "././.\n./x", "../../../.."])
def test_an_unsafe_cell_in_the_plan(dist, cell_id):
    with pytest.raises(Stop, match="unsafe"):
        prove(dist, plan(cell(cell_id, ONE)))


def test_nothing_was_built(tmp_path):
    with pytest.raises(Stop, match="nothing was built") as caught:
        prove(tmp_path / "dist", PLAN)
    assert caught.value.code == Exit.WHEEL
    assert "build" in caught.value.problems[0].hint


LOCAL = "demo-1.0+nv26.4-7-cp312-cp312-manylinux_2_28_x86_64.whl"
PUBLIC = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"


def copied(folder: Path) -> Cell:
    """Make a proven wheel that one index gets under another name and one under its own."""
    copies = (
        Copy(index="pypi", version="1.0", wheel=PUBLIC),
        Copy(index="own", version="1.0", wheel=LOCAL),
    )
    made = cell("demo/ubuntu24.04/x86_64/cp312", LOCAL)._replace(copies=copies)
    wheels.make(folder, LOCAL, CONTENT)
    attest(folder, made)
    return made


def test_an_index_gets_its_own_copy_of_a_proven_wheel(tmp_path):
    proof = prove(tmp_path, plan(copied(tmp_path)))
    assert proof.ok
    copy = tmp_path / "copies/pypi" / PUBLIC
    assert proof.data["copies"] == [
        {
            "index": "pypi",
            "cell": "demo/ubuntu24.04/x86_64/cp312",
            "wheel": PUBLIC,
            "sha256": digest(copy),
        }
    ]
    assert validate(copy) == []
    assert (copy.parent / "SHA256SUMS").read_text() == f"{digest(copy)}  {PUBLIC}\n"
    assert not (tmp_path / "copies/own").exists()  # a copy with the wheel's own name is the wheel


def test_copies_of_an_earlier_proof_are_gone_when_a_proof_fails(tmp_path):
    plan_ = plan(copied(tmp_path))
    assert prove(tmp_path, plan_).ok
    (tmp_path / LOCAL).unlink()
    assert not prove(tmp_path, plan_).ok
    assert not (tmp_path / "copies").exists()


AUDITED = ("manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
COPY = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"


def audited() -> Plan:
    copies = (Copy(index="pypi", version="1.0", wheel=COPY),)
    return plan(
        FIRST._replace(tag="cp312-cp312-manylinux_2_28_x86_64", platforms=AUDITED, copies=copies)
    )


@pytest.mark.parametrize("platform", AUDITED)
def test_an_audited_wheel_is_proven_under_any_name_of_its_range_and_so_are_its_copies(
    tmp_path, platform
):
    cell = FIRST._replace(wheel=ONE.replace("manylinux_2_28_x86_64", platform))
    wheels.make(tmp_path, cell.wheel, CONTENT)
    attest(tmp_path, cell)
    proof = prove(tmp_path, audited())
    assert proof.ok, proof.problems
    assert (tmp_path / "SHA256SUMS").read_text().split()[1] == cell.wheel
    (copy,) = (tmp_path / "copies" / "pypi").glob("*.whl")
    assert copy.name == COPY.replace("manylinux_2_28_x86_64", platform)


def test_an_audited_wheel_outside_its_range_is_refused(tmp_path):
    cell = FIRST._replace(wheel=ONE.replace("manylinux_2_28", "manylinux_2_34"))
    wheels.make(tmp_path, cell.wheel, CONTENT)
    attest(tmp_path, cell)
    refused(
        tmp_path,
        f"{ONE} is missing; {cell.wheel} has platform tag manylinux_2_34_x86_64, planned "
        "manylinux_2_28_x86_64",
        f"{cell.wheel}: the plan has no such wheel",
        of=audited(),
    )


def test_archives_hold_the_proven_wheels_and_are_the_same_each_time(dist):
    archive = Archive(
        name="all",
        target="ubuntu24.04",
        arch="x86_64",
        file="all-1.0.zip",
        cells=(SECOND.id, FIRST.id),
    )
    plan_ = replace(PLAN, archives=(archive,))
    proof = prove(dist, plan_)
    assert proof.ok
    path = dist / "archives" / "all-1.0.zip"
    with zipfile.ZipFile(path) as opened:
        assert opened.namelist() == [ONE, TWO]
        assert opened.read(ONE) == (dist / ONE).read_bytes()
    first = path.read_bytes()
    assert proof.data["archives"] == [
        {"file": path.name, "wheels": [ONE, TWO], "sha256": digest(path)}
    ]
    assert (dist / "archives" / "SHA256SUMS").read_text() == f"{digest(path)}  {path.name}\n"
    prove(dist, plan_)
    assert path.read_bytes() == first
    assert prove(dist, plan_, frozenset({FIRST.id})).data["archives"] == []
    assert not path.exists()


def test_a_failed_proof_leaves_no_archive(dist):
    archive = Archive(
        name="all", target="ubuntu24.04", arch="x86_64", file="all-1.0.zip", cells=(FIRST.id,)
    )
    plan_ = replace(PLAN, archives=(archive,))
    assert prove(dist, plan_).ok
    (dist / TWO).unlink()
    assert not prove(dist, plan_).ok
    assert not (dist / "archives").exists()


def indexed(cell: Cell, profile: str = "pypi", **changed: object) -> Plan:
    index = Index(name="pypi", profile=profile, active=True, refusals={})
    return replace(plan(cell), indexes=(replace(index, **changed),))


def test_an_index_would_take_its_copy(tmp_path):
    proof = prove(tmp_path, indexed(copied(tmp_path)))
    assert proof.ok, proof.problems


@pytest.mark.parametrize(("limit", "ok"), [(0, True), (10**6, True), (100, False)])
def test_a_copy_that_its_index_would_refuse_fails_the_proof(tmp_path, limit, ok):
    proof = prove(tmp_path, indexed(copied(tmp_path), max_size=limit))
    assert proof.ok == ok
    assert (tmp_path / "SHA256SUMS").exists() == ok
    assert (tmp_path / "copies").exists() == ok
    if not ok:
        assert proof.data["copies"] == []
        (problem,) = proof.problems
        assert problem.startswith(f"{PUBLIC}: the index pypi would refuse it: TW602")


def test_an_index_that_is_not_published_to_refuses_nothing(tmp_path):
    assert prove(tmp_path, indexed(copied(tmp_path), max_size=100, active=False)).ok


def test_a_wheel_under_its_own_name_is_judged_too(tmp_path):
    cell = copied(tmp_path)
    proof = prove(tmp_path, indexed(cell, name="own"))
    assert [problem.partition(" ")[0] for problem in proof.problems] == [f"{LOCAL}:"]
    assert "TW601" in proof.problems[0]


def test_an_unknown_profile_stops(tmp_path):
    with pytest.raises(Stop, match="unknown index profile, none"):
        prove(tmp_path, indexed(copied(tmp_path), profile="none"))


def test_files_of_a_person_beside_copies_stay_and_no_proof_mixes_with_them(tmp_path):
    made = plan(copied(tmp_path))
    assert prove(tmp_path, made).ok
    mine = tmp_path / "copies/pypi/mine.txt"
    mine.write_text("mine")
    with pytest.raises(Stop, match="no proof has made") as caught:
        prove(tmp_path, made)
    assert caught.value.code == Exit.WHEEL
    assert [path.name for path in (tmp_path / "copies/pypi").iterdir()] == ["mine.txt"]
    mine.rename(tmp_path / "mine.txt")
    assert prove(tmp_path, made).ok


@pytest.mark.parametrize("name", ["publish/mine.txt", "archives/mine.txt", "copies/mine.txt"])
def test_a_proof_that_needs_no_such_folder_leaves_it(dist, name):
    (dist / name).parent.mkdir()
    (dist / name).write_text("mine")
    assert prove(dist, PLAN).ok
    assert (dist / name).read_text() == "mine"
    assert prove(dist, PLAN, in_job=True).ok
    assert not (dist / name).exists(), "other jobs have left it"


def test_a_pipe_in_the_place_of_evidence_is_damage(dist):
    path = dist / "evidence/pipe.json"
    os.mkfifo(path)
    assert any("it is no file" in problem for problem in prove(dist, PLAN).problems)


def judge(folder: Path, subject: Cell, verdict: str = "loaded", **other: Any) -> None:
    """Write the verdict of a test job."""
    fields = {"cell": subject.id, "wheel": subject.wheel, "python": subject.python}
    fields |= {"sha256": digest(folder / subject.wheel), "verdict": verdict}
    verdicts.write(folder, Verdict(**{**fields, **other}))


TESTED_PLAN = replace(
    PLAN,
    jobs=tuple(
        Job(name=f"test:{cell.id}", kind="test", cells=(cell.id,), python=cell.python)
        for cell in (FIRST, SECOND)
    ),
)


def test_a_proof_has_the_verdict_on_each_wheel(dist):
    judge(dist, FIRST, "tested", modules=("demo",), warnings=("demo.x: RuntimeError: no device",))
    first, second = prove(dist, PLAN).data["wheels"]
    assert (first["verdict"], second["verdict"]) == ("tested", "named")
    assert first["loads"][0]["modules"] == ["demo"]
    assert first["loads"][0]["warnings"] == ["demo.x: RuntimeError: no device"]


def test_a_wheel_that_failed_is_not_proven(dist):
    judge(dist, FIRST, "failed", problems=("demo: undefined symbol: nowhere",))
    judge(dist, SECOND)
    refused(dist, f"{FIRST.wheel}: failed on cp312: demo: undefined symbol: nowhere")


def test_in_a_job_each_test_job_must_have_given_its_verdict(dist):
    judge(dist, FIRST)
    judge(dist, SECOND)
    assert prove(dist, TESTED_PLAN, in_job=True).ok
    verdicts.path(dist, SECOND.id, "cp313").unlink()
    (problem,) = prove(dist, TESTED_PLAN, in_job=True).problems
    assert problem.startswith(f"{SECOND.id}: no verdict of test:{SECOND.id} on {SECOND.wheel}")
    assert prove(dist, TESTED_PLAN).ok, "elsewhere it is listed"


def test_a_verdict_on_other_bytes_is_none(dist):
    judge(dist, FIRST, sha256="0" * 64)
    judge(dist, SECOND)
    (problem,) = prove(dist, TESTED_PLAN, in_job=True).problems
    assert "has tried other bytes" in problem
    assert prove(dist, PLAN).data["wheels"][0]["verdict"] == "named"


def test_a_verdict_on_another_python_is_not_that_of_the_job(dist):
    judge(dist, FIRST, python="cp399")
    judge(dist, SECOND)
    (problem,) = prove(dist, TESTED_PLAN, in_job=True).problems
    assert "no verdict of" in problem


def test_no_digest_comes_from_a_verdict(dist):
    """A test job runs the wheels' own code: it may say anything of a wheel that it was given."""
    attest(dist, FIRST, sha256="1" * 64)
    judge(dist, FIRST, sha256="1" * 64)
    judge(dist, SECOND)
    problems = prove(dist, TESTED_PLAN, in_job=True).problems
    assert any("was overwritten after its job" in problem for problem in problems)


def test_a_damaged_verdict_is_told(dist):
    (dist / "verdicts").mkdir()
    (dist / "verdicts/x.json").write_text("{")
    refused(dist, "verdicts/x.json: damaged verdict: ")


def test_a_wheel_that_changed_while_it_was_loaded_is_told(dist):
    digests = {FIRST.id: "2" * 64, SECOND.id: digest(dist / SECOND.wheel)}
    (problem,) = prove(dist, PLAN, digests=digests).problems
    assert problem == f"{FIRST.id}: {FIRST.wheel} was changed while wheels were loaded"
