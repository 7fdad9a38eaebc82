//===- npy.h - reading and writing NumPy's .npy files ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//
// Versions 1.0, 2.0 and 3.0, C order, little-endian. A file that is anything else, or is damaged,
// is refused with the reason.

#ifndef DISCO_HOST_NPY_H
#define DISCO_HOST_NPY_H

#include "../disco.h"

constexpr uint32_t DISCO_NPY_MAX_RANK = 16;

struct disco_npy {
  disco_type type;
  uint32_t rank;
  uint64_t dims[DISCO_NPY_MAX_RANK];
  void *data; // malloc'ed; null when bytes is 0
  uint64_t bytes;
};

// False: `error` says why, and nothing is to be freed.
bool disco_npy_read(const char *path, disco_npy *array, char *error, size_t error_size);
void disco_npy_free(disco_npy *array);

// The file appears whole or not at all.
bool disco_npy_write(const char *path, disco_type type, uint32_t rank, const uint64_t *dims,
                     const void *data, uint64_t bytes, char *error, size_t error_size);

// NumPy's name of an element type ("float32"), and its size in bytes.
const char *disco_type_name(disco_type type);
uint32_t disco_type_size(disco_type type);

#endif // DISCO_HOST_NPY_H
