//===- npy_file.h - .npy files for the runtime's tests --------------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_NPY_FILE_H
#define DISCO_TESTS_NPY_FILE_H

#include "host/npy.h"

#include <string>
#include <vector>

// Writes one array. What went wrong; empty: nothing.
inline std::string write_npy(const std::string &path, disco_type type,
                             const std::vector<uint64_t> &dims, const void *data, uint64_t bytes) {
  char error[512] = "";
  disco_npy_stack s;
  if (disco_npy_stack_open(&s, path.c_str(), type, static_cast<uint32_t>(dims.size()), dims.data(),
                           bytes, error, sizeof error)) {
    s.scalar = true;
    if (disco_npy_stack_put(&s, 0, data, error, sizeof error))
      disco_npy_stack_close(&s, error, sizeof error);
    else
      disco_npy_stack_close(&s, nullptr, 0);
  }
  return error;
}

#endif // DISCO_TESTS_NPY_FILE_H
