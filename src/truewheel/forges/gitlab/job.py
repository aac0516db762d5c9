"""What the variables of a GitLab job say."""

from __future__ import annotations

import re
from collections.abc import Mapping

from truewheel.forges.reviews import Review


class GitlabJob:
    """A job of GitLab, as `kind.JobEnvironment` says."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def _value(self, name: str) -> str:
        return self._environment.get(name, "")

    def source(self) -> str:
        """Return the source of the pipeline."""
        return self._value("CI_PIPELINE_SOURCE")

    def is_of_tag(self) -> bool:
        """Return whether the pipeline is one of a tag."""
        return bool(self._value("CI_COMMIT_TAG"))

    def ref(self, project: str) -> str:
        """Return the branch or tag: no pipeline can be started on the ref of a merge request."""
        is_own = project in {self._value("CI_PROJECT_PATH"), self._value("CI_PROJECT_ID")}
        is_own = is_own and not self._value("CI_MERGE_REQUEST_IID")
        return self._value("CI_COMMIT_REF_NAME") if is_own else ""

    def merge_base(self) -> str:
        """Return the commit where the merge request began."""
        return self._value("CI_MERGE_REQUEST_DIFF_BASE_SHA")

    def request_number(self) -> int:
        """Return the number of the merge request."""
        text = self._value("CI_MERGE_REQUEST_IID")
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else 0

    def request_project(self) -> str:
        """Return the target's project: the pipeline of a fork's request may run in the fork."""
        path = self._value("CI_MERGE_REQUEST_PROJECT_PATH")
        return path or self._value("CI_MERGE_REQUEST_PROJECT_ID")

    def request_to_build(self) -> tuple[str, int] | None:
        """Return project and number of the merge request."""
        number = self._value("CI_MERGE_REQUEST_IID")
        project = self._value("CI_MERGE_REQUEST_PROJECT_PATH") or self._value("CI_PROJECT_PATH")
        return (project, int(number)) if project and number.isdecimal() else None

    def review(self) -> Review | None:
        """Return the merge request as it was when its pipeline started."""
        if "CI_MERGE_REQUEST_TITLE" not in self._environment:
            return None
        labels = tuple(filter(None, self._value("CI_MERGE_REQUEST_LABELS").split(",")))
        target = self._value("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
        return Review(self._value("CI_MERGE_REQUEST_TITLE"), labels, target)

    def address(self) -> str:
        """Return the address of this job."""
        return self._value("CI_JOB_URL")
