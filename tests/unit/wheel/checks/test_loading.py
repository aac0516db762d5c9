"""The loader finds the wheel's own libraries as ld.so does, at their installed places."""

from __future__ import annotations

import pytest
from native_wheels import CORE, MUSL, NAME, PLAIN, codes, findings, module
from wheels import library

from truewheel.wheel.checks import loading

DEEP = library(soname="libdeep.so.1")
DATA = "demo-1.0.data"


def needing(library_name: str = "libdeep.so.1", **facts):
    return module([library_name], **facts)


def middle(**facts):
    return library(["libdeep.so.1"], soname="libmiddle.so.1", **facts)


REACHED = {
    "a run path beside it": {
        CORE: needing(rpath="$ORIGIN"),
        "demo/libdeep.so.1": DEEP,
    },
    "a run path with braces": {
        CORE: needing(rpath="/nowhere:${ORIGIN}/../demo.libs/"),
        "demo.libs/libdeep.so.1": DEEP,
    },
    "in .data/platlib": {
        f"{DATA}/platlib/{CORE}": needing(rpath="$ORIGIN/../demo.libs"),
        "demo.libs/libdeep.so.1": DEEP,
    },
    "a library in .data/purelib, a module in the root": {
        CORE: needing(rpath="$ORIGIN/../other"),
        f"{DATA}/purelib/other/libdeep.so.1": DEEP,
    },
    "a library of the prefix": {
        CORE: needing(rpath="$ORIGIN/../../../../lib"),
        f"{DATA}/data/lib/libdeep.so.1": DEEP,
    },
    "a script that goes to site-packages": {
        CORE: module(),
        f"{DATA}/scripts/worker": library(
            ["libdeep.so.1"],
            rpath="$ORIGIN/../lib/python3.12/site-packages/demo",
            interpreter="/lib64/ld-linux-x86-64.so.2",
        ),
        "demo/libdeep.so.1": DEEP,
    },
    "an RPATH that is inherited": {
        CORE: needing("libmiddle.so.1", old_rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(),
        "demo/libs/libdeep.so.1": DEEP,
    },
    "loaded already under its SONAME": {
        CORE: module(["libdeep.so.1", "libmiddle.so.1"], rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(),
        "demo/libs/libdeep.so.1": DEEP,
    },
    "loaded already under its SONAME, from a file of another name": {
        CORE: module(["deep.so", "libmiddle.so.1"], rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(),
        "demo/libs/deep.so": DEEP,
    },
    "a path from $ORIGIN": {
        CORE: needing("$ORIGIN/libs/libdeep.so.1"),
        "demo/libs/libdeep.so.1": DEEP,
    },
}


@pytest.mark.parametrize("files", REACHED.values(), ids=REACHED)
def test_a_library_that_the_loader_reaches_is_no_finding(tmp_path, files):
    # a folder above all packages, a library in purelib
    assert set(codes(findings(tmp_path, files))) <= {"TW412 w", "TW402 w"}


UNREACHED = {
    "no run path": {CORE: needing(), "demo/libdeep.so.1": DEEP},
    "a run path that leads elsewhere": {
        CORE: needing(rpath="$ORIGIN/../demo.libs"),
        "demo/libs/libdeep.so.1": DEEP,
    },
    "a run path of the archive, not of the installed place": {
        f"{DATA}/platlib/{CORE}": needing(rpath="$ORIGIN/../../../demo.libs"),
        "demo.libs/libdeep.so.1": DEEP,
    },
    "a RUNPATH, which is not inherited": {
        CORE: needing("libmiddle.so.1", rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(),
        "demo/libs/libdeep.so.1": DEEP,
    },
    "an RPATH beside a RUNPATH, which hides it": {
        CORE: needing(old_rpath="$ORIGIN", rpath="$ORIGIN/none"),
        "demo/libdeep.so.1": DEEP,
    },
    "an inherited RPATH, and a RUNPATH of its own": {
        CORE: needing("libmiddle.so.1", old_rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(rpath="$ORIGIN/none"),
        "demo/libs/libdeep.so.1": DEEP,
    },
    "a file of another name": {
        CORE: needing(rpath="$ORIGIN"),
        "demo/libdeep.so.1.2.3": DEEP,
    },
    "a script": {
        CORE: module(),
        f"{DATA}/scripts/worker": library(
            ["libdeep.so.1"], rpath="$ORIGIN", interpreter="/lib64/ld-linux-x86-64.so.2"
        ),
        "demo/libdeep.so.1": DEEP,
    },
    "needed before it is loaded": {
        CORE: module(["libmiddle.so.1", "libdeep.so.1"], rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": library(
            ["libdeep.so.1"], soname="libmiddle.so.1", rpath="$ORIGIN/none"
        ),
        "demo/libs/sub/libdeep.so.1": DEEP,
    },
}


@pytest.mark.parametrize("name", [NAME, PLAIN])
@pytest.mark.parametrize("files", UNREACHED.values(), ids=UNREACHED)
def test_a_library_in_the_wheel_that_the_loader_does_not_reach_is_an_error(tmp_path, files, name):
    items = [item for item in findings(tmp_path, files, name) if item.code.name != "TW412"]
    assert set(codes(items)) == {"TW416 e"}
    assert all("libdeep.so.1" in item.message for item in items)


def test_the_message_says_the_run_path_that_leads_there(tmp_path):
    files = {CORE: needing(), "demo.libs/libdeep.so.1": DEEP}
    (item,) = findings(tmp_path, files)
    assert item.where == CORE
    assert "in the wheel as demo.libs/libdeep.so.1" in item.message
    assert "the run path $ORIGIN/../demo.libs" in item.message


def test_musl_inherits_both_kinds_of_run_paths(tmp_path):
    core = CORE.replace("-gnu", "-musl")
    files = {
        core: needing("libmiddle.so.1", rpath="$ORIGIN/libs"),
        "demo/libs/libmiddle.so.1": middle(),
        "demo/libs/libdeep.so.1": DEEP,
    }
    assert not findings(tmp_path, files, MUSL)


def test_musl_does_not_look_at_sonames(tmp_path):
    core = CORE.replace("-gnu", "-musl")
    files = {
        core: module(["deep.so", "libdeep.so.1"], rpath="$ORIGIN"),
        "demo/deep.so": DEEP,
    }
    assert codes(findings(tmp_path, files, MUSL)) == ["TW416 e"]


def test_files_for_another_machine_are_passed_over(tmp_path):
    files = {
        CORE: needing(rpath="$ORIGIN/other:$ORIGIN/libs"),
        "demo/other/libdeep.so.1": library(soname="libdeep.so.1", number=183),
        "demo/libs/libdeep.so.1": DEEP,
    }
    assert codes(findings(tmp_path, files)) == ["TW405 e"]


def test_a_package_that_loads_the_library_itself_needs_no_run_path(tmp_path):
    source = b"import ctypes\nctypes.CDLL(here / 'libdeep.so.1')\n"
    files = {"demo/__init__.py": source, CORE: needing(), "demo/libdeep.so.1": DEEP}
    assert not findings(tmp_path, files)


def test_a_package_that_loads_some_library_itself_may_load_this_one(tmp_path):
    source = b"import ctypes\nctypes.CDLL(name)\n"
    files = {"demo/__init__.py": source, CORE: needing(), "demo/libdeep.so.1": DEEP}
    assert codes(findings(tmp_path, files)) == ["TW416 w"]


def test_a_plugin_finds_what_its_host_has_loaded(tmp_path):
    files = {
        CORE: needing(rpath="$ORIGIN"),
        "demo/libdeep.so.1": DEEP,
        "demo/plugins/libplugin.so": needing(exports=["plugin"]),
    }
    assert not findings(tmp_path, files)


def test_files_that_all_need_each_other_take_bounded_time(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "STEPS", 1000)
    names = [f"_m{number}.so" for number in range(20)]
    files = {
        f"demo/{name}": module(
            names, rpath="$ORIGIN", exports=[f"PyInit_{name[:-3]}"], undefined=["lost"]
        )
        for name in names
    }
    assert "TW313 e" in codes(findings(tmp_path, files))
