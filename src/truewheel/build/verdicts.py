"""Verdicts: what came of installing and loading a cell's wheel on one Python.

A test job writes them, and a wheel's own code has run in that job: they are read as anybody's
files. What a verdict says of bytes is compared with the digest that the wheel job has recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.errors import Exit, stop
from truewheel.plan.model import cell_file
from truewheel.system import files
from truewheel.wheel.filename import printable

VERSION = 1
FOLDER = "verdicts"
FAILED, NAMED, INSTALLED, LOADED, TESTED = "failed", "named", "installed", "loaded", "tested"
LEVELS = (FAILED, NAMED, INSTALLED, LOADED, TESTED)
"""Verdicts, the worst first. A wheel that nobody has tried is `named`: that is never written."""
LIMIT = 2**20
"""Bytes of a verdict that are read."""
MOST = 1000
"""Texts of one kind that a verdict holds."""
LONGEST = 2000
"""Characters of one text."""

_TEXTS = ("problems", "warnings", "modules")


class NotTried(NamedTuple):
    """A module that was not loaded, as it needs another distribution that is not required."""

    module: str
    needs: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one wheel on one Python.

    `sha256` is that of the wheel that was tried, in hex, `python` the tag of the interpreter, and
    `modules` those that were imported. `loaded_up_to` is the library that this machine lacks, which
    no wheel may bring, such as libcuda.so.1; `machine` the architecture that it was tried on.
    """

    cell: str
    wheel: str
    sha256: str
    python: str
    verdict: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    not_tried: tuple[NotTried, ...] = ()
    loaded_up_to: str = ""
    machine: str = ""

    @property
    def summary(self) -> str:
        """The verdict in words, with what was left out."""
        notes = [f"up to {self.loaded_up_to}"] if self.loaded_up_to else []
        needs = dict.fromkeys(module.needs for module in self.not_tried)
        notes += [f"not tried: needs {need}" for need in needs]
        return f"{self.verdict} ({'; '.join(notes)})" if notes else self.verdict

    def lines(self) -> list[str]:
        """Return the verdict as lines for a log."""
        head = f"{self.cell} on {self.python}: {self.summary}"
        problems = (f"{self.wheel}: {problem}" for problem in self.problems)
        warnings = (f"{self.wheel}: warning: {warning}" for warning in self.warnings)
        return [head, *problems, *warnings]

    def to_data(self) -> dict[str, Any]:
        """Return the data of the verdict's file."""
        lists = {name: list(getattr(self, name)) for name in _TEXTS}
        lists["not_tried"] = [module._asdict() for module in self.not_tried]
        return {"version": VERSION, **asdict(self), **lists}


class Record(NamedTuple):
    """A file of the folder for verdicts: what it says, or why it cannot be used."""

    verdict: Verdict | None
    fault: str


def path(out: Path, cell_id: str, python: str) -> Path:
    """Return the file of a cell's verdict on one Python."""
    return out / FOLDER / f"{cell_file(cell_id)}.{python}.json"


def write(out: Path, verdict: Verdict) -> None:
    """Write a verdict; equal ones make equal bytes."""
    files.subfolder(out, FOLDER)
    text = json.dumps(verdict.to_data(), indent=1, sort_keys=True) + "\n"
    files.write_text(path(out, verdict.cell, verdict.python), text)


def read_all(out: Path) -> dict[str, Record]:
    """Return the verdicts of a folder of wheels by the names of their files.

    Raises `Stop` (exit 4) for a link, which could lead anywhere.
    """
    folder = out / FOLDER
    if folder.exists() or folder.is_symlink():
        files.subfolder(out, FOLDER)
    paths = [file for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
    for file in paths:
        if file.is_symlink():
            message = "is a link"
            raise stop(printable(str(file)), message, "put the file itself there", Exit.WHEEL)
    return {file.name: _read(file) for file in paths}


def of_cell(records: Mapping[str, Record], cell_id: str) -> tuple[Verdict, ...]:
    """Return the verdicts of a cell, each from the file that is named after it."""
    return tuple(
        record.verdict
        for name, record in sorted(records.items())
        if record.verdict
        and record.verdict.cell == cell_id
        and path(Path(), cell_id, record.verdict.python).name == name
    )


def combined(verdicts: Iterable[Verdict]) -> str:
    """Return the verdict on a wheel that was tried on several Pythons: the worst of them.

    Without any it is `named`.
    """
    return min((verdict.verdict for verdict in verdicts), key=LEVELS.index, default=NAMED)


def reaches(verdict: str, level: str) -> bool:
    """Return whether a verdict is at least a level, such as `loaded`."""
    return LEVELS.index(verdict) >= LEVELS.index(level)


def parse(content: bytes) -> Verdict:
    """Return the verdict that the bytes of its file say. Raises `ValueError` for any other file."""
    if len(content) > LIMIT:
        raise ValueError(f"it has more than {LIMIT} bytes")
    try:
        data = json.loads(content)
    except RecursionError:
        raise ValueError("its lists are too deep") from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    values: dict[str, Any] = {}
    for field in fields_of(Verdict):
        if field.name in _TEXTS:
            values[field.name] = _texts(data.get(field.name, []))
        elif field.name == "not_tried":
            values[field.name] = tuple(map(_not_tried, _list(data.get(field.name, []))))
        else:
            optional = field.name in {"loaded_up_to", "machine"}
            values[field.name] = _text(data.get(field.name, "" if optional else None))
    if values["verdict"] not in LEVELS or values["verdict"] == NAMED:
        raise ValueError(f"{values['verdict']} is no verdict")
    return Verdict(**values)


def _read(file: Path) -> Record:
    if not file.is_file():  # a pipe would never end
        return Record(None, "it is no file")
    try:
        with file.open("rb") as stream:
            return Record(parse(stream.read(LIMIT + 1)), "")
    except (OSError, ValueError) as error:
        return Record(None, printable(str(error)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError("a list in it is no list, or too long")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError("a text in it is missing, no text, or too long")
    return printable(value)


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _not_tried(value: Any) -> NotTried:
    fields = value if isinstance(value, dict) else {}
    return NotTried(_text(fields.get("module")), _text(fields.get("needs")))
