"""GitHub's schema, actionlint and zizmor find nothing in what is generated.

Golden cases, big and hostile specs.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import truewheel

ROOT = Path(__file__).parents[2]
CASES = [
    case.parent
    for case in sorted((ROOT / "tests/cases").glob("*/truewheel.yml"))
    if case.parent.name != "publish"
]
BIN = Path(sys.executable).parent
DIGEST = "sha256:" + "0" * 64
SCHEMA = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
# On the runner itself, in images of one's own, published with and without credentials, tested.
SPEC = """\
truewheel: 1
project: p
packages: {{ {packages} }}
targets: {{ {targets} }}
arches: [x86_64, aarch64]
pythons: ['3.11', '3.12', '3.13t']
naming: triton-2026.04
setup: ['. ci/setup.sh']
merge_requests: {{types: [feat]}}
indexes:
  own:
    url: 'https://index.example/x'
    credentials: {{username: INDEX_USER, password: INDEX_TOKEN}}
  open:
    url: 'https://upload.index.example/legacy/'
    profile: pypi
    channel: release
    when: {{PYPI_RELEASE: 'true'}}
github: {{}}
"""
HOSTILE = """\
truewheel: 1
project: p
packages: {foo: {}}
targets:
  ubuntu24.04: {base: 'registry.example/x@%s'}
  ubuntu24-04: {floor: manylinux_2_38}
naming: plain
scripts: 'a''b "c" $(touch d) `e` ${{ github.token }} ü'
setup:
  - 'echo "it''s $HOME" `id` $(id) # not a comment: {a: [b'
  - "if true; then\\n  echo 'two lines'\\nfi"
variables:
  A:
    description: 'a ${{ github.token }} b'
    choices: ['${{ github.token }}', '$(id)', "it's", '"', "two\\nlines"]
  B: {description: "a\\nb: 'c' # d", choices: ['true', 'on', "'", '012'], default: 'on'}
github: {branches: ['release/**', "it's"]}
"""


def tool(name: str) -> str:
    """The path of a linter; without it, the test is skipped."""
    program = shutil.which(name, path=os.pathsep.join([str(BIN), os.environ["PATH"]]))
    if program is None:
        pytest.skip(f"{name} is not installed")
    return program


def spec(packages: int, targets: int) -> str:
    """A spec of packages x targets x 2 architectures x 3 Pythons; half the targets have images."""
    image = f", base: 'registry.example/x@{DIGEST}'"
    floor = "floor: manylinux_2_28, glibc: '2.39'"
    # A CUDA for each target: else two wheels would get one name.
    return SPEC.format(
        packages=", ".join(f"foo{number}: {{smoke: smoke.py}}" for number in range(packages)),
        targets=", ".join(
            f"t{number}: {{provides: {{CUDA_VERSION: '{number + 1}.0'}}, {floor}"
            f"{image if number % 2 else ''}}}"
            for number in range(targets)
        ),
    )


def generated(folder: Path, text: str) -> list[Path]:
    """The workflows of a spec, in a repository of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    if not re.search(r"^(setup|scripts|tool):", text, re.MULTILINE):
        text += "\nsetup: [. ci/setup.sh]\n"
    (folder / "truewheel.yml").write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    done = truewheel(folder, "generate", "--forge", "github")
    assert done.returncode == 0 or "two cells get one name" in done.stderr, done.stderr
    return sorted(folder.glob(".github/workflows/*.yml"))


def for_github(case: Path, folder: Path) -> list[Path]:
    """The workflows of a golden case, which may have only GitLab in mind.

    The digests of its images are locked.
    """
    shutil.copytree(case, folder, ignore=shutil.ignore_patterns("expected"))
    text = (
        (case / "truewheel.yml")
        .read_text(encoding="utf-8")
        .replace("'$CI_REGISTRY_IMAGE'", "ghcr.io/owner/name")
    )
    targets = yaml.safe_load(text)["targets"].values()
    images = {target.get(key) for target in targets for key in ("base", "test_image")} - {None}
    locked = {"images": {image: DIGEST for image in images if "@" not in image}}
    (folder / "truewheel.lock").write_text(yaml.safe_dump(locked), encoding="utf-8")
    labels = "{runners: {s390x: [self-hosted, linux], ppc64le: [self-hosted, linux]}}"
    return generated(folder, text if "\ngithub:" in text else f"{text}\ngithub: {labels}\n")


def project(folder: Path) -> Path:
    """A folder with the files that the specs above name."""
    for path in ("pyproject.toml", "smoke.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("[project]\nversion = '1.0'\n")
    return folder


def lint(folder: Path, files: list[Path]) -> None:
    """Let all three judge the workflows of the repositories in a folder."""
    assert files
    judge([sys.executable, *SCHEMA, *map(str, files)], folder)
    judge([tool("actionlint"), "-no-color", *map(str, files)], folder)
    output = judge(
        [
            tool("zizmor"),
            "--offline",
            "--persona",
            "pedantic",
            "--no-progress",
            "--color",
            "never",
            *sorted({str(file.parents[2]) for file in files}),
        ],
        folder,
    )
    assert "WARN" not in output, output


def judge(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stderr


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed"
)


@pytest.mark.parametrize(
    ("packages", "targets", "cells"),
    [(1, 1, 6), (5, 10, 300), (1, 30, 180), pytest.param(50, 10, 3000, marks=pytest.mark.slow)],
)
def test_specs_of_any_size(tmp_path: Path, packages: int, targets: int, cells: int):
    project(tmp_path)
    files = generated(tmp_path, spec(packages, targets))
    matrices = [
        job["strategy"]["matrix"]["include"]
        for file in files
        for job in yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)["jobs"].values()
        if job["name"].startswith("wheel ")
    ]
    assert sum(map(len, matrices)) == cells
    assert max(map(len, matrices)) <= 256
    assert len(files) <= 21
    lint(tmp_path, files)


@pytest.mark.parametrize("registry", ["ghcr.io/owner/name", "registry.example/group"])
def test_builder_images_and_merge_requests_that_build_what_they_change(
    tmp_path: Path, registry: str
):
    is_own = registry.startswith("ghcr.io")
    login = "" if is_own else ", credentials: {username: REGISTRY_USER, password: REGISTRY_TOKEN}"
    keys = "steps: {wheel: [{run: df}]}, test_runners: {x86_64: [ubuntu-22.04]}"
    text = spec(2, 2).replace(
        "merge_requests: {types", "merge_requests: {changed_only: true, types"
    )
    text = text.replace(", '3.13t'", "").replace("provides", "family: debian, provides")
    text = (
        text.replace("github: {}", f"github: {{{keys}}}")
        + f"images: {{registry: {registry}{login}}}\n"
    )
    text += "schedules: {night: {cron: '30 2 * * 1-5'}}\n"
    text += "variables: {SIGN: {choices: ['true', 'false'], default: 'true'}}\n"
    files = generated(project(tmp_path), text)
    assert "type: 'boolean'" in (tmp_path / ".github/workflows/wheels.yml").read_text(
        encoding="utf-8"
    )
    lint(tmp_path, files)


def test_golden_cases(tmp_path: Path):
    documents = {case.name: for_github(case, tmp_path / case.name) for case in CASES}
    assert sum(map(bool, documents.values())) > len(CASES) / 2, "most plans are not refused"
    lint(tmp_path, [file for files in documents.values() for file in files])


def test_hostile_text_is_neither_refused_nor_evaluated(tmp_path: Path):
    files = generated(project(tmp_path), HOSTILE % DIGEST)
    judge([sys.executable, *SCHEMA, *map(str, files)], tmp_path)
    judge([tool("actionlint"), "-no-color", "-shellcheck="], tmp_path)
    for file in files:
        for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values():
            assert not any("${{" in step.get("run", "") for step in job.get("steps", ()))


def test_the_linters_are_really_asked(tmp_path: Path):
    (file,) = [
        path for path in generated(project(tmp_path), spec(1, 1)) if path.name == "wheels.yml"
    ]
    good = file.read_text(encoding="utf-8")
    for old, new in (
        ("needs: ['prove']", "needs: ['nothing']"),
        ("permissions: {}", "permissions: write-all"),
    ):
        file.write_text(good.replace(old, new), encoding="utf-8")
        with pytest.raises(AssertionError, match=r"nothing|permissions"):
            lint(tmp_path, [file])
