"""What GitLab's own lint is asked: each pipeline as one text.

It reads included files as they were committed: what is not pushed must be put into the text that it
gets.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from truewheel.errors import Where
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import children, size
from truewheel.forges.gitlab.lint.document import Reference, plain
from truewheel.forges.gitlab.lint.events import Variables
from truewheel.forges.gitlab.lint.findings import Finding
from truewheel.forges.gitlab.lint.merging import over
from truewheel.forges.gitlab.lint.resolve import Config, Files, resolve

_PLACE = re.compile(r"\bat line (\d{1,9}) column (\d{1,9})")


class Sent(NamedTuple):
    """A pipeline, or a part of one that is too large for one text.

    `name` is its file, or the job that starts it.
    """

    name: str
    text: str
    config: Config

    def finding(self, message: str, severity: str = "error") -> Finding:
        """Return what GitLab says of the text, at the place of the job that it speaks of."""
        names = [
            name for name in self.config.entries if isinstance(name, str) and _names(message, name)
        ]
        where = self.config.report.where((max(names, key=len),) if names else ())
        place = _PLACE.search(message)
        if place and len(self.config.report.files) == 1:
            where = Where(self.name, int(place[1]), int(place[2]))
        return Finding(where, message, severity=severity, code="gitlab")


def _names(message: str, job: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(job)}(?![\w-])", message) is not None


def pipelines(files: Files, entry: str, read: Callable[[str], str]) -> Iterator[Sent]:
    """Yield the pipeline that begins with a file, then its children.

    `read` gives a file's own text.
    """
    known: set[str] = set()
    waiting = [(entry, files)]
    while waiting:
        name, there = waiting.pop(0)
        if name in known:
            continue
        known.add(name)
        config = resolve(name, there, Variables())
        for text in _texts(there, name, read):
            yield Sent(name, text, config)
        there_are = (
            child for child in children.of(config) if all(path in files for path in child.paths)
        )
        waiting += [_child(files, name, child) for child in there_are]


def _child(files: Files, parent: str, child: children.Child) -> tuple[str, Files]:
    """Return the first file of a child pipeline; one is made where it has several."""
    if len(child.include) == len(child.paths) == 1 and "inputs" not in child.include[0]:
        return child.paths[0], files
    name = f"{parent} ({child.job})"
    starter = {name: plain(name, {"include": child.include})}
    return name, ChainMap(starter, files)  # type: ignore[arg-type]  # it is only read


def _texts(files: Files, entry: str, read: Callable[[str], str]) -> Iterator[str]:
    """Yield a pipeline as one text or, where that is too large, as one text for each file."""
    data, parts = _apart(files, entry, frozenset())
    if not parts:
        yield read(entry) if files[entry].places[()].value.line >= 0 else _written(data)
        return
    merged: dict[Any, Any] = {}
    for part in parts:
        merged = over(merged, part)
    merged = over(merged, data)
    if size.estimate(merged) <= limits.YAML_BYTES * size.NEAR:
        yield _written(merged)
        return
    for part in parts:
        yield _written(over(part, data))


def _apart(
    files: Files, path: str, above: frozenset[str]
) -> tuple[dict[Any, Any], list[dict[Any, Any]]]:
    """Return the data of a file without the includes that are at hand, and the data of those."""
    file = files[path]
    data = dict(file.data)
    includes = data.pop("include", [])
    left, parts = [], []
    for item in includes if isinstance(includes, list) else [includes]:
        part = _at_hand(files, item)
        if part is None or part in above or file.header:
            left.append(item)
            continue
        below, further = _apart(files, part, above | {path})
        parts += [*further, below]
    return ({**data, "include": left} if left else data), parts


def _at_hand(files: Files, item: Any) -> str | None:
    """Return the path of an include that we can follow as GitLab would.

    A file of this repository, no more to it.
    """
    location = {"local": item} if isinstance(item, str) and "://" not in item else item
    if (
        not isinstance(location, Mapping)
        or location.keys() != {"local"}
        or not isinstance(location["local"], str)
    ):
        return None
    path = location["local"].lstrip("/")
    return (
        path
        if "*" not in path and "$" not in path and path in files and not files[path].header
        else None
    )


class _Dumper(yaml.SafeDumper):
    """Quotes every text, for Ruby's YAML reads some words otherwise than Python's.

    Knows no anchors.
    """

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def _reference(dumper: yaml.SafeDumper, reference: Reference) -> yaml.Node:
    return dumper.represent_sequence("!reference", reference.path, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Reference, _reference)


def _written(data: Mapping[Any, Any]) -> str:
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)
