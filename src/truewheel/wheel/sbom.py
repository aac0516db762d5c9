"""What is known about grafted libraries, as an SBOM for the wheel (PEP 770, CycloneDX 1.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

FILE = "auditwheel.cdx.json"
"""Its name in `.dist-info/sboms`, which auditwheel has chosen."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The package of a distribution that a library comes from.

    `kind` is the package manager's (`deb`, `rpm`, `apk`), `source` and `source_version` are those
    of the source package, and `texts` the paths of its licence texts.
    """

    kind: str
    distribution: str
    name: str
    version: str
    source: str
    source_version: str
    licence: str = ""
    texts: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """Its package URL."""
        parts = (self.kind, self.distribution, self.name)
        return f"pkg:{'/'.join(quote(p, safe='') for p in parts)}@{quote(self.version, safe='')}"


@dataclass(frozen=True, kw_only=True)
class Grafted:
    """A library in the wheel: its member, the SONAME it had, its file before, and its package."""

    member: str
    soname: str
    source: str
    origin: Origin | None = None


def cyclonedx(wheel: str, libraries: Sequence[Grafted], tools: Mapping[str, str]) -> dict[str, Any]:
    """Return the SBOM of a wheel, by its file name, with a component for each grafted library."""
    name, version = wheel.split("-")[:2]
    purl = f"pkg:pypi/{quote(name, safe='')}@{quote(version, safe='')}"
    purl += f"?file_name={quote(wheel, safe='')}"
    itself = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    components = [_component(library) for library in libraries]
    references = [component["bom-ref"] for component in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "version": 1,
        "metadata": {
            "component": itself,
            "tools": [{"name": tool, "version": number} for tool, number in tools.items()],
        },
        "components": [itself, *components],
        "dependencies": [
            {"ref": purl, "dependsOn": references},
            *({"ref": reference} for reference in references),
        ],
    }


def _component(library: Grafted) -> dict[str, Any]:
    digest = hashlib.sha256(library.source.encode(errors="ignore")).hexdigest()
    properties = {"file": library.member, "soname": library.soname}
    origin = library.origin
    if origin is None:
        return {
            "type": "library",
            "bom-ref": f"{library.soname}#{digest}",
            "name": library.soname,
            "properties": _properties(properties),
        }
    properties["source"] = f"{origin.source} {origin.source_version}"
    licences = {"licenses": [_licence(origin.licence)]} if origin.licence else {}
    return {
        "type": "library",
        "bom-ref": f"{origin.purl}#{digest}",
        "name": origin.name,
        "version": origin.version,
        "purl": origin.purl,
        **licences,
        "properties": _properties(properties),
    }


def _properties(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": f"truewheel:{name}", "value": value} for name, value in values.items()]


def _licence(text: str) -> dict[str, Any]:
    """Return a licence: an SPDX expression where it is one, else the distribution's own name."""
    from packaging.licenses import canonicalize_license_expression

    try:
        return {"expression": str(canonicalize_license_expression(text))}
    except ValueError:
        return {"license": {"name": text}}
