"""What `prove` has passed, and whether a file still is as it was then.

All that leaves the folder is asked here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.build import evidence
from truewheel.build.prove import COPIES, PROOF, SUMS
from truewheel.build.verdicts import INSTALLED, LEVELS, LOADED, NAMED
from truewheel.errors import Exit, Problem, Stop, Where, show_value, stop
from truewheel.plan.model import Cell
from truewheel.system.files import link_to, sha256
from truewheel.workspace import loading


class Seen(NamedTuple):
    """The sha256 in hex of each proven file, by its path in the folder.

    As evidence.json and as SHA256SUMS say it. `verdicts` are what loading has shown of wheels, by
    cell.
    """

    recorded: Mapping[str, str]
    sums: Mapping[str, str]
    verdicts: Mapping[str, str]


def read_proof(folder: Path, index: str = "") -> Seen:
    """Return what the proof of a folder says of its wheels, and of the copies for an index.

    Raises `Stop` (exit 4) when prove did not pass.
    """
    proof = _proof(folder)
    try:
        recorded = {entry["wheel"]: entry["sha256"] for entry in proof["wheels"] if entry["ok"]}
        said = {entry.get("cell"): _verdict(entry) for entry in proof["wheels"]}
        copies = {
            copy["wheel"]: copy["sha256"] for copy in proof["copies"] if copy["index"] == index
        }
    except (AttributeError, KeyError, TypeError):
        raise _unproven(folder / PROOF, "damaged") from None
    if unknown := [verdict for verdict in said.values() if verdict not in LEVELS]:
        raise _unproven(folder / PROOF, f"{show_value(unknown[0])} is no verdict")
    below = f"{COPIES}/{index}/"
    recorded |= {below + wheel: digest for wheel, digest in copies.items()}
    return Seen(recorded, {**_sums(folder, ""), **_sums(folder, below)}, said)


def _verdict(entry: Mapping[str, Any]) -> str:
    """Return the verdict on a wheel; one without any module was loaded once it was installed."""
    verdict = entry.get("verdict", NAMED)
    loads = [load for load in entry.get("loads", ()) if load["verdict"] == INSTALLED]
    left = any(load["modules"] or load["not_tried"] or load["warnings"] for load in loads)
    return LOADED if verdict == INSTALLED and loads and not left else str(verdict)


def fault(folder: Path, path: str, known: Seen) -> str:
    """Return why a file of the folder cannot be taken for proven, or ""."""
    recorded = known.recorded.get(path, "")
    if not recorded:
        return "was not proven"
    if link := link_to(folder, path):
        return f"is not there itself: {link} is a link"
    if not (folder / path).is_file():
        return "is missing"
    if known.sums.get(path, "") != recorded:
        return f"{SUMS} and {PROOF} differ about it"
    actual = sha256(folder / path)
    return (
        ""
        if actual == recorded
        else f"was changed after it was proven: sha256 {actual}, proven {recorded}"
    )


def wheels(folder: Path, cells: Iterable[Cell]) -> dict[str, tuple[str, str]]:
    """Return the proven wheel of each cell, by package, as its file name and sha256 in hex.

    Raises `Stop` (exit 4) when prove did not pass, or when a wheel is missing or not as it was
    then.
    """
    known = read_proof(folder)
    names = {cell.package: evidence.settled(folder, cell).wheel for cell in cells}
    problems = [
        Problem(Where(str(folder / wheel)), why, "build and prove again")
        for wheel in names.values()
        if (why := fault(folder, wheel, known))
    ]
    if problems:
        raise Stop(problems, Exit.WHEEL)
    return {package: (wheel, known.recorded[wheel]) for package, wheel in names.items()}


def _proof(folder: Path) -> Mapping[str, Any]:
    path = folder / PROOF
    text = loading.read_text(path)
    if text is None:
        raise _unproven(path, "is not there")
    try:
        proof = json.loads(text)
    except (ValueError, RecursionError):
        raise _unproven(path, "damaged") from None
    if not isinstance(proof, dict) or proof.get("ok") is not True:
        raise _unproven(path, "these wheels did not pass")
    return proof


def _unproven(path: Path, message: str) -> Stop:
    return stop(str(path), message, f"prove them first: truewheel prove {path.parent}", Exit.WHEEL)


def _sums(folder: Path, below: str) -> dict[str, str]:
    """Return the sums of coreutils' form by path in the folder."""
    lines = (loading.read_text(folder / below / SUMS) or "").splitlines()
    return {below + name: digest for digest, _, name in (line.partition("  ") for line in lines)}
