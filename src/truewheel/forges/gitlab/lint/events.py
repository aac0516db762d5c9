"""Which jobs a pipeline has for an event.

Rules are evaluated with the variables that GitLab sets; others may have any value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.forges.gitlab.lint import expressions, needs, regexes
from truewheel.forges.gitlab.lint.expressions import SET, UNKNOWN, BadExpression, Value
from truewheel.forges.gitlab.lint.graph import Graph
from truewheel.forges.gitlab.lint.resolve import Config
from truewheel.forges.gitlab.lint.values import as_text, is_blank, is_open
from truewheel.plan import events
from truewheel.plan.events import BRANCH, MERGE_REQUEST, TAG

DEFAULT_REFS = ["branches", "tags"]
_OF_MERGE_REQUESTS = "CI_MERGE_REQUEST_"


class Event(NamedTuple):
    """Why a pipeline runs, with the value of `CI_PIPELINE_SOURCE`; `kind` is the event's `ref`."""

    name: str
    source: str
    kind: str

    def child(self) -> Event:
        """Return the event of a child pipeline."""
        return self._replace(source="parent_pipeline")


EVENTS = {
    name: Event(name, event.sources["gitlab"], event.ref) for name, event in events.EVENTS.items()
}


class Variables(dict[str, Value]):
    """What is known of a pipeline's variables; asked for another, it says unknown."""

    def get(self, name: str, default: Any = UNKNOWN) -> Value:
        """Return what is known of a variable."""
        if name in self:
            return self[name]
        if name.startswith(_OF_MERGE_REQUESTS):
            return super().get(_OF_MERGE_REQUESTS, default)
        return default


_OPEN_MERGE_REQUESTS = {MERGE_REQUEST: SET, TAG: None}
"""By event; a branch may have open merge requests or not."""


def predefined(event: Event) -> Variables:
    """Return the variables that GitLab sets for an event."""
    is_request = event.kind == MERGE_REQUEST
    return Variables(
        {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": event.source,
            "CI_COMMIT_BRANCH": SET if event.kind == BRANCH else None,
            "CI_COMMIT_TAG": SET if event.kind == TAG else None,
            "CI_COMMIT_REF_NAME": SET,
            "CI_COMMIT_SHA": SET,
            "CI_DEFAULT_BRANCH": SET,
            "CI_OPEN_MERGE_REQUESTS": _OPEN_MERGE_REQUESTS.get(event.kind, UNKNOWN),
            # Some of them depend on the kind of request.
            _OF_MERGE_REQUESTS: UNKNOWN if is_request else None,
            "CI_MERGE_REQUEST_ID": SET if is_request else None,
            "CI_MERGE_REQUEST_IID": SET if is_request else None,
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": SET if is_request else None,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": SET if is_request else None,
            "CI_PIPELINE_TRIGGERED": None,
        }
    )


def _written(variables: Any) -> dict[str, Value]:
    """Return the values of a `variables` keyword; what refers to others is unknown."""
    written: dict[str, Value] = {}
    for name, value in variables.items() if isinstance(variables, dict) else ():
        entry = value.get("value") if isinstance(value, dict) else value
        text = "" if entry is None else "$"
        if not is_open(entry) and entry is not None:
            text = as_text(entry)
        written[str(name)] = UNKNOWN if "$" in text else text
    return written


class Presence:
    """The jobs of a configuration for one event: there, not there, or None for maybe."""

    def __init__(
        self,
        config: Config,
        event: Event,
        variables: Mapping[str, Value] | None = None,
        *,
        is_child: bool = False,
    ) -> None:
        self.config = config
        self.event = event
        written = _written(config.keywords.get("variables"))
        if is_child:  # the parent's variables win over those of the file
            written = dict.fromkeys(written, UNKNOWN)
        workflow = config.keywords.get("workflow")
        self.workflow_rules = workflow.get("rules") if isinstance(workflow, dict) else None
        self.has_workflow = isinstance(workflow, dict) and "rules" in workflow
        self.variables = Variables({**predefined(event), **written, **(variables or {})})
        self.pipeline = (
            self._of_rules(self.workflow_rules, "always", self.variables)
            if self.has_workflow
            else True
        )
        self._given = dict(variables or {})
        if self.has_workflow and self.pipeline is not False:
            self.variables.update(self._set_by_workflow())
            self.variables.update(self._given)
        self._known: dict[str, bool | None] = {}

    def _set_by_workflow(self) -> dict[str, Value]:
        """Return the variables of the rule that holds; where that is unsure, they are unknown."""
        rule, is_sure = self.rule(self.workflow_rules, self.variables)
        if is_sure:
            return _written(rule.get("variables") if isinstance(rule, dict) else None)
        listed = [rule for rule in _flat(self.workflow_rules) if isinstance(rule, dict)]
        names = [name for rule in listed for name in _written(rule.get("variables"))]
        return dict.fromkeys(names, UNKNOWN)

    def job(self, name: str) -> bool | None:
        """Return whether a job is in the pipeline, if there is one."""
        if name in self.config.open_entries:
            return None
        if name not in self._known:
            self._known[name] = self._judge(name)
        return self._known[name]

    def _judge(self, name: str) -> bool | None:
        job, variables = self.config.jobs[name], self._variables_of(name)
        if job.get("rules") is not None:
            return self._of_rules(job["rules"], job.get("when"), variables)
        if "rules" in job:
            return True
        if job.get("only") is None and job.get("except") is None:
            if self.has_workflow:
                return True
            default = self._refs(DEFAULT_REFS)
            return None if self.config.report.is_open and default is False else default
        return self._of_policies(job, variables)

    def _variables_of(self, name: str) -> Variables:
        job = self.config.jobs[name]
        job_variables = job["variables"] if isinstance(job.get("variables"), dict) else {}
        # What is evaluated for several jobs cannot depend on the variables of one.
        is_model = name in self.config.models
        matrix = job["parallel"].get("matrix") if isinstance(job.get("parallel"), dict) else None
        if not job_variables and not matrix:
            return self.variables
        names = [str(name) for row in matrix or () if isinstance(row, dict) for name in row]
        written = dict.fromkeys(job_variables, UNKNOWN) if is_model else _written(job_variables)
        return Variables(
            {**self.variables, **written, **dict.fromkeys(names, UNKNOWN), **self._given}
        )

    def rule(self, rules: Any, variables: Variables) -> tuple[Any, bool]:
        """Return the first rule that surely holds, and whether none before it may hold."""
        is_sure = True
        for rule in _flat(rules):
            holds = self._holds(rule, variables)
            if holds:
                return rule, is_sure
            is_sure = is_sure and holds is False
        return None, is_sure

    def needs_of_rule(self, name: str) -> Any:
        """Return the needs of the rule that surely adds a job, if it has needs of its own."""
        job = self.config.jobs[name]
        rules = [rule for rule in _flat(job.get("rules")) if isinstance(rule, dict)]
        if not any("needs" in rule for rule in rules):
            return None
        rule, is_sure = self.rule(job["rules"], self._variables_of(name))
        return rule.get("needs") if is_sure and rule is not None else None

    def _of_rules(self, rules: Any, default: Any, variables: Variables) -> bool | None:
        outcomes: set[bool] = set()
        for rule in _flat(rules):
            holds = self._holds(rule, variables)
            if holds is False:
                continue
            outcomes.add(_when(rule, default) != "never")
            if holds:
                break
        else:
            outcomes.add(False)
        return outcomes.pop() if len(outcomes) == 1 else None

    def _holds(self, rule: Any, variables: Variables) -> bool | None:
        if not isinstance(rule, dict):
            return None
        clauses: list[bool | None] = []
        if rule.get("if") is not None:
            clauses.append(self._expression(rule["if"], variables))
        if rule.get("changes") is not None:
            clauses.append(self._changed(rule["changes"]))
        if rule.get("exists") is not None:
            clauses.append(None)
        return _all(clauses)

    def _expression(self, text: Any, variables: Variables) -> bool | None:
        if not isinstance(text, str):
            return None
        try:
            return expressions.evaluate(expressions.parse(text), variables)
        except BadExpression:
            return None

    def _changed(self, changes: Any) -> bool | None:
        # Without something to compare with, GitLab takes every file for changed.
        is_compared = isinstance(changes, dict) and changes.get("compare_to")
        return None if is_compared or self.event.name in {"push", "mr"} else True

    def _of_policies(self, job: Mapping[str, Any], variables: Variables) -> bool | None:
        only = _policy(job.get("only"), is_default=True)
        without = _policy(job.get("except"), is_default=False)
        clauses = [self._clause(key, value, variables) for key, value in only.items()]
        refused = [self._clause(key, value, variables) for key, value in without.items()]
        if False in clauses or True in refused:
            return False
        return None if None in clauses or None in refused else True

    def _clause(self, key: str, value: Any, variables: Variables) -> bool | None:
        if key == "refs":
            return self._refs(value)
        if key == "variables" and isinstance(value, list):
            return _any([self._expression(text, variables) for text in value])
        return self._changed(value) if key == "changes" else None

    def _refs(self, refs: Any) -> bool | None:
        return _any([self._ref(ref) for ref in refs]) if isinstance(refs, list) else None

    def _ref(self, ref: Any) -> bool | None:
        if not isinstance(ref, str) or is_open(ref):
            return None
        pattern, at, _ = ref.partition("@")
        matches = self._named(pattern)
        return None if at and matches and not regexes.is_delimited(ref) else matches

    def _named(self, pattern: str) -> bool | None:
        source = self.event.source.removesuffix("_event")
        if pattern in {source, f"{source}s", f"{source}es"}:
            return True
        if pattern in {"tags", "branches"}:
            return pattern == {TAG: "tags", BRANCH: "branches"}.get(self.event.kind)
        if pattern in _OTHER_SOURCES or self.event.kind == MERGE_REQUEST:
            return False
        return None


_OTHER_SOURCES = {
    "api", "chat", "chats", "external", "external_pull_request", "external_pull_requests",
    "merge_request", "merge_requests", "pipeline", "pipelines", "push", "pushes", "schedule",
    "schedules", "trigger", "triggers", "web", "webs",
}  # fmt: skip


def _any(answers: list[bool | None]) -> bool | None:
    """Return whether any answer is yes; None stands for an unknown one."""
    if True in answers:
        return True
    return None if None in answers else False


def _all(answers: list[bool | None]) -> bool | None:
    """Return whether all answers are yes; None stands for an unknown one."""
    if False in answers:
        return False
    return None if None in answers else True


def _policy(value: Any, *, is_default: bool) -> dict[str, Any]:
    if isinstance(value, list):
        value = {"refs": value}
    clauses = value if isinstance(value, dict) else {}
    filled = {key: item for key, item in clauses.items() if not is_blank(item)}
    return {"refs": DEFAULT_REFS, **filled} if is_default else filled


def _when(rule: Any, default: Any) -> Any:
    return rule.get("when") or default if isinstance(rule, dict) else default


def _flat(rules: Any) -> Iterator[Any]:
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, list):
            yield from _flat(rule)
        else:
            yield rule


class _AbsentNeed(NamedTuple):
    """A need on a job that is not there; `in_rule` says whether only a rule of the job has it."""

    job: str
    target: str
    in_rule: bool
    route: tuple[Any, ...]


def check_needs(graph: Graph, presences: list[Presence]) -> None:
    """Report each job that is surely there while one that it needs is surely not.

    GitLab looks at the job's own needs alone, also where a rule replaces them (its issue 435562):
    one of a rule is a warning.
    """
    absent: dict[_AbsentNeed, list[str]] = {}
    for presence in presences:
        if presence.pipeline is False:
            continue
        there = {name: presence.job(name) for name in graph.jobs}
        if all(there.values()):
            continue
        for need in _absent(graph, presence, there):
            absent.setdefault(need, []).append(presence.event.name)
    for need, missed in absent.items():
        why = f"which is not there for {' and '.join(missed)}"
        message = f"job {need.job} needs {need.target}, {why}"
        message += "" if need.in_rule else ": the pipeline cannot start"
        hint = "give both the same rules, or write optional: true"
        severity = "warning" if need.in_rule else "error"
        graph.report.add("absent-need", (need.job, *need.route), message, hint, severity)


def _absent(
    graph: Graph, presence: Presence, there: Mapping[str, bool | None]
) -> Iterator[_AbsentNeed]:
    for name, is_there in there.items():
        if not is_there:
            continue
        given = [(presence.config.jobs[name].get("needs"), False)]
        given += [(presence.needs_of_rule(name), True)]
        for listed, in_rule in given:
            for need in needs.same_pipeline(listed) if listed else ():
                base = _base(graph, need)
                if not need.is_optional and there.get(base, True) is False:
                    yield _AbsentNeed(name, need.job, in_rule, ("needs", *need.route))


def _base(graph: Graph, need: needs.Need) -> str:
    names = graph.names(need)
    return graph.base.get(names[0] if names else need.job, need.job)
