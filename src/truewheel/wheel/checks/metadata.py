"""Checks of METADATA: what its specification says, and what the public index says beyond it.

Sources: the core metadata specification as `packaging.metadata` reads it, and the upload API of the
public index in August 2026. Requirements have a file of their own.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from email.utils import getaddresses
from functools import lru_cache
from importlib.util import find_spec
from io import StringIO
from typing import Any

from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.reader import Fields

SUMMARY_LIMIT, LABEL_LIMIT = 512, 32
"""Characters of Summary, and of a label of Project-URL, that the public index takes."""

DESCRIPTION_LIMIT = 2**20
"""Characters of a description that is rendered to see whether it can be."""

_TEXTS = (
    *("Author", "Author-Email", "Description-Content-Type", "Download-URL", "Home-Page", "License"),
    *("License-Expression", "Maintainer", "Maintainer-Email", "Metadata-Version", "Name"),
    *("Summary", "Version", "Keywords"),
)
_LISTS = {
    "Classifier": "classifiers", "Dynamic": "dynamic", "Import-Name": "import_names",
    "Import-Namespace": "import_namespaces", "Obsoletes": "obsoletes",
    "Obsoletes-Dist": "obsoletes_dist", "Platform": "platforms", "Provides": "provides",
    "Provides-Dist": "provides_dist", "Provides-Extra": "provides_extra", "Requires": "requires",
    "Requires-External": "requires_external", "Supported-Platform": "supported_platforms",
}  # fmt: skip
_ELSEWHERE = ("Requires-Dist", "Requires-Python", "License-File", "Project-URL", "Description")
_FIELDS = {name.lower(): name for name in (*_TEXTS, *_LISTS, *_ELSEWHERE)}
"""The fields of the specification in its spelling, by their names in lower case."""

# The index asks rfc3986 2.0, which looks at the scheme and at a port, not at the signs of the rest.
_URL = re.compile(r"(?i)https?:(?://[^/?#]*?(?::([0-9]{1,9}))?(?=[/?#]|$))?")
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*\.{_LABEL}(?<![0-9])")
_NO_DOMAIN = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test")
_rendering = threading.Lock()


def check_fields(contents: Contents) -> Iterator[Finding]:
    """METADATA has only known fields, each with a value of its form, and no lost ones."""
    fields = contents.metadata
    if fields is None:
        return
    where = contents.file("METADATA")
    yield from _check_end(fields, where)
    for message in dict.fromkeys((*_repeated(fields), *_refused(fields))):
        yield finding(Code.TW214, message, where)


def _check_end(fields: Fields, where: str) -> Iterator[Finding]:
    """The fields end with a blank line: readers take what follows any other for the description."""
    line, _, rest = fields.body.partition("\n")
    if not line.strip():
        return
    block = rest.partition("\n\n")[0]
    names = [match[1] for match in re.finditer(r"(?m)^([A-Za-z-]+):", block)]
    if lost := [name for name in dict.fromkeys(names) if name.lower() in _FIELDS]:
        message = f"{line[:80]!r} is no field, and hides {listing(lost)} behind it"
        yield finding(Code.TW215, f"{message}; indent the further lines of a field", where)
    else:
        message = f"{line[:80]!r} is no field: a blank line must stand before the description"
        yield finding(Code.TW215, message, where, "warning")


def _repeated(fields: Fields) -> Iterator[str]:
    """Yield a message for each field that is there more often than it may be."""
    for name in _TEXTS:
        if len(fields.all(name)) > 1 and name not in {"Metadata-Version", "Name", "Version"}:
            yield f"it says {name} more than once"
    labels = Counter(_label_and_url(line)[0] for line in fields.all("Project-URL"))
    for label in sorted(label for label, count in labels.items() if count > 1)[:5]:
        yield f"two Project-URL have the label {label!r}"
    if fields.all("Description") and fields.body.strip():
        yield "it has a Description as a field, and another one behind the fields"


def _label_and_url(line: str) -> tuple[str, str]:
    label, _, url = line.partition(",")
    return label.strip(), url.strip()


def _refused(fields: Fields) -> Iterator[str]:
    """Yield what `packaging.metadata` says of the fields, in the words of the specification."""
    from packaging import metadata

    known = vars(metadata.Metadata)  # an older packaging knows fewer
    raw: Any = {key: value for key, value in _raw(fields).items() if key in known}
    unknown = sorted(set(fields.values) - _FIELDS.keys())
    if unknown:
        yield f"it has {listing(unknown)}, which no specification has"
    try:
        metadata.Metadata.from_raw(raw)
    except metadata.ExceptionGroup as group:
        errors = [error for error in group.exceptions if isinstance(error, ValueError)]
        for error in sorted(errors, key=str):
            yield from _plain(error)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        yield f"its fields cannot be read: {error}"


def _plain(error: ValueError) -> Iterator[str]:
    raw = str(getattr(error, "field", ""))
    name = _FIELDS.get(raw.replace("_", "-"), raw)
    if raw == "metadata-version" or (raw == "name" and "required" in str(error)):
        return  # TW211 and TW207 are about them
    if raw == "description-content-type":  # its own message has a list in any order
        yield (
            f"{name} is none of text/plain, text/x-rst and text/markdown, in UTF-8 and with the "
            "variant GFM or CommonMark"
        )
        return
    text = str(error).replace(f"{raw!r}", name)
    cause = f": {error.__cause__}" if error.__cause__ and name != "Name" else ""
    yield (text if name in text else f"{name}: {text}") + cause


def _raw(fields: Fields) -> dict[str, Any]:
    """Return the fields as `packaging.metadata.parse_email` would, but requirements and licenses.

    Its rule for License-File refuses wheels that the public index has; TW212 looks at them.
    """
    raw: dict[str, Any] = {"version": "0"}  # TW208 compares that of METADATA
    for name in set(_TEXTS) - {"Version"}:
        if len(values := fields.whole(name)) == 1:
            raw[name.lower().replace("-", "_")] = values[0]
    for name, key in _LISTS.items():
        if values := fields.whole(name):
            raw[key] = list(values)
    if raw.get("import_names") == [""]:  # a package that gives no names of its own
        raw["import_names"] = []
    if "keywords" in raw:
        raw["keywords"] = [word.strip() for word in raw["keywords"].split(",")]
    if lines := fields.all("Project-URL"):
        raw["project_urls"] = dict(map(_label_and_url, lines))
    return raw


def check_for_index(contents: Contents) -> Iterator[Finding]:
    """The public index takes these fields, beyond what their specification says."""
    fields = contents.metadata
    if fields is None:
        return
    where = contents.file("METADATA")
    for message in (*_texts(fields), *_urls(fields), *_addresses(fields)):
        yield finding(Code.TW604, message, where)
    for message in _classifiers(fields):
        yield finding(Code.TW605, message, where)
    for requirement in contents.requirements:
        if requirement.url:
            message = f"Requires-Dist {requirement.name} is by address, {requirement.url}"
            yield finding(Code.TW606, f"{message}; name a version that an index has", where)
    if _is_broken(fields):
        message = "the description is not reStructuredText that can be rendered"
        hint = "correct it, or say its form in Description-Content-Type"
        yield finding(Code.TW607, f"{message}; {hint}", where)


def _texts(fields: Fields) -> Iterator[str]:
    summary = fields.first("Summary")
    if len(summary) > SUMMARY_LIMIT:
        yield f"Summary has {len(summary)} characters, the index takes {SUMMARY_LIMIT}"
    if fields.first("License") and fields.first("License-Expression"):
        yield "it has License beside License-Expression; leave License out"
    for name in ("Provides-Dist", "Obsoletes-Dist"):
        for line in fields.all(name):
            if reason := _no_requirement(line):
                yield f"{name}: {reason}"


def _no_requirement(line: str) -> str:
    from packaging.requirements import Requirement

    try:
        return f"{line} is by address" if Requirement(line).url else ""
    except (ValueError, RecursionError) as error:
        return f"{line[:80]}: {error}".partition("\n")[0]


def _urls(fields: Fields) -> Iterator[str]:
    for name in ("Home-Page", "Download-URL"):
        for url in fields.all(name):
            if not is_url(url):
                yield f"{name} is no http or https address: {url!r}"
    for line in fields.all("Project-URL"):
        label, url = _label_and_url(line)
        if not label:
            yield f"Project-URL {line!r} has no label before the comma"
        elif len(label) > LABEL_LIMIT:
            yield (
                f"the label of Project-URL has {len(label)} characters, "
                f"the index takes {LABEL_LIMIT}: {label!r}"
            )
        elif not url:
            yield f"Project-URL {line!r} has no comma with an address behind it"
        elif not is_url(url):
            yield f"Project-URL {label!r} is no http or https address: {url!r}"


def is_url(text: str) -> bool:
    """Tell whether the public index takes a text for an http or https address."""
    match = _URL.match(text)
    return match is not None and int(match[1] or 0) < 2**16


def _addresses(fields: Fields) -> Iterator[str]:
    for name in ("Author-Email", "Maintainer-Email"):
        for line in fields.all(name):
            try:
                addresses = [address for _, address in getaddresses([line]) if address]
            except RecursionError:  # of many brackets
                addresses = [line[:80]]
            # of several the index looks at none, since Python's reader of one gives none back
            if len(addresses) == 1 and not is_address(addresses[0]):
                yield f"{name} is no e-mail address: {addresses[0]!r}"


def is_address(text: str) -> bool:
    """Tell whether a text is an e-mail address of a public domain."""
    local, _, domain = text.rpartition("@")
    return (
        _ADDRESS.fullmatch(text) is not None
        and len(local) <= 64
        and len(text) <= 254
        and not f".{domain.lower()}".endswith(_NO_DOMAIN)
    )


def _classifiers(fields: Fields) -> Iterator[str]:
    lines = list(dict.fromkeys(fields.all("Classifier")))
    if not lines or not find_spec("trove_classifiers"):
        return
    import trove_classifiers

    replaced: Mapping[str, list[str]] = trove_classifiers.deprecated_classifiers
    for line in lines:
        if line in replaced:
            hint = f"use {' or '.join(replaced[line])}" if replaced[line] else "leave it out"
            yield f"the classifier {line!r} is no longer taken: {hint}"
        elif line not in trove_classifiers.classifiers:
            yield f"the index has no classifier {line!r}"


def _is_broken(fields: Fields) -> bool:
    """Tell whether the description is reStructuredText with errors.

    Without a content type the index takes any description for that.
    """
    kind = fields.first("Description-Content-Type").partition(";")[0].strip().lower()
    text = fields.body.removeprefix("\n") or _unfolded("".join(fields.whole("Description")))
    if kind not in {"", "text/x-rst"} or not text.strip() or len(text) > DESCRIPTION_LIMIT:
        return False
    return bool(find_spec("readme_renderer")) and not _is_rendered(text)


def _unfolded(text: str) -> str:
    """Return a Description as it was before distutils, or the specification's bar, indented it."""
    return re.sub(r"(?m)^(?: {8}|       \|)", "", text)


@lru_cache(maxsize=16)  # the wheels of a set have one description
def _is_rendered(text: str) -> bool:
    with _rendering, warnings.catch_warnings():  # docutils keeps its roles in a global table
        warnings.simplefilter("ignore")
        import readme_renderer.rst

        try:
            return readme_renderer.rst.render(text, stream=StringIO()) is not None
        except RecursionError:
            return False


def unchecked() -> list[str]:
    """Return what the checks for the public index leave out, for want of which package."""
    optional = {"trove_classifiers": "classifiers", "readme_renderer": "descriptions"}
    return [
        f"{what} are not checked: {module.replace('_', '-')} is not installed"
        for module, what in optional.items()
        if not find_spec(module)
    ]
