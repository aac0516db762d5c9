# SPDX-License-Identifier: Apache-2.0
"""Build the C library libtritonserver, then the extension `tritonserver._core` that links it."""

from pathlib import Path

import pybind11
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SONAME = "libtritonserver.so.2"
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


class BuildLibraryFirst(build_ext):
    """Compile the shared library before the extension, with the same compiler."""

    def build_extensions(self) -> None:
        """Link every extension against the fresh library."""
        library = self.build_library()
        for extension in self.extensions:
            extension.extra_objects.append(str(library))
            extension.depends.append(str(library))
            # The repair step sees nothing but the wheel: this path tells it where the library is.
            # Repair replaces the path with one inside the wheel.
            extension.runtime_library_dirs.append(str(library.parent))
        super().build_extensions()

    def build_library(self) -> Path:
        """Return the absolute path of the new shared library, outside the source tree."""
        library = Path(self.build_temp).resolve() / SONAME
        objects = self.compiler.compile(
            ["native/server.cc"],
            output_dir=self.build_temp,
            macros=[("TRITON_VERSION", f'"{self.distribution.get_version()}"')],
            extra_postargs=COMPILE_FLAGS,
        )
        self.compiler.link_shared_object(
            objects, str(library), extra_postargs=[f"-Wl,-soname,{SONAME}"], target_lang="c++"
        )
        return library


# Without a folder of its own, the egg-info would be written among the sources.
Path("build").mkdir(exist_ok=True)

setup(
    version=VERSION_FILE.read_text(encoding="utf-8").strip(),
    ext_modules=[
        Extension(
            "tritonserver._core",
            ["native/core.cc"],
            include_dirs=[PYBIND11_HEADERS],
            depends=["native/tritonserver.h"],
            extra_compile_args=COMPILE_FLAGS,
        )
    ],
    cmdclass={"build_ext": BuildLibraryFirst},
    options={"egg_info": {"egg_base": "build"}},
)
