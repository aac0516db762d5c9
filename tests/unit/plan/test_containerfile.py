"""The text of a Containerfile.

What a reader sees, what a linter says, and that nothing foreign becomes a command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from truewheel.plan import containerfile
from truewheel.plan.containerfile import UV_LOCK, Stage

DEBIAN = Stage(
    name="build",
    base="registry.example/cuda:13@sha256:0",
    family="debian",
    environment="/opt/venv-triton",
    packages=("libboost-dev",),
    requirements=("requirements/tools.txt",),
    interpreters="distribution",
    pythons=("3.12",),
    python="3.12",
)
RHEL = DEBIAN._replace(family="rhel", pythons=("3.10", "3.12", "3.13t"), packages=())
DERIVED = Stage("ci", "build", "debian", "/opt/venv-triton", ("clang-tidy",), ("ci.txt",), "")
FOREIGN = DERIVED._replace(
    name="qa", base="registry.example/sdk:1", requirements=(), interpreters="own"
)
ALL = {
    "debian": DEBIAN,
    "derived": DERIVED,
    "foreign": FOREIGN,
    "foreign-rhel": FOREIGN._replace(family="rhel"),
    "base": DEBIAN._replace(interpreters="base"),
    "nothing": DERIVED._replace(packages=(), requirements=()),
    **{
        f"rhel-{origin}": RHEL._replace(interpreters=origin)
        for origin in ("distribution", "pyenv", "uv", "base")
    },
    "wheels": DERIVED._replace(wheels=True, requirements=()),
    **{
        f"wheels-{family}-{origin}": FOREIGN._replace(
            family=family, interpreters=origin, pythons=("3.12",), python="3.12", wheels=True
        )
        for family in ("debian", "rhel")
        for origin in ("own", "uv", "base")
    },
    "debian-uv": DEBIAN._replace(interpreters="uv"),
    "debian-pyenv": DEBIAN._replace(interpreters="pyenv"),
}
EXPECTED = """\
FROM registry.example/cuda:13@sha256:0 AS build

ENV VIRTUAL_ENV=/opt/venv-triton
ENV PATH=$VIRTUAL_ENV/bin:$PATH

# hadolint ignore=DL3008
RUN apt-get update \\
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \\
        ca-certificates \\
        g++ \\
        git \\
        libboost-dev \\
        make \\
        python3.12-dev \\
        python3.12-venv \\
    && rm -rf /var/lib/apt/lists/*

RUN mkdir -p /opt/python/cp312/bin \\
    && ln -sf /usr/bin/python3.12 /opt/python/cp312/bin/python

RUN test -x "$VIRTUAL_ENV/bin/python" || /opt/python/cp312/bin/python -m venv "$VIRTUAL_ENV"

COPY requirements/tools.txt $VIRTUAL_ENV/tools.txt
RUN --mount=type=secret,id=pip \\
    PIP_CONFIG_FILE=/run/secrets/pip pip install --no-cache-dir --require-hashes \\
        --requirement /opt/venv-triton/tools.txt
"""


def commands(text: str) -> list[str]:
    """The shell commands of all RUN instructions."""
    joined = text.replace("\\\n", " ")
    return [
        re.sub(r"--mount=\S+", "", line[4:]).strip()
        for line in joined.splitlines()
        if line.startswith("RUN ")
    ]


def test_a_builder_reads_like_this():
    assert containerfile.stage(DEBIAN) == EXPECTED


def test_a_derived_stage_inherits_the_environment():
    text = containerfile.stage(DERIVED)
    assert text.startswith("FROM build AS ci\n\n# hadolint")
    assert "-m venv" not in text
    assert "ENV" not in text.replace("$VIRTUAL_ENV", "")


@pytest.mark.parametrize(("family", "python"), [("debian", "python3"), ("rhel", "python3.12")])
def test_a_foreign_stage_makes_the_environment_of_its_own_interpreter_unless_it_is_there(
    family: str, python: str
):
    text = containerfile.stage(FOREIGN._replace(family=family))
    assert f'RUN test -x "$VIRTUAL_ENV/bin/python" || {python} -m venv "$VIRTUAL_ENV"' in text
    assert f"        {python}" in text, "it is installed"
    assert "g++" not in text
    assert "gcc" not in text


def test_the_environment_is_made_of_the_chosen_interpreter_after_it_is_there():
    text = containerfile.stage(RHEL._replace(interpreters="pyenv"))
    made, used = (
        text.index("/opt/python/cp312\n".replace("\n", " ")),
        text.index("/opt/python/cp312/bin/python -m venv"),
    )
    assert made < used


@pytest.mark.parametrize("origin", ["distribution", "pyenv", "uv", "base"])
def test_every_python_stands_where_compile_looks(origin: str):
    (links,) = [
        one
        for one in commands(containerfile.stage(RHEL._replace(interpreters=origin)))
        if "cp313t" in one
    ]
    assert all(f"/opt/python/{tag}" in links for tag in ("cp310", "cp312", "cp313t"))


def test_pyenv_is_of_one_commit_and_does_not_stay():
    text = containerfile.stage(RHEL._replace(interpreters="pyenv"))
    assert re.search(
        r"fetch --quiet --depth 1 https://github.com/pyenv/pyenv.git [0-9a-f]{40} ", text
    )
    assert "&& rm -rf /opt/pyenv" in text


def test_uv_is_hash_locked_and_does_not_stay():
    text = containerfile.stage(RHEL._replace(interpreters="uv"))
    assert f"COPY {UV_LOCK} /opt/uv/" in text
    assert "pip install --no-cache-dir --require-hashes" in text
    assert "&& rm -rf /opt/uv-venv" in text
    assert "uv python install --no-bin 3.10 3.12 3.13t" in text


def test_an_interpreter_of_uv_is_linked_with_its_library(tmp_path: Path):
    """Environments look for it beside the link: uv's interpreters do not know where they are."""
    library, program = (
        tmp_path / "uv/cpython-3.12.9/lib/python3.12",
        tmp_path / "uv/cpython-3.12.9/bin/python3.12",
    )
    (tmp_path / "uv-venv/bin").mkdir(parents=True)
    (tmp_path / "uv-venv/bin/uv").write_text(f"#!/bin/sh\nprintf '%s\\n' '{program}'\n")
    (tmp_path / "uv-venv/bin/uv").chmod(0o755)
    library.mkdir(parents=True)
    program.parent.mkdir()
    text = containerfile.stage(DEBIAN._replace(interpreters="uv"))
    (command,) = [one for one in commands(text) if "uv python find" in one]
    links = [each for each in command.split(" && ") if each.strip().startswith(("mkdir", "ln"))]
    for _ in range(2):
        subprocess.run(
            ["sh", "-euc", " && ".join(links).replace("/opt/", f"{tmp_path}/")], check=True
        )
    assert (tmp_path / "python/cp312/lib/python3.12").resolve() == library


@pytest.mark.parametrize("one", ALL.values(), ids=ALL)
def test_nothing_goes_into_the_system_python_and_no_link_fails_the_second_time(one: Stage):
    text = containerfile.stage(one)
    assert "BREAK_SYSTEM_PACKAGES" not in text
    assert not re.search(r"ln -s ", text)
    for command in commands(text):
        assert "pip install" not in command or "--require-hashes" in command


@pytest.mark.parametrize("name", ["$(id)", "a;b", "a b", "`id`", "a\\", "a|b", "'"])
def test_a_package_is_quoted_whatever_its_name(name: str):
    (command,) = commands(containerfile.stage(DERIVED._replace(packages=(name,), requirements=())))
    functions = "apt-get() { for each; do printf '%s\\n' \"$each\"; done; }; rm() { :; }"
    script = f"{functions}; {command}"
    seen = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert seen.stdout.splitlines()[-1] == name


def test_proven_wheels_come_from_a_mount_by_hash_and_bring_nothing_else():
    text = containerfile.stage(FOREIGN._replace(wheels=True, requirements=("deps.txt",)))
    assert text.endswith(
        """\
COPY wheels/qa.txt $VIRTUAL_ENV/qa-wheels.txt
RUN --mount=type=bind,source=wheels,target=/run/wheels \\
    pip install --no-cache-dir --no-index --no-deps --require-hashes \\
        --requirement /opt/venv-triton/qa-wheels.txt \\
    && pip check
"""
    )
    assert text.index("deps.txt") < text.index("/run/wheels"), "what they depend on is there before"
    named = containerfile.wheels_locked(
        {"b-1-py3-none-any.whl": "b2", "a-1+x-py3-none-any.whl": "a1"}
    )
    assert named.decode().splitlines() == [
        "/run/wheels/a-1+x-py3-none-any.whl --hash=sha256:a1",
        "/run/wheels/b-1-py3-none-any.whl --hash=sha256:b2",
    ]


@pytest.mark.parametrize("origin", ["own", "uv", "base"])
def test_only_the_build_stage_has_compilers(origin: str):
    one = FOREIGN._replace(interpreters=origin, pythons=("3.12",), python="3.12", wheels=True)
    assert "g++" not in containerfile.stage(one)
    assert "g++" in containerfile.stage(one._replace(name="build"))


def test_files_with_one_name_are_both_installed():
    text = containerfile.stage(
        DEBIAN._replace(requirements=("tools/run.txt", "own/run.txt", "more.txt"))
    )
    assert "COPY tools/run.txt $VIRTUAL_ENV/tools-run.txt\n" in text
    for name in ("tools-run.txt", "own-run.txt", "more.txt"):
        assert f"--requirement /opt/venv-triton/{name}" in text


def test_a_fragment_has_the_environment_and_its_tools_and_no_stage():
    text = containerfile.fragment(DEBIAN)
    assert (
        text
        == EXPECTED[EXPECTED.index("ENV") : EXPECTED.index("# hadolint")]
        + EXPECTED[EXPECTED.index("RUN mkdir") :]
    )


def test_what_a_fragment_does_twice_is_done_once(tmp_path: Path):
    """Its commands run again where all is there already, and where an older link stands."""
    python = shutil.which("python3") or ""
    text = containerfile.fragment(DEBIAN._replace(requirements=()))
    script = (
        "\n".join(commands(text))
        .replace("/opt/", f"{tmp_path}/")
        .replace("/usr/bin/python3.12", python)
    )
    env = {"PATH": os.environ["PATH"], "VIRTUAL_ENV": f"{tmp_path}/venv-triton"}
    for _ in range(2):
        subprocess.run(
            ["sh", "-euc", script.replace("-m venv", "-m venv --without-pip")], check=True, env=env
        )
    assert (tmp_path / "venv-triton/bin/python").exists()


HADOLINT = shutil.which("hadolint") or shutil.which(
    "hadolint", path=str(Path(sys.executable).parent)
)


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
@pytest.mark.parametrize("one", ALL.values(), ids=ALL)
def test_hadolint_has_nothing_to_say(one: Stage, tmp_path: Path):
    file = tmp_path / "Containerfile"
    first = "FROM registry.example/x:1 AS build\n\n" if one.base == "build" else ""
    file.write_text(first + containerfile.stage(one), encoding="utf-8")
    done = subprocess.run(
        [HADOLINT, "--no-color", file], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
