"""GitLab's own CI lint: what it says of a text, in the project that the pipeline is for."""

from __future__ import annotations

from typing import Any, NamedTuple

from truewheel.forges.gitlab.api.client import Gitlab


class LintResult(NamedTuple):
    """GitLab's answer about a text: errors and warnings in its words, and the number of jobs."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    jobs: int


def check_text(gitlab: Gitlab, text: str, ref: str = "") -> LintResult:
    """Return what GitLab says; with a `ref`, also of the pipeline that would start there.

    Raises `Stop`: exit 5 when GitLab refuses to say, exit 6 when it cannot be reached.
    """
    body: dict[str, Any] = {"content": text, "include_jobs": True}
    if ref:
        body |= {"dry_run": True, "ref": ref}

    def ask() -> LintResult:
        answer = gitlab.caller.send("POST", gitlab.path("ci", "lint"), body=body).data
        if not isinstance(answer, dict) or not isinstance(answer.get("valid"), bool):
            raise gitlab.caller.unexpected(answer, "a verdict")
        errors = _texts(answer.get("errors"))
        if not answer["valid"] and not errors:
            errors = ("GitLab refuses it without a reason",)
        return LintResult(errors, _texts(answer.get("warnings")), len(_listed(answer.get("jobs"))))

    with gitlab.explained("GitLab does not check the file"):
        return gitlab.caller.retry(ask)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(" ".join(str(text).split()) for text in _listed(value))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
