"""Reading the file name of a wheel (PEP 427, 425), with its variant label (PEP 817)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod

TAG_LIMIT = 1000
"""Single tags that one compressed tag set may stand for."""

_FILE_NAME = re.compile(r"[A-Za-z0-9_.+!-]+\.whl")
_LABEL = re.compile(r"[0-9a-z._]+")
_TAGS = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelName:
    """The parts of a wheel's file name as they are written there (PEP 427).

    `build` and `label` are "" when absent.
    """

    distribution: str
    version: str
    build: str
    python: str
    abi: str
    platform: str
    label: str = ""

    @property
    def unlabelled(self) -> str:
        """The file name without its variant label (PEP 817), which most tools do not know."""
        build = f"-{self.build}" if self.build else ""
        return f"{self.distribution}-{self.version}{build}-{self.tag}.whl"

    @property
    def tag(self) -> str:
        """The compatibility tag set as it is written, such as `py2.py3-none-any` (PEP 425)."""
        return f"{self.python}-{self.abi}-{self.platform}"

    @property
    def tags(self) -> frozenset[str]:
        """Every single tag that `tag` stands for."""
        return expand_tag(self.tag)


def parse_name(filename: str) -> WheelName:
    """Return the parts of a wheel's file name.

    Raises `ValueError` for a name that `packaging` refuses, or that holds anything but ASCII.
    """
    stem, _, label = filename.removesuffix(".whl").rpartition("-")
    if stem and filename.endswith(".whl") and _is_labelled(filename) and _LABEL.fullmatch(label):
        return replace(_parse_unlabelled(f"{stem}.whl"), label=label)
    return _parse_unlabelled(filename)


def _parse_unlabelled(filename: str) -> WheelName:
    from packaging.utils import parse_wheel_filename

    if not _FILE_NAME.fullmatch(filename):
        raise ValueError(f"not a wheel file name: {printable(filename)}")
    try:
        parse_wheel_filename(filename)
    except ValueError as error:
        raise ValueError(f"not a wheel file name: {error}") from None
    distribution, version, *build, python, abi, platform = filename[: -len(".whl")].split("-")
    if not all(map(_TAGS.fullmatch, (python, abi, platform))):
        raise ValueError(f"not a wheel file name: an empty tag in {filename}")
    return WheelName(
        distribution=distribution,
        version=version,
        build="".join(build),
        python=python,
        abi=abi,
        platform=platform,
    )


def _is_labelled(filename: str) -> bool:
    """Return whether a variant label stands last.

    A build tag starts with a digit, a Python tag does not.
    """
    parts = filename.split("-")
    return len(parts) in {6, 7} and re.match(r"[a-z]+\d", parts[-4]) is not None


def expand_tag(tag: str) -> frozenset[str]:
    """Return the single tags of a compressed tag set (PEP 425), in lower case.

    An absurdly large one stays as it is.
    """
    parts = [part.split(".") for part in tag.lower().split("-")]
    if prod(map(len, parts)) > TAG_LIMIT:
        return frozenset({tag})
    return frozenset(map("-".join, product(*parts)))


def printable(text: str) -> str:
    """Return `text` with everything a terminal might act on written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


@lru_cache(maxsize=4096)
def normalized(project: str) -> str:
    """Return a project's name as wheel file names write it (PEP 503, with _ for -)."""
    return re.sub(r"[-_.]+", "_", project).lower()
