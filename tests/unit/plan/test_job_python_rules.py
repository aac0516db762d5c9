"""The warning for images that are known to have no Python for Truewheel."""

from __future__ import annotations

import pytest
from specs import plan_of

TOOL = f"tool: {{git: 'https://git.example/truewheel', commit: {'a' * 40}}}\n"


def warnings(target: str, more: str = TOOL) -> list[str]:
    text = f"packages: {{foo: {{}}}}\ntargets: {{one: {{{target}}}}}\n{more}"
    return [str(problem) for problem in plan_of(text).problems if "Python 3.10" in problem.message]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("nvcr.io/nvidia/cuda:13.2.1-devel-ubi8", "its own is 3.6; each job installs one by dnf"),
        ("docker.io/library/rockylinux:9", "its own is 3.9; each job installs one by dnf"),
        ("registry.example/el8/builder", "its own is 3.6; each job installs one by dnf"),
        ("docker.io/library/debian:11", "its own is 3.9, and its packages have none"),
        ("docker.io/library/debian:bullseye-slim", "its own is 3.9, and its packages have none"),
        ("nvcr.io/nvidia/cuda:12.4.1-devel-ubuntu20.04", "its own is 3.8, and its packages"),
    ],
)
def test_an_image_without_a_python_is_warned_of_at_its_place(image: str, words: str):
    (warning,) = warnings(f"base: '{image}'")
    assert warning.startswith("truewheel.yml:3:23: warning: ")
    assert image in warning
    assert words in warning
    assert len(warnings(f"base: 'registry.example/a', test_image: '{image}'")) == 1


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/pypa/manylinux_2_28_x86_64",
        "registry.example/el8/manylinux2014_x86_64",
        "docker.io/library/debian:12",
        "nvcr.io/nvidia/cuda:13.2.1-devel-ubuntu24.04",
        "registry.example/panel8",
        "docker.io/library/python:3.8",
        "docker.io/library/debian:112",
    ],
)
def test_other_images_are_not(image: str):
    assert warnings(f"base: '{image}'") == []


def test_what_jobs_do_not_install_is_nobodys_matter():
    image = "base: 'docker.io/library/rockylinux:8'"
    assert warnings(image, "setup: [. ci/setup.sh]\n") == []
    assert len(warnings(image)) == 1
    assert warnings(image, f"{TOOL}images: {{registry: registry.example/foo}}\n") == []
