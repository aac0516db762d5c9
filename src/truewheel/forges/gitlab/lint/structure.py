"""Each keyword and job by itself: known keys, types, values, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from truewheel.errors import Where, show_value, suggest
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import keywords
from truewheel.forges.gitlab.lint.document import GitlabFile
from truewheel.forges.gitlab.lint.report import Report, Route
from truewheel.forges.gitlab.lint.resolve import Config
from truewheel.forges.gitlab.lint.values import (
    Check,
    Fault,
    as_text,
    is_blank,
    is_open,
    kind_of,
    together,
)

_WARNINGS = {"odd-variable-name"}
_TOP_AND_DEFAULT = ("before_script", "after_script", "image", "services", "cache")
_RUNS = ("script", "run", "trigger")


def check(config: Config) -> None:
    """Report what is wrong with the keywords and jobs of a configuration, each by itself."""
    checker = _Checker(config)
    checker.keywords()
    for name, entry in config.entries.items():
        checker.entry(name, entry)
    for name in config.twins:
        checker.name(name)
    if not config.report.is_open and all(
        isinstance(name, str) and name[:1] == "." for name in config.entries
    ):
        config.report.add(
            "no-jobs", (), "there is no job: a pipeline needs at least one that is not hidden"
        )
    for file in (file for file in config.report.files if len(file.places) > 1):
        for route, message in changed_scalars(file):
            config.report.at("changed-scalar", file.where(route), message, "quote it", "warning")


class _Checker:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.report: Report = config.report
        self._seen: set[tuple[str, int]] = set()
        self._told: set[tuple[Where, str]] = set()

    def keywords(self) -> None:
        """Report the keywords of the top level."""
        for name, value in self.config.keywords.items():
            if value is not None:
                self._value((name,), name, value, keywords.GLOBAL[name], "")
        default = self.config.keywords.get("default")
        inner = default if isinstance(default, dict) else {}
        for name in _TOP_AND_DEFAULT:
            if inner.get(name) is not None and self.config.keywords.get(name) is not None:
                message = f"{name} stands at the top level and in default"
                self.report.add("exclusive-keys", (name,), message, "keep the one in default")

    def entry(self, name: Any, entry: Any) -> None:
        """Report a job, or that it is none."""
        if not isinstance(name, str):
            message = f"the name of a job must be a text, and GitLab reads this as {kind_of(name)}"
            self.report.add("job-name", (name,), message, "quote it")
        elif name.startswith("."):
            if is_blank(entry) or entry == {}:
                self.report.add(
                    "empty-hidden", (name,), f"{name}: a hidden job must not be empty", "remove it"
                )
        elif is_open(name) or is_open(entry):
            return
        elif name in keywords.GLOBAL:
            message = (
                f"{name} has script, run, trigger or needs, so that GitLab takes it for a job of "
                "that name"
            )
            self.report.add(
                "keyword-as-job", (name,), message, "move the script to jobs", "warning"
            )
        elif not isinstance(entry, dict):
            self._no_job(name, f"must be a mapping with script, not {kind_of(entry)}")
        else:
            self._job(name, entry)

    def name(self, name: str) -> None:
        """Report a job's name that is empty or too long."""
        if len(name) > limits.JOB_NAME:
            length = f"{len(name)} characters, of at most {limits.JOB_NAME}"
            message = f"the name of a job has {length}: {show_value(name)}"
            self.report.add("job-name", (name,), message)
        if not name.strip():
            self.report.add("job-name", (name,), "the name of a job must not be empty")

    def _no_job(self, name: str, message: str) -> None:
        hint = suggest(
            name,
            keywords.GLOBAL,
            "every key of the top level that is no keyword is a job",
            cutoff=0.7,
        )
        self.report.add("not-a-job", (name,), f"job {name}: {message}", hint)

    def _job(self, name: str, job: Mapping[str, Any]) -> None:
        self.name(name)
        is_trigger = not {"script", "run"} & job.keys() and bool({"trigger", "needs"} & job.keys())
        allowed = keywords.BRIDGE if is_trigger and "trigger" in job else keywords.JOB
        for fault in [*self._keys(job, allowed), *self._together(name, job), *_delay(job)]:
            self._fault((name,), fault, f"job {name}")
        for key, value in job.items():
            if value is not None and (check := allowed.get(key)):
                self._value((name, key), key, value, check, f"job {name}: ")
        for fault in _needs_of_pipelines(job):
            self._fault((name,), fault, f"job {name}")
        self._runs(name, job)

    def _keys(self, job: Mapping[str, Any], allowed: Mapping[str, Check]) -> Iterator[Fault]:
        unknown = [key for key in job if key not in allowed]
        for key in unknown:
            if is_open(key):
                continue
            if allowed is keywords.BRIDGE and key in keywords.JOB:
                yield Fault(
                    "trigger-keys",
                    (key,),
                    f"cannot have {key} beside trigger",
                    "move it to a job of its own",
                )
            elif key != "trigger":
                yield Fault(
                    "unknown-key", (key,), f"has no keyword {key!r}", suggest(str(key), allowed)
                )

    def _together(self, name: str, job: Mapping[str, Any]) -> Iterator[Fault]:
        groups = [("run", "script"), ("run", "before_script"), ("run", "after_script")]
        yield from together(job, (("script", "trigger"), ("run", "trigger"), *groups))
        if not is_blank(job.get("rules")):
            for key in ("only", "except"):
                if job.get(key) is not None:
                    yield Fault(
                        "rules-with-only",
                        (key,),
                        f"cannot have {key} beside rules",
                        "write it as a rule",
                    )
        is_pages = name == "pages" and job.get("pages") is not False
        if job.get("publish") is not None and not (is_pages or not is_blank(job.get("pages"))):
            yield Fault("wrong-value", ("publish",), "has publish, which is only for a pages job")
        pages = job.get("pages")
        if job.get("publish") is not None and isinstance(pages, dict) and "publish" in pages:
            message = "has publish, and another in pages"
            yield Fault("exclusive-keys", ("publish",), message, "keep the one in pages")

    def _runs(self, name: str, job: Mapping[str, Any]) -> None:
        if "script" in job and is_blank(job["script"]):
            self.report.add("no-script", (name, "script"), f"job {name}: script must not be empty")
        if (
            any(key in job for key in _RUNS)
            or name in self.config.open_entries
            or _waits_for_a_pipeline(job)
        ):
            return
        severity = "warning" if self.report.is_open else "error"
        hint = (
            "a template begins with a dot"
            if "extends" not in job
            else "what it extends has none either"
        )
        self.report.add(
            "no-script", (name,), f"job {name} has no script, run or trigger", hint, severity
        )

    def _value(self, route: Route, key: str, value: Any, check: Check, owner: str) -> None:
        """Report a value; what several jobs share is reported once."""
        if isinstance(value, (dict, list)):
            if (key, id(value)) in self._seen:
                return
            self._seen.add((key, id(value)))
        elif is_open(value):
            return
        for fault in check(value):
            # What a mapping may not have is said of the mapping.
            inner = (
                fault.route[:-1] if fault.code in {"unknown-key", "exclusive-keys"} else fault.route
            )
            self._fault(route, fault, f"{owner}{':'.join(_names((key, *inner)))}")

    def _fault(self, route: Route, fault: Fault, subject: str) -> None:
        """Report a fault; what several jobs have from one place is reported once."""
        where = self.report.where((*route, *fault.route))
        if where.line and (where, fault.message) in self._told:
            return
        self._told.add((where, fault.message))
        severity = "warning" if fault.code in _WARNINGS else "error"
        self.report.at(fault.code, where, f"{subject} {fault.message}", fault.hint, severity)


def _names(route: Route) -> list[str]:
    return [
        str(part + 1 if isinstance(part, int) and not isinstance(part, bool) else part)
        for part in route
    ]


def _needs_of_pipelines(job: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield needs that only another kind of job may have, and a trigger of nothing.

    Source: `allowed_needs` in lib/gitlab/ci/config/entry/job.rb and bridge.rb.
    """
    has_script = bool({"script", "run"} & job.keys())
    if not has_script and "trigger" in job and is_blank(job["trigger"]):
        yield Fault("missing-value", ("trigger",), "has a trigger that must not be empty")
    needs = job.get("needs")
    statuses = 0
    for index, need in enumerate(needs if isinstance(needs, list) else [needs]):
        route: Route = ("needs", index) if isinstance(needs, list) else ("needs",)
        if not isinstance(need, dict):
            continue
        is_status = "pipeline" in need and "job" not in need
        statuses += is_status
        if is_status and has_script:
            message = "needs a pipeline as a whole, which only a job without script can"
            yield Fault("trigger-keys", route, message, "name a job of it: job: …")
        elif not has_script and "job" in need and {"pipeline", "project"} & need.keys():
            message = "needs a job of another pipeline, which a trigger cannot"
            yield Fault("trigger-keys", route, message)
    if statuses > 1:
        yield Fault("too-many", ("needs",), "needs more than one pipeline as a whole")


def _waits_for_a_pipeline(job: Mapping[str, Any]) -> bool:
    needs = job.get("needs")
    listed = needs if isinstance(needs, list) else [needs]
    return any(
        isinstance(need, dict) and "pipeline" in need and "job" not in need for need in listed
    )


def _delay(job: Mapping[str, Any]) -> Iterator[Fault]:
    if job.get("when") == "delayed" and is_blank(job.get("start_in")):
        yield Fault(
            "missing-value",
            ("when",),
            "is delayed and must have start_in",
            "such as: start_in: 10 minutes",
        )
    elif job.get("start_in") is not None and (
        job.get("when") != "delayed" or not is_blank(job.get("rules"))
    ):
        yield Fault(
            "exclusive-keys",
            ("start_in",),
            "has start_in, which goes only with when: delayed, and no rules",
        )


def changed_scalars(file: GitlabFile) -> Iterator[tuple[Route, str]]:
    """Yield the variables whose text GitLab changes.

    Unquoted 3.10 becomes 3.1, 012 becomes 10, yes becomes true.
    """
    from truewheel.forges.gitlab.lint import scalars  # what was made, not read, needs none of it

    for route, place in file.places.items():
        if place.raw is None or not _is_variable(route):
            continue
        read = scalars.read(place.raw)
        if isinstance(read, (int, float)) and as_text(read) != place.raw:
            yield (
                route,
                f"{route[-1]} will be {as_text(read)}: GitLab does not read {place.raw} as a text",
            )


def _is_variable(route: Route) -> bool:
    if route[:1] == ("variables",) or route[1:2] == ("variables",):
        return True
    return "matrix" in route
