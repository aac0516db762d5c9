"""A third forge, made here: commands know it by its `ForgeKind` alone."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command_line import Run
from specs import SMALL, plan_of, project, spec_of

from truewheel.build import credentials, job_image, validate
from truewheel.errors import Problem, Where, stop
from truewheel.forges import FORGES, pipelines
from truewheel.forges.base import Run as Pipeline
from truewheel.forges.kind import Declared, ForgeKind, Pin
from truewheel.forges.reviews import Review
from truewheel.forges.settings import Finding
from truewheel.plan import changes
from truewheel.spec import model
from truewheel.spec.forges import FORGES as WORDS
from truewheel.spec.forges import ForgeWords
from truewheel.spec.schema import expand_schema
from truewheel.wheel.checks.findings import Code
from truewheel.wheel.checks.findings import Finding as WheelFinding
from truewheel.workspace import loading

FILE = ".tiny/pipeline.yml"
SPEC = SMALL + "variables: {UPSTREAM: {}}\nschedules: {nightly: {cron: '0 3 * * *'}}\ntiny: {}\n"
CHANGE = Review("fix: a title", (), "main")
ASKED: list[Any] = []


class TinyJob:
    """The job of merge request 7, which a schedule has started."""

    def __init__(self, environment: Any) -> None:
        self.is_here = environment.get("TINY_JOB") == "true"

    def source(self) -> str:
        return "schedule" if self.is_here else ""

    def is_of_tag(self) -> bool:
        return False

    def ref(self, project: str) -> str:
        return "topic" if self.is_here and project == "own/demo" else ""

    def merge_base(self) -> str:
        return ""

    def request_number(self) -> int:
        return 7 if self.is_here else 0

    def request_project(self) -> str:
        return "own/demo" if self.is_here else ""

    def request_to_build(self) -> tuple[str, int] | None:
        return ("own/demo", 7) if self.is_here else None

    def review(self) -> Review | None:
        return CHANGE if self.is_here else None

    def address(self) -> str:
        return "https://tiny.example/own/demo/jobs/1" if self.is_here else ""


def documents(declared: Declared) -> dict[str, dict[str, Any]]:
    return {FILE: {"jobs": [job.name for job in declared.plan.jobs]}}


def file_problems(documents: Any, spec: Any, root: Any) -> list[Problem]:
    too_many = len(documents[FILE]["jobs"]) > 20
    return [Problem(Where(FILE), "more than 20 jobs")] if too_many else []


class Client:
    """What `watch` needs to ask for a pipeline."""

    def run(self, number: int) -> Pipeline:
        ASKED.append(number)
        raise stop("tiny", "there is no such pipeline")


TINY = ForgeKind(
    library="the standard library",
    module="json",
    project=r"[a-z]+/[a-z]+",
    project_example="owner/name",
    run_path=r"/(.+?)/tiny-runs/(\d+)",
    request_mark="?",
    job_variable="TINY_JOB",
    project_variables=("TINY_PROJECT",),
    protected_variable="TINY_PROTECTED",
    runner_files=("TINY_STEP_FILE",),
    ci_files=(".tiny/*.yml",),
    marked_files=(".tiny/*.yml",),
    job=TinyJob,
    documents=documents,
    file_problems=file_problems,
    layout_note=lambda _: "one file for all jobs",
    has_children=lambda _: True,
    pins={"tiny/action": Pin("0" * 40, "v1")},
    newest_pins=lambda pins, _: {name: Pin("1" * 40, "v1.1") for name in pins},
    annotation=lambda severity, _file, title, _message: f"<<{severity} {title}>>",
    propose=lambda _: [("tiny: {}", "only Tiny needs this")],
    proposal_notes=lambda _: ["Tiny is small"],
    change_by_hand=lambda paths: ("TINY.txt", "a line") if FILE in paths else None,
    connect=lambda _: Client(),  # type: ignore[arg-type, return-value]
    reviews=lambda *_: SimpleNamespace(review=lambda _: CHANGE),  # type: ignore[arg-type, return-value]
    examine=lambda project, _: [Finding("name", "note", f"{project.name} is short")],
    schedules_file=FILE,
    missing_inputs=lambda _, names: [
        Problem(Where(f"-v {name}"), "Tiny has no inputs") for name in names
    ],
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the forge: its line in FORGES, what a spec knows of it, and its key in the schema."""
    monkeypatch.setitem(FORGES, "tiny", TINY)
    monkeypatch.setitem(WORDS, "tiny", ForgeWords("Tiny", ("TINY_",), "TINY_RUN", (".tiny",)))
    schema = loading.schema()
    key = {"description": "Keys of Tiny.", "type": "object", "default": {}}
    monkeypatch.setitem(schema["properties"], "tiny", key)
    monkeypatch.setattr(loading, "expanded_schema", partial(expand_schema, schema))
    with_key = model._spec

    def without_key(data: dict[str, Any], document: Any) -> model.Spec:
        return with_key({name: data[name] for name in data if name != "tiny"}, document)

    monkeypatch.setattr(model, "_spec", without_key)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project(tmp_path, SPEC))
    return tmp_path


def test_its_file_is_generated_compared_and_removed(here: Path, truewheel: Run):
    assert truewheel("check")[0] == 3
    code, out, err = truewheel("generate")
    assert (code, err) == (0, "")
    assert out == (
        "one file for all jobs (to choose another layout, set tiny.layout)\n"
        f"wrote {FILE}\n1 files, 0 of them unchanged\n"
    )
    text = (here / FILE).read_text(encoding="utf-8")
    assert pipelines.MARK in text.partition("\n")[0]
    assert "wheel:foo:rhel8:x86_64:cp312" in text
    assert truewheel("check") == (0, "1 files as generated\n", "")
    (here / FILE).write_text(text + "# changed\n")
    code, out, _ = truewheel("check")
    assert (code, out.partition("\n")[0]) == (3, f"modified  {FILE}")
    (here / "truewheel.yml").write_text(SMALL)
    assert f"removed {FILE}\n" in truewheel("generate")[1]


def test_with_another_forge_its_files_can_be_chosen(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(SPEC + "github: {}\n")
    assert f"wrote {FILE}\n1 files, 0 of" in truewheel("generate", "--forge", "tiny")[1]
    assert not (here / ".github").exists()
    assert truewheel("check")[0] == 3
    assert f"wrote {FILE}" not in truewheel("generate")[1]
    assert truewheel("check")[0] == 0


def test_what_it_would_refuse_is_not_written(here: Path, truewheel: Run):
    packages = ", ".join(f"p{number}: {{version: {{file: VERSION}}}}" for number in range(20))
    text = SPEC.replace("foo: {version: {file: VERSION}}", packages)
    (here / "truewheel.yml").write_text(text)
    code, _, err = truewheel("generate")
    assert code == 2
    assert f"a pipeline that Tiny refuses: {FILE}: more than 20 jobs" in err
    assert not (here / FILE).exists()


def test_the_plan_shows_its_files_and_takes_its_event(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TINY_JOB", "true")
    assert truewheel("plan", "--html", "plan.html", "--output", "plan.json")[0] == 0
    assert json.loads((here / "plan.json").read_bytes())["event"] == "schedule"
    page = (here / "plan.html").read_text(encoding="utf-8")
    assert "Tiny" in page
    assert FILE in page


def test_a_variable_is_explained_through_its_child_pipelines(here: Path, truewheel: Run):
    code, out, _ = truewheel("explain", "UPSTREAM")
    assert code == 0
    assert "\n  child " in out


def test_its_settings_are_examined(here: Path, truewheel: Run):
    code, out, _ = truewheel("doctor", "--project", "own/demo")
    assert (code, out.partition("\n")[0]) == (0, "note     name: own/demo is short")


def test_its_schedules_are_shown_with_their_file(here: Path, truewheel: Run):
    code, out, _ = truewheel("schedules")
    assert code == 0
    assert "= nightly  0 3 * * * UTC\n" in out
    assert f"Tiny reads its schedules from {FILE}" in out


def test_nothing_is_started_that_it_has_no_input_for(here: Path, truewheel: Run):
    started = ("trigger", "--project", "own/demo", "--dry-run")
    assert truewheel(*started)[1].startswith("would start: tiny own/demo, the default branch")
    code, _, err = truewheel(*started, "-v", "UPSTREAM=1")
    assert code == 2
    assert "Tiny has no inputs" in err


def test_its_pipelines_are_known_by_their_address(here: Path, truewheel: Run):
    ASKED.clear()
    code, _, err = truewheel("watch", "https://tiny.example/own/demo/tiny-runs/12")
    assert code == 6
    assert "there is no such pipeline" in err
    assert ASKED == [12]


def test_the_title_of_its_merge_request_is_checked(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TINY_JOB", "true")
    data = json.loads(truewheel("title", "--json")[1])
    assert (data["title"], data["source"], data["problems"]) == (CHANGE.title, "tiny", [])


def test_a_request_of_another_forge_may_be_built_on_it(here: Path, truewheel: Run):
    code, _, err = truewheel("bridge", "--to", "elsewhere:own/demo")
    assert code == 2
    assert "or tiny:PROJECT" in err


def test_its_actions_are_locked(here: Path, truewheel: Run):
    code, out, err = truewheel("lock")
    assert (code, err) == (0, "")
    assert f"tiny/action v1.1 {'1' * 40} (was v1)\n" in out
    assert "tiny/action" in (here / "truewheel.lock").read_text(encoding="utf-8")


def test_a_change_of_its_files_changes_all_packages():
    assert changes.changed_packages(spec_of(SPEC), [FILE]) == {"foo"}


def test_its_jobs_hide_files_of_their_runner_and_know_a_protected_ref():
    plan = plan_of(SPEC)
    environment = {"TINY_STEP_FILE": "steps", "OTHER": "1"}
    hidden = credentials.remove_credentials(environment, plan, [])
    assert hidden == ({"OTHER": "1"}, ["TINY_STEP_FILE"])
    assert job_image.is_protected({"TINY_PROTECTED": "true"})
    assert not job_image.is_protected({"TINY_PROTECTED": "false"})


def test_findings_of_wheels_are_lines_that_its_log_shows(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TINY_JOB", "true")
    finding = WheelFinding(code=Code.TW302, severity="error", message="wrong", where="")
    monkeypatch.setattr(validate, "expand", list)
    monkeypatch.setattr(validate, "validate_set", lambda *_: [(here / "a.whl", [finding])])
    assert truewheel("plan", "--output", "plan.json")[0] == 0
    words = ("--plan", "plan.json", "--cell", "foo/rhel8/x86_64/cp312", "--report")
    code, out, _ = truewheel("validate", *words)
    assert code == 4
    assert out.startswith("<<error TW302>>\n")


def test_init_proposes_it_where_its_files_are(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'foo'\nversion = '1.0'\n[build-system]\n"
        "requires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
    )
    (tmp_path / ".tiny").mkdir()
    (tmp_path / ".tiny/mine.yml").write_text("jobs: []\n")
    monkeypatch.chdir(tmp_path)
    code, out, _ = truewheel("init", "--yes")
    assert code == 0
    assert "CI   .tiny/mine.yml" in out
    assert "Tiny is small" in out
    assert "add to TINY.txt: a line. Then: " in out
    assert "\ntiny: {}" in (tmp_path / "truewheel.yml").read_text(encoding="utf-8")
    assert (tmp_path / FILE).is_file()
