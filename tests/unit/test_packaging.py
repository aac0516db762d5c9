"""What is installed: every package of the source, and nothing that is not there."""

from __future__ import annotations

from paths import ROOT

from truewheel.workspace import loading


def test_every_package_of_the_source_is_installed():
    declared = loading.toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools"
    ]["packages"]
    found = {
        path.parent.relative_to(ROOT / "src").as_posix().replace("/", ".")
        for path in (ROOT / "src").rglob("__init__.py")
    }
    assert set(declared) == found | {"truewheel.schema"}
