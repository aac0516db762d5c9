"""Pins that somebody renewed in generated files: actions, digests of images, locked requirements.

Programs such as Dependabot and Renovate edit these files and do not know truewheel.lock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from truewheel.forges.kind import Pin
from truewheel.workspace.lock_file import Lock

REQUIREMENTS = "requirements.txt"
"""Generated files whose names end so hold requirements with hashes."""
SHOWN_COMMIT = 12

# As the YAML writer writes a step: the comment is the tag that the commit had.
_ACTION = re.compile(
    r"(?P<before> *(?:- )?uses: ')(?P<name>[\w.-]+(?:/[\w.-]+)+)@(?P<commit>[0-9a-f]{40})"
    r"' # (?P<tag>v[0-9]{1,9}(?:\.[0-9]{1,9}){0,2})"
)
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64})(?![0-9a-f])")
# As uv and pip-compile write them.
_REQUIREMENT = re.compile(
    r"(?m)^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9.!+]+)"
    r"(?P<marker> ;[^\\\n]*?)?(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$"
)
_JOINT = " \\\n    "


class RenewedPin(NamedTuple):
    """A pin in a generated file that differs from ours, each as it is shown."""

    path: str
    name: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.path}: {self.name} {self.ours} -> {self.theirs}"


class _Change(NamedTuple):
    """A renewed pin, the section of the lock for it, and its value there.

    `old` is the text of our pin: no file may still have it.
    """

    pin: RenewedPin
    section: str
    value: Pin | str
    old: str


def read(
    lock: Lock, texts: Mapping[str, str], read_file: Callable[[str], bytes | None]
) -> tuple[Lock, list[RenewedPin]]:
    """Return the lock with the pins that the generated files have, and which of them are renewed.

    `texts` are the files as they would be generated with the given lock. A pin counts when all
    files have it: one version for a name. An older action, an older requirement and other hashes of
    the same version do not count.
    """
    contents = {path: _text(read_file(path)) for path in texts}
    changes = [
        change
        for path, text in texts.items()
        if contents[path] != text
        for change in _changes(path, text, contents[path], lock)
    ]
    values: dict[tuple[str, str], set[Pin | str]] = {}
    for change in changes:
        values.setdefault((change.section, change.pin.name), set()).add(change.value)
    agreed = [
        change
        for change in changes
        if len(values[change.section, change.pin.name]) == 1
        and not any(change.old in content for content in contents.values())
    ]
    digests, actions, requirements = dict(lock.digests), dict(lock.actions), dict(lock.requirements)
    for change in agreed:
        if isinstance(change.value, Pin):
            actions[change.pin.name] = change.value
        elif change.section == "images":
            digests[change.pin.name] = change.value
        else:
            requirements[change.pin.name] = change.value
    renewed = lock._replace(digests=digests, actions=actions, requirements=requirements)
    return renewed, list(dict.fromkeys(change.pin for change in agreed))


def with_requirements(text: str, locked: Mapping[str, str]) -> str:
    """Return a text of requirements with those that are locked in a newer version."""

    def renew(match: re.Match[str]) -> str:
        version, *hashes = locked.get(match["name"], match["version"]).split(" ")
        if not _is_newer(version, match["version"]):
            return match[0]
        return _JOINT.join([f"{match['name']}=={version}{match['marker'] or ''}", *hashes])

    return _REQUIREMENT.sub(renew, text)


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8", "replace")


def _changes(path: str, ours: str, theirs: str, lock: Lock) -> Iterator[_Change]:
    if path.endswith(REQUIREMENTS):
        yield from _requirement_changes(path, ours, theirs)
        return
    our_lines, their_lines = ours.split("\n"), theirs.split("\n")
    if len(our_lines) != len(their_lines):
        return
    for our_line, their_line in zip(our_lines, their_lines):
        if our_line != their_line:
            yield from _action_change(path, our_line, their_line)
            yield from _digest_changes(path, our_line, their_line, lock)


def _action_change(path: str, our_line: str, their_line: str) -> Iterator[_Change]:
    ours, theirs = _ACTION.fullmatch(our_line), _ACTION.fullmatch(their_line)
    if not ours or not theirs or ours["before"] != theirs["before"]:
        return
    name, old, new = ours["name"], ours["tag"], theirs["tag"]
    if theirs["name"] != name or _parts(new) < _parts(old):
        return
    shown = [f"{match['tag']} {match['commit'][:SHOWN_COMMIT]}" for match in (ours, theirs)]
    pin = RenewedPin(path, name, *shown)
    yield _Change(pin, "actions", Pin(theirs["commit"], new), f"{name}@{ours['commit']}' # {old}\n")


def _parts(tag: str) -> list[int]:
    """Return the numbers of a tag: v7 is v7.0.0."""
    numbers = [int(part) for part in tag.removeprefix("v").split(".")]
    return [*numbers, 0, 0][:3]


def _digest_changes(path: str, our_line: str, their_line: str, lock: Lock) -> Iterator[_Change]:
    """Yield changed digests of images whose digest the lock has; others stand in the spec."""
    ours, theirs = _DIGEST.split(our_line), _DIGEST.split(their_line)
    if ours[::2] != theirs[::2]:
        return
    for before, old, new in zip(ours[::2], ours[1::2], theirs[1::2]):
        image = next((name for name in lock.digests if _ends_with_image(before, name)), "")
        if old != new and image:
            pin = RenewedPin(path, image, old, new)
            yield _Change(pin, "images", new, f"{image}@{old}")


def _ends_with_image(text: str, image: str) -> bool:
    rest = text.removesuffix(f"{image}@")
    return rest != text and not re.search(r"[\w./:$-]\Z", rest)


def _requirement_changes(path: str, ours: str, theirs: str) -> Iterator[_Change]:
    if _REQUIREMENT.sub(_without_version, ours) != _REQUIREMENT.sub(_without_version, theirs):
        return
    for old, new in zip(_REQUIREMENT.finditer(ours), _REQUIREMENT.finditer(theirs)):
        # The spec names the version of Truewheel itself, in tool.
        if old["name"] != "truewheel" and _is_newer(new["version"], old["version"]):
            pin = RenewedPin(path, old["name"], old["version"], new["version"])
            value = " ".join([new["version"], *new["hashes"].split(_JOINT)[1:]])
            yield _Change(pin, "requirements", value, f"\n{old['name']}=={old['version']} ")


def _without_version(match: re.Match[str]) -> str:
    """Return what must not change of a requirement."""
    return f"{match['name']}\0{match['marker'] or ''}"


def _is_newer(one: str, other: str) -> bool:
    """Return whether a version is newer than another one; text that is no version never is."""
    from packaging.version import InvalidVersion, Version  # only where a requirement is locked

    try:
        return Version(one) > Version(other)
    except InvalidVersion:
        return False
