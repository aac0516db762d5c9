"""What jobs that publish run, on every forge.

They run pinned tools alone: no Truewheel, and none of the project's set-up.

They take the list that `prove` wrote for their index, see that the files are the proven ones, and
upload them.
"""

from __future__ import annotations

from truewheel.plan.model import LISTS, Index, Plan

FILES = "upload"
"""The folder that holds what is uploaded, and nothing else."""


def index_of(plan: Plan, name: str) -> Index:
    """Return an index of the plan."""
    return next(index for index in plan.indexes if index.name == name)


def lines_taking_files(index: str, *before: str, to: str = f"../{FILES}") -> list[str]:
    """Return the lines that put the files of an index into a new folder after comparing their sums.

    They end the script where there is nothing to upload, and say why; `before` is run once there is
    something. `to` is the folder as a shell's word, seen from dist/. CDPATH leads `cd dist`
    elsewhere, but not `cd ./dist`.
    """
    listed = f"{LISTS}/{index}.sha256"
    names = f"sed -n 's/^[0-9a-f]\\{{64\\}}  //p' dist/{listed}"
    return [
        f"grep -q '^[^#]' dist/{listed} || {{ cat dist/{listed} && exit 0; }}",
        *before,
        f"(cd ./dist && sha256sum --check --strict {listed})",
        f"(cd ./dist && mkdir {to})",
        f"{names} | (cd ./dist && xargs -d '\\n' mv -t {to} --)",
    ]
