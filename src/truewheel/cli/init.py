"""truewheel init: propose a spec for this repository, and write it with its pipeline."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NamedTuple

from truewheel.cli.arguments import add_json
from truewheel.cli.commands import program_name
from truewheel.cli.pipeline_files import generate_files
from truewheel.cli.plans import make_plan
from truewheel.cli.terminal import print_json, put, say, show
from truewheel.errors import Exit, Problem, Stop, Where, pluralize, select_errors, stop
from truewheel.forges import FORGES, pipelines
from truewheel.init import detect, tool_origin
from truewheel.init import proposal as spec_proposal
from truewheel.init.build_backend import Package
from truewheel.init.detect import Repository
from truewheel.init.proposal import ARCHES, INDEXES, TARGETS, Choices
from truewheel.init.tool_origin import Origin
from truewheel.plan import plan_file
from truewheel.plan.model import Plan
from truewheel.spec import model
from truewheel.system import files
from truewheel.workspace import generated_files, git, loading
from truewheel.workspace.generated_files import Drift
from truewheel.workspace.loading import SPEC, Workspace

EXAMPLES = """\
examples:
  init            look at this repository, ask a few questions, write truewheel.yml and the pipeline
  init --yes      the same without questions
  init --dry-run  what would be written
"""
VERSION = 1


class Proposal(NamedTuple):
    """What will be written below `root`: the text of the spec, and its pipeline files.

    `drift` is how the pipeline files differ from those on disk; `foreign` are paths of files that
    Truewheel has not generated, and does not replace. The wheel of `origin` is copied.
    """

    root: Path
    text: str
    plan: Plan
    texts: Mapping[str, str]
    drift: Sequence[Drift]
    foreign: tuple[str, ...]
    origin: Origin


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of init."""
    parser.add_argument("--yes", action="store_true", help="ask nothing, write what is proposed")
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, print the spec and name the files"
    )
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Propose a spec for the current folder and write it with its pipeline.

    Exit 2 when there is one already.
    """
    try:
        return _run(arguments, environment, Path.cwd())
    except Stop as stopped:
        if arguments.json:  # programs get a document in any case
            problems = [plan_file.problem_data(problem) for problem in stopped.problems]
            print_json({"version": VERSION, "files": [], "problems": problems})
        raise


def _run(arguments: Namespace, environment: Mapping[str, str], root: Path) -> Exit:
    if os.path.lexists(root / SPEC):
        hint = f"change it and run {program_name()} generate; or remove it and run init again"
        raise stop(SPEC, "there is a spec already, and init overwrites nothing", hint)
    survey = detect.read_repository(root, environment)
    choices = spec_proposal.choose_defaults(survey, _today(environment))
    origin = _origin(root)
    survey = survey._replace(problems=(*survey.problems, *_missing_tool(origin)))
    for problem in survey.problems:
        say(str(problem))
    if not arguments.json:
        show(_survey_table(survey))
    if not (arguments.yes or arguments.json) and sys.stdin.isatty() and sys.stderr.isatty():
        choices = _ask(survey, choices)
        origin = _ask_to_copy(origin)
    proposal = _propose(root, survey, choices, origin, environment)
    if not arguments.dry_run:
        _write(root, proposal)
    if arguments.json:
        print_json(_data(survey, choices, proposal))
    else:
        _show(arguments, survey, choices, proposal)
    return Exit.OK


def _ask(survey: Repository, choices: Choices) -> Choices:
    """Return the choices of the person at the terminal; the proposed ones are the defaults."""
    say("\nEnter takes what stands in brackets. Ctrl-C ends init, and nothing is written.")
    if len(survey.packages) > 1:
        packages = _ask_some("Packages", choices.packages, choices.packages)
        choices = choices._replace(packages=packages)
    choices = choices._replace(forges=_ask_some("Forges", tuple(FORGES), choices.forges))
    if any(
        package.abi.kind != "none"
        for package in survey.packages
        if package.name in choices.packages
    ):
        pythons = sorted({*spec_proposal.SUPPORTED, *choices.pythons}, key=spec_proposal.minor)
        choices = choices._replace(
            target=_ask_one("Oldest platform", TARGETS, choices.target),
            arches=_ask_some("Architectures", ARCHES, choices.arches),
            pythons=_ask_some("Pythons", pythons, choices.pythons),
        )
    if not spec_proposal.is_versioned_by_git(survey):
        policies = [*loading.builtin_policies()]
        choices = choices._replace(naming=_ask_one("Naming policy", policies, choices.naming))
    question = "Index that the wheels go to"
    index = _ask_one(question, ["none", *INDEXES], choices.profile or "none")
    return choices._replace(profile="" if index == "none" else index)


def _origin(root: Path) -> Origin:
    """Return where this Truewheel came from, unless a file is in the way of its copy."""
    origin = tool_origin.running(loading.read_lock(loading.disk_reader(root)).truewheel)
    place = root / origin.tool.file if origin.wheel else None
    if place and place.exists() and files.sha256(place) != origin.tool.sha256:
        hint = "move it away, or name it in tool, if it is the right one"
        return Origin(reason=f"{origin.tool.file} is another file than {origin.wheel}", hint=hint)
    return origin


def _missing_tool(origin: Origin) -> tuple[Problem, ...]:
    """Return a warning where it is not known which Truewheel jobs can install."""
    if origin.tool.form:
        return ()
    message = f"tool is left to you: {origin.reason}"
    return (Problem(Where(SPEC), message, origin.hint, "warning"),)


def _ask_to_copy(origin: Origin) -> Origin:
    if origin.wheel is None:
        return origin
    question = f"Copy {origin.wheel} to {origin.tool.file}, from which jobs install it"
    if _ask_one(question, ["yes", "no"], "yes") == "yes":
        return origin
    return Origin(reason="its wheel is not copied", hint="fill in tool: jobs need Truewheel")


def _ask_one(question: str, known: Sequence[str], default: str) -> str:
    """Ask until the answer is one of the known ones."""
    return _ask_some(question, known, (default,), most=1)[0]


def _ask_some(
    question: str, known: Sequence[str], default: tuple[str, ...], most: int = 0
) -> tuple[str, ...]:
    """Ask until the answer names only known ones, and return them in the known order."""
    while True:
        put(f"{question} ({', '.join(known)}) [{', '.join(default)}]: ", sys.stderr, end="")
        words = _read_answer().replace(",", " ").split() or default
        unknown = [word for word in words if word not in known]
        if not unknown and not (most and len(words) > most):
            return tuple(word for word in known if word in words)
        say(f"  {', '.join(unknown)}: not one of these" if unknown else "  choose only one")


def _read_answer() -> str:
    line = sys.stdin.buffer.readline()
    if not line:  # Ctrl-D
        say("")
        raise KeyboardInterrupt
    return line.decode("utf-8", "replace")


def _today(environment: Mapping[str, str]) -> date:
    """Return the day for which the supported Pythons are proposed; SOURCE_DATE_EPOCH sets it."""
    epoch = environment.get("SOURCE_DATE_EPOCH", "")
    is_set = epoch.isdecimal() and len(epoch) <= 10
    moment = (
        datetime.fromtimestamp(int(epoch), timezone.utc) if is_set else datetime.now(timezone.utc)
    )
    return moment.date()


def _propose(
    root: Path,
    survey: Repository,
    choices: Choices,
    origin: Origin,
    environment: Mapping[str, str],
) -> Proposal:
    """Return what to write.

    Raises `Stop` (exit 2) when the spec would be refused, or a path cannot be read.
    """
    policy = loading.read_policy(choices.naming, root, Where(SPEC))
    text = spec_proposal.render_spec(survey, choices, policy, origin.tool)
    space = Workspace(
        root, model.parse(text, SPEC, loading.expanded_schema), loading.disk_reader(root)
    )
    arguments = Namespace(variables=[], release_version=None)
    plan = make_plan(arguments, space, environment, is_proposal=True)
    if select_errors(plan.problems):
        say(f"nothing is written: the plan of the proposed {SPEC} would be refused")
        raise Stop(plan.problems)
    generated = generate_files(space)
    pipelines.refuse(generated, space.spec)
    drift = generated_files.find_drift(root, generated.texts, pipelines.folders())
    foreign = _foreign(root, drift)
    return Proposal(root, text, plan, generated.texts, drift, foreign, origin)


def _foreign(root: Path, drift: Sequence[Drift]) -> tuple[str, ...]:
    try:
        generated_files.refuse_foreign(root, drift)
    except Stop as stopped:
        return tuple(problem.where.file for problem in stopped.problems)
    return ()


def _write(root: Path, proposal: Proposal) -> None:
    """Write the spec, and its pipeline unless a foreign file is in its place: all or nothing."""
    drift = [] if proposal.foreign else proposal.drift
    new = [root / SPEC, *(root / entry.path for entry in drift if entry.state == "missing")]
    copy = _copy_path(proposal)
    new += [copy] if copy else []
    try:
        if copy and proposal.origin.wheel:
            copy.parent.mkdir(parents=True, exist_ok=True)
            files.write_chunks(copy, [proposal.origin.wheel.read_bytes()])
        generated_files.write(root, proposal.texts, drift)
        # The spec comes last: without it a killed init can be run again.
        files.write_text(root / SPEC, proposal.text)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in new} - {root}:
            with suppress(OSError):  # not empty, or not there
                folder.rmdir()
        raise


def _copy_path(proposal: Proposal) -> Path | None:
    """Return where the wheel of Truewheel will be copied to; None where it need not be."""
    copy = proposal.root / proposal.origin.tool.file
    return copy if proposal.origin.wheel and not copy.exists() else None


def _survey_table(survey: Repository) -> str:
    """Return what is in the repository, a line for each thing."""
    rows = [(package.name, _describe(package)) for package in survey.packages]
    rows += [("remote", survey.remote)] if survey.remote else []
    rows += [("CI", _few(survey.pipelines))] if survey.pipelines else []
    rows += [("containers", _few(tuple(survey.containers)))] if survey.containers else []
    width = max(len(name) for name, _ in rows)
    return "\n".join(["found", *(f"  {name:{width}}  {text}" for name, text in rows)])


def _few(names: Sequence[str], most: int = 4) -> str:
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _describe(package: Package) -> str:
    version = f"{package.version.value or 'version'} from {package.version.origin}"
    abi = f"{spec_proposal.ABIS[package.abi.kind]} ({package.abi.origin})"
    return f"{version} · {package.backend} · {abi}"


def _show(arguments: Namespace, survey: Repository, choices: Choices, proposal: Proposal) -> None:
    if arguments.dry_run:
        show(f"\n{proposal.text}")
    verb = "would write" if arguments.dry_run else "wrote"
    for path in _written(proposal):
        show(f"{verb} {path}")
    cells = proposal.plan.cells
    wheels = f"{pluralize(len(cells), 'wheel')} {'is' if len(cells) == 1 else 'are'} planned"
    show(f"{wheels}, the first: {cells[0].wheel}")
    for note in spec_proposal.make_notes(survey, choices):
        show(f"note: {note}")
    if _is_ignored(proposal):
        file = proposal.origin.tool.file
        show(f"note: git ignores {file}, which jobs need: git add --force {file}")
    show("\n".join(["", "next", *_next_steps(proposal)]))


def _is_ignored(proposal: Proposal) -> bool:
    """Return whether git would leave out the wheel that jobs install."""
    file = proposal.origin.tool.file
    if not file:
        return False
    return git.is_ignored(proposal.root, os.environ, file)


def _tool_paths(proposal: Proposal) -> list[str]:
    return [proposal.origin.tool.file] if proposal.origin.tool.file else []


def _written(proposal: Proposal) -> list[str]:
    paths = [SPEC, *_tool_paths(proposal)]
    if proposal.foreign:
        return paths
    return [*paths, *(entry.path for entry in proposal.drift if entry.state != "orphaned")]


def _next_steps(proposal: Proposal) -> list[str]:
    prog = program_name()
    steps = [
        (
            f"{prog} plan: the name of every wheel, before anything is built; "
            f"{SPEC} has a comment on each key"
        ),
        (
            f"{prog} run: this machine's wheels, built and proven in dist/ "
            "(keep build/ and dist/ out of git)"
        ),
    ]
    if not proposal.origin.tool.form:
        steps.append(f"fill in tool in {SPEC}: jobs must install Truewheel; then: {prog} generate")
    steps.append(_last_step(proposal, prog))
    return [f"  {number}. {step}" for number, step in enumerate(steps, 1)]


def _last_step(proposal: Proposal, prog: str) -> str:
    if proposal.foreign:
        kept = ", ".join(proposal.foreign)
        return f"move {kept} away (git mv): not generated, so left as it is. Then: {prog} generate"
    answers = (kind.change_by_hand(proposal.texts.keys()) for kind in FORGES.values())
    changes = list(filter(None, answers))
    names = {path.partition("/")[0] for path in [*_written(proposal), *(at for at, _ in changes)]}
    step = f"git add {' '.join(sorted(names))}; commit and push: the pipeline runs"
    if not os.path.lexists(proposal.root / ".git"):
        step = f"git init; {step}"
    for path, line in reversed(changes):
        step = f"add to {path}: {line}. Then: {step}"
    return step


def _data(survey: Repository, choices: Choices, proposal: Proposal) -> dict[str, object]:
    written = [SPEC, *_tool_paths(proposal), *(entry.path for entry in proposal.drift)]
    kept = {*proposal.foreign} and {entry.path for entry in proposal.drift}
    return {
        "version": VERSION,
        "findings": {
            "packages": [
                {
                    **package._asdict(),
                    "version": package.version._asdict(),
                    "abi": package.abi._asdict(),
                }
                for package in survey.packages
            ],
            "remote": survey.remote,
            "pipelines": list(survey.pipelines),
            "containers": dict(survey.containers),
            "cibuildwheel": dict(survey.cibuildwheel),
        },
        "choices": choices._asdict(),
        "notes": spec_proposal.make_notes(survey, choices),
        "files": [{"path": path, "written": path not in kept} for path in written],
        "wheels": [cell.wheel for cell in proposal.plan.cells],
        "problems": [plan_file.problem_data(problem) for problem in survey.problems],
    }
