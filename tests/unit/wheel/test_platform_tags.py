"""Floors: what is known of distributions, and that auditwheel knows the same."""

from __future__ import annotations

import pytest

from truewheel.plan.naming import platform_tag
from truewheel.wheel import platform_tags

ARCHES_WITH_ALL_FLOORS = ("x86_64", "i686")


@pytest.mark.parametrize(
    ("minor", "floor"),
    [
        (39, "manylinux_2_39"),
        (43, "manylinux_2_41"),
        (33, "manylinux_2_31"),
        (5, "manylinux_2_5"),
        (4, "linux"),
    ],
)
def test_the_highest_floor_that_can_be_audited(minor, floor):
    assert platform_tags.highest_floor(minor) == floor


@pytest.mark.parametrize(
    ("target", "floor"),
    [
        ("ubuntu24.04", "manylinux_2_39"),
        ("ubuntu20.04", "manylinux_2_31"),
        ("rhel8", "manylinux_2_28"),
        ("manylinux2014", "manylinux_2_17"),
        ("gentoo", ""),
    ],
)
def test_a_known_distribution_has_the_floor_of_its_glibc(target, floor):
    assert platform_tags.own_floor(target) == floor


@pytest.mark.parametrize(
    ("floor", "minor"),
    [
        ("manylinux_2_39", 39),
        ("manylinux2014", None),
        ("musllinux_1_2", None),
        ("manylinux_2_39_x86_64", None),
    ],
)
def test_the_minor_of_a_floor(floor, minor):
    assert platform_tags.floor_minor(floor) == minor


@pytest.mark.parametrize("arch", ARCHES_WITH_ALL_FLOORS)
def test_auditwheel_knows_these_floors_and_writes_these_tags(arch):
    policy = pytest.importorskip("auditwheel.policy")
    from auditwheel.architecture import Architecture
    from auditwheel.libc import Libc

    known = policy.WheelPolicies(libc=Libc.GLIBC, arch=Architecture(arch))
    # auditwheel writes a policy's name and its aliases into the file name, sorted.
    tags = {
        rule.name: ".".join(sorted([rule.name, *rule.aliases]))
        for rule in known
        if rule.name != f"linux_{arch}"
    }
    assert tags == {
        f"manylinux_2_{minor}_{arch}": platform_tag(f"manylinux_2_{minor}", arch)
        for minor in platform_tags.AUDITED_MINORS
    }


@pytest.mark.parametrize(
    ("floor", "arch", "target"),
    [
        ("manylinux_2_28", "aarch64", "aarch64-linux-gnu.2.28"),
        ("manylinux_2_17", "x86_64", "x86_64-linux-gnu.2.17"),
        ("manylinux_2_12", "x86_64", ""),
        ("musllinux_1_2", "aarch64", ""),
        ("linux", "aarch64", ""),
        ("manylinux_2_28", "s390x", ""),
    ],
)
def test_what_zig_calls_a_floor(floor, arch, target):
    assert platform_tags.zig_target(floor, arch) == target
