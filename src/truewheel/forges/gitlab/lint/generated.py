"""What GitLab would refuse in the documents of a plan, before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from truewheel.errors import Problem, Where, select_errors
from truewheel.forges.gitlab.emit import entry
from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.forges.gitlab.lint import lint, origins, plain
from truewheel.forges.gitlab.lint.document import numbered
from truewheel.spec.model import Spec

OF_THE_PROJECT = {"project": "own", "file": "own.yml"}
"""Stands for a file that is not ours where a pipeline is checked."""


def find_problems(documents: Mapping[str, dict[str, Any]], spec: Spec) -> Iterable[Problem]:
    """Return what GitLab would refuse: large files, long names, exceeded limits.

    Errors have the place of the value in the spec that they come from, where there is one.
    """
    whole = _whole(documents, spec)
    problems = lint({path: plain(path, document) for path, document in whole.items()})
    return _at_spec(whole, spec) if select_errors(problems) else problems


def _at_spec(documents: Mapping[str, dict[str, Any]], spec: Spec) -> Iterator[Problem]:
    """Yield the errors with their places in the spec, one for each value and kind of error."""
    files = {path: numbered(path, document) for path, document in documents.items()}
    reported = set()
    for problem in select_errors(lint({path: file for path, (file, _) in files.items()})):
        path, line = problem.where.file, problem.where.line
        route = files[path][1][line - 1] if line and path in files else ()
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


def _whole(documents: Mapping[str, dict[str, Any]], spec: Spec) -> dict[str, dict[str, Any]]:
    """Return the documents as a pipeline.

    Included files of the project are not read.
    """
    checked = {
        path: _without_own_files(document, documents) for path, document in documents.items()
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
