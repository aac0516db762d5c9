"""Licences as distributions write them."""

from __future__ import annotations

import pytest

from truewheel.wheel.licences import debian_licence, is_copyleft

SEVERAL = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: util-linux

Files: *
Copyright: Some
License: GPL-2+

Files: libuuid/*
       libuuid/src/*
Copyright: 1996 Theodore Ts'o
License: BSD-3-clause

Files: debian/*
License: GPL-3+

License: GPL-2+
 On Debian systems: /usr/share/common-licenses/GPL-2
"""
COMPILER = """\
This is the Debian GNU/Linux prepackaged version of the GNU compiler collection.
On Debian systems: /usr/share/common-licenses/GPL-3. The libraries have the
GCC Runtime Library Exception, version 3.1.
"""


@pytest.mark.parametrize(
    ("text", "library", "licence"),
    [
        (SEVERAL, "libuuid.so.1.3.0", "BSD-3-clause"),
        (SEVERAL, "libmount.so.1.1.0", "GPL-2+"),
        (SEVERAL.replace("Files: *", "Files: lib/*"), "libmount.so.1", "GPL-2+"),
        (COMPILER, "libgomp.so.1", "GPL-3 with exceptions"),
        ("See /usr/share/common-licenses/LGPL-2.1.", "libx.so.1", "LGPL-2.1"),
        ("Do what you like.", "libx.so.1", ""),
        ("", "libx.so.1", ""),
    ],
)
def test_the_licence_in_a_copyright_file_of_debian(text, library, licence):
    assert debian_licence(text, library) == licence


@pytest.mark.parametrize(
    "licence",
    [
        *("GPL-3+", "GPLv2+", "LGPL-2.1", "LGPLv2+ and MIT", "AGPL-3.0-only", "SSPL-1.0"),
        *("GPL-2+ or LGPL-3+", "GPL v2 or later", "GPL-2.0-or-later", "MIT and GPL-3"),
        "GPL-2 with OpenSSL",
    ],
)
def test_whoever_passes_it_on_must_offer_the_source(licence):
    assert is_copyleft(licence)


@pytest.mark.parametrize(
    "licence",
    [
        *("", "MIT", "Zlib", "Apache-2.0", "public-domain", "BSD-3-clause and MIT", "MPL-2.0"),
        *("GPL-1+ or Artistic", "MIT OR GPL-2.0-only", "GPL-3 with exceptions"),
        "GPLv3+ and GPLv3+ with exceptions and GPLv2+ with exceptions and LGPLv2+ and BSD",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
    ],
)
def test_nobody_must(licence):
    assert not is_copyleft(licence)
