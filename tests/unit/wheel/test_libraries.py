"""What forbids a graft, in messages that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from truewheel.wheel.libraries import LinkedLibraries, RepairRequest, Symbol, graft_problems

WHEEL = "demo-1.0-cp312-cp312-linux_x86_64.whl"
CORE = ["demo/_core.so"]


def problems_of(
    grafts: dict[str, str] | None = None,
    needed: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    graft: tuple[str, ...] = (),
    **linked: Any,
) -> list[tuple[str, str]]:
    request = RepairRequest(
        wheel=WHEEL,
        package="demo",
        platform="manylinux_2_28_x86_64",
        arch="x86_64",
        natives=CORE,
        exclude=exclude,
        graft=graft,
        way_out="raise it to {floor}",
    )
    grafts = grafts or {}
    return list(
        graft_problems(
            LinkedLibraries(
                needed=dict.fromkeys([*grafts, *needed], CORE),
                grafts={name: {CORE[0]: path} for name, path in grafts.items()},
                **linked,
            ),
            request,
        )
    )


def test_an_ordinary_library_is_grafted_without_a_word():
    assert problems_of({"libhelp.so.1": "/opt/libhelp.so.1"}, needed=("libc.so.6",)) == []


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("libhelp.so", "its name is libhelp.so.5: write 'libhelp.so.5' or 'libhelp.so.*'"),
        ("libhelp", "its name is libhelp.so.5: write 'libhelp.so.5' or 'libhelp.so.*'"),
        ("libhlep.so.5", "did you mean libhelp.so.5?"),
        ("qq.so", "remove it; needed are libc.so.6, libhelp.so.5"),
    ],
)
@pytest.mark.parametrize("key", ["exclude", "graft"])
def test_a_pattern_that_matches_nothing_is_refused_with_the_near_name(key, pattern, hint):
    [(message, way_out)] = problems_of(
        {"libhelp.so.5": "/opt/libhelp.so.5"}, needed=("libc.so.6",), **{key: (pattern,)}
    )
    assert message == f"packages.demo.{key}: nothing in this wheel needs {pattern}"
    assert way_out == hint


@pytest.mark.parametrize("pattern", ["libhelp.so.5", "libhelp.so.*", "lib?elp.so.[0-9]", "*"])
def test_a_pattern_that_matches_is_right_though_the_library_is_not_grafted_then(pattern):
    assert problems_of(needed=("libhelp.so.5",), exclude=(pattern,)) == []


@pytest.mark.parametrize(
    "library", ["libcuda.so.1", "libnvidia-ml.so.1", "libnvcuvid.so.1", "libEGL_nvidia.so.0"]
)
def test_a_driver_is_never_grafted(library):
    pattern = library.rpartition(".")[0] + ".*"
    [(message, hint)] = problems_of({library: f"/opt/{library}"}, graft=(library,))
    assert message == (
        f"demo/_core.so needs {library}, "
        "which belongs to the NVIDIA driver and works on this machine only"
    )
    assert hint == f"add '{pattern}' to packages.demo.exclude"


@pytest.mark.parametrize(
    "library",
    [
        *(
            "libcudart.so.12",
            "libcublas.so.12",
            "libcublasLt.so.12",
            "libcudnn.so.9",
            "libcudnn_ops.so.9",
            "libnccl.so.2",
        ),
        *(
            "libnvrtc.so.12",
            "libnvrtc-builtins.so.12.4",
            "libcufft.so.11",
            "libcusparse.so.12",
            "libcusparseLt.so.0",
        ),
        *(
            "libcusolver.so.11",
            "libcurand.so.10",
            "libnvJitLink.so.12",
            "libnvinfer.so.10",
            "libnvinfer_plugin.so.10",
        ),
        *(
            "libamdhip64.so.6",
            "librocblas.so.4",
            "libhipblas.so.2",
            "librocm_smi64.so.7",
            "libMIOpen.so.1",
        ),
    ],
)
def test_a_toolkit_is_grafted_only_when_the_package_says_so(library):
    [(message, hint)] = problems_of({library: f"/opt/{library}"})
    assert message.startswith(f"demo/_core.so needs {library}, which belongs to ")
    assert message.endswith(" and would be grafted")
    assert hint.startswith(
        f"add '{library.partition('.so.')[0]}.so.*' to packages.demo.exclude if another wheel"
    )
    assert hint.endswith("or to packages.demo.graft if this wheel is to carry it")
    assert problems_of({library: f"/opt/{library}"}, graft=(library,)) == []


@pytest.mark.parametrize(
    "library", ["librocket.so.1", "libcurl.so.4", "libnppy.py", "libhip.so.1", "libcudagear.so.1"]
)
def test_a_library_that_only_sounds_like_one_is_grafted(library):
    assert problems_of({library: f"/opt/{library}"}) == []


def test_a_library_that_is_not_found_names_who_needs_it_and_the_way_out():
    [(message, hint)] = problems_of({"libgone.so.2": ""})
    assert message == "demo/_core.so needs libgone.so.2, which is not found here"
    assert "LD_LIBRARY_PATH" in hint
    assert "add 'libgone.so.*' to packages.demo.exclude" in hint


def test_the_newest_symbols_are_named_first_and_the_others_counted():
    old = [
        Symbol(file="demo/a.so", symbol=f"f{n}", version="GLIBC_2.9", library="libm.so.6")
        for n in range(6)
    ]
    new = Symbol(
        file="demo/_core.so", symbol="pthread_join", version="GLIBC_2.34", library="libc.so.6"
    )
    unused = Symbol(file="demo/_core.so", symbol="", version="GLIBC_2.30", library="libc.so.6")
    [(message, hint)] = problems_of(symbols=[*old, new, unused], fits="manylinux_2_34_x86_64")
    start, _, symbols = message.partition(": it needs ")
    assert start == f"{WHEEL} cannot be made manylinux_2_28_x86_64"
    assert symbols.startswith(
        "pthread_join@GLIBC_2.34 of libc.so.6 in demo/_core.so, GLIBC_2.30 of libc.so.6 in demo/"
    )
    assert symbols.endswith("f2@GLIBC_2.9 of libm.so.6 in demo/a.so and 3 more")
    assert hint == "raise it to manylinux_2_34"


def test_symbols_that_no_floor_has_need_an_older_system():
    symbol = Symbol(file="demo/_core.so", symbol="f", version="GLIBC_2.99", library="libc.so.6")
    [(_, hint)] = problems_of(symbols=[symbol])
    assert hint == "auditwheel knows no floor that has them: build it on an older system"


def test_private_symbols_and_newer_processors_are_refused():
    private, processor = problems_of(
        private={"libz.so.1": ["_tr_init"]}, newer_processors={"demo/_core.so": "x86_64_v3"}
    )
    assert private[0].endswith("it uses _tr_init of libz.so.1, which are not for others")
    assert processor[0].endswith(
        "it needs a newer processor than any x86_64: demo/_core.so (x86_64_v3)"
    )
    # without a flag it may have been the compiler's default
    assert "compilers of some distributions have a newer one as their default" in processor[1]


def test_private_symbols_of_glibc_are_of_no_older_system_either():
    symbol = Symbol(
        file="/usr/lib/libnss_x.so", symbol="f", version="GLIBC_PRIVATE", library="libc.so.6"
    )
    [(_, hint)] = problems_of(symbols=[symbol])
    assert "older system" not in hint
    assert "leave /usr/lib/libnss_x.so out" in hint


def test_a_library_that_one_file_finds_and_another_does_not():
    request = RepairRequest(
        wheel=WHEEL,
        package="demo",
        platform="manylinux_2_28_x86_64",
        arch="x86_64",
        natives=["demo/_a.so", "demo/_b.so"],
    )
    places = {"demo/_a.so": "/opt/x/libx.so.1", "demo/_b.so": ""}
    linked = LinkedLibraries(needed={"libx.so.1": [*places]}, grafts={"libx.so.1": places})
    [(message, hint)] = graft_problems(linked, request)
    assert message == (
        "demo/_b.so needs libx.so.1, which is not found here; demo/_a.so finds it as "
        "/opt/x/libx.so.1"
    )
    assert hint.startswith("link it with that run path, too, or install it")


def test_libpython_of_a_program_is_named_with_the_way_to_graft_it():
    [(message, hint)] = problems_of(embedding={"libpython3.12.so.1.0": ["demo/worker"]})
    assert message.startswith("demo/worker needs libpython3.12.so.1.0: this is a program")
    assert hint.startswith("add 'libpython3.12.so.*' to packages.demo.graft")
