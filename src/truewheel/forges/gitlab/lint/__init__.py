"""Semantic checks of GitLab CI files, before GitLab sees them: documents in, problems out.

GitLab's official schema knows the types of values only. These checks put the files together as
GitLab does and report what it would refuse: stages and needs, rules for every event, limits, names,
expressions.
docs/lint.md lists their codes.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping

from truewheel.errors import Problem, Where
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import (
    children,
    dotenv,
    parallel,
    size,
    structure,
    variable_cycles,
)
from truewheel.forges.gitlab.lint.document import GitlabFile, plain
from truewheel.forges.gitlab.lint.events import (
    EVENTS,
    Event,
    Presence,
    Variables,
    check_needs,
    predefined,
)
from truewheel.forges.gitlab.lint.findings import Finding
from truewheel.forges.gitlab.lint.graph import Graph
from truewheel.forges.gitlab.lint.resolve import Config, Files, resolve

__all__ = [
    "EVENTS",
    "Finding",
    "GitlabFile",
    "included",
    "lint",
    "plain",
    "presence",
    "present_jobs",
]


def lint(files: Files, entry: str | None = None) -> list[Problem]:
    """Return the problems of the pipeline that begins with the file `entry`, else the first one.

    `files` are those of the repository by path; only those that are included or triggered are
    looked at.
    """
    return list(
        dict.fromkeys(_Lint(files).pipeline(entry or next(iter(files)), list(EVENTS.values()), 0))
    )


def presence(
    files: Files, event: str, variables: Mapping[str, str] | None = None, entry: str | None = None
) -> dict[str, bool | None]:
    """Return each job of the pipeline by its name in the file.

    There for that event, not there, or None for maybe.

    Variables that are neither given, nor in the files, nor set by GitLab itself may be anything.
    """
    event_ = EVENTS[event]
    variables_ = Variables({**predefined(event_), **(variables or {})})
    config = resolve(entry or next(iter(files)), files, variables_, each_job=True)
    jobs = Presence(config, event_, variables)
    return {name: False if jobs.pipeline is False else jobs.job(name) for name in config.jobs}


def present_jobs(
    files: Files, event: str, variables: Mapping[str, str] | None = None, entry: str | None = None
) -> list[str]:
    """Return the jobs of the pipeline that are there for an event, or may be."""
    return [
        name
        for name, is_there in presence(files, event, variables, entry).items()
        if is_there is not False
    ]


def included(files: Files, entry: str) -> set[str]:
    """Return the paths of all files that a pipeline is put together from, `entry` with them."""
    return {file.file for file in resolve(entry, files, Variables()).report.files}


class _Lint:
    def __init__(self, files: Files) -> None:
        self.files = files
        self._sized: set[str] = set()
        self._children: set[tuple[str, int]] = set()

    def pipeline(self, entry: str, events: list[Event], depth: int) -> Iterator[Problem]:
        """Yield the problems of a pipeline and its children."""
        if too_large := self._size(entry):
            yield too_large
            if too_large.severity == "error":
                return
        config = resolve(entry, self.files, Variables())
        configs = [config]
        if config.has_conditional_includes:
            configs = [resolve(entry, self.files, predefined(event)) for event in events]
        for one in configs:
            self._check(
                one,
                events if len(configs) == 1 else [events[configs.index(one)]],
                is_child=depth > 0,
            )
        children.check_depth(config, depth)
        yield from self._sizes(config)
        for one in configs:
            yield from one.report.findings
        if depth <= limits.CHILD_DEPTH:
            yield from self._of_children(config, entry, depth)

    def _check(self, config: Config, events: list[Event], *, is_child: bool) -> None:
        structure.check(config)
        graph = Graph(config)
        graph.check()
        variable_cycles.check(config)
        dotenv.check(config)
        _count(config)
        presences = [Presence(config, event, is_child=is_child) for event in events]
        check_needs(graph, presences)
        _check_empty(config, presences)

    def _of_children(self, config: Config, entry: str, depth: int) -> Iterator[Problem]:
        parents = {
            event.name: Presence(config, event, is_child=depth > 0) for event in EVENTS.values()
        }
        for child in children.of(config):
            if (str(child.include), depth) in self._children:
                continue
            self._children.add((str(child.include), depth))
            if missing := [path for path in child.paths if path not in self.files]:
                yield children.not_there(config, child, missing[0])
                continue
            name = f"{entry} ({child.job})"
            starter = {name: plain(name, {"include": child.include})}
            files = ChainMap(starter, self.files)  # type: ignore[arg-type]  # it is only read
            below = _Lint(files)
            below._children = self._children
            inner = resolve(name, below.files, Variables())
            before = len(inner.report.findings)
            children.check_variables(config, child, inner)
            children.check_presence(parents, child, inner)
            yield from inner.report.findings[before:]
            events = [
                EVENTS[event].child()
                for event, parent in parents.items()
                if parent.pipeline is not False and parent.job(child.job) is not False
            ]
            yield from below.pipeline(name, events, depth + 1)

    def _sizes(self, config: Config) -> Iterator[Problem]:
        for file in config.report.files:
            if size := self._size(file.file):
                yield size

    def _size(self, path: str) -> Finding | None:
        if path in self._sized:
            return None
        self._sized.add(path)
        estimate = size.estimate(self.files[path].data)
        if estimate <= limits.YAML_BYTES * size.NEAR:
            return None
        megabytes = f"{estimate / 2**20:.1f} MiB"
        is_sure = estimate > limits.YAML_BYTES * size.SURE
        most = f"it may take {limits.YAML_BYTES // 2**20} MiB (an estimate)"
        message = f"takes about {megabytes} when GitLab has read it, and {most}"
        hint = (
            "divide it into included files; write extends instead of anchors, which count each time"
        )
        where = (
            self.files[path].where() if self.files[path].places[()].value.line >= 0 else Where(path)
        )
        return Finding(where, message, hint, "error" if is_sure else "warning", "parsed-size")


def _count(config: Config) -> None:
    sizes = {name: parallel.count(job.get("parallel")) for name, job in config.jobs.items()}
    total = sum(sizes.values()) + sum(sizes.get(model, 0) for model in config.twins.values())
    if total > limits.FREE_PLAN_JOBS:
        most = f"a limit that an instance may set, on the hosted free plan {limits.FREE_PLAN_JOBS}"
        message = f"{total} jobs: {most}"
        config.report.add("job-count", (), message, severity="warning")


def _check_empty(config: Config, presences: list[Presence]) -> None:
    if not config.jobs or config.report.is_open or len(presences) < len(EVENTS):
        return
    for presence in presences:
        if presence.pipeline is not False and any(
            presence.job(name) is not False for name in config.jobs
        ):
            return
    config.report.add(
        "no-job-ever", (), "no job is there for any event", "look at workflow and rules", "warning"
    )
