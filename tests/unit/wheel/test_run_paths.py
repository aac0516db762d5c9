"""Run paths: where they lead, and which file of a wheel a library is."""

from __future__ import annotations

import pytest

from truewheel.wheel.run_paths import (
    choose,
    folder_of,
    installed,
    is_inside,
    is_there,
    to_folder,
)


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ("demo/_c.so", "demo/_c.so"),
        ("demo-1.0.data/platlib/demo/_c.so", "demo/_c.so"),
        ("demo-1.0.data/purelib/libx.so", "libx.so"),
        ("demo-1.0.data/scripts/worker", ""),
        ("demo-1.0.data/data/lib/libx.so", ""),
    ],
)
def test_where_a_member_is_installed(member, place):
    assert installed(member) == place


@pytest.mark.parametrize(
    ("path", "place", "folder"),
    [
        ("$ORIGIN", "demo/_c.so", "demo"),
        ("${ORIGIN}/../demo.libs", "demo/_c.so", "demo.libs"),
        ("$ORIGIN/", "_c.so", ""),
        ("$ORIGIN/..", "demo/_c.so", ""),
        ("$ORIGIN/../..", "demo/_c.so", ".."),
        ("/opt/lib", "demo/_c.so", "/opt/lib"),
        ("$ORIGINAL", "demo/_c.so", "$ORIGINAL"),
    ],
)
def test_where_a_run_path_leads(path, place, folder):
    assert folder_of(path, place) == folder


@pytest.mark.parametrize(
    ("folder", "place", "path"),
    [
        ("demo", "demo/_c.so", "$ORIGIN"),
        ("demo.libs", "demo/sub/_c.so", "$ORIGIN/../../demo.libs"),
        ("demo.libs", "_c.so", "$ORIGIN/demo.libs"),
        ("", "demo/_c.so", "$ORIGIN/.."),
        (".", "_c.so", "$ORIGIN"),
    ],
)
def test_the_run_path_to_a_folder_leads_there(folder, place, path):
    assert to_folder(folder, place) == path
    assert folder_of(path, place) == folder.removeprefix(".")
    assert is_inside(path, place)


def test_a_library_is_there_under_the_name_that_is_needed_alone():
    assert is_there("demo/_c.so", "libx.so.1", ["$ORIGIN"], ["demo/libx.so.1"])
    assert is_there("demo/_c.so", "libx.so.1", ["$ORIGIN"], ["demo-1.data/platlib/demo/libx.so.1"])
    assert not is_there("demo/_c.so", "libx.so.1", ["$ORIGIN"], ["demo/libx.so"])
    assert not is_there("demo/_c.so", "libx.so.1", ["/opt"], ["demo/libx.so.1"])


@pytest.mark.parametrize(
    ("members", "chosen"),
    [
        (["lib/libx.so.1"], "lib/libx.so.1"),
        (["demo/libx.so.1", "lib/libx.so.1"], "demo/libx.so.1"),
        (["lib/libx.so.1", "old/libx.so.1"], ""),
        (["demo/libx.so", "lib/libx.so.1"], "lib/libx.so.1"),
        (["demo/libx.so"], "demo/libx.so"),
        (["demo-1.data/data/lib/libx.so.1"], ""),
        ([], ""),
    ],
)
def test_which_file_a_needed_library_is(members, chosen):
    assert choose("demo/_c.so", "libx.so.1", members) == chosen
