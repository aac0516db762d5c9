"""One built wheel under another file name.

Everything that says the name changes with it, the rest stays as it is packed.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zipfile import BadZipFile, ZipFile

from truewheel.errors import Exit, Stop, stop
from truewheel.system.files import explained
from truewheel.wheel import zip_copy, zip_structure
from truewheel.wheel.filename import WheelName, expand_tag, parse_name, printable
from truewheel.wheel.reader import Row, Wheel, open_wheel
from truewheel.wheel.zip_copy import Part
from truewheel.wheel.zip_structure import Member

_HEAD = re.compile(r"(?:(?:[!-9;-~]+:|[ \t])[^\n]*(?:\n|\Z))*")
_TAG_OR_BUILD = re.compile(r"^(?:Tag|Build):[^\n]*(?:\n|\Z)", re.MULTILINE | re.IGNORECASE)
_PURL = re.compile(r"pkg:pypi/([^@/?#]+)@([^?#]+)(.*)", re.DOTALL)
_STRONG = frozenset({"sha256", "sha384", "sha512"})


def rewrite(
    source: Path,
    folder: Path,
    filename: str,
    *,
    project: str = "",
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Write the wheel `source` into `folder` under another file name and return its path.

    With the file name change: the dist-info and data folders, `Name` and `Version` in METADATA,
    `Tag` and `Build` in WHEEL, the wheel's own component in SBOMs (PEP 770), and RECORD. A wheel
    that becomes another project gets the name `project`, by default the normalised one. `extra` are
    files to add to dist-info, by their ASCII path in it. Code that knows its own version says what
    it said. The same input gives the same bytes, whatever the machine's zlib.

    The source and then the result are checked: its contents agree with its file name, each file of
    dist-info has the hash that RECORD gives it, RECORD lists exactly the members with their sizes,
    directory and local headers agree on places, sizes and CRCs. The other members are copied
    unread, and their rows of RECORD with them: `build.validate` compares those.

    Raises `Stop`: exit 2 when `filename` is no name of a wheel or the file cannot be written; exit
    4 when the wheel is broken, differs from its own name, or would differ from the other one.
    Nothing is left behind then.
    """
    try:
        name = parse_name(filename)
    except ValueError as error:
        raise stop(printable(filename), str(error), "PEP 427 has the parts of the name") from None
    target, hidden = folder / filename, folder / f".{secrets.token_hex(8)}.tmp"
    with open_wheel(source) as wheel:
        members = _checked(wheel)
        parts = _Renaming(wheel=wheel, name=name, filename=filename, project=project).parts(
            members, extra or {}
        )
        with explained(target, "written"):
            try:
                with hidden.open("xb") as out, _zip_explained(wheel):
                    zip_copy.write(out, wheel.archive, parts)
                with ZipFile(hidden) as archive:
                    _checked(Wheel(target, archive))
                hidden.replace(target)
            finally:
                hidden.unlink(missing_ok=True)
    return target


def variant_json(name: WheelName) -> bytes:
    """Return the `variant.json` of a labelled wheel: its label, no properties (PEP 825, 0.1.1)."""
    # A property whose namespace no installed provider knows would make the wheel one that nobody
    # can install.
    document = {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": [re.sub(r"[^a-z0-9_]", "_", name.distribution)]},
        "variants": {name.label: {}},
    }
    return (json.dumps(document, indent=1) + "\n").encode()


@dataclass(frozen=True, kw_only=True)
class _Renaming:
    """What becomes of each part of `wheel` under the file name `filename`."""

    wheel: Wheel
    name: WheelName
    filename: str
    project: str

    @cached_property
    def folders(self) -> dict[str, str]:
        """The dist-info and data folders, and what they are called then."""
        stem = f"{self.name.distribution}-{self.name.version}"
        identity = _identity(self.wheel.name)
        tops = {entry.filename.partition("/")[0] for entry in self.wheel.archive.infolist()}
        data = [top for top in tops if top.endswith(".data") and _folder_identity(top) == identity]
        return {self.wheel.dist_info: f"{stem}.dist-info"} | dict.fromkeys(data, f"{stem}.data")

    @cached_property
    def is_other_project(self) -> bool:
        """Whether the file names are those of two projects."""
        return _identity(self.wheel.name)[0] != _identity(self.name)[0]

    def path(self, path: str) -> str:
        """Return a member's path in the new wheel."""
        top, slash, rest = path.partition("/")
        return f"{self.folders.get(top, top)}/{rest}" if slash else path

    def parts(self, members: Sequence[Member], extra: Mapping[str, bytes]) -> list[Part]:
        """Return the members of the new wheel; files that are added stand before RECORD."""
        self._refuse_wrong_name()
        info = self.folders[self.wheel.dist_info]
        contents = self._texts() | {f"{info}/{path}": content for path, content in extra.items()}
        rows = self._rows(contents)
        if rows != self.wheel.record:
            contents[f"{info}/RECORD"] = self._record(rows)
        names = [self.path(member.info.filename) for member in members]
        if len(set(names)) != len(names):
            raise _stop(self.wheel, f"two of its members would get one name in {info}")
        parts = [
            Part(member=member, name=name, content=contents.pop(name, None))
            for member, name in zip(members, names)
        ]
        place = names.index(f"{info}/RECORD")
        added = [
            replace(parts[place], name=name, content=content) for name, content in contents.items()
        ]
        return parts[:place] + added + parts[place:]

    def _refuse_wrong_name(self) -> None:
        old, new = self.wheel.name.platform, self.name.platform
        if ("any" in old.split(".")) != ("any" in new.split(".")):
            raise _stop(
                self.wheel,
                f"is for {old} and cannot be named for {new}: Root-Is-Purelib would be wrong",
            )
        if self.project and _normal(self.project, self.name.version) != _identity(self.name):
            raise _stop(
                self.wheel, f"cannot be the project {self.project} under the name {self.filename}"
            )

    def _texts(self) -> dict[str, bytes]:
        """Return the texts that change, by their new path."""
        info, changed = self.wheel.dist_info, {}
        edits = {f"{info}/METADATA": self._metadata, f"{info}/WHEEL": self._wheel_text}
        sboms = (
            entry.filename
            for entry in self.wheel.entries
            if entry.filename.startswith(f"{info}/sboms/")
        )
        for path, edit in (edits | dict.fromkeys(sboms, self._sbom)).items():
            text = self.wheel.text(path)
            edited = edit(text)
            if edited != text:
                changed[self.path(path)] = edited.encode()
        return changed

    def _metadata(self, text: str) -> str:
        if self.is_other_project:
            text = self._with_field(text, "Name", self.project or _identity(self.name)[0])
        if _identity(self.wheel.name)[1] != _identity(self.name)[1]:
            text = self._with_field(text, "Version", self.name.version)
        return text

    def _with_field(self, text: str, field: str, value: str) -> str:
        head, body = _split(text)
        line = re.compile(
            rf"^({field}:[ \t]*)[^\r\n]*(?=\r?$)(?!\r?\n[ \t])", re.MULTILINE | re.IGNORECASE
        )
        changed, count = line.subn(lambda match: match[1] + value, head)
        if count != 1:
            raise _stop(self.wheel, f"METADATA has {count} plain lines with {field}, not one")
        return changed + body

    def _wheel_text(self, text: str) -> str:
        old, new = self.wheel.name, self.name
        if (old.tags, old.build) == (new.tags, new.build):
            return text
        head, body = _split(text)
        end = "\r\n" if "\r\n" in head else "\n"
        tags = self.wheel.wheel.all("Tag") if old.tags == new.tags else sorted(new.tags)
        lines = [f"Tag: {tag}{end}" for tag in tags] + (
            [f"Build: {new.build}{end}"] if new.build else []
        )
        before, *after = _TAG_OR_BUILD.split(head)
        return "".join([before, *lines, *after, body])

    def _sbom(self, text: str) -> str:
        try:
            document = json.loads(text)
            renamed = self._in_sbom(document)
            return text if renamed == document else json.dumps(renamed)
        except (ValueError, RecursionError):
            if self.wheel.path.name in unquote(text):
                raise _stop(
                    self.wheel, "has an SBOM that says its file name and is not JSON"
                ) from None
            return text

    def _in_sbom(self, node: Any) -> Any:
        """Return a JSON value of an SBOM, in which this wheel's component is the new wheel."""
        if isinstance(node, str):
            return self._purl(node) or node.replace(self.wheel.path.name, self.filename)
        if isinstance(node, list):
            return [self._in_sbom(item) for item in node]
        if not isinstance(node, dict):
            return node
        renamed = {key: self._in_sbom(value) for key, value in node.items()}
        if self._purl(str(node.get("purl"))):
            renamed["version"] = self.name.version
            if self.is_other_project:
                renamed["name"] = self.name.distribution
        return renamed

    def _purl(self, text: str) -> str:
        """Return the new package URL for one of this wheel, with or without a file name.

        "" for any other text.
        """
        match = _PURL.fullmatch(text)
        if match is None:
            return ""
        if _normal(unquote(match[1]), unquote(match[2])) != _identity(self.wheel.name):
            return ""
        project = quote(self.name.distribution, safe="") if self.is_other_project else match[1]
        rest = re.sub(r"\bfile_name=[^&#]*", f"file_name={quote(self.filename, safe='')}", match[3])
        return f"pkg:pypi/{project}@{quote(self.name.version, safe='')}{rest}"

    def _rows(self, contents: Mapping[str, bytes]) -> tuple[Row, ...]:
        """Return the rows of RECORD: the old ones in their order, then those of new files."""
        rows = {
            self.path(row.path): replace(row, path=self.path(row.path)) for row in self.wheel.record
        }
        for path, content in contents.items():
            digest = _base64(hashlib.sha256(content).digest())
            rows[path] = Row(path=path, hash=f"sha256={digest}", size=str(len(content)))
        return tuple(rows.values())

    def _record(self, rows: Iterable[Row]) -> bytes:
        end = "\r\n" if "\r\n" in self.wheel.text(f"{self.wheel.dist_info}/RECORD") else "\n"
        lines = io.StringIO(newline="")
        csv.writer(lines, lineterminator=end).writerows(
            (row.path, row.hash, row.size) for row in rows
        )
        return lines.getvalue().encode()


def _checked(wheel: Wheel) -> list[Member]:
    """Return where the members of a wheel lie, after comparing it with its name and RECORD."""
    with _zip_explained(wheel):
        members = zip_structure.members(wheel.archive)
    _check_name(wheel)
    _check_record(wheel)
    return members


def _check_name(wheel: Wheel) -> None:
    name, fields, metadata = wheel.name, wheel.wheel, wheel.metadata
    tags = {tag for line in fields.all("Tag") for tag in expand_tag(line)}
    for part, inside, named in (
        ("the dist-info folder", _folder_identity(wheel.dist_info), _identity(name)),
        ("METADATA", _normal(metadata.first("Name"), metadata.first("Version")), _identity(name)),
        ("Tag in WHEEL", sorted(tags), sorted(name.tags)),
        ("Build in WHEEL", [fields.first("Build")], [name.build]),
    ):
        if inside != named:
            content, written = (" ".join(words) or "nothing" for words in (inside, named))
            raise _stop(wheel, f"{part} says {content}, the file name {written}")


def _check_record(wheel: Wheel) -> None:
    info = f"{wheel.dist_info}/"
    rows = {row.path: row for row in wheel.record if row.path != f"{info}RECORD"}
    entries = {
        entry.filename: entry for entry in wheel.entries if entry.filename != f"{info}RECORD"
    }
    if signed := entries.keys() & {f"{info}RECORD.jws", f"{info}RECORD.p7s"}:
        raise _stop(wheel, f"{min(signed)} signs the RECORD of this name only")
    if len(rows) < len(wheel.record) - 1:
        raise _stop(wheel, "RECORD has two rows for one member")
    if unpaired := rows.keys() ^ entries.keys():
        raise _stop(wheel, f"{min(unpaired)} is only in one of RECORD and the zip's directory")
    for path, entry in entries.items():
        if rows[path].size not in {"", str(entry.file_size)}:
            raise _stop(wheel, f"{path} has {entry.file_size} bytes, RECORD says {rows[path].size}")
        algorithm, _, digest = rows[path].hash.partition("=")
        if not path.startswith(info):
            continue
        if algorithm not in _STRONG or digest != _base64(wheel.scan(entry, algorithm).digest):
            strong = ", ".join(sorted(_STRONG))
            message = f"{path} differs from its hash in RECORD, which has to be of {strong}"
            raise _stop(wheel, message)


def _split(text: str) -> tuple[str, str]:
    """Return the header lines of METADATA or WHEEL, and the rest."""
    head = _HEAD.match(text)
    length = head.end() if head else 0
    return text[:length], text[length:]


def _identity(name: WheelName) -> tuple[str, str]:
    return _normal(name.distribution, name.version)


def _folder_identity(folder: str) -> tuple[str, str]:
    """Return whose dist-info or data folder this is."""
    distribution, _, version = folder.rpartition(".")[0].rpartition("-")
    return _normal(distribution, version)


def _normal(project: str, version: str) -> tuple[str, str]:
    """Return a project's name and version in normal form; a text that is no version stays."""
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    with contextlib.suppress(ValueError):
        version = str(Version(version))
    return canonicalize_name(project), version


def _base64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@contextlib.contextmanager
def _zip_explained(wheel: Wheel) -> Iterator[None]:
    try:
        yield
    except BadZipFile as error:
        raise _stop(wheel, str(error)) from None


def _stop(wheel: Wheel, message: str) -> Stop:
    hint = "build the wheel again; `validate` says all that is wrong with it"
    return stop(printable(str(wheel.path)), printable(message), hint, Exit.WHEEL)
