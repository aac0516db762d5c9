"""GitLab's limits stand in one module: no other one of the folder has such a number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paths import SOURCE

from truewheel.forges.gitlab import limits

FOLDER = SOURCE / "truewheel/forges/gitlab"
SMALLEST = 15
"""Lower numbers mean many things, and are not looked for; constants of them are, by their names."""
OTHERS = {
    "api/client.py": {100},  # pipelines that we look through
    "api/settings.py": {20},  # runners that we look at
    "api/settings_rules.py": {50, 1024},  # the access level of an owner; bytes of a MiB
    "lint/size.py": {20},  # the least room of a list in Ruby
    "lint/__init__.py": {20},  # a power of two
    "lint/load.py": {20},  # a power of two
    "lint/durations.py": {604_800},  # a week
}
"""Numbers that mean something else, by file."""


def files() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(FOLDER.rglob("*.py")):
        name = path.relative_to(FOLDER).as_posix()
        if name != "limits.py":
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_no_other_module_has_the_number_of_a_limit():
    known = {value for value in vars(limits).values() if isinstance(value, int)}
    known |= {1024 * 1024}
    copies = [
        f"{name}:{node.lineno}: {node.value}"
        for name, tree in files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and type(node.value) is int
        and node.value >= SMALLEST
        and node.value in known | {1024}
        and node.value not in OTHERS.get(name, ())
    ]
    assert copies == []


def test_no_other_module_names_a_limit():
    names = [
        f"{name}: {target.id}"
        for name, tree in files()
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.startswith(("MAX_", "LIMIT", "MOST_"))
    ]
    assert names == []


def test_every_limit_says_where_it_is_from():
    tree = ast.parse((FOLDER / "limits.py").read_text(encoding="utf-8"))
    for node, after in zip(tree.body[1:], [*tree.body[2:], None]):
        if isinstance(node, ast.Assign):
            assert isinstance(after, ast.Expr), ast.unparse(node)
            assert isinstance(after.value, ast.Constant), ast.unparse(node)
