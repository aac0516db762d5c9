"""Our parser and composer compared with those of packaging, pip, uv and wheel.

Where two of them disagree, one of the reasons in `EXPLAINED` must hold; each reason says who is
right, and why.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
import wheels
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from truewheel.plan.naming import Composed, platform_tag, python_tags
from truewheel.wheel.filename import parse_name

PROJECTS = (
    "foo",
    "foo_bar",
    "Foo_Bar",
    "foo.bar",
    "f",
    "zope.interface",
    "foo__bar",
    "9lives",
    "foo-bar",
    "f\u00f6\u00f6",
)
VERSIONS = (
    *(
        "1.0",
        "1",
        "01.0",
        "v1.0",
        "1.0rc1",
        "1.0.0-rc1",
        "1.0_rc1",
        "1.0.post1",
        "2.69.0.dev49163608",
        "1!2.0",
    ),
    *("1.0+nv26.4.cu132", "1.0+nv26.04", "1.0+NV", "1.0+a_b", "1_0", "abc", "1.0+", "\u0661.0"),
)
BUILDS = ("", "", "", "1", "49163608", "1a", "0", "007", "12_b.c", "a1", "<unknown>")
PYTHONS = ("cp312", "cp313", "py3", "py2.py3", "cp3", "312", "CP312", "", "cp312.", "pp311")
ABIS = ("cp312", "cp313t", "abi3", "abi3t", "abi3.abi3t", "none", "NONE", "", "none.")
PLATFORMS = (
    *(
        "any",
        "linux_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux2014_x86_64.manylinux_2_17_x86_64",
        "win_amd64",
    ),
    *(
        "musllinux_1_2_aarch64",
        "macosx_11_0_arm64",
        "manylinux_2_28-x86_64",
        "",
        "any.",
        "linux x86",
        "../x",
    ),
)
LABELS = ("", "", "", "", "-cu132", "-x", "-", "-CU132", "-a-b")
ENDS = (*[".whl"] * 9, ".WHL", "", ".whl ", ".whl\n")


def is_labelled(name: str) -> bool:
    return accepts(parse_name, name) and parse_name(name).label != ""


EXPLAINED: dict[str, Callable[[str], bool]] = {
    "uv and we know variant labels (PEP 817), the others do not yet": is_labelled,
    "a tag has no spaces, slashes or other signs (PEP 425): packaging and pip do not look": (
        lambda name: re.search(r"[^A-Za-z0-9_.+!\u0080-\uffff-]", name) is not None
    ),
    "an empty tag in a set stands for nothing: uv lets it pass": lambda name: (
        re.search(r"\.(-|\.)", name) is not None
    ),
    "a file name has one _ for a run of signs in the project's name (PEP 427): uv lets two pass": (
        lambda name: "__" in name
    ),
    "names are ASCII (PEP 503, 440): packaging lets digits of other scripts pass": (
        lambda name: not name.isascii()
    ),
}


def corpus(size: int) -> list[str]:
    """Return different names, good and bad, the same at each run."""
    chosen = random.Random(20261122)  # noqa: S311

    def name() -> str:
        build = chosen.choice(BUILDS)
        parts = [chosen.choice(PROJECTS), chosen.choice(VERSIONS), *([build] if build else [])]
        parts += [chosen.choice(values) for values in (PYTHONS, ABIS, PLATFORMS)]
        return "-".join(parts) + chosen.choice(LABELS) + chosen.choice(ENDS)

    names: dict[str, None] = {}
    while len(names) < size:
        names[name()] = None
    return list(names)


def accepts(parser: Callable[[str], object], name: str) -> bool:
    try:
        parser(name)
    except ValueError:
        return False
    return True


def pip_parser(name: str) -> object:
    from pip._internal.exceptions import InvalidWheelFilename
    from pip._internal.models.wheel import Wheel

    try:
        return Wheel(name)
    except InvalidWheelFilename as error:
        raise ValueError(name) from error


def reasons(name: str) -> list[str]:
    return [reason for reason, holds in EXPLAINED.items() if holds(name)]


@pytest.mark.parametrize("parser", [parse_wheel_filename, pip_parser], ids=["packaging", "pip"])
def test_python_parsers_agree_or_the_disagreement_is_explained(parser):
    names = corpus(20_000)
    verdicts = {name: (accepts(parse_name, name), accepts(parser, name)) for name in names}
    assert not [
        name for name, (ours, theirs) in verdicts.items() if ours != theirs and not reasons(name)
    ]
    assert sum(ours and theirs for ours, theirs in verdicts.values()) > 500
    assert sum(not ours and not theirs for ours, theirs in verdicts.values()) > 5000


def test_what_both_accept_both_read_alike():
    for name in corpus(20_000):
        if accepts(parse_name, name) and accepts(parse_wheel_filename, name):
            ours = parse_name(name)
            project, version, build, tags = parse_wheel_filename(name)
            assert re.sub(r"[-_.]+", "-", ours.distribution).lower() == project
            assert accepts(
                lambda text: parse_wheel_filename(f"x-{text}-py3-none-any.whl"), ours.version
            )
            assert parse_wheel_filename(f"x-{ours.version}-py3-none-any.whl")[1] == version
            assert ours.build.lstrip("0") == "".join(map(str, build)).lstrip("0")
            assert ours.tags == {str(tag) for tag in tags}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("uv") is None, reason="uv is not installed")
def test_uv_agrees_or_the_disagreement_is_explained(tmp_path):
    from uv import find_uv_bin

    names = [name for name in corpus(700) if "/" not in name and name.endswith(".whl")][:250]
    wrong = []
    for name in names:
        (tmp_path / name).write_bytes(b"")
        argv = [
            find_uv_bin(),
            "pip",
            "install",
            "--dry-run",
            "--no-deps",
            "--offline",
            "--no-config",
            "--target",
            "x",
            f"./{name}",
        ]
        argv += ["--python", sys.executable]
        output = subprocess.run(
            argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ
        ).stderr
        theirs = not ("wheel filename" in output and "invalid" in output)
        if theirs != accepts(parse_name, name):
            wrong.append((name, theirs, reasons(name)))
    assert len(names) == 250
    assert not [answer for answer in wrong if not answer[2]]
    assert not [name for name, theirs, why in wrong if not theirs]  # what we accept, uv accepts


def wheel_parser(name: str) -> object:
    """Read a name as `wheel tags` does."""
    from wheel.wheelfile import WHEEL_INFO_RE

    match = WHEEL_INFO_RE.match(name)
    if match is None or not name.endswith(".whl"):
        raise ValueError(name)
    return match


def test_wheel_lets_pass_what_we_accept_and_looks_at_less():
    """`wheel tags` counts the parts of a name.

    What else we refuse, packaging refuses too, or it is explained.
    """
    verdicts = {
        name: (accepts(parse_name, name), accepts(wheel_parser, name)) for name in corpus(20_000)
    }
    assert not [name for name, (ours, theirs) in verdicts.items() if ours and not theirs]
    lax = [name for name, (ours, theirs) in verdicts.items() if theirs and not ours]
    assert len(lax) > 5000
    assert not [name for name in lax if accepts(parse_wheel_filename, name) and not reasons(name)]


def combinations(count: int) -> list[tuple[str, ...]]:
    """Return different combinations of the parts of names, the same at each run."""
    chosen = random.Random(20261128)  # noqa: S311
    parts = (
        ("foo", "Foo.Bar", "zope.interface", "9lives", "a-b_c"),
        ("1.0", "1!2.0", "2.69.0.dev49163608", "1.0rc1", "1.0.post1", "2.69.0+nv26.4.cu132"),
        ("", "1", "007", "49163608", "12_b.c"),
        ("cpython", "abi3", "abi3t", "abi3.abi3t"),
        ("cp39", "cp312", "cp313t", "cp315", "cp315t"),
        (
            "manylinux1",
            "manylinux2014",
            "manylinux_2_17",
            "manylinux_2_28",
            "musllinux_1_2",
            "linux",
        ),
        ("x86_64", "aarch64", "armv7l", "s390x", "riscv64"),
    )
    result: dict[tuple[str, ...], None] = {}
    while len(result) < count:
        result[tuple(map(chosen.choice, parts))] = None
    return list(result)


@pytest.mark.skipif(importlib.util.find_spec("wheel") is None, reason="wheel is not installed")
def test_wheel_tags_gives_every_combination_its_composed_name(tmp_path):
    from wheel._commands.tags import tags

    for number, (project, version, build, abi, python, floor, arch) in enumerate(combinations(400)):
        tag = "-".join((*python_tags(abi, python), platform_tag(floor, arch)))
        composed = Composed(version, build).wheel(project, tag)
        stem = composed.split("-")[0]
        folder = tmp_path / str(number)
        folder.mkdir()
        wheel = wheels.make(
            folder, f"{stem}-{version}-cp310-cp310-linux_{arch}.whl", {f"{stem}/__init__.py": b""}
        )
        assert tags(str(wheel), *tag.split("-"), build or None) == composed
        assert parse_wheel_filename(composed)[3] == {
            Tag(*tag.split("-")) for tag in parse_name(composed).tags
        }


NAMED = [
    (abi, python, floor, build)
    for abi, python in (("cpython", "cp312"), ("cpython", "cp313t"), ("abi3", "cp311"))
    for floor in ("manylinux_2_28", "manylinux_2_17", "manylinux_2_5", "musllinux_1_2")
    for build in ("", "49163608")
]


@pytest.mark.skipif(importlib.util.find_spec("wheel") is None, reason="wheel is not installed")
@pytest.mark.parametrize(("abi", "python", "floor", "build"), NAMED)
def test_wheel_tags_gives_a_wheel_the_composed_name(
    tmp_path, monkeypatch, capsys, abi, python, floor, build
):
    """`wheel tags` writes the name that we compose; it can change the tags alone."""
    from wheel._commands import main

    platform = platform_tag(floor, "x86_64")
    tag = "-".join((*python_tags(abi, python), platform))
    wheel = wheels.make(
        tmp_path,
        "foo_bar-1.0+nv26.4-cp310-cp310-linux_x86_64.whl",
        {"foo_bar/_x.so": wheels.elf_file()},
    )
    python_tag, abi_tag, _ = tag.split("-")
    argv = ["--python-tag", python_tag, "--abi-tag", abi_tag, "--platform-tag", platform]
    argv += ["--build", build] if build else []
    monkeypatch.setattr(sys, "argv", ["wheel", "tags", *argv, str(wheel)])
    assert main() == 0
    composed = Composed("1.0+nv26.4", build).wheel("Foo.Bar", tag)
    assert capsys.readouterr().out.splitlines()[-1] == composed
    assert parse_name(composed).tags == {
        f"{python_tag}-{abi_tag}-{part}" for part in platform.split(".")
    }
