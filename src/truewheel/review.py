"""What a merge request is told: how its wheels' names change, and whether its title is as asked for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from truewheel.against import Change
from truewheel.model import Plan
from truewheel.problems import errors
from truewheel.spec import MergeRequests

SHOWN = 20
"""Changes that stand in the open; with more, all of them are folded."""


def note(changes: Sequence[Change], made: Plan) -> str:
    """Return the Markdown of a note on a change, or "" where no name changes and nothing speaks against the plan."""
    renamed = [change for change in changes if change.state != "unchanged"]
    if not renamed and not made.problems:
        return ""
    counts = Counter(change.state for change in changes)
    lines = ["### Wheel names", "", ", ".join(f"{count} {state}" for state, count in counts.items()) or "no wheels", ""]
    lines += _problems(made) + _older(renamed)
    if renamed:
        lines += _folded(_table(renamed), len(renamed))
    verdicts = [f"{index.name}: {', '.join(index.refusals) or 'accepted'}" for index in made.indexes if index.active]
    return "\n".join(lines + (["", f"Indexes: {' · '.join(verdicts)}"] if verdicts else [])) + "\n"


def _problems(made: Plan) -> list[str]:
    found = errors(made.problems)
    told = [f"- {_code(f'{problem.where}')} {_text(problem.message)}" for problem in made.problems[:SHOWN]]
    if not told:
        return []
    head = "**The plan is refused:**" if found else "Warnings:"
    more = [f"- and {len(made.problems) - SHOWN} more"] if len(made.problems) > SHOWN else []
    return [head, "", *told, *more, ""]


def _older(renamed: Sequence[Change]) -> list[str]:
    who = sorted({name for change in renamed for name in change.older_for})
    return [f"**Not taken for newer** by {', '.join(who)}.", ""] if who else []


def _table(renamed: Sequence[Change]) -> list[str]:
    rows = [
        f"| {' | '.join(_code(text) if text else '' for text in (_place(change), change.old, change.new))} |"
        for change in renamed
    ]
    return ["| cell | before | after |", "|---|---|---|", *rows]


def _place(change: Change) -> str:
    return f"{change.cell} ({change.index})" if change.index else change.cell


def _folded(lines: list[str], count: int) -> list[str]:
    if count <= SHOWN:
        return lines
    return [f"<details><summary>{count} changes</summary>", "", *lines, "", "</details>"]


def _code(text: str) -> str:
    """Return a text as code in a table; nothing in it ends the code or the cell."""
    return "`" + re.sub(r"[`|\s]", "_", text) + "`"


def _text(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|#@!$~])", r"\\\1", " ".join(text.split()))


def title_fault(title: str, rules: MergeRequests) -> str:
    """Say what is wrong with a title such as `fix(build): link statically`, or nothing."""
    pattern = rf"(Draft: )?({'|'.join(map(re.escape, rules.types))})(\([^()\s]+\))?!?: \S.*"
    if not rules.types or re.fullmatch(pattern, title):
        return ""
    return f"the title {title!r} does not start with a type: {', '.join(rules.types)}"
