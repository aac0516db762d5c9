"""The key `tool`: which Truewheel the jobs install, by content and never by its bare name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from truewheel.errors import Problem
from truewheel.spec.yaml_source import Document

FORMS = {"file": "sha256", "git": "commit", "requirement": "hashes"}
"""By the key that says where Truewheel comes from, the key that says which bytes it must have."""
EXAMPLE = "{file: ci/truewheel-X-py3-none-any.whl, sha256: …}"
HINT = f"one of {EXAMPLE}, {{git: …, commit: …}}, {{requirement: truewheel==X, hashes: […]}}"


class Tool(NamedTuple):
    """Where jobs get Truewheel: a wheel in the repository, a git commit, or a requirement.

    Only the keys of one form are filled; all are empty where the spec has no `tool`.
    """

    file: str = ""
    sha256: str = ""
    git: str = ""
    commit: str = ""
    requirement: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """Return "file", "git" or "requirement"; "" where the spec has no `tool`."""
        return next((key for key in FORMS if getattr(self, key)), "")


def tool(fields: dict[str, Any]) -> Tool:
    """Return the value of the key, which the schema has checked."""
    return Tool(**{**fields, "hashes": tuple(fields["hashes"])})


def problems(document: Document, value: Tool, scripts: str) -> Iterator[Problem]:
    """Yield a problem where the keys are not those of exactly one form."""
    if "tool" not in document.data:
        return
    filled = {key for key in value._fields if getattr(value, key)}
    if not any(filled == set(form) for form in FORMS.items()):
        message = f"tool has {', '.join(sorted(filled)) or 'no key'}: not the keys of one form"
        yield document.problem(("tool",), message, HINT)
    if scripts:
        message = "tool and scripts are both given: jobs with scripts run the checkout itself"
        yield document.problem(("tool",), message, "remove one of the two", key=True)
