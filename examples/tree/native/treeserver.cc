// SPDX-License-Identifier: Apache-2.0
#include <Python.h>

#include "tree.h"

static PyMethodDef no_methods[] = {{nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", nullptr, -1, no_methods};

PyMODINIT_FUNC PyInit__native() {
  PyObject* made = PyModule_Create(&module);
  if (made && PyModule_AddStringConstant(made, "LIBRARY_VERSION", tree_version()) < 0) Py_CLEAR(made);
  return made;
}
