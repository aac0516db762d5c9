"""A pipeline's files as one configuration, the way GitLab puts them together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from truewheel.errors import Where, show_value
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import expressions, keywords
from truewheel.forges.gitlab.lint.document import GitlabFile
from truewheel.forges.gitlab.lint.expressions import BadExpression, Variables
from truewheel.forges.gitlab.lint.inputs import Given, interpolated
from truewheel.forges.gitlab.lint.merging import Dereferencer, Extender, over
from truewheel.forges.gitlab.lint.regexes import searched
from truewheel.forges.gitlab.lint.report import Report
from truewheel.forges.gitlab.lint.values import as_list, is_open

RESERVED = frozenset(keywords.GLOBAL)
JOB_MARKS = frozenset({"script", "run", "trigger", "needs"})

Files = Mapping[str, GitlabFile]


@dataclass(frozen=True)
class Config:
    """What the files say together: global keywords, and entries (jobs, and hidden ones) by name.

    `twins` are jobs that differ from an entry in nothing but their name and the text of their
    variables: that one is checked for all of them.
    """

    keywords: Mapping[str, Any]
    entries: Mapping[Any, Any]
    twins: Mapping[str, str]
    open_entries: frozenset[str]
    has_conditional_includes: bool
    report: Report

    @cached_property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The visible jobs that can be checked."""
        entries = self.entries.items()
        return {
            name: job
            for name, job in entries
            if isinstance(name, str) and name[:1] != "." and isinstance(job, dict)
        }

    @cached_property
    def models(self) -> frozenset[str]:
        """The entries that have twins."""
        return frozenset(self.twins.values())


def resolve(entry: str, files: Files, variables: Variables, *, each_job: bool = False) -> Config:
    """Return the configuration that begins with the file `entry`.

    `variables` decide which files are included.

    `each_job`: without twins, every job by itself.
    """
    report = Report()
    includer = _Includer(files, variables, report)
    data = includer.content(files[entry], Given())
    report.findings += [problem for file in report.files for problem in file.problems]
    report.data = data
    if any(is_open(name) for name in data):
        report.is_open = True
    twins = {} if each_job else _twins(data)
    extender = Extender(data, report)
    entries = {name: extender.entry(name) for name in data if name not in twins}
    entries = Dereferencer(extender, report).resolve(entries)
    reserved = {name for name in RESERVED & entries.keys() if _is_keyword(name, entries[name])}
    return Config(
        {name: entries[name] for name in reserved},
        {name: value for name, value in entries.items() if name not in reserved},
        twins,
        frozenset(extender.open),
        includer.has_conditions,
        report,
    )


def _twins(data: Mapping[Any, Any]) -> dict[str, str]:
    """Return the jobs that are like one before them but for the text of their variables."""
    models: dict[Any, str] = {}
    twins: dict[str, str] = {}
    for name, value in data.items():
        if (
            isinstance(value, dict)
            and isinstance(name, str)
            and name[:1] != "."
            and (likeness := _likeness(value))
        ):
            model = models.setdefault(likeness, name)
            if model != name:
                twins[name] = model
    return twins


def _likeness(job: Mapping[str, Any]) -> tuple[Any, ...] | None:
    variables = job.get("variables")
    if not isinstance(variables, dict) or "parallel" in job:
        return None
    for value in variables.values():
        if not isinstance(value, str):
            return None
    rest = [
        (key, value if isinstance(value, str) else id(value))
        for key, value in job.items()
        if key != "variables"
    ]
    return (*variables, *rest)


def _is_keyword(name: Any, value: Any) -> bool:
    # To GitLab, these two are jobs as soon as they look like one.
    is_job = (
        name in {"default", "workflow"}
        and isinstance(value, dict)
        and bool(JOB_MARKS & value.keys())
    )
    return not is_job


class _Includer:
    def __init__(self, files: Files, variables: Variables, report: Report) -> None:
        self.files = files
        self.variables = variables
        self.report = report
        self.has_conditions = False
        self._count = 0
        self._depth = 0

    def content(self, source: GitlabFile, given: Given) -> dict[Any, Any]:
        """Return the data of a file, laid over all that it includes."""
        file = self._known(source) or self._interpolated(source, given)
        included = as_list(file.data.get("include"))
        if not included:
            return dict(file.data)
        merged: dict[Any, Any] = {}
        self._depth += 1
        for index, item in enumerate(included):
            route = ("include", index) if isinstance(file.data["include"], list) else ("include",)
            for part in self._item(item, file, route):
                merged = over(merged, part)
        self._depth -= 1
        merged = over(merged, file.data)
        merged.pop("include", None)
        return merged

    def _known(self, source: GitlabFile) -> GitlabFile | None:
        """Return a file without inputs that was included before: its places are known."""
        return next((known for known in self.report.files if known is source), None)

    def _interpolated(self, source: GitlabFile, given: Given) -> GitlabFile:
        file = interpolated(source, given, self.report, self.files)
        self.report.files.append(file)
        return file

    def _item(
        self, item: Any, file: GitlabFile, route: tuple[Any, ...]
    ) -> Iterator[dict[Any, Any]]:
        where = _place(file, route)
        if is_open(item):
            self.report.is_open = True
            return
        faults = list(keywords.include_item(item))
        for fault in faults:
            place = _place(file, (*route, *fault.route))
            # GitLab does not look at unknown keys of an entry whose file it takes.
            severity = "warning" if fault.code == "unknown-key" else "error"
            self.report.at(fault.code, place, f"include: {fault.message}", fault.hint, severity)
        if any(fault.code != "unknown-key" for fault in faults):
            self.report.is_open = True
            return
        location = (
            item if isinstance(item, dict) else {"remote" if "://" in item else "local": item}
        )
        if self._is_left_out(location, where):
            return
        if "local" not in location or "$" in location["local"]:
            self._not_followed(location, where)
            return
        for path in self._paths(location["local"], where):
            given = Given(location.get("inputs") or {}, file, route)
            yield from self._file(path, given, where)

    def _not_followed(self, location: Mapping[str, Any], where: Where) -> None:
        self.report.is_open = True
        kind = next(key for key in keywords.SOURCES if location.get(key) is not None)
        message = f"not followed: include of {kind} {show_value(location[kind])}"
        hint = "what it defines is unknown, and a name that is missing here is only a warning"
        self.report.at("include-not-followed", where, message, hint, "warning")

    def _is_left_out(self, location: Mapping[str, Any], where: Where) -> bool:
        rules = location.get("rules")
        if not isinstance(rules, list) or not rules:
            return False
        self.has_conditions = True
        for rule in rules:
            for fault in keywords.INCLUDE_RULE(rule):
                self.report.at(fault.code, where, f"include: rules {fault.message}", fault.hint)
            holds = _holds(rule, self.variables)
            if holds is not False:
                return holds is True and rule.get("when") == "never"
        return True

    def _paths(self, pattern: str, where: Where) -> list[str]:
        path = pattern.lstrip("/")
        if "*" in path:
            expression = re.escape(path).replace(r"\*\*", ".*?").replace(r"\*", "[^/]*?")
            names = sorted(name for name in self.files if searched(rf"\A(?:{expression})\Z", name))
            if not names:
                self.report.at(
                    "include-nothing",
                    where,
                    f"include: no file matches {pattern}",
                    severity="warning",
                )
            return names
        if not path.lower().endswith((".yml", ".yaml")):
            self.report.at(
                "include-extension",
                where,
                f"include: {path} must end in .yml or .yaml",
                "rename the file",
            )
        elif path in self.files:
            return [path]
        else:
            hint = "paths begin at the top of the repository"
            self.report.at("include-missing", where, f"include: there is no file {path}", hint)
            self.report.is_open = True
        return []

    def _file(self, path: str, given: Given, where: Where) -> Iterable[dict[Any, Any]]:
        self._count += 1
        if self._count > limits.INCLUDES or self._depth > limits.INCLUDES:
            if self._count == limits.INCLUDES + 1:
                message = f"more than {limits.INCLUDES} files are included"
                self.report.at("too-many-includes", where, message, "does a file include itself?")
            return []
        return [self.content(self.files[path], given)]


def _place(file: GitlabFile, route: tuple[Any, ...]) -> Where:
    return Where(file.file) if file.places[()].value.line < 0 else file.where(route)


def _holds(rule: Mapping[str, Any], variables: Variables) -> bool | None:
    if rule.get("changes") is not None or rule.get("exists") is not None:
        return None
    if "if" not in rule:
        return True
    try:
        return (
            expressions.evaluate(expressions.parse(rule["if"]), variables)
            if isinstance(rule["if"], str)
            else None
        )
    except BadExpression:
        return None
