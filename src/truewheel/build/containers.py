"""Container engines: building and pushing images, and running commands in them.

Every value is an argv item.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from truewheel.build import evidence
from truewheel.errors import Exit, stop
from truewheel.net import container_registry
from truewheel.plan.containerfile import WHEELS
from truewheel.plan.images import DIGEST
from truewheel.plan.model import Plan
from truewheel.system import architectures, files, processes

CONTAINERFILE = "Containerfile"
INSPECT_SECONDS = 60.0


class Build(NamedTuple):
    """An image to be built: its name, the folder of its context, and options of the engine.

    `secrets` are files by id, `options` the engine's own. A `fresh` build uses no layer and no base
    that others may have left on this machine.
    """

    reference: str
    context: Path
    arch: str
    arguments: Mapping[str, str] = {}
    secrets: Mapping[str, Path] = {}
    options: Sequence[str] = ()
    fresh: bool = False


class Run(NamedTuple):
    """A command to be run in an image.

    Its current folder is the first of `folders`, which it sees under the paths of this machine.

    `variables` go in by value: an engine asked to pass one on by its name removes what the image
    has, or empties it, when it is not set. `secrets` are set, in the engine's own environment, and
    go in by their names: every user of this machine can read the words of a command.
    """

    image: str
    command: Sequence[str]
    folders: Sequence[Path]
    variables: Mapping[str, str] = {}
    options: Sequence[str] = ()
    secrets: Mapping[str, str] = {}


class Engine(NamedTuple):
    """How one engine is called; each function returns argv lists.

    `push` takes the image and a file for its digest, "" for none; an engine that writes none is
    asked afterwards.
    """

    build: Callable[[Build], list[str]]
    push: Callable[[str, str], list[str]]
    inspect: Callable[[str], list[str]]
    run: Callable[[Run, str], list[list[str]]]


def _build(program: str, *flags: str, pull: str = "--pull=always") -> Callable[[Build], list[str]]:
    def argv(build: Build) -> list[str]:
        words = [program, "build", *(("--no-cache", pull) if build.fresh else flags)]
        words += ["--file", str(build.context / CONTAINERFILE), "--tag", build.reference]
        words += ["--platform", architectures.image_platform(build.arch)]
        for name, value in build.arguments.items():
            words += ["--build-arg", f"{name}={value}"]
        for name, path in build.secrets.items():
            words += ["--secret", f"id={name},src={path}"]
        return [*words, *build.options, str(build.context)]

    return argv


def _push(program: str) -> Callable[[str, str], list[str]]:
    def argv(reference: str, digest_file: str) -> list[str]:
        options = ["--digestfile", digest_file] if digest_file and program != "docker" else []
        return [program, "push", *options, reference]

    return argv


def _inspect(*words: str) -> Callable[[str], list[str]]:
    return lambda reference: [*words, reference]


def _run(program: str) -> Callable[[Run, str], list[list[str]]]:
    def argvs(run: Run, name: str) -> list[list[str]]:
        flags = ["--name", name, "--workdir", str(run.folders[0]), *_shared(run)]
        return [[program, "run", "--rm", *flags, *run.options, run.image, *run.command]]

    return argvs


def _run_buildah(run: Run, name: str) -> list[list[str]]:
    flags = ["--workingdir", str(run.folders[0]), *_shared(run)]
    return [
        ["buildah", "from", "--name", name, run.image],
        ["buildah", "run", *flags, *run.options, name, "--", *run.command],
        ["buildah", "rm", name],
    ]


def _shared(run: Run) -> list[str]:
    volumes = [
        word for folder in dict.fromkeys(run.folders) for word in ("--volume", f"{folder}:{folder}")
    ]
    values = [*(f"{name}={value}" for name, value in run.variables.items()), *run.secrets]
    return volumes + [word for value in values for word in ("--env", value)]


ENGINES = {
    "buildah": Engine(
        _build("buildah", "--layers"),
        _push("buildah"),
        _inspect("buildah", "inspect", "--type", "image", "--format", "{{.FromImageDigest}}"),
        _run_buildah,
    ),
    "podman": Engine(
        _build("podman"),
        _push("podman"),
        _inspect("podman", "image", "inspect", "--format", "{{.Digest}}"),
        _run("podman"),
    ),
    "docker": Engine(
        _build("docker", pull="--pull"),
        _push("docker"),
        _inspect(
            "docker", "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}"
        ),
        _run("docker"),
    ),
}


def choose(requested: str | None, env: Mapping[str, str]) -> str:
    """Return the engine that is asked for, else the first that is installed.

    Raises `Stop` (exit 2) if none is.
    """
    candidates = [requested] if requested else list(ENGINES)
    engine = next((name for name in candidates if processes.which(name, env)), None)
    if engine is None:
        raise stop(
            "--engine",
            f"no {' and no '.join(candidates)} here",
            "install one, or build where one is",
        )
    return engine


def passed_variables(plan: Plan, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that go from this machine into a container.

    Declared, not empty, never image-scoped.

    To pass one on empty, or by its name alone, would hide or remove what the image itself provides.
    Secrets are apart.
    """
    declared, secret_names = plan.policy["variables"], secrets(plan, env)
    values = {
        name: variable.value
        for name, variable in plan.variables.items()
        if variable.value and name not in secret_names
    }
    return {
        name: value
        for name, value in values.items()
        if declared.get(name, {}).get("scope") != "image"
    }


def secrets(plan: Plan, env: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that go from this machine into a container.

    The policy's, and what builds and tests get.
    """
    lists = [package.secrets for package in plan.packages.values()] + [
        build.secrets for build in plan.builds.values()
    ]
    declared_names = [name for names in lists for name in names]
    names = [name for name, rule in plan.policy["variables"].items() if rule["scope"] == "secret"]
    return {name: env[name] for name in (*names, *declared_names) if env.get(name)}


def write_context(folder: Path, text: str, context: Mapping[str, bytes]) -> None:
    """Write a Containerfile and the files that it copies into a folder of their own.

    Raises `Stop` (exit 2).
    """
    evidence.fresh_folder(folder)
    for path, content in {**context, CONTAINERFILE: text.encode()}.items():
        place = folder / path
        with files.explained(place, "written"):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def add_wheels(folder: Path, out: Path, names: Iterable[str]) -> None:
    """Put wheels beside what is copied, linked if that can be: they may be large.

    Raises `Stop` (exit 2).
    """
    for name in names:
        place = folder / WHEELS / name
        with files.explained(place, "written"):
            try:
                place.hardlink_to(out / name)
            except OSError:
                shutil.copyfile(out / name, place)


def build(engine: str, image: Build, env: Mapping[str, str]) -> None:
    """Build an image. Raises `Stop` (exit 4) if that fails."""
    _check(ENGINES[engine].build(image), env, image.reference, "could not be built", Exit.WHEEL)


def push(engine: str, reference: str, env: Mapping[str, str]) -> str:
    """Push an image and return its digest in the registry, "" when the engine does not tell it.

    The registry is not asked: by then its tag may be somebody else's. Raises `Stop` (exit 6) if the
    push fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="truewheel-") as folder,
        logged_in(reference, env) as knowing,
    ):
        digest_path = Path(folder) / "digest"
        argv = ENGINES[engine].push(reference, str(digest_path))
        _check(argv, knowing, reference, "could not be pushed", Exit.REMOTE_UNREACHABLE)
        if digest_path.is_file():
            return _digest_in(digest_path.read_text(encoding="utf-8", errors="replace"))
    output = (
        processes.output(ENGINES[engine].inspect(reference), env=env, timeout=INSPECT_SECONDS) or ""
    )
    where = container_registry.parse(reference)[:2]
    return _digest_in(
        "\n".join(line for line in output.split() if container_registry.parse(line)[:2] == where)
    )


def _digest_in(text: str) -> str:
    match = DIGEST.search(text)
    return match[0] if match else ""


def digest(engine: str, reference: str, env: Mapping[str, str]) -> str:
    """Return the digest of an image on this machine, "" when the engine knows none."""
    return _digest_in(
        processes.output(ENGINES[engine].inspect(reference), env=env, timeout=INSPECT_SECONDS) or ""
    )


def run(
    engine: str, command: Run, env: Mapping[str, str], name: str, log: IO[str] | None = None
) -> int:
    """Run a command in an image and return its exit status; its output goes to `log`, or to stderr.

    `name` is that of the container, which is removed. It ends with this process, even when that is
    killed. Raises `Stop` (exit 4) when there is no such image.
    """
    first, *rest = ENGINES[engine].run(command, name)
    env = {**env, **command.secrets}
    if not rest:
        return processes.run(processes.ends_with_parent(first), cwd=Path("/"), env=env, log=log)
    if processes.run(first, cwd=Path("/"), env=env, log=log):
        hint = "build it first: truewheel container --target T"
        raise stop(command.image, "is no image that can be run here", hint, Exit.WHEEL)
    ran, removed = rest
    try:
        return processes.run(processes.ends_with_parent(ran), cwd=Path("/"), env=env, log=log)
    finally:
        processes.run(removed, cwd=Path("/"), env=env, log=log)


def _check(
    argv: Sequence[str], env: Mapping[str, str], what: str, failure: str, code: Exit
) -> None:
    if processes.run(argv, cwd=Path("/"), env=env):
        raise stop(what, failure, f"the output of {argv[0]} is above", code)


@contextmanager
def logged_in(reference: str, env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Lend the environment in which an engine may use the registry of an image.

    A GitLab job gets a password in its variables; engines want a file. Where a person has logged
    in, that is used.
    """
    keys = container_registry.job_credentials(reference, env)
    if keys is None:
        yield env
        return
    with tempfile.TemporaryDirectory(prefix="truewheel-") as folder:
        file = Path(folder) / "config.json"
        secret = base64.b64encode(":".join(keys).encode()).decode()
        file.write_text(
            json.dumps({"auths": {container_registry.parse(reference).host: {"auth": secret}}}),
            encoding="utf-8",
        )
        yield {**env, "REGISTRY_AUTH_FILE": str(file), "DOCKER_CONFIG": folder}
