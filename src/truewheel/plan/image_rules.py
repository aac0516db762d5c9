"""Images in which jobs cannot run: for another architecture, or too old for a forge's programs.

Read from the names of images alone, since a plan uses no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from truewheel.errors import Problem
from truewheel.plan.matrix import Slot
from truewheel.spec.forges import FORGES, ForgeWords
from truewheel.spec.model import Spec, Target
from truewheel.system import architectures
from truewheel.wheel import platform_tags

# Words in an image's name or tag, and X of its glibc 2.X; only what is older than forges need.
_OF_RHEL = "(centos|el|rhel|ubi|oraclelinux|scientificlinux|sl)"
_OLD = (
    *platform_tags.LEGACY_FLOORS.items(),
    *(
        (words, platform_tags.DISTRIBUTIONS[distribution])
        for words, distribution in (
            (rf"{_OF_RHEL}[:-]?6", "CentOS 6"),
            (rf"{_OF_RHEL}[:-]?7", "CentOS 7"),
            (r"debian[:-]?7", "Debian 7"),
            (r"debian[:-]?8", "Debian 8"),
            (r"debian[:-]?9", "Debian 9"),
            (r"ubuntu[:-]?12\.04", "Ubuntu 12.04"),
            (r"ubuntu[:-]?14\.04", "Ubuntu 14.04"),
            (r"ubuntu[:-]?16\.04", "Ubuntu 16.04"),
            (r"ubuntu[:-]?18\.04", "Ubuntu 18.04"),
            (r"amazonlinux[:-]?2", "Amazon Linux 2"),
        )
    ),
)
_OLD_RELEASES = {
    "wheezy": "Debian 7",
    "jessie": "Debian 8",
    "trusty": "Ubuntu 14.04",
    "xenial": "Ubuntu 16.04",
    "stretch": "Debian 9",
    "bionic": "Ubuntu 18.04",
}
# Of a tag, or of a name that says of which distribution: an image may have such a name by chance.
_RELEASE = re.compile(
    rf"(?::(?:.*[-_.])?|(?:debian|ubuntu)[-_]?)({'|'.join(_OLD_RELEASES)})(?![a-z0-9])"
)
_ONE_NAME = re.compile(r"quay\.io/pypa/((?:many|musl)linux_\d+_\d+)_[a-z0-9_]+")
# As images are called for them, beside their own names; 386 alone is no word for one.
_ARCH_WORDS = {
    **{arch.name: arch.name for arch in architectures.ARCHITECTURES},
    **{arch.image: arch.name for arch in architectures.ARCHITECTURES if arch.image.isidentifier()},
    **architectures.BY_ALIAS,
    **architectures.BY_IMAGE_FOLDER,
}
_ARCH = re.compile(rf"(?<![a-z0-9])({'|'.join(_ARCH_WORDS)})(?![a-z0-9])")


def problems(spec: Spec, slots: Iterable[Slot]) -> Iterator[Problem]:
    """Yield an error for each image of another architecture, a warning for each too old one."""
    arches: dict[str, dict[str, None]] = {}
    for slot in slots:
        arches.setdefault(slot.target, {})[slot.arch] = None
    for name, target in spec.targets.items():
        cells = tuple(arches.get(name, ()))
        # A cross compiler's image is one for the machine on which it runs.
        built_on = (target.runner,) if target.runner else cells
        images = {"base": (target.base, built_on), "test_image": (target.test_image, cells)}
        for key, (image, needed) in images.items():
            route = ("targets", name, key)
            if remark := _other_architecture(image, needed):
                yield spec.document.problem(route, *remark)
            for forge in spec.forges():
                if remark := _old_glibc(name, key, target, FORGES[forge]):
                    yield replace(spec.document.problem(route, *remark), severity="warning")


def _name(image: str) -> str:
    """Return the last part of an image's name with its tag, without registry and digest.

    With the folder before it where that is an architecture, as in arm64v8/debian.
    """
    folder, _, name = image.partition("@")[0].rpartition("/")
    word = folder.rpartition("/")[2]
    return f"{word}/{name}" if word in _ARCH_WORDS else name


def _other_architecture(image: str, needed: tuple[str, ...]) -> tuple[str, str] | None:
    """Return what is to be said of an image that is named for one architecture, and a hint."""
    words = {_ARCH_WORDS[word] for word in _ARCH.findall(_name(image))}
    if len(words) != 1:
        return None
    (own,) = words
    others = [arch for arch in needed if arch not in {own, architectures.also_runs(own)}]
    if not others:
        return None
    hint = f"name an image that there is for all of them, or a target of its own for {others[0]}"
    match = _ONE_NAME.fullmatch(image.partition("@")[0].partition(":")[0])
    if match and {*needed} <= {*architectures.HOSTED}:
        hint = f"quay.io/pypa/{match[1]} is there for {' and '.join(needed)}"
    return f"{image} is named for {own}, and there are cells for {', '.join(others)}", hint


def _old_glibc(name: str, key: str, target: Target, forge: ForgeWords) -> tuple[str, str] | None:
    """Return what is to be said of an image that is too old for a forge, and a hint."""
    image = target.base if key == "base" else target.test_image
    if not image:
        return None
    minor = _minor(_name(image))
    if key == "base":
        stated = platform_tags.glibc_minor("", target.glibc)
        minor = stated or minor or _minor(name)
    if minor is None or minor >= forge.job_glibc:
        return None
    where = f"on {forge.title} the jobs of {name} end in their first step"
    why = f"the Node that runs checkout and artifacts there needs glibc 2.{forge.job_glibc}"
    hint = "choose a newer image, or build this target on another forge"
    return f"{image} has glibc 2.{minor}: {where}, since {why}", hint


def _minor(text: str) -> int | None:
    """Return X of the glibc 2.X of an image or target by its name, or None."""
    if match := re.search(r"manylinux_2_(\d+)(?!\d)", text):
        return int(match[1])
    for words, minor in _OLD:
        if re.search(rf"(?<![a-z0-9])({words})(?![0-9])", text):
            return minor
    release = _RELEASE.search(text)
    return platform_tags.DISTRIBUTIONS[_OLD_RELEASES[release[1]]] if release else None
