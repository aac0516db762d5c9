"""METADATA as its specification and the public index see it."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import refused, validate
from truewheel.wheel.checks import metadata
from truewheel.wheel.checks.metadata import is_address, is_url
from truewheel.wheel.checks.upload import Destination

ANYWHERE, PYPI = Destination(), Destination("pypi")
GOOD = """\
Summary: one line
Author: Ada
Author-Email: Ada <ada@example.org>, bob@example.org
Maintainer-Email: bob+wheels@mail.example.org
License-Expression: MIT OR Apache-2.0
License-File: LICENSE
Keywords: one,two words
Classifier: Programming Language :: Python :: 3
Home-page: https://example.org/path?query=%20#part
Project-URL: Home, https://example.org
Project-URL: Bug tracker, http://example.org:8080/bugs
Requires-Dist: other[x]>=1.2; python_version < "3.12"
Requires-External: libpng (>=1.5)
Requires-Python: >=3.10
Provides-Extra: fast
Requires-Dist: speed; extra == "fast"
Dynamic: License-File
Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM
"""

# the lines, the code, and words of the message
REFUSED_BY_THE_SPECIFICATION = {
    "a summary of two lines": ("Summary: one\n        two", "Summary"),
    "a license that SPDX does not have": ("License-Expression: Proprietary Or So", "Proprietary"),
    "an unfinished license": ("License-Expression: MIT OR", "License-Expression"),
    "a content type": ("Description-Content-Type: text/html", "Description-Content-Type"),
    "a charset": ("Description-Content-Type: text/markdown; charset=latin-1", "UTF-8"),
    "a variant": ("Description-Content-Type: text/markdown; variant=own", "GFM"),
    "a dynamic Name": ("Dynamic: Name", "Dynamic"),
    "a dynamic field that there is not": ("Dynamic: Colour", "Dynamic"),
    "an extra that is no name": ("Provides-Extra: so fast!", "Provides-Extra"),
    "two summaries": ("Summary: one\nSummary: two", "Summary"),
    "two licenses": ("License: MIT\nLicense: BSD", "License"),
    "an unknown field": ("Colour: green", "colour"),
    "two URLs of one label": (
        "Project-URL: A, https://a.org\nProject-URL: A, https://b.org",
        "'A'",
    ),
    "a description in two places": ("Description: here", "Description"),
    "a module that is no name": ("Import-Name: my-module", "Import-Name"),
}
REFUSED_BY_THE_INDEX = {
    "a long summary": (f"Summary: {'x' * 513}", "TW604", "513"),
    "a long label": (f"Project-URL: {'x' * 33}, https://example.org", "TW604", "33"),
    "no label": ("Project-URL: https://example.org", "TW604", "Project-URL"),
    "no address": ("Project-URL: Home,", "TW604", "Home"),
    "an empty label": ("Project-URL: , https://example.org", "TW604", "label"),
    "a URL that is none": ("Project-URL: Home, example.org", "TW604", "Home"),
    "a home page that is none": ("Home-page: UNKNOWN", "TW604", "Home-Page"),
    "a home page of another scheme": ("Home-page: ftp://example.org", "TW604", "ftp://"),
    "a download address that is none": ("Download-URL: example.org/a", "TW604", "example.org/a"),
    "an address without a domain": ("Author-email: ada", "TW604", "ada"),
    "an address of this machine": ("Maintainer-email: Ada <ada@localhost>", "TW604", "localhost"),
    "a license in two ways": ("License: MIT\nLicense-Expression: MIT", "TW604", "License"),
    "a classifier that there is not": ("Classifier: Topic :: Nothing", "TW605", "Topic :: Nothing"),
    "a private package": ("Classifier: Private :: Do Not Upload", "TW605", "Private"),
    "a requirement by address": (
        "Requires-Dist: other @ https://example.org/o-1.0-py3-none-any.whl",
        "TW606",
        "other",
    ),
    "a requirement from git": ("Requires-Dist: o @ git+https://example.org/o", "TW606", "git+"),
    "an address of what it provides": ("Provides-Dist: o @ https://example.org/o", "TW604", "o @"),
}


def findings(path, to=ANYWHERE):
    return [(item.code.name, item.severity, item.message) for item in validate(path, to)]


def test_good_metadata_has_no_finding(tmp_path):
    path = wheels.make_with(tmp_path, metadata=GOOD, info={"licenses/LICENSE": "MIT"})
    assert findings(path, PYPI) == []


@pytest.mark.parametrize("what", REFUSED_BY_THE_SPECIFICATION)
def test_what_the_specification_refuses_is_a_warning_and_an_error_for_the_index(tmp_path, what):
    lines, word = REFUSED_BY_THE_SPECIFICATION[what]
    path = wheels.make_with(tmp_path, metadata=lines, level="2.5")
    for to, severity in ((ANYWHERE, "warning"), (PYPI, "error")):
        ((code, actual, message),) = findings(path, to)
        assert (code, actual) == ("TW214", severity)
        assert word in message
    assert [item.code.name for item in refused(path, PYPI)] == ["TW214"]


def test_a_field_of_a_later_metadata_version(tmp_path):
    path = wheels.make_with(tmp_path, metadata="License-Expression: MIT", level="2.1")
    ((code, _, message),) = findings(path)
    assert code == "TW214"
    assert "2.4" in message


@pytest.mark.parametrize("what", REFUSED_BY_THE_INDEX)
def test_what_the_index_refuses_beyond_that(tmp_path, what):
    lines, code, word = REFUSED_BY_THE_INDEX[what]
    path = wheels.make_with(tmp_path, metadata=lines)
    assert findings(path) == []
    ((actual, severity, message),) = findings(path, PYPI)
    assert (actual, severity) == (code, "error")
    assert word in message
    assert [item.code.name for item in refused(path, PYPI)] == [code]


def test_fields_behind_a_line_that_is_none_are_lost(tmp_path):
    path = wheels.make_with(tmp_path, metadata="License: one\nand more\nRequires-Dist: six")
    ((code, severity, message),) = findings(path)
    assert (code, severity) == ("TW215", "error")
    assert "'and more'" in message
    assert "Requires-Dist" in message
    path = wheels.make_with(tmp_path, metadata="License: one\nand more")
    assert [(code, severity) for code, severity, _ in findings(path)] == [("TW215", "warning")]


def test_a_license_file_before_its_specification_is_none_of_these_faults(tmp_path):
    path = wheels.make_with(tmp_path, metadata="License-File: ../LICENSE", level="2.1")
    assert findings(path, PYPI) == []


def test_an_empty_list_of_modules_is_allowed(tmp_path):
    path = wheels.make_with(tmp_path, metadata="Import-Name:", level="2.5")
    assert findings(path, PYPI) == []


@pytest.mark.parametrize("text", ["a `broken", ".. nothing::\n\n   x", "Title\n==\n\n:unknown:`x`"])
def test_a_description_that_cannot_be_rendered(tmp_path, text):
    pytest.importorskip("readme_renderer")
    path = wheels.make_with(tmp_path, metadata=f"Summary: s\n\n{text}\n")
    assert findings(path) == []
    assert [code for code, _, _ in findings(path, PYPI)] == ["TW607"]
    path = wheels.make_with(
        tmp_path, metadata=f"Description-Content-Type: text/markdown\n\n{text}\n"
    )
    assert findings(path, PYPI) == []


@pytest.mark.parametrize(
    "lines",
    [
        f"Description-Content-Type: {'(' * 5000}",
        f"License-Expression: {'(' * 5000}MIT",
        f"Author-email: {'(' * 5000}",
    ],
)
def test_brackets_without_end_are_a_finding(tmp_path, lines):
    path = wheels.make_with(tmp_path, metadata=lines)
    assert {kind for _, kind, _ in findings(path, PYPI)} == {"error"}


def test_what_is_not_installed_is_named(monkeypatch):
    assert metadata.unchecked() == []
    monkeypatch.setattr(metadata, "find_spec", lambda name: None)
    classifiers, descriptions = metadata.unchecked()
    assert "trove-classifiers" in classifiers
    assert "readme-renderer" in descriptions


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://example.org", True),
        ("HTTP://EXAMPLE.ORG/", True),
        ("https://[::1]:80/", True),
        ("https://user:pw@example.org:443", True),
        ("https://example.org/a b|c", True),
        ("https:/path", True),
        ("https://example.org:99999/", False),
        ("//example.org", False),
        ("example.org", False),
        ("mailto:a@b.org", False),
        ("httpsx://b.org", False),
        ("", False),
    ],
)
def test_addresses_of_the_web(text, good):
    assert is_url(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a@b.org", True),
        ("a.b+c@d-e.f.org", True),
        ("ä@bücher.example.org", True),
        ("a@b", False),
        ("a@b.1", False),
        ("a@b.co1", False),
        ("a@b_c.org", False),
        ("a..b@c.org", False),
        (".a@c.org", False),
        ("a@-b.org", False),
        ("a@b.org.", False),
        ("a b@c.org", False),
        ("a@c.test", False),
        ("@c.org", False),
        (f"{'a' * 65}@c.org", False),
    ],
)
def test_addresses_of_people(text, good):
    assert is_address(text) is good
