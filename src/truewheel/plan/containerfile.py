"""Writes a Containerfile: system packages, interpreters, one virtual environment for the tools.

That environment is first on PATH by ENV: images made from a builder inherit it, and the
distribution's own Python is left alone (PEP 668). Text that is not Truewheel's own is quoted for
the shell.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from truewheel.plan.matrix import interpreter_tag

BUILD = "build"
"""The stage that compiles; others need no compiler."""
UV_LOCK = "truewheel-uv.txt"
WHEELS = "wheels"
"""Folder of the context with the proven wheels, and with a list of them for each stage."""
PYENV = "https://github.com/pyenv/pyenv.git"
PYENV_COMMIT = "bec9a562a59e48a730fe3320fe90c6999c82886c"  # v2.8.1
SECRET = "pip"  # noqa: S105
"""Id of the build secret that pip reads as its configuration: an index and its credentials.

No layer of the image has it.
"""

_COMPILERS = {
    "debian": ("ca-certificates", "g++", "git", "make"),
    "rhel": ("gcc-c++", "git", "make"),
}
_BUILDS_PYTHON = {
    "debian": (
        "curl",
        "libbz2-dev",
        "libffi-dev",
        "liblzma-dev",
        "libsqlite3-dev",
        "libssl-dev",
        "zlib1g-dev",
    ),
    "rhel": (
        "bzip2-devel",
        "libffi-devel",
        "openssl-devel",
        "patch",
        "sqlite-devel",
        "xz-devel",
        "zlib-devel",
    ),
}
_MOUNTED = f"/run/{WHEELS}"
# The `python3` of EL 8 is 3.6, which is too old for the tools.
_OWN_PYTHON = {"debian": "3", "rhel": "3.12"}


class Stage(NamedTuple):
    """One stage; `base` is an image, or a stage before it.

    `interpreters` says where the `pythons` (such as 3.12) come from: distribution, pyenv, uv, base;
    `own` makes the environment from an interpreter of the stage's own base; empty inherits it.
    `python` is the version that makes the environment, "" the usual one. `requirements` are files
    of the context, with hashes. A stage with `wheels` installs those proven files that
    `wheels_lock` names.
    """

    name: str
    base: str
    family: str
    environment: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]
    interpreters: str
    pythons: tuple[str, ...] = ()
    python: str = ""
    wheels: bool = False


def wheels_lock(stage: str) -> str:
    """Return the file of the context that names a stage's proven wheels."""
    return f"{WHEELS}/{stage}.txt"


def wheels_locked(wheels: Mapping[str, str]) -> bytes:
    """Return the content of `wheels_lock` for wheels by name, each with its sha256 in hex."""
    lines = (
        f"{_MOUNTED}/{name} --hash=sha256:{digest}\n" for name, digest in sorted(wheels.items())
    )
    return "".join(lines).encode()


def stage(layer: Stage) -> str:
    """Return the text of a stage."""
    paragraphs = [f"FROM {layer.base} AS {layer.name}", *_system_packages(layer)]
    if layer.interpreters:
        paragraphs[1:1] = [_variables(layer)]
        paragraphs += [*_interpreters(layer), _environment(layer)]
    return "\n\n".join([*paragraphs, *_installed(layer), *_proven(layer)]) + "\n"


def fragment(layer: Stage) -> str:
    """Return what a hand-written Containerfile needs after its system packages."""
    paragraphs = (
        [_variables(layer), *_interpreters(layer), _environment(layer)]
        if layer.interpreters
        else []
    )
    return "\n\n".join([*paragraphs, *_installed(layer), *_proven(layer)]) + "\n"


def _variables(layer: Stage) -> str:
    return f"ENV VIRTUAL_ENV={layer.environment}\nENV PATH=$VIRTUAL_ENV/bin:$PATH"


def _system_packages(layer: Stage) -> list[str]:
    packages = sorted({*_needed(layer), *layer.packages})
    if not packages:
        return []
    names = [f"    {shlex.quote(name)}" for name in packages]
    if layer.family == "debian":
        install = [
            "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends",
            *names,
        ]
        commands = ["apt-get update", _wrapped(install), "rm -rf /var/lib/apt/lists/*"]
        return ["# hadolint ignore=DL3008\n" + _run(commands)]
    install = ["dnf install --assumeyes --setopt=install_weak_deps=False", *names]
    return ["# hadolint ignore=DL3041\n" + _run([_wrapped(install), "dnf clean all"])]


def _needed(layer: Stage) -> list[str]:
    """Return the system packages that the stage needs itself."""
    is_debian = layer.family == "debian"
    compilers = _COMPILERS[layer.family] if layer.name == BUILD else ()
    python = f"python{layer.python or _OWN_PYTHON[layer.family]}"
    interpreter = [python, f"{python}-venv"] if is_debian else [python]
    from_family = [
        f"python{python}-{part}" for python in layer.pythons for part in _parts(is_debian=is_debian)
    ]
    by_origin: dict[str, list[str]] = {
        "own": interpreter,
        "distribution": from_family,
        "pyenv": [*_BUILDS_PYTHON[layer.family]],
        "uv": ["python3-venv"] if is_debian else [f"python{_OWN_PYTHON['rhel']}"],
    }
    return [*compilers, *by_origin.get(layer.interpreters, [])]


def _parts(*, is_debian: bool) -> tuple[str, ...]:
    return ("dev", "venv") if is_debian else ("devel",)


def _interpreters(layer: Stage) -> list[str]:
    """Return the lines that put each interpreter at /opt/python/<cpXY>/bin/python.

    That is where `truewheel compile` looks for it.
    """
    if layer.interpreters == "distribution":
        return [_run(_links(layer.pythons, "ln -sf /usr/bin/python{python} {link}"))]
    if layer.interpreters == "base":
        # The environment of the tools comes first on PATH: a second stage would link its own python
        # to itself.
        return [
            _run(
                _links(
                    layer.pythons,
                    '{{ test -x {link} || ln -sf "$(command -v python{python})" {link}; }}',
                )
            )
        ]
    if layer.interpreters == "pyenv":
        return [_run(_compiled(layer.pythons))]
    if layer.interpreters == "uv":
        return [f"COPY {UV_LOCK} /opt/uv/", _run(_downloaded(layer), secret=True)]
    return []


def _links(pythons: Iterable[str], command: str) -> list[str]:
    lines = []
    for python in pythons:
        folder = f"/opt/python/{interpreter_tag(python)}/bin"
        lines += [f"mkdir -p {folder}", command.format(python=python, link=f"{folder}/python")]
    return lines


def _compiled(pythons: Iterable[str]) -> list[str]:
    build = "/opt/pyenv/plugins/python-build/bin/python-build"
    newest = "/opt/pyenv/bin/pyenv latest --known"
    return [
        "git init --quiet /opt/pyenv",
        f"git -C /opt/pyenv fetch --quiet --depth 1 {PYENV} {PYENV_COMMIT}",
        "git -C /opt/pyenv checkout --quiet FETCH_HEAD",
        *(
            f'{build} "$({newest} {python})" /opt/python/{interpreter_tag(python)}'
            for python in pythons
        ),
        "rm -rf /opt/pyenv",
    ]


def _downloaded(layer: Stage) -> list[str]:
    python = "python3" if layer.family == "debian" else f"python{_OWN_PYTHON['rhel']}"
    # The whole folder is linked, not the file: an environment looks for the interpreter's library
    # beside the link that it was made from.
    folder = (
        '"$(dirname "$(dirname "$(/opt/uv-venv/bin/uv python find --managed-python {python})")")"'
    )
    links = [
        f"ln -sfn {folder.format(python=each)} /opt/python/{interpreter_tag(each)}"
        for each in layer.pythons
    ]
    return [
        f"{python} -m venv /opt/uv-venv",
        _pip("/opt/uv-venv/bin/pip", [f"/opt/uv/{UV_LOCK}"]),
        "export UV_PYTHON_INSTALL_DIR=/opt/uv",
        f"/opt/uv-venv/bin/uv python install --no-bin {' '.join(layer.pythons)}",
        "mkdir -p /opt/python",
        *links,
        "rm -rf /opt/uv-venv",
    ]


def _environment(layer: Stage) -> str:
    if layer.interpreters == "own":
        python = f"python{layer.python or _OWN_PYTHON[layer.family]}"
    else:
        python = f"/opt/python/{interpreter_tag(layer.python)}/bin/python"
    return _run([f'test -x "$VIRTUAL_ENV/bin/python" || {python} -m venv "$VIRTUAL_ENV"'])


def _installed(layer: Stage) -> list[str]:
    if not layer.requirements:
        return []
    names = _names(layer.requirements)
    copies = [f"COPY {path} $VIRTUAL_ENV/{name}" for path, name in names.items()]
    files = [f"{layer.environment}/{name}" for name in names.values()]
    return ["\n".join([*copies, _run([_pip("pip", files)], secret=True)])]


def _names(paths: Iterable[str]) -> dict[str, str]:
    """Return the name of each file in one folder: its own, or its path where two have the same."""
    paths = tuple(paths)
    names = [path.rpartition("/")[2] for path in paths]
    return {
        path: name if names.count(name) == 1 else path.replace("/", "-")
        for path, name in zip(paths, names)
    }


def _proven(layer: Stage) -> list[str]:
    """Return the lines that install exactly the proven files: pip compares each hash.

    The wheels are mounted, so that no layer contains them a second time. Their hashes are copied,
    since the cache of an engine does not compare the files of a mount.
    """
    if not layer.wheels:
        return []
    named = f"{layer.name}-{WHEELS}.txt"
    install = _wrapped(
        [
            "pip install --no-cache-dir --no-index --no-deps --require-hashes",
            f"    --requirement {layer.environment}/{named}",
        ]
    )
    copied = f"COPY {wheels_lock(layer.name)} $VIRTUAL_ENV/{named}"
    lines = [
        copied,
        f"RUN --mount=type=bind,source={WHEELS},target={_MOUNTED} \\",
        f"    {install} \\",
        "    && pip check",
    ]
    return ["\n".join(lines)]


def _pip(pip: str, files: Iterable[str]) -> str:
    install = f"PIP_CONFIG_FILE=/run/secrets/{SECRET} {pip} install --no-cache-dir --require-hashes"
    return _wrapped([install, *(f"    --requirement {path}" for path in files)])


def _wrapped(parts: Iterable[str]) -> str:
    return " \\\n    ".join(parts)


def _run(commands: Iterable[str], *, secret: bool = False) -> str:
    mount = f"--mount=type=secret,id={SECRET} \\\n    " if secret else ""
    return f"RUN {mount}" + " \\\n    && ".join(commands)
