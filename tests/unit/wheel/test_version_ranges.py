"""Whether any version is in a range, and which Pythons a tag is for."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from truewheel.wheel.version_ranges import has_python, is_empty, largest_number


@pytest.mark.parametrize(
    "text",
    [
        *(">=2,<1", ">1,<1", "==1,==2", "==1,!=1", ">=1,<=1,!=1", "~=1.2,<1.2", ">=1.0rc1,<1.0"),
        *("==1.*,>=2", "<0.dev0", ">=1,!=1.*,<2", ">=3.12,<3.11", ">1.0.post1,<1.0.post1"),
    ],
)
def test_ranges_without_a_version(text):
    assert is_empty(SpecifierSet(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ">=1",
            "<1",
            ">1,<1.0.1",
            "==1",
            "!=1",
            "==1+cu12",
            ">=1,<2",
            "~=1.2,!=1.2",
            ">1,<=2",
        ),
        *(">=2.7,!=3.0.*,!=3.1.*,!=3.2.*", ">=1.2,!=1.*,<3", ">1.0a1,<1.0a3", ">1.dev1,<1.dev5"),
        *("<1.0a1", "===anything", ">=1!1,<1!2", "<=0", ">=3.8,<4,!=3.9.0"),
        *(">=2,!=2,<2.0.1", "<1.0.dev0", ">=0.dev0,<1", "==1.*,!=1.0.*", ">=1.0.0,<1.0.0.1"),
    ],
)
def test_ranges_with_one(text):
    assert not is_empty(SpecifierSet(text))


@pytest.mark.parametrize(
    ("required", "python", "abi", "fits"),
    [
        (">=3.12", "cp310", "cp310", False),
        (">=3.12", "cp312", "cp312", True),
        (">=3.12.4", "cp312", "cp312", True),
        (">=3.12", "cp310", "abi3", True),
        (">=3.12", "cp310", "abi3t", True),
        ("<3.9", "cp39", "abi3", False),
        (">=3.12", "cp310", "none", False),
        (">=3.12", "py3", "none", True),
        (">=3.12", "py2", "none", False),
        ("<3", "py3", "none", False),
        (">=3.10", "py310", "none", True),
        ("<3.10", "py310", "none", False),
        (">=3.8", "pp39", "pypy39_pp73", True),
        (">=3.10", "pp39", "pypy39_pp73", False),
        (">=3.15.0a1", "cp315", "cp315", True),
        ("~=3.10.0", "cp310", "cp310", True),
        ("!=3.10.*", "cp310", "cp310", False),
        ("nonsense", "cp310", "cp310", True),
        (">=3.12", "jython", "none", True),
    ],
)
def test_pythons_of_a_tag_that_are_required(required, python, abi, fits):
    assert has_python(required, python, abi) is fits


def test_the_largest_number():
    assert largest_number("1!2.3rc4.post5.dev6+99") == 6
    assert largest_number("1.18446744073709551615.*") == 2**64 - 1
    assert largest_number("none") == largest_number("9" * 5000) == 0
