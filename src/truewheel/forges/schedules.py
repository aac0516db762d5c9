"""Schedules that calls create, change and remove: what is the same for every forge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

CREATE, CHANGE, REMOVE, KEEP = "create", "change", "remove", "keep"
Tell = Callable[[str], None]


class Difference(NamedTuple):
    """A change of a field or of `variables.NAME`; a value is None where it does not exist."""

    what: str
    old: str | None
    new: str | None


class Step(Protocol):
    """What is to be done for one schedule. `why` is told where its declaration does not say it."""

    @property
    def action(self) -> str:
        """One of the words above."""

    @property
    def name(self) -> str:
        """The name of the schedule."""

    @property
    def id(self) -> int | None:
        """Its number, None where it is not there yet."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What changes."""

    @property
    def why(self) -> str:
        """The reason."""


class Schedules(Protocol):
    """The schedules of a project.

    Raises `Stop`: exit 5 when the forge refuses, exit 6 when it cannot be reached.
    """

    def steps(self) -> Sequence[Step]:
        """Return the steps from the project's schedules to those of the spec."""

    def apply(self, steps: Sequence[Any], tell: Tell) -> Iterator[Step]:
        """Do the steps, and yield each one that is done."""
