"""The built-in policies give the names that their projects publish, by `truewheel name`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import yaml
from paths import ROOT

from truewheel import cli
from truewheel.workspace import loading

CASES = ROOT / "tests" / "cases"
FILES = [CASES / "naming_truth.yml", *sorted((CASES / "published").glob("*.yml"))]
CASES_OF_FILES = [
    case for file in FILES for case in yaml.safe_load(file.read_text(encoding="utf-8"))
]
# What an image's files say is no matter of a command that reads its flags alone: test_naming has
# those cases.
TRUTH: list[dict[str, Any]] = [case for case in CASES_OF_FILES if "files" not in case]


def command(case: dict[str, Any]) -> list[str]:
    flags = {key: case[key] for key in ("policy", "package", "base", "python", "abi", "platform")}
    words = ["name", *(word for key, value in flags.items() for word in (f"--{key}", value))]
    words += [word for name, value in case["env"].items() for word in ("-v", f"{name}={value}")]
    words += [
        word for name, value in case.get("options", {}).items() for word in (f"--{name}", value)
    ]
    return words + ["--variant-labels"] * bool(case.get("variant_labels"))


@pytest.mark.parametrize("case", TRUTH, ids=[case["id"] for case in TRUTH])
def test_a_name_is_as_published(case: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command(case)) == 0
    assert capsys.readouterr().out == case["wheel"] + "\n"


@pytest.mark.parametrize("name", sorted(loading.builtin_policies()))
def test_a_policy_is_short_and_has_its_cases(name: str) -> None:
    lines = loading.builtin_policies()[name].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 31
    assert Counter(case["policy"] for case in TRUTH)[name] >= 8
