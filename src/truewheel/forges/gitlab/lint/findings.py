"""What a check found: a problem with a stable code."""

from __future__ import annotations

from dataclasses import dataclass

from truewheel.errors import Problem


@dataclass(frozen=True)
class Finding(Problem):
    """A problem in a GitLab file; docs/lint.md lists the codes."""

    code: str = ""

    def __str__(self) -> str:
        place, _, rest = super().__str__().partition("\n")
        return f"{place} [{self.code}]" + (f"\n{rest}" if rest else "")
