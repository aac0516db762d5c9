"""Hostile text in the spec, in variables, branch and title.

The generated pipeline runs, and no shell evaluates it.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wheels
from checkout import LEFT_OUT, copy_checkout
from gitlab_ci_local import CHECKOUT, MARKS, commit, pipeline

from truewheel.workspace import loading

ROOT = Path(__file__).parents[2]

pytestmark = MARKS

WORD = "a'b\"$(touch $PWNED)`touch $PWNED`;touch $PWNED;${{ env.PWNED }}ö"
PLAIN = WORD.replace("${{ env.PWNED }}", "")  # braces hold the names of facts
TEXT = f"{WORD}\n$(touch $PWNED)\n"
SPEC = {
    "truewheel": 1,
    "project": "demo",
    "packages": {
        "foo": {
            "path": f"src of {WORD}",
            "version": {"file": f"{WORD}.txt"},
            "smoke": f"{WORD}.py",
        },
        "bar": {"version": {"file": f"{WORD}.txt"}, "abi": "none"},
    },
    "builds": {
        "tree": {
            "path": f"tree of {WORD}",
            "command": ["python", f"{WORD}.py", WORD, TEXT],
            "wheels": {"bar": f"{WORD}/*.whl"},
        }
    },
    "targets": {"here": {"floor": "linux"}},
    "arches": [platform.machine()],
    "pythons": [f"3.{sys.version_info.minor}{sys.abiflags}"],
    "naming": {
        "extends": "plain",
        "variables": {"NOTE": {"scope": "pipeline", "description": TEXT}},
        "facts": {
            "word": {"from": [f"const:{PLAIN}"], "match": ".*", "write": "1"},
            "note": {"from": ["env:NOTE"]},
        },
        "channels": {"hostile": {"when": {"NOTE": PLAIN}, "version": "{base}+w{word}"}},
    },
    "indexes": {
        "own": {"url": "https://index.example/'$(touch$IFS$PWNED)", "when": {"NOTE": WORD}}
    },
    "variables": {"NOTE": {"description": TEXT, "default": TEXT}, "PICK": {"choices": [WORD, "x"]}},
    # gitlab-ci-local says each command with echo "…" and does not escape backquotes: not here
    "scripts": f"scripts of {WORD.replace('`', '|')}",
    "setup": [". scripts/setup_job.sh"],
    "merge_requests": {"types": ["fix"], "labels": [TEXT]},
    "gitlab": {
        "runners": {platform.machine(): [WORD]},
        "own_stages": [WORD],
        "overrides": {
            kind: {
                "variables": {"HOSTILE": TEXT},
                "environment": {"name": "to $HOME"},
                "resource_group": WORD,
            }
            for kind in ("plan", "wheel", "test", "prove")
        },
        "jobs": {
            WORD: {"stage": WORD, "needs": [], "script": ["true"], "variables": {"HOSTILE": TEXT}}
        },
    },
}
# A build that is told hostile words.
MAKE = """
import os, shutil, sys
word, text = sys.argv[1:]
assert text == word + "\\n$(touch $PWNED)\\n"
assert sys.argv[0] == word + ".py"
assert os.environ["TRUEWHEEL_FACT_NOTE"] == text.strip().replace("$PWNED", os.environ["PWNED"])
os.makedirs(os.path.join(os.environ["TRUEWHEEL_OUTPUT"], word))
shutil.copy("bar-1.0-py3-none-any.whl", os.path.join(os.environ["TRUEWHEEL_OUTPUT"], word))
"""
SETUP = """
from setuptools import Extension, setup
setup(name="foo", version="1.0", packages=["foo"], ext_modules=[Extension("foo._core", ["core.c"])])
"""
CORE = """
#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_core", 0, -1, 0};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&def); }
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed project whose spec is hostile wherever it may hold free text."""
    folder = tmp_path / "project"
    copy_checkout(folder, *CHECKOUT[:3])
    shutil.copytree(ROOT / "scripts", folder / SPEC["scripts"], ignore=LEFT_OUT)
    package = folder / f"src of {WORD}"
    (package / "foo").mkdir(parents=True)
    (package / "foo/__init__.py").touch()
    (package / "setup.py").write_text(SETUP)
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools']\n[project]\nname = 'foo'\nversion = '1.0'\n"
    )
    (package / "core.c").write_text(CORE)
    tree = folder / f"tree of {WORD}"
    tree.mkdir()
    (tree / f"{WORD}.py").write_text(MAKE)
    wheels.make(tree, "bar-1.0-py3-none-any.whl")
    (folder / f"{WORD}.txt").write_text("1.0\n")
    (folder / f"{WORD}.py").write_text("import foo._core\n")
    (folder / "truewheel.yml").write_text(json.dumps(SPEC, ensure_ascii=False))
    (folder / ".gitignore").write_text("/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=folder, check=True)
    commit(folder)
    subprocess.run(
        ["git", "checkout", "--quiet", "-b", "a'b\"$(touch${IFS}$PWNED)`touch${IFS}$PWNED`;ö"],
        cwd=folder,
        check=True,
    )
    return folder


def run(folder: Path, *words: str, **variables: str) -> tuple[bool, int, str]:
    """Run jobs.

    Returns whether a shell has evaluated something hostile, the exit status and the log.
    """
    pwned = folder.parent / "pwned"
    values = {"PWNED": str(pwned), "NOTE": TEXT, **variables}
    flags = [word for name, value in values.items() for word in ("--variable", f"{name}={value}")]
    status, log = pipeline(folder, *flags, *words)
    return pwned.exists(), status, log


def test_the_whole_pipeline_runs_and_evaluates_nothing(repository: Path):
    evaluated, status, log = run(repository)
    assert not evaluated, log
    assert status == 0, log
    artifacts = repository / ".gitlab-ci-local/artifacts"
    plan, _ = loading.read_plan(None, artifacts / "plan")
    # the forge fills in its variables, as it does in every value; nothing else has happened to the
    # text
    assert plan.variables["NOTE"].value == TEXT.replace("$PWNED", str(repository.parent / "pwned"))
    assert {path.name for path in (artifacts / "prove/dist").glob("*.whl")} == {
        cell.wheel for cell in plan.cells
    }


def test_a_hostile_title_is_refused_and_evaluates_nothing(repository: Path):
    source = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_TITLE": TEXT}
    evaluated, status, log = run(repository, "title", **source)
    assert not evaluated, log
    assert status != 0
    assert "$(touch $PWNED)" in log


def test_a_value_that_no_choice_allows_is_refused_and_evaluates_nothing(repository: Path):
    evaluated, status, log = run(repository, "plan", PICK="$(touch $PWNED)")
    assert not evaluated, log
    assert status != 0
    assert "PICK" in log
    assert "is not allowed" in log


def test_what_is_shell_by_design_is_evaluated(repository: Path):
    spec = json.loads((repository / "truewheel.yml").read_text())
    spec["setup"].append('touch "$PWNED"')
    (repository / "truewheel.yml").write_text(json.dumps(spec))
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=repository, check=True)
    commit(repository)
    assert run(repository, "plan")[0]


def test_the_default_of_an_input_arrives_and_is_not_evaluated(repository: Path):
    spec = json.loads((repository / "truewheel.yml").read_text())
    spec["gitlab"]["inputs"] = True
    # gitlab-ci-local puts inputs into the text of the file, GitLab into what it has read of it: no
    # quotes here
    default = TEXT.replace("'", "").replace('"', "").splitlines()[0]
    spec["variables"]["NOTE"]["default"] = default
    spec["variables"]["PICK"]["choices"] = [WORD.replace("'", ""), "x"]  # no input may have a '
    (repository / "truewheel.yml").write_text(json.dumps(spec, ensure_ascii=False))
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=repository, check=True)
    commit(repository)
    pwned = repository.parent / "pwned"
    status, log = pipeline(repository, "--variable", f"PWNED={pwned}", "plan")
    assert not pwned.exists(), log
    assert status == 0, log
    plan, _ = loading.read_plan(None, repository / ".gitlab-ci-local/artifacts/plan")
    assert plan.variables["NOTE"].value == default
