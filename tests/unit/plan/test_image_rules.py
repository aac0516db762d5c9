"""Images in which jobs cannot run, by their names."""

from __future__ import annotations

import pytest
from specs import plan_of

BOTH = "arches: [x86_64, aarch64]\n"
X86_64 = "base: quay.io/pypa/manylinux_2_28_x86_64"


def said(target: str, more: str) -> list[str]:
    text = f"packages: {{foo: {{}}}}\ntargets: {{one: {{{target}}}}}\n{more}"
    words = ("is named for", "has glibc")
    problems = plan_of(text).problems
    return [str(problem) for problem in problems if any(word in problem.message for word in words)]


@pytest.mark.parametrize(
    "image",
    [
        "registry.example/build/manylinux_2_28_x86_64",
        "quay.io/pypa/manylinux2014_x86_64:2026.01.01-1",
        "quay.io/pypa/musllinux_1_2_x86_64@sha256:0123",
        "docker.io/amd64/debian:12",
        "registry.example:5000/team/builder:13.2-amd64",
    ],
)
def test_an_image_of_one_architecture_is_refused_for_cells_of_another(image: str):
    (message,) = said(f"base: '{image}'", BOTH)
    assert message.startswith("truewheel.yml:3:23: " + image)
    assert "is named for x86_64, and there are cells for aarch64" in message
    assert (
        "a target of its own for aarch64" in message or "quay.io/pypa/musllinux_1_2 is" in message
    )
    assert said(f"base: '{image}'", "arches: [x86_64]\n") == []
    assert said(f"base: '{image}', arches: [x86_64]", BOTH) == []
    assert len(said(f"base: 'registry.example/both', test_image: '{image}'", BOTH)) == 1


def test_the_image_for_several_architectures_is_named_where_there_is_one():
    image = "quay.io/pypa/manylinux_2_28_aarch64"
    (message,) = said(f"base: {image}", BOTH)
    assert "hint: quay.io/pypa/manylinux_2_28 is there for x86_64 and aarch64" in message
    (message,) = said(f"base: {image}", "arches: [aarch64, s390x]\n")
    assert "cells for s390x" in message
    assert "is there for" not in message


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("base: quay.io/pypa/manylinux_2_28", BOTH),
        ("base: 'registry.example/x86_64-team/builder:1'", BOTH),
        ("base: 'registry.example/cross:x86_64-to-aarch64'", BOTH),
        (X86_64, "arches: [x86_64, i686]\n"),
        (f"{X86_64}, toolchain: zig, runner: x86_64, floor: manylinux_2_28", BOTH),
        (X86_64, f"{BOTH}exclude: [{{arch: aarch64, target: one}}]\n"),
    ],
)
def test_other_images_are_not_refused(target: str, more: str):
    assert said(target, more) == []


@pytest.mark.parametrize(
    ("image", "minor"),
    [
        ("registry.example/build/manylinux2014_x86_64", 17),
        ("quay.io/pypa/manylinux2010_x86_64", 12),
        ("registry.example/manylinux_2_24_x86_64", 24),
        ("docker.io/library/centos:7.9.2009", 17),
        ("nvcr.io/nvidia/cuda:12.4.1-devel-centos7", 17),
        ("docker.io/library/debian:stretch-slim", 24),
        ("docker.io/library/python:3.8-stretch", 24),
        ("docker.io/library/debian:9", 24),
        ("docker.io/library/ubuntu:16.04", 23),
        ("nvcr.io/nvidia/cuda:12.4.1-devel-ubuntu18.04", 27),
        ("docker.io/library/buildpack-deps:bionic", 27),
        ("public.ecr.aws/amazonlinux/amazonlinux:2", 26),
    ],
)
def test_an_image_too_old_for_the_actions_of_github_is_warned_of(image: str, minor: int):
    (message,) = said(f"base: '{image}'", "github: {}\n")
    assert message.startswith(f"truewheel.yml:3:23: warning: {image} has glibc 2.{minor}: ")
    assert "on GitHub the jobs of one end in their first step" in message
    assert "the Node that runs checkout and artifacts there needs glibc 2.28" in message
    assert said(f"base: '{image}'", "gitlab: {}\n") == []
    assert said(f"base: '{image}', glibc: '2.31'", "github: {}\n") == []
    assert len(said(f"base: 'registry.example/a', test_image: '{image}'", "github: {}\n")) == 1


def test_what_the_spec_says_of_the_image_counts():
    assert "has glibc 2.17" in said("base: registry.example/a, glibc: '2.17'", "github: {}\n")[0]
    text = "packages: {foo: {}}\ntargets: {manylinux2014: {base: registry.example/a}}\ngithub: {}\n"
    assert any("has glibc 2.17" in str(problem) for problem in plan_of(text).problems)


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/pypa/manylinux_2_28_x86_64",
        "docker.io/library/almalinux:8",
        "docker.io/library/debian:buster",
        "docker.io/library/ubuntu:20.04",
        "docker.io/library/amazonlinux:2023",
        "quay.io/centos/centos:stream9",
        "registry.example/trusty-builder:4",
        "registry.example/panel7",
        "docker.io/library/alpine:3.20",
        "",
    ],
)
def test_other_images_are_not_warned_of(image: str):
    assert said(f"base: '{image}'" if image else "floor: manylinux_2_17", "github: {}\n") == []
