"""The release before this one: on an index, in a folder, or by a list of file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import unquote, urlsplit

from truewheel.build import verify, verify_rules
from truewheel.build.verify import Last, LastRelease, Release
from truewheel.errors import stop
from truewheel.net import release_index
from truewheel.net.package_index import Login
from truewheel.net.release_index import Listed, Member, Reader
from truewheel.system import pip_settings, processes
from truewheel.system.files import explained
from truewheel.wheel import release, sdist
from truewheel.wheel.checks.contents import ENTRY_POINTS
from truewheel.wheel.reader import Fields, parse_fields
from truewheel.wheel.release_rules import (
    Change,
    File,
    baseline,
    compare_versions,
)

OPEN_DAYS = 14
"""Days after its first file that a release of the public index takes new ones."""
THREADS = 8
PIP_SECONDS = 60.0
_DEFAULT = re.compile(r"\(default:?\s+(https?://[^\s)]+?/simple)/?\)")


def finder(
    where: str, address: str, environment: Mapping[str, str], dist: Sequence[Path]
) -> LastRelease:
    """Return what finds the release before a release of the user.

    `where` is a folder, a file, an address, or "index" or "" for the one at `address`, else the one
    that pip is set to. Raises `Stop` (exit 2) for a place that there is none.
    """
    if where in {"", "index", "pypi"} or where.startswith(("https://", "http://")):
        simple = where if "://" in where else address
        is_public = not simple or where == "pypi"
        plain, login = _login(pip_index(environment) if is_public else simple)
        return Index(plain, login, is_public=is_public).last
    path = Path(where)
    if any(path.resolve() == other.resolve() for other in dist):
        hint = "name the files of the release first: verify dist/ --against"
        raise stop("--against", f"{where} is what is to be verified", hint)
    if path.is_dir():
        return _Files([release_of(file) for file in verify.expand([path])]).last
    with explained(path, "read"):
        text = path.read_text(encoding="utf-8", errors="replace")
    return _Files([File(name) for name in verify_rules.read_patterns(text)]).last


def release_of(path: Path) -> File:
    """Return what is known of a file of a folder."""
    if not sdist.is_sdist(path.name):
        return release.describe(path)
    try:
        content = sdist.read(path).pkg_info
    except ValueError:
        content = None
    return File(path.name, path.stat().st_size, _fields(content))


def pip_index(environment: Mapping[str, str]) -> str:
    """Return the address of the index that pip is set to here, else the one that it has by default.

    Raises `Stop` (exit 2) when pip names none.
    """
    argv = processes.module("pip", "verify --against")
    ended = processes.captured(
        [*argv, "config", "list"], cwd=Path.cwd(), env=environment, timeout=PIP_SECONDS
    )
    settings = pip_settings.parse(ended.stdout.decode("utf-8", "replace"))
    if index := settings.get("index-url", ""):
        return index
    env = {**environment, "COLUMNS": "500"}
    ended = processes.captured(
        [*argv, "install", "--help"], cwd=Path.cwd(), env=env, timeout=PIP_SECONDS
    )
    match = _DEFAULT.search(ended.stdout.decode("utf-8", "replace"))
    if match is None:
        raise stop("--against", "pip names no index", "name one: --against https://…/simple/")
    return match[1]


def _login(address: str) -> tuple[str, Login | None]:
    """Return an address without its user name and password, and these."""
    parts = urlsplit(address)
    if not parts.username:
        return address, None
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return plain, Login(unquote(parts.username), unquote(parts.password or ""))


def _versions(names: Iterable[str], project: str) -> dict[str, list[str]]:
    """Return the file names of a project by their versions, in the order of the names."""
    result: dict[str, list[str]] = {}
    for name in names:
        parts = verify.name_and_version(name)
        if parts and parts[0] == project:
            result.setdefault(parts[1], []).append(name)
    return result


def _existing(names: Iterable[str], item: Release) -> Iterator[Change]:
    known = set(names)
    for file in item.files:
        if file.name in known:
            yield Change("exists", "a file of that name is there already", file.name)


@dataclass(frozen=True)
class _Files:
    """Files at hand, of which a list may know the names alone."""

    files: Sequence[File]

    def last(self, item: Release) -> Last:
        by_name = {file.name: file for file in self.files}
        versions = _versions(by_name, item.project)
        version = baseline(versions, item.version)
        files = tuple(by_name[name] for name in versions.get(version, ()))
        problems = [*compare_versions(versions, item.version), *_existing(by_name, item)]
        return Last(version, files, (*problems, *_uncompared(version, item)))


def _uncompared(version: str, item: Release) -> Iterator[Change]:
    if not version:
        yield Change(
            "not-compared", f"{item.title} has no other release to compare with", "", "note"
        )


@dataclass(frozen=True)
class Index:
    """An index with the simple API; `is_public` for the public one, which has rules of its own."""

    address: str
    login: Login | None = None
    is_public: bool = False

    def last(self, item: Release) -> Last:
        """Return the release before one. Raises `Stop` (exit 5 and 6) as the index answers."""
        listed = release_index.files(self.address, item.project, self.login)
        by_name = {file.name: file for file in listed}
        versions = _versions(by_name, item.project)
        kept = {
            version: names
            for version, names in versions.items()
            if not all(by_name[name].is_yanked for name in names)
        }
        version = baseline(kept, item.version)
        problems = [
            *compare_versions(kept, item.version),
            *_existing(by_name, item),
            *self._age([by_name[name] for name in versions.get(item.version, ())], item),
            *_uncompared(version, item),
        ]
        chosen = [by_name[name] for name in kept.get(version, ())]
        files, unread = self._describe(chosen)
        if unread:
            message = (
                f"of {unread} wheels of {version} only the names are compared: "
                "the index gives no parts of files"
            )
            problems.append(Change("not-compared", message, "", "note"))
        return Last(version, files, tuple(problems))

    def _age(self, files: Sequence[Listed], item: Release) -> Iterator[Change]:
        times = [time for file in files if (time := _time(file.uploaded))]
        if not self.is_public or not times:
            return
        age = datetime.now(timezone.utc) - min(times)
        if age > timedelta(days=OPEN_DAYS):
            message = f"{item.title} is {age.days} days old, the index takes files for {OPEN_DAYS}"
            yield Change("old-release", message)

    def _describe(self, listed: Sequence[Listed]) -> tuple[tuple[File, ...], int]:
        """Return what the index says of files, and of how many wheels that is no content."""
        if not listed:
            return (), 0
        reader = Reader(self.address, self.login)
        wheels = [file.name for file in listed if not sdist.is_sdist(file.name)]

        def one(file: Listed) -> tuple[File, bool]:
            if file.name not in wheels:
                return File(file.name, file.size, requires_python=file.requires_python), True
            return _wheel(reader, file, with_entry_points=file.name == wheels[0])

        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(one, listed))
        return tuple(file for file, _ in results), sum(not is_read for _, is_read in results)


def _wheel(reader: Reader, listed: Listed, *, with_entry_points: bool) -> tuple[File, bool]:
    """Return what the parts of a wheel say, and whether the server gives its directory.

    entry_points.txt is read of one wheel: those of a release have the same.
    """
    fields = _fields(reader.metadata(listed))
    members = reader.members(listed)
    if members is None:
        file = File(listed.name, listed.size, fields, requires_python=listed.requires_python)
        return file, False
    info = {member.name.rpartition("/")[2]: member for member in members if _is_info(member.name)}
    if fields is None and "METADATA" in info:
        fields = _fields(reader.content(listed, info["METADATA"]))
    entry_points = None
    if with_entry_points:
        entry_points = _entry_points(reader, listed, info.get(ENTRY_POINTS))
    names = [member.name for member in members if not member.name.endswith("/")]
    file = release.from_members(listed.name, listed.size, fields, names, entry_points)
    return file._replace(requires_python=listed.requires_python), True


def _is_info(name: str) -> bool:
    folder, _, _ = name.rpartition("/")
    return folder.endswith(".dist-info") and "/" not in folder


def _entry_points(reader: Reader, listed: Listed, member: Member | None) -> str | None:
    if member is None:
        return ""
    content = reader.content(listed, member)
    return None if content is None else content.decode("utf-8", "replace")


def _fields(content: bytes | None) -> Fields | None:
    try:
        return parse_fields(content.decode()) if content else None
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
