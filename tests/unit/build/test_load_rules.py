"""What is imported of a wheel, and what its exceptions, libraries and ends mean."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from truewheel.build import load_rules
from truewheel.build.load_rules import Mapped, Report, Subject, candidates, judge, read_report

SITE = "/home/me/env/lib/python3.12/site-packages"
SUFFIX = ".cpython-312-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        (["six.py", "six-1.0.dist-info/METADATA"], ["six"]),
        (["foo/__init__.py", "foo/util.py", "foo/sub/__init__.py"], ["foo"]),
        (["foo/__init__.py", f"foo/_c{SUFFIX}", f"foo/a/b{SUFFIX}"], ["foo", "foo._c", "foo.a.b"]),
        ([f"_fast{SUFFIX}"], ["_fast"]),
        ([f"foo/__init__{SUFFIX}"], ["foo"]),
        (["foo/__init__.py", "foo/_c.abi3.so"], ["foo", "foo._c"]),
        (["ns/one/__init__.py", "ns/two/three/__init__.py"], ["ns.one", "ns.two.three"]),
        (["foo/__init__.py", "foo.libs/libz-1a2b3c4d.so.1"], ["foo"]),
        (["foo/__init__.py", "foo/data-x/mod.so", "foo/libx.so.1"], ["foo"]),
        (["foo/__init__.py", "foo/__main__.py", "__main__.py"], ["foo"]),
        (["foo/plugin.py", "share/doc/x.txt", "foo.pth"], []),
        ([], []),
    ],
)
def test_packages_come_first_and_extensions_after_them(files: list[str], modules: list[str]):
    assert [candidate.module for candidate in candidates(files)] == modules


def test_what_is_skipped_is_not_imported_nor_what_is_below_it():
    files = ["foo/__init__.py", f"foo/gpu/_c{SUFFIX}", f"foo/gpus{SUFFIX}", "bar.py"]
    assert [one.module for one in candidates(files, ["foo.gpu", "bar"])] == ["foo", "foo.gpus"]


@pytest.mark.parametrize(
    ("member", "path"),
    [
        ("foo/__init__.py", "foo/__init__.py"),
        ("foo-1.0.data/platlib/foo/_c.so", "foo/_c.so"),
        ("foo-1.0.data/purelib/foo.py", "foo.py"),
        ("foo-1.0.data/scripts/tool", ""),
        ("foo-1.0.dist-info/RECORD", ""),
    ],
)
def test_members_lie_where_an_installer_puts_them(member: str, path: str):
    assert load_rules.installed_path(member) == path


def link(kind: str, text: str, **more: str) -> dict[str, Any]:
    bases = {"ModuleNotFoundError": ["ImportError"]}.get(kind, [])
    return {"types": [kind, *bases, "Exception", "BaseException"], "text": text, **more}


def loader(text: str, path: str = f"{SITE}/foo/_c{SUFFIX}") -> dict[str, Any]:
    return link("ImportError", text, name="foo._c", path=path)


def lost(name: str) -> dict[str, Any]:
    return link("ModuleNotFoundError", f"No module named {name!r}", name=name)


FILES = frozenset({"foo/__init__.py", f"foo/_c{SUFFIX}", "foo/lib/libfoo.so"})
SUBJECT = Subject(
    files=FILES,
    packages=load_rules.packages(FILES),
    beside=frozenset({"libcudart.so.13"}),
    exclude=("libodbc.so.*", "libcudart.so.*"),
)


def report(*chain: dict[str, Any]) -> Report:
    lines = [{"start": []}, {"begin": "foo"}, {"module": "foo", "chain": chain}, {"end": []}]
    return read_report("".join(json.dumps(line) + "\n" for line in lines))


def missing(library: str) -> str:
    return f"{library}: cannot open shared object file: No such file or directory"


ERRORS = [
    [loader(missing("libnowhere.so.5"))],
    [loader(f"{SITE}/foo/_c{SUFFIX}: undefined symbol: nowhere")],
    [loader("/lib/libc.so.6: version `GLIBC_2.99' not found (required by x)")],
    [loader("dynamic module does not define module export function (PyInit__c)")],
    [loader("Error loading shared library libx.so.1: No such file or directory (needed by y)")],
    [link("ImportError", "no luck; see above"), loader(missing("libnowhere.so.5"))],
    [link("OSError", missing("libdep.so.1"), library=f"{SITE}/foo/lib/libfoo.so")],
    [link("OSError", f"cannot load library '{SITE}/foo/lib/libfoo.so': {missing('libx.so')}")],
    [link("OSError", missing(f"{SITE}/foo/gone.so"), library=f"{SITE}/foo/gone.so")],
    [link("AttributeError", f"{SITE}/foo/libfoo.so: undefined symbol: gone")],
    [link("SyntaxError", "invalid syntax (x.py, line 1)", path=f"{SITE}/foo/x.py")],
    [link("FileNotFoundError", f"No such file: '{SITE}/foo/t'", path=f"{SITE}/foo/t")],
    [lost("foo._missing")],
    [link("ImportError", "cannot import name '_c' from 'foo'", path=f"{SITE}/foo/__init__.py")],
    [loader("cannot import name 'run' from 'foo._c'")],
    [link("RuntimeError", "broken"), lost("foo._missing")],
    [lost("distutils")],
    # It is there, brought by another distribution, and no run path leads to it.
    [loader(missing("libcudart.so.13"))],
    # A package brings it, and nothing says that the machine does.
    [loader(missing("libtorch.so"))],
]


@pytest.mark.parametrize("chain", ERRORS)
def test_what_python_or_the_loader_misses_is_an_error(chain: list[dict[str, Any]]):
    outcome = judge(report(*chain), SUBJECT, "")
    assert len(outcome.problems) == 1
    assert outcome.problems[0].startswith("foo: ")
    assert (outcome.warnings, outcome.not_tried, outcome.loaded_up_to) == ([], [], "")


@pytest.mark.parametrize("opens", [False, True])
def test_a_file_with_the_suffix_of_a_module_may_be_a_library_that_is_opened(opens: bool):
    subject = replace(SUBJECT, opens_libraries=opens)
    text = "dynamic module does not define module export function (PyInit__c)"
    outcome = judge(report(loader(text)), subject, "")
    assert (len(outcome.problems), outcome.warnings) == (0 if opens else 1, [])


def test_a_library_that_is_there_and_not_reached_is_told_as_such():
    (problem,) = judge(report(loader(missing("libcudart.so.13"))), SUBJECT, "").problems
    assert "it is in the environment, but no run path of this file leads to it" in problem


@pytest.mark.parametrize(
    ("chain", "needs"),
    [
        ([lost("torch")], "torch"),
        ([lost("torch.nn")], "torch"),
        ([link("ImportError", "install foo[extra]"), lost("yaml")], "yaml"),
        ([lost("tkinter")], "tkinter"),
    ],
)
def test_what_needs_another_distribution_is_not_tried(chain: list[dict[str, Any]], needs: str):
    outcome = judge(report(*chain), SUBJECT, "")
    assert outcome.not_tried == [("foo", needs)]
    assert (outcome.problems, outcome.warnings, outcome.has_run) == ([], [], False)


def test_a_namespace_belongs_to_nobody():
    subject = Subject(files=frozenset({"google/cloud/x/__init__.py"}))
    outcome = judge(report(lost("google.protobuf")), subject, "")
    assert outcome.not_tried == [("foo", "google")]


@pytest.mark.parametrize(
    "chain",
    [
        [link("RuntimeError", "no device\nat all")],
        [link("SystemExit", "")],
        [link("ImportError", "cannot import name 'x' from 'bar' (/a/bar.py)", path="/a/bar.py")],
        [link("OSError", missing("libcairo.so.2"), library="libcairo.so.2")],
        [
            loader(
                "cannot import name 'x' from partially initialized module 'foo._c' (most likely"
            ),
        ],
        [link("AttributeError", "/lib/libc.so.6: undefined symbol: gone")],
        [link("SyntaxError", "invalid syntax (x.py, line 1)", path=f"{SITE}/bar/x.py")],
        [link("FileNotFoundError", "No such file: '/etc/x'", path="/etc/x")],
        # The library is that of another distribution.
        [loader(missing("libGL.so.1"), f"{SITE}/cv2/cv2.abi3.so")],
    ],
)
def test_all_else_is_a_warning_and_the_code_has_run(chain: list[dict[str, Any]]):
    outcome = judge(report(*chain), SUBJECT, "")
    assert len(outcome.warnings) == 1
    assert "\n" not in outcome.warnings[0]
    assert outcome.has_run
    assert not outcome.problems


@pytest.mark.parametrize(
    "library",
    ["libcuda.so.1", "libnvidia-ml.so.1", "libOpenCL.so.1", "libmpi.so.40", "libodbc.so.2"],
)
def test_what_no_wheel_brings_ends_the_loading_without_an_error(library: str):
    outcome = judge(report(loader(missing(library))), SUBJECT, "")
    assert outcome.loaded_up_to == library
    assert outcome.has_run
    assert (outcome.problems, outcome.warnings) == ([], [])


@pytest.mark.parametrize(
    ("text", "ending", "problem"),
    [
        ("", "exit status 1", "exit status 1 before the first import"),
        ('{"start": []}', "killed: Aborted", "killed: Aborted between two imports"),
        (
            '{"start": []}\n{"begin": "foo"}',
            "killed: Segmentation fault",
            "foo: killed: Segmentation fault while it was imported",
        ),
        (
            '{"start": []}\n{"begin": "foo"}',
            "",
            "foo: the process ended without an exception while it was imported",
        ),
        (
            '{"start": []}\n{"begin": "foo"}\n{"module": "foo", "chain": []}\n{"end": []}',
            "killed: Aborted",
            "killed: Aborted after all modules were imported, at the process's end",
        ),
        ("garbage\n[1]\n\x00", "", "the process ended before the first import"),
    ],
)
def test_an_end_that_was_not_well_is_an_error(text: str, ending: str, problem: str):
    assert judge(read_report(text), SUBJECT, ending).problems == [problem]


@pytest.mark.parametrize(
    "line",
    [
        '{"module": 3, "chain": 4}',
        '{"module": "foo", "chain": [1, {}, {"types": 2}]}',
        '{"start": {"a": 1}, "stdlib": 7, "prefix": []}',
        '{"end": "everything"}',
        "[" * 50_000,
    ],
)
def test_a_forged_report_decides_about_no_more_than_its_own_wheel(line: str):
    judge(read_report(f'{{"start": []}}\n{line}\n'), SUBJECT, "")


LIBC = Mapped("/usr/lib/libc.so.6", "libc.so.6", ())
OWN = f"{SITE}/foo/_c{SUFFIX}"
BASE = "/usr/lib/python3.12"


def strangers(*mapped: Mapped, start: tuple[str, ...] = (), base: str = "/usr") -> list[str]:
    process = Report(
        prefix="/home/me/env", base=base, stdlib=(BASE,), start=frozenset({LIBC.path, *start})
    )
    allowed = {"libc.so.6", "libstdc++.so.6", "libX11.so.6", "libmine.so.1"}
    pairs = load_rules.strangers(process, [LIBC, *mapped], SUBJECT, allowed.__contains__)
    return [f"{path} {needed}".strip() for path, needed in pairs]


def test_what_the_machine_has_and_no_tag_promises_is_told():
    own = Mapped(OWN, "x", ("libfoo.so.5", "libc.so.6"))
    library = Mapped("/usr/lib/libfoo.so.5.1", "libfoo.so.5", ())
    assert strangers(own, library) == [f"/usr/lib/libfoo.so.5.1 foo/_c{SUFFIX}"]


def test_a_library_that_was_opened_by_name_is_told():
    assert strangers(Mapped("/usr/lib/liby.so.1", "liby.so.1", ())) == ["/usr/lib/liby.so.1"]


@pytest.mark.parametrize(
    "mapped",
    [
        # The tag promises the first, and that needs the second.
        [
            Mapped("/usr/lib/libX11.so.6.4.0", "libX11.so.6", ("libxcb.so.1",)),
            Mapped("/usr/lib/libxcb.so.1.1.0", "libxcb.so.1", ("libXau.so.6",)),
            Mapped("/usr/lib/libXau.so.6.0", "libXau.so.6", ()),
        ],
        # A module of the standard library needs it.
        [
            Mapped(f"{BASE}/lib-dynload/_ssl.so", "_ssl.so", ("libssl.so.3",)),
            Mapped("/usr/lib/libssl.so.3", "libssl.so.3", ("libcrypto.so.3",)),
            Mapped("/usr/lib/libcrypto.so.3", "libcrypto.so.3", ()),
        ],
        # Another distribution of the environment needs it.
        [
            Mapped(f"{SITE}/cv2/cv2.abi3.so", "cv2.abi3.so", ("libGLX.so.0",)),
            Mapped("/usr/lib/libGLX.so.0.0.0", "libGLX.so.0", ()),
        ],
        # The driver of the machine, with what it needs.
        [
            Mapped("/usr/lib/libcuda.so.550", "libcuda.so.1", ("libdrv.so",)),
            Mapped("/usr/lib/libdrv.so", "libdrv.so", ()),
        ],
        # The C library opens these by itself.
        [Mapped("/usr/lib/libnss_sss.so.2", "libnss_sss.so.2", ())],
        [Mapped("/usr/lib/gconv/ISO8859-1.so", "ISO8859-1.so", ())],
        # The wheel's own, in the environment.
        [
            Mapped(OWN, "x", ("libz-1.so",)),
            Mapped(f"{SITE}/foo.libs/libz-1.so", "libz-1.so", ()),
        ],
        [Mapped("/usr/lib/libmine.so.1.0", "libmine.so.1", ())],
    ],
)
def test_what_has_a_reason_is_no_stranger(mapped: list[Mapped]):
    assert strangers(*mapped) == []


def test_what_the_interpreter_needs_is_no_excuse_for_the_wheel():
    own = Mapped(OWN, "x", ("libssl.so.3",))
    ssl = Mapped(f"{BASE}/lib-dynload/_ssl.so", "_ssl.so", ("libssl.so.3",))
    library = Mapped("/usr/lib/libssl.so.3", "libssl.so.3", ())
    assert strangers(own, ssl, library) == [f"/usr/lib/libssl.so.3 foo/_c{SUFFIX}"]


def test_what_a_bare_process_has_mapped_is_not_the_wheels():
    preload = Mapped("/usr/lib/libjemalloc.so.2", "libjemalloc.so.2", ())
    assert strangers(preload, start=(preload.path,)) == []


def test_an_interpreter_with_a_prefix_of_its_own_brings_its_libraries():
    library = Mapped("/opt/conda/lib/libfoo.so.1", "libfoo.so.1", ())
    assert strangers(library, base="/opt/conda") == []
    assert strangers(library) == ["/opt/conda/lib/libfoo.so.1"]
