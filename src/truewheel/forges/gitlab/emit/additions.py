"""What a project adds to the GitLab pipeline: patches of generated jobs, and jobs of its own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Any, NamedTuple

from truewheel.errors import Problem, Stop, show_value, sort_problems, suggest
from truewheel.forges.gitlab import keywords
from truewheel.forges.gitlab.emit.children import KINDS
from truewheel.forges.gitlab.emit.jobs import Document, place_template
from truewheel.plan.model import Job, Plan
from truewheel.spec import overrides as patches
from truewheel.spec.model import Spec

OWN_VARIABLES = "TRUEWHEEL_"
EVERYWHERE = (".pre", ".post")

Found = list[tuple[dict[str, Document], str]]
"""Jobs, each as the file it is in and its name there."""


class Reach(NamedTuple):
    """The jobs that a selector matches.

    `top` get its patch; those `below` inherit it, but have keys that would hide it.
    """

    top: Found
    below: Found


class _Index:
    """Where the jobs of a plan are in the files."""

    def __init__(self, plan: Plan, files: Sequence[dict[str, Document]]) -> None:
        self._plan = plan
        self._jobs = {job.name: job for job in plan.jobs}
        self._files = files

    def generated(self) -> Iterator[tuple[dict[str, Document], str, str, Job | None]]:
        """Yield every job that is not hidden, as its file, name, kind, and job of the plan."""
        for file in self._files:
            for name in file:
                job = self._jobs.get(name)
                kind = job.kind if job else name.partition(":")[0]
                if job or kind in KINDS:
                    yield file, name, kind, job

    def reach(self, selector: str) -> Reach:
        """Return the jobs that a selector matches.

        It is a kind, kind:target:arch, or a pattern of names with * and ?.
        """
        jobs = list(self.generated())
        if matching := [job for job in jobs if job[2] == selector]:
            return self._of_kind(f".{selector}", matching)
        if matching := [
            job for job in jobs if job[3] and selector == f"{job[2]}:{job[3].target}:{job[3].arch}"
        ]:
            return self._below(
                {place_template(job, self._plan) for *_, job in matching if job}, matching
            )
        matches = re.compile(translate(selector.replace("[", "[[]"))).match
        return Reach([(file, name) for file, name, *_ in jobs if matches(name)], [])

    def _of_kind(self, hidden: str, members: list[Any]) -> Reach:
        places = {place_template(job, self._plan) for *_, job in members if job and job.target}
        reach = self._below({hidden}, members)
        middle = (
            [(file, name) for file in self._files for name in file if name in places]
            if places
            else []
        )
        return Reach(reach.top, [*middle, *reach.below])

    def _below(self, hidden: Collection[str], members: list[Any]) -> Reach:
        """Return the top hidden jobs with the jobs below them, or the jobs if none is hidden."""
        top = [(file, name) for file in self._files for name in file if name in hidden]
        names = [(file, name) for file, name, *_ in members]
        return Reach(top, names) if top else Reach(names, [])

    def names(self) -> list[str]:
        """Return what a selector may be."""
        generated = list(self.generated())
        places = {
            f"{kind}:{job.target}:{job.arch}" for _, _, kind, job in generated if job and job.target
        }
        return sorted(
            {kind for _, _, kind, _ in generated} | places | {name for _, name, *_ in generated}
        )


def apply(spec: Spec, plan: Plan, files: Sequence[dict[str, Document]]) -> None:
    """Change the generated jobs as `gitlab.overrides` says.

    Kinds first, then places, then single jobs.

    Raises `Stop` (exit 2) with every key that no job has, every selector that reaches nothing, and
    every null that removes nothing.
    """
    overrides = spec.gitlab.overrides
    if not overrides:
        return
    index = _Index(plan, files)
    problems = [
        problem
        for selector in overrides
        for problem in _misfits(spec, ("gitlab", "overrides", selector))
    ]
    reaches = {selector: index.reach(selector) for selector in overrides}
    for selector, reach in reaches.items():
        if not reach.top:
            hint = suggest(
                selector, index.names(), "name a kind, kind:target:arch, or jobs; * and ? match"
            )
            route = ("gitlab", "overrides", selector)
            problems.append(
                spec.document.problem(route, f"no job is {show_value(selector)}", hint, key=True)
            )
    if problems:
        raise Stop(sort_problems(problems))
    order = sorted(overrides, key=lambda selector: _rank(selector, reaches[selector]))
    everything = {name: fields for file in files for name, fields in file.items()}
    problems = [
        change
        for selector in order
        for change in _patch(spec, selector, reaches[selector], everything)
    ]
    if problems:
        raise Stop(sort_problems(problems))


def _rank(selector: str, reach: Reach) -> int:
    """Return how narrow a selector is: 0 for a kind, 1 for a place, 2 for names of jobs."""
    if ":" not in selector and not set("*?") & set(selector):
        return 0
    return 1 if reach.below else 2


def _patch(
    spec: Spec, selector: str, reach: Reach, everything: dict[str, Document]
) -> Iterator[Problem]:
    patch: Mapping[str, Any] = spec.gitlab.overrides[selector]
    removed: set[patches.Route] = set()
    for file, name in reach.top:
        _change(file, name, patch, everything, removed)
    remaining = {key: value for key, value in patch.items() if key != "extends"}
    for file, name in reach.below:
        if part := patches.restrict(remaining, file[name]):
            _change(file, name, part, everything, removed)
    for route in patches.find_removals(patch):
        if route not in removed:
            hint = "what comes from default is set to another value, not removed: retry: 0"
            message = f"{selector} has no {'.'.join(route)} to remove"
            yield spec.document.problem(
                ("gitlab", "overrides", selector, *route), message, hint, key=True
            )


def _change(
    file: dict[str, Document],
    name: str,
    patch: Mapping[str, Any],
    everything: dict[str, Document],
    removed: set[patches.Route],
) -> None:
    fields = file[name]
    merged = patches.merge(fields, patch, _inherited(fields, everything), removed)
    if "extends" in fields and "extends" in patch and merged.get("extends"):
        merged["extends"] = [*_listed(fields["extends"]), *_listed(patch["extends"])]
    file[name] = everything[name] = merged


def _inherited(fields: Document, everything: Mapping[str, Document]) -> Document:
    """Return what a job gets from those that it extends, as GitLab merges them."""
    result: Document = {}
    for name in _listed(fields.get("extends", [])):
        above = everything.get(name, {})
        result = patches.merge(
            patches.merge(result, _inherited(above, everything), {}, set()), above, {}, set()
        )
    return result


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def check_jobs(spec: Spec, generated: Collection[str], stages: Sequence[str] | None) -> None:
    """Raise `Stop` (exit 2) for added jobs and files that fit nowhere.

    Without `stages`, any stage may be there.
    """
    problems: list[Problem] = []
    for number, entry in enumerate(spec.gitlab.include):
        problems += patches.find_misread(spec.document, entry, ("gitlab", "include", number))
    for name, job in spec.gitlab.jobs.items():
        problems += [
            *_name_problems(spec, name, generated),
            *_misfits(spec, ("gitlab", "jobs", name)),
        ]
        problems += _stage_problems(spec, name, job, stages)
    if problems:
        raise Stop(sort_problems(problems))


def _name_problems(spec: Spec, name: str, generated: Collection[str]) -> Iterator[Problem]:
    if name in generated:
        message, hint = (
            f"the job {show_value(name)} is generated",
            "change it under gitlab.overrides, or rename this one",
        )
    elif name in keywords.TOP_LEVEL:
        message, hint = f"{name} is a key of a pipeline, not a job", "rename the job"
    else:
        return
    yield spec.document.problem(("gitlab", "jobs", name), message, hint, key=True)


def _stage_problems(
    spec: Spec, name: str, job: Mapping[str, Any], stages: Sequence[str] | None
) -> Iterator[Problem]:
    stage = job.get("stage", "test")
    is_said = "stage" in job
    if (
        stages is None
        or stage in stages
        or stage in EVERYWHERE
        or (not is_said and ("extends" in job or name[0] == "."))
    ):
        return
    hint = suggest(
        str(stage),
        stages,
        f"stages: {', '.join(stages)}, .pre, .post; add one with gitlab.own_stages",
    )
    message = (
        f"no stage {show_value(stage)}"
        if is_said
        else "a job without stage is in the stage test, which is not here"
    )
    route = ("gitlab", "jobs", name, "stage")
    yield spec.document.problem(route, message, hint)


def _misfits(spec: Spec, route: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with the keys and values of a patch, or of an added job."""
    fields: Mapping[str, Any] = getattr(spec.gitlab, route[1])[route[2]]
    for key in fields:
        if key not in keywords.JOB:
            message, hint = (
                f"jobs have no key {show_value(key)}",
                suggest(key, sorted(keywords.JOB), "see GitLab's CI/CD YAML reference"),
            )
            yield spec.document.problem((*route, key), message, hint, key=True)
    if route[1] == "overrides":
        yield from _taken_variables(spec, route, fields.get("variables"))
    yield from patches.find_misread(spec.document, fields, route)


def _taken_variables(spec: Spec, route: tuple[str, ...], variables: Any) -> Iterable[Problem]:
    names = (
        [name for name in variables if name.startswith(OWN_VARIABLES)]
        if isinstance(variables, dict)
        else []
    )
    hint = "the plan decides it: name your variable otherwise"
    return [
        spec.document.problem(
            (*route, "variables", name), f"{name} is Truewheel's own", hint, key=True
        )
        for name in names
    ]
