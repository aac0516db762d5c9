"""The interpreters of this machine, and virtual environments made from them."""

from __future__ import annotations

import json
import os
import platform
import re
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from truewheel.errors import Exit, stop
from truewheel.system import files, processes

ANY = "py3"
PROBE_SECONDS = 10.0
OLDEST_MINOR = 10
MANYLINUX = Path("/opt/python")

# Up to Python 3.10, an interpreter inside a virtual environment names itself as its own base.
PROBE = """
import json, os, platform, struct, sys
base = getattr(sys, "_base_executable", None) or sys.executable
if sys.prefix != sys.base_prefix and os.path.dirname(base) == os.path.dirname(sys.executable):
    name = "python%d.%d%s" % (sys.version_info[:2] + (sys.abiflags,))
    base = os.path.join(sys.base_prefix, "bin", name)
print(json.dumps({
    "implementation": sys.implementation.name,
    "tag": "cp%d%d%s" % (sys.version_info[:2] + (sys.abiflags,)),
    "machine": platform.machine(),
    "pointer": struct.calcsize("P"),
    "version": platform.python_version(),
    "path": base if os.path.exists(base) else sys.executable,
}))
"""


class _Claim(NamedTuple):
    """A path and the interpreter tag that its name stands for.

    Only a probe shows whether that is true.
    """

    tag: str
    path: Path


def find(tag: str, env: Mapping[str, str]) -> Path | None:
    """Return an interpreter for a tag: cp312, cp313t, or py3 for the one that runs this.

    Searched in this order: /opt/python, the running interpreter, `PATH`, pyenv's and uv's folders.
    What is returned was run, is a CPython of this version, threading and machine, and is no virtual
    environment's.
    """
    if tag == ANY:
        return _probed(Path(sys.executable), running_tag(), env)
    candidates = dict.fromkeys(claim.path for claim in _claims(env) if claim.tag == tag)
    # One in the current folder, which an empty entry of PATH stands for, may be anything.
    probed = (_probed(path, tag, env) for path in candidates if path.is_absolute())
    return next(filter(None, probed), None)


def found(env: Mapping[str, str]) -> dict[str, Path]:
    """Return every interpreter of Python 3.10 and newer by its tag, the oldest first."""
    tags = sorted(
        {claim.tag for claim in _claims(env) if _minor(claim.tag) >= OLDEST_MINOR}, key=_order
    )
    with ThreadPoolExecutor(max_workers=8) as pool:
        paths = list(pool.map(lambda tag: find(tag, env), tags))
    return {tag: path for tag, path in zip(tags, paths) if path}


def require(tag: str, env: Mapping[str, str], where: str) -> Path:
    """Return an interpreter for a tag. Raises `Stop` (exit 4) when there is none.

    `where` names who needs it.
    """
    path = find(tag, env)
    if path is None:
        hint = (
            f"searched: {MANYLINUX}, PATH, pyenv, uv; "
            "install it there, or run this in the target's image"
        )
        raise stop(where, f"no interpreter for {tag} on this machine", hint, Exit.WHEEL)
    return path


def running_tag() -> str:
    """Return the tag of the interpreter that runs this, such as cp312."""
    return f"cp{sys.version_info[0]}{sys.version_info[1]}{sys.abiflags}"


def version(python: Path) -> str:
    """Return the full version of an interpreter (3.12.1), or "" if it does not run."""
    text = processes.output([str(python), "-I", "-c", PROBE], env=os.environ, timeout=PROBE_SECONDS)
    return str(json.loads(text)["version"]) if text else ""


def make_environment(python: Path, folder: Path, env: Mapping[str, str], where: str) -> Path:
    """Make a virtual environment without pip and return its interpreter.

    Raises `Stop` (exit 4) if that fails.
    """
    if folder.is_symlink():
        files.remove(folder)  # venv would make empty what it leads to
    argv = [str(python), "-I", "-m", "venv", "--without-pip", "--clear", str(folder)]
    if processes.run(argv, cwd=Path("/"), env=env):
        hint = (
            "its output is above; on Debian and Ubuntu the module venv is the package python3-venv"
        )
        raise stop(where, f"{python} cannot make a virtual environment", hint, Exit.WHEEL)
    return folder / "bin" / "python"


def install(python: Path, what: Sequence[str], env: Mapping[str, str], where: str) -> None:
    """Install requirements or wheel files for `python`, with the pip of this environment.

    Raises `Stop` (exit 4) if pip fails.
    """
    argv = [*processes.module("pip", where), "--python", str(python), "--disable-pip-version-check"]
    argv += ["install", "--quiet", "--no-warn-script-location", "--", *what]
    if processes.run(argv, cwd=python.parent, env=isolated(env)):
        hint = "pip's output is above; is the index within reach (PIP_INDEX_URL)?"
        raise stop(where, f"pip cannot install {' '.join(what)}", hint, Exit.WHEEL)


def isolated(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that change where Python finds modules."""
    return {
        name: value
        for name, value in env.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"}
    }


def activated(env: Mapping[str, str], python: Path) -> dict[str, str]:
    """Return the environment in which the programs of `python`'s virtual environment come first."""
    path = f"{python.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    return isolated(env) | {"PATH": path, "VIRTUAL_ENV": str(python.parent.parent)}


def _probed(path: Path, tag: str, env: Mapping[str, str]) -> Path | None:
    text = processes.output([str(path), "-I", "-c", PROBE], env=env, timeout=PROBE_SECONDS)
    try:
        answer = json.loads(text or "null")
    except ValueError:
        return None
    wanted = {
        "implementation": "cpython",
        "tag": tag,
        "machine": platform.machine(),
        "pointer": struct.calcsize("P"),
    }
    good = isinstance(answer, dict) and all(
        answer.get(key) == value for key, value in wanted.items()
    )
    return Path(answer["path"]) if good else None


def _claims(env: Mapping[str, str]) -> Iterator[_Claim]:
    yield from _in_folders(MANYLINUX, r"(?:cp3\d+-)?cp3(?P<minor>\d+)(?P<threads>t?)")
    yield _Claim(running_tag(), Path(sys.executable))
    home = env.get("HOME", "/")
    pyenv = Path(env.get("PYENV_ROOT") or f"{home}/.pyenv")
    for folder in map(Path, env.get("PATH", os.defpath).split(os.pathsep)):
        if folder != pyenv / "shims":  # they are slow, and fail for versions that are not selected
            yield from _on_path(folder)
    yield from _in_folders(pyenv / "versions", r"3\.(?P<minor>\d+)[.]?\w*?(?P<threads>t?)(?:-dev)?")
    uv = Path(env.get("UV_PYTHON_INSTALL_DIR") or f"{home}/.local/share/uv/python")
    yield from _in_folders(uv, r"cpython-3\.(?P<minor>\d+)\.\w+(?P<threads>\+freethreaded)?-.*")


def _on_path(folder: Path) -> Iterator[_Claim]:
    for path in sorted(path for path in _entries(folder) if path.name.startswith("python3.")):
        if name := re.fullmatch(r"python3\.(\d+)(t?)", path.name):
            yield _Claim(f"cp3{name[1]}{name[2]}", path)


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder; none where it is missing or this user may not read it."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _in_folders(parent: Path, pattern: str) -> Iterator[_Claim]:
    """Yield each `<folder>/bin/python` whose folder's name has a version; the newest first."""
    for folder in sorted(_entries(parent), key=lambda path: _numbers(path.name), reverse=True):
        if name := re.fullmatch(pattern, folder.name):
            threads = "t" if name["threads"] else ""
            yield _Claim(f"cp3{name['minor']}{threads}", folder / "bin" / "python")


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _minor(tag: str) -> int:
    """Return X of cp3X or cp3Xt; -1 for a tag that no wheel has, such as that of a debug build."""
    name = re.fullmatch(r"cp3(\d+)t?", tag)
    return int(name[1]) if name else -1


def _order(tag: str) -> tuple[int, bool]:
    return _minor(tag), tag.endswith("t")
