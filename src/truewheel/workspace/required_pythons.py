"""What a project's own files say of the Pythons it is for, read as text; nothing is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from truewheel.spec.model import Spec

PYPROJECT = "pyproject.toml"

Read = Callable[[str], str | None]
Parse = Callable[[str], Mapping[str, Any]]

_CARET = re.compile(r"\^\s*([0-9]+)((?:\.[0-9]+)*)")


def required_pythons(spec: Spec, read: Read, parse: Parse) -> dict[str, tuple[str, str]]:
    """Return each package's requires-python and the file that says it; without those of none.

    A command may build any project: there the file counts only if it names the package.
    """
    folders: dict[str, tuple[str, str, str]] = {}
    of_builds = {package: build for build in spec.builds.values() for package in build.wheels}
    required = {}
    for name, package in spec.packages.items():
        build = of_builds.get(name)
        folder = (build.path if build else package.path).rstrip("/").removeprefix("./")
        if folder not in folders:
            folders[folder] = _project(folder, read, parse)
        project, python, file = folders[folder]
        is_named = canonicalize_name(project) == canonicalize_name(name)
        if python and (is_named or not build):
            required[name] = (python, file)
    return required


def _project(folder: str, read: Read, parse: Parse) -> tuple[str, str, str]:
    """Return the name, the requires-python, and the file that says it, of a folder's project."""
    prefix = "" if folder in {"", "."} else f"{folder}/"
    data = _parsed(read(f"{prefix}{PYPROJECT}"), parse)
    project = _table(data, "project")
    poetry = _table(data, "tool", "poetry")
    name = _text(project, "name") or _text(poetry, "name")
    python = _text(project, "requires-python")
    if not python and "requires-python" not in project:
        python = _from_caret(_text(_table(poetry, "dependencies"), "python"))
    dynamic = project.get("dynamic", ())
    if python or (project and not (isinstance(dynamic, list) and "requires-python" in dynamic)):
        return name, python, f"{prefix}{PYPROJECT}"
    from truewheel.workspace import setup_files  # parses Python, which few projects need

    setup = setup_files.read_setup(lambda file: read(f"{prefix}{file}"))
    configured = "python_requires" in (read(f"{prefix}{setup_files.CONFIG}") or "")
    file = setup_files.CONFIG if configured else setup_files.SETUP
    return name or setup.name, setup.requires_python, f"{prefix}{file}"


def _parsed(text: str | None, parse: Parse) -> Mapping[str, Any]:
    try:
        return parse(text or "")
    except (ValueError, RecursionError):  # whoever builds it says so
        return {}


def _table(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    return data if isinstance(data, dict) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _from_caret(text: str) -> str:
    """Return a range of Poetry as one of PEP 440: `^3.12` allows all of 3."""
    match = _CARET.fullmatch(text.strip())
    return f">={match[1]}{match[2]},<{int(match[1]) + 1}" if match else text
