"""truewheel check --lint: CI files written by hand, read from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from truewheel.cli.problems import show_problems
from truewheel.cli.terminal import print_json, show
from truewheel.errors import Exit, Problem, pluralize, select_errors, stop
from truewheel.forges import FORGES
from truewheel.plan import plan_file

if TYPE_CHECKING:
    from truewheel.forges.base import Forge
    from truewheel.forges.kind import Lint


class Remote(NamedTuple):
    """A project whose forge is asked too; with a `ref`, about a pipeline that starts there."""

    client: Forge
    ref: str


class Linter(NamedTuple):
    """The lint of a forge, by the folder where its paths begin."""

    forge: str
    read: Callable[[Path], Lint]


def choose_linter(names: Sequence[str] | None) -> Linter:
    """Return the lint of the first of these forges that has one (none given: of all forges).

    Raises `Stop` (exit 2) where none has one.
    """
    for name in names or FORGES:
        if read := FORGES[name].lint:
            return Linter(name, read)
    raise stop("--forge", f"there is no lint for {' and '.join(names or ())}")


def check_files(
    given: Sequence[Path], linter: Linter, *, is_json: bool, remote: Remote | None = None
) -> Exit:
    """Check each file as the first file of a pipeline; exit 2 when one has an error.

    A file that another one includes is checked as a part of that one. The server is asked only when
    no file has an error.
    """
    problems: list[Problem] = []
    said_by_server = ""
    for root, entries in _by_repository(given).items():
        repository = linter.read(root)
        problems += repository.problems(entries)
        if remote and not select_errors(problems):
            answer = repository.ask(entries, remote.client, remote.ref)
            problems += answer.problems
            said_by_server = f"; {answer}"
    unique = list(dict.fromkeys(problems))
    if is_json:
        print_json({"problems": problem_data(unique)})
        return Exit.REFUSED if select_errors(unique) else Exit.OK
    if not select_errors(unique):
        show(f"{pluralize(len(given), 'file')} without an error{said_by_server}")
    return show_problems(unique)


def problem_data(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """Return problems as JSON data, with the codes that some of them have."""
    return [_data(problem) for problem in problems]


def _by_repository(given: Sequence[Path]) -> dict[Path, list[str]]:
    entries: dict[Path, list[str]] = {}
    for file in map(Path.resolve, given):
        if not file.is_file():
            raise stop(str(file), "there is no such file")
        root = _root(file)
        entries.setdefault(root, []).append(file.relative_to(root).as_posix())
    return entries


def _root(file: Path) -> Path:
    """Return the top of the repository, where paths of CI files begin; else the file's folder."""
    return next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)


def _data(problem: Problem) -> dict[str, object]:
    code = getattr(problem, "code", "")
    return {**plan_file.problem_data(problem), "severity": problem.severity, "code": code}
