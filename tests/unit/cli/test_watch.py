"""truewheel watch, from the command line to a stand-in for GitLab."""

from __future__ import annotations

import json

import pytest
from standins import GitLab, Job, Project

from truewheel.cli import main


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("form", ["{id}", "{url}/-/pipelines/{id}"])
def test_watch_takes_an_id_or_an_address(
    demo: Project, form: str, capsys: pytest.CaptureFixture[str]
):
    made = demo.pipeline("main")
    assert main(["watch", form.format(id=made.id, url=demo.url), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pipelines"][0]["verdict"] == "success"


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("word", ["x", "-1", "12a", "https://gitlab.example.com/a/b", "9" * 30])
def test_watch_refuses_text_that_names_no_pipeline(word: str, server: GitLab):
    assert main(["watch", "--", word]) == 2
    assert server.requests == []


@pytest.mark.usefixtures("token")
def test_an_address_of_another_server_is_refused(
    demo: Project, server: GitLab, capsys: pytest.CaptureFixture[str]
):
    made = demo.pipeline("main")
    assert main(["watch", f"https://gitlab.example.com/group/demo/-/pipelines/{made.id}"]) == 2
    assert "the pipeline is on gitlab.example.com" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.usefixtures("token")
def test_a_missing_pipeline_is_exit_6(capsys: pytest.CaptureFixture[str]):
    assert main(["watch", "4"]) == 6
    assert "the pipeline 4 cannot be read: 404" in capsys.readouterr().err


@pytest.mark.usefixtures("token")
def test_the_deadline_of_watching_is_exit_6(demo: Project):
    demo.plan(Job("wheel", seconds=10**9))
    assert main(["trigger", "--watch", "--deadline", "1.5"]) == 6
