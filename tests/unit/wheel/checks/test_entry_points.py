"""Entry points: what installers refuse, what does not start, and what is as it should be."""

from __future__ import annotations

import pytest
import wheels

from truewheel.build.validate import refused, validate
from truewheel.wheel.checks.upload import Destination

MODULES = {
    "demo/__init__.py": b"def main():\n    pass\n",
    "demo/cli.py": b"from demo import *\n",
    "demo/odd.py": b"""from . import cli
# later
LEVEL = 1
def take(arguments): pass
def use(arguments=None, *rest, deep=1): pass
async def wait(): pass
try:
    import fast as chosen
except ImportError:
    def chosen(): pass
if __name__ == "__main__":
    def guarded(): pass
decorate = wait
@decorate
async def awaited(): pass
""",
    "demo/lazy.py": b"def __getattr__(name):\n    return name\n",
    "demo/run/tool.cpython-312-x86_64-linux-gnu.so": wheels.elf_file(),
    "demo/data/logo.txt": b"",
    "demo-1.0.data/purelib/more/app.py": b"class App:\n    run = 1\n",
}
NATIVE = wheels.NATIVE
SCRIPTS = "[console_scripts]\n"
# the text, the code and severity, words of the message
BROKEN = {
    "no object": (f"{SCRIPTS}tool = demo", "TW221 error", "tool = demo"),
    "a call": (f"{SCRIPTS}tool = demo:main()", "TW221 error", "tool"),
    "a path": (f"{SCRIPTS}tool = demo/cli.py:main", "TW221 error", "demo/cli.py"),
    "nothing": (f"{SCRIPTS}tool =", "TW221 error", "tool"),
    "a comment behind": (f"{SCRIPTS}tool = demo:main ; that", "TW221 error", "tool"),
    "a keyword": (f"{SCRIPTS}tool = demo.class:main", "TW221 error", "demo.class"),
    "a keyword as an object": (f"{SCRIPTS}tool = demo:lambda", "TW221 error", "lambda"),
    "a window without an object": ("[gui_scripts]\ntool = demo", "TW221 error", "gui_scripts"),
    "a name that leads out": (f"{SCRIPTS}../tool = demo:main", "TW221 error", "../tool"),
    "a name with a space": (f"{SCRIPTS}my tool = demo:main", "TW221 warning", "my tool"),
    "a plugin that is a call": ("[demo.plug]\nx = demo:main()", "TW221 warning", "demo:main()"),
    "one name twice": (f"{SCRIPTS}tool = demo:main\ntool = demo.cli:main", "TW220 error", "tool"),
    "one group twice": (f"{SCRIPTS}a = demo:main\n{SCRIPTS}b = demo:main", "TW220 error", "group"),
    "no group": ("tool = demo:main", "TW220 error", "no group"),
    "a colon": (f"{SCRIPTS}tool: demo:main", "TW220 error", "line 2"),
    "a byte order mark": (f"\ufeff{SCRIPTS}tool = demo:main", "TW220 error", "byte order mark"),
    "a module that is not there": (
        f"{SCRIPTS}tool = demo.nothing:main",
        "TW222 error",
        "demo.nothing",
    ),
    "a package that is not there": (f"{SCRIPTS}tool = other.cli:main", "TW222 error", "other.cli"),
    "a function that is not there": (f"{SCRIPTS}tool = demo:start", "TW222 error", "demo:start"),
    "a function behind a guard": (f"{SCRIPTS}tool = demo.odd:guarded", "TW222 error", "define"),
    "a function in a comment": (f"{SCRIPTS}tool = demo.odd:later", "TW222 error", "define"),
    "a constant": (f"{SCRIPTS}tool = demo.odd:LEVEL", "TW222 error", "constant"),
    "a module": (f"{SCRIPTS}tool = demo.odd:cli", "TW222 error", "module"),
    "a coroutine": (f"{SCRIPTS}tool = demo.odd:wait", "TW222 error", "coroutine"),
    "arguments": (f"{SCRIPTS}tool = demo.odd:take", "TW222 error", "required arguments"),
    "the name of the interpreter": (f"{SCRIPTS}python3 = demo:main", "TW221 error", "interpreter"),
    "the name of its window": ("[gui_scripts]\npythonw = demo:main", "TW221 error", "pythonw"),
    "a plugin that is not there": (
        "[demo.plug]\nx = demo.nothing:X",
        "TW222 warning",
        "demo.nothing",
    ),
    "one program twice": (
        f"{SCRIPTS}tool = demo:main\n[gui_scripts]\ntool = demo:main",
        "TW324 error",
        "tool",
    ),
}
GOOD = {
    "a function": f"{SCRIPTS}tool = demo:main",
    "with extras": f"{SCRIPTS}tool = demo:main [fast]",
    "with defaults": f"{SCRIPTS}tool = demo.odd:use",
    "one of two": f"{SCRIPTS}tool = demo.odd:chosen",
    "decorated": f"{SCRIPTS}tool = demo.odd:awaited",
    "assigned": f"{SCRIPTS}tool = demo.odd:decorate",
    "a name like that of the interpreter": f"{SCRIPTS}python-tool = demo:main\npypy3 = demo:main",
    "without spaces": f"{SCRIPTS}tool=demo:main",
    "a comment line": f"# comment\n\n{SCRIPTS}# another\ntool = demo:main\n\n",
    "from a star": f"{SCRIPTS}tool = demo.cli:main",
    "of a lazy module": f"{SCRIPTS}tool = demo.lazy:anything",
    "of an extension module": f"{SCRIPTS}tool = demo.run.tool:main",
    "of a class in purelib": f"{SCRIPTS}tool = more.app:App.run",
    "a submodule": f"{SCRIPTS}tool = demo:cli.main",
    "a plugin that is a module": "[demo.plug]\nx = demo.cli\ny = more",
    "a plugin that is a folder": "[demo.plug]\nx = demo.data",
    "a plugin that is an object with dots": "[demo.plug]\nx = demo.cli.Thing\ny = demo.Other",
    "a plugin of another distribution": "[demo.plug]\nx = other.plug:X",
    "a plugin with a sign": "[demo.plug]\nx+y/z = demo.cli",
    "two names": f"{SCRIPTS}tool = demo:main\ntool3.12 = demo:main",
    "nothing": "",
}


def findings(path, to=Destination()):  # noqa: B008
    return [(f"{item.code.name} {item.severity}", item.message) for item in validate(path, to)]


@pytest.mark.parametrize("what", BROKEN)
def test_entry_points_that_cannot_be_used(tmp_path, what):
    text, expected, word = BROKEN[what]
    path = wheels.make_with(tmp_path, NATIVE, MODULES, info={"entry_points.txt": text})
    ((kind, message),) = findings(path)
    assert kind == expected
    assert word in message


@pytest.mark.parametrize("what", GOOD)
def test_entry_points_that_can(tmp_path, what):
    path = wheels.make_with(tmp_path, NATIVE, MODULES, info={"entry_points.txt": GOOD[what]})
    assert findings(path, Destination("pypi")) == []


def test_a_module_that_another_distribution_may_bring_is_a_warning_or_none(tmp_path):
    info = {"entry_points.txt": f"{SCRIPTS}tool = other_core.cli:main"}
    one = wheels.make_with(tmp_path, metadata="Requires-Dist: spam", info=info)
    assert [kind for kind, _ in findings(one)] == ["TW222 warning"]
    two = wheels.make_with(tmp_path, metadata="Requires-Dist: Other-Core>1", info=info)
    assert findings(two) == []
    three = wheels.make_with(
        tmp_path, metadata='Provides-Extra: x\nRequires-Dist: spam; extra == "x"', info=info
    )
    assert [kind for kind, _ in findings(three)] == ["TW222 error"]


def test_an_index_refuses_names_of_scripts_with_other_signs(tmp_path):
    text = BROKEN["a name with a space"][0]
    path = wheels.make_with(tmp_path, NATIVE, MODULES, info={"entry_points.txt": text})
    assert [item.code.name for item in refused(path, Destination("pypi"))] == ["TW221"]


@pytest.mark.parametrize("length", [10_000, 2**21])
def test_a_function_far_down_in_its_module(tmp_path, length):
    content = {"demo/__init__.py": b"#" * length + b"\n\ndef start(): pass\n"}
    info = {"entry_points.txt": f"{SCRIPTS}tool = demo:start"}
    assert findings(wheels.make_with(tmp_path, content=content, info=info)) == []


def test_a_package_hides_a_module_of_its_name(tmp_path):
    content = {"demo.py": b"def main(): pass\n", "demo/__init__.py": b""}
    info = {"entry_points.txt": f"{SCRIPTS}tool = demo:main"}
    kinds = [kind for kind, _ in findings(wheels.make_with(tmp_path, content=content, info=info))]
    assert kinds == ["TW222 error", "TW324 warning"]


def test_bytes_that_are_no_text(tmp_path):
    files = wheels.members(wheels.PURE)
    files["demo-1.0.dist-info/entry_points.txt"] = b"[console_scripts]\n\xff = demo:main\n"
    ((kind, _),) = findings(wheels.write(tmp_path / wheels.PURE, files))
    assert kind == "TW220 error"
