"""This machine as a target: a floor that is true, and the interpreters that are installed."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sysconfig
from pathlib import Path

import pytest

from truewheel.system import interpreters
from truewheel.wheel import platform_tags
from truewheel.workspace import host

MACHINE = platform.machine()


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with glibc 2.36, CPython 3.10 and 3.12, auditwheel and patchelf."""
    paths = {"cp310": Path("/usr/bin/python3.10"), "cp312": Path("/usr/bin/python3.12")}
    monkeypatch.setattr(interpreters, "found", lambda _: paths)
    monkeypatch.setattr(os, "confstr", lambda _: "glibc 2.36")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(shutil, "which", lambda name, path: f"{path}/{name}")


def test_the_pythons_are_the_wanted_ones_that_are_here():
    machine, warning = host.detect_host(["cp39", "cp312", "cp310"], {})
    assert (machine.arch, machine.floor, machine.pythons) == (
        MACHINE,
        "manylinux_2_36",
        ("cp312", "cp310"),
    )
    assert not warning


def test_where_no_wanted_python_is_here_the_running_one_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.version_info", type("Info", (), {"major": 3, "minor": 13}))
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: 1)
    assert host.detect_host(["cp39"], {})[0].pythons == ("cp313t",)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: None)
    assert host.detect_host([], {})[0].pythons == ("cp313",)


@pytest.mark.parametrize(
    ("libc", "floor"), [("glibc 2.36", "2_36"), ("glibc 2.33", "2_31"), ("glibc 2.99", "2_41")]
)
def test_the_floor_is_the_highest_that_can_be_audited_here(
    monkeypatch: pytest.MonkeyPatch, libc: str, floor: str
):
    monkeypatch.setattr(os, "confstr", lambda _: libc)
    assert host.detect_host([], {})[0].floor == f"manylinux_{floor}"


@pytest.mark.parametrize(
    "answer", [None, "", "musl 1.2", OSError(22, "Invalid argument"), ValueError("unknown name")]
)
def test_without_glibc_wheels_are_for_linux_and_a_warning_says_so(
    monkeypatch: pytest.MonkeyPatch, answer: object
):
    def confstr(_: str) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(os, "confstr", confstr)
    machine, warning = host.detect_host([], {})
    assert machine.floor == "linux"
    assert "no glibc" in warning


@pytest.mark.parametrize(
    ("modules", "programs", "missing"),
    [
        ((), ("patchelf",), "no auditwheel here"),
        (("auditwheel",), (), "no patchelf here"),
        ((), (), "no auditwheel and no patchelf here"),
    ],
)
def test_without_the_tools_of_repair_wheels_are_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
    modules: tuple[str, ...],
    programs: tuple[str, ...],
    missing: str,
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in modules else None)
    monkeypatch.setattr(shutil, "which", lambda name, path: name if name in programs else None)
    machine, warning = host.detect_host([], {})
    assert machine.floor == "linux"
    assert warning == f"{missing}: wheels keep linux_{MACHINE}, for this machine only"


def test_patchelf_is_searched_in_the_environment_that_was_handed_in(
    monkeypatch: pytest.MonkeyPatch,
):
    calls = []
    monkeypatch.setattr(shutil, "which", lambda name, path: calls.append((name, path)))
    host.missing_tools({"PATH": "/tools"})
    ((name, path),) = calls
    assert name == "patchelf"
    assert path.split(os.pathsep)[1:] == ["/tools"]


def test_every_known_distribution_has_a_floor_that_can_be_audited():
    for name, minor in platform_tags.GLIBC_MINOR.items():
        floor = platform_tags.floor_minor(platform_tags.own_floor(name))
        assert floor in platform_tags.AUDITED_MINORS
        assert floor <= minor
    assert platform_tags.own_floor("unknown9") == ""
    assert platform_tags.highest_floor(4) == "linux"
