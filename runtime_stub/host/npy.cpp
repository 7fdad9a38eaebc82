//===- npy.cpp - reading and writing NumPy's .npy files -------------------===//
// SPDX-License-Identifier: Apache-2.0

#define _FILE_OFFSET_BITS 64 // also on hosts of 32 bits

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

constexpr uint32_t text_most = 65536;

// From the first bytes of an array, 12 where the version takes so many: how many its header has, of
// which the dictionary is behind `prefix`. Null: they are right.
const char *header_sizes(const uint8_t *head, uint32_t *prefix, uint32_t *text) {
  *prefix = head[6] == 1 ? 10 : 12;
  *text = head[8] | static_cast<uint32_t>(head[9]) << 8;
  if (*prefix == 12)
    *text |= static_cast<uint32_t>(head[10]) << 16 | static_cast<uint32_t>(head[11]) << 24;
  return *text > text_most ? "the header is too long" : nullptr;
}

const char *check_magic(const uint8_t *head) {
  return memcmp(head, "\x93NUMPY", 6) != 0            ? "not a .npy file"
         : head[6] < 1 || head[6] > 3 || head[7] != 0 ? "unknown version of the .npy format"
                                                      : nullptr;
}

const char *parse_text(const char *text, uint32_t size, disco_npy *a) {
  header_parser p = {};
  p.at = text;
  p.end = text + size;
  if (!p.run())
    return p.why;
  if (p.fortran && p.rank > 1)
    return "the array is in Fortran order; save it with numpy.ascontiguousarray";
  const char *why = nullptr;
  const type_row *row = row_of_descr(p.descr, &why);
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

// Reads the header; leaves the file at the data.
const char *read_header(FILE *f, disco_npy *a) {
  uint8_t head[12];
  if (fread(head, 1, 8, f) != 8)
    return "not a .npy file";
  if (const char *why = check_magic(head))
    return why;
  const size_t width = head[6] == 1 ? 2 : 4;
  if (fread(head + 8, 1, width, f) != width)
    return "the file ends in its header";
  uint32_t prefix = 0, size = 0;
  if (const char *why = header_sizes(head, &prefix, &size))
    return why;
  char *text = static_cast<char *>(malloc(size + 1));
  if (!text)
    return "out of memory";
  const char *why =
      fread(text, 1, size, f) == size ? parse_text(text, size, a) : "the file ends in its header";
  free(text);
  return why;
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

uint32_t disco_npy_header_size(const uint8_t *head, uint32_t have) {
  constexpr uint32_t least = 12;
  uint32_t prefix = 0, text = 0;
  if (have < least)
    return least;
  return check_magic(head) || header_sizes(head, &prefix, &text) || prefix + text < have
             ? 0
             : prefix + text;
}

const char *disco_npy_parse(const uint8_t *head, uint32_t size, disco_npy *array) {
  uint32_t prefix = 0, text = 0;
  if (const char *why = check_magic(head))
    return why;
  if (const char *why = header_sizes(head, &prefix, &text))
    return why;
  return prefix + text == size
             ? parse_text(reinterpret_cast<const char *>(head) + prefix, text, array)
             : "the header is not whole";
}

uint64_t disco_npy_inferences(const disco_tensor_info *t, const disco_npy *a) {
  if (a->rank == t->rank &&
      (t->rank == 0 || memcmp(a->dims, t->dims, t->rank * sizeof *t->dims) == 0))
    return 1;
  if (t->rank == 0)
    return a->rank == 1 ? a->dims[0] : 0;
  if (a->rank != t->rank || t->dims[0] == 0 || a->dims[0] % t->dims[0] != 0 ||
      memcmp(a->dims + 1, t->dims + 1, (t->rank - 1) * sizeof *t->dims) != 0)
    return 0;
  return a->dims[0] / t->dims[0];
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

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {

constexpr size_t path_most = 4096, header_most = disco_npy_own_header_most;

// Longer than any extent: headers that differ in the first extent only have one size.
constexpr uint64_t widest = UINT64_MAX;

// As NumPy does: padded so that the data starts at a multiple of 64. `size`: at least so long.
uint32_t make_header(char *to, const char *descr, uint32_t rank, const uint64_t *dims,
                     uint32_t size) {
  char shape[DISCO_NPY_MAX_RANK * 22 + 4] = "";
  size_t at = 0;
  for (uint32_t i = 0; i < rank; ++i)
    at += static_cast<size_t>(snprintf(shape + at, sizeof shape - at,
                                       i + 1 < rank ? "%llu, "
                                       : rank == 1  ? "%llu,"
                                                    : "%llu",
                                       static_cast<unsigned long long>(dims[i])));
  size_t n = 10 + static_cast<size_t>(snprintf(
                      to + 10, header_most - 10,
                      "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape));
  while ((n + 1) % 64 != 0 || n + 1 < size)
    to[n++] = ' ';
  to[n++] = '\n';
  const uint8_t magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
  memcpy(to, magic, sizeof magic);
  to[8] = static_cast<char>((n - 10) & 255);
  to[9] = static_cast<char>((n - 10) >> 8);
  return static_cast<uint32_t>(n);
}

// The header for so many arrays.
uint32_t stack_header(const disco_npy_stack *s, uint64_t count, char *to) {
  uint64_t dims[DISCO_NPY_MAX_RANK];
  memcpy(dims, s->dims, sizeof dims);
  uint32_t rank = s->rank ? s->rank : s->scalar && count == 1 ? 0u : 1u;
  uint64_t first = s->rank ? s->dims[0] : 1;
  dims[0] = count == widest ? widest : first * count;
  return make_header(to, row_of(s->type)->descr, rank, dims, s->header);
}

bool cannot_write(const char *path, char *error, size_t error_size) {
  snprintf(error, error_size, "%s: cannot be written: %s", path, strerror(errno));
  return false;
}

// The name until there is an array: a file that is there already stays so long.
bool part_name(const char *path, char *to) {
  int n = snprintf(to, path_most, "%s.part", path);
  return n > 0 && static_cast<size_t>(n) < path_most;
}

bool write_at(int fd, const void *data, uint64_t bytes, uint64_t at) {
  const uint8_t *from = static_cast<const uint8_t *>(data);
  while (bytes > 0) {
    size_t most = bytes < (1u << 30) ? static_cast<size_t>(bytes) : 1u << 30;
    ssize_t n = pwrite(fd, from, most, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    from += n;
    at += static_cast<uint64_t>(n);
    bytes -= static_cast<uint64_t>(n);
  }
  return true;
}

bool write_count(disco_npy_stack *s, uint64_t count) {
  char header[header_most];
  uint32_t n = stack_header(s, count, header);
  return write_at(s->fd, header, n, 0);
}

} // namespace

bool disco_npy_stack_open(disco_npy_stack *s, const char *path, disco_type type, uint32_t rank,
                          const uint64_t *dims, uint64_t bytes, char *error, size_t error_size) {
  char part[path_most], header[header_most];
  memset(s, 0, sizeof *s);
  s->fd = -1;
  if (!row_of(type) || rank > DISCO_NPY_MAX_RANK || !part_name(path, part)) {
    snprintf(error, error_size, "%s: an array of this type or rank cannot be written", path);
    return false;
  }
  s->path = path;
  s->type = type;
  s->rank = rank;
  if (rank > 0)
    memcpy(s->dims, dims, rank * sizeof *dims);
  s->bytes = bytes;
  s->header = stack_header(s, widest, header);
  return true;
}

// The count is raised when the array is in the file: in between it has more than it says, which
// NumPy does not mind.
bool disco_npy_stack_put(disco_npy_stack *s, uint64_t place, const void *data, char *error,
                         size_t error_size) {
  char part[path_most] = "";
  bool more = place >= s->count;
  if (s->fd < 0 && part_name(s->path, part))
    s->fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (s->fd < 0 || !write_at(s->fd, data, s->bytes, s->header + place * s->bytes) ||
      (more && !write_count(s, place + 1)) || (s->count == 0 && rename(part, s->path) != 0))
    return cannot_write(s->path, error, error_size);
  s->count = more ? place + 1 : s->count;
  return true;
}

bool disco_npy_stack_keep(disco_npy_stack *s, uint64_t from, uint64_t count, char *error,
                          size_t error_size) {
  uint8_t block[4096];
  uint64_t total = count * s->bytes;
  for (uint64_t at = 0; from > 0 && at < total;) {
    size_t most = total - at < sizeof block ? static_cast<size_t>(total - at) : sizeof block;
    ssize_t n = pread(s->fd, block, most, static_cast<off_t>(s->header + from * s->bytes + at));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || !write_at(s->fd, block, static_cast<uint64_t>(n), s->header + at))
      return cannot_write(s->path, error, error_size);
    at += static_cast<uint64_t>(n);
  }
  s->count = count;
  return write_count(s, count) || cannot_write(s->path, error, error_size);
}

uint32_t disco_npy_header(const disco_tensor_info *t, char *to) {
  return make_header(to, row_of(t->type)->descr, t->rank, t->dims, 0);
}

bool disco_npy_stack_close(disco_npy_stack *s, char *error, size_t error_size) {
  if (s->fd < 0)
    return true;
  char part[path_most];
  if (s->count == 0 && part_name(s->path, part))
    unlink(part);
  // A write that failed half way may have left more.
  bool ok = ftruncate(s->fd, static_cast<off_t>(s->header + s->count * s->bytes)) == 0;
  if (close(s->fd) != 0)
    ok = false;
  s->fd = -1;
  return ok || cannot_write(s->path, error, error_size);
}
