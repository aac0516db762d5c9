"""Libraries from outside: who may bring them, and what leads the loader there."""

from __future__ import annotations

import pytest
from native_wheels import CORE, MUSL, NAME, PLAIN, STABLE, codes, findings, module
from wheels import library

INTERPRETER = "/lib64/ld-linux-x86-64.so.2"
SCRIPT = "demo-1.0.data/scripts/worker"
CUDA13 = "libcudart.so.13"


def text(items):
    return " | ".join(item.message for item in items)


@pytest.mark.parametrize("name", [NAME, MUSL])
def test_a_library_that_no_requirement_could_bring_is_an_error(tmp_path, name):
    core = CORE if name == NAME else CORE.replace("-gnu", "-musl")
    items = findings(tmp_path, {core: module(["libfoo.so.5"])}, name)
    assert codes(items) == ["TW410 e"]
    assert "libfoo.so.5" in items[0].message


def test_a_requirement_that_nothing_leads_to_does_not_bring_a_library(tmp_path):
    items = findings(tmp_path, {CORE: module(["libssl.so.3"])}, requires=["numpy>=2"])
    assert codes(items) == ["TW410 e"]
    assert "no run path leads to a library of numpy" in text(items)


@pytest.mark.parametrize(
    ("needed", "requires", "named"),
    [
        ("libarrow.so.2600", "pyarrow==26.*", "pyarrow"),
        ("libusb-1.0.so.0", "libusb-package", "libusb-package"),
        ("libtbb.so.12", "tbb; sys_platform == 'linux'", "tbb"),
    ],
)
def test_a_requirement_of_like_name_may_bring_it(tmp_path, needed, requires, named):
    items = findings(tmp_path, {CORE: module([needed])}, requires=["typing-extensions", requires])
    assert codes(items) == ["TW410 w"]
    assert f"it may be brought by {named}" in text(items)


@pytest.mark.parametrize(
    "files",
    [
        {CORE: module(["libfoo.so.5"], rpath="$ORIGIN/../other/lib")},
        {CORE: module(["libfoo.so.5"]), "demo/__init__.py": b"import ctypes; ctypes.CDLL(path)"},
    ],
    ids=["a run path", "a preload"],
)
def test_where_something_leads_to_another_wheel_its_requirements_may_bring_it(tmp_path, files):
    items = findings(tmp_path, files, requires=["other", "another", "third; os_name == 'nt'"])
    assert codes(items) == ["TW410 w"]
    assert "one of those it requires: other, another" in text(items)


@pytest.mark.parametrize("requires", ["pywin32; sys_platform == 'win32'", "foo; extra == 'x'"])
def test_what_linux_does_not_install_brings_nothing(tmp_path, requires):
    files = {CORE: module(["libfoo.so.5"], rpath="$ORIGIN/../foo")}
    assert "TW410 e" in codes(findings(tmp_path, files, requires=[requires]))


SHARED = "cmeel.prefix/lib/python3.12/site-packages/demo/_core.so"


@pytest.mark.parametrize(
    "files",
    [
        {
            SHARED: module(["libfoo.so.5"], rpath="$ORIGIN/../../.."),
            "cmeel.prefix/lib/libdemo.so": library(),
        },
        {CORE: module(["libfoo.so.5"], rpath="$ORIGIN/../../..")},
        {CORE: module(["libfoo.so.5"], rpath="$ORIGIN/Qt6/lib")},  # as PyQt6 and PyQt6-Qt6
    ],
    ids=["of site-packages", "of the prefix", "of the package"],
)
def test_a_folder_may_be_shared_by_several_wheels(tmp_path, files):
    items = findings(tmp_path, files, requires=["other"])
    assert "TW410 w" in codes(items)
    assert "TW410 e" not in codes(items)


@pytest.mark.parametrize(
    ("core", "expected"),
    [(module(), "TW410 w"), (module(["plugin.so.1"], rpath="$ORIGIN"), "TW410 e")],
    ids=["that nothing needs", "that is needed"],
)
def test_a_plugin_may_lack_its_library(tmp_path, core, expected):
    files = {CORE: core, "demo/plugin.so.1": library(["libmosek64.so"])}
    assert codes(findings(tmp_path, files, requires=["numpy"])) == [expected]


def test_a_graft_under_the_soname_of_a_vendor_is_not_asked_for(tmp_path):
    files = {
        CORE: module([CUDA13]),
        "demo/__init__.py": b"import torch",
        "demo.libs/libcudart.faf08d9a.so.13": library(soname=CUDA13),
    }
    assert codes(findings(tmp_path, files)) == ["TW410 w"]


def test_an_excluded_library_is_no_finding(tmp_path):
    items = findings(tmp_path, {CORE: module(["libodbc.so.2"])}, excluded=["libodbc.so.*"])
    assert not items


LIBPYTHON = {
    "a module": {CORE: module(["libpython3.12.so.1.0"])},
    "a program": {
        CORE: module(),
        SCRIPT: library(["libpython3.12.so.1.0"], interpreter=INTERPRETER),
    },
    "a program without the name of it, as auditwheel leaves it": {
        CORE: module(),
        SCRIPT: library(["libc.so.6"], undefined=["Py_BytesMain"], interpreter=INTERPRETER),
    },
}


@pytest.mark.parametrize("files", LIBPYTHON.values(), ids=LIBPYTHON)
def test_libpython_is_never_excused(tmp_path, files):
    items = findings(tmp_path, files, requires=["python"], excluded=["libpython*"])
    assert codes(items) == ["TW434 e"]
    assert "libpython" in items[0].message


def test_a_program_may_bring_its_libpython(tmp_path):
    files = {
        CORE: module(),
        SCRIPT: library(
            ["libpython3.12.so.1.0"],
            undefined=["Py_BytesMain"],
            interpreter=INTERPRETER,
            rpath="$ORIGIN/../lib/python3.12/site-packages/demo.libs",
        ),
        "demo.libs/libpython3.12.so.1.0": library(
            soname="libpython3.12.so.1.0", exports=["Py_BytesMain"]
        ),
    }
    assert not findings(tmp_path, files)


@pytest.mark.parametrize(
    "path", ["libs/libfoo.so", "/build/libfoo.so.1", "./libfoo.so", "$ORIGIN/none/libfoo.so"]
)
@pytest.mark.parametrize("name", [NAME, PLAIN])
def test_a_library_needed_by_its_path_is_an_error(tmp_path, path, name):
    items = findings(tmp_path, {CORE: module([path]), "demo/libs/libfoo.so": library()}, name)
    assert codes(items) == ["TW418 e"]
    assert path in items[0].message


LED = {
    "CUDA 13": (CUDA13, "$ORIGIN/../nvidia/cu13/lib"),
    "CUDA 12": ("libcudart.so.12", "$ORIGIN/../nvidia/cuda_runtime/lib"),
    "cuBLAS 12": ("libcublas.so.12", "$ORIGIN/../../site-packages/nvidia/cublas/lib"),
    "cuDNN": ("libcudnn.so.9", "$ORIGIN/../nvidia/cudnn/lib"),
    "torch": ("libtorch.so", "$ORIGIN/../torch/lib"),
    "NVTX": ("libnvToolsExt.so.1", "$ORIGIN/../nvidia/nvtx/lib"),
    "a package that is not known": ("librmm.so", "$ORIGIN/../librmm/lib64"),
}


@pytest.mark.parametrize("excluded", [(), ["lib*"]], ids=["required", "excluded"])
@pytest.mark.parametrize(("needed", "path"), LED.values(), ids=LED)
def test_a_run_path_leads_to_a_library_of_another_wheel(tmp_path, needed, path, excluded):
    files = {CORE: module([needed], rpath=path)}
    assert "TW417 w" not in codes(findings(tmp_path, files, excluded=excluded))


NOT_LED = {
    "none": (CUDA13, ""),
    "another package": (CUDA13, "$ORIGIN/../nvidia/cuda_runtime/lib"),
    "the wheel's own folder": (CUDA13, "$ORIGIN/nvidia/cu13/lib"),
    "too far up": (CUDA13, "$ORIGIN/../../nvidia/cu13/lib"),
    "the build machine's": (CUDA13, "/usr/local/cuda/lib64"),
    "a package that is not known": ("librmm.so", "$ORIGIN/libs"),
}


@pytest.mark.parametrize("excluded", [(), ["lib*"]], ids=["required", "excluded"])
@pytest.mark.parametrize(("needed", "path"), NOT_LED.values(), ids=NOT_LED)
def test_nothing_leads_to_a_library_of_another_wheel(tmp_path, needed, path, excluded):
    items = findings(
        tmp_path,
        {CORE: module([needed], rpath=path)},
        requires=["nvidia-cuda-runtime", "librmm-cu13"],
        excluded=excluded,
    )
    assert "TW417 w" in codes(items)
    assert needed in text(items)


def test_the_message_says_the_run_path_to_the_other_package(tmp_path):
    items = findings(tmp_path, {CORE: module([CUDA13])}, excluded=[CUDA13])
    assert codes(items) == ["TW417 w"]
    assert "$ORIGIN/../nvidia/cu13/lib" in text(items)


@pytest.mark.parametrize(
    "source",
    [
        b"import ctypes, nvidia\nctypes.CDLL(path)",
        b"from nvidia import cu13",
        b"import torch",
        b"import libcudf\nlibcudf.load_library()",
    ],
)
def test_what_is_loaded_first_needs_no_run_path(tmp_path, source):
    files = {CORE: module([CUDA13]), "demo/__init__.py": source}
    assert not findings(tmp_path, files, excluded=[CUDA13])


def test_a_driver_is_on_every_path_of_the_system(tmp_path):
    assert codes(findings(tmp_path, {CORE: module(["libcuda.so.1"])})) == ["TW410 w"]


def test_two_libraries_of_one_soname(tmp_path):
    files = {
        CORE: module(["libx.so.1"], rpath="$ORIGIN/a"),
        "demo/a/libx.so.1": library(soname="libx.so.1", exports=["one"]),
        "demo/b/libx.so.1": library(soname="libx.so.1", exports=["two"]),
    }
    (item,) = findings(tmp_path, files)
    assert (item.code.name, item.severity, item.where) == ("TW425", "warning", "demo/a/libx.so.1")
    assert "demo/b/libx.so.1" in item.message


@pytest.mark.parametrize(
    "files",
    [
        {"demo/b/libx.so.1": library(soname="libx.so.1", number=183)},
        {"demo/b/liby.so.1": library(soname="liby.so.1")},
        {"demo/libs/glibc-hwcaps/x86-64-v3/libx.so.1": library(soname="libx.so.1", exports=["x"])},
    ],
    ids=["for another machine", "another name", "for newer processors"],
)
def test_libraries_that_do_not_meet(tmp_path, files):
    core = module(["libx.so.1"], rpath="$ORIGIN/a")
    files = {CORE: core, "demo/a/libx.so.1": library(soname="libx.so.1"), **files}
    assert "TW425" not in {item.code.name for item in findings(tmp_path, files)}


def test_a_library_that_became_three_by_its_links(tmp_path):
    content = library(soname="libx.so.1")
    names = ["demo/libx.so", "demo/libx.so.1", "demo/libx.so.1.2.3"]
    files = {CORE: module(["libx.so.1"], rpath="$ORIGIN"), **dict.fromkeys(names, content)}
    (item,) = findings(tmp_path, files)
    assert (item.code.name, item.severity) == ("TW426", "warning")
    assert all(name in f"{item.where} {item.message}" for name in names)
    assert "keep libx.so.1" in item.message


def test_equal_modules_of_two_packages_are_no_copies(tmp_path):
    files = {"demo/a/_c.abi3.so": module(exports=["PyInit__c"]), "demo/a/__init__.py": b""}
    files |= {"demo/b/_c.abi3.so": files["demo/a/_c.abi3.so"], "demo/b/__init__.py": b""}
    assert not findings(tmp_path, files, STABLE)
