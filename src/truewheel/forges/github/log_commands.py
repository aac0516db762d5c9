"""Workflow commands: lines of a log that GitHub shows as annotations of the run."""

from __future__ import annotations

from truewheel.system.log_text import harmless


def write(severity: str, file: str, title: str, message: str) -> str:
    """Return the command for a finding, without the end of the line; a note is a notice there."""
    command = "notice" if severity == "note" else severity
    return f"::{command} file={_property(file)},title={title}::{_data(message)}"


def _data(text: str) -> str:
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
