"""What note and title share: the merge or pull request, and what its pipeline knows of it."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import NamedTuple

from truewheel.cli import forges
from truewheel.forges import FORGES
from truewheel.forges.kind import RemoteProject
from truewheel.forges.reviews import Review, Reviews


class Place(NamedTuple):
    """A merge or pull request of a project."""

    forge: str
    project: str
    number: int

    def __str__(self) -> str:
        return f"{self.project}{FORGES[self.forge].request_mark}{self.number}"


def add_merge_request(parser: ArgumentParser, *, seconds: float) -> None:
    """Add --merge-request, --forge, --project and --deadline."""
    parser.add_argument(
        "--merge-request", metavar="N", type=_number,
        help="number of the merge or pull request (default: that of this pipeline)",
    )  # fmt: skip
    forges.add_forge(parser, seconds=seconds)


def _number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a merge request")
    return int(text)


def find_place(
    arguments: Namespace, environment: Mapping[str, str], declared: tuple[str, ...]
) -> Place | None:
    """Return the given merge request, or that of this pipeline, or None."""
    name = arguments.forge or _forge_of_request(environment)
    name = name or forges.choose_forge(arguments, environment, declared)
    job = FORGES[name].job(environment)
    number = arguments.merge_request or job.request_number()
    if not number:
        return None
    project = forges.find_project(name, arguments.project or job.request_project(), environment)
    return Place(name, project, number)


def _forge_of_request(environment: Mapping[str, str]) -> str:
    """Return the forge of whose merge request this is a pipeline, or ""."""
    names = (name for name, kind in FORGES.items() if kind.job(environment).request_number())
    return next(names, "")


def connect(
    place: Place, seconds: float, environment: Mapping[str, str], *, writes: bool
) -> Reviews:
    """Return a client for the merge requests of a project.

    Raises `Stop` (exit 2) without a token that may read them, or write to them.
    """
    forges.require_library(place.forge)
    project = RemoteProject(environment, place.project, seconds)
    return FORGES[place.forge].reviews(project, place.number, writes)


def read_review(environment: Mapping[str, str]) -> Review | None:
    """Return the merge request as it was when its pipeline started, or None."""
    reviews = (kind.job(environment).review() for kind in FORGES.values())
    return next(filter(None, reviews), None)


def job_address(environment: Mapping[str, str]) -> str:
    """Return the address of this job in the browser, or ""."""
    addresses = (kind.job(environment).address() for kind in FORGES.values())
    return next(filter(None, addresses), "")
