"""The proof: wheels are compared with the plan, and their bytes with the records of their jobs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.build import evidence, verdict_rules, verdicts
from truewheel.build.validate import refused, validate_all, wheels_in
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.plan.model import LISTS, Cell, Plan
from truewheel.system.files import explained, link_to, pack, remove, sha256, subfolder, write_text
from truewheel.wheel.checks.findings import Finding, is_ok, to_data
from truewheel.wheel.checks.upload import Destination
from truewheel.wheel.filename import WheelName, parse_name, printable
from truewheel.wheel.index_profiles import PROFILES
from truewheel.wheel.rewrite import rewrite

VERSION = 1
COPIES = "copies"
ARCHIVES = "archives"
PROOF = "evidence.json"
SUMS = "SHA256SUMS"
RECORD_LIMIT = 16 * 2**20
"""Bytes of a job's evidence that are read."""

DISTRIBUTIONS = (
    *(
        ".whl",
        ".zip",
        ".egg",
        ".exe",
        ".msi",
        ".rpm",
        ".deb",
        ".dmg",
        ".asc",
        ".sig",
        ".attestation",
    ),
    *(".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.z", ".tar.zst", ".tar.lzma", ".tar.lz"),
    *(".tgz", ".tbz", ".tbz2", ".txz", ".tlz", ".tzst"),
)
"""How the names of files end that an uploader takes from a folder, or sends along with others."""

_EVIDENCE = "evidence"
_KEYS = ("cell", "wheel", "sha256")
_PARTS = {
    "distribution": "name",
    "version": "version",
    "build": "build tag",
    "abi": "ABI tag",
    "platform": "platform tag",
}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The verdict on a folder of wheels; `data` is the document of `evidence.json`."""

    problems: tuple[str, ...]
    data: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the folder holds exactly what the plan says."""
        return not self.problems


class _Record(NamedTuple):
    """A job's evidence: its content, or why it cannot be used."""

    data: Mapping[str, Any]
    fault: str


class _Built(NamedTuple):
    """A wheel as it is in the folder now."""

    sha256: str
    size: int
    findings: list[Finding]


def prove(
    folder: Path,
    plan: Plan,
    only: frozenset[str] | None = None,
    *,
    in_job: bool = False,
    digests: Mapping[str, str] | None = None,
) -> Proof:
    """Compare the wheels in `folder` with the plan, or with its cells whose ids are in `only`.

    Each expected wheel must be there, pass every check, have the bytes that its evidence says, and
    must not have failed to install and load. In a job, whose folder other jobs have filled, each
    test job of the plan must have given its verdict, and nothing else may be there that an uploader
    would take. `digests` are those of the wheels before any was loaded, by cell.

    Writes `evidence.json` and, when all is well, `SHA256SUMS` into the folder, and into
    `copies/<index>/` the wheels that an index gets under another name, and into `archives/` the
    plan's archives; those of an earlier proof are gone. Raises `Stop` for a plan that cannot be
    proven (exit 2), and for a folder that is not there, or has other files in the place of copies
    or archives (exit 4).
    """
    if plan.left_out and not (plan.cells or folder.exists()):
        folder.mkdir(parents=True)  # a change of no package: that there are no wheels is the proof
    if not folder.is_dir():
        raise stop(
            str(folder),
            "no such folder: nothing was built",
            "build first: truewheel run",
            Exit.WHEEL,
        )
    if in_job:  # all in it is of jobs, and may say anything of a proof
        for name in (SUMS, PROOF, COPIES, ARCHIVES, LISTS):
            remove(folder / name)
    else:
        forget(folder, plan)
    _refuse_links(folder)
    records = _records(folder)
    cells = [_settled(cell, records) for cell in _expected(plan, only)]
    built = _built(folder, excluded(plan, cells), package_names(cells))
    others = {
        candidate.wheel
        for cell in plan.cells
        if only is not None and cell.id not in only
        for candidate in cell.possible()
    }
    extra = sorted({path.name for path in wheels_in(folder)} - {*built, *others})
    unplanned = _unplanned(folder) if in_job else ()
    said = verdicts.read_all(folder)
    tried = verdict_rules.about(cells, {name: wheel.sha256 for name, wheel in built.items()}, said)
    failures = verdict_rules.problems(plan, cells, tried, said, in_job=in_job)
    changes = _changed(cells, built, digests or {})
    faults = (*_problems(cells, built, extra, records), *failures, *changes, *unplanned)
    problems = tuple(map(printable, faults))
    if not cells and not (plan.left_out and only is None):
        problems = ("the plan expects no wheel, so there is nothing to prove", *problems)
    copies = [] if problems else _copies(folder, cells)
    if refusals := tuple(map(printable, _refusals(folder, cells, plan))) if not problems else ():
        problems = refusals
        if copies:
            remove(folder / COPIES)
        copies = []
    data = {
        "version": VERSION,
        "ok": not problems,
        "plan": {"project": plan.project, "event": plan.event, "generator": plan.generator},
        "wheels": [
            {
                **_wheel(cell, built[cell.wheel], records),
                **verdict_rules.to_data(tried[cell.id]),
            }
            for cell in cells
            if cell.wheel in built
        ],
        "copies": copies,
        "archives": [] if problems else _archives(folder, plan, cells),
        "missing": [
            {"cell": cell.id, "wheel": cell.wheel} for cell in cells if cell.wheel not in built
        ],
        "extra": extra,
        "problems": list(problems),
    }
    write_text(folder / PROOF, json.dumps(data, indent=1) + "\n")
    if not problems:
        write_text(
            folder / SUMS, "".join(f"{built[name].sha256}  {name}\n" for name in sorted(built))
        )
    return Proof(problems=problems, data=data)


def forget(folder: Path, plan: Plan | None = None) -> None:
    """Remove what an earlier proof left, and leave the files of others that lie beside it.

    Nobody may take its sums for those of wheels that are made anew. What a proof makes is known by
    its evidence, its lists, and the `plan`, as an interrupted one has written no evidence.
    """
    files = sorted(set(_of_proofs(folder, plan)))
    links = [path for name in (COPIES, ARCHIVES, LISTS) if (path := folder / name).is_symlink()]
    # The evidence last, as it names the others; of a link goes the link alone.
    for file in (folder / SUMS, *links, *files, folder / PROOF):
        remove(file)
    for file in reversed(files):
        with suppress(OSError):  # a file of others is in it
            for above in [file.parent, *file.parent.parents]:
                if above == folder:
                    break
                above.rmdir()


def _of_proofs(folder: Path, plan: Plan | None) -> Iterator[Path]:
    """Yield the files that a proof has made in the folders for copies, archives and lists."""
    named = [*_named_by(_read_proof(folder))]
    if plan:
        named += [(COPIES, copy.index, copy.wheel) for cell in plan.cells for copy in cell.copies]
        named += [(ARCHIVES, archive.file) for archive in plan.archives]
    for parts in named:
        path = "/".join(parts)
        if all(map(_is_plain, parts)) and not link_to(folder, path) and (folder / path).is_file():
            yield folder / path
            if (sums := (folder / path).with_name(SUMS)).is_file():
                yield sums
    if not (folder / LISTS).is_symlink():
        yield from (folder / LISTS).glob("*.sha256")


def _read_proof(folder: Path) -> Any:
    try:
        return json.loads((folder / PROOF).read_bytes()) if (folder / PROOF).is_file() else {}
    except (OSError, RecursionError, ValueError):
        return {}


def _named_by(proof: Any) -> Iterator[tuple[str, ...]]:
    """Yield the copies and archives that the evidence of a proof names, as parts of their paths."""
    for key, top, names in (
        ("copies", COPIES, ("index", "wheel")),
        ("archives", ARCHIVES, ("file",)),
    ):
        entries = proof.get(key) if isinstance(proof, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            parts = [entry.get(name) if isinstance(entry, dict) else None for name in names]
            if all(isinstance(part, str) for part in parts):
                yield top, *map(str, parts)


def others(folder: Path, name: str) -> Path | None:
    """Return a file of a folder for copies, archives or lists that no proof has made, if any."""
    known = set(_of_proofs(folder, None))
    files = (
        path
        for path in sorted((folder / name).rglob("*"))
        if path.is_symlink() or not path.is_dir()
    )
    return next((path for path in files if path not in known), None)


def new_folder(folder: Path, name: str) -> Path:
    """Return a folder for a proof's files. Raises `Stop` (exit 4) if it has files of others."""
    if (folder / name).is_dir() and (other := others(folder, name)):
        message = "no proof has made it, and files of this one belong there"
        raise stop(printable(str(other)), message, "move it to another folder", Exit.WHEEL)
    return subfolder(folder, name)


def _refuse_links(folder: Path) -> None:
    """Raise `Stop` (exit 4) for wheels and evidence behind links, where others may change them."""
    records = evidence.path(folder, "any").parent
    if records.exists() or records.is_symlink():
        subfolder(folder, records.name)
    with explained(folder, "read"):
        files = [*folder.glob("*.whl"), *records.glob("*.json")]
    hint = "put the file itself there, as its job left it"
    problems = [
        Problem(Where(printable(str(file))), "is a link", hint)
        for file in sorted(files)
        if file.is_symlink()
    ]
    if problems:
        raise Stop(problems, Exit.WHEEL)


def _unplanned(folder: Path) -> Iterator[str]:
    """Yield a problem for each other file of the folder that an uploader might take."""
    for path in sorted(folder.rglob("*")):
        is_wheel = path.parent == folder and path.suffix == ".whl"
        if path.name.lower().endswith(DISTRIBUTIONS) and not (
            is_wheel or path.name.startswith(".")
        ):
            name = path.relative_to(folder).as_posix()
            yield (
                f"{name}: the plan has no such file, and an uploader might take it; keep it out "
                "of this folder"
            )


def _copies(folder: Path, cells: Iterable[Cell]) -> list[dict[str, str]]:
    """Write the proven wheels under the names that their indexes get.

    A copy with the wheel's own name is not made.
    """
    copies: list[dict[str, str]] = []
    for cell in cells:
        for copy in cell.copies:
            if copy.wheel != cell.wheel:
                if not copies:
                    new_folder(folder, COPIES)
                place = subfolder(folder, COPIES, copy.index)
                wheel = rewrite(folder / cell.wheel, place, copy.wheel)
                copies.append(
                    {
                        "index": copy.index,
                        "cell": cell.id,
                        "wheel": copy.wheel,
                        "sha256": sha256(wheel),
                    }
                )
    for index in sorted({entry["index"] for entry in copies}):
        sums = [
            f"{entry['sha256']}  {entry['wheel']}\n" for entry in copies if entry["index"] == index
        ]
        write_text(
            folder / COPIES / index / SUMS, "".join(sorted(sums, key=lambda line: line[66:]))
        )
    return copies


def _archives(folder: Path, plan: Plan, cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """Write the archives of which all wheels are proven."""
    wheels = {cell.id: cell.wheel for cell in cells}
    archives: list[dict[str, Any]] = []
    for archive in plan.archives:
        if wheels.keys() >= set(archive.cells):
            inside = sorted(wheels[cell] for cell in archive.cells)
            place = folder / ARCHIVES if archives else new_folder(folder, ARCHIVES)
            pack([folder / name for name in inside], place / archive.file)
            archives.append(
                {"file": archive.file, "wheels": inside, "sha256": sha256(place / archive.file)}
            )
    if archives:
        write_text(
            folder / ARCHIVES / SUMS,
            "".join(sorted(f"{archive['sha256']}  {archive['file']}\n" for archive in archives)),
        )
    return archives


def excluded(plan: Plan, cells: Iterable[Cell]) -> dict[str, tuple[str, ...]]:
    """Return patterns of the libraries that a package leaves outside, by the name of its wheel."""
    return {cell.wheel: plan.packages[cell.package].exclude for cell in cells}


def package_names(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the package of each wheel by its file name."""
    return {cell.wheel: cell.package for cell in cells}


def _settled(cell: Cell, records: Mapping[str, _Record]) -> Cell:
    """Return the cell as its job has named it, where an audit had to find its platform."""
    record = records.get(_record_name(cell))
    return evidence.named_by(record.data, cell) if record and cell.platforms else cell


def _refusals(folder: Path, cells: Iterable[Cell], plan: Plan) -> Iterator[str]:
    """Yield what the indexes would refuse the bytes of their copies for.

    The plan has checked their names.
    """
    places = {
        index.name: Destination(index.profile, index.max_size)
        for index in plan.indexes
        if index.active
    }
    if unknown := sorted({place.profile for place in places.values()} - set(PROFILES)):
        raise stop(
            "plan.json",
            f"names an unknown index profile, {printable(unknown[0])}",
            "write the plan again",
        )
    for cell in cells:
        for copy in cell.copies:
            is_original = copy.wheel == cell.wheel
            path = folder / copy.wheel if is_original else folder / COPIES / copy.index / copy.wheel
            for problem in refused(path, places[copy.index]) if copy.index in places else ():
                yield (
                    f"{copy.wheel}: the index {copy.index} would refuse it: {problem.code.name} "
                    f"{problem.message}"
                )


def _expected(plan: Plan, only: frozenset[str] | None) -> list[Cell]:
    for cell in plan.cells:
        names = [name for possible in (cell, *cell.possible()) for name in possible.names()]
        parts = [_record_name(cell), *names, *(copy.index for copy in cell.copies)]
        if not (all(map(_is_plain, parts)) and all(name.endswith(".whl") for name in names)):
            message = f"cell {printable(cell.id)} has an unsafe wheel name: {printable(cell.wheel)}"
            raise stop("plan.json", message, "write it again: truewheel plan --output plan.json")
    unknown = sorted((only or frozenset()) - {cell.id for cell in plan.cells})
    if unknown:
        raise stop(
            "plan.json",
            f"has no cell {', '.join(map(printable, unknown))}",
            "list them: truewheel plan",
        )
    chosen = [cell for cell in plan.cells if only is None or cell.id in only]
    return sorted(chosen, key=lambda cell: cell.id)


def _is_plain(name: str) -> bool:
    return name == Path(name).name and name.isprintable() and not name.startswith(".")


def _built(
    folder: Path, expected: Mapping[str, tuple[str, ...]], packages: Mapping[str, str]
) -> dict[str, _Built]:
    """Return the expected wheels that exist.

    `expected` has the libraries that each wheel does not contain, `packages` what became it.
    """
    paths = [path for path in wheels_in(folder) if path.name in expected]
    results = validate_all(paths, excluded=expected, packages=packages)
    return {
        path.name: _Built(sha256(path), path.stat().st_size, findings) for path, findings in results
    }


def _record_name(cell: Cell) -> str:
    return evidence.path(Path(), cell.id).name


def _records(folder: Path) -> dict[str, _Record]:
    """Return the evidence of all jobs by file name."""
    files = sorted(evidence.path(folder, "any").parent.glob("*.json"))
    return {file.name: _read_record(file) for file in files if not file.name.startswith(".")}


def _read_record(file: Path) -> _Record:
    if not file.is_file():  # a pipe would never end
        return _Record({}, "it is no file")
    try:
        with file.open("rb") as stream:
            content = stream.read(RECORD_LIMIT + 1)
        if len(content) > RECORD_LIMIT:
            return _Record({}, f"it has more than {RECORD_LIMIT} bytes")
        data = json.loads(content)
        # infinity, or lists that are too deep, can be read but not written again
        json.dumps({"wheels": [{"evidence": data}]}, indent=1, allow_nan=False)
    except (OSError, RecursionError, ValueError) as error:
        return _Record({}, str(error))
    lacks = [
        key for key in _KEYS if not isinstance(data, dict) or not isinstance(data.get(key), str)
    ]
    return _Record({}, f"it lacks {', '.join(lacks)}") if lacks else _Record(data, "")


def _problems(
    cells: Sequence[Cell],
    built: Mapping[str, _Built],
    extra: Sequence[str],
    records: Mapping[str, _Record],
) -> Iterator[str]:
    for cell in cells:
        if cell.wheel in built:
            yield from _cell_problems(cell, built[cell.wheel], records.get(_record_name(cell)))
        else:
            yield f"{cell.id}: {cell.wheel} is missing{_nearest(cell, extra)}"
    yield from (f"{name}: the plan has no such wheel; remove it, or plan again" for name in extra)
    yield from _record_problems(records)


def _cell_problems(cell: Cell, built: _Built, record: _Record | None) -> Iterator[str]:
    if record is None:
        yield (
            f"{cell.id}: no evidence for {cell.wheel}; keep {_EVIDENCE}/{_record_name(cell)} of "
            "its job"
        )
    elif not record.fault:
        yield from _differences(cell, built, record.data)
    for finding in built.findings:
        if finding.severity == "error":
            place = f"{cell.wheel}/{finding.where}" if finding.where else cell.wheel
            yield f"{place}: {finding.code.name} {finding.message}"


def _changed(
    cells: Iterable[Cell], built: Mapping[str, _Built], digests: Mapping[str, str]
) -> Iterator[str]:
    for cell in cells:
        if cell.wheel in built and built[cell.wheel].sha256 != digests.get(
            cell.id, built[cell.wheel].sha256
        ):
            yield f"{cell.id}: {cell.wheel} was changed while wheels were loaded"


def _differences(cell: Cell, built: _Built, record: Mapping[str, Any]) -> Iterator[str]:
    if record["cell"] != cell.id:
        yield f"{cell.id}: {_EVIDENCE}/{_record_name(cell)} is the evidence of {record['cell']}"
    if record["wheel"] != cell.wheel:
        yield f"{cell.id}: its job made {record['wheel']}, planned {cell.wheel}"
    elif record["sha256"] != built.sha256:
        yield (
            f"{cell.id}: {cell.wheel} was overwritten after its job: "
            f"sha256 {built.sha256}, the evidence says {record['sha256']}"
        )


def _record_problems(records: Mapping[str, _Record]) -> Iterator[str]:
    claims = defaultdict(list)
    for file, record in records.items():
        if record.fault:
            yield f"{_EVIDENCE}/{file}: damaged evidence: {record.fault}; build its cell again"
        else:
            claims[record.data["wheel"]].append(record.data["cell"])
    for wheel, claimants in claims.items():
        if len(claimants) > 1:
            yield f"{wheel}: made by {' and by '.join(claimants)}; one has overwritten the other"


def _nearest(cell: Cell, extra: Sequence[str]) -> str:
    """Return which part of the name differs in the most similar unplanned wheel.

    Only wheels of the same package and Python are considered.
    """
    planned = _parsed(cell.wheel)
    if planned is None:
        return ""
    differing = []
    for name in extra:
        parsed = _parsed(name)
        if parsed and _key(parsed) == _key(planned):
            parts = [part for part in _PARTS if getattr(parsed, part) != getattr(planned, part)]
            differing.append((len(parts), name, [_said(part, parsed, planned) for part in parts]))
    return f"; {min(differing)[1]} has {' and '.join(min(differing)[2])}" if differing else ""


def _said(part: str, actual: WheelName, planned: WheelName) -> str:
    label, value = _PARTS[part], getattr(actual, part)
    words = f"{label} {value}" if value else f"no {label}"
    return f"{words}, planned {getattr(planned, part) or 'none'}"


def _parsed(name: str) -> WheelName | None:
    try:
        return parse_name(name)
    except ValueError:
        return None


def _key(name: WheelName) -> tuple[str, str]:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name.distribution), name.python


def _wheel(cell: Cell, built: _Built, records: Mapping[str, _Record]) -> dict[str, Any]:
    record = records.get(_record_name(cell))
    return {
        "path": cell.wheel,
        "ok": is_ok(built.findings),
        "cell": cell.id,
        "wheel": cell.wheel,
        "sha256": built.sha256,
        "size": built.size,
        "findings": [to_data(finding) for finding in built.findings],
        "evidence": record.data if record and not record.fault else None,
    }
