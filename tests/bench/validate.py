"""Compare the time of the validator with a sha256, and with a verification of RECORD by zlib.

Run it from the repository's root: `PYTHONPATH=src python tests/bench/validate.py WHEEL…`. The
programs run in turn.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from zipfile import ZipFile

from truewheel.build.validate import validate
from truewheel.system.files import sha256
from truewheel.wheel import inflate

RUNS = 7


def verify_record(path: Path) -> None:
    """Check each hash of RECORD, as simply as it can be done."""
    with ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        for member, recorded, _ in csv.reader(io.StringIO(archive.read(name).decode())):
            if recorded:
                algorithm, _, digest = recorded.partition("=")
                actual = hashlib.new(algorithm, archive.read(member)).digest()
                if base64.urlsafe_b64encode(actual).rstrip(b"=").decode() != digest:
                    sys.exit(f"{path}: {member} is not what RECORD says")


def once(run: Callable[[Path], object], path: Path) -> tuple[float, float]:
    """Return the CPU and wall seconds of one run."""
    before, start = os.times(), time.perf_counter()
    run(path)
    wall = time.perf_counter() - start
    return sum(os.times()[:2]) - sum(before[:2]), wall


def main(paths: list[Path]) -> None:
    """Print the medians as multiples of the two floors."""
    programs = {"sha256": sha256, "RECORD": verify_record, "validate": validate}
    print(f"median of {RUNS} runs, inflated by {inflate.CODEC}")
    for path in paths:
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(RUNS + 1):
            for name, program in programs.items():
                results[name].append(once(program, path))
        medians = {name: tuple(map(median, zip(*times[1:]))) for name, times in results.items()}
        cpu, wall = medians["validate"]
        print(
            f"{path.name}: {path.stat().st_size / 2**20:.0f} MiB, {cpu:.2f} s cpu, {wall:.2f} s "
            "wall"
        )
        for name in ("sha256", "RECORD"):
            base = medians[name]
            print(
                f"    {cpu / base[0]:6.2f}x the cpu, {wall / base[1]:6.2f}x the wall time of {name}"
            )


if __name__ == "__main__":
    main(
        [Path(name) for name in sys.argv[1:]]
        or sys.exit("name wheels, such as those that corpus.py downloads")
    )
