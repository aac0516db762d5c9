"""What note and title share: the merge or pull request, and what its pipeline knows of it."""

from __future__ import annotations

import argparse
import json
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.cli import forges
from truewheel.errors import stop
from truewheel.forges import access
from truewheel.forges.reviews import Review, Reviews
from truewheel.workspace import loading


class Place(NamedTuple):
    """A merge request of a project of GitLab, or a pull request of GitHub."""

    forge: str
    project: str
    number: int

    def __str__(self) -> str:
        return f"{self.project}{'#' if self.forge == 'github' else '!'}{self.number}"


def add_merge_request(parser: ArgumentParser, *, seconds: float) -> None:
    """Add --merge-request, --forge, --project and --deadline."""
    parser.add_argument(
        "--merge-request", metavar="N", type=_number,
        help="number of the merge or pull request (default: that of this pipeline)",
    )  # fmt: skip
    forges.add_forge(parser, seconds=seconds)


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a merge request")
    return int(text)


def find_place(
    arguments: Namespace, environment: Mapping[str, str], declared: tuple[str, ...]
) -> Place | None:
    """Return the given merge request, or that of this pipeline, or None."""
    name = arguments.forge or ("gitlab" if environment.get("CI_MERGE_REQUEST_IID") else "")
    name = name or forges.choose_forge(arguments, environment, declared)
    number = arguments.merge_request or _job_number(name, environment)
    if not number:
        return None
    given = arguments.project
    if not given and name == "gitlab":
        # The pipeline of a merge request from a fork may run in the fork.
        given = environment.get("CI_MERGE_REQUEST_PROJECT_PATH")
        given = given or environment.get("CI_MERGE_REQUEST_PROJECT_ID")
    return Place(name, forges.find_project(name, given, environment), number)


def _job_number(name: str, environment: Mapping[str, str]) -> int:
    if name == "gitlab":
        text = environment.get("CI_MERGE_REQUEST_IID", "")
    else:
        match = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", environment.get("GITHUB_REF", ""))
        text = match[1] if match else str(read_pull_request(environment).get("number", ""))
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else 0


def connect(
    place: Place, seconds: float, environment: Mapping[str, str], *, writes: bool
) -> Reviews:
    """Return a client for the merge requests of a project.

    Raises `Stop` (exit 2) without a token that may read them, or write to them.
    """
    forges.require_library(place.forge)
    if place.forge == "github":
        from truewheel.forges.github.api.pull_requests import GithubReviews

        if writes and _is_of_fork(environment):
            message = "the token of a pull request from a fork may not write comments"
            raise stop(str(place), message, "see the summary of its run: it has the names")
        return GithubReviews(access.github(environment), place.project, seconds)
    from truewheel.forges.gitlab.api.merge_requests import GitlabReviews

    known = access.gitlab(environment)
    if known.kind == "job":
        use = "write notes" if writes else "read merge requests"
        hint = "set GITLAB_TOKEN to a project access token"
        raise stop(str(place), f"a job token cannot {use}", hint)
    return GitlabReviews(known, place.project, seconds)


def read_review(environment: Mapping[str, str]) -> Review | None:
    """Return the merge request as it was when its pipeline started, or None."""
    if "CI_MERGE_REQUEST_TITLE" in environment:
        named = tuple(filter(None, environment.get("CI_MERGE_REQUEST_LABELS", "").split(",")))
        target = environment.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "")
        return Review(environment["CI_MERGE_REQUEST_TITLE"], named, target)
    if environment.get("GITHUB_EVENT_PATH"):
        pull = read_pull_request(environment)
        labels = pull.get("labels")
        listed = labels if isinstance(labels, list) else []
        named = tuple(str(label.get("name")) for label in listed if isinstance(label, dict))
        return Review(str(pull.get("title", "")), named, environment.get("GITHUB_BASE_REF", ""))
    return None


def read_pull_request(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the pull request of GitHub's event, or nothing."""
    path = environment.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        payload = json.loads(loading.read_text(Path(path)) or "{}")
    except (ValueError, RecursionError) as error:
        message = f"is not a GitHub event: {error}"
        raise stop(path, message, "check GITHUB_EVENT_PATH") from None
    pull = payload.get("pull_request") if isinstance(payload, dict) else None
    return pull if isinstance(pull, dict) else {}


def _is_of_fork(environment: Mapping[str, str]) -> bool:
    """Return whether this run is for a pull request from another repository.

    GitHub gives such a run a token that only reads.
    """
    if environment.get("GITHUB_EVENT_NAME") != "pull_request":
        return False
    pull = read_pull_request(environment)
    names = []
    for side in ("head", "base"):
        branch = pull.get(side)
        repository = branch.get("repo") if isinstance(branch, dict) else None
        names.append(repository.get("full_name") if isinstance(repository, dict) else side)
    return names[0] != names[1]


def job_address(environment: Mapping[str, str]) -> str:
    """Return the address of this job in the browser, or ""."""
    if environment.get("GITHUB_RUN_ID"):
        parts = (environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
        return f"{'/'.join(parts)}/actions/runs/{environment['GITHUB_RUN_ID']}"
    return environment.get("CI_JOB_URL", "")
