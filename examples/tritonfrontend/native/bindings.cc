// SPDX-License-Identifier: Apache-2.0
// Reads the paths of the KServe inference protocol, for example /v2/models/sum/versions/1/infer.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace py = pybind11;

namespace {

// `model` and `version` are empty where the path names none.
struct Route {
  std::string action;
  std::string model;
  std::string version;
};

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t slash = path.find('/', start + 1);
    parts.push_back(path.substr(start + 1, slash - start - 1));
    start = slash;
  }
  return parts;
}

bool is_health_action(const std::string& action) { return action == "live" || action == "ready"; }

bool is_model_action(const std::string& action) {
  return action == "infer" || action == "ready" || action == "config";
}

Route parse_route(const std::string& path) {
  const std::invalid_argument unknown("unknown path: " + path);
  if (path.rfind("/v2/", 0) != 0) throw unknown;
  const std::vector<std::string> parts = split(path);
  if (std::count(parts.begin(), parts.end(), "") > 0) throw unknown;

  const std::string& action = parts.back();
  if (parts[1] == "health" && parts.size() == 3 && is_health_action(action)) return {action, "", ""};
  if (parts[1] != "models" || !is_model_action(action)) throw unknown;
  if (parts.size() == 4) return {action, parts[2], ""};
  if (parts.size() == 6 && parts[3] == "versions") return {action, parts[2], parts[4]};
  throw unknown;
}

}  // namespace

PYBIND11_MODULE(_bindings, module, py::mod_gil_not_used()) {
  module.attr("BINDINGS_VERSION") = TRITON_VERSION;
  module.def("parse_route", &parse_route, py::arg("path"));
  py::class_<Route>(module, "Route")
      .def_readonly("action", &Route::action)
      .def_readonly("model", &Route::model)
      .def_readonly("version", &Route::version);
}
