"""Names per second.

Our composer, parser and explainer against bare packaging.utils.parse_wheel_filename.

All run in this process over the same names, in turn; the medians of CPU time are compared. Each
name has its own pipeline id, so that no cache can answer for it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from packaging.utils import parse_wheel_filename

from truewheel.errors import Where
from truewheel.plan import explain, naming
from truewheel.plan.model import Variable
from truewheel.plan.naming import Sources
from truewheel.wheel import filename
from truewheel.workspace import loading

WHERE = Where("bench")
POLICY = loading.read_policy("triton-2026.04", Path(), WHERE)
TAG = "cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64"
VALUES = {"NVIDIA_UPSTREAM_VERSION": "26.04", "CUDA_VERSION": "13.2.1"}


def compose(pipeline: int) -> str:
    """Return the name of one wheel, from variables to file name: every fact is resolved anew."""
    values = {**VALUES, "CI_PIPELINE_ID": str(pipeline)}
    variables = {
        name: Variable(value=value, origin="-v", scope="pipeline") for name, value in values.items()
    }
    facts, _ = naming.resolve_all(
        POLICY, Sources(variables=variables, options={}, version="2.69.0.dev0"), WHERE
    )
    channel = naming.channel_of(POLICY, variables, facts)
    if channel is None:
        raise AssertionError(variables)
    return naming.compose(POLICY, channel, facts, WHERE).wheel("tritonserver", TAG)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", metavar="N", type=int, default=7, help="runs of each part (default: 7)"
    )
    parser.add_argument(
        "--names", metavar="N", type=int, default=5000, help="names in a run (default: 5000)"
    )
    arguments = parser.parse_args()
    numbers = range(49_000_000, 49_000_000 + arguments.names)
    names = [compose(number) for number in numbers]
    parts: dict[str, Callable[[], object]] = {
        "packaging.utils.parse_wheel_filename (the floor)": lambda: [
            parse_wheel_filename(name) for name in names
        ],
        "variables to file name": lambda: [compose(number) for number in numbers],
        "filename.parse_name": lambda: [filename.parse_name(name) for name in names],
        "explain.parts_of": lambda: [explain.parts_of(name) for name in names],
    }
    seconds: dict[str, list[float]] = {part: [] for part in parts}
    for _ in range(arguments.runs):
        for part, work in parts.items():
            started = time.process_time()
            work()
            seconds[part].append(time.process_time() - started)
    floor, *_ = (statistics.median(times) for times in seconds.values())
    print(f"{'part':50}  {'names/s':>9}  {'of the floor':>12}")
    for part, times in seconds.items():
        median = statistics.median(times)
        print(f"{part:50}  {len(names) / median:9,.0f}  {median / floor:11.2f}x")


if __name__ == "__main__":
    main()
