"""The seams by which auditwheel is led into a folder: they must be where they are expected."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

pytest.importorskip("auditwheel")

from truewheel.build import graft
from truewheel.wheel.libraries import RepairRequest

REQUEST = RepairRequest(
    wheel="demo-1.0-cp312-cp312-linux_x86_64.whl",
    package="demo",
    platform="manylinux_2_28_x86_64",
    arch="x86_64",
    natives=["demo/_core.so"],
)
CHANGED = (
    *graft.SEAMS,
    (graft.lddtree, "find_lib"),
    (graft.wheel_abi, "ldd"),
    (graft.repair, "LIBPYTHON_RE"),
)
SEARCH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def test_this_auditwheel_is_one_whose_seams_are_known():
    assert Version("6.8") <= Version(metadata.version("auditwheel")) < Version("7")
    for module, name in graft.SEAMS:
        assert hasattr(module, name), f"{module.__name__}.{name} has moved"


def test_auditwheel_gets_the_folder_in_place_of_what_it_would_unpack(tmp_path, monkeypatch):
    for module, name in CHANGED:
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/_core.so").write_bytes(b"")
    graft.work_here(REQUEST)
    for module, name in graft.SEAMS:
        with getattr(module, name)(Path("demo.whl")) as context:
            assert (context.path, context.name) == (tmp_path, tmp_path)
            assert list(context.iter_files()) == [Path("demo/_core.so")]


@pytest.mark.parametrize("place", CHANGED, ids=lambda place: place[1])
def test_a_seam_that_has_moved_is_not_passed_over(monkeypatch, place):
    for module, name in CHANGED:
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.delattr(*place)
    with pytest.raises(AttributeError, match=place[1]):
        graft.work_here(replace(REQUEST, natives=[]))


def test_where_a_file_looks_for_libraries_is_what_patchelf_says(tmp_path):
    if not (shutil.which("cc") and shutil.which("patchelf", path=SEARCH)):
        pytest.skip("no cc or no patchelf here")
    (tmp_path / "a.c").write_text("int a;")
    for number, flags in enumerate(
        ([], ["-Wl,-rpath,/opt/x:$ORIGIN/y"], ["-Wl,-rpath,/opt/z,--disable-new-dtags"])
    ):
        path = tmp_path / f"lib{number}.so"
        subprocess.run(
            ["cc", "-shared", "-nostdlib", tmp_path / "a.c", *flags, "-o", path], check=True
        )
        runpath = subprocess.check_output(
            [shutil.which("patchelf", path=SEARCH), "--print-rpath", path], text=True
        )
        assert graft.Patcher("manylinux_2_28", print).get_rpath(
            path
        ) == runpath.strip().removesuffix(" (legacy)")
    assert runpath == "/opt/z\n"
