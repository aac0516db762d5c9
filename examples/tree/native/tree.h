// SPDX-License-Identifier: Apache-2.0
// The C ABI of libtree, which both extensions link.
#pragma once
#define TREE_EXPORT __attribute__((visibility("default")))

extern "C" TREE_EXPORT const char* tree_version();
// Returns how many slashes a path has; a null path has none.
extern "C" TREE_EXPORT long tree_depth(const char* path);
