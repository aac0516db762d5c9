"""The files of a project on an index with what it says of them, and parts of those files.

Sources: PEP 503, 592, 658, 691, 700 and 714 (the simple API), RFC 9110 (ranges). No file is
downloaded whole: METADATA stands beside a wheel, and the names of its members in the zip file's
directory, which a server gives that knows ranges.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from truewheel.errors import Exit, stop
from truewheel.net import http, package_index
from truewheel.net.answers import described_body
from truewheel.net.package_index import Login

DEADLINE = 600.0
"""Seconds that all parts of files may take together."""
METADATA_LIMIT = 4 * 2**20
DIRECTORY_LIMIT = 64 * 2**20
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNKNOWN = 0xFFFFFFFF


class Listed(NamedTuple):
    """A file of an index; what the index does not say is 0, None or ""."""

    name: str
    url: str
    size: int = 0
    requires_python: str | None = None
    has_metadata: bool = False
    is_yanked: bool = False
    uploaded: str = ""


class Member(NamedTuple):
    """A member of a zip file, as the directory has it."""

    name: str
    method: int
    packed: int
    place: int


def files(address: str, project: str, login: Login | None) -> list[Listed]:
    """Return the files of a project, none where the index does not have it.

    Raises `Stop`: exit 5 when the index refuses, exit 6 when it gives no answer.
    """
    return package_index.ask(address, project, login, _listed) or []


def _listed(answer: http.Answer) -> list[Listed]:
    # The words of package_index are for a publisher; both read the same pages.
    try:
        if package_index.is_json(answer):
            listed = _from_json(json.loads(answer.body), answer.url)
        else:
            listed = _from_html(answer.body.decode("utf-8", "replace"), answer.url)
    except (ValueError, RecursionError) as error:
        raise http.Lost(f"its answer is no list of files: {error}") from None
    if listed and not any(file.name.endswith(package_index.SUFFIXES) for file in listed):
        kind = described_body(answer.body)
        raise http.Lost(f"its answer is {kind}, no list of files (PEP 503)")
    return listed


def _from_json(data: Any, url: str) -> list[Listed]:
    entries = data.get("files") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not all(map(_is_file, entries)):
        raise ValueError("no files with names and addresses (PEP 691)")
    result = []
    for entry in entries:
        name, place, size = (entry.get(key) for key in ("filename", "url", "size"))
        python, uploaded = entry.get("requires-python"), entry.get("upload-time")
        metadata = entry.get("core-metadata", entry.get("dist-info-metadata"))
        result.append(
            Listed(
                name,
                urljoin(url, place),
                size if isinstance(size, int) else 0,
                python if isinstance(python, str) else None,
                bool(metadata),
                bool(entry.get("yanked")),
                uploaded if isinstance(uploaded, str) else "",
            )
        )
    return result


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) for key in ("filename", "url")
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "input" and values.get("type", "").lower() == "password":
            raise ValueError("it is a page to log in at")
        if tag == "a" and values.get("href"):
            self.links.append(values)


def _from_html(text: str, url: str) -> list[Listed]:
    page = _Page()
    page.feed(text)
    result = []
    for link in page.links:
        with suppress(ValueError):  # an address that is none
            place = urljoin(url, link["href"])
            parts = urlsplit(place)
            metadata = link.get("data-core-metadata", link.get("data-dist-info-metadata", "false"))
            result.append(
                Listed(
                    unquote(parts.path.rpartition("/")[2]),
                    parts._replace(fragment="").geturl(),
                    requires_python=link.get("data-requires-python"),
                    has_metadata=metadata != "false",
                    is_yanked="data-yanked" in link,
                )
            )
    return [file for file in result if file.name]


class Reader:
    """Gets parts of the files of an index; may be used by several threads.

    A login is sent to the index's own host alone.
    """

    def __init__(self, address: str, login: Login | None) -> None:
        self._host = urlsplit(address).netloc
        secret = {"Authorization": f"Basic {login.basic}"} if login else {}
        pauses, silence = package_index.PAUSES, package_index.SILENCE
        self._inside = http.Client(secret, DEADLINE, pauses=pauses, silence=silence)
        self._outside = http.Client({}, DEADLINE, pauses=pauses, silence=silence)

    def metadata(self, file: Listed) -> bytes | None:
        """Return METADATA of a wheel as the index has it beside the file (PEP 658), or None."""
        if not file.has_metadata:
            return None
        return self._ask(f"{file.url}.metadata", METADATA_LIMIT, {}, lambda answer: answer.body)

    def members(self, file: Listed) -> list[Member] | None:
        """Return the members of a wheel, None where the server gives no parts of files."""
        end = self._end(file)
        if end is None:
            return None
        _, _, _, _, count, size, place, _ = end
        if size > DIRECTORY_LIMIT or place == _UNKNOWN or size < count * _ENTRY.size:
            return None
        directory = self._part(file, place, size) if size else b""
        return None if directory is None else read_directory(directory)

    def content(self, file: Listed, member: Member) -> bytes | None:
        """Return the bytes of a small member, None where they cannot be had."""
        import zlib

        if member.packed > METADATA_LIMIT:
            return None
        # the extra field of a member's own header may be longer than that of the directory
        spare = 64
        length = _LOCAL.size + len(member.name.encode()) + spare + member.packed
        if file.size:
            length = min(length, file.size - member.place)
        part = self._part(file, member.place, length)
        if part is None or len(part) < _LOCAL.size:
            return None
        *_, name, extra = _LOCAL.unpack_from(part)
        start = _LOCAL.size + name + extra
        data = part[start : start + member.packed]
        try:
            return (
                data
                if member.method == 0
                else zlib.decompressobj(-15).decompress(data, METADATA_LIMIT)
            )
        except zlib.error:
            return None

    def _end(self, file: Listed) -> tuple[Any, ...] | None:
        """Return the record at the end of a zip file, in which few wheels have a comment."""
        for length in (_END.size, _END.size + 2**16 - 1):
            tail = self._tail(file, length)
            if tail is None:
                return None
            place = tail.rfind(b"PK\5\6")
            if place >= 0 and len(tail) >= place + _END.size:
                return _END.unpack_from(tail, place)
        return None

    def _tail(self, file: Listed, length: int) -> bytes | None:
        if file.size:
            start = max(0, file.size - length)
            return self._part(file, start, file.size - start)
        return self._range(file, f"bytes=-{length}", length)

    def _part(self, file: Listed, start: int, length: int) -> bytes | None:
        if length <= 0 or start < 0:
            return None
        return self._range(file, f"bytes={start}-{start + length - 1}", length)

    def _range(self, file: Listed, words: str, length: int) -> bytes | None:
        def partial(answer: http.Answer) -> bytes | None:
            return answer.body if answer.status == 206 else None

        return self._ask(file.url, length, {"Range": words}, partial)

    def _ask(
        self,
        url: str,
        limit: int,
        headers: Mapping[str, str],
        use: Callable[[http.Answer], bytes | None],
    ) -> bytes | None:
        client = self._inside if urlsplit(url).netloc == self._host else self._outside
        try:
            return client.ask(url, limit, headers, use)
        except (http.Refused, http.TooLarge):  # it has no such file, or sends all of it
            return None
        except http.NoAnswer as error:
            hint = "look whether the index is up, or leave out --against"
            raise stop(url, str(error), hint, Exit.REMOTE_UNREACHABLE) from None


def read_directory(data: bytes) -> list[Member] | None:
    """Return the members of a zip file's directory, None for bytes that are none."""
    members, place = [], 0
    while place < len(data):
        if len(data) < place + _ENTRY.size or data[place : place + 4] != b"PK\1\2":
            return None
        entry = _ENTRY.unpack_from(data, place)
        _, _, _, flags, method, _, _, _, packed, _, name, extra, comment, _, _, _, offset = entry
        start = place + _ENTRY.size
        text = data[start : start + name].decode("utf-8" if flags & 0x800 else "cp437", "replace")
        members.append(Member(text, method, packed, offset))
        place = start + name + extra + comment
    return members
