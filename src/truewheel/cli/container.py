"""truewheel container: build a target's image."""

from __future__ import annotations

import argparse
import platform
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.build import containers as engines
from truewheel.build.containers import ENGINES, Build
from truewheel.build.job_image import is_protected
from truewheel.cli.arguments import add_plan
from truewheel.cli.plans import load_workspace, read_plan
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop, stop, suggest
from truewheel.net import container_registry
from truewheel.plan import images, jobs
from truewheel.plan.containerfile import BUILD
from truewheel.plan.model import digest_variable
from truewheel.system import files
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  container --target rhel8                    build the image of this machine's architecture
  container --target rhel8 --if-missing --push
  container --target rhel8 --show             print its Containerfile
  container --target rhel8 --fragment         print lines for a Containerfile of your own
  container --target rhel8 --secret pip=pip.conf --dry-run -- --network host
  container --target rhel8 --stage runtime    an image with the wheels that prove has passed in dist
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of container."""
    add_plan(parser)
    _add_image(parser)
    parser.add_argument(
        "--if-missing",
        action="store_true",
        help="do nothing when the registry has the image; "
        "in a job of a protected ref the image is built in any case",
    )
    parser.add_argument("--push", action="store_true", help="push the image to the registry")
    parser.add_argument(
        "--digest-file",
        metavar="FILE",
        help="write the digest of the pushed image to this file: NAME=DIGEST",
    )
    parser.add_argument(
        "--secret",
        dest="secrets",
        metavar="ID=FILE",
        action="append",
        type=_secret,
        default=[],
        help="a file that the build reads and no layer keeps; "
        "pip's configuration is pip=FILE; may repeat",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run", action="store_true", help="print the engine's commands, run none"
    )
    instead.add_argument("--show", action="store_true", help="print the Containerfile")
    instead.add_argument(
        "--fragment", action="store_true", help="print lines for a Containerfile of your own"
    )
    parser.add_argument(
        "options",
        nargs="*",
        metavar="OPTION",
        help="after --: further options of the engine's build",
    )


def _add_image(parser: ArgumentParser) -> None:
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


def _secret(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name.isidentifier() or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=FILE, with a file that is there")
    return name, Path(path).absolute()


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build a target's image, and push it if asked to.

    Exit 4 when the build fails, 6 when the registry does.
    """
    if arguments.digest_file and not arguments.push:
        raise stop("--digest-file", "only a pushed image has a digest", "add --push")
    space = load_workspace(arguments)
    _check_target(space, arguments.target, arguments.arch)
    sources = space.image_sources()
    if arguments.fragment:
        show(images.fragment(space.spec, arguments.target, sources, arguments.stage).rstrip("\n"))
        return Exit.OK
    wheels = {} if arguments.show else _proven_wheels(arguments, space, environment)
    sources = sources._replace(wheels=wheels)
    recipe = images.recipe(space.spec, arguments.target, sources, arguments.stage)
    text = images.header(space.spec, arguments.target) + recipe.text
    if arguments.show:
        show(text.rstrip("\n"))
        return Exit.OK
    image = _image(arguments, space, environment, recipe)
    if arguments.dry_run:
        _show_commands(engines.choose(arguments.engine, environment), image, push=arguments.push)
        return Exit.OK
    if _is_there(arguments, image, environment):
        return Exit.OK
    engine = engines.choose(arguments.engine, environment)
    files.subfolder(space.root, "build", "container")
    engines.write_context(image.context, text, recipe.files)
    engines.add_wheels(image.context, Path(arguments.out), [name for name, _ in wheels.values()])
    engines.build(engine, image, environment)
    if arguments.push:
        digest = engines.push(engine, image.reference, environment)
        _write_digest(arguments, digest, engine)
    show(image.reference)
    return Exit.OK


def _image(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str], recipe: images.Recipe
) -> Build:
    target, arch, stage = arguments.target, arguments.arch, arguments.stage
    return Build(
        _reference(arguments, space, environment, recipe),
        space.root / "build" / "container" / f"{target}-{arch}-{stage}",
        images.image_arch(space.spec, target, arch, stage),
        arguments=recipe.arguments,
        secrets=dict(arguments.secrets),
        options=arguments.options,
        fresh=is_protected(environment),
    )


def _is_there(arguments: Namespace, image: Build, environment: Mapping[str, str]) -> bool:
    """Return whether the registry has the image already, and write its digest.

    On a protected ref that does not count: nobody knows who has pushed it.
    """
    if not arguments.if_missing:
        return False
    if image.fresh:
        say(
            f"{image.reference}: built again without a cache: on a protected ref "
            "an image in the registry is not trusted"
        )
        return False
    digest = container_registry.digest(image.reference, environment)
    if digest:
        say(f"{image.reference}: the registry has it")
        _write_digest(arguments, digest, "the registry")
    return digest is not None


def _write_digest(arguments: Namespace, digest: str, source: str) -> None:
    """Write the digest into the file of --digest-file.

    Raises `Stop` (exit 6) when the engine does not say what it is.
    """
    if not arguments.digest_file:
        return
    if not digest:
        message = f"{source} does not tell the digest of what it pushed"
        hint = "use another engine, or a newer version"
        raise stop(source, message, hint, Exit.REMOTE_UNREACHABLE)
    line = f"{digest_variable(arguments.target, arguments.arch)}={digest}\n"
    files.write_text(Path(arguments.digest_file), line)


def _proven_wheels(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return the proven wheels that the stage installs, by package."""
    target, arch, stage = arguments.target, arguments.arch, arguments.stage
    if space.spec.targets[target].container.file or not images.stage_wheels(
        space.spec, target, stage
    ):
        return {}
    from truewheel.build import proof

    out = Path(arguments.out)
    plan, path = read_plan(arguments.plan, out, environment)
    wanted = jobs.image_job(target, arch, stage)
    job = next((job for job in plan.jobs if job.name == wanted), None)
    if job is None:
        hint = "plan again: merge requests and the target host have no images with wheels"
        raise stop(str(path), f"no job {wanted} in this plan", hint)
    return proof.wheels(out, [cell for cell in plan.cells if cell.id in job.cells])


def _show_commands(engine: str, image: Build, *, push: bool) -> None:
    commands = ENGINES[engine]
    show(shlex.join(commands.build(image)))
    if push:
        show(shlex.join(commands.push(image.reference, "")))


def _check_target(space: Workspace, name: str, arch: str) -> None:
    """Raise `Stop` (exit 2) when the target has no such image."""
    if name not in space.spec.targets:
        hint = suggest(name, space.spec.targets, cutoff=0.3)
        raise stop(f"--target {name}", "there is no such target", hint)
    if arch not in (known := images.arches(space.spec, name)):
        hint = f"its architectures: {', '.join(known)}"
        raise stop(f"--arch {arch}", f"{name} is not built for it", hint)
    if not images.has_builder(space.spec, name):
        message = f"{name} has no builder image"
        hint = "it needs images.registry, and a base with its family, or container.file"
        raise Stop([space.spec.document.problem(("targets", name), message, hint, key=True)])


def _reference(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str], recipe: images.Recipe
) -> str:
    """Return the image's name.

    An image that stays on this machine gets a name without the variables of a forge.
    """
    name = images.reference(space.spec, arguments.target, arguments.arch, recipe, arguments.stage)
    if arguments.push or arguments.if_missing:
        return container_registry.expanded(name, environment)
    return container_registry.local_name(name, environment)
