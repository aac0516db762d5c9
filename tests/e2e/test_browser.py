"""The page of a plan in a real browser: what is drawn, and what is told of a part of a name."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from specs import plan_of

from truewheel.report import page
from truewheel.workspace import loading

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
    ),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1200",
        "--virtual-time-budget=2000",
    ),
)
HOVER = """
<script>
const part = document.querySelector('.list .local');
part.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
</script>
"""
KEYS = """
<script>
const press = (key) => {
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
};
document.querySelector('button[tabindex="0"]').focus();
['ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowUp', 'ArrowUp', 'ArrowUp'].forEach(press);
document.title = document.activeElement.getAttribute('aria-label');
</script>
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page is not looked at"),
]


def drawn(tmp_path: Path, text: str) -> str:
    """Return the document as it is after the page's script has run."""
    file = tmp_path / "plan.html"
    file.write_text(text, encoding="utf-8")
    argv = [
        CHROMIUM or "",
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        file.as_uri(),
    ]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout


def page_of(spec: str, **request) -> str:
    parts = page.Parts(*(loading.asset(f"page.{kind}") for kind in ("html", "css", "js")))
    return page.page(plan_of(spec, **request), [page.File("GitLab", ".gitlab-ci.yml", 2157)], parts)


def test_the_reference_plan_is_drawn_and_a_part_explains_itself(tmp_path):
    spec = (Path(__file__).parents[2] / "truewheel.yml").read_text(encoding="utf-8")
    text = page_of(
        spec, overrides={"CI_PIPELINE_ID": "49163608", "NVIDIA_UPSTREAM_VERSION": "26.04"}
    )
    # A second script may only run where the page's own policy does not forbid it.
    screen = drawn(
        tmp_path, re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{HOVER}</body>")
    )
    assert screen.count("data-cell=") == 12
    assert screen.count('role="listitem"') == 12
    assert ">12 wheels<" in screen
    assert "<h2>Problems</h2>" in screen
    assert re.search(r'<section id="problems" hidden', screen)
    explanation = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', screen, re.DOTALL)
    assert explanation
    assert "nv = 26.04, from NVIDIA_UPSTREAM_VERSION=26.04 (-v)" in explanation[1]
    assert "PEP 440" in explanation[1]


def test_tab_stops_once_in_the_matrix_and_the_arrows_lead_on(tmp_path):
    targets = (
        "{old: {floor: manylinux_2_28, pythons: ['3.11', '3.13']}, new: {floor: manylinux_2_39}}"
    )
    text = page_of(
        f"packages: {{foo: {{}}}}\ntargets: {targets}\narches: [x86_64]\npythons: ['3.11', "
        "'3.12', '3.13']\n"
    )
    screen = drawn(
        tmp_path, re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{KEYS}</body>")
    )
    assert len(re.findall(r'<button[^>]* tabindex="0"', screen)) == 1
    assert "<title>foo/old/x86_64/cp313</title>" in screen
    explanation = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', screen, re.DOTALL)
    assert explanation
    assert explanation[1].startswith("foo/old/x86_64/cp313")


def test_a_hostile_value_is_told_and_is_no_markup(tmp_path):
    hostile = "<img src=x onerror=\"document.body.id = 'taken'\"></script><b>"
    policy = (
        "variables: {NOTE: {scope: pipeline}}\n"
        "facts:\n"
        "  base: {from: ['package:version']}\n"
        "  note: {from: ['env:NOTE'], match: '.*', write: '1'}\n"
        "channels: {noted: {version: '{base}', local: ['n{note}']}}\n"
    )
    text = page_of(
        "packages: {foo: {}}\ntargets: {rhel8: {}}\n", policy=policy, overrides={"NOTE": hostile}
    )
    screen = drawn(
        tmp_path, re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", f"{HOVER}</body>")
    )
    explanation = re.search(r'<aside id="told"[^>]*>(.*?)</aside>', screen, re.DOTALL)
    assert explanation
    assert "NOTE=&lt;img src=x onerror=" in explanation[1]
    assert "<img" not in screen
    assert '<body id="taken">' not in screen


def test_the_policy_of_the_page_lets_its_own_script_run_and_no_other(tmp_path):
    text = page_of("packages: {foo: {}}\ntargets: {rhel8: {}, rocky8: {}}\n")
    screen = drawn(
        tmp_path, text.replace("</body>", "<script>document.body.id = 'taken'</script></body>")
    )
    assert "refused: 1 problem<" in screen
    assert "two cells get one name" in screen
    assert '<body id="taken">' not in screen


def test_ten_thousand_cells_are_drawn_with_few_rows(tmp_path):
    packages = "".join(f"  p{number}: {{}}\n" for number in range(50))
    targets = "".join(
        f"  t{minor}: {{floor: manylinux_2_{minor}}}\n"
        for minor in (17, 24, 26, 27, 28, 31, 34, 35, 36, 37)
    )
    pythons = ", ".join(f"'3.{minor}'" for minor in range(5, 15))
    spec = (
        f"packages:\n{packages}targets:\n{targets}arches: [x86_64, aarch64]\npythons: [{pythons}]\n"
    )
    screen = drawn(tmp_path, page_of(spec))
    assert ">10000 wheels<" in screen
    assert screen.count("data-cell=") == 10_000
    assert 10 < screen.count('role="listitem"') < 100
