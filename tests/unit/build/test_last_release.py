"""The release before this one, on an index on 127.0.0.1: what is asked, and what is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import releases
import simple_index
import wheels
from simple_index import SimpleIndex

from truewheel.build import last_release, verify
from truewheel.build.verify import Options
from truewheel.errors import Exit, Stop
from truewheel.net import package_index
from truewheel.wheel.checks.findings import Code
from truewheel.wheel.checks.upload import Destination

NATIVE = "cp312-cp312-manylinux_2_17_x86_64"
SCRIPTS = {"entry_points.txt": "[console_scripts]\ndemo = demo:main\n"}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleIndex]:
    """An index that has demo 0.9, and 1.0 with a command and a large file."""
    monkeypatch.setattr(package_index, "PAUSES", (0.0,))
    old = tmp_path / "index"
    releases.wheel(old, "0.9", "py3-none-any")
    content = {"demo/__init__.py": b"", "old/__init__.py": b"", "demo/data.txt": b"x" * 10**6}
    metadata = "Requires-Python: >=3.10\nRequires-Dist: a>=1\nLicense: MIT"
    name = "demo-1.0-py3-none-any.whl"
    wheels.make_with(old, name, content, metadata=metadata, info=SCRIPTS)
    releases.archive(old, "1.0")
    with simple_index.running(old) as server:
        yield server


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    metadata = "Requires-Python: >=3.11\nRequires-Dist: a>=2\nLicense: MIT"
    return releases.wheel(tmp_path / "dist", "1.1", metadata=metadata, demo="").parent


def verified(dist: Path, index: SimpleIndex, *, is_public: bool = False) -> verify.Verified:
    last = last_release.Index(index.url, None, is_public=is_public).last
    return verify.verify(verify.expand([dist]), dist, Options(Destination(), last=last))


def codes(result: verify.Verified) -> set[Code]:
    return {item.code for _, findings in result.results for item in findings}


CONTENT = {Code.TW805, Code.TW806, Code.TW807}
EXPECTED = {Code.TW522, Code.TW801, Code.TW804}


@pytest.mark.parametrize("is_json", [True, False])
@pytest.mark.parametrize("has_metadata", [True, False])
def test_all_is_compared_and_nothing_is_downloaded_whole(
    index: SimpleIndex, dist: Path, is_json: bool, has_metadata: bool
):
    index.is_json, index.has_metadata = is_json, has_metadata
    result = verified(dist, index)
    size = {Code.TW809} if is_json else set()  # HTML has no sizes
    assert codes(result) - size == CONTENT | EXPECTED
    assert len(index.asked) <= 1 + 4  # the page; then the end, the directory, and two members
    assert index.sent < 5000
    assert all(span or path.endswith((".metadata", "/")) for path, span in index.asked)
    assert "Python 3.10 is not supported any more" in result.sentences[0]
    assert "no command demo any more" in result.sentences[0]


def test_a_server_without_ranges_gives_names_and_metadata(index: SimpleIndex, dist: Path):
    index.has_ranges = False
    assert codes(verified(dist, index)) == EXPECTED | {Code.TW805, Code.TW815, Code.TW809}


def test_a_server_that_does_not_say_the_size(index: SimpleIndex, dist: Path):
    index.has_size = False
    assert codes(verified(dist, index)) == CONTENT | EXPECTED


def test_files_that_are_on_another_host(index: SimpleIndex, dist: Path):
    with simple_index.running(index.folder) as storage:
        index.storage = f"http://localhost:{storage.server_port}"
        assert codes(verified(dist, index)) >= CONTENT
        assert storage.sent < 5000


def test_a_wheel_with_a_comment_in_its_zip_file(index: SimpleIndex, dist: Path):
    from zipfile import ZipFile

    with ZipFile(index.folder / "demo-1.0-py3-none-any.whl", "a") as archive:
        archive.comment = b"a comment"
    assert codes(verified(dist, index)) >= CONTENT


def test_a_yanked_release_is_not_the_last_one(index: SimpleIndex, dist: Path):
    index.yanked = {"demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"}
    assert "Compared with demo 0.9" in verified(dist, index).sentences[0]


def test_a_project_that_the_index_does_not_have(index: SimpleIndex, dist: Path):
    for path in index.folder.iterdir():
        path.unlink()
    assert Code.TW815 in codes(verified(dist, index))
    index.status = 404
    assert Code.TW815 in codes(verified(dist, index))


def test_a_file_of_that_name_and_an_old_release(index: SimpleIndex, dist: Path):
    index.uploaded = "2020-01-01T00:00:00.000000Z"
    releases.wheel(index.folder, "1.1")
    result = codes(verified(dist, index))
    assert Code.TW812 in result
    assert Code.TW814 not in result  # an index of one's own has no such limit
    assert Code.TW814 in codes(verified(dist, index, is_public=True))


@pytest.mark.parametrize(("status", "code"), [(403, Exit.REMOTE_FAILED), (503, 6)])
def test_an_index_that_refuses_or_is_down(index: SimpleIndex, dist: Path, status: int, code: int):
    index.status = status
    with pytest.raises(Stop) as stopped:
        verified(dist, index)
    assert stopped.value.code == code


def test_a_login_goes_to_the_index_alone_and_into_no_message():
    assert last_release.Index(
        *last_release._login("https://me:a%40b@index.example/simple/")
    ) == last_release.Index(
        "https://index.example/simple/", package_index.Login("me", "a@b"), is_public=False
    )


def test_the_index_of_pip_is_the_default(tmp_path: Path):
    address = "https://index.example/simple"
    environment = {"PATH": "", "PIP_INDEX_URL": address, "HOME": str(tmp_path)}
    assert last_release.pip_index(environment) == address
    plain = {"PATH": "", "PIP_CONFIG_FILE": "/dev/null", "HOME": str(tmp_path)}
    assert last_release.pip_index(plain).endswith("/simple")
