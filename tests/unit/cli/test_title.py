"""truewheel title, as a pipeline knows its merge request."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run
from specs import SMALL

TITLED = SMALL + "merge_requests: {types: [fix, feat], labels: [ready]}\n"


def test_the_title_of_the_forge_is_checked(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    (here / "truewheel.yml").write_text(TITLED)
    assert truewheel("title", "--title", "fix(x): y")[0] == 0
    code, _, err = truewheel("title", "--title", "$(touch x)")
    assert (code, (here / "x").exists()) == (2, False)
    assert "does not start with a type: fix, feat" in err
    assert truewheel("title")[0] == 2
    monkeypatch.setenv("CI_MERGE_REQUEST_TITLE", "feat: z")
    assert "labels: missing: ready" in truewheel("title")[2]
    monkeypatch.setenv("CI_MERGE_REQUEST_LABELS", "a,ready")
    assert truewheel("title")[0] == 0


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('{"pull_request": {"title": "fix: a", "labels": [{"name": "ready"}]}}', 0),
        ('{"pull_request": {"title": "fix: a", "labels": []}}', 2),
        ('{"pull_request": {"title": "a", "labels": [{"name": "ready"}]}}', 2),
        ('{"pull_request": []}', 2),
        ("[]", 2),
        ("{", 2),
    ],
)
def test_a_pull_request_s_title_is_in_the_event(
    here: Path, truewheel: Run, monkeypatch, payload: str, code: int
):
    (here / "truewheel.yml").write_text(TITLED)
    (here / "event.json").write_text(payload)
    monkeypatch.setenv("GITHUB_EVENT_PATH", "event.json")
    assert truewheel("title")[0] == code
