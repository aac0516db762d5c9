"""The plan's wheel jobs in their own images, on this machine.

One job after the other, by a container engine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from truewheel.build import containers
from truewheel.build.containers import Run
from truewheel.build.job_image import IMAGE, IMAGE_DIGEST
from truewheel.build.local import Progress, log_file
from truewheel.net import container_registry
from truewheel.plan.model import CELL, Cell, Plan
from truewheel.system import files


def run(
    plan: Plan,
    cells: Sequence[Cell],
    root: Path,
    out: Path,
    environment: Mapping[str, str],
    *,
    engine: str,
    options: Sequence[str],
    tell: Callable[[Progress], None],
) -> list[Progress]:
    """Run the commands of each job of these cells in its image; return how each cell ended.

    Variables are passed by value, but for those that the images provide; secrets in the
    engine's environment. Raises `Stop`: exit 4 when an image is not there, 2 when the engine is
    not.
    """
    declared, secrets = (
        containers.passed_variables(plan, environment),
        containers.secrets(plan, environment),
    )
    containers.choose(engine, environment)
    ended: list[Progress] = []
    for batch_id, batch in plan.batches(cells).items():
        image = container_registry.local_name(
            plan.image(batch[0].target, batch[0].arch), environment
        )
        digest = containers.digest(engine, image, environment)
        variables = {**declared, IMAGE: image, **({IMAGE_DIGEST: digest} if digest else {})}
        started = time.monotonic()
        log = log_file(root, batch_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        files.remove(log)
        log.write_bytes(b"")
        state = "built"
        for name, argv in commands(plan, batch, out):
            for cell in batch:
                tell(Progress(cell, name, time.monotonic() - started))
            if _run(
                Run(image, argv, (root, out), variables, options, secrets), log, engine, environment
            ):
                state = "failed"
                break
        ends = [Progress(cell, state, time.monotonic() - started) for cell in batch]
        for end in ends:
            tell(end)
        ended += ends
    return ended


def commands(plan: Plan, cells: Sequence[Cell], out: Path) -> list[tuple[str, list[str]]]:
    """Return the commands of the job of these cells, their smoke tests last, each with its name."""
    ids = ",".join(cell.id for cell in cells)
    where = ["--plan", str(out / "plan.json"), "--out", str(out)]
    argvs = [
        [ids if word == CELL else word for word in argv] for argv in plan.kinds["wheel"].commands
    ]
    names = [Path(argv[1]).name.split("_")[0] for argv in argvs]
    if any(plan.packages[cell.package].smoke for cell in cells):
        tool = ["python", "gen_ci.py"] if argvs[0][0] == "python" else ["truewheel"]
        argvs.append([*tool, "test", "--cell", ids])
        names.append("test")
    return [(name, [*argv, *where]) for name, argv in zip(names, argvs)]


def _run(command: Run, log: Path, engine: str, environment: Mapping[str, str]) -> int:
    name = f"truewheel-{os.getpid()}"
    with log.open("a", encoding="utf-8") as stream:
        return containers.run(engine, command, environment, name, log=stream)
