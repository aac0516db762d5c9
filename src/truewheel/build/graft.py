"""auditwheel on an unpacked wheel: a program with the arguments REQUEST REPORT FOLDER.

`processes.python` starts it.

A process of its own: auditwheel works in the current folder and reads the environment. It goes into
FOLDER, the wheel, only when all modules are there: nothing in the wheel is ever run or imported.
REQUEST holds a `libraries.Request` as JSON. REPORT gets `{"refusals": [[message, hint]]}`, and then
the folder is as it was, or `{"wheel": file name, "platform": its tag, "grafted": [{"name",
"source", "package"}], "excluded": [...]}`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from auditwheel import repair, wheel_abi
from auditwheel.architecture import Architecture
from auditwheel.elfutils import elf_read_dt_needed
from auditwheel.hashfile import hashfile
from auditwheel.lddtree import LIBPYTHON_RE
from auditwheel.libc import Libc
from auditwheel.patcher import ElfPatcher
from auditwheel.policy import Policy
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection

from truewheel.wheel.libraries import (
    LinkedLibraries,
    RepairRequest,
    Symbol,
    graft_problems,
    matches,
)

SBOM = "sboms/auditwheel.cdx.json"
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


class Patcher(ElfPatcher):
    """Runs several patchelf at the same time.

    Not too many, as each needs as much memory as its file. auditwheel would wait for each one.
    """

    AT_ONCE = 4

    def get_rpath_direct(self, file_name: Path) -> str:
        """Return where a file looks for libraries; patchelf would read all of the file for it."""
        with file_name.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(".dynamic")
            tags = section.iter_tags() if isinstance(section, DynamicSection) else ()
            paths = {tag.entry.d_tag: getattr(tag, tag.entry.d_tag[3:].lower(), "") for tag in tags}
        return str(paths.get("DT_RUNPATH") or paths.get("DT_RPATH") or "")

    def apply_updates(self) -> None:
        """Make all changes that were asked for."""
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
    work_here([Path(name) for name in request.natives])
    try:
        report = repaired(request)
    except Exception as error:
        logging.exception("auditwheel failed")
        reason = " ".join(str(error).split()) or type(error).__name__
        report = {
            "refusals": [(f"{request.wheel} cannot be made {request.platform}: {reason}", "")]
        }
    report_file.write_text(json.dumps(report), encoding="utf-8")


def work_here(natives: list[Path]) -> None:
    """Let auditwheel work in the current folder.

    Raises `AttributeError` if auditwheel's classes are not as expected.
    """
    for module, name in SEAMS:
        getattr(module, name)
        setattr(module, name, partial(Folder, natives))


def repaired(request: RepairRequest) -> dict[str, Any]:
    """Graft what the request allows, and return the report."""
    audit = _audit(request)
    if request.range:
        request = replace(request, platform=_lowest(audit, request.range), range=())
        audit = _audit(request)
    policy = audit.policies.get_policy_by_name(request.platform)
    linked = _linked(audit, policy, request)
    if reasons := list(graft_problems(linked, request)):
        return {"refusals": reasons}
    wheel = repair.repair_wheel(
        audit,
        Path(request.wheel),
        [policy.name, *policy.aliases],
        ".libs",
        Path(),
        update_tags=True,
        patcher=Patcher(policy.name),
        strip=False,
        zip_compression_level=0,
    )
    return {
        "refusals": [],
        "wheel": wheel.name if wheel else request.wheel,
        "platform": policy.name,
        "grafted": sorted(_grafted(linked, request), key=lambda library: library["name"]),
        "excluded": sorted(
            library for library in linked.needed if matches(library, request.exclude)
        ),
    }


def _lowest(audit: wheel_abi.WheelAbIInfo, platforms: Sequence[str]) -> str:
    """Return the lowest of some platforms whose symbols suffice.

    Else the last one, which will then be refused.
    """
    policies = map(audit.policies.get_policy_by_name, platforms)
    return next(
        (policy.name for policy in policies if not policy > audit.sym_policy), platforms[-1]
    )


def _audit(request: RepairRequest) -> wheel_abi.WheelAbIInfo:
    base = request.platform.removesuffix(f"_{request.arch}")
    return wheel_abi.analyze_wheel_abi(
        next(libc for libc in Libc if base.startswith(libc.tag_prefix)),
        Architecture(request.arch),
        Path(request.wheel),
        frozenset(request.exclude),
        disable_isa_ext_check=False,
        allow_graft=True,
        requested_policy_base_name=base,
    )


def _linked(
    audit: wheel_abi.WheelAbIInfo, policy: Policy, request: RepairRequest
) -> LinkedLibraries:
    libraries: dict[str, Path | None] = {}
    for references in audit.full_external_refs.values():
        libraries |= references[policy.name].libs
    grafts = {name: path for name, path in libraries.items() if not LIBPYTHON_RE.match(name)}
    files = [*map(Path, request.natives), *sorted(path for path in grafts.values() if path)]
    fits = audit.sym_policy
    return LinkedLibraries(
        needed=_needed(files),
        grafts={name: str(path or "") for name, path in grafts.items()},
        symbols=list(_newer(files, policy)) if policy > fits else [],
        fits="" if fits == audit.policies.linux else fits.name,
        private=audit.external_refs[policy.name].blacklist,
        needs_newer_processor=policy > audit.machine_policy,
    )


def _needed(files: list[Path]) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    for path in files:
        with suppress(ValueError):  # a static program needs nothing
            for library in elf_read_dt_needed(path):
                needed.setdefault(library, []).append(str(path))
    return needed


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


def _grafted(linked: LinkedLibraries, request: RepairRequest) -> Iterator[dict[str, str]]:
    """Yield the libraries in the wheel: name, where it came from, and its package (PURL)."""
    folder, packages = f"{request.wheel.partition('-')[0]}.libs", _packages()
    for source in set(linked.grafts.values()):
        stem, _, suffix = Path(source).name.partition(".")
        with Path(source).open("rb") as stream:
            mark = f"-{hashfile(stream)[:8]}"
        name = f"{folder}/{stem.removesuffix(mark)}{mark}.{suffix}"
        yield {
            "name": name,
            "source": source,
            "package": packages.get(hashlib.sha256(source.encode()).hexdigest(), ""),
        }


def _packages() -> dict[str, str]:
    """Return the package (PURL) of each grafted distribution file, by the sha256 of its path."""
    documents = [
        json.loads(path.read_text(encoding="utf-8")) for path in Path().glob(f"*.dist-info/{SBOM}")
    ]
    references = [part["bom-ref"] for document in documents for part in document["components"]]
    return {
        digest: package
        for package, mark, digest in (ref.partition("#") for ref in references)
        if mark
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
