"""What init proposes for GitLab."""

from __future__ import annotations

import pytest

from truewheel.forges.gitlab import proposal


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("job: {script: [make]}\n", ()),
        ("stages: [a, b]\njob: !reference [x, y]\n", ("a", "b")),
        ("stages: [a]\nstages: [b]\n", ("b",)),  # as GitLab reads it
        ("spec: {inputs: {x: {}}}\n---\nstages: [a]\n", ()),
        ("stages: a\n", ()),
        ("- stages: [a]\n", ()),
        ("[", ()),
        ("", ()),
    ],
)
def test_the_stages_of_a_hand_written_pipeline_are_read(text: str, stages: tuple[str, ...]):
    assert proposal.read_stages(text) == stages
