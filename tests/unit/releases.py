"""Small files of releases for the tests: wheels of several platforms, and source archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import wheels

LINUX = "cp312-cp312-manylinux_2_28_x86_64"
PURE = "py3-none-any"


def wheel(folder: Path, version: str, tag: str = PURE, metadata: str = "", **files: str) -> Path:
    """Write a good wheel of the project demo; `files` are members by their modules."""
    folder.mkdir(exist_ok=True)
    content = {f"{name}/__init__.py": text.encode() for name, text in files.items()} or None
    return wheels.make_with(folder, f"demo-{version}-{tag}.whl", content, metadata=metadata)


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
