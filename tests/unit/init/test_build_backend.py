"""What a package's files say.

Where its version comes from, which ABI its wheels have, what keeps it from being named.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from truewheel.errors import Stop
from truewheel.init import build_backend
from truewheel.init.build_backend import Abi, Files, Package, Version
from truewheel.spec import version_file
from truewheel.workspace import loading

HEAD = '[project]\nname = "foo"\n'
STATIC = HEAD + 'version = "1.0"\n'
DYNAMIC = HEAD + 'dynamic = ["version"]\n'
BY_GIT = Version("", "git tags", inject="env:SETUPTOOLS_SCM_PRETEND_VERSION")


def package(
    pyproject: str, files: Mapping[str, str] | None = None, *, native: bool = False
) -> Package:
    """The package of these files."""
    texts = {"pyproject.toml": pyproject, **(files or {})}
    read = Files(texts.get, lambda name: loading.parse_toml(texts.get(name, "")), lambda: native)
    result = build_backend.read_package("lib", read)
    assert result
    return result


def refusal(pyproject: str, files: Mapping[str, str] | None = None) -> str:
    with pytest.raises(Stop) as stopped:
        package(pyproject, files)
    assert all(
        problem.where.file == "lib/pyproject.toml" and problem.hint
        for problem in stopped.value.problems
    )
    return str(stopped.value)


def built_by(backend: str, *requires: str) -> str:
    return f"[build-system]\nbuild-backend = '{backend}'\nrequires = {list(requires)}\n"


SETUPTOOLS = built_by("setuptools.build_meta", "setuptools")
MESON, PDM = built_by("mesonpy"), built_by("pdm.backend")
HATCH = 'requires-python = ">=3.9"\n' + built_by("hatchling.build")
SCIKIT, MATURIN = built_by("scikit_build_core.build"), built_by("maturin")
ATTRIBUTE = "[tool.setuptools.dynamic]\nversion = {attr = 'foo.version'}\n"


@pytest.mark.parametrize(
    ("pyproject", "files", "version"),
    [
        (STATIC, {}, Version("1.0", "pyproject.toml")),
        (
            DYNAMIC + "[tool.setuptools.dynamic]\nversion = {file = 'V'}",
            {"V": " 2.0\n"},
            Version("2.0", "V", file="V"),
        ),
        (
            DYNAMIC + HATCH + "[tool.hatch.version]\npath = 'V'",
            {"V": "2.0"},
            Version("2.0", "V", file="V"),
        ),
        (
            DYNAMIC + PDM + "[tool.pdm.version]\nsource = 'file'\npath = 'V'",
            {"V": "2"},
            Version("2", "V", file="V"),
        ),
        (
            DYNAMIC + MESON,
            {"meson.build": "project('foo',\n  version : files( 'V' ))", "V": "2.0"},
            Version("2.0", "V", file="V"),
        ),
        (
            DYNAMIC
            + SCIKIT
            + "[tool.scikit-build.metadata.version]\nprovider = 'regex'\ninput = 'V'",
            {"V": "2.0"},
            Version("2.0", "V", file="V"),
        ),
        (
            DYNAMIC + HATCH + "[tool.hatch.version]\npath = 'src/a.py'",
            {"src/a.py": "# a\n__version__: str = 'v2.0'\n"},
            Version(
                "2.0",
                "src/a.py",
                "src/a.py",
                version_file.assignment_pattern("__version__|VERSION"),
            ),
        ),
        (
            DYNAMIC + SETUPTOOLS + ATTRIBUTE,
            {"src/foo/__init__.py": "version = '2.0'"},
            Version(
                "2.0",
                "src/foo/__init__.py",
                "src/foo/__init__.py",
                version_file.assignment_pattern("version"),
            ),
        ),
        (
            DYNAMIC + "requires-python = '>=3.9'\n" + built_by("flit_core.buildapi"),
            {"foo.py": '"""Foo."""\n__version__ = "2.0"'},
            Version("2.0", "foo.py", "foo.py", version_file.assignment_pattern("__version__")),
        ),
        (
            DYNAMIC + MATURIN,
            {"Cargo.toml": '[a]\nversion = "1.0"\n[package]\nname = "x"\nversion = "2.0"\n'},
            Version("2.0", "Cargo.toml", "Cargo.toml", build_backend.CARGO_VERSION, "wheel"),
        ),
        (
            DYNAMIC + MESON,
            {
                "meson.build": "# x\nproject(\n  'foo',\n  meson_version: '>= 1',\n"
                "  version: '2.0',\n)"
            },
            Version("2.0", "meson.build", "meson.build", build_backend.MESON_VERSION),
        ),
        (
            SETUPTOOLS,
            {"setup.py": "V = '2.0'\nsetup(\n    name='foo',\n    version=V,\n)"},
            Version("2.0", "setup.py", "setup.py", version_file.assignment_pattern("V")),
        ),
        (
            "",
            {"setup.cfg": "[metadata]\nname = foo\nversion = file: V", "V": "2.0"},
            Version("2.0", "V", "V"),
        ),
        (DYNAMIC + SETUPTOOLS + "[tool.setuptools_scm]", {}, BY_GIT),
        (DYNAMIC + SETUPTOOLS, {"setup.py": "setup(use_scm_version=True)"}, BY_GIT),
        (DYNAMIC + built_by("setuptools.build_meta", "setuptools_scm[simple]>=9"), {}, BY_GIT),
        (DYNAMIC + HATCH + "[tool.hatch.version]\nsource = 'vcs'", {}, BY_GIT),
        (
            DYNAMIC
            + SCIKIT
            + "[tool.scikit-build.metadata]\n"
            + "version.provider = 'scikit_build_core.metadata.setuptools_scm'",
            {},
            BY_GIT,
        ),
        (
            DYNAMIC + PDM + "[tool.pdm.version]\nsource = 'scm'",
            {},
            Version("", "git tags", inject="env:PDM_BUILD_SCM_VERSION"),
        ),
    ],
)
def test_where_a_version_comes_from(pyproject: str, files: Mapping[str, str], version: Version):
    assert package(pyproject, files).version == version


@pytest.mark.parametrize(
    ("pyproject", "files", "reason"),
    [
        (DYNAMIC + ATTRIBUTE, {}, "it is the attribute 'foo.version'"),
        # setuptools-scm as a file finder only: the version is said to come from elsewhere
        (
            DYNAMIC + ATTRIBUTE + built_by("setuptools.build_meta", "setuptools-scm"),
            {},
            "it is the attribute",
        ),
        # it is installed, but nobody asks it for a version
        (DYNAMIC + built_by("setuptools.build_meta", "setuptools-scm"), {}, "it is dynamic"),
        (DYNAMIC + MATURIN, {"Cargo.toml": "[package]\nversion.workspace = true"}, "it is dynamic"),
        (
            DYNAMIC + MATURIN,
            {"Cargo.toml": '[package]\nname = "x"\n[deps.y]\nversion = "1"'},
            "it is dynamic",
        ),
        (
            DYNAMIC + HATCH + "[tool.hatch.version]\npath = 'V'\npattern = 'x'",
            {"V": "__version__ = '1'"},
            "'V' holds",
        ),
        (
            DYNAMIC + ATTRIBUTE,
            {"foo.py": "version = '1.0' + x()\nversion = '.'.join(n)"},
            "it is the attribute",
        ),
        ("", {"setup.py": "setup(name='foo', version=get())"}, "it is dynamic"),
        (
            DYNAMIC + "[tool.setuptools.dynamic]\nversion = {file = ['A', 'B']}",
            {"A": "1", "B": "2"},
            "'A, B' holds",
        ),
        (
            DYNAMIC + "[tool.setuptools.dynamic]\nversion = {file = 'V'}",
            {"V": "v = '1.0'"},
            "'V' holds more",
        ),
        (
            DYNAMIC + "[tool.setuptools.dynamic]\nversion = {file = '-V'}",
            {"-V": "1.0"},
            "'-V' holds more",
        ),
        (DYNAMIC + "[tool.setuptools.dynamic]\nversion = {file = 'V'}", {}, "there is no file 'V'"),
        (HEAD, {}, "[project] has none"),
        (HEAD + "version = '1.x'", {}, "version '1.x' is not one of PEP 440"),
        (STATIC + "requires-python = '^3.9'", {}, "requires-python '^3.9' is not one of PEP 440"),
        (STATIC + built_by("flit_core.buildapi"), {}, "flit tags pure wheels for Python 2 as well"),
        ('[project]\nname = "a__b"\nversion = "1"', {}, "name 'a__b' cannot name wheels"),
        ("[project", {}, "not TOML"),
        ("a = " + "[" * 100_000, {}, "not TOML"),
        ("[build-system]", {}, "there is no [project]"),
        ("", {"setup.py": ""}, "and no name in setup.py that is plain text"),
        ("[tool.poetry]\nname = 'foo'", {}, "[tool.poetry] is not read"),
    ],
)
def test_what_keeps_a_package_from_a_name(pyproject: str, files: Mapping[str, str], reason: str):
    assert reason in refusal(pyproject, files)


def test_a_file_for_tools_alone_is_no_package():
    texts = {"pyproject.toml": "[tool.ruff]\n", "setup.cfg": "[flake8]\n"}
    assert (
        build_backend.read_package(
            ".", Files(texts.get, lambda name: loading.parse_toml(texts[name]), lambda: True)
        )
        is None
    )


WRAPPED = "[tool.rapids-build-backend]\nbuild-backend = 'scikit_build_core.build'\n"
LONG = f"py_limited_api = cp3{'1' * 5000}"  # more digits than Python makes a number of
SETUP_PY = {"setup.py": "setup(ext_modules=[])"}


@pytest.mark.parametrize(
    ("pyproject", "files", "abi"),
    [
        (SETUPTOOLS, SETUP_PY, Abi("cpython", "extensions in setup.py")),
        (
            "[[tool.setuptools.ext-modules]]\nname = 'x'",
            {},
            Abi("cpython", "ext-modules in pyproject.toml"),
        ),
        (
            SETUPTOOLS,
            {**SETUP_PY, "setup.cfg": "py_limited_api = cp39"},
            Abi("abi3", "py_limited_api in setup.cfg", 9),
        ),
        (
            "[tool.distutils.bdist_wheel]\npy-limited-api = 'cp311'",
            SETUP_PY,
            Abi("abi3", "py_limited_api in pyproject.toml", 11),
        ),
        (
            SETUPTOOLS,
            {"setup.py": "setup(options={'bdist_wheel': {'py_limited_api': 'cp310'}})"},
            Abi("abi3", "py_limited_api in setup.py", 10),
        ),
        # the extension keeps to the limited API, but nobody tells the wheel
        (
            SETUPTOOLS,
            {"setup.py": "ext_modules=[E(py_limited_api=True)]"},
            Abi("cpython", "extensions in setup.py"),
        ),
        (SETUPTOOLS, {**SETUP_PY, "setup.cfg": LONG}, Abi("cpython", "extensions in setup.py")),
        (SCIKIT, {}, Abi("cpython", "scikit-build-core")),
        (
            SCIKIT + "[tool.scikit-build]\nwheel.py-api = 'cp310'",
            {},
            Abi("abi3", "wheel.py-api cp310", 10),
        ),
        (built_by("rapids_build_backend.build") + WRAPPED, {}, Abi("cpython", "scikit-build-core")),
        (
            MESON + "[tool.meson-python]\nlimited-api = true",
            {},
            Abi("abi3", "tool.meson-python.limited-api"),
        ),
        (MATURIN, {}, Abi("cpython", "maturin")),
        (
            MATURIN,
            {"Cargo.toml": "[dependencies]\npyo3 = {features = ['abi3']}"},
            Abi("abi3", "pyo3's abi3"),
        ),
        (
            MATURIN + "[tool.maturin]\nfeatures = ['pyo3/abi3-py310']",
            {"Cargo.toml": "broken["},
            Abi("abi3", "pyo3's pyo3/abi3-py310", 10),
        ),
        (SETUPTOOLS, {}, Abi("none", "no native code")),
        (HATCH, {}, Abi("none", "no native code")),
        (MESON, {}, Abi("none", "no native code")),
    ],
)
def test_which_abi_the_wheels_have(pyproject: str, files: Mapping[str, str], abi: Abi):
    assert package(STATIC + pyproject, files).abi == abi


@pytest.mark.parametrize(
    ("pyproject", "files", "kind"),
    [
        (SETUPTOOLS, {"setup.py": "setup(**more)"}, "cpython"),
        (SETUPTOOLS, {}, "none"),  # nothing compiles them
        (MESON, {}, "cpython"),
        (HATCH, {}, "none"),
        (HATCH + "[tool.hatch.build.targets.wheel.hooks.cython]\n", {}, "cpython"),
        ("requires-python = '>=3'\n" + built_by("flit_core.buildapi"), {}, "none"),
        (built_by("my_own_backend"), {}, "cpython"),
    ],
)
def test_native_sources_count_where_something_compiles_them(
    pyproject: str, files: Mapping[str, str], kind: str
):
    assert package(STATIC + pyproject, files, native=True).abi.kind == kind


@pytest.mark.parametrize(
    "pyproject",
    [
        SCIKIT + "[tool.scikit-build]\nwheel.py-api = 'py3'",
        MATURIN + "[tool.maturin]\nbindings = 'bin'",
    ],
)
def test_wheels_for_any_python_of_a_platform_have_no_place_in_a_spec(pyproject: str):
    assert "py3-none-<platform>" in refusal(STATIC + pyproject)


def test_what_else_is_read():
    python = "Programming Language :: Python"
    classifiers = f"classifiers = ['{python} :: 3.11', '{python} :: 3', 'x']"
    result = package(STATIC + classifiers + "\nrequires-python = '>=3.10'", {"tests/smoke.py": ""})
    assert (result.name, result.path, result.backend) == ("foo", "lib", "setuptools")
    assert (result.requires_python, result.classified, result.smoke) == (
        ">=3.10",
        ("3.11",),
        "tests/smoke.py",
    )
