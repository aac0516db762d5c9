from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import projects
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from truewheel.build import evidence
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Fact, Package

PYTHON = Path(sys.executable)
RECORD = {
    "version": 1,
    "cell": "demo/any/any/py3",
    "wheel": "demo-1.0-py3-none-any.whl",
    "sha256": "0" * 64,
}


def names(root: Path, **package: str) -> list[str]:
    return [source.name for source in sources(root, **package)]


def sources(root: Path, **package: str) -> list[evidence.Source]:
    return evidence.source_files(Package(**{"name": "demo", "path": "demo", **package}), root)


def digest(root: Path, **package: str) -> str:
    one = projects.cell()
    return evidence.inputs_digest(projects.plan(one, **package), one, root, PYTHON)


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    evidence.write(tmp_path / "dist", RECORD)
    assert (tmp_path / "dist/evidence/demo__any__any__py3.json").is_file()
    assert evidence.read(tmp_path / "dist", "demo/any/any/py3") == RECORD
    assert list(evidence.read_all(tmp_path / "dist")) == [RECORD]


def test_equal_records_are_equal_bytes(tmp_path: Path) -> None:
    evidence.write(tmp_path / "one", RECORD)
    evidence.write(tmp_path / "two", dict(reversed(RECORD.items())))
    one, two = (
        evidence.path(tmp_path / name, str(RECORD["cell"])).read_bytes() for name in ("one", "two")
    )
    assert one == two


def test_no_evidence_is_none(tmp_path: Path) -> None:
    assert evidence.read(tmp_path, "demo/any/any/py3") is None
    assert list(evidence.read_all(tmp_path)) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 99}', "\udcff"])
def test_damaged_evidence_is_said_plainly(tmp_path: Path, text: str) -> None:
    evidence.write(tmp_path, RECORD)
    evidence.path(tmp_path, "demo/any/any/py3").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Stop, match="damaged evidence") as stopped:
        evidence.read(tmp_path, "demo/any/any/py3")
    assert stopped.value.code is Exit.WHEEL
    assert stopped.value.problems[0].hint == "remove the file and build its cell again"


def test_sources_are_the_files_of_the_folder_and_the_version_file(tmp_path: Path) -> None:
    projects.write(
        tmp_path,
        {"demo/setup.py": "", "demo/src/demo/a.py": "", "VERSION": "1.0", "other/b.py": ""},
    )
    assert names(tmp_path, version_file="VERSION") == [
        "VERSION",
        "demo/setup.py",
        "demo/src/demo/a.py",
    ]
    assert names(tmp_path, path="./other/../demo/") == ["demo/setup.py", "demo/src/demo/a.py"]


def test_what_builds_and_tools_leave_is_not_source(tmp_path: Path) -> None:
    leftovers = (
        "build/x",
        "dist/x.whl",
        ".git/HEAD",
        ".venv/bin/python",
        "node_modules/x",
        "demo.egg-info/PKG-INFO",
    )
    projects.write(
        tmp_path, dict.fromkeys([*leftovers, "src/demo.egg-info/x", "src/__pycache__/a.pyc"], "")
    )
    sources = ["setup.py", "src/build/a.py", "src/dist/a.py"]
    projects.write(tmp_path, dict.fromkeys(sources, ""))
    assert names(tmp_path, path=".") == sources
    assert names(tmp_path.parent, path=tmp_path.name) == [
        f"{tmp_path.name}/{name}" for name in sources
    ]


def test_links_within_the_folder_and_absolute_ones_stay_links(tmp_path: Path) -> None:
    projects.write(tmp_path, {"demo/a.py": "", "demo/inner/b.py": "", "outer/c.py": ""})
    (tmp_path / "demo/a_too.py").symlink_to("a.py")
    (tmp_path / "demo/inner_too").symlink_to("inner")
    (tmp_path / "demo/opt").symlink_to(tmp_path / "outer")
    (tmp_path / "demo/nowhere").symlink_to("../missing")
    (tmp_path / "demo/itself").symlink_to("itself")
    links = {source.name: source.link for source in sources(tmp_path) if source.link}
    assert links == {
        "demo/a_too.py": "a.py",
        "demo/inner_too": "inner",
        "demo/opt": str(tmp_path / "outer"),
        "demo/nowhere": "../missing",
        "demo/itself": "itself",
    }


def test_what_a_relative_link_out_of_the_folder_leads_to_takes_its_place(tmp_path: Path) -> None:
    projects.write(
        tmp_path, {"demo/a.py": "", "LICENSE": "free", "common/x.py": "", "common/deep/y.py": ""}
    )
    (tmp_path / "demo/LICENSE").symlink_to("../LICENSE")
    (tmp_path / "demo/common").symlink_to("../common")
    (tmp_path / "common/a.py").symlink_to("../demo/a.py")
    assert [(source.name, source.link) for source in sources(tmp_path)] == [
        ("demo/LICENSE", ""),
        ("demo/a.py", ""),
        ("demo/common/a.py", ""),
        ("demo/common/deep/y.py", ""),
        ("demo/common/x.py", ""),
    ]


@pytest.mark.parametrize("target", ["..", "../common"])
def test_links_in_a_circle_are_refused(tmp_path: Path, target: str) -> None:
    projects.write(tmp_path, {"demo/a.py": "", "common/x.py": ""})
    (tmp_path / "demo/link").symlink_to(target)
    (tmp_path / "common/back").symlink_to("../common")
    with pytest.raises(Stop, match="leads in a circle"):
        sources(tmp_path)


@pytest.mark.parametrize("field", ["path", "version_file"])
@pytest.mark.parametrize("outside", ["../outside", "/etc", "demo/../../outside", "link"])
def test_a_path_out_of_the_root_is_refused(tmp_path: Path, field: str, outside: str) -> None:
    root = projects.write(tmp_path / "root", {"demo/a.py": ""})
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to("../outside")
    with pytest.raises(Stop, match="leaves the folder of the spec") as stopped:
        sources(root, **{field: outside})
    assert stopped.value.code is Exit.REFUSED


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"path": "missing"}, "there is no folder missing"),
        ({"path": "build"}, "build is the folder for builds"),
        ({"path": "build/x"}, "build/x is the folder for builds"),
        ({"version_file": "VERSION"}, "there is no file VERSION"),
        ({"version_file": "demo"}, "there is no file demo"),
    ],
)
def test_a_path_without_sources_is_refused(
    tmp_path: Path, fields: dict[str, str], message: str
) -> None:
    projects.write(tmp_path, {"demo/a.py": "", "build/x/a.py": ""})
    with pytest.raises(Stop, match=message):
        sources(tmp_path, **fields)


def test_unreadable_sources_are_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    projects.make(tmp_path)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(Stop, match="cannot be read: Permission denied"):
        sources(tmp_path)


def test_the_digest_is_of_content_not_of_time_or_place(tmp_path: Path) -> None:
    one, two = projects.make(tmp_path / "one"), projects.make(tmp_path / "two")
    projects.write(two, {"demo/__pycache__/a.pyc": "", "demo/build/x": "", "README.md": "beside"})
    (two / "demo/backend.py").touch()
    assert digest(one) == digest(one) == digest(two)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "demo/backend.py").write_text(projects.BACKEND + "\n"),
        lambda root: (root / "demo/new.py").write_text(""),
        lambda root: (root / "demo/backend.py").rename(root / "demo/renamed.py"),
        lambda root: (root / "demo/backend.py").chmod(0o755),
        lambda root: (root / "demo/link").symlink_to("backend.py"),
        lambda root: (root / "VERSION").write_text("1.1"),
    ],
)
def test_a_change_of_the_sources_changes_the_digest(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    projects.write(projects.make(tmp_path), {"VERSION": "1.0"})
    before = digest(tmp_path, version_file="VERSION")
    change(tmp_path)
    assert digest(tmp_path, version_file="VERSION") != before


def test_a_change_of_what_a_link_leads_to_changes_the_digest(tmp_path: Path) -> None:
    projects.write(projects.make(tmp_path), {"common/x.py": "1"})
    (tmp_path / "demo/common").symlink_to("../common")
    before = digest(tmp_path)
    (tmp_path / "common/x.py").write_text("2")
    assert digest(tmp_path) != before


def test_a_change_of_the_plan_changes_the_digest_but_the_way_to_a_fact_does_not(
    tmp_path: Path,
) -> None:
    projects.make(tmp_path)
    one = projects.cell()

    def of(**changes: object) -> str:
        cell = one._replace(**changes)  # type: ignore[arg-type]
        return evidence.inputs_digest(projects.plan(cell), cell, tmp_path, PYTHON)

    assert of(build="7") != of()
    assert of(version="1.1") != of()
    assert of(facts={"base": Fact(value="1.0")}) != of()
    fact = Fact(
        value="1.0", source="env:X", origin="-v", raw="1.0", skipped=(("env:Y", "is not set"),)
    )
    assert of(facts={"base": fact, "cuda": Fact(value=None)}) == of()


def test_another_toolchain_changes_the_digest(tmp_path: Path) -> None:
    projects.make(tmp_path)
    one = projects.cell(platform_tag="manylinux_2_28_x86_64")
    plan = projects.plan(one)
    other = replace(plan, targets={"box": replace(plan.targets["box"], toolchain="zig")})
    digests = {evidence.inputs_digest(plan_, one, tmp_path, PYTHON) for plan_ in (plan, other)}
    assert len(digests) == 2


def test_another_interpreter_changes_the_digest(tmp_path: Path) -> None:
    projects.make(tmp_path)
    one = projects.cell()
    plan = projects.plan(one)
    assert digest(tmp_path) != evidence.inputs_digest(
        plan, one, tmp_path, Path("/nonexistent/python")
    )


def test_a_fresh_folder_is_empty(tmp_path: Path) -> None:
    projects.write(tmp_path, {"work/old/file": ""})
    assert list(evidence.fresh_folder(tmp_path / "work").iterdir()) == []


def test_a_folder_that_cannot_be_emptied_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match="cannot be made empty"):
        evidence.fresh_folder(tmp_path / "file")


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers(), max_size=5))
@example({"nv": "\udcff"})  # what a variable that is not UTF-8 becomes
def test_any_record_survives(
    tmp_path_factory: pytest.TempPathFactory, facts: dict[str, object]
) -> None:
    out = tmp_path_factory.mktemp("dist")
    record = {**RECORD, "facts": facts}
    evidence.write(out, record)
    assert evidence.read(out, str(RECORD["cell"])) == json.loads(json.dumps(record))
