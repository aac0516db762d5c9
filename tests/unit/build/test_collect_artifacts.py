"""The wheels of a pipeline from its artifacts, through client libraries and stand-ins."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZipInfo

import forge_lab
import pytest
import verdict_files
import wheels
from specs import plan_of
from standins import Bridge, GitHub, GitLab, Job

from truewheel.build import collect_artifacts as collect
from truewheel.build import evidence, hand_over, prove, verdicts
from truewheel.errors import Exit, Stop
from truewheel.forges.access import Access
from truewheel.forges.base import PipelineState, StartRequest
from truewheel.forges.github.api.client import Github
from truewheel.plan import plan_file
from truewheel.system.files import sha256

pytestmark = pytest.mark.slow  # each a whole pipeline

PLAN = plan_of(
    "packages: {demo: {version: {file: VERSION}}}\ntargets: {rhel8: {}}\narches: [x86_64, "
    "aarch64]\n"
)
X86, ARM = PLAN.cells
MAKERS = {job.cells[0]: job.name for job in PLAN.jobs if job.kind == "wheel"}
X86_JOB, ARM_JOB = MAKERS[X86.id], MAKERS[ARM.id]
X86_RECORD = evidence.path(Path(), X86.id).as_posix()
ARM_RECORD = evidence.path(Path(), ARM.id).as_posix()
TESTS = {job.cells[0]: job.name for job in PLAN.jobs if job.kind == "test"}
X86_TEST, ARM_TEST = TESTS[X86.id], TESTS[ARM.id]
X86_VERDICT = verdicts.path(Path(), X86.id, "cp312").as_posix()
ARM_VERDICT = verdicts.path(Path(), ARM.id, "cp312").as_posix()
Files = dict[Any, bytes]
"""By path in the artifact, or by a whole `ZipInfo`."""


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """What each job of the plan leaves, by its path in the artifact without `dist/`."""
    dist = tmp_path_factory.mktemp("built") / "dist"
    (dist / "evidence").mkdir(parents=True)
    for cell in PLAN.cells:
        code = wheels.elf_file({"x86_64": 62, "aarch64": 183}[cell.arch])
        wheel = wheels.make(dist, cell.wheel, {"demo/_core.so": code})
        record = {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
        evidence.path(dist, cell.id).write_text(json.dumps(record))
        verdict_files.write(dist, cell)
    assert prove.prove(dist, PLAN).ok
    entries = files(dist)
    return {
        "plan": {"plan.json": plan_file.write(PLAN).encode()},
        X86_JOB: {path: entries[path] for path in (X86.wheel, X86_RECORD)},
        ARM_JOB: {path: entries[path] for path in (ARM.wheel, ARM_RECORD)},
        X86_TEST: {X86_VERDICT: entries[X86_VERDICT]},
        ARM_TEST: {ARM_VERDICT: entries[ARM_VERDICT]},
        "prove": entries,
    }


@dataclass
class Pipeline:
    """A pipeline that ended well on one of the forges.

    `jobs` may be changed before it is collected.
    """

    forge: Any
    server: Any
    is_github: bool
    jobs: dict[str, Files]
    said: list[str] = field(default_factory=list)
    prefix: str = ""
    wanted: str = ""

    def scripts(self) -> list[Job]:
        """The jobs as the stand-in runs them, with their artifacts as the forge keeps them."""
        if self.is_github:
            names = {"plan": "plan.json", "prove": "dist"}
            return [
                Job(
                    names.get(name, name.replace(":", "__")),
                    artifacts=self.from_verdicts(files_of_job)
                    if name.startswith("test:")
                    else files_of_job,
                )
                for name, files_of_job in self.jobs.items()
            ]
        return [Job(self.prefix + name, artifacts=self.below(name)) for name in self.jobs]

    def from_verdicts(self, files_of_job: Files) -> Files:
        """The artifact of a test job on GitHub begins at the folder that all its files are in."""
        return {
            path if isinstance(path, ZipInfo) else path.removeprefix("verdicts/"): data
            for path, data in files_of_job.items()
        }

    def below(self, name: str) -> Files:
        return {
            (path if name == "plan" or isinstance(path, ZipInfo) else f"dist/{path}"): data
            for path, data in self.jobs[name].items()
        }

    def look(self) -> PipelineState:
        project = self.server.repository() if self.is_github else self.server.project("group/demo")
        if self.is_github:
            project.workflow()
        project.plan(*self.scripts())
        run = self.forge.start(StartRequest("main", {}, "key"))
        self.server.advance(10**4)
        return self.forge.read_state(run, None)  # type: ignore[no-any-return]

    def collect(self, out: Path, look: PipelineState | None = None) -> None:
        """Collect and prove as `trigger --wheels` does."""
        with collect.lend_folder(out) as folder:
            plan = collect.collect(
                self.forge, look or self.look(), folder, self.said.append, self.wanted
            )
            assert prove.prove(folder, plan).ok
            collect.move_in(folder, out)

    def refused(self, tmp_path: Path, look: PipelineState | None = None) -> str:
        """Collect what must be refused, which leaves nothing, and return what is said."""
        out = tmp_path / "out"
        out.mkdir()
        (out / "notes.txt").write_text("kept")
        (out / "SHA256SUMS").write_text("of an earlier pipeline\n")
        before = files(tmp_path)
        with pytest.raises(Stop) as stopped:
            self.collect(out, look)
        assert stopped.value.code is Exit.WHEEL
        assert files(tmp_path) == before
        return str(stopped.value)

    def member(self, path: str, **more: int) -> ZipInfo:
        """A member of an artifact of `dist`, for what no path can say."""
        info = ZipInfo(self.forge.kept_below + path)
        for name, value in more.items():
            setattr(info, name, value)
        return info


@pytest.fixture(params=["gitlab", "github"])
def pipeline(request: pytest.FixtureRequest, built: Mapping[str, Files]) -> Iterator[Pipeline]:
    jobs = {name: dict(files_of_job) for name, files_of_job in built.items()}
    if request.param == "github":
        with GitHub() as server:
            token = server.token().value
            server.repository()
            forge = Github(
                Access(server.url, "oauth", token),
                "owner/demo",
                3600.0,
                forge_lab.Time(server).clock(),
            )  # type: ignore[arg-type]
            yield Pipeline(forge, server, True, jobs)
    else:
        with GitLab() as lab:
            yield Pipeline(forge_lab.connected(lab), lab, False, jobs)


@pytest.fixture
def gitlab(built: Mapping[str, Files]) -> Iterator[Pipeline]:
    with GitLab() as lab:
        yield Pipeline(
            forge_lab.connected(lab),
            lab,
            False,
            {name: dict(files_of_job) for name, files_of_job in built.items()},
        )


def expected(built: Mapping[str, Files]) -> dict[str, bytes]:
    return {**built["plan"], **built["prove"]}


def test_plan_wheels_and_evidence_are_those_of_their_jobs(
    pipeline: Pipeline, built: Any, tmp_path: Path
):
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_keeps_its_other_files(pipeline: Pipeline, built: Any, tmp_path: Path):
    out = tmp_path / "out"
    (out / "evidence").mkdir(parents=True)
    for name in ("notes.txt", "evidence/other.json", "SHA256SUMS", X86.wheel):
        (out / name).write_text("old")
    pipeline.collect(out)
    assert files(out) == {**expected(built), "notes.txt": b"old", "evidence/other.json": b"old"}


def test_wheels_of_another_pipeline_are_no_mix(pipeline: Pipeline, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    for name in ("demo-0.9-py3-none-any.whl", "SHA256SUMS"):
        (out / name).write_text("old")
    before = files(tmp_path)
    with pytest.raises(Stop, match=r"demo-0\.9-py3-none-any\.whl: is not of this pipeline"):
        pipeline.collect(out)
    assert files(tmp_path) == before


IGNORED = (
    *(
        "x/{wheel}",
        "copies/pypi/{wheel}",
        "evidence/x/{record}",
        "plan.json",
        "Plan.json",
        "PLAN.JSON",
        "x/plan.json",
    ),
    *(
        "evidence.json",
        "SHA256SUMS",
        "Evidence/{record}",
        "./{wheel}",
        "/{wheel}",
        "x/../{wheel}",
        "../{wheel}",
    ),
    *(
        "../../{wheel}",
        "x\\{record}",
        "evidence/../../{wheel}",
        "{wheel}/",
        "{wheel}/x",
        "other/plan.json",
    ),
    *("evidence/other.json", "evidence/{wheel}", "notes.txt", ".hidden.whl/x"),
)


@pytest.mark.parametrize("name", IGNORED)
def test_what_lies_in_another_place_is_not_taken(
    pipeline: Pipeline, built: Any, tmp_path: Path, name: str
):
    path = name.format(wheel=X86.wheel, record=X86_RECORD.removeprefix("evidence/"))
    for job in (X86_JOB, ARM_JOB):
        pipeline.jobs[job] = {path: b"forged", **pipeline.jobs[job]}
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_plan_is_that_of_its_job_alone(pipeline: Pipeline, built: Any, tmp_path: Path):
    pipeline.jobs[X86_JOB][pipeline.member("x")] = b""
    root = ZipInfo("plan.json")
    pipeline.jobs[X86_JOB][root] = pipeline.jobs["prove"][ZipInfo("plan.json")] = b"{}"
    pipeline.jobs["plan"]["x/plan.json"] = b"{}"
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


def test_a_job_of_somebody_else_gives_nothing(pipeline: Pipeline, built: Any, tmp_path: Path):
    forged = {X86.wheel: b"forged", X86_RECORD: b"{}", "evidence.json": b"{}", "plan.json": b"{}"}
    pipeline.jobs = {
        "own": dict(forged),
        "wheel:other": dict(forged),
        **pipeline.jobs,
        "zzz": dict(forged),
    }
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


@pytest.mark.parametrize("path", [X86.wheel, X86_RECORD])
def test_another_jobs_file_with_other_bytes_is_refused(
    pipeline: Pipeline, tmp_path: Path, path: str
):
    other = pipeline.jobs[X86_JOB][path]
    pipeline.jobs[ARM_JOB][path] = b"{}" + other[2:]
    message = pipeline.refused(tmp_path)
    assert (
        f"{path}: the job {ARM_JOB} has left other bytes under this name: the job {X86_JOB} makes "
        "it" in message
    )


def test_another_jobs_file_with_the_same_bytes_is_no_harm(
    pipeline: Pipeline, built: Any, tmp_path: Path
):
    pipeline.jobs[ARM_JOB] |= pipeline.jobs[X86_JOB]
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


def test_another_jobs_file_does_not_stand_in_for_one_that_is_missing(
    pipeline: Pipeline, tmp_path: Path
):
    pipeline.jobs[ARM_JOB][X86.wheel] = pipeline.jobs[X86_JOB].pop(X86.wheel)
    assert f"{X86.wheel}: is missing: the job {X86_JOB} has left none" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("path", [X86.wheel, X86_RECORD])
@pytest.mark.parametrize("job", [X86_JOB, "prove"])
def test_what_is_not_as_proven_is_refused(pipeline: Pipeline, tmp_path: Path, path: str, job: str):
    pipeline.jobs[job][path] = pipeline.jobs[job][path].replace(b"demo", b"dome")
    message = pipeline.refused(tmp_path)
    assert (
        f"{path}: the job {job} has left other bytes under this name: the job prove has proven "
        "others" in message
    )


def test_wheel_and_evidence_changed_together_are_refused(pipeline: Pipeline, tmp_path: Path):
    forged = wheels.make(tmp_path, X86.wheel, {"demo/_core.so": wheels.elf_file() + b"forged"})
    record = {"version": 1, "cell": X86.id, "wheel": X86.wheel, "sha256": sha256(forged)}
    pipeline.jobs[X86_JOB] = {
        X86.wheel: forged.read_bytes(),
        X86_RECORD: json.dumps(record).encode(),
    }
    forged.unlink()
    message = pipeline.refused(tmp_path)
    assert f"{X86.wheel}: the job {X86_JOB} has left other bytes" in message
    assert f"{X86_RECORD}: the job {X86_JOB} has left other bytes" in message


def test_evidence_that_names_another_cell_is_refused(pipeline: Pipeline, tmp_path: Path):
    pipeline.jobs[X86_JOB][X86_RECORD] = pipeline.jobs[ARM_JOB][ARM_RECORD]
    assert f"{X86_RECORD}: the job {X86_JOB} has left other bytes" in pipeline.refused(tmp_path)


@pytest.mark.parametrize(
    "name", ["extra-1.0-py3-none-any.whl", f"x\\{X86.wheel}", f"..\\{X86.wheel}"]
)
def test_what_the_plan_does_not_name_is_refused(pipeline: Pipeline, tmp_path: Path, name: str):
    pipeline.jobs[X86_JOB][name] = b"x"
    message = f"{name}: the job {X86_JOB} has left it, but the plan has no such wheel"
    assert message in pipeline.refused(tmp_path)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda proof: proof.update(ok=False),
            "evidence.json of the job prove: these wheels did not pass",
        ),
        (lambda proof: proof.clear(), "evidence.json of the job prove: these wheels did not pass"),
        (lambda proof: proof.update(wheels=[1]), "evidence.json of the job prove: damaged"),
        (lambda proof: proof["wheels"].pop(), "evidence.json of the job prove differ about it"),
        (
            lambda proof: proof["wheels"][0].update(sha256="0" * 64),
            "evidence.json of the job prove differ about it",
        ),
        (
            lambda proof: proof["wheels"][0].update(size="x"),
            "artifacts of prove: evidence.json: damaged",
        ),
        (lambda proof: proof["wheels"][0].update(size=1), "the job prove has proven others"),
        (lambda proof: proof["wheels"][0].update(evidence=None), "the job prove has proven others"),
        (
            lambda proof: proof["wheels"][0].update(wheel="a-1-py3-none-any.whl"),
            "but the plan has no such wheel",
        ),
    ],
)
def test_a_proof_that_is_not_at_one_is_refused(
    pipeline: Pipeline, tmp_path: Path, change: Change, message: str
):
    proof = json.loads(pipeline.jobs["prove"]["evidence.json"])
    change(proof)
    pipeline.jobs["prove"]["evidence.json"] = json.dumps(proof).encode()
    assert message in pipeline.refused(tmp_path)


def test_a_record_that_is_none_is_not_the_same_as_one_that_cannot_be_read(
    pipeline: Pipeline, tmp_path: Path
):
    proof = json.loads(pipeline.jobs["prove"]["evidence.json"])
    proof["wheels"][0]["evidence"] = proof["wheels"][1]["evidence"] = None
    pipeline.jobs["prove"]["evidence.json"] = json.dumps(proof).encode()
    for files_of_job in pipeline.jobs.values():
        files_of_job.update(dict.fromkeys({X86_RECORD, ARM_RECORD} & files_of_job.keys(), b"null"))
    assert f"{X86_RECORD}: the job {X86_JOB} has left other bytes" in pipeline.refused(tmp_path)


def test_a_folder_is_enough_that_nothing_can_be_written_beside(
    gitlab: Pipeline, built: Any, tmp_path: Path
):
    (tmp_path / "out").mkdir()
    with collect.lend_folder(tmp_path / "out") as lent:
        assert lent.parent == tmp_path / "out"
    with collect.lend_folder(tmp_path / "other") as lent:
        assert lent.parent == tmp_path
    gitlab.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("name", ["evidence.json", "SHA256SUMS"])
def test_without_a_proof_nothing_is_taken(pipeline: Pipeline, tmp_path: Path, name: str):
    pipeline.jobs["x"] = {name: pipeline.jobs["prove"].pop(name)}
    assert f"artifacts of prove: {name} is there 0 times, not once" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("job", ["plan", "prove"])
def test_a_job_without_artifacts_is_told(pipeline: Pipeline, tmp_path: Path, job: str):
    del pipeline.jobs[job]
    assert f"job {job}: has left no artifacts" in pipeline.refused(tmp_path)


def test_a_wheel_job_without_artifacts_is_told(pipeline: Pipeline, tmp_path: Path):
    del pipeline.jobs[X86_JOB]
    assert f"{X86.wheel}: is missing: the job {X86_JOB} has left none" in pipeline.refused(tmp_path)


# What a test job leaves


@pytest.mark.parametrize("name", [X86.wheel, X86_RECORD, "plan.json", "evidence.json", "x.json"])
def test_a_test_job_replaces_no_wheel_and_no_evidence(
    pipeline: Pipeline, built: Any, tmp_path: Path, name: str
):
    """Neither with other bytes, nor with those of a wheel that is missing."""
    for path in (name, f"verdicts/{name}", f"verdicts/../{name}"):
        pipeline.jobs[X86_TEST][path] = b"forged"
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


def test_a_wheel_of_a_test_job_does_not_stand_in_for_one_that_is_missing(
    pipeline: Pipeline, tmp_path: Path
):
    wheel = pipeline.jobs[X86_JOB].pop(X86.wheel)
    for path in (X86.wheel, f"verdicts/{X86.wheel}"):
        pipeline.jobs[X86_TEST][path] = wheel
    assert f"{X86.wheel}: is missing: the job {X86_JOB} has left none" in pipeline.refused(tmp_path)


def test_a_test_job_says_nothing_of_another_place(pipeline: Pipeline, built: Any, tmp_path: Path):
    pipeline.jobs[X86_TEST][ARM_VERDICT] = b"forged"
    pipeline.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


def test_a_cell_without_a_verdict_of_its_test_job_is_told(pipeline: Pipeline, tmp_path: Path):
    pipeline.jobs[X86_TEST] |= pipeline.jobs[ARM_TEST]
    pipeline.jobs[ARM_TEST] = {"verdicts/x.json": b""}
    message = pipeline.refused(tmp_path)
    assert f"{ARM.id}: has no verdict: the job {ARM_TEST} has left none" in message


def test_a_test_job_without_artifacts_is_told(pipeline: Pipeline, tmp_path: Path):
    del pipeline.jobs[X86_TEST]
    assert f"{X86_TEST}: has left no verdicts" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("content", [b"{", b'{"version": 1}', b"x" * (verdicts.LIMIT + 1)])
def test_a_verdict_that_is_damaged_is_no_verdict(
    pipeline: Pipeline, tmp_path: Path, content: bytes
):
    pipeline.jobs[X86_TEST][X86_VERDICT] = content
    with pytest.raises((Stop, AssertionError)):
        pipeline.collect(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("job", "path"), [(X86_JOB, X86.wheel), (X86_JOB, X86_RECORD), ("prove", "SHA256SUMS")]
)
def test_a_name_that_is_there_twice_is_refused(
    pipeline: Pipeline, tmp_path: Path, job: str, path: str
):
    pipeline.jobs[job][pipeline.member(path)] = pipeline.jobs[job][path]
    assert f"artifacts of {job}: {path} is there 2 times, not once" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR])
@pytest.mark.parametrize(
    ("job", "path"), [(X86_JOB, X86.wheel), (X86_JOB, X86_RECORD), ("prove", "evidence.json")]
)
def test_a_link_is_refused(pipeline: Pipeline, tmp_path: Path, job: str, path: str, kind: int):
    del pipeline.jobs[job][path]
    pipeline.jobs[job][pipeline.member(path, external_attr=(kind | 0o777) << 16)] = b"/etc/passwd"
    assert f"artifacts of {job}: {path} is a link, or no file" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("job", [X86_JOB, "prove", "plan"])
def test_what_is_too_large_is_not_unpacked(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str
):
    monkeypatch.setattr(collect, "RECORD_LIMIT", 10**5)
    monkeypatch.setattr(collect, "DOCUMENT_LIMIT", 10**5)
    path = {"plan": "plan.json", "prove": "evidence.json"}.get(job, X86_RECORD)
    pipeline.jobs[job][path] = b" " * 10**6
    assert f"artifacts of {job}: {path} has more than 100000 bytes" in pipeline.refused(tmp_path)


def test_a_wheel_of_another_size_is_not_unpacked(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pipeline.jobs[X86_JOB][X86.wheel] = bytes(10**7)
    monkeypatch.setattr(collect, "CHUNK", 10**6)
    assert f"{X86.wheel}: the job {X86_JOB} has left other bytes" in pipeline.refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(10)])
@pytest.mark.parametrize("job", ["plan", "prove", X86_JOB])
def test_a_broken_archive_is_said_to_be_and_leaves_nothing(
    pipeline: Pipeline, tmp_path: Path, content: bytes, job: str
):
    look = pipeline.look()
    fetch = pipeline.forge.fetch

    def broken(archive: Any, file: Path) -> None:
        fetch(archive, file)
        if archive.name == pipeline.forge.archive_name(job):
            file.write_bytes(content)

    pipeline.forge.fetch = broken
    assert f"artifacts of {job}: no archive" in pipeline.refused(tmp_path, look)


def test_damaged_bytes_in_an_archive_are_said_to_be(pipeline: Pipeline, tmp_path: Path):
    look = pipeline.look()
    fetch = pipeline.forge.fetch

    def broken(archive: Any, file: Path) -> None:
        fetch(archive, file)
        content = bytearray(file.read_bytes())
        content[60:200] = bytes(140)
        file.write_bytes(content)

    pipeline.forge.fetch = broken
    assert "artifacts of plan: no archive" in pipeline.refused(tmp_path, look)


def test_the_last_attempt_counts(gitlab: Pipeline, built: Any, tmp_path: Path):
    look = gitlab.look()
    (project,) = [gitlab.server.project("group/demo")]
    old = next(job for job in look.jobs if job.name == X86_JOB)
    for build in project.pipelines[0].builds:
        if build.id == old.id:
            object.__setattr__(
                build.script, "artifacts", {f"dist/{X86.wheel}": b"of the first attempt"}
            )
            stale = build
    gitlab.forge.retry(old)
    gitlab.server.advance(10**4)
    new = gitlab.forge.read_state(look.run, None)
    fresh = next(
        build
        for build in project.pipelines[0].builds
        if build is not stale and build.script.name == X86_JOB
    )
    object.__setattr__(fresh, "script", Job(X86_JOB, artifacts=gitlab.below(X86_JOB)))
    both = new._replace(jobs=(*new.jobs, old))  # a list that shifts while it is read may have both
    gitlab.collect(tmp_path / "out", both)
    assert files(tmp_path / "out") == expected(built)


def test_a_fragments_jobs_have_a_prefix(gitlab: Pipeline, built: Any, tmp_path: Path):
    gitlab.prefix = "wheels-"
    gitlab.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


@pytest.mark.parametrize("wanted", ["", "b-"])
def test_of_two_fragments_the_specs_own_is_taken(
    gitlab: Pipeline, built: Any, tmp_path: Path, wanted: str
):
    scripts = [
        Job(f"{prefix}{name}", artifacts=gitlab.below(name))
        for name in gitlab.jobs
        for prefix in ("a-", "b-")
    ]
    gitlab.scripts = lambda: scripts  # type: ignore[method-assign]
    gitlab.wanted = wanted
    if wanted:
        gitlab.collect(tmp_path / "out")
        assert files(tmp_path / "out") == expected(built)
    else:
        with pytest.raises(Stop, match="several jobs may have the plan: a-plan, b-plan"):
            gitlab.collect(tmp_path / "out")


def children(
    gitlab: Pipeline, starter: str = "trigger:rhel8:x86_64", prefix: str = ""
) -> list[Job]:
    """The jobs of the layout with children, the first of which `starter` starts."""

    def child(*names: str) -> list[Job]:
        return [Job(name, artifacts=gitlab.below(name)) for name in names]

    return [
        Job(f"{prefix}plan", "plan", artifacts=gitlab.below("plan")),
        Bridge(prefix + starter, child=child(X86_JOB, X86_TEST)),
        Bridge(f"{prefix}trigger:rhel8:aarch64", child=child(ARM_JOB, ARM_TEST)),
        Job(f"{prefix}prove", "prove", artifacts=gitlab.below("prove")),
    ]


@pytest.mark.parametrize("prefix", ["", "wheels-"])
@pytest.mark.parametrize("starter", ["trigger:rhel8:x86_64", "trigger:rhel8:x86_64:2"])
def test_children_give_the_wheels_of_their_place(
    gitlab: Pipeline, built: Any, tmp_path: Path, starter: str, prefix: str
):
    scripts = children(gitlab, starter, prefix)
    gitlab.scripts = lambda: scripts  # type: ignore[method-assign]
    gitlab.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


@pytest.mark.parametrize("starter", ["own", "trigger:rhel8:x86_65", "trigger:rhel8:aarch64:2"])
def test_other_children_give_nothing(gitlab: Pipeline, tmp_path: Path, starter: str):
    scripts = children(gitlab, starter)
    gitlab.scripts = lambda: scripts  # type: ignore[method-assign]
    assert f"{X86.wheel}: is missing: the job {X86_JOB} has left none" in gitlab.refused(tmp_path)


def test_two_jobs_of_one_name_in_a_pipeline_and_its_children_are_refused(
    gitlab: Pipeline, tmp_path: Path
):
    scripts = [*children(gitlab), Job(X86_JOB, artifacts={"dist/x": b""})]
    gitlab.scripts = lambda: scripts  # type: ignore[method-assign]
    assert f"{X86_JOB}: two jobs of the pipeline and its children have this name" in gitlab.refused(
        tmp_path
    )


def test_jobs_of_somebody_else_may_have_one_name(gitlab: Pipeline, built: Any, tmp_path: Path):
    scripts = [
        *children(gitlab),
        *(Bridge(name, child=[Job("own", artifacts={"x": b""})]) for name in ("trigger:a", "b")),
    ]
    gitlab.scripts = lambda: scripts  # type: ignore[method-assign]
    gitlab.collect(tmp_path / "out")
    assert files(tmp_path / "out") == expected(built)


def in_registry(gitlab: Pipeline, name: str, content: bytes) -> PipelineState:
    """Let a pipeline have a file in the package registry instead of in its artifacts."""
    for files_of_job in gitlab.jobs.values():
        files_of_job.pop(name, None)
    look = gitlab.look()
    project = gitlab.server.project("group/demo")
    project.packages.append({"id": 1, "name": hand_over.package(PLAN), "version": str(look.run.id)})
    project.package_files.append(
        {"package_id": 1, "file_name": hand_over.file_name(name), "content": content}
    )
    return look


def test_wheels_in_no_artifact_come_from_the_registry(gitlab: Pipeline, built: Any, tmp_path: Path):
    gitlab.collect(tmp_path / "out", in_registry(gitlab, X86.wheel, built[X86_JOB][X86.wheel]))
    assert files(tmp_path / "out") == expected(built)


@pytest.mark.parametrize("size", [0, 1])
def test_other_bytes_of_the_registry_are_refused(
    gitlab: Pipeline, built: Any, tmp_path: Path, size: int
):
    content = built[X86_JOB][X86.wheel]
    look = in_registry(gitlab, X86.wheel, content[:-4] + b"zzzz" * (1 + size))
    if not size:
        assert f"{X86.wheel}: was changed after it was proven" in gitlab.refused(tmp_path, look)
        return
    with pytest.raises(Stop, match="the file is larger than it should be"):
        gitlab.collect(tmp_path / "out", look)
    assert files(tmp_path) == {}


def test_a_persons_own_folders_of_the_same_names_stay(gitlab: Pipeline, tmp_path: Path):
    out = tmp_path / "out"
    for name in ("publish", "archives", "copies", "notes"):
        (out / name).mkdir(parents=True)
        (out / name / "mine.txt").write_text("mine")
    gitlab.collect(out)
    kept = sorted(path.parent.name for path in out.glob("*/mine.txt"))
    assert kept == ["archives", "copies", "notes", "publish"]


def test_plan_and_proof_of_a_child_are_not_those_of_the_pipeline(
    gitlab: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def job(name: str) -> Job:
        return Job(name, artifacts=gitlab.below(name))

    scripts = [
        *(Job(name) for name in gitlab.jobs),  # the artifacts of the pipeline itself are expired
        Bridge(
            "trigger:rhel8:x86_64:mine",
            child=[job("plan"), job("prove"), job(X86_JOB)],
            project="",
        ),
        Bridge("trigger:rhel8:aarch64:mine", child=[job(ARM_JOB)]),
    ]
    monkeypatch.setattr(gitlab, "scripts", lambda: scripts)
    said = gitlab.refused(tmp_path)
    assert "job plan: is of the child pipeline of rhel8:x86_64:mine, not of this one" in said


def test_a_prefix_that_no_job_has_is_refused(gitlab: Pipeline, tmp_path: Path):
    gitlab.prefix, gitlab.wanted = "a-", "b-"
    with pytest.raises(Stop, match="has no jobs b-plan and b-prove") as stopped:
        gitlab.collect(tmp_path / "out")
    assert stopped.value.code is Exit.REFUSED


@pytest.mark.parametrize("size", ["1e999", "NaN", '"12"', "[]"])
def test_a_size_that_is_none_is_damage(gitlab: Pipeline, tmp_path: Path, size: str):
    proof = json.loads(gitlab.jobs["prove"]["evidence.json"])
    proof["wheels"] = [{**wheel, "size": "@"} for wheel in proof["wheels"]]
    gitlab.jobs["prove"]["evidence.json"] = json.dumps(proof).replace('"@"', size).encode()
    gitlab.refused(tmp_path)
