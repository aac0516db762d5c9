"""Zip files taken apart and written in parallel.

The same content, clean headers, small memory, files that lie.
"""

from __future__ import annotations

import builtins
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.wheel import zip_structure, zip_write
from truewheel.wheel.zip_write import BLOCK, Part

NAMES = st.from_regex(r"[a-zä]{1,9}(/[a-z]{1,9})?", fullmatch=True)
DATE = (2026, 1, 2, 3, 4, 6)
TEXT = b"what is said twice is said twice " * 99
NOISE = hashlib.shake_256(b"noise").digest(3000)


def written(path: Path, parts: list[Part], archive: Path | None = None) -> Path:
    with path.open("wb") as out, (archive or path).open("rb") as old:
        zip_write.write(out, old, parts, DATE)
    with ZipFile(path) as result:
        assert result.testzip() is None
        assert len(zip_structure.members(result)) == len(parts)  # which is strict
    return path


def read(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(params=["isal", "zlib"])
def deflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each deflater in turn; the other one is not installed."""
    if request.param == "isal":
        pytest.importorskip("isal")
    real = builtins.__import__

    def without_isal(name: str, *rest: object) -> object:
        if name.startswith("isal"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    if request.param == "zlib":
        monkeypatch.setattr(builtins, "__import__", without_isal)
    zip_write.deflater.cache_clear()
    yield request.param
    zip_write.deflater.cache_clear()


def test_files_bytes_and_members_become_one_clean_zip(tmp_path, deflater):
    assert zip_write.deflater().name.startswith(deflater)
    with ZipFile(tmp_path / "old.zip", "w") as old:
        old.writestr(ZipInfo("kept.txt"), TEXT, ZIP_DEFLATED)
    (tmp_path / "big").write_bytes(TEXT * (2 * BLOCK // len(TEXT)) + b"the end")
    (tmp_path / "empty").write_bytes(b"")
    with ZipFile(tmp_path / "old.zip") as old:
        [kept] = zip_structure.members(old)
    parts = [
        Part(name="new.py", content=tmp_path / "big", is_executable=True),
        Part(name="kept.txt", content=kept),
        Part(name="noise.bin", content=NOISE),
        Part(name="leer/größe.txt", content=tmp_path / "empty"),
        Part(name="bytes", content=TEXT),
    ]
    path = written(tmp_path / "new.zip", parts, tmp_path / "old.zip")
    assert read(path) == {
        "new.py": (tmp_path / "big").read_bytes(),
        "kept.txt": TEXT,
        "noise.bin": NOISE,
        "leer/größe.txt": b"",
        "bytes": TEXT,
    }
    with ZipFile(path) as archive:
        infos = {info.filename: info for info in archive.infolist()}
    assert {info.date_time for info in infos.values()} == {DATE}
    assert {info.flag_bits for info in infos.values()} == {0, 0x0800}
    assert infos["leer/größe.txt"].flag_bits == 0x0800
    assert [oct(info.external_attr >> 16) for info in infos.values()] == ["0o100755"] + 4 * [
        "0o100644"
    ]
    stored = {name for name, info in infos.items() if info.compress_type == ZIP_STORED}
    assert stored == {"noise.bin", "leer/größe.txt"}
    first = path.read_bytes()
    assert written(path, parts, tmp_path / "old.zip").read_bytes() == first


def test_a_stream_of_blocks_is_one_that_any_inflater_reads(tmp_path, deflater):
    content = hashlib.shake_256(b"more").digest(BLOCK) + bytes(2 * BLOCK) + NOISE
    (tmp_path / "big").write_bytes(content)
    path = written(tmp_path / "new.zip", [Part(name="big", content=tmp_path / "big")])
    with ZipFile(path) as archive, path.open("rb") as stream:
        [member] = zip_structure.members(archive)
        stream.seek(member.data)
        assert zlib.decompress(stream.read(member.info.compress_size), -15) == content


@given(st.dictionaries(NAMES, st.binary(max_size=5000), max_size=8))
def test_what_is_packed_is_unpacked(files):
    files = {f"{number}{name}": content for number, (name, content) in enumerate(files.items())}
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = [Part(name=name, content=content * 9) for name, content in files.items()]
        path = written(folder / "new.zip", parts)
        with ZipFile(path) as archive, path.open("rb") as stream:
            zip_write.unpack(stream, zip_structure.members(archive), folder / "out")
        assert {name: (folder / "out" / name).read_bytes() for name in files} == {
            name: content * 9 for name, content in files.items()
        }


def unpacked(path: Path, folder: Path) -> None:
    with ZipFile(path) as archive, path.open("rb") as stream:
        folder.mkdir()
        zip_write.unpack(stream, zip_structure.members(archive), folder)


def test_rights_to_be_executed_are_kept(tmp_path):
    info = ZipInfo("tool")
    info.external_attr = 0o100755 << 16
    with ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr(info, TEXT, ZIP_DEFLATED)
        archive.writestr("text", TEXT)
    unpacked(tmp_path / "old.zip", tmp_path / "out")
    assert [(tmp_path / "out" / name).stat().st_mode & 0o777 for name in ("tool", "text")] == [
        0o755,
        0o644,
    ]


@pytest.mark.parametrize("name", ["../out.txt", "/etc/motd", "a/../../b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.writestr(ZipInfo(name), TEXT)
    with pytest.raises(BadZipFile, match="leads out of the wheel"):
        unpacked(tmp_path / "old.zip", tmp_path / "folder")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "old.zip"]


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED])
def test_a_damaged_member_is_refused(tmp_path, method, deflater):
    path = tmp_path / "old.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr(ZipInfo("a"), NOISE + TEXT, method)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadZipFile, match=r"^a"):
        unpacked(path, tmp_path / "out")


def test_a_bomb_is_not_unpacked_beyond_what_it_declares(tmp_path, monkeypatch, deflater):
    bomb, path = zlib.compressobj(9, wbits=-15), tmp_path / "old.zip"
    packed = bomb.compress(bytes(8 * BLOCK)) + bomb.flush()
    with ZipFile(path, "w") as archive:
        archive.writestr(ZipInfo("a"), packed, ZIP_STORED)
    with ZipFile(path) as archive, path.open("rb") as stream:
        [member] = zip_structure.members(archive)
        member.info.compress_type, member.info.file_size = ZIP_DEFLATED, 100
        with pytest.raises(BadZipFile, match="is not what its checksum promises"):
            zip_write.unpack(stream, [member], tmp_path / "out")
    assert (tmp_path / "out/a").stat().st_size <= 100


def test_an_unknown_method_is_refused(tmp_path):
    with ZipFile(tmp_path / "old.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", TEXT)
    with pytest.raises(BadZipFile, match="a: compression method 12"):
        unpacked(tmp_path / "old.zip", tmp_path / "out")


def test_many_blocks_wait_for_no_more_memory_than_a_few(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_write, "BLOCK", 1000)
    taken, given_out = [], []
    real = zip_write._blocks

    def watched(content):
        for block in real(content):
            given_out.append(block)
            yield block

    class Out:
        def __init__(self, stream):
            self.stream = stream

        def write(self, data):
            taken.append(len(given_out))
            return self.stream.write(data)

        def __getattr__(self, name):
            return getattr(self.stream, name)

    monkeypatch.setattr(zip_write, "_blocks", watched)
    (tmp_path / "big").write_bytes(NOISE * 100)
    with (tmp_path / "new.zip").open("wb") as out:
        zip_write.write(Out(out), out, [Part(name="big", content=tmp_path / "big")], DATE)
    assert taken[0] <= 2 * zip_write.processors() + 1
    assert len(given_out) == 300
    assert read(tmp_path / "new.zip") == {"big": NOISE * 100}
