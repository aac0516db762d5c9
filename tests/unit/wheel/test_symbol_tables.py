"""Names that a process of Python has, by C library and by version of CPython."""

from __future__ import annotations

import ctypes
import sys
import sysconfig

import pytest

from truewheel.wheel import symbol_tables


@pytest.mark.parametrize("name", ["memcpy", "pow", "dlopen", "pthread_create", "environ"])
def test_both_c_libraries_have_what_posix_says(name):
    assert name in symbol_tables.c_library()
    assert name in symbol_tables.c_library(is_musl=True)


def test_each_c_library_has_names_of_its_own():
    glibc, musl = symbol_tables.c_library(), symbol_tables.c_library(is_musl=True)
    assert "__memcpy_chk" in glibc - musl
    assert "__libc_start_main" in glibc & musl
    assert "deflate" not in glibc | musl


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("PyList_New", 2), ("PyModule_AddType", 10), ("PyObject_GetBuffer", 11),
        ("_Py_Dealloc", 2), ("PyList_GetItemRef", 13), ("_PyLong_AsInt", None),
    ],
)  # fmt: skip
def test_the_stable_abi_begins_with_a_version(name, since):
    assert symbol_tables.stable_since(name) == since


@pytest.mark.parametrize(
    ("name", "since", "until"),
    [
        ("PyList_New", 0, None), ("PyList_GetItemRef", 13, None), ("PyUnicode_AsUnicode", 0, 11),
        ("PyModule_AddType", 9, None), ("PyUnicodeWriter_Create", 14, None),
        ("_Py_Unknown", 0, None),
        ("PyObject_CallFinalizerFromDealloc", 0, None),
    ],
)  # fmt: skip
def test_each_version_exports_names(name, since, until):
    assert symbol_tables.exported(name) == (since, until)


def test_names_of_python_are_known_by_their_beginning():
    assert symbol_tables.is_python("PyList_New")
    assert symbol_tables.is_python("_Py_Dealloc")
    assert not symbol_tables.is_python("PyInit_demo")
    assert not symbol_tables.is_python("MyPyList")
    assert symbol_tables.is_listed("PyList_New")
    assert not symbol_tables.is_listed("PyNoSuch_Name")


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="the tables are of CPython")
def test_this_interpreter_exports_what_the_tables_say():
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("the tables are of builds with the lock")
    minor = sys.version_info[1]
    stable, known = symbol_tables._python()
    missing = [
        name
        for name, added in stable.items()
        if added <= minor and not hasattr(ctypes.pythonapi, name)
    ]
    assert not missing
    early = [
        name for name, (since, _) in known.items()
        if since > minor and hasattr(ctypes.pythonapi, name)
    ]  # fmt: skip
    assert not early
