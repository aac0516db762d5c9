"""The page of a plan in a real browser: what is drawn, and what is told of a part of a name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from specs import plan_of

from truewheel.report import page
from truewheel.workspace import loading

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1200",
    "--remote-debugging-pipe",
)
# The browser reads what it is asked from descriptor 3 and answers on 4.
START = """\
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
# What the page's script does at once is done by now; what it puts off comes within a moment.
READ = "new Promise(done => setTimeout(() => done(document.documentElement.outerHTML), 100))"
HOVER = """
<script>
const part = document.querySelector('.list .local');
part.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
</script>
"""
KEYS = """
<script>
const event = (key) => new KeyboardEvent('keydown', {key, bubbles: true});
const press = (key) => document.activeElement.dispatchEvent(event(key));
document.querySelector('button[tabindex="0"]').focus();
const up = ['ArrowUp', 'ArrowUp', 'ArrowUp'];
for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', ...up]) press(key);
document.title = document.activeElement.getAttribute('aria-label');
</script>
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page is not looked at"),
]


class Browser:
    """A browser that is asked by the protocol of its developer tools, over two pipes."""

    def __init__(self, profile: Path) -> None:
        asked, self._ask = os.pipe()
        answers, answered = os.pipe()
        # No answer, and it ends with the browser.
        argv = [
            "timeout",
            "300",
            sys.executable,
            "-c",
            START,
            str(asked),
            str(answered),
            CHROMIUM or "",
            *FLAGS,
        ]
        argv += [f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            argv, pass_fds=(asked, answered), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        os.close(asked)
        os.close(answered)
        self._answers = os.fdopen(answers, "rb")
        self._count = 0

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
        self._answers.close()
        os.close(self._ask)

    def _messages(self) -> Iterator[dict[str, Any]]:
        text = b""
        while chunk := self._answers.read1(65536):
            *whole, text = (text + chunk).split(b"\0")
            yield from map(json.loads, whole)
        raise AssertionError("the browser is gone")

    def call(self, method: str, session: str = "", until: str = "", **params: Any) -> Any:
        """Return the result of a method; `until` names an event that is waited for as well."""
        self._count += 1
        request = {"id": self._count, "method": method, "params": params}
        text = json.dumps(request | ({"sessionId": session} if session else {}))
        with os.fdopen(os.dup(self._ask), "wb") as stream:
            stream.write(text.encode() + b"\0")
        messages = self._messages()
        result, waited = None, not until
        while result is None or not waited:
            message = next(messages)
            if message.get("id") == self._count:
                assert "error" not in message, message
                result = message["result"]
            waited = waited or message.get("method") == until
        return result

    def document(self, file: Path) -> str:
        """Return the document of a page as it is after its script has run."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable", session)
        self.call("Page.navigate", session, until="Page.loadEventFired", url=file.as_uri())
        answer = self.call("Runtime.evaluate", session, expression=READ, awaitPromise=True)
        self.call("Target.closeTarget", targetId=target)
        return str(answer["result"]["value"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser is started once, for all pages."""
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def drawn(browser: Browser, tmp_path: Path) -> Callable[[str], str]:
    def document(text: str) -> str:
        file = tmp_path / "plan.html"
        file.write_text(text, encoding="utf-8")
        return browser.document(file)

    return document


def page_of(spec: str, **request) -> str:
    parts = page.Parts(*(loading.read_asset(f"page.{kind}") for kind in ("html", "css", "js")))
    return page.render_page(
        plan_of(spec, **request), [page.File("GitLab", ".gitlab-ci.yml", 2157)], parts
    )


def test_the_reference_plan_is_drawn_and_a_part_explains_itself(drawn):
    spec = (Path(__file__).parents[2] / "truewheel.yml").read_text(encoding="utf-8")
    text = page_of(
        spec, overrides={"CI_PIPELINE_ID": "49163608", "NVIDIA_UPSTREAM_VERSION": "26.04"}
    )
    # A second script may only run where the page's own policy does not forbid it.
    seen = drawn(re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{HOVER}</body>"))
    assert seen.count("data-cell=") == 12
    assert seen.count('role="listitem"') == 12
    assert ">12 wheels<" in seen
    assert "<h2>Problems</h2>" in seen
    assert re.search(r'<section id="problems" hidden', seen)
    told = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', seen, re.DOTALL)
    assert told
    assert "nv = 26.04, from NVIDIA_UPSTREAM_VERSION=26.04 (-v)" in told[1]
    assert "PEP 440" in told[1]


def test_tab_stops_once_in_the_matrix_and_the_arrows_lead_on(drawn):
    targets = (
        "{old: {floor: manylinux_2_28, pythons: ['3.11', '3.13']}, new: {floor: manylinux_2_39}}"
    )
    text = page_of(
        f"packages: {{foo: {{}}}}\ntargets: {targets}\narches: [x86_64]\n"
        "pythons: ['3.11', '3.12', '3.13']\n"
    )
    seen = drawn(re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{KEYS}</body>"))
    assert len(re.findall(r'<button[^>]* tabindex="0"', seen)) == 1
    assert "<title>foo/old/x86_64/cp313</title>" in seen
    told = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', seen, re.DOTALL)
    assert told
    assert told[1].startswith("foo/old/x86_64/cp313")


def test_a_hostile_value_is_told_and_is_no_markup(drawn):
    hostile = "<img src=x onerror=\"document.body.id = 'taken'\"></script><b>"
    policy = (
        "variables: {NOTE: {scope: pipeline}}\n"
        "facts: {base: {from: ['package:version']}, "
        "note: {from: ['env:NOTE'], match: '.*', write: '1'}}\n"
        "channels: {noted: {version: '{base}', local: ['n{note}']}}\n"
    )
    text = page_of(
        "packages: {foo: {}}\ntargets: {rhel8: {}}\n", policy=policy, overrides={"NOTE": hostile}
    )
    seen = drawn(re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{HOVER}</body>"))
    told = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', seen, re.DOTALL)
    assert told
    assert "NOTE=&lt;img src=x onerror=" in told[1]
    assert "<img" not in seen
    assert '<body id="taken">' not in seen


def test_the_policy_of_the_page_lets_its_own_script_run_and_no_other(drawn):
    text = page_of("packages: {foo: {}}\ntargets: {rhel8: {}, rocky8: {}}\n")
    seen = drawn(text.replace("</body>", "<script>document.body.id = 'taken'</script></body>"))
    assert "refused: 1 problem<" in seen
    assert "two cells get one name" in seen
    assert '<body id="taken">' not in seen


def test_ten_thousand_cells_are_drawn_with_few_rows(drawn):
    packages = "".join(f"  p{number}: {{}}\n" for number in range(50))
    targets = "".join(
        f"  t{minor}: {{floor: manylinux_2_{minor}}}\n"
        for minor in (17, 24, 26, 27, 28, 31, 34, 35, 36, 37)
    )
    pythons = ", ".join(f"'3.{minor}'" for minor in range(5, 15))
    spec = (
        f"packages:\n{packages}targets:\n{targets}arches: [x86_64, aarch64]\npythons: [{pythons}]\n"
    )
    seen = drawn(page_of(spec))
    assert ">10000 wheels<" in seen
    assert seen.count("data-cell=") == 10_000
    assert 10 < seen.count('role="listitem"') < 100
