"""What real installers make of the names.

Which of two wheels is the newer one, and whether a label is taken.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import wheels

from truewheel.plan.model import Cell
from truewheel.plan.plan_diff import older_for
from truewheel.wheel.filename import parse_name
from truewheel.wheel.rewrite import rewrite, variant_json

needs_uv = pytest.mark.skipif(importlib.util.find_spec("uv") is None, reason="uv is not installed")
ENV = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
ENV.pop("PIP_FIND_LINKS", None)


def cell(version: str, build: str = "", tag: str = "py3-none-any") -> Cell:
    middle = f"-{build}" if build else ""
    return Cell(
        id="demo/any/any/py3",
        package="demo",
        target="any",
        arch="any",
        python="py3",
        builder="py3",
        channel="default",
        version=version,
        build=build,
        tag=tag,
        wheel=f"demo-{version}{middle}-{tag}.whl",
        facts={},
    )


def taken_by_pip(folder: Path, out: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--find-links",
        str(folder),
        "-d",
        str(out),
    ]
    subprocess.run([*command, "demo"], check=True, env=ENV, capture_output=True)
    return next(out.glob("*.whl")).name


def taken_by_uv(folder: Path, out: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--no-cache",
        "--offline",
    ]
    command += [
        "--python",
        sys.executable,
        "--find-links",
        str(folder),
        "--target",
        str(out),
        "demo",
    ]
    subprocess.run(command, check=True, env=ENV, capture_output=True)
    text = next(out.glob("demo-*.dist-info/WHEEL")).read_text()
    version = (
        next(out.glob("demo-*.dist-info")).name.removeprefix("demo-").removesuffix(".dist-info")
    )
    build = next(
        (line.removeprefix("Build: ") for line in text.splitlines() if line.startswith("Build: ")),
        "",
    )
    tag = next(line.removeprefix("Tag: ") for line in text.splitlines() if line.startswith("Tag: "))
    return cell(version, build, tag).wheel


PAIRS = [
    (cell("1.0+nv26.4"), cell("1.0+nv26.5")),
    (cell("1.0+nv26.9"), cell("1.0+nv26.10")),
    (cell("1.0"), cell("1.0+nv26.4")),
    (cell("1.0+nv26.4"), cell("1.0")),
    (cell("1.0+cu129"), cell("1.0+cu1210")),
    (cell("1.0", "7"), cell("1.0", "10")),
    (cell("1.0", "10"), cell("1.0", "7")),
    (cell("1.0"), cell("1.0", "7")),
    (cell("1.0.dev5"), cell("1.0")),
    (cell("1.0"), cell("1.1.dev5")),
    (cell("1.0rc1"), cell("1.0.dev9")),
    (cell("1.0.dev9"), cell("1.0rc1")),
    (
        cell("1.0", "", "py3-none-manylinux_2_17_x86_64"),
        cell("1.0", "", "py3-none-manylinux_2_28_x86_64"),
    ),
    (
        cell("1.0", "", "py3-none-manylinux_2_28_x86_64"),
        cell("1.0", "", "py3-none-manylinux_2_17_x86_64"),
    ),
    (cell("1.0", "", "py3-none-linux_x86_64"), cell("1.0", "", "py3-none-manylinux_2_17_x86_64")),
]


@needs_uv
@pytest.mark.parametrize(
    ("old", "new"), PAIRS, ids=[f"{old.wheel}->{new.wheel}" for old, new in PAIRS]
)
def test_the_verdict_on_newer_is_that_of_pip_and_uv(tmp_path: Path, old: Cell, new: Cell) -> None:
    if "x86_64" in new.tag and os.uname().machine != "x86_64":
        pytest.skip("this pair is for x86_64")
    folder = tmp_path / "index"
    folder.mkdir()
    for version in (old, new):
        wheels.make(folder, version.wheel)
    verdicts = set(older_for(old, new))
    assert (taken_by_pip(folder, tmp_path / "pip") != new.wheel) == ("pip" in verdicts)
    assert (taken_by_uv(folder, tmp_path / "uv") != new.wheel) == ("uv" in verdicts)
    assert (max(old.wheel, new.wheel) != new.wheel) == ("sort" in verdicts)


@needs_uv
def test_uv_takes_a_labelled_wheel_that_says_its_label(tmp_path: Path) -> None:
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    plain = wheels.make(tmp_path, f"demo-1.0-{tag}-none-any.whl")
    labelled = plain.name.replace(".whl", "-nv26.09.cu132.whl")
    extra = {"variant.json": variant_json(parse_name(labelled))}
    (tmp_path / "out").mkdir()
    wheel = rewrite(plain, tmp_path / "out", labelled, extra=extra)
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--offline",
        "--no-index",
        "--no-deps",
        "--no-cache",
    ]
    command += [
        "--preview-features",
        "wheel-variants",
        "--target",
        str(tmp_path / "site"),
        "--python",
        sys.executable,
    ]
    done = subprocess.run(
        [*command, str(wheel)], check=False, env=ENV, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site/demo-1.0.dist-info/variant.json").is_file()
    without = rewrite(plain, tmp_path / "out", plain.name.replace(".whl", "-cu129.whl"))
    done = subprocess.run(
        [*command, str(without)], check=False, env=ENV, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "variant.json" in done.stderr
