"""The git submodules of a project."""

from __future__ import annotations

from truewheel.workspace import submodules

TEXT = """\
[submodule "third"]
	path = third_party/lib
	url = https://git.example/lib
	branch = main
[submodule "quoted"]
	url = ../other
	path = "a b"
[submodule "left out"]
	path = huge
	update = none
[submodule "outside"]
	path = ../x
"""


def test_the_folders_that_git_checks_out():
    assert submodules.paths(TEXT) == ["third_party/lib", "a b"]
    assert submodules.paths(TEXT.replace("\n", "\r\n")) == ["third_party/lib", "a b"]
    assert submodules.paths("") == submodules.paths(None) == []
    assert submodules.paths("[core]\n\tpath = x\n") == []


def test_a_path_that_has_a_submodule_or_lies_in_it():
    for path in (".", "./", "third", "third/", "third/lib", "./third/lib/python"):
        assert submodules.touches("third/lib", path), path
    for path in ("src", "third/library", "thi", "third/lib2"):
        assert not submodules.touches("third/lib", path), path
