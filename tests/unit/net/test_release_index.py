"""What an index says of files, in JSON and HTML, and the directory of a zip file."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.net import http, release_index
from truewheel.net.release_index import Listed, Member, read_directory

URL = "https://index.example/simple/demo/"
NAME = "demo-1.0-py3-none-any.whl"
FILE = f"https://index.example/files/{NAME}"
JSON = {"content-type": "application/vnd.pypi.simple.v1+json"}


def listed(body: str, headers: dict[str, str]) -> list[Listed]:
    return release_index._listed(http.Answer(200, URL, headers, body.encode()))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Listed(NAME, FILE)),
        ({"size": 5, "requires-python": ">=3.9"}, Listed(NAME, FILE, 5, ">=3.9")),
        ({"core-metadata": {"sha256": "0"}}, Listed(NAME, FILE, has_metadata=True)),
        ({"dist-info-metadata": True}, Listed(NAME, FILE, has_metadata=True)),
        ({"core-metadata": False, "dist-info-metadata": True}, Listed(NAME, FILE)),
        ({"yanked": "broken"}, Listed(NAME, FILE, is_yanked=True)),
        ({"yanked": False, "upload-time": "2026-01-01T00:00:00Z"},
         Listed(NAME, FILE, uploaded="2026-01-01T00:00:00Z")),
        ({"size": "5", "requires-python": None, "upload-time": 5}, Listed(NAME, FILE)),
    ],
)  # fmt: skip
def test_json(more: dict[str, object], expected: Listed):
    entry = {"filename": NAME, "url": f"../../files/{NAME}", **more}
    assert listed(json.dumps({"files": [entry]}), JSON) == [expected]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("", Listed(NAME, FILE)),
        ('data-requires-python="&gt;=3.9"', Listed(NAME, FILE, requires_python=">=3.9")),
        ('data-core-metadata="sha256=0"', Listed(NAME, FILE, has_metadata=True)),
        ('data-dist-info-metadata="true"', Listed(NAME, FILE, has_metadata=True)),
        ('data-core-metadata="false"', Listed(NAME, FILE)),
        ("data-yanked", Listed(NAME, FILE, is_yanked=True)),
    ],
)
def test_html(attributes: str, expected: Listed):
    page = f'<h1>demo</h1><a href="../../files/{NAME}#sha256=0" {attributes}>x</a><a>none</a>'
    assert listed(page, {"content-type": "text/html"}) == [expected]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("{}", JSON),
        ("[]", JSON),
        ('{"files": [1]}', JSON),
        ('{"files": [{"filename": 1, "url": "x"}]}', JSON),
        ("[" * 100_000, JSON),
        ('<form><input type="password"></form>', {}),
        ('<a href="/about">About</a>', {}),
    ],
)
def test_what_is_no_list_of_files(body: str, headers: dict[str, str]):
    with pytest.raises(http.Lost):
        listed(body, headers)


def test_an_empty_page_has_no_files():
    assert listed("<h1>demo</h1>", {}) == []


def directory() -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        archive.writestr("demo/__init__.py", "")
        archive.writestr("demo/ü.txt", "text")
        archive.comment = b"comment"
        start = archive.start_dir
    with ZipFile(stream) as archive:
        start = archive.start_dir
    return stream.getvalue()[start : -22 - len("comment")]


def test_the_directory_of_a_zip_file():
    assert read_directory(directory()) == [
        Member("demo/__init__.py", 0, 0, 0),
        Member("demo/ü.txt", 0, 4, 46),
    ]
    assert read_directory(b"") == []


@given(st.binary(max_size=100), st.integers(0, 120))
def test_a_broken_directory_is_none_or_read(data: bytes, length: int):
    read_directory(data)
    read_directory(directory()[:length] + data)
