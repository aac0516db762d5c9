"""Container engines: their argv, and what goes from this machine into a container."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from specs import plan_of

from truewheel.build import containers
from truewheel.build.containers import ENGINES, Build, Run
from truewheel.build.job_image import is_protected
from truewheel.errors import Exit, Stop

BUILD = Build(
    "r.example/b:1",
    Path("/ctx"),
    "aarch64",
    {"BASE": "x y"},
    {"pip": Path("/etc/pip conf")},
    ["--network", "host"],
)
HOSTILE = ["two words", 'it\'s "quoted"', "a\nnew line", "$(id) `id`", "--env", "é"]

Record = Callable[[], list[list[str]]]


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Put stand-ins of all engines on PATH; return the function that tells how they were called.

    One exits with the status in the file `fails` if its first word is the one there.
    """
    log = tmp_path / "calls"
    script = f"""#!{sys.executable}
import json, os, pathlib, sys
here = pathlib.Path({str(tmp_path)!r})
login = os.environ.get("REGISTRY_AUTH_FILE")
with open(here / "calls", "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + "\\n")
if login:
    (here / "login").write_text(pathlib.Path(login).read_text())
fails = here / "fails"
sys.exit(3 if fails.exists() and fails.read_text() == sys.argv[1] else 0)
"""
    for name in ENGINES:
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return lambda: (
        [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_builds_with_the_same_words(engine: str):
    words = ENGINES[engine].build(BUILD)
    assert words[:2] == [engine, "build"]
    assert ("--layers" in words) == (engine == "buildah"), "the others cache by themselves"
    assert [word for word in words[2:] if word != "--layers"] == [
        *("--file", "/ctx/Containerfile", "--tag", "r.example/b:1", "--platform", "linux/arm64"),
        *(
            "--build-arg",
            "BASE=x y",
            "--secret",
            "id=pip,src=/etc/pip conf",
            "--network",
            "host",
            "/ctx",
        ),
    ]
    options = [] if engine == "docker" else ["--digestfile", "/told"]
    assert ENGINES[engine].push("r.example/b:1", "/told") == [
        engine,
        "push",
        *options,
        "r.example/b:1",
    ]
    assert ENGINES[engine].push("r.example/b:1", "") == [engine, "push", "r.example/b:1"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fresh_build_uses_no_layer_and_no_base_that_is_here(engine: str):
    words = ENGINES[engine].build(BUILD._replace(fresh=True))
    assert "--no-cache" in words
    assert ("--pull" if engine == "docker" else "--pull=always") in words
    assert not {"--no-cache", "--pull", "--pull=always"} & {*ENGINES[engine].build(BUILD)}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, False),
        ({"CI_COMMIT_REF_PROTECTED": "true"}, True),
        ({"CI_COMMIT_REF_PROTECTED": "false"}, False),
        ({"GITHUB_REF_PROTECTED": "true"}, True),
        ({"GITHUB_REF_PROTECTED": "false", "CI_COMMIT_REF_PROTECTED": ""}, False),
    ],
)
def test_a_ref_is_protected_where_its_forge_says_so(env: dict[str, str], expected: bool):
    assert is_protected(env) is expected


def test_the_digest_is_that_of_the_repository_that_was_pushed_to(tmp_path: Path):
    pushed, other = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    output = f"r.example:5000/c@{other}\\nr.example:5000/b@{pushed}\\nelsewhere/b@{other}\\n"
    script = f"#!/bin/sh\n[ \"$1\" = push ] || printf '{output}'\n"
    (tmp_path / "docker").write_text(script)
    (tmp_path / "docker").chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert containers.push("docker", "r.example:5000/b:1", env) == pushed
    assert containers.push("docker", "r.example:5000/d:1", env) == ""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("value", HOSTILE)
def test_a_variable_is_one_word_by_value(engine: str, value: str):
    run = Run(
        "r.example/b:1",
        ["python", "x"],
        (Path("/a b"), Path("/out")),
        {"N": value},
        ["--network", "host"],
    )
    (words,) = [argv for argv in ENGINES[engine].run(run, "name") if "python" in argv]
    assert words[words.index("--env") + 1] == f"N={value}"
    assert words[-2:] == ["python", "x"]
    assert "/a b:/a b" in words
    assert "/out:/out" in words


def test_a_folder_is_shared_once():
    run = Run("i", ["x"], (Path("/a"), Path("/a")))
    assert ENGINES["podman"].run(run, "n")[0].count("--volume") == 1


def test_the_first_engine_that_is_there_is_used(engines: Record, tmp_path: Path):
    env = {"PATH": str(tmp_path)}
    assert containers.choose(None, env) == "buildah"
    assert containers.choose("docker", env) == "docker"
    (tmp_path / "buildah").unlink()
    assert containers.choose(None, env) == "podman"
    with pytest.raises(Stop, match="no buildah here") as stopped:
        containers.choose("buildah", env)
    assert stopped.value.code is Exit.REFUSED
    with pytest.raises(Stop, match="no buildah and no podman and no docker here"):
        containers.choose(None, {"PATH": str(tmp_path / "nothing")})


def test_a_container_of_buildah_is_removed_whatever_became_of_it(engines: Record, tmp_path: Path):
    (tmp_path / "fails").write_text("run")
    assert containers.run("buildah", Run("i", ["x"], (tmp_path,)), os.environ, "name") == 3
    assert [call[1] for call in engines()] == ["from", "run", "rm"]


def test_an_image_that_is_not_there_is_told(engines: Record, tmp_path: Path):
    (tmp_path / "fails").write_text("from")
    with pytest.raises(Stop, match="no image that can be run here") as stopped:
        containers.run("buildah", Run("i", ["x"], (tmp_path,)), os.environ, "name")
    assert stopped.value.code is Exit.WHEEL
    assert [call[1] for call in engines()] == ["from"]


def test_a_build_and_a_push_that_fail_have_exit_codes_of_their_own(engines: Record, tmp_path: Path):
    for step, run, code in (
        ("build", lambda: containers.build("podman", BUILD, os.environ), Exit.WHEEL),
        (
            "push",
            lambda: containers.push("podman", "r.example/b:1", os.environ),
            Exit.REMOTE_UNREACHABLE,
        ),
    ):
        (tmp_path / "fails").write_text(step)
        with pytest.raises(Stop, match=r"r.example/b:1: could not be") as stopped:
            run()
        assert stopped.value.code is code


def test_a_jobs_password_is_in_a_file_while_it_pushes_and_never_an_argument(
    engines: Record, tmp_path: Path
):
    job = {"CI_REGISTRY": "r.example", "CI_REGISTRY_USER": "job", "CI_REGISTRY_PASSWORD": "secret"}
    containers.push("buildah", "r.example/b:1", {**os.environ, **job})
    assert json.loads((tmp_path / "login").read_text()) == {
        "auths": {"r.example": {"auth": "am9iOnNlY3JldA=="}}
    }
    assert next((call[:2], call[-1]) for call in engines()) == (
        ["buildah", "push"],
        "r.example/b:1",
    )
    with containers.logged_in("r.example/b:1", job) as env:
        file = Path(env["REGISTRY_AUTH_FILE"])
        assert file.parent.stat().st_mode & 0o077 == 0
    assert not file.exists()
    with containers.logged_in("elsewhere.example/b:1", job) as env:
        assert env == job


def test_a_context_has_its_files_and_no_older_ones(tmp_path: Path):
    containers.write_context(tmp_path / "c", "one", {"a/b.txt": b"x", "old": b""})
    containers.write_context(tmp_path / "c", "FROM x\n", {"a/b.txt": b"y"})
    names = {
        str(path.relative_to(tmp_path / "c")): path.read_text()
        for path in (tmp_path / "c").rglob("*.*")
    }
    assert names == {"a/b.txt": "y"}
    assert (tmp_path / "c/Containerfile").read_text() == "FROM x\n"
    assert not (tmp_path / "c/old").exists()


POLICY = """
variables:
  CI_ID: {scope: forge}
  RELEASE: {scope: pipeline}
  FLAVOUR: {scope: pipeline, default: plain}
  CUDA_VERSION: {scope: image}
  TOKEN: {scope: secret}
facts: {base: {from: ['package:version']}}
channels: {default: {}}
"""


def handed_over(env: dict[str, str], **request) -> dict[str, str]:
    text = "packages: {foo: {}}\ntargets: {rhel8: {provides: {CUDA_VERSION: '13.2'}}}\n"
    return containers.passed_variables(
        plan_of(text, policy=POLICY, environment=env, **request), env
    )


def test_what_is_handed_over_is_declared_and_not_empty_and_not_of_the_image():
    env = {
        "CI_ID": "7",
        "RELEASE": "",
        "CUDA_VERSION": "12.9",
        "TOKEN": "t",
        "HOME": "/x",
        "PATH": "/bin",
    }
    assert handed_over(env) == {"CI_ID": "7", "FLAVOUR": "plain"}
    assert handed_over({"TOKEN": ""}) == {"FLAVOUR": "plain"}


def test_an_image_scoped_variable_is_not_handed_over_even_when_it_is_set_by_hand():
    assert "CUDA_VERSION" not in handed_over({}, overrides={"CUDA_VERSION": "12.9"})


@pytest.mark.parametrize("value", HOSTILE)
def test_values_are_handed_over_as_they_are(value: str):
    assert handed_over({"CI_ID": value})["CI_ID"] == value


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ("x@sha256:" + "b" * 64 + "\n", "sha256:" + "b" * 64),
        ("<none>", ""),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_tells_the_digest_of_an_image(
    engine: str, output: str, expected: str, tmp_path: Path
):
    (tmp_path / engine).write_text(f"#!/bin/sh\nprintf %s '{output}'\n")
    (tmp_path / engine).chmod(0o755)
    assert (
        containers.digest(engine, "r.example/b:1", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
        == expected
    )
    assert containers.digest(engine, "r.example/b:1", {"PATH": ""}) == ""
