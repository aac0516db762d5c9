"""GitLab's official schema takes every generated file.

Those of this repository and of all golden cases.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import truewheel

ROOT = Path(__file__).parents[2]
CASES = sorted(path.parent for path in (ROOT / "tests/cases").glob("*/truewheel.yml"))
CHECK = [
    sys.executable,
    "-m",
    "check_jsonschema",
    "--builtin-schema",
    "vendor.gitlab-ci",
    "--data-transform",
    "gitlab-ci",
]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed"
)


def generated(case: Path, folder: Path) -> list[Path]:
    """The files that `generate` writes for a case; none where its plan is refused."""
    shutil.copytree(case, folder, ignore=shutil.ignore_patterns("expected"))
    spec = folder / "truewheel.yml"
    if not re.search(r"^(setup|scripts|tool):", spec.read_text(encoding="utf-8"), re.MULTILINE):
        with spec.open("a", encoding="utf-8") as file:
            file.write("\nsetup: [. ci/setup.sh]\n")
    done = truewheel(folder, "generate")
    assert done.returncode == 0 or "two cells get one name" in done.stderr, done.stderr
    return sorted({*folder.glob(".gitlab-ci.yml"), *folder.glob("pipelines/*.yml")})


def documents(files: list[Path], folder: Path) -> list[Path]:
    """The files, with those of two documents divided: the schema's tool reads one from a file."""
    found = []
    for number, file in enumerate(files):
        header, divider, content = file.read_text(encoding="utf-8").partition("\n---\n")
        for name, text in (
            (("header", header), ("content", content)) if divider else (("whole", header),)
        ):
            found.append(folder / f"{number}-{name}.yml")
            found[-1].write_text(text, encoding="utf-8")
    return found


def check(files: list[Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CHECK, *map(str, files)], capture_output=True, text=True, check=False)


def test_the_official_schema_takes_every_generated_file(tmp_path: Path):
    files = [ROOT / ".gitlab-ci.yml", *sorted((ROOT / "pipelines").glob("*.yml"))]
    for case in CASES:
        files += generated(case, tmp_path / case.name)
    assert len(files) > 2 * len(CASES)
    divided = documents(files, tmp_path)
    assert len(divided) > len(files), "one has a header"
    done = check(divided)
    assert done.returncode == 0, done.stdout


def test_the_official_schema_is_really_asked(tmp_path: Path):
    (tmp_path / "bad.yml").write_text("job: {script: [make], image: 5}\n")
    done = check([tmp_path / "bad.yml"])
    assert done.returncode == 1
    assert "bad.yml" in done.stdout
