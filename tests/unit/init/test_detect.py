"""What a repository contains.

Which folders count, which belong to others, and what CI files and git say.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from truewheel.errors import Stop
from truewheel.init import detect

PURE = '[project]\nname = "{}"\nversion = "1.0"\n'
ENVIRONMENT = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null"}


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def look(folder: Path) -> detect.Repository:
    return detect.read_repository(folder, ENVIRONMENT)


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)


def test_packages_lie_at_the_top_and_two_levels_below(tmp_path: Path):
    ours = ["", "a/", "b/c/"]
    others = ["b/c/d/", "tests/x/", "third_party/x/", ".hidden/", "node_modules/", "Examples/"]
    for number, path in enumerate([*ours, *others]):
        write(tmp_path, **{f"{path}pyproject.toml": PURE.format(f"p{number}")})
    assert [package.path for package in look(tmp_path).packages] == [".", "a", "b/c"]


def test_links_are_not_followed(tmp_path: Path):
    outside = write(tmp_path / "outside", **{"pyproject.toml": PURE.format("other")})
    root = write(tmp_path / "root", **{"pyproject.toml": PURE.format("own")})
    (root / "linked").symlink_to(outside)
    (root / "copied").mkdir()
    (root / "copied/pyproject.toml").symlink_to(outside / "pyproject.toml")
    assert [package.name for package in look(root).packages] == ["own"]


def test_what_is_no_file_is_not_read(tmp_path: Path):
    write(tmp_path, **{"pyproject.toml": PURE.format("own")})
    os.mkfifo(tmp_path / "setup.py")
    os.mkfifo(tmp_path / "Dockerfile")
    (tmp_path / ".gitlab-ci.yml").mkdir()
    repository = look(tmp_path)
    assert (repository.packages[0].name, repository.pipelines, repository.containers) == (
        "own",
        (),
        {"Dockerfile": ""},
    )


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"#" * (detect.MAX_BYTES + 1)], ids=["not text", "too large"]
)
def test_what_cannot_be_read_is_no_package(tmp_path: Path, content: bytes):
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(Stop, match="no readable"):
        look(tmp_path)


@pytest.mark.parametrize("name", ["a\nb", "a\u200bb", os.fsdecode(b"a\xff")], ids=ascii)
def test_a_folder_that_a_spec_cannot_name_is_left_out(tmp_path: Path, name: str):
    write(
        tmp_path,
        **{"pyproject.toml": PURE.format("own"), f"{name}/pyproject.toml": PURE.format("odd")},
    )
    repository = look(tmp_path)
    assert [package.name for package in repository.packages] == ["own"]
    assert [problem.severity for problem in repository.problems] == ["warning"]
    assert "\n" not in str(repository.problems[0].where)


def test_a_file_outside_is_not_a_version_file(tmp_path: Path):
    write(tmp_path, **{"VERSION": "1.0", "root/lib/VERSION": "2.0"})
    text = '[project]\nname = "foo"\ndynamic = ["version"]\n'
    text += '[tool.setuptools.dynamic]\nversion = {{file = "{}"}}\n'
    root = write(tmp_path / "root", **{"lib/sub/pyproject.toml": text.format("../VERSION")})
    assert look(root).packages[0].version.value == "2.0"
    write(root, **{"lib/sub/pyproject.toml": text.format("../../../VERSION")})
    with pytest.raises(Stop, match="there is no file"):
        look(root)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://gitlab.com/me/foo.git", "gitlab.com"),
        ("https://me:secret@Git.Example.org:8443/foo", "git.example.org"),
        ("ssh://git@git.example.org:2222/foo", "git.example.org"),
        ("git@github.com:me/foo.git", "github.com"),
        ("/srv/git/foo.git", ""),
        ("../foo", ""),
    ],
)
def test_the_host_of_the_remote(tmp_path: Path, address: str, host: str):
    write(tmp_path, **{"pyproject.toml": PURE.format("own")})
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", address)
    assert look(tmp_path).remote == host


def test_the_tag_must_hold_a_version_where_versions_come_from_git(tmp_path: Path):
    scm = '[project]\nname="a"\ndynamic=["version"]\n[build-system]\n'
    scm += 'requires=["setuptools-scm[simple]"]\nbuild-backend="setuptools.build_meta"'
    write(tmp_path, **{"pyproject.toml": scm})
    git(tmp_path, "init", "--quiet")
    commit = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.invalid",
        "commit",
        "--allow-empty",
        "--message=x",
    ]
    git(tmp_path, *commit)
    git(tmp_path, "tag", "nightly")
    with pytest.raises(Stop, match="the nearest tag holds no version: 'nightly'"):
        look(tmp_path)
    git(tmp_path, *commit)
    git(tmp_path, "tag", "foo-v1.2")
    assert look(tmp_path).tag == "foo-v1.2"


def test_the_settings_of_cibuildwheel(tmp_path: Path):
    table = '[tool.cibuildwheel]\nbuild = ["cp312-*", "cp313-*"]\nskip = 5\n'
    table += '[tool.cibuildwheel.linux]\narchs = "x86_64"\n'
    workflow = """
        on: push
        env: {CIBW_SKIP: '*-musllinux*'}
        jobs:
          a:
            steps:
              - env:
                  CIBW_ARCHS_LINUX: "${{ matrix.arch }}"
                  CIBW_MANYLINUX_X86_64_IMAGE: a/b
                  CIBW_TEST: x
    """
    write(
        tmp_path,
        **{
            "pyproject.toml": PURE.format("own") + table,
            ".github/workflows/a.yml": workflow,
            ".github/workflows/broken.yml": "CIBW_BUILD: [",
            ".gitlab-ci.yml": "a: {script: [b]}",
        },
    )
    repository = look(tmp_path)
    assert repository.cibuildwheel == {
        "BUILD": "cp312-* cp313-*",
        "ARCHS": "x86_64",
        "SKIP": "*-musllinux*",
        "MANYLINUX_X86_64_IMAGE": "a/b",
    }
    assert repository.pipelines == (
        ".gitlab-ci.yml",
        ".github/workflows/a.yml",
        ".github/workflows/broken.yml",
    )


def test_sources_below_count_and_those_of_tests_do_not(tmp_path: Path):
    write(tmp_path, **{"pyproject.toml": PURE.format("own"), "setup.py": "", "tests/a.c": ""})
    assert look(tmp_path).packages[0].abi.kind == "none"
    write(tmp_path, **{"src/deep/down/a.pyx": ""})
    assert look(tmp_path).packages[0].abi.kind == "cpython"


def test_hand_written_ci_files_are_read_and_generated_ones_are_not(tmp_path: Path):
    files = {
        ".gitlab-ci.yml": "stages: [a]\n",
        ".github/workflows/mine.yaml": "on: push\n",
        ".github/workflows/wheels.yml": "# Generated by Truewheel 0.1.0\non: push\n",
    }
    write(tmp_path, **{"pyproject.toml": PURE.format("own"), **files})
    repository = look(tmp_path)
    assert repository.pipelines == tuple(files)
    assert repository.by_hand == {path: files[path] for path in list(files)[:2]}


@pytest.mark.parametrize(
    ("local", "remote", "branch"),
    [
        ("main", "", "main"),
        ("master", "", "master"),
        ("work", "", ""),
        ("work", "dev/4.x", "dev/4.x"),
        ("x", "a!b", ""),
    ],
)
def test_the_main_branch_is_that_of_the_remote_or_has_a_usual_name(
    tmp_path: Path, local: str, remote: str, branch: str
):
    write(tmp_path, **{"pyproject.toml": PURE.format("own")})
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    git(tmp_path, "init", "--quiet", f"--initial-branch={local}")
    git(tmp_path, *identity, "commit", "--quiet", "--allow-empty", "--message=x")
    if remote:
        git(tmp_path, "update-ref", f"refs/remotes/origin/{remote}", "HEAD")
        git(tmp_path, "symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{remote}")
    assert look(tmp_path).branch == branch
