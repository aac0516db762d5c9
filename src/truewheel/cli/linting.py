"""truewheel check --lint: a project's own GitLab files, read from disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from truewheel import files, planfile
from truewheel.cli import common
from truewheel.cli.terminal import show
from truewheel.lint import Finding, GitlabFile, included, lint
from truewheel.lint.load import load
from truewheel.problems import Exit, Problem, Stop, errors, stop


class Repository(Mapping[str, GitlabFile]):
    """The YAML files below a folder by their path from it; each is read when it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[str, GitlabFile] = {}

    def __getitem__(self, path: str) -> GitlabFile:
        if path not in self._read:
            if path not in self:
                raise KeyError(path)
            with files.explained(self.root / path, "read"):
                self._read[path] = load((self.root / path).read_bytes(), path)
        return self._read[path]

    def __contains__(self, path: object) -> bool:
        # GitLab knows a file only by its own path: not ./a, a//b or ../a
        if not isinstance(path, str) or PurePosixPath(path).as_posix() != path or ".." in PurePosixPath(path).parts:
            return False
        return (self.root / path).is_file()

    def __iter__(self) -> Iterator[str]:
        for path in self.root.rglob("*.y*ml"):
            name = path.relative_to(self.root).as_posix()
            if path.suffix in {".yml", ".yaml"} and not name.startswith(".git/"):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


def check_files(given: Sequence[Path], *, is_json: bool) -> Exit:
    """Check each file as the beginning of a pipeline; exit 2 when one has an error.

    A file that another of them includes is checked as a part of that one.
    """
    problems: list[Problem] = []
    for root, entries in _by_repository(given).items():
        repository = Repository(root)
        parts = {part for entry in entries for part in _parts(repository, entry)}
        for entry in entries:
            if entry not in parts:
                problems += _checked(repository, entry)
    found = list(dict.fromkeys(problems))
    if is_json:
        common.print_json({"problems": [_data(problem) for problem in found]})
        return Exit.REFUSED if errors(found) else Exit.OK
    if not errors(found):
        show(f"{len(given)} {'file' if len(given) == 1 else 'files'} without an error")
    return common.tell(found)


def _by_repository(given: Sequence[Path]) -> dict[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for file in map(Path.resolve, given):
        if not file.is_file():
            raise stop(str(file), "there is no such file")
        found.setdefault(_root(file), []).append(file.relative_to(_root(file)).as_posix())
    return found


def _root(file: Path) -> Path:
    """Return the repository's top, from which GitLab counts all paths; outside of one, the file's own folder."""
    return next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)


def _parts(repository: Repository, entry: str) -> set[str]:
    try:
        return included(repository, entry) - {entry}
    except Stop:
        return set()


def _checked(repository: Repository, entry: str) -> list[Problem]:
    try:
        return lint(repository, entry)
    except Stop as stopped:
        return list(stopped.problems)


def _data(problem: Problem) -> dict[str, object]:
    code = problem.code if isinstance(problem, Finding) else ""
    return {**planfile.problem_data(problem), "severity": problem.severity, "code": code}
