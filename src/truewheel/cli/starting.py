"""truewheel init."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NamedTuple

from truewheel.cli import arguments as common
from truewheel.cli.commands import front_door
from truewheel.cli.generating import generated
from truewheel.cli.terminal import put, say, show
from truewheel.errors import Exit, Problem, Stop, Where, counted, errors, stop
from truewheel.forges import pipelines
from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.init import detect, proposal, tool_origin
from truewheel.init.build_backend import Package
from truewheel.init.detect import Survey
from truewheel.init.proposal import ARCHES, INDEXES, TARGETS, Choices
from truewheel.init.tool_origin import Origin
from truewheel.plan import plan_file
from truewheel.plan.model import Plan
from truewheel.spec import model
from truewheel.spec.model import FORGES
from truewheel.system import files, processes
from truewheel.workspace import generated_files, loading
from truewheel.workspace.generated_files import Drift
from truewheel.workspace.loading import SPEC, Workspace

EXAMPLES = """\
examples:
  init            look at this repository, ask a little, write truewheel.yml and the pipeline
  init --yes      the same, asking nothing
  init --dry-run  what would be written
"""
VERSION = 1


class Start(NamedTuple):
    """What will be written below `root`.

    The spec, its pipeline files, and how these differ from what is there; the wheel of `origin` is
    copied.
    """

    root: Path
    text: str
    made: Plan
    texts: Mapping[str, str]
    found: Sequence[Drift]
    foreign: tuple[str, ...]
    origin: Origin


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of init."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)
    parser.add_argument("--yes", action="store_true", help="ask nothing, take what is proposed")
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, print the spec and name the files"
    )
    common.add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Propose a spec for the current folder and write it with its pipeline.

    Exit 2 when there is one already.
    """
    try:
        return _run(arguments, environment, Path.cwd())
    except Stop as stopped:
        if arguments.json:  # a program gets a document in any case
            problems = [plan_file.problem_data(problem) for problem in stopped.problems]
            common.print_json({"version": VERSION, "files": [], "problems": problems})
        raise


def _run(arguments: Namespace, environment: Mapping[str, str], root: Path) -> Exit:
    if os.path.lexists(root / SPEC):
        hint = f"change it, then: {front_door()} generate; or remove it, and init proposes another"
        raise stop(SPEC, "there is a spec already, and init overwrites nothing", hint)
    found = detect.look(root, environment)
    chosen = proposal.defaults(found, _today(environment))
    origin = _origin(root)
    found = found._replace(problems=(*found.problems, *_without_tool(origin)))
    for problem in found.problems:
        say(str(problem))
    if not arguments.json:
        show(_seen(found))
    if not (arguments.yes or arguments.json) and sys.stdin.isatty() and sys.stderr.isatty():
        chosen = _asked(found, chosen)
        origin = _asked_to_copy(origin)
    start = _start(root, found, chosen, origin, environment)
    if not arguments.dry_run:
        _write(root, start)
    if arguments.json:
        common.print_json(_data(found, chosen, start))
    else:
        _tell(arguments, found, chosen, start)
    return Exit.OK


def _asked(found: Survey, chosen: Choices) -> Choices:
    """Return the choices of a person at the terminal, each with the proposed one as its default."""
    say("\nEnter takes what stands in brackets; Ctrl-C ends this, and nothing is written.")
    if len(found.packages) > 1:
        chosen = chosen._replace(packages=_some("Packages", chosen.packages, chosen.packages))
    chosen = chosen._replace(forges=_some("Forges", FORGES, chosen.forges))
    if any(
        package.abi.kind != "none" for package in found.packages if package.name in chosen.packages
    ):
        pythons = sorted({*proposal.SUPPORTED, *chosen.pythons}, key=proposal.minor)
        chosen = chosen._replace(
            target=_one("Oldest platform", TARGETS, chosen.target),
            arches=_some("Architectures", ARCHES, chosen.arches),
            pythons=_some("Pythons", pythons, chosen.pythons),
        )
    if not proposal.is_by_git(found):
        chosen = chosen._replace(
            naming=_one("Naming policy", [*loading.builtin_policies()], chosen.naming)
        )
    index = _one("Index that the wheels go to", ["none", *INDEXES], chosen.profile or "none")
    return chosen._replace(profile="" if index == "none" else index)


def _origin(root: Path) -> Origin:
    """Return where this Truewheel came from, unless a file is in the way of its copy."""
    origin = tool_origin.running(loading.read_lock(loading.on_disk(root)).truewheel)
    place = root / origin.tool.file if origin.wheel else None
    if place and place.exists() and files.sha256(place) != origin.tool.sha256:
        hint = "move it away, or name it in tool, if it is the right one"
        return Origin(reason=f"{origin.tool.file} is another file than {origin.wheel}", hint=hint)
    return origin


def _without_tool(origin: Origin) -> tuple[Problem, ...]:
    """Return a warning where it is not known which Truewheel jobs can install."""
    if origin.tool.form:
        return ()
    message = f"tool is left to you: {origin.reason}"
    return (Problem(Where(SPEC), message, origin.hint, "warning"),)


def _asked_to_copy(origin: Origin) -> Origin:
    if origin.wheel is None:
        return origin
    question = f"Copy {origin.wheel} to {origin.tool.file}, from which jobs install it"
    if _one(question, ["yes", "no"], "yes") == "yes":
        return origin
    return Origin(reason="its wheel is not copied", hint="fill in tool: jobs need Truewheel")


def _one(question: str, known: Sequence[str], default: str) -> str:
    """Ask until the answer is one of the known ones."""
    return _some(question, known, (default,), most=1)[0]


def _some(
    question: str, known: Sequence[str], default: tuple[str, ...], most: int = 0
) -> tuple[str, ...]:
    """Ask until the answer names only known ones, and return them in the known order."""
    while True:
        put(f"{question} ({', '.join(known)}) [{', '.join(default)}]: ", sys.stderr, end="")
        words = _answer().replace(",", " ").split() or default
        unknown = [word for word in words if word not in known]
        if not unknown and not (most and len(words) > most):
            return tuple(word for word in known if word in words)
        say(f"  {', '.join(unknown)}: not one of these" if unknown else "  only one of these")


def _answer() -> str:
    line = sys.stdin.buffer.readline()
    if not line:  # Ctrl-D
        say("")
        raise KeyboardInterrupt
    return line.decode("utf-8", "replace")


def _today(environment: Mapping[str, str]) -> date:
    """Return the day on which a Python has security fixes or not.

    That of SOURCE_DATE_EPOCH, if it is set.
    """
    epoch = environment.get("SOURCE_DATE_EPOCH", "")
    is_set = epoch.isdecimal() and len(epoch) <= 10
    moment = (
        datetime.fromtimestamp(int(epoch), timezone.utc) if is_set else datetime.now(timezone.utc)
    )
    return moment.date()


def _start(
    root: Path, found: Survey, chosen: Choices, origin: Origin, environment: Mapping[str, str]
) -> Start:
    """Return what to write.

    Raises `Stop` (exit 2) when the spec would be refused, or a path cannot be read.
    """
    policy = loading.read_policy(chosen.naming, root, Where(SPEC))
    text = proposal.text(found, chosen, policy, origin.tool)
    space = Workspace(root, model.parse(text, SPEC, loading.schema()), loading.on_disk(root))
    made = common.make_plan(Namespace(variables=[], release_version=None), space, environment)
    if errors(made.problems):
        say(f"nothing is written: the plan of the proposed {SPEC} would be refused")
        raise Stop(made.problems)
    written = generated(space)
    pipelines.refuse(written, space.spec)
    texts = written.texts
    drift = generated_files.drift(root, texts, pipelines.FOLDERS)
    return Start(root, text, made, texts, drift, _foreign(root, drift), origin)


def _foreign(root: Path, found: Sequence[Drift]) -> tuple[str, ...]:
    try:
        generated_files.refuse_foreign(root, found)
    except Stop as stopped:
        return tuple(problem.where.file for problem in stopped.problems)
    return ()


def _write(root: Path, start: Start) -> None:
    """Write the spec and, where no file of somebody else is in the way, its pipeline.

    All of it or nothing.
    """
    found = [] if start.foreign else start.found
    new = [root / SPEC, *(root / entry.path for entry in found if entry.state == "missing")]
    copy = _copied(start)
    new += [copy] if copy else []
    try:
        if copy and start.origin.wheel:
            copy.parent.mkdir(parents=True, exist_ok=True)
            files.write_chunks(copy, [start.origin.wheel.read_bytes()])
        generated_files.write(root, start.texts, found)
        files.write_text(root / SPEC, start.text)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in new} - {root}:
            with suppress(OSError):  # not empty, or never made
                folder.rmdir()
        raise


def _copied(start: Start) -> Path | None:
    """Return where the wheel of Truewheel will be copied to; None where it need not be."""
    copy = start.root / start.origin.tool.file
    return copy if start.origin.wheel and not copy.exists() else None


def _seen(found: Survey) -> str:
    """Return what was found, a line each."""
    rows = [(package.name, _described(package)) for package in found.packages]
    rows += [("remote", found.remote)] if found.remote else []
    rows += [("CI", _few(found.pipelines))] if found.pipelines else []
    rows += [("containers", _few(tuple(found.containers)))] if found.containers else []
    width = max(len(name) for name, _ in rows)
    return "\n".join(["found", *(f"  {name:{width}}  {told}" for name, told in rows)])


def _few(names: Sequence[str], most: int = 4) -> str:
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _described(package: Package) -> str:
    version = f"{package.version.value or 'version'} from {package.version.origin}"
    return (
        f"{version} · {package.backend} · {proposal.ABIS[package.abi.kind]} ({package.abi.origin})"
    )


def _tell(arguments: Namespace, found: Survey, chosen: Choices, start: Start) -> None:
    if arguments.dry_run:
        show(f"\n{start.text}")
    verb = "would write" if arguments.dry_run else "wrote"
    for path in _written(start):
        show(f"{verb} {path}")
    cells = start.made.cells
    show(
        f"{counted(len(cells), 'wheel')} {'is' if len(cells) == 1 else 'are'} planned, the first: {cells[0].wheel}"
    )
    for note in proposal.notes(found, chosen):
        show(f"note: {note}")
    if _is_ignored(start):
        file = start.origin.tool.file
        show(f"note: git ignores {file}, which jobs need: git add --force {file}")
    show("\n".join(["", "next", *_next_steps(start)]))


def _is_ignored(start: Start) -> bool:
    """Return whether git would leave out the wheel that jobs install."""
    file = start.origin.tool.file
    if not file:
        return False
    command = ["git", "check-ignore", "--quiet", "--", file]
    return processes.output(command, cwd=start.root, env=os.environ, timeout=30.0) is not None


def _written(start: Start) -> list[str]:
    changed = (
        [] if start.foreign else [entry.path for entry in start.found if entry.state != "orphaned"]
    )
    tool = [start.origin.tool.file] if start.origin.tool.file else []
    return [SPEC, *tool, *changed]


def _next_steps(start: Start) -> list[str]:
    prog = front_door()
    if start.foreign:
        kept = ", ".join(start.foreign)
        last = f"move {kept} away (git mv): not generated, so left as it is. Then: {prog} generate"
    else:
        is_entry = proposal.ENTRY in start.texts
        names = {path.partition("/")[0] for path in _written(start)} | (
            {PARENT} if is_entry else set()
        )
        last = f"git add {' '.join(sorted(names))}; commit and push: the pipeline runs"
        last = last if os.path.lexists(start.root / ".git") else f"git init; {last}"
        last = (
            f"add to {PARENT}: include: [{{local: {proposal.ENTRY}}}]. Then: {last}"
            if is_entry
            else last
        )
    plan = f"{prog} plan: the name of every wheel, before anything is built;"
    local = f"{prog} run: this machine's wheels, built and proven in dist/"
    steps = [
        f"{plan} {SPEC} has a comment on each key",
        f"{local} (keep build/ and dist/ out of git)",
    ]
    if not start.origin.tool.form:
        steps.append(f"fill in tool in {SPEC}: jobs must install Truewheel; then: {prog} generate")
    return [f"  {number}. {step}" for number, step in enumerate([*steps, last], 1)]


def _data(found: Survey, chosen: Choices, start: Start) -> dict[str, object]:
    tool = [start.origin.tool.file] if start.origin.tool.file else []
    written = [SPEC, *tool, *(entry.path for entry in start.found)]
    kept = {*start.foreign} and {entry.path for entry in start.found}
    return {
        "version": VERSION,
        "findings": {
            "packages": [
                {
                    **package._asdict(),
                    "version": package.version._asdict(),
                    "abi": package.abi._asdict(),
                }
                for package in found.packages
            ],
            "remote": found.remote,
            "pipelines": list(found.pipelines),
            "containers": dict(found.containers),
            "cibuildwheel": dict(found.cibuildwheel),
        },
        "choices": chosen._asdict(),
        "notes": proposal.notes(found, chosen),
        "files": [{"path": path, "written": path not in kept} for path in written],
        "wheels": [cell.wheel for cell in start.made.cells],
        "problems": [plan_file.problem_data(problem) for problem in found.problems],
    }
