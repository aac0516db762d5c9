"""Makes text of others harmless in a log, where the forge's runner looks for commands.

GitHub's runner obeys `::command::` at the start of a line, after white space too, and `##[command]`
anywhere in one (so does Azure's with `##vso[`). GitLab's log shows sections and colours by carriage
returns and escape sequences.
"""

from __future__ import annotations

import re

_ANYWHERE = re.compile(r"#(?=#(?:vso)?\[)", re.IGNORECASE)
_AT_START = re.compile(r"^( *):(?=:)", re.MULTILINE)


def harmless(text: str) -> str:
    """Return the text with control characters as escapes, and runners' commands broken by a space.

    Line feeds stay: `one_line` replaces those as well.
    """
    if not text.replace("\n", "").isprintable():
        text = "".join(map(_shown, text))
    if "##" in text:
        text = _ANYWHERE.sub("# ", text)
    return _AT_START.sub(r"\1: ", text) if "::" in text else text


def one_line(text: str) -> str:
    """Return harmless text whose line feeds are escapes too, for names and titles."""
    return harmless(text.replace("\n", "\\n"))


def harmless_json(text: str) -> str:
    r"""Return a JSON document in which no runner reads a command; a parser reads the same.

    # may be \u0023 there.
    """
    return _ANYWHERE.sub(r"\\u0023", text) if "##" in text else text


def _shown(character: str) -> str:
    return character if character == "\n" or character.isprintable() else repr(character)[1:-1]
