"""setup.cfg and setup.py: plain text is read, what is computed is not, and nothing is run."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.spec import version_file
from truewheel.workspace import setup_files
from truewheel.workspace.setup_files import Setup

LITERAL = setup_files.KEYWORD
CONFIG = "[metadata]\nname = foo\nversion = {}\n[options]\npython_requires = >=3.9\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Setup()),
        ({"setup.py": "setup()"}, Setup()),
        ({"setup.py": "setup("}, Setup()),
        ({"setup.py": "import os\nsetup(name=os.sep, version=f'{os.sep}')"}, Setup()),
        (
            {
                "setup.py": "setuptools.setup(\n    name='foo',\n    version='1.0',\n"
                "    python_requires='>=3.9')"
            },
            Setup("foo", ">=3.9", place="setup.py", match=LITERAL),
        ),
        (
            {
                "setup.py": "N, v = 'foo', 1\nN = 'foo'\n__version__ = '1'\n"
                "if N:\n    setup(name=N, version=__version__)"
            },
            Setup("foo", place="setup.py", match=version_file.assignment_pattern("__version__")),
        ),
        ({"setup.py": "# version='2'\nsetup(name='foo', version='1')"}, Setup("foo")),
        (
            {"setup.cfg": CONFIG.format("1.0")},
            Setup("foo", ">=3.9", place="setup.cfg", match=r"^version\s*=\s*(\S+)"),
        ),
        (
            {"setup.cfg": CONFIG.format("attr: foo.__version__")},
            Setup("foo", ">=3.9", attribute="foo.__version__"),
        ),
        ({"setup.cfg": CONFIG.format("file: V")}, Setup("foo", ">=3.9", file="V")),
        ({"setup.cfg": "[metadata"}, Setup()),
        (
            {"setup.cfg": "[metadata]\nname = foo", "setup.py": "setup(name='bar', version='1.0')"},
            Setup("foo", place="setup.py", match=LITERAL),
        ),
    ],
)
def test_plain_text_is_read(files: Mapping[str, str], expected: Setup):
    assert setup_files.read_setup(files.get) == expected


@given(st.text())
def test_any_text_is_read_or_says_nothing(text: str):
    assert isinstance(setup_files.read_setup(lambda _: text), Setup)


def test_a_file_nested_too_deep_says_nothing():
    assert setup_files.read_setup({"setup.py": "(" * 100_000}.get) == Setup()
    assert setup_files.read_setup({"setup.py": "-" * 100_000 + "1"}.get) == Setup()
