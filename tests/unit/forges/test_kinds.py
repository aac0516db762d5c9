"""What jobs of a kind need is data of the plan: no emitter asks for the name of a kind."""

from __future__ import annotations

import ast

import pytest
from paths import SOURCE

FOLDERS = [SOURCE / "truewheel/forges" / forge / "emit" for forge in ("github", "gitlab")]
KINDS = {"plan", "container", "wheel", "test", "prove", "image", "publish", "names", "title"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_no_emitter_compares_the_name_of_a_kind(folder):
    comparisons = [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and ast.unparse(node.left).endswith("kind")
        and any(
            isinstance(part, ast.Constant) and part.value in KINDS
            for comparator in node.comparators
            for part in ast.walk(comparator)
        )
    ]
    assert comparisons == []
