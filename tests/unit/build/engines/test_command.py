"""A command that makes several wheels.

What it is told, which of its files are taken, and what it may not do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import projects
import pytest
import wheels
from specs import plan_of

from truewheel import cli
from truewheel.build import evidence
from truewheel.build.engines.command import INPUTS, build_wheels, variables
from truewheel.errors import Exit, Stop
from truewheel.plan import plan_file
from truewheel.plan.matrix import Host
from truewheel.plan.model import QUALITY, Plan
from truewheel.system import files, interpreters
from truewheel.wheel import reader

pytestmark = pytest.mark.slow  # starts programs

LINUX = f"linux_{projects.ARCH}"
MANYLINUX = f"manylinux_2_28_{projects.ARCH}"
TAG = f"{projects.TAG}-{projects.TAG}"
PLACE = f"host/{projects.ARCH}/{projects.TAG}"
BATCH = f"tree/{PLACE}"
NAMING = {"CI_PIPELINE_ID": "77", "NVIDIA_UPSTREAM_VERSION": "26.04"}
SPEC = """\
packages: {foo: {}, bar: {}}
builds:
  tree:
    path: tree
    command: %s
    wheels: {foo: 'a/foo-*.whl', bar: '**/bar-*.whl'}
targets: {ubuntu24.04: {}}
naming: triton-2026.04
"""
# Stands for a build: its wheels are made already, links among them stay links.
MAKE = """\
import json, os, shutil, sys
print("making", *sys.argv[1:])
shutil.copytree("made", os.environ["TRUEWHEEL_OUTPUT"], dirs_exist_ok=True, symlinks=True)
prefixes = ("TRUEWHEEL_", "SOURCE_DATE", "CC", "CXX")
told = {name: text for name, text in os.environ.items() if name.startswith(prefixes)}
told["here"] = os.getcwd()
told["entries"] = sorted(os.listdir())
open(os.environ["TRUEWHEEL_OUTPUT"] + "/told.json", "w").write(json.dumps(told))
if os.path.exists("fails"):
    print("no luck today")
    sys.exit(3)
"""


@pytest.fixture(autouse=True)
def running_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running interpreter stands for all: the search is not what is tested here."""
    interpreter = interpreters._probed(Path(sys.executable), projects.TAG, projects.ENV)
    monkeypatch.setattr(interpreters, "find", lambda *_: interpreter)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def root(tmp_path: Path, environments: Path) -> Iterator[Path]:
    """A tree whose command makes both wheels; one build environment serves all tests."""
    (tmp_path / "build").mkdir()
    environments.rename(tmp_path / "build/env")
    yield projects.write(tmp_path, {"tree/make.py": MAKE, "tree/made/.keep": ""})
    (tmp_path / "build/env").rename(environments)


def planned(*command: str, values: Mapping[str, str] = NAMING) -> Plan:
    text = SPEC % json.dumps(command or ("python", "make.py", "a b", "$HOME"))
    host = Host(projects.ARCH, "manylinux_2_28", (projects.TAG,))
    return plan_of(text, host=host, overrides=values)


def name(package: str, version: str = "1.0+nv26.4-77", platform: str = MANYLINUX) -> str:
    return f"{package}-{version}-{TAG}-{platform}.whl"


def put(root: Path, filename: str, folder: str = "a") -> Path:
    """Let the command make a good wheel of that name."""
    place = root / "tree/made" / folder
    place.mkdir(parents=True, exist_ok=True)
    return wheels.make(place, filename, {f"{filename.partition('-')[0]}/_core.so": projects.ELF})


def built(
    root: Path, plan: Plan | None = None, env: Mapping[str, str] = projects.ENV
) -> list[Path]:
    plan = plan or planned()
    return build_wheels(plan, BATCH, plan.cells, root, env)


def told(root: Path) -> dict[str, str]:
    return dict(json.loads((evidence.work_folder(root, BATCH) / "output/told.json").read_text()))


def refusal(root: Path, plan: Plan | None = None) -> list[str]:
    """The messages of a refusal; no wheel is left for repair."""
    with pytest.raises(Stop) as stopped:
        built(root, plan)
    assert stopped.value.code is Exit.WHEEL
    assert all(problem.hint for problem in stopped.value.problems)
    assert not list(root.glob("build/*/wheel/*"))
    return [f"{problem.where}: {problem.message}" for problem in stopped.value.problems]


# --- the wheels that are taken
# ------------------------------------------------------------------------


def test_wheels_that_are_repaired_and_named_already_are_left_alone(root: Path) -> None:
    sources = [put(root, name("foo")), put(root, name("bar"), "deep/er")]
    names = built(root)
    assert [path.read_bytes() for path in names] == [path.read_bytes() for path in sources]
    assert names == [
        root / f"build/{package}__{PLACE.replace('/', '__')}/wheel" / name(package)
        for package in ("foo", "bar")
    ]


def test_wheels_that_wait_for_repair_keep_their_platform(root: Path) -> None:
    sources = [put(root, name(package, platform=LINUX)) for package in ("foo", "bar")]
    names = built(root)
    assert [path.name for path in names] == [
        name("foo", platform=LINUX),
        name("bar", platform=LINUX),
    ]
    assert [path.read_bytes() for path in names] == [path.read_bytes() for path in sources]


@pytest.mark.parametrize("platform", [LINUX, MANYLINUX])
@pytest.mark.parametrize("version", ["1.0", "1.0+nv26.4", "1.0-77", "1.0.0"])
def test_a_wheel_without_local_version_or_build_tag_is_named_before_repair(
    root: Path, version: str, platform: str
) -> None:
    put(root, name("foo", version, platform))
    put(root, name("bar"))
    made = built(root)[0]
    assert made.name == name("foo", platform=platform)
    with reader.open_wheel(made) as wheel:
        assert wheel.metadata.first("Version") == "1.0+nv26.4"
        assert wheel.wheel.first("Build") == "77"
        assert wheel.wheel.first("Tag") == f"{TAG}-{platform}"


@pytest.mark.parametrize("platform", [LINUX, MANYLINUX])
def test_a_wheel_gets_the_project_name_and_the_label_of_its_policy(
    root: Path, platform: str
) -> None:
    policy = """
    distribution: '{package}-cu12'
    facts: {base: {from: ['package:version']}, package: {from: ['cell:package']}}
    channels: {default: {version: '{base}', label: [cuda]}}
    """
    spec = SPEC % '["python", "make.py"]' + "variant_labels: true\n"
    plan = plan_of(spec, policy=policy, host=Host(projects.ARCH, "manylinux_2_28", (projects.TAG,)))
    for package in ("foo", "bar"):
        put(root, name(package, "1.0", platform))
    made = built(root, plan)[0]
    label = "-cuda" if platform == MANYLINUX else ""  # repair adds it to what it repairs
    assert made.name == f"foo_cu12-1.0-{TAG}-{platform}{label}.whl"
    with reader.open_wheel(made) as wheel:
        assert wheel.metadata.first("Name") == "foo-cu12"
        entries = {entry.filename for entry in wheel.entries}
    assert ("foo_cu12-1.0.dist-info/variant.json" in entries) == bool(label)


def test_nothing_of_an_earlier_build_is_taken(root: Path) -> None:
    output = f"build/{BATCH.replace('/', '__')}/output"
    projects.write(
        root,
        dict.fromkeys(("tree/dist/foo-9.whl", "tree/build/foo-9.whl", f"{output}/a/foo-9.whl"), ""),
    )
    put(root, name("foo"))
    put(root, name("bar"))
    first = built(root)
    assert told(root)["entries"] == ["made", "make.py"]
    (root / "tree/made/a" / name("bar")).unlink()
    assert "no wheel matches **/bar-*.whl" in refusal(root)[0]
    put(root, name("bar"))
    assert built(root) == first


def test_one_wheel_of_two_can_be_asked_for_and_the_command_is_told_of_both(root: Path) -> None:
    put(root, name("bar"))
    plan = planned()
    assert [
        path.name for path in build_wheels(plan, BATCH, plan.cells[1:], root, projects.ENV)
    ] == [name("bar")]
    assert told(root)["TRUEWHEEL_CELL"] == f"foo/{PLACE},bar/{PLACE}"


def test_a_link_to_a_wheel_beside_it_is_no_second_wheel(root: Path) -> None:
    put(root, name("bar"))
    put(root, name("foo"))
    (root / "tree/made/a/foo-latest.whl").symlink_to(name("foo"))
    assert [path.name for path in built(root)] == [name("foo"), name("bar")]


# --- what the command is told
# -------------------------------------------------------------------------


def test_the_command_is_told_the_plan_and_nothing_that_is_empty(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(root, name("foo"))
    put(root, name("bar"))
    leftover = {
        "TRUEWHEEL_FACT_CUDA": "129",
        "TRUEWHEEL_VENV": "/x",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    built(root, env={**projects.ENV, **leftover})
    values = told(root)
    output = evidence.work_folder(root, BATCH) / "output"
    assert values.pop("here") == str(evidence.work_folder(root, BATCH) / "source/tree")
    assert values.pop("TRUEWHEEL_PYTHON").startswith(f"{root}/build/env/{projects.TAG}-")
    values.pop("entries")
    assert values == {
        "TRUEWHEEL_OUTPUT": str(output),
        "TRUEWHEEL_CELL": f"foo/{PLACE},bar/{PLACE}",
        "TRUEWHEEL_TARGET": "host",
        "TRUEWHEEL_ARCH": projects.ARCH,
        "TRUEWHEEL_VERSION": "1.0+nv26.4",
        "TRUEWHEEL_BUILD_TAG": "77",
        "TRUEWHEEL_PYTHON_TAG": projects.TAG,
        "TRUEWHEEL_ABI_TAG": projects.TAG,
        "TRUEWHEEL_PLATFORM_TAG": MANYLINUX,
        "TRUEWHEEL_WHEEL_FOO": name("foo"),
        "TRUEWHEEL_WHEEL_BAR": name("bar"),
        "TRUEWHEEL_FACT_BASE": "1.0",
        "TRUEWHEEL_FACT_NV": "26.04",
        "TRUEWHEEL_FACT_PIPELINE": "77",
        "SOURCE_DATE_EPOCH": "1700000000",
    }
    assert "making a b $HOME\n" in capfd.readouterr().err, "no shell reads the command"


def test_a_value_in_which_the_wheels_differ_is_left_out() -> None:
    one, other = planned().cells
    values = variables([one, other._replace(version="2.0", wheel=name("bar", "2.0"))])
    assert "TRUEWHEEL_VERSION" not in values
    assert values["TRUEWHEEL_BUILD_TAG"] == "77"
    assert values["TRUEWHEEL_WHEEL_BAR"] == name("bar", "2.0")


def test_requirements_come_first_on_the_path(root: Path) -> None:
    library = wheels.make(root, "helper-1.0-py3-none-any.whl", {"helper.py": b"import make"})
    put(root, name("foo"))
    put(root, name("bar"))
    plan = planned("python", "-c", "import sys; sys.path.insert(0, '.'); import helper")
    needing = replace(plan.builds["tree"], requires=(f"helper @ {library.as_uri()}",))
    plan = replace(plan, builds={"tree": needing})
    assert len(built(root, plan, {**projects.ENV, "PIP_NO_INDEX": "1"})) == 2


def test_a_second_run_in_another_folder_tells_what_differs(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(root, name("foo"))
    put(root, name("bar"))
    program = (
        "import make, os, pathlib, zipfile; out = pathlib.Path(os.environ['TRUEWHEEL_OUTPUT']);"
        "a = zipfile.ZipFile(next(out.glob('a/foo-*.whl')), 'a'); a.writestr('foo/where', "
        "os.getcwd()); a.close()"
    )
    plan = planned("python", "-c", "import sys; sys.path.insert(0, '.'); " + program)
    build_wheels(plan, BATCH, plan.cells, root, projects.ENV, twice=True)
    rebuilt = [
        json.loads((evidence.work_folder(root, cell.id) / INPUTS).read_text())["rebuilt"]
        for cell in plan.cells
    ]
    assert rebuilt[0][0].startswith("foo/where: content")
    assert rebuilt[1] == []
    err = capfd.readouterr().err
    assert f"compile {plan.cells[0].id}: WARNING: a second build" in err
    assert f"compile {plan.cells[1].id}: a second build in another folder is bit-identical" in err


def test_a_command_has_its_compilers_behind_the_cache(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ccache").write_text("#!/bin/sh\n")
    (tmp_path / "bin/ccache").chmod(0o755)
    put(root, name("foo"))
    put(root, name("bar"))
    env = {**projects.ENV, "PATH": f"{tmp_path / 'bin'}:{projects.ENV['PATH']}", "CC": "gcc-12"}
    built(root, replace(planned(), compiler_cache="ccache"), env)
    assert (told(root)["CC"], told(root)["CXX"]) == ("ccache gcc-12", "ccache c++")


# --- what it refuses
# ----------------------------------------------------------------------------------


def test_a_command_that_is_not_there(root: Path) -> None:
    assert refusal(root, planned("no-such-tool", "x")) == [
        "no-such-tool: cannot be started: No such file or directory"
    ]


def test_a_command_that_fails_is_said_after_its_last_lines(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    projects.write(root, {"tree/fails": ""})
    put(root, name("foo"))
    put(root, name("bar"))
    assert refusal(root) == ["builds.tree: the command failed (exit status 3): python"]
    assert capfd.readouterr().err.endswith("no luck today\n")


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], f"no wheel matches a/foo-*.whl; there is b/{name('bar')}"),
        (
            [f"x/{name('foo')}"],
            f"no wheel matches a/foo-*.whl; there are b/{name('bar')}, x/{name('foo')}",
        ),
        (
            [f"a/{name('foo')}", f"a/{name('foo', '0.9')}"],
            f"2 wheels match a/foo-*.whl: there are a/{name('foo', '0.9')}, a/{name('foo')}",
        ),
    ],
    ids=["only another", "elsewhere", "two"],
)
def test_not_exactly_one_wheel_is_told_with_what_there_is(
    root: Path, others: list[str], message: str
) -> None:
    for path in (f"b/{name('bar')}", *others):
        put(root, Path(path).name, str(Path(path).parent))
    assert refusal(root) == [f"builds.tree.wheels.foo: {message}"]


def test_a_command_that_makes_nothing(root: Path) -> None:
    nothing = "the command left no wheel in TRUEWHEEL_OUTPUT"
    assert refusal(root) == [
        f"builds.tree.wheels.foo: no wheel matches a/foo-*.whl; {nothing}",
        f"builds.tree.wheels.bar: no wheel matches **/bar-*.whl; {nothing}",
    ]


@pytest.mark.parametrize(
    ("actual", "difference"),
    [
        (name("foo", "2.0"), "version 2.0, planned 1.0+nv26.4"),
        (name("foo", "1.0+nv26.3"), "version 1.0+nv26.3, planned 1.0+nv26.4"),
        (name("foo", "1.0-5"), "build tag 5, planned 77"),
        (name("foo", platform="linux_sparc"), f"tag {TAG}-linux_sparc, planned {TAG}-{MANYLINUX}"),
        (
            name("foo", platform=f"manylinux_2_17_{projects.ARCH}"),
            f"tag {TAG}-manylinux_2_17_{projects.ARCH}, planned {TAG}-{MANYLINUX}",
        ),
        (
            f"foo-1.0-cp39-cp39-{MANYLINUX}.whl",
            f"tag cp39-cp39-{MANYLINUX}, planned {TAG}-{MANYLINUX}",
        ),
        (
            "foo-3.0-5-py3-none-any.whl",
            "version 3.0, planned 1.0+nv26.4; build tag 5, planned 77; tag py3-none-any, ",
        ),
    ],
)
def test_a_wheel_that_is_not_the_planned_one(root: Path, actual: str, difference: str) -> None:
    put(root, actual)
    put(root, name("bar"))
    (problem,) = refusal(root)
    planned_name = name("foo")
    assert problem.startswith(
        f"builds.tree.wheels.foo: {actual} is not the planned {planned_name}: {difference}"
    )


def test_a_wheel_of_another_package(root: Path) -> None:
    put(root, name("bar"), "b")
    plan = planned()
    wider = replace(plan.builds["tree"], wheels={"foo": "b/*.whl", "bar": "b/*.whl"})
    assert refusal(root, replace(plan, builds={"tree": wider})) == [
        (
            f"builds.tree.wheels.foo: {name('bar')} is not the planned {name('foo')}: name bar, "
            "planned foo"
        )
    ]


def test_a_wheel_outside_of_the_output(root: Path) -> None:
    put(root, name("bar"))
    stale = wheels.make(root, name("foo"))
    (root / "tree/made/a" / name("foo")).symlink_to(stale)
    assert refusal(root) == [
        f"builds.tree.wheels.foo: a/foo-*.whl leads out of the build, to {stale}"
    ]


def test_what_is_no_wheel(root: Path) -> None:
    put(root, name("bar"))
    (root / "tree/made/a" / name("foo", "1.0")).write_text("no zip")
    (problem,) = refusal(root)
    assert name("foo", "1.0") in problem
    assert "zip" in problem


def test_all_that_is_wrong_is_told_at_once(root: Path) -> None:
    put(root, name("foo", "2.0"))
    put(root, name("bar", "3.0"))
    assert [problem.partition(":")[0] for problem in refusal(root)] == [
        "builds.tree.wheels.foo",
        "builds.tree.wheels.bar",
    ]


# --- the whole job
# ------------------------------------------------------------------------------------


def test_the_commands_of_a_job_take_all_of_its_cells(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sources = [put(root, name("foo")), put(root, name("bar"))]
    monkeypatch.chdir(root)
    files.write_text(root / "plan.json", plan_file.write(planned()))
    cells = ["--cell", f"foo/{PLACE},bar/{PLACE}"]
    assert cli.main(["compile", *cells]) == Exit.OK
    assert cli.main(["repair", *cells]) == Exit.OK
    assert "repaired and named already, no change" in capfd.readouterr().err
    cli.main(["validate", *cells, "--report"])
    for package, source in zip(("foo", "bar"), sources):
        assert (root / "dist" / name(package)).read_bytes() == source.read_bytes()
        record = evidence.read(root / "dist", f"{package}/{PLACE}")
        assert record is not None
        assert (record["repaired"], record["tools"]["auditwheel"], record["tools"]["build"]) == (
            "before",
            "",
            "",
        )
        report = evidence.path(root / "dist", f"{package}/{PLACE}").with_suffix(".xml").read_text()
        assert name(package) in report
        assert report.count("<testsuite ") == 1


def test_what_is_found_in_a_job_is_shown_by_both_forges(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for package in ("foo", "bar"):
        put(root, name(package))
    monkeypatch.chdir(root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    files.write_text(root / "plan.json", plan_file.write(planned()))
    cells = ["--cell", f"foo/{PLACE},bar/{PLACE}"]
    assert cli.main(["compile", *cells]) == cli.main(["repair", *cells]) == Exit.OK
    capfd.readouterr()
    words = ["validate", *cells, "--report", "--index", "pypi"]
    assert cli.main(words) == Exit.WHEEL
    report = json.loads((root / "dist" / QUALITY).read_text())
    assert len(report) > 1, "no local versions there"
    assert "::error" not in capfd.readouterr().out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert cli.main(words) == Exit.WHEEL
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("::")]
    assert len(lines) == len(report)
    assert all(issue["check_name"] in line for issue, line in zip(report, lines))
