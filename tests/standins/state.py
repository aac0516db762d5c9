"""The state of the server: a clock, users with tokens, and projects with their contents."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from standins.ci import Bridge, Build, Job, Pipeline, settle

GUEST, PLANNER, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 15, 20, 30, 40, 50
ROLES = {"developer": DEVELOPER, "maintainer": MAINTAINER, "owner": OWNER, "no_one_allowed": 99}
"""Values of `ci_pipeline_variables_minimum_override_role` and the access level that each needs."""
NO_VARIABLES = "Insufficient permissions to set pipeline variables"

SETTINGS: dict[str, Any] = {
    "description": "",
    "default_branch": "main",
    "visibility": "private",
    "archived": False,
    "jobs_enabled": True,
    "build_timeout": 3600,
    "ci_config_path": "",
    "ci_default_git_depth": 20,
    "ci_job_token_scope_enabled": False,
    "ci_push_repository_for_job_token_allowed": False,
    "ci_pipeline_variables_minimum_override_role": "developer",
    "restrict_user_defined_variables": False,
    "auto_cancel_pending_pipelines": "enabled",
    "keep_latest_artifact": True,
    "only_allow_merge_if_pipeline_succeeds": False,
    "shared_runners_enabled": True,
}

Linter = Callable[[str], list[str]]


class Clock:
    """The server's own time, seconds since 1970.

    It stands still but for `advance`, or runs at `speed`.
    """

    def __init__(self, start: float, speed: float = 0.0) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()

    def now(self) -> float:
        """Return what time it is."""
        return self._start + self._speed * (time.monotonic() - self._began)

    def advance(self, seconds: float) -> None:
        """Move on."""
        self._start += seconds


@dataclass(frozen=True)
class User:
    """Somebody, or a bot."""

    id: int
    username: str
    home: str
    state: str = "active"

    def view(self) -> dict[str, Any]:
        """Return what the API shows."""
        return {
            "id": self.id,
            "username": self.username,
            "name": self.username.title(),
            "state": self.state,
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.home}/{self.username}",
        }


@dataclass(eq=False)
class Token:
    """A secret and what it may do.

    `levels` overrides the access `level` for single projects; `expires` is a time.
    """

    id: int
    name: str
    value: str
    user: User
    level: int = MAINTAINER
    scopes: tuple[str, ...] = ("api",)
    expires: float | None = None
    kind: str = "personal"
    levels: dict[str, int] = field(default_factory=dict)
    revoked: bool = False
    build: Build | None = None

    def level_in(self, project: Project) -> int:
        """Return the access level in a project, 0 for none."""
        return self.levels.get(project.path, self.level)


@dataclass(eq=False)
class Commit:
    """A commit with all files of its tree."""

    sha: str
    message: str
    author: User
    time: float
    parent: Commit | None
    files: dict[str, bytes]


@dataclass(frozen=True)
class Lag:
    """How far lists are behind.

    A new pipeline is missing from so many `requests`, and until it is `seconds` old.
    """

    requests: int = 0
    seconds: float = 0.0


class State:
    """Everything that the server remembers."""

    def __init__(self, clock: Clock, home: str) -> None:
        self.clock = clock
        self.home = home
        self.ids: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        # numbers of different kinds differ, so that a client which mixes them up is found out
        for kind, first in {
            "pipeline": 1001,
            "job": 50001,
            "note": 7001,
            "schedule": 301,
            "project": 11,
        }.items():
            self.ids[kind] = itertools.count(first)
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.projects: dict[str, Project] = {}
        self.group_variables: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.lag = Lag()

    def user(self, name: str) -> User:
        """Return a user, who is made when new."""
        return self.users.setdefault(name, User(len(self.users) + 1, name, self.home))

    def project(self, path: str, settings: Mapping[str, Any]) -> Project:
        """Return a project, which is made when new."""
        if path not in self.projects:
            self.projects[path] = Project(self, path, settings)
        return self.projects[path]

    def settle(self) -> None:
        """Let every pipeline be where it should be by now."""
        now = self.clock.now()
        for project in list(self.projects.values()):
            for pipeline in list(project.pipelines):
                followed = pipeline.parent and pipeline.parent.status == "running"
                if not followed and not pipeline.is_done:
                    settle(pipeline, now)


class Project:
    """A project. Its lists hold records as the API shows them; tests may read and change them."""

    def __init__(self, state: State, path: str, settings: Mapping[str, Any]) -> None:
        self.state = state
        self.id = next(state.ids["project"])
        self.path = path
        self.settings = {**SETTINGS, **settings}
        self.created = state.clock.now()
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, Commit] = {}
        self.tags: dict[str, Commit] = {}
        self.pipelines: list[Pipeline] = []
        self.variables: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        self.triggers: list[dict[str, Any]] = []
        self.protected_branches: list[dict[str, Any]] = []
        self.protected_tags: list[dict[str, Any]] = []
        self.repository_rules: list[dict[str, Any]] = []
        self.merge_requests: list[dict[str, Any]] = []
        self.notes: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.statuses: list[dict[str, Any]] = []
        self.packages: list[dict[str, Any]] = []
        self.package_files: list[dict[str, Any]] = []
        self.runners: list[dict[str, Any]] = []
        self.test_reports: dict[int, dict[str, Any]] = {}
        self.token_scope = {"inbound_enabled": True, "outbound_enabled": False}
        self.allowlist: list[int] = []
        self.linter: Linter = lint
        self.spec_inputs: dict[str, Any] | None = None
        self.listings = 0
        self._script: Sequence[Job] = (Job("build"),)
        self._next: list[Sequence[Job]] = []
        self._iids = itertools.count(1)
        self.commit({"README.md": b"hello\n"}, "chore: first commit")

    @property
    def url(self) -> str:
        """Its address for people."""
        return f"{self.state.home}/{self.path}"

    def plan(self, *jobs: Job, once: bool = False) -> None:
        """Set what the pipelines do that start from now on; with `once`, only the next one."""
        if once:
            self._next.append(jobs)
        else:
            self._script = jobs

    def script(self) -> Sequence[Job]:
        """Return what a pipeline that starts now will do."""
        return self._next.pop(0) if self._next else self._script

    def commit(
        self,
        files: Mapping[str, bytes | None],
        message: str = "chore: change",
        branch: str = "",
        user: str = "root",
    ) -> Commit:
        """Commit changed files (None removes one) to a branch.

        A new branch starts at the default branch.
        """
        branch = branch or self.settings["default_branch"]
        parent = self.branches.get(branch) or self.branches.get(self.settings["default_branch"])
        tree = {**(parent.files if parent else {}), **files}
        now = self.state.clock.now()
        sha = hashlib.sha1(
            f"{self.path} {len(self.commits)} {message}".encode(), usedforsecurity=False
        ).hexdigest()
        kept = {name: content for name, content in tree.items() if content is not None}
        commit = Commit(sha, message, self.state.user(user), now, parent, kept)
        self.commits[sha] = self.branches[branch] = commit
        return commit

    def tag(self, name: str, ref: str = "") -> Commit:
        """Tag a commit."""
        commit = self.find_commit(ref or self.settings["default_branch"])
        if commit is None:
            raise KeyError(ref)
        self.tags[name] = commit
        return commit

    def find_commit(self, ref: str) -> Commit | None:
        """Return the commit of a branch, a tag, or a full or abbreviated hash."""
        name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if name in {"", "HEAD"}:
            name = self.settings["default_branch"]
        commit = self.branches.get(name) or self.tags.get(name) or self.commits.get(name)
        if commit is None and len(name) >= 7:
            commit = next(
                (value for sha, value in self.commits.items() if sha.startswith(name)), None
            )
        return commit

    def merge_request(
        self, source: str, target: str = "", title: str = "feat: change", **more: Any
    ) -> dict[str, Any]:
        """Open a merge request; return its record."""
        now = self.state.clock.now()
        record = {
            "id": next(self.state.ids["merge_request"]) + 900,
            "iid": len(self.merge_requests) + 1,
            "source": source,
            "target": target or self.settings["default_branch"],
            "title": title,
            "author": self.state.user("root"),
            "labels": [],
            "description": "",
            "state": "opened",
            "draft": False,
            "created": now,
            "updated": now,
            **more,
        }
        self.merge_requests.append(record)
        return record

    def pipeline(
        self,
        ref: str = "",
        source: str = "push",
        user: str | User = "root",
        variables: Sequence[Mapping[str, Any]] = (),
        jobs: Sequence[Job] | None = None,
        **more: Any,
    ) -> Pipeline:
        """Start a pipeline, as a push would.

        `jobs` is its script, by default the project's. Raises `KeyError` where there is no such
        ref.
        """
        ref = ref or self.settings["default_branch"]
        commit = self.find_commit(ref)
        if commit is None:
            raise KeyError(ref)
        more.setdefault("created", self.state.clock.now())
        pipeline = Pipeline(
            id=next(self.state.ids["pipeline"]),
            iid=next(self._iids),
            project=self,
            ref=ref,
            sha=commit.sha,
            source=source,
            user=user if isinstance(user, User) else self.state.user(user),
            ids=self.state.ids["job"],
            tag=ref in self.tags,
            variables=[
                {"variable_type": "env_var", "raw": False, **variable} for variable in variables
            ],
            listed_from=self.listings,
            **more,
        )
        pipeline.fill(self.script() if jobs is None else jobs)
        self.pipelines.append(pipeline)
        settle(pipeline, self.state.clock.now())
        return pipeline

    def is_listed(self, run: Pipeline) -> bool:
        """Return whether lists show a pipeline.

        A new one may be missing from the first lists, as on a replica that is behind.
        """
        lag = self.state.lag
        return (
            self.listings - run.listed_from > lag.requests
            and self.state.clock.now() - run.created >= lag.seconds
        )

    def downstream(self, bridge: Build, when: float) -> Pipeline | None:
        """Make the pipeline that a trigger job starts; None when that is impossible."""
        script = bridge.script
        above = bridge.pipeline
        if not isinstance(script, Bridge) or script.child is None:
            return None
        project = self.state.projects.get(script.project) if script.project else self
        if project is None:
            return None
        ref = project.settings["default_branch"] if script.project else above.ref
        source = "pipeline" if script.project else "parent_pipeline"
        return project.pipeline(
            ref,
            source,
            above.user,
            jobs=script.child,
            created=when,
            parent=bridge,
            variables=above.variables,
        )


def lint(content: str) -> list[str]:
    """Return what is wrong with a CI configuration: only the coarsest of what GitLab says."""
    import yaml  # only for this route

    try:
        document = yaml.safe_load(content)
    except yaml.YAMLError as error:
        return [f"(<unknown>): {' '.join(str(error).split())}"]
    if not isinstance(document, dict):
        return ["Invalid configuration format"]
    reserved = {
        "stages",
        "variables",
        "workflow",
        "default",
        "include",
        "image",
        "services",
        "cache",
        "spec",
        "pages",
    }
    jobs = {
        name: job
        for name, job in document.items()
        if name not in reserved and not str(name).startswith(".")
    }
    if not jobs and "include" not in document:
        return ["jobs config should contain at least one visible job"]
    runs = {"script", "run", "trigger", "extends"}
    return [
        f"jobs:{name} config should implement the script:, run:, or trigger: keyword"
        for name, job in jobs.items()
        if not isinstance(job, dict) or not runs & job.keys()
    ]
