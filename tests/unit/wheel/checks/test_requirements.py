"""What a wheel requires: that something can meet it."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import validate

EXTRA = 'Provides-Extra: x\nRequires-Dist: other>=2,<1; extra == "x"'
# the file name, the lines of METADATA, the code and severity, a word of the message
BROKEN = {
    "itself in another version": (wheels.PURE, "Requires-Dist: demo==2.0", "TW216 error", "1.0"),
    "itself, spelled otherwise": (wheels.PURE, "Requires-Dist: Demo>1", "TW216 error", "Demo>1"),
    "itself for an extra": (
        wheels.PURE,
        'Provides-Extra: x\nRequires-Dist: demo==2.0; extra == "x"',
        "TW216 warning",
        "1.0",
    ),
    "an empty range": (wheels.PURE, "Requires-Dist: other>=2,<1", "TW216 error", "other"),
    "an empty range for an extra": (wheels.PURE, EXTRA, "TW216 warning", "other"),
    "a file of this machine": (
        wheels.PURE,
        "Requires-Dist: other @ file:///home/me/other-1.0-py3-none-any.whl",
        "TW216 error",
        "file:///home/me",
    ),
    "a Python of none of the tags": (
        "demo-1.0-cp310-cp310-manylinux_2_28_x86_64.whl",
        "Requires-Python: >=3.12",
        "TW217 error",
        "cp310",
    ),
    "a Python before the stable ABI": (
        "demo-1.0-cp312-abi3-manylinux_2_28_x86_64.whl",
        "Requires-Python: <3.12",
        "TW217 error",
        "abi3",
    ),
    "no Python at all": (wheels.PURE, "Requires-Python: >=3.12,<3.10", "TW217 error", ">=3.12"),
    "Python 2": (wheels.PURE, "Requires-Python: <3", "TW217 error", "py3"),
    "two requirements on one": (
        wheels.PURE,
        "Requires-Dist: other>=1.16\nRequires-Dist: Other<1.16",
        "TW216 error",
        "Other<1.16",
    ),
    "two requirements under one marker": (
        wheels.PURE,
        "Requires-Dist: a>1; os_name=='nt'\nRequires-Dist: a<1; os_name == 'nt'",
        "TW216 warning",
        "a>1",
    ),
    "the first release of a Python": (
        wheels.PURE,
        "Requires-Python: ==3.9",
        "TW217 error",
        "3.9.*",
    ),
    "up to the first release of a Python": (
        "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "Requires-Python: >=3.9,<=3.12",
        "TW217 error",
        "<3.13",
    ),
    "a huge number in a requirement": (
        wheels.PURE,
        "Requires-Dist: other>=1.99999999999999999999",
        "TW218 error",
        "other",
    ),
    "a huge number of a Python": (
        wheels.PURE,
        "Requires-Python: >=3.0,!=3.99999999999999999999",
        "TW218 error",
        "Requires-Python",
    ),
    "a huge version": (
        "demo-20000000000000000000-py3-none-any.whl",
        "",
        "TW218 error",
        "file name",
    ),
    "a huge build tag": (
        "demo-1.0-20000000000000000000-py3-none-any.whl",
        "",
        "TW218 error",
        "build",
    ),
    "an extra that is not declared": (
        wheels.PURE,
        "Requires-Dist: other; extra == 'x'",
        "TW219 warning",
        "x",
    ),
}
GOOD = {
    "itself with an extra": (
        wheels.PURE,
        'Provides-Extra: x\nProvides-Extra: all\nRequires-Dist: demo[x]; extra == "all"',
    ),
    "itself in this version": (wheels.PURE, "Requires-Dist: demo==1.0"),
    "a narrow range": (wheels.PURE, "Requires-Dist: other>=1.0,<1.0.1,!=1.0"),
    "an extra in another spelling": (
        wheels.PURE,
        'Provides-Extra: Very-Fast\nRequires-Dist: other; extra == "very_fast"',
    ),
    "a large number": (wheels.PURE, "Requires-Dist: other>=18446744073709551614"),
    "a later Python of the stable ABI": (
        "demo-1.0-cp310-abi3-manylinux_2_28_x86_64.whl",
        "Requires-Python: >=3.12",
    ),
    "one of two tags": ("demo-1.0-py2.py3-none-any.whl", "Requires-Python: >=3.10"),
    "two requirements that fit": (
        wheels.PURE,
        "Requires-Dist: other>=1.16\nRequires-Dist: other!=1.17",
    ),
    "two requirements under different markers": (
        wheels.PURE,
        "Requires-Dist: a>1; os_name == 'nt'\nRequires-Dist: a<1; os_name != 'nt'",
    ),
    "up to a release above": (
        "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        "Requires-Python: >=3.12.1,<=3.13",
    ),
    "up to a release, for the stable ABI": (
        "demo-1.0-cp310-abi3-manylinux_2_28_x86_64.whl",
        "Requires-Python: <=3.12",
    ),
    "a whole Python": (wheels.PURE, "Requires-Python: ==3.9.*"),
    "by address": (wheels.PURE, "Requires-Dist: other @ https://example.org/o.whl"),
}
CONTENT = {"demo/__init__.py": b"", "demo/_core.abi3.so": wheels.elf_file()}


def findings(path):
    return [(f"{item.code.name} {item.severity}", item.message) for item in validate(path)]


@pytest.mark.parametrize("what", BROKEN)
def test_requirements_that_nothing_meets(tmp_path, what):
    name, lines, expected, word = BROKEN[what]
    content = CONTENT if "abi3" in name else None
    if "cp310-cp310" in name:
        content = {"demo/_core.cpython-310-x86_64-linux-gnu.so": wheels.elf_file()}
    ((kind, message),) = findings(wheels.make_with(tmp_path, name, content, metadata=lines))
    assert kind == expected
    assert word in message


@pytest.mark.parametrize("what", GOOD)
def test_requirements_that_something_meets(tmp_path, what):
    name, lines = GOOD[what]
    content = CONTENT if "abi3" in name else None
    assert findings(wheels.make_with(tmp_path, name, content, metadata=lines)) == []
