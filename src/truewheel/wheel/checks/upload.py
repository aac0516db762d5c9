"""Checks of an index profile: for what the index would refuse the upload of a wheel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from truewheel.wheel import index_profiles
from truewheel.wheel.checks import metadata
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding


class Destination(NamedTuple):
    """Where wheels are to be uploaded: the name of a profile, and the index's own limit.

    `max_size` is in bytes; 0 for the limit of the profile.
    """

    profile: str = "internal"
    max_size: int = 0

    @property
    def limit(self) -> int:
        """The most bytes that a file may have; 0 for any number."""
        return self.max_size or index_profiles.PROFILES[self.profile].max_size


ANYWHERE = Destination()

# What installers take and the public index does not: its upload API parses METADATA with a list of
# versions, looks for the License-Files of METADATA 2.4 in the folder licenses, and refuses a zip
# with data descriptors or comments of members, which readers without the directory cannot follow.
# It refuses what packaging.metadata does, and scripts with other signs in their names than letters,
# digits and "._-".
_REFUSED = frozenset({
    *(Code.TW211, Code.TW212, Code.TW214, Code.TW221, Code.TW317, Code.TW318),
})  # fmt: skip


def with_severity_of_index(findings: Iterable[Finding], to: Destination) -> list[Finding]:
    """Return the findings, as errors where the index refuses what is elsewhere a warning."""
    if not index_profiles.PROFILES[to.profile].strict:
        return list(findings)
    # a comment of the zip file itself has no member; the index takes it
    return [
        replace(item, severity="error") if item.code in _REFUSED and item.where else item
        for item in findings
    ]


def check(contents: Contents, to: Destination) -> Iterator[Finding]:
    """Yield what an index with this profile says of a wheel."""
    if to.limit and contents.size > to.limit:
        message = (
            f"it has {contents.size} bytes, the index takes {to.limit}: "
            "ask it for more, or make it smaller"
        )
        yield finding(Code.TW602, message)
    if index_profiles.PROFILES[to.profile].strict:
        yield from metadata.check_for_index(contents)
    name = contents.name
    if name is None:
        return
    for reason in index_profiles.refusal_reasons(
        to.profile, name.version, name.tag, name.distribution, name.label
    ):
        yield finding(Code.TW601, f"the profile {to.profile} does not take it: {reason}")
    folder = f"{name.distribution}-{name.version}.dist-info"
    # The upload API opens WHEEL, RECORD and METADATA under the folder that the file name spells.
    if (
        index_profiles.PROFILES[to.profile].strict
        and len(contents.dist_infos) == 1
        and contents.dist_infos[0] != folder
    ):
        yield finding(Code.TW603, f"the index looks for {folder}", contents.dist_infos[0])
