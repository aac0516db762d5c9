"""Pipeline schedules of GitLab.

Declared ones are compared with those of the project, and the differences are applied.

A mark at the end of the description says which schedules are ours; what others made is never
touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from truewheel.errors import Exit, stop
from truewheel.forges.base import text_of
from truewheel.forges.calls import Fault, attempted
from truewheel.forges.gitlab.api.access import find_access
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.kind import RemoteProject
from truewheel.forges.schedules import CHANGE, CREATE, KEEP, REMOVE, Difference, Tell
from truewheel.forges.trigger import RECHECK_SECONDS, UNSURE
from truewheel.spec.model import Spec

NAME = "gitlab"
WORDS = {"cron_timezone": "timezone"}
"""What the spec calls a field of GitLab's, where that differs."""
FILE = "(a file)"
"""Stands for the value of a variable that is a file, which none of ours is."""
_MARK = re.compile(r"\[truewheel:([^\s:\[\]]+):([^\s:\[\]]+)\]\s*\Z")


class Schedule(NamedTuple):
    """A schedule in the words of GitLab's API: fields, and variables or inputs of its pipelines."""

    name: str
    fields: Mapping[str, Any]
    variables: Mapping[str, str]
    inputs: Mapping[str, str]


class ExistingSchedule(NamedTuple):
    """A schedule of ours that the project has. `is_whole` says that its variables may be seen."""

    id: int
    schedule: Schedule
    owner: str
    is_owner_active: bool
    is_whole: bool


class Step(NamedTuple):
    """What is to be done for one schedule, as `forges.schedules.Step` says."""

    action: str
    name: str
    wanted: Schedule | None
    found: ExistingSchedule | None
    differences: tuple[Difference, ...] = ()
    why: str = ""

    @property
    def id(self) -> int | None:
        """Its number, None where it is not there yet."""
        return self.found.id if self.found else None


class GitlabSchedules:
    """The schedules of a project, as `forges.schedules.Schedules` says."""

    def __init__(self, project: RemoteProject, spec: Spec) -> None:
        self._gitlab = Gitlab(find_access(project.environment), project.name, project.seconds)
        self._spec = spec

    def steps(self) -> list[Step]:
        """Return the steps from the project's schedules to those of the spec."""
        schedules = self._spec.schedules_of(NAME).values()
        needs_default = any(not schedule.ref for schedule in schedules)
        default_ref = self._gitlab.default_ref() if needs_default else ""
        wanted = declared(self._spec, default_ref, by_inputs=self._spec.gitlab.inputs)
        return steps(wanted, read(self._gitlab, self._spec.project))

    def apply(self, steps: Sequence[Step], tell: Tell) -> Iterator[Step]:
        """Do the steps, and yield each one that is done.

        When two commands have created the same schedule, the older one stays.
        """
        changes = [step for step in steps if step.action != KEEP]
        user = ""
        if any(step.action == CHANGE for step in changes):
            user = me(self._gitlab)
        for step in changes:
            apply(self._gitlab, self._spec.project, step, user, tell)
            yield step
        if any(step.action == CREATE for step in changes):
            for step in self.steps():
                if step.action == REMOVE:
                    apply(self._gitlab, self._spec.project, step, user, tell)


def declared(spec: Spec, default_ref: str, *, by_inputs: bool = False) -> dict[str, Schedule]:
    """Return the schedules that a spec declares for GitLab, by name."""
    result = {}
    for name, schedule in spec.schedules_of(NAME).items():
        fields = {
            "description": f"{schedule.description or name} [truewheel:{spec.project}:{name}]",
            "ref": schedule.ref or default_ref,
            "cron": schedule.cron,
            "cron_timezone": schedule.timezone,
            "active": schedule.active,
        }
        values = dict(schedule.variables)
        result[name] = Schedule(
            name, fields, {} if by_inputs else values, values if by_inputs else {}
        )
    return result


def ours(record: Mapping[str, Any], project: str) -> str:
    """Return the name of a schedule that is ours, "" of another one; `project` is the spec's."""
    match = _MARK.search(text_of(record, "description"))
    return match[2] if match and match[1] == project else ""


def read_schedule(record: Mapping[str, Any], project: str) -> ExistingSchedule:
    """Return what the API says of a schedule of ours."""
    owner = record.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    fields = {
        key: record.get(key) for key in ("description", "ref", "cron", "cron_timezone", "active")
    }
    variables = {
        text_of(variable, "key"): FILE
        if variable.get("variable_type") == "file"
        else text_of(variable, "value")
        for variable in _records(record, "variables")
    }
    inputs = {text_of(item, "name"): str(item.get("value")) for item in _records(record, "inputs")}
    schedule = Schedule(ours(record, project), fields, variables, inputs)
    is_active = text_of(owner, "state") in {"active", ""} and bool(owner)
    return ExistingSchedule(
        record["id"], schedule, text_of(owner, "username"), is_active, "variables" in record
    )


def _records(record: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = record.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def steps(
    declared_schedules: Mapping[str, Schedule], existing: Iterable[ExistingSchedule]
) -> list[Step]:
    """Return what is to be done, in the order of the spec, and then what goes.

    The oldest of equal names stays.
    """
    oldest: dict[str, ExistingSchedule] = {}
    gone = []
    for schedule in sorted(existing, key=lambda schedule: schedule.id):
        name = schedule.schedule.name
        if name not in declared_schedules:
            gone.append(Step(REMOVE, name, None, schedule, why="the spec does not declare it"))
        elif name in oldest:
            gone.append(
                Step(
                    REMOVE,
                    name,
                    None,
                    schedule,
                    why=f"the second of one name: {oldest[name].id} stays",
                )
            )
        else:
            oldest[name] = schedule
    return [
        *(_step(schedule, oldest.get(name)) for name, schedule in declared_schedules.items()),
        *gone,
    ]


def _step(declaration: Schedule, existing: ExistingSchedule | None) -> Step:
    if existing is None:
        return Step(
            CREATE, declaration.name, declaration, None, tuple(_differences(None, declaration))
        )
    differences = list(_differences(existing.schedule, declaration))
    if not existing.is_owner_active:
        differences.append(
            Difference(
                "owner", f"{existing.owner or 'nobody'}, who is not active", "the token's user"
            )
        )
    if not existing.is_whole:
        differences.append(Difference("variables", "hidden from this token", "as declared"))
    return Step(
        CHANGE if differences else KEEP, declaration.name, declaration, existing, tuple(differences)
    )


def _differences(old: Schedule | None, new: Schedule) -> Iterator[Difference]:
    for key, value in new.fields.items():
        before = old.fields.get(key) if old else None
        if old is None or not _is_same(key, before, value):
            yield Difference(
                WORDS.get(key, key), None if before is None else _shown(before), _shown(value)
            )
    for kind in ("variables", "inputs"):
        before, after = getattr(old, kind) if old else {}, getattr(new, kind)
        for name in [*after, *(name for name in before if name not in after)]:
            if before.get(name) != after.get(name):
                yield Difference(f"{kind}.{name}", before.get(name), after.get(name))


def _is_same(key: str, before: object, after: object) -> bool:
    """GitLab answers with the whole name of a ref."""
    heads = {f"refs/heads/{after}", f"refs/tags/{after}"}
    return before == after or (key == "ref" and before in heads)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(forge: Gitlab, project: str) -> list[ExistingSchedule]:
    """Return all schedules of ours that the project has; `project` is the spec's."""

    def read_all() -> list[ExistingSchedule]:
        listed = list(forge.caller.pages(forge.path("pipeline_schedules")))
        records = [_record(forge, record.get("id")) for record in listed if ours(record, project)]
        return [read_schedule(record, project) for record in records if ours(record, project)]

    with forge.explained("the schedules cannot be read"):
        listed_schedules, fault = attempted(read_all)
        if fault and fault.status != 404:
            raise fault
        return (
            read_all() if listed_schedules is None else listed_schedules
        )  # one of them went while we looked


def _record(forge: Gitlab, schedule_id: object) -> dict[str, Any]:
    return forge.caller.retry(lambda: _schedule(forge, "GET", schedule_id))


def _schedule(forge: Gitlab, verb: str, *parts: object, body: Any = None) -> dict[str, Any]:
    record = forge.caller.send(verb, forge.path("pipeline_schedules", *parts), body=body).data
    if not isinstance(record, dict) or not isinstance(record.get("id"), int):
        raise forge.caller.unexpected(record, "a schedule")
    return record


def me(forge: Gitlab) -> str:
    """Return the name of the token's user."""
    with forge.explained("the user of the token cannot be read"):
        record = forge.caller.get("/user")
    return text_of(record, "username")


def apply(forge: Gitlab, project: str, step: Step, user: str, tell: Tell) -> None:
    """Apply a step; applied again, it continues where it ended.

    The schedule is inactive while its variables change: no pipeline may start with half of them.
    """
    message = f"the schedule {step.name} cannot be {step.action}d"
    if step.action == REMOVE and step.found:
        with forge.explained(message):
            _remove(forge, step.found.id)
    elif step.action == CHANGE and step.wanted and step.found:
        with forge.explained(message):
            known = _owned(forge, project, step.found, user)
        _change(forge, step.wanted, known)
    elif step.action == CREATE and step.wanted:
        with forge.explained(message):
            known = _create(forge, project, step.wanted, tell)
        _change(forge, step.wanted, known)


def _remove(forge: Gitlab, schedule_id: int) -> None:
    try:
        forge.caller.retry(
            lambda: forge.caller.send("DELETE", forge.path("pipeline_schedules", schedule_id))
        )
    except Fault as fault:
        if fault.status != 404:  # an answer was lost, or somebody was faster
            raise


def _owned(forge: Gitlab, project: str, existing: ExistingSchedule, user: str) -> ExistingSchedule:
    """Return a schedule that belongs to the token's user: nobody else may change it."""
    if existing.owner == user:
        return existing
    forge.caller.retry(lambda: _schedule(forge, "POST", existing.id, "take_ownership"))
    return read_schedule(_record(forge, existing.id), project)


def _create(forge: Gitlab, project: str, declaration: Schedule, tell: Tell) -> ExistingSchedule:
    """Return a new schedule, at rest until it has its variables.

    Whatever gets lost, it is made once.
    """
    body = {
        **declaration.fields,
        "active": declaration.fields["active"] and not declaration.variables,
        **_inputs(declaration, {}),
    }
    reasons: list[str] = []
    unsure = 0
    while True:
        record, fault = attempted(lambda: _schedule(forge, "POST", body=body))
        if record:
            return read_schedule(record, project)
        if fault is None or not fault.may_pass:
            raise fault or Fault(0, "no answer")
        reasons.append(fault.reason)
        tell(f"creating the schedule {declaration.name}: {fault.reason}")
        if not fault.is_certain:
            unsure += 1
            if late := _late(forge, project, declaration.name):
                return late
            if unsure >= UNSURE:
                raise forge.caller.unanswered(
                    f"{declaration.name} is not created after {unsure} attempts: {fault.reason}"
                )
        forge.caller.pause(fault, reasons)


def _late(forge: Gitlab, project: str, name: str) -> ExistingSchedule | None:
    """Return what was created though its answer was lost."""
    for seconds in RECHECK_SECONDS:
        forge.caller.sleep(seconds)
        if schedules_there := [
            schedule for schedule in read(forge, project) if schedule.schedule.name == name
        ]:
            return min(schedules_there, key=lambda schedule: schedule.id)
    return None


def _change(forge: Gitlab, declaration: Schedule, existing: ExistingSchedule) -> None:
    """Let a schedule that is ours be as declared."""
    path = forge.path("pipeline_schedules", existing.id)
    is_given = existing.schedule.variables == declaration.variables
    now = existing.schedule.fields
    if not is_given:
        if now["active"]:
            with forge.explained(f"the schedule {declaration.name} cannot be changed"):
                forge.caller.retry(lambda: forge.caller.change("PUT", path, body={"active": False}))
        _give(forge, declaration, existing)
    is_same = all(_is_same(key, now[key], value) for key, value in declaration.fields.items())
    if not (is_given and is_same and existing.schedule.inputs == declaration.inputs):
        body = {**declaration.fields, **_inputs(declaration, existing.schedule.inputs)}
        with forge.explained(f"the schedule {declaration.name} cannot be changed"):
            forge.caller.retry(lambda: forge.caller.change("PUT", path, body=body))


def _inputs(declaration: Schedule, before: Mapping[str, str]) -> dict[str, Any]:
    gone = [{"name": name, "destroy": True} for name in before if name not in declaration.inputs]
    values = [{"name": name, "value": value} for name, value in declaration.inputs.items()]
    return {"inputs": [*values, *gone]} if values or gone else {}


def _give(forge: Gitlab, declaration: Schedule, existing: ExistingSchedule) -> None:
    """Let a schedule have just the variables that are declared."""
    before = existing.schedule.variables
    try:
        for key, value in declaration.variables.items():
            if before.get(key) != value:
                _set(forge, existing.id, key, value)
        for key in before:
            if key not in declaration.variables:
                _unset(forge, existing.id, key)
    except Fault as fault:
        message = (
            f"the variables of the schedule {declaration.name}, which is inactive until it has "
            "them, are refused"
        )
        hint = (
            "raise in the project's Settings, CI/CD, Variables, the minimum role to use pipeline "
            "variables to that of the token; then run this again"
        )
        raise stop(
            forge.caller.server, f"{message}: {fault.reason}", hint, Exit.REMOTE_FAILED
        ) from None


def _set(forge: Gitlab, schedule_id: int, key: str, value: str) -> None:
    place = ("pipeline_schedules", schedule_id, "variables")
    body = {"value": value, "variable_type": "env_var"}

    def put_or_post() -> None:  # in this order it may be done again, whichever answer was lost
        try:
            forge.caller.change("PUT", forge.path(*place, key), body)
        except Fault as fault:
            if fault.status != 404:
                raise
            forge.caller.change("POST", forge.path(*place), {"key": key, **body})

    forge.caller.retry(put_or_post)


def _unset(forge: Gitlab, schedule_id: int, key: str) -> None:
    path = forge.path("pipeline_schedules", schedule_id, "variables", key)
    try:
        forge.caller.retry(lambda: forge.caller.send("DELETE", path))
    except Fault as fault:
        if fault.status != 404:
            raise
