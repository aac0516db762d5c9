"""What manylinux systems provide, held to auditwheel's own policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from truewheel.wheel import platform_policies


@pytest.mark.parametrize(
    ("platform", "floor"),
    [
        ("manylinux1_x86_64", 5),
        ("manylinux2010_i686", 12),
        ("manylinux2014_aarch64", 17),
        ("manylinux_2_28_x86_64", 28),
        ("linux_x86_64", None),
        ("musllinux_1_2_x86_64", None),
        ("manylinux_2_28", None),
        ("macosx_11_0_arm64", None),
    ],
)
def test_the_floor_of_a_tag(platform, floor):
    assert platform_policies.floor(platform) == floor


@pytest.mark.parametrize(
    ("symbol", "machine", "floor"),
    [
        ("GLIBC_2.34", "x86_64", 34),
        ("GLIBC_2.2.5", "x86_64", 2),
        ("GLIBC_2.18", "aarch64", 17),
        ("GLIBC_2.18", "x86_64", 18),
        ("GLIBC_ABI_DT_RELR", "x86_64", 36),
        ("GLIBC_PRIVATE", "x86_64", platform_policies.NEVER),
        ("GLIBCXX_3.4.21", "x86_64", 24),
        ("GLIBCXX_3.4.24", "x86_64", 27),
        ("GLIBCXX_3.4.24", "aarch64", 26),
        ("GLIBCXX_LDBL_3.4.21", "ppc64le", 24),
        ("GLIBCXX_9.9", "x86_64", platform_policies.NEVER),
        ("OPENSSL_3.0.0", "x86_64", 0),
    ],
)
def test_since_when_a_symbol_is_there(symbol, machine, floor):
    assert platform_policies.since(symbol, machine) == floor


def policies() -> dict[int, dict]:
    auditwheel = pytest.importorskip("auditwheel")
    text = (Path(auditwheel.__file__).parent / "policy" / "manylinux-policy.json").read_text(
        encoding="utf-8"
    )
    names = {policy["name"]: policy for policy in json.loads(text)}
    return {
        int(name.split("_")[2]): policy
        for name, policy in names.items()
        if name.startswith("manylinux_2_")
    }


def test_the_symbols_are_those_of_auditwheels_policies():
    known = policies()
    for machine in {machine for policy in known.values() for machine in policy["symbol_versions"]}:
        floors = {
            minor: policy["symbol_versions"].get(machine, {}) for minor, policy in known.items()
        }
        every = {
            f"{kind}_{version}"
            for kinds in floors.values()
            for kind in kinds
            for version in kinds[kind]
        }
        for minor, kinds in floors.items():
            if kinds:
                theirs = {f"{kind}_{version}" for kind in kinds for version in kinds[kind]}
                assert {
                    symbol for symbol in every if platform_policies.since(symbol, machine) <= minor
                } == theirs, minor


def test_the_libraries_are_those_of_auditwheels_policies():
    known = policies()
    every = {library for policy in known.values() for library in policy["lib_whitelist"]}
    for minor, policy in known.items():
        assert {library for library in every if platform_policies.provides(library, minor)} == set(
            policy["lib_whitelist"]
        )


def test_the_newest_known_floor_is_that_of_auditwheel():
    assert max(policies()) == platform_policies.NEWEST
