"""Time a wheel's rewrite against a plain copy with its sha256, and against `wheel tags`.

Run it from the repository's root with `PYTHONPATH=src python tests/bench/rewrite.py [MiB] [runs]`.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

from truewheel.system.files import sha256
from truewheel.wheel.rewrite import rewrite

SOURCE = "demo-1.0+nv26.4-1-cp312-cp312-manylinux_2_28_x86_64.whl"
TARGET = "demo-1.0-2-cp312-cp312-manylinux_2_28_x86_64.whl"
INFO = "demo-1.0+nv26.4.dist-info"
GOAL = 2.0


def make(folder: Path, mebibytes: int) -> Path:
    """Write a wheel of content that cannot be compressed, in members of 64 MiB at most."""
    texts = {
        f"{INFO}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0+nv26.4\n",
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n"
        b"Tag: cp312-cp312-manylinux_2_28_x86_64\nBuild: 1\n",
    }
    rows = []
    with ZipFile(folder / SOURCE, "w", ZIP_DEFLATED, compresslevel=1) as archive:

        def add(name: str, content: bytes) -> None:
            archive.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            rows.append(f"{name},sha256={digest},{len(content)}\n")

        for place in range(0, mebibytes, 64):
            add(f"demo/{place}.bin", os.urandom(min(64, mebibytes - place) * 2**20))
        for name, content in texts.items():
            add(name, content)
        archive.writestr(f"{INFO}/RECORD", "".join(rows) + f"{INFO}/RECORD,,\n")
    return folder / SOURCE


def measure(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the medians of CPU and wall seconds, those of child processes included."""
    cpu, wall = [], []
    for _ in range(runs):
        gc.collect()
        before, start = os.times(), time.perf_counter()
        run()
        wall.append(time.perf_counter() - start)
        cpu.append(sum(os.times()[:4]) - sum(before[:4]))
    return median(cpu), median(wall)


def main(mebibytes: int = 1024, runs: int = 5) -> None:
    """Print the medians and how they compare with the goal."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = make(folder, mebibytes)

        def copy() -> None:
            shutil.copyfile(source, folder / "copy.whl")
            sha256(folder / "copy.whl")

        def truewheel() -> None:
            rewrite(source, folder, TARGET)

        def truewheel_with_hash() -> None:
            sha256(rewrite(source, folder, TARGET))

        def wheel_tags() -> None:
            argv = [sys.executable, "-m", "wheel", "tags", "--build", "2", str(source)]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

        results = {
            "copy + sha256": measure(copy, runs),
            "rewrite": measure(truewheel, runs),
            "rewrite + sha256": measure(truewheel_with_hash, runs),
            "wheel tags": measure(wheel_tags, 1),
        }
    base_cpu, base_wall = results["copy + sha256"]
    print(f"{mebibytes} MiB, median of {runs} runs (wheel tags: 1)")
    for label, (cpu, wall) in results.items():
        ratios = f"{cpu / base_cpu:6.2f}x cpu {wall / base_wall:6.2f}x wall"
        print(f"{label:17} {cpu:8.2f} s cpu {wall:8.2f} s wall {ratios}")
    ratio = results["rewrite"][0] / base_cpu
    print(
        f"goal: at most {GOAL}x the CPU of copy + sha256: {'met' if ratio <= GOAL else 'MISSED'} "
        f"({ratio:.2f}x)"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
