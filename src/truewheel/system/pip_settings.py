"""The settings of pip that say where packages come from, as variables for uv.

uv takes a tenth of pip's time and does not read pip's settings. `requirements/install.py` uses this
before anything is installed: only the standard library is imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

HANDED_OVER = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}
CONSTRAINT = "constraint"
"""Files of constraints: none of the variables above, as whoever installs adds further ones."""
HARMLESS = {
    *("cache-dir", "default-timeout", "disable-pip-version-check", "no-color"),
    *("no-compile", "no-input", "progress-bar", "quiet", "retries", "root-user-action", "timeout"),
    *("break-system-packages", "require-virtualenv", "no-warn-script-location"),
}


def parse(listed: str) -> dict[str, str]:
    """Return the settings that hold for `pip install`, from what `pip config list` has printed."""
    lines = [line.partition("=") for line in listed.splitlines()]
    settings = {}
    for section in ("global.", "install.", ":env:."):
        for name, _, value in lines:
            if name.startswith(section):
                settings[name.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def uv_variables(
    settings: Mapping[str, str], harmless: Iterable[str] = HARMLESS
) -> dict[str, str] | None:
    """Return variables that tell uv what pip's settings say, or None where one cannot be told."""
    if not settings.keys() <= HANDED_OVER.keys() | {*harmless}:
        return None
    # As pip does, look in all indexes for the best version.
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name in HANDED_OVER.keys() & settings.keys():
        separator = "," if name == "find-links" else " "
        variables[HANDED_OVER[name]] = separator.join(settings[name].split())
    return variables
