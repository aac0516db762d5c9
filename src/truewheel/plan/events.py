"""Why a pipeline runs: the one table of events, for plans, generated files, checks and commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

BRANCH, TAG, MERGE_REQUEST = "branch", "tag", "merge request"


class Event(NamedTuple):
    """Why a pipeline runs, and for what: a `BRANCH`, a `TAG` or a `MERGE_REQUEST`.

    `plural` names its pipelines in tables. `sources` has the word of each forge for it: the value
    of CI_PIPELINE_SOURCE on GitLab, of GITHUB_EVENT_NAME on GitHub. For a push and a tag they are
    the same.
    """

    name: str
    plural: str
    ref: str
    sources: Mapping[str, str]


EVENTS = {
    event.name: event
    for event in (
        Event("push", "pushes", BRANCH, {"gitlab": "push", "github": "push"}),
        Event(
            "mr",
            "merge requests",
            MERGE_REQUEST,
            {"gitlab": "merge_request_event", "github": "pull_request"},
        ),
        Event("tag", "tags", TAG, {"gitlab": "push", "github": "push"}),
        Event("schedule", "schedules", BRANCH, {"gitlab": "schedule", "github": "schedule"}),
        Event("web", "manual starts", BRANCH, {"gitlab": "web", "github": "workflow_dispatch"}),
    )
}
BUT_MERGE_REQUESTS = tuple(name for name, event in EVENTS.items() if event.ref != MERGE_REQUEST)
"""Events of jobs that push what a merge request, which may come from a fork, has no right to."""


def name_of(source: str, *, is_tag: bool) -> str:
    """Return the name of the event that a forge has its own word for; "push" for an unknown one."""
    if is_tag:
        return "tag"
    names = (name for name, event in EVENTS.items() if source in event.sources.values())
    return next(names, "push")
