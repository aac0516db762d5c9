"""Source archives are read to their end, and nothing of them is unpacked."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
import releases

from truewheel.wheel import sdist


def test_a_good_one(tmp_path: Path):
    archive = sdist.read(releases.archive(tmp_path, "1.0"))
    assert archive.tops == ("demo-1.0",)
    assert archive.unsafe == ()
    assert archive.pkg_info is not None
    assert archive.pkg_info.startswith(b"Metadata-Version")


def test_a_zip_file_is_one_too(tmp_path: Path):
    path = tmp_path / "demo-1.0.zip"
    with ZipFile(path, "w") as opened:
        opened.writestr("demo-1.0/PKG-INFO", "Name: demo\n")
        opened.writestr("../outside", "")
    archive = sdist.read(path)
    assert archive.unsafe == (("../outside", "leaves the folder"),)
    assert archive.pkg_info is None  # two folders at the top


@pytest.mark.parametrize(
    ("folder", "name", "leaves"),
    [
        ("", "a/b", False),
        ("", "a/../b", False),
        ("", "../b", True),
        ("", "a/../../b", True),
        ("", "/b", True),
        ("demo/src", "../LICENSE", False),
        ("demo/src", "../../../LICENSE", True),
        ("demo", "/etc/hostname", True),
    ],
)
def test_paths_that_leave_the_archive(folder: str, name: str, leaves: bool):
    assert sdist._leaves(folder, name) == leaves


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch):
    path = releases.archive(tmp_path, "1.0", members={"demo-1.0/zeros": "0" * 10**6})
    monkeypatch.setattr(sdist, "FREE", 10**5)
    with pytest.raises(ValueError, match="a bomb"):
        sdist.read(path)


@pytest.mark.parametrize(
    ("name", "parts"),
    [("demo-1.0.tar.gz", ("demo", "1.0")), ("de-mo-1.0rc1.zip", ("de-mo", "1.0rc1"))],
)
def test_names(name: str, parts: tuple[str, str]):
    assert sdist.is_sdist(name)
    assert sdist.parse_name(name) == parts


@pytest.mark.parametrize("name", ["demo.tar.gz", "demo-x.tar.gz", "demo-1.0.tgz"])
def test_other_names(name: str):
    with pytest.raises(ValueError, match="sdist"):
        sdist.parse_name(name)
