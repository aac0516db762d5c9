"""Small files of releases for the tests: wheels of several platforms, and source archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import wheels

PURE = "py3-none-any"


def wheel(folder: Path, version: str, tag: str = PURE, metadata: str = "", **files: str) -> Path:
    """Write a good wheel of the project demo; `files` are members by their modules."""
    folder.mkdir(exist_ok=True)
    content = {f"{name}/__init__.py": text.encode() for name, text in files.items()} or None
    return wheels.make_with(folder, f"demo-{version}-{tag}.whl", content, metadata=metadata)


def windows(folder: Path, version: str, metadata: str = "") -> Path:
    """Write a good wheel of the project demo for Windows."""
    content = {"demo/__init__.py": b"", "demo/_core.cp312-win_amd64.pyd": wheels.pe_file("amd64")}
    name = f"demo-{version}-cp312-cp312-win_amd64.whl"
    return wheels.make_with(folder, name, content, metadata=metadata)


def archive(
    folder: Path,
    version: str,
    *,
    name: str = "demo",
    pkg_info: str | None = None,
    members: Mapping[str, str] | None = None,
    links: Iterable[tuple[str, str]] = (),
    metadata: str = "",
) -> Path:
    """Write a source archive; of a bad one, with other members, links or PKG-INFO."""
    folder.mkdir(exist_ok=True)
    top = f"{name}-{version}"
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}\nA demo.\n"
    files = {f"{top}/PKG-INFO": text if pkg_info is None else pkg_info, f"{top}/demo.py": ""}
    path = folder / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for member, content in (files if members is None else members).items():
            info = tarfile.TarInfo(member)
            info.size = len(content.encode())
            opened.addfile(info, io.BytesIO(content.encode()))
        for member, target in links:
            info = tarfile.TarInfo(member)
            info.type, info.linkname = tarfile.SYMTYPE, target
            opened.addfile(info)
    return path


def faulty(folder: Path) -> None:
    """Write the release 1.0 into last, and a faulty 1.1 into dist: the example of README.md."""
    linux = "cp312-cp312-manylinux_{}_x86_64"
    for place, version, floor in ("last", "1.0", "2_17"), ("dist", "1.1", "2_28"):
        python = "Requires-Python: >=3.10\nRequires-Dist: attrs>=23"
        (folder / place).mkdir()
        name = f"demo-{version}-{linux.format(floor)}.whl"
        wheels.make_with(folder / place, name, metadata=python)
        archive(folder / place, version, metadata=f"{python}\n")
    windows(folder / "last", "1.0", "Requires-Python: >=3.10\nRequires-Dist: attrs>=23")
    content = {"demo/__init__.py": b"", "tests/__init__.py": b""}
    name = f"demo-1.1-{linux.format('2_28').replace('312', '313')}.whl"
    wheels.make_with(folder / "dist", name, content, metadata=python)
