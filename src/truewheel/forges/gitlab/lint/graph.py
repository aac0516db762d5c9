"""Jobs among each other: stages, needs, dependencies, environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from truewheel.errors import show_value, suggest
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import needs, parallel
from truewheel.forges.gitlab.lint.needs import Need
from truewheel.forges.gitlab.lint.resolve import Config
from truewheel.forges.gitlab.lint.values import as_text, is_open

DEFAULT_STAGES = ("build", "test", "deploy")
DEFAULT_STAGE = "test"
FIRST, LAST = ".pre", ".post"


def stages(config: Config) -> list[str] | None:
    """Return the stages in their order, or None where they cannot be told."""
    stages = config.keywords.get("stages")
    if stages is None:
        return [FIRST, *DEFAULT_STAGES, LAST]
    names = list(_flat(stages)) if isinstance(stages, list) else []
    if not isinstance(stages, list) or not all(
        isinstance(name, str) and not is_open(name) for name in names
    ):
        return None
    return [FIRST, *(name for name in names if name not in {FIRST, LAST}), LAST] if names else []


def _flat(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


class Graph:
    """The jobs of a configuration with their stages and needs, parallel jobs expanded."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.report = config.report
        self.jobs = config.jobs
        self.stages = stages(config)

    @cached_property
    def expanded(self) -> dict[str, list[parallel.Instance]]:
        """Each parallel job with what becomes of it."""
        return {
            name: parallel.expand(name, job["parallel"])
            for name, job in self.jobs.items()
            if job.get("parallel") is not None
        }

    @cached_property
    def base(self) -> dict[str, str]:
        """The name in the file of every job of the pipeline."""
        bases = {name: name for name in self.jobs if name not in self.expanded}
        bases.update(
            {
                instance.name: name
                for name, instances in self.expanded.items()
                for instance in instances
            }
        )
        for twin, name in self.config.twins.items():
            bases.update({instance.name: name for instance in self.parallel_names(twin)})
        return bases

    def parallel_names(self, name: str) -> list[parallel.Instance]:
        """Return what becomes of a job, or of one that another stands for."""
        model = self.config.twins.get(name, name)
        return parallel.expand(name, self.jobs[model]["parallel"]) if model in self.expanded else [
            parallel.Instance(name, {})
        ]  # fmt: skip

    def stage(self, name: str) -> Any:
        """Return the stage of a job."""
        stage = self.jobs[name].get("stage")
        return DEFAULT_STAGE if stage is None else stage

    def names(self, need: Need) -> list[str]:
        """Return the jobs of the pipeline that a need names."""
        if self.config.twins.get(need.job, need.job) not in self.expanded:
            return [need.job]
        if isinstance(need.parallel, dict):
            instances = parallel.expand(need.job, need.parallel)
            return [instance.name for instance in instances if not is_open(instance.name)]
        return [instance.name for instance in self.parallel_names(need.job)]

    def check(self) -> None:
        """Report what does not fit together."""
        for name, job in self.jobs.items():
            self._matrix(name, job)
            self._known_stage(name)
            self._needs(name, job)
            self._dependencies(name, job)
            self._stop(name, job)
        self._cycle()

    def _matrix(self, name: str, job: Mapping[str, Any]) -> None:
        if (
            isinstance(job.get("parallel"), dict)
            and (count := parallel.count(job["parallel"])) > limits.PARALLEL
        ):
            message = f"job {name}: the matrix makes {count} jobs, of at most {limits.PARALLEL}"
            self.report.add(
                "matrix-size", (name, "parallel"), message, "divide it among several jobs"
            )

    def _known_stage(self, name: str) -> None:
        stage = self.stage(name)
        if (
            self.stages is None
            or not isinstance(stage, str)
            or is_open(stage)
            or stage in self.stages
        ):
            return
        if name in self.config.open_entries and "stage" not in self.jobs[name]:
            return
        addition = "" if "stage" in self.jobs[name] else ", which it has by default"
        message = (
            f"job {name}: there is no stage {stage!r}{addition}; there are "
            f"{', '.join(self.stages) or 'none'}"
        )
        self.report.missing(
            "unknown-stage", (name, "stage"), message, stage, self.stages, "add it to stages"
        )

    def _needs(self, name: str, job: Mapping[str, Any]) -> None:
        if used := needs.matrix_names(job.get("needs")):
            self._needs_of_matrix(name, job, used)
        else:
            self._listed(name, needs.same_pipeline(job.get("needs")), ("needs",))
        for index, rule in enumerate(job["rules"] if isinstance(job.get("rules"), list) else ()):
            if isinstance(rule, dict) and rule.get("needs") is not None:
                self._listed(name, needs.same_pipeline(rule["needs"]), ("rules", index, "needs"))

    def _needs_of_matrix(self, name: str, job: Mapping[str, Any], used: set[str]) -> None:
        """Check needs that name a parallel job's variables, which differ in each job."""
        job_variables = job.get("variables")
        written = (
            {str(key): as_text(value) for key, value in job_variables.items()}
            if isinstance(job_variables, dict)
            else {}
        )
        for instance in self.parallel_names(name):
            variables = {**written, **instance.variables}
            if unknown := sorted(used - variables.keys()):
                message = (
                    f"job {name}: matrix.{unknown[0]} is used in needs, and the matrix has no "
                    f"{unknown[0]}"
                )
                self.report.add(
                    "unknown-matrix", (name, "needs"), message, suggest(unknown[0], variables)
                )
                return
            before = len(self.report.findings)
            self._listed(
                name, needs.same_pipeline(needs.filled(job["needs"], variables)), ("needs",)
            )
            if len(self.report.findings) > before:  # one of several similar findings is enough
                return

    def _listed(self, name: str, needs_: list[Need], route: tuple[Any, ...]) -> None:
        all_names: list[str] = []
        for need in needs_:
            place = (name, *route, *need.route)
            targets = self.names(need)
            all_names += targets
            for target in targets:
                if not self._is_reachable(
                    name, target, place, "needs", is_optional=need.is_optional
                ):
                    break
        for twice in (target for target, count in Counter(all_names).items() if count > 1):
            self.report.add(
                "duplicate-need", (name, *route), f"job {name} needs {twice} twice", "keep one"
            )
        if len(all_names) > limits.NEEDS:
            message = f"job {name} needs {len(all_names)} jobs, of at most {limits.NEEDS}"
            if len(all_names) > len(needs_):
                message += " (each parallel job counts)"
            hint = (
                "leave needs out, so that it waits for all stages before, or gather in a job "
                "between"
            )
            self.report.add("too-many-needs", (name, *route), message, hint)

    def _is_reachable(
        self,
        name: str,
        target: str,
        place: tuple[Any, ...],
        verb: str,
        *,
        is_optional: bool = False,
    ) -> bool:
        """Report a job that is not there or runs later; return whether all is well."""
        code = "need" if verb == "needs" else "dependency"
        if target not in self.base:
            if not is_optional and target not in self.config.open_entries:
                hint = (
                    "it is hidden: only jobs without a dot run"
                    if target in self.config.entries
                    else ""
                )
                message = f"job {name} {verb} {show_value(target)}, and there is no such job"
                self.report.missing(f"missing-{code}", place, message, target, self.base, hint)
            return is_optional
        if verb == "needs" and len(target) > limits.JOB_NAME:
            length = f"{len(target)} characters, of at most {limits.JOB_NAME}"
            message = f"job {name} needs a job whose name has {length}"
            self.report.add("job-name", place, message, "give it, or its matrix, shorter names")
        order, stage, own_stage = self.stages or [], self.stage(self.base[target]), self.stage(name)
        if (
            stage not in order
            or own_stage not in order
            or order.index(stage) <= order.index(own_stage)
        ):
            return True
        order_of_stages = f"{stage} comes after {own_stage}"
        message = f"job {name} {verb} {target}, which is of a later stage: {order_of_stages}"
        self.report.add(
            f"later-{code}", place, message, "a job can wait for its own stage and those before"
        )
        return False

    def _dependencies(self, name: str, job: Mapping[str, Any]) -> None:
        dependencies = job.get("dependencies")
        for index, dependency in enumerate(dependencies if isinstance(dependencies, list) else ()):
            if not isinstance(dependency, str) or is_open(dependency):
                continue
            targets = [instance.name for instance in self.parallel_names(dependency)]
            place = (name, "dependencies", index)
            if self._is_reachable(name, targets[0], place, "depends on"):
                self._is_needed(name, job, dependency, place)
        self._triggered(name, job)

    def _is_needed(
        self, name: str, job: Mapping[str, Any], dependency: str, place: tuple[Any, ...]
    ) -> None:
        needed = {need.job for need in needs.same_pipeline(job.get("needs"))}
        if needed and dependency not in needed:
            message = f"job {name} depends on {dependency}, which is not among its needs"
            self.report.add("dependency-not-needed", place, message, "add it to needs")

    def _triggered(self, name: str, job: Mapping[str, Any]) -> None:
        trigger = job.get("trigger")
        included = trigger.get("include") if isinstance(trigger, dict) else None
        for index, item in enumerate(included if isinstance(included, list) else ()):
            if (
                isinstance(item, dict)
                and isinstance(item.get("job"), str)
                and not is_open(item["job"])
            ):
                self._is_reachable(
                    name,
                    item["job"],
                    (name, "trigger", "include", index, "job"),
                    "takes a file from",
                )

    def _stop(self, name: str, job: Mapping[str, Any]) -> None:
        environment = job.get("environment")
        if not isinstance(environment, dict):
            return
        stopper = environment.get("on_stop")
        if not isinstance(stopper, str) or is_open(stopper):
            return
        place = (name, "environment", "on_stop")
        if stopper not in self.base:
            message = f"job {name}: on_stop names {show_value(stopper)}, and there is no such job"
            self.report.missing("on-stop", place, message, stopper, self.base)
            return
        other = self.jobs[self.base[stopper]].get("environment")
        fault = _stop_fault(environment, {"name": other} if isinstance(other, str) else other)
        if fault and self.base[stopper] not in self.config.open_entries:
            self.report.add("on-stop", place, f"job {name}: on_stop names {stopper}, which {fault}")

    def _cycle(self) -> None:
        edges = {
            name: self._targets(model)
            for name, model in self.base.items()
            if name not in self.config.twins and self.jobs[model].get("needs")
        }
        if circle := find_circle(edges):
            names = list(dict.fromkeys(self.base[name] for name in circle))
            around = " → ".join([*names, names[0]])
            hint = "a job cannot wait for itself: remove one of these needs"
            self.report.add(
                "cyclic-needs", (names[0], "needs"), f"needs go in a circle: {around}", hint
            )

    def _targets(self, model: str) -> list[str]:
        same = needs.same_pipeline(self.jobs[model]["needs"])
        return [
            self.config.twins.get(target, target) for need in same for target in self.names(need)
        ]


def _stop_fault(environment: Mapping[Any, Any], other: Any) -> str:
    if not isinstance(other, dict):
        return "has no environment"
    if other.get("name") != environment.get("name"):
        return f"is for another environment, {show_value(other.get('name'))}"
    return "" if other.get("action") == "stop" else "does not have action: stop"


def find_circle(edges: Mapping[str, list[str]]) -> list[str]:
    """Return the names on a circle of edges, or none. Edges to unknown names lead nowhere."""
    done: set[str] = set()
    for start in edges:
        path: dict[str, Iterator[str]] = {}
        following = start
        while following not in done:
            path[following] = iter(edges.get(following, ()))
            step = _step(path, done)
            if step is None:
                break
            if step in path:
                names = list(path)
                return names[names.index(step) :]
            following = step
    return []


def _step(path: dict[str, Iterator[str]], done: set[str]) -> str | None:
    """Return the next name from the end of a path that is not done.

    Names without one leave the path.
    """
    while path:
        name = next(reversed(path))
        step = next((target for target in path[name] if target not in done), None)
        if step is not None:
            return step
        done.add(name)
        del path[name]
    return None
