"""Merge requests that build only what they change.

What belongs to a package, and the jobs, plans and proofs of it.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gitlab_documents import POLICY, documents, each_pipeline, jobs, merged
from specs import plan_of, policy_of, project, spec_of

from truewheel import cli
from truewheel.build import prove
from truewheel.forges import pipelines
from truewheel.forges.github.actions import PINS
from truewheel.forges.github.emit import workflows
from truewheel.forges.gitlab import lint
from truewheel.plan import changes, plan_file

SPEC = """\
truewheel: 1
packages:
  foo: {path: foo, version: {file: VERSION}, smoke: tests/foo.py}
  bar: {path: bar, version: {file: VERSION}, paths: [lib, cmake/tools.cmake]}
targets: {rhel8: {floor: manylinux_2_28}, deb: {floor: manylinux_2_36}}
merge_requests: {changed_only: true}
"""
LAYOUTS = (
    "layout: include",
    "layout: children",
    "entry: ci/w.yml",
    "entry: ci/w.yml, layout: children",
)
EVERYTHING = {"foo", "bar"}


def spec(more: str = "") -> str:
    return f"{SPEC}gitlab: {{{more}}}\n"


@pytest.mark.parametrize(
    ("file", "packages"),
    [
        ("foo/src/a.cc", {"foo"}),
        ("foo", {"foo"}),
        ("foobar/x", set()),
        ("tests/foo.py", {"foo"}),
        ("bar/.hidden/x", {"bar"}),
        ("lib/x.h", {"bar"}),
        ("cmake/tools.cmake", {"bar"}),
        ("cmake/other.cmake", set()),
        ("VERSION", EVERYTHING),
        ("truewheel.yml", EVERYTHING),
        ("truewheel.lock", EVERYTHING),
        (".gitlab-ci.yml", EVERYTHING),
        ("pipelines/rhel8-x86_64.yml", EVERYTHING),
        ("README.md", set()),
    ],
)
def test_a_file_belongs_to_packages(file: str, packages: set[str]):
    assert changes.changed_packages(spec_of(spec()), [file]) == packages
    assert wanted_by_gitlab(file) == packages, "GitLab's rules say the same"


def wanted_by_gitlab(file: str) -> set[str]:
    """The packages whose rules hold for a merge request that changes one file."""
    parent = documents(spec())[".gitlab-ci.yml"]
    rules = {
        name.removeprefix(".changed:"): job["rules"][0]
        for name, job in parent.items()
        if ".changed:" in name
    }
    assert rules.keys() == EVERYTHING
    return {
        name
        for name, rule in rules.items()
        if any(matches(file, each) for each in rule["changes"]["paths"])
    }


def matches(file: str, pattern: str) -> bool:
    """Whether a pattern matches a file: dir/**/* is all below dir, another one only itself."""
    assert "*" not in pattern.removesuffix("/**/*")
    return fnmatch.fnmatchcase(file, pattern.replace("/**/*", "/*"))


def test_a_path_stands_for_itself_whatever_is_in_it():
    text = spec().replace("{path: foo,", "{path: 'f[1]*{a}',")
    assert changes.changed_packages(spec_of(text), ["f[1]*{a}/x", "f1/x"]) == {"foo"}
    rule = documents(text)[".gitlab-ci.yml"][".changed:foo"]["rules"][0]
    assert rule["changes"]["paths"][:2] == ["f\\[1\\]\\*\\{a\\}", "f\\[1\\]\\*\\{a\\}/**/*"]


def test_a_package_at_the_top_is_changed_by_anything_and_one_of_a_policy_file_by_that():
    top = spec_of(
        "packages: {foo: {}, bar: {path: bar}}\n"
        "targets: {rhel8: {}}\nnaming: ci/names.yml\nscripts: ci/s\n"
    )
    assert changes.changed_packages(top, ["README.md"]) == {"foo"}
    assert (
        changes.changed_packages(top, ["ci/names.yml"])
        == changes.changed_packages(top, ["ci/s/a.py"])
        == {"foo", "bar"}
    )


def test_the_packages_of_a_build_change_together():
    built = spec_of(
        "packages: {foo: {smoke: s.py}, bar: {}, baz: {path: baz}}\ntargets: {rhel8: {}}\n"
        "builds: {tree: {path: tree, command: [make], wheels: {foo: 'f.whl', bar: 'b.whl'}}}\n"
    )
    assert (
        changes.changed_packages(built, ["tree/CMakeLists.txt"])
        == changes.changed_packages(built, ["s.py"])
        == {"foo", "bar"}
    )
    assert changes.changed_packages(built, ["baz/x"]) == {"baz"}


def test_a_plan_of_some_packages_has_their_cells_and_jobs_and_says_what_is_left_out():
    whole = plan_of(spec(), policy=POLICY, event="mr")
    made = plan_of(spec(), policy=POLICY, event="mr", changed=frozenset({"foo"}))
    assert [cell.id for cell in made.cells] == [
        cell.id for cell in whole.cells if cell.package == "foo"
    ]
    assert made.left_out == tuple(cell.id for cell in whole.cells if cell.package == "bar")
    assert {job.name for job in made.jobs} == {
        job.name for job in whole.jobs if ":bar:" not in job.name
    }
    assert plan_file.read(plan_file.write(made), "plan.json") == made
    assert not whole.left_out


@pytest.mark.parametrize("more", LAYOUTS)
@pytest.mark.parametrize("event", ["push", "mr", "tag", "schedule", "web"])
def test_a_job_depends_on_a_change_in_merge_requests_alone(more: str, event: str):
    files = {path: lint.plain(path, document) for path, document in wrapped(more).items()}
    expected = plan_of(spec(more), policy=POLICY, event=event)
    found: dict[str, bool | None] = {}
    for path in files:
        if path.startswith("pipelines/") and "children" in more:
            found |= {
                name: there
                for name, there in child_presence(files, path, event).items()
                if name[0] != "."
            }
    found |= lint.presence(files, event, entry=next(iter(files)))
    prefix = "wheels:" if "entry" in more else ""
    for job in expected.jobs:
        name = job.name if job.target and "children" in more else prefix + job.name
        assert found[name] is (None if event == "mr" and job.cells else True), (name, event)


def wrapped(more: str) -> dict[str, dict[str, Any]]:
    made = documents(spec(more))
    if "entry" not in more:
        return made
    return {
        "own.yml": {
            "stages": ["build", "test", "deploy"],
            "include": [{"local": "ci/w.yml"}],
            **WORKFLOW,
        },
        **made,
    }


WORKFLOW = {"workflow": {"rules": [{"when": "always"}]}}


def child_presence(files: dict[str, Any], path: str, event: str) -> dict[str, bool | None]:
    """The jobs of a child; it is a pipeline for the same merge request, branch or tag."""
    return lint.presence(files, event, entry=path)


@pytest.mark.parametrize("more", LAYOUTS)
def test_every_pipeline_is_one_that_gitlab_takes(more: str):
    policy, text = policy_of(POLICY), spec(more)
    assert pipelines.texts(plan_of(text, policy=POLICY, event=""), spec_of(text), policy)


def test_a_child_is_started_for_the_changes_of_its_packages_alone():
    one = (
        "include: [{package: bar, target: deb, arch: x86_64, python: '3.13'}]\n"
        "exclude: [{package: bar}]\n"
    )
    files = documents(
        spec("layout: children").replace("targets:", one.partition("\n")[2] + "targets:")
    )
    triggers = {name: job for name, job in jobs(files[".gitlab-ci.yml"]) if "trigger" in job}
    for job in triggers.values():
        assert [rule["if"] for rule in job["rules"]] == [
            "$CI_MERGE_REQUEST_IID",
            "$CI_MERGE_REQUEST_IID == null",
        ]
        assert "foo/**/*" in job["rules"][0]["changes"]["paths"]
        assert "bar/**/*" not in job["rules"][0]["changes"]["paths"]


def test_prove_of_a_fragment_does_not_need_jobs_that_may_be_absent():
    (fragment, *_) = documents(spec("entry: ci/w.yml")).values()
    first, *others = fragment["wheels:prove"]["needs"]
    assert first == "wheels:plan"
    assert others
    assert all(need["optional"] for need in others)


def test_rules_of_the_project_win_over_those_of_changes():
    for selector in ("wheel", "'wheel:rhel8:x86_64'", "'wheel:foo:*'"):
        text = spec(f"overrides: {{{selector}: {{rules: [{{when: manual}}]}}}}")
        (whole,) = each_pipeline(text)
        assert merged("wheel:foo:rhel8:x86_64:cp312", whole)["rules"] == [{"when": "manual"}]


def test_without_the_key_nothing_depends_on_changes():
    text = spec().replace("changed_only: true", "labels: [x]")
    assert "changes" not in json.dumps(documents(text))


def test_a_job_of_github_that_has_nothing_to_do_keeps_and_gets_nothing():
    text = SPEC + "github: {}\n"
    made = workflows.documents(plan_of(text, policy=POLICY, event=""), spec_of(text), {}, PINS)
    place = made[".github/workflows/wheels-rhel8-x86_64.yml"]["jobs"]
    kept = [
        step["with"]
        for step in place["wheel"]["steps"]
        if "upload-artifact" in step.get("uses", "")
    ]
    assert [each["if-no-files-found"] for each in kept] == ["ignore"]
    got = [
        step["with"]
        for step in place["test"]["steps"]
        if "download-artifact" in step.get("uses", "")
    ]
    assert got[1] == {
        "pattern": "wheel__*__rhel8__x86_64__*", "merge-multiple": True, "path": "dist/",
    }  # fmt: skip


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository at a branch that changes nothing yet; main has gone on, in bar."""
    files = {"foo/a": "", "bar/a": "", "tests/foo.py": "", "lib/x": "", "cmake/tools.cmake": ""}
    project(tmp_path, SPEC + "gitlab: {}\n", files)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "switch", "-qc", "branch")
    git(tmp_path, "switch", "-q", "main")
    (tmp_path / "bar/a").write_text("changed on main")
    git(tmp_path, "commit", "-qam", "second")
    git(tmp_path, "switch", "-q", "branch")
    monkeypatch.chdir(tmp_path)
    for name in (
        "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
        "GITHUB_BASE_REF",
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def planned(capsys: pytest.CaptureFixture[str], *words: str, event: str = "mr") -> set[str]:
    """The packages of the plan's cells."""
    assert cli.main(["plan", "--event", event, "--json", *words]) == 0
    return {cell["package"] for cell in json.loads(capsys.readouterr().out)["cells"]}


def test_the_plan_of_a_merge_request_has_what_it_changes(repository: Path, capsys, monkeypatch):
    assert planned(capsys) == EVERYTHING, "nobody says what to compare with"
    assert planned(capsys, "--changed-since", "main") == set()
    (repository / "foo/a").write_text("changed")
    git(repository, "commit", "-qam", "third")
    assert planned(capsys, "--changed-since", "main") == {"foo"}
    assert planned(capsys, "--changed-since", "main", event="push") == EVERYTHING
    monkeypatch.setenv(
        "CI_MERGE_REQUEST_DIFF_BASE_SHA", git(repository, "merge-base", "main", "HEAD").strip()
    )
    assert planned(capsys) == {"foo"}
    # As it would be merged: main's own changes are none of the merge request's.
    monkeypatch.setenv(
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", git(repository, "rev-parse", "HEAD").strip()
    )
    git(repository, "merge", "-q", "--no-edit", "main")
    assert planned(capsys) == {"foo"}


def test_what_git_cannot_tell_ends_the_plan(repository: Path, capsys):
    assert cli.main(["plan", "--event", "mr", "--changed-since", "nothing"]) == 2
    assert "git cannot list the files changed since nothing" in capsys.readouterr().err


def test_jobs_of_what_is_left_out_end_well_and_no_wheels_are_proven(repository: Path, capsys):
    assert (
        cli.main(["plan", "--event", "mr", "--changed-since", "main", "--output", "plan.json"]) == 0
    )
    made = plan_file.read((repository / "plan.json").read_text(), "plan.json")
    for command in ("compile", "repair", "test", "validate"):
        assert cli.main([command, "--cell", made.left_out[0]]) == 0
        assert "the merge request does not change this package" in capsys.readouterr().err
    assert cli.main(["compile", "--cell", "foo/rhel8/x86_64/cp399"]) == 2
    assert cli.main(["prove", "dist", "--plan", "plan.json"]) == 0
    assert (repository / "dist" / prove.SUMS).read_text() == ""
