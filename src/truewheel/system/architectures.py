"""Architectures, and their names in file formats, platform tags, images and runners.

The defaults of GitHub's runner labels are data of the schema (`githubRunners`).
"""

from __future__ import annotations

from typing import NamedTuple

LOWEST_FLOOR = 17
"""X of the lowest manylinux_2_X of most architectures: manylinux2014 was their first."""

USUAL_PAGE = 2**12
"""Bytes of a page of memory on most architectures."""


class Architecture(NamedTuple):
    """One architecture by the name that `uname` and Linux wheel tags give it.

    `elf` is its e_machine, bits and byte order (System V ABI). `macho` is its CPU type
    (mach/machine.h), `pe` its machine type (PE format), each with the word of that system's
    platform tags. `lowest_floor` is X of the lowest manylinux_2_X that auditwheel has for it.
    """

    name: str
    elf: tuple[int, int, str]
    macho: tuple[int, str] | None = None
    pe: tuple[int, str] | None = None
    aliases: tuple[str, ...] = ()
    """Other names for it in platform tags; the ELF machine is the same."""
    triplet: str = ""
    """Its word in the names of extension modules (PEP 3149), where that is another one."""
    image: str = ""
    """Its word in the platforms of container images, where that is another one."""
    image_folder: str = ""
    """The folder of its own that the official images have for it."""
    lowest_floor: int = LOWEST_FLOOR
    largest_page: int = USUAL_PAGE
    """Bytes of the largest pages that kernels of distributions have: psABI of AArch64 and Power."""
    has_executable_stack: bool = False
    """Whether a file that says nothing of its stack gets an executable one (glibc, stackinfo.h)."""
    also_runs: str = ""
    """The architecture whose interpreters a machine of this one runs, too."""
    has_zig: bool = False
    """Whether the toolchain zig compiles for it: only these are tested."""
    gitlab_runner: str = ""
    """The tag of the small runner that GitLab.com hosts."""


ARCHITECTURES = (
    Architecture(
        "x86_64",
        elf=(62, 64, "little"),
        macho=(0x01000007, "x86_64"),
        pe=(0x8664, "amd64"),
        image="amd64",
        lowest_floor=5,
        has_executable_stack=True,
        also_runs="i686",
        has_zig=True,
        gitlab_runner="saas-linux-small-amd64",
    ),
    Architecture(
        "aarch64",
        elf=(183, 64, "little"),
        macho=(0x0100000C, "arm64"),
        pe=(0xAA64, "arm64"),
        image="arm64",
        image_folder="arm64v8",
        largest_page=2**16,
        also_runs="armv7l",
        has_zig=True,
        gitlab_runner="saas-linux-small-arm64",
    ),
    Architecture(
        "i686",
        elf=(3, 32, "little"),
        macho=(7, "i386"),
        pe=(0x014C, "win32"),
        aliases=("i386", "i586"),
        triplet="i386",
        image="386",
        lowest_floor=5,
        has_executable_stack=True,
    ),
    Architecture("ppc64le", elf=(21, 64, "little"), triplet="powerpc64le", largest_page=2**16),
    Architecture("s390x", elf=(22, 64, "big"), has_executable_stack=True),
    Architecture(
        "armv7l",
        elf=(40, 32, "little"),
        pe=(0x01C4, "arm32"),
        aliases=("armv5l", "armv5tel", "armv6l", "armv8l"),
        triplet="arm",
        image="arm/v7",
        image_folder="arm32v7",
        has_executable_stack=True,
    ),
    Architecture("riscv64", elf=(243, 64, "little"), lowest_floor=31),
    # Found in wheels of others; no cell is planned for them.
    Architecture("loongarch64", elf=(258, 64, "little"), image="loong64", lowest_floor=36),
    Architecture("ppc", elf=(20, 32, "big"), macho=(18, "ppc")),
    Architecture("ppc64", elf=(21, 64, "big"), macho=(0x01000012, "ppc64"), triplet="powerpc64"),
    Architecture("s390", elf=(22, 32, "big")),
)

BY_NAME = {arch.name: arch for arch in ARCHITECTURES}
BY_ELF = {arch.elf: arch.name for arch in ARCHITECTURES}
BY_MACHO = dict(arch.macho for arch in ARCHITECTURES if arch.macho)
BY_PE = dict(arch.pe for arch in ARCHITECTURES if arch.pe)
BY_ALIAS = {alias: arch.name for arch in ARCHITECTURES for alias in arch.aliases}
BY_IMAGE_FOLDER = {arch.image_folder: arch.name for arch in ARCHITECTURES if arch.image_folder}
BY_TRIPLET = {arch.triplet: arch.name for arch in ARCHITECTURES if arch.triplet}
HOSTED = tuple(arch.name for arch in ARCHITECTURES if arch.gitlab_runner)
"""Architectures that manylinux has images for under one name, and forges have runners for."""
ZIG = tuple(arch.name for arch in ARCHITECTURES if arch.has_zig)

MACOS_GROUPS = {
    "universal2": {"x86_64", "arm64"},
    "universal": {"i386", "ppc", "ppc64", "x86_64"},
    "intel": {"i386", "x86_64"},
    "fat": {"i386", "ppc"},
    "fat3": {"i386", "x86_64", "ppc"},
    "fat64": {"x86_64", "ppc64"},
}
"""What the words of macOS for several architectures in one file stand for (PEP 425, distutils)."""


def image_platform(name: str) -> str:
    """Return the platform that container tools know an architecture by, such as `linux/arm64`."""
    arch = BY_NAME.get(name)
    return f"linux/{arch.image if arch and arch.image else name}"


def also_runs(name: str) -> str:
    """Return the other architecture whose programs a machine runs, or "" for none."""
    arch = BY_NAME.get(name)
    return arch.also_runs if arch else ""
