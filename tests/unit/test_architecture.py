"""The architecture is the tree: who may import whom, and what is pure, is read from the folders."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
from paths import ROOT, SOURCE

from truewheel.forges import FORGES
from truewheel.spec.forges import FORGES as WORDS

PACKAGE = SOURCE / "truewheel"
ORDER = (
    *("errors", "system", "net", "wheel", "spec", "plan", "forges", "workspace"),
    *("build", "init", "report", "cli"),
)
"""The folders of the package; each imports those before it, and none after it."""
PURE = (
    "spec/**/*",
    "plan/**/*",
    "forges/*/emit/*",
    "forges/gitlab/lint/*",
    "wheel/filename",
    "**/*_rules",
)
"""What knows no file system, no network, no processes and no environment."""
OUTSIDE = {
    *("os", "sys", "subprocess", "pathlib", "socket", "urllib", "http", "tempfile", "shutil"),
    *("io", "importlib"),
}
DOORS = {"open", "exec", "eval", "__import__", "input", "print"}
MAY_NAME_FORGES = {
    "forges/__init__.py": "the line of each forge",
    "spec/forges.py": "a spec and a plan may not import forges: this table is what they know",
    "spec/model.py": "the keys of each forge in a spec",
    "plan/events.py": "the word of each forge for an event, in one table",
    "plan/changes.py": "reads gitlab.entry: a path that the spec may choose",
    "plan/planner.py": "reads gitlab.tool_image, which is the image of pure wheels as well",
    "system/architectures.py": "the names of architectures everywhere, those of runners among them",
    "system/processes.py": "knows nothing of the project; a runner obeys commands in its log",
}
"""Code outside the folder of a forge that names one, and why."""
ENGINES = "truewheel.build.engines."
TESTS = ROOT / "tests"
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(file): file for file in FILES}


@cache
def imported(file: Path) -> list[str]:
    """Return the modules of this package that a file imports, wherever in it."""
    modules = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names if alias.name in MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.append(inner if inner in MODULES else node.module)
    return modules


def ways_out(tree: ast.AST) -> list[str]:
    """Return every import and call by which code can reach the world outside."""
    ways = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ways += [alias.name for alias in node.names if alias.name.split(".")[0] in OUTSIDE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OUTSIDE:
            ways.append(str(node.module))
        elif isinstance(node, ast.Name) and node.id in DOORS:
            ways.append(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            ways.append(node.attr)
    return ways


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """Return the names of one circle of imports, or none."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(edges.get(name, ())):
            if circle := visit(other, [*way, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in sorted(edges) if (circle := visit(name, []))), [])


def edges_between(names: dict[str, str]) -> dict[str, set[str]]:
    """Return who imports whom, among modules or what `names` puts them under."""
    edges: dict[str, set[str]] = {}
    for module, file in MODULES.items():
        one = names[module]
        edges.setdefault(one, set()).update(names[other] for other in imported(file))
        edges[one].discard(one)
    return edges


def test_few_files_stand_beside_the_folders():
    assert sorted(file.name for file in PACKAGE.glob("*.py")) == [
        *("__init__.py", "__main__.py", "errors.py", "program.py")
    ]


def test_the_folders_are_those_of_the_order():
    folders = {file.relative_to(PACKAGE).parts[0] for file in FILES if file.parent != PACKAGE}

    assert folders | {"errors"} == set(ORDER)


def test_no_import_points_upwards():
    upwards = []
    for module, file in MODULES.items():
        top = module.split(".")[1] if "." in module else ""
        for other in imported(file) if top in ORDER else ():
            above = other.split(".")[1] if "." in other else ""
            if above in ORDER and ORDER.index(above) > ORDER.index(top):
                upwards.append(f"{module} imports {other}")

    assert upwards == []


def test_modules_do_not_import_one_another_in_a_circle():
    assert cycle(edges_between({module: module for module in MODULES})) == []


def test_the_forges_know_nothing_of_each_other():
    crossing = [
        f"{module} imports {other}"
        for module, file in MODULES.items()
        for other in imported(file)
        if len({*module.split(".")[2:3], *other.split(".")[2:3]} & {*FORGES}) > 1
        and module.startswith("truewheel.forges.")
        and other.startswith("truewheel.forges.")
    ]

    assert crossing == []


def mentions_of_forges(tree: ast.Module) -> list[str]:
    """Return the names, imports and words of code that name a forge.

    Docstrings, addresses and sentences for people are left out: they decide nothing.
    """
    words = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_prose = any(map(str.isspace, node.value)) or "://" in node.value
            words += [] if is_prose else [node.value]
        elif isinstance(node, ast.ImportFrom):
            words.append(node.module or "")
        for field in ("id", "attr", "name", "asname", "arg"):
            word = getattr(node, field, None)
            words += [word] if isinstance(word, str) else []
    return [word for word in words if any(name in word.lower() for name in FORGES)]


def test_code_outside_a_forges_folder_does_not_name_it():
    named = {
        file.relative_to(PACKAGE).as_posix()
        for file in FILES
        if mentions_of_forges(ast.parse(file.read_text(encoding="utf-8")))
    }
    others = {
        path for path in named if not path.startswith(tuple(f"forges/{name}/" for name in FORGES))
    }

    assert others == {*MAY_NAME_FORGES}


def test_spec_and_folders_know_the_same_forges():
    folders = {folder.parent.name for folder in PACKAGE.glob("forges/*/__init__.py")}

    assert folders == {*FORGES} == {*WORDS}


def test_what_builds_knows_no_engine():
    knowing = [
        f"{module} imports {other}"
        for module, file in MODULES.items()
        for other in imported(file)
        if module.startswith("truewheel.build.") and not module.startswith(ENGINES)
        if other.startswith(ENGINES)
    ]

    assert knowing == []


def test_no_test_module_imports_another_one():
    """What two of them need is a helper beside them: a test module is not on the path."""
    tests = {file.stem for file in TESTS.rglob("test_*.py")}
    imports = [
        f"{file.relative_to(TESTS)} imports {name}"
        for file in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name in tests
    ]

    assert imports == []


PURE_FILES = sorted({file for rule in PURE for file in PACKAGE.glob(f"{rule}.py")})


@pytest.mark.parametrize("file", PURE_FILES, ids=name_of)
def test_pure_code_reaches_nothing_outside(file):
    assert ways_out(ast.parse(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("code", "ways"),
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
def test_ways_out_are_seen(code, ways):
    assert ways_out(ast.parse(code)) == ways


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("from truewheel.forges.gitlab import lint", True),
        ("from truewheel.forges import github as g", True),
        ("kind = spec.gitlab.layout", True),
        ("if name == 'github': pass", True),
        ("find('GITHUB_REF')", True),
        ("def read_gitlab(): pass", True),
        ('"""GitLab: its files."""\nsay(\'asks GitLab\')', False),
        ("clone('https://github.com/pyenv/pyenv.git')", False),
    ],
)
def test_mentions_of_a_forge_are_seen(code, named):
    assert bool(mentions_of_forges(ast.parse(code))) is named


def test_a_circle_is_seen():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_pytest_passes_by_no_folder_with_tests(pytestconfig: pytest.Config):
    # Its own list has the word build: tests/unit/build was not collected once.
    patterns = [*pytestconfig.getini("norecursedirs"), "node_modules"]
    folders = {file.parent for file in TESTS.rglob("test_*.py") if "node_modules" not in file.parts}
    hidden = {
        folder.relative_to(TESTS).as_posix()
        for folder in folders
        for part in folder.relative_to(TESTS).parts
        if any(fnmatch(part, pattern) for pattern in patterns)
    }

    assert hidden == set()
