"""truewheel validate."""

from __future__ import annotations

import json

import pytest
import wheels


def test_validate_says_what_an_index_would_refuse(here, truewheel):
    local = "demo-1.0+cu132-py3-none-any.whl"
    wheels.make(here, local)
    assert truewheel("validate", local)[0] == 0
    code, out, _ = truewheel("validate", local, "--index", "pypi")
    assert code == 4
    assert "TW601" in out


def test_validate_says_what_it_leaves_out_for_the_public_index(here, truewheel, monkeypatch):
    wheels.make(here, wheels.PURE)
    monkeypatch.setattr("truewheel.wheel.checks.metadata.find_spec", lambda name: None)
    assert "not checked" not in truewheel("validate", wheels.PURE)[2]
    code, _, err = truewheel("validate", wheels.PURE, "--index", "pypi", "--strict")
    assert code == 0
    assert "note: classifiers are not checked: trove-classifiers is not installed" in err


def test_validate_compares_the_wheels_of_a_folder(here, truewheel):
    for name, content in ("lower", b"1"), ("upper", b"2"):
        files = {f"{name}.py": b"", "helper.py": content}
        wheels.make(here, f"{name}-1.0-py3-none-any.whl", files)
    code, out, _ = truewheel("validate", ".")
    assert code == 4
    assert "TW505 upper-1.0-py3-none-any.whl installs other bytes to helper.py" in out


def test_validate_counts_warnings_when_it_is_strict(here, truewheel):
    wheels.make(here, "Demo-1.0-py3-none-any.whl")
    assert truewheel("validate", "Demo-1.0-py3-none-any.whl")[0] == 0
    assert truewheel("validate", "Demo-1.0-py3-none-any.whl", "--strict")[0] == 4


@pytest.mark.parametrize("style", ["json", "sarif", "codequality"])
def test_validate_writes_documents_for_forges(here, truewheel, style):
    wheels.make(here, wheels.PURE)
    code, out, _ = truewheel("validate", wheels.PURE, "--format", style)
    assert code == 0
    json.loads(out)


def test_validate_has_limits(here, truewheel):
    wheels.make(here, wheels.PURE)
    for options, code in (("--max-size", "100"), "TW602"), (("--max-unpacked", "10 B"), "TW313"):
        status, out, _ = truewheel("validate", wheels.PURE, *options)
        assert status == 4
        assert code in out
    status, _, err = truewheel("validate", wheels.PURE, "--max-size", "huge")
    assert status == 2
    assert "300 MB" in err


def test_validate_compares_a_set_with_a_plan(here, truewheel):
    assert truewheel("plan", "--output", "plan.json")[0] == 0
    wheels.make(here, wheels.PURE)
    code, out, _ = truewheel("validate", ".", "--plan", "plan.json")
    assert code == 4
    assert "TW503" in out
    assert "TW504" in out


def test_validate_leaves_out_what_is_outside_on_purpose(here, truewheel):
    content = {wheels.EXTENSION: wheels.library(["libtheirs.so.5"])}
    wheels.make(here, wheels.NATIVE, content)
    assert truewheel("validate", wheels.NATIVE)[0] == 4
    assert truewheel("validate", wheels.NATIVE, "--strict", "--exclude", "libtheirs.so.*")[0] == 0
    assert truewheel("validate", wheels.NATIVE, "--exclude", "libothers.so.*")[0] == 4
