// SPDX-License-Identifier: Apache-2.0
#include "tritonserver.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <string_view>

using Operation = double (*)(double, double);

struct TritonServer {
  std::mutex mutex;
  std::map<std::string, Operation, std::less<>> models;
};

namespace {

using Lock = std::lock_guard<std::mutex>;

double add(double left, double right) { return left + right; }
double multiply(double left, double right) { return left * right; }

Operation find_operation(std::string_view name) {
  if (name == "add") return add;
  if (name == "multiply") return multiply;
  return nullptr;
}

Operation find_model(TritonServer& server, std::string_view name) {
  const Lock lock(server.mutex);
  const auto found = server.models.find(name);
  return found == server.models.end() ? nullptr : found->second;
}

// Turns any C++ exception into a status, because none may leave the library.
template <typename Action>
TritonStatus guarded(Action action) noexcept {
  try {
    return action();
  } catch (...) {
    return TRITON_INTERNAL_ERROR;
  }
}

}  // namespace

const char* triton_version() { return TRITON_VERSION; }

const char* triton_status_text(TritonStatus status) {
  switch (status) {
    case TRITON_OK: return "no error";
    case TRITON_UNKNOWN_MODEL: return "no such model is loaded";
    case TRITON_UNKNOWN_OPERATION: return "no such operation";
    case TRITON_ALREADY_LOADED: return "the model is already loaded";
    case TRITON_INTERNAL_ERROR: break;
  }
  return "internal error";
}

TritonServer* triton_server_new() { return new (std::nothrow) TritonServer; }

void triton_server_delete(TritonServer* server) { delete server; }

TritonStatus triton_load(TritonServer* server, const char* model, const char* operation) {
  return guarded([&] {
    const Operation function = find_operation(operation);
    if (function == nullptr) return TRITON_UNKNOWN_OPERATION;
    const Lock lock(server->mutex);
    const bool added = server->models.emplace(model, function).second;
    return added ? TRITON_OK : TRITON_ALREADY_LOADED;
  });
}

TritonStatus triton_unload(TritonServer* server, const char* model) {
  return guarded([&] {
    const Lock lock(server->mutex);
    return server->models.erase(model) == 1 ? TRITON_OK : TRITON_UNKNOWN_MODEL;
  });
}

TritonStatus triton_infer(TritonServer* server, const char* model, const double* left,
                          const double* right, double* output, size_t count) {
  return guarded([&] {
    const Operation function = find_model(*server, model);
    if (function == nullptr) return TRITON_UNKNOWN_MODEL;
    std::transform(left, left + count, right, output, function);
    return TRITON_OK;
  });
}
