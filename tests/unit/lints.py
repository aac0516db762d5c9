"""GitLab files as texts for the tests of the checks."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from truewheel.forges.gitlab.lint import Finding, GitlabFile, lint
from truewheel.forges.gitlab.lint.load import load


def files_of(text: str, **more: str) -> dict[str, GitlabFile]:
    """The file `ci.yml`, and others by their names without `.yml`."""
    texts = {"ci": text, **more}
    return {
        f"{name}.yml": load(textwrap.dedent(content).encode(), f"{name}.yml")
        for name, content in texts.items()
    }


def found(files: Mapping[str, GitlabFile], severity: str = "") -> list[Finding]:
    """The findings of a pipeline, or those of a severity."""
    every = [problem for problem in lint(files) if isinstance(problem, Finding)]
    return [problem for problem in every if severity in {"", problem.severity}]


def codes(text: str, **more: str) -> list[str]:
    """The codes of all that is found in `ci.yml`."""
    return [problem.code for problem in found(files_of(text, **more))]
