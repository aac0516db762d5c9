"""truewheel lock: write the digests of images, and the commits of actions."""

from __future__ import annotations

import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel import __version__
from truewheel.cli.arguments import add_spec
from truewheel.cli.commands import program_name
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop
from truewheel.forges import FORGES
from truewheel.forges.kind import Pin
from truewheel.net import container_registry
from truewheel.plan import images
from truewheel.system import files, processes
from truewheel.workspace import lock_file, renewed_pins
from truewheel.workspace.loading import GENERATOR, Workspace
from truewheel.workspace.lock_file import LOCK_FILE, Lock

EXAMPLES = """\
examples:
  lock            write truewheel.lock: digests of the images, commits of GitHub's actions
  lock --dry-run  what would change
  lock --from-files
                  take over pins that a program such as Dependabot renewed in the generated files
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of lock."""
    add_spec(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, say what would change"
    )
    parser.add_argument(
        "--from-files",
        action="store_true",
        help="lock the pins that the generated files have; no server is asked",
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Write digests of images and commits of actions into truewheel.lock.

    Exit 6 when a server does not answer.
    """
    space = load_workspace(arguments)
    if arguments.from_files:
        return _lock_from_files(space, is_dry=arguments.dry_run)
    names = dict.fromkeys(
        image for _, image in images.locked_images(space.spec) if "@" not in image
    )
    digests = {name: _digest(space, name, environment) for name in names}
    used, pins = _pins(space, environment)
    spec = space.spec
    installs_truewheel = spec.images.registry and not spec.scripts and not spec.tool.form
    requirement = _own_requirement(environment) if installs_truewheel else ""
    new = Lock(digests, requirement, pins, space.lock.requirements)
    for name, digest in digests.items():
        show(f"{name} {digest} ({_change(space.lock.digests.get(name), digest)})")
    for action, pin in pins.items():
        old = used[action]
        show(f"{action} {pin.tag} {pin.commit} ({'unchanged' if pin == old else f'was {old.tag}'})")
    _write_lock(space, new, is_dry=arguments.dry_run)
    return Exit.OK


def _pins(
    space: Workspace, environment: Mapping[str, str]
) -> tuple[dict[str, Pin], dict[str, Pin]]:
    """Return the actions of the spec's forges as jobs use them now, and the newest ones."""
    used: dict[str, Pin] = {}
    newest: dict[str, Pin] = {}
    for kind in (FORGES[name] for name in space.spec.forges()):
        if kind.newest_pins:
            of_forge = {**kind.pins, **space.lock.actions}
            used |= of_forge
            newest |= kind.newest_pins(of_forge, environment)
    return used, newest


def _lock_from_files(space: Workspace, *, is_dry: bool) -> Exit:
    """Take over the pins that somebody renewed in the generated files."""
    from truewheel.cli.pipeline_files import generate_files  # lock needs it here alone

    lock, pins = renewed_pins.read(space.lock, generate_files(space).texts, space.read)
    for pin in pins:
        show(str(pin))
    _write_lock(space, lock, is_dry=is_dry)
    return Exit.OK


def _write_lock(space: Workspace, lock: Lock, *, is_dry: bool) -> None:
    if lock == space.lock:
        show(f"{LOCK_FILE}: unchanged")
    elif is_dry:
        show(f"would write {LOCK_FILE}")
    else:
        files.write_text(space.root / LOCK_FILE, lock_file.write(lock, GENERATOR))
        show(f"wrote {LOCK_FILE}; to use it in the pipelines: {program_name()} generate")


def _change(old: str | None, new: str) -> str:
    if old is None:
        return "new"
    return "unchanged" if old == new else f"was {old}"


def _digest(space: Workspace, image: str, environment: Mapping[str, str]) -> str:
    expanded = container_registry.expanded(image, environment)
    digest = container_registry.digest(expanded, environment)
    if digest is None:
        route = next(route for route, name in images.locked_images(space.spec) if name == image)
        message = f"the registry has no {image}"
        problem = space.spec.document.problem(route, message, "correct the name or the tag")
        raise Stop([problem])
    return digest


def _own_requirement(environment: Mapping[str, str]) -> str:
    """Return this Truewheel as a requirement with the hash of its wheel.

    "" with a warning when no package index has it.
    """
    wanted = f"truewheel=={__version__}"
    with tempfile.TemporaryDirectory(prefix="truewheel-") as folder:
        argv = [*processes.module("pip", "lock"), "download", "--quiet"]
        argv += ["--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        argv += ["--dest", folder, wanted]
        failed = processes.run(argv, cwd=Path(folder), env=environment)
        wheels = sorted(Path(folder).glob("*.whl"))
        if failed or not wheels:
            say(f"warning: no package index has {wanted}: builder images will not contain it")
            return ""
        return " ".join([wanted, *(f"--hash=sha256:{files.sha256(wheel)}" for wheel in wheels)])
