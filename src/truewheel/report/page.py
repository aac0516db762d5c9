"""A plan as one self-contained HTML page: a template with the data, a style and a script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from truewheel.errors import pluralize
from truewheel.plan import explain
from truewheel.plan.model import Cell, Job, Plan
from truewheel.spec.policy import from_data


class Parts(NamedTuple):
    """The texts of which a page is made.

    `template` has the fields {{title}}, {{policy}}, {{style}}, {{data}} and {{script}}.
    """

    template: str
    style: str
    script: str


class File(NamedTuple):
    """A generated file as the page shows it: its forge, its path, and its size in bytes."""

    forge: str
    path: str
    size: int


def render_page(plan: Plan, files: Iterable[File], parts: Parts) -> str:
    """Return the page's HTML.

    It loads nothing from elsewhere, and no other script can run in it.
    """
    # HTML ends a script at </script>, also inside a string.
    text = json.dumps(page_data(plan, files), ensure_ascii=True, separators=(",", ":"))
    data = text.replace("<", "\\u003c")
    digest = base64.b64encode(hashlib.sha256(parts.script.encode()).digest()).decode()
    values = {
        "title": html.escape(f"{plan.project}: {pluralize(len(plan.cells), 'wheel')}"),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        "style": parts.style,
        "data": data,
        "script": parts.script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda field: values[field[1]], parts.template)


def page_data(plan: Plan, files: Iterable[File]) -> dict[str, Any]:
    """Return the data of the page, for JSON.

    Cells with the same reasons share them.
    """
    reasons: dict[str, int] = {}
    policy = from_data(plan.policy)

    def reason(cell: Cell) -> int:
        key = (id(cell.facts), cell.channel, cell.package)
        if key not in seen:
            parts = {part.part: part for part in explain.explain(cell, policy)}
            seen[key] = reasons.setdefault(json.dumps(_reasons(parts)), len(reasons))
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
        "graph": make_graph(plan),
        "files": [list(file) for file in files],
    }


def _reasons(parts: Mapping[str, explain.Part]) -> dict[str, list[list[Any]]]:
    """Return the facts behind each part of a name.

    A fact is its name, its value, its source, and why other sources were not used.
    """
    facts: dict[str, list[list[Any]]] = {}
    part = ""
    for name, entry in parts.items():
        if not name.startswith(" "):
            part = name
        else:
            facts.setdefault(part, []).append(
                [name.strip(), entry.value, entry.source, list(entry.skipped)]
            )
    return facts


def _rules(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the rule of each part of the names.

    For tags it depends on the value: the rule of `abi none` is not that of `abi cp312`.
    """
    rules: dict[str, str] = {}
    for wheel in {cell.tag: cell.wheel for cell in cells}.values():
        for part in explain.parts_of(wheel):
            is_tag = part.part in {"python", "abi", "platform"}
            rules[f"{part.part} {part.value}" if is_tag else part.part] = part.rule
    return rules


def make_graph(plan: Plan) -> dict[str, Any]:
    """Return the graph of the jobs: its nodes, its edges and the longest chain.

    Jobs of one kind, target and architecture are one node: its label, its stage and its number of
    jobs. An edge leads from a needed node to one that needs it.
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
        if job.needs is None:  # GitLab starts it after all jobs of earlier stages
            stage = nodes[places[job.name]][1]
            needed = {before for before, _ in edges}  # another job waits for these already
            last = [
                label for label, node in nodes.items() if node[1] < stage and label not in needed
            ]
            edges |= dict.fromkeys((label, places[job.name]) for label in last)
    order = {label: number for number, label in enumerate(nodes)}
    return {
        "nodes": list(nodes.values()),
        "edges": [[order[before], order[after]] for before, after in edges],
        "longest": [order[label] for label in find_longest_chain(nodes, edges)],
    }


def _place(job: Job) -> str:
    return f"{job.kind} {job.target} {job.arch}" if job.target else job.name


def find_longest_chain(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return a longest chain of nodes, each of which waits for the one before.

    The graph must not have a cycle.
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
