"""The benchmarks compare like with like: the bare program does what `generate` does."""

from __future__ import annotations

from pathlib import Path

import run
import sizes


def test_the_bare_program_writes_the_same_bytes_as_generate(tmp_path: Path):
    run.compare_bytes(sizes.SIZES[1], tmp_path / "pipelines")
    assert run.contents(tmp_path / "pipelines"), "something was compared"
