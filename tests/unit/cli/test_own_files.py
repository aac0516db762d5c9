"""Files of a project that its pipeline includes."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run
from specs import SMALL

GOOD = "mine: {stage: wheel, script: [make], needs: [plan]}\n"
PLACE = "truewheel.yml:6:13"


def include(folder: Path, entry: str, files: dict[str, str], more: str = "") -> None:
    (folder / "truewheel.yml").write_text(f"{SMALL}gitlab:\n  include: [{entry}]\n{more}")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.mark.parametrize("layout", ["include", "children"])
@pytest.mark.parametrize(
    ("entry", "text", "message"),
    [
        ("ci/none.yml", GOOD, "there is no file ci/none.yml"),
        ("{local: /ci/none.yml}", GOOD, "there is no file ci/none.yml"),
        ("ci/own.txt", GOOD, "must end in .yml or .yaml"),
        ("ci/own.yml", "a: [b", "ci/own.yml:1:"),
        ("ci/own.yml", "", "the file is empty"),
        ("ci/own.yml", "- a\n", "must be a mapping"),
        ("ci/own.yml", GOOD + "other: {scripts: [a]}\n", "ci/own.yml:2:9: "),
        ("ci/own.yml", "mine: {stage: nowhere, script: [a]}\n", "nowhere"),
        ("ci/own.yml", "mine: {stage: wheel, script: [a], needs: [plam]}\n", "plam"),
        ("ci/own.yml", "include: [deep.yml]\n", "there is no file deep.yml"),
    ],
)
def test_a_missing_or_broken_file_is_found_with_its_place_in_the_spec(
    here: Path, truewheel: Run, layout: str, entry: str, text: str, message: str
):
    good = {"ci/own.yml": GOOD, "ci/own.txt": ""}
    include(here, "ci/own.yml", good, f"  layout: {layout}\n")
    assert truewheel("generate")[0::2] == (0, "")
    assert truewheel("check")[0] == 0
    include(here, entry, {"ci/own.yml": text}, f"  layout: {layout}\n")
    for command in ("check", "generate"):
        code, _, err = truewheel(command)
        assert (code, err.startswith(f"{PLACE}: ")) == (2, True), err
        assert message in err


@pytest.mark.parametrize(
    "entry",
    [
        "{project: group/ci, file: lint.yml}",
        "{remote: 'https://ci.example/a.yml'}",
        "{template: Jobs/SAST.gitlab-ci.yml}",
        "{component: ci.example/group/part@1.0}",
        "'ci/*.yml'",
        "/ci/own.yml",
        "{local: $WHICH}",
    ],
)
def test_a_good_file_or_one_elsewhere_is_no_problem(here: Path, truewheel: Run, entry: str):
    include(here, entry, {"ci/own.yml": GOOD})
    assert truewheel("generate")[0::2] == (0, "")
    assert truewheel("check")[0] == 0


def test_no_file_is_read_that_a_link_leads_out_to(here: Path, truewheel: Run, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.yml"
    outside.write_text("hidden words")
    include(here, "own.yml", {})
    (here / "own.yml").symlink_to(outside)
    code, _, err = truewheel("generate")
    assert code == 2
    assert "hidden" not in err
