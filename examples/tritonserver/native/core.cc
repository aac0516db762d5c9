// SPDX-License-Identifier: Apache-2.0
// Python bindings: a C++ class around the C ABI, whose statuses become Python exceptions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "tritonserver.h"

namespace py = pybind11;

namespace {

using Numbers = std::vector<double>;

struct ServerError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void require_ok(TritonStatus status) {
  if (status != TRITON_OK) throw ServerError(triton_status_text(status));
}

struct DeleteServer {
  void operator()(TritonServer* server) const { triton_server_delete(server); }
};

class Server {
 public:
  Server() : server_(triton_server_new()) {
    if (server_ == nullptr) throw std::bad_alloc();
  }

  void load(const std::string& model, const std::string& operation) {
    require_ok(triton_load(server_.get(), model.c_str(), operation.c_str()));
  }

  void unload(const std::string& model) {
    require_ok(triton_unload(server_.get(), model.c_str()));
  }

  Numbers infer(const std::string& model, const Numbers& left, const Numbers& right) {
    if (left.size() != right.size()) throw ServerError("the inputs differ in length");
    Numbers output(left.size());
    require_ok(triton_infer(server_.get(), model.c_str(), left.data(), right.data(),
                            output.data(), output.size()));
    return output;
  }

 private:
  std::unique_ptr<TritonServer, DeleteServer> server_;
};

}  // namespace

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  using ReleaseGil = py::call_guard<py::gil_scoped_release>;
  py::register_exception<ServerError>(module, "ServerError", PyExc_RuntimeError);
  module.def("library_version", &triton_version);
  py::class_<Server>(module, "Server")
      .def(py::init<>())
      .def("load", &Server::load, py::arg("model"), py::arg("operation"))
      .def("unload", &Server::unload, py::arg("model"))
      .def("infer", &Server::infer, py::arg("model"), py::arg("left"), py::arg("right"),
           ReleaseGil());
}
