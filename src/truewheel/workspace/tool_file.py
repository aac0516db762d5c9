"""The wheel of Truewheel that the spec names: it must be there, with the bytes that `tool` says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from truewheel.errors import Problem
from truewheel.workspace.loading import Workspace


def problems(space: Workspace) -> Iterator[Problem]:
    """Yield a problem where the file of `tool` is missing or has another SHA-256."""
    tool, document = space.spec.tool, space.spec.document
    if not tool.file:
        return
    content = space.read(tool.file)
    if content is None:
        hint = f"copy the wheel there and commit it, or correct tool: sha256 {tool.sha256}"
        yield document.problem(("tool", "file"), f"there is no file {tool.file}", hint)
        return
    actual = hashlib.sha256(content).hexdigest()
    if actual != tool.sha256:
        hint = f"if this wheel is the right one, write sha256: {actual}"
        message = f"{tool.file} has another SHA-256, {actual}"
        yield document.problem(("tool", "sha256"), message, hint)
