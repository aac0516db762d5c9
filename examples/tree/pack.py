# SPDX-License-Identifier: Apache-2.0
"""Pack a package of this tree and its compiled module: pack.py PACKAGE MODULE FOLDER."""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup


class NativeDistribution(Distribution):
    """A distribution whose module CMake has compiled.

    Setuptools would take its wheel for a pure one.
    """

    def has_ext_modules(self) -> bool:
        """Ask for platform tags and `Root-Is-Purelib: false`."""
        return True


def main(package: str, module: Path, folder: Path) -> None:
    """Write the wheel, with the version and the build tag of the environment."""
    stage = module.parent / "stage"
    shutil.copytree(Path(__file__).parent / "python" / package, stage / package, dirs_exist_ok=True)
    shutil.copy2(module, stage / package)
    os.chdir(stage)
    build_tag = os.environ.get("TRUEWHEEL_BUILD_TAG")
    setup(
        name=package,
        version=os.environ["TRUEWHEEL_VERSION"],
        description="Example: one of two wheels that one CMake command makes",
        python_requires=">=3.10",
        packages=[package],
        package_data={package: ["*.so"]},
        distclass=NativeDistribution,
        script_args=["--quiet", "bdist_wheel", "--dist-dir", str(folder)]
        + (["--build-number", build_tag] if build_tag else []),
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
