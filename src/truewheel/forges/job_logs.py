"""Logs of jobs as people read them, without what is there for a terminal or a page of a forge."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_SECTION = re.compile(r"section_(?:start|end):\d+:[\w.-]+(?:\[[^\]]*\])?")
_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z (?:\d\d[OE][ +]?)?", re.MULTILINE)


def readable(text: str, token: str) -> str:
    """Return a log without colours, sections, time stamps and our token."""
    if token:
        text = text.replace(token, "[hidden]")
    lines = _STAMP.sub("", _SECTION.sub("", _ANSI.sub("", text))).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rsplit("\r", 1)[-1].rstrip() for line in lines).strip("\n")
