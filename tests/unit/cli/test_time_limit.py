"""The time limit of regular expressions: those that take too long end the command."""

from __future__ import annotations

import signal
import time

import pytest

from truewheel.cli import main, time_limit
from truewheel.cli.time_limit import regex_time_limit
from truewheel.errors import Exit, Stop
from truewheel.forges.gitlab.lint.regexes import searched
from truewheel.spec.policy import match_whole


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(time_limit, "TICK", 0.05)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", r"(\w+\s?)*!", ".*.*.*.*.*.*="])
def test_an_endless_match_is_stopped_and_reported(pattern):
    with pytest.raises(Stop) as stopped, regex_time_limit():
        match_whole(pattern, "a" * 400)
    (problem,) = stopped.value.problems
    assert f"the regular expression {pattern} takes too long on 'aaaa" in problem.message
    assert problem.hint


def test_many_matches_that_end_may_take_any_time():
    until = time.process_time() + 0.3
    with regex_time_limit():
        while time.process_time() < until:
            assert match_whole("(a+)+b", "a" * 12) is None


def test_the_timer_is_off_afterwards():
    before = signal.getsignal(signal.SIGVTALRM)
    with regex_time_limit():
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) is before


def test_a_system_without_timers_has_no_limit(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    with regex_time_limit():
        assert match_whole("a", "a")


def test_digits_are_those_of_ascii():
    assert match_whole(r"\d+", "12")
    assert not match_whole(r"\d+", "\u0661\u0662")
    assert not match_whole(r"\d+", "12\n")


def test_a_lints_expressions_have_a_budget_for_all_of_them(monkeypatch):
    monkeypatch.setattr(time_limit, "TICK", 0.002)
    monkeypatch.setattr(time_limit, "LINT_TICKS", 3)
    until = time.process_time() + 5

    def search() -> None:
        with regex_time_limit():
            while time.process_time() < until:  # each by itself ends soon
                searched("a+b", "a" * 1000)

    with pytest.raises(
        Stop, match=r"rules or include: the regular expression a\+b takes too long"
    ) as stopped:
        search()
    assert stopped.value.code is Exit.REFUSED
    assert time.process_time() < until - 3


def test_the_expressions_of_a_pipeline_are_within_the_budget(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(time_limit, "TICK", 0.002)
    monkeypatch.setattr(time_limit, "LINT_TICKS", 0)
    monkeypatch.chdir(tmp_path)
    rules = f"variables: {{A: {'a' * 4000}}}\njob: {{script: [x], rules: [{{if: $A =~ /a+b/}}]}}\n"
    (tmp_path / "ci.yml").write_text(rules)
    assert main(["check", "--lint", "ci.yml"]) == 2
    assert "rules or include: the regular expression a+b takes too long" in capsys.readouterr().err
