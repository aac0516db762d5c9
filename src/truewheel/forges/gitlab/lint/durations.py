"""Durations in words, as GitLab reads them: `1h 30 min`, `2 weeks and 1 day` or `90:00`."""

from __future__ import annotations

import re

MINUTE, HOUR, DAY, WEEK, MONTH, YEAR = 60, 3600, 86_400, 604_800, 2_592_000, 31_557_600

_UNITS = {
    1: "s sec secs second seconds",
    MINUTE: "m min mins minute minutes",
    HOUR: "h hr hrs hour hours",
    DAY: "d dy day days",
    WEEK: "w wk wks week weeks",
    MONTH: "mo mos month months",
    YEAR: "y yr yrs year years",
}
_SECONDS = {word: seconds for seconds, words in _UNITS.items() for word in words.split()}
_JOINING = {"and", "with", "plus"}
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+")
_CLOCK = r"[0-9]*\.?[0-9]+(?::[0-9]*\.?[0-9]+)+"
_CLOCK_UNITS = (1, MINUTE, HOUR, DAY, MONTH, YEAR)
# GitLab understands these too; what exactly is made of them is not worth knowing.
_SPELLED = (
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|twenty|thirty|fort?y|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million"
    r"|half|quarters?|thirds?)\b"
)


def seconds(text: str) -> float | None:
    """Return the length of a duration in seconds, or None when GitLab would not take it.

    A strange word, or nothing.
    """
    text = text.lower().strip()
    if re.search(_SPELLED, text):
        return 1.0
    if re.fullmatch(_CLOCK, text.replace(" ", "")):
        return _clock(text.replace(" ", ""))
    words = _NUMBER.sub(lambda match: f" {match[0]} ", text).split()
    known = [word.strip(",") for word in words]
    if any(
        not _NUMBER.search(word) and word not in _SECONDS and word not in _JOINING for word in known
    ):
        return None
    return _sum([word for word in known if word not in _JOINING])


def _clock(text: str) -> float | None:
    parts = text.split(":")[::-1]
    if len(parts) > len(_CLOCK_UNITS):
        return None
    return sum(float(part) * unit for part, unit in zip(parts, _CLOCK_UNITS)) or None


def _sum(words: list[str]) -> float | None:
    if words and words[0] in _SECONDS:
        words = ["1", *words]
    total = 0.0
    for word, unit in zip(words, [*words[1:], "s"]):
        if match := _NUMBER.search(word):
            total += float(match[0]) * _SECONDS.get(unit, 0)
    return total or None
