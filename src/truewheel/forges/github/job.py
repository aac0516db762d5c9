"""What the variables of a GitHub job say, and the event that has started its run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truewheel.errors import stop
from truewheel.forges.reviews import Review


class GithubJob:
    """A job of GitHub, as `kind.JobEnvironment` says."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def _value(self, name: str) -> str:
        return self._environment.get(name, "")

    def source(self) -> str:
        """Return the name of the event."""
        return self._value("GITHUB_EVENT_NAME")

    def is_of_tag(self) -> bool:
        """Return whether the run is one of a tag."""
        return self._value("GITHUB_REF_TYPE") == "tag"

    def ref(self, project: str) -> str:
        """Return the branch or tag: no run can be started on the ref of a pull request."""
        # GITHUB_REF of a pull request is refs/pull/N/merge; GITHUB_REF_TYPE says branch even then.
        is_ref = re.match("refs/(heads|tags)/", self._value("GITHUB_REF"))
        is_own = is_ref and project == self._environment.get("GITHUB_REPOSITORY")
        return self._value("GITHUB_REF_NAME") if is_own else ""

    def merge_base(self) -> str:
        """Return the branch that the pull request is to go into."""
        branch = self._value("GITHUB_BASE_REF")
        return f"origin/{branch}" if branch else ""

    def request_number(self) -> int:
        """Return the number of the pull request. Raises `Stop` (exit 2) for a damaged event."""
        match = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", self._value("GITHUB_REF"))
        text = match[1] if match else str(self._pull_request().get("number", ""))
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else 0

    def request_project(self) -> str:
        """Return "": the run of a pull request is one of its repository."""
        return ""

    def request_to_build(self) -> tuple[str, int] | None:
        """Return repository and number of the pull request, or of the one with the comment."""
        path, repository = self._value("GITHUB_EVENT_PATH"), self._value("GITHUB_REPOSITORY")
        if not path or not repository:
            return None
        try:
            event = json.loads(_read(path) or "{}")
            # The event of a comment has an issue; that of a pull request's comment says so in it.
            issue = event["pull_request"] if "pull_request" in event else event["issue"]
            number = issue["number"] if "pull_request" in event or "pull_request" in issue else 0
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return (repository, number) if type(number) is int and number > 0 else None

    def review(self) -> Review | None:
        """Return the pull request as it was when its run started."""
        if not self._value("GITHUB_EVENT_PATH"):
            return None
        pull = self._pull_request()
        labels = pull.get("labels")
        listed = labels if isinstance(labels, list) else []
        names = tuple(str(label.get("name")) for label in listed if isinstance(label, dict))
        return Review(str(pull.get("title", "")), names, self._value("GITHUB_BASE_REF"))

    def address(self) -> str:
        """Return the address of this run."""
        if not self._value("GITHUB_RUN_ID"):
            return ""
        names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY")
        return f"{'/'.join(map(self._value, names))}/actions/runs/{self._value('GITHUB_RUN_ID')}"

    def is_of_fork(self) -> bool:
        """Return whether this run is for a pull request from another repository.

        GitHub gives such a run a token that only reads.
        """
        if self.source() != "pull_request":
            return False
        pull = self._pull_request()
        names = []
        for side in ("head", "base"):
            branch = pull.get(side)
            repository = branch.get("repo") if isinstance(branch, dict) else None
            names.append(repository.get("full_name") if isinstance(repository, dict) else side)
        return names[0] != names[1]

    def _pull_request(self) -> dict[str, Any]:
        """Return the pull request of the event, or nothing."""
        path = self._value("GITHUB_EVENT_PATH")
        if not path:
            return {}
        try:
            payload = json.loads(_read(path) or "{}")
        except (ValueError, RecursionError) as error:
            message = f"is not a GitHub event: {error}"
            raise stop(path, message, "check GITHUB_EVENT_PATH") from None
        pull = payload.get("pull_request") if isinstance(payload, dict) else None
        return pull if isinstance(pull, dict) else {}


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
