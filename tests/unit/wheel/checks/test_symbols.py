"""Symbols that native code needs: in the files that get loaded, in Python, in the stable ABI."""

from __future__ import annotations

import pytest
from native_wheels import CORE, INIT, MUSL, NAME, PLAIN, STABLE, codes, findings, module
from wheels import library

INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
DEEP = library(soname="libdeep.so.1", exports=["deep_open", "deep_close"])
THREADED = NAME.replace("cp312-cp312", "cp313-cp313t")
NEXT_STABLE = NAME.replace("cp312-cp312", "cp315-abi3.abi3t")
STABLE_CORE = "demo/_core.abi3.so"


def core(*undefined, **facts):
    return {CORE: module(undefined=undefined, **facts)}


def using_deep(*undefined, **facts):
    facts = {"rpath": "$ORIGIN/libs", **facts}
    return {
        CORE: module(["libdeep.so.1"], undefined=undefined, **facts),
        "demo/libs/libdeep.so.1": DEEP,
    }


UNDEFINED = {
    "a function of nobody": (core("demo_missing"), "demo_missing"),
    "a function that the library lost": (using_deep("deep_open", "deep_read"), "deep_read"),
    "C++ without its library": (core("_ZNSt6vectorIiE3addEv", "__gxx_personality_v0"), "_ZNSt6"),
    "C++ of nobody": (
        {CORE: module(["libstdc++.so.6"], undefined=["_ZN4demo4openEv"])}, "_ZN4demo4openEv",
    ),
    "X11 without its library": (core("XOpenDisplay"), "XOpenDisplay"),
    "a library that lacks one": (
        {
            CORE: module(["libmid.so"], rpath="$ORIGIN"),
            "demo/libmid.so": library(undefined=["lost"], soname="libmid.so"),
        },
        "lost",
    ),
    "a program": (
        {
            CORE: module(),
            "demo-1.0.data/scripts/worker": library(
                ["libc.so.6"], undefined=["lost"], interpreter=INTERPRETER
            ),
        },
        "lost",
    ),
    "a library that ctypes loads": (
        {
            "demo/__init__.py": b"import ctypes; ctypes.CDLL(here / 'libpart.so')",
            CORE: module(),
            "demo/libpart.so": library(undefined=["lost"]),
        },
        "lost",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [NAME, PLAIN])
@pytest.mark.parametrize(("files", "symbol"), UNDEFINED.values(), ids=UNDEFINED)
def test_a_symbol_that_nothing_defines_is_an_error(tmp_path, files, symbol, name):
    (item,) = findings(tmp_path, files, name)
    assert (item.code.name, item.severity) == ("TW420", "error")
    assert symbol in item.message


DEFINED = {
    "glibc's, without linking it": core("memcpy", "pow", "dlopen", "pthread_create", "environ"),
    "Python's": core("PyModule_Create2", "_Py_NoneStruct", "Py_NoSuchNameIsKnownHere"),
    "a library of the wheel": using_deep("deep_open"),
    "a weak one": {CORE: module(weak=["__gmon_start__", "demo_optional"])},
    "C++ of the system": {
        CORE: module(
            ["libstdc++.so.6"],
            undefined=[
                *("_ZNSt6localeD1Ev", "_ZTVN10__cxxabiv117__class_type_infoE", "_Znwm"),
                *("_ZNKSs4sizeEv", "_ZSt4cout", "_ZTISt9exception", "_Unwind_Resume"),
            ],
        )
    },
    "zlib of the system": {CORE: module(["libz.so.1"], undefined=["inflateInit_", "gzopen"])},
    "of the library that needs it": {
        CORE: module(["libmid.so"], rpath="$ORIGIN", exports=[INIT, "callback"]),
        "demo/libmid.so": library(undefined=["callback"], soname="libmid.so"),
    },
    "of a library that is two steps away": {
        CORE: module(["libmid.so"], undefined=["deep_open"], rpath="$ORIGIN"),
        "demo/libmid.so": library(["libdeep.so.1"], soname="libmid.so", rpath="$ORIGIN"),
        "demo/libdeep.so.1": DEEP,
    },
    "loaded for all by the package": {
        "demo/__init__.py": b"import ctypes; ctypes.CDLL('libdeep.so.1', ctypes.RTLD_GLOBAL)",
        CORE: module(undefined=["deep_open"]),
        "demo/libdeep.so.1": DEEP,
    },
    "a module whose libraries are not all known": {
        CORE: module(["libcuda.so.1"], undefined=["cuInit"])
    },
}


@pytest.mark.parametrize("files", DEFINED.values(), ids=DEFINED)
def test_a_symbol_that_is_there_is_no_finding(tmp_path, files):
    assert set(codes(findings(tmp_path, files))) <= {"TW410 w"}  # libcuda


def test_what_a_plugin_needs_may_come_from_its_host(tmp_path):
    files = {CORE: module(), "demo/plugins/one.so": library(undefined=["host_register"])}
    assert codes(findings(tmp_path, files)) == ["TW420 w"]


def test_musl_has_names_of_its_own(tmp_path):
    core_of_musl = CORE.replace("-gnu", "-musl")
    names = ["memcpy", "lost", "__memcpy_chk"]  # the last one: of glibc, for -D_FORTIFY_SOURCE
    files = {core_of_musl: module(["libc.musl-x86_64.so.1"], undefined=names)}
    (item,) = findings(tmp_path, files, MUSL)
    assert "symbol lost, __memcpy_chk, and" in item.message


@pytest.mark.parametrize("symbol", ["_tr_flush_block", "inflate_table", "zcalloc"])
def test_private_symbols_of_zlib(tmp_path, symbol):
    (item,) = findings(tmp_path, {CORE: module(["libz.so.1"], undefined=[symbol, "inflate"])})
    assert (item.code.name, item.severity) == ("TW423", "error")
    assert symbol in item.message


def test_a_wheel_may_bring_the_zlib_whose_private_symbols_it_uses(tmp_path):
    files = {
        CORE: module(["libz-1a2b3c4d.so.1"], undefined=["zcalloc"], rpath="$ORIGIN"),
        "demo/libz-1a2b3c4d.so.1": library(soname="libz-1a2b3c4d.so.1", exports=["zcalloc"]),
    }
    assert not findings(tmp_path, files)


VERSYM = (0x6FFFFFF0, 0x10000)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"defines": ["DEEP_1"]}, ["TW419 e"]),
        ({"defines": ["DEEP_1", "DEEP_2"]}, []),
        ({"tags": [VERSYM]}, []),
        ({}, ["TW419 e"]),
    ],
    ids=["an older build", "the same build", "a build that defines none", "a build without any"],
)
def test_a_symbol_version_of_the_wheels_own_library(tmp_path, facts, expected):
    files = {
        CORE: module(["libdeep.so.1"], {"libdeep.so.1": ["DEEP_2"]}, rpath="$ORIGIN"),
        "demo/libdeep.so.1": library(soname="libdeep.so.1", exports=["deep"], **facts),
    }
    items = findings(tmp_path, files)
    assert codes(items) == expected
    assert all("DEEP_2 of demo/libdeep.so.1" in item.message for item in items)


def tagged(version, abi=""):
    return NAME.replace("cp312-cp312", f"cp{version}-{abi or f'cp{version}'}")


def core_of(version):
    return CORE.replace("312", version)


OTHER_PYTHON = {
    "3.13's in 3.12": ("312", "PyList_GetItemRef", "3.13"),
    "3.12's in 3.11": ("311", "PyErr_GetRaisedException", "3.12"),
    "3.10's in 3.9": ("39", "PyModule_AddObjectRef", "3.10"),
    "3.14's in 3.13": ("313", "PyUnicodeWriter_Create", "3.14"),
    "one of 3.11 in 3.12": ("312", "PyUnicode_AsUnicode", "until"),
    "a free-threaded one": ("313", "_Py_MergeZeroLocalRefcount", "free-threaded"),
}


@pytest.mark.parametrize(
    ("version", "symbol", "said"),
    OTHER_PYTHON.values(),
    ids=OTHER_PYTHON,
)
def test_a_symbol_of_another_python_is_an_error(tmp_path, version, symbol, said):
    files = {core_of(version): module(undefined=[symbol])}
    (item,) = findings(tmp_path, files, tagged(version))
    assert (item.code.name, item.severity) == ("TW421", "error")
    assert symbol in item.message
    assert said in item.message


@pytest.mark.parametrize(
    ("version", "symbol"),
    [
        ("313", "PyList_GetItemRef"),
        ("312", "PyErr_GetRaisedException"),
        ("314", "PyUnicodeWriter_Create"),
        ("39", "PyUnicode_AsUnicode"),
        ("314", "PyUnicode_AsUnicode"),  # 3.14 was not measured
        ("312", "_Py_SomethingThatNobodyKnows"),
        ("312", "PyObject_CallFinalizerFromDealloc"),  # stable from 3.15, exported since 3.4
    ],
)
def test_a_symbol_of_the_tagged_python_is_no_finding(tmp_path, version, symbol):
    files = {core_of(version): module(undefined=[symbol])}
    assert not findings(tmp_path, files, tagged(version))


def test_free_threaded_symbols_are_for_free_threaded_python(tmp_path):
    files = {
        core_of("313").replace("cpython-313", "cpython-313t"): module(
            undefined=["_Py_MergeZeroLocalRefcount"]
        )
    }
    assert not findings(tmp_path, files, THREADED)


def test_the_symbols_of_other_interpreters_are_not_judged(tmp_path):
    name = NAME.replace("cp312-cp312", "pp311-pypy311_pp73")
    core_of_pypy = "demo/_core.pypy311-pp73-x86_64-linux-gnu.so"
    files = {core_of_pypy: module(undefined=["PyPyList_GetItemRef", "PyList_GetItemRef"])}
    assert not findings(tmp_path, files, name)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("PyList_New", []),
        ("PyModule_AddObjectRef", ["TW422 e"]),  # of 3.10
        ("PyObject_GetBuffer", ["TW422 w"]),  # stable from 3.11, exported by all
        ("_PyLong_AsInt", ["TW422 e"]),
        ("PyUnicode_AsUTF8", ["TW422 e"]),
        ("Py_NoSuchName", ["TW422 e"]),
        ("_Py_Dealloc", []),
    ],
)
def test_the_stable_abi_has_what_its_tag_says(tmp_path, symbol, expected):
    files = {STABLE_CORE: module(undefined=[symbol])}
    items = findings(tmp_path, files, STABLE)
    assert codes(items) == expected
    assert all(symbol in item.message for item in items)


def test_names_like_those_of_python_may_be_of_a_library(tmp_path):
    files = {
        STABLE_CORE: module(
            ["libours.so", "libother.so.1"], undefined=["PyOurs_New", "PyDate_New"], rpath="$ORIGIN"
        ),
        "demo/libours.so": library(soname="libours.so", exports=["PyOurs_New"]),
    }
    assert codes(findings(tmp_path, files, STABLE, requires=["other"])) == ["TW410 w"]


def test_the_stable_abi_of_free_threaded_python(tmp_path):
    files = {"demo/_core.abi3t.so": module(undefined=["PyModule_FromSlotsAndSpec", "_PyLong_Sign"])}
    (item,) = findings(tmp_path, files, NEXT_STABLE)
    assert item.code.name == "TW422"
    assert "_PyLong_Sign" in item.message
    assert "PyModule_FromSlotsAndSpec" not in item.message


INITS = {
    "its own": (CORE, ["PyInit__core"], []),
    "with others": (CORE, ["PyInit__core", "PyInit__more"], []),
    "another's": (CORE, ["PyInit_core"], ["TW424 e"]),
    "another's, by a plain name": ("demo/_core.so", ["PyInit__other"], ["TW424 e"]),
    "none": (CORE, ["value"], ["TW424 w"]),
    "none, by a plain name": ("demo/_core.so", ["value"], []),
    "a grafted library": ("demo.libs/_core-9eae05d5.so", ["PyInit__core"], []),
    "a library with some": ("demo/libpython3.so", ["PyInit_sys"], []),
    "of a package": ("demo/__init__.cpython-312-x86_64-linux-gnu.so", ["PyInit_demo"], []),
    "of a package, wrong": (
        "demo/__init__.cpython-312-x86_64-linux-gnu.so", ["PyInit_other"], ["TW424 e"],
    ),
    "of slots": (CORE, ["PyModExport__core"], []),
    "not ASCII": ("demo/bücher.so", ["PyInitU_bcher_kva"], []),
}  # fmt: skip


@pytest.mark.parametrize(("member", "exports", "expected"), INITS.values(), ids=INITS)
def test_a_module_has_its_init_function(tmp_path, member, exports, expected):
    items = findings(tmp_path, {member: module(exports=exports)})
    assert codes(items) == expected


def test_modules_that_ctypes_loads_need_no_init_function(tmp_path):
    files = {CORE: module(exports=["value"]), "demo/__init__.py": b"ctypes.CDLL(path)"}
    assert not findings(tmp_path, files)
