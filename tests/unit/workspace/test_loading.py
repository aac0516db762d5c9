"""What a command reads from disk: the spec, base versions, policies and plans.

What cannot be read is reported with a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from specs import SMALL, plan_of, project

from truewheel.errors import Exit, Stop
from truewheel.plan import plan_file
from truewheel.workspace import loading
from truewheel.workspace.loading import Workspace

FROM_PROJECT = "truewheel: 1\npackages: {foo: {path: src/foo}}\ntargets: {rhel8: {}}\n"


def load(folder: Path, text: str = SMALL, files: Mapping[str, str] | None = None) -> Workspace:
    return loading.load(None, project(folder, text, files))


def refusal(function: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(Stop) as stopped:
        function(*arguments)
    assert stopped.value.code is Exit.REFUSED
    return str(stopped.value)


@pytest.mark.parametrize("content", [b"text\n", b"\xef\xbb\xbftext\n", b"\xff", None])
def test_a_file_is_its_text_or_nothing(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    is_text = content is not None and content.endswith(b"text\n")
    assert loading.read_text(tmp_path / "file") == ("text\n" if is_text else None)
    assert loading.read_text(tmp_path) is None
    assert loading.read_text(Path("/\0")) is None


def test_the_spec_is_found_in_the_nearest_folder_above(tmp_path: Path):
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    project(tmp_path)
    project(tmp_path / "a")
    assert loading.find_spec(None, inner) == tmp_path / "a/truewheel.yml"
    assert loading.load(None, inner).root == tmp_path / "a"
    assert loading.find_root(None, inner) == tmp_path / "a"


def test_without_a_spec_the_current_folder_is_the_root_of_a_written_plan(tmp_path: Path):
    assert loading.find_root(None, tmp_path) == tmp_path
    assert "no truewheel.yml in" in refusal(loading.find_spec, None, tmp_path)


def test_a_spec_may_have_another_name_and_place(tmp_path: Path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/other.yml").write_text(SMALL)
    space = loading.load(str(tmp_path / "x/other.yml"), Path("/"))
    assert (space.root, space.spec.document.file) == (tmp_path / "x", "other.yml")


@pytest.mark.parametrize("text", ["1.0\n", "1.0", "  1.0  \n\n", "\ufeff1.0\r\n"])
def test_a_version_file_holds_a_version_and_nothing_else(tmp_path: Path, text: str):
    assert load(tmp_path, files={"VERSION": text}).versions() == {"foo": ("1.0", "VERSION")}


@pytest.mark.parametrize("text", ["", "\n", "1.0 2.0", "version = 1.0"])
def test_another_version_file_is_refused_with_its_line(tmp_path: Path, text: str):
    message = refusal(load(tmp_path, files={"VERSION": text}).versions)
    assert message.startswith(
        "truewheel.yml:2:34: VERSION: must hold one version and nothing else\n"
    )
    assert "hint: such as 2.69.0.dev0" in message


PLACED = SMALL.replace("file: VERSION", "file: VERSION, match: '^version = \"(.+)\"'")


def test_a_version_may_stand_among_other_things(tmp_path: Path):
    text = '[package]\nname = "foo"\nversion = "1.0"\n[x]\nversion = "2.0"\n'
    assert load(tmp_path, PLACED, {"VERSION": text}).versions() == {"foo": ("1.0", "VERSION")}


@pytest.mark.parametrize("text", ["", 'x version = "1.0"', "1.0"])
def test_a_file_without_what_matches_is_refused_with_its_line(tmp_path: Path, text: str):
    message = refusal(load(tmp_path, PLACED, {"VERSION": text}).versions)
    assert message.startswith("truewheel.yml:2:34: VERSION: holds nothing that matches ^version")


def test_a_version_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path):
    space = load(tmp_path)
    (tmp_path / "VERSION").write_bytes(b"\xff")
    assert "VERSION: is not there or is not text" in refusal(space.versions)
    (tmp_path / "VERSION").unlink()
    assert "VERSION: is not there or is not text" in refusal(space.versions)
    (tmp_path / "VERSION").mkdir()
    assert "VERSION: is not there or is not text" in refusal(space.versions)


def test_the_version_may_stand_in_the_project(tmp_path: Path):
    space = load(tmp_path, FROM_PROJECT, {"src/foo/pyproject.toml": "[project]\nversion = '2.0'\n"})
    assert space.versions() == {"foo": ("2.0", "src/foo/pyproject.toml")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[project]\nname = 'foo'\n", "has no [project] version"),
        ("[project]\nversion = 2\n", "has no [project] version"),
        ("project = 'foo'\n", "has no [project] version"),
        ("[project\n", "is not TOML: "),
        ("x = " + "[" * 100_000, "is not TOML: "),
    ],
)
def test_a_project_without_a_version_is_refused_with_its_line(
    tmp_path: Path, text: str, expected: str
):
    message = refusal(
        load(tmp_path, FROM_PROJECT.replace("src/foo", "."), {"pyproject.toml": text}).versions
    )
    assert message.startswith(f"truewheel.yml:2:17: pyproject.toml: {expected}")


def test_a_policy_that_asks_for_no_version_needs_none(tmp_path: Path):
    naming = (
        "naming: {facts: {day: {from: ['vcs:date']}}, channels: {only: {version: '1.{day}'}}}\n"
    )
    assert load(tmp_path, FROM_PROJECT + naming).versions() == {"foo": ("", "")}


def test_all_missing_versions_are_reported_at_once(tmp_path: Path):
    text = "truewheel: 1\ntargets: {rhel8: {}}\n"
    text += "packages: {foo: {version: {file: A}}, bar: {version: {file: B}}}\n"
    message = refusal(load(tmp_path, text).versions)
    assert "A: is not there" in message
    assert "B: is not there" in message


def test_every_built_in_policy_can_be_read(tmp_path: Path):
    assert {"plain", "triton-2026.04"} <= loading.builtin_policies().keys()
    for name in loading.builtin_policies():
        assert loading.read_policy(name, tmp_path, "naming").name == name


def test_a_policy_may_be_a_file_below_the_spec(tmp_path: Path):
    space = load(
        tmp_path,
        SMALL + "naming: ci/own.yml\n",
        {"ci/own.yml": "channels: {only: {version: '1'}}\n"},
    )
    assert (space.policy.name, [channel.name for channel in space.policy.channels]) == (
        "own",
        ["only"],
    )


def test_a_bad_policy_file_is_reported_with_its_own_name_and_lines(tmp_path: Path):
    space = load(
        tmp_path,
        SMALL + "naming: ci/own.yml\n",
        {"ci/own.yml": "channels:\n  only: {verison: '1'}\n"},
    )
    assert refusal(lambda: space.policy).startswith(
        "ci/own.yml:2:10: unknown key 'verison'\n    hint: did you mean version?"
    )


@pytest.mark.parametrize("name", ["triton", "ci/none.yml", "."])
def test_a_policy_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, name: str):
    message = refusal(lambda: load(tmp_path, SMALL + f"naming: {name}\n").policy)
    assert message.startswith(f"truewheel.yml:5:9: no policy '{name}'\n    hint: built in: ")


def test_a_plan_is_searched_in_the_folder_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()
    assert refusal(loading.read_plan, None, Path("dist")).startswith(
        "dist/plan.json: no dist/plan.json and no plan.json\n"
    )
    plan = plan_of("packages: {foo: {}}\ntargets: {rhel8: {}}\n")
    (tmp_path / "plan.json").write_text(plan_file.write(plan))
    assert loading.read_plan(None, Path("dist")) == (plan, Path("plan.json"))
    (tmp_path / "dist/plan.json").write_text(plan_file.write(plan))
    assert loading.read_plan(None, Path("dist"))[1] == Path("dist/plan.json")
    assert loading.read_plan("plan.json", Path("dist"))[1] == Path("plan.json")


def test_a_plan_that_cannot_be_read_is_reported(tmp_path: Path):
    assert "no nothing.json" in refusal(loading.read_plan, "nothing.json", tmp_path)
    (tmp_path / "plan.json").write_bytes(b"\xff")
    message = refusal(loading.read_plan, None, tmp_path)
    assert "plan.json: cannot be read as text\n    hint: write it again" in message


OUTSIDE = "packages: {foo: {version: {file: VERSION}}}\ntargets: {rhel8: {}}\n"


@pytest.mark.parametrize("is_link", [True, False])
@pytest.mark.parametrize("kind", ["file", "json", "extends", "version", "lock"])
def test_no_file_outside_of_the_specs_folder_is_read(tmp_path: Path, kind: str, is_link: bool):
    outside, root = tmp_path / "secret.yml", tmp_path / "root"
    outside.write_text('{"a": "hush"}')
    path = "inner/link.yml" if is_link else "../secret.yml"
    facts = {
        "file": f"{{extends: plain, facts: {{a: {{from: ['file:{path}'], otherwise: drop}}}}}}",
        "json": f"{{extends: plain, facts: {{a: {{from: ['json:{path}#/a'], otherwise: drop}}}}}}",
        "extends": f"{{extends: {path}}}",
    }
    text = OUTSIDE.replace("VERSION", path if kind == "version" else "VERSION")
    project(root, f"truewheel: 1\n{text}naming: {facts.get(kind, 'plain')}\n")
    (root / "inner").mkdir()
    (root / "inner/link.yml").symlink_to(outside)
    if kind == "lock":
        (root / "truewheel.lock").symlink_to(outside)
    reads = {
        "file": lambda space: space.text(path),
        "json": lambda space: space.text(path),
        "extends": lambda space: space.policy,
        "version": Workspace.versions,
        "lock": lambda space: space.lock,
    }
    message = refusal(lambda: reads[kind](loading.load(None, root)))
    by_schema = kind in {"version", "extends"} and not is_link
    assert ("is not allowed" if by_schema else "leaves the folder of the spec") in message
    assert "hush" not in message


def test_a_link_within_the_folder_is_read(tmp_path: Path):
    space = load(tmp_path / "root", files={"inner/VERSION": "2.0\n"})
    (tmp_path / "root/VERSION").unlink(missing_ok=True)
    (tmp_path / "root/VERSION").symlink_to("inner/VERSION")
    assert space.versions() == {"foo": ("2.0", "VERSION")}
    assert space.text("inner/../VERSION") == "2.0\n"
