"""auditwheel on an unpacked wheel: a program with the arguments REQUEST REPORT FOLDER.

`processes.python` starts it.

A process of its own: auditwheel works in the current folder and reads the environment. It goes into
FOLDER, the wheel, only when all modules are there: nothing in the wheel is ever run or imported.
REQUEST holds a `libraries.RepairRequest` as JSON. REPORT gets `{"refusals": [[message, hint]]}`,
and then the folder is as it was, or `{"wheel": file name, "platform": its tag, "grafted": [{"name",
"soname", "source", "package", …}], "reached": [[file, library, run path]], "excluded": [...]}`:
`reached` are libraries of the wheel to which no run path led before.

What auditwheel does not do is done around it: it finds the wheel's own libraries before those of
the system, whether a run path leads to them or not, and grafts libpython for programs alone.
`Patcher.finish` then gives every file the run paths that it needs, and takes the others away.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from auditwheel import lddtree, repair, wheel_abi
from auditwheel.architecture import Architecture
from auditwheel.lddtree import DynamicExecutable, Platform
from auditwheel.libc import Libc
from auditwheel.patcher import ElfPatcher
from auditwheel.policy import Policy
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection

from truewheel import __version__
from truewheel.build.graft_origins import origins
from truewheel.wheel import elf
from truewheel.wheel.elf import Needs
from truewheel.wheel.libraries import (
    LinkedLibraries,
    RepairRequest,
    Symbol,
    graft_problems,
    is_program,
    matches,
)
from truewheel.wheel.run_paths import choose, installed, is_inside, is_there, to_folder
from truewheel.wheel.sbom import Grafted, cyclonedx
from truewheel.wheel.vendor_libraries import LIBPYTHON, vendor_of

NOTHING = re.compile(r"(?!)")
COPY = repair.copylib
SEAMS = ((wheel_abi, "InGenericPkgCtx"), (repair, "InWheelCtx"))
"""Where auditwheel (>= 6.8, < 7) would unpack the wheel, twice, and pack it again."""


class Folder(AbstractContextManager["Folder"]):
    """Takes the place of auditwheel's unpacked wheel.

    The current folder is an unpacked wheel already, and is kept.
    """

    def __init__(self, natives: list[Path], in_wheel: Path, out_wheel: Path | None = None) -> None:
        self.natives, self.in_wheel, self.out_wheel = natives, in_wheel, out_wheel
        self.path = self.name = Path.cwd()

    def __exit__(self, *_: object) -> None:
        pass

    def iter_files(self) -> list[Path]:
        """Return the files to be looked at."""
        return self.natives


@dataclass(frozen=True)
class WheelFiles:
    """The native files of a wheel: what each needs, and which of them a name stands for."""

    needs: Mapping[str, Needs]

    @cached_property
    def members(self) -> Mapping[str, list[str]]:
        """The files that are meant by the name of a library: its file name or its SONAME."""
        members: dict[str, list[str]] = {}
        for member, needs in self.needs.items():
            if not is_program(member, needs):
                for name in {PurePosixPath(member).name, needs.soname} - {""}:
                    members.setdefault(name, []).append(member)
        return members

    @cached_property
    def of_programs(self) -> frozenset[str]:
        """Programs, and the libraries of the wheel that these load."""
        files: set[str] = set()
        todo = [member for member, needs in self.needs.items() if is_program(member, needs)]
        while todo:
            member = todo.pop()
            if member not in files:
                files.add(member)
                for library in self.needs[member].libraries:
                    todo += self.members.get(library, ())
        return frozenset(files)


def read_natives(natives: Iterable[str]) -> WheelFiles:
    """Read what each native file needs; one that the loader could not read needs nothing."""
    return WheelFiles({member: _needs(Path(member)) for member in natives})


def _needs(path: Path) -> Needs:
    with path.open("rb") as stream, suppress(ValueError, OverflowError):
        return elf.needs(stream)
    return Needs()


class Patcher(ElfPatcher):
    """Runs several patchelf at the same time.

    Not too many, as each needs as much memory as its file. auditwheel would wait for each one.
    `finish` is called before.
    """

    AT_ONCE = 4

    def __init__(self, platform: str, finish: Callable[[Patcher], None]) -> None:
        super().__init__(platform)
        self._finish = finish

    def set_grafted(
        self, path: Path, replaced: Sequence[tuple[str, str]], dropped: Sequence[str]
    ) -> None:
        """Say which names of libraries in a grafted one become others, and which go."""
        update = self._update_for(path)
        update.replace_needed[:] = replaced
        update.remove_needed[:] = dropped

    def set_paths(self, path: Path, old: Sequence[str], new: Sequence[str]) -> None:
        """Give a file these run paths in place of its old ones."""
        is_same = list(dict.fromkeys(old)) == list(new)
        if is_same and path.resolve() not in self._updates:
            return
        update = self._update_for(path)
        update.rpath = ":".join(new) if new and not is_same else None
        update.clear_rpath = not new and bool(old)

    def get_rpath_direct(self, file_name: Path) -> str:
        """Return where a file looks for libraries; patchelf would read all of the file for it."""
        with file_name.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(".dynamic")
            tags = section.iter_tags() if isinstance(section, DynamicSection) else ()
            paths = {tag.entry.d_tag: getattr(tag, tag.entry.d_tag[3:].lower(), "") for tag in tags}
        return str(paths.get("DT_RUNPATH") or paths.get("DT_RPATH") or "")

    def apply_updates(self) -> None:
        """Make all changes that were asked for."""
        self._finish(self)
        with ThreadPoolExecutor(self.AT_ONCE) as pool:
            list(pool.map(self._apply, self._updates))
        self._updates.clear()

    def _apply(self, path: Path) -> None:
        one = ElfPatcher.get_patcher("patchelf", self.platform)
        one._updates[path] = self._updates[path]  # noqa: SLF001 (no other way to one file of many)
        one.apply_updates()


def main(request_file: Path, report_file: Path, folder: Path) -> None:
    """Do what the request says and write the report."""
    os.chdir(folder)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    request = RepairRequest(**json.loads(request_file.read_text(encoding="utf-8")))
    work_here(request)
    try:
        report = repaired(request)
    except Exception as error:
        logging.exception("auditwheel failed")
        reason = " ".join(str(error).split()) or type(error).__name__
        report = {
            "refusals": [(f"{request.wheel} cannot be made {request.platform}: {reason}", "")]
        }
    report_file.write_text(json.dumps(report), encoding="utf-8")


def work_here(request: RepairRequest) -> None:
    """Let auditwheel work in the current folder, and find what `find` and `look` find.

    Raises `AttributeError` if auditwheel's classes and functions are not as expected.
    """
    natives = [Path(name) for name in request.natives]
    files = read_natives(request.natives)
    folder = Path.cwd()
    find_lib, ldd = lddtree.find_lib, wheel_abi.ldd

    def find(
        platform: Platform, lib: str, ldpaths: list[str], root: str = "/"
    ) -> tuple[Path | None, str | None]:
        if members := files.members.get(lib):
            path = folder / members[0]  # any: it is only to be known as the wheel's own
            return path, str(path)
        where: tuple[Path | None, str | None] = find_lib(platform, lib, ldpaths, root)
        return where

    def look(path: Path, **arguments: Any) -> DynamicExecutable:
        grafted = request.graft if str(path) in files.of_programs else ()
        vars(lddtree)["LIBPYTHON_RE"] = _LeftOut(grafted)
        return ldd(path, **arguments)

    for module, name in SEAMS:
        getattr(module, name)
        setattr(module, name, partial(Folder, natives))
    for module, name, value in (
        (lddtree, "find_lib", find),
        (wheel_abi, "ldd", look),
        (repair, "LIBPYTHON_RE", NOTHING),  # `_without_libpython` has taken it out before
    ):
        getattr(module, name)
        setattr(module, name, value)


@dataclass(frozen=True)
class _LeftOut:
    """Takes the place of a pattern: libpython is looked for only where it is to be grafted."""

    grafted: Sequence[str]

    def match(self, library: str) -> bool:
        """Tell whether a library is passed over."""
        return bool(LIBPYTHON.match(library)) and not matches(library, self.grafted)


def repaired(request: RepairRequest) -> dict[str, Any]:
    """Graft what the request allows, and return the report."""
    audit = _audit(request)
    if request.range:
        request = replace(request, platform=_lowest(audit, request.range), range=())
        audit = _audit(request)
    policy = audit.policies.get_policy_by_name(request.platform)
    work = Grafting(
        request=request, files=read_natives(request.natives), audit=audit, policy=policy
    )
    linked = work.linked()
    if reasons := list(graft_problems(linked, request)):
        return {"refusals": reasons}
    vars(repair).update(copylib=work.copy, create_sbom_for_wheel=work.sbom)
    wheel = repair.repair_wheel(
        audit,
        Path(request.wheel),
        [policy.name, *policy.aliases],
        ".libs",
        Path(),
        update_tags=True,
        patcher=Patcher(policy.name, work.finish),
        strip=False,
        zip_compression_level=0,
    )
    return {
        "refusals": [],
        "wheel": wheel.name if wheel else request.wheel,
        "platform": policy.name,
        "grafted": list(work.records()),
        "reached": work.reached,
        "excluded": sorted(
            library for library in linked.needed if matches(library, request.exclude)
        ),
    }


@dataclass
class Grafting:
    """One repair: what the audit found, and what became of it."""

    request: RepairRequest
    files: WheelFiles
    audit: wheel_abi.WheelAbIInfo
    policy: Policy
    copies: dict[Path, tuple[str, Path]] = field(default_factory=dict)
    """By the source of each grafted library, its new SONAME and its place in the wheel."""
    reached: list[tuple[str, str, str]] = field(default_factory=list)
    """File, library and run path, where the wheel's own library was not to be found before."""

    @cached_property
    def trees(self) -> Mapping[str, Mapping[str, Path | None]]:
        """The libraries from outside that each file of the wheel leads to.

        libpython is among them for programs alone.
        """
        trees = {}
        for file, references in self.audit.full_external_refs.items():
            libraries = references[self.policy.name].libs
            if str(file) not in self.files.of_programs:
                for name in [name for name in libraries if LIBPYTHON.match(name)]:
                    del libraries[name]
            trees[str(file)] = libraries
        return trees

    def linked(self) -> LinkedLibraries:
        """Return what forbids or allows the repair."""
        request = self.request
        grafts: dict[str, dict[str, str]] = {}
        embedding: dict[str, list[str]] = {}
        for file, libraries in self.trees.items():
            for name, path in libraries.items():
                if LIBPYTHON.match(name) and not matches(name, request.graft):
                    embedding.setdefault(name, []).append(file)
                else:
                    grafts.setdefault(name, {})[file] = str(path or "")
        sources = sorted(
            {Path(path) for places in grafts.values() for path in places.values() if path}
        )
        files = [*map(Path, request.natives), *sources]
        fits = self.audit.sym_policy
        return LinkedLibraries(
            needed=_needed(self.files, sources),
            grafts=grafts,
            symbols=list(_newer(files, self.policy)) if self.policy > fits else [],
            fits="" if fits == self.audit.policies.linux else fits.name,
            private=self.audit.external_refs[self.policy.name].blacklist,
            newer_processors=(
                dict(_newer_processors(request, sources))
                if self.policy > self.audit.machine_policy
                else {}
            ),
            embedding=embedding,
            unclear=list(self._unclear()),
        )

    def _inside(self, needs: Needs) -> Iterator[tuple[str, list[str]]]:
        """Yield the libraries that a file needs and that the wheel has itself, with the members.

        Those of the floor are the system's, whatever the wheel has.
        """
        for library in needs.libraries:
            members = self.files.members.get(library)
            is_outside = (
                matches(library, self.request.exclude)
                or library in self.policy.whitelist
                or LIBPYTHON.match(library)
            )
            if members and not is_outside:
                yield library, members

    def _ways(self, file: str, place: str, needs: Needs) -> Iterator[tuple[str, str]]:
        """Yield the libraries of the wheel that no run path leads to yet, and which file each is.

        "" where several may be meant.
        """
        kept = [path for path in needs.paths if is_inside(path, file)]
        for library, members in self._inside(needs):
            if not is_there(place, library, kept, members):
                yield library, choose(place, library, [name for name in members if name != file])

    def _place(self, file: str) -> str:
        """Return where a file of the wheel is installed below site-packages, "" if not there.

        Programs that auditwheel would have to patch are run by a script from a folder there.
        """
        path = PurePosixPath(file)
        if path.parts[0].endswith(".data") and path.parts[1:2] == ("scripts",):
            return f"{self.request.wheel.partition('-')[0]}.scripts/{path.name}"
        return installed(file)

    def _unclear(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        for file, needs in self.files.needs.items():
            if place := self._place(file):
                for library, member in self._ways(file, place, needs):
                    if not member:
                        yield file, library, self.files.members[library]

    def copy(self, source: Path, folder: Path, patcher: ElfPatcher) -> tuple[str, Path]:
        """Graft a library once, however many files need it: auditwheel would hash it each time."""
        if source not in self.copies:
            self.copies[source] = COPY(source, folder, patcher)
        return self.copies[source]

    def finish(self, patcher: Patcher) -> None:
        """Ask for all changes that auditwheel has not asked for."""
        for source, (_, path) in self.copies.items():
            self._finish_grafted(patcher, source, path)
        for file, needs in self.files.needs.items():
            if needs.libraries or needs.paths:
                self._finish_native(patcher, file, needs)

    def _finish_grafted(self, patcher: Patcher, source: Path, path: Path) -> None:
        """Let a grafted library find those that it needs: grafted ones, and the wheel's own.

        Not by name, as auditwheel does: several libraries may have one.
        """
        needs = _needs(source)
        tree = next(tree for tree in self.trees.values() if source in tree.values())
        grafted = [
            (name, self.copies[target][0])
            for name in needs.libraries
            if (target := tree.get(name)) in self.copies
        ]
        names = {name for name, _ in grafted}
        dropped = [n for n in needs.libraries if LIBPYTHON.match(n) and n not in names]
        place = path.as_posix()
        ways = list(self._ways(place, place, replace(needs, paths=())))
        renamed = [(name, PurePosixPath(member).name) for name, member in ways]
        patcher.set_grafted(
            path, [pair for pair in grafted + renamed if pair[0] != pair[1]], dropped
        )
        paths = ["$ORIGIN"] if grafted else []
        paths += [
            to_folder(PurePosixPath(installed(member)).parent.as_posix(), place)
            for _, member in ways
        ]
        patcher.set_paths(path, needs.paths, list(dict.fromkeys(paths)))

    def _finish_native(self, patcher: Patcher, file: str, needs: Needs) -> None:
        """Let a file of the wheel look for libraries in the wheel, and nowhere else."""
        place = self._place(file)
        ways = list(self._ways(file, place, needs)) if place else []
        path, is_moved = self._moved(patcher, file, place, is_needed=bool(ways))
        keeps_outside = any(matches(name, self.request.exclude) for name in needs.libraries)
        paths = [
            path
            for path in needs.paths
            if is_inside(path, file)
            or (keeps_outside and path.startswith(("$ORIGIN", "${ORIGIN}")))
        ]
        if is_moved:
            paths = []
        if self.trees.get(file):
            paths.append(to_folder(f"{self.request.wheel.partition('-')[0]}.libs", place))
        for library, member in ways:
            target = PurePosixPath(installed(member))
            paths.append(to_folder(target.parent.as_posix(), place))
            self.reached.append((file, member, paths[-1]))
            if target.name != library:
                patcher.replace_needed(path, (library, target.name))
        if file not in self.files.of_programs and (
            dropped := [
                name
                for name in needs.libraries
                if LIBPYTHON.match(name) and not matches(name, self.request.exclude)
            ]
        ):
            patcher.remove_needed(path, *dropped)
        patcher.set_paths(path, needs.paths, list(dict.fromkeys(paths)))

    def _moved(
        self, patcher: Patcher, file: str, place: str, *, is_needed: bool
    ) -> tuple[Path, bool]:
        """Return where a file of the wheel is now, and whether that is another place.

        A program among the scripts that needs a run path is moved, as its way to the wheel's
        libraries is not known where it lies.
        """
        if file == place or not place or installed(file):
            return Path(file), False
        if is_needed and not Path(place).exists():
            moved = repair._replace_elf_script_with_shim(  # noqa: SLF001 (as auditwheel does it)
                self.request.wheel.partition("-")[0], Path(file)
            )
            patcher.update_elf_path(Path(file), moved)
        is_moved = Path(place).exists()
        return Path(place if is_moved else file), is_moved

    @cached_property
    def grafted(self) -> Sequence[Grafted]:
        """The libraries in the wheel, by name."""
        known = origins(self.copies)
        sonames = {
            path: name for tree in self.trees.values() for name, path in tree.items() if path
        }
        libraries = [
            Grafted(
                member=path.as_posix(),
                soname=sonames[source],
                source=str(source),
                origin=known.get(source),
            )
            for source, (_, path) in self.copies.items()
        ]
        return sorted(libraries, key=lambda library: library.member)

    def sbom(self, wheel_fname: str, sbom_filepaths: Sequence[Path]) -> dict[str, Any] | None:
        """Return the SBOM; auditwheel's own has no licences, and lacks what it does not find."""
        tools = {"auditwheel": metadata.version("auditwheel"), "truewheel": __version__}
        return cyclonedx(wheel_fname, self.grafted, tools) if sbom_filepaths else None

    def copy_licences(self, info: Path) -> dict[str, list[str]]:
        """Copy the licence texts of packages into dist-info; return them by the package (PURL)."""
        members: dict[str, list[str]] = {}
        folder = info / "licenses" / f"{self.request.wheel.partition('-')[0]}.libs"
        for origin in {library.origin for library in self.grafted if library.origin}:
            for text in map(Path, origin.texts):
                target = folder / origin.name / text.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.read_bytes())
                members.setdefault(origin.purl, []).append(target.as_posix())
        return members

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield what the evidence says of each grafted library."""
        licences = self.copy_licences(next(Path().glob("*.dist-info"))) if self.grafted else {}
        for library in self.grafted:
            origin = library.origin
            vendor = vendor_of(library.soname)
            yield {
                "name": library.member,
                "soname": library.soname,
                "source": library.source,
                "package": origin.purl if origin else "",
                "source_package": f"{origin.source} {origin.source_version}" if origin else "",
                "licence": origin.licence if origin else "",
                "licence_files": sorted({*licences.get(origin.purl, ())}) if origin else [],
                "agreement": vendor.agreement if vendor else "",
            }


def _lowest(audit: wheel_abi.WheelAbIInfo, platforms: Sequence[str]) -> str:
    """Return the lowest of some platforms whose symbols suffice.

    Else the last one, which will then be refused.
    """
    policies = map(audit.policies.get_policy_by_name, platforms)
    return next(
        (policy.name for policy in policies if not policy > audit.sym_policy), platforms[-1]
    )


def _wheel(request: RepairRequest) -> tuple[Libc, Architecture, Path, frozenset[str]]:
    libc = next(libc for libc in Libc if request.platform.startswith(libc.tag_prefix))
    return libc, Architecture(request.arch), Path(request.wheel), frozenset(request.exclude)


def _audit(request: RepairRequest) -> wheel_abi.WheelAbIInfo:
    base = request.platform.removesuffix(f"_{request.arch}")
    return wheel_abi.analyze_wheel_abi(
        *_wheel(request),
        disable_isa_ext_check=False,
        allow_graft=True,
        requested_policy_base_name=base,
    )


def _needed(files: WheelFiles, sources: Iterable[Path]) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    everything = {**files.needs, **{str(path): _needs(path) for path in sources}}
    for path, needs in everything.items():
        for library in needs.libraries:
            needed.setdefault(library, []).append(path)
    return needed


def _newer_processors(request: RepairRequest, sources: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield files that need instructions that not every processor of the tag has."""
    architecture, outside = Architecture(request.arch), set(sources)
    for file, tree in wheel_abi.get_wheel_elfdata(*_wheel(request), None).full_elftree.items():
        platforms = {str(file): tree.platform}
        for library in tree.libraries.values():
            if library.realpath in outside and library.platform:
                platforms[str(library.realpath)] = library.platform
        for path, platform in platforms.items():
            level = platform.extended_architecture
            if level and not architecture.is_superset(level):
                yield path, level.value


def _newer(files: list[Path], policy: Policy) -> Iterator[Symbol]:
    """Give the symbols that files need in versions that a policy does not know."""
    for path in files:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            if newer := dict(_newer_versions(elf, policy)):
                yield from _symbols(elf, newer, str(path))


def _newer_versions(elf: ELFFile, policy: Policy) -> Iterator[tuple[int, tuple[str, str]]]:
    """Give library and version, by the number that stands for them in this file."""
    section = elf.get_section_by_name(".gnu.version_r")
    for library, versions in (
        section.iter_versions() if isinstance(section, GNUVerNeedSection) else ()
    ):
        for symbol_version in versions:
            needed, (family, _, version) = str(library.name), symbol_version.name.partition("_")
            if version not in policy.symbol_versions.get(
                family, {version}
            ) and not needed.startswith("ld-linux"):
                yield symbol_version["vna_other"], (needed, symbol_version.name)


def _symbols(elf: ELFFile, newer: Mapping[int, tuple[str, str]], file: str) -> Iterator[Symbol]:
    """Give the symbols of some versions; a version that no symbol has is given without one."""
    unused = set(newer)
    section = elf.get_section_by_name(".gnu.version")
    for symbol in section.iter_symbols() if isinstance(section, GNUVerSymSection) else ():
        number = symbol["ndx"]
        if number in newer:
            unused.discard(number)
            yield Symbol(
                file=file, symbol=symbol.name, library=newer[number][0], version=newer[number][1]
            )
    for number in sorted(unused):
        yield Symbol(file=file, symbol="", library=newer[number][0], version=newer[number][1])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
