"""The repositories of the stand-in for GitHub.

Workflows with their inputs, runs, pull requests, comments.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

from standins.ci import FINAL, Build, Pipeline, again
from standins.state import Project

DISPATCH = "workflow_dispatch"


@dataclass(frozen=True)
class Workflow:
    """A workflow that can be dispatched.

    `inputs` has, by name, what its YAML says about them: type, options, default. `run_name` is a
    `str.format` of `ref` and the inputs; without a value for `key`, a run is called like the
    workflow.
    """

    file: str
    name: str = "wheels"
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    key: str = "truewheel_key"
    run_name: str = "{name} for {ref} [{key}]"

    def title(self, ref: str, inputs: Mapping[str, str]) -> str:
        """Return the title of a run on a ref."""
        key = inputs.get(self.key, "")
        return self.run_name.format(name=self.name, ref=ref, key=key) if key else self.name

    def objection(self, given: Mapping[str, Any]) -> str:
        """Return what GitHub says against the inputs of a dispatch, or ""."""
        if unknown := [name for name in given if name not in self.inputs]:
            names = ", ".join(f'"{name}"' for name in unknown)
            return f"Unexpected inputs provided: [{names}]"
        for name, rule in self.inputs.items():
            value = given.get(name, rule.get("default", ""))
            allowed = ["true", "false"] if rule.get("type") == "boolean" else rule.get("options")
            if name in given and not isinstance(value, str):
                return f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string."
            if name in given and allowed is not None and value not in allowed:
                return (
                    f"Provided value '{value}' for input '{name}' not in the list of allowed values"
                )
            if rule.get("required") and value == "":
                return f"Required input '{name}' not provided"
        return ""


class Repository(Project):
    """A repository: `plan`, `commit` and `tag` are those of a project.

    Lists hold records that tests may change.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.workflows: dict[str, Workflow] = {}
        self.attempts: defaultdict[int, int] = defaultdict(lambda: 1)
        self.origins: dict[int, Workflow] = {}
        self.pulls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []

    def workflow(self, file: str = "wheels.yml", **more: Any) -> Workflow:
        """Make a workflow, or replace it. With `inputs` given as names, they are texts."""
        inputs = more.pop("inputs", ("truewheel_key",))
        named = inputs if isinstance(inputs, Mapping) else {name: {} for name in inputs}
        workflow = self.workflows[file] = Workflow(file, inputs=named, **more)
        return workflow

    def run(
        self,
        workflow: Workflow,
        ref: str = "",
        inputs: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Pipeline:
        """Start a run, by default as a dispatch does. KeyError: no such ref."""
        branch = (
            (ref or self.settings["default_branch"])
            .removeprefix("refs/heads/")
            .removeprefix("refs/tags/")
        )
        given = dict(inputs or {})
        more = {"source": DISPATCH, "name": workflow.title(branch, given), "inputs": given, **more}
        run = self.pipeline(branch, **more)
        self.origins[run.id] = workflow
        return run

    def pull(
        self, branch: str, base: str = "", fork: str | None = "", **more: Any
    ) -> dict[str, Any]:
        """Open a pull request.

        `fork` is the repository of its head, None for one that was deleted.
        """
        head = self.path if fork == "" else fork
        record = {
            "id": next(self.state.ids["pull"]) + 800,
            "number": len(self.pulls) + 1,
            "branch": branch,
            "head": head,
            "base": base or self.settings["default_branch"],
            "state": "open",
            "title": "feat: change",
            "body": "",
            "labels": [],
            "user": self.state.user("root"),
            **more,
        }
        self.pulls.append(record)
        return record

    def rerun_failed(self, run: Pipeline, now: float) -> bool:
        """Run again the jobs of an ended run that failed or were cancelled, as its next attempt.

        Returns False where there is none.
        """
        bad = [build for build in run.latest() if build.status in {"failed", "canceled"}]
        if bad:
            self.attempts[run.id] += 1
        for build in bad:
            again(build, now)
        return bool(bad)


def artifacts(run: Pipeline) -> dict[int, tuple[Build, bytes]]:
    """Return the artifacts of a run by id.

    Each is a job that went well, and a zip of its files.
    """
    return {
        build.id + 400_000: (build, zipped(build.script.artifacts))
        for build in run.latest()
        if build.status == "success" and build.script.artifacts
    }


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip."""
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def log(build: Build) -> bytes | None:
    """Return the log of a job as GitHub keeps it, with a time before each line.

    None before the job has ended.
    """
    if build.status not in FINAL or build.started is None:
        return None
    stamp = "2026-01-01T00:00:00.0000000Z "
    return "".join(stamp + line for line in build.script.trace.splitlines(keepends=True)).encode()
