"""The GitLab documents.

One parent, one file for each target and arch, and the facts of the plan in them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from paths import ROOT
from specs import plan_of, policy_of, spec_of

from truewheel.forges.gitlab.emit import pipeline, publishing
from truewheel.plan.images import Images

POLICY = """
variables:
  FORGE: {scope: forge}
  IMAGE: {scope: image}
  TOKEN: {scope: secret}
  RELEASE: {choices: ['true', 'false'], description: Release it.}
facts: {base: {from: ['package:version']}}
channels: {default: {}}
"""
SPEC = """
packages: {foo: {}, bar: {abi: none}}
targets:
  rhel8: {base: 'registry.example/el8@sha256:0'}
  ubuntu24.04: {pythons: ['3.12', '3.13t']}
arches: [x86_64, aarch64]
gitlab: {runners: {aarch64: [arm, linux]}, tool_image: 'python:3.14', expire_in: 2 days}
"""


def documents(spec: str = SPEC) -> dict[str, dict[str, Any]]:
    plan, parsed = plan_of(spec, policy=POLICY, event=""), spec_of(spec)
    return pipeline.documents(plan, parsed, {**policy_of(POLICY).variables, **parsed.variables})


def jobs(files: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All jobs and templates of all files."""
    keywords = {"stages", "workflow", "variables", "default", "include"}
    for document in files.values():
        yield from ((name, job) for name, job in document.items() if name not in keywords)


def flattened(name: str, files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A job with what it extends, as GitLab merges it for keys of the first level and artifacts."""
    job = dict(jobs(files))[name]
    if "extends" not in job:
        return job
    above = flattened(job["extends"], files)
    artifacts = {**above.get("artifacts", {}), **job.get("artifacts", {})}
    return {**above, **job, **({"artifacts": artifacts} if artifacts else {})}


def test_one_file_for_each_target_and_arch_is_included():
    found = documents()
    files = [
        f"pipelines/{name}.yml" for name in ("rhel8-x86_64", "rhel8-aarch64", "ubuntu24.04-x86_64")
    ]
    files += ["pipelines/ubuntu24.04-aarch64.yml", "pipelines/any-any.yml"]
    assert list(found) == [".gitlab-ci.yml", *files]
    assert found[".gitlab-ci.yml"]["include"] == [{"local": path} for path in files]


def test_every_job_of_the_plan_is_there_once():
    files, plan = documents(), plan_of(SPEC, policy=POLICY, event="")
    names = [name for name, _ in jobs(files) if not name.startswith(".")]
    assert sorted(names) == sorted(job.name for job in plan.jobs)
    cells = {
        job["variables"].get("TRUEWHEEL_CELL") for _, job in jobs(files) if "variables" in job
    } - {None}
    assert cells == {cell.id for cell in plan.cells}


def test_a_wheel_job_has_image_runner_needs_steps_and_artifacts():
    job = flattened("wheel:foo:rhel8:aarch64:cp312", documents())
    assert job["image"] == "registry.example/el8@sha256:0"
    assert job["tags"] == ["arm", "linux"]
    assert job["needs"] == ["plan"]
    assert job["script"][0] == 'truewheel compile --cell "$TRUEWHEEL_CELL"'
    assert job["script"][1] == 'truewheel repair --cell "$TRUEWHEEL_CELL"'
    assert job["artifacts"]["paths"] == ["dist/*.whl", "dist/evidence/foo__rhel8__aarch64__cp312.*"]
    assert job["artifacts"]["expire_in"] == "2 days"
    assert job["artifacts"]["reports"] == {
        "junit": "dist/evidence/*.xml",
        "codequality": "dist/gl-code-quality-report.json",
    }


def test_without_base_and_runners_a_job_is_the_runners_own():
    job = flattened("wheel:foo:ubuntu24.04:x86_64:cp313t", documents())
    assert not {"image", "tags"} & job.keys()


def test_a_pure_package_is_built_in_the_tool_image():
    assert flattened("wheel:bar:any:any:py3", documents())["image"] == "python:3.14"


def test_prove_waits_for_all_and_plan_for_nothing():
    files = documents()
    assert flattened("plan", files)["needs"] == []
    assert "needs" not in flattened("prove", files)
    assert flattened("prove", files)["image"] == "python:3.14"


def test_a_publish_job_runs_on_protected_tags_alone_and_never_twice_at_once():
    spec = SPEC + "project: p\nindexes: {own: {url: 'https://index.example/x'}, named: {}}\n"
    files = documents(spec)
    assert files[".gitlab-ci.yml"]["stages"][-2:] == ["publish", "review"]
    assert [name for name, _ in jobs(files) if name.startswith("publish")] == ["publish:own"]
    assert flattened("publish:own", files) == {
        "extends": ".truewheel",
        "image": "python:3.14",
        "stage": "publish",
        "timeout": "90 minutes",
        "needs": ["prove"],
        "rules": [{"if": '$CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"'}],
        "resource_group": "publish",
        "interruptible": False,
        "environment": {"name": "p/own"},
        "before_script": [],
        "script": publishing.script(plan_of(spec, event="").indexes[0], ""),
    }


def test_setup_comes_first_in_every_job():
    files = documents(SPEC + "setup: ['. ci/setup.sh', 'echo \"$X\"']\n")
    for name in ("plan", "prove", "wheel:foo:rhel8:x86_64:cp312", "wheel:bar:any:any:py3"):
        assert flattened(name, files)["before_script"] == [". ci/setup.sh", 'echo "$X"']


def test_only_what_people_set_is_prefilled():
    variables = documents(SPEC + "variables: {NOTE: {default: 'a $B'}, IMAGE: {}}\n")[
        ".gitlab-ci.yml"
    ]["variables"]
    assert variables == {
        "IMAGE": {"value": ""},
        "RELEASE": {"value": "", "options": ["", "true", "false"], "description": "Release it."},
        "NOTE": {"value": "a $B", "expand": False},
    }


def test_a_prefilled_default_is_one_of_its_options():
    spec = SPEC + "variables: {RELEASE: {default: 'false', choices: ['true', 'false']}}\n"
    assert documents(spec)[".gitlab-ci.yml"]["variables"]["RELEASE"] == {
        "value": "false",
        "options": ["false", "", "true"],
    }


def test_a_pipeline_without_such_variables_has_no_such_key():
    spec = "packages: {foo: {}}\ntargets: {rhel8: {}}\n"
    files = pipeline.documents(plan_of(spec, event=""), spec_of(spec), {})
    assert "variables" not in files[".gitlab-ci.yml"]


@pytest.mark.parametrize(
    "folder", ["my scripts", "a'b", "$(touch x)", "`touch x`", "a;b", "ümläut"]
)
def test_a_scripts_folder_of_any_name_is_one_word_of_the_shell(folder: str):
    quoted = folder.replace("'", "''")
    files = documents(SPEC + f"scripts: '{quoted}'\n")
    for line in flattened("wheel:foo:rhel8:x86_64:cp312", files)["script"]:
        python, script, cell_flag, cell, *_ = shlex.split(line)
        assert (python, cell_flag, cell) == ("python", "--cell", "$TRUEWHEEL_CELL")
        assert script.startswith(f"{folder}/")
        assert script.endswith(".py")


def test_nothing_that_gitlab_forbids_is_written():
    stages = documents()[".gitlab-ci.yml"]["stages"]
    for name, job in jobs(documents()):
        assert len(name) <= 255
        assert len(job.get("tags", [])) <= 50
        assert job.get("stage", "plan") in stages
        assert len(job.get("needs", [])) <= 50


def test_a_target_whose_runners_are_of_another_architecture_gets_their_tags():
    text = SPEC.replace("el8@sha256:0'", "el8@sha256:0', toolchain: zig, runner: x86_64")
    files = documents(text.replace("aarch64: [arm, linux]", "aarch64: [arm, linux], x86_64: [big]"))
    assert flattened("wheel:foo:rhel8:aarch64:cp312", files)["tags"] == ["big"]
    assert flattened("wheel:foo:ubuntu24.04:aarch64:cp312", files)["tags"] == ["arm", "linux"]


WITH_IMAGES = """
packages: {foo: {}}
targets: {rhel8: {family: rhel, base: el8, container: {stages: {qa: {base: build, wheels: [foo]}}}}}
images: {registry: r.example/x, job_image: 'buildah:1'}
setup: [. ci/setup.sh]
gitlab: {runners: {x86_64: [linux]}, %s}
"""
BUILDERS = Images({("rhel8", "x86_64"): "r.example/x/builder/rhel8-x86_64:0123"})


@pytest.mark.parametrize(
    ("more", "name", "first"),
    [
        ("layout: include", "image:qa:rhel8:x86_64", "truewheel container"),
        ("layout: children", "image:qa:rhel8:x86_64", "truewheel container"),
        (
            "wheels: packages",
            "image:qa:rhel8:x86_64",
            "truewheel hand-over --get --cell foo/rhel8/x86_64/cp312",
        ),
        ("entry: ci.yml, prefix: 'w:'", "w:image:qa:rhel8:x86_64", "truewheel container"),
    ],
)
def test_an_image_of_proven_wheels_is_made_by_an_engine_after_the_proof(
    more: str, name: str, first: str
):
    spec = WITH_IMAGES % more
    files = pipeline.documents(
        plan_of(spec, policy=POLICY, event="", images=BUILDERS), spec_of(spec), {}
    )
    path = next(iter(files))
    job = files[path][name]
    prefix = name.partition("image")[0]
    assert (job["image"], job["before_script"], job["tags"]) == (
        "buildah:1",
        [". ci/setup.sh"],
        ["linux"],
    )
    assert job["needs"] == [f"{prefix}plan", f"{prefix}prove"]
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE != "merge_request_event"'}]
    assert job["script"][0].startswith(first)
    assert (
        job["script"][-1]
        == "truewheel container --target rhel8 --arch x86_64 --stage qa --if-missing --push"
    )
    assert not any(
        "image:qa" in name
        for other, document in files.items()
        if other != path
        for name in document
    )


def test_runners_are_chosen_by_architecture_and_by_kind_of_job():
    more = (
        "test_runners: {aarch64: [gpu]}, tool_runner: [small, linux], runners: "
        "{aarch64: [arm, linux], x86_64: [big]}"
    )
    text = SPEC.replace("runners: {aarch64: [arm, linux]}", more).replace(
        "foo: {}", "foo: {smoke: s.py}"
    )
    files = documents(text)
    tags = {
        name: flattened(name, files).get("tags")
        for name, _ in jobs(files)
        if not name.startswith(".")
    }
    assert tags["wheel:foo:rhel8:aarch64:cp312"] == ["arm", "linux"]
    assert tags["test:rhel8:aarch64"] == ["gpu"]
    assert tags["wheel:foo:rhel8:x86_64:cp312"] == tags["test:rhel8:x86_64"] == ["big"]
    assert tags["plan"] == tags["prove"] == tags["names"] == ["small", "linux"]


def test_every_job_has_a_time_that_it_may_take():
    files = documents(SPEC.replace("foo: {}", "foo: {smoke: s.py}"))
    times = {
        name.partition(":")[0]: flattened(name, files).get("timeout")
        for name, _ in jobs(files)
        if name[0] != "."
    }
    assert times == {
        "plan": "15 minutes",
        "wheel": "360 minutes",
        "test": "60 minutes",
        "prove": "60 minutes",
        "names": "15 minutes",
    }


DIGESTS = WITH_IMAGES.replace("foo: {}", "foo: {smoke: s.py}")


@pytest.mark.parametrize(
    "more", ["layout: include", "layout: children", "entry: ci.yml, prefix: 'w:'"]
)
def test_jobs_in_a_builder_image_use_the_digest_that_its_container_job_tells(more: str):
    spec = DIGESTS % more
    files = pipeline.documents(
        plan_of(spec, policy=POLICY, event="", images=BUILDERS), spec_of(spec), {}
    )
    prefix = "w:" if "w:" in more else ""
    container = flattened(f"{prefix}container:rhel8:x86_64", files)
    assert container["artifacts"]["reports"] == {"dotenv": "container.env"}
    assert container["script"][-1].endswith(" --if-missing --push --digest-file container.env")
    image = "r.example/x/builder/rhel8-x86_64:0123@$TRUEWHEEL_DIGEST_RHEL8_X86_64"
    for name in ("wheel:foo:rhel8:x86_64:cp312", "test:rhel8:x86_64"):
        job = flattened(f"{prefix}{name}", files)
        assert job["image"] == image
        assert f"{prefix}container:rhel8:x86_64" in job["needs"], (
            "its variable comes with its artifacts"
        )


def test_tests_in_an_image_of_their_own_wait_for_no_other():
    spec = DIGESTS.replace("base: el8,", "base: el8, test_image: el8-minimal,") % "layout: include"
    plan = plan_of(spec, policy=POLICY, event="", images=BUILDERS)
    (test,) = [job for job in plan.jobs if job.kind == "test"]
    assert test.needs == ("plan", "wheel:foo:rhel8:x86_64:cp312")
    files = pipeline.documents(plan, spec_of(spec), {})
    assert flattened("test:rhel8:x86_64", files)["image"] == "el8-minimal"


def test_container_jobs_log_in_at_another_registry():
    images = Images({("rhel8", "x86_64"): "registry.example/g/x:0"})
    text = (
        SPEC
        + "images: {registry: registry.example/g, credentials: {username: WHO, password: TOKEN}}\n"
    )
    files = pipeline.documents(
        plan_of(text, policy=POLICY, event="", images=images), spec_of(text), {}
    )
    names = {
        "CI_REGISTRY": "registry.example",
        "CI_REGISTRY_USER": "$WHO",
        "CI_REGISTRY_PASSWORD": "$TOKEN",
    }
    assert flattened("container:rhel8:x86_64", files)["variables"] == names


def test_every_block_of_the_page_is_a_spec_that_makes_a_pipeline():
    text = (ROOT / "docs/gitlab.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 2
    for block in blocks:
        packages = "" if "packages:" in block else "packages: {foo: {smoke: s.py}}\n"
        assert documents(
            f"{packages}targets: {{rhel8: {{}}}}\narches: [x86_64, aarch64]\nsetup: "
            f"['true']\n{block}"
        )


def test_a_note_that_cannot_be_posted_stops_no_merge_request_and_is_kept():
    (names,) = [job for name, job in jobs(documents()) if name == "names"]
    assert names["allow_failure"] == {"exit_codes": [5, 6]}
    assert names["artifacts"]["when"] == "always"


def test_prove_takes_artifacts_of_the_plan_and_of_wheel_and_test_jobs_alone():
    added = "gitlab: {jobs: {mine: {stage: wheel, script: [make], artifacts: {paths: [dist/]}}}}"
    found = documents(f"{SPEC.partition('gitlab:')[0]}{added}")
    ours = [name for name, _ in jobs(found) if name.startswith(("wheel:", "test:"))]
    taken = flattened("prove", found)["dependencies"]
    assert taken[0] == "plan"
    assert sorted(taken[1:]) == sorted(ours)


def test_prove_of_children_takes_artifacts_of_the_plan_and_of_the_key_alone():
    found = documents(SPEC.replace("gitlab: {", "gitlab: {layout: children, "))
    assert flattened("prove", found)["dependencies"] == ["plan", "key"]


def test_needs_that_an_override_gives_to_prove_have_no_dependencies_beside_them():
    override = "gitlab: {overrides: {prove: {needs: [plan]}}}"
    found = documents(f"{SPEC.partition('gitlab:')[0]}{override}")
    assert "dependencies" not in flattened("prove", found)


BOTH = """
builds: {both: {command: ['./make_both'], wheels: {foo: 'foo-*.whl', bar: 'bar-*.whl'}}}
packages: {foo: {}, bar: {}}
targets: {rhel8: {base: 'registry.example/el8@sha256:0'}}
"""


def test_a_wheel_job_keeps_the_records_of_its_own_cells_alone():
    found = documents(BOTH)
    assert flattened("wheel:both:rhel8:x86_64:cp312", found)["artifacts"]["paths"] == [
        "dist/*.whl",
        "dist/evidence/foo__rhel8__x86_64__cp312.*",
        "dist/evidence/bar__rhel8__x86_64__cp312.*",
    ]


def test_jobs_that_read_the_history_fetch_all_of_it():
    policy = "facts: {base: {from: ['vcs:distance']}}\nchannels: {default: {}}\n"
    plan = plan_of(SPEC, policy=policy, event="", vcs=lambda _: "1", history=["foo"])
    files = pipeline.documents(plan, spec_of(SPEC), {})
    names = [name for name, job in jobs(files) if job.get("variables", {}).get("GIT_DEPTH") == "0"]
    assert names == [".wheel", "plan", "names"]
    unlike = [name for name, job in jobs(documents()) if "GIT_DEPTH" in job.get("variables", {})]
    assert unlike == ["names"]
