"""Plans of small cells, and the local runner at work on them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from truewheel.build import local
from truewheel.build.local import Progress
from truewheel.errors import Where
from truewheel.plan import plan_file
from truewheel.plan.model import CELL, Cell, Fact, JobKind, Package, Plan, Target
from truewheel.system import files
from truewheel.workspace import loading


def running() -> str:
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def make_plan(*names: str, build: str = "") -> Plan:
    cells = tuple(make_cell(name, build) for name in names)
    return Plan(
        generator="truewheel 0",
        project="p",
        spec="truewheel.yml",
        event="push",
        local=True,
        packages={name: Package(name=name, path="pkg") for name in names},
        targets={"host": Target(name="host", floor="linux")},
        kinds={
            "wheel": JobKind(
                name="wheel", stage="wheel", commands=(("python", "step.py", "--cell", CELL),)
            )
        },
        cells=cells,
        jobs=(),
        variables={},
        policy=loading.read_policy("plain", Path(), Where("plain")).data,
    )


def make_cell(name: str, build: str) -> Cell:
    tag = f"{running()}-{running()}-linux_x86_64"
    middle = f"-{build}" if build else ""
    return Cell(
        id=f"{name}/host/x86_64/{running()}",
        package=name,
        target="host",
        arch="x86_64",
        python=running(),
        builder=running(),
        channel="default",
        version="1.0",
        build=build,
        tag=tag,
        wheel=f"{name}-1.0{middle}-{tag}.whl",
        facts={"base": Fact(value="1.0", source="package:version")},
    )


def run(
    plan: Plan,
    root: Path,
    jobs: int = 2,
    env: Mapping[str, str] = os.environ,
    *,
    anew: bool = False,
) -> dict[str, str]:
    out = root / "dist"
    files.write_text(out / "plan.json", plan_file.write(plan))
    heard: list[Progress] = []
    ended = local.run(plan, plan.cells, root, out, env, jobs=jobs, tell=heard.append, anew=anew)
    assert {end.cell.id for end in ended} == {cell.id for cell in plan.cells}
    return {end.cell.package: end.state for end in ended}
