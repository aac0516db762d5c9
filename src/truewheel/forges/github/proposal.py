"""What `init` proposes for GitHub."""

from __future__ import annotations

from collections.abc import Iterator

from truewheel.forges.kind import Proposal, Row
from truewheel.spec.yaml_writer import scalar

TOO_OLD = "manylinux2014"
"""The images in which GitHub's checkout, a program of Node.js, does not run."""


def propose(proposal: Proposal) -> Iterator[Row]:
    """Return the lines of the key github."""
    yield "", "What only GitHub needs to know."
    if proposal.branch in {"", "main"}:
        yield "github: {}", "its own runners; pushes to main count, and pull requests and tags"
        return
    yield "github:", ""
    yield (
        f"  branches: [{scalar(proposal.branch)}]",
        "pushes that count; pull requests and tags always do",
    )


def make_notes(proposal: Proposal) -> Iterator[str]:
    """Yield what a person should know beside the comments in the spec."""
    if proposal.target == TOO_OLD:
        yield (
            f"GitHub's checkout does not run in the images of {TOO_OLD}: its C library is too old"
        )
