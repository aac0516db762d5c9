"""Reading a wheel without trusting it: its dist-info folder, its members."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from truewheel.errors import Exit, Stop, stop
from truewheel.wheel import elf, inflate, zip_structure
from truewheel.wheel.filename import WheelName, parse_name, printable

TEXT_LIMIT = 16 * 2**20
"""Bytes of METADATA, WHEEL or RECORD that are read; a larger one is refused."""

FIELDS_LIMIT = 2**20
"""Characters that the fields of METADATA or WHEEL may have.

Folded lines and the description do not count.
"""

ROWS = 1000
"""Rows of RECORD that are read beyond two for each member."""

_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
_PLAIN = frozenset(
    {".c", ".cpp", ".cu", ".h", ".hpp", ".json", ".md", ".pxd", ".py", ".pyi", ".pyx", ".txt"}
)
_BROKEN: tuple[type[Exception], ...] = (
    *(
        BadZipFile,
        EOFError,
        OSError,
        OverflowError,
        RuntimeError,
        ValueError,
        csv.Error,
        struct.error,
    ),
    *inflate.ERRORS,
)


@dataclass(frozen=True, slots=True)
class Fields:
    """The header fields of METADATA or WHEEL; the keys are in lower case.

    `body` is the text from the first line on that is no field: a blank one in a good file.
    """

    values: Mapping[str, Sequence[str]]
    body: str = ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, whose name may be in any case; of a folded one line 1."""
        return tuple(value.partition("\n")[0].rstrip() for value in self.whole(name))

    def whole(self, name: str) -> tuple[str, ...]:
        """Return all values of a field with their folded lines."""
        return tuple(self.values.get(name.lower(), ()))

    def first(self, name: str) -> str:
        """Return the first value of a field, or ""."""
        return next(iter(self.all(name)), "")


def parse_fields(text: str) -> Fields:
    """Return the header fields before the first other line, and the text from there on.

    Raises `ValueError` for more than `FIELDS_LIMIT`.
    """
    values: dict[str, list[list[str]]] = {}
    last: list[str] = []
    size, body = 0, ""
    stream = io.StringIO(text, newline=None)  # of any system, as the readers of installers do it
    for line in stream:
        if line.startswith((" ", "\t")):
            last.append(line)
            continue
        field = _FIELD.fullmatch(line.rstrip("\n"))
        if field is None:
            body = line + stream.read()
            break
        size += len(line)
        if size > FIELDS_LIMIT:
            raise ValueError(f"its fields have more than {FIELDS_LIMIT} characters")
        last = [f"{field[2].rstrip()}\n"]
        values.setdefault(field[1].lower(), []).append(last)
    joined = {name: [_joined(lines) for lines in of] for name, of in values.items()}
    return Fields(joined, body)


def _joined(lines: list[str]) -> str:
    """Return a value and the lines onto which it is folded.

    email.generator begins a value that is too long for a line on the next one.
    """
    folded = "".join(lines)[:-1]
    return folded if lines[0].strip() else folded.strip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of RECORD as written; `hash` is `<algorithm>=<unpadded URL-safe base64>`."""

    path: str
    hash: str
    size: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """A member that was read to its end: bytes, digest, and its first 64 bytes."""

    size: int
    digest: bytes
    head: bytes


@contextlib.contextmanager
def open_wheel(path: Path) -> Iterator[Wheel]:
    """Open a wheel to be read. Raises `Stop` (exit 4) when it is not a zip file."""
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(ZipFile(stack.enter_context(zip_structure.Stream(path))))
        except _BROKEN as error:
            raise _broken(
                str(path), f"not a readable zip file: {error or type(error).__name__}"
            ) from None
        yield Wheel(path, archive)


@dataclass(frozen=True)
class Wheel:
    """An open wheel; each part is read when it is needed.

    Raises `Stop` (exit 4) for a part that cannot be read.
    """

    path: Path
    archive: ZipFile

    @cached_property
    def name(self) -> WheelName:
        """The parts of the file name."""
        try:
            return parse_name(self.path.name)
        except ValueError as error:
            raise self._stop(str(error)) from None

    @cached_property
    def entries(self) -> tuple[ZipInfo, ...]:
        """All members but folders, in the directory's order; a name may be there twice."""
        return tuple(
            info
            for info in self.archive.infolist()
            if info.file_size or not info.filename.endswith("/")
        )

    @cached_property
    def folders(self) -> tuple[ZipInfo, ...]:
        """The members that are folders."""
        return tuple(
            info
            for info in self.archive.infolist()
            if not info.file_size and info.filename.endswith("/")
        )

    @cached_property
    def faults(self) -> tuple[zip_structure.Fault, ...]:
        """All that lets one reader of the zip file see something else than another."""
        with self._reading(""):
            return tuple(zip_structure.faults(self.archive))

    @cached_property
    def dist_infos(self) -> tuple[str, ...]:
        """The names of all dist-info folders; a good wheel has one."""
        tops = {info.filename.partition("/")[0] for info in self.entries if "/" in info.filename}
        return tuple(sorted(top for top in tops if top.endswith(".dist-info")))

    @cached_property
    def dist_info(self) -> str:
        """The name of the dist-info folder."""
        if len(self.dist_infos) != 1:
            raise self._stop(f"has {len(self.dist_infos)} dist-info folders, not one")
        return self.dist_infos[0]

    @cached_property
    def wheel(self) -> Fields:
        """The fields of WHEEL: Wheel-Version, Root-Is-Purelib, Tag, Build."""
        return self._fields("WHEEL")

    @cached_property
    def metadata(self) -> Fields:
        """The fields of METADATA: Name, Version, Requires-Python and others."""
        return self._fields("METADATA")

    def _fields(self, file: str) -> Fields:
        path = f"{self.dist_info}/{file}"
        text = self.text(path)
        with self._reading(path):
            return parse_fields(text)

    @cached_property
    def record(self) -> tuple[Row, ...]:
        """The rows of RECORD."""
        with self._reading(f"{self.dist_info}/RECORD"):
            lines = io.StringIO(self.text(f"{self.dist_info}/RECORD"), newline="")
            most = ROWS + 2 * len(self.entries)
            rows = list(islice((row for row in csv.reader(lines, strict=True) if row), most + 1))
            if len(rows) > most:
                raise ValueError(f"it has more than {most} rows for {len(self.entries)} members")
            if short := next((row for row in rows if len(row) != 3), None):
                raise ValueError(f"a row with {len(short)} columns, not 3: {','.join(short)[:80]}")
            return tuple(Row(path=path, hash=digest, size=size) for path, digest, size in rows)

    @cached_property
    def elf(self) -> dict[str, str]:
        """The machine of each ELF member by its name; source and text files are not looked at."""
        native = {}
        for entry in self.entries:
            if Path(entry.filename).suffix not in _PLAIN:
                machine = elf.machine(next(self.chunks(entry), b"")[: elf.HEAD])
                if machine:
                    native[entry.filename] = machine
        return native

    def text(self, member: str) -> str:
        """Return the text of a member; it is in UTF-8 and has at most `TEXT_LIMIT` bytes."""
        entry = self.archive.NameToInfo.get(member)
        if entry is None:
            raise self._stop("is missing", member)
        if entry.file_size > TEXT_LIMIT:
            raise self._stop(f"has {entry.file_size} bytes, more than {TEXT_LIMIT}", member)
        with self._reading(member):
            return b"".join(self.chunks(entry)).decode()

    def scan(self, entry: ZipInfo, algorithm: str) -> Scan:
        """Read a member to its end. `algorithm` is one that `hashlib` knows."""
        digest, size, head = hashlib.new(algorithm), 0, b""
        for piece in self.chunks(entry):
            head = head or piece[: elf.HEAD]
            size += len(piece)
            digest.update(piece)
        return Scan(size=size, digest=digest.digest(), head=head)

    def chunks(self, entry: ZipInfo) -> Iterator[bytes]:
        """Yield a member's content in pieces of bounded size.

        Only at its end it is known to be whole.
        """
        with self._reading(entry.filename):
            if self.archive.fp is None:
                raise ValueError("the wheel is closed")
            yield from inflate.unpacked(self.archive.fp, entry)

    @contextlib.contextmanager
    def _reading(self, member: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise self._stop(f"cannot be read: {error or type(error).__name__}", member) from None

    def _stop(self, message: str, member: str = "") -> Stop:
        return _broken(f"{self.path}/{member}" if member else str(self.path), message)


def _broken(where: str, message: str) -> Stop:
    return stop(printable(where), printable(message), "build the wheel again", Exit.WHEEL)
