"""Checks of the libraries that native code needs: are they there, and does the loader find them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from truewheel.wheel import platform_policies, run_paths
from truewheel.wheel.checks import symbols
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.checks.loading import SITE, Load, Tree
from truewheel.wheel.checks.others import Others, core_name, others
from truewheel.wheel.vendor_libraries import LIBPYTHON, Kind, package_folders, vendor_of

_PACKAGED = {Kind.TOOLKIT, Kind.FRAMEWORK}


def check_loading(contents: Contents) -> Iterator[Finding]:
    """The loader finds all libraries, and in them all symbols, once the wheel is installed."""
    tree = Tree(contents)
    if not tree.needs:
        return
    required = others(contents)
    if tree.loads and tree.is_cut:
        message = f"its native files need {tree.steps} libraries in turn: not followed further"
        yield finding(Code.TW313, message)
    yield from _check_needs(tree, required)
    yield from _check_led(tree, required)
    yield from _check_sonames(tree)
    yield from _check_copies(tree)
    yield from symbols.check(tree, required)


def _check_needs(tree: Tree, required: Others) -> Iterator[Finding]:
    """Check each library that some file does not find, in the order of the files."""
    needs: dict[tuple[str, str], Load] = {}
    for load in tree.loads:
        for member, library in load.missing():
            needs.setdefault((member, library), load)
    lacking: dict[str, list[str]] = {}
    for (member, library), load in needs.items():
        if "/" in library:
            yield _path(member, library)
        elif _is_inside(tree, library, member):
            yield from _unreached(tree, load, (member, library), required)
        elif LIBPYTHON.fullmatch(library):
            yield _libpython(tree, member, library)
        elif not _is_excluded(tree.contents, library):
            lacking.setdefault(member, []).append(library)
    for member, libraries in lacking.items():
        yield from _missing(tree, member, libraries, required)


def _is_inside(tree: Tree, library: str, member: str) -> bool:
    """Tell whether a library is in the wheel, under its name or by its SONAME alone.

    Grafted copies of a vendor's library keep its SONAME at times, and another wheel loads it first.
    """
    inside = tree.named(library, member)
    if vendor_of(library):
        return any(posixpath.basename(name) == library for name in inside)
    return bool(inside)


def _path(member: str, library: str) -> Finding:
    message = (
        f"it needs {library} by its path, as the linker writes for a library without a SONAME: "
        "there is no such file where the wheel is installed; give that library a SONAME"
    )
    return finding(Code.TW418, message, member)


def _libpython(tree: Tree, member: str, library: str) -> Finding:
    who = "which most Pythons are built without"
    way = "do not link it: the interpreter has its symbols already"
    if tree.is_program(member):
        way = "link Python statically, or make it a script that starts the interpreter"
    return finding(Code.TW434, f"it needs {library}, {who}; {way}", member)


def _is_excluded(contents: Contents, library: str) -> bool:
    return any(fnmatchcase(library, pattern) for pattern in contents.excluded)


def _unreached(
    tree: Tree, load: Load, need: tuple[str, str], required: Others
) -> Iterator[Finding]:
    """Check a library that the loader does not find, though it is in the wheel."""
    member, library = need
    # what is neither imported nor started is loaded by something that may have loaded more before
    is_loose = not tree.is_root(load.root)
    is_loaded = any(
        provider in tree.needs
        for other in tree.loads
        for (_, needed), provider in other.providers.items()
        if needed == library
    )
    if required.loads(library) or (is_loose and is_loaded):
        return
    inside = tree.named(library, member)
    beside = next((name for name in inside if posixpath.basename(name) == library), "")
    if beside:
        message = (
            f"it needs {library}, which is in the wheel as {beside}, but no run path of it leads "
            f"there: link it with the run path {tree.run_path(member, beside)}"
        )
    else:
        message = (
            f"it needs {library}, which is in the wheel as {inside[0]}: the loader looks for a "
            f"file of the name {library}, so pack it under that name"
        )
    is_certain = not required.sources and (not is_loose or required.loads(load.root))
    yield finding(Code.TW416, message, member, "error" if is_certain else "warning")


def _missing(
    tree: Tree, member: str, libraries: Sequence[str], required: Others
) -> Iterator[Finding]:
    """Check the libraries that nothing in the wheel or in the policy of its tag is."""
    sources = {library: _source(library) for library in libraries}
    ordinary = [library for library in libraries if not sources[library]]
    lacks = f"neither {tree.contents.platforms[0]} nor the wheel has"
    lost: list[str] = []
    for library in ordinary:
        # names that auditwheel gave are of no other wheel: those libraries were lost
        grafted = platform_policies.GRAFTED.fullmatch(library)
        bringing = [] if grafted else _bringing(tree, library, member, required)
        if bringing:
            message = f"{lacks} {library}: it may be brought by {listing(bringing)}"
            yield finding(Code.TW410, message, member, "warning")
        else:
            lost.append(library)
    if lost:
        message = (
            f"{lacks} {listing(lost)}: graft them with auditwheel, or leave them out on purpose "
            "(--exclude) if each user has them"
        )
        if required.required:
            message += (
                f"; no run path leads to a library of {listing(required.required, 3)}, and nothing "
                "in the wheel loads one"
            )
        # one of several plugins: each works where its library is, and nothing fails without it
        is_optional = required.required and not _is_used(tree, member, required)
        yield finding(Code.TW410, message, member, "warning" if is_optional else "error")
    if brought := [library for library in libraries if sources[library]]:
        named = " and ".join(dict.fromkeys(sources[library] for library in brought))
        message = f"{lacks} {listing(brought)}: {named} must bring them"
        yield finding(Code.TW410, message, member, "warning")


def _is_used(tree: Tree, member: str, required: Others) -> bool:
    """Tell whether a file is imported, started, needed by such a file, or loaded by a source."""
    return required.loads(member) or any(
        member in load.members for load in tree.loads if tree.is_root(load.root)
    )


def _bringing(tree: Tree, library: str, member: str, required: Others) -> list[str]:
    """Return the required distributions that may bring a library: by name, else all or none."""
    if alike := required.bringing(library):
        return [f"{name}, which it requires" for name in alike[:1]] + alike[1:]
    may_be_led = required.sources or any(
        _is_elsewhere(tree, folder) or not _has_files(tree, folder)
        for load in tree.loads
        for folder in load.folders.get(member, ())
    )
    if not required.required or not may_be_led:
        return []
    if len(required.required) == 1:
        return [f"{required.required[0]}, which it requires"]
    return [f"one of those it requires: {listing(required.required)}"]


def _source(library: str) -> str:
    """Return who brings a library that no wheel has to carry, or "" for any other library."""
    if library in platform_policies.FORMER:
        return "the system"
    vendor = vendor_of(library)
    return vendor.source if vendor else ""


def _check_led(tree: Tree, required: Others) -> Iterator[Finding]:
    """A library of another wheel is on a run path, or loaded before the file that needs it."""
    if required.sources:
        return
    needs: dict[str, list[str]] = {}
    for load in tree.loads:
        for member, library in load.missing():
            folders = load.folders.get(member, ())
            if (
                tree.is_root(load.root)
                and not LIBPYTHON.fullmatch(library)
                and not _is_inside(tree, library, member)
                and _comes_with_wheel(tree.contents, library, required)
                and not _leads_to(tree, library, folders)
                and library not in needs.setdefault(member, [])
            ):
                needs[member].append(library)
    for member, libraries in needs.items():
        if libraries:
            way = _way(tree, member, libraries[0])
            message = (
                f"it needs {listing(libraries)} of another wheel, no run path leads there, and "
                f"nothing in this wheel loads it first: {way}"
            )
            yield finding(Code.TW417, message, member)


def _comes_with_wheel(contents: Contents, library: str, required: Others) -> bool:
    vendor = vendor_of(library)
    if vendor:
        return vendor.kind in _PACKAGED
    return _is_excluded(contents, library) and bool(required.bringing(library))


def _leads_to(tree: Tree, library: str, folders: Sequence[str]) -> bool:
    """Tell whether a run path leads into the package that brings a library."""
    expected = {f"{SITE}/{folder}" for folder in package_folders(library)}
    if expected:
        return bool(expected & set(folders))
    return any(_is_elsewhere(tree, folder) for folder in folders)


def _is_elsewhere(tree: Tree, folder: str) -> bool:
    """Tell whether a folder is of other packages, or shared with them.

    That is site-packages but for this wheel's own packages, and the folder of libraries beside it.
    """
    if not folder.startswith(f"{SITE}/"):
        return folder == "lib"
    top = folder.removeprefix(f"{SITE}/").partition("/")[0]
    members = tree.contents.members
    is_shared = f"{top}/__init__.py" not in members and not top.endswith(".libs")
    return is_shared or not any(member.startswith(f"{top}/") for member in members)


def _has_files(tree: Tree, folder: str) -> bool:
    """Tell whether the wheel puts something into a folder; into an empty one, others may."""
    inside = folder.removeprefix(f"{SITE}/") + "/"
    return any(member.startswith(inside) for member in tree.contents.members)


def _way(tree: Tree, member: str, library: str) -> str:
    folder = next(iter(package_folders(library)), "")
    if not folder:
        return "link with a run path from $ORIGIN into that package"
    way = run_paths.to_folder(f"{SITE}/{folder}", tree.places[member])
    return f"link with the run path {way}"


def _check_sonames(tree: Tree) -> Iterator[Finding]:
    """No two libraries of different content have one SONAME: the first one loaded serves both."""
    wanted = {library for needs in tree.needs.values() for library in needs.libraries}
    groups: dict[tuple[str, str], list[str]] = {}
    for member, needs in tree.needs.items():
        if needs.soname in wanted and "glibc-hwcaps" not in member:
            groups.setdefault((needs.soname, tree.contents.elves[member]), []).append(member)
    for (soname, _), members in groups.items():
        if len({tree.contents.scans[member].digest for member in members}) > 1:
            message = (
                f"its SONAME is {soname}, as that of {listing(members[1:])} with other content: "
                "the first one loaded serves all that need the name; ship one, or name them apart"
            )
            yield finding(Code.TW425, message, members[0])


def _check_copies(tree: Tree) -> Iterator[Finding]:
    """No library is packed several times, as happens to its symbolic links."""
    groups: dict[tuple[str, str, bytes], list[str]] = {}
    for member in tree.needs:
        key = posixpath.dirname(member), core_name(member), tree.contents.scans[member].digest
        groups.setdefault(key, []).append(member)
    for members in groups.values():
        if len(members) > 1:
            soname = tree.needs[members[0]].soname
            keep = f"keep {soname} alone" if soname else "keep one of them"
            message = (
                f"the same library again as {listing(members[1:])}: a wheel holds no links, so "
                f"each became a copy; {keep}, whose name the loader looks for"
            )
            yield finding(Code.TW426, message, members[0])
