"""The text of a Containerfile.

System packages, interpreters, and one virtual environment for the tools.

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
"""Folder of the context with the proven wheels of a stage, and a file for each such stage that names them."""
PYENV = "https://github.com/pyenv/pyenv.git"
PYENV_COMMIT = "bec9a562a59e48a730fe3320fe90c6999c82886c"  # v2.8.1
SECRET = "pip"  # noqa: S105
"""Id of the build secret that pip reads as its configuration: an index and how to get in.

No layer has it.
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
# With a `python3` of EL 8 (3.6) there is no virtual environment for tools of today.
_OWN_PYTHON = {"debian": "3", "rhel": "3.12"}


class Stage(NamedTuple):
    """One stage. `base` is an image, or a stage before it.

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
    """Return what `wheels_lock` says of wheels by name, each with its sha256 in hex."""
    lines = (
        f"{_MOUNTED}/{name} --hash=sha256:{digest}\n" for name, digest in sorted(wheels.items())
    )
    return "".join(lines).encode()


def stage(one: Stage) -> str:
    """Return the text of a stage."""
    paragraphs = [f"FROM {one.base} AS {one.name}", *_system_packages(one)]
    if one.interpreters:
        paragraphs[1:1] = [_variables(one)]
        paragraphs += [*_interpreters(one), _environment(one)]
    return "\n\n".join([*paragraphs, *_installed(one), *_proven(one)]) + "\n"


def fragment(one: Stage) -> str:
    """Return what a hand-written Containerfile needs after its system packages.

    Environment and tools.
    """
    own = [_variables(one), *_interpreters(one), _environment(one)] if one.interpreters else []
    return "\n\n".join([*own, *_installed(one), *_proven(one)]) + "\n"


def _variables(one: Stage) -> str:
    return f"ENV VIRTUAL_ENV={one.environment}\nENV PATH=$VIRTUAL_ENV/bin:$PATH"


def _system_packages(one: Stage) -> list[str]:
    packages = sorted({*_needed(one), *one.packages})
    if not packages:
        return []
    names = [f"    {shlex.quote(name)}" for name in packages]
    if one.family == "debian":
        install = [
            "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends",
            *names,
        ]
        commands = ["apt-get update", _wrapped(install), "rm -rf /var/lib/apt/lists/*"]
        return ["# hadolint ignore=DL3008\n" + _run(commands)]
    install = ["dnf install --assumeyes --setopt=install_weak_deps=False", *names]
    return ["# hadolint ignore=DL3041\n" + _run([_wrapped(install), "dnf clean all"])]


def _needed(one: Stage) -> list[str]:
    """Return the packages that the stage itself asks for."""
    is_debian = one.family == "debian"
    compilers = _COMPILERS[one.family] if one.name == BUILD else ()
    python = f"python{one.python or _OWN_PYTHON[one.family]}"
    own = [python, f"{python}-venv"] if is_debian else [python]
    of_the_family = [
        f"python{python}-{part}" for python in one.pythons for part in _parts(is_debian=is_debian)
    ]
    by_origin: dict[str, list[str]] = {
        "own": own,
        "distribution": of_the_family,
        "pyenv": [*_BUILDS_PYTHON[one.family]],
        "uv": ["python3-venv"] if is_debian else [f"python{_OWN_PYTHON['rhel']}"],
    }
    return [*compilers, *by_origin.get(one.interpreters, [])]


def _parts(*, is_debian: bool) -> tuple[str, ...]:
    return ("dev", "venv") if is_debian else ("devel",)


def _interpreters(one: Stage) -> list[str]:
    """Return the lines that put each interpreter where compile looks.

    /opt/python/<cpXY>/bin/python.
    """
    if one.interpreters == "distribution":
        return [_run(_links(one.pythons, "ln -sf /usr/bin/python{python} {link}"))]
    if one.interpreters == "base":
        # Once the tools' environment is there, its own python would be found on PATH: a link to
        # itself.
        return [
            _run(
                _links(
                    one.pythons,
                    '{{ test -x {link} || ln -sf "$(command -v python{python})" {link}; }}',
                )
            )
        ]
    if one.interpreters == "pyenv":
        return [_run(_compiled(one.pythons))]
    if one.interpreters == "uv":
        return [f"COPY {UV_LOCK} /opt/uv/", _run(_downloaded(one), secret=True)]
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


def _downloaded(one: Stage) -> list[str]:
    python = "python3" if one.family == "debian" else f"python{_OWN_PYTHON['rhel']}"
    # Its whole folder is linked: environments of an interpreter that was moved look for its library
    # beside their link.
    folder = (
        '"$(dirname "$(dirname "$(/opt/uv-venv/bin/uv python find --managed-python {python})")")"'
    )
    links = [
        f"ln -sfn {folder.format(python=each)} /opt/python/{interpreter_tag(each)}"
        for each in one.pythons
    ]
    return [
        f"{python} -m venv /opt/uv-venv",
        _pip("/opt/uv-venv/bin/pip", [f"/opt/uv/{UV_LOCK}"]),
        "export UV_PYTHON_INSTALL_DIR=/opt/uv",
        f"/opt/uv-venv/bin/uv python install --no-bin {' '.join(one.pythons)}",
        "mkdir -p /opt/python",
        *links,
        "rm -rf /opt/uv-venv",
    ]


def _environment(one: Stage) -> str:
    if one.interpreters == "own":
        python = f"python{one.python or _OWN_PYTHON[one.family]}"
    else:
        python = f"/opt/python/{interpreter_tag(one.python)}/bin/python"
    return _run([f'test -x "$VIRTUAL_ENV/bin/python" || {python} -m venv "$VIRTUAL_ENV"'])


def _installed(one: Stage) -> list[str]:
    if not one.requirements:
        return []
    names = _names(one.requirements)
    copies = [f"COPY {path} $VIRTUAL_ENV/{name}" for path, name in names.items()]
    files = [f"{one.environment}/{name}" for name in names.values()]
    return ["\n".join([*copies, _run([_pip("pip", files)], secret=True)])]


def _names(paths: Iterable[str]) -> dict[str, str]:
    """Return the name of each file in a folder.

    Its own, or its whole path where another one has that.
    """
    paths = tuple(paths)
    own = [path.rpartition("/")[2] for path in paths]
    return {
        path: name if own.count(name) == 1 else path.replace("/", "-")
        for path, name in zip(paths, own)
    }


def _proven(one: Stage) -> list[str]:
    """Return the lines that install exactly the proven files.

    Pip compares each hash, no index adds another one.

    The wheels are mounted: no layer holds them beside what was installed from them. The copy of
    their hashes is what an engine's cache knows them by: it does not look into a mount.
    """
    if not one.wheels:
        return []
    named = f"{one.name}-{WHEELS}.txt"
    install = _wrapped(
        [
            "pip install --no-cache-dir --no-index --no-deps --require-hashes",
            f"    --requirement {one.environment}/{named}",
        ]
    )
    copied = f"COPY {wheels_lock(one.name)} $VIRTUAL_ENV/{named}"
    return [
        f"{copied}\nRUN --mount=type=bind,source={WHEELS},target={_MOUNTED} \\\n    {install} \\\n    && pip check"
    ]


def _pip(pip: str, files: Iterable[str]) -> str:
    install = f"PIP_CONFIG_FILE=/run/secrets/{SECRET} {pip} install --no-cache-dir --require-hashes"
    return _wrapped([install, *(f"    --requirement {path}" for path in files)])


def _wrapped(parts: Iterable[str]) -> str:
    return " \\\n    ".join(parts)


def _run(commands: Iterable[str], *, secret: bool = False) -> str:
    mount = f"--mount=type=secret,id={SECRET} \\\n    " if secret else ""
    return f"RUN {mount}" + " \\\n    && ".join(commands)
