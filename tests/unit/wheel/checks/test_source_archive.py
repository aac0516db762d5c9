"""Source archives: good ones, and each fault that an index or an installer refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import releases

from truewheel.wheel.checks import source_archive
from truewheel.wheel.checks.upload import Destination

PYPI = Destination("pypi")


def codes(path: Path, to: Destination = PYPI) -> list[str]:
    return [item.code.name for item in source_archive.validate(path, to)[0]]


def test_a_good_archive(tmp_path: Path):
    metadata = "Requires-Python: >=3.10\nClassifier: Typing :: Typed\n"
    path = releases.archive(tmp_path, "1.0", metadata=metadata, links=[("demo-1.0/a", "demo.py")])
    findings, fields = source_archive.validate(path, PYPI)
    assert findings == []
    assert fields is not None
    assert fields.first("Requires-Python") == ">=3.10"


INFO = "Metadata-Version: 2.4\nName: {}\nVersion: {}\n{}\nx\n"


@pytest.mark.parametrize(
    ("pkg_info", "code"),
    [
        (INFO.format("other", "1.0", ""), "TW207"),
        (INFO.format("demo", "1.1", ""), "TW208"),
        (INFO.format("demo", "1.0", "Requires-Dist: !\n"), "TW213"),
        (INFO.format("demo", "1.0", "License-File: LICENSE\n"), "TW212"),
        (INFO.format("demo", "1.0", "Requires-Dist: a @ https://index.example/a\n"), "TW606"),
        (INFO.format("demo", "1.0", "Summary: " + "x" * 600 + "\n"), "TW604"),
        ("Name: demo\nVersion: 1.0\n\n", "TW211"),
    ],
)
def test_bad_metadata(tmp_path: Path, pkg_info: str, code: str):
    assert code in codes(releases.archive(tmp_path, "1.0", pkg_info=pkg_info))


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"demo-1.0/demo.py": ""}, "TW903"),
        ({"demo-1.0/PKG-INFO": INFO.format("demo", "1.0", ""), "other/x": ""}, "TW903"),
        ({"demo-2.0/PKG-INFO": INFO.format("demo", "1.0", "")}, "TW905"),
        ({"demo-1.0/PKG-INFO": INFO.format("demo", "1.0", ""), "demo-1.0/../../x": ""}, "TW904"),
        ({}, "TW903"),
    ],
)
def test_bad_members(tmp_path: Path, members: dict[str, str], code: str):
    assert code in codes(releases.archive(tmp_path, "1.0", members=members))


@pytest.mark.parametrize("target", ["../../outside", "/etc/hostname"])
def test_a_link_that_leads_outside(tmp_path: Path, target: str):
    path = releases.archive(tmp_path, "1.0", links=[("demo-1.0/a", target)])
    assert codes(path) == ["TW904"]


def test_names(tmp_path: Path):
    assert codes(releases.archive(tmp_path, "1.0+cu1")) == ["TW601"]
    assert codes(releases.archive(tmp_path, "1.0+cu1"), Destination()) == []
    assert codes(releases.archive(tmp_path, "1.0", name="De-Mo")) == ["TW103"]


def test_what_cannot_be_unpacked(tmp_path: Path):
    path = releases.archive(tmp_path, "1.0")
    path.write_bytes(path.read_bytes()[:-40])
    assert codes(path) == ["TW902"]
    path.write_bytes(b"no archive")
    assert codes(path) == ["TW902"]


def test_an_archive_that_is_too_large(tmp_path: Path):
    assert codes(releases.archive(tmp_path, "1.0"), Destination("pypi", 100)) == ["TW602"]


def test_a_description_of_older_tools_is_indented(tmp_path: Path):
    text = "Name: demo\nVersion: 1.0\nMetadata-Version: 1.2\nDescription: Demo\n"
    lines = ["====", "", "* one", "* two", "", "::", "", "  code"]
    for before in (" " * 8, " " * 7 + "|"):
        info = text + "".join(f"{before}{line}\n" for line in lines) + "Platform: any\n\n"
        assert codes(releases.archive(tmp_path, "1.0", pkg_info=info)) == []
