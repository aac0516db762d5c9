"""What `init` proposes for GitLab."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

import yaml

from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.forges.kind import Proposal, Row
from truewheel.spec import yaml_source
from truewheel.spec.yaml_writer import scalar
from truewheel.system import architectures

IMAGE_WITH_GIT = "docker.io/library/python:3.12"
HOSTED = "gitlab.com"
ENTRY = "ci/wheels.yml"
"""The file that a hand-written .gitlab-ci.yml includes."""
GITLAB_STAGES = ("build", "test", "deploy")
OURS = (("container", "wheel"), ("test", "prove", "review"), ("publish",))
"""Our stages that stand for each of GitLab's own."""


def propose(proposal: Proposal) -> Iterator[Row]:
    """Return the lines of the key gitlab."""
    rows: list[Row] = []
    if PARENT in proposal.by_hand:
        rows.append((f"  entry: {ENTRY}", f"{PARENT} stays yours, and includes this file"))
        rows += _stages(read_stages(proposal.by_hand[PARENT]))
    if proposal.is_versioned_by_git:
        rows.append(
            (
                f"  tool_image: {IMAGE_WITH_GIT}",
                "of jobs that compile nothing; with git, which has the version",
            )
        )
    if proposal.arches != (proposal.default_arch,):
        tags = {
            arch: architectures.BY_NAME[arch].gitlab_runner if proposal.remote == HOSTED else arch
            for arch in proposal.arches
        }
        runners = ", ".join(f"{arch}: [{tag}]" for arch, tag in tags.items())
        rows.append((f"  runners: {{{runners}}}", "tags of the runners: those of yours"))
    if rows:
        yield "", "What only GitLab needs to know."
        yield "gitlab:", ""
        yield from rows
    elif len(proposal.forges) > 1:
        yield "gitlab: {}", f"{PARENT}, and a file for each target and architecture"


def _stages(stage_names: Sequence[str]) -> Iterator[Row]:
    """Yield the stages of a hand-written file that our jobs use.

    Nothing where it has all of GitLab's own stages: these are the default.
    """
    if {*GITLAB_STAGES} <= {*stage_names} or not stage_names:
        return
    place, places = 0, []  # a stage of ours never comes before the stages of earlier jobs
    for name in GITLAB_STAGES:
        if name in stage_names:
            place = max(place, stage_names.index(name))
        elif name == GITLAB_STAGES[-1]:
            place = len(stage_names) - 1
        places.append(stage_names[place])
    stages = ", ".join(
        f"{name}: {scalar(place)}" for place, ours in zip(places, OURS) for name in ours
    )
    yield f"  stages: {{{stages}}}", "of that file, for ours"


def read_stages(text: str) -> tuple[str, ...]:
    """Return the stages that a hand-written .gitlab-ci.yml names.

    Empty where it names none: then GitLab's own apply.
    """
    with suppress(yaml.YAMLError, RecursionError):
        node = yaml.compose(text, Loader=yaml_source.Loader)
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        lists = [
            value.value
            for key, value in pairs
            if key.value == "stages" and isinstance(value, yaml.SequenceNode)
        ]
        return tuple(
            node.value for node in (lists or [[]])[-1] if isinstance(node, yaml.ScalarNode)
        )
    return ()


def change_by_hand(paths: Collection[str]) -> tuple[str, str] | None:
    """Return the hand-written file that must include a generated one, and the line for that."""
    return (PARENT, f"include: [{{local: {ENTRY}}}]") if ENTRY in paths else None
