"""CPU time of whole commands as a multiple of the bare programs that do the same: make bench.

Seconds depend on the machine, a ratio hardly does: each command and its floor run in turn, and
their medians are compared. CPU time is user + system time of the process, as the kernel counts it
(wait4).
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import sizes

ROOT = Path(__file__).resolve().parents[2]
GEN_CI = str(ROOT / "gen_ci.py")
FLOOR = str(Path(__file__).with_name("floor_generate.py"))
GROWTH_GOAL = 1.1

# Without what would keep Python from caching bytecode, or bind the child to another set-up.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

Argv = list[str]


class Benchmark(NamedTuple):
    """A command and its floor; both are functions, as they may need a fresh folder each time.

    `goal` is their ratio.
    """

    name: str
    command: Callable[[], Argv]
    floor: Callable[[], Argv]
    goal: float | None


class Result(NamedTuple):
    """Medians in seconds of CPU time."""

    command: float
    floor: float

    @property
    def ratio(self) -> float:
        """The command's CPU time as a multiple of its floor's."""
        return self.command / self.floor


def main() -> int:
    """Print the table; return 1 when a ratio is above its goal and --strict was given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", metavar="N", type=int, default=7, help="runs of each command (default: 7)"
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    arguments = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'CPU time of':38} {'command':>9} {'floor':>9} {'ratio':>6} {'goal':>6}")
        for benchmark in [*starts(), *generations(Path(folder))]:
            missed += report(benchmark, measure(benchmark, arguments.runs))
        missed += report_growth(Path(folder), arguments.runs)
    return 1 if missed and arguments.strict else 0


def starts() -> Iterator[Benchmark]:
    """Yield the commands that must answer at once."""

    def bare() -> Argv:
        return [sys.executable, "-c", "pass"]

    def imports() -> Argv:
        return [sys.executable, "-c", "import yaml, jsonschema"]

    yield Benchmark(
        "--help / bare interpreter", lambda: [sys.executable, GEN_CI, "--help"], bare, 2.5
    )
    yield Benchmark(
        "plan --help / bare interpreter",
        lambda: [sys.executable, GEN_CI, "plan", "--help"],
        bare,
        None,
    )

    def client() -> Argv:
        return [sys.executable, "-c", "import gitlab"]

    dry = [
        sys.executable,
        GEN_CI,
        "trigger",
        "--spec",
        str(ROOT / "truewheel.yml"),
        "--project",
        "a/b",
        "--dry-run",
    ]
    yield Benchmark("trigger --dry-run / import gitlab", lambda: dry, client, None)
    check = [sys.executable, GEN_CI, "check", "--spec", str(ROOT / "truewheel.yml")]
    yield Benchmark("check / import yaml, jsonschema", lambda: check, imports, 1.5)


def generations(folder: Path) -> Iterator[Benchmark]:
    """Yield `generate` and the bare program for every size, into nothing and over current files."""
    for size in sizes.SIZES:
        target = folder / f"kept{size.cells}"
        compare_bytes(size, target)
        spec = str(target / sizes.SPEC)
        command, bare = (fresh(program, folder, size) for program in (generate, floor))
        yield Benchmark(f"generate {size.cells} cells", command, bare, 3.0)
        yield Benchmark(
            f"generate {size.cells}, unchanged", partial(generate, spec), partial(floor, spec), 3.0
        )


def generate(spec: str) -> Argv:
    return [sys.executable, GEN_CI, "generate", "--spec", spec]


def floor(spec: str) -> Argv:
    return [sys.executable, FLOOR, spec]


def fresh(program: Callable[[str], Argv], folder: Path, size: sizes.Size) -> Callable[[], Argv]:
    """Return a function that makes a folder with a spec alone, and the program's argv for it."""
    return lambda: program(str(sizes.write(Path(tempfile.mkdtemp(dir=folder)), size)))


def compare_bytes(size: sizes.Size, target: Path) -> None:
    """Generate into `target`, and make sure that the bare program writes the same bytes."""
    bare = target.with_name(target.name + "-floor")
    for program, place in ((generate, target), (floor, bare)):
        place.mkdir()
        cpu_time(program(str(sizes.write(place, size))))
    ours, theirs = contents(target), contents(bare)
    if ours != theirs:
        other = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
        files = ", ".join(other[:3])
        sys.exit(
            f"the bare program writes other bytes: {files}\nadapt tests/bench/parent.txt or "
            "floor_generate.py"
        )


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def measure(benchmark: Benchmark, runs: int) -> Result:
    """Run the command and its floor in turn; the first pair fills caches and is not counted."""
    pairs = [(cpu_time(benchmark.command()), cpu_time(benchmark.floor())) for _ in range(runs + 1)][
        1:
    ]
    return Result(*map(statistics.median, zip(*pairs)))


def cpu_time(argv: Argv) -> float:
    """Run a program without its stdout; return the seconds of CPU time that it took.

    It must succeed.
    """
    silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    _, status, usage = os.wait4(
        os.posix_spawn(argv[0], argv, ENVIRONMENT, file_actions=[silent]), 0
    )
    if status:
        sys.exit(f"failed: {' '.join(argv)}")
    return usage.ru_utime + usage.ru_stime


def report(benchmark: Benchmark, result: Result) -> bool:
    """Print a line of the table; return whether the goal is missed."""
    missed = benchmark.goal is not None and result.ratio > benchmark.goal
    goal = f"{benchmark.goal:6.1f}" if benchmark.goal else f"{'-':>6}"
    times = f"{result.command * 1000:6.0f} ms {result.floor * 1000:6.0f} ms"
    print(
        f"{benchmark.name:38} {times} {result.ratio:6.2f} {goal}{'  missed' if missed else ''}",
        flush=True,
    )
    return missed


def report_growth(folder: Path, runs: int) -> bool:
    """Print how CPU time grows with the cells, without the start.

    Return whether that is faster than its goal.

    The exponent is that of a power law through the two largest sizes; the smallest stands for the
    start. The least time of each is taken: a small difference of large times needs the ones that
    nothing disturbed.
    """
    least, small, large = sizes.SIZES[0], *sizes.SIZES[-2:]
    commands = [fresh(generate, folder, size) for size in (least, small, large)]
    start, one, ten = map(
        min, zip(*([cpu_time(command()) for command in commands] for _ in range(runs)))
    )
    exponent = math.log((ten - start) / max(one - start, 0.001)) / math.log(
        large.cells / small.cells
    )
    missed = exponent > GROWTH_GOAL
    verdict = "  missed" if missed else ""
    print(
        f"growth from {small.cells} to {large.cells} cells: n^{exponent:.2f}, goal "
        f"n^{GROWTH_GOAL}{verdict}"
    )
    return missed


if __name__ == "__main__":
    sys.exit(main())
