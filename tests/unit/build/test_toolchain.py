from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import projects
import pytest
import wheels

from truewheel.build import toolchain
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Cell, Target

MACHINE = projects.ARCH
OTHER = "aarch64" if MACHINE == "x86_64" else "x86_64"
BOX = Target(name="box", floor="manylinux_2_28")
ZIG = replace(BOX, toolchain="zig")


def cell(arch: str = OTHER, builder: str = "cp312") -> Cell:
    return projects.cell(platform_tag=f"manylinux_2_28_{arch}")._replace(arch=arch, builder=builder)


@pytest.fixture
def zig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which a stand-in for zig, which repeats its arguments, is the only one."""
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _: None)
    programs = tmp_path / "my programs"
    projects.write(programs, {"zig": '#!/bin/sh\nprintf "%s|" "$@"\n'})
    (programs / "zig").chmod(0o755)
    return {"PATH": str(programs)}


def said(tools: toolchain.Toolchain, program: str, *words: str) -> list[str]:
    assert tools.programs
    done = subprocess.run(
        [tools.programs / program, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.split("|")[:-1]


# --- whose compilers
# -------------------------------------------------------------------------------


def test_a_cell_of_this_machine_gets_what_the_image_has(tmp_path: Path) -> None:
    assert toolchain.choose(BOX, cell(MACHINE), tmp_path / "tools", {}) == toolchain.Toolchain()
    assert not (tmp_path / "tools").exists()


def test_a_pure_package_needs_no_compiler(tmp_path: Path) -> None:
    assert toolchain.choose(BOX, projects.cell(), tmp_path, {}) == toolchain.Toolchain()


def test_another_architecture_is_refused_without_zig(tmp_path: Path) -> None:
    with pytest.raises(
        Stop, match=f"this machine is {MACHINE}, the cell is for {OTHER}"
    ) as stopped:
        toolchain.choose(BOX, cell(), tmp_path, {})
    assert stopped.value.code is Exit.WHEEL
    assert "targets.box.toolchain: zig" in str(stopped.value)


@pytest.mark.parametrize(("machine", "arch"), [("x86_64", "i686"), ("aarch64", "armv7l")])
def test_a_machine_runs_the_interpreters_of_its_smaller_sister(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, arch: str
) -> None:
    monkeypatch.setattr(toolchain.platform, "machine", lambda: machine)
    assert toolchain.choose(BOX, cell(arch), tmp_path, {}) == toolchain.Toolchain()


# --- zig
# -------------------------------------------------------------------------------------------


def test_zigs_programs_pin_the_floor_and_keep_every_argument(
    tmp_path: Path, zig: dict[str, str]
) -> None:
    tools = toolchain.choose(ZIG, cell(), tmp_path / "a folder's tools", zig)
    pinned = ["-target", f"{OTHER}-linux-gnu.2.28", "-g0"]
    assert said(tools, "zig-cc", "-c", "a b.c", "-D'x'", "$HOME") == [
        "cc",
        *pinned,
        "-c",
        "a b.c",
        "-D'x'",
        "$HOME",
    ]
    assert said(tools, "zig-c++", "x.cc") == ["c++", *pinned, "x.cc"]
    assert said(tools, "zig-ar", "rc", "x.a") == ["ar", "rc", "x.a"]


def test_an_old_name_of_a_floor_is_pinned_too(tmp_path: Path, zig: dict[str, str]) -> None:
    tools = toolchain.choose(replace(ZIG, floor="manylinux2014"), cell(), tmp_path / "tools", zig)
    assert f"{OTHER}-linux-gnu.2.17" in said(tools, "zig-cc")


@pytest.mark.parametrize(
    ("builder", "suffix"),
    [
        ("cp312", f".cpython-312-{OTHER}-linux-gnu.so"),
        ("cp313t", f".cpython-313t-{OTHER}-linux-gnu.so"),
    ],
)
def test_a_cross_build_is_told_its_platform_and_suffix(
    tmp_path: Path, zig: dict[str, str], builder: str, suffix: str
) -> None:
    tools = toolchain.choose(ZIG, cell(builder=builder), tmp_path / "tools", zig)
    assert tools.variables["_PYTHON_HOST_PLATFORM"] == f"linux-{OTHER}"
    assert (tools.variables["CC"], tools.variables["CXX"]) == ("zig-cc", "zig-c++")
    assert f"'EXT_SUFFIX': '{suffix}'" in tools.sysconfig
    assert tools.meson[0] == "--cross-file"
    assert f"cpu_family = '{OTHER}'" in Path(tools.meson[1]).read_text()
    assert (
        f"set(CMAKE_SYSTEM_PROCESSOR {OTHER})"
        in Path(tools.variables["CMAKE_TOOLCHAIN_FILE"]).read_text()
    )


def test_zig_on_its_own_architecture_is_no_cross_build(tmp_path: Path, zig: dict[str, str]) -> None:
    tools = toolchain.choose(ZIG, cell(MACHINE), tmp_path / "tools", zig)
    assert tools.variables == {"CC": "zig-cc", "CXX": "zig-c++"}
    assert tools.meson == ()
    assert f"{MACHINE}-linux-gnu.2.28" in said(tools, "zig-cc")


def test_zig_that_is_not_there_is_said_plainly(tmp_path: Path, zig: dict[str, str]) -> None:
    with pytest.raises(Stop, match="zig is not installed here") as stopped:
        toolchain.choose(ZIG, cell(), tmp_path, {**zig, "PATH": "/nonexistent"})
    assert "install Truewheel's extra [zig]" in str(stopped.value)


def test_a_floor_that_zig_cannot_pin_is_refused(tmp_path: Path, zig: dict[str, str]) -> None:
    with pytest.raises(Stop, match="zig cannot build for musllinux_1_2"):
        toolchain.choose(replace(ZIG, floor="musllinux_1_2"), cell(), tmp_path, zig)


# --- the compiler cache
# ----------------------------------------------------------------------------


def behind(
    backend: str, env: dict[str, str], tools: toolchain.Toolchain | None = None
) -> dict[str, str]:
    settings = toolchain.behind_cache(
        tools or toolchain.Toolchain(), "ccache", backend, Path("/src"), env
    )
    return dict(settings.variables)


def test_the_cache_stands_before_the_compilers() -> None:
    usual = {"CC": "ccache cc", "CXX": "ccache c++", "CCACHE_BASEDIR": "/src"}
    assert behind("setuptools.build_meta", {}) == usual
    assert (
        behind("mesonpy", {"CC": "gcc-12 -m64", "CCACHE_BASEDIR": "/x"})["CC"]
        == "ccache gcc-12 -m64"
    )
    assert "CCACHE_BASEDIR" not in behind("mesonpy", {"CCACHE_BASEDIR": "/x"})


def test_a_compiler_that_is_cached_already_stays() -> None:
    assert "CC" not in behind("setuptools.build_meta", {"CC": "/usr/bin/ccache gcc"})


def test_cmake_has_its_own_way() -> None:
    tools_ = behind("scikit_build_core.build", {"CC": "gcc"})
    assert tools_["CMAKE_C_COMPILER_LAUNCHER"] == tools_["CMAKE_CUDA_COMPILER_LAUNCHER"] == "ccache"
    assert "CC" not in tools_


def test_zig_is_cached_by_the_content_of_its_programs(tmp_path: Path, zig: dict[str, str]) -> None:
    tools = toolchain.choose(ZIG, cell(), tmp_path / "tools", zig)
    settings = behind("setuptools.build_meta", zig, tools)
    assert (settings["CC"], settings["CCACHE_COMPILERCHECK"]) == ("ccache zig-cc", "content")
    assert settings["_PYTHON_HOST_PLATFORM"] == f"linux-{OTHER}"
    assert "# zig version|" in (tmp_path / "tools/zig-cc").read_text()


# --- what came out
# ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "machine", "message"),
    [
        ("demo/_core.cpython-312-aarch64-linux-gnu.so", 183, ""),
        ("demo/_core.abi3.so", 183, ""),
        ("demo/libx.so", 62, "demo/libx.so is for x86_64, not for aarch64"),
        ("demo/_core.cpython-312-x86_64-linux-gnu.so", 183, "is named for x86_64, not for aarch64"),
    ],
)
def test_native_code_for_another_architecture_is_found(
    tmp_path: Path, member: str, machine: int, message: str
) -> None:
    wheel = wheels.make(
        tmp_path, "demo-1.0-cp312-cp312-linux_aarch64.whl", {member: wheels.elf_file(machine)}
    )
    if not message:
        toolchain.check_machine(wheel, cell("aarch64"))
        return
    with pytest.raises(Stop, match=message) as stopped:
        toolchain.check_machine(wheel, cell("aarch64"))
    assert stopped.value.code is Exit.WHEEL
