"""Names the kind of an answer that is not what is needed: its own text stays out of messages."""

from __future__ import annotations

import json

_KINDS = {
    dict: "a JSON object of another kind",
    list: "a JSON list",
    str: "a JSON text",
    bool: "a JSON boolean",
    type(None): "nothing (null)",
}


def described(data: object) -> str:
    """Return what the data of a JSON document is."""
    return _KINDS.get(type(data), "a JSON number")


def described_body(body: bytes) -> str:
    """Return what the body of an answer is: a page, a JSON document, or a part of one."""
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return "an empty answer"
    if text[0] == "<":
        return "a page (HTML)"
    try:
        return described(json.loads(text))
    except (ValueError, RecursionError):
        return "a JSON document that is cut or broken" if text[0] in "[{" else "no JSON"
