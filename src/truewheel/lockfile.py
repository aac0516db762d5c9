"""truewheel.lock: which bytes a tag stood for when `truewheel lock` asked. Text in, `Lock` out, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from truewheel import render, source
from truewheel.problems import Problem, Stop, in_order, shown
from truewheel.source import Document

LOCK_FILE = "truewheel.lock"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_PIN = re.compile(r"truewheel==[A-Za-z0-9.!+]+( --hash=sha256:[0-9a-f]{64})+")
_HINT = "write it again: truewheel lock"


class Lock(NamedTuple):
    """The digest of each image, and the requirement that pins Truewheel itself, with hashes ("" if it has none)."""

    digests: Mapping[str, str] = {}
    truewheel: str = ""


def parse(text: str, file: str) -> Lock:
    """Return what a lock holds. Raises `Stop` (exit 2) with every line that is none of a lock."""
    document = source.load(text, file)
    problems = [*document.problems, *_problems(document)]
    if problems:
        raise Stop(in_order(problems))
    return Lock(document.data.get("images") or {}, document.data.get("truewheel") or "")


def write(lock: Lock, generator: str) -> str:
    """Return the text of a lock."""
    content: dict[str, Any] = {"images": dict(sorted(lock.digests.items()))}
    if lock.truewheel:
        content["truewheel"] = lock.truewheel
    return render.render(content, f"Locked by {generator}. Do not edit: truewheel lock")


def _problems(document: Document) -> list[Problem]:
    data = document.data
    if not isinstance(data, dict):
        return [document.problem((), "not a mapping of images to digests", _HINT)]
    problems = [
        document.problem((key,), f"unknown key {shown(key)}", _HINT, key=True)
        for key in data
        if key not in {"images", "truewheel"}
    ]
    images = data.get("images") or {}
    if not isinstance(images, dict):
        problems.append(document.problem(("images",), "not a mapping of images to digests", _HINT))
    else:
        problems += [
            document.problem(("images", image), f"{shown(digest)} is no digest", _HINT)
            for image, digest in images.items()
            if not (isinstance(digest, str) and DIGEST.fullmatch(digest))
        ]
    pin = data.get("truewheel") or ""
    if pin and not (isinstance(pin, str) and _PIN.fullmatch(pin)):
        problems.append(document.problem(("truewheel",), f"{shown(pin)} pins no Truewheel", _HINT))
    return problems
