"""The generated script that installs Truewheel in a job, and the requirements that it reads.

Text in, text out. Every value of the spec is quoted for the shell, or stands in the requirements.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

from truewheel.spec.model import Spec
from truewheel.spec.tool import Tool

SOURCE = "install_truewheel.sh"
SCRIPT = f"pipelines/{SOURCE}"
REQUIREMENTS = "pipelines/truewheel-requirements.txt"
PATHS = (SCRIPT, REQUIREMENTS)
"""What belongs to no single forge."""
LOCK = "truewheel-jobs.txt"
# Locked packages that only jobs with this toolchain need; those of a forge stand in its folder.
_FOR_ZIG = frozenset(("ziglang",))


def setup_lines(spec: Spec) -> list[str]:
    """Return the lines with which each job begins that calls truewheel."""
    return [*([f". {SCRIPT}"] if spec.tool.form else []), *spec.setup]


def files(
    spec: Spec, sources: Mapping[str, str], job_packages: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Return the script and its requirements by path, without the line that marks them.

    `sources` has the texts that ship with Truewheel, by name, `job_packages` the locked packages
    that the jobs of one forge need alone, by the name of the forge.
    """
    if not spec.tool.form:
        return {}
    requirements = _requirements(spec, sources[LOCK], _unused(spec, job_packages))
    return {SCRIPT: _script(spec.tool, sources[SOURCE]), REQUIREMENTS: requirements}


def _script(tool: Tool, source: str) -> str:
    for name in ("commit", "git"):
        value = shlex.quote(getattr(tool, name))
        source = source.replace(f"\ntruewheel_{name}=''\n", f"\ntruewheel_{name}={value}\n", 1)
    return source


def _requirements(spec: Spec, lock: str, unused: Collection[str]) -> str:
    blocks = re.split(r"^(?=\S)", re.sub(r"\A(#.*\n)+", "", lock), flags=re.MULTILINE)
    kept = [block for block in blocks if block.partition("==")[0] not in unused]
    return "".join([*kept, _own_line(spec.tool)])


def _unused(spec: Spec, job_packages: Mapping[str, Collection[str]]) -> set[str]:
    """Return the locked packages that no job of the spec needs."""
    is_zig = any(target.toolchain == "zig" for target in spec.targets.values())
    used, unused = set[str](), set[str]()
    for name, packages in job_packages.items():
        (used if name in spec.forges() else unused).update(packages)
    return unused - used | (set() if is_zig else _FOR_ZIG)


def _own_line(tool: Tool) -> str:
    """Return the requirement for Truewheel itself; "" where git brings it."""
    hashes = (f"sha256:{tool.sha256}",) if tool.file else tool.hashes
    name = f"./{tool.file}" if tool.file else tool.requirement
    words = [name, *(f"--hash={value}" for value in hashes)]
    return " \\\n    ".join(words) + "\n" if name else ""
