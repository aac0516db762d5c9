"""Licences of libraries that are grafted: what a distribution says about them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+])")
_COPYLEFT = re.compile(r"GPL|SSPL|Sleepycat")
_EXCEPTION = re.compile(
    r"with[ -]exceptions?|GCC[ -]exception|runtime[ -](?:library[ -])?exception|linking exception",
    re.IGNORECASE,
)
_OR = re.compile(r"\s+or\s+(?!later|newer|any|\(at)", re.IGNORECASE)


def debian_licence(text: str, library: str) -> str:
    """Return the licence of a library by the copyright file of its Debian package.

    `library` is its file name. In a file of the machine-readable form 1.0 it is that of the files
    in a folder of the library's name, else that of all files; in others, the licences of
    /usr/share/common-licenses that the text refers to. "" where it names none.
    """
    if not text.startswith("Format:"):
        names = dict.fromkeys(match[1] for match in _COMMON.finditer(text))
        exception = " with exceptions" if _EXCEPTION.search(text) else ""
        return " and ".join(names) + exception if names else ""
    licences = dict(_by_pattern(text))
    stem = re.split(r"[-.\d]", library)[0]
    named = next((licences[pattern] for pattern in licences if pattern.split("/")[0] == stem), "")
    return named or licences.get("*", "") or next(iter(licences.values()), "")


def _by_pattern(text: str) -> Iterator[tuple[str, str]]:
    """Yield patterns of files and their licence, of a copyright file of the form 1.0."""
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:((?:.*\n)(?:[ \t].*\n)*)", stanza + "\n", re.MULTILINE)
        licence = re.search(r"^License:[ \t]*(\S.*)$", stanza, re.MULTILINE)
        if files and licence:
            for pattern in files[1].split():
                yield pattern, licence[1].strip()


def is_copyleft(licence: str) -> bool:
    """Tell whether whoever passes a library on must offer its source, as under the GPL or LGPL.

    Not where another licence may be chosen, and not for the exception of a compiler's libraries.
    """
    if _EXCEPTION.search(licence):
        return False
    return bool(licence) and all(map(_COPYLEFT.search, _OR.split(licence)))
