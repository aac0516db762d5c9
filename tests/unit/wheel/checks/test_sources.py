"""Python sources: what compiles, and whether an import finds the modules of the wheel."""

from __future__ import annotations

import sys

import pytest
import wheels

from truewheel.build.validate import validate

HERE = sys.version_info[1]
OWN = f"demo-1.0-cp3{HERE}-none-any.whl"
INIT = "demo/__init__.py"
SCRIPTS = "demo-1.0.data/scripts"
# the sources, the code and severity of the finding, a word of its message
BROKEN = {
    "not Python": ({INIT: b"def f(:\n"}, "TW331 error", "line 1"),
    "of Python 2": ({INIT: b"print 'x'\n"}, "TW331 error", "print"),
    "a merge that was not finished": ({INIT: b"<<<<<<< HEAD\nx = 1\n"}, "TW331 error", "line 1"),
    "tabs and spaces": (
        {INIT: b"from . import a\n", "demo/a.py": b"if 1:\n\tx = 1\n        y = 2\n"},
        "TW331 error",
        "compile",
    ),
    "null bytes": ({INIT: b"x = 1\n\0\n"}, "TW331 error", "null bytes"),
    "Latin-1": ({INIT: b"x = '\xe9'\n"}, "TW331 error", "compile"),
    "UTF-16": ({INIT: "x = 1\n".encode("utf-16")}, "TW331 error", "compile"),
    "a package that was not packed": (
        {INIT: b"from demo.sub import x\n"},
        "TW332 error",
        "demo.sub",
    ),
    "a module that was not packed": ({INIT: b"from .sub.a import x\n"}, "TW332 error", "demo.sub"),
    "a module from a package": ({INIT: b"from . import sub\n"}, "TW332 error", "demo.sub"),
    "far below": (
        {
            INIT: b"from .a import f\n",
            "demo/a.py": b"import demo.b.c\nf = 1\n",
            "demo/b/__init__.py": b"",
        },
        "TW332 error",
        "demo.b.c",
    ),
    "a name that was taken away": (
        {INIT: b"from .a import gone\n", "demo/a.py": b"here = 1\n"},
        "TW332 error",
        "demo.a.gone",
    ),
    "in try and finally": (
        {INIT: b"try:\n    import demo.gone\nfinally:\n    pass\n"},
        "TW332 error",
        "demo.gone",
    ),
    "a script of Python 2": (
        {INIT: b"", f"{SCRIPTS}/tool": b"#!python\nprint 'x'\n"},
        "TW331 error",
        "print",
    ),
    "a script without its module": (
        {INIT: b"", f"{SCRIPTS}/tool": b"#!/usr/bin/env python3\nfrom demo.gone import x\n"},
        "TW332 error",
        "demo.gone",
    ),
    "behind a program": (
        {INIT: b"", "demo/cli.py": b"from .pick import x\ndef main(): pass\n"},
        "TW332 error",
        "demo.pick",
    ),
}
GOOD = {
    "in a function": {INIT: b"def f():\n    from .gone import x\n"},
    "under a condition": {INIT: b"if False:\n    from .gone import x\n"},
    "with a fallback": {
        INIT: b"try:\n    from ._version import v\nexcept ImportError:\n    v = 0\n"
    },
    "with any fallback": {INIT: b"try:\n    import demo.gone\nexcept:\n    pass\n"},
    "suppressed": {
        INIT: b"import contextlib as c\nwith c.suppress(ImportError):\n    import demo.gone\n"
    },
    "test data and templates": {
        INIT: b"",
        "demo/tests/data/bad.py": b"def f(:\n",
        "demo/templates/x.py": b"{{ name }} y\n",
        "demo/tests/__init__.py": b"from .gone import x\n",
    },
    "a module that nothing imports": {INIT: b"", "demo/py2.py": b"print 'x'\n"},
    "with a coding": {INIT: b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"},
    "with a byte order mark": {INIT: b"\xef\xbb\xbfx = 1\n"},
    "a namespace package": {INIT: b"from .sub.a import x\n", "demo/sub/a.py": b"x = 1\n"},
    "a folder of data": {INIT: b"from . import data\n", "demo/data/x.json": b"{}"},
    "from a star": {INIT: b"from .a import x\n", "demo/a.py": b"from os import *\n"},
    "from a lazy module": {
        INIT: b"from .a import x\n",
        "demo/a.py": b"def __getattr__(name):\n    return 1\n",
    },
    "a module of a file": {
        INIT: b"from .six.moves import x\n",
        "demo/six.py": b"import sys\nsys.modules[__name__ + '.moves'] = sys\n",
    },
    "an importer": {
        INIT: b"import demo.extern\nfrom demo.extern.spam import x\n",
        "demo/extern/__init__.py": b"import sys\nsys.meta_path.append(0)\n",
    },
    "a path that is longer": {INIT: b"__path__.append('x')\nfrom demo.gone import x\n"},
    "the standard library": {INIT: b"import zipfile\nimport xml.dom\nimport winreg\n"},
    "a path for others": {INIT: b"import sys\nsys.path.append('x')\nimport spam\n"},
    "tools of installers": {INIT: b"import pkg_resources\n"},
    "assigned in a loop": {
        INIT: b"from .a import x\n",
        "demo/a.py": b"for x in range(3):\n    pass\n",
    },
    "special names": {INIT: b"from .a import __doc__\n", "demo/a.py": b"pass\n"},
    "a script": {INIT: b"x = 1\n", f"{SCRIPTS}/tool": b"#!python\nfrom demo import x\n"},
    "a script of the shell": {INIT: b"", f"{SCRIPTS}/tool": b"#!/bin/sh\nif true; then\n"},
    "deep": {INIT: b"x = " + b"(" * 150 + b"1" + b")" * 150 + b"\n"},
}


def kinds(path):
    return [(f"{item.code.name} {item.severity}", item.message) for item in validate(path)]


@pytest.mark.parametrize("what", BROKEN)
def test_sources_whose_import_fails(tmp_path, what):
    content, expected, word = BROKEN[what]
    program = "demo/cli.py" in content
    info = {"entry_points.txt": "[console_scripts]\ntool = demo.cli:main\n"} if program else {}
    ((kind, message),) = kinds(wheels.make_with(tmp_path, OWN, content, info=info))
    assert kind == expected
    assert word in message


@pytest.mark.parametrize("what", GOOD)
def test_sources_that_are_imported_or_need_not_be(tmp_path, what):
    assert kinds(wheels.make_with(tmp_path, OWN, GOOD[what])) == []


def test_a_distribution_of_the_same_family_may_bring_a_module(tmp_path):
    content = {INIT: b"from demo.core import x\n"}
    path = wheels.make_with(tmp_path, OWN, content, metadata="Requires-Dist: demo-core")
    ((kind, message),) = kinds(path)
    assert kind == "TW332 warning"
    assert "demo-core" in message


def test_a_module_of_somebody_else_is_required(tmp_path):
    content = {INIT: b"import six\n"}
    ((kind, message),) = kinds(wheels.make_with(tmp_path, OWN, content))
    assert kind == "TW332 warning"
    assert "six" in message
    assert kinds(wheels.make_with(tmp_path, OWN, content, metadata="Requires-Dist: more")) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("demo-1.0-py2-none-any.whl", b"print 'x'\n"),
        (f"demo-1.0-cp3{HERE + 1}-none-any.whl", b"what is not known here yet\n"),
    ],
)
def test_another_python_is_not_judged_by_this_one(tmp_path, name, source):
    assert kinds(wheels.make_with(tmp_path, name, {INIT: source})) == []


def requiring(tmp_path, source, python, *more):
    lines = "\n".join([f"Requires-Python: {python}", *more])
    return kinds(wheels.make_with(tmp_path, wheels.PURE, {INIT: source}, metadata=lines))


@pytest.mark.skipif(HERE < 10, reason="its parser does not know match")
def test_syntax_that_came_after_the_oldest_python_of_the_wheel(tmp_path):
    source = b"def f(x):\n    match x:\n        case 1:\n            pass\n"
    if HERE > 10:
        ((kind, message),) = requiring(tmp_path, source, ">=3.9")
        assert kind == "TW331 error"
        assert "Python 3.9" in message
    assert requiring(tmp_path, source, ">=3.10") == []
    assert requiring(tmp_path, b"with (f()):\n    pass\nmatch = {}\n", ">=3.8") == []


def test_modules_that_some_pythons_do_not_have(tmp_path):
    assert requiring(tmp_path, b"import tomllib\n", ">=3.11") == []
    ((kind, message),) = requiring(tmp_path, b"import tomllib\n", ">=3.10")
    assert kind == "TW332 error"
    assert "tomllib, which Python 3.10" in message
    source = b"from distutils.version import LooseVersion\n"
    assert requiring(tmp_path, source, ">=3.9,<3.12") == []
    ((kind, message),) = requiring(tmp_path, source, ">=3.12")
    assert kind == "TW332 error"
    assert [kind for kind, _ in requiring(tmp_path, source, ">=3.9")] == ["TW332 warning"]
    assert requiring(tmp_path, source, ">=3.12", "Requires-Dist: setuptools") == []


def test_a_source_beside_its_extension_module_is_not_imported(tmp_path):
    content = {
        INIT: b"from . import _core\n",
        "demo/_core.py": b"from .only_for_pypy import x\n",
    }
    assert [kind for kind, _ in kinds(wheels.make_with(tmp_path, OWN, content))] == ["TW332 error"]
    content["demo/_core.cpython-312-x86_64-linux-gnu.so"] = wheels.library(exports=["PyInit__core"])
    assert kinds(wheels.make_with(tmp_path, wheels.NATIVE, content)) == []


def test_an_extension_module_that_is_imported_has_an_init_function(tmp_path):
    core = "demo/_core.cpython-312-x86_64-linux-gnu.so"
    content = {INIT: b"from . import _core\n", core: wheels.library(exports=["f"])}
    path = wheels.make_with(tmp_path, wheels.NATIVE, content)
    assert ("TW424 error", "PyInit__core") in [
        (kind, "PyInit__core") for kind, message in kinds(path) if "PyInit__core" in message
    ]
    content[core] = wheels.library(exports=["PyInit__core"])
    assert kinds(wheels.make_with(tmp_path, wheels.NATIVE, content)) == []
