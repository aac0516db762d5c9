"""truewheel.lock: the digests that tags had when `truewheel lock` ran.

Text in, `Lock` out, and back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from truewheel.errors import Problem, Stop, show_value, sort_problems
from truewheel.forges.kind import Pin
from truewheel.plan.images import DIGEST
from truewheel.spec import yaml_source, yaml_writer
from truewheel.spec.yaml_source import Document

LOCK_FILE = "truewheel.lock"

_PIN = re.compile(r"truewheel==[A-Za-z0-9.!+]+( --hash=sha256:[0-9a-f]{64})+")
_ACTION = re.compile(r"[0-9a-f]{40} v[0-9]+(\.[0-9]+){0,2}")
_REQUIREMENT = re.compile(r"[A-Za-z0-9.!+]+( --hash=sha256:[0-9a-f]{64})+")
_HINT = "write it again: truewheel lock"


class Lock(NamedTuple):
    """What `truewheel lock` has locked.

    `digests` has the digest of each image. `truewheel` is the requirement that pins Truewheel
    itself, with hashes, or "". `actions` are the commits of GitHub's actions, where the project has
    others than Truewheel. `requirements` are the versions with hashes, by name, where generated
    files of requirements have newer ones than Truewheel.
    """

    digests: Mapping[str, str] = {}
    truewheel: str = ""
    actions: Mapping[str, Pin] = {}
    requirements: Mapping[str, str] = {}


def parse(text: str, file: str) -> Lock:
    """Return the contents of a lock.

    Raises `Stop` (exit 2) with every entry that is wrong.
    """
    document = yaml_source.load(text, file)
    problems = [*document.problems, *_problems(document)]
    if problems:
        raise Stop(sort_problems(problems))
    actions = {
        name: Pin(*text.split(" ")) for name, text in (document.data.get("actions") or {}).items()
    }
    data = document.data
    requirements = data.get("requirements") or {}
    return Lock(data.get("images") or {}, data.get("truewheel") or "", actions, requirements)


def write(lock: Lock, generator: str) -> str:
    """Return the text of a lock."""
    content: dict[str, Any] = {"images": dict(sorted(lock.digests.items()))}
    if lock.truewheel:
        content["truewheel"] = lock.truewheel
    if lock.actions:
        content["actions"] = {name: " ".join(pin) for name, pin in sorted(lock.actions.items())}
    if lock.requirements:
        content["requirements"] = dict(sorted(lock.requirements.items()))
    return yaml_writer.render(content, f"Locked by {generator}. Do not edit: truewheel lock")


def _problems(document: Document) -> list[Problem]:
    data = document.data
    if not isinstance(data, dict):
        return [document.problem((), "not a mapping of images to digests", _HINT)]
    problems = [
        document.problem((key,), f"unknown key {show_value(key)}", _HINT, key=True)
        for key in data
        if key not in {"images", "truewheel", "actions", "requirements"}
    ]
    problems += _misfits(document, "images", DIGEST, "digest")
    problems += _misfits(document, "actions", _ACTION, "commit with its tag")
    problems += _misfits(document, "requirements", _REQUIREMENT, "version with hashes")
    pin = data.get("truewheel") or ""
    if pin and not (isinstance(pin, str) and _PIN.fullmatch(pin)):
        problems.append(
            document.problem(("truewheel",), f"{show_value(pin)} pins no Truewheel", _HINT)
        )
    return problems


def _misfits(document: Document, section: str, form: re.Pattern[str], noun: str) -> list[Problem]:
    """Return a problem for every entry of a section that does not match the pattern."""
    entries = document.data.get(section) or {}
    if not isinstance(entries, dict):
        return [document.problem((section,), f"not a mapping of {section} to {noun}s", _HINT)]
    return [
        document.problem((section, name), f"{show_value(value)} is no {noun}", _HINT)
        for name, value in entries.items()
        if not (isinstance(value, str) and form.fullmatch(value))
    ]
