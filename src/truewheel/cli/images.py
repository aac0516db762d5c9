"""truewheel container and lock."""

from __future__ import annotations

import argparse
import platform
import shlex
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel import __version__
from truewheel.build import containers as engines
from truewheel.build.containers import ENGINES, Build
from truewheel.build.job_image import is_protected
from truewheel.cli import arguments as common
from truewheel.cli.commands import front_door
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop, meant, stop
from truewheel.forges.github.actions import PINS
from truewheel.forges.github.api import action_updates
from truewheel.net import container_registry
from truewheel.plan import images, jobs
from truewheel.plan.containerfile import BUILD
from truewheel.plan.model import digest_variable
from truewheel.system import files, processes
from truewheel.workspace import lock_file
from truewheel.workspace.loading import GENERATOR, Workspace
from truewheel.workspace.lock_file import LOCK_FILE, Lock

EXAMPLES = {
    "container": """\
examples:
  container --target rhel8                    build the image of this machine's architecture
  container --target rhel8 --if-missing --push
  container --target rhel8 --show             its Containerfile
  container --target rhel8 --fragment         the lines for a Containerfile of your own; --stage has others
  container --target rhel8 --secret pip=pip.conf --dry-run -- --network host
  container --target rhel8 --stage runtime    with wheels in it: those that prove has passed in dist
""",
    "lock": """\
examples:
  lock            write truewheel.lock: the digest of every image, and for GitHub the newest commits of its actions
  lock --dry-run  what would change
""",
}


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of container and lock."""
    parser.epilog = EXAMPLES[command]
    if command == "lock":
        common.add_spec(parser)
        parser.set_defaults(run=lock)
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing, say what would change"
        )
        return
    parser.set_defaults(run=container)
    common.add_plan(parser)
    parser.add_argument("--target", required=True, metavar="T", help="a target of the spec")
    parser.add_argument(
        "--arch", default=platform.machine(), metavar="A", help="default: this machine's"
    )
    parser.add_argument(
        "--stage", default=BUILD, metavar="S", help="build (default), or one of the target's stages"
    )
    parser.add_argument(
        "--engine", choices=tuple(ENGINES), help="default: the first of them that is installed"
    )
    parser.add_argument(
        "--if-missing", action="store_true",
        help="do nothing when the registry has the image; in a job of a protected ref it is built all the same",
    )  # fmt: skip
    parser.add_argument("--push", action="store_true", help="push the image to the registry")
    parser.add_argument(
        "--digest-file",
        metavar="FILE",
        help="write the digest of the pushed image there: NAME=DIGEST",
    )
    parser.add_argument(
        "--secret", dest="secrets", metavar="ID=FILE", action="append", type=_secret, default=[],
        help="a file for the build that no layer keeps; pip's configuration is pip=FILE; may repeat",
    )  # fmt: skip
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run", action="store_true", help="print the engine's commands, run none"
    )
    instead.add_argument("--show", action="store_true", help="print the Containerfile")
    instead.add_argument(
        "--fragment", action="store_true", help="print the lines for a Containerfile of your own"
    )
    parser.add_argument(
        "options",
        nargs="*",
        metavar="OPTION",
        help="after --: further options of the engine's build",
    )


def _secret(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name.isidentifier() or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=FILE, with a file that is there")
    return name, Path(path).absolute()


def container(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build a target's image, and push it if asked to.

    Exit 4 when the build fails, 6 when the registry does.
    """
    if arguments.digest_file and not arguments.push:
        raise stop("--digest-file", "an image has a digest when it is pushed", "add --push")
    space = common.load(arguments)
    _check_target(space, arguments.target, arguments.arch)
    sources = space.image_sources()
    if arguments.fragment:
        show(images.fragment(space.spec, arguments.target, sources, arguments.stage).rstrip("\n"))
        return Exit.OK
    wheels = {} if arguments.show else _proven(arguments, space, environment)
    sources = sources._replace(wheels=wheels)
    made = images.recipe(space.spec, arguments.target, sources, arguments.stage)
    text = images.header(space.spec, arguments.target) + made.text
    if arguments.show:
        show(text.rstrip("\n"))
        return Exit.OK
    reference = _reference(arguments, space, environment, made)
    fresh = is_protected(environment)
    if not arguments.dry_run and _is_there(arguments, reference, environment, fresh=fresh):
        return Exit.OK
    folder = (
        space.root
        / "build"
        / "container"
        / f"{arguments.target}-{arguments.arch}-{arguments.stage}"
    )
    image = Build(
        reference, folder, images.machine(space.spec, arguments.target, arguments.arch, arguments.stage),
        arguments=made.arguments, secrets=dict(arguments.secrets),
        options=arguments.options, fresh=fresh,
    )  # fmt: skip
    engine = engines.choose(arguments.engine, environment)
    if arguments.dry_run:
        _tell_commands(engine, image, push=arguments.push)
        return Exit.OK
    engines.write_context(folder, text, made.files)
    engines.add_wheels(folder, Path(arguments.out), [name for name, _ in wheels.values()])
    engines.build(engine, image, environment)
    if arguments.push:
        _tell_digest(arguments, engines.push(engine, reference, environment), engine)
    show(reference)
    return Exit.OK


def _is_there(
    arguments: Namespace, reference: str, environment: Mapping[str, str], *, fresh: bool
) -> bool:
    """Return whether the image need not be built, and tell its digest.

    Whoever pushed it is not known.
    """
    if not arguments.if_missing:
        return False
    if fresh:
        say(
            f"{reference}: built anew, without a cache: on a protected ref no image is believed by its tag"
        )
        return False
    digest = container_registry.digest(reference, environment)
    if digest:
        say(f"{reference}: the registry has it")
        _tell_digest(arguments, digest, "the registry")
    return digest is not None


def _tell_digest(arguments: Namespace, digest: str, source: str) -> None:
    """Write the digest into the file that is asked for.

    Raises `Stop` (exit 6) when nobody has told one.
    """
    if not arguments.digest_file:
        return
    if not digest:
        hint = "use another engine, or a newer one"
        raise stop(
            source,
            f"{source} does not tell the digest of what it pushed",
            hint,
            Exit.REMOTE_UNREACHABLE,
        )
    line = f"{digest_variable(arguments.target, arguments.arch)}={digest}\n"
    files.write_text(Path(arguments.digest_file), line)


def _proven(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return the proven wheels that a stage installs, by package.

    None for a stage that installs none.
    """
    target, arch, stage = arguments.target, arguments.arch, arguments.stage
    if space.spec.targets[target].container.file or not images.wheels(space.spec, target, stage):
        return {}
    from truewheel.build import proof

    out = Path(arguments.out)
    plan, path = common.read_plan(arguments.plan, out, environment)
    wanted = jobs.image_job(target, arch, stage)
    job = next((job for job in plan.jobs if job.name == wanted), None)
    if job is None:
        hint = "plan again: merge requests, and target host, have no images of proven wheels"
        raise stop(str(path), f"no job {wanted} in this plan", hint)
    return proof.wheels(out, [cell for cell in plan.cells if cell.id in job.cells])


def _tell_commands(engine: str, image: Build, *, push: bool) -> None:
    known = ENGINES[engine]
    show(shlex.join(known.build(image)))
    if push:
        show(shlex.join(known.push(image.reference, "")))


def _check_target(space: Workspace, name: str, arch: str) -> None:
    if name not in space.spec.targets:
        raise stop(
            f"--target {name}",
            "there is no such target",
            meant(name, space.spec.targets, cutoff=0.3),
        )
    if arch not in (known := images.arches(space.spec, name)):
        raise stop(
            f"--arch {arch}",
            f"{name} is not built for it",
            f"its architectures: {', '.join(known)}",
        )
    if not images.has_builder(space.spec, name):
        route = ("targets", name)
        hint = "it needs images.registry, and a base with its family, or container.file"
        raise Stop(
            [space.spec.document.problem(route, f"{name} has no builder image", hint, key=True)]
        )


def _reference(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str], made: images.Recipe
) -> str:
    """Return the image's name; one that only this machine will know needs no variable of a forge."""
    name = images.reference(space.spec, arguments.target, arguments.arch, made, arguments.stage)
    is_shared = arguments.push or arguments.if_missing
    return (
        container_registry.expanded(name, environment)
        if is_shared
        else container_registry.local_name(name, environment)
    )


def lock(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Write digests of images and commits of actions into truewheel.lock.

    Exit 6 when a server cannot be asked.
    """
    space = common.load(arguments)
    names = dict.fromkeys(image for _, image in images.locked(space.spec) if "@" not in image)
    digests = {name: _digest(space, name, environment) for name in names}
    spec = space.spec
    is_needed = spec.images.registry and not spec.scripts and not spec.tool.form
    pins = (
        action_updates.newest({**PINS, **space.lock.actions}, environment)
        if "github" in space.spec.forges()
        else {}
    )
    found = Lock(digests, _own_pin(environment) if is_needed else "", pins)
    for name, value in digests.items():
        before = space.lock.digests.get(name)
        state = "unchanged" if before == value else "new" if before is None else f"was {before}"
        show(f"{name} {value} ({state})")
    for action, pin in pins.items():
        old = space.lock.actions.get(action, PINS[action])
        show(f"{action} {pin.tag} {pin.commit} ({'unchanged' if pin == old else f'was {old.tag}'})")
    if found == space.lock:
        show(f"{LOCK_FILE}: unchanged")
    elif arguments.dry_run:
        show(f"would write {LOCK_FILE}")
    else:
        files.write_text(space.root / LOCK_FILE, lock_file.write(found, GENERATOR))
        show(
            f"wrote {LOCK_FILE}; the pipelines name other images or actions now: {front_door()} generate"
        )
    return Exit.OK


def _digest(space: Workspace, image: str, environment: Mapping[str, str]) -> str:
    found = container_registry.digest(container_registry.expanded(image, environment), environment)
    if found is None:
        route = next(route for route, name in images.locked(space.spec) if name == image)
        raise Stop(
            [
                space.spec.document.problem(
                    route, f"the registry has no {image}", "correct the name or the tag"
                )
            ]
        )
    return found


def _own_pin(environment: Mapping[str, str]) -> str:
    """Return this Truewheel as a requirement with the hash of its wheel, or "" with a warning if no index has it."""
    wanted = f"truewheel=={__version__}"
    with tempfile.TemporaryDirectory(prefix="truewheel-") as folder:
        argv = [
            *processes.module("pip", "lock"),
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ]
        argv += ["--no-deps", "--only-binary=:all:", "--dest", folder, wanted]
        failed = processes.run(argv, cwd=Path(folder), env=environment)
        wheels = sorted(Path(folder).glob("*.whl"))
        if failed or not wheels:
            say(f"warning: no index here has {wanted}: builder images go without it")
            return ""
        return " ".join([wanted, *(f"--hash=sha256:{files.sha256(wheel)}" for wheel in wheels)])
