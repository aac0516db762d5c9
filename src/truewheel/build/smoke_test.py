"""Install a cell's wheel into a fresh environment and run the package's own smoke test."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from truewheel.build import credentials, evidence
from truewheel.errors import Exit, stop
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, interpreters, processes
from truewheel.wheel import filename, reader

TAIL_LINES = 20


def smoke_test(
    plan: Plan, cell: Cell, root: Path, wheel: Path, env: Mapping[str, str], python: str = ""
) -> None:
    """Run the smoke test of a cell's package against its wheel, away from the sources.

    Without one, do nothing.

    `python` is the tag of the interpreter, such as cp313; "" stands for the one that compiled the
    wheel. Raises `Stop` (exit 4) when the wheel cannot be installed or the test fails, with the end
    of its output.
    """
    package = plan.packages[cell.package]
    if not package.smoke:
        return
    root, wheel = root.absolute(), wheel.absolute()
    script = files.below(root, package.smoke, f"packages.{package.name}.smoke")
    if not script.is_file():
        raise stop(
            f"packages.{package.name}.smoke",
            f"there is no file {package.smoke}",
            "correct it, or add the file",
        )
    _refuse_hidden(script, wheel, package.smoke)
    env, _ = credentials.remove_credentials(env, plan, package.secrets)
    work = files.subfolder(evidence.work_folder(root, cell.id), "smoke")
    interpreter = interpreters.require(python or cell.builder, env, cell.id)
    environment = interpreters.make_environment(interpreter, work / "env", env, cell.id)
    interpreters.install(environment, [str(_installable(wheel, work))], env, cell.id)
    empty, log = evidence.fresh_folder(work / "empty"), work / "output.log"
    files.remove(log)
    script_env = credentials.without_downloads(env, package.secrets)
    processes.say(f"test {cell.id}: {package.smoke}")
    with log.open("w", encoding="utf-8") as stream:
        status = processes.run(
            [str(environment), str(script)],
            cwd=empty,
            env=interpreters.activated(script_env, environment),
            log=stream,
        )
    output = log.read_text(encoding="utf-8", errors="replace").strip()
    if status:
        tail = "\n    ".join(output.splitlines()[-TAIL_LINES:]) or "it said nothing"
        hint = f"its full output: {log}"
        raise stop(
            cell.id,
            f"{package.smoke} failed ({processes.ending(status)}):\n    {tail}",
            hint,
            Exit.WHEEL,
        )
    if output:
        processes.say(output)


def _installable(wheel: Path, work: Path) -> Path:
    """Return the wheel under a name that pip knows: without its variant label (PEP 817)."""
    name = filename.parse_name(wheel.name)
    if not name.label:
        return wheel
    plain = evidence.fresh_folder(work / "plain") / name.unlabelled
    shutil.copyfile(wheel, plain)
    return plain


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
