"""The cells that a job's flags name: never one that has no job there."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from specs import plan_of

from truewheel.cli.job_cells import read_job_cells
from truewheel.plan import plan_file

SPEC = """\
packages: {foo: {}, bar: {}}
targets: {rhel8: {}}
named: [{package: bar}]
"""
FOO, BAR = (f"{name}/rhel8/x86_64/cp312" for name in ("foo", "bar"))


def cells(folder: Path, changed: frozenset[str] | None = None, **flags: str) -> list[str]:
    (folder / "truewheel.yml").write_text(f"truewheel: 1\n{SPEC}")
    path = folder / "plan.json"
    path.write_text(plan_file.write(plan_of(SPEC, changed=changed)))
    words = {"cell": None, "target": None, "arch": None, **flags}
    arguments = Namespace(
        plan=str(path), out=str(folder / "dist"), spec=str(folder / "truewheel.yml"), **words
    )
    return [cell.id for cell in read_job_cells(arguments, {}).cells]


def test_a_place_has_no_cell_that_is_only_named(tmp_path: Path):
    """Its wheel is not there: the test job does not need that wheel's job."""
    assert cells(tmp_path, target="rhel8", arch="x86_64") == [FOO]


@pytest.mark.parametrize("order", [(FOO, BAR), (BAR, FOO)])
def test_of_several_cells_those_count_that_a_merge_request_changes(
    tmp_path: Path, order: tuple[str, str]
):
    assert cells(tmp_path, frozenset({"foo"}), cell=",".join(order)) == [FOO]
