"""The actions that workflows use, each pinned to a commit.

`truewheel lock` finds newer ones for a project.
"""

from __future__ import annotations

from collections.abc import Mapping

from truewheel.forges.kind import Pin

PINS: Mapping[str, Pin] = {
    "actions/checkout": Pin("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": Pin("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": Pin("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": Pin("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "pypa/gh-action-pypi-publish": Pin("dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"),
    "actions/attest": Pin("1e69f48acb82d1966a394da916b4c1698aa569d6", "v4.2.2"),
}
