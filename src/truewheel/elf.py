"""What a native file says about its machine: by its first bytes, and by the suffix of its name."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = 64
"""Bytes of an ELF header; `machine` needs no more."""

_MAGIC = b"\x7fELF"
_BITS = {1: 32, 2: 64}
_ORDER = {1: "little", 2: "big"}
_MACHINES = {  # e_machine, bits, byte order: System V ABI, "ELF header"
    (3, 32, "little"): "i686",
    (20, 32, "big"): "ppc",
    (21, 64, "big"): "ppc64",
    (21, 64, "little"): "ppc64le",
    (22, 32, "big"): "s390",
    (22, 64, "big"): "s390x",
    (40, 32, "little"): "armv7l",
    (62, 64, "little"): "x86_64",
    (183, 64, "little"): "aarch64",
    (243, 64, "little"): "riscv64",
    (258, 64, "little"): "loongarch64",
}
_SUFFIX = re.compile(
    r"\.(?:cpython-(?P<cpython>\d+)(?P<flags>[a-z]*)|pypy(?P<pypy>\d+)-(?P<pp>pp\d+))-(?P<arch>[^.-]+)[^.]*\.so\Z"
)
_TRIPLETS = {"i386": "i686", "arm": "armv7l", "powerpc64le": "ppc64le", "powerpc64": "ppc64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Suffix:
    """What the suffix of an extension module promises, as wheel tags: `cp312`, `cp312`, `x86_64`."""

    python: str
    abi: str
    machine: str


def machine(head: bytes) -> str | None:
    """Return the machine of an ELF file in the words of wheel platforms, such as `x86_64`; None for other files.

    `head` is the first 64 bytes. A machine without such a word, as that of device code, is `unknown (machine N)`.
    """
    if len(head) < 20 or not head.startswith(_MAGIC):
        return None
    bits, order = _BITS.get(head[4], 0), _ORDER.get(head[5], "little")
    number = int.from_bytes(head[18:20], "big" if order == "big" else "little")
    return _MACHINES.get((number, bits, order)) or f"unknown (machine {number}, {bits}-bit, {order}-endian)"


def suffix(name: str) -> Suffix | None:
    """Return what an extension module's file name says, as in `x.cpython-312-x86_64-linux-gnu.so` (PEP 3149)."""
    found = _SUFFIX.search(name)
    if found is None:
        return None
    arch = _TRIPLETS.get(found["arch"], found["arch"])
    if found["pypy"]:
        return Suffix(python=f"pp{found['pypy']}", abi=f"pypy{found['pypy']}_{found['pp']}", machine=arch)
    python = f"cp{found['cpython']}"
    return Suffix(python=python, abi=python + found["flags"], machine=arch)
