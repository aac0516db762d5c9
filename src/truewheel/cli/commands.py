"""The commands, and what `--help` says: no module of a command is imported for that."""

from __future__ import annotations

import os
import sys

# Command, module below this one, and what it is for. Only the module of the chosen command is
# imported.
COMMANDS = {
    "init": ("starting", "look at this repository, propose a spec, write it and its pipeline"),
    "plan": ("planning", "list all cells with the wheel names they will get"),
    "name": ("naming", "print one wheel's file name"),
    "explain": ("naming", "say where each part of a wheel's name comes from"),
    "generate": ("generating", "write the pipeline files"),
    "check": ("generating", "compare the pipeline files with the spec"),
    "container": ("images", "build the builder image of a target"),
    "lock": ("images", "ask for the digests of the images, and for newer actions of GitHub"),
    "run": ("running", "build, repair, validate and prove this machine's cells"),
    "compile": ("jobs", "build a cell's wheel"),
    "repair": ("jobs", "graft and tag a cell's wheel with auditwheel"),
    "test": ("jobs", "install a cell's wheel and run its smoke test"),
    "validate": ("proving", "check wheels against their own names"),
    "prove": ("proving", "compare a folder of wheels with the plan"),
    "hand-over": ("handing", "pass wheels from job to job through GitLab's package registry"),
    "publish": ("publishing", "upload the proven wheels of an index"),
    "trigger": ("triggering", "start a pipeline, once, with checked variables"),
    "watch": ("triggering", "follow a pipeline and its children to the end"),
    "bridge": ("bridging", "build a request of one forge by a pipeline of the other"),
    "schedules": ("scheduling", "let a project have the schedules of the spec"),
    "doctor": ("examining", "ask a forge for the settings that would bite"),
    "note": ("reviewing", "tell a merge request which wheel names it changes"),
    "title": ("reviewing", "judge the title and labels of a merge request"),
    "completion": ("completing", "print a script that completes commands with the tab key"),
}
PURPOSE = "Wheel pipelines whose file names are known before the build and proven after it."
EXAMPLES = """\
examples:
  {prog} plan -v CI_PIPELINE_ID=49163608
  {prog} generate
  {prog} run
  {prog} explain dist/foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
"""


def front_door() -> str:
    """Return the program's name as the user typed it."""
    return "./gen_ci.py" if os.path.basename(sys.argv[0]) == "gen_ci.py" else "truewheel"  # noqa: PTH119


def overview() -> str:
    """Return what `--help` says: all commands, and where to start."""
    prog = front_door()
    width = max(map(len, COMMANDS)) + 2
    commands = "".join(f"  {name:{width}}{purpose}\n" for name, (_, purpose) in COMMANDS.items())
    return f"""\
usage: {prog} COMMAND [-h] ...

{PURPOSE}

commands:
{commands}
options:
  -h, --help  show this help, or that of a command: {prog} plan --help
  --version   show the version

{EXAMPLES.format(prog=prog)}"""
