"""Publish the wheels that `prove` accepted: all or none.

A file that an index has already is never replaced.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from truewheel.build import evidence
from truewheel.build.proof import Seen, fault, read_proof
from truewheel.build.prove import COPIES
from truewheel.build.verdicts import LOADED, NAMED, reaches
from truewheel.errors import Exit, Problem, Stop, Where, show_value, stop
from truewheel.net import package_index
from truewheel.net.package_index import Files, Login
from truewheel.plan import naming
from truewheel.plan.model import Cell, Index, Plan
from truewheel.system import processes
from truewheel.system.files import CHUNK, explained, hexdigest
from truewheel.system.installation import install_hint

UPLOADERS = ("uv", "twine")
"""Programs that upload, the preferred one first.

Uv starts at once, and gives up on an index that hangs.
"""
DEADLINE = 3600.0
"""Seconds that all uploads may take together."""
LAG = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds between the looks for uploaded files: a large index shows them after a while."""
OUTPUT_LIMIT = 8000
"""Characters of an uploader's output that a message repeats, from its end."""

OIDC = "ACTIONS_ID_TOKEN_REQUEST_URL"
"""Set in the jobs of GitHub that may ask for a token of their own.

With it, an index needs no password.
"""

UNLOADED = (
    "see what its test job says; where no runner can load it, list it in the spec under named, or "
    "say verdict: named at the index"
)
_LATE = "did not end in time"
_HASHES = ("sha256", "sha512", "sha384")
"""What tells files apart also where somebody wants it not to; md5 and sha1 do not."""
_STEERING = ("UV_", "TWINE_USERNAME", "TWINE_PASSWORD", "TWINE_REPOSITORY")
"""What variables begin with that lead an uploader to another index, folder or file, or to other
credentials. uv reads UV_CONFIG_FILE also with --no-config.
"""
_NETWORK = (
    "UV_HTTP_",
    "UV_INSECURE_HOST",
    "UV_NATIVE_TLS",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
    "UV_UPLOAD_HTTP_TIMEOUT",
)
"""What variables of uv begin with that say how it reaches a server, and nothing else."""


class Proven(NamedTuple):
    """A file to be published; `path` is relative to the folder of the proof."""

    wheel: str
    path: str
    sha256: str


def waits_for(plan: Plan, index: Index) -> list[str]:
    """Return the conditions of an index that do not hold, as messages say them."""
    facts = plan.cells[0].facts if plan.cells else {}
    unmet = {
        name: values
        for name, values in index.when.items()
        if not naming.holds({name: values}, plan.variables, facts)
    }
    return [f"{name} is not {show_value(values)}" for name, values in (unmet or index.when).items()]


def proven(folder: Path, plan: Plan, index: str) -> list[Proven]:
    """Return the files that the plan names for an index, each with the bytes that `prove` saw.

    Raises `Stop` (exit 4) when prove did not pass, when a file is missing or not as it was then, or
    when a wheel was not loaded that the index wants loaded.
    """
    known = read_proof(folder, index)
    files, problems = [], list(_unloaded(folder, plan, index, known))
    for wheel, path in _names(folder, plan, index):
        if why := fault(folder, path, known):
            problems.append(
                Problem(
                    Where(str(folder / path)), why, "build and prove again; nothing was uploaded"
                )
            )
        files.append(Proven(wheel, path, known.recorded.get(path, "")))
    twice = [wheel for wheel, count in Counter(file.wheel for file in files).items() if count > 1]
    problems += [
        Problem(Where(wheel), "two cells have this name on the index", "plan again")
        for wheel in twice
    ]
    if problems:
        raise Stop(problems, Exit.WHEEL)
    return files


def _names(folder: Path, plan: Plan, index: str) -> Iterator[tuple[str, str]]:
    """Yield the names that the plan has for an index, and their paths in the proof's folder."""
    for cell, name in _published(folder, plan, index):
        yield name, name if name == cell.wheel else f"{COPIES}/{index}/{name}"


def _published(folder: Path, plan: Plan, index: str) -> Iterator[tuple[Cell, str]]:
    """Yield the cells whose wheels an index gets, each with the name that it has there."""
    for cell in (evidence.settled(folder, cell) for cell in plan.cells):
        for copy in cell.copies:
            if copy.index == index:
                yield cell, copy.wheel


def _unloaded(folder: Path, plan: Plan, index: str, known: Seen) -> Iterator[Problem]:
    """Yield a problem for each wheel that was not loaded, though a runner could.

    There is none for an index that takes wheels whose names and bytes alone are proven.
    """
    wanted = next((place.verdict for place in plan.indexes if place.name == index), LOADED)
    for cell, name in _published(folder, plan, index):
        verdict = known.verdicts.get(cell.id, NAMED)
        if cell.id not in plan.named and not reaches(verdict, wanted):
            message = f"is {verdict}, where the index {index} takes wheels that are {wanted}"
            yield Problem(Where(name), message, UNLOADED)


def login_of(index: Index, environment: Mapping[str, str]) -> Login | None:
    """Return the credentials of an index.

    Raises `Stop` (exit 2) when a variable that holds them is not set.
    """
    if not index.password:
        return None
    missing = [
        name for name in (index.username, index.password) if name and not environment.get(name)
    ]
    if missing:
        hint = (
            f"it holds the credentials of the index {index.name}: a masked variable, protected if "
            "the ref is"
        )
        raise Stop([Problem(Where(name), "is not set", hint) for name in missing])
    return Login(
        environment[index.username] if index.username else "__token__", environment[index.password]
    )


def is_trusted(index: Index, environment: Mapping[str, str]) -> bool:
    """Return whether this job is known to the index by GitHub's word alone.

    Trusted publishing, without credentials.
    """
    return not index.password and bool(environment.get(OIDC))


def uploader(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and path of an uploader: the named one, or the first that is installed.

    Raises `Stop` (exit 2) when there is none.
    """
    for candidate in [name] if name else UPLOADERS:
        if program := processes.which(candidate, environment, Path(sys.executable).parent):
            return candidate, program
    missing = f"{name} is not" if name else f"neither {' nor '.join(UPLOADERS)} is"
    is_twine = name == "twine"  # the extra brings uv
    hint = "install twine, or leave out --uploader" if is_twine else install_hint("publish")
    raise stop("publish", f"{missing} installed here", hint)


class Publisher:
    """Brings the proven files of one index there."""

    def __init__(
        self, folder: Path, index: Index, files: Sequence[Proven], login: Login | None
    ) -> None:
        self._folder = folder
        self._index = index
        self._files = files
        self._login = login

    def missing(self) -> list[Proven]:
        """Ask the index for the files and return those that it does not have.

        Raises `Stop`: exit 4 when it has other bytes under one of the names, 5 when it refuses, 6
        without an answer.
        """
        projects = sorted({file.wheel.partition("-")[0] for file in self._files})
        listed: dict[str, Mapping[str, str]] = {}
        for project in projects:
            listed |= _named(
                package_index.files(self._index.simple, project, self._login), self._files
            )
        problems = [
            Problem(
                Where(file.wheel),
                fault,
                "plan another version or build tag: no file is ever overwritten",
            )
            for file in self._files
            if file.wheel in listed and (fault := self._difference(file, listed[file.wheel]))
        ]
        if problems:
            raise Stop(problems, Exit.WHEEL)
        return [file for file in self._files if file.wheel not in listed]

    def _difference(self, file: Proven, hashes: Mapping[str, str]) -> str:
        known = [name for name in _HASHES if name in hashes]
        if not known:
            weak = f", {' and '.join(sorted(hashes))} alone" if hashes else ""
            said = "has such a file and does not say its hash"
            return f"the index {self._index.name} {said}{weak}"
        for algorithm in known:
            path = self._folder / file.path
            ours = file.sha256 if algorithm == "sha256" else hexdigest(path, algorithm)
            if hashes[algorithm].lower() != ours:
                theirs = f"{algorithm} {hashes[algorithm]}, ours {ours}"
                return f"the index {self._index.name} has other bytes under this name: {theirs}"
        return ""

    def upload(
        self,
        files: Sequence[Proven],
        tool: tuple[str, str],
        environment: Mapping[str, str],
        deadline: float,
    ) -> None:
        """Upload the files with one call of an uploader, then compare their hashes with the index.

        Raises `Stop`: exit 4, 5 and 6 as in `missing`; 5 when the upload fails, 6 when it takes
        more seconds.
        """
        name, program = tool
        trusted = is_trusted(self._index, environment)
        # Relative paths: both uploaders would expand a * or [ in a folder's name.
        argv = [
            program,
            *_flags(name, self._index.url, trusted=trusted),
            *(file.wheel for file in files),
        ]
        with tempfile.TemporaryDirectory() as folder:
            self._copy(files, Path(folder))
            ended, output = self._run(
                argv,
                Path(folder),
                _environment(environment, name, self._login, trusted=trusted),
                deadline,
            )
        if not ended:
            self._confirm()
        elif remaining := len(self.missing()):  # none: the last answer was lost, not the file
            there = (
                f"{len(self._files) - remaining} of {len(self._files)} wheels are there, a second "
                "run uploads the rest"
            )
            code = Exit.REMOTE_UNREACHABLE if ended == _LATE else Exit.REMOTE_FAILED
            raise stop(self._index.url, f"{name} {ended}: {there}\n{output}".rstrip(), code=code)

    def _copy(self, files: Sequence[Proven], folder: Path) -> None:
        """Copy the files into a folder of this process alone: theirs may change while it uploads.

        Raises `Stop` (exit 4) for one with other bytes than were proven.
        """
        for file in files:
            source, digest = self._folder / file.path, hashlib.sha256()
            with (
                explained(source, "copied"),
                source.open("rb") as stream,
                (folder / file.wheel).open("xb") as target,
            ):
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            if digest.hexdigest() != file.sha256:
                message = f"was changed after it was proven: sha256 {digest.hexdigest()}"
                hint = "build and prove again; nothing was uploaded"
                raise stop(str(source), message, hint, Exit.WHEEL)

    def _run(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str], deadline: float
    ) -> tuple[str, str]:
        """Return how an uploader ended, "" when well, and what it said."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            try:
                status = processes.run(argv, cwd=folder, env=environment, log=log, timeout=deadline)
                ended = f"failed (exit status {status})" if status else ""
            except TimeoutError:
                ended = _LATE
            log.seek(0)
            return ended, _scrubbed(log.read(), self._login)[-OUTPUT_LIMIT:]

    def _confirm(self) -> None:
        for pause in (*LAG, None):
            missing = self.missing()
            if not missing:
                return
            if pause is not None:
                time.sleep(pause)
        message = f"uploaded, but the index {self._index.name} does not list it"
        hint = (
            f"it was asked at {self._index.simple}; the address is "
            f"indexes.{self._index.name}.simple"
        )
        raise Stop(
            [Problem(Where(file.wheel), message, hint) for file in missing], Exit.REMOTE_UNREACHABLE
        )


def _named(listed: Files, files: Sequence[Proven]) -> Files:
    names = {file.wheel for file in files}
    return {name: hashes for name, hashes in listed.items() if name in names}


def _flags(name: str, url: str, *, trusted: bool) -> list[str]:
    """Return the flags for an uploader without configuration files, questions or colours."""
    if name == "uv":
        return [
            *("publish", f"--publish-url={url}", "--no-config", "--no-cache"),
            f"--trusted-publishing={'always' if trusted else 'never'}",
            *("--no-attestations", "--keyring-provider=disabled", "--no-progress", "--color=never"),
        ]
    return [
        *("--no-color", "upload", f"--repository-url={url}", f"--config-file={os.devnull}"),
        *("--non-interactive", "--disable-progress-bar"),
    ]


def _environment(
    env: Mapping[str, str], name: str, login: Login | None, *, trusted: bool
) -> dict[str, str]:
    """Return the uploader's environment: ours, with the credentials.

    Both insist on some, also for an open index.
    """
    username, password = login or Login("anonymous", "anonymous")
    prefix = "UV_PUBLISH_" if name == "uv" else "TWINE_"
    inherited = {
        key: value
        for key, value in env.items()
        if key.startswith(_NETWORK) or not key.startswith(_STEERING)
    }
    return (
        inherited
        if trusted
        else {**inherited, f"{prefix}USERNAME": username, f"{prefix}PASSWORD": password}
    )


def _scrubbed(text: str, login: Login | None) -> str:
    for secret in (login.password, login.basic) if login else ():
        text = text.replace(secret, "***")
    return text
