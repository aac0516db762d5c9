#!/usr/bin/env bash
# setuptools 84.2.1: py_limited_api of an Extension names the file abi3, and the wheel stays one of a single Python;
# only the option of bdist_wheel makes the wheel abi3.
# Seen: "Extension alone: cp3X-cp3X, _core.abi3.so; with bdist_wheel: cp310-abi3, _core.abi3.so"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

need cc
environment "setuptools==${VERSION:-84.2.1}"
mkdir project
cat >project/core.c <<'C'
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
C
cat >project/setup.py <<'PYTHON'
import os
from setuptools import Extension, setup

limited = [("Py_LIMITED_API", "0x030A0000")]
core = Extension("_core", ["core.c"], define_macros=limited, py_limited_api=True)
wheel = {"bdist_wheel": {"py_limited_api": "cp310"}} if "BOTH" in os.environ else {}
setup(name="demo", version="1.0", ext_modules=[core], options=wheel)
PYTHON
build() (
  cd project &&
    "$@" ../env/bin/python -c 'import setuptools.build_meta as b; print(b.build_wheel(".."))' 2>&1 | tail -n 1
)
describe() {
  env/bin/python - "$1" <<'PYTHON'
import sys, zipfile

python, abi = sys.argv[1].split("-")[2:4]
own = f"cp{sys.version_info[0]}{sys.version_info[1]}"
files = [name for name in zipfile.ZipFile(sys.argv[1]).namelist() if name.endswith(".so")]
print(f"{python}-{abi}".replace(own, "cp3X"), *files, sep=", ")
PYTHON
}
alone=$(describe "$(build env)")
both=$(describe "$(build env BOTH=1)")
conclude "Extension alone: $alone; with bdist_wheel: $both" \
  "Extension alone: cp3X-cp3X, _core.abi3.so; with bdist_wheel: cp310-abi3, _core.abi3.so"
