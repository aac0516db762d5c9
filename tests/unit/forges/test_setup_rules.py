"""Set-up that believes whoever has our name on an index is warned of.

What has a hash, a commit or a file is not.
"""

from __future__ import annotations

import json

import pytest
from specs import spec_of

from truewheel.cli import main
from truewheel.forges import setup_rules

COMMIT, SHA = "0123456789" * 4, "0" * 64
BARE = [
    "pip install truewheel",
    'pip install "truewheel[build]==0.1.0"',
    "pip install --quiet 'Truewheel >= 0.1'",
    "python3 -m pip install -U pip truewheel",
    ". venv/bin/activate && pip install truewheel",
    "uv pip install truewheel~=0.1",
    "uv tool install truewheel[build]",
    "uvx truewheel plan",
    "pipx run truewheel",
    "uv run --with truewheel x",
    "pip install 'truewheel @ git+https://git.example/a/truewheel'",
    "pip install git+https://git.example/a/truewheel@main",
    "pip install https://files.example/truewheel-0.1.0-py3-none-any.whl",
    "if true; then\n  pip install truewheel\nfi",
]
PINNED = [
    "pip install --require-hashes -r ci/truewheel.txt",
    "pip install ci/truewheel-0.1.0-py3-none-any.whl",
    "pip install ./truewheel",
    f"pip install 'truewheel[build] @ git+https://git.example/a/truewheel@{COMMIT}'",
    f"pip install git+https://git.example/a/truewheel@{COMMIT}",
    f"pip install 'https://files.example/truewheel-0.1.0-py3-none-any.whl#sha256={SHA}'",
    "pip install truewheel-plugin",
    "truewheel --version",
    "pip install wheel && truewheel plan",
    ". ci/setup.sh  # as pip install truewheel did",
    "cd truewheel",
]


def told(line: str) -> list[str]:
    spec = spec_of(
        f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{}}}}\nsetup: {json.dumps([line])}\n"
    )
    return [str(problem) for problem in setup_rules.problems(spec)]


@pytest.mark.parametrize("line", BARE)
def test_a_bare_name_is_warned_of(line: str):
    (problem,) = told(line)
    assert "warning: " in problem
    assert "hint: " in problem


@pytest.mark.parametrize("line", PINNED)
def test_pinned_installs_are_not_warned_of(line: str):
    assert told(line) == []


@pytest.mark.parametrize("command", ["generate", "check"])
def test_the_warning_is_given_where_pipelines_are_written(
    tmp_path, monkeypatch, capsys, command: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truewheel.yml").write_text(
        "truewheel: 1\npackages: {foo: {abi: none, version: {file: VERSION}}}\ntargets: "
        "{rhel8: {}}\nnaming: plain\n"
        "setup: [pip install truewheel]\n"
    )
    (tmp_path / "VERSION").write_text("1.0")
    main([command])
    assert "truewheel.yml:5:9: warning: truewheel is whatever an index" in capsys.readouterr().err
