"""Verdicts on wheels: files that anybody may have written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from truewheel.build import verdicts
from truewheel.build.verdicts import NotTried, Verdict
from truewheel.errors import Stop

CELL = "demo/box/x86_64/cp312"


def make(**fields: Any) -> Verdict:
    usual = {"cell": CELL, "wheel": "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"}
    usual |= {"sha256": "0" * 64, "python": "cp312", "verdict": "loaded"}
    return Verdict(**{**usual, **fields})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    verdict = make(
        warnings=("demo: RuntimeError: no device",),
        modules=("demo",),
        not_tried=(NotTried("demo.tests", "pytest"),),
        loaded_up_to="libcuda.so.1",
        machine="x86_64",
    )
    verdicts.write(tmp_path, verdict)
    file = tmp_path / "verdicts/demo__box__x86_64__cp312.cp312.json"
    assert json.loads(file.read_text())["not_tried"] == [
        {"module": "demo.tests", "needs": "pytest"}
    ]
    records = verdicts.read_all(tmp_path)
    assert records == {file.name: verdicts.Record(verdict, "")}
    assert verdicts.of_cell(records, CELL) == (verdict,)
    assert verdict.summary == "loaded (up to libcuda.so.1; not tried: needs pytest)"


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert verdicts.read_all(tmp_path) == {}
    assert verdicts.combined([]) == "named"


def test_several_pythons_are_judged_by_the_worst() -> None:
    tried = [make(verdict="tested"), make(verdict="installed", python="cp313")]
    assert verdicts.combined(tried) == "installed"
    assert verdicts.combined([*tried, make(verdict="failed")]) == "failed"
    assert verdicts.reaches("tested", "loaded")
    assert not verdicts.reaches("installed", "loaded")


def test_a_verdict_under_another_cells_name_is_not_taken_for_either(tmp_path: Path) -> None:
    verdicts.write(tmp_path, make())
    file = verdicts.path(tmp_path, CELL, "cp312")
    file.rename(verdicts.path(tmp_path, "other/box/x86_64/cp312", "cp312"))
    records = verdicts.read_all(tmp_path)
    assert verdicts.of_cell(records, CELL) == ()
    assert verdicts.of_cell(records, "other/box/x86_64/cp312") == ()


DATA = make().to_data()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "Expecting value"),
        (b"\xff", "decode"),
        (b"[" * 100_000, "too deep"),
        (b"[]", "not of version 1"),
        (b'{"version": 2}', "not of version 1"),
        ({**DATA, "verdict": "splendid"}, "splendid is no verdict"),
        ({**DATA, "verdict": "named"}, "named is no verdict"),
        ({**DATA, "sha256": 3}, "no text"),
        ({**DATA, "problems": "none"}, "no list"),
        ({**DATA, "modules": ["x"] * 1001}, "too long"),
        ({**DATA, "warnings": ["x" * 2001]}, "too long"),
        ({**DATA, "not_tried": ["x"]}, "no text"),
        ({**DATA, "not_tried": [{"module": "x"}]}, "no text"),
        (b" " * (2**20 + 1), "more than 1048576 bytes"),
    ],
)
def test_anything_else_is_a_fault(tmp_path: Path, content: bytes | dict, fault: str) -> None:
    file = verdicts.path(tmp_path, CELL, "cp312")
    file.parent.mkdir()
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    (record,) = verdicts.read_all(tmp_path).values()
    assert record.verdict is None
    assert fault in record.fault


def test_texts_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    verdicts.write(tmp_path, make(problems=("\x1b[2Jgone",), verdict="failed"))
    ((verdict, _),) = verdicts.read_all(tmp_path).values()
    assert verdict
    assert verdict.problems == ("\\x1b[2Jgone",)


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    out = tmp_path / "dist"
    (out / "verdicts").mkdir(parents=True)
    os.mkfifo(out / "verdicts/pipe.json")
    assert verdicts.read_all(out)["pipe.json"].fault == "it is no file"
    (out / "verdicts/link.json").symlink_to("/dev/zero")
    with pytest.raises(Stop, match=r"link\.json: is a link"):
        verdicts.read_all(out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "verdicts").symlink_to(out)
    with pytest.raises(Stop, match="is a link"):
        verdicts.read_all(other)
