"""What is known of C libraries: the glibc of distributions, the floors that auditwheel checks."""

from __future__ import annotations

import re

from truewheel.system import architectures

# X of the glibc 2.X of distributions, read off their own packages.
DISTRIBUTIONS = {
    "CentOS 6": 12, "CentOS 7": 17, "RHEL 8": 28, "RHEL 9": 34, "RHEL 10": 39,
    "Debian 7": 13, "Debian 8": 19, "Debian 9": 24, "Debian 10": 28, "Debian 11": 31,
    "Debian 12": 36, "Debian 13": 41,
    "Ubuntu 12.04": 15, "Ubuntu 14.04": 19, "Ubuntu 16.04": 23, "Ubuntu 18.04": 27,
    "Ubuntu 20.04": 31, "Ubuntu 22.04": 35, "Ubuntu 24.04": 39,
    "Amazon Linux 2": 26, "Amazon Linux 2023": 34,
}  # fmt: skip
LEGACY_FLOORS = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
"""X of the glibc 2.X that the names before PEP 600 stand for."""

# By the names that targets usually have; the rebuilds of RHEL have its glibc.
GLIBC_MINOR = {
    **{f"debian{n}": DISTRIBUTIONS[f"Debian {n}"] for n in (11, 12, 13)},
    **{f"ubuntu{n}": DISTRIBUTIONS[f"Ubuntu {n}"] for n in ("20.04", "22.04", "24.04")},
    **{
        f"{name}{n}": DISTRIBUTIONS[f"RHEL {n}"]
        for name in ("rhel", "almalinux", "rocky", "ubi")
        for n in (8, 9, 10)
    },
    "amazonlinux2023": DISTRIBUTIONS["Amazon Linux 2023"],
    "manylinux2014": LEGACY_FLOORS["manylinux2014"],
    "manylinux_2_28": 28,
    "manylinux_2_34": 34,
}

# The policies of auditwheel 6.8: no wheel can be audited for a floor between two of them. The plan
# must not depend on what is installed where it is made, so that they stand here.
AUDITED = "audited"
AUDITED_MINORS = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36, 37, 38, 39, 40, 41)


# Families of images whose C library is known. A part of an image's name, or of its tag, begins with
# one of these words: docker.io/library/debian:12, cuda:13.2.1-devel-ubi8, python:3.12-alpine3.20.
_MUSL_IMAGE = re.compile(r"(?:^|[:-])(?:alpine|musllinux)")
_GLIBC_IMAGE = re.compile(
    r"(?:^|[:-])(?:almalinux|amazonlinux|centos|debian|fedora|manylinux|rockylinux|ubi\d|ubuntu)"
)

ZIG_OLDEST_MINOR = 17


def zig_target(floor: str, arch: str) -> str:
    """Return zig's word for a PEP 600 floor, such as aarch64-linux-gnu.2.28.

    "" where it does not go so low.
    """
    minor = floor_minor(floor)
    if minor is None or minor < ZIG_OLDEST_MINOR or arch not in architectures.ZIG:
        return ""
    return f"{arch}-linux-gnu.2.{minor}"


def oldest_minor(arch: str) -> int:
    """Return the X of the lowest manylinux_2_X that auditwheel knows for an architecture."""
    known = architectures.BY_NAME.get(arch)
    return known.lowest_floor if known else architectures.LOWEST_FLOOR


def highest_floor(glibc_minor: int) -> str:
    """Return the highest floor that can be audited on a machine with glibc 2.`glibc_minor`."""
    allowed = [minor for minor in AUDITED_MINORS if minor <= glibc_minor]
    return f"manylinux_2_{allowed[-1]}" if allowed else "linux"


def c_library(target: str, glibc: str = "", family: str = "", base: str = "") -> str:
    """Return the C library of a target, `glibc` or `musl`, or "" when that is not known.

    In this order: what the spec says, the name of the target, the name of its image.
    """
    if glibc or target in GLIBC_MINOR:
        return "glibc"
    image = base.partition("@")[0].rpartition("/")[2]
    if _MUSL_IMAGE.match(target) or _MUSL_IMAGE.search(image):
        return "musl"
    # Truewheel's families are those of apt and dnf: no distribution with musl uses them.
    return "glibc" if family or _GLIBC_IMAGE.search(image) else ""


def glibc_minor(target: str, glibc: str = "") -> int | None:
    """Return X of a target's glibc 2.X: as the spec says it, else that of a known distribution."""
    return int(glibc.partition(".")[2]) if glibc else GLIBC_MINOR.get(target)


def own_floor(target: str, glibc: str = "") -> str:
    """Return the floor that a target's glibc allows, or "" when that is not known."""
    minor = glibc_minor(target, glibc)
    return highest_floor(minor) if minor else ""


def audited_floors(arch: str, minor: int) -> tuple[str, ...]:
    """Return the floors, lowest first, that auditwheel can find for a wheel of glibc 2.`minor`."""
    return tuple(
        f"manylinux_2_{audited}"
        for audited in AUDITED_MINORS
        if oldest_minor(arch) <= audited <= minor
    )


def floor_minor(floor: str) -> int | None:
    """Return X of manylinux_2_X, or None for another floor."""
    match = re.fullmatch(r"manylinux_2_(\d+)", floor)
    return int(match[1]) if match else None
