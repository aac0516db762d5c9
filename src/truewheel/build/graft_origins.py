"""Which package of the distribution a library comes from, and under which licence."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from truewheel.system import processes
from truewheel.wheel.licences import debian_licence
from truewheel.wheel.sbom import Origin

SECONDS = 60.0
APK_DATABASE = Path("/lib/apk/db/installed")
DOCUMENTS, LICENCES = Path("/usr/share/doc"), Path("/usr/share/licenses")
_OWNER = re.compile(r"([a-z0-9][a-z0-9+.-]*(?::[a-z0-9-]+)?)(?:, [^:]+(?::\w+)?)*: (/.+)")
_FORMAT = "${binary:Package}\t${Version}\t${source:Package}\t${source:Version}\n"
_RPM_FORMAT = "%{NAME}\t%{VERSION}-%{RELEASE}\t%{SOURCERPM}\t%{LICENSE}\n"


def origins(paths: Iterable[Path]) -> dict[Path, Origin]:
    """Return the packages of libraries; a library of no package is left out."""
    known: dict[Path, Origin] = {}
    spellings = {path: _spellings(path) for path in paths}
    for search in (_of_debian, _of_rpm, _of_alpine):
        if spellings:
            known |= search(spellings)
            spellings = {path: names for path, names in spellings.items() if path not in known}
    return known


def _spellings(path: Path) -> list[str]:
    """Return the paths by which a package may know a file, where /lib leads to /usr/lib."""
    names = {str(path): None, os.path.realpath(path): None}
    for name in list(names):
        if name.startswith("/usr/lib"):
            names[name.removeprefix("/usr")] = None
        elif name.startswith("/lib"):
            names[f"/usr{name}"] = None
    return list(names)


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("ID", "linux")
    except OSError:
        return "linux"


def _output(program: str, *arguments: str) -> str:
    """Return what a program says, whatever its status: of several files one may be of no package.

    It is never looked for in the current folder, which is an unpacked wheel.
    """
    path = processes.which(program, os.environ)
    if path is None:
        return ""
    env = {**os.environ, "LC_ALL": "C"}
    try:
        ended = processes.captured([path, *arguments], cwd=Path("/"), env=env, timeout=SECONDS)
    except (OSError, TimeoutError):
        return ""
    return ended.stdout.decode("utf-8", "replace")


def _of_debian(spellings: Mapping[Path, list[str]]) -> dict[Path, Origin]:
    names = [name for several in spellings.values() for name in several]
    owners = {
        match[2]: match[1]
        for line in _output("dpkg-query", "-S", *names).splitlines()
        if (match := _OWNER.fullmatch(line))
    }
    if not owners:
        return {}
    rows = _output("dpkg-query", "-W", f"-f={_FORMAT}", *sorted({*owners.values()})).splitlines()
    facts = {row.split("\t")[0]: row.split("\t") for row in rows if row.count("\t") == 3}
    known = {}
    for path, several in spellings.items():
        owner = next((owners[name] for name in several if name in owners), "")
        if owner in facts:
            package, version, source, source_version = facts[owner]
            name = package.partition(":")[0]
            text = DOCUMENTS / name / "copyright"
            known[path] = Origin(
                kind="deb",
                distribution=_distribution(),
                name=name,
                version=version,
                source=source,
                source_version=source_version,
                licence=debian_licence(_read(text), path.name),
                texts=(str(text),) if text.is_file() else (),
            )
    return known


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _of_rpm(spellings: Mapping[Path, list[str]]) -> dict[Path, Origin]:
    known = {}
    for path, several in spellings.items():
        for name in several:
            row = _output("rpm", "-qf", "--qf", _RPM_FORMAT, name).split("\n")[0].split("\t")
            if len(row) == 4:
                known[path] = _rpm_origin(*row)
                break
    return known


def _rpm_origin(name: str, version: str, archive: str, licence: str) -> Origin:
    source, source_version, release = [*archive.rsplit("-", 2), "", ""][:3]
    listed = [Path(line) for line in _output("rpm", "-q", "--licensefiles", name).splitlines()]
    texts = [path for path in listed if path.is_absolute() and path.is_file()]
    texts = texts or [path for path in sorted((LICENCES / name).glob("*")) if path.is_file()]
    return Origin(
        kind="rpm",
        distribution=_distribution(),
        name=name,
        version=version,
        source=source,
        source_version=f"{source_version}-{release.removesuffix('.src.rpm')}",
        licence=licence,
        texts=tuple(map(str, texts)),
    )


def _of_alpine(spellings: Mapping[Path, list[str]]) -> dict[Path, Origin]:
    """Return the packages by apk's list of installed files; Alpine installs no licence texts."""
    if not APK_DATABASE.is_file():
        return {}
    wanted = {name: path for path, several in spellings.items() for name in several}
    return {
        wanted[file]: Origin(
            kind="apk",
            distribution=_distribution(),
            name=fields.get("P", ""),
            version=fields.get("V", ""),
            source=fields.get("o", fields.get("P", "")),
            source_version=fields.get("V", ""),
            licence=fields.get("L", ""),
        )
        for fields, file in _alpine_files(_read(APK_DATABASE))
        if file in wanted
    }


def _alpine_files(text: str) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the fields of each package with each of its files."""
    for record in text.split("\n\n"):
        fields: dict[str, str] = {}
        folder = ""
        for line in record.splitlines():
            key, _, value = line.partition(":")
            if key == "F":
                folder = value
            elif key == "R":
                yield fields, f"/{folder}/{value}"
            else:
                fields.setdefault(key, value)
