"""One built wheel under another file name: whatever says the name changes with it, the rest stays as it is packed."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zipfile import BadZipFile, ZipFile

from truewheel import zipcopy
from truewheel.files import explained
from truewheel.problems import Exit, Stop, stop
from truewheel.wheelfile import Row, Wheel, WheelName, expand_tag, open_wheel, parse_name, printable
from truewheel.zipcopy import Member, Part

_HEAD = re.compile(r"(?:(?:[!-9;-~]+:|[ \t])[^\n]*(?:\n|\Z))*")
_TAG_OR_BUILD = re.compile(r"^(?:Tag|Build)[ \t]*:[^\n]*(?:\n|\Z)", re.MULTILINE | re.IGNORECASE)
_PURL = re.compile(r"pkg:pypi/([^@/?#]+)@([^?#]+)(.*)", re.DOTALL)
_STRONG = frozenset({"sha256", "sha384", "sha512"})


def rewrite(
    source: Path, folder: Path, filename: str, *, project: str = "", extra: Mapping[str, bytes] | None = None
) -> Path:
    """Write the wheel `source` into `folder` under another file name and return its path.

    With the file name change: the dist-info and data folders, `Name` and `Version` in METADATA, `Tag` and `Build` in
    WHEEL, the wheel's own entry in SBOMs (PEP 770), and RECORD. A wheel that becomes another project gets the name
    `project`, by default the normalised one. `extra` are files to add to dist-info, by their ASCII path in it.
    The same input gives the same bytes, whatever the machine and its zlib.

    Proven, of the source and of the result: each file of dist-info has the hash that RECORD gives it, RECORD lists
    exactly the members with their sizes, directory and local headers agree on places, sizes and CRCs. The other members
    are copied unread, and so are their rows of RECORD; that these match is for `steps.validate` to prove.

    Raises `Stop`: exit 2 when `filename` is none or the file cannot be written; exit 4 when the wheel is broken, is at
    odds with its own name, or would lie under the other one. Nothing is left behind then.
    """
    try:
        name = parse_name(filename)
    except ValueError as error:
        raise stop(printable(filename), str(error), "PEP 427 has the parts of the name") from None
    target, hidden = folder / filename, folder / f".{secrets.token_hex(8)}.tmp"
    with open_wheel(source) as wheel:
        members = _proven(wheel)
        parts = _Renaming(wheel=wheel, name=name, filename=filename, project=project).parts(members, extra or {})
        with explained(target, "written"):
            try:
                with hidden.open("xb") as out, _explained(wheel):
                    zipcopy.write(out, wheel.archive, parts)
                with ZipFile(hidden) as archive:
                    _proven(Wheel(target, archive))
                hidden.replace(target)
            finally:
                hidden.unlink(missing_ok=True)
    return target


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
        stem, own = f"{self.name.distribution}-{self.name.version}", _identity(self.wheel.name)
        tops = {entry.filename.partition("/")[0] for entry in self.wheel.archive.infolist()}
        data = [top for top in tops if top.endswith(".data") and _stem_identity(top) == own]
        return {self.wheel.dist_info: f"{stem}.dist-info"} | dict.fromkeys(data, f"{stem}.data")

    def path(self, path: str) -> str:
        """Return a member's path in the new wheel."""
        top, slash, rest = path.partition("/")
        return f"{self.folders.get(top, top)}/{rest}" if slash else path

    def parts(self, members: Sequence[Member], extra: Mapping[str, bytes]) -> list[Part]:
        """Return the members of the new wheel; files that are added stand before RECORD."""
        self._refuse_lies()
        info = self.folders[self.wheel.dist_info]
        contents = self._texts() | {f"{info}/{path}": content for path, content in extra.items()}
        rows = self._rows(contents)
        if rows != self.wheel.record:
            contents[f"{info}/RECORD"] = _csv(rows)
        parts = [Part(member=member, name=self.path(member.info.filename)) for member in members]
        parts = [replace(part, content=contents.pop(part.name, None)) for part in parts]
        record = next(place for place, part in enumerate(parts) if part.name == f"{info}/RECORD")
        added = [replace(parts[record], name=name, content=content) for name, content in contents.items()]
        if len({part.name for part in parts}) != len(parts):
            raise _stop(self.wheel, f"two members would get one name in {info}")
        return parts[:record] + added + parts[record:]

    def _refuse_lies(self) -> None:
        old, new = self.wheel.name.platform, self.name.platform
        if ("any" in old.split(".")) != ("any" in new.split(".")):
            raise _stop(self.wheel, f"is for {old} and cannot be renamed for {new}: Root-Is-Purelib would be a lie")
        for signature in ("RECORD.jws", "RECORD.p7s"):
            if f"{self.wheel.dist_info}/{signature}" in self.wheel.archive.NameToInfo:
                raise _stop(self.wheel, f"has a {signature}, which signs the RECORD of this name only")

    def _texts(self) -> dict[str, bytes]:
        """Return the texts that change, by their new path."""
        info, changed = self.wheel.dist_info, {}
        edits = {f"{info}/METADATA": self._metadata, f"{info}/WHEEL": self._wheel} | {
            entry.filename: self._sbom
            for entry in self.wheel.entries
            if entry.filename.startswith(f"{info}/sboms/")
        }
        for path, edit in edits.items():
            text = self.wheel.text(path)
            edited = edit(text)
            if edited != text:
                changed[self.path(path)] = edited.encode()
        return changed

    def _metadata(self, text: str) -> str:
        old, new = self.wheel.name, self.name
        if _project(old.distribution) != _project(new.distribution):
            text = self._with_field(text, "Name", self.project or _project(new.distribution))
        if _version(old.version) != _version(new.version):
            text = self._with_field(text, "Version", new.version)
        return text

    def _with_field(self, text: str, field: str, value: str) -> str:
        head = _head(text)
        line = re.compile(rf"^({field}[ \t]*:[ \t]*)[^\r\n]*(?=\r?$)(?!\r?\n[ \t])", re.MULTILINE | re.IGNORECASE)
        changed, count = line.subn(lambda found: found[1] + value, head)
        if count != 1:
            raise _stop(self.wheel, f"METADATA has {count} plain lines with {field}, not one")
        return changed + text[len(head) :]

    def _wheel(self, text: str) -> str:
        old, new = self.wheel.name, self.name
        if (old.tags, old.build) == (new.tags, new.build):
            return text
        head = _head(text)
        first = next(_TAG_OR_BUILD.finditer(head))
        end = "\r\n" if first[0].endswith("\r\n") else "\n"
        lines = [f"Tag: {tag}" for tag in sorted(new.tags)] + ([f"Build: {new.build}"] if new.build else [])
        rest = _TAG_OR_BUILD.sub("", head[first.start() :]) + text[len(head) :]
        return head[: first.start()] + "".join(line + end for line in lines) + rest

    def _sbom(self, text: str) -> str:
        try:
            document = json.loads(text)
            renamed = self._in_sbom(document)
            return text if renamed == document else json.dumps(renamed)
        except (ValueError, RecursionError):
            if self.wheel.path.name in unquote(text):
                raise _stop(self.wheel, "has an SBOM with its file name that is not JSON") from None
            return text

    def _in_sbom(self, node: Any) -> Any:
        """Return a JSON value with the purl, file name and version of the wheel itself replaced (as auditwheel has them)."""
        if isinstance(node, str):
            return self._purl(node) or node.replace(self.wheel.path.name, self.filename)
        if isinstance(node, list):
            return [self._in_sbom(item) for item in node]
        if not isinstance(node, dict):
            return node
        renamed = {key: self._in_sbom(value) for key, value in node.items()}
        if self._purl(str(node.get("purl"))):
            own = {"name": self.name.distribution, "version": self.name.version}
            renamed |= {key: value for key, value in own.items() if key in node}
        return renamed

    def _purl(self, text: str) -> str:
        """Return the new package URL of the wheel itself in place of its old one, "" for any other text."""
        found = _PURL.fullmatch(text)
        if found is None or _same...
