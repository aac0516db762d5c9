"""Builder images of a spec: what goes into each, and the name with the hash of all that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from truewheel.errors import Problem, Stop, Where, stop
from truewheel.plan import containerfile
from truewheel.plan.containerfile import BUILD, UV_LOCK, Stage
from truewheel.plan.matrix import interpreter_tag, minor
from truewheel.spec.model import Spec, Target

TOOLS_LOCK = "truewheel-tools.txt"
TRUEWHEEL_LOCK = "truewheel.txt"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""How registries name an image by its content."""
_HASH_LENGTH = 32
_FROM = re.compile(
    r"(?im)^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*(?P<image>\S+)(?:[ \t]+AS[ \t]+(?P<name>\S+))?[ \t]*$"
)


class Sources(NamedTuple):
    """What images are made from beside the spec.

    `read` returns the bytes of a file below the folder of the spec. `digests` are those of
    truewheel.lock by image, `truewheel` is its line for Truewheel itself, `locks` are the
    requirements that come with Truewheel, by name. `wheels` are proven wheels by package, each as
    its file name and sha256 in hex; those of a stage become part of it.
    """

    read: Callable[[str], bytes | None]
    locks: Mapping[str, bytes]
    digests: Mapping[str, str] = {}
    truewheel: str = ""
    wheels: Mapping[str, tuple[str, str]] = {}


class Recipe(NamedTuple):
    """All that goes into an image: the Containerfile, files of its context by path, arguments."""

    text: str
    files: Mapping[str, bytes]
    arguments: Mapping[str, str] = {}


class Images(NamedTuple):
    """The builder images of a spec by target and architecture, and warnings.

    `bases` and `tests` are the base and test images of its targets, with their digests.
    """

    references: Mapping[tuple[str, str], str] = {}
    bases: Mapping[str, str] = {}
    tests: Mapping[str, str] = {}
    problems: tuple[Problem, ...] = ()


NO_IMAGES = Images()


def has_builder(spec: Spec, name: str) -> bool:
    """Return whether a target has a builder image: a registry, and enough to build it from."""
    target = spec.targets.get(name)
    can_build = target and (target.container.file or (target.base and target.family))
    return bool(spec.images.registry and can_build)


def images(spec: Spec, sources: Sources) -> Images:
    """Return the images of a plan.

    Raises `Stop` (exit 2) for one that cannot be built.
    """
    references: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    for name, target in spec.targets.items():
        if not has_builder(spec, name):
            continue
        content = recipe(spec, name, sources)
        for stage in target.container.stages:
            recipe(spec, name, sources, stage)  # raises for one that cannot be built
        problems += _warnings(spec, name, sources)
        for arch in arches(spec, name):
            references[name, arch] = reference(spec, name, arch, content)
    bases = {name: pin(target.base, sources.digests) for name, target in spec.targets.items()}
    tests = {name: pin(target.test_image, sources.digests) for name, target in spec.targets.items()}
    return Images(references, bases, tests, tuple(problems))


def reference(spec: Spec, name: str, arch: str, content: Recipe, stage: str = BUILD) -> str:
    """Return the full name of an image: registry, stage, target, architecture, and hash."""
    folder = "builder" if stage == BUILD else stage
    architecture = image_arch(spec, name, arch, stage)
    path = re.sub(r"[._-]{2,}", "-", f"{name}-{architecture}".lower())
    return f"{spec.images.registry.rstrip('/')}/{folder}/{path}:{digest(content, architecture)}"


def image_arch(spec: Spec, name: str, arch: str, stage: str = BUILD) -> str:
    """Return the architecture that an image is for.

    The image that cross-compiles cells of `arch` has the architecture of its runners.
    """
    return (spec.targets[name].runner or arch) if stage == BUILD else arch


def digest(content: Recipe, arch: str) -> str:
    """Return the hash of all that goes into an image, in hexadecimal digits."""
    arguments = [f"{key}={value}" for key, value in sorted(content.arguments.items())]
    parts = [arch, content.text, *arguments]
    raw = [part.encode() for part in parts]
    raw += [item for path, text in sorted(content.files.items()) for item in (path.encode(), text)]
    import hashlib  # loads OpenSSL, which most commands do not need

    total = hashlib.sha256()
    for item in raw:
        total.update(b"%d:" % len(item) + item)
    return total.hexdigest()[:_HASH_LENGTH]


def recipe(spec: Spec, name: str, sources: Sources, stage: str = BUILD) -> Recipe:
    """Return all that goes into a target's image; `stage` is `build` or one of its stages.

    Raises `Stop` (exit 2) when a file is missing, a stage is unknown or based on itself.
    """
    target = spec.targets[name]
    if target.container.file:
        return _own_recipe(spec, name, sources, stage)
    _refuse_free_threaded(spec, name)
    chain = _chain(spec, name, stage)
    paths = [path for link in chain for path in _requirements(spec, target, link)]
    files = _context(spec, name, sources, paths, is_build=BUILD in chain)
    for link, packages in stage_wheels(spec, name, stage).items():
        hashes = dict(sources.wheels[package] for package in packages if package in sources.wheels)
        files[containerfile.wheels_lock(link)] = containerfile.wheels_locked(hashes)
    stages = [_stage(spec, name, link, sources, files) for link in chain]
    if any(link.interpreters == "uv" for link in stages):
        files[UV_LOCK] = sources.locks[UV_LOCK]
    return Recipe("\n".join(map(containerfile.stage, stages)), files)


def stage_wheels(spec: Spec, name: str, stage: str) -> dict[str, tuple[str, ...]]:
    """Return the packages whose proven wheels are in a target's stage, by the stage that has them.

    That is the stage itself, or one that it is based on.
    """
    stages = spec.targets[name].container.stages
    chain = _chain(spec, name, stage)
    return {link: stages[link].wheels for link in chain if link != BUILD and stages[link].wheels}


def newest_python(spec: Spec, name: str) -> str:
    """Return the newest Python of a target that is not free-threaded, else the newest.

    Its environments are made from it: the tools have no free-threaded wheels.
    """
    pythons = _pythons(spec, name)
    return next((python for python in reversed(pythons) if not python.endswith("t")), pythons[-1])


def fragment(spec: Spec, name: str, sources: Sources, stage: str = BUILD) -> str:
    """Return a stage's lines for a hand-written Containerfile, after its system packages.

    Raises `Stop` (exit 2) for a stage that is unknown.
    """
    _chain(spec, name, stage)
    tools = [] if spec.images.tools else [TOOLS_LOCK]
    files = dict.fromkeys([*tools, *_requirements(spec, spec.targets[name], BUILD)], b"")
    return containerfile.fragment(_stage(spec, name, stage, sources, files))


def header(spec: Spec, name: str) -> str:
    """Return the first line of a Containerfile; it is no part of the hash."""
    return f"# Made for {name} of {spec.document.file} by truewheel container. Do not edit.\n"


def pin(image: str, digests: Mapping[str, str]) -> str:
    """Return an image with its digest, if one is known."""
    return f"{image}@{digests[image]}" if image in digests and "@" not in image else image


def base_images(spec: Spec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every base image with its route in the spec; not those in Containerfiles."""
    for name, target in spec.targets.items():
        if target.base:
            yield ("targets", name, "base"), target.base
        stages = target.container.stages
        for key, stage in stages.items():
            if stage.base and stage.base not in {BUILD, *stages}:
                yield ("targets", name, "container", "stages", key, "base"), stage.base


def locked_images(spec: Spec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every image whose digest truewheel.lock holds, with its route in the spec."""
    yield from base_images(spec)
    for name, target in spec.targets.items():
        if target.test_image:
            yield ("targets", name, "test_image"), target.test_image


def arches(spec: Spec, name: str) -> dict[str, None]:
    """Return the architectures of a target's cells."""
    included = (cell.arch for cell in spec.include if cell.target == name)
    return dict.fromkeys([*(spec.targets[name].arches or spec.arches), *included])


def _pythons(spec: Spec, name: str) -> list[str]:
    """Return the versions of a target's interpreters, oldest first."""
    included = (cell.python for cell in spec.include if cell.target == name)
    versions = {*(spec.targets[name].pythons or spec.pythons), *included}
    return sorted(versions, key=lambda python: (minor(interpreter_tag(python)), python))


def _refuse_free_threaded(spec: Spec, name: str) -> None:
    threaded = [python for python in _pythons(spec, name) if python.endswith("t")]
    if threaded and spec.targets[name].container.interpreters == "distribution":
        where = spec.document.where(("targets", name, "container", "interpreters"))
        message = f"distributions have no free-threaded Python, such as {threaded[0]}"
        raise stop(where, message, f"let uv install it in {name}: container: {{interpreters: uv}}")


def _chain(spec: Spec, name: str, stage: str) -> list[str]:
    """Return a stage after those that it is based on."""
    stages = spec.targets[name].container.stages
    chain = [stage]
    while chain[0] != BUILD:
        if chain[0] not in stages:
            hint = f"its stages: {', '.join([BUILD, *stages])}"
            raise stop(f"--stage {stage}", f"{name} has no stage {stage}", hint)
        below = stages[chain[0]].base
        if below in chain:
            route = ("targets", name, "container", "stages", chain[0], "base")
            message = f"the stage {below} is based on itself"
            raise Stop([spec.document.problem(route, message, "name an image as base")])
        if below not in {BUILD, *stages}:
            break
        chain.insert(0, below)
    return chain


def _stage(
    spec: Spec, name: str, stage: str, sources: Sources, files: Mapping[str, bytes]
) -> Stage:
    target = spec.targets[name]
    container = target.container
    environment = f"/opt/venv-{spec.project}"
    if stage == BUILD:
        project_files = _requirements(spec, target, BUILD)
        return Stage(
            name=BUILD,
            family=target.family,
            environment=environment,
            base=pin(target.base, sources.digests),
            packages=container.packages,
            requirements=tuple(
                path for path in (TOOLS_LOCK, *project_files, TRUEWHEEL_LOCK) if path in files
            ),
            interpreters=container.interpreters,
            pythons=tuple(_pythons(spec, name)),
            python=newest_python(spec, name),
        )
    further = container.stages[stage]
    is_derived = further.base in {BUILD, *container.stages}
    interpreters, python = ("", "") if is_derived else _own_interpreter(spec, name, stage)
    return Stage(
        name=stage,
        family=target.family,
        environment=environment,
        base=further.base if is_derived else pin(further.base or target.base, sources.digests),
        packages=further.packages,
        requirements=tuple(_requirements(spec, target, stage)),
        interpreters=interpreters,
        pythons=(python,) if interpreters in {"base", "uv"} else (),
        python=python,
        wheels=bool(further.wheels),
    )


def _own_interpreter(spec: Spec, name: str, stage: str) -> tuple[str, str]:
    """Return where a stage that inherits no environment gets its interpreter, and which version.

    The version is "" for the usual one; a stage with wheels has the one that they are made for.
    """
    container = spec.targets[name].container
    if container.interpreters == "base" and not container.stages[stage].base:
        return "base", newest_python(spec, name)
    if container.interpreters in {"distribution", "base"}:
        return "own", newest_python(spec, name)
    if not _carries_wheels(spec, name, stage):
        return "own", ""
    if container.interpreters == "pyenv":
        route = ("targets", name, "container", "stages", stage)
        version = f"Python {newest_python(spec, name)}"
        message = f"its wheels are for {version}, which pyenv compiles only in the build stage"
        hint = "base: build, or let uv install the Pythons: container: {interpreters: uv}"
        raise Stop([spec.document.problem(route, message, hint, key=True)])
    return "uv", newest_python(spec, name)


def _carries_wheels(spec: Spec, name: str, stage: str) -> bool:
    """Return whether a stage, or one that is based on it, installs wheels."""
    stages = spec.targets[name].container.stages
    return any(above.wheels and stage in _chain(spec, name, key) for key, above in stages.items())


def _requirements(spec: Spec, target: Target, stage: str) -> list[str]:
    if stage != BUILD:
        return list(filter(None, [target.container.stages[stage].requirements]))
    return list(filter(None, [spec.images.tools, target.container.requirements]))


def _context(
    spec: Spec, name: str, sources: Sources, paths: Iterable[str], *, is_build: bool
) -> dict[str, bytes]:
    """Return the files that a build can read. Raises `Stop` (exit 2) with every missing one."""
    contents = {path: sources.read(path) for path in paths}
    missing = [path for path, content in contents.items() if content is None]
    if missing:
        where = spec.document.where(("targets", name, "container"))
        raise Stop(Problem(where, f"{path} cannot be read", "correct the path") for path in missing)
    files = {path: content for path, content in contents.items() if content is not None}
    if not is_build:
        return files
    if not spec.images.tools:
        files[TOOLS_LOCK] = sources.locks[TOOLS_LOCK]
    if sources.truewheel and not _names_truewheel(spec, sources):
        files[TRUEWHEEL_LOCK] = sources.truewheel.encode()
    return files


def _names_truewheel(spec: Spec, sources: Sources) -> bool:
    """Return whether jobs get Truewheel from `scripts`, `tool` or a lock, not from their image."""
    lock = (sources.read(spec.images.tools) or b"") if spec.images.tools else b""
    if spec.scripts or spec.tool.form:
        return True
    return re.search(rb"(?im)^truewheel(\[.*\])?[ \t]*==", lock) is not None


def _own_recipe(spec: Spec, name: str, sources: Sources, stage: str) -> Recipe:
    target = spec.targets[name]
    container = target.container
    if stage in container.stages:
        route = ("targets", name, "container", "stages")
        message = f"{name} has its own Containerfile, {container.file}, which has its own stages"
        raise Stop([spec.document.problem(route, message, "remove one of the two", key=True)])
    if stage != BUILD:
        message = f"{name} has its own Containerfile: {container.file}"
        raise stop(f"--stage {stage}", message, "leave --stage out")
    paths = [container.file, *container.files, *_requirements(spec, target, BUILD)]
    files = _context(spec, name, sources, paths, is_build=False)
    text = files.pop(container.file).decode("utf-8", "replace")
    # The lines of `fragment` copy the locks that come with Truewheel.
    files |= {lock: content for lock, content in sources.locks.items() if lock in text}
    arguments = {"BASE": pin(target.base, sources.digests)} if target.base else {}
    return Recipe(text, files, arguments)


def _warnings(spec: Spec, name: str, sources: Sources) -> Iterator[Problem]:
    """Yield a warning for every base image without a digest, and for an image without Truewheel."""
    hint = "write its digest into truewheel.lock: truewheel lock"
    for route, image in base_images(spec):
        if route[1] == name and "@" not in pin(image, sources.digests):
            place = spec.document.where(route)
            yield Problem(
                place, f"the tag of {image} can move: no digest is locked", hint, "warning"
            )
    file = spec.targets[name].container.file
    if file:
        yield from _floating(file, (sources.read(file) or b"").decode("utf-8", "replace"))
    elif not spec.setup and not sources.truewheel and not _names_truewheel(spec, sources):
        message = f"the builder image of {name} has no truewheel"
        hint = "run truewheel lock, or add truewheel, with hashes, to the file of images.tools"
        yield Problem(spec.document.where(("images",)), message, hint, "warning")


def _floating(file: str, text: str) -> Iterator[Problem]:
    stages: set[str] = set()
    for line in _FROM.finditer(text):
        image = line["image"]
        if image not in stages and image != "scratch" and "@" not in image and "$" not in image:
            place = Where(file, text.count("\n", 0, line.start()) + 1, 1)
            yield Problem(
                place, f"the tag of {image} can move", "add its digest: @sha256:…", "warning"
            )
        stages.add(line["name"] or "")
