"""GitHub workflows from a plan.

A caller starts one reusable workflow for each target and architecture.

No expression stands in a `run`: values reach a shell by the environment alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.forges import publish_jobs, tool_script
from truewheel.forges.github.emit import additions, schedules
from truewheel.forges.kind import Pin
from truewheel.plan import jobs as plan_jobs
from truewheel.plan.events import BUT_MERGE_REQUESTS
from truewheel.plan.jobs import PLAN_FILE
from truewheel.plan.matrix import ANY
from truewheel.plan.model import (
    ARCH,
    CELL,
    SELECTION,
    STAGE,
    TARGET,
    Cell,
    Job,
    JobKind,
    JobTraits,
    Plan,
    digest_variable,
)
from truewheel.spec.model import Credentials, Spec
from truewheel.spec.policy import Variable
from truewheel.spec.variables import BUILT_IN, KEY, select_settable
from truewheel.spec.yaml_writer import Lines, add_remark

FOLDER = ".github/workflows"
CALLER = f"{FOLDER}/wheels.yml"
CONDITIONS = {"mr": "github.event_name == 'pull_request'", "tag": "github.ref_type == 'tag'"}
"""By event, what is true in its runs alone."""
NO_PULL_REQUEST = "github.event_name != 'pull_request'"

MATRIX_LIMIT = 256
WORKFLOWS_LIMIT = 20
"""Different reusable workflows in one run: GitHub's own limit is 50, that of older servers 20."""
INPUTS_LIMIT = 25
KEY_INPUT = "truewheel_key"
RUN_NAME = (
    "${{ inputs.truewheel_key && format('{0} for {1} [{2}]', "
    "github.workflow, github.ref_name, inputs.truewheel_key) }}"
)
"""Of a run that somebody gave a key; others are called what GitHub calls them."""
SUBJECTS_LIMIT = 1024
"""Files that one attestation speaks of."""
REQUEST_ACCESS = {
    "write": "the note on the pull request",
    "read": "its title and labels as they are now",
}
"""By a job's access to the pull request, what that is for."""
REGISTRY = "ghcr.io"
"""The registry for which a job's own token is enough."""

EXPRESSION = "${{"
PUBLISHER = "pypa/gh-action-pypi-publish"
"""The action that uploads. It is one of Docker's for x86_64.

No runner but GitHub's own is sure to have that.
"""
HOSTED = "ubuntu-24.04"
ATTEST = "attest"
KEPT = "kept"
"""Id of the step that keeps the proven wheels."""
COMPARED = (
    "for sums in ./dist/SHA256SUMS ./dist/copies/*/SHA256SUMS; do",
    '  test ! -e "$sums" || (cd "${sums%/*}" && sha256sum --check --strict SHA256SUMS)',
    "done",
)
"""Compares the proven wheels and their copies with the sums of `prove`."""
_LOCAL = "zizmor: ignore[self-repository] older servers and act know no other form"
_UNGUARDED = "zizmor: ignore[secrets-outside-env] wheel jobs have no environment"
_TOKEN = {"GITHUB_TOKEN": "${{ github.token }}"}
_LOGIN = {"username": "${{ github.actor }}", "password": "${{ github.token }}"}

Document = dict[str, Any]


class _Forge(NamedTuple):
    """What every job is made from."""

    plan: Plan
    spec: Spec
    variables: Mapping[str, Variable]
    pins: Mapping[str, Pin]
    cells: Mapping[str, Cell]

    def uses(self, action: str, /, **inputs: Any) -> Document:
        """Return a step that uses an action: one of GitHub's, or one named with its owner."""
        name = action if "/" in action else f"actions/{action}"
        pin = self.pins[name]
        fields = {key.replace("_", "-"): value for key, value in inputs.items()}
        return {"uses": add_remark(f"{name}@{pin.commit}", pin.tag), "with": fields}

    def image(self, job: Job) -> str:
        """Return the image that a job runs in, "" for the runner itself."""
        return image_of(job, self.plan)

    def traits(self, job: Job) -> JobTraits:
        """Return what jobs of this one's kind need."""
        return self.plan.kinds[job.kind].traits


def image_of(job: Job, plan: Plan) -> str:
    """Return the image that a job runs in on GitHub, "" for the runner itself."""
    image = plan.kinds[job.kind].traits.image
    if job.target in {"", ANY} or not image:
        return ""
    return (plan.image if image == "builder" else plan.test_image)(job.target, job.arch)


def runner_of(job: Job, plan: Plan, spec: Spec) -> list[str]:
    """Return the labels of a job's runners: those of its kind, of its machine, or of x86_64."""
    keys = spec.github
    by_machine = {
        "test": keys.test_runners.get(job.arch, ()),
        "tool": keys.tool_runner,
        "hosted": (HOSTED,),
    }
    by_kind = by_machine.get(plan.kinds[job.kind].traits.machine, ())
    return list(by_kind or keys.runners.get(_machine(job, plan), keys.runners["x86_64"]))


def documents(
    plan: Plan, spec: Spec, variables: Mapping[str, Variable], pins: Mapping[str, Pin]
) -> dict[str, Document]:
    """Return the workflows by path.

    `variables` are those that a person may set, `pins` the commits of actions.

    Raises `Stop` (exit 2) for additions that fit no job.
    """
    forge = _Forge(plan, spec, variables, pins, {cell.id: cell for cell in plan.cells})
    parts = _parts(plan)
    paths = {part: f"{FOLDER}/wheels-{part}.yml" for part in parts}
    tools = [job for job in plan.jobs if not job.place]
    ids = _ids([*(job.name for job in tools), *(f"wheels-{part}" for part in parts), ATTEST])
    published = [job for job in tools if job.index_name]
    signs = bool(published) and attests(plan, spec)
    needed = _needed_parts(parts)
    first = [ids[job.name] for job in tools if PLAN_FILE in plan.kinds[job.kind].artifacts]
    calls = {
        ids[f"wheels-{part}"]: _call(
            paths[part], jobs, [*first, *(ids[f"wheels-{name}"] for name in needed[part])], forge
        )
        for part, jobs in parts.items()
    }
    result: Document = {}
    for job in tools:
        needs = [*first, *calls] if job.needs is None else [ids[name] for name in job.needs]
        if job.index_name and signs:
            result.setdefault(ids[ATTEST], _attest_job(published, needs, forge))
            needs = [*needs, ids[ATTEST]]
        result[ids[job.name]] = _tool_job(job, needs, forge)
        if ids[job.name] in first:
            result |= calls
    caller = {
        "name": "wheels",
        "run-name": RUN_NAME,
        "on": _triggers(spec, variables),
        "concurrency": _concurrency(),
        **_jobs(result),
    }
    workflows = {
        CALLER: caller,
        **{paths[part]: _reusable(part, jobs, forge) for part, jobs in parts.items()},
    }
    kinds = {**{ids[job.name]: job.kind for job in tools}, **dict.fromkeys(calls, "call")}
    if signs:
        kinds[ids[ATTEST]] = ATTEST
    additions.apply(spec, workflows, kinds, CALLER)
    return workflows


def _parts(plan: Plan) -> dict[str, list[Job]]:
    """Return the jobs of each reusable workflow.

    It is for one target and architecture, or for several if there are too many.
    """
    places: dict[str, list[Job]] = {}
    homes: dict[str, str] = {}
    for job in plan.jobs:
        if job.place:
            # Wheels for any target are tested where the others are made that they may require: the
            # tests of those need them, and two workflows cannot wait for each other.
            others = [homes[name] for name in job.needs or () if name in homes]
            is_pure_test = plan.kinds[job.kind].traits.wheels == "load" and job.target == ANY
            homes[job.name] = others[0] if is_pure_test and others else job.place
            places.setdefault(homes[job.name], []).append(job)
    if len(places) <= WORKFLOWS_LIMIT:
        return places
    size = -(-len(places) // WORKFLOWS_LIMIT)
    groups = _chunks(list(places.values()), size)
    return {
        str(number): [job for jobs in group for job in jobs]
        for number, group in enumerate(groups, 1)
    }


def _needed_parts(parts: Mapping[str, list[Job]]) -> dict[str, list[str]]:
    """Return the other parts whose jobs the jobs of each part need: that of pure wheels.

    A job of a called workflow can need none of another, so the call needs that call.
    """
    homes = {job.name: part for part, jobs in parts.items() for job in jobs}
    return {
        part: list(
            dict.fromkeys(
                homes[name]
                for job in jobs
                for name in job.needs or ()
                if homes.get(name, part) != part
            )
        )
        for part, jobs in parts.items()
    }


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _ids(names: Iterable[str]) -> dict[str, str]:
    """Return an id for each name: letters, digits, _ and -, and different also in lower case."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        text = "".join(
            character if (character.isascii() and character.isalnum()) or character in "_-" else "-"
            for character in name
        )
        while text.lower() in taken:
            text += "_"
        taken.add(text.lower())
        ids[name] = text
    return ids


def _triggers(spec: Spec, variables: Mapping[str, Variable]) -> Document:
    # A branch with a pull request has that one's runs: pushes count on the named branches alone.
    chosen = select_settable(variables)
    inputs = {name: _input(chosen[name]) for name in asked(variables)}
    return {
        "push": {"branches": list(spec.github.branches), "tags": ["**"]},
        **schedules.clock(spec),
        "pull_request": {},
        "workflow_dispatch": {"inputs": {**inputs, KEY_INPUT: _input(BUILT_IN[KEY])}},
    }


def asked(variables: Mapping[str, Variable]) -> list[str]:
    """Return the variables that have an input of the workflow; one more is the key's."""
    return list(select_settable(variables))[: INPUTS_LIMIT - 1]


def _input(variable: Variable) -> Document:
    """Return an input.

    A switch has its default; any other is empty, and then the repository's variable counts.
    """
    description = variable.description
    fields: Document = {"type": "string"}
    if _is_switch(variable):
        fields = {"type": "boolean", "default": variable.default == "true"}
    elif variable.choices and not any(EXPRESSION in choice for choice in variable.choices):
        fields = {"type": "choice", "options": list(dict.fromkeys(["", *variable.choices]))}
    if variable.default and "default" not in fields:
        description = f"{description} Default: {variable.default}".strip()
    if description:
        fields["description"] = description.replace(EXPRESSION, "$ {{")
    return fields


def _is_switch(variable: Variable) -> bool:
    return set(variable.choices) == {"true", "false"} and variable.default in variable.choices


def _concurrency() -> Document:
    started_by = f"${{{{ inputs.{KEY_INPUT} || github.event_name }}}}"
    return {
        # A push ends what is older than it, not a run that somebody has started and waits for, by a
        # key or without.
        "group": "${{ github.workflow }}-${{ github.ref }}-" + started_by,
        "cancel-in-progress": "${{ github.ref_type != 'tag' }}",
    }


def _jobs(jobs: Document) -> Document:
    return {"permissions": {}, "defaults": {"run": {"shell": "sh"}}, "jobs": jobs}


def _call(path: str, jobs: list[Job], needs: list[str], forge: _Forge) -> Document:
    makers = [job for job in jobs if forge.traits(job).wheels == "make"]
    places = dict.fromkeys(f"{job.target} {job.arch}" for job in makers)
    permissions = [_permissions(job, forge) for job in jobs]
    passed = _passed(jobs, forge)
    return {
        "name": ", ".join(places),
        "needs": needs,
        # What a called workflow may do is what the call may do at most.
        "permissions": next(
            (permission for permission in permissions if len(permission) > 1), permissions[0]
        ),
        "uses": add_remark(f"./{path}", _LOCAL),
        **({"secrets": {name: f"${{{{ secrets.{name} }}}}" for name in passed}} if passed else {}),
    }


def _passed(jobs: Iterable[Job], forge: _Forge) -> list[str]:
    """Return the secrets that the jobs of a reusable workflow need.

    It sees only what its caller passes on.
    """
    images = (
        forge.spec.images.registry if forge.traits(job).build_images else forge.image(job)
        for job in jobs
    )
    if not any(image and not is_own(image) and _login(image, forge.spec) for image in images):
        return []
    return [name for name in forge.spec.images.credentials if name]


def _tool_job(job: Job, needs: list[str], forge: _Forge) -> Document:
    kind = forge.plan.kinds[job.kind]
    fields: Document = {"name": job.name}
    if needs:
        fields["needs"] = needs
    fields |= _when(kind)
    fields |= _place(job, forge)
    if kind.exclusive:
        # One group for all indexes would cancel the third of a run: only one job can wait in a
        # group.
        group = "-".join(filter(None, [forge.plan.project, kind.exclusive, job.index_name]))
        fields["concurrency"] = {"group": group, "cancel-in-progress": False}
    if job.index_name:
        fields["environment"] = job.index_name
    if environment := _environment(job, forge):
        is_scheduled = kind.traits.take_variables and not kind.events
        fields["env"] = (
            schedules.with_values(environment, forge.spec) if is_scheduled else environment
        )
    if job.index_name:
        return {**fields, "steps": [*_downloads(job, needs, forge), *_uploads(job, forge)]}
    if kind.traits.wheels == "prove":
        fields["outputs"] = {"artifact": f"${{{{ steps.{KEPT}.outputs.artifact-id }}}}"}
    return {
        **fields,
        "steps": [*_start(job, forge), *_downloads(job, needs, forge), *_work(job, forge)],
    }


def _when(kind: JobKind) -> Document:
    if kind.events == BUT_MERGE_REQUESTS:
        return {"if": NO_PULL_REQUEST}
    conditions = [_condition(event, is_protected=kind.is_protected) for event in kind.events]
    return {"if": " || ".join(conditions)} if conditions else {}


def _attest_job(published: list[Job], needs: list[str], forge: _Forge) -> Document:
    """Return the job that signs the proven wheels.

    It has no rights on an index, and its token names no environment.
    """
    copies = [f"dist/copies/{job.index_name}/*.whl" for job in published]
    return {
        "name": ATTEST,
        "needs": needs,
        **_when(forge.plan.kinds[published[0].kind]),
        "runs-on": HOSTED,
        "timeout-minutes": JobTraits().timeout,
        "permissions": {
            "id-token": add_remark("write", "to sign attestations"),
            "attestations": add_remark("write", "attestations of the proven wheels"),
        },
        "steps": [
            *_downloads(published[0], needs, forge),
            {"run": Lines("\n".join(COMPARED))},
            forge.uses("attest", subject_path=Lines("\n".join(["dist/*.whl", *copies]))),
        ],
    }


def _condition(event: str, *, is_protected: bool) -> str:
    return CONDITIONS[event] + (" && github.ref_protected" if is_protected else "")


def _place(job: Job, forge: _Forge) -> Document:
    """Return where a job runs, for how long, and what it may do."""
    labels = runner_of(job, forge.plan, forge.spec)
    return {
        "runs-on": labels[0] if len(labels) == 1 else labels,
        "timeout-minutes": forge.traits(job).timeout,
        "permissions": _permissions(job, forge),
    }


def _machine(job: Job, plan: Plan) -> str:
    """Return the architecture of a job's runner: its own, or that of a cross-building machine."""
    is_builder = plan.kinds[job.kind].traits.machine == "builder"
    return (plan.targets[job.target].runner if is_builder else "") or job.arch


def _permissions(job: Job, forge: _Forge) -> Document:
    if job.index_name:
        is_trusted = not publish_jobs.index_of(forge.plan, job.index_name).password
        return {"id-token": add_remark("write", "trusted publishing")} if is_trusted else {}
    may: Document = {"contents": "read"}
    traits = forge.traits(job)
    if traits.read_runs:
        may["actions"] = add_remark("read", "how long the jobs of earlier runs took")
    if traits.request:
        may["pull-requests"] = add_remark(traits.request, REQUEST_ACCESS[traits.request])
    if traits.build_images and is_own(forge.spec.images.registry):
        may["packages"] = add_remark("write", "to push the image")
    elif is_own(forge.image(job)):
        may["packages"] = add_remark("read", "to pull the image of the job")
    return may


def is_own(image: str) -> bool:
    """Return whether a job's own token is enough for the registry of an image."""
    return image.partition("/")[0] == REGISTRY


def logs_in(spec: Spec) -> bool:
    """Return whether jobs log in at the registry of images with the project's credentials."""
    return bool(spec.images.credentials.password) and not is_own(spec.images.registry)


def _login(image: str, spec: Spec) -> Document:
    """Return the credentials that a job has for the registry of an image.

    None for one that lets everyone in.
    """
    if is_own(image):
        return dict(_LOGIN)
    if logs_in(spec) and image.partition("/")[0] == spec.images.registry.partition("/")[0]:
        return {
            key: add_remark(form, _UNGUARDED)
            for key, form in _secret_forms(spec.images.credentials).items()
        }
    return {}


def _secret_forms(credentials: Credentials) -> Document:
    forms = {"username": "${{{{ secrets.{0} || vars.{0} }}}}", "password": "${{{{ secrets.{0} }}}}"}
    return {key: forms[key].format(name) for key, name in credentials._asdict().items() if name}


def attests(plan: Plan, spec: Spec) -> bool:
    """Return whether the proven wheels are signed before they are published."""
    # Each index may get each wheel under another name, which is a subject of its own.
    names = 1 + sum(bool(job.index_name) for job in plan.jobs)
    return spec.github.attestations and names * len(plan.cells) <= SUBJECTS_LIMIT


def _environment(job: Job, forge: _Forge) -> Document:
    traits = forge.traits(job)
    if traits.take_variables:
        chosen = select_settable(forge.variables)
        # As the event has it, an input is text: a false one is not taken for none.
        values = {
            name: "${{{{ github.event.inputs.{0} || vars.{0} }}}}"
            if _is_switch(chosen[name])
            else "${{{{ inputs.{0} || vars.{0} }}}}"
            for name in asked(forge.variables)
        }
        forms = {**dict.fromkeys(chosen, "${{{{ vars.{0} }}}}"), **values}
        return {
            "TRUEWHEEL_PIPELINE_ID": "${{ github.run_id }}",
            KEY: f"${{{{ inputs.{KEY_INPUT} }}}}",
            **{name: form.format(name) for name, form in forms.items()},
        }
    if traits.request == "read":
        return dict(_TOKEN)
    registry = forge.spec.images.registry
    if traits.build_images and (login := _login(registry, forge.spec)):
        names = {"username": "CI_REGISTRY_USER", "password": "CI_REGISTRY_PASSWORD"}
        return {
            "CI_REGISTRY": registry.partition("/")[0],
            **{names[key]: form for key, form in login.items()},
        }
    return {}


def _start(job: Job, forge: _Forge) -> list[Document]:
    """Return the first steps of every job: the checkout and, outside of an image, its Pythons."""
    traits = forge.traits(job)
    options: Document = {"fetch_depth": 0} if traits.read_history else {}
    if traits.submodules:
        options["submodules"] = traits.submodules if traits.submodules != "true" else True
    steps = [forge.uses("checkout", persist_credentials=False, **options)]
    if not forge.image(job):
        python = forge.spec.github.python
        both = Lines(
            "${{ matrix.version }}\n" + python
        )  # the last one is called python, and runs the tools
        steps.append(
            forge.uses("setup-python", python_version=both if job.place and job.cells else python)
        )
    return steps


def _downloads(job: Job, needs: list[str], forge: _Forge) -> list[Document]:
    """Return the steps that fetch the artifacts of what a tool job needs, by the ids `needs`.

    That of `prove` by its own id: of several artifacts of one name the newest would be taken,
    whichever job has kept it.
    """
    kinds = forge.plan.kinds
    if job.needs is None:
        folder = kinds["wheel"].artifacts[0]
        wheels = forge.uses(
            "download-artifact", pattern="wheel__*", path=folder, merge_multiple=True
        )
        verdicts = forge.uses(
            "download-artifact", pattern="test__*", path=plan_jobs.VERDICTS, merge_multiple=True
        )
        loads = any(kind.traits.wheels == "load" for kind in kinds.values())
        return [_download(kinds["plan"], forge), wheels, *([verdicts] if loads else [])]
    needed = {job.name: job.kind for job in forge.plan.jobs}
    steps = []
    for name, job_id in zip(job.needs, needs, strict=False):
        step = _download(kinds[needed[name]], forge)
        if kinds[needed[name]].traits.wheels == "prove":
            del step["with"]["name"]
            step["with"]["artifact-ids"] = f"${{{{ needs.{job_id}.outputs.artifact }}}}"
        steps.append(step)
    return steps


def _download(kind: JobKind, forge: _Forge) -> Document:
    path = kind.artifacts[0]
    return forge.uses(
        "download-artifact", name=_artifact(path), path=path if path.endswith("/") else "."
    )


def _artifact(path: str) -> str:
    return path.rstrip("/")


def _work(job: Job, forge: _Forge, artifact: str = "") -> list[Document]:
    """Return the steps that do a job's work and keep what it made.

    `artifact` is a name beside that of the path.
    """
    kind = forge.plan.kinds[job.kind]
    steps: list[Document] = []
    lines = [*tool_script.setup_lines(forge.spec), *_script(kind, job)]
    if kind.traits.summary:
        lines.append(f'{_printed(kind.traits.summary)} >> "$GITHUB_STEP_SUMMARY"')
    if kind.traits.digest_file:
        lines.append(f'cat {kind.traits.digest_file} >> "$GITHUB_OUTPUT"')
    identity = {"id": job.kind} if kind.traits.digest_file else {}
    steps.append({**identity, "run": Lines("\n".join(lines))})
    if kind.artifacts:
        # A wheel job keeps its own records alone. The artifact begins at dist/, the least common
        # ancestor of both patterns; that of a test job, which keeps verdicts alone, at theirs.
        loads = kind.traits.wheels == "load"
        patterns = ["${{ matrix.records }}"]
        if loads and plan_jobs.covers_place(job):
            patterns = plan_jobs.records(job)
        own = "" if loads else f"{plan_jobs.WHEELS}\n"
        own = Lines(own + "\n".join(patterns)) if job.place else ""
        path = kind.artifacts[0]
        options = {
            "overwrite": True,
            "retention_days": int(forge.spec.github.retention_days),
        }  # a second attempt
        name = artifact or _artifact(path)
        # A merge request may leave the cell out: then its job has nothing to keep.
        missing = "warn" if loads else "error"  # a test job that failed early has said why
        if job.cells and forge.spec.merge_requests.changed_only:
            missing = "ignore"
        steps.append(
            {
                **({"id": KEPT} if kind.traits.wheels == "prove" else {}),
                # The verdicts of a test that fails say why.
                **({"if": "always()"} if loads else {}),
                **forge.uses(
                    "upload-artifact",
                    name=name,
                    path=own or path,
                    if_no_files_found=missing,
                    **options,
                ),
            }
        )
    # With a token the note is posted; a pull request does not wait for that.
    if kind.traits.request == "write":
        posting = Lines("\n".join([*tool_script.setup_lines(forge.spec), *_script(kind, job)]))
        steps.append({"continue-on-error": True, "env": dict(_TOKEN), "run": posting})
    return steps


def _uploads(job: Job, forge: _Forge) -> list[Document]:
    """Return the steps that upload the files of an index, with nothing but what was downloaded."""
    index = publish_jobs.index_of(forge.plan, job.index_name)
    lines = [*publish_jobs.lines_taking_files(index.name), "echo 'any=true' >> \"$GITHUB_OUTPUT\""]
    # A file that is there already stops it, unless the index takes the same bytes twice, as the
    # public one does: skip-existing would pass over a file with other bytes, and the uploader
    # refuses it for all but the public index.
    upload = forge.uses(
        PUBLISHER,
        packages_dir=publish_jobs.FILES,
        repository_url=index.url,
        **_secret_forms(Credentials(index.username, index.password)),
        attestations=not index.password,
        print_hash=True,
    )
    upload["with"] = {
        {"username": "user"}.get(key, key): value for key, value in upload["with"].items()
    }
    return [
        {"id": "files", "run": Lines("\n".join(lines))},
        {"if": "steps.files.outputs.any == 'true'", **upload},
    ]


def _printed(file: str) -> str:
    """Return the command that prints a file as Markdown: as it is, or as a block of code."""
    return f"cat {file}" if file.endswith(".md") else f"sed 's/^/    /' {file}"


def _script(kind: JobKind, job: Job) -> list[str]:
    words = {CELL: '"$TRUEWHEEL_CELL"'}
    words |= {TARGET: _word(job.target), ARCH: _word(job.arch), STAGE: _word(job.image)}
    # One of several has the values of its entry in the matrix.
    entry = {",".join(job.cells): '"$TRUEWHEEL_CELL"', job.python: '"$TRUEWHEEL_PYTHON"'}
    values = {} if plan_jobs.covers_place(job) else entry
    flags = plan_jobs.selection(job)
    words[SELECTION] = " ".join(values.get(flag) or _word(flag) for flag in flags)
    return [" ".join(words.get(word) or _word(word) for word in argv) for argv in kind.commands]


def _word(text: str) -> str:
    """Return a text as one word of a shell, in which GitHub finds no expression."""
    return shlex.quote(text).replace(EXPRESSION, "$''{{")


def _reusable(part: str, jobs: list[Job], forge: _Forge) -> Document:
    """Return a reusable workflow.

    Each place has a container job, and matrices of wheel and test jobs.
    """
    places: dict[str, list[Job]] = {}
    for job in jobs:
        places.setdefault(f"{job.target}-{job.arch}", []).append(job)
    suffixes = _ids(f"-{place}" for place in places) | {f"-{part}": ""}
    matrices = {
        name: chunk
        for place, jobs_of_place in places.items()
        for name, chunk in _matrices(jobs_of_place, suffixes[f"-{place}"], forge).items()
    }
    ids = {job.name: name for name, chunk in matrices.items() for job in chunk}
    jobs_of_file: Document = {}
    for place, jobs_of_place in places.items():
        suffix = suffixes[f"-{place}"]
        containers = [job for job in jobs_of_place if forge.traits(job).digest_file]
        jobs_of_file |= {_builder_id(suffix): _container_job(job, forge) for job in containers}
        ids |= {job.name: _builder_id(suffix) for job in containers}
        for name in _matrices(jobs_of_place, suffix, forge):
            jobs_of_file[name] = _matrix_job(matrices[name], ids, suffix, forge)
    passed = {name: {"required": False} for name in _passed(jobs, forge)}
    return {
        "name": f"wheels {part}",
        "on": {"workflow_call": {"secrets": passed} if passed else {}},
        **_jobs(jobs_of_file),
    }


def _matrices(jobs: list[Job], suffix: str, forge: _Forge) -> dict[str, list[Job]]:
    """Return the jobs of each matrix of a place, by its id: all of one kind, and not too many."""
    return {
        f"{kind}{suffix}" + (f"-{number}" if number else ""): chunk
        for kind in (name for name, kind in forge.plan.kinds.items() if kind.traits.image)
        for number, chunk in enumerate(
            _chunks([job for job in jobs if job.kind == kind], MATRIX_LIMIT)
        )
    }


def _builder_id(suffix: str) -> str:
    """Return the id of the container job of a place."""
    return f"container{suffix}"


def _container_job(job: Job, forge: _Forge) -> Document:
    environment = _environment(job, forge)
    digest = f"${{{{ steps.{job.kind}.outputs.{digest_variable(job.target, job.arch)} }}}}"
    return {
        "name": job.name,
        **_place(job, forge),
        "outputs": {"digest": digest},
        **({"env": environment} if environment else {}),
        "steps": [*_start(job, forge), *_work(job, forge)],
    }


def _entry(job: Job, forge: _Forge) -> Document:
    """Return what a job has for itself, as an entry of its matrix."""
    fields: Document = {"title": job.name.partition(":")[2].replace(":", " ")}
    is_single = plan_jobs.covers_place(job)
    if not is_single:
        fields["cell"] = ",".join(job.cells)
    fields["artifact"] = job.name.replace(":", "__")
    if job.python:
        fields["python"] = job.python
    if not is_single:
        fields["records"] = "\n".join(plan_jobs.records(job))
    if not forge.image(job):
        tags = [job.python] if job.python else [forge.cells[cell].builder for cell in job.cells]
        versions = dict.fromkeys(_version(tag) or forge.spec.github.python for tag in tags)
        fields["version"] = "\n".join(versions)
    return fields


def _version(tag: str) -> str:
    """Return the version of an interpreter's tag: 3.13t of cp313t, "" of py3."""
    return f"3.{tag.removeprefix('cp3')}" if tag.startswith("cp3") else ""


def _matrix_job(jobs: list[Job], ids: Mapping[str, str], suffix: str, forge: _Forge) -> Document:
    """Return the job that runs once for each of `jobs`, all of one kind, target and architecture.

    `ids` are those of the jobs in its file.
    """
    first, builder = jobs[0], _builder_id(suffix)
    digest = f"${{{{ needs.{builder}.outputs.digest }}}}"
    needs = list(
        dict.fromkeys(ids[name] for job in jobs for name in job.needs or () if name in ids)
    )
    fields: Document = {
        "name": f"{first.kind} ${{{{ matrix.title }}}}",
        **({"needs": needs} if needs else {}),
    }
    fields |= {
        **_place(first, forge),
        "strategy": {
            "fail-fast": False,
            "matrix": {"include": [_entry(job, forge) for job in jobs]},
        },
    }
    is_inside = bool(forge.plan.builder(first))
    if image := forge.image(first):
        fields["container"] = {"image": f"{image}@{digest}" if is_inside else image}
        if login := _login(image, forge.spec):
            fields["container"]["credentials"] = login
    loads = forge.traits(first).wheels == "load"
    is_single = plan_jobs.covers_place(first)
    environment = {} if is_single else {"TRUEWHEEL_CELL": "${{ matrix.cell }}"}
    if is_inside:
        environment[digest_variable(first.target, first.arch)] = digest
    if first.python:
        environment["TRUEWHEEL_PYTHON"] = "${{ matrix.python }}"
    if environment:
        fields["env"] = environment
    steps = [*_start(first, forge), _download(forge.plan.kinds["plan"], forge)]
    if loads:
        steps += _wheels(jobs, forge)
    return {**fields, "steps": [*steps, *_work(first, forge, "${{ matrix.artifact }}")]}


def _wheels(jobs: Iterable[Job], forge: _Forge) -> Iterator[Document]:
    """Yield the steps that fetch the wheels that jobs need, from each place that has some.

    By a pattern, which may find nothing: a merge request may leave wheels out.
    """
    needed = {name for job in jobs for name in job.needs or ()}
    kinds = forge.plan.kinds
    places = [
        f"{job.target}__{job.arch}"
        for job in forge.plan.jobs
        if job.name in needed and kinds[job.kind].traits.wheels == "make"
    ]
    for place in dict.fromkeys(places):
        yield forge.uses(
            "download-artifact",
            pattern=f"wheel__*__{place}__*",
            path=kinds["wheel"].artifacts[0],
            merge_multiple=True,
        )
