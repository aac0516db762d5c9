"""`truewheel init` on small repositories of every kind.

A valid spec and pipeline from one command, or a clear no.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import commands
import pytest
import yaml

from truewheel.init import build_backend
from truewheel.spec import version_file
from truewheel.workspace import setup_files

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "gen_ci.py")]
KEPT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "PIP_",
    "SSL_",
    "REQUESTS_",
    "http",
    "https",
    "no_proxy",
    "HTTP",
    "NO_PROXY",
    "PYENV",
)
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
ENVIRONMENT["SOURCE_DATE_EPOCH"] = (
    "1795305600"  # November 2026: Python 3.10 is past its end, 3.11 is not
)
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
SETUP = (
    'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("{0}", ["{0}.c"])])\n'
)
SOURCE = """\
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&definition); }
"""


def project(name: str = "foo", version: str = 'version = "1.0"', more: str = "") -> str:
    return f'[project]\nname = "{name}"\n{version}\n{more}\n'


def extension(name: str = "foo", folder: str = "", **fields: str) -> dict[str, str]:
    """A package of setuptools with a C extension."""
    files = {
        "pyproject.toml": SETUPTOOLS + project(name, **fields),
        "setup.py": SETUP.format(name),
        f"{name}.c": SOURCE.replace("NAME", name),
    }
    return {f"{folder}{path}": text for path, text in files.items()}


def backend(name: str, requires: str, more: str = "", **fields: str) -> str:
    start = f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{name}"\n'
    return start + project(**fields) + more


class Good(NamedTuple):
    """A repository and what its spec must say.

    Keys of the first package, and how many wheels are planned.
    """

    files: Mapping[str, str]
    package: Mapping[str, Any]
    first: str
    tag: str = ""


GIT = '\ndynamic = ["version"]'
SCM = SETUPTOOLS.replace('"]', '", "setuptools-scm"]') + "[tool.setuptools_scm]\n"
HATCHLING = (
    '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
)
HATCH_VCS = '[tool.hatch.version]\nsource = "vcs"'
DYNAMIC = "[tool.setuptools.dynamic]\nversion = "
LINUX = "manylinux_2_28_x86_64.whl"
GOOD = {
    "C extension": Good(
        extension(), {"path": ".", "abi": "cpython"}, f"foo-1.0-cp311-cp311-{LINUX}"
    ),
    "version file": Good(
        {
            **extension(
                version='dynamic = ["version"]', more=DYNAMIC + '{file = ["src/VERSION"]}'
            ),
            "src/VERSION": "2.1.dev0\n",
        },
        {"version": {"file": "src/VERSION"}},
        f"foo-2.1.dev0-cp311-cp311-{LINUX}",
    ),
    "scikit-build-core": Good(
        {
            "pyproject.toml": backend("scikit_build_core.build", "scikit-build-core"),
            "CMakeLists.txt": "",
        },
        {"abi": "cpython"},
        f"foo-1.0-cp311-cp311-{LINUX}",
    ),
    "scikit-build-core, limited API": Good(
        {
            "pyproject.toml": backend(
                "scikit_build_core.build",
                "scikit-build-core",
                '[tool.scikit-build]\nwheel.py-api = "cp312"',
            )
        },
        {"abi": "abi3"},
        f"foo-1.0-cp312-abi3-{LINUX}",
    ),
    "meson-python": Good(
        {
            "pyproject.toml": backend("mesonpy", "meson-python", version='dynamic = ["version"]'),
            "meson.build": "project('foo', 'c', version: files('VERSION'))",
            "VERSION": "0.3",
            "foo.c": "",
        },
        {"abi": "cpython", "version": {"file": "VERSION"}},
        f"foo-0.3-cp311-cp311-{LINUX}",
    ),
    "maturin": Good(
        {
            "pyproject.toml": backend("maturin", "maturin>=1"),
            "Cargo.toml": (
                '[dependencies]\npyo3 = {version = "0.26", features = ["extension-module"]}\n'
                '[features]\nstable = ["pyo3/abi3-py39"]\n'
            ),
        },
        {"abi": "cpython"},
        f"foo-1.0-cp311-cp311-{LINUX}",
    ),
    "maturin, limited API": Good(
        {
            "pyproject.toml": backend("maturin", "maturin>=1"),
            "Cargo.toml": '[dependencies]\npyo3 = {version = "0.26", features = ["abi3-py39"]}\n',
        },
        {"abi": "abi3"},
        f"foo-1.0-cp39-abi3-{LINUX}",
    ),
    "limited API": Good(
        {**extension(), "setup.cfg": "[bdist_wheel]\npy_limited_api = cp311\n"},
        {"abi": "abi3"},
        f"foo-1.0-cp311-abi3-{LINUX}",
    ),
    "setup.py alone": Good(
        {
            "setup.py": SETUP.replace("setup(", "setup(name='foo', version='1.0', ").format("foo"),
            "foo.c": "",
        },
        {"version": {"file": "setup.py", "match": setup_files.KEYWORD}},
        f"foo-1.0-cp311-cp311-{LINUX}",
    ),
    "an attribute": Good(
        {
            **extension(
                version='dynamic = ["version"]', more=DYNAMIC + '{attr = "foo.__version__"}'
            ),
            "src/foo/__init__.py": '__version__ = "1.1"\n',
        },
        {
            "version": {
                "file": "src/foo/__init__.py",
                "match": version_file.assignment_pattern("__version__"),
            }
        },
        f"foo-1.1-cp311-cp311-{LINUX}",
    ),
    "maturin, version of Cargo": Good(
        {
            "pyproject.toml": backend("maturin", "maturin>=1", version='dynamic = ["version"]'),
            "Cargo.toml": '[package]\nname = "foo"\nversion = "1.2.0-rc.1"\n',
        },
        {
            "version": {
                "file": "Cargo.toml",
                "match": build_backend.CARGO_VERSION,
                "inject": "wheel",
            }
        },
        f"foo-1.2.0rc1-cp311-cp311-{LINUX}",
    ),
    "pure": Good(
        {
            "pyproject.toml": HATCHLING + project(more='requires-python = ">=3.9"'),
            "src/foo.py": "",
            "tools/x.c": "",
        },
        {"abi": "none"},
        "foo-1.0-py3-none-any.whl",
    ),
    "two packages": Good(
        {
            **extension("foo", "libs/foo/", more='requires-python = ">=3.12"'),
            **extension("bar", "bar/", more='requires-python = ">=3.11"'),
            "pyproject.toml": "[tool.ruff]\n",
            "tests/broken/pyproject.toml": "[",
        },
        {"path": "bar"},
        f"bar-1.0-cp311-cp311-{LINUX}",
    ),
    "setuptools-scm": Good(
        {**extension(), "pyproject.toml": SCM + project(version=GIT)},
        {"version": {"inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"}},
        f"foo-1.4-cp311-cp311-{LINUX}",
        tag="v1.4",
    ),
    "hatch-vcs without a tag": Good(
        {
            "pyproject.toml": HATCHLING
            + project(version=GIT, more='requires-python = ">=3.9"\n' + HATCH_VCS)
        },
        {"version": {"inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"}},
        "foo-0.0.post1-py3-none-any.whl",
    ),
    "cibuildwheel": Good(
        {
            **extension(
                more='[tool.cibuildwheel]\nbuild = "cp3{12,13}-*"\nskip = ["*-musllinux*"]'
            ),
            ".github/workflows/cibw.yml": (
                "on: push\nenv: {CIBW_MANYLINUX_X86_64_IMAGE: manylinux_2_34}\n"
                "jobs: {a: {env: {CIBW_ARCHS_LINUX: 'x86_64 aarch64 i686', "
                "CIBW_BUILD: '${{ matrix.build }}'}}}\n"
            ),
        },
        {},
        "foo-1.0-cp312-cp312-manylinux_2_34_x86_64.whl",
    ),
    "strange but allowed": Good(
        {
            "no/on é/pyproject.toml": (
                SETUPTOOLS + project("No", more='requires-python = ">=3.8 , <3.13"')
            ),
            "no/on é/setup.py": SETUP.format("x"),
            "no/on é/smoke.py": "",
            "Dockerfile\n": "",
        },
        {"path": "no/on é", "smoke": "no/on é/smoke.py"},
        f"no-1.0-cp311-cp311-{LINUX}",
    ),
}  # fmt: skip


def repository(folder: Path, files: Mapping[str, str], tag: str = "") -> Path:
    """Write files into a git repository and commit them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
        "-c",
        "init.defaultBranch=main",
    ]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message=first", "--allow-empty"],
    ):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    if tag:
        subprocess.run(["git", "tag", tag], cwd=folder, check=True)
    return folder


def truewheel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.truewheel(folder, *words, environment=ENVIRONMENT)


def started_truewheel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert "Traceback" not in done.stderr
    return done


def check_generated(folder: Path) -> None:
    """Add what a checkout cannot know, how jobs get Truewheel; generate must then succeed."""
    with (folder / "truewheel.yml").open("a", encoding="utf-8") as file:
        file.write("setup: [. ci/setup.sh]\n")
    for command in ("generate", "check"):
        done = truewheel(folder, command)
        assert done.returncode == 0, done.stderr


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but those of git."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All good repositories after `init --yes`."""
    folders = {}
    for name, case in GOOD.items():
        folders[name] = repository(tmp_path_factory.mktemp("repository"), case.files, case.tag)
        done = truewheel(folders[name], "init", "--yes")
        assert done.returncode == 0, name
        assert (
            re.sub(
                r"truewheel.yml.* can move: no digest is locked\n    hint: .* truewheel lock\n"
                r"|truewheel.yml: warning: tool is left to you: .*\n    hint: .*\n",
                "",
                done.stderr,
            )
            == ""
        )
    return folders


@pytest.mark.parametrize("name", GOOD)
def test_a_repository_gets_a_spec_whose_plan_holds(started: dict[str, Path], name: str):
    case, folder = GOOD[name], started[name]
    written = yaml.safe_load((folder / "truewheel.yml").read_text(encoding="utf-8"))
    (package, *_) = written["packages"].values()
    assert {key: package[key] for key in case.package} == case.package
    plan = json.loads(truewheel(folder, "plan", "--json").stdout)
    assert plan["problems"] == []
    assert plan["cells"][0]["wheel"] == case.first


@pytest.mark.parametrize("name", GOOD)
def test_its_pipeline_is_as_generated_and_a_second_init_changes_nothing(
    started: dict[str, Path], name: str
):
    folder = started[name]
    check_generated(folder)
    before = content(folder)
    done = truewheel(folder, "init", "--yes")
    assert done.returncode == 2
    assert "truewheel.yml: there is a spec already, and init overwrites nothing" in done.stderr
    assert content(folder) == before


@pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed"
)
def test_the_official_schemas_take_every_pipeline(started: dict[str, Path]):
    gitlab = ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    kinds = {
        ".gitlab-ci.yml": gitlab,
        "pipelines/*": gitlab,
        ".github/workflows/wheels*": ["vendor.github-workflows"],
    }
    for pattern, schema in kinds.items():
        files = [str(path) for folder in started.values() for path in folder.glob(pattern)]
        done = subprocess.run(
            [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, *files],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert files


# What is refused, and what stays as it was.

BAD = {
    "nothing": ({}, "init: no Python package here"),
    "only CMake": ({"CMakeLists.txt": ""}, "scikit-build-core"),
    "broken TOML": ({"pyproject.toml": "[project\n"}, "pyproject.toml: not TOML"),
    "a list for a table": (
        {"pyproject.toml": "project = []\n[build-system]\n"},
        "there is no [project]",
    ),
    "setup.py alone": (
        {"setup.py": SETUP.format("foo")},
        "there is no [project], and no name in setup.py",
    ),
    "setup.cfg": (
        {"setup.cfg": "[metadata]\nname = foo\n", "setup.py": ""},
        "its version cannot be known",
    ),
    "poetry": ({"pyproject.toml": '[tool.poetry]\nname = "foo"\n'}, "[tool.poetry]"),
    "no name": ({"pyproject.toml": '[project]\nversion = "1"\n'}, "[project] has no name"),
    "a name that is none": (
        {"pyproject.toml": project("a b\\nc: d")},
        "'a b\\nc: d' cannot name wheels",
    ),
    "a version that is none": (
        {"pyproject.toml": project(version='version = "one"')},
        "'one' is not one of PEP 440",
    ),
    "numbers for texts": (
        {"pyproject.toml": "[project]\nname = 1\nversion = 2\nrequires-python = 3\n"},
        "[project] has no name",
    ),
    "an attribute": (
        {"pyproject.toml": project(version=GIT, more=DYNAMIC + '{attr = "foo.__version__"}')},
        "it is the attribute 'foo.__version__'",
    ),
    "a version outside": (
        {"pyproject.toml": project(version=GIT, more=DYNAMIC + '{file = "../../etc/hostname"}')},
        "there is no file",
    ),
    "old Pythons": (extension(more='requires-python = "<3.8"'), "allows none of Python"),
    "any Python": (
        {"pyproject.toml": backend("maturin", "maturin>=1", '[tool.maturin]\nbindings = "bin"')},
        "py3-none-<platform>",
    ),
    "Python 2": ({"pyproject.toml": HATCHLING + project()}, "for Python 2 as well (py2.py3)"),
    "git and files": (
        {
            "a/pyproject.toml": SCM + project("a", version=GIT),
            "b/pyproject.toml": project("b"),
        },
        "a take their version from git, b from files",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_named_is_refused_with_a_reason(tmp_path: Path, name: str):
    files, reason = BAD[name]
    folder = repository(tmp_path, files)
    before = content(folder)
    done = truewheel(folder, "init", "--yes")
    assert done.returncode == 2
    assert reason in done.stderr
    assert "hint: " in done.stderr
    assert content(folder) == before


def test_all_that_is_wrong_with_a_package_is_said_at_once(tmp_path: Path):
    repository(
        tmp_path,
        {"pyproject.toml": '[project]\nname = "a b"\nversion = "x"\nrequires-python = "3"\n'},
    )
    assert truewheel(tmp_path, "init", "--yes").stderr.count("pyproject.toml: ") == 3


def test_a_package_below_that_cannot_be_named_is_left_out(tmp_path: Path):
    repository(
        tmp_path,
        {**extension(), "tools/pyproject.toml": "[", "copy/pyproject.toml": project("Foo")},
    )
    done = truewheel(tmp_path, "init", "--yes")
    assert done.returncode == 0
    assert "tools/pyproject.toml: warning: not TOML" in done.stderr
    assert (
        "copy/pyproject.toml: warning: left out: Foo is the name of ./pyproject.toml, too"
        in done.stderr
    )
    assert list(yaml.safe_load((tmp_path / "truewheel.yml").read_text())["packages"]) == ["foo"]


@pytest.mark.parametrize(
    "stages", ["", "stages: [compile, test, ship]\n", "stages: [.pre, build, test, deploy]\n"]
)
def test_a_pipeline_of_somebody_else_stays_and_includes_ours(tmp_path: Path, stages: str):
    text = (
        f"{stages}{stages and 'workflow: {rules: [{when: always}]}'}\njob: "
        f"{{stage: test, script: [make]}}\n"
    )
    repository(tmp_path, {**extension(), ".gitlab-ci.yml": text})
    before = content(tmp_path)
    done = truewheel(tmp_path, "init", "--yes")
    assert done.returncode == 0
    new = content(tmp_path).keys() - before.keys()
    assert new == {"truewheel.yml", "ci/wheels.yml"}
    assert content(tmp_path).items() >= before.items()
    (line,) = re.findall(
        r"4\. add to \.gitlab-ci\.yml: (include: .*\])\. Then: git add \.gitlab-ci\.yml ci "
        r"truewheel\.yml; ",
        done.stdout,
    )
    (tmp_path / ".gitlab-ci.yml").write_text(f"{line}\n{text}")
    linted = truewheel(tmp_path, "check", "--lint", ".gitlab-ci.yml")
    assert linted.returncode == 0, linted.stdout
    check_generated(tmp_path)


def test_a_workflow_of_somebody_else_stays_and_the_way_on_is_told(tmp_path: Path):
    wheels = ".github/workflows/wheels.yml"
    repository(tmp_path, {**extension(), wheels: "on: push\njobs: {}\n"})
    before = content(tmp_path)
    done = truewheel(tmp_path, "init", "--yes")
    assert done.returncode == 0
    assert content(tmp_path).keys() - before.keys() == {"truewheel.yml"}
    assert content(tmp_path).items() >= before.items()
    assert f"4. move {wheels} away (git mv)" in done.stdout
    (tmp_path / wheels).rename(tmp_path / "old.yml")
    check_generated(tmp_path)


@pytest.mark.parametrize("branch", ["main", "trunk"])
def test_a_repository_on_github_gets_workflows_for_its_main_branch(tmp_path: Path, branch: str):
    repository(tmp_path, extension())
    for words in (
        ["remote", "add", "origin", "https://github.com/me/foo"],
        ["symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{branch}"],
        ["update-ref", f"refs/remotes/origin/{branch}", "HEAD"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    done = truewheel(tmp_path, "init", "--yes")
    assert done.returncode == 0, done.stderr
    written = [
        line.removeprefix("wrote ")
        for line in done.stdout.splitlines()
        if line.startswith("wrote ")
    ]
    workflows = [
        ".github/workflows/wheels.yml",
        ".github/workflows/wheels-manylinux_2_28-x86_64.yml",
    ]
    assert written == ["truewheel.yml", *workflows]
    assert "4. git add .github truewheel.yml; commit and push" in done.stdout
    caller = yaml.safe_load((tmp_path / workflows[0]).read_text())
    assert caller[True if True in caller else "on"]["push"]["branches"] == [branch]
    check_generated(tmp_path)


@pytest.mark.parametrize("blocked", ["file", "link"])
def test_where_the_pipeline_cannot_be_written_nothing_is(tmp_path: Path, blocked: str):
    repository(tmp_path, extension())
    if blocked == "file":
        (tmp_path / "pipelines").write_text("")
    else:
        (tmp_path / "pipelines").symlink_to("..")
    before = content(tmp_path)
    done = truewheel(tmp_path, "init", "--yes")
    assert done.returncode == 2
    assert "\npipelines" in done.stderr
    assert content(tmp_path) == before


def test_a_dangling_link_is_a_spec_too(tmp_path: Path):
    (repository(tmp_path, extension()) / "truewheel.yml").symlink_to("nowhere")
    assert truewheel(tmp_path, "init", "--yes").returncode == 2
    assert (tmp_path / "truewheel.yml").is_symlink()


def test_a_folder_inside_a_repository_is_not_where_forges_look(tmp_path: Path):
    repository(tmp_path, extension(folder="sub/"))
    done = truewheel(tmp_path / "sub", "init", "--yes")
    assert done.returncode == 2
    assert f"hint: go to {tmp_path}" in done.stderr


def test_a_dry_run_prints_the_spec_and_writes_nothing(tmp_path: Path):
    repository(tmp_path, extension())
    before = content(tmp_path)
    done = truewheel(tmp_path, "init", "--dry-run")
    assert done.returncode == 0
    assert "\ntruewheel: 1 " in done.stdout
    assert "would write truewheel.yml\nwould write .gitlab-ci.yml\n" in done.stdout
    assert content(tmp_path) == before


def test_programs_get_findings_and_files(tmp_path: Path):
    repository(
        tmp_path,
        {
            **extension(),
            ".gitlab-ci.yml": "a: {script: [b]}\n",
            "Dockerfile": "FROM --platform=x a:1\n",
        },
    )
    subprocess.run(
        ["git", "remote", "add", "origin", "git@Git.Example.org:me/foo.git"],
        cwd=tmp_path,
        check=True,
    )
    data = json.loads(truewheel(tmp_path, "init", "--json").stdout)
    assert data["files"] == [
        {"path": "truewheel.yml", "written": True},
        {"path": "ci/wheels.yml", "written": True},
    ]
    findings = data["findings"]
    assert findings["packages"][0]["abi"] == {
        "kind": "cpython",
        "origin": "extensions in setup.py",
        "oldest": 0,
    }
    assert findings["remote"] == "git.example.org"
    assert findings["containers"] == {"Dockerfile": "a:1"}
    again = json.loads(truewheel(tmp_path, "init", "--json").stdout)
    assert again["files"] == []
    assert "overwrites nothing" in again["problems"][0]["message"]


# At a terminal.

# Ctrl-C reaches the programs of a session only once the terminal is theirs.
OWN_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever runs the tests in the background ignores it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def at_terminal(folder: Path, typed: list[str], *words: str) -> tuple[int, str]:
    """Run init at a terminal of its own and type an answer to each question.

    Return its exit code and the screen.
    """
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *COMMAND, "init", *words], cwd=folder, env=ENVIRONMENT,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    screen, asked, deadline = "", 0, time.monotonic() + 120
    while time.monotonic() < deadline and select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end has gone
            break
        screen += part.decode("utf-8", "replace")
        while screen.count("]: ") > asked and asked < len(typed):
            os.write(terminal, typed[asked].encode())
            asked += 1
    os.close(terminal)
    assert "Traceback" not in screen
    try:
        return child.wait(timeout=60), screen
    finally:
        child.kill()


def test_a_person_is_asked_and_every_answer_counts(tmp_path: Path):
    repository(tmp_path, {**extension("foo", "foo/"), **extension("bar", "bar/")})
    answers = [
        "foo\n",
        "gitlab, github\n",
        "\n",
        "aarch64 x86_64\n",
        "2.7\n",
        "3.13,3.12\n",
        "nonsense\x7f\n",
        "triton-2026.04\n",
        "pypi\n",
    ]
    code, screen = at_terminal(tmp_path, answers)
    assert code == 0, screen
    assert "2.7: not one of these" in screen
    written = yaml.safe_load((tmp_path / "truewheel.yml").read_text())
    assert list(written["packages"]) == ["foo"]
    assert list(written["targets"]) == ["manylinux_2_28"]
    assert {"gitlab", "github"} <= written.keys()
    assert (written["arches"], written["pythons"]) == (["x86_64", "aarch64"], ["3.12", "3.13"])
    assert written["naming"] == "triton-2026.04"
    assert written["indexes"] == {
        "pypi": {"profile": "pypi", "channel": "release", "when": {"PYPI_RELEASE": "true"}}
    }
    check_generated(tmp_path)


def test_enter_takes_what_yes_takes(tmp_path: Path):
    for name in ("asked", "told"):
        (tmp_path / name).mkdir()
        repository(tmp_path / name, {**extension(), "setup.cfg": ""})
    assert at_terminal(tmp_path / "asked", ["\n"] * 6)[0] == 0
    assert at_terminal(tmp_path / "told", [], "--yes")[0] == 0
    assert content(tmp_path / "asked") == content(tmp_path / "told")


def test_answers_that_leave_no_wheel_of_a_package_write_nothing(tmp_path: Path):
    late = extension("late", "late/", more='requires-python = ">=3.14"')
    repository(tmp_path, {**late, **extension("soon", "soon/")})
    before = content(tmp_path)
    code, screen = at_terminal(tmp_path, ["\n", "\n", "\n", "\n", "3.12\n", "\n", "\n"])
    assert code == 2
    assert "nothing is written" in screen
    assert "no wheel of late is built" in screen
    assert content(tmp_path) == before


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_who_leaves_a_question_leaves_nothing(tmp_path: Path, key: str):
    repository(tmp_path, extension())
    before = content(tmp_path)
    code, screen = at_terminal(tmp_path, ["\n", "\n", key])
    assert code == 130, screen
    assert content(tmp_path) == before


# For real.


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="not installed: cc")
def test_from_an_empty_extension_to_a_proven_wheel(tmp_path: Path):
    minor = sys.version_info.minor
    repository(
        tmp_path,
        {
            **extension(more=f'requires-python = ">=3.{minor}, <3.{minor + 1}"'),
            "tests/smoke.py": "import foo\nassert foo.__file__.endswith('.so')\n",
        },
    )
    assert truewheel(tmp_path, "init", "--yes").returncode == 0
    done = started_truewheel(tmp_path, "run")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    assert wheel.name.startswith(f"foo-1.0-cp3{minor}-cp3{minor}-")
    assert wheel.name in (tmp_path / "dist/SHA256SUMS").read_text()
