"""Packages of libraries: what package managers say, played by small programs."""

from __future__ import annotations

from pathlib import Path

import projects
import pytest

from truewheel.build import graft_origins
from truewheel.build.graft_origins import origins

MANAGERS = ("dpkg-query", "rpm")


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Put programs of these names and outputs in the place of a machine's package managers."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(graft_origins, "_distribution", lambda: "somelinux")
    monkeypatch.setattr(graft_origins, "APK_DATABASE", tmp_path / "apk")

    def write(name: str, script: str) -> None:
        path = projects.write(programs, {name: f"#!/bin/sh\n{script}"}) / name
        path.chmod(0o755)

    return write


def test_a_library_without_a_package_manager_or_package_has_no_origin(play):
    assert origins([Path("/opt/libx.so.1")]) == {}
    play("dpkg-query", "exit 1\n")
    play("rpm", "echo file is not owned by any package; exit 1\n")
    assert origins([Path("/opt/libx.so.1")]) == {}


@pytest.mark.parametrize("path", ["/usr/lib/x/libx.so.1.2", "/lib/x/libx.so.1.2"])
@pytest.mark.parametrize("known", ["/usr/lib/x/libx.so.1.2", "/lib/x/libx.so.1.2"])
def test_a_debian_package_is_found_whether_it_says_usr_or_not(
    play, tmp_path, monkeypatch, path, known
):
    play(
        "dpkg-query",
        f"""
case "$1 $*" in
-S*{known}*)
    echo "diversion by other from: {known}"
    echo "libx1:amd64: {known}"
    exit 1 ;;
-W*) printf 'libx1:amd64\\t1:1.2-3+b1\\tlibx-src\\t1:1.2-3\\n' ;;
esac
""",
    )
    monkeypatch.setattr(graft_origins, "DOCUMENTS", tmp_path / "doc")
    text = "Format: 1.0\n\nFiles: *\nLicense: Zlib\n"
    projects.write(tmp_path / "doc/libx1", {"copyright": text})
    origin = origins([Path(path), Path("/opt/libother.so")])[Path(path)]
    assert origin.purl == "pkg:deb/somelinux/libx1@1%3A1.2-3%2Bb1"
    assert (origin.source, origin.source_version, origin.licence) == ("libx-src", "1:1.2-3", "Zlib")
    assert origin.texts == (str(tmp_path / "doc/libx1/copyright"),)


def test_an_rpm_package_with_its_licence_texts(play, tmp_path):
    text = projects.write(tmp_path, {"COPYING": "Zlib"}) / "COPYING"
    play(
        "rpm",
        f"""
case "$1" in
-qf) printf 'x-libs\\t1.2-3.el8\\tx-tools-1.2-3.el8.src.rpm\\tzlib and Boost\\n' ;;
-q) echo {text}; echo "(contains no files)" ;;
esac
""",
    )
    path = Path("/usr/lib64/libx.so.1.2")
    origin = origins([path])[path]
    assert origin.purl == "pkg:rpm/somelinux/x-libs@1.2-3.el8"
    assert (origin.source, origin.source_version) == ("x-tools", "1.2-3.el8")
    assert (origin.licence, origin.texts) == ("zlib and Boost", (str(text),))


def test_an_alpine_package(play, tmp_path):
    projects.write(
        tmp_path,
        {
            "apk": "P:musl\nV:1.2.5\nL:MIT\nF:lib\nR:ld-musl.so.1\n\n"
            "C:Q1x=\nP:libx\nV:1.2-r0\nL:Zlib\no:x\nF:usr\nF:usr/lib\nR:libx.so.1.2\nZ:Q1=\n"
        },
    )
    path = Path("/usr/lib/libx.so.1.2")
    origin = origins([path])[path]
    assert origin.purl == "pkg:apk/somelinux/libx@1.2-r0"
    assert (origin.source, origin.source_version, origin.licence) == ("x", "1.2-r0", "Zlib")


def test_a_package_manager_in_the_current_folder_is_not_run(play, tmp_path, monkeypatch):
    wheel = tmp_path / "wheel"
    wheel.mkdir()
    path = projects.write(wheel, {"dpkg-query": "#!/bin/sh\n: >marker\n"}) / "dpkg-query"
    path.chmod(0o755)
    monkeypatch.chdir(wheel)
    monkeypatch.setenv("PATH", ".:")
    origins([Path("/usr/lib/libx.so.1")])
    assert not (wheel / "marker").exists()
