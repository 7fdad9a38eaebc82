//===- npy.cpp - reading and writing NumPy's .npy files -------------------===//
// SPDX-License-Identifier: Apache-2.0

#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct type_row {
  disco_type type;
  const char *descr, *name;
  uint32_t size;
};

constexpr type_row types[] = {
    {DISCO_F32, "<f4", "float32", 4}, {DISCO_U8, "|u1", "uint8", 1},
    {DISCO_I8, "|i1", "int8", 1},     {DISCO_U16, "<u2", "uint16", 2},
    {DISCO_I16, "<i2", "int16", 2},   {DISCO_I32, "<i4", "int32", 4},
    {DISCO_I64, "<i8", "int64", 8},   {DISCO_BOOL, "|b1", "bool", 1},
    {DISCO_F16, "<f2", "float16", 2}, {DISCO_F64, "<f8", "float64", 8},
    {DISCO_U32, "<u4", "uint32", 4},  {DISCO_U64, "<u8", "uint64", 8},
};

const type_row *row_of(disco_type type) {
  for (const type_row &r : types)
    if (r.type == type)
      return &r;
  return nullptr;
}

// Reads the dictionary of a header: a Python literal with exactly the keys descr, fortran_order and
// shape.
struct header_parser {
  const char *at, *end;
  const char *why;
  char descr[16];
  bool fortran;
  uint32_t rank;
  uint64_t dims[DISCO_NPY_MAX_RANK];

  bool fail(const char *reason) {
    if (!why)
      why = reason;
    return false;
  }

  void spaces() {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
      ++at;
  }

  bool take(char c) {
    spaces();
    if (at == end || *at != c)
      return false;
    ++at;
    return true;
  }

  bool word(const char *text) {
    spaces();
    size_t n = strlen(text);
    if (static_cast<size_t>(end - at) < n || memcmp(at, text, n) != 0)
      return false;
    at += n;
    return true;
  }

  bool string(char *to, size_t size) {
    spaces();
    if (at == end || (*at != '\'' && *at != '"'))
      return fail("a string is missing in the header");
    char quote = *at++;
    size_t n = 0;
    for (; at < end && *at != quote; ++at) {
      if (n + 1 >= size || *at == '\\')
        return fail("a string of the header is not one that NumPy writes");
      to[n++] = *at;
    }
    to[n] = 0;
    return at < end ? (++at, true) : fail("a string of the header does not end");
  }

  bool number(uint64_t *to) {
    spaces();
    if (at < end && *at == '-')
      return fail("a dimension is negative");
    if (at == end || *at < '0' || *at > '9')
      return fail("a dimension is no number");
    uint64_t v = 0;
    for (; at < end && *at >= '0' && *at <= '9'; ++at) {
      if (v > (UINT64_MAX - 9) / 10)
        return fail("a dimension is too large");
      v = v * 10 + static_cast<uint64_t>(*at - '0');
    }
    *to = v;
    return true;
  }

  bool shape() {
    if (!take('('))
      return fail("the shape is no tuple");
    rank = 0;
    while (!take(')')) {
      if (rank == DISCO_NPY_MAX_RANK)
        return fail("too many dimensions");
      if (!number(&dims[rank++]))
        return false;
      if (take(','))
        continue;
      if (rank == 1 || !take(')'))
        return fail("the shape is no tuple");
      break;
    }
    return true;
  }

  bool boolean() {
    if (word("True"))
      fortran = true;
    else if (word("False"))
      fortran = false;
    else
      return fail("fortran_order is neither True nor False");
    return true;
  }

  bool run() {
    if (!take('{'))
      return fail("the header is no dictionary");
    unsigned seen = 0;
    while (!take('}')) {
      char key[16];
      if (!string(key, sizeof key))
        return false;
      unsigned bit = !strcmp(key, "descr")           ? 1u
                     : !strcmp(key, "fortran_order") ? 2u
                     : !strcmp(key, "shape")         ? 4u
                                                     : 0u;
      if (!bit || (seen & bit) || !take(':'))
        return fail("the header has an unexpected key");
      seen |= bit;
      if (!(bit == 1 ? string(descr, sizeof descr) : bit == 2 ? boolean() : shape()))
        return false;
      if (take(','))
        continue;
      if (!take('}'))
        return fail("the header is no dictionary");
      break;
    }
    spaces();
    if (at != end)
      return fail("there is something after the header's dictionary");
    return seen == 7 || fail("the header lacks a key");
  }
};

const type_row *row_of_descr(const char *descr, const char **why) {
  for (const type_row &r : types)
    if (!strcmp(descr, r.descr) ||
        ((descr[0] == '=' || descr[0] == '<') && r.size == 1 && !strcmp(descr + 1, r.descr + 1)))
      return &r;
  *why =
      descr[0] == '>'
          ? "big-endian arrays are not supported; save it with .astype(a.dtype.newbyteorder('<'))"
          : "unsupported element type";
  return nullptr;
}

// Reads the header; leaves the file at the data.
const char *read_header(FILE *f, disco_npy *a) {
  uint8_t head[12];
  if (fread(head, 1, 8, f) != 8 || memcmp(head, "\x93NUMPY", 6) != 0)
    return "not a .npy file";
  if (head[6] < 1 || head[6] > 3 || head[7] != 0)
    return "unknown version of the .npy format";
  size_t width = head[6] == 1 ? 2 : 4;
  if (fread(head + 8, 1, width, f) != width)
    return "the file ends in its header";
  uint32_t size = head[8] | static_cast<uint32_t>(head[9]) << 8;
  if (width == 4)
    size |= static_cast<uint32_t>(head[10]) << 16 | static_cast<uint32_t>(head[11]) << 24;
  static constexpr uint32_t most = 65536;
  if (size > most)
    return "the header is too long";
  char *text = static_cast<char *>(malloc(size + 1));
  if (!text)
    return "out of memory";
  const char *why = nullptr;
  header_parser p = {};
  p.at = text;
  p.end = text + size;
  if (fread(text, 1, size, f) != size)
    why = "the file ends in its header";
  else if (!p.run())
    why = p.why;
  else if (p.fortran && p.rank > 1)
    why = "the array is in Fortran order; save it with numpy.ascontiguousarray";
  const type_row *row = why ? nullptr : row_of_descr(p.descr, &why);
  free(text);
  if (!row)
    return why;
  a->type = row->type;
  a->rank = p.rank;
  a->bytes = row->size;
  memcpy(a->dims, p.dims, sizeof a->dims);
  bool empty = false;
  for (uint32_t i = 0; i < a->rank; ++i)
    empty |= a->dims[i] == 0;
  for (uint32_t i = 0; i < a->rank && !empty; ++i) {
    if (a->dims[i] > (1ull << 48) / a->bytes)
      return "the array is too large";
    a->bytes *= a->dims[i];
  }
  if (empty)
    a->bytes = 0;
  return nullptr;
}

const char *read_data(FILE *f, disco_npy *a) {
  struct stat s;
  long at = ftell(f);
  if (fstat(fileno(f), &s) != 0 || at < 0)
    return "cannot be read";
  uint64_t left = static_cast<uint64_t>(s.st_size - at);
  if (left != a->bytes)
    return left < a->bytes ? "the file is shorter than its shape says"
                           : "the file is longer than its shape says";
  if (a->bytes == 0)
    return nullptr;
  const size_t bytes = static_cast<size_t>(a->bytes);
  a->data = bytes == a->bytes ? malloc(bytes) : nullptr;
  if (!a->data)
    return "out of memory";
  if (fread(a->data, 1, bytes, f) != bytes)
    return "cannot be read";
  const uint8_t *b = static_cast<const uint8_t *>(a->data);
  for (uint64_t i = 0; a->type == DISCO_BOOL && i < a->bytes; ++i)
    if (b[i] > 1)
      return "a bool is neither 0 nor 1";
  return nullptr;
}

} // namespace

const char *disco_type_name(disco_type type) {
  const type_row *r = row_of(type);
  return r ? r->name : "unknown";
}

uint32_t disco_type_size(disco_type type) {
  const type_row *r = row_of(type);
  return r ? r->size : 0;
}

bool disco_npy_read(const char *path, disco_npy *array, char *error, size_t error_size) {
  memset(array, 0, sizeof *array);
  // Nobody is waited for: a FIFO is opened like a file, and then refused.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  FILE *f = fd < 0 ? nullptr : fdopen(fd, "rb");
  if (!f) {
    snprintf(error, error_size, "%s: %s", path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return false;
  }
  struct stat s;
  const char *why =
      fstat(fd, &s) == 0 && S_ISREG(s.st_mode) ? read_header(f, array) : "not a regular file";
  if (!why)
    why = read_data(f, array);
  fclose(f);
  if (!why)
    return true;
  disco_npy_free(array);
  snprintf(error, error_size, "%s: %s", path, why);
  return false;
}

void disco_npy_free(disco_npy *array) {
  free(array->data);
  array->data = nullptr;
}

bool disco_npy_write(const char *path, disco_type type, uint32_t rank, const uint64_t *dims,
                     const void *data, uint64_t bytes, char *error, size_t error_size) {
  const type_row *row = row_of(type);
  char shape[DISCO_NPY_MAX_RANK * 22 + 4] = "", header[640], scratch[4096];
  size_t at = 0;
  if (!row || rank > DISCO_NPY_MAX_RANK || strlen(path) + 32 > sizeof scratch) {
    snprintf(error, error_size, "%s: an array of this type or rank cannot be written", path);
    return false;
  }
  for (uint32_t i = 0; i < rank; ++i)
    at += static_cast<size_t>(snprintf(shape + at, sizeof shape - at,
                                       i + 1 < rank ? "%llu, "
                                       : rank == 1  ? "%llu,"
                                                    : "%llu",
                                       static_cast<unsigned long long>(dims[i])));
  // As NumPy does: padded so that the data starts at a multiple of 64.
  size_t n =
      10 + static_cast<size_t>(snprintf(header + 10, sizeof header - 10,
                                        "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                                        row->descr, shape));
  while ((n + 1) % 64 != 0)
    header[n++] = ' ';
  header[n++] = '\n';
  const uint8_t magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  memcpy(header, magic, sizeof magic);
  header[8] = static_cast<char>((n - 10) & 255);
  header[9] = static_cast<char>((n - 10) >> 8);
  snprintf(scratch, sizeof scratch, "%s.%ld.tmp", path, static_cast<long>(getpid()));
  FILE *f = fopen(scratch, "wb");
  bool ok = f && fwrite(header, 1, n, f) == n &&
            (bytes == 0 || fwrite(data, 1, static_cast<size_t>(bytes), f) == bytes);
  int code = errno;
  if (f && fclose(f) != 0)
    ok = false;
  if (ok && rename(scratch, path) != 0) {
    ok = false;
    code = errno;
  }
  if (!ok) {
    if (f)
      remove(scratch);
    snprintf(error, error_size, "%s: cannot be written: %s", path, strerror(code));
  }
  return ok;
}
