// SPDX-License-Identifier: Apache-2.0
// The C ABI of libtritonserver. Only plain C types cross it, and no function throws, so the library
// and its users may come from different C++ compilers.
#ifndef TRITONSERVER_H_
#define TRITONSERVER_H_

#include <stddef.h>

#define TRITON_EXPORT __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TritonServer TritonServer;

typedef enum TritonStatus {
  TRITON_OK = 0,
  TRITON_UNKNOWN_MODEL = 1,
  TRITON_UNKNOWN_OPERATION = 2,
  TRITON_ALREADY_LOADED = 3,
  TRITON_INTERNAL_ERROR = 4
} TritonStatus;

TRITON_EXPORT const char* triton_version(void);
TRITON_EXPORT const char* triton_status_text(TritonStatus status);

// Returns null when memory is short. Every server needs one triton_server_delete.
TRITON_EXPORT TritonServer* triton_server_new(void);
TRITON_EXPORT void triton_server_delete(TritonServer* server);

// The operations are "add" and "multiply", element by element.
TRITON_EXPORT TritonStatus triton_load(TritonServer* server, const char* model,
                                       const char* operation);
TRITON_EXPORT TritonStatus triton_unload(TritonServer* server, const char* model);

// The three arrays hold `count` numbers each.
TRITON_EXPORT TritonStatus triton_infer(TritonServer* server, const char* model,
                                        const double* left, const double* right, double* output,
                                        size_t count);

#ifdef __cplusplus
}
#endif

#endif  // TRITONSERVER_H_
