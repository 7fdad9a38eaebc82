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

// How long a header is, of which `have` bytes are there: as many as have to be there before more is
// known, then all. 0: it is none, or longer than disco_npy_header_most.
constexpr uint32_t disco_npy_header_most = 12 + 65536;
uint32_t disco_npy_header_size(const uint8_t *head, uint32_t have);
// What a whole header says; data stays null. Null, or what is wrong.
const char *disco_npy_parse(const uint8_t *head, uint32_t size, disco_npy *array);
// How many inferences an array holds: its leading dimension over the tensor's. 0: it does not fit.
uint64_t disco_npy_inferences(const disco_tensor_info *tensor, const disco_npy *array);

// Writes the header of one array of a tensor, and returns its bytes.
constexpr uint32_t disco_npy_own_header_most = 640;
uint32_t disco_npy_header(const disco_tensor_info *tensor, char *to);

// A file that grows by one array after another, stacked along the first dimension. What was there
// before stays until the first of them comes, and nothing is left where none does; from then on the
// file holds all that came, even if the program is killed.
struct disco_npy_stack {
  const char *path; // the caller's
  disco_type type;
  uint32_t rank; // of one array
  uint64_t dims[DISCO_NPY_MAX_RANK], bytes;
  bool scalar;    // of a rank of 0: only one array will come, and the file holds a scalar
  uint64_t count; // arrays in the file
  int fd;         // -1: not open
  uint32_t header;
};

// Every error of these is written to `error`. Opening touches no file.
bool disco_npy_stack_open(disco_npy_stack *s, const char *path, disco_type type, uint32_t rank,
                          const uint64_t *dims, uint64_t bytes, char *error, size_t error_size);
// Writes the array number `place`, at most s->count: later repeats replace what is there.
bool disco_npy_stack_put(disco_npy_stack *s, uint64_t place, const void *data, char *error,
                         size_t error_size);
// Leaves only `count` arrays from number `from` on.
bool disco_npy_stack_keep(disco_npy_stack *s, uint64_t from, uint64_t count, char *error,
                          size_t error_size);
// Without an array, no file is left behind.
bool disco_npy_stack_close(disco_npy_stack *s, char *error, size_t error_size);

// NumPy's name of an element type ("float32"), and its size in bytes.
const char *disco_type_name(disco_type type);
uint32_t disco_type_size(disco_type type);

#endif // DISCO_HOST_NPY_H
