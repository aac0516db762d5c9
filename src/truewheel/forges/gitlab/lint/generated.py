"""What GitLab would refuse in the documents of a plan, before they are written."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from truewheel.errors import Problem, Stop, Where, select_errors
from truewheel.forges.gitlab.emit import entry
from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.forges.gitlab.lint import lint, origins, plain
from truewheel.forges.gitlab.lint.document import numbered
from truewheel.forges.gitlab.lint.resolve import Files
from truewheel.spec.model import Spec

OF_THE_PROJECT = {"project": "own", "file": "own.yml"}
"""Stands for a file that is not ours where a pipeline is checked."""


def find_problems(
    documents: Mapping[str, dict[str, Any]], spec: Spec, others: Files | None = None
) -> Iterable[Problem]:
    """Return what GitLab would refuse: large files, long names, exceeded limits.

    Errors have the place of the value in the spec that they come from, where there is one. `others`
    are the files of the project; without them, those that the pipeline includes are not read.
    """
    whole = _whole(documents, spec, reads_others=others is not None)
    made = {path: plain(path, document) for path, document in whole.items()}
    problems = _linted(made, others)
    return _at_spec(whole, spec, others) if select_errors(problems) else problems


def _linted(made: Files, others: Files | None) -> list[Problem]:
    entry = next(iter(made))
    try:
        return lint(ChainMap(made, others) if others is not None else made, entry)  # type: ignore[arg-type]
    except Stop as stopped:  # a file of the project that cannot be read
        return list(stopped.problems)


def _at_spec(
    documents: Mapping[str, dict[str, Any]], spec: Spec, others: Files | None
) -> Iterator[Problem]:
    """Yield the errors with their places in the spec, one for each value and kind of error."""
    files = {path: numbered(path, document) for path, document in documents.items()}
    reported = set()
    made = {path: file for path, (file, _) in files.items()}
    for problem in select_errors(_linted(made, others)):
        path, line = problem.where.file, problem.where.line
        if line and path not in files:
            route = origins.find_include(path, spec)
            yield spec.document.problem(route, f"{problem.where}: {problem.message}", problem.hint)
            continue
        route = files[path][1][line - 1] if line else ()
        origin = origins.find_origin(route, documents.get(path, {}), spec)
        key = (origin, getattr(problem, "code", "")) if origin else problem
        if key not in reported:
            reported.add(key)
            yield _moved(problem, origin, spec)


def _moved(problem: Problem, origin: origins.Route, spec: Spec) -> Problem:
    if not origin:
        return replace(problem, where=Where(problem.where.file))
    hint = problem.hint or f"change {'.'.join(map(str, origin))}"
    message = f"{problem.where.file}: {problem.message}"
    return spec.document.problem(origin, message, hint)


def _whole(
    documents: Mapping[str, dict[str, Any]], spec: Spec, *, reads_others: bool
) -> dict[str, dict[str, Any]]:
    """Return the documents as a pipeline."""
    checked = {
        path: document if reads_others else _without_own_files(document, documents)
        for path, document in documents.items()
    }
    if not spec.gitlab.entry:
        return checked
    used = (
        job.get("stage") for job in documents[spec.gitlab.entry].values() if isinstance(job, dict)
    )
    stages = dict.fromkeys([*{**entry.STAGES, **spec.gitlab.stages}.values(), *filter(None, used)])
    root = {"stages": list(stages), "include": [{"local": spec.gitlab.entry}, OF_THE_PROJECT]}
    return {PARENT: root, **checked}


def _without_own_files(document: dict[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    included = document.get("include")
    if not isinstance(included, list):
        return document
    return {
        **document,
        "include": [
            include if include.get("local", "") in ours else OF_THE_PROJECT for include in included
        ],
    }
