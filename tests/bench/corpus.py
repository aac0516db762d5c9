"""Hold real wheels from the index against the validator and auditwheel.

Every finding, and both verdicts on the tag.

Run it from the repository's root: `PYTHONPATH=src python tests/bench/corpus.py [FOLDER]`. An empty
folder is filled with a small corpus first, if the index can be reached. A good wheel has no error,
and no verdict differs.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from truewheel.build.validate import validate_all, wheels_in
from truewheel.report.findings import render_findings
from truewheel.wheel import platform_policies, platform_tags
from truewheel.wheel.checks import system
from truewheel.wheel.checks.contents import Contents, linux_machine, read

# project, platform, Python, ABI ("": any that fits)
CORPUS = (
    ("numpy", "manylinux_2_28_x86_64", "3.12", ""),
    ("numpy", "manylinux_2_28_aarch64", "3.12", ""),
    ("numpy", "musllinux_1_2_x86_64", "3.12", ""),
    ("numpy", "macosx_14_0_arm64", "3.12", ""),
    ("numpy", "win_amd64", "3.12", ""),
    ("numpy", "manylinux_2_28_x86_64", "3.13", "cp313t"),
    ("cryptography", "manylinux_2_28_x86_64", "3.12", "abi3"),
    ("cryptography", "macosx_11_0_arm64", "3.12", "abi3"),
    ("cffi", "win32", "3.12", ""),
    ("pyarrow", "manylinux_2_28_x86_64", "3.12", ""),
    ("nvidia-nvtx-cu12", "manylinux1_x86_64", "3.12", ""),
    ("nvidia-cuda-runtime-cu12", "manylinux2014_aarch64", "3.12", ""),
    ("grpcio", "linux_armv7l", "3.11", ""),
    ("pyyaml", "manylinux2014_s390x", "3.12", ""),
    ("pip", "any", "3.12", ""),
    ("setuptools", "any", "3.12", ""),
    ("ruff", "musllinux_1_2_x86_64", "3.12", ""),
    ("debugpy", "any", "3.12", ""),
)
NONE = "no verdict"


def download(folder: Path) -> bool:
    """Fill the folder; return whether all could be had."""
    for project, platform, python, abi in CORPUS:
        argv = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            project,
        ]
        argv += ["--platform", platform, "--python-version", python, "--dest", str(folder)]
        if subprocess.run(argv + (["--abi", abi] if abi else []), check=False).returncode:
            return False
    return True


def our_tag(contents: Contents) -> str:
    """Return the lowest tag that the wheel fits by our checks, in auditwheel's words."""
    machine = linux_machine(contents.platforms[0])
    if system.outside(contents):
        return f"linux_{machine}"
    if platform_policies.is_musl(contents.platforms[0]):
        # musl has no symbol versions: auditwheel names the newest that it knows.
        return f"musllinux_1_2_{machine}"
    lowest = max(system.needed_floor(contents), platform_tags.oldest_minor(machine))
    minors = [minor for minor in platform_tags.AUDITED_MINORS if minor >= lowest]
    return f"manylinux_2_{minors[0]}_{machine}" if minors else f"linux_{machine}"


def their_tag(path: Path) -> str:
    """Return the lowest tag that auditwheel finds the wheel to fit, or why it has no verdict."""
    from auditwheel.wheel_abi import analyze_wheel_abi
    from auditwheel.wheeltools import get_wheel_architecture, get_wheel_libc

    logging.disable(logging.CRITICAL)
    try:
        libc, arch = get_wheel_libc(path.name), get_wheel_architecture(path.name)
        result = analyze_wheel_abi(
            libc, arch, path, frozenset(), disable_isa_ext_check=False, allow_graft=False
        )
    except Exception as error:  # a verdict is asked for, whatever auditwheel says of an odd file
        return f"{NONE}: {type(error).__name__}: {error}"
    return str(result.overall_policy.name)


def compare(paths: Iterable[Path]) -> int:
    """Print both verdicts for each manylinux and musllinux wheel; return how many differ."""
    differ = 0
    for path in paths:
        contents = read(path, [])
        if contents and (
            system.lowest_floor(contents.platforms)
            or platform_policies.is_musl(contents.platforms[0])
        ):
            ours, theirs = our_tag(contents), their_tag(path)
            verdict = "none" if theirs.startswith(NONE) else "DIFFER"
            if ours == theirs:
                verdict = "same"
            differ += verdict == "DIFFER"
            print(f"{verdict:6} {ours:26} {theirs:26} {path.name}", flush=True)
    return differ


def main(folder: Path) -> int:
    """Print the findings and the table; return 1 when a verdict differs."""
    folder.mkdir(parents=True, exist_ok=True)
    if not wheels_in(folder) and not download(folder):
        print("skipped: the index cannot be reached, and there is no corpus")
        return 0
    paths = wheels_in(folder)
    print(render_findings([result for result in validate_all(paths) if result[1]], "text"))
    return 1 if compare(paths) else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/corpus")))
