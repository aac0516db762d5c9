"""A plan as one self-contained page.

Its data, put into a template together with a style and a script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from truewheel.errors import counted
from truewheel.plan import explain
from truewheel.plan.model import Cell, Job, Plan
from truewheel.spec.policy import from_data


class Parts(NamedTuple):
    """The texts that make a page.

    A template with {{title}}, {{policy}}, {{style}}, {{data}} and {{script}}.
    """

    template: str
    style: str
    script: str


class File(NamedTuple):
    """A generated file as the page shows it: its forge, its path, and its size in bytes."""

    forge: str
    path: str
    size: int


def page(plan: Plan, files: Iterable[File], parts: Parts) -> str:
    """Return the page's HTML.

    Nothing in it is loaded from elsewhere, and the script is the only one that may run.
    """
    # "<" ends a script, whatever the string that it stands in
    data = json.dumps(data_of(plan, files), ensure_ascii=True, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    digest = base64.b64encode(hashlib.sha256(parts.script.encode()).digest()).decode()
    values = {
        "title": html.escape(f"{plan.project}: {counted(len(plan.cells), 'wheel')}"),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        "style": parts.style,
        "data": data,
        "script": parts.script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda field: values[field[1]], parts.template)


def data_of(plan: Plan, files: Iterable[File]) -> dict[str, Any]:
    """Return what the page shows, as JSON.

    Cells share their reasons, and jobs of one place are one node.
    """
    reasons: dict[str, int] = {}
    policy = from_data(plan.policy)

    def reason(cell: Cell) -> int:
        key = (id(cell.facts), cell.channel, cell.package)
        if key not in seen:
            told = {part.part: part for part in explain.explain(cell, policy)}
            seen[key] = reasons.setdefault(json.dumps(_reasons(told)), len(reasons))
        return seen[key]

    seen: dict[tuple[int, str, str], int] = {}
    cells = [
        [
            cell.package,
            cell.target,
            cell.arch,
            cell.python,
            cell.channel,
            cell.wheel,
            reason(cell),
            [[copy.index, copy.wheel] for copy in cell.copies if copy.wheel != cell.wheel],
            len(cell.platforms),
        ]
        for cell in plan.cells
    ]
    return {
        "project": plan.project,
        "event": plan.event,
        "generator": plan.generator,
        "spec": plan.spec,
        "cells": cells,
        "reasons": [json.loads(text) for text in reasons],
        "rules": _rules(plan.cells),
        "problems": [
            [problem.severity, str(problem.where), problem.message, problem.hint]
            for problem in plan.problems
        ],
        "indexes": [[index.name, index.active, index.refusals] for index in plan.indexes],
        "archives": [[archive.file, len(archive.cells)] for archive in plan.archives],
        "stages": list(dict.fromkeys(kind.stage for kind in plan.kinds.values())),
        "graph": graph(plan),
        "files": [list(file) for file in files],
    }


def _reasons(told: Mapping[str, explain.Part]) -> dict[str, list[list[Any]]]:
    """Return, by part of the name, the facts behind it.

    Name, value, source, and why not another source.
    """
    found: dict[str, list[list[Any]]] = {}
    part = ""
    for name, each in told.items():
        if not name.startswith(" "):
            part = name
        else:
            found.setdefault(part, []).append(
                [name.strip(), each.value, each.source, list(each.skipped)]
            )
    return found


def _rules(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the rule of each part of the names, and of each tag.

    `abi none` has another one than `abi cp312`.
    """
    rules: dict[str, str] = {}
    for wheel in {cell.tag: cell.wheel for cell in cells}.values():
        for part in explain.parts_of(wheel):
            rules[
                f"{part.part} {part.value}"
                if part.part in {"python", "abi", "platform"}
                else part.part
            ] = part.rule
    return rules


def graph(plan: Plan) -> dict[str, Any]:
    """Return the jobs as nodes, those of one kind, target and architecture as one, the edges and the longest chain.

    A node is its label, its stage and its number of jobs; an edge leads from a needed node to one
    that needs it.
    """
    nodes: dict[str, list[Any]] = {}
    stages = list(dict.fromkeys(kind.stage for kind in plan.kinds.values()))
    places = {job.name: _place(job) for job in plan.jobs}
    edges: dict[tuple[str, str], None] = {}
    for job in plan.jobs:
        stage = plan.kinds[job.kind].stage
        node = nodes.setdefault(places[job.name], [places[job.name], stages.index(stage), 0])
        node[2] += 1
        edges |= dict.fromkeys(
            (places[need], places[job.name]) for need in job.needs or () if need in places
        )
    for job in plan.jobs:
        if (
            job.needs is None
        ):  # it waits for all earlier stages: for those that nobody else waits for
            stage = nodes[places[job.name]][1]
            needed = {before for before, _ in edges}
            last = [
                label for label, node in nodes.items() if node[1] < stage and label not in needed
            ]
            edges |= dict.fromkeys((label, places[job.name]) for label in last)
    order = {label: number for number, label in enumerate(nodes)}
    return {
        "nodes": list(nodes.values()),
        "edges": [[order[before], order[after]] for before, after in edges],
        "longest": [order[label] for label in longest_chain(nodes, edges)],
    }


def _place(job: Job) -> str:
    return f"{job.kind} {job.target} {job.arch}" if job.target else job.name


def longest_chain(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return a longest chain of nodes, each of which waits for the one before.

    There must be no circle.
    """
    needs: dict[str, list[str]] = {node: [] for node in nodes}
    for before, after in edges:
        needs[after].append(before)
    chains: dict[str, list[str]] = {}

    def chain(node: str) -> list[str]:
        if node not in chains:
            chains[node] = [*max(map(chain, needs[node]), key=len, default=[]), node]
        return chains[node]

    return max(map(chain, needs), key=len, default=[])
