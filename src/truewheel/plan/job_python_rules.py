"""Images that are known to have no Python for Truewheel: jobs must install one, or cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from truewheel.errors import Problem
from truewheel.spec.model import Spec

# Words in an image's name, its own Python, and the packages from which a job can add a newer one.
# Alpine and newer systems have Python 3.10 or newer; manylinux and musllinux images have
# /opt/python.
_OLD = (
    (r"(ubi|el|rhel|centos|stream|almalinux|rockylinux|oraclelinux)[:-]?8", "3.6", "dnf"),
    (r"(ubi|el|rhel|centos|stream|almalinux|rockylinux|oraclelinux)[:-]?9", "3.9", "dnf"),
    (r"(ubi|el|rhel|centos)[:-]?7", "3.6", ""),
    (r"bullseye|debian[:-]?11", "3.9", ""),
    (r"focal|ubuntu[:-]?20\.04", "3.8", ""),
    (r"bionic|ubuntu[:-]?18\.04", "3.6", ""),
)
_MANYLINUX = re.compile(r"(many|musl)linux")


def problems(spec: Spec) -> Iterator[Problem]:
    """Yield a warning for each image of a target in which jobs look for a Python in vain."""
    if not spec.tool.form:
        return
    for name, target in spec.targets.items():
        images = {"base": "" if spec.images.registry else target.base}
        images["test_image"] = target.test_image
        for key, image in images.items():
            if remark := _remark(image):
                problem = spec.document.problem(("targets", name, key), *remark)
                yield replace(problem, severity="warning")


def _remark(image: str) -> tuple[str, str] | None:
    """Return what is to be said of an image, and a hint; None for one with a new enough Python."""
    if _MANYLINUX.search(image):
        return None
    for words, version, manager in _OLD:
        if re.search(rf"(?<![a-z0-9])({words})(?![0-9])", image):
            what = f"{image} is known to have no Python 3.10 or newer: its own is {version}"
            if manager:
                hint = "an image with Python 3.12 saves that time: images.registry, or your own"
                return f"{what}; each job installs one by {manager}, as root", hint
            hint = "choose an image with Python 3.10 or newer, such as one of manylinux"
            return f"{what}, and its packages have none; the jobs will end there", hint
    return None
