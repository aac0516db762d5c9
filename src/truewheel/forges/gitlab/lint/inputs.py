"""Inputs of a file.

`spec:inputs` declares them, `include:inputs` sets them, `$[[ inputs.name ]]` uses them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from truewheel.errors import Where, suggest
from truewheel.forges.gitlab.lint import keywords
from truewheel.forges.gitlab.lint.document import GitlabFile
from truewheel.forges.gitlab.lint.report import Report

_BLOCK = re.compile(r"\$\[\[\s*inputs\.([\w-]+)\s*\]\]")
_EVERY_BLOCK = re.compile(r"\$\[\[\s*(\S.*?\S)\s*\]\]")
_CONTEXTS = {"inputs", "component", "matrix"}
"""What a block may begin with; GitLab leaves those of a matrix for later."""
_ANY_BLOCK = re.compile(r"\$\[\[\s*inputs\.([\w-]+)")


def interpolated(file: GitlabFile, inputs: Mapping[str, Any], report: Report) -> dict[Any, Any]:
    """Return the data of a file with its inputs replaced by values.

    An input without value and default stays as it is.
    """
    where = Where(file.file) if file.places[()].value.line < 0 else file.where()
    if not file.header:
        if inputs:
            names = ", ".join(map(str, inputs))
            report.at(
                "unknown-input",
                where,
                f"inputs are given, and there is no spec:inputs here: {names}",
            )
        return dict(file.data)
    header = file.header if isinstance(file.header, dict) else {}
    for fault in keywords.HEADER(file.header):
        report.at(
            fault.code,
            where,
            f"spec: {':'.join(map(str, fault.route))} {fault.message}",
            fault.hint,
        )
    declared = header.get("inputs") or {}
    if not isinstance(declared, dict) or "include" in header:
        return dict(file.data)
    for name in inputs:
        if name not in declared:
            report.at(
                "unknown-input",
                where,
                f"the input {name} is given and not declared",
                suggest(name, declared),
            )
    values = {**_defaults(declared), **{name: inputs[name] for name in inputs if name in declared}}
    return dict(_Interpolation(values, declared, where, report).put(file.data))


def _defaults(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: spec["default"]
        for name, spec in declared.items()
        if isinstance(spec, dict) and "default" in spec
    }


class _Interpolation:
    def __init__(
        self, values: Mapping[str, Any], declared: Mapping[str, Any], where: Where, report: Report
    ) -> None:
        self.values = values
        self.declared = declared
        self.where = where
        self.report = report

    def put(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value) if "$[[" in value else value
        if isinstance(value, list):
            return [self.put(item) for item in value]
        if isinstance(value, dict):
            return {self.put(key): self.put(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> Any:
        for name in _ANY_BLOCK.findall(text):
            if name not in self.declared:
                hint = suggest(name, self.declared)
                self.report.at(
                    "unknown-input", self.where, f"the input {name} is used and not declared", hint
                )
        for block in _EVERY_BLOCK.findall(text):
            if block.partition("|")[0].strip().partition(".")[0] not in _CONTEXTS:
                message = f"GitLab knows no $[[ {block} ]] in a file with inputs"
                self.report.at("unknown-input", self.where, message, "write $[[ inputs.NAME ]]")
        match = _BLOCK.fullmatch(text)
        if match and match[1] in self.values:
            return self.values[match[1]]
        return _BLOCK.sub(lambda block: str(self.values.get(block[1], block[0])), text)
