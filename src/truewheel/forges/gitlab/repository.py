"""The CI files of a repository on disk, as GitLab reads them, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from truewheel.errors import Problem, Stop
from truewheel.forges.gitlab.lint import GitlabFile, included, lint, merged_text
from truewheel.forges.gitlab.lint.load import load
from truewheel.forges.kind import Answer
from truewheel.system import files


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


class FilesOfSpec(Repository):
    """The files that a spec may name: none that a link leads out of the folder to."""

    def __getitem__(self, path: str) -> GitlabFile:
        files.below(self.root, path, path)
        return super().__getitem__(path)


class GitlabLint:
    """The files below a folder, as `kind.Lint` says."""

    def __init__(self, root: Path) -> None:
        self._repository = Repository(root)

    def problems(self, entries: Sequence[str]) -> list[Problem]:
        """Return what GitLab would refuse in pipelines that begin with these files.

        A file that another one of them includes is checked as a part of that one.
        """
        return [
            problem
            for entry in self._not_included(entries)
            for problem in _checked(self._repository, entry)
        ]

    def ask(self, entries: Sequence[str], client: Any, ref: str) -> Answer:
        """Ask GitLab about pipelines and their child pipelines, one by one."""
        from truewheel.forges.gitlab.api.lint import check_text  # most checks make no call

        names: set[str] = set()
        jobs = 0
        problems: list[Problem] = []
        for entry in self._not_included(entries):
            for sent in merged_text.pipelines(self._repository, entry, self._repository.text):
                names.add(sent.name)
                verdict = check_text(client, sent.text, ref)
                jobs += verdict.jobs
                problems += [sent.finding(message) for message in verdict.errors]
                problems += [sent.finding(message, "warning") for message in verdict.warnings]
        return Answer("GitLab", len(names), jobs, list(dict.fromkeys(problems)))

    def _not_included(self, entries: Sequence[str]) -> list[str]:
        parts = {part for entry in entries for part in _parts(self._repository, entry)}
        return [entry for entry in entries if entry not in parts]


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
