"""Scripts of a wheel: that they start where the wheel is installed."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import validate

SCRIPTS = "demo-1.0.data/scripts"
BODY = b"\nimport demo\n"
# the first line, the severity, words of the message
BROKEN = {
    "of a build machine": (b"#!/opt/build/bin/python3.12", "error", "/opt/build/bin/python3.12"),
    "of a home": (b"#!/home/me/.venv/bin/python", "error", "/home/me"),
    "of a user's folder on macOS": (b"#!/Users/me/env/bin/python", "error", "/Users/me"),
    "of an image of Python": (b"#!/usr/local/bin/python3.12", "warning", "/usr/local/bin"),
    "of the system": (b"#!/usr/bin/python3", "warning", "of the system"),
    "relative": (b"#!bin/python", "error", "bin/python"),
    "of Python 2": (b"#!/usr/bin/env python2", "error", "python2"),
    "no interpreter": (b"#!", "error", "no interpreter"),
    "no interpreter but spaces": (b"#!  ", "error", "no interpreter"),
    "a carriage return": (b"#!/usr/bin/env python3\r", "error", "carriage return"),
    "a byte order mark": (b"\xef\xbb\xbf#!python", "error", "byte order mark"),
    "no first line": (b"", "error", "no first line"),
}
GOOD = {
    "as installers want it": b"#!python",
    "a window": b"#!pythonw",
    "a version": b"#!python3",
    "an argument": b"#!python -E",
    "rewritten anyway": b"#!python\r",
    "env": b"#!/usr/bin/env python3",
    "a shell": b"#!/bin/sh -e",
    "a shell with a space": b"#! /usr/bin/bash",
}


def findings(path):
    return [(f"{item.code.name} {item.severity}", item.message) for item in validate(path)]


def wheel(folder, member, content, name=wheels.PURE):
    return wheels.make(folder, name, {"demo/__init__.py": b"", f"{SCRIPTS}/{member}": content})


@pytest.mark.parametrize("what", BROKEN)
def test_scripts_that_do_not_start(tmp_path, what):
    line, severity, word = BROKEN[what]
    ((kind, message),) = findings(wheel(tmp_path, "tool", line + BODY))
    assert kind == f"TW323 {severity}"
    assert word in message


@pytest.mark.parametrize("what", GOOD)
def test_scripts_that_do(tmp_path, what):
    assert findings(wheel(tmp_path, "tool", GOOD[what] + BODY)) == []


def test_a_wheel_for_python_2_has_scripts_for_it(tmp_path):
    script = b"#!/usr/bin/env python2.7\nprint 'x'\n"
    assert findings(wheel(tmp_path, "tool", script, "demo-1.0-py2-none-any.whl")) == []


def test_programs_and_files_of_other_systems(tmp_path):
    assert findings(wheel(tmp_path, "tool.bat", b"@echo off\r\n")) == []
    assert findings(wheel(tmp_path, "tool", b"\x7fnothing")) == []
    name = "demo-1.0-cp312-cp312-win_amd64.whl"
    content = {
        "demo/core.cp312-win_amd64.pyd": wheels.pe_file("amd64"),
        f"{SCRIPTS}/x.py": b"import x\n",
    }
    assert findings(wheels.make(tmp_path, name, content)) == []


def test_a_folder_among_the_scripts(tmp_path):
    ((kind, message),) = findings(wheel(tmp_path, "sub/tool", b"#!python\n"))
    assert kind == "TW322 error"
    assert "uv" in message
