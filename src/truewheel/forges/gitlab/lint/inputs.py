"""Inputs of a file.

`spec:inputs` declares them, `include:inputs` sets them, `$[[ inputs.name ]]` uses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from truewheel.errors import Where, suggest
from truewheel.forges.gitlab.lint import expressions, input_values, keywords
from truewheel.forges.gitlab.lint.document import GitlabFile
from truewheel.forges.gitlab.lint.expressions import UNKNOWN, BadExpression
from truewheel.forges.gitlab.lint.interpolation import BLOCK, BadBlock, Context, evaluate
from truewheel.forges.gitlab.lint.report import Report
from truewheel.forges.gitlab.lint.values import Fault, as_text

Files = Mapping[str, GitlabFile]


class Given(NamedTuple):
    """The inputs that a file is given, and where that stands: in an entry of `include`."""

    values: Mapping[str, Any] = {}
    file: GitlabFile | None = None
    route: tuple[Any, ...] = ()

    def where(self, name: str = "") -> Where | None:
        """Return the place of an input, or of the entry; None for the first file of a pipeline."""
        if self.file is None:
            return None
        if self.file.places[()].value.line < 0:  # made, not read
            return Where(self.file.file)
        return self.file.where((*self.route, "inputs", name) if name else self.route)


def interpolated(file: GitlabFile, given: Given, report: Report, files: Files) -> GitlabFile:
    """Return a file with its inputs replaced by values.

    An input whose value is not known stays as it is.
    """
    if not file.has_header:
        for name in given.values:
            message = f"the input {name} is given, and {file.file} has no spec:inputs"
            report.at("unknown-input", given.where(name) or file.where(), message)
        return file
    context = _Header(file, given, report, files).context()
    return _Interpolation(file, context, report).file_with_values()


class _Header:
    """What `spec` declares, held against its own words and against what is given."""

    def __init__(self, file: GitlabFile, given: Given, report: Report, files: Files) -> None:
        self.file = file
        self.given = given
        self.report = report
        self.files = files
        self.is_open = False

    def context(self) -> Context:
        """Report what is wrong with header and values; return the values."""
        faults = list(keywords.HEADER(self.file.header))
        for fault in faults:
            self._fault(fault)
        declared = self._declared()
        if declared is None:
            return Context({}, is_open=True)
        for name in map(as_text, self.given.values):
            if name not in declared and not self.is_open:
                message = f"the input {name} is given and not declared in {self.file.file}"
                self._at_given("unknown-input", name, message, suggest(name, declared))
        for fault in _rule_faults(declared):
            self._fault(fault)
        if faults:
            return Context(dict.fromkeys(declared, UNKNOWN), self.is_open)
        return Context(self._values(declared), self.is_open)

    def _declared(self) -> dict[str, Any] | None:
        """Return all declarations, those of included files among them; None: not readable."""
        header = self.file.header if isinstance(self.file.header, dict) else {}
        inline = header.get("inputs") or {}
        included = header.get("include") or []
        if not isinstance(inline, dict):
            return None
        declared: dict[str, Any] = {}
        for index, item in enumerate(included if isinstance(included, list) else [included]):
            route = ("include", index) if isinstance(included, list) else ("include",)
            for name, declaration in self._included(item, route).items():
                self._add(declared, name, declaration, route)
        for name, declaration in inline.items():
            self._add(declared, name, declaration, ("inputs", name))
        return declared

    def _add(
        self, declared: dict[str, Any], name: Any, declaration: Any, route: tuple[Any, ...]
    ) -> None:
        name = as_text(name)
        if name in declared:
            message = f"the input {name} is declared twice, here and in an included file"
            self._fault(Fault("duplicate-input", route, message, "keep one"))
        declared[name] = declaration

    def _included(self, item: Any, route: tuple[Any, ...]) -> Mapping[str, Any]:
        """Return the inputs that a file of `spec:include` declares."""
        path = item.get("local") if isinstance(item, dict) else item
        if not isinstance(path, str) or "$" in path or "://" in path:
            self.is_open = True
            return {}
        file = self.files.get(path.lstrip("/"))
        if file is None:
            self.is_open = True
            message = f"there is no file {path.lstrip('/')}"
            self._fault(Fault("include-missing", route, message, "paths begin at the top"))
            return {}
        data = file.data if isinstance(file.data, dict) else {}
        if data.keys() != {"inputs"} or not isinstance(data["inputs"], dict):
            self.is_open = True
            message = f"{file.file} must have inputs at its top, and nothing else"
            self._fault(Fault("include-kind", route, message))
            return {}
        return data["inputs"]

    def _values(self, declared: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        given = {as_text(name): value for name, value in self.given.values.items()}
        for name, declaration in declared.items():
            resolved = input_values.resolve(declaration, given.get(name), values)
            values[name] = resolved.value
            if resolved.is_missing:
                self._missing(name)
            for is_default, text in resolved.faults:
                subject = f"the {'default of the ' if is_default else ''}input {name}"
                if is_default:
                    route = ("inputs", name, "default")
                    self._at_header("input-value", route, f"{subject} {text}")
                else:
                    self._at_given("input-value", name, f"{subject} {text}")
        return values

    def _missing(self, name: str) -> None:
        hint = "give it a value, or a default in its declaration"
        message = (
            f"the input {name} of {self.file.file} has no default, and nobody gives it a value"
        )
        where = self.given.where() or self.file.header_where(("inputs", name))
        self.report.at("missing-input", where, message, hint)

    def _at_given(self, code: str, name: str, message: str, hint: str = "") -> None:
        where = self.given.where(name) or self.file.header_where(("inputs", name))
        self.report.at(code, where, message, hint)

    def _at_header(self, code: str, route: tuple[Any, ...], message: str, hint: str = "") -> None:
        self.report.at(code, self.file.header_where(route), message, hint)

    def _fault(self, fault: Fault) -> None:
        words = ":".join(str(part) for part in ("spec", *fault.route))
        self._at_header(fault.code, fault.route, f"{words} {fault.message}", fault.hint)


def _rule_faults(declared: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with conditions on inputs: unknown ones, and those in a circle."""
    needs: dict[str, set[str]] = {}
    for name, declaration in declared.items():
        rules = declaration.get("rules") if isinstance(declaration, dict) else None
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            route = ("inputs", name, "rules", index, "if")
            for other in _inputs_of(rule):
                needs.setdefault(name, set()).add(other)
                if other not in declared:
                    yield Fault("unknown-input", route, f"names the input {other}, not declared")
    for name in needs:
        if _reaches(name, name, needs):
            message = "depends on itself by the conditions of its rules"
            yield Fault("cyclic-inputs", ("inputs", name), message)
            return


def _inputs_of(rule: Any) -> set[str]:
    condition = rule.get("if") if isinstance(rule, dict) else None
    if not isinstance(condition, str):
        return set()
    try:
        return set(expressions.input_names(expressions.parse(condition)))
    except BadExpression:
        return set()


def _reaches(start: str, goal: str, needs: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in needs.get(waiting.pop(), ()):
            if other == goal:
                return True
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return False


class _Interpolation:
    """Replaces the blocks in the data of a file."""

    def __init__(self, file: GitlabFile, context: Context, report: Report) -> None:
        self.file = file
        self.context = context
        self.report = report
        self._keys: dict[Any, Any] = {}

    def file_with_values(self) -> GitlabFile:
        """Return the file with values, and with places for the keys that come from inputs."""
        data = self._put(self.file.data, ())
        places = {
            tuple(self._keys.get(part, part) for part in route): place
            for route, place in self.file.places.items()
        }
        return replace(self.file, data=data, places=places if self._keys else self.file.places)

    def _put(self, value: Any, route: tuple[Any, ...]) -> Any:
        if isinstance(value, str):
            return self._text(value, route) if "$[[" in value else value
        if isinstance(value, list):
            return [self._put(item, (*route, index)) for index, item in enumerate(value)]
        if isinstance(value, dict):
            return {
                self._key(key, route): self._put(item, (*route, key)) for key, item in value.items()
            }
        return value

    def _key(self, key: Any, route: tuple[Any, ...]) -> Any:
        if not isinstance(key, str) or "$[[" not in key:
            return key
        self._keys[key] = self._text(key, (*route, key))
        return self._keys[key]

    def _text(self, text: str, route: tuple[Any, ...]) -> Any:
        if match := BLOCK.fullmatch(text):
            value = self._value(match["data"], route)
            return text if value is UNKNOWN else value

        def written(block: re.Match[str]) -> str:
            value = self._value(block["data"], route)
            return block[0] if value is UNKNOWN else as_text(value)

        return BLOCK.sub(written, text)

    def _value(self, data: str, route: tuple[Any, ...]) -> Any:
        try:
            return evaluate(data, self.context)
        except BadBlock as error:
            is_made = self.file.places[()].value.line < 0
            where = Where(self.file.file) if is_made else self.file.where(route)
            self.report.at(error.code, where, str(error), error.hint)
            return UNKNOWN
