"""Wheels that are installed and loaded for real."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import loads
import projects
import pytest
from paths import SOURCE, UNIT

from truewheel.build import install_set, load, verdicts
from truewheel.build.verdicts import NotTried, Verdict
from truewheel.plan.model import Cell

INIT = {"__init__.py": ""}
CORE = f"_core{loads.SUFFIX}"
LIBRARY = "int used(void) { return 0; }"
PURE = {
    "plain": {"__init__.py": "ANSWER = 42"},
    "raises": {"__init__.py": "raise RuntimeError('no device here')"},
    "leaves": {"__init__.py": "import sys; sys.exit(0)"},
    "ends": {"__init__.py": "import os; os._exit(0)"},
    "lacks": {"__init__.py": "import foo_that_nobody_requires.part"},
    "unfinished": {"__init__.py": "<<<<<<< HEAD\nX = 1\n"},
    "dataless": {"__init__.py": "open(__file__[:-11] + 'table.json')"},
    "fileless": {"__init__.py": "open('/nothing/here')"},
    "incomplete": {"__init__.py": "from . import missing_part"},
    "nothing": {"data.txt": "x"},
    "forges": {
        "__init__.py": "import sys\nopen(sys.argv[2], 'w').write('{\"end\": []}')\n"
        "import os\nos.unlink(sys.argv[2])\nos.mkfifo(sys.argv[2])\n"
    },
    "looks": {
        "__init__.py": "import os\nbad = [n for n in os.environ if 'TOKEN' in n or 'PIP_' in n]\n"
        "assert not bad, bad\nassert os.getcwd() != os.environ['HOME']\nassert not os.listdir()\n"
    },
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes | str]]:
    """The files of packages with an extension, by what is wrong with it."""
    if not (shutil.which("cc") and loads.has_headers()):
        pytest.skip("needs a C compiler and the headers of this Python")
    folder = tmp_path_factory.mktemp("code")

    def library(name: str) -> list[str]:
        loads.compile_c(folder, name, LIBRARY, f"-Wl,-soname,{name}")
        return [str(folder / name)]

    uses = {"extra": "extern int used(void);", "body": "used()"}
    make = loads.extension
    away = [*library("libelsewhere.so.1"), f"-Wl,-rpath,{folder}"]
    beside = [*library("libbeside.so.1"), "-Wl,-rpath,$ORIGIN"]
    files: dict[str, dict[str, bytes | str]] = {
        "good": {CORE: make(folder, "good")},
        "symbol": {
            CORE: make(folder, "symbol", extra="extern int nowhere(void);", body="nowhere()")
        },
        "noinit": {CORE: loads.compile_c(folder, "noinit", LIBRARY)},
        "renamed": {"_core.so": make(folder, "renamed", init="other")},
        "aborts": {CORE: make(folder, "aborts", body="abort()")},
        "library": {CORE: make(folder, "library", *library("libnowhere.so.5"), **uses)},
        "driver": {CORE: make(folder, "driver", *library("libcuda.so.1"), **uses)},
        "stranger": {CORE: make(folder, "stranger", *away, **uses)},
        "excluded": {CORE: make(folder, "excluded", *away, **uses)},
        "bundled": {
            CORE: make(folder, "bundled", *beside, **uses),
            "libbeside.so.1": (folder / "libbeside.so.1").read_bytes(),
        },
        "hidden": {
            "__init__.py": "try:\n    from . import _core\nexcept ImportError:\n    pass\n",
            CORE: make(folder, "hidden", *library("libnowhere.so.6"), **uses),
        },
        "skipped": {CORE: make(folder, "skipped", body="abort()")},
        "opened": {
            "__init__.py": f"import ctypes; ctypes.CDLL({str(folder / 'libelsewhere.so.1')!r})",
            CORE: make(folder, "opened"),
        },
        "opener": {
            "__init__.py": "import ctypes, os; ctypes.CDLL(os.path.dirname(__file__) + '/libx.so')",
            "libx.so": loads.compile_c(
                folder, "libx.so", LIBRARY, "-Wl,--no-as-needed", *library("libnowhere.so.7")
            ),
        },
        "optional": {
            "__init__.py": "import ctypes\ntry:\n    "
            f"ctypes.CDLL({str(folder / 'libelsewhere.so.1')!r})\nexcept OSError:\n    pass\n",
            CORE: make(folder, "optional"),
        },
        "raw": {
            "__init__.py": "",
            "raw.py": "import ctypes",
            CORE: loads.compile_c(folder, "raw", LIBRARY),
        },
        "tool": {
            "__init__.py": "import ctypes, os; ctypes.CDLL(os.path.dirname(__file__) + '/liby.so')",
            "liby.so": loads.compile_c(folder, "liby.so", LIBRARY),
        },
    }
    return {name: {**INIT, **members} for name, members in files.items()}


@pytest.fixture(scope="module")
def tried(
    tmp_path_factory: pytest.TempPathFactory, compiled: dict[str, dict[str, bytes | str]]
) -> dict[str, Verdict]:
    """The verdict on each of these packages: all are loaded at once, as a job does it."""
    root = tmp_path_factory.mktemp("set")
    cells = [
        *(loads.cell(name) for name in compiled),
        *(loads.cell(n, platform="any") for n in PURE),
    ]
    for cell in cells:
        files = {**compiled, **PURE}[cell.package]
        loads.make(root, cell, {f"{cell.package}/{name}": data for name, data in files.items()})
    plan = loads.plan(
        *cells,
        excluded={"exclude": ("libelsewhere.so.*",)},
        skipped={"load_skip": ("skipped._core",)},
    )
    session = loads.session(plan, root, {"JOB_TOKEN": "hidden"})
    results = load.load_cells(session, cells, lambda _: None)
    assert results.obstacles == {}
    assert set(results.verdicts) == {
        record.verdict for record in verdicts.read_all(root / "dist").values()
    }
    return {verdict.cell.split("/")[0]: verdict for verdict in results.verdicts}


def core(name: str) -> tuple[str, ...]:
    return (name, f"{name}._core")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["good", "excluded", "bundled"])
def test_a_healthy_extension_is_loaded(tried: dict[str, Verdict], name: str) -> None:
    verdict = tried[name]
    assert (verdict.verdict, verdict.problems, verdict.warnings) == ("loaded", (), ())
    assert verdict.modules == core(name)
    assert (verdict.python, verdict.machine) == (projects.TAG, projects.ARCH)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("symbol", "undefined symbol: nowhere"),
        ("noinit", "does not define module export function (PyInit__core)"),
        ("renamed", "does not define module export function (PyInit__core)"),
        ("aborts", "aborts._core: killed: Aborted while it was imported"),
        ("library", "libnowhere.so.5: cannot open shared object file"),
        ("hidden", "libnowhere.so.6: cannot open shared object file"),
        ("opener", "libnowhere.so.7: cannot open shared object file"),
        ("stranger", f"stranger/{CORE} needs "),
        ("opened", "libelsewhere.so.1 of this machine: neither the platform tag nor exclude"),
        ("ends", "ends: the process ended without an exception while it was imported"),
        ("incomplete", "cannot import name 'missing_part'"),
        ("unfinished", "SyntaxError: "),
        ("dataless", "table.json"),
    ],
)
def test_what_cannot_be_loaded_fails(tried: dict[str, Verdict], name: str, problem: str) -> None:
    verdict = tried[name]
    assert verdict.verdict == "failed"
    assert any(problem in text for text in verdict.problems), verdict.problems


@pytest.mark.slow
def test_what_no_wheel_can_bring_is_noted(tried: dict[str, Verdict]) -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has the driver")
    verdict = tried["driver"]
    assert (verdict.verdict, verdict.loaded_up_to) == ("loaded", "libcuda.so.1")
    assert verdict.summary == "loaded (up to libcuda.so.1)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("raises", "raises: RuntimeError: no device here"),
        ("leaves", "leaves: SystemExit: 0"),
        (
            "fileless",
            "fileless: FileNotFoundError: [Errno 2] No such file or directory: '/nothing/here'",
        ),
    ],
)
def test_other_exceptions_are_warnings(tried: dict[str, Verdict], name: str, warning: str) -> None:
    assert (tried[name].verdict, tried[name].warnings) == ("loaded", (warning,))


@pytest.mark.slow
def test_what_was_not_loaded_is_not_called_so(tried: dict[str, Verdict]) -> None:
    assert tried["lacks"].verdict == "installed"
    assert tried["lacks"].not_tried == (NotTried("lacks", "foo_that_nobody_requires"),)
    assert tried["nothing"].verdict == "installed"


@pytest.mark.slow
def test_a_library_that_it_does_without_is_a_warning(tried: dict[str, Verdict]) -> None:
    verdict = tried["optional"]
    assert (verdict.verdict, verdict.problems) == ("loaded", ())
    assert "it opened " in verdict.warnings[0]


@pytest.mark.slow
def test_a_file_like_a_module_that_the_wheel_opens_itself_is_fine(
    tried: dict[str, Verdict],
) -> None:
    assert (tried["raw"].verdict, tried["raw"].problems, tried["raw"].warnings) == (
        "loaded",
        (),
        (),
    )


@pytest.mark.slow
def test_a_report_that_was_forged_decides_about_its_own_wheel_alone(
    tried: dict[str, Verdict],
) -> None:
    assert (tried["forges"].verdict, tried["forges"].modules) == ("installed", ())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "looks", "tool", "skipped"])
def test_neighbours_of_these_pass(tried: dict[str, Verdict], name: str) -> None:
    assert (tried[name].verdict, tried[name].problems) == ("loaded", ())
    assert tried[name].modules == (name,)


def pure(root: Path, name: str, code: str = "", requires: tuple[str, ...] = ()) -> Cell:
    cell = loads.cell(name, platform="any")
    loads.make(root, cell, {f"{name}/__init__.py": code}, requires)
    return cell


@pytest.mark.slow
def test_what_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = pure(
        tmp_path,
        "slow",
        "import subprocess, time\nsubprocess.Popen(['sleep', '77'])\ntime.sleep(77)",
    )
    monkeypatch.setattr(load, "SECONDS", 0.5)
    (verdict,) = load.load_cells(
        loads.session(loads.plan(cell), tmp_path), [cell], lambda _: None
    ).verdicts
    assert verdict.problems == ("slow: no end after 0 s while it was imported",)
    assert not subprocess.run(
        ["pgrep", "-f", "^sleep 77$"], check=False, capture_output=True
    ).stdout


@pytest.mark.slow
def test_requirements_of_the_set_come_from_the_set(tmp_path: Path) -> None:
    """An index may hold the same version with other bytes."""
    lower = pure(tmp_path, "lower", "WHERE = 'set'")
    upper = pure(
        tmp_path, "upper", "import lower; assert lower.WHERE == 'set', lower.WHERE", ("lower==1.0",)
    )
    index = tmp_path / "index"
    index.mkdir()
    shutil.copytree(tmp_path / "dist", index / "lower")
    loads.make(tmp_path / "index", lower, {"lower/__init__.py": "WHERE = 'index'"})
    shutil.copy(tmp_path / "index/dist" / lower.wheel, index / "lower" / lower.wheel)
    plan = loads.plan(lower, upper, upper={"abi": "none", "smoke": "smoke.py"})
    (tmp_path / "smoke.py").write_text("import lower; assert lower.WHERE == 'set'")
    for settings in ({}, {"PIP_NO_INDEX": "", "PIP_FIND_LINKS": str(index / "lower")}):
        session = loads.session(plan, tmp_path, settings)
        (verdict,) = load.load_cells(session, [upper], lambda _: None).verdicts
        assert (verdict.verdict, verdict.problems, verdict.warnings) == ("tested", (), ())
    (tmp_path / "dist" / lower.wheel).unlink()
    (verdict,) = load.load_cells(session, [upper], lambda _: None).verdicts
    assert verdict.verdict == "failed"
    assert "missing" in verdict.problems[0]


@pytest.mark.slow
def test_uv_is_looked_for_before_there_are_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    find = install_set.find_uv

    def watched() -> str | None:
        names.append(threading.current_thread().name)
        return find()

    monkeypatch.setattr(install_set, "find_uv", watched)
    cell = pure(tmp_path, "demo")
    load.load_cells(loads.session(loads.plan(cell), tmp_path), [cell], lambda _: None)
    assert names[0] == "MainThread"
    assert len(set(names)) > 1


def test_without_uv_pip_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_set, "find_uv", lambda: None)
    lower = pure(tmp_path, "lower", "WHERE = 'set'")
    upper = pure(tmp_path, "upper", "import lower", ("lower",))
    session = loads.session(loads.plan(lower, upper), tmp_path)
    (verdict,) = load.load_cells(session, [upper], lambda _: None).verdicts
    assert (verdict.verdict, verdict.modules) == ("loaded", ("upper",))


@pytest.mark.slow
def test_what_pip_would_not_take_by_name_fails(tmp_path: Path) -> None:
    cell = pure(tmp_path, "demo")
    other = loads.cell("demo", platform="any")._replace(wheel="demo-2.0-py3-none-any.whl")
    (tmp_path / "dist" / cell.wheel).rename(tmp_path / "dist" / other.wheel)
    session = loads.session(loads.plan(other), tmp_path)
    (verdict,) = load.load_cells(session, [other], lambda _: None).verdicts
    assert verdict.verdict == "failed"
    assert "cannot be installed" in verdict.problems[0]


def test_a_file_that_is_no_wheel_fails_and_ends_nothing_else(tmp_path: Path) -> None:
    cell = pure(tmp_path, "demo")
    (tmp_path / "dist" / cell.wheel).write_bytes(b"another")
    session = loads.session(loads.plan(cell), tmp_path)
    (verdict,) = load.load_cells(session, [cell], lambda _: None).verdicts
    assert verdict.verdict == "failed"
    assert "not a readable zip file" in verdict.problems[0]


@pytest.mark.slow
def test_what_was_said_of_the_same_bytes_holds(tmp_path: Path) -> None:
    cell = pure(tmp_path, "demo")
    session = loads.session(loads.plan(cell), tmp_path)
    heard: list[Verdict] = []
    load.load_cells(session, [cell], heard.append, reuse=True)
    again = load.load_cells(session, [cell], heard.append, reuse=True)
    assert len(heard) == 1
    assert again.verdicts == heard
    pure(tmp_path, "demo", "import nothing_of_this_name")
    (other,) = load.load_cells(session, [cell], heard.append, reuse=True).verdicts
    assert other.verdict == "installed"


@pytest.mark.parametrize(
    ("cell", "obstacle"),
    [
        (loads.cell("a")._replace(arch="sparc"), "needs sparc, this machine is"),
        (loads.cell("a", platform=f"musllinux_1_2_{projects.ARCH}"), "cannot be installed on this"),
        (loads.cell("a", python="cp39"), "no interpreter for cp39 on this machine"),
        (loads.cell("b"), "is missing"),
    ],
)
def test_what_cannot_be_tried_here_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: Cell, obstacle: str
) -> None:
    monkeypatch.setattr(load.interpreters, "find", lambda *_: None)
    if cell.package == "a":
        loads.make(tmp_path, cell, {})
    selection = load.select(loads.session(loads.plan(cell), tmp_path), [cell])
    assert selection.attempts == []
    assert obstacle in selection.obstacles[cell.id]


def test_a_stable_abi_is_tried_on_the_lowest_and_the_highest_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = loads.cell("a", python="cp311")
    loads.make(tmp_path, cell, {})
    here = {tag: Path(f"/{tag}") for tag in ("cp310", "cp311", "cp312", "cp313", "cp313t")}
    monkeypatch.setattr(load.interpreters, "found", lambda _: here)
    session = loads.session(loads.plan(cell, a={"abi": "abi3"}), tmp_path)
    pythons = [attempt.python for attempt in load.select(session, [cell]).attempts]
    assert pythons == ["cp311", "cp313"]
    monkeypatch.setattr(load.interpreters, "find", lambda tag, _: here.get(tag))
    pythons = [attempt.python for attempt in load.select(session, [cell], "cp312").attempts]
    assert pythons == ["cp312"]
    assert load.select(session, [cell], "cp310") == ([], {})


@pytest.mark.slow
def test_an_interrupt_ends_what_was_started(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    pure(tmp_path, "slow", f"import time; open({str(marker)!r}, 'w').close(); time.sleep(55)")
    code = (
        f"import sys; sys.path[:0] = {[str(SOURCE), str(UNIT)]!r}\n"
        "import loads, pathlib, signal\nfrom truewheel.build import load\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"root = pathlib.Path({str(tmp_path)!r}); cell = loads.cell('slow', platform='any')\n"
        "session = loads.session(loads.plan(cell), root)\n"
        "load.load_cells(session, [cell], lambda _: None)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert child.wait(30) != 0
    assert time.monotonic() - started < 10
