"""What manylinux systems provide, compared with auditwheel's own policies."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import wheels

from truewheel.build.validate import validate
from truewheel.system.architectures import ARCHITECTURES
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
    assert platform_policies.floor_of_tag(platform) == floor


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
    assert platform_policies.lowest_floor_with(symbol, machine) == floor


def read_policies(name: str) -> list[dict]:
    auditwheel = pytest.importorskip("auditwheel")
    path = Path(auditwheel.__file__).parent / "policy" / name
    return json.loads(path.read_text(encoding="utf-8"))


def policies() -> dict[int, dict]:
    return {
        int(policy["name"].split("_")[2]): policy
        for policy in read_policies("manylinux-policy.json")
        if policy["name"].startswith("manylinux_2_")
    }


@pytest.fixture
def forget():
    """Forget what was read of auditwheel, before and after a test."""
    caches = (
        platform_policies._installed,
        platform_policies._listed,
        platform_policies._libraries,
        platform_policies.lowest_floor_with,
    )
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(params=["installed", "absent"])
def known(request, monkeypatch, forget) -> dict[int, dict]:
    """The floors that must be known with auditwheel, and without it those of the tables."""
    newest = max(policies())
    if request.param == "absent":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        newest = platform_policies.AUDITED_MINORS[-1]
    return {minor: policy for minor, policy in policies().items() if minor <= newest}


def test_the_symbols_are_those_of_auditwheels_policies(known):
    for machine in {machine for policy in known.values() for machine in policy["symbol_versions"]}:
        floors = {
            minor: policy["symbol_versions"].get(machine, {}) for minor, policy in known.items()
        }
        all_names = {
            f"{kind}_{version}"
            for kinds in floors.values()
            for kind in kinds
            for version in kinds[kind]
        }
        for minor, kinds in floors.items():
            if kinds:
                theirs = {f"{kind}_{version}" for kind in kinds for version in kinds[kind]}
                assert {
                    symbol
                    for symbol in all_names
                    if platform_policies.lowest_floor_with(symbol, machine) <= minor
                } == theirs, minor


def test_the_libraries_are_those_of_auditwheels_policies(known):
    all_names = {library for policy in known.values() for library in policy["lib_whitelist"]}
    for minor, policy in known.items():
        assert {
            library for library in all_names if platform_policies.provides(library, minor)
        } == set(policy["lib_whitelist"])


def test_the_libraries_of_musl_are_those_of_auditwheels_policies():
    for policy in read_policies("musllinux-policy.json"):
        assert all(map(platform_policies.musl_provides, policy["lib_whitelist"]))


def test_the_newest_known_floor_is_that_of_auditwheel(known):
    assert max(known) == platform_policies.newest_floor()


def test_the_floors_of_the_plan_are_those_of_auditwheel():
    floors = platform_policies.AUDITED_MINORS
    assert tuple(minor for minor in policies() if minor <= floors[-1]) == floors
    for arch in ARCHITECTURES:
        lowest = [
            minor for minor, policy in policies().items() if arch.name in policy["symbol_versions"]
        ]
        assert not lowest or lowest[0] == arch.lowest_floor


def next_version(folder: Path) -> Path:
    """Write the policies of an auditwheel that knows one floor more."""
    newest = max(policies().items())[1]
    later = json.loads(json.dumps(newest))
    later["name"] = "manylinux_2_999"
    later["symbol_versions"]["x86_64"]["GLIBCXX"].append("3.9.1")
    later["lib_whitelist"].append("libnew.so.1")
    path = folder / "auditwheel" / "policy" / "manylinux-policy.json"
    path.parent.mkdir(parents=True)
    (folder / "auditwheel" / "__init__.py").write_text("raise ImportError('not to be imported')")
    path.write_text(json.dumps([*policies().values(), later]), encoding="utf-8")
    return path


@pytest.fixture
def later(tmp_path, monkeypatch, forget) -> Path:
    path = next_version(tmp_path / "later")
    monkeypatch.syspath_prepend(str(tmp_path / "later"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "auditwheel"]:
        monkeypatch.delitem(sys.modules, name)
    return path


def test_a_later_auditwheel_brings_its_floors(later):
    assert platform_policies.lowest_floor_with("GLIBCXX_3.9.1", "x86_64") == 999
    assert platform_policies.lowest_floor_with("GLIBCXX_3.9.2", "x86_64") == platform_policies.NEVER
    assert platform_policies.lowest_floor_with("GLIBCXX_3.4.21", "x86_64") == 24
    assert platform_policies.newest_floor() == 999
    assert platform_policies.provides("libnew.so.1", 999)
    assert not platform_policies.provides("libnew.so.1", 998)


def test_a_wheel_for_a_floor_of_a_later_auditwheel_is_validated(tmp_path, later):
    name = "demo-1.0-cp312-cp312-manylinux_2_999_x86_64.whl"
    needs = {"libstdc++.so.6": ["GLIBCXX_3.9.1"]}
    module = wheels.library(["libnew.so.1", "libstdc++.so.6"], needs)
    assert not validate(wheels.make(tmp_path, name, {"demo/_core.so": module}))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[1]", '[{"name": "manylinux_2_17"}]'])
def test_policies_of_another_form_are_as_good_as_none(later, text):
    later.write_text(text, encoding="utf-8")
    assert platform_policies.lowest_floor_with("GLIBCXX_3.4.21", "x86_64") == 24
    assert platform_policies.newest_floor() == platform_policies.AUDITED_MINORS[-1]
    assert platform_policies.provides("libz.so.1", 17)
