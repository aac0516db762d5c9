"""Install and load the wheels of a release that this machine can, without a plan of a project.

The verdicts are those of `truewheel test`; wheels of the same set stand in for what they require.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from truewheel.build import install_set, load, verdicts
from truewheel.build.load import Attempt, Session
from truewheel.build.verdicts import Verdict
from truewheel.errors import Stop
from truewheel.plan import matrix
from truewheel.plan.model import Cell, Package, Plan
from truewheel.system import interpreters
from truewheel.wheel import reader
from truewheel.wheel.filename import WheelName, parse_name
from truewheel.wheel.release_rules import Change

TARGET = "here"
_CPYTHON = re.compile(r"cp3\d+")


class Candidate(NamedTuple):
    """A wheel that this machine can install, by its name, and its Requires-Python."""

    path: Path
    name: WheelName
    required: str

    @property
    def project(self) -> str:
        """The name of the distribution in its normal form."""
        return canonicalize_name(self.name.distribution)

    @property
    def abi(self) -> str:
        """The ABI in the words of plans."""
        if not _CPYTHON.match(self.name.python):
            return "none"
        return self.name.abi if self.name.abi in matrix.STABLE_ABIS else "cpython"

    @property
    def python(self) -> str:
        """The interpreter tag in the words of plans: cp312, cp313t, py3."""
        if self.abi == "none":
            return matrix.PURE
        is_own = self.abi == "cpython" and self.name.abi.startswith(self.name.python)
        return self.name.abi if is_own else self.name.python.partition(".")[0]

    def takes(self, tag: str) -> bool:
        """Tell whether Requires-Python takes an interpreter, of which the patch is not known."""
        version = f"3.{matrix.minor(tag)}"
        try:
            required = SpecifierSet(self.required)
        except InvalidSpecifier:
            return True
        return any(f"{version}.{patch}" in required for patch in (0, 99))


def try_wheels(
    paths: Sequence[Path], env: Mapping[str, str], tell: Callable[[Verdict], None]
) -> Iterator[Change]:
    """Install and load wheels, and yield what came of it; wheels of other machines are only named.

    Nothing is written beside the wheels.
    """
    candidates: list[Candidate] = []
    for path in {path.name: path for path in paths}.values():
        if path.name.endswith(".whl"):
            result = _candidate(path)
            if isinstance(result, str):
                yield Change("not-tried", f"named: {result}", path.name)
            else:
                candidates.append(result)
    here = interpreters.found(env)
    with TemporaryDirectory(prefix="truewheel-") as folder:
        out = Path(folder, "wheels")
        out.mkdir()
        for candidate in candidates:
            (out / candidate.path.name).symlink_to(candidate.path.absolute())
        for project in dict.fromkeys(candidate.project for candidate in candidates):
            own = [candidate for candidate in candidates if candidate.project == project]
            attempts, missing = _attempts(own, here)
            yield from missing
            others = [candidate for candidate in candidates if candidate.project != project]
            session = _session(attempts, others, out, env, Path(folder, "work"))
            for verdict in load.load_all(session, attempts, tell):
                yield from _changes(verdict)


def _candidate(path: Path) -> Candidate | str:
    """Return a wheel that can be tried, or why it cannot."""
    try:
        name = parse_name(path.name)
        with reader.open_wheel(path) as wheel:
            required = wheel.metadata.first("Requires-Python")
    except (ValueError, Stop):
        return "it cannot be read"
    candidate = Candidate(path, name, required)
    if not install_set.runs_here(_cell(candidate, candidate.python)):
        return f"{name.platform} cannot be installed on this machine"
    if candidate.abi == "none" and not name.python.startswith("py"):
        return f"{name.python} is no CPython"
    return candidate


def _attempts(
    candidates: Iterable[Candidate], here: Mapping[str, Path]
) -> tuple[list[Attempt], list[Change]]:
    """Return what to try: each wheel on its Python, one for several on the oldest and newest."""
    attempts, missing = [], []
    for candidate in candidates:
        tags = _tags(candidate, here)
        if not tags:
            message = f"named: no interpreter for {candidate.python} on this machine"
            missing.append(Change("not-tried", message, candidate.path.name))
        attempts += [Attempt(_cell(candidate, tag), tag, here[tag]) for tag in tags]
    return attempts, missing


def _tags(candidate: Candidate, here: Mapping[str, Path]) -> list[str]:
    if candidate.abi == "cpython":
        return [tag for tag in (candidate.python,) if tag in here]
    tags = sorted(filter(candidate.takes, here), key=lambda tag: (matrix.minor(tag), tag))
    if candidate.abi == "none":
        running = interpreters.running_tag()
        return [running] if running in tags else tags[-1:]
    first = matrix.minor(candidate.python)
    fitting = [
        tag for tag in tags if matrix.has_abi(tag, candidate.abi) and matrix.minor(tag) >= first
    ]
    return list(dict.fromkeys([*fitting[:1], *fitting[-1:]]))


def _cell(candidate: Candidate, python: str, package: str = "") -> Cell:
    name = candidate.name
    return Cell(
        id=f"{candidate.path.name}/{python}",
        package=package or candidate.project,
        target=TARGET,
        arch=platform.machine(),
        python=python,
        builder=python,
        channel="",
        version=name.version,
        build=name.build,
        tag=name.tag,
        wheel=candidate.path.name,
        facts={},
    )


def _session(
    attempts: Iterable[Attempt],
    others: Iterable[Candidate],
    out: Path,
    env: Mapping[str, str],
    work: Path,
) -> Session:
    """Return what attempts share; a project has a package of the plan for each of its ABIs."""
    cells = [attempt.cell for attempt in attempts]
    packages = {cell.package: Package(name=cell.package, path=".") for cell in cells}
    for other in others:
        name = f"{other.project} {other.abi}"
        packages[name] = Package(name=name, path=".", abi=other.abi)
        cells.append(_cell(other, other.python, name))
    plan = Plan(
        generator="",
        project="",
        spec="",
        event="",
        local=True,
        packages=packages,
        targets={},
        kinds={},
        cells=tuple(cells),
        jobs=(),
        variables={},
        policy={"variables": {}},
    )

    def folder(cell_id: str) -> Path:
        work.mkdir(exist_ok=True)
        return work / cell_id.replace("/", "__")

    return Session(plan, out, env, None, folder)


def _changes(verdict: Verdict) -> Iterator[Change]:
    for problem in verdict.problems:
        message = f"on {verdict.python}: {problem}"
        notice = f"{verdict.wheel} fails on {verdict.python}"
        yield Change("loading", message, verdict.wheel, notice=notice)
    for warning in verdict.warnings:
        yield Change("loading", f"on {verdict.python}: {warning}", verdict.wheel, "warning")
    if verdict.verdict != verdicts.FAILED:
        yield Change("loaded", f"{verdict.summary} on {verdict.python}", verdict.wheel)
    elif not verdict.problems:
        yield Change("loading", f"on {verdict.python}: no reason is known", verdict.wheel)
