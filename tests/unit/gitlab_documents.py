"""The GitLab documents of a spec's text, and what GitLab makes of their jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from specs import plan_of, policy_of, spec_of

from truewheel.errors import Stop
from truewheel.forges.gitlab.emit import pipeline
from truewheel.spec import variables

POLICY = "facts: {base: {from: ['package:version']}}\nchannels: {default: {}}\n"
KEYWORDS = {"stages", "workflow", "variables", "default", "include"}
Document = dict[str, Any]


def documents(spec: str) -> dict[str, Document]:
    parsed, policy = spec_of(spec), policy_of(POLICY)
    return pipeline.documents(
        plan_of(spec, policy=POLICY, event=""), parsed, variables.declared_variables(parsed, policy)
    )


def each_pipeline(spec: str) -> list[Document]:
    """The pipelines that GitLab makes of a spec's files.

    Each with the local files that it includes.
    """
    files = documents(spec)
    first, *others = files.values()
    included = [files[entry["local"]] for entry in first.get("include", [])]
    whole = {key: value for document in [*included, first] for key, value in document.items()}
    return [whole, *(document for document in others if document not in included)]


def jobs(document: Document) -> Iterator[tuple[str, Document]]:
    """The jobs of a document that are not hidden."""
    yield from (
        (name, job)
        for name, job in document.items()
        if name not in KEYWORDS and not name.startswith(".")
    )


def merged(name: str, *files: Document) -> Document:
    """A job with what it extends, as GitLab merges it.

    Mappings deeply, all else replaced, null removes.
    """
    known = {key: value for file in files for key, value in file.items()}
    return _without_null(_merged(known[name], known))


def _merged(job: Document, known: Document) -> Document:
    above = job.get("extends", [])
    result: Document = {}
    for name in above if isinstance(above, list) else [above]:
        result = _over(result, _merged(known[name], known))
    return _over(result, {key: value for key, value in job.items() if key != "extends"})


def _over(lower: Document, upper: Document) -> Document:
    both = {**lower, **upper}
    for key in lower.keys() & upper.keys():
        if isinstance(lower[key], dict) and isinstance(upper[key], dict):
            both[key] = _over(lower[key], upper[key])
    return both


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(each) for key, each in value.items() if each is not None}
    return value


def refused(spec: str) -> str:
    """What is said of a spec that makes no documents."""
    with pytest.raises(Stop) as stopped:
        documents(spec)
    return str(stopped.value)
