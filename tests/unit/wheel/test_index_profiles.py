"""Index profiles: which wheels an index would refuse, and why."""

from __future__ import annotations

import pytest

from truewheel.wheel import index_profiles

NATIVE = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("version", "tag", "reasons"),
    [
        ("1.0", NATIVE, ()),
        ("1.0", "py3-none-any", ()),
        ("1.0", "cp312-cp312-musllinux_1_2_x86_64", ()),
        ("1.0", "cp312-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64", ()),
        ("1.0", "cp312-cp312-linux_armv7l", ()),
        ("1.0", "cp312-cp312-linux_armv6l", ()),
        ("1.0+cu132", NATIVE, ("local version",)),
        ("1.0", "cp312-cp312-linux_x86_64", ("platform linux_x86_64",)),
        ("1.0", "cp312-cp312-linux_aarch64", ("platform linux_aarch64",)),
        ("1.0", "cp312-cp312-manylinux_2_17_x86_64.linux_x86_64", ("platform linux_x86_64",)),
        ("1.0+cu132", "cp312-cp312-linux_x86_64", ("local version", "platform linux_x86_64")),
    ],
)
def test_pypi(version, tag, reasons):
    assert index_profiles.refusal_reasons("pypi", version, tag, "demo") == reasons


def test_the_public_index_reads_no_variant_labels():
    assert index_profiles.refusal_reasons("pypi", "1.0", NATIVE, "demo", "cu132") == (
        "variant label",
    )
    assert index_profiles.refusal_reasons("internal", "1.0", NATIVE, "demo", "cu132") == ()


@pytest.mark.parametrize(
    "reason",
    [
        *index_profiles.refusal_reasons("pypi", "1+a", "py3-none-linux_x86_64", "A", "x"),
        "file size 2 > 1",
    ],
)
def test_each_reason_has_its_evidence(reason):
    assert ("PEP" in index_profiles.rule_source(reason)) == (not reason.startswith("file size"))


@pytest.mark.parametrize(
    "platform",
    [
        *(
            "any",
            "win32",
            "win_amd64",
            "win_arm64",
            "manylinux1_i686",
            "manylinux2010_x86_64",
            "manylinux2014_ppc64",
        ),
        *(
            "manylinux_2_5_x86_64",
            "manylinux_2_39_riscv64",
            "musllinux_1_2_armv7l",
            "macosx_10_9_universal2",
        ),
        *(
            "macosx_11_0_arm64",
            "macosx_26_0_arm64",
            "ios_13_0_arm64_iphoneos",
            "ios_13_0_x86_64_iphonesimulator",
        ),
        *("android_24_arm64_v8a", "pyemscripten_2025_0_wasm32"),
    ],
)
def test_platforms_that_the_public_index_knows(platform):
    assert index_profiles.refusal_reasons("pypi", "1.0", f"cp312-cp312-{platform}", "demo") == ()


@pytest.mark.parametrize(
    "platform",
    [
        *(
            "linux_aarch64",
            "manylinux2014",
            "manylinux2010_aarch64",
            "manylinux_2_28_arm64",
            "musllinux_1_2_ppc64",
        ),
        *(
            "macosx_11_3_arm64",
            "macosx_17_0_arm64",
            "macosx_11_0_aarch64",
            "win_x86_64",
            "darwin",
            "freebsd_14_amd64",
        ),
        *(
            "ubuntu_24_04_x86_64",
            "manylinux_2_28_x86_64x",
            "ios_13_0_arm64",
            "pyodide_2024_0_wasm32",
        ),
    ],
)
def test_platforms_that_the_public_index_does_not_know(platform):
    assert index_profiles.refusal_reasons("pypi", "1.0", f"cp312-cp312-{platform}", "demo") == (
        f"platform {platform}",
    )


@pytest.mark.parametrize(
    ("name", "normal"), [("Demo", "demo"), ("my.demo", "my_demo"), ("my__demo", "my_demo")]
)
def test_the_public_index_wants_normal_names(name, normal):
    assert index_profiles.refusal_reasons("pypi", "1.0", "py3-none-any", name) == (
        f"name {name}, not {normal}",
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7", 7),
        ("7 B", 7),
        ("300 MB", 300 * 10**6),
        ("300MiB", 300 * 2**20),
        ("2 GiB", 2**31),
        ("5 kB", 5000),
        ("1.9 GB", 1_900_000_000),
    ],
)
def test_sizes(text, size):
    assert index_profiles.size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1. GB", "300 mb", "1 TB", "9" * 16, "\u0663 MB"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="not a number of bytes"):
        index_profiles.size(text)


def test_the_schema_takes_the_sizes_that_can_be_read():
    import re

    from specs import SCHEMA

    pattern = SCHEMA["$defs"]["size"]["pattern"]
    for text in ("7", "7 B", "300 MB", "300MiB", "2 GiB", "5 kB"):
        assert re.search(pattern, text)
        assert index_profiles.size(text)
    assert not re.search(pattern, "300 mb")


def test_an_internal_index_takes_everything():
    assert (
        index_profiles.refusal_reasons("internal", "1.0+cu132", "cp312-cp312-linux_x86_64", "Demo")
        == ()
    )


def test_the_schema_offers_just_the_profiles_that_there_are():
    from specs import SCHEMA

    assert SCHEMA["$defs"]["index"]["properties"]["profile"]["enum"] == list(
        index_profiles.PROFILES
    )


@pytest.mark.parametrize(
    ("url", "simple"),
    [
        ("https://upload.index.example/legacy/", "https://index.example/simple/"),
        ("https://upload.index.example/other", "https://upload.index.example/other/simple/"),
        (
            "https://git.example/api/v4/projects/42/packages/pypi",
            "https://git.example/api/v4/projects/42/packages/pypi/simple/",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/simple/"),
        ("", ""),
    ],
)
def test_an_index_lists_its_files_beside_where_it_takes_them(url, simple):
    assert index_profiles.simple_address(url) == simple
