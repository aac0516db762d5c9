"""Install and load the wheels of cells for real, and write a verdict on each.

A wheel is untrusted code: it runs in a process of its own, without credentials, on copies. The
verdict is written here, from what that process has reported of itself.
"""

from __future__ import annotations

import json
import os
import platform
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from truewheel.build import credentials, evidence, install_set, load_rules, smoke_test, verdicts
from truewheel.build.install_set import Copied
from truewheel.build.load_rules import Mapped, Outcome, Report, Subject
from truewheel.build.verdicts import FAILED, INSTALLED, LOADED, TESTED, NotTried, Verdict
from truewheel.errors import Exit, Stop
from truewheel.plan import matrix
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, interpreters, processes
from truewheel.wheel import elf, filename, libraries, platform_policies, reader

SECONDS = 60.0
"""How long the imports of a wheel may take."""
PROBE = Path(__file__).with_name("load_probe.py")
REPORT_LIMIT = 16 * 2**20
"""Bytes of a report that are read."""
MAPPED_LIMIT = 5000
"""Libraries of a process that are looked at."""
SHOWN = 20
"""Messages of a kind that a verdict has before it only counts them."""
LOG_LINES = 5
UNPROMISED = "neither the platform tag nor exclude leaves that to it"
POLL_SECONDS = 0.05


class Attempt(NamedTuple):
    """A wheel to be tried on one interpreter, which has the tag `python`."""

    cell: Cell
    python: str
    interpreter: Path


class Session(NamedTuple):
    """What all attempts share: the plan, the wheels' folder, the environment variables.

    `root` is the folder of the spec, None where smoke tests are not run; `work` makes the folder
    for what is made of a cell.
    """

    plan: Plan
    out: Path
    env: Mapping[str, str]
    root: Path | None
    work: Callable[[str], Path]


class Selection(NamedTuple):
    """What can be tried here, and by the id of each other cell why it cannot."""

    attempts: list[Attempt]
    obstacles: dict[str, str]


class Tried(NamedTuple):
    """The verdicts on wheels, and by the id of each cell that has none why it was not tried."""

    verdicts: list[Verdict]
    obstacles: dict[str, str]


def load_cells(
    session: Session,
    cells: Iterable[Cell],
    tell: Callable[[Verdict], None],
    *,
    python: str = "",
    reuse: bool = False,
) -> Tried:
    """Try the wheels of cells on this machine, and write a verdict on each.

    With the tag `python`, only those that are for it are tried, and on that one alone. With
    `reuse`, what was said of the same bytes holds, unless they failed.
    """
    selection = select(session, cells, python)
    known = _reusable(session, selection.attempts) if reuse else []
    done = {(verdict.cell, verdict.python) for verdict in known}
    attempts = [
        attempt for attempt in selection.attempts if (attempt.cell.id, attempt.python) not in done
    ]
    for attempt in attempts:
        forget(session.out, attempt.cell, attempt.python if python else "*")
    return Tried([*known, *load_all(session, attempts, tell)], selection.obstacles)


def _reusable(session: Session, attempts: Sequence[Attempt]) -> list[Verdict]:
    """Return the verdicts on the same bytes, for the cells of which all attempts have one."""
    records = verdicts.read_all(session.out)
    results: dict[str, list[Verdict]] = {}
    wanted: dict[str, list[str]] = {}
    for cell, python, _ in attempts:
        wanted.setdefault(cell.id, []).append(python)
        has_smoke = session.root is not None and session.plan.packages[cell.package].smoke
        level = TESTED if has_smoke else INSTALLED
        for verdict in verdicts.of_cell(records, cell.id):
            good = verdict.python == python and verdicts.reaches(verdict.verdict, level)
            wheel = session.out / evidence.settled(session.out, cell).wheel
            if good and verdict.wheel == wheel.name and verdict.sha256 == files.sha256(wheel):
                results.setdefault(cell.id, []).append(verdict)
    whole = (known for cell, known in results.items() if len(known) == len(wanted[cell]))
    return [verdict for known in whole for verdict in known]


def select(session: Session, cells: Iterable[Cell], python: str = "") -> Selection:
    """Return what there is to be tried on this machine: each wheel on the Python it is for.

    One for a stable ABI is tried on the lowest and the highest Python at hand.
    """
    selection = Selection([], {})
    here: dict[str, Path] = {}
    for cell in cells:
        if python and not install_set.fits(session.plan, cell, python):
            continue
        if obstacle := _obstacle(session, cell):
            selection.obstacles[cell.id] = obstacle
            continue
        tags = [python] if python else _pythons(session.plan, cell, here, session.env)
        for tag in tags:
            interpreter = here.get(tag) or interpreters.find(tag, session.env)
            if interpreter is None:
                selection.obstacles[cell.id] = f"no interpreter for {tag} on this machine"
            else:
                here[tag] = interpreter
                selection.attempts.append(Attempt(cell, _actual(tag), interpreter))
    return selection


def _obstacle(session: Session, cell: Cell) -> str:
    """Return why the wheel of a cell cannot be tried on this machine, or ""."""
    machine = platform.machine()
    wheel = evidence.settled(session.out, cell).wheel
    if not (session.out / wheel).is_file():
        return f"{wheel} is missing"
    if cell.arch not in {matrix.ANY, machine}:
        return f"needs {cell.arch}, this machine is {machine}"
    if not install_set.runs_here(cell):
        return f"{filename.parse_name(cell.wheel).platform} cannot be installed on this machine"
    return ""


def _pythons(
    plan: Plan, cell: Cell, here: dict[str, Path], env: Mapping[str, str]
) -> Sequence[str]:
    """Return the tags of the interpreters that a wheel is tried on."""
    if plan.packages[cell.package].abi not in matrix.STABLE_ABIS or cell.python == matrix.PURE:
        return [cell.builder]
    if not here.keys() & {cell.builder}:
        here |= interpreters.found(env)
    tags = [tag for tag in here if tag != matrix.PURE and install_set.fits(plan, cell, tag)]
    tags.sort(key=lambda tag: (matrix.minor(tag), tag))
    return list(dict.fromkeys([tags[0], tags[-1]])) if tags else [cell.builder]


def _actual(tag: str) -> str:
    return interpreters.running_tag() if tag == interpreters.ANY else tag


def load_all(
    session: Session, attempts: Sequence[Attempt], tell: Callable[[Verdict], None]
) -> list[Verdict]:
    """Try wheels, several at a time, and write the verdict on each; return them in their order.

    Interrupted, all that was started ends.
    """
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    # It asks sysconfig, whose first answer is not safe among threads: CPython 3.11 fills its table
    # while others read it.
    install_set.find_uv()
    pool = ThreadPoolExecutor(workers)
    futures: list[Future[Verdict]] = []
    try:
        futures += [pool.submit(_try, session, attempt) for attempt in attempts]
        results = []
        for future in futures:
            verdict = future.result()
            verdicts.write(session.out, verdict)
            tell(verdict)
            results.append(verdict)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        while wait(futures, POLL_SECONDS).not_done:
            processes.end_all()
        raise
    finally:
        pool.shutdown()
    return results


def forget(out: Path, cell: Cell, python: str = "*") -> None:
    """Remove what was said of a cell's wheel, on one Python or on all."""
    pattern = verdicts.path(out, cell.id, python).name
    folder = out / verdicts.FOLDER
    for file in folder.glob(pattern) if not folder.is_symlink() else ():
        files.remove(file)


def _try(session: Session, attempt: Attempt) -> Verdict:
    """Install a wheel, load it, and run its smoke test; return the verdict."""
    cell = evidence.settled(session.out, attempt.cell)
    place = session.work(cell.id)
    files.subfolder(place.parent, place.name)
    folder = evidence.fresh_folder(files.subfolder(place, "load") / attempt.python)
    copy = install_set.copy_wheel(session.out / cell.wheel, folder / "wheel")
    verdict = Verdict(
        cell=cell.id,
        wheel=cell.wheel,
        sha256=copy.sha256,
        python=attempt.python,
        verdict=INSTALLED,
        machine=platform.machine(),
    )
    try:
        return _tried(session, attempt._replace(cell=cell), copy, folder, verdict)
    except Stop as stopped:
        if stopped.code is not Exit.WHEEL:
            raise
        return replace(verdict, verdict=FAILED, problems=_fitted([*map(str, stopped.problems)]))
    finally:
        files.remove(folder / "env")


def _tried(
    session: Session, attempt: Attempt, copy: Copied, folder: Path, verdict: Verdict
) -> Verdict:
    cell, plan = attempt.cell, session.plan
    package = plan.packages[cell.package]
    env, _ = credentials.remove_credentials(session.env, plan, package.secrets)
    python = install_set.make_environment(attempt.interpreter, folder / "env", env, cell.id)
    siblings = install_set.constraints(plan, cell, attempt.python, session.out, folder)
    problem = install_set.install(python, copy.path, siblings, env, cell.id)
    problem = problem or install_set.check_with_pip(python, attempt.python, copy, cell.id)
    if problem:
        return replace(verdict, verdict=FAILED, problems=_fitted([problem]))
    bare, _ = credentials.remove_credentials(session.env, plan, ())
    outcome = _load(plan, cell, copy.path, python, folder, bare)
    verdict = replace(
        verdict,
        verdict=LOADED if outcome.has_run else INSTALLED,
        problems=_fitted(outcome.problems),
        warnings=_fitted(outcome.warnings),
        modules=tuple(outcome.modules[: verdicts.MOST]),
        not_tried=tuple(NotTried(*entry) for entry in outcome.not_tried[: verdicts.MOST]),
        loaded_up_to=outcome.loaded_up_to,
    )
    if verdict.problems:
        return replace(verdict, verdict=FAILED)
    if session.root is None or not package.smoke:
        return verdict
    problem = smoke_test.smoke_test(plan, cell, session.root, copy.path, python, folder, env)
    if problem:
        return replace(verdict, verdict=FAILED, problems=_fitted([problem]))
    return replace(verdict, verdict=TESTED)


def _fitted(messages: Sequence[str]) -> tuple[str, ...]:
    """Return messages as a verdict holds them: each once, of bounded number and length."""
    unique = list(dict.fromkeys(messages))
    more = [f"and {len(unique) - SHOWN} more"] if len(unique) > SHOWN else []
    return tuple(message[: verdicts.LONGEST] for message in [*unique[:SHOWN], *more])


def _load(
    plan: Plan, cell: Cell, wheel: Path, python: Path, folder: Path, env: Mapping[str, str]
) -> Outcome:
    """Import the modules of an installed wheel in a process of their own, and judge the report."""
    package = plan.packages[cell.package]
    with reader.open_wheel(wheel) as opened:
        members = [load_rules.installed_path(entry.filename) for entry in opened.entries]
    paths = frozenset(filter(None, members))
    subject = Subject(
        files=paths, packages=load_rules.packages(paths), exclude=tuple(package.exclude)
    )
    modules = load_rules.candidates(paths, package.load_skip)
    if not modules:
        return Outcome()
    report, ending = _probe(modules, (), python, folder, env)
    prefix = os.path.realpath(python.parent.parent)
    report = replace(report, prefix=prefix, base=os.path.realpath(report.base or "/usr"))
    if any(chain for _, chain in report.imports):
        subject = replace(
            subject,
            beside=frozenset(_libraries(Path(prefix))),
            opens_libraries=_opens_libraries(wheel),
        )
    outcome = load_rules.judge(report, subject, ending)
    by_name = []
    for path, needed_by in _strangers(cell, report, subject):
        if needed_by:
            outcome.problems.append(f"{needed_by} needs {path} of this machine: {UNPROMISED}")
        else:
            by_name.append(path)
    is_pure = filename.parse_name(cell.wheel).platform == "any"
    is_needed = False
    if by_name and not (is_pure or _has_others(Path(prefix), plan)):
        # Many do without what they look for: whether this one does is seen where it is not found.
        without, _ = _probe(modules, by_name, python, folder, env)
        is_needed = load_rules.failures(without) > load_rules.failures(report)
    messages = outcome.problems if is_needed else outcome.warnings
    messages += [f"it opened {path} of this machine: {UNPROMISED}" for path in by_name]
    return outcome


def _opens_libraries(wheel: Path) -> bool:
    """Return whether the Python code of a wheel opens libraries by itself."""
    with reader.open_wheel(wheel) as opened:
        sources = [entry for entry in opened.entries if entry.filename.endswith(".py")]
        codes = (b"".join(opened.chunks(entry)) for entry in sources)
        return any(b"ctypes" in code or b"cffi" in code for code in codes)


def _probe(
    modules: Sequence[load_rules.Candidate],
    refused: Sequence[str],
    python: Path,
    folder: Path,
    env: Mapping[str, str],
) -> tuple[Report, str]:
    """Return what the probe has reported, and how it ended where that was not well.

    `refused` are libraries that ctypes does not find.
    """
    request, answer, log = (folder / name for name in ("modules.json", "report.txt", "output.log"))
    names = [path.rpartition("/")[2] for path in refused]
    files.write_text(request, json.dumps({"modules": modules, "refuse": names}))
    home = evidence.fresh_folder(folder / "home")
    empty = evidence.fresh_folder(folder / "empty")
    env = interpreters.activated(credentials.without_downloads(env, ()), python)
    env = {**env, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    argv = [str(python), "-I", "-B", str(PROBE), str(request), str(answer)]
    # The report is read from the file that is opened here, whatever takes its place.
    with answer.open("w+b") as report, log.open("wb") as output:
        child = processes.start(argv, cwd=empty, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            status = processes.wait(child, SECONDS)
            ending = processes.ending(status) if status else ""
        except TimeoutError:
            ending = f"no end after {SECONDS:.0f} s"
        report.seek(0)
        text = report.read(REPORT_LIMIT).decode("utf-8", "replace")
    result = load_rules.read_report(text)
    if ending and not result.started:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")[-LOG_LINES:]
        ending = f"{ending} ({' '.join(lines).strip()})"
    return result, ending


def _libraries(prefix: Path) -> Iterator[str]:
    """Yield the names of the libraries in an environment."""
    for _, _, names in os.walk(prefix):
        yield from (name for name in names if ".so" in name)


def _has_others(prefix: Path, plan: Plan) -> bool:
    """Return whether distributions of others are there: who opened a library is not known then."""
    own = {filename.normalized(package) for package in plan.packages}
    own |= {filename.parse_name(cell.wheel).distribution.lower() for cell in plan.cells}
    infos = prefix.glob("lib*/python*/site-packages/*.dist-info")
    names = {filename.normalized(info.name.partition("-")[0]) for info in infos}
    return bool(names - own - {"pip", "setuptools", "wheel"})


def _strangers(cell: Cell, report: Report, subject: Subject) -> list[tuple[str, str]]:
    """Return the libraries of this machine that were loaded against the promise of the tag."""
    platforms = filename.parse_name(cell.wheel).platform.split(".")
    floors = [minor for tag in platforms if (minor := platform_policies.floor_of_tag(tag))]
    is_musl = any(map(platform_policies.is_musl, platforms))
    if not (floors or is_musl or platforms == ["any"]):
        return []  # linux_x86_64 promises nothing
    floor = min(floors, default=platform_policies.newest_floor())

    def allowed(name: str) -> bool:
        if is_musl and platform_policies.musl_provides(name):
            return True
        promised = platform_policies.provides(name, floor) or name in platform_policies.FORMER
        return promised or libraries.matches(name, subject.exclude)

    mapped = [_mapped(path) for path in sorted(report.end)[:MAPPED_LIMIT]]
    return list(load_rules.strangers(report, mapped, subject, allowed))


def _mapped(path: str) -> Mapped:
    """Return what a library in a process is called and needs."""
    name = path.rpartition("/")[2]
    with suppress(OSError, ValueError):
        file = Path(path)
        if stat.S_ISREG(file.stat().st_mode):  # the path may be any, and a pipe would never end
            with file.open("rb") as stream:
                needs = elf.needs(stream)
            return Mapped(path, needs.soname or name, needs.libraries)
    return Mapped(path, name, ())
