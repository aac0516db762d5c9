"""What setup.cfg and setup.py say about a package in plain text.

Nothing is run, and what is computed stays unknown.
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from truewheel.spec import version_file

SETUP, CONFIG = "setup.py", "setup.cfg"
KEYWORD = r"""\bversion *= *["'](.+?)["']"""


class Setup(NamedTuple):
    """The metadata of setup.cfg and setup.py; "" where a value is not plain text.

    The version is one of three: the `attribute` of a module, a `file` that holds nothing else, or
    text that `match` finds in `place`.
    """

    name: str = ""
    requires_python: str = ""
    attribute: str = ""
    file: str = ""
    place: str = ""
    match: str = ""


def read_setup(text: Callable[[str], str | None]) -> Setup:
    """Return what both files say, setup.cfg first; `text` gives a file's text, or None."""
    configured, called = _config(text(CONFIG) or ""), _setup(text(SETUP) or "")
    has_version = configured.attribute or configured.file or configured.place
    version = configured if has_version else called
    return version._replace(
        name=configured.name or called.name,
        requires_python=configured.requires_python or called.requires_python,
    )


def _config(text: str) -> Setup:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Setup()
    setup = Setup(
        name=parser.get("metadata", "name", fallback="").strip(),
        requires_python=parser.get("options", "python_requires", fallback="").strip(),
    )
    kind, colon, value = parser.get("metadata", "version", fallback="").partition(":")
    if colon:
        return setup._replace(
            **{{"attr": "attribute", "file": "file"}.get(kind.strip(), "name"): value.strip()}
        )
    return setup._replace(place=CONFIG, match=r"^version\s*=\s*(\S+)") if kind.strip() else setup


def _setup(text: str) -> Setup:
    """Return the arguments of the call of `setup`.

    They are texts, or names of texts at the top of the file.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Setup()
    constants = dict(_constants(tree))
    arguments = next(map(_arguments, filter(_is_setup, ast.walk(tree))), {})
    texts = {
        name: _text(arguments.get(name), constants)
        for name in ("name", "python_requires", "version")
    }
    version = arguments.get("version")
    match = (
        version_file.assignment_pattern(version.id) if isinstance(version, ast.Name) else KEYWORD
    )
    is_there = texts["version"] and version_file.find_version(text, match) == texts["version"]
    place = {"place": SETUP, "match": match} if is_there else {}
    return Setup(name=texts["name"], requires_python=texts["python_requires"], **place)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(statement, ast.Assign) and isinstance(target, ast.Name):
            yield target.id, _text(statement.value, {})


def _is_setup(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):  # setuptools.setup(…)
        return function.attr == "setup"
    return isinstance(function, ast.Name) and function.id == "setup"


def _arguments(node: ast.AST) -> dict[str, ast.expr]:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return {keyword.arg: keyword.value for keyword in keywords if keyword.arg}


def _text(node: ast.expr | None, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
