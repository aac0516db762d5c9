"""Specs of four sizes for the benchmarks: packages x targets x 2 arches x pythons, in one pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

SPEC = "truewheel.yml"
FLOORS = (17, 24, 26, 27, 28, 31, 34, 35, 36, 37)


class Size(NamedTuple):
    """How many of each axis; there are always two arches."""

    packages: int
    targets: int
    pythons: int

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.packages * self.targets * 2 * self.pythons


SIZES = (Size(1, 5, 1), Size(5, 5, 2), Size(10, 10, 5), Size(100, 10, 5))


def write(folder: Path, size: Size) -> Path:
    """Write a spec of this size and its version file into a folder; return the spec's path."""
    pythons = ", ".join(f"'3.{10 + number}'" for number in range(size.pythons))
    packages = [
        f"  pkg{number}: {{path: pkg{number}, version: {{file: VERSION}}}}\n"
        for number in range(size.packages)
    ]
    targets = [
        f"  distro{number}: {{base: 'registry.example/distro:{number}', floor: manylinux_2_{FLOORS[number]}}}\n"
        for number in range(size.targets)
    ]
    spec = folder / SPEC
    spec.write_text(
        "truewheel: 1\nproject: bench\n"
        f"packages:\n{''.join(packages)}targets:\n{''.join(targets)}"
        f"arches: [x86_64, aarch64]\npythons: [{pythons}]\nnaming: triton-2026.04\nscripts: scripts\n"
        "gitlab: {layout: include}\n"
    )
    (folder / "VERSION").write_text("2.69.0.dev0\n")
    return spec
