"""Which wheels there are: packages x targets x arches x pythons.

Wheels whose tags would be the same, since an axis is not part of them, are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple

from truewheel.errors import Problem
from truewheel.spec.model import CellPattern, Spec

ANY = "any"
HOST = "host"
PURE = "py3"


class StableAbi(NamedTuple):
    """The interpreters of a stable ABI: CPython 3.`since` and newer.

    `threading` has True for free-threaded ones, False for the others.
    """

    since: int
    threading: frozenset[bool]


# PEP 384, and PEP 803 for free-threaded Pythons, which have no stable ABI before 3.15.
STABLE_ABIS = {
    "abi3": StableAbi(2, frozenset({False})),
    "abi3t": StableAbi(15, frozenset({True})),
    "abi3.abi3t": StableAbi(15, frozenset({False, True})),
}


class Host(NamedTuple):
    """This machine as a target: its architecture, its floor and its interpreters (`cp312`)."""

    arch: str
    floor: str
    pythons: tuple[str, ...]


class Slot(NamedTuple):
    """A wheel to be built that has no name yet. `builder` is the interpreter that compiles it."""

    package: str
    target: str
    arch: str
    python: str
    builder: str

    @property
    def id(self) -> str:
        """The cell's id."""
        return f"{self.package}/{self.target}/{self.arch}/{self.python}"


def interpreter_tag(python: str) -> str:
    """Return the interpreter's tag: cp312 for 3.12, cp313t for 3.13t."""
    return "cp" + python.replace(".", "")


def minor(tag: str) -> int:
    """Return X of the interpreter tag cp3X."""
    return int(tag[3:].removesuffix("t"))


def has_abi(tag: str, abi: str) -> bool:
    """Return whether an interpreter builds for a stable ABI, and runs what is built for it."""
    rule = STABLE_ABIS[abi]
    return minor(tag) >= rule.since and tag.endswith("t") in rule.threading


def _age(tag: str) -> tuple[int, bool]:
    return minor(tag), tag.endswith("t")


def wanted_pythons(spec: Spec) -> list[str]:
    """Return the tags of all interpreters that the spec's cells are built with, lowest first."""
    versions = (
        {*spec.pythons} if any(not target.pythons for target in spec.targets.values()) else set()
    )
    versions.update(
        *(target.pythons for target in spec.targets.values()),
        (cell.python for cell in spec.include),
    )
    return sorted(map(interpreter_tag, versions), key=_age)


def slots(spec: Spec, problems: list[Problem]) -> list[Slot]:
    """Return the slots of the spec's targets; faults of include and exclude go into `problems`."""
    matrix = dict.fromkeys(_product(spec))
    _leave_out(spec, matrix, problems)
    for number, pattern in enumerate(spec.include):
        slot = (pattern.package, pattern.target, pattern.arch, pattern.python)
        if slot in matrix:
            message = f"the cell {'/'.join(slot)} is in the matrix already"
            problems.append(spec.document.problem(("include", number), message, "remove the entry"))
        matrix[slot] = None
    return _collapse(
        spec,
        [
            (package, target, arch, interpreter_tag(python))
            for package, target, arch, python in matrix
        ],
    )


def host_slots(spec: Spec, host: Host) -> list[Slot]:
    """Return the slots that this machine can build without a container.

    What the spec excludes for every target is left out.
    """
    pythons = {python: f"{python[2]}.{python[3:]}" for python in host.pythons}
    slots = product(spec.packages, [HOST], [host.arch], host.pythons)
    return _collapse(
        spec,
        (
            slot
            for slot in slots
            if not any(_matches(pattern, (*slot[:3], pythons[slot[3]])) for pattern in spec.exclude)
        ),
    )


def _product(spec: Spec) -> Iterator[tuple[str, str, str, str]]:
    for package in spec.packages:
        for name, target in spec.targets.items():
            yield from product(
                [package], [name], target.arches or spec.arches, target.pythons or spec.pythons
            )


def _leave_out(
    spec: Spec, matrix: dict[tuple[str, str, str, str], None], problems: list[Problem]
) -> None:
    all_slots = tuple(matrix)
    for number, pattern in enumerate(spec.exclude):
        out = [slot for slot in all_slots if _matches(pattern, slot)]
        if not out:
            hint = (
                "it matches no package, target, arch and python of this file: remove or correct it"
            )
            problems.append(spec.document.problem(("exclude", number), "nothing is excluded", hint))
        for slot in out:
            matrix.pop(slot, None)


def named_cells(spec: Spec, slots: Iterable[Slot], problems: list[Problem]) -> tuple[str, ...]:
    """Return the ids of cells that no runner can load; faults of `named` go into `problems`."""
    slots = tuple(slots)
    result: dict[str, None] = {}
    for number, pattern in enumerate(spec.named):
        matching = [slot.id for slot in slots if _matches(pattern, _values(slot))]
        if not matching:
            hint = "it matches no cell: remove or correct it (truewheel plan has the list)"
            problems.append(spec.document.problem(("named", number), "nothing is named", hint))
        result |= dict.fromkeys(matching)
    return tuple(result)


def _values(slot: Slot) -> tuple[str, str, str, str]:
    """Return what patterns see of a slot: its Python as the spec writes it."""
    python = slot.python.replace("cp3", "3.", 1)
    return slot.package, slot.target, slot.arch, python


def _matches(pattern: CellPattern, slot: tuple[str, str, str, str]) -> bool:
    globs = (pattern.package, pattern.target, pattern.arch, pattern.python)
    return all(fnmatchcase(value, glob) for value, glob in zip(slot, globs))


def _collapse(spec: Spec, matrix: Iterable[tuple[str, str, str, str]]) -> list[Slot]:
    result: dict[tuple[str, ...], Slot] = {}
    for package, target, arch, python in matrix:
        abi = spec.packages[package].abi
        if abi == "none":
            result.setdefault((package,), Slot(package, ANY, ANY, PURE, PURE))
        elif abi == "cpython":
            result[package, target, arch, python] = Slot(package, target, arch, python, python)
        elif has_abi(python, abi):
            key = (package, target, arch)
            if key not in result or _age(python) < _age(result[key].python):
                result[key] = Slot(package, target, arch, python, python)
    return list(result.values())


def packages_without_cells(spec: Spec, cells: list[Slot]) -> list[Problem]:
    """Return a problem for every package of which no wheel would be built."""
    built = {slot.package for slot in cells}
    return [
        spec.document.problem(
            ("packages", name), f"no wheel of {name} is built", _why_none(spec, name), key=True
        )
        for name in spec.packages
        if name not in built
    ]


def _why_none(spec: Spec, package: str) -> str:
    abi = spec.packages[package].abi
    if abi == "abi3":
        return "abi3 has no free-threaded build: name a python without t, or exclude less"
    if abi in STABLE_ABIS:
        python = "a free-threaded Python" if abi == "abi3t" else "Python"
        since = f"3.{STABLE_ABIS[abi].since}"
        return f"{abi} needs {python} from {since} on (PEP 803): name one, or exclude less"
    return "exclude removes all of its cells: exclude less"
