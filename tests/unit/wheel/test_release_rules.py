"""A release and the one before it, as tables: names, metadata, and what a user would notice."""

from __future__ import annotations

import pytest

from truewheel.wheel.reader import parse_fields
from truewheel.wheel.release_rules import (
    File,
    baseline,
    compare_files,
    compare_versions,
    compare_wheels,
    grafted,
    pair,
    parse_entry_points,
    top_modules,
)

M17 = "manylinux2014_x86_64.manylinux_2_17_x86_64"
M27 = "manylinux_2_27_x86_64.manylinux_2_28_x86_64"


def wheels(version: str, *tags: str) -> list[str]:
    return [f"demo-{version}-{tag}.whl" for tag in tags]


def compared(before: list[str], now: list[str], python: str = "") -> list[tuple[str, str]]:
    changes = compare_wheels(wheels("1.0", *before), wheels("1.1", *now), python)
    return [(change.kind, change.severity) for change in changes]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (["py3-none-any"], ["py3-none-any"]),
        (["py2.py3-none-any"], ["py2.py3-none-any"]),
        ([f"cp312-cp312-{M17}"], ["cp312-cp312-manylinux_2_17_x86_64"]),
        (["cp312-cp312-manylinux1_i686"], ["cp312-cp312-manylinux_2_5_i686"]),
        (["cp38-abi3-win_amd64"], ["cp38-abi3-win_amd64"]),
        (["cp312-cp312-macosx_11_0_universal2"], ["cp312-cp312-macosx_11_0_universal2"]),
        (
            ["cp312-cp312-macosx_11_0_universal2"],
            ["cp312-cp312-macosx_11_0_arm64", "cp312-cp312-macosx_11_0_x86_64"],
        ),
        (
            ["cp312-cp312-macosx_10_13_universal2"],
            ["cp312-cp312-macosx_10_13_x86_64", "cp312-cp312-macosx_11_0_arm64"],
        ),
        (["pp310-pypy310_pp73-win_amd64"], ["pp310-pypy310_pp73-win_amd64"]),
        (["graalpy311-graalpy242_311_native-win_amd64"],) * 2,
        (["cp313-cp313-android_21_arm64_v8a"],) * 2,
        (["cp313-cp313-ios_13_0_arm64_iphoneos"],) * 2,
        (["cp312-cp312-pyodide_2024_0_wasm32"],) * 2,
        (["py3-none-win_amd64"], ["py3-none-win_amd64"]),
        (["cp312-cp312-linux_x86_64"], ["cp312-cp312-linux_x86_64"]),
    ],
)
def test_releases_for_the_same_systems_have_no_difference(before: list[str], now: list[str]):
    assert compared(before, now) == []


@pytest.mark.parametrize(
    ("before", "now", "kinds"),
    [
        # an architecture, a C library, an interpreter
        (["cp312-cp312-win_amd64", "cp312-cp312-win_arm64"], ["cp312-cp312-win_amd64"], {"lost"}),
        ([f"cp312-cp312-{M17}", "cp312-cp312-musllinux_1_2_x86_64"], [f"cp312-cp312-{M17}"],
         {"lost"}),
        ([f"cp312-cp312-{M17}", f"cp313-cp313-{M17}"], [f"cp312-cp312-{M17}"], {"lost"}),
        ([f"cp313-cp313-{M17}", f"cp313-cp313t-{M17}"], [f"cp313-cp313-{M17}"], {"lost"}),
        (["pp310-pypy310_pp73-win_amd64", "cp312-cp312-win_amd64"], ["cp312-cp312-win_amd64"],
         {"lost"}),
        (["cp312-cp312-macosx_11_0_universal2"], ["cp312-cp312-macosx_11_0_arm64"], {"lost"}),
        (["cp313-cp313-ios_13_0_arm64_iphoneos", "cp313-cp313-win32"], ["cp313-cp313-win32"],
         {"lost"}),
        (["cp36-abi3-win_amd64"], ["cp38-abi3-win_amd64"], {"lost"}),
        # of a pure wheel and a faster one, the faster one
        (["py3-none-any", "cp312-cp312-win_amd64"], ["py3-none-any"], {"lost"}),
        # abi3 stands for each interpreter from its own on, and these stand for it up to now
        (["cp311-cp311-win_amd64", "cp312-cp312-win_amd64"], ["cp311-abi3-win_amd64"], {"abi3"}),
        (["cp311-abi3-win_amd64"], ["cp311-cp311-win_amd64", "cp312-cp312-win_amd64"], {"abi3"}),
        (["cp312-cp312-win_amd64"], ["py3-none-any"], {"new"}),
        (["cp312-none-win_amd64"], ["py3-none-win_amd64"], {"new"}),
        (["cp312-cp312-win_amd64"], ["cp312-cp312-win_amd64", "cp313-cp313-win_amd64"], {"new"}),
        ([f"cp312-cp312-{M17}"], [f"cp312-cp312-{M27}"], {"floor"}),
        (["cp312-cp312-musllinux_1_1_x86_64"], ["cp312-cp312-musllinux_1_2_x86_64"], {"floor"}),
        (["cp312-cp312-macosx_10_13_x86_64"], ["cp312-cp312-macosx_11_0_x86_64"], {"floor"}),
        (["cp313-cp313-android_21_x86_64"], ["cp313-cp313-android_24_x86_64"], {"floor"}),
    ],
)  # fmt: skip
def test_what_is_lost_new_raised(before: list[str], now: list[str], kinds: set[str]):
    assert {kind for kind, _ in compared(before, now)} == kinds


def test_a_wheel_of_an_interpreter_that_is_excluded_now_is_no_error():
    before, now = ["cp39-cp39-win_amd64", "cp310-cp310-win_amd64"], ["cp310-cp310-win_amd64"]
    assert compared(before, now, ">=3.10") == [("lost", "note")]
    assert compared(before, now, ">=3.9") == [("lost", "")]
    pypy = ["pp39-pypy39_pp73-win_amd64", "cp310-cp310-win_amd64"]
    assert compared(pypy, now, ">=3.10") == [("lost", "note")]


def test_an_abi3_wheel_for_newer_pythons_is_as_good_as_requires_python():
    before, now = ["cp38-abi3-win_amd64"], ["cp310-abi3-win_amd64"]
    (change,) = compare_wheels(wheels("1.0", *before), wheels("1.1", *now), ">=3.10")
    assert change.severity == "note"
    assert "cp38 and cp39" in change.message


def test_a_raised_floor_names_the_systems_that_lose_the_wheel():
    (change,) = compare_wheels(
        wheels("1.0", f"cp312-cp312-{M17}"), wheels("1.1", f"cp312-cp312-{M27}"), ""
    )
    assert "raised from 2.17 to 2.27: glibc 2.17 to 2.26 lose it" in change.message
    assert "CentOS 7" in change.message
    assert "Ubuntu 18.04" not in change.message  # it has 2.27
    (lowered,) = compare_wheels(
        wheels("1.0", f"cp312-cp312-{M27}"), wheels("1.1", f"cp312-cp312-{M17}"), ""
    )
    assert lowered.severity == "note"


def test_the_sentence_has_systems_and_interpreters_that_are_gone_whole():
    before = [f"cp3{minor}-cp3{minor}-{tag}" for minor in (12, 13) for tag in ("win32", M17)]
    (change, *_) = compare_wheels(wheels("1.0", *before), wheels("1.1", *before[:2]), "")
    assert change.notice == "no wheels for cp313 any more"
    lost = [*compare_wheels(wheels("1.0", *before), wheels("1.1", before[0], before[2]), "")]
    assert {change.notice for change in lost} == {"no wheels for Linux (glibc) x86_64 any more"}


def described(version: str, text: str = "", **facts: object) -> File:
    fields = parse_fields(f"Metadata-Version: 2.4\nName: demo\nVersion: {version}\n{text}\n\n")
    return File(f"demo-{version}-py3-none-any.whl", fields=fields)._replace(**facts)  # type: ignore[arg-type]


def changes(before: File, now: File) -> list[tuple[str, str]]:
    return [(change.kind, change.severity) for change in compare_files(before, now)]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("Requires-Python: >=3.9", "Requires-Python: >=3.9", []),
        ("Requires-Python: >=3.9", "Requires-Python: >= 3.9", []),
        ("Requires-Python: >=3.9", "Requires-Python: >=3.10", [("python", "")]),
        ("Requires-Python: >=3.10", "Requires-Python: >=3.9", [("python", "note")]),
        ("Requires-Python: >=3.9", "Requires-Python: >=3.9,<3.14", [("python", "")]),
        ("Requires-Python: >=3.9", "", [("python", "note")]),
        ("Requires-Dist: a", "Requires-Dist: A", []),
        ("Requires-Dist: a (>=1)", "Requires-Dist: a>=1", []),
        ("Requires-Dist: a", "Requires-Dist: a\nRequires-Dist: b", [("dependencies", "")]),
        ("Requires-Dist: a\nRequires-Dist: b", "Requires-Dist: a", [("dependencies", "note")]),
        ("Requires-Dist: a>=1", "Requires-Dist: a>=2", [("dependencies", "")]),
        ("", "Requires-Dist: a; extra == 'x'\nProvides-Extra: x", [("dependencies", "note")]),
        ("Provides-Extra: x", "", [("dependencies", "")]),
        ("License: MIT", "License: MIT", []),
        ("License: MIT", "License-Expression: MIT", [("licence", ""), ("licence", "")]),
        ("License-File: LICENSE", "", [("licence", "")]),
        ("Classifier: License :: OSI Approved", "", [("licence", "")]),
        ("Classifier: Topic :: A", "Classifier: Topic :: B", []),
    ],
)
def test_metadata(before: str, now: str, expected: list[tuple[str, str]]):
    assert changes(described("1.0", before), described("1.1", now)) == expected


@pytest.mark.parametrize(
    ("facts", "before", "now", "expected"),
    [
        ("entry_points", {"console_scripts: demo": "demo:main"}, {}, [("scripts", "")]),
        ("entry_points", {}, {"console_scripts: demo": "demo:main"}, [("scripts", "note")]),
        ("entry_points", {"x: a": "b:c"}, {"x: a": "b:d"}, [("scripts", "note")]),
        ("entry_points", None, {"x: a": "b:c"}, []),
        ("modules", frozenset({"demo"}), frozenset({"demo"}), []),
        ("modules", frozenset({"demo", "old"}), frozenset({"demo"}), [("modules", "")]),
        ("modules", frozenset({"demo"}), frozenset({"demo", "tests"}), [("modules", "warning")]),
        ("libraries", frozenset({"libz"}), frozenset(), [("libraries", "")]),
        ("libraries", frozenset(), frozenset({"libz"}), [("libraries", "note")]),
        ("size", 1000, 1250, []),
        ("size", 1000, 1251, [("size", "")]),
        ("size", 1000, 749, [("size", "")]),
        ("size", 0, 749, []),
    ],
)
def test_contents(facts: str, before: object, now: object, expected: list[tuple[str, str]]):
    old, new = described("1.0", **{facts: before}), described("1.1", **{facts: now})
    assert changes(old, new) == expected


def test_a_file_is_compared_with_that_for_the_same_system():
    def files(version: str, *tags: str) -> list[File]:
        return [File(name) for name in wheels(version, *tags)]

    before = files("1.0", "cp312-cp312-win32", f"cp312-cp312-{M17}", f"cp313-cp313-{M17}")
    before.append(File("demo-1.0.tar.gz"))
    now = files("1.1", f"cp313-cp313-{M27}", f"cp314-cp314-{M27}", "cp312-cp312-win_arm64")
    now.append(File("demo-1.1.tar.gz"))
    pairs = [(old.name, new.name) for old, new in pair(before, now)]
    assert pairs[0] == (before[2].name, now[0].name)
    assert pairs[1][1] == now[1].name  # of the same system, another interpreter
    assert pairs[2:] == [("demo-1.0.tar.gz", "demo-1.1.tar.gz")]


@pytest.mark.parametrize(
    ("versions", "ours", "expected"),
    [
        (["1.0", "1.1"], "1.2", []),
        ([], "1.0", []),
        (["2.0", "1.4"], "1.5", ["warning"]),  # of an older series
        (["2.0", "1.5"], "1.4", [""]),
        (["1.0"], "0.1.dev0", [""]),
        (["1.0rc1"], "1.0", []),
    ],
)
def test_a_version_is_newer(versions: list[str], ours: str, expected: list[str]):
    assert [change.severity for change in compare_versions(versions, ours)] == expected


@pytest.mark.parametrize(
    ("versions", "ours", "expected"),
    [
        (["1.0", "1.1"], "1.2", "1.1"),
        (["1.4", "2.0"], "1.5", "1.4"),
        (["1.0", "1.1rc1"], "1.1", "1.0"),
        (["1.0", "1.1rc1"], "1.1rc2", "1.1rc1"),
        (["1.1rc1"], "1.1", "1.1rc1"),
        (["1.1"], "1.1", ""),
        (["1.0", "1.1"], "1.1", "1.0"),
        (["2.0"], "1.0", "2.0"),
        (["no version"], "1.0", ""),
    ],
)
def test_the_release_before(versions: list[str], ours: str, expected: str):
    assert baseline(versions, ours) == expected


def test_modules_and_libraries_of_members():
    places = [
        *("site/demo/__init__.py", "site/demo/sub/a.py", "site/_demo.cpython-312-x86_64.so"),
        *("site/one.py", "site/demo.pth", "site/demo-1.0.dist-info/METADATA", "scripts/tool.py"),
        *("site/demo.libs/libz-1.so", "site/share/data.json", "headers/a.h"),
    ]
    assert top_modules(places) == {"demo", "_demo", "one"}
    members = [
        *("demo.libs/libz-2a3b4c5d.so.1.2", "demo.libs/libstdc++-a1b2c3d4.so.6.0.30"),
        *("demo.libs/libscipy_openblas64_-ff651d7f.so", "demo/.dylibs/libomp.dylib"),
        *("demo.libs/libquadmath-bb76a5fc-96973df8.so.0.0.0", "demo/other.so"),
        "demo.libs/msvcp140-263139962577ecda4cd9469ca360a746.dll",
    ]
    assert grafted(members) == {
        *("libz", "libstdc++", "libscipy_openblas64_", "libomp", "libquadmath", "msvcp140"),
    }


def test_entry_points_are_read_by_group():
    text = "# x\n[console_scripts]\ndemo = demo:main\n broken\n[x.y]\na=b:c [extra]\n"
    assert parse_entry_points(text) == {
        "console_scripts: demo": "demo:main",
        "x.y: a": "b:c [extra]",
    }
