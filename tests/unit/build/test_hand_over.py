"""Wheels between the jobs of a pipeline.

Each job in a folder of its own, the package registry between them.

Whoever may write packages may write there too: another job, with a token that is as good as ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import packages
import pytest
import verdict_files
import wheels
from packages import TOKEN, Registry
from specs import plan_of

from truewheel import cli
from truewheel.build import evidence, hand_over, verdicts
from truewheel.errors import Exit
from truewheel.net import http
from truewheel.plan import plan_file
from truewheel.plan.model import Cell, cell_file
from truewheel.system.files import sha256

pytestmark = pytest.mark.slow  # starts programs

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
    monkeypatch.setattr(http, "PAUSES", (0.0, 0.0))
    with packages.running() as registry:
        variables = {"CI_API_V4_URL": registry.api, "CI_PROJECT_ID": "42", "CI_JOB_TOKEN": TOKEN}
        for name, value in {
            **variables,
            "CI_PIPELINE_ID": "8",
            "TRUEWHEEL_PIPELINE_ID": "7",
        }.items():
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
    (folder / "plan.json").write_text(plan_file.write(PLAN))
    for cell in PLAN.cells:
        if cell.id in cells:
            code = wheels.elf_file({"x86_64": 62, "aarch64": 183}[cell.arch])
            wheel = wheels.make(folder, cell.wheel, {"demo/_core.so": code})
            record = {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
            evidence.path(folder, cell.id).write_text(json.dumps(record))
    return folder


def key(folder: Path, truewheel: Run) -> Path:
    """The artifact of the job `key`, as one job gets it: each call returns another file."""
    key_file = folder / "key/truewheel.key"
    if not key_file.exists():
        key_file.parent.mkdir()
        assert truewheel("hand-over", "--make-key", key_file)[0] == Exit.OK
    return Path(shutil.copy2(key_file, folder / f"{os.urandom(4).hex()}.key"))


def sign(folder: Path, cells: str, key: Path, truewheel: Run) -> tuple[int, str, str]:
    return truewheel("hand-over", "--sign", "--key", key, "--cell", cells, "--out", folder)


def handed_over(tmp_path: Path, truewheel: Run) -> Path:
    """The folder of the job that proves, before it gets anything.

    Both wheels and records are in the registry.
    """
    for cell in PLAN.cells:
        record = job(tmp_path / cell.arch, cell.id)
        code, out, err = truewheel("hand-over", "--put", "--cell", cell.id, "--out", record)
        assert (code, err) == (Exit.OK, "")
        assert out.startswith("1 files sent to ")
        assert sign(record, cell.id, key(tmp_path, truewheel), truewheel)[0] == Exit.OK
    return job(tmp_path / "prove")


def get(tmp_path: Path, truewheel: Run) -> tuple[int, str, str]:
    return truewheel(
        "hand-over", "--get", "--key", key(tmp_path, truewheel), "--out", tmp_path / "prove"
    )


def other_wheel(folder: Path) -> Path:
    """The folder of somebody's job, which no plan knows.

    Another wheel of the same name, and a record of it.
    """
    made = job(folder)
    wheel = wheels.make(
        made, X86.wheel, {"demo/_core.so": wheels.elf_file(62), "demo/marker.py": b"here = True\n"}
    )
    record = {"version": 1, "cell": X86.id, "wheel": X86.wheel, "sha256": sha256(wheel)}
    evidence.path(made, X86.id).write_text(json.dumps(record))
    return made


def test_prove_sees_the_wheels_of_all_children(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = handed_over(tmp_path, truewheel)
    assert get(tmp_path, truewheel)[0] == Exit.OK
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
    assert "evidence: is a link" in err
    assert not list(outside.iterdir())


@pytest.mark.parametrize(
    ("path", "signs"), [(X86.wheel, False), (evidence.path(Path(), X86.id).as_posix(), True)]
)
def test_no_file_is_sent_by_a_link(
    registry: Registry, tmp_path: Path, truewheel: Run, path: str, signs: bool
):
    """A build could replace its wheel by a link to any file of its job, for all to download."""
    folder = job(tmp_path / "dist", X86.id)
    (folder / path).rename(tmp_path / "secret")
    (folder / path).symlink_to(tmp_path / "secret")
    if signs:
        code, _, err = sign(folder, X86.id, key(tmp_path, truewheel), truewheel)
    else:
        code, _, err = truewheel("hand-over", "--put", "--cell", X86.id, "--out", folder)
    assert code == Exit.WHEEL
    assert "is a link" in err
    assert not registry.files


def test_the_parents_pipeline_id_is_the_version_of_the_package(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    handed_over(tmp_path, truewheel)
    assert {path.rpartition("/")[0] for path in registry.files} == {
        "/api/v4/projects/42/packages/generic/demo-handover/7"
    }


def test_file_names_are_of_letters_that_gitlab_takes(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    handed_over(tmp_path, truewheel)
    names = [unquote(path.rpartition("/")[2]) for path in registry.files]
    assert len({*names}) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._+-]+", name) for name in names)


def with_records(folder: Path, tmp_path: Path, *cells: Cell) -> Path:
    """A job's folder with the records of cells, which came as artifacts."""
    for cell in cells:
        shutil.copy2(evidence.path(tmp_path / cell.arch, cell.id), evidence.path(folder, cell.id))
    return folder


def test_a_test_job_gets_its_cells_wheel_alone(registry: Registry, tmp_path: Path, truewheel: Run):
    folder = with_records(handed_over(tmp_path, truewheel), tmp_path, *PLAN.cells)
    assert truewheel("hand-over", "--get", "--cell", ARM.id, "--out", folder)[0] == Exit.OK
    assert [path.name for path in folder.glob("*.whl")] == [ARM.wheel]


def test_a_wheel_that_nobody_made_is_found_missing_by_prove(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = job(tmp_path / "prove")
    x86 = job(tmp_path / "x86", X86.id)
    truewheel("hand-over", "--put", "--cell", X86.id, "--out", x86)
    sign(x86, X86.id, key(tmp_path, truewheel), truewheel)
    code, _, err = get(tmp_path, truewheel)
    assert code == Exit.OK
    assert f"not there: {ARM.wheel}" in err
    code, _, err = truewheel("prove", folder)
    assert code == Exit.WHEEL
    assert f"{ARM.wheel} is missing" in err


def test_another_jobs_wheel_and_record_are_refused(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    """It has a token that may write packages, and no key of this pipeline.

    Its record is not signed, or by itself.
    """
    folder = handed_over(tmp_path, truewheel)
    other = other_wheel(tmp_path / "other")
    ours = dict(registry.files)
    assert truewheel("hand-over", "--put", "--cell", X86.id, "--out", other)[0] == Exit.OK
    own_key = tmp_path / "own.key"
    truewheel("hand-over", "--make-key", own_key)
    assert sign(other, X86.id, own_key, truewheel)[0] == Exit.OK
    (record,) = (
        path
        for path in registry.files
        if registry.files[path] != ours[path] and path.endswith("json")
    )
    signed = registry.files[record]
    for content, why in [
        (evidence.path(other, X86.id).read_bytes(), "is not signed"),
        (b"", "is not signed"),
        (signed, "is not signed for this cell with this pipeline's key"),
        (
            signed.partition(b" ")[0] + b" \n" + signed.partition(b"\n")[2],
            "is not signed for this cell with this pipeline's key",
        ),
        (
            ours[record].partition(b"\n")[0] + b"\n" + signed.partition(b"\n")[2],
            "is not signed for this cell",
        ),
    ]:
        registry.files[record] = content
        code, _, err = get(tmp_path, truewheel)
        assert code == Exit.WHEEL
        assert f"{X86.id}: " in err
        assert why in err
        assert "see who may write packages" in err
        assert not [*folder.glob("*.whl"), *folder.glob("evidence/*")], "nothing of it is written"
        assert truewheel("prove", folder)[0] == Exit.WHEEL


def test_what_another_job_put_there_before_is_replaced(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    other = other_wheel(tmp_path / "other")
    truewheel("hand-over", "--put", "--cell", X86.id, "--out", other)
    folder = handed_over(tmp_path, truewheel)
    assert get(tmp_path, truewheel)[0] == Exit.OK
    assert truewheel("prove", folder)[0] == Exit.OK
    assert (folder / X86.wheel).read_bytes() == (tmp_path / "x86_64" / X86.wheel).read_bytes()


@pytest.mark.parametrize(("variable", "value"), [("TRUEWHEEL_PIPELINE_ID", "6"), ("CELL", "")])
def test_a_record_counts_for_its_own_cell_and_pipeline(
    registry: Registry,
    tmp_path: Path,
    truewheel: Run,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
):
    handed_over(tmp_path, truewheel)
    x86, arm = sorted((path for path in registry.files if path.endswith("json")), reverse=True)
    if variable == "CELL":
        registry.files[arm] = registry.files[x86]
        place = ARM.id
    else:
        registry.files = {
            path.replace("/7/", "/6/"): content for path, content in registry.files.items()
        }
        monkeypatch.setenv(variable, value)
        place = X86.id
    code, _, err = get(tmp_path, truewheel)
    assert code == Exit.WHEEL
    assert f"{place}: " in err
    assert "is not signed for this cell with this pipeline's key" in err


@pytest.mark.parametrize("as_artifact", [False, True])
def test_other_bytes_than_the_record_says_are_refused(
    registry: Registry, tmp_path: Path, truewheel: Run, as_artifact: bool
):
    folder = handed_over(tmp_path, truewheel)
    path = next(path for path in registry.files if path.endswith("x86_64.whl"))
    registry.files[path] += b"x"
    if as_artifact:
        with_records(folder, tmp_path, *PLAN.cells)
        code, _, err = truewheel("hand-over", "--get", "--out", folder)
    else:
        code, _, err = get(tmp_path, truewheel)
    assert code == Exit.WHEEL
    assert f"{X86.id}: {X86.wheel} of the package registry has other bytes than its job made" in err
    assert not (folder / X86.wheel).exists()
    assert not [*folder.glob(".*")]


def test_records_that_came_as_artifacts_are_not_replaced_from_the_registry(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = with_records(handed_over(tmp_path, truewheel), tmp_path, *PLAN.cells)
    other = other_wheel(tmp_path / "other")
    record = next(path for path in registry.files if path.endswith("x86_64__cp312.json"))
    registry.files[record] = evidence.path(other, X86.id).read_bytes()
    assert truewheel("hand-over", "--get", "--out", folder)[0] == Exit.OK
    assert truewheel("prove", folder)[0] == Exit.OK
    assert not [
        path for command, path, _ in registry.asked if command == "GET" and path.endswith("json")
    ]


def test_what_lies_in_the_place_of_a_signed_record_is_removed(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    handed_over(tmp_path, truewheel)
    other = other_wheel(tmp_path / "other")
    shutil.copy2(evidence.path(other, X86.id), evidence.path(tmp_path / "prove", X86.id))
    registry.files = {
        path: content for path, content in registry.files.items() if "x86_64__cp312" not in path
    }
    assert get(tmp_path, truewheel)[0] == Exit.OK
    assert not evidence.path(tmp_path / "prove", X86.id).exists()


# Verdicts of test jobs in children


def with_verdicts(tmp_path: Path, truewheel: Run) -> Path:
    """The folder of the job that proves, where a test job has said something of each wheel."""
    for cell in PLAN.cells:
        verdict_files.write(job(tmp_path / cell.arch, cell.id), cell)
        folder = tmp_path / cell.arch
        assert truewheel("hand-over", "--put", "--cell", cell.id, "--out", folder)[0] == Exit.OK
        assert sign(folder, cell.id, key(tmp_path, truewheel), truewheel)[0] == Exit.OK
    return job(tmp_path / "prove")


def test_the_verdicts_of_all_children_reach_the_proof(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = with_verdicts(tmp_path, truewheel)
    (folder / "verdicts").mkdir()
    for name in (f"{cell_file(X86.id)}.cp311.json", "other.json"):
        (folder / "verdicts" / name).write_text("of somebody else")
    assert get(tmp_path, truewheel)[0] == Exit.OK
    for cell in PLAN.cells:
        path = verdicts.path(folder, cell.id, "cp312")
        ours = verdicts.path(tmp_path / cell.arch, cell.id, "cp312")
        assert path.read_bytes() == ours.read_bytes()
    assert not (folder / "verdicts" / f"{cell_file(X86.id)}.cp311.json").exists()


@pytest.mark.parametrize("change", ["unsigned", "another", "record", "forged"])
def test_a_verdict_of_somebody_else_is_refused(
    registry: Registry, tmp_path: Path, truewheel: Run, change: str
):
    folder = with_verdicts(tmp_path, truewheel)
    signed = [path for path in registry.files if path.endswith("json")]
    record, x86 = (path for path in signed if "x86_64" in path)
    (arm,) = (path for path in signed if "verdicts" in path and "aarch64" in path)
    assert "verdicts" in x86
    registry.files[x86] = {
        "unsigned": verdicts.path(tmp_path / "x86_64", X86.id, "cp312").read_bytes(),
        "another": registry.files[arm],
        "record": registry.files[record],  # signed, but as the record of the cell
        "forged": b"truewheel-hmac-sha256 " + b"0" * 64 + b"\n{}",
    }[change]
    code, _, err = get(tmp_path, truewheel)
    assert code == Exit.WHEEL
    name = f"verdicts/{cell_file(X86.id)}.json"
    assert f"{X86.id}: {name} of the package registry is not signed" in err
    assert not (folder / "verdicts").exists()


def test_a_verdict_behind_a_link_is_not_signed(tmp_path: Path, truewheel: Run, registry: Registry):
    folder = job(tmp_path / "x86_64", X86.id)
    verdict_files.write(folder, X86)
    path = verdicts.path(folder, X86.id, "cp312")
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    code, _, err = sign(folder, X86.id, key(tmp_path, truewheel), truewheel)
    assert code == Exit.WHEEL
    assert "is a link" in err


def test_a_record_that_is_too_long_is_not_kept(
    registry: Registry, tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    handed_over(tmp_path, truewheel)
    monkeypatch.setattr(hand_over, "RECORD_LIMIT", 0)
    monkeypatch.setattr(hand_over, "_LONGEST_HEADER", 10)
    code, _, err = get(tmp_path, truewheel)
    assert code == Exit.REMOTE_FAILED
    assert "has more than 10 bytes" in err


def test_the_key_is_for_its_owner_and_gone_once_it_was_read(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    old = os.umask(0)
    try:
        code, out, err = truewheel("hand-over", "--make-key", tmp_path / "k")
    finally:
        os.umask(old)
    assert code == Exit.OK
    content = (tmp_path / "k").read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", content)
    assert content.strip() not in out + err
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    truewheel("hand-over", "--make-key", tmp_path / "k")
    assert (tmp_path / "k").read_text() != content
    sign(job(tmp_path / "x86", X86.id), X86.id, tmp_path / "k", truewheel)
    assert not (tmp_path / "k").exists()


@pytest.mark.parametrize(
    "content", [None, "", "0" * 63 + "\n", "0" * 65 + "\n", "g" * 64 + "\n", "0" * 64 + "\n\n"]
)
def test_a_key_that_is_none_is_refused(
    registry: Registry, tmp_path: Path, truewheel: Run, content: str | None
):
    if content is not None:
        (tmp_path / "k").write_text(content)
    code, _, err = truewheel(
        "hand-over", "--get", "--key", tmp_path / "k", "--out", job(tmp_path / "prove")
    )
    assert code == Exit.REFUSED
    assert "start a new pipeline" in err
    assert not registry.asked


def test_with_a_secret_of_the_project_the_key_alone_signs_nothing(
    registry: Registry, tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    handed_over(tmp_path, truewheel)
    monkeypatch.setenv("TRUEWHEEL_HANDOVER_SECRET", "protected and masked")
    code, _, err = get(tmp_path, truewheel)
    assert code == Exit.WHEEL
    assert "is not signed for this cell with this pipeline's key" in err
    for cell in PLAN.cells:
        sign(tmp_path / cell.arch, cell.id, key(tmp_path, truewheel), truewheel)
    assert get(tmp_path, truewheel)[0] == Exit.OK


def test_a_job_signs_no_record_that_is_missing_or_of_another_cell(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    both = f"{X86.id},{ARM.id}"
    folder = job(tmp_path / "x86", X86.id)
    code, _, err = sign(folder, both, key(tmp_path, truewheel), truewheel)
    assert code == Exit.WHEEL
    assert "aarch64__cp312.json: is not there" in err
    shutil.copy2(evidence.path(folder, X86.id), evidence.path(folder, ARM.id))
    code, _, err = sign(folder, both, key(tmp_path, truewheel), truewheel)
    assert code == Exit.WHEEL
    assert f"{ARM.id}: " in err
    assert "is no record of this cell's wheel" in err
    assert not registry.files


def test_a_record_that_is_nested_without_end_is_damaged(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = job(tmp_path / "x86", X86.id)
    evidence.path(folder, X86.id).write_text("[" * 100_000)
    code, _, err = sign(folder, X86.id, key(tmp_path, truewheel), truewheel)
    assert code == Exit.WHEEL
    assert "damaged evidence" in err
    assert not registry.files


def test_what_a_merge_request_leaves_out_is_not_signed(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = job(tmp_path / "x86", X86.id)
    smaller = replace(PLAN, cells=(X86,), left_out=(ARM.id,))
    (folder / "plan.json").write_text(plan_file.write(smaller))
    code, out, _ = sign(folder, f"{ARM.id},{X86.id}", key(tmp_path, truewheel), truewheel)
    assert code == Exit.OK
    assert out.startswith("1 records sent to ")
    code, out, _ = sign(folder, ARM.id, key(tmp_path, truewheel), truewheel)
    assert code == Exit.OK
    assert out.startswith("0 records sent to ")


def test_a_job_that_made_no_wheel_hands_nothing_over(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    folder = job(tmp_path / "x86")
    code, _, err = truewheel("hand-over", "--put", "--cell", X86.id, "--out", folder)
    assert code == Exit.WHEEL
    assert f"{X86.wheel}: is not there" in err
    assert not registry.files


def proven(tmp_path: Path, truewheel: Run) -> Path:
    """The folder of the job that has proven, whose copies are in the registry."""
    folder = handed_over(tmp_path, truewheel)
    get(tmp_path, truewheel)
    assert truewheel("prove", folder)[0] == Exit.OK
    assert truewheel("hand-over", "--put", "--made", "--out", folder)[0] == Exit.OK
    return folder


def test_what_prove_made_is_sent_without_its_sums(
    registry: Registry, tmp_path: Path, truewheel: Run
):
    proven(tmp_path, truewheel)
    assert [path for path in registry.files if "copies" in path and path.endswith(".whl")]
    sums = [path for path in registry.files if path.endswith("SHA256SUMS")]
    assert not sums, "sums are artifacts"


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
    code, _, err = truewheel("hand-over", "--get", "--out", job(tmp_path / "prove", X86.id))
    assert code == Exit.REMOTE_FAILED
    assert "answers 401" in err
    assert "another" not in err


@pytest.mark.parametrize(
    ("name", "value", "message"),
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
    message: str,
):
    monkeypatch.setenv(name, value)
    code, _, err = truewheel("hand-over", "--get", "--out", job(tmp_path / "prove"))
    assert code == Exit.REFUSED
    assert f"{name}: {message}" in err
    assert not registry.asked


@pytest.mark.parametrize(
    "flags",
    [
        *(
            ["--put", "--get"],
            [],
            ["--get", "--made"],
        ),
        *(
            ["--sign", "--key", "k"],
            ["--sign", "--cell", X86.id],
            ["--put", "--key", "k"],
        ),
        *(
            ["--get", "--key", "k", "--cell", X86.id],
            ["--make-key", "k", "--made"],
            ["--make-key", "k", "--key", "k"],
        ),
    ],
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
    assert "hand-over" in capfd.readouterr().err
    assert not registry.asked
