// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <algorithm>
#include <string_view>

const char* tree_version() { return TREE_VERSION; }

long tree_depth(const char* path) {
  const std::string_view text = path ? path : "";
  return std::count(text.begin(), text.end(), '/');
}
