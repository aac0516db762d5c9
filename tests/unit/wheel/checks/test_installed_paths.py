"""What an installed wheel leaves where."""

from __future__ import annotations

from importlib.util import MAGIC_NUMBER

import pytest
import wheels

from truewheel.build.validate import validate

DATA = "demo-1.0.data"
ONE, TWO = b"X = 1\n", b"X = 2\n"
OLD = (3413).to_bytes(2, "little") + b"\r\n" + bytes(20)
# the members, files of dist-info, the code and severity of each finding, a word of the first
BROKEN = {
    "at the root and in purelib": (
        {"demo/a.py": ONE, f"{DATA}/purelib/demo/a.py": TWO},
        {},
        ["TW324 error"],
        "demo/a.py",
    ),
    "in purelib and in platlib": (
        {"demo.py": b"", f"{DATA}/purelib/a.py": ONE, f"{DATA}/platlib/a.py": TWO},
        {},
        ["TW324 error"],
        "a.py",
    ),
    "the same bytes twice": (
        {"demo/a.py": ONE, f"{DATA}/purelib/demo/a.py": ONE},
        {},
        ["TW324 warning"],
        "one is enough",
    ),
    "another case": (
        {"demo/a.py": ONE, f"{DATA}/purelib/demo/A.py": TWO},
        {},
        ["TW324 error"],
        "demo/A.py",
    ),
    "a file for a folder": (
        {"demo": b"", f"{DATA}/purelib/demo/a.py": ONE},
        {},
        ["TW324 error"],
        "is a file",
    ),
    "a script and an entry point": (
        {"demo.py": b"def main(): pass", f"{DATA}/scripts/tool": b"#!python\n"},
        {"entry_points.txt": "[console_scripts]\ntool = demo:main"},
        ["TW324 error"],
        "tool",
    ),
    "data among the scripts and a script": (
        {"demo.py": b"", f"{DATA}/scripts/tool": b"#!python\n", f"{DATA}/data/bin/tool": b"x"},
        {},
        ["TW324 error"],
        "tool",
    ),
    "data among the scripts and an entry point": (
        {"demo.py": b"def main(): pass", f"{DATA}/data/bin/tool": b"x"},
        {"entry_points.txt": "[console_scripts]\ntool = demo:main"},
        ["TW324 error"],
        "tool",
    ),
    "a module beside its package": (
        {"demo.py": ONE, "demo/__init__.py": b""},
        {},
        ["TW324 warning"],
        "the package demo/",
    ),
    "the interpreter among the scripts": (
        {"demo.py": b"", f"{DATA}/scripts/python3": b"#!/bin/sh\n"},
        {},
        ["TW333 error"],
        "python3",
    ),
    "the interpreter in data": (
        {"demo.py": b"", f"{DATA}/data/bin/python": b"#!/bin/sh\n"},
        {},
        ["TW333 error"],
        "python",
    ),
    "the file of an environment": (
        {"demo.py": b"", f"{DATA}/data/pyvenv.cfg": b""},
        {},
        ["TW333 error"],
        "environment",
    ),
    "modules for another Python": (
        {"demo.py": b"", f"{DATA}/data/lib/python3.9/site-packages/demo/a.py": b""},
        {},
        ["TW333 error"],
        "lib/python3.9/site-packages",
    ),
    "modules of a system": (
        {"demo.py": b"", f"{DATA}/data/usr/local/lib/python3/dist-packages/a.py": b""},
        {},
        ["TW333 error"],
        "dist-packages",
    ),
    "a start that imports nothing": (
        {"demo.py": b"", "demo.pth": b"import spam; spam.start()\n"},
        {},
        ["TW325 error"],
        "imports spam",
    ),
    "other modules than were to be packed": (
        {"other/__init__.py": b""},
        {"top_level.txt": "demo\n"},
        ["TW328 error"],
        "demo",
    ),
    "an address": ({"demo.py": b""}, {"direct_url.json": "{}"}, ["TW223 error"], "address"),
    "an installer": ({"demo.py": b""}, {"INSTALLER": "pip"}, ["TW223 warning"], "installer"),
    "a request": ({"demo.py": b""}, {"REQUESTED": ""}, ["TW223 warning"], "user"),
    "an editable install": (
        {"__editable__.demo-1.0.pth": b"/home/me/src\n"},
        {},
        ["TW325 error", "TW328 warning"],
        "editable",
    ),
    "a finder": (
        {"__editable___demo_1_0_finder.py": b""},
        {},
        ["TW325 error"],
        "editable",
    ),
    "a path of a machine": (
        {"demo.py": b"", "demo.pth": b"import demo\n/home/me/src\n"},
        {},
        ["TW325 error"],
        "/home/me/src",
    ),
    "a drive of a machine": (
        {"demo.py": b"", "demo.pth": b"C:\\src\n"},
        {},
        ["TW325 error"],
        "C:",
    ),
    "a folder that is not there": (
        {"demo.py": b"", "demo.pth": b"vendored\n"},
        {},
        ["TW325 warning"],
        "vendored",
    ),
    "tests": ({"demo.py": b"", "tests/__init__.py": b""}, {}, ["TW326 warning"], "tests"),
    "a source folder": ({"src/demo/__init__.py": b""}, {}, ["TW326 warning"], "src"),
    "an __init__ above all": (
        {"demo.py": b"", "__init__.py": b""},
        {},
        ["TW326 warning"],
        "__init__",
    ),
    "the package of another": (
        {"demo.py": b"", "pip/__init__.py": b""},
        {},
        ["TW326 warning"],
        "pip",
    ),
    "two scripts of one name": (
        {"demo.py": b"", f"{DATA}/scripts/a": b"#!python\n", f"{DATA}/scripts/A": b"#!python\n"},
        {},
        ["TW321 error"],
        "scripts/A",
    ),
    "a license": ({"demo.py": b"", "LICENSE.txt": b""}, {}, ["TW326 warning"], "LICENSE.txt"),
    "a setup": ({"demo.py": b"", "setup.py": b""}, {}, ["TW326 warning"], "setup.py"),
    "a build folder": ({"demo.py": b"", "build/lib/a.py": b""}, {}, ["TW326 warning"], "build"),
    "a module of Python": ({"demo.py": b"", "json.py": b""}, {}, ["TW327 warning"], "json"),
    "a package of Python": ({"logging/__init__.py": b""}, {}, ["TW327 warning"], "logging"),
    "nothing": ({}, {}, ["TW328 error"], "no file"),
    "nothing to import": ({"my-data.txt": b""}, {}, ["TW328 warning"], "my-data.txt"),
    "a folder that is no name": ({"my-demo/a.py": b""}, {}, ["TW328 warning"], "my-demo"),
    "bytecode without a source": (
        {"demo/__init__.py": b"", "demo/__pycache__/a.cpython-312.pyc": MAGIC_NUMBER + bytes(20)},
        {},
        ["TW329 warning"],
        "a.cpython-312.pyc",
    ),
    "bytecode of another Python": (
        {"demo/__init__.py": b"", "demo/core.cpython-312-x86_64-linux-gnu.so": wheels.elf_file()}
        | {"demo/b.pyc": OLD},
        {},
        ["TW329 error"],
        "3.8",
    ),
    "bytecode that is none": (
        {"demo/__init__.py": b"", "demo/b.pyc": b"text"},
        {},
        ["TW329 error"],
        "no bytecode",
    ),
    "a wheel in a wheel": (
        {"demo.py": b"", "demo-0.9-py3-none-any.whl": b""},
        {},
        ["TW330 warning"],
        "inside",
    ),
    "a wheel in dist": (
        {"demo.py": b"", "dist/demo-0.9.tar.gz": b""},
        {},
        ["TW326 warning", "TW330 warning"],
        "dist",
    ),
}
GOOD = {
    "a package in purelib": {f"{DATA}/purelib/demo/__init__.py": b""},
    "a module in platlib": {f"{DATA}/platlib/demo.py": b""},
    "code at the start": {"demo.py": b"", "demo.pth": b"import demo; demo.start()\n"},
    "a folder that is there": {"lib/demo.py": b"", "demo.pth": b"# the path\n\nlib\n"},
    "a .pth file of another kind": {"demo/__init__.py": b"", "demo/weights.pth": b"\x80/x"},
    "tests of its own": {"demo/__init__.py": b"", "demo/tests/__init__.py": b""},
    "a license of its own": {"demo/__init__.py": b"", "demo/LICENSE": b""},
    "a module that Python had": {"cgi.py": b""},
    "data alone": {"demo/data.json": b"{}"},
    "stubs": {"demo-stubs/__init__.pyi": b""},
    "a script alone": {f"{DATA}/scripts/tool": b"#!/bin/sh\n"},
    "files of the system alone": {f"{DATA}/data/share/demo.txt": b""},
    "bytecode beside its source": {
        "demo/__init__.py": b"",
        "demo/__pycache__/__init__.cpython-312.pyc": b"\xa7\r\r\n",
    },
    "headers of one name": {"demo.py": b"", f"{DATA}/headers/a.h": b"", f"{DATA}/data/a.h": b"1"},
    "archives that it needs": {"demo/__init__.py": b"", "demo/seed/pip-26-py3-none-any.whl": b""},
}


def findings(path):
    return [(f"{item.code.name} {item.severity}", item.message) for item in validate(path)]


@pytest.mark.parametrize("what", BROKEN)
def test_what_belongs_to_no_installed_wheel(tmp_path, what):
    content, info, kinds, word = BROKEN[what]
    name = wheels.NATIVE if any(member.endswith(".so") for member in content) else wheels.PURE
    actual = findings(wheels.make_with(tmp_path, name, content, info=info))
    assert [kind for kind, _ in actual] == kinds
    assert word in " ".join(message for _, message in actual)


@pytest.mark.parametrize("what", GOOD)
def test_what_does(tmp_path, what):
    assert findings(wheels.make_with(tmp_path, content=GOOD[what])) == []


def test_on_linux_alone_names_of_another_case_are_two_files(tmp_path):
    content = {
        "demo/a.py": ONE,
        f"{DATA}/platlib/demo/A.py": TWO,
        wheels.EXTENSION: wheels.library(),
    }
    assert findings(wheels.make_with(tmp_path, wheels.NATIVE, content)) == []


def test_a_project_may_have_a_general_name(tmp_path):
    path = wheels.make(tmp_path, "tests-1.0-py3-none-any.whl", {"tests/__init__.py": b""})
    assert findings(path) == []


def test_what_is_required_is_something(tmp_path):
    assert findings(wheels.make_with(tmp_path, content={}, metadata="Requires-Dist: six")) == []


def test_old_pythons_have_no_such_module(tmp_path):
    path = wheels.make_with(
        tmp_path, content={"dataclasses.py": b""}, metadata="Requires-Python: ==3.6.*"
    )
    assert findings(path) == []
