"""The script of GitLab jobs that publish."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from paths import ROOT

from truewheel.forges.gitlab.emit import publishing
from truewheel.plan.model import Index
from truewheel.system.files import sha256
from truewheel.workspace import loading


def index(**fields: Any) -> Index:
    known = {
        "name": "own",
        "profile": "internal",
        "active": True,
        "refusals": {},
        "url": "https://i.example/x",
    }
    return Index(**{**known, "simple": "https://i.example/x/simple/", **fields})


def test_no_password_is_in_the_words_of_a_command():
    lines = publishing.script(index(username="WHO", password="TOKEN"), "")
    with_secrets = [line for line in lines[1:] if "$UV_PUBLISH" in line or "TOKEN" in line]
    assert all(line.startswith(("export ", "(umask 077 && printf ")) for line in with_secrets)


def test_uv_does_not_compare_with_an_index_of_gitlab():
    """Instead of a project that it lacks it shows the public index's files, which uv would take."""
    simple = "https://git.example/a/api/v4/projects/7/packages/pypi/simple/"
    script = "\n".join(
        publishing.script(index(simple=simple, username="WHO", password="CI_JOB_TOKEN"), "")
    )
    assert "--check-url" not in script
    assert "NETRC" not in script
    assert "--check-url=https://i.example/x/simple/" in "\n".join(publishing.script(index(), ""))


def test_folders_of_the_checkout_are_not_taken_for_the_jobs_own(tmp_path: Path):
    wheel = tmp_path / "dist/a-1.whl"
    (tmp_path / "dist/publish").mkdir(parents=True)
    wheel.write_bytes(b"a wheel")
    (tmp_path / "dist/publish/own.sha256").write_text(f"{sha256(wheel)}  a-1.whl\n")
    for name in ("upload", "uploader"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("mine")
    lines = publishing.script(index(), "")
    end = next(number for number, line in enumerate(lines) if " -m venv " in line)
    script = "\n".join([*lines[:end], 'ls "$TRUEWHEEL_TEMP/upload"'])
    done = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "a-1.whl"), done.stderr


def test_variables_that_change_what_uv_uploads_are_unset_first():
    first, *_ = publishing.script(index(username="UV_PROJECT", password="TOKEN"), "")
    names = first.split()
    assert names[0] == "unset"
    assert {"UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_CONFIG_FILE"} < {*names}
    assert "UV_PROJECT" not in names, "it holds credentials of this index"


def test_what_fetches_the_listed_files_needs_nothing_but_python():
    source = loading.load(str(ROOT / "truewheel.yml"), ROOT).job_files()[publishing.FETCH_SOURCE]
    imported = set(re.findall(r"(?m)^\s*(?:from|import) (\w+)", source))
    assert imported <= {*sys.stdlib_module_names}
