"""Asking GitHub for newer versions of the actions that workflows use, by `git ls-remote`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from truewheel.errors import Exit, stop
from truewheel.forges.kind import Pin
from truewheel.system import git_program

SERVER = "https://github.com"
TIMEOUT = 60.0
"""Seconds for one action."""

_HINT = "is git installed, and the server within reach from here? (GITHUB_SERVER_URL names another)"
_TAG = re.compile(r"(?m)^(?P<commit>[0-9a-f]{40})\trefs/tags/(?P<tag>v\d+\.\d+\.\d+)(\^\{\})?$")


def newest(pins: Mapping[str, Pin], environment: Mapping[str, str]) -> dict[str, Pin]:
    """Return each action's newest release of the same major version.

    A new major may ask for other inputs.

    The server is that of `GITHUB_SERVER_URL`. Raises `Stop` (exit 6) when it cannot be asked.
    """
    server = environment.get("GITHUB_SERVER_URL") or SERVER
    return {
        name: _newest(pin, _tags(f"{server}/{name}", environment)) for name, pin in pins.items()
    }


def _tags(url: str, environment: Mapping[str, str]) -> str:
    try:
        ended = git_program.remote_tags(url, env=environment, timeout=TIMEOUT)
    except OSError as error:
        raise stop(url, f"cannot be asked: {error}", _HINT, Exit.REMOTE_UNREACHABLE) from None
    if ended.status:
        output = ended.stderr.decode(errors="replace").strip()
        raise stop(url, f"cannot be asked: {output}", _HINT, Exit.REMOTE_UNREACHABLE)
    return ended.stdout.decode(errors="replace")


def _newest(pin: Pin, listed: str) -> Pin:
    """Return the newest release of the same major, or the pin itself if there is none."""
    commits: dict[str, str] = {}
    for line in _TAG.finditer(
        listed
    ):  # an annotated tag comes twice: itself, then the commit that it stands for
        commits[line["tag"]] = line["commit"]
    major = _parts(pin.tag)[0]
    candidates = [
        tag for tag in commits if _parts(tag)[0] == major and _parts(tag) >= _parts(pin.tag)
    ]
    if not candidates:
        return pin
    tag = max(candidates, key=_parts)
    return Pin(commits[tag], tag)


def _parts(tag: str) -> list[int]:
    return [int(part) for part in tag.removeprefix("v").split(".")]
