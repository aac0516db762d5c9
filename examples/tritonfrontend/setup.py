# SPDX-License-Identifier: Apache-2.0
"""Compile the bindings, then ship them as package data: setuptools sees no extension module."""

import os
import sysconfig
from distutils.ccompiler import new_compiler
from distutils.sysconfig import customize_compiler
from pathlib import Path

import pybind11
from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

BINDINGS = "_bindings" + sysconfig.get_config_var("EXT_SUFFIX")
VERSION_FILE = Path(__file__).resolve().parents[1] / "TRITON_VERSION"
PYBIND11_HEADERS = pybind11.get_include()
COMPILE_FLAGS = [
    "-std=c++17",
    "-O2",
    "-g0",
    "-fvisibility=hidden",
    # An isolated build environment has a random name, which must not reach the binary.
    f"-ffile-prefix-map={PYBIND11_HEADERS}=pybind11",
]


class NativeDistribution(Distribution):
    """A distribution that owns up to its native code.

    Package data says nothing about machine or interpreter, so setuptools would name the wheel
    py3-none-any and mark it pure: any platform would install it, and few could import it.
    """

    def has_ext_modules(self) -> bool:
        """Ask for platform tags and `Root-Is-Purelib: false`."""
        return True


class BuildWithBindings(build_py):
    """Add the compiled bindings to the package data."""

    def build_package_data(self) -> None:
        """Compile outside the source tree, and let setuptools copy the result into the package."""
        build_temp = self.get_finalized_command("build").build_temp
        compile_bindings(build_temp, self.distribution.get_version())
        package_folder = str(Path(self.build_lib) / "tritonfrontend")
        self.data_files.append(("tritonfrontend", build_temp, package_folder, [BINDINGS]))
        super().build_package_data()


def compile_bindings(folder: str, version: str) -> None:
    """Write the bindings into the folder."""
    compiler = new_compiler()
    customize_compiler(compiler)
    objects = compiler.compile(
        ["native/bindings.cc"],
        output_dir=folder,
        include_dirs=[sysconfig.get_path("include"), PYBIND11_HEADERS],
        macros=[("TRITON_VERSION", f'"{version}"')],
        extra_postargs=COMPILE_FLAGS,
    )
    compiler.link_shared_object(objects, BINDINGS, output_dir=folder, target_lang="c++")


def read_version() -> str:
    """Return the version that the environment states, else the one in the version file."""
    return os.environ.get("VERSION", "").strip() or VERSION_FILE.read_text(encoding="utf-8").strip()


# Without a folder of its own, the egg-info would be written among the sources.
Path("build").mkdir(exist_ok=True)

setup(
    version=read_version(),
    cmdclass={"build_py": BuildWithBindings},
    distclass=NativeDistribution,
    options={"egg_info": {"egg_base": "build"}},
)
