"""Wheels that are installed together: paths that they share, what they require of each other."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import validate_all, validate_set

ONE, TWO = b"VALUE = 1\n", b"VALUE = 2\n"
CP310 = "cp310-cp310-manylinux_2_28_x86_64"
CP312 = "cp312-cp312-manylinux_2_28_x86_64"


def module(name):
    return {f"{name}/__init__.py": b"N = '%s'\n" % name.encode()}


def wheel(folder, stem, content=(), metadata="", tag="py3-none-any"):
    name = stem.partition("-")[0]
    files = {**module(name), **dict(content)}
    if tag != "py3-none-any":
        python = tag[2:5]
        files[f"{name}/_core.cpython-{python}-x86_64-linux-gnu.so"] = wheels.library()
    return wheels.make_with(folder, f"{stem}-{tag}.whl", files, metadata=metadata)


def kinds(*paths, packages=None):
    results = validate_all(paths, packages=packages or {})
    return [
        (f"{item.code.name} {item.severity}", item.message)
        for _, findings in results
        for item in findings
    ]


def test_one_path_with_different_bytes(tmp_path):
    one = wheel(tmp_path, "lower-1.0", {"helper.py": ONE})
    two = wheel(tmp_path, "upper-1.0", {"helper.py": TWO})
    ((kind, message),) = kinds(one, two)
    assert kind == "TW505 error"
    assert "helper.py" in message
    assert "upper-1.0" in message
    assert [item.code.name for _, findings in validate_set([one, two]) for item in findings] == [
        "TW505"
    ]


def test_one_path_by_way_of_purelib_and_as_a_script(tmp_path):
    data = {"upper-1.0.data/purelib/helper.py": TWO, "upper-1.0.data/scripts/tool": b"#!python\n"}
    script = {"lower-1.0.data/scripts/tool": b"#!python -E\n"}
    one = wheel(tmp_path, "lower-1.0", {"helper.py": ONE, **script})
    ((kind, message),) = kinds(one, wheel(tmp_path, "upper-1.0", data))
    assert kind == "TW505 error"
    assert "helper.py, tool" in message


@pytest.mark.parametrize(
    ("one", "two", "tags"),
    [
        ({"helper.py": ONE}, {"helper.py": ONE}, ("py3-none-any", "py3-none-any")),
        ({"helper.py": ONE}, {"helper.py": TWO}, (CP310, CP312)),
        ({"helper.py": ONE}, {"helper.py": TWO}, (CP312, CP312.replace("x86_64", "aarch64"))),
        ({"helper.py": ONE}, {"helper.py": TWO}, (CP312, CP312.replace("many", "musl"))),
        ({"space/__init__.py": b""}, {"space/__init__.py": b"# ours\n"}, ("py3-none-any",) * 2),
        (
            {"space/__init__.py": b"__path__ = __import__('pkgutil').extend_path(__path__, 'a')"},
            {"space/__init__.py": b"__import__('pkg_resources').declare_namespace(__name__)\n"},
            ("py3-none-any",) * 2,
        ),
    ],
)
def test_what_is_no_collision(tmp_path, one, two, tags):
    paths = [
        wheel(tmp_path, "lower-1.0", one, tag=tags[0]),
        wheel(tmp_path, "upper-1.0", two, tag=tags[1]),
    ]
    assert [kind for kind, _ in kinds(*paths) if kind.startswith("TW505")] == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("lower_cu12", "lower_cu13"),
        ("lower", "lower_headless"),
        ("lower_cuda12x", "lower_rocm_6_0"),
        ("lower", "lower"),
    ],
)
def test_builds_of_one_project_are_alternatives(tmp_path, first, second):
    paths = []
    for name, content, version in ((first, ONE, "1.0"), (second, TWO, "1.1")):
        files = {"helper.py": content}
        paths.append(wheels.make(tmp_path, f"{name}-{version}-py3-none-any.whl", files))
    assert kinds(*paths) == []


def test_builds_of_one_package_of_a_plan_are_alternatives(tmp_path):
    one = wheel(tmp_path, "lower-1.0", {"helper.py": ONE})
    two = wheel(tmp_path, "upper-1.0", {"helper.py": TWO})
    assert kinds(one, two, packages={one.name: "demo", two.name: "demo"}) == []
    assert len(kinds(one, two, packages={one.name: "lower", two.name: "upper"})) == 1


REQUIRED = [
    ("Requires-Dist: upper==1.2", "1.1", ["TW506 error"]),
    ("Requires-Dist: Upper~=2.0", "1.1", ["TW506 warning"]),
    ("Requires-Dist: upper==1.1", "1.1", []),
    ("Requires-Dist: upper==1.1", "1.1+cu132", []),
    ("Requires-Dist: upper>=1.0", "1.1rc1", []),
    ("Provides-Extra: x\nRequires-Dist: upper==1.2; extra == 'x'", "1.1", []),
    ("Requires-Dist: upper==1.2; sys_platform == 'win32'", "1.1", []),
    ("Requires-Dist: other==1.2", "1.1", []),
]


@pytest.mark.parametrize(("metadata", "version", "expected"), REQUIRED)
def test_a_sibling_meets_what_is_required_of_it(tmp_path, metadata, version, expected):
    one = wheel(tmp_path, "lower-1.0", metadata=metadata, tag=CP312)
    two = wheel(tmp_path, f"upper-{version}", tag=CP312)
    actual = kinds(one, two)
    assert [kind for kind, _ in actual] == expected
    assert all(version in message for _, message in actual)


def test_a_range_is_an_error_in_a_plan(tmp_path):
    one = wheel(tmp_path, "lower-1.0", metadata="Requires-Dist: upper>=2")
    two = wheel(tmp_path, "upper-1.1")
    packages = {one.name: "lower", two.name: "upper"}
    assert [kind for kind, _ in kinds(one, two, packages=packages)] == ["TW506 error"]
    development = wheel(tmp_path, "upper-2.0.dev3")
    packages = {one.name: "lower", development.name: "upper"}
    assert [kind for kind, _ in kinds(one, development, packages=packages)] == ["TW506 warning"]


def test_promises_that_a_pinned_sibling_does_not_keep(tmp_path):
    pinned = "Requires-Dist: upper==1.0\nRequires-Python: >=3.10"
    one = wheel(tmp_path, "lower-1.0", metadata=pinned)
    two = wheel(tmp_path, "upper-1.0", metadata="Requires-Python: >=3.12")
    ((kind, message),) = kinds(one, two)
    assert kind == "TW507 warning"
    assert "3.10, 3.11" in message
    one = wheel(tmp_path, "lower-2.0", metadata=pinned, tag="cp312-cp312-manylinux_2_17_x86_64")
    two = wheel(tmp_path, "upper-1.0", tag=CP312)
    ((kind, message),) = kinds(one, two)
    assert kind == "TW507 warning"
    assert "manylinux_2_28" in message
    one = wheel(tmp_path, "lower-2.0", metadata=pinned, tag=CP312)
    assert kinds(one, two) == []
    assert kinds(one, wheel(tmp_path, "upper-1.0")) == []
