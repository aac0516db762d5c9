"""Small GitLab files: a new file in `good` or `bad` is a new test.

A bad file's first line says what is found, and where: `# expects: CODE at LINE:COLUMN`, with ` of
FILE` for a part. Files in `parts` are included by others. Good files may have warnings, never
errors.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from truewheel.errors import Problem, Stop, select_errors
from truewheel.forges.gitlab.lint import Finding, GitlabFile, lint
from truewheel.forges.gitlab.lint.load import load

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").glob("*.yml"))
BAD = sorted((HERE / "bad").glob("*.yml"))
EXPECTS = re.compile(r"# expects: (?P<code>[a-z-]+) at (?P<place>\d+:\d+)(?: of (?P<file>\S+))?\n")
# Both end check-jsonschema with a traceback.
TOO_BAD_FOR_THE_SCHEMA = {"bad-reference-scalar", "unknown-alias-within-itself"}
CHECK = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
CHECK += ["--data-transform", "gitlab-ci"]

needs_schema = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed"
)


def read(path: Path) -> GitlabFile:
    return load(path.read_bytes(), path.relative_to(HERE).as_posix())


@pytest.fixture(scope="module")
def parts() -> dict[str, GitlabFile]:
    return {
        path.relative_to(HERE).as_posix(): read(path) for path in (HERE / "parts").glob("*.yml")
    }


def problems(path: Path, parts: dict[str, GitlabFile]) -> list[Problem]:
    try:
        file = read(path)
        return lint({file.file: file, **parts})
    except Stop as stopped:
        return list(stopped.problems)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_file_has_no_errors(path: Path, parts: dict[str, GitlabFile]):
    problems_ = problems(path, parts)
    assert select_errors(problems_) == []
    allowed = {"include-not-followed", "missing-extends", "missing-need", "unknown-stage"}
    assert {problem.code for problem in problems_ if isinstance(problem, Finding)} <= allowed


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_is_wrong_is_found_where_it_stands(path: Path, parts: dict[str, GitlabFile]):
    expected = EXPECTS.match(path.read_text(encoding="utf-8"))
    assert expected, "the first line says what is expected"
    assert path.stem.startswith(expected["code"]), "the name begins with the code"
    file = expected["file"] or path.relative_to(HERE).as_posix()
    problems_ = [
        problem for problem in select_errors(problems(path, parts)) if isinstance(problem, Finding)
    ]
    assert (expected["code"], f"{file}:{expected['place']}") in {
        (one.code, str(one.where)) for one in problems_
    }


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_one_mistake_is_not_reported_over_and_over(path: Path, parts: dict[str, GitlabFile]):
    assert len(problems(path, parts)) <= 2


def test_there_are_many_files():
    assert len(BAD) >= 78
    assert len(GOOD) >= 30


@pytest.mark.parametrize(
    "path", [*GOOD, *BAD, *(HERE / "parts").glob("*.yml")], ids=lambda path: path.stem
)
def test_a_file_is_small_enough_to_be_read(path: Path):
    limit = 160 if "needs" in path.stem else 45
    assert len(path.read_bytes().splitlines()) <= limit


@needs_schema
def test_gitlabs_own_schema_takes_the_good_files():
    # It cannot read a file of two documents.
    files = [str(path) for path in GOOD if "\n---\n" not in path.read_text(encoding="utf-8")]
    assert len(files) >= len(GOOD) - 2
    done = subprocess.run([*CHECK, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs_schema
def test_many_bad_files_pass_the_schema(record_property: pytest.RecordProperty):
    readable = [path for path in BAD if path.stem not in TOO_BAD_FOR_THE_SCHEMA]
    command = [*CHECK, "--output-format", "json", *map(str, readable)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    accepted = {
        Path(entry["filename"]).stem for key in ("errors", "parse_errors") for entry in report[key]
    }
    missed = [path.stem for path in readable if path.stem not in accepted]
    print(f"the schema alone misses {len(missed)} of {len(readable)}:", *missed)
    record_property("missed by the schema alone", ", ".join(missed))
    assert len(missed) > len(BAD) // 4, "then the schema would do"
