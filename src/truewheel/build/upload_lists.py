"""What each index is to get: a list beside the proof, by which a job without Truewheel uploads.

A list is a file of sums in coreutils' form, its paths below the folder of the wheels; a line with #
says something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from truewheel.build import publish
from truewheel.build.prove import COPIES, new_folder
from truewheel.build.publish import Proven, Publisher
from truewheel.errors import Problem, Stop, Where, pluralize
from truewheel.forges import FORGES
from truewheel.net.package_index import Login, LoginNeeded
from truewheel.plan.model import LISTS, Index, Plan
from truewheel.system.files import write_text

JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable

# Shells, `mv` and uploaders of other people get these names: no other character reaches them.
_PATH = re.compile(rf"({COPIES}/[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl")


class Listed(NamedTuple):
    """The list for the index `name`, and what a person should know of it."""

    name: str
    text: str
    note: str


def write(folder: Path, plan: Plan, environment: Mapping[str, str]) -> list[Listed]:
    """Write a list for each index that this pipeline publishes to.

    Of the proven wheels, those that it lacks.

    Each index is asked, without the credentials for uploads. No list is written unless all indexes
    are well. Raises `Stop`: exit 2 for a name that no index takes, 4 when an index has another file
    under one of the names, 5 when it refuses, 6 without an answer.
    """
    lists = [_listed(folder, plan, index, environment) for index in published(plan, environment)]
    if lists:
        new_folder(folder, LISTS)  # `prove` removed the earlier lists
    for listed in lists:
        write_text(folder / LISTS / f"{listed.name}.sha256", listed.text)
    return lists


def published(plan: Plan, environment: Mapping[str, str]) -> list[Index]:
    """Return the indexes that jobs of this pipeline publish to.

    None where its ref is not protected.
    """
    variables = [kind.protected_variable for kind in FORGES.values()]
    is_protected = not any(environment.get(name) == "false" for name in variables)
    kinds = {name for name, kind in plan.kinds.items() if is_protected or not kind.is_protected}
    names = {job.index_name for job in plan.jobs if job.kind in kinds}
    return [index for index in plan.indexes if index.name in names]


def _listed(folder: Path, plan: Plan, index: Index, environment: Mapping[str, str]) -> Listed:
    if not index.active:
        reasons = ", ".join(publish.waits_for(plan, index))
        return Listed(
            index.name, "# its conditions do not hold\n", f"nothing to publish: {reasons}"
        )
    files = publish.proven(folder, plan, index.name)
    _refuse_names(files)
    note = ""
    try:
        missing = Publisher(folder, index, files, _login(index, environment)).missing()
    except LoginNeeded:
        missing = list(files)
        note = (
            "; it cannot be read without its password, so whether it has other files of these "
            "names was not checked"
        )
    lines = [f"# it has {file.path}\n" for file in files if file not in missing]
    sums = [f"{file.sha256}  {file.path}\n" for file in missing]
    return Listed(
        index.name, "".join([*lines, *sums]), f"{pluralize(len(missing), 'wheel')} to upload{note}"
    )


def _refuse_names(files: list[Proven]) -> None:
    message, hint = (
        "no index takes a wheel of this name",
        "let the policy write letters, digits and . _ + - alone",
    )
    bad = [
        Problem(Where(file.path), message, hint) for file in files if not _PATH.fullmatch(file.path)
    ]
    if bad:
        raise Stop(bad)


def _login(index: Index, environment: Mapping[str, str]) -> Login | None:
    """Return the password for reading an index.

    It is known here only where it is a job's own token, which every job has.

    The password of another index is in the job that uploads alone.
    """
    needed = [name for name in (index.username, index.password) if name]
    if index.password != JOB_TOKEN or not all(environment.get(name) for name in needed):
        return None
    return publish.login_of(index, environment)
