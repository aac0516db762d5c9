"""truewheel check --lint: GitLab files written by hand, read from disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from truewheel.cli.problems import show_problems
from truewheel.cli.terminal import print_json, show
from truewheel.errors import Exit, Problem, Stop, pluralize, select_errors, stop
from truewheel.forges.gitlab.lint import Finding, GitlabFile, included, lint, merged_text
from truewheel.forges.gitlab.lint.load import load
from truewheel.plan import plan_file
from truewheel.system import files

if TYPE_CHECKING:
    from truewheel.forges.gitlab.api.client import Gitlab


class Repository(Mapping[str, GitlabFile]):
    """The YAML files below a folder by their relative path; a file is read at its first use."""

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
        # GitLab takes only normal paths: not ./a, a//b or ../a
        if (
            not isinstance(path, str)
            or PurePosixPath(path).as_posix() != path
            or ".." in PurePosixPath(path).parts
        ):
            return False
        return (self.root / path).is_file()

    def text(self, path: str) -> str:
        """Return the text of a file."""
        with files.explained(self.root / path, "read"):
            return (self.root / path).read_text(encoding="utf-8-sig")

    def __iter__(self) -> Iterator[str]:
        for path in self.root.rglob("*.y*ml"):
            name = path.relative_to(self.root).as_posix()
            if path.suffix in {".yml", ".yaml"} and not name.startswith(".git/"):
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Remote(NamedTuple):
    """A project whose GitLab is asked too; with a `ref`, about a pipeline that starts there."""

    gitlab: Gitlab
    ref: str


def check_files(given: Sequence[Path], *, is_json: bool, remote: Remote | None = None) -> Exit:
    """Check each file as the first file of a pipeline; exit 2 when one has an error.

    A file that another one includes is checked as a part of that one. GitLab is asked only when no
    file has an error.
    """
    problems: list[Problem] = []
    said_by_gitlab = ""
    for root, entries in _by_repository(given).items():
        repository = Repository(root)
        parts = {part for entry in entries for part in _parts(repository, entry)}
        for entry in entries:
            if entry not in parts:
                problems += _checked(repository, entry)
        if remote and not select_errors(problems):
            answer = ask(repository, [entry for entry in entries if entry not in parts], remote)
            problems += answer.problems
            said_by_gitlab = f"; {answer}"
    unique = list(dict.fromkeys(problems))
    if is_json:
        print_json({"problems": [_data(problem) for problem in unique]})
        return Exit.REFUSED if select_errors(unique) else Exit.OK
    if not select_errors(unique):
        show(f"{pluralize(len(given), 'file')} without an error{said_by_gitlab}")
    return show_problems(unique)


class Answer(NamedTuple):
    """What GitLab's lint says: how many pipelines and jobs it has read, and their problems."""

    pipelines: int
    jobs: int
    problems: list[Problem]

    def __str__(self) -> str:
        jobs = f", of {self.jobs} jobs" if self.jobs else ""
        return f"GitLab accepts {pluralize(self.pipelines, 'pipeline')}{jobs}"

    def data(self) -> list[dict[str, object]]:
        """Return the problems as JSON data."""
        return [_data(problem) for problem in self.problems]


def ask(repository: Repository, entries: Iterable[str], remote: Remote) -> Answer:
    """Ask GitLab about pipelines and their child pipelines, one by one."""
    from truewheel.forges.gitlab.api.lint import check_text  # most checks make no call

    names: set[str] = set()
    jobs = 0
    problems: list[Problem] = []
    for entry in entries:
        for sent in merged_text.pipelines(repository, entry, repository.text):
            names.add(sent.name)
            verdict = check_text(remote.gitlab, sent.text, remote.ref)
            jobs += verdict.jobs
            problems += [sent.finding(message) for message in verdict.errors]
            problems += [sent.finding(message, "warning") for message in verdict.warnings]
    return Answer(len(names), jobs, list(dict.fromkeys(problems)))


def _by_repository(given: Sequence[Path]) -> dict[Path, list[str]]:
    entries: dict[Path, list[str]] = {}
    for file in map(Path.resolve, given):
        if not file.is_file():
            raise stop(str(file), "there is no such file")
        root = _root(file)
        entries.setdefault(root, []).append(file.relative_to(root).as_posix())
    return entries


def _root(file: Path) -> Path:
    """Return the top of the repository, where GitLab's paths begin; else the file's folder."""
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
    return {**plan_file.problem_data(problem), "severity": problem.severity, "code": code}
