// SPDX-License-Identifier: Apache-2.0
#include <Python.h>

#include "tree.h"

static PyObject* depth(PyObject*, PyObject* path) {
  const char* text = PyUnicode_AsUTF8(path);
  return text ? PyLong_FromLong(tree_depth(text)) : nullptr;
}

static PyMethodDef methods[] = {{"depth", depth, METH_O, "Return how many slashes a path has."},
                                {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", nullptr, -1, methods};

PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&module); }
