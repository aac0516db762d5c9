"""Wheels of a release are installed and loaded here, without a plan."""

from __future__ import annotations

from pathlib import Path

import projects
import pytest
import releases
import wheels

from truewheel.build import verify_load
from truewheel.build.verdicts import Verdict
from truewheel.wheel.release_rules import Change

pytestmark = pytest.mark.slow  # starts programs


def changes(folder: Path) -> dict[str, list[Change]]:
    env = {**projects.ENV, "PIP_NO_INDEX": "1"}
    verdicts: list[Verdict] = []
    result: dict[str, list[Change]] = {}
    paths = sorted(folder.iterdir())
    for change in verify_load.try_wheels(paths, env, verdicts.append):
        result.setdefault(change.file, []).append(change)
    assert sorted(folder.iterdir()) == paths
    assert len({verdict.wheel for verdict in verdicts}) == len(verdicts)
    return result


def test_what_this_machine_can_load_it_does_and_says_why_not_of_the_rest(tmp_path: Path):
    releases.wheel(tmp_path, "1.0", demo="from demo import lost")
    releases.archive(tmp_path, "1.0")
    others = {
        "cp312-cp312-win_amd64": "named: win_amd64 cannot be installed on this machine",
        f"pp310-pypy310_pp73-manylinux_2_17_{projects.ARCH}": "named: pp310 is no CPython",
    }
    for tag in others:
        releases.wheel(tmp_path, "1.0", tag, demo="")
    result = changes(tmp_path)
    loading = result.pop("demo-1.0-py3-none-any.whl")
    assert {change.kind for change in loading} == {"loading"}
    assert "lost" in loading[0].message
    messages = {file: (items[0].kind, items[0].message) for file, items in result.items()}
    assert messages == {
        f"demo-1.0-{tag}.whl": ("not-tried", reason) for tag, reason in others.items()
    }


def test_a_wheel_gets_what_it_requires_from_its_own_set(tmp_path: Path):
    metadata = "Requires-Dist: other"
    content = {"demo/__init__.py": b"import other\nassert other.HERE\n"}
    wheels.make_with(tmp_path, "demo-1.0-py3-none-any.whl", content, metadata=metadata)
    wheels.make(tmp_path, "other-1.0-py3-none-any.whl", {"other/__init__.py": b"HERE = True\n"})
    kinds = {file: [item.kind for item in items] for file, items in changes(tmp_path).items()}
    assert set(map(tuple, kinds.values())) == {("loaded",)}
    assert len(kinds) == 2


def test_a_wheel_for_no_python_at_hand_is_only_named(tmp_path: Path):
    releases.wheel(tmp_path, "1.0", metadata="Requires-Python: >=3.99", demo="")
    ((change,),) = changes(tmp_path).values()
    assert (change.kind, change.message[:25]) == ("not-tried", "named: no interpreter for")
