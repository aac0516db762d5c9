"""Dotenv reports that a script writes line by line: what GitLab would not take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.resolve import Config
from truewheel.forges.gitlab.lint.values import text_or_items

_ECHO = (
    r"""echo\s+(?P<text>"[^"$`\\]*"|'[^']*'|[^\s"'$`;|&<>]*)"""
    r"""\s*>{1,2}\s*["']?(?P<file>[\w./-]+)["']?"""
)
_LINE = r"[A-Za-z_][A-Za-z0-9_]*=.*"


def check(config: Config) -> None:
    """Warn of dotenv files that GitLab refuses (size or lines), where scripts spell them out."""
    for name, job in config.jobs.items():
        artifacts = job.get("artifacts")
        reports = artifacts.get("reports") if isinstance(artifacts, dict) else None
        dotenv = reports.get("dotenv") if isinstance(reports, dict) else None
        for file in text_or_items(dotenv):
            for message in _faults(list(_written(job, file))):
                config.report.add(
                    "dotenv", (name, "script"), f"job {name}: {file} {message}", severity="warning"
                )


def _written(job: Mapping[str, Any], file: Any) -> Iterator[str]:
    for key in ("before_script", "script", "after_script"):
        for line in text_or_items(job.get(key)):
            if isinstance(line, str):
                matches = re.finditer(_ECHO, line)
                yield from (
                    match["text"].strip("\"'") for match in matches if match["file"] == file
                )


def _faults(lines: list[str]) -> Iterator[str]:
    if len(lines) > limits.DOTENV_VARIABLES:
        yield f"gets {len(lines)} variables, and GitLab takes at most {limits.DOTENV_VARIABLES}"
    if sum(len(line.encode()) + 1 for line in lines) > limits.DOTENV_BYTES:
        yield f"has more than {limits.DOTENV_BYTES} bytes"
    for line in lines:
        if not re.fullmatch(_LINE, line):
            yield (
                "gets an empty line"
                if not line.strip()
                else f"gets a line that is no NAME=value: {line!r}"
            )
