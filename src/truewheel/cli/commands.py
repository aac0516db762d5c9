"""The commands, and what `--help` says: no module of a command is imported for that."""

from __future__ import annotations

import os
import sys

# What each command is for. Its module has its name, with _ for -.
COMMANDS = {
    "init": "propose a spec for this repository, and write it with its pipeline",
    "plan": "list all cells with the file names of their wheels",
    "name": "print one wheel's file name",
    "explain": "say where each part of a wheel's name comes from",
    "generate": "write the pipeline files",
    "check": "compare the pipeline files with the spec",
    "container": "build the image of a target",
    "lock": "look up the digests of images, and newer versions of GitHub's actions",
    "run": "build, repair, validate, test and prove this machine's cells",
    "compile": "build a cell's wheel",
    "repair": "repair a cell's wheel with auditwheel, and set its tags",
    "test": "install and load the wheels of cells, and run their smoke tests",
    "validate": "check wheels for errors",
    "verify": "check the files of a release before they are uploaded",
    "prove": "compare a folder of wheels with the plan",
    "hand-over": "pass wheels from job to job through GitLab's package registry",
    "publish": "upload the proven wheels of an index",
    "trigger": "start a pipeline once, with checked variables",
    "watch": "wait for the end of a pipeline and of its child pipelines",
    "bridge": "build a merge or pull request of one forge in a pipeline of the other",
    "schedules": "create, change and remove a project's schedules as the spec says",
    "doctor": "look for misconfigured project settings on a forge",
    "note": "tell a merge request which wheel names it changes",
    "title": "check the title and labels of a merge request",
    "completion": "print a script that completes commands with the tab key",
}
PURPOSE = "Wheel pipelines whose file names are known before the build and proven after it."
EXAMPLES = """\
examples:
  {prog} plan -v CI_PIPELINE_ID=49163608
  {prog} generate
  {prog} run
  {prog} explain dist/foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
"""


def program_name() -> str:
    """Return the program's name as the user typed it."""
    typed = os.path.basename(sys.argv[0])  # noqa: PTH119  # pathlib would slow --help down
    return "./gen_ci.py" if typed == "gen_ci.py" else "truewheel"


def help_text() -> str:
    """Return what `--help` says: all commands, and where to start."""
    prog = program_name()
    width = max(map(len, COMMANDS)) + 2
    commands = "".join(f"  {name:{width}}{purpose}\n" for name, purpose in COMMANDS.items())
    return f"""\
usage: {prog} COMMAND [-h] ...

{PURPOSE}

commands:
{commands}
options:
  -h, --help  show this help, or that of a command: {prog} plan --help
  --version   show the version

{EXAMPLES.format(prog=prog)}"""
