"""Findings as documents.

Text for people; JSON, JUnit, SARIF, GitLab code quality and GitHub commands for programs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from truewheel import __version__
from truewheel.forges import FORGES
from truewheel.system.log_text import harmless, harmless_json
from truewheel.wheel.checks.findings import Finding, counted, is_ok, to_data
from truewheel.wheel.filename import printable

Results = Sequence[tuple[Path, list[Finding]]]
Annotation = Callable[[str, str, str, str], str]
_CODE_CLIMATE = {"error": "major", "warning": "minor", "note": "info"}


def render_findings(results: Results, style: str, summary: str = "") -> str:
    """Return the findings as a document; `style` is one of `STYLES`.

    It may be printed into a job's log: only the style that is named for a forge contains commands
    that a runner obeys. A summary is the last line for people, and a field of JSON.
    """
    if summary and style == "json":
        return _json(results, summary)
    text = STYLES[style](results)
    if summary and style == "text":
        text += harmless(f"{printable(summary)}\n")
    if summary and style == "markdown":
        text += f"\n**{_cell(summary)}**\n"
    return text


def _text(results: Results) -> str:
    lines = []
    for path, findings in results:
        lines.append(f"{printable(str(path))}: {_verdict(findings)}")
        lines += [f"  {_line(finding)}" for finding in findings]
    return harmless("".join(f"{line}\n" for line in lines))


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    notes = f", {counted(counts['note'], 'note')}" if counts["note"] else ""
    if is_ok(findings, strict=True):
        return f"ok{notes}"
    return f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}{notes}"


def _line(finding: Finding) -> str:
    return printable(f"{finding.severity} {_describe(finding)}")


def _describe(finding: Finding) -> str:
    where = f"{finding.where}: " if finding.where else ""
    return f"{finding.code.name} {where}{finding.message}"


def _json(results: Results, summary: str = "") -> str:
    wheels: list[dict[str, Any]] = [
        {
            "path": str(path),
            "ok": is_ok(findings),
            "findings": [to_data(finding) for finding in findings],
        }
        for path, findings in results
    ]
    return _dump({"wheels": wheels, **({"summary": summary} if summary else {})})


def _junit(results: Results) -> str:
    from xml.etree import ElementTree

    failed = sum(not is_ok(findings) for _, findings in results)
    suite = ElementTree.Element(
        "testsuite", name="validate", tests=str(len(results)), failures=str(failed)
    )
    for path, findings in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname="wheel", name=printable(str(path))
        )
        errors = [_line(finding) for finding in findings if finding.severity == "error"]
        warnings = [_line(finding) for finding in findings if finding.severity != "error"]
        if errors:
            # GitLab and GitHub show only the first failure of a test case.
            failure = ElementTree.SubElement(case, "failure", message=errors[0])
            failure.text = "\n".join(errors)
        if warnings:
            ElementTree.SubElement(case, "system-out").text = "\n".join(warnings)
    ElementTree.indent(suite)
    text = ElementTree.tostring(suite, encoding="unicode", xml_declaration=False)
    # GitHub's runner obeys ##[command] anywhere in a line of a log.
    return text.replace("##", "#&#35;") + "\n"


def _sarif(results: Results) -> str:
    """Return SARIF 2.1.0, as GitHub's code scanning reads it."""
    codes = sorted({finding.code for _, finding in _pairs(results)}, key=lambda code: code.name)
    rules = [{"id": code.name, "shortDescription": {"text": code.value}} for code in codes]
    places = {code: number for number, code in enumerate(codes)}
    run = {
        "tool": {"driver": {"name": "truewheel", "version": __version__, "rules": rules}},
        "results": [
            {
                "ruleId": finding.code.name,
                "ruleIndex": places[finding.code],
                "level": finding.severity,
                "message": {"text": printable(_describe(finding))},
                "locations": [_location(path)],
                "partialFingerprints": {"truewheel/v1": _fingerprint(path, finding)},
            }
            for path, finding in _pairs(results)
        ],
    }
    return _dump(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [run],
        }
    )


def _location(path: Path) -> Mapping[str, Any]:
    from urllib.parse import quote

    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(_posix(path))},
            "region": {"startLine": 1},
        }
    }


def _codequality(results: Results) -> str:
    """Return GitLab's code quality report: the fields of Code Climate that its widget reads."""
    issues = [
        {
            "description": printable(_describe(finding)),
            "check_name": finding.code.name,
            "fingerprint": _fingerprint(path, finding),
            "severity": _CODE_CLIMATE[finding.severity],
            "location": {"path": _posix(path), "lines": {"begin": 1}},
        }
        for path, finding in _pairs(results)
    ]
    return _dump(issues)


def write_annotations(results: Results, annotation: Annotation) -> str:
    """Return the lines that a forge shows as annotations of the run."""
    lines = [
        annotation(finding.severity, _posix(path), finding.code.name, printable(_describe(finding)))
        for path, finding in _pairs(results)
    ]
    return "".join(f"{line}\n" for line in lines)


def _markdown(results: Results) -> str:
    """Return a table for the page of a run, or for a merge request."""
    lines = ["| file | verdict | |", "|---|---|---|"]
    for path, findings in results:
        texts = "<br>".join(_cell(_line(finding)) for finding in findings)
        lines.append(f"| {_cell(path.name or str(path))} | {_verdict(findings)} | {texts} |")
    return harmless("".join(f"{line}\n" for line in lines))


def _cell(text: str) -> str:
    """Return a text for a cell of a table, in which nothing is Markdown or HTML."""
    return re.sub(r"[\\`*_{}\[\]<>#|~!&@:]", lambda match: f"&#{ord(match[0])};", printable(text))


def _posix(path: Path) -> str:
    return printable(path.as_posix())


def _pairs(results: Results) -> Iterator[tuple[Path, Finding]]:
    for path, findings in results:
        for finding in findings:
            yield path, finding


def _fingerprint(path: Path, finding: Finding) -> str:
    text = "\0".join([path.name, *to_data(finding).values()])
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:40]


def _dump(data: Any) -> str:
    return harmless_json(json.dumps(data, indent=1)) + "\n"


STYLES: Mapping[str, Callable[[Results], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
    "codequality": _codequality,
    "markdown": _markdown,
    **{
        name: partial(write_annotations, annotation=kind.annotation)
        for name, kind in FORGES.items()
        if kind.annotation
    },
}
