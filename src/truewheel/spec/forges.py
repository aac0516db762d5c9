"""What a spec and a plan know of each forge, as data: how it works is in the folder `forges`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class ForgeWords(NamedTuple):
    """The name of a forge in sentences, and what is its own in a project.

    `prefixes` begin the names of variables that only the forge sets, `shared_prefixes` those of
    variables that other people may set as well. `pipeline_id` is the variable with the number of a
    pipeline. `paths` are the folders and files of its pipelines.
    """

    title: str
    prefixes: tuple[str, ...]
    pipeline_id: str
    paths: tuple[str, ...]
    shared_prefixes: tuple[str, ...] = ()
    job_glibc: int = 0


FORGES: dict[str, ForgeWords] = {
    "gitlab": ForgeWords(
        "GitLab", ("CI_", "GITLAB_"), "CI_PIPELINE_ID", (".gitlab-ci.yml", "pipelines")
    ),
    "github": ForgeWords(
        "GitHub",
        ("GITHUB_",),
        "GITHUB_RUN_ID",
        (".github/workflows",),
        ("RUNNER_",),
        # The runner starts checkout and artifacts with Node 20 or 24 in the container
        # (actions/runner; what happens without it: actions/checkout, issue 1590).
        job_glibc=28,
    ),
}
"""By the key that the spec has for it; pipelines are made for the first where a spec has none."""


def named_in(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the forges whose keys are among those of a spec; the first forge if there is none."""
    keys = frozenset(keys)
    return tuple(name for name in FORGES if name in keys) or tuple(FORGES)[:1]


def is_set_by_a_forge(variable: str) -> bool:
    """Return whether the name of a variable says that only a forge sets it."""
    return any(variable.startswith(forge.prefixes) for forge in FORGES.values())


def setters_of(variable: str) -> list[str]:
    """Return the forges that set a variable; all of them where its name does not say."""
    setters = [
        name
        for name, forge in FORGES.items()
        if variable.startswith((*forge.prefixes, *forge.shared_prefixes))
    ]
    return setters or list(FORGES)


def forge_of(path: str) -> str:
    """Return the forge that reads a file of a pipeline.

    The first one where no path says: a spec may choose the path of its file (`gitlab.entry`).
    """
    names = (
        name
        for name, forge in FORGES.items()
        if any(path == own or path.startswith(f"{own}/") for own in forge.paths)
    )
    return next(names, next(iter(FORGES)))
