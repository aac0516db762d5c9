"""The core knows no file system, no network, no processes and no environment: facts in, names out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import truewheel

PACKAGE = Path(truewheel.__file__).parent
CORE = (
    *(
        "source",
        "shapes",
        "spec",
        "policy",
        "naming",
        "matrix",
        "plan",
        "jobs",
        "changes",
        "archives",
        "contract",
        "refusals",
        "indexes",
        "patches",
        "platforms",
        "cron",
    ),
    *("containerfile", "images", "lockfile", "buildsystem", "proposal"),
    *("model", "planfile", "wheelname", "explain", "render", "pipelines", "problems"),
    *("against", "effort", "review", "setuplines"),
)
FOLDERS = ("emit", "lint")
JUDGES = ("needs", "judging", "judging_github", "wishes")
ROOMS = sorted(
    [
        *(PACKAGE / f"{name}.py" for name in CORE),
        *(PACKAGE / "forge" / f"{name}.py" for name in JUDGES),
        *(path for name in FOLDERS for path in (PACKAGE / name).glob("*.py")),
    ]
)
OUTSIDE = {"os", "sys", "subprocess", "pathlib", "socket", "urllib", "http", "tempfile", "shutil", "io", "importlib"}
DOORS = {"open", "exec", "eval", "__import__", "input", "print"}


def ways_out(tree: ast.AST) -> list[str]:
    """Return every import and call by which code can reach the world outside."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in OUTSIDE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OUTSIDE:
            found.append(str(node.module))
        elif isinstance(node, ast.Name) and node.id in DOORS:
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            found.append(node.attr)
    return found


@pytest.mark.parametrize("room", ROOMS, ids=lambda path: path.stem)
def test_the_core_reaches_nothing_outside(room):
    assert ways_out(ast.parse(room.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os", ["os"]),
        ("def f():\n    import os.path as p", ["os.path"]),
        ("from pathlib import Path", ["pathlib"]),
        ("from urllib.request import urlopen", ["urllib.request"]),
        ("open('x')", ["open"]),
        ("posix.environ['HOME']", ["environ"]),
        ("import json, re", []),
        ("from . import io", []),
    ],
)
def test_ways_out_are_seen(code, found):
    assert ways_out(ast.parse(code)) == found
