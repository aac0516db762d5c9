"""Put the planned version into a build.

It goes into a file of the sources, a variable, or the finished wheel.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truewheel.errors import stop
from truewheel.plan.model import Package
from truewheel.spec import version_file
from truewheel.system import files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DYNAMIC_HINT = (
    "set packages.<name>.version.inject: env:NAME if the build reads a variable, "
    "wheel to let the built wheel be renamed"
)


def inject_version(package: Package, version: str, source: Path) -> dict[str, str]:
    """Put the version into the copied sources; return the variables that carry it instead.

    The kind `wheel` does neither: that wheel is built with its own version, then rewritten. Raises
    `Stop` (exit 2) when the package has no place for it.
    """
    kind, _, variable = package.inject.partition(":")
    if kind == "wheel":
        return {}
    if kind == "env":
        return {variable: version}
    if kind == "file" and not package.version_file:
        hint = f"name it in packages.{package.name}.version.file"
        raise stop(
            f"packages.{package.name}.version", "inject is file, but there is no version file", hint
        )
    if kind == "file":
        _write_version(package, version, source / package.version_file)
        return {}
    pyproject = source / package.path / "pyproject.toml"
    where = (Path(package.path) / "pyproject.toml").as_posix()
    text = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    files.write_text(pyproject, with_version(text, version, where))
    return {}


def _write_version(package: Package, version: str, path: Path) -> None:
    if not package.version_match:
        files.write_text(path, version + "\n")
        return
    text = path.read_text(encoding="utf-8")
    try:
        files.write_text(path, version_file.replace_version(text, package.version_match, version))
    except ValueError:
        hint = (
            "correct packages.<name>.version.match, or let the built wheel be renamed: inject: "
            "wheel"
        )
        raise stop(
            package.version_file, f"the version {version} cannot be put where the match is", hint
        ) from None


def with_version(text: str, version: str, where: str) -> str:
    """Return the text of a pyproject.toml with `[project] version` replaced.

    Nothing else may change.

    Raises `Stop` (exit 2) when there is no such line, or the text is no TOML; `where` names the
    file.
    """
    data = read_toml(text, where)
    project = data.get("project")
    project = project if isinstance(project, dict) else {}
    if project.get("version") == version:
        return text
    if "version" not in project:
        raise stop(
            where, "there is no version in [project]: it is dynamic or missing", DYNAMIC_HINT
        )
    table = re.search(r"(?ms)^[ \t]*\[[ \t]*project[ \t]*\].*?(?=^[ \t]*\[|\Z)", text)
    line = (
        re.search(r"(?m)^[ \t]*version[ \t]*=[ \t]*(?P<value>\"[^\"\n]*\"|'[^'\n]*')", table[0])
        if table
        else None
    )
    if table and line:
        start = table.start() + line.start("value")
        edited = f'{text[:start]}"{version}"{text[start + len(line["value"]) :]}'
        if _is_toml_of(edited, {**data, "project": {**project, "version": version}}):
            return edited
    raise stop(
        where,
        "the version cannot be replaced",
        'write it as one line in [project]: version = "1.0"',
    )


def _is_toml_of(text: str, data: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == data
    except tomllib.TOMLDecodeError:
        return False


def read_toml(text: str, where: str) -> dict[str, Any]:
    """Return the data of a TOML text. Raises `Stop` (exit 2) for any other; `where` names it."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise stop(where, f"not TOML: {error}", "correct the file") from None
