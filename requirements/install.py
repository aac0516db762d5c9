"""Install hash-locked requirements into the environment that runs this: by uv, else by pip.

Pip's settings are handed over to uv; where there is one that cannot be, or uv fails, pip does the
work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from truewheel.system.pip_settings import CONSTRAINT, HARMLESS, parse, uv_variables

UV_LOCK = Path(__file__).parents[1] / "src/truewheel/workspace/locks/truewheel-uv.txt"
PIP = [sys.executable, "-m", "pip"]


def pip_settings() -> dict[str, str]:
    """Return pip's settings, of its files and of the environment, as they hold for `install`."""
    argv = [*PIP, "config", "list"]
    return parse(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


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
    # A hash-locked install is the same with and without constraints.
    variables = uv_variables(pip_settings(), {*HARMLESS, CONSTRAINT})
    if variables is not None and (find_spec("uv") or pip_install(UV_LOCK) == 0):
        if uv_install(lock, variables) == 0:
            return 0
        print("uv cannot install them; pip tries", file=sys.stderr)
    return pip_install(lock)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
