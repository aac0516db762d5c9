"""Which wheels of a set go together, and what binds them."""

from __future__ import annotations

from pathlib import Path

import loads
import pytest

from truewheel.build import install_set
from truewheel.plan.model import Cell

NATIVE = loads.cell("native", python="cp311")
STABLE = loads.cell("stable", python="cp310")
PURE = loads.cell("pure", platform="any")
ELSEWHERE = loads.cell("elsewhere", "cp311", "manylinux_2_17_s390x")._replace(arch="s390x")
PLAN = loads.plan(NATIVE, STABLE, PURE, ELSEWHERE, stable={"abi": "abi3"})


@pytest.mark.parametrize(
    ("cell", "python", "fits"),
    [
        (NATIVE, "cp311", True),
        (NATIVE, "cp312", False),
        (STABLE, "cp312", True),
        (STABLE, "cp39", False),
        (STABLE, "cp313t", False),
        (STABLE, "py3", False),
        (PURE, "cp311", True),
        (PURE, "py3", True),
    ],
)
def test_a_wheel_is_for_some_interpreters(cell: Cell, python: str, fits: bool) -> None:
    assert install_set.fits(PLAN, cell, python) is fits


@pytest.mark.parametrize(
    ("cell", "python", "names"),
    [
        (NATIVE, "cp311", ["stable", "pure"]),
        (STABLE, "cp312", ["pure"]),
        (PURE, "cp311", ["native", "stable"]),
        (ELSEWHERE, "cp311", ["pure"]),
    ],
)
def test_siblings_are_of_the_same_place(cell: Cell, python: str, names: list[str]) -> None:
    assert [one.package for one in install_set.siblings(PLAN, cell, python)] == names


def test_a_sibling_is_bound_to_its_file_even_when_that_is_missing(tmp_path: Path) -> None:
    loads.make(tmp_path, PURE, {"pure/__init__.py": ""})
    file = install_set.constraints(PLAN, NATIVE, "cp311", tmp_path / "dist", tmp_path / "work")
    stable, pure = file.read_text().splitlines()
    assert stable.startswith("stable @ file:///")
    assert stable.endswith(STABLE.wheel)
    assert "missing" in stable
    assert pure == f"pure @ {(tmp_path / 'work/siblings' / PURE.wheel).as_uri()}"
    assert (tmp_path / "work/siblings" / PURE.wheel).read_bytes()
