"""What a command reads from disk: the spec, its policy, base versions, locks and plans."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from truewheel import __version__
from truewheel.errors import Problem, Stop, Where, stop
from truewheel.forges import FORGES, tool_script
from truewheel.plan import images, plan_file
from truewheel.plan.containerfile import UV_LOCK
from truewheel.plan.images import Images
from truewheel.plan.model import Plan
from truewheel.spec import model as spec
from truewheel.spec import policy_file, version_file, yaml_source
from truewheel.spec import schema as schemas
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy
from truewheel.system import files
from truewheel.workspace import lock_file, renewed_pins, submodules
from truewheel.workspace.lock_file import LOCK_FILE, Lock

SPEC = "truewheel.yml"
PACKAGE_VERSION = "package:version"
MATCH_HINT = "correct packages.<name>.version.match: its group is the version"
Read = Callable[[str], "bytes | None"]
GENERATOR = f"truewheel {__version__}"
_PACKAGE = Path(__file__).parents[1]
_SEPARATORS = {
    ":": "colon separates the folders of PATH, PYTHONPATH and an engine's mounts: "
    "no environment can be made in",
    ";": "semicolon separates CMake's lists: no compiler would be known by",
}


@dataclass(frozen=True)
class Workspace:
    """A spec and its folder, which is the root of all its paths.

    `read` returns the bytes of a file below that folder, or None: from disk, or from a git
    revision.
    """

    root: Path
    spec: Spec
    read: Read

    @cached_property
    def policy(self) -> Policy:
        """The naming policy of the spec. Raises `Stop` (exit 2) when there is none of that name."""
        parent = policy_reader(self.read, self.spec.document.where(("naming",)))
        if isinstance(self.spec.naming, str):
            return parent(self.spec.naming)
        name = f"of {self.spec.document.file}"
        return policy_file.build(
            name, self.spec.document, ("naming",), expanded_schema("policy"), parent
        )

    def text(self, path: str) -> str | None:
        """Return the text of a file below the folder of the spec, or None if it cannot be read."""
        try:
            raw = self.read(path)
            return None if raw is None else raw.decode("utf-8-sig")
        except ValueError:
            return None

    @cached_property
    def lock(self) -> Lock:
        """The contents of truewheel.lock beside the spec; an empty lock where there is none.

        Raises `Stop` (exit 2).
        """
        return read_lock(self.read)

    def image_sources(self) -> images.Sources:
        """Return the inputs of the builder images beside the spec."""
        locks = {
            path.name: path.read_bytes() for path in (_PACKAGE / "workspace/locks").glob("*.txt")
        }
        return images.Sources(self.read, locks, self.lock.digests, self.lock.truewheel)

    def job_files(self) -> dict[str, str]:
        """Return the texts of the files that jobs use beside the pipeline, by name."""
        locks, forges = _PACKAGE / "workspace/locks", _PACKAGE / "forges"
        files = [locks / UV_LOCK, locks / tool_script.LOCK, forges / tool_script.SOURCE]
        files += [forges / name / file for name, kind in FORGES.items() for file in kind.sources]
        texts = {file.name: file.read_text(encoding="utf-8") for file in files}
        for name in (UV_LOCK, tool_script.LOCK):
            texts[name] = renewed_pins.with_requirements(texts[name], self.lock.requirements)
        return texts

    def with_lock(self, lock: Lock) -> Workspace:
        """Return the workspace as it is with another lock."""
        text = lock_file.write(lock, GENERATOR).encode()
        return replace(self, read=lambda path: text if path == LOCK_FILE else self.read(path))

    def images(self) -> Images:
        """Return the builder images of the plan.

        Raises `Stop` (exit 2) for one that cannot be built.
        """
        return images.images(self.spec, self.image_sources())

    def versions(self) -> dict[str, tuple[str, str]]:
        """Return each package's base version and the file that holds it.

        Where the policy does not use them, since git or a variable gives the version, they are
        empty. Raises `Stop` (exit 2).
        """
        if not any(PACKAGE_VERSION in rule.sources for rule in self.policy.facts.values()):
            return dict.fromkeys(self.spec.packages, ("", ""))
        versions: dict[str, tuple[str, str]] = {}
        read: dict[tuple[str, str], str | Problem] = {}
        problems: list[Problem] = []
        for name, package in self.spec.packages.items():
            project_file = f"{package.path.rstrip('/')}/pyproject.toml".removeprefix("./")
            file = package.version.file or project_file
            place = (file, package.version.match)
            if place not in read:
                read[place] = self._version(*place, is_project=not package.version.file)
            version = read[place]
            if isinstance(version, str):
                versions[name] = (version, file)
            else:
                is_named = bool(package.version.file)
                route = ("packages", name, *(("version", "file") if is_named else ()))
                message = f"{file}: {version.message}"
                problems.append(self.spec.document.problem(route, message, version.hint))
        if problems:
            raise Stop(problems)
        return versions

    def required_pythons(self) -> dict[str, tuple[str, str]]:
        """Return each package's requires-python, as its project's files say it, and the file."""
        from truewheel.workspace import required_pythons  # only for plans

        return required_pythons.required_pythons(self.spec, self.text, parse_toml)

    @cached_property
    def submodules(self) -> list[str]:
        """The folders of git submodules."""
        return submodules.paths(self.text(submodules.FILE))

    def packages_by_git(self) -> list[str]:
        """Return the packages whose builds ask git for their version."""
        from truewheel.workspace import git_versions  # only for pipelines

        return git_versions.packages_by_git(self.spec, self.text, parse_toml)

    def _version(self, file: str, match: str, *, is_project: bool) -> str | Problem:
        text = self.text(file)
        if text is None:
            hint = "name the file that holds the version: packages.<name>.version.file"
            return Problem(self.spec.document.where(), "is not there or is not text", hint)
        if match:
            where = self.spec.document.where()
            return version_file.find_version(text, match) or Problem(
                where, f"holds nothing that matches {match}", MATCH_HINT
            )
        return self._project_version(text) if is_project else _bare_version(text, self.spec)

    def _project_version(self, text: str) -> str | Problem:
        where = self.spec.document.where()
        hint = "write it there, or name a version file: packages.<name>.version.file"
        try:
            project = parse_toml(text).get("project", {})
        except (ValueError, RecursionError) as error:
            return Problem(where, f"is not TOML: {error}", "correct the file")
        version = project.get("version") if isinstance(project, dict) else None
        if isinstance(version, str):
            return version
        return Problem(where, "has no [project] version", hint)


def _bare_version(text: str, spec: Spec) -> str | Problem:
    words = text.split()
    if len(words) == 1:
        return words[0]
    hint = "such as 2.69.0.dev0; or say where the version stands: packages.<name>.version.match"
    return Problem(spec.document.where(), "must hold one version and nothing else", hint)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the data of a TOML text.

    Raises `ValueError`, or `RecursionError` for one nested too deep.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def find_spec(given: str | None, start: Path) -> Path:
    """Return the spec's path.

    That is the given one, else truewheel.yml in `start` or in the nearest folder above it.
    """
    if given:
        return Path(given)
    for folder in (start, *start.parents):
        if (folder / SPEC).is_file():
            return folder / SPEC
    raise stop(
        SPEC,
        f"no {SPEC} in {start} or above it",
        "go to your project, or name the file: --spec FILE",
    )


def find_root(given: str | None, start: Path) -> Path:
    """Return the folder in which the paths of a written plan start.

    That is the folder of the spec, else `start` itself.
    """
    try:
        return find_spec(given, start).resolve().parent
    except Stop:
        return start


def load(given: str | None, start: Path) -> Workspace:
    """Return the workspace of a spec.

    Raises `Stop` (exit 2) with every problem of the file.
    """
    path = find_spec(given, start)
    if not path.name.isprintable():  # the generated files name it
        raise stop(str(path), "the spec's file name is not printable text", "rename the file")
    return _workspace(path, _bytes(path), disk_reader(path.resolve().parent))


def load_revision(given: str | None, start: Path, revision: str) -> Workspace:
    """Return the workspace as it is in a git revision.

    Raises `Stop` (exit 2) when there is no such revision or spec.
    """
    path = find_spec(given, start)
    read = revision_reader(path.resolve().parent, revision)
    raw = read(path.name)
    if raw is None:
        raise stop(
            f"{revision}:{path.name}",
            "there is no such file in that revision",
            "name another: --against REF",
        )
    return _workspace(path, raw, read)


def _workspace(path: Path, raw: bytes, read: Read) -> Workspace:
    parsed = spec.parse(yaml_source.decode(raw, path.name), path.name, expanded_schema)
    return Workspace(path.resolve().parent, parsed, read)


def read_lock(read: Read) -> Lock:
    """Return the contents of truewheel.lock, or an empty lock. Raises `Stop` (exit 2)."""
    raw = read(LOCK_FILE)
    if raw is None:
        return Lock()
    return lock_file.parse(yaml_source.decode(raw, LOCK_FILE), LOCK_FILE)


def disk_reader(root: Path) -> Read:
    """Return the reader of the files below a folder.

    It raises `Stop` (exit 2) for a path, or a link, that leads out of the folder: a stranger's
    spec could have files of whoever reads it shown in names, plans and notes.
    """

    def read(path: str) -> bytes | None:
        try:
            return files.below(root, path, path).read_bytes()
        except (OSError, RuntimeError, ValueError):  # nothing there, links in a circle, NUL
            return None

    return read


def revision_reader(root: Path, revision: str) -> Read:
    """Return the function that reads files below a folder as they are in a git revision.

    Raises `Stop` (exit 2) where there is no such revision.
    """
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if commit is None:
        raise _no_revision(root, revision)

    def read(path: str) -> bytes | None:
        name = os.path.relpath(files.below(root, path, path), root.absolute())
        return _git(root, "cat-file", "blob", f"{commit.decode().strip()}:./{name}")

    return read


def _no_revision(root: Path, revision: str) -> Stop:
    from truewheel.workspace import git

    place = f"--against {revision}"
    if fault := git.find_fault(root, os.environ):
        return stop(place, fault.message, fault.hint)
    return stop(place, "git knows no such revision here", "fetch it, or name another")


def _git(root: Path, *words: str) -> bytes | None:
    from truewheel.system import git_program  # only to look at another revision

    ended = git_program.captured(words, cwd=root, env=os.environ, timeout=60)
    return ended.stdout if ended and ended.status == 0 else None


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(yaml_source.MAX_BYTES + 1)
    except OSError as error:
        raise stop(
            str(path), f"cannot be read: {error.strerror}", "name the file: --spec FILE"
        ) from None


def read_text(path: Path) -> str | None:
    """Return the text of a small file, or None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """Return the JSON schema of the spec.

    It lies beside the package when installed, and in `schema/` of a checkout.
    """
    name = "truewheel.schema.json"
    installed = _PACKAGE / "schema" / name
    path = installed if installed.is_file() else _PACKAGE.parents[1] / "schema" / name
    data: dict[str, Any] = json.loads(path.read_bytes())
    return data


@lru_cache(maxsize=4)
def expanded_schema(definition: str = "") -> schemas.Schema:
    """Return the expanded schema of a spec, or one of its definitions, such as `policy`."""
    return schemas.expand_schema(schema(), definition)


def read_asset(name: str) -> str:
    """Return the text of a file that ships with the package, such as page.css."""
    return (_PACKAGE / "report/assets" / name).read_text(encoding="utf-8")


def builtin_policies() -> dict[str, Path]:
    """Return the files of the built-in policies by name."""
    return {path.stem: path for path in sorted((_PACKAGE / "spec/policies").glob("*.yml"))}


def read_policy(name: str, root: Path, where: Where) -> Policy:
    """Return a policy that somebody names: a file when it ends in .yml, else a built-in one.

    The path of a file starts in `root`, and may lead anywhere. Raises `Stop`.
    """

    def read(path: str) -> bytes | None:
        try:
            return (root / path).read_bytes()
        except OSError:
            return None

    return policy_reader(read, where)(name)


def policy_reader(read: Read, where: Where) -> policy_file.Parent:
    """Return the function that returns a policy by name, for policies that extend one another.

    A name that ends in .yml is a file that `read` returns; any other is a built-in policy. Problems
    without a place of their own are reported at `where`.
    """
    known = builtin_policies()
    reading: list[str] = []

    def read_builtin(name: str) -> bytes | None:
        return known[name].read_bytes() if name in known else None

    def parent(name: str) -> Policy:
        is_file = name.endswith((".yml", ".yaml"))
        raw = read(name) if is_file else read_builtin(name)
        if raw is None:
            hint = f"built in: {', '.join(known)}; or the path of a file that ends in .yml"
            raise stop(where, f"no policy {name!r}", hint)
        if name in reading:
            raise stop(
                where,
                f"the policy {name} extends itself: {' -> '.join([*reading, name])}",
                "remove one extends",
            )
        reading.append(name)
        label = name if is_file else known[name].name
        policy = policy_file.parse(
            yaml_source.decode(raw, label), label, expanded_schema("policy"), parent
        )
        reading.remove(name)
        return policy

    return parent


def read_plan(given: str | None, folder: Path, *, in_job: bool = False) -> tuple[Plan, Path]:
    """Return a written plan and its path.

    That is the given one, else plan.json in `folder`, else in the current folder. In a job of a CI
    it is only the one in the current folder: the artifacts of any other job may have filled
    `folder`. Raises `Stop` (exit 2) without a plan, and outside of a job where both folders have
    one and they differ.
    """
    beside, here = folder / "plan.json", Path("plan.json")
    if not (given or in_job):
        _refuse_two_plans(beside, here)
    candidates = [here] if in_job else [beside, here]
    if given:
        candidates = [Path(given)]
    for path in candidates:
        if path.is_file():
            return plan_file.read(_plan_text(path), str(path)), path
    if in_job and not given:
        other = f"; {beside} may be of any job, and is not taken" if beside.is_file() else ""
        raise stop(
            str(here),
            f"is not here{other}",
            "let the job have the artifact of the job plan, or: --plan FILE",
        )
    names = " and no ".join(str(path) for path in candidates)
    raise stop(
        str(candidates[0]), f"no {names}", "write one first: truewheel plan --output plan.json"
    )


def _refuse_two_plans(beside: Path, here: Path) -> None:
    """Raise `Stop` (exit 2) where there are two different plans: nothing says which is meant."""
    if beside.is_file() and here.is_file() and _plan_text(beside) != _plan_text(here):
        raise stop(
            str(beside),
            f"is another plan than {here}",
            f"name the one that is meant: --plan {beside}, or --plan {here}",
        )


def _plan_text(path: Path) -> str:
    text = read_text(path)
    if text is None:
        raise stop(
            str(path), "cannot be read as text", "write it again: truewheel plan --output plan.json"
        )
    return text


def check_separators(*folders: Path) -> None:
    """Raise `Stop` (exit 2) for a folder whose name keeps every build from working.

    Whatever the project contains, its tools cannot handle that name.
    """
    for folder in folders:
        for sign, why in _SEPARATORS.items():
            if sign in str(folder):
                raise stop(
                    str(folder), f"a {why} this folder's name", "move the project to another folder"
                )
