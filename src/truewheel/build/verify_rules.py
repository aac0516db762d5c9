"""What `verify` makes of differences: findings, with the severities of a table that a project may
change, and one sentence for the users of the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.release_rules import Change

SEVERITIES = ("error", "warning", "note")
OFF = "off"
KINDS: Mapping[str, tuple[Code, str]] = {
    "versions": (Code.TW521, "error"),
    "sdist": (Code.TW522, "warning"),
    "requires-python": (Code.TW523, "warning"),
    "missing": (Code.TW524, "error"),
    "unexpected": (Code.TW525, "error"),
    "loading": (Code.TW721, "error"),
    "not-tried": (Code.TW722, "note"),
    "loaded": (Code.TW723, "note"),
    "lost": (Code.TW801, "error"),
    "new": (Code.TW802, "note"),
    "floor": (Code.TW803, "error"),
    "python": (Code.TW804, "warning"),
    "dependencies": (Code.TW805, "warning"),
    "scripts": (Code.TW806, "error"),
    "modules": (Code.TW807, "error"),
    "libraries": (Code.TW808, "warning"),
    "size": (Code.TW809, "warning"),
    "abi3": (Code.TW810, "error"),
    "licence": (Code.TW811, "warning"),
    "exists": (Code.TW812, "error"),
    "version": (Code.TW813, "error"),
    "old-release": (Code.TW814, "error"),
    "not-compared": (Code.TW815, "warning"),
    "allow": (Code.TW816, "warning"),
}
"""Kinds of differences, by the words of the settings, with their codes and usual severities."""
OF_ONE_FILE = frozenset({"loading", "not-tried", "loaded"})
"""Kinds of which each file has a finding of its own."""
ALLOW = "allow"
_ALLOWANCE = re.compile(r"\s*([\w-]+)\s*:\s*(.*?)\s*(?:#\s*(.*?)\s*)?")
_CODE = re.compile(r"TW\d{3}")
MOST = 6
"""Differences that the sentence for users names."""


class Allowance(NamedTuple):
    """Differences of a kind, or findings of a code, that are wanted: those of files by pattern."""

    kind: str
    pattern: str
    reason: str = ""

    def holds(self, kind: str, code: Code, file: str, message: str) -> bool:
        """Tell whether a difference is allowed: the pattern is of the file or of the message."""
        if self.kind not in {kind, code.name}:
            return False
        return any(fnmatchcase(text, self.pattern) for text in (file, message))

    def __str__(self) -> str:
        return f"{self.kind}: {self.pattern}"


class Settings(NamedTuple):
    """The table of a project: severities by kind or code, and what is allowed."""

    severities: Mapping[str, str] = {}
    allowed: tuple[Allowance, ...] = ()

    def severity(self, kind: str, code: Code, usual: str) -> str:
        """Return the severity of a finding, which may be "off"."""
        return self.severities.get(kind, self.severities.get(code.name, usual))


class SettingsError(ValueError):
    """What is wrong with the table of a project, and the hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def read_settings(table: Any) -> Settings:
    """Return the settings of `[tool.truewheel.verify]`. Raises `SettingsError` for a wrong one."""
    if not isinstance(table, Mapping):
        raise SettingsError("tool.truewheel.verify is no table", "write [tool.truewheel.verify]")
    severities = {}
    for kind, value in table.items():
        if kind == ALLOW and not isinstance(value, str):
            continue
        if kind not in KINDS and not _is_code(kind):
            raise SettingsError(f"there is no kind {kind}", f"one of {', '.join(KINDS)}, or a code")
        if value not in {*SEVERITIES, OFF}:
            message = f"{kind} = {value!r} is no severity"
            raise SettingsError(message, f"one of {', '.join(SEVERITIES)}, {OFF}")
        severities[kind] = value
    entries = table.get(ALLOW, [])
    if isinstance(entries, str):
        entries = []
    if not isinstance(entries, list):
        raise SettingsError("allow is no list", 'write allow = ["lost: *-musllinux_*"]')
    return Settings(severities, tuple(map(_allowance, entries)))


def _is_code(word: str) -> bool:
    return _CODE.fullmatch(word) is not None and word in Code.__members__


def _allowance(entry: Any) -> Allowance:
    match = _ALLOWANCE.fullmatch(entry) if isinstance(entry, str) else None
    if match is None or not match[2]:
        hint = 'such as "lost: *-musllinux_* # no user in a year"'
        raise SettingsError(f"allow has {entry!r}, which is not KIND: PATTERN", hint)
    kind, pattern, reason = match.groups()
    if kind not in KINDS and not _is_code(kind):
        raise SettingsError(f"there is no kind {kind}", f"one of {', '.join(KINDS)}, or a code")
    return Allowance(kind, pattern, reason or "")


def judge(changes: Iterable[Change], settings: Settings, used: set[Allowance]) -> Iterator[Finding]:
    """Yield the findings of differences, those of one kind and message as one; `off` is left out.

    What is allowed is a note. The allowances that were needed are added to `used`.
    """
    groups: dict[tuple[Code, str, str, str], list[Change]] = {}
    for change in changes:
        code, usual = KINDS[change.kind]
        severity = _with_note(settings.severity(change.kind, code, usual), usual, change.severity)
        message = change.message
        if allowance := _allowed(change, code, settings):
            used.add(allowance)
            reason = f" ({allowance.reason})" if allowance.reason else ""
            severity, message = "note", f"{message}; allowed{reason}"
        file = change.file if change.kind in OF_ONE_FILE else ""
        groups.setdefault((code, severity, message, file), []).append(change)
    for (code, severity, message, _), same in groups.items():
        if severity == OFF:
            continue
        first = same[0]
        detail = f" ({first.detail})" if first.detail else ""
        more = f" and {len(same) - 1} more" if len(same) > 1 else ""
        yield finding(code, f"{message}{detail}", f"{first.file}{more}", severity)


def _with_note(chosen: str, usual: str, own: str) -> str:
    """Return the severity of a difference that has one of its own, where the table leaves it."""
    if not own:
        return chosen
    if chosen in {usual, *SEVERITIES[: SEVERITIES.index(own)]}:
        return own
    return chosen


def _allowed(change: Change, code: Code, settings: Settings) -> Allowance | None:
    return next(
        (
            allowance
            for allowance in settings.allowed
            if allowance.holds(change.kind, code, change.file, change.message)
        ),
        None,
    )


def adjust(
    name: str, findings: Iterable[Finding], settings: Settings, used: set[Allowance]
) -> list[Finding]:
    """Return the findings about a file with the severities of the settings."""
    result = []
    for item in findings:
        severity, message = settings.severities.get(item.code.name, item.severity), item.message
        allowance = next(
            (entry for entry in settings.allowed if entry.holds("", item.code, name, item.message)),
            None,
        )
        if allowance:
            used.add(allowance)
            reason = f" ({allowance.reason})" if allowance.reason else ""
            severity, message = "note", f"{message}; allowed{reason}"
        if severity != OFF:
            result.append(replace(item, severity=severity, message=message))
    return result


def unused(settings: Settings, used: set[Allowance]) -> Iterator[Change]:
    """Yield a warning for each allowance that nothing needed."""
    for allowance in settings.allowed:
        if allowance not in used:
            yield Change("allow", f"allow has {str(allowance)!r}, and nothing needs it; remove it")


def sentence(release: str, compared: str, notices: Sequence[str], errors: int) -> str:
    """Return in one sentence what a user of a release would notice."""
    unique = list(dict.fromkeys(filter(None, notices)))
    if not compared:
        ready = "can be uploaded" if not errors else "should not be uploaded as it is"
        return f"{release} {ready}."
    if not unique:
        return f"A user of {release} would notice no difference to {compared} but the code."
    rest = [f"{len(unique) - MOST} other differences"] if len(unique) > MOST else []
    words = "; ".join(unique[:MOST] + rest)
    return f"Compared with {compared}, a user of {release} would notice: {words}."


def compare_set(
    versions: Mapping[str, str], pythons: Mapping[str, str | None], *, has_sdist: bool
) -> Iterator[Change]:
    """Yield what is wrong with the files of one project: versions and Requires-Python by file."""
    if len(different := sorted(set(versions.values()))) > 1:
        for file, version in versions.items():
            message = f"its version is {version}, the set has {', '.join(different)}"
            yield Change("versions", message, file)
    if not has_sdist:
        message = "no source archive: nobody can build it for another system"
        yield Change("sdist", message)
    known = {file: python for file, python in pythons.items() if python is not None}
    if len(set(known.values())) > 1:
        usual = max(known.values(), key=list(known.values()).count)
        for file, python in known.items():
            if python != usual:
                message = (
                    f"Requires-Python is {python or 'missing'}, that of others {usual or 'missing'}"
                )
                yield Change("requires-python", message, file)


def compare_patterns(files: Sequence[str], patterns: Sequence[str]) -> Iterator[Change]:
    """Yield the patterns that no file has, and the files that no pattern names."""
    for pattern in dict.fromkeys(patterns):
        if not any(fnmatchcase(file, pattern) for file in files):
            yield Change("missing", f"no file is named {pattern}", pattern)
    for file in files:
        if not any(fnmatchcase(file, pattern) for pattern in patterns):
            yield Change("unexpected", "no expected name or pattern is that of this file", file)


def compare_planned(files: Sequence[str], planned: Sequence[Sequence[str]]) -> Iterator[Change]:
    """Yield the planned wheels that are missing, and the files that are not planned.

    A wheel whose platform its audit decides has several possible names.
    """
    for names in planned:
        if not any(name in files for name in names):
            yield Change("missing", "the plan has it, the set does not", names[-1])
    for file in files:
        if not any(file in names for names in planned):
            yield Change("unexpected", "the plan has no such wheel", file)


def read_patterns(text: str) -> list[str]:
    """Return the patterns of a file: one a line; blank lines and those with # are left out."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
