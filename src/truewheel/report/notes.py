"""The note on a merge request, and the rule for its title.

A note says how names, jobs and generated files change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from truewheel.errors import Problem, select_errors
from truewheel.plan.events import EVENTS
from truewheel.plan.model import Plan
from truewheel.plan.pipeline_cost import Cost, Load, Times
from truewheel.plan.plan_diff import Change
from truewheel.spec.model import MergeRequests

SHOWN = 20
"""The most changes that are shown unfolded; with more, all of them are folded."""
MOST = 60_000
"""Characters of a note that is posted: GitHub takes 65,536, GitLab 1,000,000."""
LONGEST = 500
"""Characters of one message."""
QUIET = (
    "### Wheel names\n\n"
    "Nothing changes any more: names, jobs and generated files are as on the target branch.\n"
)


class NoteContents(NamedTuple):
    """The contents of a note.

    `made` is the plan of the change; `before` is the plan of the target branch, None where it has
    none. `drift` are states and paths of files that differ from what `generate` would write.
    """

    changes: Sequence[Change]
    made: Plan
    before: Plan | None
    drift: Sequence[tuple[str, str]] = ()
    efforts: Sequence[Cost] = ()
    times: Times | None = None

    @property
    def renamed(self) -> list[Change]:
        """The changes without the cells that stay as they are."""
        return [change for change in self.changes if change.state != "unchanged"]

    @property
    def is_news(self) -> bool:
        """Whether there is anything to report.

        A warning that the target branch has, too, is nothing new.
        """
        known = {problem.message for problem in self.before.problems} if self.before else set()
        is_warned = any(problem.message not in known for problem in self.made.problems)
        jobs = any(
            cost.before is None or cost.before.jobs != cost.after.jobs for cost in self.efforts
        )
        return bool(
            self.renamed or self.drift or select_errors(self.made.problems) or is_warned or jobs
        )


def make_marker(project: str, folder: str) -> str:
    """Return the hidden comment by which the note of a project is recognized.

    `folder` is that of its spec.
    """
    words = ["truewheel:names", project, *([folder] if folder not in {"", "."} else [])]
    return f"<!-- {' '.join(map(_word, words))} -->"


def _word(text: str) -> str:
    """Return a text without spaces and without what could end a comment.

    Different texts stay different.
    """
    return re.sub(r"[^\w./:-]", lambda match: f"%{ord(match[0]):x}", text, flags=re.ASCII)


def render_note(story: NoteContents) -> str:
    """Return the Markdown of a note, or "" where there is nothing to report."""
    return _note(story, len(story.renamed), "") if story.is_news else ""


def render_post(story: NoteContents, mark: str, pointer: str) -> str:
    """Return a note as it is posted: below its marker, and no longer than a forge accepts.

    `pointer` says, in Markdown, where the complete note is if this one had to be cut.
    """
    if not story.is_news:
        return f"{mark}\n{QUIET}"
    count = len(story.renamed)
    text = f"{mark}\n{_note(story, count, pointer)}"
    while _size(text) > MOST and count:  # rows differ in length: one step may not be enough
        count = min(count - 1, int(count * MOST / _size(text)))
        text = f"{mark}\n{_note(story, count, pointer)}"
    return text


def _size(text: str) -> int:
    return len(text.encode())


def _note(story: NoteContents, rows: int, pointer: str) -> str:
    lines = ["### Wheel names", "", _summary(story), ""]
    if story.before is None:
        lines += ["The target branch has no plan to compare with: all wheels are new.", ""]
    lines += [*_problems(story.made.problems), *_drift(story.drift), *_older(story.renamed)]
    if story.renamed:
        lines += [*_folded(_table(story.renamed[:rows]), len(story.renamed))]
        if rows < len(story.renamed):
            lines += [
                "",
                f"The first {rows} of {len(story.renamed)} changes. All of them: {pointer}",
            ]
        lines.append("")
    lines += [*_efforts(story), *_verdicts(story)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _summary(story: NoteContents) -> str:
    if not story.renamed:
        return "No wheel's file name changes."
    counts = Counter(change.state for change in story.changes)
    numbers = ", ".join(f"{number} {state}" for state, number in counts.items())
    return f"File names of the wheels that pipelines build: {numbers}."


def _problems(problems: Sequence[Problem]) -> list[str]:
    lines = [
        f"- {_code(f'{problem.where}')} {_text(problem.message)}{_hint(problem)}"
        for problem in problems[:SHOWN]
    ]
    if not lines:
        return []
    head = "**The plan is refused:**" if select_errors(problems) else "Warnings:"
    more = [f"- and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return [head, "", *lines, *more, ""]


def _hint(problem: Problem) -> str:
    return f" (hint: {_text(problem.hint)})" if problem.hint else ""


def _drift(drift: Sequence[tuple[str, str]]) -> list[str]:
    if not drift:
        return []
    lines = [f"- {state} {_code(path)}" for state, path in drift[:SHOWN]]
    more = [f"- and {len(drift) - SHOWN} more"] if len(drift) > SHOWN else []
    return ["**Not as generated** (`generate` writes them again):", "", *lines, *more, ""]


def _older(renamed: Sequence[Change]) -> list[str]:
    who = sorted({name for change in renamed for name in change.older_for})
    return [f"**Not taken for newer** by {', '.join(who)}.", ""] if who else []


def _table(renamed: Sequence[Change]) -> list[str]:
    rows = []
    for change in renamed:
        texts = (_place(change), change.old, change.new)
        rows.append(f"| {' | '.join(_code(text) if text else '' for text in texts)} |")
    return ["| cell | before | after |", "|---|---|---|", *rows]


def _place(change: Change) -> str:
    return f"{change.cell} ({change.index})" if change.index else change.cell


def _folded(lines: list[str], count: int) -> list[str]:
    if count <= SHOWN:
        return lines
    return [f"<details><summary>{count} changes</summary>", "", *lines, "", "</details>"]


def _efforts(story: NoteContents) -> list[str]:
    """Return the number of jobs of each kind of pipeline.

    With the times of earlier jobs, also how many minutes they take together.
    """
    if not story.efforts:
        return []
    columns = ["pipelines of", "jobs", *(["job minutes"] if story.times else [])]
    rows = []
    for event, before, after in story.efforts:
        cells = [EVENTS[event].plural, _arrow(before, after, lambda load: str(load.jobs))]
        if story.times:
            cells.append(_arrow(before, after, _minutes))
        rows.append(f"| {' | '.join(cells)} |")
    head = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return [*head, *rows, "", *_estimate(story), ""] if story.times else [*head, *rows, ""]


def _arrow(before: Load | None, after: Load, describe: Callable[[Load], str]) -> str:
    old, new = describe(before) if before else "", describe(after)
    return new if old in {"", new} else f"{old} → {new}"


def _minutes(load: Load) -> str:
    return f"about {load.minutes:.0f}" if load.minutes else "?"


def _estimate(story: NoteContents) -> list[str]:
    if story.times is None:
        return []
    unknown = dict.fromkeys(kind for cost in story.efforts for kind in cost.after.unknown)
    missing = f" Not counted, since none ran there: {', '.join(unknown)}." if unknown else ""
    return [
        f"Minutes: what each job took in {story.times.source}, a new one the mean of its kind."
        + missing
    ]


def _verdicts(story: NoteContents) -> list[str]:
    """Return what each index accepts, and what it accepted before where that differs."""
    indexes = story.before.indexes if story.before else ()
    old = {index.name: _verdict(index.refusals) for index in indexes}
    verdicts = []
    for index in story.made.indexes:
        if index.active:
            new = _verdict(index.refusals)
            before = old.get(index.name, new)
            verdicts.append(f"{index.name}: {new if before == new else f'{before} → {new}'}")
    return [f"Indexes: {' · '.join(verdicts)}"] if verdicts else []


def _verdict(refusals: Mapping[str, int]) -> str:
    return ", ".join(refusals) or "accepted"


def _code(text: str) -> str:
    """Return a text as code in a table; nothing in it ends the code or the cell."""
    return "`" + re.sub(r"[`|\s]", "_", text) + "`"


def _text(text: str) -> str:
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
    # An entity (&commat;) would become a character that Markdown does not read, but a forge does;
    # and a forge may read a mention or a reference although its sign is escaped.
    line = re.sub(r"([\\`*_<>\[\]|#@!$~%&])", r"\\\1", line)
    return re.sub(r"([#@])(?=\w)", "\\1\u200b", line)


def find_title_fault(title: str, rules: MergeRequests) -> str:
    """Return what is wrong with a title such as `fix(build): link statically`, or ""."""
    pattern = rf"(Draft: )?({'|'.join(map(re.escape, rules.types))})(\([^()\s]+\))?!?: \S.*"
    if not rules.types or re.fullmatch(pattern, title):
        return ""
    return f"the title {title!r} does not start with a type: {', '.join(rules.types)}"
