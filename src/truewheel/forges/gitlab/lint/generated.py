"""What GitLab would refuse in the documents of a plan, before they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from truewheel.errors import Problem
from truewheel.forges.gitlab.emit import entry
from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.forges.gitlab.lint import lint, plain
from truewheel.spec.model import Spec

OF_THE_PROJECT = {"project": "own", "file": "own.yml"}
"""Stands for a file that is not ours where a pipeline is checked."""


def find_problems(documents: Mapping[str, dict[str, Any]], spec: Spec) -> Iterable[Problem]:
    """Return what GitLab would refuse: large files, long names, exceeded limits."""
    return lint({path: plain(path, document) for path, document in _whole(documents, spec).items()})


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
