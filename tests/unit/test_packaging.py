"""What is installed: every package of the source, and nothing that is not there."""

from __future__ import annotations

from typing import Any

from paths import ROOT

from truewheel.workspace import loading


def pyproject() -> dict[str, Any]:
    return loading.parse_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_of_the_source_is_installed():
    declared = pyproject()["tool"]["setuptools"]["packages"]
    found = {
        path.parent.relative_to(ROOT / "src").as_posix().replace("/", ".")
        for path in (ROOT / "src").rglob("__init__.py")
    }
    assert set(declared) == found | {"truewheel.schema"}


def test_the_extra_all_is_every_other_one():
    extras = pyproject()["project"]["optional-dependencies"]
    everything = extras.pop("all")
    assert sorted(everything) == sorted(line for lines in extras.values() for line in lines)


def test_every_data_file_of_the_source_is_installed():
    data = pyproject()["tool"]["setuptools"]["package-data"]
    folders = {"truewheel.schema": ROOT / "schema"}
    listed = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in folders.get(package, ROOT / "src" / package.replace(".", "/")).glob(pattern)
    }
    files = [*(ROOT / "src/truewheel").rglob("*"), *(ROOT / "schema").iterdir()]
    unlisted = {path for path in files if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert listed == unlisted
