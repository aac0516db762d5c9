"""Renewed pins in generated files are accepted and locked; every other edit is a difference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import project

from truewheel.cli import pipeline_files
from truewheel.forges.github.actions import PINS as PINS_OF_OURS
from truewheel.forges.github.actions import Pin
from truewheel.workspace import loading, renewed_pins
from truewheel.workspace.loading import Workspace
from truewheel.workspace.lock_file import Lock

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}, smoke: smoke.py}}
targets:
  rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8', test_image: 'registry.example/t:1'}
  new: {floor: manylinux_2_39, base: 'registry.example/el:8-new'}
pythons: ['3.12']
indexes:
  internal: {url: 'https://index.example/legacy/', credentials: {password: INDEX_TOKEN}}
gitlab: {}
github: {}
"""
IMAGES = ("registry.example/el:8", "registry.example/el:8-new", "registry.example/t:1")
LOCK = Lock({image: f"sha256:{number:064x}" for number, image in enumerate(IMAGES)})
ACTIONS = ("actions/checkout", "actions/setup-python", "pypa/gh-action-pypi-publish")
PINS = re.compile(
    r"(?<=@)[0-9a-f]{40}' # v[0-9.]*|sha256:[0-9a-f]{64}|(?<===)[^ ]+|(?<=uses: ')[^']+"
)
"""What a pin is made of: an edit there may make another pin."""

Edits = Mapping[str, str]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = project(tmp_path_factory.mktemp("project"), SPEC, {"smoke.py": ""})
    return loading.load(str(folder / "truewheel.yml"), folder).with_lock(LOCK)


@pytest.fixture(scope="module")
def texts(space: Workspace) -> Mapping[str, str]:
    return generated(space)


def generated(space: Workspace) -> Mapping[str, str]:
    return pipeline_files.generate_files(space, warn=False).texts


def with_files(space: Workspace, texts: Mapping[str, str], edited: Edits) -> Lock:
    """Return the lock with the pins of edited files."""
    contents = {path: text.encode() for path, text in {**texts, **edited}.items()}
    return renewed_pins.read(space.lock, texts, contents.get)[0]


def is_accepted(space: Workspace, texts: Mapping[str, str], edited: Edits) -> bool:
    """Return whether generating with the pins of the files gives these very files."""
    lock = with_files(space, texts, edited)
    return generated(space.with_lock(lock)) == {**texts, **edited}


def replaced(texts: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    edited = {path: text.replace(old, new) for path, text in texts.items() if old in text}
    assert edited, old
    return edited


def line_of(texts: Mapping[str, str], part: str) -> str:
    lines = (line for text in texts.values() for line in text.splitlines())
    return next(line for line in lines if part in line)


commits = st.text("0123456789abcdef", min_size=40, max_size=40)
digests = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
hashes = st.lists(digests, min_size=1, max_size=4, unique=True)
tags = st.lists(st.integers(8, 10**6), min_size=1, max_size=3).map(
    lambda numbers: "v" + ".".join(map(str, numbers))
)
actions = st.dictionaries(st.sampled_from(ACTIONS), st.builds(Pin, commits, tags))
images = st.dictionaries(st.sampled_from(IMAGES), digests)
versions = st.tuples(st.integers(1, 99), st.integers(0, 99)).map("{0[0]}.{0[1]}.0".format)


@given(actions=actions, images=images, version=st.none() | versions, sums=hashes)
def test_renewed_pins_are_accepted_and_locked(
    space: Workspace,
    texts: Mapping[str, str],
    actions: dict[str, Pin],
    images: dict[str, str],
    version: str | None,
    sums: list[str],
):
    edited = dict(texts)
    for name, pin in actions.items():
        old = line_of(texts, f"{name}@").split("'")[1]
        pattern = re.compile(rf"{re.escape(old)}' # \S+")
        new = f"{name}@{pin.commit}' # {pin.tag}"
        edited = {path: pattern.sub(new, text) for path, text in edited.items()}
    for image, digest in images.items():
        edited |= replaced(edited, f"{image}@{LOCK.digests[image]}", f"{image}@{digest}")
    if version:
        path = "pipelines/publish-requirements.txt"
        header = edited[path].splitlines()[0]
        lines = [f"uv=={version}", *(f"    --hash={digest}" for digest in sums)]
        edited[path] = f"{header}\n" + " \\\n".join(lines) + "\n"

    lock = with_files(space, texts, edited)

    assert generated(space.with_lock(lock)) == edited
    assert lock.actions == actions
    assert lock.digests == {**LOCK.digests, **images}
    assert set(lock.requirements) == ({"uv"} if version else set())


@given(data=st.data())
def test_every_other_edit_of_one_character_is_a_difference(
    space: Workspace, texts: Mapping[str, str], data: st.DataObject
):
    path = data.draw(st.sampled_from(sorted(texts)))
    text = texts[path]
    pinned = {at for match in PINS.finditer(text) for at in range(*match.span())}
    at = data.draw(st.integers(0, len(text) - 1).filter(lambda at: at not in pinned))
    new = data.draw(st.sampled_from(["", *"a0'# \n@é-"]))
    edit = text[:at] + new + text[at + 1 :]
    if edit == text:
        return

    assert not is_accepted(space, texts, {path: edit})


def checkout(texts: Mapping[str, str]) -> str:
    return line_of(texts, "actions/checkout@").split("uses: ")[1]


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "pin",
    [
        f"'actions/checkout@{COMMIT}' # v1.0.0",
        f"'actions/checkout@{COMMIT}' # v6",
        f"'actions/checkout@{COMMIT}'",
        f"'actions/checkout@{COMMIT}' # main",
        f"'actions/checkout@{COMMIT}' # v99.0.0 and more",
        f"'actions/checkout@{COMMIT[1:]}' # v99.0.0",
        f"'actions/checkout@{COMMIT.upper()}' # v99.0.0",
        "'actions/checkout@v99' # v99.0.0",
        f"'other/checkout@{COMMIT}' # v99.0.0",
        f"'actions/checkout@{COMMIT}' # v{'9' * 5000}",
    ],
)
def test_an_older_or_malformed_action_is_a_difference(
    space: Workspace, texts: Mapping[str, str], pin: str
):
    assert not is_accepted(space, texts, replaced(texts, checkout(texts), pin))


@pytest.mark.parametrize("tag", [PINS_OF_OURS["actions/checkout"].tag, "v99", "v99.0"])
def test_a_comment_may_stay_or_name_a_moving_tag(
    space: Workspace, texts: Mapping[str, str], tag: str
):
    """Dependabot keeps the comment where it knows no tag of the commit."""
    edited = replaced(texts, checkout(texts), f"'actions/checkout@{COMMIT}' # {tag}")
    assert is_accepted(space, texts, edited)


def test_a_pin_that_only_some_files_have_is_a_difference(
    space: Workspace, texts: Mapping[str, str]
):
    edited = replaced(texts, checkout(texts), f"'actions/checkout@{COMMIT}' # v99.0.0")
    assert is_accepted(space, texts, edited)
    path, text = edited.popitem()
    assert not is_accepted(space, texts, edited)
    assert with_files(space, texts, edited) == space.lock
    edited[path] = text.replace("v99.0.0", "v99.0.1")
    assert with_files(space, texts, edited) == space.lock


REQUIREMENTS = "pipelines/publish-requirements.txt"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"uv==\S+", "uv==0.0.1"),
        (r"uv==\S+", "uw==99.0"),
        (r"uv==\S+", "uv>=99.0"),
        (r"uv==\S+", "uv==ninety"),
        (r"uv==\S+", "--index-url https://index.example/ uv==99.0"),
        (r"--hash=sha256:.", "--hash=sha256:g"),
        (r"sha256:[0-9a-f]{64}\n", f"sha256:{'0' * 64}\n"),
        (r"(uv==)\S+ \\\n(    --hash=\S+( \\)?\n)+", r"\g<1>99.0\n"),
        (r"\Z", f"other==1.0 \\\\\n    --hash=sha256:{'0' * 64}\n"),
    ],
)
def test_other_requirements_are_a_difference(
    space: Workspace, texts: Mapping[str, str], old: str, new: str
):
    edit = re.sub(old, new, texts[REQUIREMENTS], count=1)
    assert edit != texts[REQUIREMENTS]
    assert not is_accepted(space, texts, {REQUIREMENTS: edit})


def test_a_digest_that_stands_in_the_spec_is_a_difference(tmp_path: Path):
    digest = f"sha256:{'1' * 64}"
    spec = SPEC.replace("registry.example/t:1", f"registry.example/t:1@{digest}")
    folder = project(tmp_path, spec, {"smoke.py": ""})
    space = loading.load(str(folder / "truewheel.yml"), folder).with_lock(LOCK)
    texts = generated(space)
    assert not is_accepted(space, texts, replaced(texts, digest, f"sha256:{'2' * 64}"))


def test_a_requirement_that_is_older_than_ours_is_not_used():
    text = f"uv==2.0 \\\n    --hash=sha256:{'0' * 64}\n"
    for version in ("1.0", "2.0", "!"):
        locked = {"uv": f"{version} --hash=sha256:{'1' * 64}"}
        assert renewed_pins.with_requirements(text, locked) == text
    locked = {"uv": f"3.0 --hash=sha256:{'1' * 64}"}
    assert renewed_pins.with_requirements(text, locked) == (
        f"uv==3.0 \\\n    --hash=sha256:{'1' * 64}\n"
    )


# What jobs install Truewheel with

TOOL = f"tool: {{requirement: truewheel==0.2.0, hashes: ['sha256:{'a' * 64}']}}\n"
TOOL_REQUIREMENTS = "pipelines/truewheel-requirements.txt"


@pytest.fixture
def with_tool(tmp_path: Path) -> Workspace:
    folder = project(tmp_path, SPEC + TOOL, {"smoke.py": ""})
    return loading.load(str(folder / "truewheel.yml"), folder).with_lock(LOCK)


def test_a_renewed_dependency_of_truewheel_is_accepted_and_locked(with_tool: Workspace):
    texts = generated(with_tool)
    new = f"packaging==999.0 \\\\\n    --hash=sha256:{'1' * 64}\n"
    edit = re.sub(r"packaging==\S+ \\\n(    --hash=\S+( \\)?\n)+", new, texts[TOOL_REQUIREMENTS])
    assert edit != texts[TOOL_REQUIREMENTS]
    assert is_accepted(with_tool, texts, {TOOL_REQUIREMENTS: edit})


def test_another_truewheel_than_that_of_the_spec_is_a_difference(with_tool: Workspace):
    texts = generated(with_tool)
    edited = replaced(texts, "truewheel==0.2.0 ", "truewheel==0.3.0 ")
    assert not is_accepted(with_tool, texts, edited)
    assert with_files(with_tool, texts, edited) == with_tool.lock
