"""Which names of variables say that they hold credentials, or lead to some."""

from __future__ import annotations

import re

NAMES = frozenset({"CI_REPOSITORY_URL", "DOCKER_AUTH_CONFIG", "KUBECONFIG", "NETRC"})
"""Variables with credentials whose names do not say so."""

PREFIXES = ("ACTIONS_", "TWINE_", "UV_PUBLISH_")
"""What begins with these leads to a job's own token, or to an index that takes uploads."""

HARMLESS = frozenset({"KEY", "KEYS", "OLDPWD", "PWD", "TRUEWHEEL_KEY"})
"""Variables whose names only look so: folders of the shell, the name of a run, any key."""

DOWNLOADS = ("PIP_", "UV_INDEX_")
"""What begins with these is for the indexes that requirements come from.

Pip and uv could not install them without.
"""

_WORDS = re.compile(
    r"(?:^|_)(?:"
    r"TOKENS?|SECRETS?|CREDENTIALS?|CREDS?|JWT|PAT|PASS|PASSWD|PASSPHRASE|PWD?|O?AUTH|DSN"
    r"|[A-Z0-9]*(?:TOKEN|PASSWORDS?|PASSWD|SECRET)"
    r"|(?:API|ACCESS|DEPLOY|GPG|PRIVATE|SIGN|SIGNING|SSH)?KEYS?"
    r"|(?:DATABASE|DB)_?UR[IL]|CONNECTION_STRING"
    r")(?:_|$)"
)
_PUBLIC_KEY = re.compile(r"(?:^|_)(?:CACHE|PUBLIC)_?KEYS?(?=_|$)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PROXY = re.compile(r"(?:^|_)PROXY$", re.IGNORECASE)


def is_credential(name: str) -> bool:
    """Return whether a variable of this name holds credentials, or leads to some."""
    if name.upper() in HARMLESS or name.startswith(DOWNLOADS):
        return False
    if name in NAMES or name.startswith(PREFIXES):
        return True
    words = _PUBLIC_KEY.sub("", _CAMEL.sub("_", name).upper())
    return _WORDS.search(words) is not None


def may_hold_credentials(name: str) -> bool:
    """Return whether a value of this name must not be shown: an address may have a password."""
    return is_credential(name) or name.startswith(DOWNLOADS) or _PROXY.search(name) is not None


def shown_credential(name: str, scope: str) -> tuple[str, str] | None:
    """Return what is wrong with a variable's scope, and a hint; None if nothing is.

    A contributor's spec could otherwise have a token of whoever plans it written into file names.
    """
    if scope == "secret" or not may_hold_credentials(name):
        return None
    message = f"{name} is named like a credential, and the scope {scope} would show its value"
    return message, "declare it with scope: secret, or read a variable of another name"
