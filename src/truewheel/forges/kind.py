"""What the commands need to know of a forge: the one place that says how it differs from others.

A folder of `forges` has a `KIND`. Its functions import what they need when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from truewheel.errors import pluralize
from truewheel.spec import variables

if TYPE_CHECKING:
    from truewheel.errors import Problem
    from truewheel.forges.base import Forge
    from truewheel.forges.reviews import Review, Reviews
    from truewheel.forges.schedules import Schedules
    from truewheel.forges.settings import Finding
    from truewheel.plan.model import Plan
    from truewheel.spec.model import Spec
    from truewheel.spec.policy import Policy, Variable

Environment = Mapping[str, str]
Documents = Mapping[str, dict[str, Any]]
"""The documents of a pipeline by path."""
Row = tuple[str, str]
"""A line of YAML and what its comment says."""


class Pin(NamedTuple):
    """A commit of an action that jobs use, and the tag that it had."""

    commit: str
    tag: str


class Declared(NamedTuple):
    """A plan with what it was made from; `pins` are those of truewheel.lock."""

    plan: Plan
    spec: Spec
    policy: Policy
    pins: Mapping[str, Pin] = {}

    @property
    def variables(self) -> dict[str, Variable]:
        """Every declared variable."""
        return variables.declared_variables(self.spec, self.policy)


class RemoteProject(NamedTuple):
    """A project on a forge; the environment has the token, `seconds` are those that calls have."""

    environment: Environment
    name: str
    seconds: float


class Proposal(NamedTuple):
    """What `init` knows when it proposes a spec.

    `by_hand` are the texts of hand-written `ci_files` by path, `arches` the chosen architectures,
    `forges` the chosen forges. `default_arch` needs no runner of its own.
    """

    remote: str
    branch: str
    is_versioned_by_git: bool
    target: str
    arches: tuple[str, ...]
    default_arch: str
    forges: tuple[str, ...]
    by_hand: Mapping[str, str] = {}


class JobEnvironment(Protocol):
    """What the environment of a job says: "", 0 or None where it is no job of this forge."""

    def source(self) -> str:
        """Return the forge's own word for what has started the pipeline: see `plan.events`."""

    def is_of_tag(self) -> bool:
        """Return whether the pipeline is one of a tag."""

    def ref(self, project: str) -> str:
        """Return the branch or tag of a job of this project, "" for a merge request."""

    def merge_base(self) -> str:
        """Return the git revision where the merge request began."""

    def request_number(self) -> int:
        """Return the number of the merge request. Raises `Stop` (exit 2) for a damaged event."""

    def request_project(self) -> str:
        """Return the project of the merge request, where it may be another one than the job's."""

    def request_to_build(self) -> tuple[str, int] | None:
        """Return project and number of the merge request that this job, or a comment, is about."""

    def review(self) -> Review | None:
        """Return the merge request as it was when its pipeline started."""

    def address(self) -> str:
        """Return the address of this job in the browser."""


class Answer(NamedTuple):
    """What a server says of pipelines: how many pipelines and jobs it has read, and problems."""

    title: str
    pipelines: int
    jobs: int
    problems: list[Problem]

    def __str__(self) -> str:
        jobs = f", of {self.jobs} jobs" if self.jobs else ""
        return f"{self.title} accepts {pluralize(self.pipelines, 'pipeline')}{jobs}"


class Lint(Protocol):
    """The files below a folder, as a forge reads them."""

    def problems(self, entries: Sequence[str]) -> list[Problem]:
        """Return what the forge would refuse in pipelines that begin with these files."""

    def ask(self, entries: Sequence[str], client: Forge, ref: str) -> Answer:
        """Return what the server says of them; with a ref, about a pipeline that starts there."""


def _nothing(*_: object) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True, kw_only=True)
class ForgeKind:
    """A forge as its folder describes it. What has a default, a forge may do without.

    **Library.** `library` is the client library and `module` what it is imported as; the extra of
    Truewheel that installs it has the name of the forge.

    **Names.** `project` and `run_path` are patterns: of a project's name, and of the path of a
    pipeline's page, with the project and the number as groups. `request_mark` stands before the
    number of a merge request. `is_on_many_servers`: another one may have the same project.

    **Jobs.** `job_variable` is "true" in its jobs, `project_variables` say there which project it
    is, `protected_variable` whether the ref is protected. `runner_files` name files whose contents
    become part of the steps that follow. `runs_in_planned_image`: jobs run in the image that the
    plan has for them, and no variable names it.

    `job_packages` are locked packages that jobs of no other forge need, with what they require.

    **Files.** `ci_files` are patterns of the files that the forge reads, `marked_files` of those of
    them that may be generated; a project may have others there. `folders` hold generated files and
    nothing else. `sources` are files of the folder of this forge that its jobs use.
    """

    library: str
    module: str
    project: str
    project_example: str
    run_path: str
    request_mark: str
    job_variable: str
    project_variables: tuple[str, ...]
    ci_files: tuple[str, ...]
    marked_files: tuple[str, ...]
    is_on_many_servers: bool = False
    protected_variable: str = ""
    runner_files: tuple[str, ...] = ()
    runs_in_planned_image: bool = False
    job_packages: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    job: Callable[[Environment], JobEnvironment]

    # The files of a pipeline.
    documents: Callable[[Declared], Documents]
    header_key: str = ""
    """The key that stands before the others of a document, in a document of its own."""
    files: Callable[[Declared, Mapping[str, str]], Mapping[str, str]] = lambda *_: {}
    """Texts that its jobs need beside the documents, by path; given the `sources` by name."""
    plan_problems: Callable[[Declared], Iterable[Problem]] = _nothing
    file_problems: Callable[[Documents, Spec, Path | None], Iterable[Problem]] = _nothing
    """What the forge would refuse in the documents; at the place of a value in the spec, if any.

    With the folder of the project, also in files of its own that these include.
    """
    layout_note: Callable[[Declared], str] = lambda _: ""
    """Which layout was chosen and why, where the spec leaves that open."""
    has_children: Callable[[Declared], bool] = lambda _: False
    """Whether the pipeline starts child pipelines."""
    pins: Mapping[str, Pin] = field(default_factory=dict)
    """The actions that its jobs use."""
    newest_pins: Callable[[Mapping[str, Pin], Environment], dict[str, Pin]] | None = None
    """Given pins, the newest ones. Raises `Stop` (exit 6) when a server does not answer."""
    lint: Callable[[Path], Lint] | None = None
    lint_search: Callable[[], Callable[..., bool]] | None = None
    """The function that matches expressions of CI files: `pattern` and `value` are its locals."""
    annotation: Callable[[str, str, str, str], str] | None = None
    summary_variable: str = ""
    """By severity, file, title and message: the line of a job's log that the forge shows."""
    propose: Callable[[Proposal], Iterable[Row]] = _nothing
    """The keys of the forge in a proposed spec."""
    proposal_notes: Callable[[Proposal], Iterable[str]] = _nothing
    change_by_hand: Callable[[Collection[str]], tuple[str, str] | None] = lambda _: None
    """By the paths of generated files: a hand-written file, and what a person must add to it."""

    # The forge itself. All of these raise `Stop` (exit 2) without a token.
    connect: Callable[[RemoteProject], Forge]
    reviews: Callable[[RemoteProject, int, bool], Reviews]
    """By the number of a merge request, and whether notes are to be written."""
    examine: Callable[[RemoteProject, Declared], list[Finding]]
    schedules: Callable[[RemoteProject, Declared], Schedules] | None = None
    schedules_file: str = ""
    """The generated file that has the schedules, where they are not made by calls."""
    job_prefix: Callable[[Spec], str] = lambda _: ""
    """What the names of all generated jobs begin with."""
    takes_inputs: Callable[[Spec], bool] = lambda _: False
    """Whether pipelines get inputs instead of variables."""
    missing_inputs: Callable[[Mapping[str, Variable], Iterable[str]], Iterable[Problem]] = _nothing
    """By the declared variables and those to be sent: what there is no input for."""
