"""Install hash-locked requirements into the environment that runs this: by uv, else by pip.

uv takes a tenth of pip's time and does not read pip's settings. Those that say where packages come
from are handed over; where there is one that cannot be, or uv fails, pip does the work.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

UV_LOCK = Path(__file__).parents[1] / "src/truewheel/workspace/locks/truewheel-uv.txt"
PIP = [sys.executable, "-m", "pip"]
HANDED_OVER = {
    "cert": "SSL_CERT_FILE",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
}
# A hash-locked install is the same with and without them.
HARMLESS = {
    *("cache-dir", "constraint", "default-timeout", "disable-pip-version-check", "no-color"),
    *("no-compile", "no-input", "progress-bar", "quiet", "retries", "root-user-action", "timeout"),
    *("break-system-packages", "require-virtualenv", "no-warn-script-location"),
}


def pip_settings() -> dict[str, str]:
    """Return pip's settings, of its files and of the environment, as they hold for `install`."""
    argv = [*PIP, "config", "list"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    lines = [line.partition("=") for line in text.splitlines()]
    settings = {}
    for section in ("global.", "install.", ":env:."):
        for name, _, value in lines:
            if name.startswith(section):
                settings[name.removeprefix(section)] = str(ast.literal_eval(value))
    return settings


def uv_variables(settings: dict[str, str]) -> dict[str, str] | None:
    """Return variables that tell uv what pip's settings say, or None where one cannot be told."""
    if not settings.keys() <= HANDED_OVER.keys() | HARMLESS:
        return None
    # As pip does, look in all indexes: the hashes say which file it is.
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for name in HANDED_OVER.keys() & settings.keys():
        separator = "," if name == "find-links" else " "
        variables[HANDED_OVER[name]] = separator.join(settings[name].split())
    return variables


def pip_install(lock: Path) -> int:
    """Return the exit status of pip."""
    argv = [*PIP, "install", "--quiet", "--require-hashes", "-r", str(lock)]
    return subprocess.run(argv, check=False).returncode


def uv_install(lock: Path, variables: dict[str, str]) -> int:
    """Return the exit status of uv; the environment's own variables are stronger than these."""
    argv = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
    argv += ["--quiet", "--require-hashes", "-r", str(lock)]
    return subprocess.run(argv, env={**variables, **os.environ}, check=False).returncode


def main(lock: Path) -> int:
    """Return the exit status: 0, or pip's."""
    variables = uv_variables(pip_settings())
    if variables is not None and (find_spec("uv") or pip_install(UV_LOCK) == 0):
        if uv_install(lock, variables) == 0:
            return 0
        print("uv cannot install them; pip tries", file=sys.stderr)
    return pip_install(lock)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
