"""Run a package's own smoke test where its wheel is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from truewheel.build import credentials, evidence
from truewheel.errors import stop
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, interpreters, processes
from truewheel.wheel import reader

TAIL_LINES = 20


def smoke_test(
    plan: Plan,
    cell: Cell,
    root: Path,
    wheel: Path,
    python: Path,
    folder: Path,
    env: Mapping[str, str],
) -> str:
    """Run the smoke test of a cell's package, away from the sources; return why it failed, or "".

    `python` is the interpreter of an environment that has the wheel, `folder` gets the output.
    Raises `Stop` (exit 2) for a script that is not there, leaves the folder of the spec, or would
    test the sources.
    """
    package = plan.packages[cell.package]
    root = root.absolute()
    script = files.below(root, package.smoke, f"packages.{package.name}.smoke")
    if not script.is_file():
        raise stop(
            f"packages.{package.name}.smoke",
            f"there is no file {package.smoke}",
            "correct it, or add the file",
        )
    _refuse_hidden(script, wheel, package.smoke)
    empty, log = evidence.fresh_folder(folder / "empty"), folder / "smoke.log"
    script_env = credentials.without_downloads(env, package.secrets)
    with log.open("w", encoding="utf-8") as stream:
        status = processes.run(
            [str(python), str(script)],
            cwd=empty,
            env=interpreters.activated(script_env, python),
            log=stream,
        )
    output = log.read_text(encoding="utf-8", errors="replace").strip()
    if status:
        tail = "\n    ".join(output.splitlines()[-TAIL_LINES:]) or "it said nothing"
        return f"{package.smoke} failed ({processes.ending(status)}):\n    {tail}"
    if output:
        processes.say(f"{cell.id}: {package.smoke}:\n{output}")
    return ""


def _refuse_hidden(script: Path, wheel: Path, smoke: str) -> None:
    """Python puts a script's own folder first on its path.

    Sources there would be tested instead of the wheel.
    """
    with reader.open_wheel(wheel) as opened:
        modules = {entry.filename.split("/")[0].split(".")[0] for entry in opened.entries}
    for name in sorted(modules):
        beside = (script.parent / f"{name}.py", script.parent / name / "__init__.py")
        if any(source.is_file() for source in beside):
            message = (
                f"{smoke} stands beside {name}, which Python would import instead of the wheel's"
            )
            raise stop(smoke, message, "move the script into a folder of its own")
