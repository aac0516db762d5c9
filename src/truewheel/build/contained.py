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
    inside = _Images(plan, root, out, environment, engine, options)
    ended: list[Progress] = []
    for batch_id, batch in plan.batches(cells).items():
        started = time.monotonic()
        log = log_file(root, batch_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        files.remove(log)
        log.write_bytes(b"")
        state = "built"
        for name, argv in commands(plan, batch, out):
            for cell in batch:
                tell(Progress(cell, name, time.monotonic() - started))
            if inside.run(batch[0], argv, log):
                state = "failed"
                break
        ends = [Progress(cell, state, time.monotonic() - started) for cell in batch]
        for end in ends:
            tell(end)
        ended += ends
    return ended


def commands(plan: Plan, cells: Sequence[Cell], out: Path) -> list[tuple[str, list[str]]]:
    """Return the commands of the job of these cells, each with its name."""
    ids = ",".join(cell.id for cell in cells)
    where = ["--plan", str(out / "plan.json"), "--out", str(out)]
    argvs = [
        [ids if word == CELL else word for word in argv] for argv in plan.kinds["wheel"].commands
    ]
    names = [Path(argv[1]).name.split("_")[0] for argv in argvs]
    return [(name, [*argv, *where]) for name, argv in zip(names, argvs)]


def test(
    plan: Plan,
    cells: Sequence[Cell],
    root: Path,
    out: Path,
    environment: Mapping[str, str],
    *,
    engine: str,
    options: Sequence[str],
) -> None:
    """Install and load the wheels of cells in the images of their targets.

    All of them are there by then: one may require another. Their verdicts lie in the folder of the
    wheels; what is said of them is printed.
    """
    inside = _Images(plan, root, out, environment, engine, options)
    tool = (
        ["python", "gen_ci.py"] if plan.kinds["wheel"].commands[0][0] == "python" else ["truewheel"]
    )
    places: dict[str, list[Cell]] = {}
    for cell in cells:
        places.setdefault(f"{cell.target}/{cell.arch}", []).append(cell)
    for members in places.values():
        ids = ",".join(cell.id for cell in members)
        where = ["--plan", str(out / "plan.json"), "--out", str(out)]
        inside.run(members[0], [*tool, "test", "--cell", ids, *where], None)


class _Images:
    """Runs commands in the images of cells, with the variables of a plan."""

    def __init__(
        self,
        plan: Plan,
        root: Path,
        out: Path,
        environment: Mapping[str, str],
        engine: str,
        options: Sequence[str],
    ) -> None:
        self._plan, self._folders, self._environment = plan, (root, out), environment
        self._engine, self._options = engine, options
        self._declared = containers.passed_variables(plan, environment)
        self._secrets = containers.secrets(plan, environment)
        self._digests: dict[str, str] = {}
        containers.choose(engine, environment)

    def run(self, cell: Cell, argv: Sequence[str], log: Path | None) -> int:
        """Run a command in the image of a cell; its output goes to the end of a log, or here."""
        planned = self._plan.image(cell.target, cell.arch)
        image = container_registry.local_name(planned, self._environment)
        if image not in self._digests:
            self._digests[image] = containers.digest(self._engine, image, self._environment)
        digest = self._digests[image]
        variables = {**self._declared, IMAGE: image, **({IMAGE_DIGEST: digest} if digest else {})}
        command = Run(image, argv, self._folders, variables, self._options, self._secrets)
        name = f"truewheel-{os.getpid()}"
        if log is None:
            return containers.run(self._engine, command, self._environment, name)
        with log.open("a", encoding="utf-8") as stream:
            return containers.run(self._engine, command, self._environment, name, log=stream)
