from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import projects
import pytest
import wheels

from truewheel.build import compile_steps, evidence
from truewheel.build.engines import pep517
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Cell, Package
from truewheel.system import interpreters, processes
from truewheel.wheel import reader

pytestmark = pytest.mark.slow  # starts programs

ENV = projects.ENV
LINUX = f"linux_{projects.ARCH}"
MANYLINUX = f"manylinux_2_28_{projects.ARCH}"


@pytest.fixture(autouse=True)
def running_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running interpreter stands for all: the search is not what is tested here."""
    monkeypatch.setattr(
        interpreters,
        "find",
        lambda *_: interpreters._probed(Path(sys.executable), projects.TAG, ENV),
    )


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(autouse=True)
def shared_environments(tmp_path: Path, environments: Path) -> Iterator[None]:
    """One build environment serves all tests, each in its turn; no link may lead to it."""
    (tmp_path / "build").mkdir()
    environments.rename(tmp_path / "build/env")
    yield
    (tmp_path / "build/env").rename(environments)


def compiled(root: Path, cell: Cell, env: dict[str, str] | None = None, **package: str) -> Path:
    return pep517.compile_wheel(projects.plan(cell, **package), cell, root, {**ENV, **(env or {})})


def refusal(root: Path, cell: Cell, env: dict[str, str] | None = None, **package: str) -> Stop:
    with pytest.raises(Stop) as stopped:
        compiled(root, cell, env, **package)
    assert not list((evidence.work_folder(root, cell.id) / "wheel").glob("*"))
    return stopped.value


# --- the whole step -------------------------------------------------------------------------------


def test_a_native_wheel_has_the_planned_name_but_for_the_platform(tmp_path: Path) -> None:
    cell = projects.cell(version="2.0+nv26.4", build="77", platform_tag=MANYLINUX)
    wheel = compiled(projects.make(tmp_path, native=True), cell)
    assert (
        wheel == tmp_path / f"build/demo__box__{projects.ARCH}__{projects.TAG}/wheel" / wheel.name
    )
    assert wheel.name == cell.wheel.replace(MANYLINUX, LINUX)
    assert list(wheel.parent.iterdir()) == [wheel]
    with reader.open_wheel(wheel) as opened:
        assert opened.metadata.first("Version") == "2.0+nv26.4"
        assert opened.wheel.first("Build") == "77"


def test_a_pure_wheel_has_the_planned_name(tmp_path: Path) -> None:
    cell = projects.cell(build="77")
    assert (
        compiled(projects.make(tmp_path), cell).name == cell.wheel == "demo-1.0-77-py3-none-any.whl"
    )


def test_a_backend_that_names_the_wheel_as_planned_is_believed(tmp_path: Path) -> None:
    cell = projects.cell(build="77", platform_tag=MANYLINUX)
    env = {"DEMO_TAG": cell.tag, "DEMO_BUILD": "77"}
    assert compiled(projects.make(tmp_path, native=True), cell, env).name == cell.wheel


def test_a_second_run_makes_the_same_bytes_and_shares_the_environment(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build/env").rename(tmp_path / "aside")
    root, cell = projects.make(tmp_path), projects.cell(build="77")
    first = compiled(root, cell).read_bytes()
    assert "build environment with no requirements" in capfd.readouterr().err
    assert compiled(root, cell).read_bytes() == first
    assert "build environment" not in capfd.readouterr().err
    assert len([*(root / "build/env").glob("*/complete")]) == 1


@pytest.mark.parametrize("lost", ["complete", "bin/python"])
def test_an_environment_whose_making_was_killed_or_whose_interpreter_is_gone_is_made_anew(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], lost: str
) -> None:
    (tmp_path / "build/env").rename(tmp_path / "aside")
    root, cell = projects.make(tmp_path), projects.cell()
    compiled(root, cell)
    [environment] = (path.parent for path in (root / "build/env").glob("*/complete"))
    (environment / lost).unlink()
    capfd.readouterr()
    compiled(root, cell)
    assert "build environment" in capfd.readouterr().err


def test_the_sources_of_the_project_are_never_touched(tmp_path: Path) -> None:
    root, cell = projects.make(tmp_path), projects.cell(version="9.9")
    before = {path: path.read_bytes() for path in (root / "demo").rglob("*")}
    compiled(root, cell)
    assert {path: path.read_bytes() for path in (root / "demo").rglob("*")} == before


def test_a_project_in_the_root_is_not_copied_into_itself(tmp_path: Path) -> None:
    root, cell = projects.make(tmp_path, path="."), projects.cell()
    projects.write(root, {"dist/old.whl": "", "build/old": ""})
    compiled(root, cell, path=".")
    compiled(root, cell, path=".")
    source = evidence.work_folder(root, cell.id) / "source"
    assert sorted(path.name for path in source.iterdir() if path.name != "__pycache__") == [
        "backend.py",
        "pyproject.toml",
    ]


def test_nothing_stale_leaks_into_a_wheel(tmp_path: Path) -> None:
    cell = projects.cell(build="77")
    root, work = projects.make(tmp_path), evidence.work_folder(tmp_path, cell.id)
    stale = wheels.make(tmp_path, cell.wheel, {"stale.py": b""}).read_bytes()
    places = (
        work / "made",
        work / "made/named",
        work / "wheel",
        root / "dist",
        root / "demo/dist",
        root / "demo/build",
    )
    for folder in places:
        projects.write(folder, {cell.wheel: stale})
    projects.write(work / "source/demo", {"demo/stale.py": "", "native.bin": projects.ELF})
    wheel = compiled(root, cell)
    assert list(wheel.parent.iterdir()) == [wheel]
    with reader.open_wheel(wheel) as opened:
        assert [
            entry.filename
            for entry in opened.entries
            if entry.filename.startswith(("demo/", "stale"))
        ] == ["demo/__init__.py"]


def test_a_wheel_of_an_earlier_run_does_not_outlive_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cell = projects.make(tmp_path), projects.cell()
    compiled(root, cell)
    monkeypatch.setattr(interpreters, "find", lambda *_: None)
    refusal(root, cell)


def test_output_of_the_backend_goes_to_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    backend = projects.BACKEND.replace("def build_wheel", "print('busy')\n\ndef build_wheel")
    projects.write(projects.make(tmp_path), {"demo/backend.py": backend})
    compiled(tmp_path, projects.cell())
    out, err = capfd.readouterr()
    assert out == ""
    assert "busy" in err
    assert "compile demo/any/any/py3: demo-1.0-py3-none-any.whl\n" in err


def test_the_backend_runs_isolated_with_the_time_of_the_sources(tmp_path: Path) -> None:
    hook = (
        "open('seen', 'w').write(repr([os.environ.get(n) for n in ('PYTHONPATH', "
        "'SOURCE_DATE_EPOCH', 'OWN')]))"
    )
    projects.write(projects.make(tmp_path), {"demo/backend.py": f"{projects.BACKEND}\n{hook}\n"})
    cell = projects.cell()
    compiled(
        tmp_path,
        cell,
        {"PYTHONPATH": str(tmp_path), "OWN": "kept", "SOURCE_DATE_EPOCH": "1700000000"},
    )
    seen_there = (evidence.work_folder(tmp_path, cell.id) / "source/demo/seen").read_text()
    assert seen_there == "[None, '1700000000', 'kept']"


def test_further_requirements_of_the_backend_are_installed(tmp_path: Path) -> None:
    library = wheels.make(
        tmp_path, "helper-1.0-py3-none-any.whl", {"helper.py": b"VERSION = '3.0'\n"}
    )
    hook = (
        "\ndef get_requires_for_build_wheel(config_settings=None):\n    return ['helper @ "
        f"{library.as_uri()}']\n"
    )
    backend = projects.BACKEND.replace(
        '    if os.environ.get("DEMO_FAILS")',
        '    import helper\n    if os.environ.get("DEMO_FAILS")',
    )
    projects.write(projects.make(tmp_path), {"demo/backend.py": backend + hook})
    assert compiled(tmp_path, projects.cell(), {"PIP_NO_INDEX": "1"}).is_file()


def test_a_second_build_elsewhere_is_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root, cell = projects.make(tmp_path), projects.cell(build="77")
    wheel = pep517.compile_wheel(projects.plan(cell), cell, root, ENV, twice=True)
    assert "a second build in another folder is bit-identical" in capfd.readouterr().err
    assert [
        path.name for path in evidence.work_folder(root, cell.id).rglob("*.whl") if path != wheel
    ]
    assert (
        json.loads((evidence.work_folder(root, cell.id) / compile_steps.INPUTS).read_text())[
            "rebuilt"
        ]
        == []
    )


def test_a_second_build_that_knows_its_folder_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rooted = projects.BACKEND.replace('b"ANSWER = 42\\n"', "os.getcwd().encode()")
    assert rooted != projects.BACKEND
    projects.write(projects.make(tmp_path), {"demo/backend.py": rooted})
    cell = projects.cell()
    assert pep517.compile_wheel(projects.plan(cell), cell, tmp_path, ENV, twice=True).is_file()
    assert "    demo/__init__.py: content\n" in capfd.readouterr().err
    inputs = json.loads(
        (evidence.work_folder(tmp_path, cell.id) / compile_steps.INPUTS).read_text()
    )
    assert inputs["rebuilt"] == ["demo/__init__.py: content"]


@pytest.mark.parametrize("platform_tag", [MANYLINUX, "any"])
def test_a_compiler_cache_that_is_not_there_is_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], platform_tag: str
) -> None:
    is_native = platform_tag != "any"
    root, cell = projects.make(tmp_path, native=is_native), projects.cell(platform_tag=platform_tag)
    plan = replace(projects.plan(cell), compiler_cache="ccache")
    assert pep517.compile_wheel(plan, cell, root, {**ENV, "PATH": "/nonexistent"}).is_file()
    warning = "WARNING: the compiler_cache ccache is not installed: built without it"
    assert (warning in capfd.readouterr().err) == is_native


# --- what it refuses
# -------------------------------------------------------------------------------


def test_a_pure_wheel_for_a_native_cell_is_explained(tmp_path: Path) -> None:
    stopped = refusal(projects.make(tmp_path), projects.cell(platform_tag=MANYLINUX))
    assert stopped.code is Exit.WHEEL
    tag = projects.TAG
    assert [problem.message for problem in stopped.problems] == [
        f"python tag py3, planned {tag}",
        f"abi tag none, planned {tag}",
        f"platform tag any, planned {MANYLINUX}",
    ]
    assert (
        "declares itself pure (Root-Is-Purelib: true): give setup() ext_modules"
        in stopped.problems[0].hint
    )


@pytest.mark.parametrize(
    ("env", "message", "hint"),
    [
        ({"DEMO_VERSION": "3.0"}, "version 3.0, planned 1.0", "see packages.demo.version.inject"),
        ({"DEMO_BUILD": "5"}, "build tag 5, planned absent", "leave the build tag to the plan"),
        ({"DEMO_TAG": "cp39-abi3-any"}, "python tag cp39, planned py3", "packages.demo.abi"),
        (
            {"DEMO_TAG": "py3-none-linux_sparc"},
            "platform tag linux_sparc, planned any",
            "repair decides",
        ),
    ],
)
def test_a_wheel_that_is_not_the_planned_one_is_refused(
    tmp_path: Path, env: dict[str, str], message: str, hint: str
) -> None:
    stopped = refusal(projects.make(tmp_path), projects.cell(), env)
    assert stopped.code is Exit.WHEEL
    assert stopped.problems[0].message == message
    assert hint in stopped.problems[0].hint


def test_another_distribution_is_refused(tmp_path: Path) -> None:
    wheel = wheels.make(tmp_path, "other-1.0-py3-none-any.whl")
    with pytest.raises(Stop, match="distribution other, planned demo"):
        pep517.check_name(wheel, projects.cell())


def test_a_backend_that_fails_is_said_plainly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stopped = refusal(projects.make(tmp_path), projects.cell(), {"DEMO_FAILS": "1"})
    assert stopped.code is Exit.WHEEL
    assert "the build backend failed" in str(stopped)
    assert "no luck today" in capfd.readouterr().err


@pytest.mark.parametrize(
    "pyproject",
    [
        "[build-system",
        "[build-system]\nrequires = 1\n[project]\nname = 'demo'\nversion = '1.0'\n",
        (
            "[build-system]\nrequires = []\nbuild-backend = 'no_such_backend'\n[project]\nname = "
            "'demo'\nversion = '1.0'\n"
        ),
    ],
)
def test_a_broken_project_is_said_plainly(tmp_path: Path, pyproject: str) -> None:
    projects.write(projects.make(tmp_path), {"demo/pyproject.toml": pyproject})
    assert refusal(tmp_path, projects.cell()).code in {Exit.REFUSED, Exit.WHEEL}


def test_a_missing_interpreter_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "find", lambda *_: None)
    assert "no interpreter for py3" in str(refusal(projects.make(tmp_path), projects.cell()))


@pytest.mark.parametrize("module", ["build"])
def test_a_missing_tool_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    find_spec = processes.importlib.util.find_spec
    monkeypatch.setattr(
        processes.importlib.util,
        "find_spec",
        lambda name: None if name == module else find_spec(name),
    )
    stopped = refusal(projects.make(tmp_path), projects.cell(build="77"))
    assert f"{module} is not installed here" in str(stopped)
    assert "install Truewheel's extra [build]" in str(stopped)


# --- the copy of the sources
# ------------------------------------------------------------------------


def test_the_copy_keeps_places_links_and_the_right_to_execute(tmp_path: Path) -> None:
    root = projects.write(
        tmp_path / "root", {"a/demo/x.py": "x", "a/demo/run": "#!/bin/sh", "a/VERSION": "1.0"}
    )
    (root / "a/demo/run").chmod(0o777)
    (root / "a/demo/x.py").chmod(0o600)
    (root / "a/demo/y.py").symlink_to("x.py")
    package = Package(name="demo", path="a/demo", version_file="a/VERSION")
    compile_steps.copy_sources(evidence.source_files(package, root), tmp_path / "copy")
    assert (tmp_path / "copy/a/VERSION").read_text() == "1.0"
    assert (tmp_path / "copy/a/demo/y.py").readlink() == Path("x.py")
    modes = {
        name: (tmp_path / "copy/a/demo" / name).stat().st_mode & 0o777 for name in ("run", "x.py")
    }
    assert modes == {"run": 0o755, "x.py": 0o644}


# --- how the version gets in
# ------------------------------------------------------------------------


def test_inject_file_writes_the_copied_version_file(tmp_path: Path) -> None:
    root, cell = (
        projects.write(projects.make(tmp_path), {"demo/VERSION": "1.0\n"}),
        projects.cell(version="2.0"),
    )
    assert compiled(root, cell, inject="file", version_file="demo/VERSION").name == cell.wheel
    assert (root / "demo/VERSION").read_text() == "1.0\n"


MATCH = '^release = "(.+)"'


def test_inject_file_writes_the_version_where_it_stands_among_other_things(tmp_path: Path) -> None:
    text = '# top\nrelease = "1.0"\n'
    root, cell = (
        projects.write(projects.make(tmp_path), {"demo/about.py": text}),
        projects.cell(version="2.0"),
    )
    compiled(
        root,
        cell,
        {"DEMO_VERSION": "2.0"},
        inject="file",
        version_file="demo/about.py",
        version_match=MATCH,
    )
    copied = evidence.work_folder(root, cell.id) / "source/demo/about.py"
    assert copied.read_text() == text.replace("1.0", "2.0")


def test_a_file_without_that_place_is_refused(tmp_path: Path) -> None:
    root = projects.write(projects.make(tmp_path), {"demo/VERSION": "1.0\n"})
    stopped = refusal(
        root, projects.cell(), inject="file", version_file="demo/VERSION", version_match=MATCH
    )
    assert "the version 1.0 cannot be put where the match is" in str(stopped)


def test_inject_env_sets_the_variable_of_the_backend(tmp_path: Path) -> None:
    cell = projects.cell(version="2.0")
    assert compiled(projects.make(tmp_path), cell, inject="env:DEMO_VERSION").name == cell.wheel


@pytest.mark.parametrize("platform_tag", ["any", MANYLINUX])
def test_inject_wheel_builds_the_own_version_and_renames_the_wheel(
    tmp_path: Path, platform_tag: str, capfd: pytest.CaptureFixture[str]
) -> None:
    cell = projects.cell(version="2.0+nv26.4", build="77", platform_tag=platform_tag)
    root = projects.make(tmp_path, native=platform_tag != "any")
    wheel = compiled(root, cell, inject="wheel")
    assert wheel.name == cell.wheel.replace(MANYLINUX, LINUX)
    with reader.open_wheel(wheel) as opened:
        assert opened.metadata.first("Version") == "2.0+nv26.4"
        assert opened.dist_info == "demo-2.0+nv26.4.dist-info"
    assert "built as 1.0, which its own code may still say" in capfd.readouterr().err
    pyproject = evidence.work_folder(root, cell.id) / "source/demo/pyproject.toml"
    assert pyproject.read_text() == projects.PYPROJECT


@pytest.mark.parametrize(
    ("spelt", "planned"), [("1.0+nv26.04.cu132", "1.0+nv26.4.cu132"), ("2.0.0-rc.1", "2.0.0rc1")]
)
def test_a_backend_that_does_not_normalise_the_version_is_helped(
    tmp_path: Path, spelt: str, planned: str
) -> None:
    cell = projects.cell(version=planned)
    loose = projects.BACKEND.replace(
        "% version()\n    pure", "% version().replace('-', '_')\n    pure"
    )
    loose = loose.replace(
        '["demo", version(), build', '["demo", version().replace("-", "_"), build'
    )
    projects.write(projects.make(tmp_path), {"demo/backend.py": loose})
    wheel = compiled(tmp_path, cell, {"DEMO_VERSION": spelt})
    assert wheel.name == cell.wheel
    with reader.open_wheel(wheel) as opened:
        assert (opened.dist_info, opened.metadata.first("Version")) == (
            f"demo-{planned}.dist-info",
            spelt,
        )


def test_inject_file_needs_a_version_file(tmp_path: Path) -> None:
    stopped = refusal(projects.make(tmp_path), projects.cell(), inject="file")
    assert "there is no version file" in str(stopped)


# --- the time in the archives
# -----------------------------------------------------------------------


def test_the_time_is_the_environments_else_the_last_commits_else_fixed(tmp_path: Path) -> None:
    alone = {**ENV, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    root = tmp_path / "root"
    root.mkdir()
    assert compile_steps.source_date_epoch(root, alone) == compile_steps.START_OF_2020
    assert (
        compile_steps.source_date_epoch(root, {**alone, "PATH": "/nonexistent"})
        == compile_steps.START_OF_2020
    )
    git = {**alone, "GIT_COMMITTER_DATE": "@1700000000 +0000", "GIT_CONFIG_GLOBAL": os.devnull}
    name = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "init", "-q", root], check=True, env=git)
    subprocess.run(
        ["git", "-C", root, *name, "commit", "-q", "--allow-empty", "-m", "x"], check=True, env=git
    )
    assert compile_steps.source_date_epoch(root, alone) == "1700000000"
    assert compile_steps.source_date_epoch(root, {**alone, "SOURCE_DATE_EPOCH": ""}) == "1700000000"
    assert compile_steps.source_date_epoch(root, {**alone, "SOURCE_DATE_EPOCH": "5"}) == "5"


def test_a_backend_that_leaves_two_wheels_is_refused(tmp_path: Path) -> None:
    two = projects.BACKEND.replace(
        "    return name\n",
        "    open(os.path.join(folder, 'x.whl'), 'w').close()\n    return name\n",
    )
    projects.write(projects.make(tmp_path), {"demo/backend.py": two})
    assert "the build backend left demo-1.0-py3-none-any.whl, x.whl" in str(
        refusal(tmp_path, projects.cell())
    )


def test_a_wheel_at_odds_with_itself_gets_no_build_tag(tmp_path: Path) -> None:
    odd = projects.BACKEND.replace('Tag: %s\\n" % (pure, tag)', 'Tag: py2-none-any\\n" % pure')
    assert odd != projects.BACKEND
    projects.write(projects.make(tmp_path), {"demo/backend.py": odd})
    stopped = refusal(tmp_path, projects.cell(build="77"))
    assert "the file name py3-none-any" in str(stopped)
