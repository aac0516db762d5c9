"""The table of architectures is the only one."""

from __future__ import annotations

import ast
import json
import platform

import pytest
from paths import ROOT, SOURCE

from truewheel.system import architectures
from truewheel.system.architectures import ARCHITECTURES

SCHEMA = json.loads((ROOT / "schema" / "truewheel.schema.json").read_text(encoding="utf-8"))[
    "$defs"
]
PACKAGE = SOURCE / "truewheel"
WORDS = {
    *(word for arch in ARCHITECTURES for word in (arch.name, arch.triplet, *arch.aliases) if word),
    *(architectures.image_platform(arch.name) for arch in ARCHITECTURES),
    *architectures.BY_MACHO.values(),
    *architectures.BY_PE.values(),
}
# What the public index accepts is its own list, and may end where this table does not.
EXEMPT = {"system/architectures.py", "wheel/index_profiles.py"}


def tables(tree: ast.AST):
    """Yield the lines of literal collections, and of classes, that name two architectures."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            parts = [*node.keys, *node.values]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.ClassDef):
            parts = [ast.Constant(part.target.id) for part in node.body if is_field(part)]
        else:
            continue
        words = {part.value for part in parts if isinstance(part, ast.Constant)}
        if len(words & WORDS) > 1:
            yield node.lineno


def is_field(node: ast.AST) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def test_no_other_module_has_a_table_of_architectures():
    others = [
        f"{name}:{line}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if (name := str(file.relative_to(PACKAGE))) not in EXEMPT
        for line in tables(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert others == []


@pytest.mark.parametrize(
    "code",
    [
        "A = {'x86_64': 1, 'aarch64': 2}",
        "A = ('amd64', 'arm64')",
        "A = {7: 'i386', 12: 'arm64'}",
        "A = ['linux/amd64', 'linux/arm64']",
        "class A:\n    x86_64: str\n    aarch64: str",
    ],
)
def test_a_second_table_would_be_seen(code):
    assert list(tables(ast.parse(code))) == [1]


def test_the_schema_names_the_architectures_of_the_table():
    names = SCHEMA["arch"]["enum"]
    assert names == [arch.name for arch in ARCHITECTURES][: len(names)]
    assert list(SCHEMA["githubRunners"]["properties"]) == names
    assert SCHEMA["target"]["properties"]["runner"]["enum"] == ["", *architectures.HOSTED]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("i686", "linux/386"),
        ("armv7l", "linux/arm/v7"),
        ("ppc64le", "linux/ppc64le"),
        ("s390x", "linux/s390x"),
        ("riscv64", "linux/riscv64"),
        ("another", "linux/another"),
    ],
)
def test_platforms_of_images(name, words):
    assert architectures.image_platform(name) == words


def test_this_machine_is_known():
    assert platform.machine() in architectures.BY_NAME


def test_no_word_stands_for_two_architectures():
    for column in ("elf", "macho", "pe"):
        keys = [key for arch in ARCHITECTURES if (key := getattr(arch, column))]
        assert len(keys) == len(set(keys))
    words = [word for arch in ARCHITECTURES for word in (arch.name, *arch.aliases)]
    assert len(words) == len(set(words))
