"""Regular expressions between slashes, as GitLab takes them.

The syntax of RE2, which has no look-around.
"""

from __future__ import annotations

import re

from truewheel.forges.gitlab import limits

DELIMITED = re.compile(r"/(?P<pattern>.*)/(?P<flags>[ismU]*)", re.DOTALL)

_REPEAT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP = r"\?(?:P?<[A-Za-z_]\w*>|[imsU]*(?:-[imsU]+)?[:)])"
_REFUSED = {
    "?=": "look-ahead",
    "?!": "look-ahead",
    "?<=": "look-behind",
    "?<!": "look-behind",
    "?>": "an atomic group",
}


def is_delimited(text: str) -> bool:
    """Return whether a text is written as a regular expression.

    Between slashes, with flags after the last.
    """
    return DELIMITED.fullmatch(text) is not None


def searched(pattern: str, value: str, flags: int = 0) -> bool:
    """Return whether an expression is found in a value.

    A pipeline's expressions meet values here alone, so that what takes too long is given up
    (`cli.time_limit`). Raises `re.error`.
    """
    return re.compile(pattern, flags).search(value) is not None


def fault(text: str) -> str:
    """Return what is wrong with a delimited expression, or nothing. What is hard to tell passes."""
    match = DELIMITED.fullmatch(text)
    return _Reader(match["pattern"]).fault() if match else "is not written between slashes"


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.can_repeat = False
        self.fault_found = ""

    def fault(self) -> str:
        while self.at < len(self.pattern) and not self.fault_found:
            self._step(self.pattern[self.at])
        if not self.fault_found and self.groups:
            return "has a ( that nothing closes"
        return self.fault_found

    def _step(self, character: str) -> None:
        if character == "\\":
            self._escape()
        elif character == "[":
            self._set()
        elif character == "(":
            self._open()
        elif character == ")":
            self._close()
        elif character in "*+?" or (character == "{" and _REPEAT.match(self.pattern, self.at)):
            self._repeat(character)
        else:
            self.can_repeat = character != "|"
            self.at += 1

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if not following:
            self.fault_found = "ends with a single backslash"
        elif following in "123456789":
            self.fault_found = f"has the back-reference \\{following}, which RE2 does not know"
        elif following == "Q":
            end = self.pattern.find("\\E", self.at)
            self.at = len(self.pattern) if end < 0 else end + 2
        else:
            self.at += 2
        self.can_repeat = True

    def _set(self) -> None:
        at = self.at + 1
        at += self.pattern[at : at + 1] == "^"
        at += self.pattern[at : at + 1] == "]"
        while at < len(self.pattern) and self.pattern[at] != "]":
            if self.pattern.startswith("[:", at) and (end := self.pattern.find(":]", at)) > 0:
                at = end + 1
            at += 2 if self.pattern[at] == "\\" else 1
        if at >= len(self.pattern):
            self.fault_found = "has a [ that nothing closes"
        self.at, self.can_repeat = at + 1, True

    def _open(self) -> None:
        self.at += 1
        self.can_repeat = False
        if self.pattern[self.at : self.at + 1] != "?":
            self.groups += 1
            return
        for start, what in _REFUSED.items():
            if self.pattern.startswith(start, self.at):
                self.fault_found = f"has {what} ({start}…), which RE2 does not know"
                return
        match = re.compile(_GROUP).match(self.pattern, self.at)
        if not match:
            self.fault_found = "has a group that RE2 does not know: (?…"
            return
        self.groups += not match[0].endswith(")")
        self.at = match.end()

    def _close(self) -> None:
        self.groups -= 1
        if self.groups < 0:
            self.fault_found = "has a ) that nothing opens"
        self.at, self.can_repeat = self.at + 1, True

    def _repeat(self, character: str) -> None:
        if not self.can_repeat:
            self.fault_found = f"repeats nothing: {character}"
            return
        counts = _REPEAT.match(self.pattern, self.at) if character == "{" else None
        if counts and max(int(counts[1]), int(counts[3] or 0)) > limits.REGEX_REPEAT:
            self.fault_found = f"repeats more than {limits.REGEX_REPEAT} times"
            return
        self.at = counts.end() if counts else self.at + 1
        if self.pattern[self.at : self.at + 1] == "?":
            self.at += 1
        self.can_repeat = False
